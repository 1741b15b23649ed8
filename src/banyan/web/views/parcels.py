"""邮寄: parcels prepared, handed to EMS with their waybill numbers, delivered or returned."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from banyan.domain.ra import actions as ra
from banyan.domain.ra import delivery_access, recipients
from banyan.domain.ra.delivery_errors import RecipientInvalid
from banyan.domain.ra.recipients import Recipient
from banyan.kernel import clock
from banyan.kernel.errors import BanyanError
from banyan.web import errors, once
from banyan.web.middleware import StaffRequest
from banyan.web.needs import needs
from banyan.web.reading import parcels
from banyan.web.views.delivery import REFUSED, chosen

_WAYBILL = "waybill_"


@needs("requests.read")
@require_safe
def listing(request: StaffRequest) -> HttpResponse:
    """A page of parcels."""
    return _list(request)


@needs("requests.read")
@require_safe
def sheet(request: StaffRequest) -> HttpResponse:
    """The parcels handed to EMS today, to be printed and signed."""
    now = clock.now()
    context = {"rows": parcels.sent_on(request.actor, now), "waiting": parcels.waiting(request.actor, now), "now": now}
    return render(request, "desk/parcel_sheet.html", context)


@needs("requests.read")
@require_http_methods(["GET", "HEAD", "POST"])
def prepare(request: StaffRequest) -> HttpResponse:
    """A new parcel for requests that wait to be fetched: who receives it."""
    values = request.POST if request.method == "POST" else request.GET
    wanted = chosen(values.getlist("request"))
    if request.method != "POST":
        return _new(request, wanted)
    said = request.POST
    typed = {name: said.get(name, "") for name in ("name", "phone", "address", "postcode")}

    def work() -> Mapping[str, Any]:
        return {"parcel": ra.prepare_parcel(request.actor, wanted, recipients.read(**typed), clock.now()).pk}

    try:
        done = once.send(request, "parcel.prepare", work, draft=_draft(wanted))
    except BanyanError as error:
        return _new(request, wanted, typed, error)
    messages.success(request, _("已装包裹，等着交寄"))
    return redirect("delivery_parcel", done["parcel"])


@needs("requests.hand_over")
@require_POST
def send_many(request: StaffRequest) -> HttpResponse:
    """Hand every parcel over whose waybill number was typed; each stands for itself."""
    said = {name: request.POST.get(name, "") for name in request.POST if name.startswith(_WAYBILL)}
    typed = {name: value for name, value in said.items() if value.strip()}
    refused: dict[int, str] = {}
    done = 0
    for name, waybill in typed.items():
        (parcel_id,) = chosen([name.removeprefix(_WAYBILL)]) or [0]
        try:
            ra.send_parcel(request.actor, parcel_id, clock.now(), waybill=waybill)
        except BanyanError as error:
            refused[parcel_id] = errors.text(error)
        else:
            done += 1
    if done:
        messages.success(request, ngettext("已交寄 %(n)d 个包裹", "已交寄 %(n)d 个包裹", done) % {"n": done})
    if refused or not typed:
        return _list(request, refused=refused, is_empty=not typed)
    return redirect("/desk/parcels?kind=prepared")


@needs("requests.read")
@require_safe
def detail(request: StaffRequest, parcel_id: int) -> HttpResponse:
    """One parcel."""
    return _parcel(request, parcel_id)


@needs("requests.hand_over")
@require_POST
def send(request: StaffRequest, parcel_id: int) -> HttpResponse:
    """Hand this one to EMS."""
    waybill = request.POST.get("waybill", "")

    def work() -> object:
        return ra.send_parcel(request.actor, parcel_id, clock.now(), waybill=waybill)

    return _sent(request, parcel_id, "send", work, _("已交寄"))


@needs("requests.hand_over")
@require_POST
def delivered(request: StaffRequest, parcel_id: int) -> HttpResponse:
    """EMS delivered it."""
    received_by = request.POST.get("received_by", "")

    def work() -> object:
        return ra.parcel_delivered(request.actor, parcel_id, clock.now(), received_by=received_by)

    return _sent(request, parcel_id, "delivered", work, _("已登记妥投，申请单已办结"))


@needs("requests.hand_over")
@require_POST
def returned(request: StaffRequest, parcel_id: int) -> HttpResponse:
    """EMS brought it back."""
    reason = request.POST.get("reason", "")

    def work() -> object:
        return ra.parcel_returned(request.actor, parcel_id, clock.now(), reason=reason)

    return _sent(request, parcel_id, "returned", work, _("已登记退回，介质回到待领取"))


@needs("requests.hand_over")
@require_POST
def take_out(request: StaffRequest, parcel_id: int) -> HttpResponse:
    """Take one token out again."""
    (request_id,) = chosen(request.POST.getlist("request")[:1]) or [0]

    def work() -> object:
        return ra.take_out(request.actor, parcel_id, request_id, clock.now())

    return _sent(request, parcel_id, "take_out", work, _("已取出，介质回到待领取"))


@needs("requests.hand_over")
@require_POST
def reveal(request: StaffRequest, parcel_id: int) -> HttpResponse:
    """The recipient in clear, to write the label; the look is recorded."""
    return _parcel(request, parcel_id, label=ra.reveal_recipient(request.actor, parcel_id, clock.now()))


def _sent(request: StaffRequest, parcel_id: int, form: str, work: Callable[[], object], told: str) -> HttpResponse:
    def once_only() -> Mapping[str, Any]:
        work()
        return {"parcel": parcel_id}

    try:
        once.send(request, f"parcel.{form}", once_only)
    except BanyanError as error:
        return _parcel(request, parcel_id, form=form, error=error)
    messages.success(request, told)
    return redirect("delivery_parcel", parcel_id)


def _parcel(
    request: StaffRequest,
    parcel_id: int,
    *,
    form: str = "",
    error: BanyanError | None = None,
    label: Recipient | None = None,
) -> HttpResponse:
    context = {
        "row": parcels.row(request.actor, parcel_id, clock.now()),
        "form": form,
        "typed": request.POST if form else {},
        "error": errors.text(error) if error else "",
        "error_code": error.code if error else "",
        "label": label,
    }
    return render(request, "desk/parcel.html", context, status=REFUSED if error else 200)


def _new(
    request: StaffRequest, wanted: list[int], typed: Mapping[str, str] | None = None, error: BanyanError | None = None
) -> HttpResponse:
    context = {
        "requests": delivery_access.waiting_requests(request.actor, wanted),
        "fields": parcels.fields(once.drafted(request, _draft(wanted))[0] if typed is None else typed),
        "draft": _draft(wanted),
        "error": errors.text(error) if error else "",
        "error_code": error.code if error else "",
        "error_field": _FIELD.get(error.fields.get("field", ""), "") if isinstance(error, RecipientInvalid) else "",
    }
    return render(request, "desk/parcel_new.html", context, status=REFUSED if error else 200)


def _draft(wanted: list[int]) -> str:
    """The draft of this parcel: another one has another recipient."""
    return f"parcel-{min(wanted, default=0)}"


_FIELD = {"姓名": "name", "手机号": "phone", "地址": "address", "邮编": "postcode"}


def _list(request: StaffRequest, *, refused: Mapping[int, str] | None = None, is_empty: bool = False) -> HttpResponse:
    values = request.POST if request.method == "POST" else request.GET
    kind = "prepared" if request.method == "POST" else request.GET.get("kind", "prepared")
    kind = kind if kind in dict(parcels.KINDS) else "prepared"
    shown = parcels.listing(request.actor, request.GET, clock.now(), kind=kind)
    rows = [
        (row, values.get(f"{_WAYBILL}{row.parcel.pk}", ""), (refused or {}).get(row.parcel.pk, ""))
        for row in shown.rows
    ]
    context = {"listing": shown, "rows": rows, "is_empty": is_empty, "has_refused": bool(refused)}
    return render(request, "desk/parcels.html", context, status=REFUSED if refused or is_empty else 200)
