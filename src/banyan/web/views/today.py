"""The first page of those who work at the counter: what is theirs to do today."""

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from banyan.domain.iam.staff_login import needs_certificate
from banyan.kernel import clock
from banyan.web.frame import has_desk
from banyan.web.middleware import StaffRequest
from banyan.web.needs import needs
from banyan.web.reading import today as reading
from banyan.web.views import dashboard


@needs()
@require_safe
def home(request: StaffRequest) -> HttpResponseBase:
    """The counter for those who work there, the overview for the others."""
    return today(request) if has_desk(request.actor) else dashboard.dashboard(request)


@needs("requests.read")
@require_safe
def today(request: StaffRequest) -> HttpResponse:
    """My work: each step with what waits, the most urgent requests, what I did today."""
    now = clock.now()
    context = {
        "now": now,
        "today": reading.today(request.actor, now),
        "needs_certificate": needs_certificate(request.actor),
    }
    return render(request, "desk/today.html", context)
