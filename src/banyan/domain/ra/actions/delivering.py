"""Telling people that a token is ready, and handing it over."""

from collections.abc import Sequence
from datetime import datetime

from banyan.domain import audit
from banyan.domain.inventory import actions as inventory
from banyan.domain.inventory.models import Token
from banyan.domain.inventory.rules import Verb as TokenVerb
from banyan.domain.inventory.rules import may_go
from banyan.domain.lifecycle import actions as lifecycle
from banyan.domain.lifecycle.businesses import businesses
from banyan.domain.ra import moving, notices
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.ra.moving import Move
from banyan.domain.ra.processes import Verb
from banyan.domain.ra.values import Outcome, Refused
from banyan.kernel.actor import Actor

SLICE = 100


def notify_ready(actor: Actor, request_id: int, now: datetime) -> ServiceRequest:
    """Tell the holder that the token is ready (通知领取). Raises StepNotDue, RequestNotFound, RightMissing."""
    return moving.alone(notify_ready_many(actor, [request_id], now))


def notify_ready_many(actor: Actor, request_ids: Sequence[int], now: datetime) -> Outcome:
    """Tell many, in slices of their own transactions."""
    result = Outcome()
    for start in range(0, len(request_ids), SLICE):
        outcome = _notify_slice(actor, request_ids[start : start + SLICE], now)
        result.requests += outcome.requests
        result.refusals += [Refused(start + refused.index, refused.error) for refused in outcome.refusals]
    return result


@audit.action
def _notify_slice(actor: Actor, request_ids: Sequence[int], now: datetime) -> Outcome:
    def work(request: ServiceRequest) -> None:
        moving.ensure_right(actor, request, Verb.NOTIFY_READY)
        moving.ensure_turn(request, Verb.NOTIFY_READY)

    good, outcome = moving.each(actor, "ra.notify_ready", request_ids, work)
    move = Move(actor, now)
    for request in good:
        move.done(request, Verb.NOTIFY_READY)
    move.write()
    notices.notify(good, "ready", now)
    audit.record_many(actor, "ra.notify_ready", good)
    return outcome


def hand_over(actor: Actor, request_id: int, now: datetime, *, received_by: str, note: str = "") -> ServiceRequest:
    """Give the token to whoever signed for it (交付, 领取签收); ``received_by`` is the name on the receipt.

    The old pair of a modification or of a damaged token is revoked now. Raises StepNotDue, RequestNotFound,
    iam.RightMissing, inventory.TransitionRefused.
    """
    return moving.alone(hand_over_many(actor, [request_id], now, received_by=received_by, note=note))


def hand_over_many(
    actor: Actor, request_ids: Sequence[int], now: datetime, *, received_by: str, note: str = ""
) -> Outcome:
    """Hand over many at once (a body fetches its people's tokens), in slices of their own transactions."""
    result = Outcome()
    for start in range(0, len(request_ids), SLICE):
        outcome = _hand_over_slice(actor, request_ids[start : start + SLICE], now, received_by, note)
        result.requests += outcome.requests
        result.refusals += [Refused(start + refused.index, refused.error) for refused in outcome.refusals]
    return result


@audit.action
def _hand_over_slice(actor: Actor, request_ids: Sequence[int], now: datetime, received_by: str, note: str) -> Outcome:
    def work(request: ServiceRequest) -> None:
        moving.ensure_right(actor, request, Verb.HAND_OVER)
        moving.ensure_turn(request, Verb.HAND_OVER)
        if request.pair_id is not None:  # delivery may end the old pair: the one that was approved, for that reason
            moving.ensure_approved(request)

    good, outcome = moving.each(actor, "ra.hand_over", request_ids, work)
    _give_tokens(actor, good, note, now)
    move = Move(actor, now)
    for request in good:
        move.done(request, Verb.HAND_OVER, note=f"{received_by} {note}".strip())
    move.write()
    receiver = audit.digest(received_by)
    details = [{"received_by": receiver, "token": one.token_serial} for one in good]
    audit.record_many(actor, "ra.hand_over", good, details=details)
    for request in good:
        if request.pair_id is not None:
            lifecycle.settle_at_delivery(actor, request.business, request.reason, request.pair_id, now)
    renewed = [request for request in good if "renewed" in businesses()[request.business].notices]
    notices.notify(renewed, "renewed", now)
    return outcome


def _give_tokens(actor: Actor, requests: Sequence[ServiceRequest], note: str, now: datetime) -> None:
    ids = [request.token_id for request in requests if request.token_id is not None]
    tokens = Token.objects.unscoped("the tokens of these requests").filter(pk__in=ids)
    ready = [token.pk for token in tokens.order_by("pk") if may_go(TokenVerb.HAND_OVER, token.state)]
    if ready:
        inventory.hand_over(actor, ready, note=note, now=now)
