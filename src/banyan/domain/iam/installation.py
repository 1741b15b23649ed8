"""What the installation was made for, as the database holds it: written once, read before anything only a sample may do."""

from datetime import datetime

from banyan.domain import audit
from banyan.domain.iam.errors import InstallationDiffers
from banyan.domain.iam.models import Installation
from banyan.kernel.actor import system_actor

SAMPLE = "sample"
_ONLY = 1


@audit.action
def register_installation(*, state: str, mark: str, made_at: datetime, now: datetime) -> Installation:
    """Write down what the record beside the keys says; repeating changes nothing.

    Raises InstallationDiffers when the database belongs to another installation, or its row was changed.
    """
    del now
    kept = Installation.objects.filter(pk=_ONLY).first()
    if kept is not None:
        if not kept.is_row_genuine() or (kept.state, kept.mark) != (state, mark):
            raise InstallationDiffers(state=kept.state)
        return kept
    row = Installation(id=_ONLY, state=state, mark=mark, made_at=made_at)
    row.save()
    audit.record(system_actor("init"), "iam.installation_registered", row, state=state)
    return row


def registered() -> Installation | None:
    """The row, None when there is none. Raises audit RowForged."""
    row = Installation.objects.filter(pk=_ONLY).first()
    return row.verify_row() if row is not None else None
