"""Notices: the public page, planning a stop, and what is down or left undone because of it."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from banyan.domain.content import access, actions
from banyan.domain.content.errors import StopInvalid
from banyan.domain.content.models import Service
from banyan.domain.iam import access as iam
from banyan.kernel import clock
from banyan.kernel.errors import N_
from banyan.web import errors, once
from banyan.web.middleware import StaffRequest, public
from banyan.web.needs import needs
from banyan.web.reading import notices as reading
from banyan.web.reading import services

_FIELDS = ("service", "starts_at", "ends_at", "reason")


@public
@never_cache
@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """What is stopped or will be; for everybody."""
    return render(request, "web/notices.html", {"notices": reading.current(clock.now())})


@needs("systems.configure")
@require_http_methods(["GET", "HEAD", "POST"])
def stops(request: StaffRequest) -> HttpResponse:
    """Plan a stop; those planned, under way and over."""
    typed = {name: request.POST.get(name, "") for name in _FIELDS}
    if request.method != "POST":
        return _stops(request, {"typed": typed})

    def plan() -> dict[str, Any]:
        row = actions.plan_stop(
            request.actor, typed["service"], _moment(typed["starts_at"]), _moment(typed["ends_at"]),
            reason=typed["reason"], now=clock.now(),
        )  # fmt: skip
        return {"stop": row.pk}

    try:
        once.send(request, "stop", plan)
    except StopInvalid as error:
        return _stops(request, {"typed": typed, "problem": errors.text(error)}, status=422)
    reading.forget()
    messages.success(request, _("已安排，公告会自动发布和撤下"))
    return redirect("stops")


@needs("systems.configure")
@require_POST
def call_off(request: StaffRequest, stop_id: int) -> HttpResponse:
    """Call a stop off."""
    actions.call_off_stop(request.actor, stop_id, clock.now())
    reading.forget()
    messages.success(request, _("已取消，公告已撤下"))
    return redirect("stops")


@needs("ca.read")
@require_safe
def standing(request: StaffRequest) -> HttpResponse:
    """How every service stands, and what is left to be made up for."""
    return render(request, "web/services.html", {"services": services.standing(request.actor, clock.now())})


def _stops(request: StaffRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    rows = access.stops()
    context |= {
        "now": clock.now(),
        "stops": rows,
        "names": iam.names_of([row.planned_by for row in rows]),
        "choices": Service.choices,
    }
    return render(request, "web/stops.html", context, status=status)


def _moment(text: str) -> datetime:
    """A local time of the form's field (2026-12-01T22:00). Raises StopInvalid."""
    try:
        return timezone.make_aware(datetime.fromisoformat(text))
    except ValueError:
        raise StopInvalid(problem=N_("没有填开始或结束时间")) from None
