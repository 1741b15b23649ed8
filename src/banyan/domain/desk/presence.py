"""Who else has a request open. It warns; what keeps two from doing the same step is the request's version."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from banyan.domain.desk.models import Presence
from banyan.kernel.actor import Actor

# A page that is open says so every minute; two minutes of silence mean that it was closed.
HELD: Final = timedelta(minutes=2)


def come(actor: Actor, request_id: int, now: datetime) -> list[int]:
    """Note that the actor has a request open; the accounts of the others who have, the latest first."""
    with transaction.atomic():
        Presence.objects.update_or_create(request_id=request_id, account=actor.id, defaults={"seen_at": now})
    others = Presence.objects.filter(request_id=request_id, seen_at__gt=now - HELD).exclude(account=actor.id)
    return list(others.order_by("-seen_at").values_list("account", flat=True))


def leave(actor: Actor, request_id: int) -> None:
    """The actor closed the page or finished the step."""
    Presence.objects.filter(request_id=request_id, account=actor.id).delete()


def taken(request_ids: Sequence[int], now: datetime, *, besides: Actor) -> dict[int, int]:
    """Request → account of somebody else who has it open, for a work list."""
    rows = Presence.objects.filter(request_id__in=list(request_ids), seen_at__gt=now - HELD)
    return dict(rows.exclude(account=besides.id).order_by("seen_at").values_list("request_id", "account"))


def drop_old(now: datetime) -> int:
    """Forget who left without saying so; how many."""
    return Presence.objects.filter(seen_at__lt=now - HELD).delete()[0]
