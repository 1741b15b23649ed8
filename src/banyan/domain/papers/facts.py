"""What a request has to say on paper: the vocabulary's names filled from its record, within the actor's sight.

Numbers of people are masked unless the paper is a form that they sign and the actor may see them (``clear``).
"""

from dataclasses import dataclass
from datetime import datetime

from banyan.domain.ca import access as ca
from banyan.domain.ca.models import Certificate
from banyan.domain.iam import access as iam
from banyan.domain.iam import rights
from banyan.domain.inventory import access as inventory
from banyan.domain.papers import forms
from banyan.domain.papers.ports import Value
from banyan.domain.parties import access as parties
from banyan.domain.parties.actions import reveal_person
from banyan.domain.parties.errors import PartiesError
from banyan.domain.parties.identity_rules import mask_number, mask_phone
from banyan.domain.parties.models import Device, Organization, Person
from banyan.domain.ra import access as ra
from banyan.domain.ra.models import DeficiencyItem, DeficiencyReason, RequestState
from banyan.domain.ra.processes import Verb, required_materials
from banyan.domain.ra.values import RequestData
from banyan.domain.ra.working_days import local_date
from banyan.kernel.actor import Actor

_ENCRYPTION = Certificate.Use.ENCRYPTION
_DATA_RIGHTS = ("requests.enter", "requests.proofread", "requests.approve")
_DEFECTS = {"unreadable": "看不清", "expired": "已过有效期", "unstamped": "没有盖章", "other": "不符合要求"}
_TO_BRING = "未提交。请补交清晰、完整的原件或加盖公章的复印件。"


@dataclass(frozen=True)
class _Record:
    """Everything read for one request."""

    story: ra.Story
    data: RequestData
    person: Person | None
    organization: Organization | None
    device: Device | None


def of_request(
    actor: Actor, request_id: int, now: datetime, *, copy: int = 1, is_clear: bool = False
) -> dict[str, Value]:
    """Every name of the vocabulary that a request can fill. Raises ra.RequestNotFound, RightMissing.

    ``is_clear``: numbers of people in clear, for who has the right; the look is recorded.
    """
    record = _read(actor, request_id)
    request = record.story.request
    filled: dict[str, Value] = dict(forms.of_kind(request.business, request.system, request.kind))
    filled |= _choices(record)
    filled |= _people(actor, record, now, is_clear=is_clear and rights.has(actor, "parties.reveal"))
    filled |= _materials(actor, record.story)
    filled |= _token(actor, record.story)
    filled |= {
        "number": request.number,
        "channel": str(request.get_channel_display()),
        "region": _region(request.region_code),
        "opened_on": local_date(request.opened_at),
        "due_on": request.due_on or "",
        "printed_on": local_date(now),
        "clerk": iam.names_of([actor.id]).get(actor.id, actor.name),
        "copy": copy,
    }
    return filled


def _read(actor: Actor, request_id: int) -> _Record:
    story = ra.story(actor, request_id)
    request = story.request
    may_see = any(rights.has(actor, right) for right in _DATA_RIGHTS)
    data = ra.data_of(actor, request_id) if may_see else None
    # A holder who moved out of sight since is a line left empty, no reason to refuse the paper.
    return _Record(
        story,
        data or _noted(actor, request_id),
        parties.people(actor).filter(pk=request.person_id).first() if request.person_id else None,
        parties.organizations(actor).filter(pk=request.organization_id).first() if request.organization_id else None,
        parties.devices(actor).filter(pk=request.device_id).first() if request.device_id else None,
    )


def _noted(actor: Actor, request_id: int) -> RequestData:
    """What was noted at intake stands in for the data until they are entered."""
    noted = ra.intake_of(actor, request_id)
    if noted is None:
        return RequestData()
    department = {"OU": noted.department} if noted.department else {}
    return RequestData(subject=department, form=noted.form, requester=noted.requester)


