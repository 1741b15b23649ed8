"""What the intake form asks while somebody types. Always by POST: no number stands in an address."""

from django.core.exceptions import BadRequest
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from banyan.domain.iam import rights
from banyan.domain.parties import access as parties
from banyan.domain.parties.device_rules import device_identity
from banyan.domain.parties.errors import PartiesError
from banyan.domain.parties.identity_rules import credit_code, identity_number
from banyan.domain.ra import access as ra_access
from banyan.domain.ra import actions as ra
from banyan.domain.ra.actions import HolderNamed
from banyan.kernel import clock
from banyan.kernel.actor import Actor
from banyan.kernel.errors import BanyanError
from banyan.web import errors
from banyan.web.middleware import StaffRequest
from banyan.web.needs import needs
from banyan.web.reading import intake as reading
from banyan.web.reading.intake_choices import Choice, choice
from banyan.web.reading.intake_fields import check


@needs("requests.create")
@require_POST
def field(request: StaffRequest) -> HttpResponse:
    """Whether one field's text stands, and whom on record it names."""
    values = {name: text for name, text in request.POST.items() if isinstance(text, str)}
    name, chosen = values.get("field", ""), choice(request.actor, values)
    if not name:
        raise BadRequest("no field named")
    try:
        cleaned = check(request.actor, chosen, name, values, parties.local_day(clock.now()))
    except BanyanError as error:
        return JsonResponse({"ok": False, "message": errors.text(error)})
    found = _on_record(request.actor, name, cleaned) if cleaned else {}
    note = _shown(name, cleaned)
    return JsonResponse(
        {"ok": True, "fill": found, "note": _("已登记：") + found[next(iter(found))] if found else note}
    )


def _on_record(actor: Actor, name: str, number: str) -> dict[str, str]:
    """Fields that the record of this number fills; nothing for records out of sight."""
    if not rights.has(actor, "parties.read"):
        return {}
    if name == "id_number":
        people = parties.search_people(actor, number, limit=1)
        return {"holder_name": people[0].name} if people else {}
    if name == "uscc":
        bodies = parties.search_organizations(actor, number, limit=1)
        return {"body_name": bodies[0].name} if bodies else {}
    return {}


def _shown(name: str, cleaned: str) -> str:
    return parties.region_tree().full_name(cleaned) if name == "region" and cleaned else ""


@needs("requests.create")
@require_POST
def held(request: StaffRequest) -> HttpResponse:
    """What the holder named in the form has already: an audited look."""
    values = {name: text for name, text in request.POST.items() if isinstance(text, str)}
    chosen = choice(request.actor, values)
    try:
        named = _named(chosen, values)
    except PartiesError:
        return HttpResponse(status=204)
    if named is None:
        return HttpResponse(status=204)
    found = ra.look_up_holder(request.actor, named, clock.now())
    return render(request, "desk/held.html", {"owned": reading.owned(request.actor, found)})


@needs("requests.create")
@require_POST
def held_of_request(request: StaffRequest, request_id: int) -> HttpResponse:
    """What the holder of a request has beside it: an audited look."""
    one = ra_access.request(request.actor, request_id)
    found = ra.look_up_holder(request.actor, HolderNamed(request=one), clock.now())
    return render(request, "desk/held.html", {"owned": reading.owned(request.actor, found)})


def _named(chosen: Choice, values: dict[str, str]) -> HolderNamed | None:
    today = parties.local_day(clock.now())
    if chosen.kind == "PERSONAL":
        return HolderNamed(
            identity_number(values.get("id_type") or "RESIDENT", values.get("id_number", ""), today=today)
        )
    if chosen.kind == "DEVICE":
        identity = device_identity(
            domain_name=values.get("device_domain", ""), ip_address=values.get("device_ip", ""),
            serial_number=values.get("device_serial", ""),
        )  # fmt: skip
        return HolderNamed(device_key=identity.key)
    return HolderNamed(uscc=credit_code(values.get("uscc", ""))) if chosen.kind else None
