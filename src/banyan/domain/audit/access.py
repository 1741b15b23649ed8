"""Reading records, newest first, page by page by number. Rights are checked by ``iam.audit_reading``."""

from datetime import datetime

from django.db.models import QuerySet

from banyan.domain.audit import chain
from banyan.domain.audit.models import AuditHead, AuditRecord


def records(
    *, limit: int, before: int | None = None, event: str = "", only_refused: bool = False
) -> QuerySet[AuditRecord]:
    """Records with numbers below ``before`` (None: from the newest), at most ``limit``."""
    found = AuditRecord.objects.order_by("-id")
    if before is not None:
        found = found.filter(id__lt=before)
    if event:
        found = found.filter(event__startswith=event)
    if only_refused:
        found = found.exclude(outcome="ok")
    return found[:limit]


def story_of(object_type: str, object_id: int) -> QuerySet[AuditRecord]:
    """What happened to one object (``ca.certificatepair``, 17), oldest first."""
    return AuditRecord.objects.filter(object_type=object_type, object_id=object_id).order_by("id")


def newest() -> int:
    """The number of the newest record; 0 before the first."""
    return AuditHead.objects.values_list("sequence", flat=True).first() or 0


def first_since(moment: datetime) -> int:
    """The number of the first record made at or after an instant (one beyond the newest when there is none).

    Numbers grow with time, so this is a search by halves: some twenty look-ups by key, however long the chain.
    """
    wanted = chain.microseconds(moment)
    low, high = 1, newest() + 1
    while low < high:
        middle = (low + high) // 2
        at = AuditRecord.objects.filter(id__gte=middle).order_by("id").values_list("at_us", flat=True).first()
        if at is not None and at < wanted:
            low = middle + 1
        else:
            high = middle
    return low
