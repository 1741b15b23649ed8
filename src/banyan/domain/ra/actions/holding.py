"""Files that wait in quarantine while the scanner does not answer: listed with their request, taken up again or dropped."""

from datetime import datetime

from banyan.domain import audit
from banyan.domain.iam import rights
from banyan.domain.ra import access, moving, quarantine, taking_in
from banyan.domain.ra.actions import materials
from banyan.domain.ra.errors import MaterialRefused, RequestNotFound
from banyan.domain.ra.models import HeldFile, RequestState, ServiceRequest
from banyan.domain.ra.ports import Intake
from banyan.domain.ra.quarantine import Arrived
from banyan.kernel.actor import Actor


@audit.action
def hold_file(actor: Actor, request_id: int, code: str, arrived: Arrived, now: datetime) -> HeldFile:
    """List a file that waits for the scanner. Raises RequestNotFound, RequestClosed, IssuanceUnderWay, iam.RightMissing."""
    rights.require(actor, "requests.create")
    _, outcome = moving.each(actor, "ra.hold_file", [request_id], materials.ensure_changeable)
    request = moving.alone(outcome)
    held = HeldFile(
        request=request, code=code, name=arrived.name, sm3=arrived.sm3, size=arrived.size, mark=arrived.mark, added_by=actor.id,
        added_at=now,
    )  # fmt: skip
    held.save()
    audit.record(actor, "ra.hold_file", request, code=code, sm3=arrived.sm3)
    return held


def drop_held_file(actor: Actor, request_id: int, held_id: int) -> None:
    """Take a waiting file out of the list and out of quarantine. Raises RequestNotFound, iam.RightMissing."""
    quarantine.discard(_drop(actor, request_id, held_id, ""))


def take_up_held_file(actor: Actor, request_id: int, held_id: int, tools: Intake, now: datetime) -> ServiceRequest:
    """Have a waiting file scanned and take it in. Raises ScannerDown (it waits on), MaterialRefused (it is gone)."""
    materials.ensure_takes(actor, request_id, "")
    held = access.held_file(actor, request_id, held_id)
    try:
        taken = taking_in.take_in(held.code, arrived_of(held), tools)
    except MaterialRefused as error:
        _drop(actor, request_id, held_id, error.code)
        raise
    return materials.add_taken(actor, request_id, taken, now, held=held_id)


def tidy_quarantine(actor: Actor, now: datetime) -> int:
    """Remove what ended processes left in quarantine, and waiting files of requests that are closed. How many went."""
    if HeldFile.objects.exclude(request__state=RequestState.OPEN).exists():
        _drop_of_closed(actor)
    return quarantine.tidy(now, set(HeldFile.objects.values_list("mark", flat=True)))


@audit.action
def _drop_of_closed(actor: Actor) -> None:
    closed = HeldFile.objects.exclude(request__state=RequestState.OPEN).select_related("request")
    for held in closed.order_by("pk")[:100]:
        held.delete()
        audit.record(actor, "ra.drop_held_file", held.request, sm3=held.sm3, code="ra.request_closed")


def arrived_of(held: HeldFile) -> Arrived:
    """The file that a row stands for."""
    return Arrived(held.mark, held.name, held.sm3, held.size)


@audit.action
def _drop(actor: Actor, request_id: int, held_id: int, why: str) -> Arrived:
    rights.require(actor, "requests.create")
    held = access.held_file(actor, request_id, held_id)
    if not HeldFile.objects.filter(pk=held.pk).delete()[0]:
        raise RequestNotFound
    audit.record(actor, "ra.drop_held_file", held.request, sm3=held.sm3, code=why)
    return arrived_of(held)
