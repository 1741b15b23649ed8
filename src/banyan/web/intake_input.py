"""From the counter's intake form to what is taken in, and from what refuses it back to the field it is about."""

from collections.abc import Mapping

from banyan.domain.lifecycle.errors import LifecycleError, ReasonUnknown
from banyan.domain.parties import errors as parties
from banyan.domain.parties.registering import DeviceEntry, OrganizationEntry, PersonEntry
from banyan.domain.ra import errors as ra
from banyan.domain.ra.actions import IntakeForm
from banyan.domain.ra.values import Brought
from banyan.domain.systems.errors import RenewalCounterOnly, RenewalTooEarly, RenewalTooLate
from banyan.kernel.errors import BanyanError
from banyan.web.reading.intake_choices import Choice
from banyan.web.reading.intake_fields import FORM

# The first that fits; what fits none is told above the form.
_FIELDS: tuple[tuple[type[BanyanError], str], ...] = (
    (parties.IdentityConflict, "holder_name"),
    (parties.OrganizationConflict, "body_name"),
    (parties.UnknownRegion, "region"),
    (parties.AmbiguousRegion, "region"),
    (parties.OutOfScope, "region"),
    (parties.DeviceUnnamed, "device_domain"),
    (parties.MobileInvalid, "requester_phone"),
    (ra.SealTaken, "form_seal_code"),
    (ra.RequesterMissing, "requester_name"),
    (ra.PairNeeded, "pair"),
    (ra.RequestPending, "pair"),
    (ReasonUnknown, "reason"),
    (LifecycleError, "pair"),
    (RenewalTooEarly, "pair"),
    (RenewalCounterOnly, "pair"),
    (RenewalTooLate, "pair"),
)


def brought(cleaned: Mapping[str, str]) -> Brought:
    """Who handles it and what was at hand, from checked fields."""
    number = cleaned.get("requester_id", "")
    requester = {
        "name": cleaned.get("requester_name", ""),
        "phone": cleaned.get("requester_phone", ""),
        "id_number": f"RESIDENT:{number}" if number else "",
    }
    form = {name.removeprefix(FORM): text for name, text in cleaned.items() if name.startswith(FORM) and text}
    return Brought(requester, form, cleaned.get("department", ""))


def application(chosen: Choice, cleaned: Mapping[str, str], pair_id: int | None, reason: str) -> IntakeForm:
    """What is taken in, from checked fields."""
    region = cleaned.get("region", "")
    body = None
    if cleaned.get("uscc"):
        body = OrganizationEntry(cleaned["body_name"], cleaned["uscc"], region)
    person = device = None
    if chosen.kind == "PERSONAL":
        person = PersonEntry(
            cleaned["holder_name"], cleaned["id_type"], cleaned["id_number"], region, cleaned.get("holder_phone", "")
        )
    elif chosen.kind == "DEVICE":
        device = DeviceEntry(
            region, cleaned["device_name"], cleaned["device_domain"], cleaned["device_ip"],
            serial_number=cleaned["device_serial"],
        )  # fmt: skip
    return IntakeForm(
        chosen.business, region, brought(cleaned), chosen.system, chosen.kind, person, body, device, pair_id, reason
    )


def field_of(error: BanyanError) -> str:
    """The field that an error is about; empty when it is about the whole."""
    return next((name for kind, name in _FIELDS if isinstance(error, kind)), "")
