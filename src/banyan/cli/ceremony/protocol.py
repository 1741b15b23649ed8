"""The printed protocol of a ceremony: who, when, what, fingerprints to compare, lines to sign."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from banyan import gm
from banyan.cli.ceremony.making import MadeAuthority
from banyan.pki import names
from banyan.pki.certificate import Certificate

_LOCAL = ZoneInfo("Asia/Shanghai")


def fingerprint(certificate: bytes) -> str:
    """SM3 of a certificate in groups of four hexadecimal digits, for reading aloud."""
    text = gm.sm3(certificate).hex().upper()
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def write_protocol(
    *,
    title: str,
    now: datetime,
    organization: str,
    people: Mapping[str, Sequence[str]],
    threshold: int,
    authorities: Sequence[MadeAuthority],
    steps: Sequence[tuple[datetime, str]],
    is_sample: bool,
) -> str:
    """The protocol as Markdown. ``people``: role → names; custodians stand under “密钥托管人”."""
    lines = [f"# {title}", ""]
    if is_sample:
        lines += ["**测试安装：无人在场，密钥不得用于正式业务。**", ""]
    lines += [
        f"- 单位：{organization}",
        f"- 时间：{_local(now)}（北京时间）",
        "- 算法引擎：" + gm.engine_name(),
    ]
    for role, who in people.items():
        lines.append(f"- {role}：{'、'.join(who)}")
    if threshold:
        custodians = people.get("密钥托管人", ())
        lines.append(f"- 门限：{len(custodians)} 名托管人中任意 {threshold} 名可恢复根密钥")
    lines += ["", "## CA 证书", ""]
    for made in authorities:
        lines += _authority(made)
    lines += ["## 经过", "", "| 时间 | 步骤 |", "|---|---|"]
    lines += [f"| {_local(at)} | {what} |" for at, what in steps]
    lines += ["", "## 签字", "", "| 身份 | 姓名 | 签字 | 日期 |", "|---|---|---|---|"]
    lines += [f"| {role} | {name} |  |  |" for role, who in people.items() for name in who]
    return "\n".join(lines) + "\n"


def _authority(made: MadeAuthority) -> list[str]:
    view = Certificate.parse(made.certificate)
    return [
        f"### {made.code}",
        "",
        f"- 名称：{names.display(view.subject)}",
        f"- 算法：{made.algorithm}" + ("，自签名根" if made.is_root else f"，由 {made.parent} 签发"),
        f"- 序列号：{view.serial_hex}",
        f"- 有效期：{view.not_before:%Y-%m-%d} 至 {view.not_after:%Y-%m-%d}",
        f"- 证书 SM3：`{fingerprint(made.certificate)}`",
        "",
    ]


def _local(moment: datetime) -> str:
    return moment.astimezone(_LOCAL).strftime("%Y-%m-%d %H:%M:%S")
