"""Applications in a file (TOML or JSON): numbers of people stand neither on the command line nor in its history.

One application is a table, several are ``[[request]]`` tables or a JSON list; ``EXAMPLE`` shows all there is.
"""

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from banyan.kernel.errors import N_, BanyanError

_SECTIONS: Mapping[str, frozenset[str]] = {
    "organization": frozenset({"name", "credit_code", "kind"}),
    "person": frozenset({"name", "id_type", "id_number", "phone"}),
    "device": frozenset({"name", "domain_name", "ip_address", "icp_number", "serial_number"}),
}
_DATA = frozenset({"subject", "form", "requester", "validity_days", "dns_names", "ip_addresses", "classic"})


EXAMPLE = """\
# One application; several: [[request]] tables, or a JSON list. What a business does not need is left out.
business = "enroll"        # enroll renew reissue modify unlock revoke
channel = "counter"        # counter online api
system = "通用"             # 通用 信创 移动 印章
kind = "个人"               # 个人 单位 设备 印章
region = "鼓楼区"           # name or GB/T 2260 code
# pair = "5201…"           # businesses on a certificate: its serial number
# reason = "lost"          # reissue: lost stolen damaged; revoke: no_longer_used left_office compromised

[organization]
name = "测试榕荫县虚构甲局"
credit_code = "12359900MB0000019H"

[person]                   # modify: only what changes
name = "测试甲"
id_number = "359900199001010015"
phone = "13800000001"

# [device]                 # name domain_name ip_address icp_number serial_number

[data]                     # at the counter: entered with `banyan request enter`
subject = { OU = "测试科" }
form = {}                  # further fields of the issuing system
requester = { name = "测试经办", id_number = "359900199001019001", phone = "13800000023" }
# validity_days = 365
# dns_names = ["demo.gov.example"]
# classic = true           # equipment that knows no SM2

[materials]                # code = file, relative to this file
application_form = "application.pdf"
requester_identity = "requester.pdf"
holder_identity = "holder.pdf"
"""


class DataFileInvalid(BanyanError):
    """A file of applications that cannot be read."""

    code = "cli.data_file_invalid"
    message = N_("文件 {file} 不能使用：{place} {problem}。请改正后重试。")


@dataclass(frozen=True)
class Application:
    """One application as a person wrote it. Nothing is checked yet but its form; its representation shows no number."""

    business: str = ""
    channel: str = ""
    system: str = ""
    kind: str = ""
    region: str = ""
    pair: str = ""
    reason: str = ""
    key: str = ""
    organization: Mapping[str, str] = field(default_factory=dict)
    person: Mapping[str, str] = field(default_factory=dict, repr=False)
    device: Mapping[str, str] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict, repr=False)
    materials: Mapping[str, Path] = field(default_factory=dict)

    def filled(self, **values: Any) -> "Application":
        """This application with what the command line says put in place of what the file says."""
        said = {name: value for name, value in values.items() if value}
        return Application(**({one.name: getattr(self, one.name) for one in fields(self)} | said))


_WORDS = frozenset(one.name for one in fields(Application)) - {*_SECTIONS, "data", "materials"}


def read_applications(path: Path) -> list[Application]:
    """The applications of a file. Raises DataFileInvalid, naming the place."""
    content = _content(path)
    many = content if isinstance(content, list) else [content]
    if isinstance(content, dict) and "request" in content:
        _ensure_known(path, "", content, {"request"})
        many = content["request"]
    if not isinstance(many, list) or not many:
        raise DataFileInvalid(file=path.name, place="request", problem=N_("里没有申请"))
    return [_application(path, f"request {number}", one) for number, one in enumerate(many, 1)]


def read_application(path: Path) -> Application:
    """The one application of a file. Raises DataFileInvalid."""
    found = read_applications(path)
    if len(found) != 1:
        raise DataFileInvalid(file=path.name, place="", problem=N_("应当只有一份申请"))
    return found[0]


def _content(path: Path) -> Any:
    text = path.read_text("utf-8-sig")
    try:
        return json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
        raise DataFileInvalid(file=path.name, place="", problem=str(error)) from error


def _application(path: Path, place: str, table: Any) -> Application:
    if not isinstance(table, dict):
        raise DataFileInvalid(file=path.name, place=place, problem=N_("不是一组“名称 = 值”"))
    known = _WORDS | set(_SECTIONS) | {"data", "materials"}
    _ensure_known(path, place, table, known)
    values: dict[str, Any] = {name: _text(path, f"{place} {name}", table[name]) for name in _WORDS & set(table)}
    for name, words in _SECTIONS.items():
        values[name] = _section(path, f"{place} {name}", table.get(name, {}), words)
    values["data"] = _data(path, f"{place} data", table.get("data", {}))
    materials = _section(path, f"{place} materials", table.get("materials", {}), None)
    values["materials"] = {code: path.parent / name for code, name in materials.items()}
    return Application(**values)


def _section(path: Path, place: str, table: Any, words: frozenset[str] | None) -> dict[str, str]:
    if not isinstance(table, dict):
        raise DataFileInvalid(file=path.name, place=place, problem=N_("不是一组“名称 = 值”"))
    if words is not None:
        _ensure_known(path, place, table, words)
    return {name: _text(path, f"{place}.{name}", value) for name, value in table.items()}


def _data(path: Path, place: str, table: Any) -> dict[str, Any]:
    if not isinstance(table, dict):
        raise DataFileInvalid(file=path.name, place=place, problem=N_("不是一组“名称 = 值”"))
    _ensure_known(path, place, table, _DATA)
    found: dict[str, Any] = {}
    for name, value in table.items():
        where = f"{place}.{name}"
        if name in ("subject", "form", "requester"):
            found[name] = _section(path, where, value, None)
        elif name in ("dns_names", "ip_addresses"):
            if not isinstance(value, list):
                raise DataFileInvalid(file=path.name, place=where, problem=N_("应当是一列文本"))
            found[name] = tuple(_text(path, where, one) for one in value)
        elif not isinstance(value, int) or isinstance(value, bool) is not (name == "classic"):
            raise DataFileInvalid(file=path.name, place=where, problem=N_("应当是整数或真假值"))
        else:
            found[name] = value
    return found


def _ensure_known(path: Path, place: str, table: Mapping[str, Any], known: frozenset[str] | set[str]) -> None:
    unknown = sorted(set(table) - set(known))
    if unknown:
        problem = f"{unknown[0]!r}: {', '.join(sorted(known))}"
        raise DataFileInvalid(file=path.name, place=place, problem=problem)


def _text(path: Path, place: str, value: Any) -> str:
    if not isinstance(value, str):
        # a number has lost its leading zeros, and a long one its last digits
        raise DataFileInvalid(file=path.name, place=place, problem=N_("应当写成带引号的文本"))
    return value.strip()
