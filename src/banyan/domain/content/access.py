"""What everybody is told now: public, so no right is asked for."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from banyan.domain.content.models import Outage, PlannedStop, Service

NOTICE_BEFORE: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice. ``until`` is None for an outage, of which nobody knows the end; ``is_now``: it has begun."""

    service: Service
    since: datetime
    until: datetime | None
    reason: str
    is_now: bool


def notices(now: datetime) -> list[Notice]:
    """Stops that are under way or begin within ``NOTICE_BEFORE``, and services that are down; the most urgent first."""
    stops = PlannedStop.objects.filter(
        called_off_at__isnull=True, ends_at__gt=now, starts_at__lte=now + NOTICE_BEFORE
    ).order_by("starts_at", "pk")
    down = Outage.objects.filter(ended_at__isnull=True, told_at__isnull=False).order_by("since")
    told = [Notice(Service(row.service), row.since, None, "", True) for row in down]
    told += [
        Notice(Service(one.service), one.starts_at, one.ends_at, one.reason, one.starts_at <= now) for one in stops
    ]
    return sorted(told, key=lambda one: (not one.is_now, one.since))


def stops(*, limit: int = 50) -> list[PlannedStop]:
    """Planned stops, those to come first, then the latest."""
    return list(PlannedStop.objects.order_by("-ends_at", "-pk")[:limit])


def outages(*, limit: int = 50) -> list[Outage]:
    """What was down, the latest first."""
    return list(Outage.objects.filter(told_at__isnull=False).order_by("-since", "-pk")[:limit])
