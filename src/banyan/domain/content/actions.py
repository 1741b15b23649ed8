"""Planning a stop, calling it off, and noting what the jobs found down."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from banyan.domain import audit
from banyan.domain.content.errors import StopInvalid, StopNotFound
from banyan.domain.content.models import Outage, PlannedStop, Service
from banyan.domain.iam import rights
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_

LONGEST: Final = timedelta(days=7)
# A silence as short as this is nobody's concern.
PATIENCE: Final = timedelta(minutes=10)


@audit.action
def plan_stop(
    actor: Actor, service: str, starts_at: datetime, ends_at: datetime, *, reason: str, now: datetime
) -> PlannedStop:
    """Plan a stop; its notice publishes itself. Raises StopInvalid, iam.RightMissing."""
    rights.require(actor, "systems.configure")
    reason = reason.strip()
    if service not in Service.values:
        raise StopInvalid(problem=N_("没有选服务"))
    if not reason:
        raise StopInvalid(problem=N_("没有写事由"))
    if ends_at <= starts_at:
        raise StopInvalid(problem=N_("结束时间不晚于开始时间"))
    if ends_at <= now:
        raise StopInvalid(problem=N_("结束时间已经过去"))
    if ends_at - starts_at > LONGEST:
        raise StopInvalid(problem=N_("一次停机不能超过七天"))
    row = PlannedStop.objects.create(
        service=service, starts_at=starts_at, ends_at=ends_at, reason=reason[:200], planned_by=actor.id, planned_at=now
    )
    audit.record(actor, "content.stop_planned", row, service=service, number=row.pk)
    return row


@audit.action
def call_off_stop(actor: Actor, stop_id: int, now: datetime) -> PlannedStop:
    """Call a stop off, also one under way: its notice goes at once. Raises StopNotFound, iam.RightMissing."""
    rights.require(actor, "systems.configure")
    row = PlannedStop.objects.filter(pk=stop_id, called_off_at__isnull=True, ends_at__gt=now).first()
    if row is None:
        raise StopNotFound
    row.called_off_at = now
    row.save(update_fields=["called_off_at"])
    audit.record(actor, "content.stop_called_off", row, service=row.service, number=row.pk)
    return row


@audit.action
def note_services(actor: Actor, are_up: Mapping[str, bool], now: datetime) -> list[Outage]:
    """Note which services answer. One that is silent for ``PATIENCE`` gets a notice, which goes when it answers again.

    Returns the outages that began or ended being told of. Nothing changes, nothing is written.
    """
    changed = []
    open_rows = {row.service: row for row in Outage.objects.filter(ended_at__isnull=True)}
    for service, is_up in are_up.items():
        row = open_rows.get(service)
        if not is_up and row is None:
            Outage.objects.create(service=service, since=now)
        elif not is_up and row is not None and row.told_at is None and now - row.since >= PATIENCE:
            row.told_at = now
            row.save(update_fields=["told_at"])
            changed.append(row)
            audit.record(actor, "content.outage_told", row, service=service)
        elif is_up and row is not None:
            row.ended_at = now
            row.save(update_fields=["ended_at"])
            if row.told_at is not None:
                changed.append(row)
                audit.record(actor, "content.outage_ended", row, service=service)
    return changed
