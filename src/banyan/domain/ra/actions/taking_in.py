"""Taking an application in at the counter (受理): holder on record, request opened, what was said noted; all or nothing."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from banyan.domain import audit
from banyan.domain.ca.models import CertificatePair
from banyan.domain.iam import rights
from banyan.domain.lifecycle import rules as lifecycle
from banyan.domain.lifecycle.businesses import businesses
from banyan.domain.parties import access as parties
from banyan.domain.parties.identity_rules import identity_number, mobile_number
from banyan.domain.parties.names import person_name
from banyan.domain.parties.registering import (
    DeviceEntry,
    OrganizationEntry,
    PersonEntry,
    register_device,
    register_organization,
    register_person,
)
from banyan.domain.ra import intake, moving, seals
from banyan.domain.ra.actions.materials import ensure_changeable
from banyan.domain.ra.actions.opening import open_request
from banyan.domain.ra.errors import IntakeClosed, PairNeeded, RequesterMissing, SubjectMissing
from banyan.domain.ra.models import Channel, ServiceRequest
from banyan.domain.ra.moving import Move
from banyan.domain.ra.processes import Verb, process_for
from banyan.domain.ra.values import Brought, RequestDraft
from banyan.domain.systems import access as systems
from banyan.domain.systems import rules as system_rules
from banyan.domain.systems.policy import CertificateKind
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_


@dataclass(frozen=True, slots=True)
class IntakeForm:
    """What a clerk takes in. A new certificate names its holder; the other businesses name the pair."""

    business: str
    region: str
    brought: Brought
    system: str = ""
    kind: str = ""
    person: PersonEntry | None = None
    organization: OrganizationEntry | None = None
    device: DeviceEntry | None = None
    pair_id: int | None = None
    reason: str = ""
    channel: str = field(default=str(Channel.COUNTER))


@audit.action
def take_in(actor: Actor, application: IntakeForm, now: datetime) -> ServiceRequest:
    """Register or find the holder, open the request, note requester and data at hand.

    Raises what refuses any part of it: parties, systems, lifecycle and ra errors; nothing is kept then.
    """
    rights.require(actor, "requests.create")
    process_for(application.business, application.channel)
    rule = businesses()[application.business]
    lifecycle.ensure_reason(application.business, application.reason)
    system, kind = _system_and_kind(actor, application)
    if not rule.acts_on_pair or rule.issues:  # what a system that is switched off issued is revoked and unlocked still
        systems.ensure_offered(actor, system)
    brought = _checked(system, kind, application.brought, now)
    draft = RequestDraft(
        business=application.business,
        channel=application.channel,
        pair_id=application.pair_id,
        reason=application.reason,
    )
    if rule.acts_on_pair:
        draft = replace(draft, organization_id=_body(actor, application.organization, now))
    else:
        draft = _with_holder(actor, application, draft, now)
        _ensure_free_seal(application.kind, brought, now)
    request = open_request(actor, draft, now)
    intake.keep(actor, request, brought, now)
    audit.record(actor, "ra.take_in", request, number=request.number)
    return request


@audit.action
def change_intake(actor: Actor, request_id: int, brought: Brought, now: datetime) -> ServiceRequest:
    """Note another requester, or data at hand, of an open request; the earlier note is replaced.

    After entry the requester stands in the data and is corrected there; after an approval nothing of it is changed any more.
    Raises StepNotDue, RequesterMissing, parties.RuleError, systems errors, RequestClosed, RequestNotFound, iam.RightMissing.
    """
    rights.require(actor, "requests.create")
    cleaned: list[Brought] = []

    def work(request: ServiceRequest) -> None:
        ensure_changeable(request)
        if request.data_digest or request.approval is not None:
            raise IntakeClosed(number=request.number)
        cleaned.append(_checked(request.system, request.kind, brought, now))

    _, outcome = moving.each(actor, "ra.change_intake", [request_id], work)
    request = moving.alone(outcome)
    intake.keep(actor, request, cleaned[0], now)
    move = Move(actor, now)
    move.stayed(request, Verb(request.step), "requester")
    move.write()
    audit.record(actor, "ra.change_intake", request)
    return request


def _system_and_kind(actor: Actor, application: IntakeForm) -> tuple[str, str]:
    """What the certificate is of: as asked for, or as the pair in sight is. Raises PairNeeded."""
    if not businesses()[application.business].acts_on_pair:
        return application.system, application.kind
    pair = CertificatePair.objects.visible_to(actor).filter(pk=application.pair_id or 0).first()
    if pair is None:
        raise PairNeeded
    return pair.system, pair.kind


def _checked(system: str, kind: str, brought: Brought, now: datetime) -> Brought:
    said = {key: " ".join(str(value).split()) for key, value in brought.requester.items()}
    if not said.get("name"):
        raise RequesterMissing
    requester = {
        "name": person_name(said["name"], N_("经办人姓名")),
        "phone": mobile_number(said.get("phone", ""), N_("经办人手机")),
    }
    if said.get("id_number"):
        id_type, _, number = said["id_number"].rpartition(":")
        read = identity_number(id_type or "RESIDENT", number, today=parties.local_day(now), name=N_("经办人证件"))
        requester["id_number"] = f"{read.type}:{read.number}"
    form: dict[str, str] = {}
    if system and kind:
        fields = system_rules.ensure_kind(systems.policy(system), kind).fields
        form = {
            one.code: system_rules.check_field(one, brought.form[one.code])
            for one in fields
            if brought.form.get(one.code)
        }
    return Brought(requester, form, " ".join(brought.department.split())[:60])


def _with_holder(actor: Actor, application: IntakeForm, draft: RequestDraft, now: datetime) -> RequestDraft:
    system_rules.ensure_kind(systems.policy(application.system), application.kind)
    tree = parties.region_tree()
    draft = replace(
        draft, system=application.system, kind=application.kind, region_code=tree.read(application.region).code
    )
    body = _body(actor, application.organization, now)
    draft = replace(draft, organization_id=body)
    if application.kind == CertificateKind.PERSONAL:
        if application.person is None:
            raise SubjectMissing(kind=CertificateKind(application.kind).label, party=N_("持有人"))
        person = register_person(actor, replace(application.person, organization_id=body), now=now)
        return replace(draft, person_id=person.pk)
    if application.kind == CertificateKind.DEVICE:
        if application.device is None:
            raise SubjectMissing(kind=CertificateKind(application.kind).label, party=N_("设备"))
        device = register_device(actor, replace(application.device, organization_id=body), now=now)
        return replace(draft, device_id=device.pk)
    return draft


def _ensure_free_seal(kind: str, brought: Brought, now: datetime) -> None:
    """Told at the counter already, where the code is at hand; what decides is the same check at entry."""
    index = seals.index_of(kind, brought.form)
    known = seals.uses([index] if index else [], now)
    seals.ensure_free(known, index, organization_id=None, is_on_pair=False)


def _body(actor: Actor, entry: OrganizationEntry | None, now: datetime) -> int | None:
    return register_organization(actor, entry, now=now).pk if entry is not None else None
