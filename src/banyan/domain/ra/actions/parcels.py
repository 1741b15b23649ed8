"""Delivery by EMS (邮寄): a parcel is prepared, handed to EMS with its waybill number, delivered or returned."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

from banyan.domain import audit
from banyan.domain.iam import rights
from banyan.domain.inventory import actions as inventory
from banyan.domain.inventory.models import Token, TokenState
from banyan.domain.ra import moving, recipients, working_days
from banyan.domain.ra.actions.delivering import Handing, ensure_deliverable, given, note_packed
from banyan.domain.ra.delivery_errors import (
    InParcel,
    NotMailable,
    ParcelChanged,
    ParcelEmpty,
    ParcelNotFound,
    ParcelNotThere,
    WaybillTaken,
)
from banyan.domain.ra.models import HandOverReceipt, Parcel, ParcelItem, ParcelState, RequestState, ServiceRequest
from banyan.domain.ra.moving import Move
from banyan.domain.ra.numbers import take_numbers
from banyan.domain.ra.processes import Verb
from banyan.domain.ra.recipients import Recipient
from banyan.domain.ra.waybills import waybill_number
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_

RIGHT: Final = "requests.hand_over"
# Working days EMS has to deliver; a parcel that takes longer is listed.
DELIVERED_WITHIN: Final = 7
_PREFIX: Final = "BG"


@audit.action
def prepare_parcel(actor: Actor, request_ids: Sequence[int], recipient: Recipient, now: datetime) -> Parcel:
    """Put tokens of requests that wait to be handed over into a parcel (待交寄).

    All or none. Raises ParcelEmpty, InParcel, NotMailable, StepNotDue, RequestNotFound, iam.RightMissing.
    """
    rights.require(actor, RIGHT)
    wanted = list(dict.fromkeys(request_ids))
    if not wanted:
        raise ParcelEmpty
    packed: dict[int, dict[str, str]] = {}
    states: dict[int, str] = {}

    def before(found: Collection[ServiceRequest]) -> None:
        note_packed(packed, found)
        states.update(_token_states(found))

    def work(request: ServiceRequest) -> None:
        ensure_deliverable(actor, request)
        if request.pk in packed:
            raise InParcel(number=request.number, **packed[request.pk])
        token = states.get(request.pk)
        if token != TokenState.PERSONALIZED:
            raise NotMailable(number=request.number, state=_shown(token))

    good, outcome = moving.each(actor, "ra.prepare_parcel", wanted, work, before=before)
    if outcome.refusals:
        raise outcome.refusals[0].error
    (number,) = take_numbers(_PREFIX, working_days.local_date(now), 1)
    parcel = Parcel(
        number=number, region_code=good[0].region_code, recipient_sealed=recipients.seal(number, recipient),
        recipient_masked=recipients.masked(recipient)[:200], prepared_at=now,
    )  # fmt: skip
    parcel.save()
    ParcelItem.objects.bulk_create([ParcelItem(parcel=parcel, request=request) for request in good])
    _line(actor, good, "packed", parcel.number, now)
    audit.record(actor, "ra.parcel_prepared", parcel, requests=[one.pk for one in good])
    return parcel


@audit.action
def take_out(actor: Actor, parcel_id: int, request_id: int, now: datetime) -> Parcel:
    """Take a request's token out of a parcel that EMS does not have yet; an empty parcel is cancelled.

    Raises ParcelNotFound, ParcelNotThere, RequestNotFound, iam.RightMissing.
    """
    parcel = _parcel(actor, parcel_id, ParcelState.PREPARED, N_("取出介质"))
    request = moving.find(actor, [request_id]).get(request_id)
    taken = ParcelItem.objects.filter(parcel=parcel, request_id=request_id, is_open=True).update(is_open=False)
    if request is None or not taken:
        raise ParcelNotThere(parcel=parcel.number, state=str(parcel.get_state_display()), doing=N_("取出介质"))
    if not parcel.items.filter(is_open=True).exists():
        parcel.state, parcel.settled_at = ParcelState.CANCELLED, now
    _save(parcel, ["state", "settled_at"])
    if request.state == RequestState.OPEN:
        _line(actor, [request], "unpacked", parcel.number, now)
    audit.record(actor, "ra.parcel_unpacked", parcel, request=request_id)
    return parcel


@audit.action
def send_parcel(actor: Actor, parcel_id: int, now: datetime, *, waybill: str) -> Parcel:
    """Hand a parcel to EMS with its waybill number (交寄). Its tokens are in transit now.

    Raises WaybillInvalid, WaybillTaken, ParcelNotFound, ParcelNotThere, StepNotDue, inventory.TransitionRefused.
    """
    number = waybill_number(waybill)
    parcel = _parcel(actor, parcel_id, ParcelState.PREPARED, N_("交寄"))
    taken = Parcel.objects.unscoped("waybill numbers are unique everywhere").filter(waybill=number).first()
    if taken is not None:
        raise WaybillTaken(waybill=number, parcel=taken.number)
    requests = _requests(actor, parcel)
    for request in requests:
        ensure_deliverable(actor, request)
    inventory.ship(actor, [pk for one in requests if (pk := one.token_id) is not None], note=number, now=now)
    parcel.state, parcel.waybill, parcel.sent_at = ParcelState.SENT, number, now
    parcel.due_on = working_days.due_date(now, DELIVERED_WITHIN).on
    _save(parcel, ["state", "waybill", "sent_at", "due_on"])
    _line(actor, requests, "shipped", number, now)
    audit.record(actor, "ra.parcel_sent", parcel, waybill=number, requests=[one.pk for one in requests])
    return parcel


@audit.action
def parcel_delivered(actor: Actor, parcel_id: int, now: datetime, *, received_by: str = "") -> Parcel:
    """EMS delivered (妥投): the requests are handed over; without ``received_by`` to the recipient of the label.

    Raises ParcelNotFound, ParcelNotThere, ApprovalVoid, inventory.TransitionRefused, iam.RightMissing.
    """
    parcel = _parcel(actor, parcel_id, ParcelState.SENT, N_("登记妥投"))
    requests = _requests(actor, parcel)
    for request in requests:
        ensure_deliverable(actor, request)
    name = received_by.strip() or recipients.open_sealed(parcel).name
    ways = {one.pk: HandOverReceipt.How.EMS for one in requests}
    given(actor, requests, now, Handing(name, ways, note=f"EMS {parcel.waybill}"))
    _settle(parcel, ParcelState.DELIVERED, now)
    audit.record(actor, "ra.parcel_delivered", parcel, requests=[one.pk for one in requests])
    return parcel


@audit.action
def parcel_returned(actor: Actor, parcel_id: int, now: datetime, *, reason: str) -> Parcel:
    """EMS brought the parcel back (退回): its tokens wait at the counter again.

    Raises ParcelNotFound, ParcelNotThere, iam.RightMissing.
    """
    parcel = _parcel(actor, parcel_id, ParcelState.SENT, N_("登记退回"))
    requests = _requests(actor, parcel)
    ids = [pk for one in requests if (pk := one.token_id) is not None]
    tokens = Token.objects.unscoped("the tokens of this parcel").filter(pk__in=ids, state=TokenState.IN_TRANSIT)
    back = [token.pk for token in tokens.order_by("pk")]
    if back:
        inventory.come_back(actor, back, note=reason, now=now)
    parcel.note = reason.strip()[:200]
    _settle(parcel, ParcelState.RETURNED, now)
    _line(actor, requests, "came_back", reason, now)
    audit.record(actor, "ra.parcel_returned", parcel, requests=[one.pk for one in requests])
    return parcel


@audit.action
def reveal_recipient(actor: Actor, parcel_id: int, now: datetime) -> Recipient:
    """Name, telephone and address in clear, for the label; the look is recorded. Raises ParcelNotFound, RightMissing."""
    del now
    rights.require(actor, RIGHT)
    parcel = Parcel.objects.visible_to(actor).filter(pk=parcel_id).first()
    if parcel is None:
        raise ParcelNotFound
    audit.record(actor, "ra.recipient_revealed", parcel)
    return recipients.open_sealed(parcel)


def _parcel(actor: Actor, parcel_id: int, state: ParcelState, doing: str) -> Parcel:
    rights.require(actor, RIGHT)
    found = Parcel.objects.visible_to(actor).select_for_update(of=("self",)).filter(pk=parcel_id).first()
    if found is None:
        raise ParcelNotFound
    if found.state != state:
        raise ParcelNotThere(parcel=found.number, state=str(found.get_state_display()), doing=doing)
    return found


def _requests(actor: Actor, parcel: Parcel) -> list[ServiceRequest]:
    """What lies in the parcel. Raises ParcelNotFound where some of it lies out of the actor's sight."""
    ids = list(parcel.items.filter(is_open=True).order_by("request_id").values_list("request_id", flat=True))
    found = moving.find(actor, ids)
    if len(found) != len(ids):
        raise ParcelNotFound
    return [found[pk] for pk in ids]


