"""The desk of 领取: what has to be told, called, fetched, mailed, unlocked and revoked, and one request's hand-over."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from banyan.domain.iam import access as iam
from banyan.domain.iam import rights
from banyan.domain.inventory import access as inventory
from banyan.domain.inventory.errors import TokenNotFound
from banyan.domain.lifecycle import rules as lifecycle
from banyan.domain.lifecycle.businesses import NOTICE_TEXT
from banyan.domain.parties.identity_rules import mask_phone
from banyan.domain.ra import access as ra
from banyan.domain.ra import delivery_access, notice_texts, work
from banyan.domain.ra.models import (
    Business,
    HandOverReceipt,
    Notice,
    NoticeAttempt,
    NoticeState,
    Parcel,
    ServiceRequest,
)
from banyan.domain.ra.processes import Verb
from banyan.domain.ra.receivers import Contact, requester_of
from banyan.domain.ra.work import Place
from banyan.domain.systems.policy import CertificateKind
from banyan.kernel.actor import Actor
from banyan.kernel.errors import fill
from banyan.web import words
from banyan.web.reading.deadlines import Deadline, deadline
from banyan.web.reading.holders import Holder, holder
from banyan.web.reading.queue import QueueRow, rows_of
from banyan.web.reading.today import url_of_step

SHOWN = 25
_MOST = 1000
# name of a tab, its word, the step it lists
TABS: tuple[tuple[str, Any, Verb | None], ...] = (
    ("notify", gettext_lazy("待通知"), Verb.NOTIFY_READY),
    ("call", gettext_lazy("待电话"), None),
    ("wait", gettext_lazy("待领取"), Verb.HAND_OVER),
    ("late", gettext_lazy("超期"), None),
    ("unlock", gettext_lazy("待解锁"), Verb.UNLOCK),
    ("revoke", gettext_lazy("待注销"), Verb.REVOKE),
)
STEPS = {name: verb for name, _word, verb in TABS if verb is not None}
NOTHING: Mapping[str, Any] = {
    "notify": gettext_lazy("没有等着通知的申请单"),
    "call": gettext_lazy("没有要打的电话"),
    "wait": gettext_lazy("没有等着领取的申请单"),
    "late": gettext_lazy("没有超期未领的申请单"),
    "unlock": gettext_lazy("没有等着解锁的申请单"),
    "revoke": gettext_lazy("没有等着注销的申请单"),
}


@dataclass(frozen=True)
class Row:
    """One request of a list, with what was told and where its token lies."""

    queue: QueueRow
    notice: Notice | None = None
    notice_word: str = ""
    notice_state: str = ""
    last_try: str = ""
    parcel: Parcel | None = None


@dataclass(frozen=True)
class Tab:
    """A list to choose."""

    name: str
    word: str
    count: str
    current: bool


@dataclass(frozen=True)
class Listing:
    """One list of the desk. ``older`` is where it goes on, as text; empty at its end."""

    tab: str
    tabs: list[Tab]
    rows: list[Row]
    older: str
    is_later_page: bool
    nothing: str
    late_parcels: int


@dataclass(frozen=True)
class Try:
    """One try to tell."""

    what: str
    result: str
    who: str
    at: datetime
    note: str
    is_good: bool


@dataclass(frozen=True)
class Told:
    """A notice as the request's page shows it."""

    notice: Notice
    word: str
    state: str
    is_open: bool
    is_dead: bool
    call: str
    due: Deadline | None
    tries: list[Try]


@dataclass(frozen=True)
class Panel:
    """One request's telling and handing over."""

    request: ServiceRequest
    state: str
    deadline: Deadline | None
    holder: Holder | None
    system: str
    kind: str
    token_state: str
    requester: str
    requester_phone: str
    has_document: bool
    notices: list[Told]
    receipt: HandOverReceipt | None
    parcel: Parcel | None
    is_packed: bool
    may_tell: bool
    has_gateway: bool
    following: str
    facts: list[tuple[str, str]] = field(default_factory=list)


