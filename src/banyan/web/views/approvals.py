"""Approving (审核): the work list, one request with all that helps to decide, and several like ones together."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_safe

from banyan.domain.desk import drafts
from banyan.domain.ra import actions as ra
from banyan.domain.ra import reasons, work
from banyan.domain.ra.errors import ReasonMissing
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.ra.processes import Verb
from banyan.kernel import clock
from banyan.kernel.errors import BanyanError
from banyan.web import desk_work, errors, once
from banyan.web.desk_work import Desk
from banyan.web.middleware import StaffRequest
from banyan.web.needs import needs
from banyan.web.reading import approving
from banyan.web.reading.masking import masked
from banyan.web.reading.paging import key_of

DESK = Desk(Verb.APPROVE, "approvals", "approval", gettext_lazy("待审核"), gettext_lazy("没有等您审核的申请单"))
_LAST = "approved-together"


@needs("requests.approve")
@require_safe
def listing(request: StaffRequest) -> HttpResponse:
    """The work list, no request chosen."""
    return render(request, "desk/approvals.html", {"queue": DESK.queue(request), "queue_tools": _TOOLS})


_TOOLS = "desk/approvals_tools.html"


@needs("requests.approve")
@require_http_methods(["GET", "HEAD", "POST"])
def detail(request: StaffRequest, request_id: int) -> HttpResponse:
    """One request: what speaks for and against it; the decision."""
    one = desk_work.find(request, request_id)
    if request.method == "POST":
        refused = desk_work.tried(lambda: _decide(request, one))
        if refused is None:
            return desk_work.done(request, DESK, one, _told(request, one))
        return _page(request, one, refused)
    return _page(request, one, None)


def _decide(request: StaffRequest, one: ServiceRequest) -> dict[str, Any]:
    now, said = clock.now(), request.POST
    note = masked(said.get("note", ""))
    if said.get("do") == "reject":
        reason = reasons.joined(said.get("reason", ""), note, reasons.REJECTION)
        if not reason:
            raise ReasonMissing

        def work_of_form() -> dict[str, Any]:
            return {"number": ra.reject(request.actor, one.pk, now, reason=reason).number}
    else:

        def work_of_form() -> dict[str, Any]:
            seen = said.get("materials", "")
            ra.approve(request.actor, one.pk, now, reason=reasons.joined("", note, ()), seen_materials=seen)
            return {"number": one.number}

    return once.send(request, "approval", work_of_form, about=one.pk, draft=f"approval-{one.pk}")


def _told(request: StaffRequest, one: ServiceRequest) -> str:
    if request.POST.get("do") == "reject":
        return _("已审核不通过：{name}").format(name=one.subject_name)
    return _("已审核通过：{name}").format(name=one.subject_name)


def _page(request: StaffRequest, one: ServiceRequest, refused: BanyanError | None) -> HttpResponse:
    now = clock.now()
    said, _kept_at = (request.POST, None) if refused else once.drafted(request, f"approval-{one.pk}")
    context = {
        "queue": DESK.queue(request, here=one.pk),
        "queue_tools": _TOOLS,
        "review": approving.review(request.actor, one.pk, now),
        "one": one,
        "papers": desk_work.papers(one),
        "bar": desk_work.bar_to(request, DESK, one),
        "refused": errors.text(refused) if refused else "",
        "is_rejecting": bool(refused) and request.POST.get("do") == "reject",
        "reasons": reasons.REJECTION,
        "said": said,
        "draft_name": f"approval-{one.pk}",
        "now": now,
    }
    return render(request, "desk/approval.html", context, status=409 if refused else 200)


@needs("requests.approve")
@require_http_methods(["GET", "HEAD", "POST"])
def together(request: StaffRequest) -> HttpResponse:
    """Several of one business and system at once; those that somebody has to look at say why."""
    now = clock.now()
    fault = ""
    if request.method == "POST":
        chosen = [pk for key in request.POST.getlist("chosen")[:200] if (pk := key_of(key)) is not None]
        fault = _fault_of(chosen, request.POST.get("count", ""))
        if not fault:
            seen = {key: request.POST.get(f"materials-{key}", "") for key in dict.fromkeys(chosen)}
            outcome = ra.approve_together(request.actor, seen, now)
            refused = {one.index: errors.text(one.error) for one in outcome.refusals}
            results = {str(key): refused.get(index, "") for index, key in enumerate(seen)}
            drafts.keep(request.actor, _LAST, results, now)
            return redirect("approvals_done")
    found = approving.together_list(request.actor, request.GET, now)
    context = {"found": found, "fault": fault, "chosen": set(request.POST.getlist("chosen")), "now": now}
    return render(request, "desk/approvals_together.html", context, status=409 if fault else 200)


def _fault_of(chosen: list[int], typed: str) -> str:
    if not chosen:
        return _("没有选中申请单。勾选后再通过。")
    if typed.strip() != str(len(chosen)):
        told = ngettext("选中了 {n} 件。在框里输入 {n} 再确认。", "选中了 {n} 件。在框里输入 {n} 再确认。", len(chosen))
        return told.format(n=len(chosen))
    return ""


@needs("requests.approve")
@require_safe
def together_done(request: StaffRequest) -> HttpResponse:
    """What became of each of the requests last approved together."""
    results, at = drafts.find(request.actor, _LAST)
    results = {key: text for key, text in results.items() if key.isascii() and key.isdigit()}
    outcome = {pk: text for key, text in results.items() if (pk := key_of(key)) is not None}
    rows = work.named(request.actor, list(outcome))
    told = [(rows[pk], text) for pk, text in outcome.items() if pk in rows]
    context = {"told": told, "done": sum(not text for _row, text in told), "at": at}
    return render(request, "desk/approvals_done.html", context)
