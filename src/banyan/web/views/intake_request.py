"""A request that was taken in: materials, precheck, requester, withdrawal."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from banyan.domain.iam import access as iam
from banyan.domain.iam import rights
from banyan.domain.ra import access as ra_access
from banyan.domain.ra import actions as ra
from banyan.domain.ra import work
from banyan.domain.ra.errors import MaterialRefused, MaterialsWanting, NothingWanting
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.ra.processes import Verb
from banyan.domain.ra.values import Brought, Remark
from banyan.kernel import clock
from banyan.kernel.errors import N_, BanyanError
from banyan.web import errors, once, taking_in
from banyan.web.middleware import StaffRequest, takes_files
from banyan.web.needs import needs
from banyan.web.reading import intake as reading
from banyan.web.reading import requests as stories
from banyan.web.reading.holders import holder
from banyan.web.views.intake import work_list

_REFUSED = 422
_REMARK, _REMARK_TEXT = "remark_", "remark_text_"
LARGEST_FILES = 50 << 20


@needs("requests.create")
@require_safe
def detail(request: StaffRequest, request_id: int) -> HttpResponse:
    """The request in the middle, what its holder has and its time line at the right."""
    return _page(request, request_id)


@needs("requests.create")
@require_POST
def precheck(request: StaffRequest, request_id: int) -> HttpResponse:
    """Pass it on, or tell everything that is wrong at once."""
    is_pass = request.POST.get("do") == "pass"
    remarks = _remarks(request)
    note = request.POST.get("note", "")

    def do() -> dict[str, Any]:
        story = ra_access.story(request.actor, request_id)
        if is_pass and (story.missing or remarks):
            raise MaterialsWanting(number=story.request.number)
        if not is_pass and not (story.missing or remarks):
            raise NothingWanting(number=story.request.number)
        found = ra.precheck(request.actor, request_id, clock.now(), note=note, remarks=remarks)
        return {"told": [one.code for one in found]}

    try:
        done = once.send(request, "precheck", do, about=request_id, draft=_draft(request_id))
    except BanyanError as error:
        return _page(request, request_id, error=errors.text(error), status=_REFUSED)
    told = _("已发出一次性告知，共 {n} 项").format(n=len(done["told"])) if done["told"] else _("初审通过，已转下一环节")
    messages.success(request, told)
    return redirect("intake_request", request_id)


@needs("requests.create")
@require_POST
def requester(request: StaffRequest, request_id: int) -> HttpResponse:
    """Another requester; what was at hand for the entry stays."""
    said = {name: request.POST.get(f"requester_{name}", "") for name in ("name", "phone")}
    number = request.POST.get("requester_id", "").strip()

    def do() -> dict[str, Any]:
        before = ra_access.intake_of(request.actor, request_id) or Brought()
        kept = before.requester.get("id_number", "") if not number else f"RESIDENT:{number}"
        same = said["name"] == before.requester.get("name", "")
        brought = Brought({**said, "id_number": kept if number or same else ""}, before.form, before.department)
        ra.change_intake(request.actor, request_id, brought, clock.now())
        return {}

    try:
        once.send(request, "requester", do, about=request_id)
    except BanyanError as error:
        return _page(request, request_id, requester_error=errors.text(error), status=_REFUSED)
    messages.success(request, _("经办人已更改"))
    return redirect("intake_request", request_id)


@needs("requests.create")
@require_POST
def withdraw(request: StaffRequest, request_id: int) -> HttpResponse:
    """End the request at its requester's wish."""
    reason = request.POST.get("reason", "")

    def do() -> dict[str, Any]:
        return {"number": ra.cancel(request.actor, request_id, clock.now(), reason=reason).number}

    try:
        done = once.send(request, "withdraw", do, about=request_id)
    except BanyanError as error:
        return _page(request, request_id, error=errors.text(error), status=_REFUSED)
    messages.success(request, _("申请单 {number} 已撤回").format(number=done["number"]))
    return redirect("intake")


@needs("requests.create")
@require_POST
@takes_files(LARGEST_FILES)
def add_materials(request: StaffRequest, request_id: int) -> HttpResponse:
    """Files for materials of the checklist, one field a material."""
    files = [
        (name.removeprefix("file_"), one)
        for name, many in request.FILES.lists()
        for one in many
        if name.startswith("file_")
    ]
    try:
        if not files:
            raise MaterialRefused(name="—", reason=N_("请选择 JPG、PNG 或 PDF 文件"))
        taken, unfit = taking_in.take_in(request.actor, request_id, files)
    except BanyanError as error:
        return _page(request, request_id, error=errors.text(error), status=_REFUSED)
    if taken:
        messages.success(request, _("已加入 {n} 份材料").format(n=taken))
    if unfit:
        return _page(request, request_id, error=" ".join(map(errors.text, unfit)), status=_REFUSED)
    return redirect("intake_request", request_id)


def _draft(request_id: int) -> str:
    """Under which name what is typed at the precheck of a request is kept."""
    return f"precheck-{request_id}"


def _remarks(request: StaffRequest) -> dict[str, Remark]:
    found = {}
    for name, reason in request.POST.items():
        if name.startswith(_REMARK) and not name.startswith(_REMARK_TEXT) and isinstance(reason, str) and reason:
            code = name.removeprefix(_REMARK)
            found[code] = Remark(reason, request.POST.get(_REMARK_TEXT + code, ""))
    if len(found) > 100:
        raise BadRequest("more remarks than materials")
    return found


def _page(
    request: StaffRequest, request_id: int, *, error: str = "", requester_error: str = "", status: int = 200
) -> HttpResponse:
    rights.require(request.actor, "requests.create")
    now = clock.now()
    story = ra_access.story(request.actor, request_id)
    one = story.request
    is_here = one.step == Verb.PRECHECK and work.may_do(request.actor, Verb.PRECHECK)
    typed = request.POST if request.method == "POST" else once.drafted(request, _draft(request_id))[0]
    noted = ra_access.intake_of(request.actor, request_id)
    notices = ra_access.deficiency_notices(request.actor, request_id)
    rows = [
        {
            "row": row,
            "choices": reading.remark_choices(is_there=bool(row.files)),
            "reason": typed.get(_REMARK + row.code, ""),
            "text": typed.get(_REMARK_TEXT + row.code, ""),
        }
        for row in reading.checklist(story, notices[0] if notices else None)
    ]
    context = {
        "queue": work_list(request, here=request_id),
        "one": one,
        "shown": stories.row_of_request(one, now, story.issuance),
        "holder": holder(request.actor, one),
        "lines": stories.lines(story, now),
        "pair": story.pair,
        "missing": story.missing,
        "rows": rows,
        "held": ra_access.held_files(request.actor, request_id),
        "requester": {"name": "", "phone": "", **(noted.requester if noted else {})},
        "draft": _draft(request_id),
        "typed": typed,
        "error": error,
        "requester_error": requester_error,
        "is_here": is_here,
        "notice": notices[0] if notices else None,
        "told_by": iam.names_of([notices[0].actor]).get(notices[0].actor, notices[0].actor_name) if notices else "",
        "notice_url": reading.paper_url(one, "deficiency_notice"),
        "receipt_url": reading.paper_url(one, "intake_receipt") if one.is_prechecked else "",
        "next": _next(request, one) if is_here else work.first(request.actor, Verb.PRECHECK),
    }
    return render(request, "desk/intake_request.html", context, status=status)


def _next(request: StaffRequest, one: ServiceRequest) -> int | None:
    return work.neighbours(request.actor, Verb.PRECHECK, one)[1]
