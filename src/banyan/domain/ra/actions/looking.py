"""The duplicate-holder warning of a request (重复注册提醒): what its holder has already, wherever somebody decides."""

from datetime import datetime

from banyan.domain import audit
from banyan.domain.ca.access import PairHoldings
from banyan.domain.iam import rights
from banyan.domain.parties import actions as parties
from banyan.domain.parties.rules import HoldingsHint
from banyan.domain.ra import access
from banyan.domain.ra.errors import IssuanceMissing
from banyan.domain.ra.models import Business, RequestState, ServiceRequest
from banyan.kernel.actor import Actor


def look_up_held(actor: Actor, request: ServiceRequest, now: datetime) -> HoldingsHint | None:
    """The pairs that the holder of an open request for a new certificate has beside it; the look is recorded.

    None where there is nothing to decide (another business, a closed request, a device) or no right to know.
    """
    is_decided_on = request.business == Business.ENROLL and request.state == RequestState.OPEN
    if not is_decided_on or not rights.has(actor, "parties.read"):
        return None
    people = [request.person_id] if request.person_id else []
    is_of_body = request.person_id is None and request.device_id is None
    bodies = [request.organization_id] if is_of_body and request.organization_id else []
    if not people and not bodies:
        return None
    source = PairHoldings(now, leave_out=request.issued_pair_id)
    return parties.look_up_holdings(actor, source, people=people, organizations=bodies, now=now)


@audit.action
def give_files(actor: Actor, request_id: int) -> ServiceRequest:
    """Note that the certificates of a request were given away as files, to whoever looks after its equipment.

    Raises IssuanceMissing, RequestNotFound, iam.RightMissing.
    """
    rights.require(actor, "certificates.export")
    found = access.request(actor, request_id)
    if found.issued_pair_id is None:
        raise IssuanceMissing(number=found.number)
    audit.record(actor, "ra.give_files", found, number=found.number)
    return found
