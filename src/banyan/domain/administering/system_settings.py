"""What may be set of an issuing system: validity, media, renewal, soft tokens, the extra fields of its form."""

import re
from collections.abc import Mapping
from typing import Any, Final

from banyan.domain.administering.said import Said, say
from banyan.domain.rulebook.errors import SettingRefused
from banyan.domain.systems.errors import RegistryInvalid
from banyan.domain.systems.policy import CertificateKind, FieldType, MediumKind
from banyan.domain.systems.registry import document_of, policies, read_policy, shipped
from banyan.kernel.errors import N_
from banyan.pki.profile import load_profiles

MOST_MONTHS: Final = 12
MOST_GRACE: Final = 180
LONGEST_TEXT: Final = 200
MOST_FIELDS: Final = 20
FIELD_TYPES: Final[dict[FieldType, str]] = {
    FieldType.TEXT: N_("文字"),
    FieldType.CHOICE: N_("选项"),
    FieldType.ADDRESS: N_("IP 地址"),
    FieldType.MEDIUM: N_("介质"),
    FieldType.SEAL_CODE: N_("印章唯一赋码"),
}
_FIXED = ("code", "name", "short_name", "number_prefix", "tool", "application_form")
_KIND_FIXED = ("kind", "profile", "ca", "classic_profile", "classic_ca", "identify_code")
_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")


def names() -> dict[str, str]:
    """Document → name of its system."""
    return {document_of(policy.code): policy.name for policy in policies().values()}


def shipped_system(code: str) -> dict[str, Any]:
    """What the product ships of a system. Raises KeyError."""
    return next(data for data in shipped().values() if data["code"] == code)


def check(code: str, data: Mapping[str, Any]) -> None:
    """Raises SettingRefused for a policy that may not be set."""
    base = shipped_system(code)
    if any(data.get(key) != base.get(key) for key in _FIXED):
        raise SettingRefused("", N_("系统的名称、代号和编号前缀随产品发布，不能修改。"))
    _whole(data["renewal"]["opens_months"], 1, MOST_MONTHS, "opens_months")
    _whole(data["renewal"]["grace_days"], 0, MOST_GRACE, "grace_days")
    if data["soft_tokens"]["variant"] != base["soft_tokens"]["variant"]:
        raise SettingRefused("soft_tokens", N_("软令牌的策略标识随产品发布，不能修改。"))
    _check_fields(data.get("field", []), base.get("field", []))
    _check_kinds(data["kind"], base["kind"], {entry["code"] for entry in data.get("field", [])})
    try:
        read_policy(data, file=code)
    except RegistryInvalid as error:
        raise SettingRefused("", N_("设置不完整：{problem}。"), problem=error.fields["problem"]) from error


def _check_kinds(kinds: list[dict[str, Any]], base: list[dict[str, Any]], fields: set[str]) -> None:
    shipped_kinds = [[entry.get(key) for key in _KIND_FIXED] for entry in base]
    if [[entry.get(key) for key in _KIND_FIXED] for entry in kinds] != shipped_kinds:
        raise SettingRefused("", N_("证书类型、模板和 CA 随产品发布，不能修改。"))
    for entry, before in zip(kinds, base, strict=True):
        kind = entry["kind"]
        most = load_profiles()[entry["profile"]].maximum_days
        longest = _whole(entry["longest_validity_days"], 1, most, f"longest.{kind}")
        _whole(entry["validity_days"], 1, longest, f"validity.{kind}")
        if not entry["media"]:
            raise SettingRefused(f"media.{kind}", N_("至少要允许一种介质。"))
        if set(entry["media"]) - set(MediumKind):
            raise SettingRefused(f"media.{kind}", N_("有不认识的介质种类。"))
        if set(entry.get("fields", [])) - fields:
            raise SettingRefused(f"fields.{kind}", N_("引用了表单里没有的项目。"))
        kept = {code for code in before.get("fields", []) if code in fields}
        if kept - set(entry.get("fields", [])):
            raise SettingRefused(f"fields.{kind}", N_("随产品发布的项目不能从这类证书的表单里去掉。"))


