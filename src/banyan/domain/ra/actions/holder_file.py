"""What somebody has already, asked at the counter before anything is opened, and beside a request (A5, 规范 3.3.1.2)."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from banyan.domain import audit
from banyan.domain.ca.access import PairHoldings
from banyan.domain.iam import rights
from banyan.domain.parties import access as registry
from banyan.domain.parties import actions as parties
from banyan.domain.parties.identity_rules import IdentityNumber
from banyan.domain.parties.models import Device, Organization
from banyan.domain.parties.rules import HoldingsElsewhere, HoldingsHint
from banyan.domain.ra.models import RequestState, ServiceRequest
from banyan.kernel.actor import Actor

_MOST_PENDING = 50


@dataclass(frozen=True, slots=True)
class HolderNamed:
    """A holder as named at the counter, by whatever identifies it (checked values only), or by a request's own keys."""

    number: IdentityNumber | None = field(default=None, repr=False)
    uscc: str = ""
    device_key: str = ""
    request: ServiceRequest | None = None


@dataclass(frozen=True, slots=True)
class HolderFile:
    """What a holder has: pairs, and requests under way. Of what lies out of sight only number, kind and system."""

    is_on_record: bool
    held: HoldingsHint
    pending: tuple[ServiceRequest, ...]
    pending_elsewhere: tuple[HoldingsElsewhere, ...]

    @property
    def is_empty(self) -> bool:
        return self.held.is_empty and not self.pending and not self.pending_elsewhere


@audit.action
def look_up_holder(actor: Actor, holder: HolderNamed, now: datetime) -> HolderFile:
    """What somebody has already, across the province (规范 3.1.1.2(2), 3.3.1.2(2)); each look is recorded.

    Raises iam.RightMissing.
    """
    rights.require(actor, "parties.read")
    rights.require(actor, "requests.read")
    person, body, device = _keys_of(holder)
    people, bodies = ([person] if person else []), ([body] if body else [])
    if not (people or bodies or device):
        audit.record(actor, "ra.look_up_holder", None, here=0, elsewhere=0)
        return HolderFile(is_on_record=False, held=HoldingsHint((), ()), pending=(), pending_elsewhere=())
    held = HoldingsHint((), ())
    if people or bodies:
        leave_out = holder.request.issued_pair_id if holder.request else None
        source = PairHoldings(now, leave_out=leave_out)
        held = parties.look_up_holdings(actor, source, people=people, organizations=bodies, now=now)
    here, elsewhere = _pending(actor, (person, body, device), holder.request.pk if holder.request else 0)
    beyond = sum(one.count for one in elsewhere)
    audit.record(actor, "ra.look_up_holder", None, device=device, here=len(here), elsewhere=beyond)
    return HolderFile(is_on_record=True, held=held, pending=here, pending_elsewhere=elsewhere)


def _keys_of(holder: HolderNamed) -> tuple[int | None, int | None, int | None]:
    """Primary keys of person, body and device across the province; the body only where it is itself the holder."""
    if (own := holder.request) is not None:
        is_of_body = own.person_id is None and own.device_id is None
        return own.person_id, own.organization_id if is_of_body else None, own.device_id
    if holder.number is not None:
        return next(iter(registry.people_by_identity([holder.number]).values()), None), None, None
    why = "whether a holder is on record anywhere; only numbers are told of what lies elsewhere"
    if holder.device_key:
        devices = Device.objects.unscoped(why).filter(identity_key=holder.device_key)
        return None, None, devices.values_list("pk", flat=True).first()
    bodies = Organization.objects.unscoped(why).filter(uscc=holder.uscc) if holder.uscc else None
    return None, bodies.values_list("pk", flat=True).first() if bodies is not None else None, None


def _pending(
    actor: Actor, holder: tuple[int | None, int | None, int | None], own: int
) -> tuple[tuple[ServiceRequest, ...], tuple[HoldingsElsewhere, ...]]:
    person, body, device = holder
    everything = ServiceRequest.objects.unscoped("of what lies elsewhere only numbers are told")
    found = everything.filter(state=RequestState.OPEN).exclude(pk=own)
    if person is not None:
        found = found.filter(person=person)
    elif device is not None:
        found = found.filter(device=device)
    else:
        found = found.filter(organization=body, person__isnull=True, device__isnull=True)
    rows = list(found.order_by("-pk")[:_MOST_PENDING])
    tree = registry.region_tree()
    here = tuple(one for one in rows if tree.is_within(one.region_code, actor.regions))
    hidden = Counter((one.kind, one.system) for one in rows if one not in here)
    return here, tuple(HoldingsElsewhere(kind, system, count) for (kind, system), count in sorted(hidden.items()))