def _settle(parcel: Parcel, state: ParcelState, now: datetime) -> None:
    parcel.state, parcel.settled_at = state, now
    _save(parcel, ["state", "settled_at", "note"])
    parcel.items.filter(is_open=True).update(is_open=False)


def _save(parcel: Parcel, fields: Sequence[str]) -> None:
    """Write a parcel if it is still the one that was read. Raises ParcelChanged."""
    values = {name: getattr(parcel, name) for name in fields}
    mine = Parcel.objects.unscoped("this very parcel").filter(pk=parcel.pk, version=parcel.version)
    if not mine.update(version=parcel.version + 1, **values):
        raise ParcelChanged(parcel=parcel.number)
    parcel.version += 1


def _line(actor: Actor, requests: Sequence[ServiceRequest], outcome: str, note: str, now: datetime) -> None:
    """One entry in each request's time line; it stays at its step."""
    move = Move(actor, now)
    for request in requests:
        move.stayed(request, Verb.HAND_OVER, outcome, note)
    move.write()


def _token_states(found: Collection[ServiceRequest]) -> dict[int, str]:
    tokens = {one.token_id: one.pk for one in found if one.token_id is not None}
    rows = Token.objects.unscoped("tokens of these requests").filter(pk__in=list(tokens))
    return {tokens[pk]: state for pk, state in rows.values_list("pk", "state")}


def _shown(state: str | None) -> str:
    return str(TokenState(state).label) if state else "—"