def _check_fields(fields: list[dict[str, Any]], base: list[dict[str, Any]]) -> None:
    codes = [entry["code"] for entry in fields]
    if len(set(codes)) != len(codes) or len(codes) > MOST_FIELDS:
        raise SettingRefused("fields", N_("项目不能重复，也不能超过 {most} 项。"), most=MOST_FIELDS)
    labels = [entry["label"] for entry in fields]
    for entry in fields:
        _check_field(entry, labels)
    ours = {entry["code"]: entry for entry in fields}
    for entry in base:  # the product reads some of them by their code
        found = ours.get(entry["code"])
        if found is None and not entry["required"]:
            continue
        if found is None or (entry["required"] and not found["required"]):
            raise SettingRefused(
                "fields", N_("“{label}”是规范要求的必填项，不能去掉或改为选填。"), label=entry["label"]
            )
        if found["type"] != entry["type"]:
            raise SettingRefused(f"type.{entry['code']}", N_("随产品发布的项目不能改变填写方式。"))


def _check_field(entry: Mapping[str, Any], labels: list[str]) -> None:
    code = str(entry["code"])
    if not _CODE.fullmatch(code):
        raise SettingRefused("fields", N_("项目代号只用小写字母、数字和下划线。"))
    label = str(entry["label"])
    if not 1 <= len(label) <= 20 or not label.isprintable():
        raise SettingRefused(f"label.{code}", N_("名称请填 1 到 20 个字。"))
    if labels.count(label) > 1:
        raise SettingRefused(f"label.{code}", N_("有两项同名，请改一个。"))
    _whole(entry.get("max_length", 100), 1, LONGEST_TEXT, f"max_length.{code}")
    if entry["type"] == FieldType.CHOICE and not entry.get("choices"):
        raise SettingRefused(f"choices.{code}", N_("选项一行一个，至少写一个。"))


def _whole(value: Any, least: int, most: int, place: str) -> int:
    if type(value) is not int or not least <= value <= most:
        raise SettingRefused(place, N_("请填 {least} 到 {most} 之间的整数。"), least=least, most=most)
    return value


def lines(data: Mapping[str, Any]) -> list[Said]:
    """The policy as sentences."""
    renewal = data["renewal"]
    found = [
        say(N_("到期前 {n} 个月起可以更新"), n=renewal["opens_months"]),
        say(N_("到期后 {n} 天内可在窗口更新"), n=renewal["grace_days"]),
        say(N_("允许软令牌（安装时也允许的情况下）") if data["soft_tokens"]["allowed"] else N_("不允许软令牌")),
    ]
    labels = {entry["code"]: entry["label"] for entry in data.get("field", [])}
    for entry in data["kind"]:
        kind = CertificateKind(entry["kind"]).label
        found += [
            say(N_("{kind}：有效期 {n} 天"), kind=kind, n=entry["validity_days"]),
            say(N_("{kind}：有效期最长 {n} 天"), kind=kind, n=entry["longest_validity_days"]),
            say(N_("{kind}：介质 {listed}"), [MediumKind(one).label for one in entry["media"]], kind=kind),
        ]
        if entry.get("fields"):
            found.append(say(N_("{kind}：表单项目 {listed}"), [labels[one] for one in entry["fields"]], kind=kind))
    for entry in data.get("field", []):
        found += _field_lines(entry)
    return found


def _field_lines(entry: Mapping[str, Any]) -> list[Said]:
    label = entry["label"]
    kind, most = FIELD_TYPES[FieldType(entry["type"])], entry.get("max_length", 100)
    how = (
        N_("项目“{label}”：必填，{type}，最多 {n} 字")
        if entry["required"]
        else N_("项目“{label}”：选填，{type}，最多 {n} 字")
    )
    found = [say(how, label=label, type=kind, n=most)]
    if entry.get("choices"):
        found.append(say(N_("项目“{label}”的选项：{listed}"), entry["choices"], label=label))
    if entry.get("hint"):
        found.append(say(N_("项目“{label}”的提示：{hint}"), label=label, hint=entry["hint"]))
    return found
