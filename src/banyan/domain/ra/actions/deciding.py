"""Precheck of completeness, and the owner's decision on the materials."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from banyan.domain import audit
from banyan.domain.audit.models import insert_guarded
from banyan.domain.lifecycle import actions as lifecycle
from banyan.domain.lifecycle.businesses import businesses
from banyan.domain.prepared import new
from banyan.domain.ra import deficiency, moving, notices, rules
from banyan.domain.ra.actions.materials import present_materials
from banyan.domain.ra.errors import SeenOtherData
from banyan.domain.ra.models import Approval, RequestState, ServiceRequest
from banyan.domain.ra.moving import Move
from banyan.domain.ra.processes import RequiredMaterial, Verb
from banyan.domain.ra.values import Outcome, Refused, Remark
from banyan.kernel.actor import Actor

SLICE = 200


@audit.action
def precheck(
    actor: Actor, request_id: int, now: datetime, *, note: str = "", remarks: Mapping[str, Remark] | None = None
) -> list[RequiredMaterial]:
    """Check that everything is there (初审). Complete: the request goes on and an empty list comes back.

    Otherwise everything that is missing, or does not do by ``remarks`` (material → why), comes back at once
    (一次性告知), is kept as a deficiency notice and told to the requester, and the request stays. Raises StepNotDue,
    RequestClosed, RequestNotFound, MaterialUnknown, RemarkMissing, iam.RightMissing.
    """
    found: list[tuple[RequiredMaterial, Remark]] = []

    def work(request: ServiceRequest) -> None:
        moving.ensure_right(actor, request, Verb.PRECHECK)
        moving.ensure_turn(request, Verb.PRECHECK)
        present = [material.code for material in present_materials(request.pk)]
        found.extend(deficiency.found(request, present, remarks or {}))

    _, outcome = moving.each(actor, "ra.precheck", [request_id], work)
    request = moving.alone(outcome)
    move = Move(actor, now)
    if found:
        deficiency.keep(actor, request, found, note, now)
        move.stayed(request, Verb.PRECHECK, "deficient", deficiency.line(found))
        notices.notify([request], "deficient", now)
    else:
        request.is_prechecked = True
        move.done(request, Verb.PRECHECK, note=note)
    move.write(["is_prechecked"])
    audit.record(
        actor, "ra.precheck", request, outcome="deficient" if found else "ok",
        missing=[entry.code for entry, _ in found],
    )  # fmt: skip
    return [entry for entry, _ in found]


def approve(
    actor: Actor, request_id: int, now: datetime, *, reason: str = "", seen_materials: str = ""
) -> ServiceRequest:
    """Approve exactly the materials and the identity as they stand now (审核通过).

    ``seen_materials`` is the materials digest the page showed; another one now is refused. Raises SamePerson,
    StepNotDue, SeenOtherData, RequestNotFound, iam.RightMissing.
    """
    seen = {request_id: seen_materials} if seen_materials else {}
    return moving.alone(_decide(actor, [request_id], now, Approval.Decision.APPROVED, reason, seen))


def approve_many(
    actor: Actor,
    request_ids: Sequence[int],
    now: datetime,
    *,
    reason: str = "",
    seen_materials: Mapping[int, str] | None = None,
) -> Outcome:
    """Approve many, in slices of their own transactions; those that cannot be are refused one by one.

    ``seen_materials``: the materials digest that the page showed of each; one that has others now is refused.
    """
    result = Outcome()
    for start in range(0, len(request_ids), SLICE):
        part = request_ids[start : start + SLICE]
        outcome = _decide(actor, part, now, Approval.Decision.APPROVED, reason, seen_materials or {})
        result.requests += outcome.requests
        result.refusals += [Refused(start + refused.index, refused.error) for refused in outcome.refusals]
    return result


def reject(actor: Actor, request_id: int, now: datetime, *, reason: str) -> ServiceRequest:
    """Reject a request with its reason (审核不通过); it ends, and the requester is told. Raises as ``approve``."""
    return moving.alone(_decide(actor, [request_id], now, Approval.Decision.REJECTED, reason, {}))


@audit.action
def _decide(
    actor: Actor,
    request_ids: Sequence[int],
    now: datetime,
    decision: Approval.Decision,
    reason: str,
    seen: Mapping[int, str],
) -> Outcome:
    def work(request: ServiceRequest) -> None:
        moving.ensure_right(actor, request, Verb.APPROVE)
        moving.ensure_turn(request, Verb.APPROVE)
        moving.ensure_other_person(actor, request, Verb.APPROVE)
        if seen.get(request.pk, request.materials_digest) != request.materials_digest:
            raise SeenOtherData(number=request.number)
        moving.ensure_pair_of_holder(request)

    good, outcome = moving.each(actor, "ra.approve", request_ids, work)
    approvals = [_approval(actor, request, decision, reason, now) for request in good]
    insert_guarded(approvals)
    move = Move(actor, now)
    for request, approval in zip(good, approvals, strict=True):
        request.approval = approval
        if decision is Approval.Decision.APPROVED:
            move.done(request, Verb.APPROVE, note=reason)
        else:
            move.closed(request, Verb.APPROVE, RequestState.REJECTED, "rejected", reason)
    move.write(["approval"])
    event = "ra.approve" if decision is Approval.Decision.APPROVED else "ra.reject"
    audit.record_many(
        actor,
        event,
        good,
        rows=[[approval] for approval in approvals],
        details=[{"number": one.number} for one in good],
    )
    if decision is Approval.Decision.APPROVED:
        for request, approval in zip(good, approvals, strict=True):
            _after_approval(actor, request, approval, now)
    else:
        notices.notify(good, "rejected", now)
    return outcome


def _approval(
    actor: Actor, request: ServiceRequest, decision: Approval.Decision, reason: str, now: datetime
) -> Approval:
    return new(
        Approval,
        request_id=request.pk,
        materials_digest=request.materials_digest,
        identity_digest=rules.identity_digest(rules.identity_of(request)),
        decision=str(decision),
        reason=reason[:400],
        approver=actor.id,
        credential=actor.credential_id,
        at=now,
    )


def _after_approval(actor: Actor, request: ServiceRequest, approval: Approval, now: datetime) -> None:
    """What an approval sets off at once: a lost token's pair is revoked, an unlocking is permitted."""
    if request.pair_id is None:
        return
    if request.business == "unlock":
        lifecycle.grant_unlock(actor, request_id=request.pk, approval_id=approval.pk, pair_id=request.pair_id, now=now)
    elif businesses()[request.business].issues:
        lifecycle.settle_at_approval(actor, request.business, request.reason, request.pair_id, now)
