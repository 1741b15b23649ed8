"""Work lists as the counter shows them: who, what, how long is left, who else is at it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _

from banyan.domain.desk import presence
from banyan.domain.iam import access as iam
from banyan.domain.ra import work
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.ra.processes import Verb
from banyan.domain.ra.work import Place
from banyan.domain.systems.policy import CertificateKind
from banyan.kernel.actor import Actor
from banyan.web import words
from banyan.web.reading.deadlines import Deadline, deadline

SHOWN = 10
_MOST = 1000


@dataclass(frozen=True)
class QueueRow:
    """One request of a work list."""

    request: ServiceRequest
    url: str
    name: str
    second: str
    what: str
    deadline: Deadline | None
    is_here: bool
    taken_by: str


@dataclass(frozen=True)
class SystemCount:
    """How many of a work list belong to an issuing system."""

    code: str
    name: str
    count: int


@dataclass(frozen=True)
class Queue:
    """A page of a work list. ``older`` and ``newer`` are places to go on from, as text; empty at the ends."""

    title: str
    nothing: str
    rows: list[QueueRow]
    count: str
    systems: list[SystemCount]
    system: str
    older: str
    newer: str
    base: Mapping[str, str]


def queue(
    actor: Actor,
    verb: Verb,
    query: Mapping[str, str],
    now: datetime,
    url_of: Callable[[ServiceRequest], str],
    *,
    title: str,
    nothing: str,
    here: int | None = None,
    shown: int = SHOWN,
    base: Mapping[str, str] | None = None,
) -> Queue:
    """The page of the work list that the address asks for. ``url_of`` says where a row leads."""
    counts = work.counts(actor, verb, _MOST)
    system = query.get("system", "")
    system = system if system in counts else ""
    after, before = _place(query.get("after", "")), _place(query.get("before", ""))
    if before is not None:
        rows = work.page_before(actor, verb, system=system, before=before, limit=shown + 1)
        has_newer, has_older, rows = len(rows) > shown, True, rows[-shown:]
    else:
        rows = work.page(actor, verb, system=system, after=after, limit=shown + 1)
        has_newer, has_older, rows = after is not None, len(rows) > shown, rows[:shown]
    return Queue(
        title=title,
        nothing=nothing,
        rows=rows_of(actor, rows, now, url_of, here=here),
        count=_told(counts[system] if system else sum(counts.values())),
        systems=[SystemCount(code, words.system(code), count) for code, count in sorted(counts.items())],
        system=system,
        older=_text(rows[-1]) if rows and has_older else "",
        newer=_text(rows[0]) if rows and has_newer else "",
        base=base or {},
    )


def rows_of(
    actor: Actor,
    requests: list[ServiceRequest],
    now: datetime,
    url_of: Callable[[ServiceRequest], str],
    *,
    here: int | None = None,
) -> list[QueueRow]:
    """Requests as rows; two queries whatever their number."""
    taken = presence.taken([one.pk for one in requests], now, besides=actor)
    names = iam.names_of(set(taken.values())) if taken else {}
    return [
        QueueRow(
            request=one,
            url=url_of(one),
            name=one.subject_name,
            second=_second(one),
            what=f"{_(_KIND[one.kind])}·{one.get_business_display()}",
            deadline=deadline(one.due_on, now, is_provisional=one.is_due_provisional),
            is_here=one.pk == here,
            taken_by=_("{who} 正在办").format(who=names.get(taken[one.pk], "")) if one.pk in taken else "",
        )
        for one in requests
    ]


_KIND: dict[str, Any] = {kind.value: kind.label for kind in CertificateKind}


def _second(request: ServiceRequest) -> str:
    body = request.organization
    if body is not None and body.name != request.subject_name:
        return body.name
    return request.number


def _told(count: int) -> str:
    return f"{_MOST}+" if count >= _MOST else str(count)


def _text(request: ServiceRequest) -> str:
    place = Place.of(request)
    return f"{place.due_on:%Y%m%d}-{place.pk}"


def _place(text: str) -> Place | None:
    day, _dash, pk = text.partition("-")
    try:
        return (
            Place(date(int(day[:4]), int(day[4:6]), int(day[6:8])), int(pk))
            if len(day) == 8 and len(pk) <= 18
            else None
        )
    except ValueError:
        return None