def listing(actor: Actor, tab: str, query: Mapping[str, str], now: datetime) -> Listing:
    """The list that the address asks for; a constant number of queries."""
    after = query.get("after", "")
    if tab == "call":
        rows, older = _to_call(actor, after, now)
    else:
        rows, older = _requests(actor, tab, after, now)
    late_parcels = delivery_access.parcel_counts(actor, now)["late"]
    return Listing(tab, tabs(actor, tab, now), rows, older, bool(after), str(NOTHING[tab]), late_parcels)


def tabs(actor: Actor, current: str, now: datetime) -> list[Tab]:
    """The lists this person may work on, with how many wait."""
    counts = ra.work_counts(actor)
    of_steps = ra.late_counts(actor, now, now.date())
    late = sum(of_steps.get(verb, (0, 0))[0] for verb in (Verb.NOTIFY_READY, Verb.HAND_OVER))
    calls = delivery_access.to_call_count(actor, _MOST)
    shown = []
    for name, word, verb in TABS:
        if verb is not None and not work.may_do(actor, verb):
            continue
        count = counts.get(verb, 0) if verb is not None else calls if name == "call" else late
        told = f"{_MOST}+" if name == "call" and count >= _MOST else str(count)
        shown.append(Tab(name, str(word), told, name == current))
    return shown


def _requests(actor: Actor, tab: str, after: str, now: datetime) -> tuple[list[Row], str]:
    place = _place(after)
    if tab == "late":
        found = delivery_access.late(actor, now, after=place, limit=SHOWN + 1)
    else:
        found = work.page(actor, STEPS[tab], after=place, limit=SHOWN + 1)
    more, found = len(found) > SHOWN, found[:SHOWN]
    ids = [one.pk for one in found]
    notices, packed = delivery_access.states_of_notices(ids), delivery_access.parcels_of(ids)
    tries = delivery_access.attempts_of(one.pk for one in notices.values())
    rows = [
        _row(one, notices.get(one.request.pk), tries, packed.get(one.request.pk))
        for one in rows_of(actor, found, now, url_of_step)
    ]
    last = Place.of(found[-1]) if found else None
    return rows, f"{last.due_on:%Y%m%d}-{last.pk}" if more and last else ""


def _to_call(actor: Actor, after: str, now: datetime) -> tuple[list[Row], str]:
    begin = int(after) if after.isascii() and after.isdigit() and len(after) <= 18 else 0
    found = delivery_access.to_call(actor, after=begin, limit=SHOWN + 1)
    more, found = len(found) > SHOWN, found[:SHOWN]
    tries = delivery_access.attempts_of(one.pk for one in found)
    shown = rows_of(actor, [one.request for one in found], now, panel_url)
    rows = [
        _row(row, notice, tries, None, due=deadline(notice.due_on, now))
        for row, notice in zip(shown, found, strict=True)
    ]
    return rows, str(found[-1].pk) if more else ""


def _row(
    row: QueueRow,
    notice: Notice | None,
    tries: Mapping[int, list[NoticeAttempt]],
    parcel: Parcel | None,
    due: Deadline | None = None,
) -> Row:
    attempts = tries.get(notice.pk, []) if notice else []
    last = str(attempts[-1].get_result_display()) if attempts else ""
    word = _(NOTICE_TEXT[notice.code]) if notice else ""
    state = str(NoticeState(_state(notice)).label) if notice else ""
    return Row(replace(row, deadline=due) if due else row, notice, word, state, last, parcel)


def _day(value: datetime) -> str:
    return timezone.localtime(value).strftime("%Y-%m-%d")


