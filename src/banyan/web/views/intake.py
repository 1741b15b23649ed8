"""Taking in: the work list of the precheck, and the form by which a request is opened."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from banyan.domain.desk import drafts
from banyan.domain.iam import rights
from banyan.domain.parties.access import local_day
from banyan.domain.ra import actions as ra
from banyan.domain.ra.errors import PairNeeded
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.ra.processes import Verb
from banyan.kernel import clock
from banyan.kernel.errors import BanyanError
from banyan.web import errors, once
from banyan.web.intake_input import application, field_of
from banyan.web.middleware import StaffRequest
from banyan.web.needs import needs
from banyan.web.reading import intake as reading
from banyan.web.reading.intake_choices import Choice, choice
from banyan.web.reading.intake_fields import check_all, sections
from banyan.web.reading.paging import key_of
from banyan.web.reading.queue import Queue, queue

DRAFT = "intake"
_CHOSEN = ("business", "system", "kind")
_REFUSED = 422


@needs("requests.create")
@require_safe
def listing(request: StaffRequest) -> HttpResponse:
    """The requests that wait for their precheck."""
    return render(request, "desk/intake.html", {"queue": work_list(request)})


def work_list(request: StaffRequest, here: int | None = None) -> Queue:
    """The work list beside whatever is open."""
    rights.require(request.actor, "requests.create")
    return queue(
        request.actor, Verb.PRECHECK, request.GET, clock.now(), _url, title=_("待初审"), nothing=_("没有待初审的申请单"),
        here=here,
    )  # fmt: skip


def _url(one: ServiceRequest) -> str:
    return reverse("intake_request", args=[one.pk])


@needs("requests.create")
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: StaffRequest) -> HttpResponse:
    """Choose what is asked for, say who asks, open the request."""
    if request.method == "POST":
        return _sent(request)
    values, at = once.drafted(request, DRAFT)
    if not request.GET and values.get("business"):
        return redirect(f"{reverse('intake_new')}?{urlencode({name: values.get(name, '') for name in _CHOSEN})}")
    chosen = choice(request.actor, request.GET)
    return _page(request, chosen, values, {}, drafted_at=at if values else None)


@needs("requests.create")
@require_POST
def forget(request: StaffRequest) -> HttpResponse:
    """Throw away what was typed and begin anew."""
    drafts.forget(request.actor, DRAFT)
    return redirect("intake_new")


def _sent(request: StaffRequest) -> HttpResponse:
    values = {name: text for name, text in request.POST.items() if isinstance(text, str)}
    chosen = choice(request.actor, values)
    if not chosen.is_complete or "find" in values:
        return _page(request, chosen, values, {})
    cleaned, wrong = check_all(request.actor, chosen, values, local_day(clock.now()), errors.text)
    pair_id = key_of(values.get("pair", ""))
    if chosen.acts_on_pair and pair_id is None:
        wrong["pair"] = errors.text(PairNeeded())
    if chosen.reasons and values.get("reason") not in dict(chosen.reasons):
        wrong["reason"] = _("没有选择原因。请选择。")
    if wrong:
        return _page(request, chosen, values, wrong, status=_REFUSED)
    wanted = application(chosen, cleaned, pair_id, values.get("reason", "") if chosen.reasons else "")

    def work() -> dict[str, Any]:
        opened = ra.take_in(request.actor, wanted, clock.now())
        return {"request": opened.pk, "number": opened.number}

    try:
        done = once.send(request, DRAFT, work, draft=DRAFT)
    except BanyanError as error:
        return _page(request, chosen, values, {field_of(error): errors.text(error)}, status=_REFUSED)
    messages.success(request, _("已受理，申请单号 {number}").format(number=done["number"]))
    return redirect("intake_request", done["request"])


def _page(
    request: StaffRequest,
    chosen: Choice,
    values: Mapping[str, str],
    wrong: dict[str, str],
    *,
    drafted_at: Any = None,
    status: int = 200,
) -> HttpResponse:
    pairs = _pairs(request, chosen, values, wrong)
    shown = sections(request.actor, chosen, values, wrong) if chosen.is_complete else []
    labels = {field.name: field.label for section in shown for field in section.fields}
    labels |= {"pair": _("证书"), "reason": _("原因")}
    context = {
        "chosen": chosen,
        "sections": shown,
        "values": values,
        "wrong": [(name, labels.get(name, ""), text) for name, text in wrong.items()],
        "pair_error": wrong.get("pair", ""),
        "reason_error": wrong.get("reason", ""),
        "pairs": pairs,
        "materials": reading.materials(chosen, pairs),
        "pair": values.get("pair", ""),
        "was_sought": bool(values.get("pair_query")),
        "kit": reading.kit(chosen.policy),
        "drafted_at": drafted_at,
    }
    return render(request, "desk/intake_new.html", context, status=status)


def _pairs(
    request: StaffRequest, chosen: Choice, values: Mapping[str, str], wrong: dict[str, str]
) -> list[reading.PairChoice]:
    if not chosen.acts_on_pair:
        return []
    now = clock.now()
    try:
        if values.get("pair_query", "").strip():
            return reading.pair_choices(request.actor, chosen.business, values["pair_query"], now)
    except BanyanError as error:
        wrong.setdefault("pair", errors.text(error))
        return []
    known = values.get("pair", "")
    pair_id = key_of(known)
    return reading.pair_choice(request.actor, chosen.business, pair_id, now) if pair_id is not None else []
