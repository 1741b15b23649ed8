"""Application forms by business and issuing system, made from the registries: nothing about one system stands here."""

from collections.abc import Mapping
from typing import Any

from banyan.domain.lifecycle.businesses import businesses
from banyan.domain.papers.errors import PaperUnknown
from banyan.domain.papers.ports import Row, Value
from banyan.domain.ra.models import Channel
from banyan.domain.ra.processes import required_materials
from banyan.domain.systems import access as systems
from banyan.domain.systems.errors import SystemsError
from banyan.domain.systems.policy import FieldType, FormField, MediumKind
from banyan.domain.systems.rules import medium_kind

_CHOSEN, _NOT = "1", ""
# The tool packages by the code in a system's file: what is made ready for the applicant's machine.
_TOOLS: Mapping[str, str] = {"xinchuang": "专用驱动与证书工具"}


def of_kind(business: str, system: str, kind: str) -> dict[str, Value]:
    """What a form says of business, system and kind. Raises PaperUnknown for one that does not exist."""
    rule = businesses().get(business)
    try:
        policy = systems.policy(system)
        label = policy.kind(kind).kind.label
    except (SystemsError, KeyError) as error:
        raise PaperUnknown from error
    if rule is None:
        raise PaperUnknown
    return {
        "title": f"{policy.short_name}数字证书{rule.name}申请表",
        "business": rule.name,
        "business_code": rule.code,
        "businesses": _rows((one.name, one.code == business) for one in businesses().values()),
        "system": policy.name,
        "system_short": policy.short_name,
        "kind": label,
        "kind_code": kind,
        "kinds": _rows((one.kind.label, one.kind == kind) for one in policy.kinds),
        "acts_on_pair": int(rule.acts_on_pair),
    }


def blank(business: str, system: str, kind: str) -> dict[str, Value]:
    """A form to be filled in by hand. Raises PaperUnknown."""
    filled = of_kind(business, system, kind)
    fields = fields_of(system, kind, {})
    required = required_materials(business, kind, Channel.COUNTER)
    return (
        filled
        | {
            "fields": fields,
            "tools": tools_of(system, fields, is_blank=True),
            "media": media_of(system, kind, ""),
            "reason": "",
            "reasons": reasons_of(business, ""),
            "materials": tuple((one.name, "未交") for one in required),
            "missing": (),
        }
        | dict.fromkeys(_EMPTY, "")
    )


_EMPTY = (
    "number", "channel", "region", "holder", "holder_id", "holder_phone", "organization", "credit_code", "department",
    "device_address", "requester", "requester_id", "requester_phone", "old_token", "old_valid_until", "opened_on",
)  # fmt: skip


def fields_of(system: str, kind: str, form: Mapping[str, Any]) -> tuple[Row, ...]:
    """The system's own fields: label, value, hint, then the choices."""
    try:
        fields = systems.policy(system).kind(kind).fields
    except (SystemsError, KeyError):
        return ()
    return tuple((one.label, _shown(one, form.get(one.code, "")), one.hint, *one.choices) for one in fields)


def _shown(field: FormField, value: Any) -> str:
    if field.type is FieldType.MEDIUM:
        medium = medium_kind(str(value))
        return medium.label if medium else str(value)
    return str(value)


def tools_of(system: str, fields: tuple[Row, ...], *, is_blank: bool = False) -> str:
    """Driver and tool that go with the applicant's machine; empty for a system that needs none of its own."""
    try:
        tool = _TOOLS.get(systems.policy(system).tool, "")
    except SystemsError:
        return ""
    machine = "、".join(row[1] for row in fields if row[1])
    if not tool or not (machine or is_blank):
        return ""
    return f"{machine}：{tool}" if machine else f"按所选项目提供{tool}"


def media_of(system: str, kind: str, chosen: str) -> tuple[Row, ...]:
    """What certificates of this kind may live in. Soft tokens are for samples: no form offers them."""
    try:
        media = systems.policy(system).kind(kind).media
    except (SystemsError, KeyError):
        return ()
    wanted = medium_kind(chosen) if chosen else None
    return _rows((one.label, one is wanted) for one in media if one is not MediumKind.SOFT or one is wanted)


def reasons_of(business: str, chosen: str) -> tuple[Row, ...]:
    """The reasons a business knows."""
    rule = businesses().get(business)
    return _rows((one.name, one.code == chosen) for one in rule.reasons) if rule else ()


def reason_name(business: str, code: str) -> str:
    """A reason in words; empty where the business knows none."""
    rule = businesses().get(business)
    return next((one.name for one in rule.reasons if one.code == code), "") if rule else ""


def families() -> list[tuple[str, str, str, str]]:
    """Every form that exists: business, system, kind, and what it is called."""
    return [
        (rule.code, status.policy.code, entry.kind.value, f"{status.policy.short_name}·{rule.name}·{entry.kind.label}")
        for status in systems.statuses()
        for rule in businesses().values()
        for entry in status.policy.kinds
    ]


def _rows(items: Any) -> tuple[Row, ...]:
    return tuple((str(name), _CHOSEN if is_chosen else _NOT) for name, is_chosen in items)
