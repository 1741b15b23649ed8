"""The first page after log-in, and the tables behind its charts."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from banyan.domain.iam import rights
from banyan.domain.iam.staff_login import needs_certificate
from banyan.kernel import clock
from banyan.web.middleware import StaffRequest
from banyan.web.needs import needs
from banyan.web.reading import attention, audit, charts, staff
from banyan.web.reading.figures import figures as read_figures
from banyan.web.reading.health import health as read_health

_BUSINESS = ("certificates.read", "requests.read")


@needs()
@require_safe
def dashboard(request: StaffRequest) -> HttpResponse:
    """What needs a hand, how much was done, how the parts are: for the role that asks."""
    now = clock.now()
    actor = request.actor
    context: dict[str, Any] = {"now": now, "needs_certificate": needs_certificate(actor)}
    if all(rights.has(actor, right) for right in _BUSINESS):
        found = read_figures(actor, now)
        context |= {"figures": found, "charts": charts.of_figures(found)}
        parts = read_health() if rights.has(actor, "ca.read") else None
        context |= {"health": parts, "attention": attention.of_work(actor, found, parts, now)}
        return render(request, "web/dashboard.html", context)
    if rights.has(actor, "ca.read"):
        context["health"] = read_health()
    if rights.has(actor, "iam.read"):
        rows = staff.accounts(actor, now)
        context |= {"staff": staff.summary(rows), "waiting": attention.of_staff(rows, now)}
    if rights.has(actor, "audit.read"):
        context["audit"] = audit.summary(actor, now)
    return render(request, "web/dashboard_admin.html", context)


@needs("certificates.read", "requests.read")
@require_safe
def figures(request: StaffRequest) -> HttpResponse:
    """The numbers of the charts as tables."""
    for right in _BUSINESS:
        rights.require(request.actor, right)
    now = clock.now()
    found = read_figures(request.actor, now)
    context = {"now": now, "tables": charts.tables(found), "home": reverse("dashboard"), "title": _("明细表")}
    return render(request, "web/figures.html", context)
