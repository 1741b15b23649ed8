"""Calling a request or its issuance off."""

from collections.abc import Iterable
from datetime import datetime

from banyan.domain import audit
from banyan.domain.ca import actions as ca
from banyan.domain.ca.models import CertificatePair, Issuance, RevocationReason
from banyan.domain.iam import rights
from banyan.domain.inventory import actions as inventory
from banyan.domain.inventory.models import PersonalizationTask, TaskState, Token
from banyan.domain.inventory.rules import Verb as TokenVerb
from banyan.domain.inventory.rules import may_go
from banyan.domain.ra import moving, notices
from banyan.domain.ra.actions.delivering import note_packed
from banyan.domain.ra.delivery_errors import InParcel
from banyan.domain.ra.errors import (
    IssuanceMissing,
    IssuanceUnderWay,
    ReasonMissing,
    RequestChanged,
    RequestClosed,
    TokenRefused,
)
from banyan.domain.ra.models import RequestState, ServiceRequest
from banyan.domain.ra.moving import Move
from banyan.domain.ra.processes import Verb
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_

_OPEN_INTENTS = (Issuance.State.INTENT, Issuance.State.SUBMITTED)


@audit.action
def cancel(actor: Actor, request_id: int, now: datetime, *, reason: str) -> ServiceRequest:
    """End an open request at its requester's wish (撤回).

    An intent under way is called off; a pair already issued but not handed over is revoked and its task closed, so that
    nothing issued is left without an owner. Raises ReasonMissing, RequestClosed, RequestNotFound, InParcel, iam.RightMissing.
    """
    rights.require(actor, "requests.create")
    if not reason.strip():
        raise ReasonMissing
    packed: dict[int, dict[str, str]] = {}

    def work(request: ServiceRequest) -> None:
        if request.state != RequestState.OPEN:
            raise RequestClosed(number=request.number, state=request.get_state_display())
        if request.pk in packed:
            raise InParcel(number=request.number, **packed[request.pk])

    _, outcome = moving.each(actor, "ra.cancel", [request_id], work, before=lambda found: note_packed(packed, found))
    request = moving.alone(outcome)
    if request.issued_pair_id is not None:
        _revoke_issued(actor, request, reason, now)
    elif request.issuance_id is not None:
        _void(actor, request.issuance_id, now, reason)
    move = Move(actor, now)
    move.closed(request, Verb(request.step), RequestState.CANCELLED, "cancelled", reason)
    move.write()
    notices.close([request], now)
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


@audit.action
def set_token_aside(actor: Actor, request_id: int, now: datetime, *, reason: str) -> ServiceRequest:
    """Take another token for a request (换介质): the one prepared for it is declared damaged, since an agent knows its PINs.

    Raises TokenRefused where none was prepared or the pair is under way already, StepNotDue, iam.RightMissing.
    """

    def work(request: ServiceRequest) -> None:
        moving.ensure_right(actor, request, Verb.ISSUE)
        moving.ensure_turn(request, Verb.ISSUE)
        if request.issuance_id is not None:
            raise IssuanceUnderWay(number=request.number)

    _, outcome = moving.each(actor, "ra.set_token_aside", [request_id], work)
    request = moving.alone(outcome)
    prepared = _prepared_tokens(request)
    if not prepared:
        raise TokenRefused(token=N_("（无）"), number=request.number, reason=N_("这件申请还没有准备过介质"))
    _damage(actor, prepared, reason, now)
    move = Move(actor, now)
    move.stayed(request, Verb.ISSUE, "token_aside", reason)
    move.write()
    audit.record(actor, "ra.set_token_aside", request, tokens=[token.serial for token in prepared])
    return request


@audit.action
def void_pair(actor: Actor, request_id: int, now: datetime, *, reason: str, is_token_damaged: bool) -> ServiceRequest:
    """Void the pair that could not be written (作废这一对); the request stands at issuing again, its decisions still hold.

    Both certificates are revoked and their task is closed, so nothing issued is left without an owner. The next pair may be born in
    the same token, unless that is declared damaged. Raises StepNotDue, IssuanceMissing, iam.RightMissing.
    """

    def work(request: ServiceRequest) -> None:
        moving.ensure_right(actor, request, Verb.PERSONALIZE)
        moving.ensure_turn(request, Verb.PERSONALIZE)
        if request.issued_pair_id is None:
            raise IssuanceMissing(number=request.number)

    _, outcome = moving.each(actor, "ra.void_pair", [request_id], work)
    request = moving.alone(outcome)
    _revoke_issued(actor, request, reason, now)
    if is_token_damaged:
        _damage(actor, Token.objects.visible_to(actor).filter(pk=request.token_id or 0), reason, now)
    request.issued_pair_id = request.issuance_id = None
    request.issuance_version += 1
    move = Move(actor, now)
    move.note(request, Verb.PERSONALIZE, "pair_voided", reason)
    move.went_back(request, Verb.ISSUE)
    move.write(["issued_pair_id", "issuance_id", "issuance_version"])
    audit.record(actor, "ra.void_pair", request, token=request.token_serial, is_token_damaged=is_token_damaged)
    return request


def _prepared_tokens(request: ServiceRequest) -> list[Token]:
    serials = request.steps.filter(step=Verb.ISSUE, outcome="prepared").values_list("note", flat=True)
    found = Token.objects.unscoped("tokens prepared for this request").filter(serial__in=set(serials))
    return [token for token in found if may_go(TokenVerb.DAMAGE, token.state)]


def _damage(actor: Actor, tokens: Iterable[Token], reason: str, now: datetime) -> None:
    if ids := [token.pk for token in tokens if may_go(TokenVerb.DAMAGE, token.state)]:
        inventory.damage(actor, ids, reason=reason, now=now)


def _revoke_issued(actor: Actor, request: ServiceRequest, reason: str, now: datetime) -> None:
    pair_id = request.issued_pair_id or 0
    issued = CertificatePair.objects.unscoped("what this request issued").get(pk=pair_id).verify_row()
    if issued.request_id != request.pk:
        raise RequestChanged(number=request.number)
    _give_up_task(actor, request, reason, now)
    ca.revoke_pair(actor, pair_id, RevocationReason.CESSATION_OF_OPERATION, now)


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
