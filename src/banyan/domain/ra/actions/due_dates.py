"""Due dates of open requests computed again by a new calendar, slice by slice, carried on after any interruption."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db import connection
from django.db.models import Max

from banyan.domain import audit, bulk
from banyan.domain.ra import moving, working_days
from banyan.domain.ra.errors import RequestChanged
from banyan.domain.ra.models import RequestState, ServiceRequest, StepRecord
from banyan.domain.rulebook import snapshots
from banyan.domain.rulebook.models import Recomputation
from banyan.kernel.actor import Actor

SLICE: Final = 450
_WHY = "due dates of every region follow one calendar"
_FIELDS = ("due_on", "is_due_provisional", "due_from")


@audit.action
def recompute_due_dates(actor: Actor, now: datetime) -> bool:
    """One slice of what a new calendar left to do; whether there was any.

    Idempotent: a due date counts from the day its step began. A request's version stays, since nothing of what people decide
    on changes. Raises RequestChanged when somebody moved one of them in between; the next round takes the slice again.
    """
    task = _next_task(now)
    if task is None:
        return False
    snapshots.forget()
    found = _slice(task)
    before = [(one.due_on, one.is_due_provisional, one.due_from) for one in found]
    _compute(found)
    changed = [
        one for one, was in zip(found, before, strict=True) if (one.due_on, one.is_due_provisional, one.due_from) != was
    ]
    if changed:
        versions = [one.version for one in changed]
        if bulk.update_rows(changed, _FIELDS, where="version", before=versions) != len(changed):
            raise RequestChanged(number="…")
    task.seen, task.changed = task.seen + len(found), task.changed + len(changed)
    if found:
        task.after_id = found[-1].pk
    if len(found) < SLICE:
        task.finished_at = now
    task.save()
    audit.record(
        actor, "ra.due_dates_recomputed", None, document=task.version.document, number=task.version.number,
        seen=len(found), changed=len(changed), up_to=task.after_id, is_finished=task.finished_at is not None,
    )  # fmt: skip
    return True


def _next_task(now: datetime) -> Recomputation | None:
    waiting = Recomputation.objects.filter(finished_at__isnull=True, version__effective_at__lte=now)
    if connection.vendor == "postgresql":
        waiting = waiting.select_for_update(of=("self",))
    return waiting.select_related("version").order_by("pk").first()


def _slice(task: Recomputation) -> list[ServiceRequest]:
    found = ServiceRequest.objects.unscoped(_WHY).filter(
        state=RequestState.OPEN, pk__gt=task.after_id, due_on__gte=task.first_day
    )
    if connection.vendor == "postgresql":
        found = found.select_for_update(of=("self",))
    return list(found.order_by("pk")[:SLICE])


def _compute(found: Sequence[ServiceRequest]) -> None:
    unknown = [one.pk for one in found if one.due_from is None]
    last = dict(
        StepRecord.objects.filter(request_id__in=unknown).order_by().values_list("request_id").annotate(Max("at"))
    )  # requests of an earlier release do not say since when they wait
    for one in found:
        since = one.due_from or working_days.local_date(last.get(one.pk, one.opened_at))
        due = working_days.due_after(since, moving.process_of(one).step(one.step).working_days)
        one.due_on, one.is_due_provisional, one.due_from = due.on, due.is_provisional, since
