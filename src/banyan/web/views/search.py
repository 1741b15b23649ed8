"""One box for everything. What is typed comes by POST and goes on sealed (see ``reading.searching``)."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from banyan.domain.iam import rights
from banyan.domain.parties.errors import SearchTooShort as NothingSearchable
from banyan.domain.ra.errors import SearchTooShort
from banyan.kernel import clock
from banyan.web import errors
from banyan.web.frame import SEARCH_RIGHTS
from banyan.web.middleware import StaffRequest
from banyan.web.needs import needs
from banyan.web.reading import searching


@needs("requests.read", "certificates.read", "parties.read", "tokens.read")
@require_http_methods(["GET", "HEAD", "POST"])
def search(request: StaffRequest) -> HttpResponse:
    """Take what was typed: straight to the one hit, else to the page of hits. By GET: what can be typed."""
    _require(request)
    text = request.POST.get("q", "").strip()[: searching.LONGEST]
    if request.method != "POST" or not text:
        return render(request, "web/search.html", {"is_start": True})
    return redirect("search_results", searching.seal(request.actor, text))


@needs("requests.read", "certificates.read", "parties.read", "tokens.read")
@require_safe
def results(request: StaffRequest, sealed: str) -> HttpResponse:
    """The hits for what was typed in this session."""
    _require(request)
    text = searching.unseal(request.actor, sealed)
    if not text:
        return redirect("search")
    try:
        hits = searching.search(request.actor, text, clock.now())
    except (SearchTooShort, NothingSearchable) as error:
        return render(request, "web/search.html", {"q": text, "is_start": True, "problem": errors.text(error)})
    if searching.is_number_of_request(hits, text):
        return redirect("request", hits.requests[0].request.pk)
    place = hits.only_page()
    return redirect(place) if place else render(request, "web/search.html", {"q": text, "hits": hits})


def _require(request: StaffRequest) -> None:
    for right in SEARCH_RIGHTS:
        rights.require(request.actor, right)
