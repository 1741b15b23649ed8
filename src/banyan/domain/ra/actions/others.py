"""Review help: what else is asked for a request's holder, and what was rejected before."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import models

from banyan.domain import audit
from banyan.domain.iam import rights
from banyan.domain.parties import access as parties
from banyan.domain.ra.models import RequestState, ServiceRequest, StepRecord
from banyan.kernel.actor import Actor

_MOST: Final = 50


@dataclass(frozen=True)
class OtherRequests:
    """Other requests for the same holder. Of those out of sight only kind, system and number are told.

    ``reasons``: why each rejected one was, by its key.
    """

    pending: list[ServiceRequest]
    rejected: list[ServiceRequest]
    reasons: dict[int, str]
    elsewhere: dict[tuple[str, str], int]

    @property
    def is_empty(self) -> bool:
        return not (self.pending or self.rejected or self.elsewhere)


@audit.action
def look_up_others(actor: Actor, request: ServiceRequest, now: datetime) -> OtherRequests:
    """The holder's other open requests and earlier rejections, across the province; the look is recorded.

    Raises iam.RightMissing.
    """
    del now
    rights.require(actor, "requests.read")
    found = [row for row in _of_same_holder(request) if row.state in (RequestState.OPEN, RequestState.REJECTED)]
    tree = parties.region_tree()
    seen = [row for row in found if tree.is_within(row.region_code, actor.regions)]
    hidden = Counter((row.system, row.kind) for row in found if row not in seen and row.state == RequestState.OPEN)
    audit.record(actor, "ra.others_looked_up", request, here=len(seen), elsewhere=sum(hidden.values()))
    rejected = [row for row in seen if row.state == RequestState.REJECTED]
    why = StepRecord.objects.filter(request__in=rejected, outcome="rejected").order_by("pk") if rejected else ()
    reasons = {record.request_id: record.note for record in why}
    return OtherRequests([row for row in seen if row.state == RequestState.OPEN], rejected, reasons, dict(hidden))


def _of_same_holder(request: ServiceRequest) -> list[ServiceRequest]:
    rows = ServiceRequest.objects.unscoped("review help looks across the province; parted by sight by the caller")
    if request.person_id is not None:
        same = models.Q(person=request.person_id)
    elif request.device_id is not None:
        same = models.Q(device=request.device_id)
    else:
        same = models.Q(organization=request.organization_id, person=None, device=None)
    found = rows.filter(same).exclude(state=RequestState.DONE).exclude(pk=request.pk)
    return list(found.order_by("-pk")[:_MOST])
