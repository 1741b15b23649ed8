"""Calling a request or its issuance off."""

from datetime import datetime

from banyan.domain import audit
from banyan.domain.ca import actions as ca
from banyan.domain.ca.models import CertificatePair, Issuance, RevocationReason
from banyan.domain.iam import rights
from banyan.domain.inventory import actions as inventory
from banyan.domain.inventory.models import PersonalizationTask, TaskState
from banyan.domain.ra import moving
from banyan.domain.ra.errors import RequestChanged, RequestClosed
from banyan.domain.ra.models import RequestState, ServiceRequest
from banyan.domain.ra.moving import Move
from banyan.domain.ra.processes import Verb
from banyan.kernel.actor import Actor

_OPEN_INTENTS = (Issuance.State.INTENT, Issuance.State.SUBMITTED)


@audit.action
def cancel(actor: Actor, request_id: int, now: datetime, *, reason: str) -> ServiceRequest:
    """End an open request at its requester's wish (撤回).

    An intent under way is called off; a pair already issued but not handed over is revoked and its task closed, so that
    nothing issued is left without an owner. Raises RequestClosed, RequestNotFound, iam.RightMissing.
    """
    rights.require(actor, "requests.create")

    def work(request: ServiceRequest) -> None:
        if request.state != RequestState.OPEN:
            raise RequestClosed(number=request.number, state=request.get_state_display())

    _, outcome = moving.each(actor, "ra.cancel", [request_id], work)
    request = moving.alone(outcome)
    if request.issued_pair_id is not None:
        issued = (
            CertificatePair.objects.unscoped("what this request issued").get(pk=request.issued_pair_id).verify_row()
        )
        if issued.request_id != request.pk:
            raise RequestChanged(number=request.number)
        _give_up_task(actor, request, reason, now)
        ca.revoke_pair(actor, request.issued_pair_id, RevocationReason.CESSATION_OF_OPERATION, now)
    elif request.issuance_id is not None:
        _void(actor, request.issuance_id, now, reason)
    move = Move(actor, now)
    move.closed(request, Verb(request.step), RequestState.CANCELLED, "cancelled", reason)
    move.write()
    audit.record(actor, "ra.cancel", request)
    return request


@audit.action
def cancel_issuance(actor: Actor, request_id: int, now: datetime, *, reason: str) -> ServiceRequest:
    """Call off an issuance that waits for its CA, so that data can be corrected or another token taken.

    Should the CA issue all the same, the pair is recorded and revoked. Raises ca.IssuanceNotOpen, StepNotDue.
    """

    def work(request: ServiceRequest) -> None:
        moving.ensure_right(actor, request, Verb.ISSUE)
        moving.ensure_turn(request, Verb.ISSUE)

    _, outcome = moving.each(actor, "ra.cancel_issuance", [request_id], work)
    request = moving.alone(outcome)
    if request.issuance_id is not None:
        ca.void_issuance(actor, request.issuance_id, now, reason=reason)
        request.issuance_id = None
        request.issuance_version += 1
    move = Move(actor, now)
    move.stayed(request, Verb.ISSUE, "called_off", reason)
    move.write(["issuance_id", "issuance_version"])
    audit.record(actor, "ra.cancel_issuance", request)
    return request


def _void(actor: Actor, issuance_id: int, now: datetime, reason: str) -> None:
    if Issuance.objects.filter(pk=issuance_id, state__in=_OPEN_INTENTS).exists():
        ca.void_issuance(actor, issuance_id, now, reason=reason)


def _give_up_task(actor: Actor, request: ServiceRequest, reason: str, now: datetime) -> None:
    if request.issuance_id is None:
        return
    unfinished = PersonalizationTask.objects.unscoped("the task of this request's pair").filter(
        issuance_id=request.issuance_id, state__in=(TaskState.OPEN, TaskState.WRITTEN)
    )
    for task_id in unfinished.values_list("pk", flat=True):
        inventory.void_task(actor, task_id, reason=reason, now=now)
