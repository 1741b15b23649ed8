"""Reading what is to be told and handed over: open notices, attempts, receipts, parcels; within the actor's sight."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time

from django.conf import settings
from django.db import models

from banyan.domain.iam import rights
from banyan.domain.outbox.models import MessageState, OutboxMessage
from banyan.domain.parties.scoping import ScopedQuerySet
from banyan.domain.ra import notices, working_days
from banyan.domain.ra.delivery_errors import ParcelNotFound
from banyan.domain.ra.delivery_models import OPEN_NOTICES
from banyan.domain.ra.models import (
    HandOverReceipt,
    Message,
    Notice,
    NoticeAttempt,
    NoticeState,
    Parcel,
    ParcelItem,
    ParcelState,
    RequestState,
    ServiceRequest,
)
from banyan.domain.ra.processes import Verb
from banyan.domain.ra.work import Place
from banyan.kernel.actor import Actor

OPEN_PARCELS = (ParcelState.PREPARED, ParcelState.SENT)


@dataclass(frozen=True, slots=True)
class NoticeStory:
    """A notice with every try to tell it; ``is_dead``: its text message was given up."""

    notice: Notice
    attempts: tuple[NoticeAttempt, ...]
    is_dead: bool


def has_gateway() -> bool:
    """Whether text messages go out by themselves; else every open notice is for a call."""
    return bool(settings.BANYAN.sms_gateway)


def to_call(actor: Actor, *, after: int = 0, limit: int = 20) -> list[Notice]:
    """Notices that somebody has to tell by telephone (待电话通知), the oldest first, after a key."""
    found = _to_call(actor).filter(pk__gt=after).select_related("request__organization")
    return list(found.order_by("pk")[:limit])


def to_call_count(actor: Actor, most: int = 1000) -> int:
    """How many of them there are, counted up to ``most``."""
    return len(_to_call(actor).order_by("pk").values_list("pk", flat=True)[:most])


def _to_call(actor: Actor) -> ScopedQuerySet[Notice]:
    rights.require(actor, "requests.read")
    # Both states, so that the partial index fits; which of them are for a call depends on the gateway.
    found = Notice.objects.visible_to(actor).filter(state__in=[str(one) for one in OPEN_NOTICES])
    return found.filter(state=NoticeState.TO_CALL) if has_gateway() else found


def stories(actor: Actor, request: ServiceRequest) -> list[NoticeStory]:
    """The notices of a request, the latest first, each with its tries."""
    rights.require(actor, "requests.read")
    found = list(Notice.objects.visible_to(actor).filter(request_id=request.pk).order_by("-pk"))
    tries: dict[int, list[NoticeAttempt]] = {}
    for one in NoticeAttempt.objects.filter(notice__in=[notice.pk for notice in found]).order_by("pk"):
        tries.setdefault(one.notice_id, []).append(one)
    dead = _given_up(request)
    return [NoticeStory(one, tuple(tries.get(one.pk, ())), one.pk in dead) for one in found]


def messages(request: ServiceRequest) -> list[Message]:
    """What its requester can read on the portal about a request, the latest first; the caller knows who asks."""
    found = Message.objects.unscoped("messages about a request whose requester the portal knows")
    return list(found.filter(request_id=request.pk).order_by("-pk"))


def _given_up(request: ServiceRequest) -> set[int]:
    letters = OutboxMessage.objects.filter(
        target=notices.TOPIC.partition(".")[0], state=MessageState.DEAD, ordering_key=f"request:{request.pk}"
    )
    return {int(json.loads(one).get("id", 0)) for one in letters.values_list("payload", flat=True)}


def states_of_notices(request_ids: Iterable[int]) -> dict[int, Notice]:
    """The latest notice of each of these requests, which the caller chose by sight."""
    found = Notice.objects.unscoped("the notices of requests in sight").filter(request_id__in=list(request_ids))
    return {one.request_id: one for one in found.order_by("pk")}


def attempts_of(notice_ids: Iterable[int]) -> dict[int, list[NoticeAttempt]]:
    """The tries of these notices, which the caller chose by sight."""
    found: dict[int, list[NoticeAttempt]] = {}
    for one in NoticeAttempt.objects.filter(notice_id__in=list(notice_ids)).order_by("pk"):
        found.setdefault(one.notice_id, []).append(one)
    return found


def late(actor: Actor, now: datetime, *, after: Place | None = None, limit: int = 20) -> list[ServiceRequest]:
    """Requests to be told of or fetched whose day is past, the latest past first."""
    rights.require(actor, "requests.read")
    found = ServiceRequest.objects.visible_to(actor).filter(
        step__in=(str(Verb.NOTIFY_READY), str(Verb.HAND_OVER)), state=RequestState.OPEN,
        due_on__lt=working_days.local_date(now),
    )  # fmt: skip
    if after is not None:
        found = found.filter(models.Q(due_on__gt=after.due_on) | models.Q(due_on=after.due_on, pk__gt=after.pk))
    return list(found.select_related("person", "organization", "device").order_by("due_on", "pk")[:limit])


def waiting_requests(actor: Actor, request_ids: Iterable[int]) -> list[ServiceRequest]:
    """Those of these requests that wait to be fetched and lie in sight."""
    rights.require(actor, "requests.read")
    found = ServiceRequest.objects.visible_to(actor).filter(
        pk__in=list(request_ids), step=str(Verb.HAND_OVER), state=RequestState.OPEN
    )
    return list(found.order_by("pk"))


def receipt(actor: Actor, request_id: int) -> HandOverReceipt | None:
    """Who took the token of a request, once somebody did."""
    rights.require(actor, "requests.read")
    return HandOverReceipt.objects.visible_to(actor).filter(request_id=request_id).first()


def parcel_of(actor: Actor, request_id: int) -> Parcel | None:
    """The parcel in which a request's token lies or lay last."""
    rights.require(actor, "requests.read")
    item = ParcelItem.objects.filter(request_id=request_id).order_by("-pk").first()
    return Parcel.objects.visible_to(actor).filter(pk=item.parcel_id).first() if item else None


