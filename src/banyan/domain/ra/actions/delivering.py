"""Telling people that a token is ready, and handing it over."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from banyan.domain import audit, bulk
from banyan.domain.inventory import actions as inventory
from banyan.domain.inventory.models import Token
from banyan.domain.inventory.rules import Verb as TokenVerb
from banyan.domain.inventory.rules import may_go
from banyan.domain.lifecycle import actions as lifecycle
from banyan.domain.lifecycle.businesses import businesses
from banyan.domain.ra import moving, notices, receipts, receivers
from banyan.domain.ra.delivery_errors import InParcel, ReceiptMissing
from banyan.domain.ra.models import HandOverReceipt, ParcelItem, ServiceRequest
from banyan.domain.ra.moving import Move
from banyan.domain.ra.processes import Verb
from banyan.domain.ra.receivers import Receiver
from banyan.domain.ra.values import NewMaterial, Outcome, Refused
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


def hand_over(
    actor: Actor, request_id: int, now: datetime, *, receiver: Receiver, scan: NewMaterial | None = None
) -> ServiceRequest:
    """Give the token to whoever may take it and signed for it (交付, 领取签收); ``scan`` is the signed receipt (领取表).

    The old pair of a modification or of a damaged token is revoked now. Raises StepNotDue, RequestNotFound, InParcel,
    ReceiptMissing, what ``receivers.check`` raises, iam.RightMissing, inventory.TransitionRefused.
    """
    return moving.alone(hand_over_many(actor, [request_id], now, receiver=receiver, scan=scan))


def hand_over_many(
    actor: Actor, request_ids: Sequence[int], now: datetime, *, receiver: Receiver, scan: NewMaterial | None = None
) -> Outcome:
    """Hand over many at once (a body fetches its people's tokens), in slices of their own transactions."""
    kept = receipts.keep(scan)
    result = Outcome()
    for start in range(0, len(request_ids), SLICE):
        outcome = _hand_over_slice(actor, request_ids[start : start + SLICE], now, receiver, kept)
        result.requests += outcome.requests
        result.refusals += [Refused(start + refused.index, refused.error) for refused in outcome.refusals]
    return result


@audit.action
def _hand_over_slice(
    actor: Actor, request_ids: Sequence[int], now: datetime, receiver: Receiver, scan: receipts.Scan | None
) -> Outcome:
    ways: dict[int, HandOverReceipt.How] = {}
    packed: dict[int, dict[str, str]] = {}

    def work(request: ServiceRequest) -> None:
        ensure_deliverable(actor, request)
        if request.pk in packed:
            raise InParcel(number=request.number, **packed[request.pk])
        ways[request.pk] = receivers.check(request, receiver)
        if scan is None and receipts.is_required():
            raise ReceiptMissing(number=request.number)

    good, outcome = moving.each(
        actor, "ra.hand_over", request_ids, work, before=lambda found: note_packed(packed, found)
    )
    given(actor, good, now, Handing(receiver.name, ways, receiver.authorization, receiver.note, scan))
    return outcome


@dataclass(frozen=True, slots=True)
class Handing:
    """How tokens went into somebody's hands; ``ways`` says for each request how it was known who that is."""

    received_by: str
    ways: Mapping[int, HandOverReceipt.How]
    authorization: str = ""
    note: str = ""
    scan: receipts.Scan | None = None


def ensure_deliverable(actor: Actor, request: ServiceRequest) -> None:
    """Whether the request may be handed over now. Raises RightMissing, StepNotDue, RequestClosed, ApprovalVoid."""
    moving.ensure_right(actor, request, Verb.HAND_OVER)
    moving.ensure_turn(request, Verb.HAND_OVER)
    if request.pair_id is not None:  # delivery may end the old pair: the one that was approved, for that reason
        moving.ensure_approved(request)


def given(actor: Actor, good: Sequence[ServiceRequest], now: datetime, handing: Handing) -> None:
    """Requests whose tokens are in the receiver's hands end here, inside an action: token, receipt, old pair, notices."""
    _give_tokens(actor, good, handing.note, now)
    move = Move(actor, now)
    for request in good:
        move.done(request, Verb.HAND_OVER, note=f"{handing.received_by} {handing.note}".strip())
    move.write()
    bulk.append_many([receipts.row(request, handing.ways[request.pk], handing, actor, now) for request in good])
    receiver = audit.digest(handing.received_by)
    details = [{"received_by": receiver, "how": str(handing.ways[one.pk]), "token": one.token_serial} for one in good]
    audit.record_many(actor, "ra.hand_over", good, details=details)
    for request in good:
        if request.pair_id is not None:
            lifecycle.settle_at_delivery(actor, request.business, request.reason, request.pair_id, now)
    notices.close(good, now)
    renewed = [request for request in good if "renewed" in businesses()[request.business].notices]
    notices.notify(renewed, "renewed", now)


def parcel_of_each(request_ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """Of these requests, those whose token lies in a parcel that is under way: the parcel and its state."""
    found = ParcelItem.objects.filter(request_id__in=list(request_ids), is_open=True).select_related("parcel")
    return {
        one.request_id: {"parcel": one.parcel.number, "state": str(one.parcel.get_state_display())} for one in found
    }


def note_packed(packed: dict[int, dict[str, str]], found: Collection[ServiceRequest]) -> None:
    """Fill in which requests lie in a parcel; once they are locked, so that nobody packs them meanwhile."""
    packed.update(parcel_of_each([one.pk for one in found]))


def _give_tokens(actor: Actor, requests: Sequence[ServiceRequest], note: str, now: datetime) -> None:
    ids = [request.token_id for request in requests if request.token_id is not None]
    tokens = Token.objects.unscoped("the tokens of these requests").filter(pk__in=ids)
    ready = [token.pk for token in tokens.order_by("pk") if may_go(TokenVerb.HAND_OVER, token.state)]
    if ready:
        inventory.hand_over(actor, ready, note=note, now=now)
