"""What may be set of the materials: which are asked for, where."""

import re
from collections.abc import Mapping
from typing import Any, Final

from banyan.domain.administering.said import Said, say
from banyan.domain.ra.models import Business, Channel
from banyan.domain.ra.processes import process_for, read_materials
from banyan.domain.rulebook.errors import SettingRefused
from banyan.domain.systems.policy import CertificateKind
from banyan.kernel.errors import N_

MOST: Final = 40
LONGEST_NAME: Final = 60
_CODE = re.compile(r"[a-z][a-z0-9_]{1,39}")


def check(data: Mapping[str, Any]) -> None:
    """Raises SettingRefused for a list that may not be set."""
    if set(data) != {"material"} or not 1 <= len(data["material"]) <= MOST:
        raise SettingRefused("materials", N_("材料请列 1 到 {most} 种。"), most=MOST)
    names = [str(entry["name"]) for entry in data["material"]]
    for entry in data["material"]:
        _check_one(entry, names)
    read_materials(data, file="materials")
    _check_counter(data)


def _check_one(entry: Mapping[str, Any], names: list[str]) -> None:
    code, name = str(entry["code"]), str(entry["name"])
    if not _CODE.fullmatch(code):
        raise SettingRefused("materials", N_("材料代号只用小写字母、数字和下划线。"))
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise SettingRefused(f"name.{code}", N_("名称请填 1 到 {most} 个字。"), most=LONGEST_NAME)
    if names.count(name) > 1:
        raise SettingRefused(f"name.{code}", N_("有两种材料同名，请改一个。"))
    if not (entry["businesses"] or entry["kinds"] or entry["channels"]):
        return  # asked for by nothing: it may be attached where somebody wants to
    for place, known in (
        ("businesses", Business.values),
        ("kinds", list(CertificateKind)),
        ("channels", Channel.values),
    ):
        if not entry[place] or set(entry[place]) - set(known):
            raise SettingRefused(f"{place}.{code}", N_("业务、证书类型、渠道各至少选一项；不再要的材料请删除。"))


def _check_counter(data: Mapping[str, Any]) -> None:
    """An approval is of the materials: where people come to the counter there is something to approve."""
    for business in Business.values:
        process_for(business, Channel.COUNTER)
        for kind in CertificateKind:
            if not any(
                business in entry["businesses"] and kind in entry["kinds"] and Channel.COUNTER in entry["channels"]
                for entry in data["material"]
            ):
                raise SettingRefused(
                    "materials",
                    N_("窗口办理{kind}的“{business}”没有任何材料可审核，请至少保留一种。"),
                    business=str(Business(business).label),
                    kind=kind.label,
                )


def lines(data: Mapping[str, Any]) -> list[Said]:
    """The list as sentences."""
    found = []
    for entry in data["material"]:
        name = entry["name"]
        found += [
            say(N_("{name}：业务 {listed}"), [str(Business(one).label) for one in entry["businesses"]], name=name),
            say(N_("{name}：证书 {listed}"), [CertificateKind(one).label for one in entry["kinds"]], name=name),
            say(N_("{name}：渠道 {listed}"), [str(Channel(one).label) for one in entry["channels"]], name=name),
        ]
    return found
