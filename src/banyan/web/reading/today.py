"""A clerk's day: what waits at each of their steps, the most urgent of it, what they did today."""

from dataclasses import dataclass
from datetime import datetime, time

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from banyan.domain.ra import access as ra
from banyan.domain.ra import work, working_days
from banyan.domain.ra.models import ServiceRequest, StepRecord
from banyan.domain.ra.processes import Verb
from banyan.kernel.actor import Actor
from banyan.web import words
from banyan.web.reading.deadlines import next_working_day
from banyan.web.reading.queue import QueueRow, rows_of
from banyan.web.reading.steps import StepTold, told

_URGENT = 8
_RECENT = 8
# Where a step is done; a page takes the request's key.
PAGES = {
    Verb.PRECHECK: "intake_request",
    Verb.APPROVE: "approval",
    Verb.ENTER: "entry",
    Verb.PROOFREAD: "proofreading",
    Verb.ISSUE: "issuing_request",
    Verb.PERSONALIZE: "issuing_request",
    Verb.NOTIFY_READY: "delivery_request",
    Verb.HAND_OVER: "delivery_request",
    Verb.UNLOCK: "unlocking",
    Verb.REVOKE: "revoking",
}
_LISTS = {
    Verb.PRECHECK: "intake",
    Verb.APPROVE: "approvals",
    Verb.ENTER: "entries",
    Verb.PROOFREAD: "proofreadings",
    Verb.ISSUE: "issuing",
    Verb.PERSONALIZE: "issuing",
    Verb.NOTIFY_READY: "delivery",
    Verb.HAND_OVER: "delivery",
    Verb.UNLOCK: "delivery",
    Verb.REVOKE: "delivery",
}

# Lists that share a page.
_TABS = {
    Verb.NOTIFY_READY: "?tab=notify",
    Verb.HAND_OVER: "?tab=wait",
    Verb.UNLOCK: "?tab=unlock",
    Verb.REVOKE: "?tab=revoke",
}


@dataclass(frozen=True)
class StepCard:
    """One of my steps: how many wait, how many of them are late or due by the next working day, how many I did today."""

    state: str
    name: str
    url: str
    waiting: int
    late: int
    soon: int
    done: int


@dataclass(frozen=True)
class Done:
    """Something I did today."""

    record: StepRecord
    told: StepTold


@dataclass(frozen=True)
class Today:
    """The whole page."""

    cards: list[StepCard]
    urgent: list[QueueRow]
    done: list[Done]
    late: int
    greeting: str


def url_of_step(request: ServiceRequest) -> str:
    """Where the step that is due at a request is done; the request's own page where there is no such place."""
    try:
        return reverse(PAGES[Verb(request.step)], args=[request.pk])
    except (KeyError, ValueError, NoReverseMatch):
        return reverse("request", args=[request.pk])


def today(actor: Actor, now: datetime) -> Today:
    """A constant number of queries: the counts kept ready, and a page of each of the actor's steps."""
    mine = [verb for verb in Verb if work.may_do(actor, verb)]
    waiting = ra.work_counts(actor)
    late = ra.late_counts(actor, now, next_working_day(now))
    midnight = datetime.combine(working_days.local_date(now), time(), working_days.LOCAL)
    done = work.my_counts(actor, midnight)
    cards = [
        StepCard(
            state=verb.value,
            name=words.step(verb),
            url=_list_of(verb),
            waiting=waiting.get(verb, 0),
            late=late.get(verb, (0, 0))[0],
            soon=late.get(verb, (0, 0))[1],
            done=done.get(verb, 0),
        )
        for verb in mine
        if waiting.get(verb) or done.get(verb) or verb in _LISTS
    ]
    urgent = sorted(
        (one for verb in mine if waiting.get(verb) for one in work.page(actor, verb, limit=_URGENT)),
        key=lambda one: (one.due_on or now.date(), one.pk),
    )[:_URGENT]
    return Today(
        cards=cards,
        urgent=rows_of(actor, urgent, now, url_of_step),
        done=[Done(record, told(record, {})) for record in work.mine(actor, midnight, most=_RECENT)],
        late=sum(card.late for card in cards),
        greeting=greeting(now),
    )


def _list_of(verb: Verb) -> str:
    try:
        return reverse(_LISTS[verb]) + _TABS.get(verb, "")
    except (KeyError, NoReverseMatch):
        return f"{reverse('requests')}?step={verb.value}"


def greeting(now: datetime) -> str:
    """上午, 下午 or 晚上 in the province."""
    hour = now.astimezone(working_days.LOCAL).hour
    return _("上午好") if hour < 12 else _("下午好") if hour < 18 else _("晚上好")