def panel(actor: Actor, request_id: int, now: datetime) -> Panel:
    """One request's notices, hand-over and parcel. Raises RequestNotFound, iam.RightMissing."""
    request = ra.request(actor, request_id)
    contact = requester_of(request) if rights.has(actor, "requests.hand_over") else Contact()
    parcel = delivery_access.parcel_of(actor, request_id)
    story = ra.story(actor, request_id)
    issued = story.issued_pair or story.pair
    facts = (
        [(_("有效期"), _("{since} 至 {until}").format(since=_day(issued.not_before), until=_day(issued.not_after)))]
        if issued
        else []
    )
    return Panel(
        request=request,
        state=request.step or request.state,
        deadline=deadline(request.due_on, now, is_provisional=request.is_due_provisional),
        holder=holder(actor, request),
        system=words.system(request.system),
        kind=_(CertificateKind(request.kind).label),
        token_state=_token_state(actor, request),
        requester=contact.name,
        requester_phone=mask_phone(contact.phone) if contact.phone else "",
        has_document=bool(contact.id_number),
        notices=_notices(actor, request, now),
        receipt=delivery_access.receipt(actor, request_id),
        parcel=parcel,
        is_packed=parcel is not None and parcel.state in delivery_access.OPEN_PARCELS,
        may_tell=rights.has(actor, "requests.hand_over"),
        has_gateway=delivery_access.has_gateway(),
        following=_following(actor, request),
        facts=facts,
    )


def must_destroy(actor: Actor, request: ServiceRequest) -> bool:
    """Whether the token of a revocation is to be destroyed when it is handed in."""
    if request.business != Business.REVOKE or not request.token_serial or not rights.has(actor, "tokens.read"):
        return False
    try:
        token = inventory.token_by_serial(actor, request.token_serial)
    except TokenNotFound:
        return False
    return lifecycle.must_destroy(request.reason, has_admin_pin=token.has_admin_pin)


def _notices(actor: Actor, request: ServiceRequest, now: datetime) -> list[Told]:
    found = delivery_access.stories(actor, request)
    names = iam.names_of({one.actor for story in found for one in story.attempts if _is_call(one)})
    return [_told(story, request, names, now) for story in found]


def _told(story: delivery_access.NoticeStory, request: ServiceRequest, names: Mapping[int, str], now: datetime) -> Told:
    notice = story.notice
    is_open = notice.state in (NoticeState.WAITING, NoticeState.TO_CALL)
    call = fill(_(notice_texts.TEXTS[notice.code].call), notice_texts.fields_of(request))
    return Told(
        notice=notice,
        word=_(NOTICE_TEXT[notice.code]),
        state=_state(notice),
        is_open=is_open,
        is_dead=story.is_dead,
        call=call,
        due=deadline(notice.due_on, now) if is_open else None,
        tries=[
            Try(
                str(one.get_channel_display()), str(one.get_result_display()),
                names.get(one.actor, one.actor_name) if _is_call(one) else "", one.at, one.note,
                one.result in (NoticeAttempt.Result.ACCEPTED, NoticeAttempt.Result.REACHED),
            )
            for one in story.attempts
        ],
    )  # fmt: skip


def _state(notice: Notice) -> str:
    """Where a notice stands; without a gateway nothing is on its way, and what waits is for a call."""
    if notice.state == NoticeState.WAITING and not delivery_access.has_gateway():
        return str(NoticeState.TO_CALL)
    return notice.state


def _is_call(one: NoticeAttempt) -> bool:
    return bool(one.channel == NoticeAttempt.Channel.CALL)


def _token_state(actor: Actor, request: ServiceRequest) -> str:
    if not request.token_serial or not rights.has(actor, "tokens.read"):
        return ""
    try:
        return inventory.token_by_serial(actor, request.token_serial).state
    except TokenNotFound:
        return ""  # it lies out of sight


def _following(actor: Actor, request: ServiceRequest) -> str:
    """Where the next request of the same list is handled; the list itself at its end."""
    tab = {"notify_ready": "notify", "hand_over": "wait"}.get(request.step)
    if tab is None or request.due_on is None:
        return reverse("delivery")
    _before, after = work.neighbours(actor, Verb(request.step), request)
    return reverse("delivery_request", args=[after]) if after else f"{reverse('delivery')}?tab={tab}"


def panel_url(request: ServiceRequest) -> str:
    return reverse("delivery_request", args=[request.pk])


def _place(text: str) -> Place | None:
    day, _dash, pk = text.partition("-")
    try:
        return Place(date(int(day[:4]), int(day[4:6]), int(day[6:8])), int(pk)) if len(day) == 8 else None
    except ValueError:
        return None
