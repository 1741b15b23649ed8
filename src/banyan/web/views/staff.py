"""Accounts and roles, for administrators."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from banyan.kernel import clock
from banyan.web.middleware import StaffRequest
from banyan.web.reading import staff


@require_safe
def listing(request: StaffRequest) -> HttpResponse:
    """Every account with its roles and last log-in."""
    rows = staff.accounts(request.actor, clock.now())
    return render(request, "web/staff.html", {"rows": rows, "summary": staff.summary(rows)})