def parcels_of(request_ids: Iterable[int]) -> dict[int, Parcel]:
    """The parcel under way of each of these requests, which the caller chose by sight."""
    items = ParcelItem.objects.filter(request_id__in=list(request_ids), is_open=True).select_related("parcel")
    return {one.request_id: one.parcel for one in items}


def parcels(actor: Actor, now: datetime, *, kind: str = "", before: int | None = None, limit: int = 25) -> list[Parcel]:
    """Parcels, the latest first: ``kind`` is prepared, sent, late (with EMS past its day) or "" for all."""
    rights.require(actor, "requests.read")
    found = Parcel.objects.visible_to(actor)
    if kind:
        # Both open states first, so that the partial index fits.
        found = found.filter(state__in=[str(one) for one in OPEN_PARCELS])
        found = found.filter(state=ParcelState.PREPARED if kind == "prepared" else ParcelState.SENT)
    if kind == "late":
        found = found.filter(due_on__lt=working_days.local_date(now))
    if before is not None:
        found = found.filter(pk__lt=before)
    return list(found.order_by("-pk")[:limit])


def parcels_sent_on(actor: Actor, now: datetime, *, limit: int) -> list[Parcel]:
    """Parcels handed to EMS on the day of ``now``, the oldest first; of those that are still with EMS."""
    rights.require(actor, "requests.read")
    begin = datetime.combine(working_days.local_date(now), time(), working_days.LOCAL)
    found = Parcel.objects.visible_to(actor).filter(state__in=[str(one) for one in OPEN_PARCELS])
    return list(found.filter(state=ParcelState.SENT, sent_at__gte=begin, sent_at__lte=now).order_by("pk")[:limit])


def parcel_counts(actor: Actor, now: datetime) -> dict[str, int]:
    """How many parcels wait for EMS, are with EMS, and are with EMS past their day. Reads open parcels only."""
    rights.require(actor, "requests.read")
    found = Parcel.objects.visible_to(actor).filter(state__in=[str(one) for one in OPEN_PARCELS])
    sent, today = models.Q(state=ParcelState.SENT), working_days.local_date(now)
    counted = found.aggregate(
        prepared=models.Count("pk", filter=models.Q(state=ParcelState.PREPARED)),
        sent=models.Count("pk", filter=sent),
        late=models.Count("pk", filter=sent & models.Q(due_on__lt=today)),
    )
    return {name: int(count) for name, count in counted.items()}


def parcel(actor: Actor, parcel_id: int) -> Parcel:
    """One parcel. Raises ParcelNotFound."""
    rights.require(actor, "requests.read")
    found = Parcel.objects.visible_to(actor).filter(pk=parcel_id).first()
    if found is None:
        raise ParcelNotFound
    return found


def contents(actor: Actor, parcel_ids: Iterable[int]) -> dict[int, list[ServiceRequest]]:
    """What lies or lay in parcels, as far as it is in sight; taken out again is left out while a parcel is open."""
    items = list(ParcelItem.objects.filter(parcel_id__in=list(parcel_ids)).order_by("pk").select_related("parcel"))
    visible = ServiceRequest.objects.visible_to(actor).filter(pk__in={one.request_id for one in items})
    requests = {one.pk: one for one in visible}
    found: dict[int, list[ServiceRequest]] = {}
    for item in items:
        if item.request_id in requests and (item.is_open or item.parcel.state not in OPEN_PARCELS):
            found.setdefault(item.parcel_id, []).append(requests[item.request_id])
    return found
