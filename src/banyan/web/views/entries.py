"""Entering (录入): the work list, the form with the scan beside it, and the check of a field that was left."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from banyan.domain.ra import actions as ra
from banyan.domain.ra import bars, correcting
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.ra.processes import Verb
from banyan.kernel import clock
from banyan.kernel.errors import BanyanError
from banyan.web import desk_work, errors, once
from banyan.web.desk_work import Desk
from banyan.web.entry_form import Entry, Reader, values_of
from banyan.web.middleware import StaffRequest
from banyan.web.needs import needs
from banyan.web.reading import entering
from banyan.web.reading.certificate_text import lines
from banyan.web.reading.requests import row_of_request

DESK = Desk(Verb.ENTER, "entries", "entry", gettext_lazy("待录入"), gettext_lazy("没有等您录入的申请单"))


@needs("requests.enter")
@require_safe
def listing(request: StaffRequest) -> HttpResponse:
    """The work list, no request chosen."""
    return render(request, "desk/entries.html", {"queue": DESK.queue(request)})


@needs("requests.enter")
@require_http_methods(["GET", "HEAD", "POST"])
def detail(request: StaffRequest, request_id: int) -> HttpResponse:
    """The form of one request."""
    one = desk_work.find(request, request_id)
    bar = desk_work.bar_to(request, DESK, one)
    if bar and request.method != "POST":
        return render(request, "desk/entry.html", {"one": one, "bar": bar, "row": row_of_request(one, clock.now())})
    reader = entering.reader_of(request.actor, one, clock.now())
    if request.method != "POST":
        typed, kept_at = once.drafted(request, _draft(one))
        if typed:  # a draft leaves empty fields out: what was emptied stays empty
            typed = dict.fromkeys(_shown(reader), "") | typed
        entry = reader.read({**_shown(reader), **typed})
        return _page(request, one, reader, entry, typed, kept_at=kept_at, is_fresh=not typed)
    said = {"is_classic": "", **request.POST.dict()}  # a box that is not ticked is not sent
    entry = reader.read(said)
    if entry.faults:
        return _page(request, one, reader, entry, said, status=409)
    refused = desk_work.tried(lambda: _save(request, one, entry))
    if refused is None and bars.is_correctable(one):
        messages.success(request, _("已更正：{name}").format(name=one.subject_name))
        return redirect("request", one.pk)
    if refused is None:
        return desk_work.done(request, DESK, one, _("已录入：{name}").format(name=one.subject_name))
    return _page(request, one, reader, entry, said, refused=refused, status=409)


def _draft(one: ServiceRequest) -> str:
    return f"entry-{one.pk}"


def _shown(reader: Reader) -> dict[str, str]:
    return values_of(reader.before, reader.holder)


def _save(request: StaffRequest, one: ServiceRequest, entry: Entry) -> dict[str, Any]:
    def work_of_form() -> dict[str, Any]:
        saved = ra.enter_corrected(request.actor, one.pk, entry.data, entry.corrections, clock.now())
        return {"number": saved.number}

    return once.send(request, "entry", work_of_form, about=one.pk, draft=_draft(one))


def _page(
    request: StaffRequest,
    one: ServiceRequest,
    reader: Reader,
    entry: Entry,
    typed: Mapping[str, str],
    *,
    refused: BanyanError | None = None,
    kept_at: Any = None,
    is_fresh: bool = False,
    status: int = 200,
) -> HttpResponse:
    marks = entering.marks(one)
    faults = {} if is_fresh else entry.faults
    groups = entering.groups(request.actor, reader, typed, faults, marks.by_field if marks else {})
    context = {
        "draft_name": _draft(one),
        "one": one,
        "papers": desk_work.papers(one),
        "row": row_of_request(one, clock.now()),
        "stepper": desk_work.stepper(request, DESK, one),
        "groups": groups,
        "holder": reader.holder,
        "faults": [(name, _label(groups, name), text) for name, text in faults.items()],
        "refused": errors.text(refused) if refused else "",
        "preview": lines(entry.preview) if entry.preview else [],
        "voids": _voids(reader, entry),
        "is_approved": one.approval_id is not None,
        "is_correction": bars.is_correctable(one),
        "marks": marks,
        "kept_at": kept_at,
    }
    return render(request, "desk/entry.html", context, status=status)


def _label(groups: list[entering.Group], name: str) -> str:
    return next((field.label for group in groups for field in group.fields if field.name == name), "")


def _voids(reader: Reader, entry: Entry) -> bool:
    """Whether saving voids an approval: the holder's identity is being changed."""
    if reader.request.approval_id is None:
        return False
    return correcting.effective(entry.corrections, reader.holder).changes_identity


@needs("requests.enter")
@require_POST
def check(request: StaffRequest, request_id: int) -> HttpResponse:
    """What is wrong with the form as typed so far, and what the certificate would say; for the page's script."""
    one = desk_work.find(request, request_id)
    reader = entering.reader_of(request.actor, one, clock.now())
    entry = reader.read(request.POST.dict())
    shown = [{"label": line.label, "value": line.value} for line in lines(entry.preview)] if entry.preview else []
    return JsonResponse({"faults": entry.faults, "preview": shown, "voids": _voids(reader, entry)})
