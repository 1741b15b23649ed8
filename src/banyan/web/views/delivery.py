"""领取: the lists, one request's notices and hand-over, and what is done to it."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from banyan.domain.ra import actions as ra
from banyan.domain.ra.actions.telling import CALL_RESULTS
from banyan.domain.ra.delivery_errors import ReceiverDiffers, ReceiverMissing, ReceiverUnauthorized, ReceiverUnchecked
from banyan.domain.ra.receivers import Contact, Receiver
from banyan.domain.ra.values import Outcome
from banyan.kernel import clock
from banyan.kernel.errors import BanyanError
from banyan.web import errors, once
from banyan.web.middleware import StaffRequest
from banyan.web.needs import needs
from banyan.web.reading import delivery
from banyan.web.reading.queue import queue

REFUSED = 422
_MOST_AT_ONCE = 200
# Which field of the hand-over an error is about.
_FIELDS: Mapping[type[BanyanError], str] = {
    ReceiverMissing: "received_by",
    ReceiverUnchecked: "last_four",
    ReceiverDiffers: "last_four",
    ReceiverUnauthorized: "authorization",
}


@needs("requests.read")
@require_safe
def listing(request: StaffRequest) -> HttpResponse:
    """One of the lists: to notify, to call, to be fetched, late, to unlock, to revoke."""
    return _list(request, request.GET.get("tab", ""))


@needs("requests.hand_over")
@require_POST
def notify_many(request: StaffRequest) -> HttpResponse:
    """Tell the requesters of all chosen requests; what could not be told is said, the rest is done."""
    outcome = ra.notify_ready_many(request.actor, chosen(request.POST.getlist("request")), clock.now())
    if outcome.done:
        done = len(outcome.done)
        messages.success(request, ngettext("已通知 %(n)d 件", "已通知 %(n)d 件", done) % {"n": done})
    if not outcome.refusals:
        return redirect("/desk/deliver?tab=notify")
    return _list(request, "notify", refusals=refusals(outcome), status=REFUSED)


@needs("requests.read")
@require_safe
def detail(request: StaffRequest, request_id: int) -> HttpResponse:
    """One request: what was told, who may fetch, the parcel."""
    return panel(request, request_id)


@needs("requests.hand_over")
@require_POST
def notify(request: StaffRequest, request_id: int) -> HttpResponse:
    """Tell the requester of this one."""

    def work() -> Mapping[str, Any]:
        return {"number": ra.notify_ready(request.actor, request_id, clock.now()).number}

    return sent(request, request_id, "notify", work, _("已发领取通知"), about=True)


@needs("requests.hand_over")
@require_POST
def call(request: StaffRequest, request_id: int) -> HttpResponse:
    """Note a telephone call."""
    said = request.POST

    def work() -> Mapping[str, Any]:
        notice = ra.record_call(
            request.actor, _key(said.get("notice", "")), clock.now(), result=said.get("result", ""), note=said.get("note", "")
        )  # fmt: skip
        return {"state": str(notice.state)}

    return sent(request, request_id, "call", work, _("已记下这次电话"))


@needs("requests.hand_over")
@require_POST
def resend(request: StaffRequest, request_id: int) -> HttpResponse:
    """Send a notice as a text message again."""

    def work() -> Mapping[str, Any]:
        return {"state": str(ra.resend_notice(request.actor, _key(request.POST.get("notice", "")), clock.now()).state)}

    return sent(request, request_id, "resend", work, _("短信已重新排队"))


@needs("requests.hand_over")
@require_POST
def reveal(request: StaffRequest, request_id: int) -> HttpResponse:
    """Show the requester's telephone in clear, for this call; the look is recorded."""
    return panel(request, request_id, contact=ra.reveal_requester(request.actor, request_id, clock.now()))


@needs("requests.hand_over")
@require_POST
def hand_over(request: StaffRequest, request_id: int) -> HttpResponse:
    """Give the token to whoever stands there."""
    said = request.POST
    receiver = Receiver(
        said.get("received_by", ""), said.get("last_four", ""), said.get("authorization", ""), said.get("note", "")
    )

    def work() -> Mapping[str, Any]:
        return {"number": ra.hand_over(request.actor, request_id, clock.now(), receiver=receiver).number}

    return sent(request, request_id, "hand_over", work, _("已交付，领取已登记"), about=True)


def sent(
    request: StaffRequest, request_id: int, form: str, work: Callable[[], Mapping[str, Any]], told: str, *, about: bool = False
) -> HttpResponse:  # fmt: skip
    """Do what a form of the panel asks, once; a refusal shows the panel again with everything typed."""
    try:
        draft = _draft(request_id) if form == "hand_over" else ""
        once.send(request, f"delivery.{form}", work, about=request_id if about else None, draft=draft)
    except BanyanError as error:
        return panel(request, request_id, form=form, error=error)
    messages.success(request, told)
    return redirect("delivery_request", request_id)


def panel(
    request: StaffRequest,
    request_id: int,
    *,
    form: str = "",
    error: BanyanError | None = None,
    contact: Contact | None = None,
) -> HttpResponse:
    """The page of one request; with an error beside the form that was refused."""
    now = clock.now()
    shown = delivery.panel(request.actor, request_id, now)
    step = shown.request.step if shown.request.step in ("notify_ready", "hand_over") else "hand_over"
    tab = "notify" if step == "notify_ready" else "wait"
    listed = queue(
        request.actor, delivery.STEPS[tab], request.GET, now, delivery.panel_url, here=request_id,
        title=_("待通知") if tab == "notify" else _("待领取"), nothing=str(delivery.NOTHING[tab]),
    )  # fmt: skip
    kept, _when = once.drafted(request, _draft(request_id))
    field = _FIELDS.get(type(error), "") if error and form == "hand_over" else ""
    context = {
        "panel": shown,
        "queue": listed,
        "form": form,
        "typed": request.POST if form else {},
        "handing": request.POST if form == "hand_over" else {"received_by": shown.requester, **kept},
        "draft": _draft(request_id),
        "error": errors.text(error) if error else "",
        "error_code": error.code if error else "",
        "error_field": field,
        # Beside its field, while the form is still there to be sent again.
        "error_in_form": bool(field) and shown.request.step == "hand_over" and not shown.is_packed,
        "contact": contact,
        "call_results": [(one.value, one.label) for one in CALL_RESULTS],
    }
    return render(request, "desk/delivery_request.html", context, status=REFUSED if error else 200)


def chosen(values: list[str]) -> list[int]:
    """Keys that came with a form, each once; what is no key is passed over."""
    return list(dict.fromkeys(_key(one) for one in values[:_MOST_AT_ONCE] if _key(one)))


def refusals(outcome: Outcome) -> list[str]:
    """What refused some of many, in the reader's language."""
    return [errors.text(one.error) for one in outcome.refusals]


def _list(request: StaffRequest, tab: str, *, refusals: list[str] | None = None, status: int = 200) -> HttpResponse:
    now = clock.now()
    tab = tab if tab in delivery.NOTHING else "notify"
    context = {"listing": delivery.listing(request.actor, tab, request.GET, now), "refusals": refusals or []}
    return render(request, "desk/delivery.html", context, status=status)


def _draft(request_id: int) -> str:
    return f"hand-over-{request_id}"


def _key(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0
