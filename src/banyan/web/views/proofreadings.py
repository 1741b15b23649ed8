"""Proofreading (校对): the work list, the scan beside the data, the check of one field, passing and sending back."""

from typing import Any

from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from banyan.domain.ra import actions as ra
from banyan.domain.ra import reasons
from banyan.domain.ra.actions.checking import Checked
from banyan.domain.ra.models import FieldCheck, ServiceRequest
from banyan.domain.ra.processes import Verb
from banyan.kernel import clock
from banyan.kernel.errors import BanyanError
from banyan.web import desk_work, errors, once
from banyan.web.desk_work import Desk
from banyan.web.middleware import HIDDEN, SCRIPT_HEADER, StaffRequest
from banyan.web.needs import needs
from banyan.web.reading import proofreading
from banyan.web.reading.masking import masked
from banyan.web.reading.requests import row_of_request

DESK = Desk(
    Verb.PROOFREAD,
    "proofreadings",
    "proofreading",
    gettext_lazy("待校对"),
    gettext_lazy("没有等您校对的申请单"),
)
_CONFLICT = 409


@needs("requests.proofread")
@require_safe
def listing(request: StaffRequest) -> HttpResponse:
    """The work list, no request chosen."""
    return render(request, "desk/proofreadings.html", {"queue": DESK.queue(request)})


@needs("requests.proofread")
@require_http_methods(["GET", "HEAD", "POST"])
def detail(request: StaffRequest, request_id: int) -> HttpResponse:
    """One request, field by field; passing it or sending it back."""
    one = desk_work.find(request, request_id)
    if request.method != "POST":
        return _page(request, one)
    is_back = request.POST.get("do") == "back"
    refused = desk_work.tried(lambda: _send_back(request, one) if is_back else _pass(request, one))
    if refused is not None:
        return _page(request, one, refused)
    told = _("已退回录入：{name}") if is_back else _("校对通过：{name}")
    return desk_work.done(request, DESK, one, told.format(name=one.subject_name))


def _pass(request: StaffRequest, one: ServiceRequest) -> dict[str, Any]:
    def work_of_form() -> dict[str, Any]:
        seen = request.POST.get("seen", "")
        return {"number": ra.proofread_checked(request.actor, one.pk, clock.now(), seen=seen).number}

    return once.send(request, "proofreading", work_of_form, about=one.pk, draft=f"proofreading-{one.pk}")


def _send_back(request: StaffRequest, one: ServiceRequest) -> dict[str, Any]:
    def work_of_form() -> dict[str, Any]:
        seen, note = request.POST.get("seen", ""), masked(" ".join(request.POST.get("note", "").split()))
        return {"number": ra.send_back_marked(request.actor, one.pk, clock.now(), seen=seen, note=note).number}

    return once.send(request, "proofreading", work_of_form, about=one.pk, draft=f"proofreading-{one.pk}")


def _page(request: StaffRequest, one: ServiceRequest, refused: BanyanError | None = None) -> HttpResponse:
    bar = desk_work.bar_to(request, DESK, one)
    said, _kept_at = (request.POST, None) if refused else once.drafted(request, f"proofreading-{one.pk}")
    context = {
        "draft_name": f"proofreading-{one.pk}",
        "one": one,
        "papers": desk_work.papers(one),
        "bar": bar,
        "row": row_of_request(one, clock.now()),
        "stepper": desk_work.stepper(request, DESK, one),
        "sheet": None if bar else proofreading.check_sheet(request.actor, one),
        "reasons": reasons.DIFFERENCE,
        "refused": errors.text(refused) if refused else "",
        "note": said.get("note", ""),
    }
    return render(request, "desk/proofreading.html", context, status=_CONFLICT if refused else 200)


@needs("requests.proofread")
@require_POST
def check(request: StaffRequest, request_id: int, field: str) -> HttpResponse:
    """Check one field: ``do`` is retype, same, looked or differs. The page's script gets JSON, a plain form its page again."""
    one = desk_work.find(request, request_id)
    try:
        done = _checked(request, one, field)
    except HIDDEN:
        raise
    except BanyanError as error:
        if request.headers.get(SCRIPT_HEADER):
            return errors.for_script(code=error.code, message=errors.text(error), status=_CONFLICT)
        return _page(request, one, error)
    if request.headers.get(SCRIPT_HEADER):
        return JsonResponse(proofreading.answer(done, proofreading.check_sheet(request.actor, one)))
    return redirect(f"{reverse('proofreading', args=[one.pk])}#f-{field}")


def _checked(request: StaffRequest, one: ServiceRequest, field: str) -> Checked:
    said, now = request.POST, clock.now()
    seen = said.get("seen", "")
    match said.get("do"):
        case "retype":
            return ra.compare_field(request.actor, one.pk, field, said.get("retyped", "")[:500], now, seen=seen)
        case "differs":
            reason = reasons.joined(said.get("reason", ""), masked(said.get("words", "")), reasons.DIFFERENCE)
            result = FieldCheck.Result.DIFFERS
            return ra.settle_field(request.actor, one.pk, field, result, now, seen=seen, reason=reason)
        case "looked":
            return ra.settle_field(request.actor, one.pk, field, FieldCheck.Result.LOOKED, now, seen=seen)
        case _:
            return ra.settle_field(request.actor, one.pk, field, FieldCheck.Result.SAME, now, seen=seen)
