"""The form of entry as a page shows it: groups of fields, what was marked in proofreading, what is voided by a change."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils.translation import gettext as _

from banyan.domain.ca import access as ca
from banyan.domain.iam import access as iam
from banyan.domain.iam import rights
from banyan.domain.parties.kinds import IdentityType
from banyan.domain.parties.rules import mask_number, mask_phone
from banyan.domain.ra import access as ra
from banyan.domain.ra import checking
from banyan.domain.ra.errors import RequestNotFound
from banyan.domain.ra.models import FieldCheck, ServiceRequest
from banyan.domain.ra.subjects import Holder, Holders
from banyan.domain.ra.values import RequestData
from banyan.domain.systems import access as systems
from banyan.domain.systems.policy import FieldType, KindPolicy, MediumKind
from banyan.kernel.actor import Actor
from banyan.web import words
from banyan.web.entry_form import Reader, values_of
from banyan.web.reading.masking import masked


@dataclass(frozen=True)
class Field:
    """One field of the form. ``stands`` is what is on record where the field itself stays empty, masked."""

    name: str
    label: str
    value: str = ""
    fault: str = ""
    hint: str = ""
    stands: str = ""
    is_required: bool = False
    is_code: bool = False
    is_long: bool = False
    is_check: bool = False
    is_identity: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    mark: str = ""


@dataclass(frozen=True)
class Group:
    """Fields that belong together."""

    code: str
    title: str
    fields: list[Field]
    note: str = ""


@dataclass(frozen=True)
class Marks:
    """What proofreading found wrong: who sent the data back, when, with what words, and which fields."""

    who: str
    at: datetime
    note: str
    by_field: Mapping[str, str]


def reader_of(actor: Actor, request: ServiceRequest, now: datetime) -> Reader:
    """What reads the form of a request. Raises RequestNotFound, iam.RightMissing."""
    holders = Holders.load([request], with_codes=False)
    return Reader(request, systems.policy(request.system), holders, before(actor, request), now)


def before(actor: Actor, request: ServiceRequest) -> RequestData:
    """What was entered earlier: for this request, else what was noted at intake over what its pair came from."""
    found = ra.data_of(actor, request.pk)
    return found if found is not None else _with_intake(actor, request, _of_pair(actor, request))


def _with_intake(actor: Actor, request: ServiceRequest, data: RequestData) -> RequestData:
    brought = ra.intake_of(actor, request.pk)
    if brought is None:
        return data
    subject = {**data.subject, "OU": brought.department} if brought.department else data.subject
    return replace(
        data, subject=subject, form={**data.form, **brought.form}, requester={**data.requester, **brought.requester}
    )


def _of_pair(actor: Actor, request: ServiceRequest) -> RequestData:
    if request.pair_id is None:
        return RequestData()
    pair = ca.pairs(actor).filter(pk=request.pair_id).first()
    try:
        earlier = ra.data_of(actor, pair.request_id) if pair is not None and pair.request_id is not None else None
    except RequestNotFound:
        earlier = None
    if earlier is None:
        return RequestData()
    return RequestData(earlier.subject, earlier.form, earlier.requester, None, earlier.dns_names, earlier.ip_addresses)


def marks(request: ServiceRequest) -> Marks | None:
    """What was wrong with the data that stand there, if proofreading sent them back."""
    found = checking.sent_back(request)
    if found is None:
        return None
    back, checks = found
    who = iam.names_of([back.actor]).get(back.actor, back.actor_name)
    return Marks(who, back.at, masked(back.note), {check.field: _mark(check) for check in checks})


def _mark(check: FieldCheck) -> str:
    reason = _("；").join(_(part) for part in check.reason.split("；"))
    if not check.positions:
        return reason
    return _("{reason}（第 {places} 位）").format(reason=reason, places=_("、").join(check.positions.split(",")))


def groups(
    actor: Actor, reader: Reader, typed: Mapping[str, str], faults: Mapping[str, str], marked: Mapping[str, str]
) -> list[Group]:
    """The form: the holder's record, who handles it, the certificate."""
    holder, request = reader.holder, reader.request
    values = {**values_of(reader.before, holder), **typed}
    known = reader.before.requester
    may_edit = rights.has(actor, "parties.edit")
    holder_note = "" if may_edit else _("持有人档案由业务员更正。")
    found = [
        Group("holder", _("持有人档案"), _holder(holder) if may_edit else [], holder_note),
        Group("requester", _("经办人"), _requester(known)),
        Group("extra", _("{system}专用项").format(system=words.system(request.system)), _extra(reader.kind)),
        Group("certificate", _("证书"), _certificate(reader.kind, holder)),
    ]
    return [
        Group(
            one.code,
            one.title,
            [_filled(entry, values, faults, marked) for entry in one.fields],
            one.note,
        )
        for one in found
        if one.fields or one.note
    ]


