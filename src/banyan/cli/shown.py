"""What commands print: tables and cards for people, JSON for programs."""

import json
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import click

from banyan.cli.messages import translate, translated
from banyan.kernel.errors import N_, BanyanError, fill

View = Mapping[str, Any]
_C = TypeVar("_C", bound=Callable[..., Any])
_WIDE = frozenset("WF")
_LONGEST_CELL = 60

# What a field is called before people.
TITLES = {
    "number": N_("申请号"),
    "business_name": N_("业务"),
    "system": N_("签发系统"),
    "kind_name": N_("证书种类"),
    "subject_name": N_("名称"),
    "region": N_("行政区划"),
    "channel_name": N_("渠道"),
    "step_name": N_("现在应办"),
    "state_name": N_("状态"),
    "due_on": N_("办理期限"),
    "opened_at": N_("受理时间"),
    "token": N_("介质"),
    "medium": N_("介质种类"),
    "pair": N_("证书对"),
    "issued_pair": N_("签发的证书对"),
    "supersedes": N_("接替的证书对"),
    "request": N_("申请"),
    "profile": N_("模板"),
    "container": N_("容器"),
    "signing": N_("签名证书"),
    "encryption": N_("加密证书"),
    "connector": N_("接口"),
    "data_digest": N_("数据摘要"),
    "materials_digest": N_("材料摘要"),
    "digest": N_("摘要"),
    "is_approved": N_("已审核"),
    "is_proofread": N_("已校对"),
    "can_be_unlocked": N_("可远程解锁"),
    "must_change_pin": N_("须更换口令"),
    "name": N_("名称"),
    "action": N_("操作"),
    "use": N_("用途"),
    "size": N_("字节数"),
    "code": N_("代码"),
    "state": N_("状态"),
    "challenge": N_("挑战码"),
    "answer": N_("应答码"),
    "new_pin": N_("新口令"),
    "case_number": N_("案号"),
    "requested_at": N_("申请时间"),
    "algorithm": N_("算法"),
    "serial": N_("序列号"),
    "not_before": N_("有效期起"),
    "not_after": N_("有效期止"),
    "ca": N_("签发 CA"),
    "origin_name": N_("来源"),
    "use_name": N_("用途"),
    "reason": N_("原因"),
    "note": N_("备注"),
    "step": N_("步骤"),
    "outcome": N_("结果"),
    "actor": N_("经办"),
    "at": N_("时间"),
    "containers": N_("容器数"),
    "device_state": N_("设备状态"),
    "device_state_name": N_("设备状态"),
    "medium_name": N_("介质种类"),
    "outcome_name": N_("结果"),
    "action_name": N_("操作"),
    "reason_name": N_("原因"),
    "username": N_("用户名"),
    "display_name": N_("姓名"),
    "role_names": N_("角色"),
    "certificate_name": N_("登录证书"),
    "doing": N_("事项"),
    "asked_by": N_("提出人"),
    "what": N_("内容"),
    "started_at": N_("开始时间"),
    "good": N_("受理"),
    "failed": N_("未受理"),
    "tries_left": N_("剩余次数"),
    "vendor": N_("厂商"),
    "label": N_("设备名称"),
    "fault": N_("故障"),
    "agent": N_("介质助手"),
    "registered_at": N_("登记时间"),
    "user_pin": N_("初始口令"),
    "findings": N_("检查结果"),
    "file": N_("文件"),
    "row": N_("行"),
    "column": N_("列"),
    "value": N_("填写的值"),
    "message": N_("说明"),
    "purpose_name": N_("用途"),
    "approvals": N_("已审批"),
    "expires_at": N_("截止时间"),
    "waiting": N_("等待"),
    "count": N_("对数"),
    "held_already": N_("已有有效证书"),
    "target": N_("目标"),
    "target_name": N_("名称"),
    "waiting_messages": N_("待发"),
    "dead": N_("死信"),
    "message_number": N_("消息号"),
    "topic": N_("主题"),
    "created_at": N_("写入时间"),
    "attempts": N_("发送次数"),
    "last_error": N_("最近一次失败"),
}


def json_option(command: _C) -> _C:
    """The option by which a program asks for JSON."""
    return click.option("--json", "as_json", is_flag=True, help="JSON, one object a line.")(command)


def echo_json(view: View) -> None:
    """One object on a line of its own."""
    click.echo(json.dumps(view, ensure_ascii=False, default=_plain))


def show_rows(views: Iterable[View], columns: Sequence[str], *, as_json: bool) -> None:
    """Many alike: a table of ``columns``, or an object a line with everything there is."""
    if as_json:
        for view in views:
            echo_json(view)
        return
    lines = [[_cell(view.get(name)) for name in columns] for view in views]
    if not lines:
        click.echo(translate(N_("没有。")), err=True)
        return
    for line in _aligned([[title(name) for name in columns], *lines]):
        click.echo(line)


def show_card(view: View, *, as_json: bool) -> None:
    """One thing: an object, or a line a field; empty fields and codes that a name stands for are left out."""
    if as_json:
        echo_json(view)
        return
    named = {name.removesuffix("_name") for name in view if name.endswith("_name")}
    fields = [
        [title(name), _cell(value, whole=True)]
        for name, value in view.items()
        if value not in ("", None) and not isinstance(value, Mapping | list | tuple) and name not in named
    ]
    for line in _aligned(fields):
        click.echo(line)


def heading(text: str) -> None:
    """A blank line and a title between parts."""
    click.echo(f"\n{translate(text)}")


def say(message: str, **fields: Any) -> None:
    """One sentence for people, beside what programs read."""
    click.echo(translate(message).format_map(fields), err=True)


def announce(message: str, **fields: Any) -> None:
    """One sentence for people that is the answer of a command."""
    click.echo(fill(translate(message), fields))


def title(name: str) -> str:
    """What a field is called in the terminal's language."""
    return translate(TITLES[name]) if name in TITLES else name


def refusal(error: BanyanError) -> dict[str, str]:
    """An error as part of an answer."""
    return {"code": error.code, "message": translated(error)}


def echo_error(place: str, error: BanyanError) -> None:
    """One line about one of many that was refused."""
    click.echo(f"{place}: {translated(error)} [{error.code}]", err=True)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple | set | frozenset):
        return list(value)
    return str(value)


def _cell(value: object, *, whole: bool = False) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return translate(N_("是")) if value else translate(N_("否"))
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M")
    if isinstance(value, list | tuple):
        return " ".join(str(one) for one in value)
    text = str(value)
    return text if whole or len(text) <= _LONGEST_CELL else text[: _LONGEST_CELL - 1] + "…"


def _aligned(lines: Sequence[Sequence[str]]) -> list[str]:
    """Columns of equal width on a terminal, where a Chinese character takes two places."""
    if not lines:
        return []
    widths = [max(_width(line[index]) for line in lines) for index in range(len(lines[0]))]
    return [
        "  ".join(text + " " * (width - _width(text)) for text, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in _WIDE else 1 for sign in text)
