"""Entering data, proofreading them by a second person, sending them back."""

from collections.abc import Sequence
from datetime import datetime

from banyan.domain import audit
from banyan.domain.audit.models import insert_guarded
from banyan.domain.ra import entering, entries, moving, notices, rules, sealed_data, seals, subjects
from banyan.domain.ra.actions.materials import ensure_changeable, settle
from banyan.domain.ra.errors import DataMissing, SeenOtherData
from banyan.domain.ra.models import Proofreading, ServiceRequest
from banyan.domain.ra.moving import Move
from banyan.domain.ra.processes import Verb
from banyan.domain.ra.subjects import Holders
from banyan.domain.ra.values import Outcome, Refused, RequestData
from banyan.domain.systems import access as systems
from banyan.kernel.actor import Actor

SLICE = 200
_ENTERED = (
    "data_sealed", "data_digest", "data_version", "subject_name", "subject_der", "extension_values", "profile",
    "person", "organization", "device", "seal_index", "entered_by", "entered_credential", "approval", "proofreading",
)  # fmt: skip


@audit.action
def enter(
    actor: Actor,
    request_id: int,
    data: RequestData,
    now: datetime,
    *,
    person_id: int | None = None,
    organization_id: int | None = None,
    device_id: int | None = None,
    is_identity_changed: bool = False,
) -> ServiceRequest:
    """Enter data (录入), or correct them before issuing.

    Another holder, or a record of the holder that changed, is a change of identity: approval and proofreading become
    void and the request goes back to the first decision that is missing. Other data void the proofreading alone.
    ``is_identity_changed`` says that the caller has just changed a number on the holder's record, which the request's
    own columns do not show.

    Raises SamePerson, StepNotDue, IssuanceUnderWay, DataRefused and the systems' and names' own errors.
    """

    def work(request: ServiceRequest) -> None:
        moving.ensure_right(actor, request, Verb.ENTER)
        systems.Doors(actor).ensure_open(request.system)
        ensure_changeable(request)
        process = moving.process_of(request)
        if process.position(request.step) < process.position(Verb.ENTER):
            moving.ensure_turn(request, Verb.ENTER)
        if request.proofreading is None:
            moving.ensure_other_person(actor, request, Verb.ENTER)

    _, outcome = moving.each(actor, "ra.enter", [request_id], work)
    request = moving.alone(outcome)
    _name_holder(request, person_id, organization_id, device_id)
    _put(actor, request, data, now)
    if is_identity_changed:
        request.approval = request.proofreading = None
    move = Move(actor, now)
    if request.step == Verb.ENTER:
        move.done(request, Verb.ENTER)
    else:
        move.note(request, Verb.ENTER, "corrected")
    settle(move, request)
    move.write(_ENTERED)
    rows = entries.write(actor, [request], now)
    audit.record(actor, "ra.enter", request, rows=rows, version=request.data_version, digest=request.data_digest)
    return request


def _name_holder(
    request: ServiceRequest, person_id: int | None, organization_id: int | None, device_id: int | None
) -> None:
    request.person_id = person_id or request.person_id
    request.organization_id = organization_id or request.organization_id
    request.device_id = device_id or request.device_id


def _put(actor: Actor, request: ServiceRequest, data: RequestData, now: datetime) -> None:
    holders = Holders.load([request])
    policy = systems.policy(request.system)
    entered = entering.enter(
        policy=policy, kind=request.kind, region_code=request.region_code, item=request, data=data, holders=holders
    )
    known = seals.uses([entered.seal_index] if entered.seal_index else [], now)
    body, is_on_pair = request.organization_id, request.pair_id is not None
    seals.ensure_free(known, entered.seal_index, organization_id=body, is_on_pair=is_on_pair, own=request.pk)
    request.seal_index = entered.seal_index
    request.subject_name = subjects.holder_name(request.kind, holders.of(request))
    request.data_sealed = sealed_data.seal_many([(request.number, entered.text)])[0]
    request.data_digest = rules.data_digests([entered.text])[0]
    request.data_version += 1 if request.entered_by is not None else 0
    request.profile = entered.profile
    request.subject_der = entered.subject_der
    request.extension_values = entered.extension_values
    request.entered_by, request.entered_credential = actor.id, actor.credential_id


def proofread(actor: Actor, request_id: int, now: datetime, *, seen_data: str = "") -> ServiceRequest:
    """Confirm as a second person that exactly these data are right (校对).

    ``seen_data`` is the data digest the page showed; other data now are refused. Raises SamePerson, StepNotDue,
    SeenOtherData, DataMissing, RequestNotFound, iam.RightMissing.
    """
    return moving.alone(_proofread_slice(actor, [request_id], now, seen_data))


def proofread_many(actor: Actor, request_ids: Sequence[int], now: datetime) -> Outcome:
    """Confirm many, in slices of their own transactions; those that cannot be are refused one by one."""
    result = Outcome()
    for start in range(0, len(request_ids), SLICE):
        outcome = _proofread_slice(actor, request_ids[start : start + SLICE], now, "")
        result.requests += outcome.requests
        result.refusals += [Refused(start + refused.index, refused.error) for refused in outcome.refusals]
    return result


@audit.action
def _proofread_slice(actor: Actor, request_ids: Sequence[int], now: datetime, seen: str) -> Outcome:
    entered = entries.newest(request_ids)

    def work(request: ServiceRequest) -> None:
        moving.ensure_right(actor, request, Verb.PROOFREAD)
        moving.ensure_turn(request, Verb.PROOFREAD)
        if not request.data_digest or request.entered_by is None:
            raise DataMissing(number=request.number)
        entries.ensure_genuine(request, entered.get(request.pk))
        moving.ensure_other_person(actor, request, Verb.PROOFREAD)
        if seen and seen != request.data_digest:
            raise SeenOtherData(number=request.number)

    good, outcome = moving.each(actor, "ra.proofread", request_ids, work)
    digests = entries.certificate_digests(good)
    readings = [_proofreading(actor, one, digest, now) for one, digest in zip(good, digests, strict=True)]
    insert_guarded(readings)
    move = Move(actor, now)
    for request, reading in zip(good, readings, strict=True):
        request.proofreading = reading
        move.done(request, Verb.PROOFREAD)
    move.write(["proofreading"])
    audit.record_many(
        actor,
        "ra.proofread",
        good,
        rows=[[reading] for reading in readings],
        details=[{"number": one.number, "digest": one.data_digest} for one in good],
    )
    return outcome


def _proofreading(actor: Actor, request: ServiceRequest, digest: str, now: datetime) -> Proofreading:
    return Proofreading(
        request_id=request.pk,
        data_digest=request.data_digest,
        certificate_digest=digest,
        entered_by=request.entered_by or 0,
        entered_credential=request.entered_credential,
        proofreader=actor.id,
        credential=actor.credential_id,
        at=now,
    )


@audit.action
def send_back(actor: Actor, request_id: int, now: datetime, *, reason: str) -> ServiceRequest:
    """Send data with a mistake back to entry (校对退回), with what is wrong. Raises StepNotDue, RequestNotFound."""

    def work(request: ServiceRequest) -> None:
        moving.ensure_right(actor, request, Verb.PROOFREAD)
        moving.ensure_turn(request, Verb.PROOFREAD)

    _, outcome = moving.each(actor, "ra.send_back", [request_id], work)
    request = moving.alone(outcome)
    move = Move(actor, now)
    move.note(request, Verb.PROOFREAD, "sent_back", reason)
    move.went_back(request, Verb.ENTER)
    move.write()
    notices.notify([request], "sent_back", now)
    audit.record(actor, "ra.send_back", request)
    return request