def _filled(entry: Field, values: Mapping[str, str], faults: Mapping[str, str], marked: Mapping[str, str]) -> Field:
    name = entry.name
    return replace(entry, value=values.get(name, ""), fault=faults.get(name, ""), mark=marked.get(name, ""))


def _holder(holder: Holder) -> list[Field]:
    found: list[Field] = []
    if holder.device is not None:
        found += [
            Field("device.name", _("设备名称"), is_identity=True, is_required=True),
            Field("device.domain_name", _("域名"), is_identity=True, is_code=True),
            Field("device.ip_address", _("IP 地址"), is_identity=True, is_code=True),
            Field("device.icp_number", _("ICP 备案号"), is_code=True),
        ]
    if holder.person is not None:
        person = holder.person
        types = tuple((code, _(str(label))) for code, label in IdentityType.choices)
        keep = _("不改就留空")
        found += [
            Field("person.name", _("姓名"), is_identity=True, is_required=True),
            Field("person.id_type", _("证件类型"), choices=types, is_identity=True),
            Field(
                "person.id_number", _("证件号码"), hint=keep, stands=person.id_masked, is_code=True, is_identity=True
            ),
            Field("person.phone", _("手机"), hint=keep, stands=person.phone_masked, is_code=True),
        ]
    if holder.organization is not None:
        found += [
            Field("organization.name", _("单位名称"), is_identity=True, is_required=True),
            Field("organization.uscc", _("统一社会信用代码"), is_identity=True, is_code=True, is_required=True),
        ]
    return found


def _requester(known: Mapping[str, str]) -> list[Field]:
    number, phone = known.get("id_number", "").rpartition(":")[2], known.get("phone", "")
    keep = _("不改就留空")
    return [
        Field("requester.name", _("姓名"), is_required=True),
        Field(
            "requester.id_number", _("证件号码"), hint=keep if number else "",
            stands=mask_number(number) if number else "", is_code=True,
        ),
        Field(
            "requester.phone", _("手机"), hint=keep if phone else "", stands=mask_phone(phone) if phone else "",
            is_code=True,
        ),
    ]  # fmt: skip


def _extra(policy: KindPolicy) -> list[Field]:
    found = []
    for one in policy.fields:
        choices: tuple[tuple[str, str], ...] = tuple((choice, choice) for choice in one.choices)
        if one.type is FieldType.MEDIUM:
            choices = tuple((medium.value, _(medium.label)) for medium in policy.media if medium is not MediumKind.SOFT)
        found.append(
            Field(
                f"form.{one.code}", _(one.label), hint=_(one.hint), is_required=one.is_required, choices=choices,
                is_code=one.code.endswith("_code") or one.type is FieldType.ADDRESS,
            )
        )  # fmt: skip
    return found


def _certificate(policy: KindPolicy, holder: Holder) -> list[Field]:
    usual = _("不填为 {n} 天，最长 {most} 天").format(n=policy.validity_days, most=policy.longest_validity_days)
    found = [
        Field("subject.OU", _("部门")),
        Field("subject.L", _("市"), hint=_("不填按所属地区")),
        Field("subject.serialNumber", _("编号"), is_code=True),
        Field("validity_days", _("有效期（天）"), hint=usual, is_code=True),
    ]
    if holder.device is not None:
        several = _("每行一个")
        found += [
            Field("dns_names", _("其他域名"), hint=several, is_long=True, is_code=True),
            Field("ip_addresses", _("其他 IP 地址"), hint=several, is_long=True, is_code=True),
        ]
    if policy.classic_profile:
        found.append(Field("is_classic", _("国际算法（设备不支持 SM2）"), is_check=True))
    return found
