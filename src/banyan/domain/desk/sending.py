"""A form of the counter is sent once: a double click, the back button or a lost answer do not do a thing twice."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from banyan.domain import audit, outbox
from banyan.domain.desk.errors import ChangedMeanwhile
from banyan.domain.iam import access as iam
from banyan.domain.ra.models import ServiceRequest, StepRecord
from banyan.domain.ra.working_days import LOCAL
from banyan.kernel.actor import Actor


@audit.action
def send_once(
    actor: Actor,
    form: str,
    key: str,
    content: Mapping[str, Any],
    work: Callable[[], Mapping[str, Any]],
    now: datetime,
    *,
    seen: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """Do ``work`` for a form's key once, in one transaction with it; a repeat gives what the first gave.

    ``work`` returns plain data. ``seen`` is the request and the version that the page showed. Bulk work has slices of its own and
    must not be put in here. Raises ChangedMeanwhile, outbox.ContentDiffers, and what ``work`` raises.
    """
    call = outbox.idempotent(f"desk.{form}"[:60], f"{actor.id}/{key}", dict(content), now=now)
    if call.is_repeat:
        return dict(call.outcome)
    if seen is not None:
        _ensure_seen(*seen)
    return dict(call.remember(dict(work())))


def _ensure_seen(request_id: int, version: int) -> None:
    row = ServiceRequest.objects.unscoped("the version of a row that the action reads within scope")
    found = row.filter(pk=request_id).values_list("number", "version").first()
    if found is None or found[1] == version:
        return
    last = StepRecord.objects.filter(request_id=request_id).order_by("-pk").first()
    who = iam.names_of([last.actor]).get(last.actor, last.actor_name) if last else "—"
    at = last.at.astimezone(LOCAL).strftime("%H:%M") if last else "—"
    raise ChangedMeanwhile(number=found[0], who=who, at=at)
