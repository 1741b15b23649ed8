"""Reading messages: what is due, what died, how much waits."""

from datetime import datetime

from django.db.models import Count, Exists, OuterRef, QuerySet

from banyan.domain.outbox.models import MessageState, OutboxMessage, OutboxTarget


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


def waiting_by_target() -> dict[str, int]:
    """How many messages wait for each target."""
    counted = OutboxMessage.objects.filter(state=MessageState.PENDING).values("target").annotate(count=Count("pk"))
    return {row["target"]: row["count"] for row in counted.order_by("target")}


def paused_targets() -> list[str]:
    """Targets somebody paused."""
    return list(OutboxTarget.objects.filter(is_paused=True).order_by("name").values_list("name", flat=True))