def _choices(record: _Record) -> dict[str, Value]:
    request, form = record.story.request, record.data.form
    fields = forms.fields_of(request.system, request.kind, form)
    return {
        "fields": fields,
        "tools": forms.tools_of(request.system, fields),
        "media": forms.media_of(request.system, request.kind, str(form.get("medium", ""))),
        "reason": forms.reason_name(request.business, request.reason),
        "reasons": forms.reasons_of(request.business, request.reason),
        "department": str(record.data.subject.get("OU", "")),
    }


def _people(actor: Actor, record: _Record, now: datetime, *, is_clear: bool) -> dict[str, Value]:
    person, body, device, requester = record.person, record.organization, record.device, record.data.requester
    number, phone = (person.id_masked, person.phone_masked) if person is not None else ("", "")
    if person is not None and is_clear:
        revealed = reveal_person(actor, person.pk, purpose=f"打印申请表 {record.story.request.number}", now=now)
        number, phone = revealed.id_number, revealed.phone
    of_requester = str(requester.get("id_number", "")).rpartition(":")[2]
    phone_of_requester = str(requester.get("phone", ""))
    return {
        "holder": record.story.request.subject_name,
        "holder_id": number,
        "holder_phone": phone,
        "organization": body.name if body is not None else "",
        "credit_code": body.uscc if body is not None else "",
        "device_address": (device.domain_name or device.ip_address) if device is not None else "",
        "requester": str(requester.get("name", "")),
        "requester_id": of_requester if is_clear else mask_number(of_requester),
        "requester_phone": phone_of_requester if is_clear else mask_phone(phone_of_requester),
    }


def _materials(actor: Actor, story: ra.Story) -> dict[str, Value]:
    request = story.request
    here = {one.code for one in story.materials}
    required = required_materials(request.business, request.kind, request.channel)
    # What was approved or is closed is no longer asked for.
    may_ask = request.state == RequestState.OPEN and not story.is_approved
    return {
        "materials": tuple((one.name, "已交" if one.code in here else "未交") for one in required),
        "missing": _missing(actor, story) if may_ask else (),
    }


def _missing(actor: Actor, story: ra.Story) -> tuple[tuple[str, str], ...]:
    """What is not there, and what the newest notice told of a material that nobody has brought anew since."""
    request = story.request
    notices = ra.deficiency_notices(actor, request.pk)[:1] if request.step == Verb.PRECHECK else []
    brought = {(one.code, notice.pk) for notice in notices for one in story.materials if one.added_at > notice.at}
    told = {
        item.code: (item.name, _why(item))
        for notice in notices
        for item in notice.items.all()
        if (item.code, notice.pk) not in brought
    }
    return tuple(({one.code: (one.name, _TO_BRING) for one in story.missing} | told).values())


def _why(item: DeficiencyItem) -> str:
    text = f"：{item.text}" if item.text else ""
    if item.reason == DeficiencyReason.MISSING:
        return _TO_BRING
    return f"{_DEFECTS[item.reason]}{text}。请重新提交。"


def _token(actor: Actor, story: ra.Story) -> dict[str, Value]:
    request, pair, old = story.request, story.issued_pair, story.pair
    serials = [one.serial for one in ca.certificates_of(actor, pair.pk) if one.use != _ENCRYPTION] if pair else []
    return {
        "token": request.token_serial,
        "medium": _medium(actor, request.token_id),
        "certificate_serial": serials[0] if serials else "",
        "valid_from": local_date(pair.not_before) if pair else "",
        "valid_until": local_date(pair.not_after) if pair else "",
        "old_token": old.token_serial if old else "",
        "old_valid_until": local_date(old.not_after) if old else "",
    }


def _medium(actor: Actor, token_id: int | None) -> str:
    token = inventory.tokens(actor).filter(pk=token_id).select_related("medium").first() if token_id else None
    return token.medium.name if token is not None else ""


def _region(code: str) -> str:
    try:
        return parties.region_tree().full_name(code)
    except PartiesError:
        return code
