"""Remote issuing points (远程签发点): the list, one point with its people and its switches, a new one."""

from collections.abc import Callable
from typing import Any, Final

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from banyan.domain.iam import rights
from banyan.domain.parties import access as parties
from banyan.domain.parties.actions import open_issuing_point, update_issuing_point
from banyan.domain.parties.models import IssuingPoint
from banyan.domain.parties.points import staff_of
from banyan.domain.systems import access as systems
from banyan.domain.systems.actions import switch_issuing_point
from banyan.kernel import clock
from banyan.web import words
from banyan.web.middleware import StaffRequest
from banyan.web.needs import needs
from banyan.web.posting import REFUSED, post

_TOLD: Final = ("address", "phone", "open_hours")


@needs("points.read")
@require_safe
def listing(request: StaffRequest) -> HttpResponse:
    """The points within sight, with what is switched on there."""
    tree, on = parties.region_tree(), systems.switched_on()
    found = parties.issuing_points(request.actor).order_by("region_code", "code")
    rows = [
        {
            "point": point,
            "region": tree.full_name(point.region_code),
            "systems": [words.system(code) for code in on.get(point.pk, [])],
        }
        for point in found
    ]
    return render(request, "web/points.html", {"rows": rows, "may_manage": _may_manage(request)})


@needs("points.manage")
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: StaffRequest) -> HttpResponse:
    """Set up a point; nothing is switched on there yet."""
    typed = {name: request.POST.get(name, "").strip()[:200] for name in ("code", "name", "region_code", *_TOLD)}

    def show(error: str = "") -> HttpResponse:
        tree = parties.region_tree()
        regions = [(one.code, f"{tree.full_name(one.code)} {one.code}") for one in tree.regions]
        context = {"typed": typed, "regions": regions, "error": error}
        return render(request, "web/point_new.html", context, status=REFUSED if error else 200)

    if request.method != "POST":
        return show()

    def work() -> dict[str, int]:
        return {"point": open_issuing_point(request.actor, now=clock.now(), **typed).pk}

    told = _("签发点已设立。请开通签发系统，再请安全管理员配备人员。")
    return post(request, "point.new", work, told=told, to="points", again=show)


@needs("points.read")
@require_safe
def detail(request: StaffRequest, point_id: int) -> HttpResponse:
    """A point: where it is, who works there, what is switched on."""
    return _show(request, point_id)


@needs("points.manage")
@require_POST
def update(request: StaffRequest, point_id: int) -> HttpResponse:
    """Rename the point, or change what the public is told of it."""
    typed = {name: request.POST.get(name, "").strip()[:200] for name in _TOLD}
    name = request.POST.get("name", "").strip()[:200]

    def work(point: IssuingPoint) -> Any:
        update_issuing_point(request.actor, point.pk, _version(request), name=name, told=typed, now=clock.now())

    return _do(request, point_id, "update", work, _("已保存。"))


@needs("points.manage")
@require_POST
def set_active(request: StaffRequest, point_id: int) -> HttpResponse:
    """Close the point, whose people's sessions end, or open it again."""
    is_active = request.POST.get("active") == "1"

    def work(point: IssuingPoint) -> Any:
        update_issuing_point(request.actor, point.pk, _version(request), is_active=is_active, now=clock.now())

    told = _("签发点已重新开放。") if is_active else _("签发点已关闭，那里的会话已结束。")
    return _do(request, point_id, "active", work, told)


@needs("points.manage")
@require_POST
def switch(request: StaffRequest, point_id: int) -> HttpResponse:
    """Switch one issuing system on or off at the point."""
    code, is_on = request.POST.get("system", "")[:20], request.POST.get("on") == "1"

    def work(point: IssuingPoint) -> Any:
        switch_issuing_point(request.actor, code, point.pk, is_enabled=is_on, now=clock.now())

    told = _("已开通。") if is_on else _("已停办。")
    return _do(request, point_id, f"switch.{code}", work, told)


def _do(
    request: StaffRequest, point_id: int, form: str, work: Callable[[IssuingPoint], Any], told: str
) -> HttpResponse:
    point = parties.issuing_point(request.actor, point_id)

    def run() -> None:
        work(point)

    place = reverse("point", args=[point_id])
    return post(
        request, f"point.{point_id}.{form}", run, told=told, to=place, again=lambda why: _show(request, point_id, why)
    )


def _show(request: StaffRequest, point_id: int, error: str = "") -> HttpResponse:
    point = parties.issuing_point(request.actor, point_id)
    names = ("name", *_TOLD)
    typed = {name: request.POST.get(name, getattr(point, name)) for name in names}
    context = {
        "point": point,
        "region": f"{parties.region_tree().full_name(point.region_code)} {point.region_code}",
        "staff": staff_of(point.pk),
        "switches": [(code, words.system(code), is_on) for code, is_on in systems.switches_of(point.pk).items()],
        "typed": typed,
        "error": error,
        "may_manage": _may_manage(request),
        "may_see_staff": rights.has(request.actor, "iam.read"),
        "may_count": rights.has(request.actor, "statistics.read"),
    }
    return render(request, "web/point.html", context, status=REFUSED if error else 200)


def _may_manage(request: StaffRequest) -> bool:
    return rights.has(request.actor, "points.manage")


def _version(request: StaffRequest) -> int:
    text = request.POST.get("version", "")
    return int(text) if text.isdecimal() and len(text) < 10 else -1
