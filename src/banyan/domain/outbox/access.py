"""Reading messages: what is due, what died, how much waits, how each target stands."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, QuerySet

from banyan.domain.outbox.models import MessageState, OutboxMessage, OutboxTarget
from banyan.domain.outbox.rules import TargetState, state_of_target


@dataclass(frozen=True, slots=True)
class TargetStanding:
    """One target: how it stands, how many messages wait for it, how many were given up."""

    name: str
    state: TargetState
    waiting: int
    dead: int


def due_messages(target: str, now: datetime, limit: int) -> list[OutboxMessage]:
    """The messages a worker may deliver now, oldest first; with a key, only the oldest pending one of that
    key.
    """
    if OutboxTarget.objects.filter(name=target, is_paused=True).exists():
        return []
    earlier = OutboxMessage.objects.filter(
        target=target,
        state=MessageState.PENDING,
        ordering_key=OuterRef("ordering_key"),
        pk__lt=OuterRef("pk"),
    ).exclude(ordering_key="")
    return list(
        OutboxMessage.objects.filter(target=target, state=MessageState.PENDING, due_at__lte=now)
        .filter(~Exists(earlier))
        .order_by("due_at", "pk")[:limit]
    )


def dead_letters(target: str | None = None) -> QuerySet[OutboxMessage]:
    """What was given up and waits for a person, newest first."""
    found = OutboxMessage.objects.filter(state=MessageState.DEAD)
    return (found.filter(target=target) if target else found).order_by("-pk")


def dead_numbers(target: str = "") -> list[int]:
    """The numbers of what was given up, oldest first."""
    return list(dead_letters(target).order_by("pk").values_list("pk", flat=True))


def waiting_by_target() -> dict[str, int]:
    """How many messages wait for each target."""
    return _by_target(MessageState.PENDING)


def paused_targets() -> list[str]:
    """Targets somebody paused."""
    return list(OutboxTarget.objects.filter(is_paused=True).order_by("name").values_list("name", flat=True))


def standings(connected: Collection[str]) -> list[TargetStanding]:
    """Every target there is, by name: the ``connected`` ones, and those that messages or a pause name."""
    waiting, dead, paused = waiting_by_target(), _by_target(MessageState.DEAD), paused_targets()
    return [
        TargetStanding(
            name,
            state_of_target(is_connected=name in connected, is_paused=name in paused),
            waiting.get(name, 0),
            dead.get(name, 0),
        )
        for name in sorted({*connected, *waiting, *dead, *paused})
    ]


def _by_target(state: MessageState) -> dict[str, int]:
    counted = OutboxMessage.objects.filter(state=state).values("target").annotate(count=Count("pk"))
    return {row["target"]: row["count"] for row in counted.order_by("target")}
