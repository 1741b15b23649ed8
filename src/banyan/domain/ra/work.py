"""Work lists: the open requests at a step that the actor may do, the most urgent first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.db import models

from banyan.domain.iam import rights
from banyan.domain.parties.scoping import ScopedQuerySet
from banyan.domain.ra.models import RequestState, ServiceRequest, StepRecord
from banyan.domain.ra.processes import Verb, processes
from banyan.kernel.actor import Actor

# Who entered does not proofread, who took in, entered or proofread does not approve: their own work is not offered to them.
_BY_ANOTHER: Final = {
    Verb.PROOFREAD: ("entered_by", "approval__approver"),
    Verb.APPROVE: ("opened_by", "entered_by", "proofreading__proofreader"),
    Verb.ENTER: ("approval__approver", "proofreading__proofreader"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request stands in a work list: its due day and its key. Lists go on from here."""

    due_on: date
    pk: int

    @classmethod
    def of(cls, request: ServiceRequest) -> "Place":
        """The place of an open request."""
        return cls(request.due_on or date.max, request.pk)


def rights_of(verb: Verb) -> frozenset[str]:
    """The rights that some process asks for a step."""
    return frozenset(step.right for process in processes().values() for step in process.steps if step.verb is verb)


def may_do(actor: Actor, verb: Verb) -> bool:
    """Whether the actor may do a step in any process that has it."""
    return any(rights.has(actor, right) for right in rights_of(verb))


def waiting(actor: Actor, verb: Verb, *, system: str = "") -> ScopedQuerySet[ServiceRequest]:
    """Open requests at a step that this actor may take on. Raises iam.RightMissing."""
    rights.require(actor, "requests.read")
    found = ServiceRequest.objects.visible_to(actor).filter(step=str(verb), state=RequestState.OPEN)
    for field in _BY_ANOTHER.get(verb, ()):
        found = found.filter(models.Q(**{f"{field}__isnull": True}) | ~models.Q(**{field: actor.id}))
    if verb is Verb.ISSUE:
        found = found.filter(issuance_id__isnull=True)  # else it waits for its CA and for nobody here
    return found.filter(system=system) if system else found


def page(
    actor: Actor, verb: Verb, *, system: str = "", after: Place | None = None, limit: int = 20
) -> list[ServiceRequest]:
    """A page of a work list, the most urgent first, after a place."""
    found = waiting(actor, verb, system=system)
    if after is not None:
        found = found.filter(_beyond(after))
    return list(found.select_related("person", "organization", "device").order_by("due_on", "pk")[:limit])


def page_before(actor: Actor, verb: Verb, *, system: str = "", before: Place, limit: int = 20) -> list[ServiceRequest]:
    """The page that ends right before a place."""
    found = waiting(actor, verb, system=system).filter(_short_of(before))
    rows = list(found.select_related("person", "organization", "device").order_by("-due_on", "-pk")[:limit])
    return rows[::-1]


def waiting_for_ca(actor: Actor, *, limit: int) -> list[ServiceRequest]:
    """Requests whose certificates were asked for and have not come, the longest waiting first."""
    rights.require(actor, "requests.read")
    found = ServiceRequest.objects.visible_to(actor).filter(
        step=str(Verb.ISSUE), state=RequestState.OPEN, issuance_id__isnull=False
    )
    return list(found.select_related("person", "organization", "device").order_by("due_on", "pk")[:limit])


def neighbours(actor: Actor, verb: Verb, request: ServiceRequest, *, system: str = "") -> tuple[int | None, int | None]:
    """The keys of the requests before and after this one in the work list."""
    place = Place.of(request)
    earlier = page_before(actor, verb, system=system, before=place, limit=1)
    later = page(actor, verb, system=system, after=place, limit=1)
    return (earlier[0].pk if earlier else None), (later[0].pk if later else None)


def position(actor: Actor, verb: Verb, request: ServiceRequest, *, most: int = 1000) -> int:
    """How many of a work list come before a request, counted up to ``most``."""
    return len(waiting(actor, verb).filter(_short_of(Place.of(request))).values_list("pk", flat=True)[:most])


def first(actor: Actor, verb: Verb, *, system: str = "") -> int | None:
    """The key of the most urgent request of a work list."""
    found = page(actor, verb, system=system, limit=1)
    return found[0].pk if found else None


def counts(actor: Actor, verb: Verb, most: int = 1000) -> dict[str, int]:
    """System → how many wait at a step for this actor, counted up to ``most`` rows so that the cost stays bounded."""
    sample = waiting(actor, verb).order_by("due_on", "pk").values_list("system", flat=True)[:most]
    totals: dict[str, int] = {}
    for system in sample:
        totals[system] = totals.get(system, 0) + 1
    return totals


def named(actor: Actor, keys: Sequence[int]) -> dict[int, ServiceRequest]:
    """Requests within sight by key, wherever they are by now. Raises iam.RightMissing."""
    rights.require(actor, "requests.read")
    return {row.pk: row for row in ServiceRequest.objects.visible_to(actor).filter(pk__in=list(keys))}


def mine(actor: Actor, since: datetime, *, most: int) -> list[StepRecord]:
    """What the actor did since a moment, the latest first, on requests within sight."""
    visible = ServiceRequest.objects.visible_to(actor)
    found = StepRecord.objects.filter(actor=actor.id, at__gte=since).select_related("request")
    rows = list(found.order_by("-at", "-pk")[:most])
    seen = set(visible.filter(pk__in={row.request_id for row in rows}).values_list("pk", flat=True))
    return [row for row in rows if row.request_id in seen]


def my_counts(actor: Actor, since: datetime) -> dict[str, int]:
    """Step → how many times the actor did it since a moment."""
    found = StepRecord.objects.filter(actor=actor.id, at__gte=since, outcome="ok").values("step").order_by("step")
    return {row["step"]: row["count"] for row in found.annotate(count=models.Count("pk"))}


def _beyond(place: Place) -> models.Q:
    return models.Q(due_on__gt=place.due_on) | models.Q(due_on=place.due_on, pk__gt=place.pk)


def _short_of(place: Place) -> models.Q:
    return models.Q(due_on__lt=place.due_on) | models.Q(due_on=place.due_on, pk__lt=place.pk)
