"""Reading the audit, where rights are known."""

from collections.abc import Sequence

from django.db.models import QuerySet

from banyan.domain.audit import access
from banyan.domain.audit.models import AuditRecord
from banyan.domain.iam.rights import has, require
from banyan.kernel.actor import Actor


def read_records(
    actor: Actor, *, limit: int, before: int | None = None, event: str = "", only_refused: bool = False
) -> Sequence[AuditRecord]:
    """A page of records, newest first. Raises RightMissing."""
    require(actor, "audit.read")
    return list(access.records(limit=limit, before=before, event=event, only_refused=only_refused))


def all_records(actor: Actor) -> QuerySet[AuditRecord]:
    """Every record, for a page that filters and walks by number. Raises RightMissing."""
    require(actor, "audit.read")
    return AuditRecord.objects.all()


def story_of(actor: Actor, object_type: str, object_id: int) -> Sequence[AuditRecord]:
    """What happened to one object, oldest first; nothing for those who may not read the audit."""
    return list(access.story_of(object_type, object_id)[:200]) if has(actor, "audit.read") else []
