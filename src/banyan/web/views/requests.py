"""Requests: the list, and one request's whole story."""

from collections.abc import Sequence

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from banyan.domain.ra.models import Business, RequestState
from banyan.domain.ra.processes import Verb
from banyan.domain.systems import access as systems
from banyan.kernel import clock
from banyan.web import words
from banyan.web.middleware import StaffRequest
from banyan.web.needs import needs
from banyan.web.reading import papers, requests
from banyan.web.reading.paging import Cursor


@needs("requests.read")
@require_safe
def listing(request: StaffRequest) -> HttpResponse:
    """A page of requests, filtered."""
    now = clock.now()
    known = [status.policy.code for status in systems.statuses()]
    chosen = {
        "step": _one_of(request.GET.get("step", ""), list(Verb)),
        "state": _one_of(request.GET.get("state", ""), RequestState.values),
        "business": _one_of(request.GET.get("business", ""), Business.values),
        "system": _one_of(request.GET.get("system", ""), known),
    }
    is_late = request.GET.get("late") == "1"
    page = requests.listing(request.actor, Cursor.of(request.GET), now, is_late=is_late, **chosen)
    context = {
        "page": page,
        "chosen": {**chosen, "late": "1" if is_late else ""},
        "steps": [(verb.value, words.STATES[verb.value].word) for verb in Verb],
        "states": RequestState.choices,
        "businesses": Business.choices,
        "systems": [(code, words.system(code)) for code in known],
    }
    return render(request, "web/requests.html", context)


@needs("requests.read")
@require_safe
def detail(request: StaffRequest, request_id: int) -> HttpResponse:
    """Steps, decisions, materials, data, certificates of one request."""
    now = clock.now()
    story = requests.story(request.actor, request_id, now)
    prints = papers.prints(request.actor, story.row.request, is_short=bool(story.missing))
    return render(request, "web/request.html", {"story": story, "prints": prints, "now": now})


def _one_of(value: str, known: Sequence[str]) -> str:
    return value if value in known else ""
