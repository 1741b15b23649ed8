"""What the counter's work pages have in common: a request at a step, who may not do it, where to go afterwards."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from banyan.domain.ra import access as ra
from banyan.domain.ra import bars, work
from banyan.domain.ra.actions.materials import present_materials
from banyan.domain.ra.errors import StepNotDue
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.ra.processes import Verb, materials
from banyan.kernel import clock
from banyan.kernel.errors import BanyanError
from banyan.web import errors, words
from banyan.web.middleware import HIDDEN, StaffRequest
from banyan.web.reading.queue import Queue, queue

_MOST = 1000


@dataclass(frozen=True)
class Desk:
    """One of the counter's steps: its pages and what its work list is called."""

    verb: Verb
    listing: str
    one: str
    title: Any
    nothing: Any

    def url(self, request: ServiceRequest) -> str:
        """The page of a request at this step."""
        return reverse(self.one, args=[request.pk])

    def queue(self, request: StaffRequest, *, here: int | None = None, shown: int = 10) -> Queue:
        """The work list as the address asks for it."""
        return queue(
            request.actor, self.verb, request.GET, clock.now(), self.url,
            title=str(self.title), nothing=str(self.nothing), here=here, shown=shown,
        )  # fmt: skip


@dataclass(frozen=True)
class Stepper:
    """Where a request stands in the work list, and its neighbours' pages."""

    place: int
    total: str
    earlier: str
    later: str


def stepper(request: StaffRequest, desk: Desk, one: ServiceRequest) -> Stepper | None:
    """None for a request that is not in the person's work list."""
    if one.step != desk.verb:
        return None
    total = sum(work.counts(request.actor, desk.verb, _MOST).values())
    before, after = work.neighbours(request.actor, desk.verb, one)
    return Stepper(
        place=work.position(request.actor, desk.verb, one, most=_MOST) + 1,
        total=f"{_MOST}+" if total >= _MOST else str(total),
        earlier=reverse(desk.one, args=[before]) if before else "",
        later=reverse(desk.one, args=[after]) if after else "",
    )


def bar_to(request: StaffRequest, desk: Desk, one: ServiceRequest) -> str:
    """Why this person cannot do this step of the request now, in words; empty where nothing is in the way.

    Raises iam.RightMissing.
    """
    error = bars.bar(request.actor, one, desk.verb)
    if error is None:
        return ""
    if isinstance(error, StepNotDue):
        state = words.STATES[one.step].word
        return _("这件申请单现在{state}，“{step}”已经办过或还没轮到。").format(state=state, step=words.step(desk.verb))
    return errors.text(error)


def following(request: StaffRequest, desk: Desk, one: ServiceRequest) -> str:
    """The page to go on with once this request is done: the next of the work list, its first, or the list itself."""
    _before, after = work.neighbours(request.actor, desk.verb, one)
    if after is None:
        found = work.page(request.actor, desk.verb, limit=2)
        after = next((row.pk for row in found if row.pk != one.pk), None)
    return reverse(desk.one, args=[after]) if after else reverse(desk.listing)


def done(request: StaffRequest, desk: Desk, one: ServiceRequest, told: str) -> HttpResponse:
    """Tell what was done and go on. ``one`` is the request as it was before."""
    messages.success(request, told)
    return redirect(following(request, desk, one))


def tried(work_of_form: Callable[[], Mapping[str, Any]]) -> BanyanError | None:
    """Do what a form asks; an error that belongs on the form comes back, one that hides the page is raised."""
    try:
        work_of_form()
    except HIDDEN:
        raise
    except BanyanError as error:
        return error
    return None


@dataclass(frozen=True)
class Paper:
    """A material as the pages name it."""

    kind: str
    name: str
    size: int
    pk: int
    sheets: range


def papers(one: ServiceRequest) -> list[Paper]:
    """The materials that count now, by what they are."""
    names = {entry.code: entry.name for entry in materials()}
    return [
        Paper(_(names.get(row.code, row.code)), row.name, row.size, row.pk, range(1, row.page_count + 1))
        for row in present_materials(one.pk)
    ]


def find(request: StaffRequest, request_id: int) -> ServiceRequest:
    """The request of a work page. Raises RequestNotFound, iam.RightMissing."""
    return ra.request(request.actor, request_id)
