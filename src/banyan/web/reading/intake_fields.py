"""The fields of the counter's intake form: which, with what rule each; checked while typing and again when sent."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from banyan.domain.parties import access as parties
from banyan.domain.parties.device_rules import read_domain_name, read_ip_address
from banyan.domain.parties.errors import FieldEmpty, OutOfScope
from banyan.domain.parties.identity_rules import credit_code, identity_number, mobile_number
from banyan.domain.parties.kinds import IdentityType
from banyan.domain.parties.names import organization_name, person_name
from banyan.domain.systems import rules as system_rules
from banyan.domain.systems.policy import FieldType, FormField
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_, BanyanError
from banyan.web.reading.intake_choices import Choice

FORM = "form_"
_OPTIONAL = frozenset(
    {"holder_phone", "requester_id", "department", "device_name", "device_domain", "device_ip", "device_serial"}
)


@dataclass(frozen=True)
class Field:
    """A field as the page shows it. ``is_code``: a long number. ``is_checked``: asked about while typing."""

    name: str
    label: str
    value: str = ""
    error: str = ""
    hint: str = ""
    is_required: bool = False
    is_code: bool = False
    is_checked: bool = False
    longest: int = 100
    choices: Sequence[tuple[str, str]] = ()
    kind: str = "text"
    suggestions: Sequence[str] = ()


@dataclass(frozen=True)
class Section:
    """Fields under one heading."""

    title: str
    fields: list[Field]
    note: str = ""


def sections(actor: Actor, chosen: Choice, values: Mapping[str, str], errors: Mapping[str, str]) -> list[Section]:
    """The form for what is chosen, with what was typed."""

    def field(name: str, label: str, **more: Any) -> Field:
        optional = name in _OPTIONAL or name.startswith(FORM) or more.pop("optional", False)
        value, error = values.get(name, more.pop("default", "")), errors.get(name, "")
        return Field(name, label, value, error, is_required=not optional, **more)

    found = [] if chosen.acts_on_pair else _of_holder(actor, chosen, field)
    if chosen.business == "modify":
        note = _("人员调动到新单位时填写，其他变更在录入时登记。")
        found.append(
            Section(_("变更后的单位"), [*_body(field, optional=True), _where(actor, field, optional=True)], note)
        )
    found.append(
        Section(
            _("经办人"),
            [
                field("requester_name", _("姓名"), longest=60),
                field("requester_phone", _("手机"), is_code=True, is_checked=True, longest=20, kind="tel"),
                field("requester_id", _("身份证号"), is_code=True, is_checked=True, longest=24),
            ],
        )
    )
    return found


def _of_holder(actor: Actor, chosen: Choice, field: Callable[..., Field]) -> list[Section]:
    found = []
    if chosen.kind == "PERSONAL":
        found.append(Section(_("持有人"), _person(field)))
        found.append(Section(_("所在单位"), [*_body(field), field("department", _("部门"), longest=60)]))
    elif chosen.kind == "DEVICE":
        found.append(Section(_("设备"), _device(field), _("域名、IP 地址、设备序列号至少填一项。")))
        found.append(Section(_("所属单位"), _body(field)))
    else:
        found.append(Section(_("单位"), _body(field)))
    found[-1].fields.append(_where(actor, field))
    policy = chosen.kind_policy
    if policy is not None and policy.fields:
        extra = [_extra(one, policy.media, field) for one in policy.fields]
        found.append(Section(_("系统要求的资料"), extra, _("手头有的先填，录入时带出；没有可留空。")))
    return found


def _where(actor: Actor, field: Callable[..., Field], *, optional: bool = False) -> Field:
    tree = parties.region_tree()
    own = next(iter(actor.regions), "") if actor.regions is not None and len(actor.regions) == 1 else ""
    names = [tree.full_name(one.code) for one in tree.regions if tree.is_within(one.code, actor.regions)]
    return field(
        "region", _("所属地区"), default=tree.full_name(own) if own and not optional else "", suggestions=names,
        is_checked=True, longest=40, hint=_("名称或六位代码"), optional=optional,
    )  # fmt: skip


def _person(field: Callable[..., Field]) -> list[Field]:
    return [
        field(
            "id_type",
            _("证件类型"),
            choices=[(code, str(word)) for code, word in IdentityType.choices],
            default="RESIDENT",
        ),
        field("id_number", _("证件号码"), is_code=True, is_checked=True, longest=24),
        field("holder_name", _("姓名"), longest=60),
        field("holder_phone", _("手机"), is_code=True, is_checked=True, longest=20, kind="tel"),
    ]


def _body(field: Callable[..., Field], *, optional: bool = False) -> list[Field]:
    return [
        field("uscc", _("信用代码"), is_code=True, is_checked=True, longest=24, optional=optional),
        field("body_name", _("单位名称"), longest=200, optional=optional),
    ]


def _device(field: Callable[..., Field]) -> list[Field]:
    return [
        field("device_domain", _("域名"), is_code=True, is_checked=True, longest=253),
        field("device_ip", _("IP 地址"), is_code=True, is_checked=True, longest=45),
        field("device_serial", _("设备序列号"), is_code=True, longest=64),
        field("device_name", _("设备名称"), longest=100),
    ]


def _extra(one: FormField, media: Sequence[Any], field: Callable[..., Field]) -> Field:
    choices: list[tuple[str, str]] = []
    if one.type is FieldType.CHOICE:
        choices = [("", _("未选")), *((value, _(value)) for value in one.choices)]
    elif one.type is FieldType.MEDIUM:
        choices = [("", _("未选")), *((medium.value, _(medium.label)) for medium in media)]
    is_code = one.type in (FieldType.SEAL_CODE, FieldType.ADDRESS)
    return field(
        FORM + one.code, _(one.label), choices=choices, is_code=is_code, is_checked=is_code, longest=one.max_length,
        hint=_(one.hint) if not choices else "",
    )  # fmt: skip


def check(actor: Actor, chosen: Choice, name: str, values: Mapping[str, str], today: date) -> str:
    """A field in its normal form; empty when nothing is there. Raises the BanyanError that says what is wrong with it."""
    text = values.get(name, "").strip()
    if not text:
        return ""
    if name.startswith(FORM):
        policy = chosen.kind_policy
        extra = next((one for one in policy.fields if FORM + one.code == name), None) if policy else None
        return system_rules.check_field(extra, text) if extra is not None else ""
    rule = _RULES.get(name)
    return rule(actor, text, values, today) if rule is not None else " ".join(text.split())


def check_all(
    actor: Actor, chosen: Choice, values: Mapping[str, str], today: date, text: Callable[[BanyanError], str]
) -> tuple[dict[str, str], dict[str, str]]:
    """(every field in its normal form, what is wrong by field); everything at once, not one after the other."""
    cleaned: dict[str, str] = {}
    errors: dict[str, str] = {}
    for section in sections(actor, chosen, values, {}):
        for field in section.fields:
            try:
                cleaned[field.name] = check(actor, chosen, field.name, values, today)
                if field.is_required and not cleaned[field.name]:
                    raise FieldEmpty(field=field.label)
            except BanyanError as error:
                errors[field.name] = text(error)
    if bool(cleaned.get("uscc")) != bool(cleaned.get("body_name")) and not {"uscc", "body_name"} & set(errors):
        name = "uscc" if cleaned.get("body_name") else "body_name"
        errors[name] = text(FieldEmpty(field=_("信用代码") if name == "uscc" else _("单位名称")))
    if cleaned.get("uscc") and not cleaned.get("region") and "region" not in errors:
        errors["region"] = text(FieldEmpty(field=_("所属地区")))
    return cleaned, errors


def _region(actor: Actor, value: str, values: Mapping[str, str], today: date) -> str:
    del values, today
    tree = parties.region_tree()
    region = tree.read(value)
    if not tree.is_within(region.code, actor.regions):
        raise OutOfScope(region=region.code)
    return region.code


_RULES: Mapping[str, Callable[[Actor, str, Mapping[str, str], date], str]] = {
    "id_number": lambda _actor, text, values, today: (
        identity_number(values.get("id_type") or "RESIDENT", text, today=today).number
    ),
    "requester_id": lambda _actor, text, _values, today: (
        identity_number("RESIDENT", text, today=today, name=N_("经办人证件")).number
    ),
    "holder_name": lambda _actor, text, _values, _today: person_name(text),
    "requester_name": lambda _actor, text, _values, _today: person_name(text),
    "body_name": lambda _actor, text, _values, _today: organization_name(text),
    "holder_phone": lambda _actor, text, _values, _today: mobile_number(text),
    "requester_phone": lambda _actor, text, _values, _today: mobile_number(text),
    "uscc": lambda _actor, text, _values, _today: credit_code(text),
    "device_domain": lambda _actor, text, _values, _today: read_domain_name(text),
    "device_ip": lambda _actor, text, _values, _today: read_ip_address(text),
    "region": _region,
}
