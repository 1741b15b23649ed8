"""Checkpoints of the running chain, and the new epoch that a legitimate restore opens."""

from datetime import datetime

from django.db import connection

from banyan.domain.audit import checkpoints
from banyan.domain.audit.actions import action, locked_head, record
from banyan.domain.audit.checkpoints import Checkpoint, Sign
from banyan.domain.audit.errors import EpochNotNeeded, HeadMissing
from banyan.domain.audit.models import AuditHead, AuditRecord
from banyan.kernel.actor import Actor
from banyan.kernel.home import Home

# Records after the last checkpoint may have existed before the restore; their numbers must not return either.
_NUMBERS_LEFT_OUT = 1_000_000


def write_checkpoint(home: Home, *, now: datetime, sign: Sign) -> Checkpoint | None:
    """Sign where the chain stands; None when there is nothing yet. Runs outside any transaction."""
    head = AuditHead.objects.filter(pk=1).first()
    if head is None or head.sequence == 0:
        return None
    checkpoint = Checkpoint("checkpoint", head.sequence, head.epoch, bytes(head.chain).hex(), now.isoformat())
    checkpoints.append(home, checkpoint, sign)
    return checkpoint


def disagreeing(home: Home) -> list[Checkpoint]:
    """Checkpoints that the database does not bear out and no epoch has disowned: the mark of a restore or a
    forgery.
    """
    lines = checkpoints.read(home)
    disowned = frozenset[tuple[int, int]]().union(*(line.disowned for line in lines))
    open_lines = [line for line in lines if line.kind == "checkpoint" and (line.epoch, line.sequence) not in disowned]
    stored = {
        record.pk: (record.epoch, bytes(record.chain).hex())
        for start in range(0, len(open_lines), 500)
        for record in AuditRecord.objects.filter(pk__in=[line.sequence for line in open_lines[start : start + 500]])
    }
    return [line for line in open_lines if stored.get(line.sequence) != (line.epoch, line.chain)]


def open_epoch(
    home: Home, *, actor: Actor, people: tuple[str, str], reason: str, now: datetime, sign: Sign
) -> Checkpoint:
    """After a restore: declare, signed and in the names of two people, from where the chain goes on.

    Who the two people are is checked by the caller (``iam.audit_control``). Raises EpochNotNeeded when every
    checkpoint agrees with the database.
    """
    lost = disagreeing(home)
    if not lost:
        raise EpochNotNeeded
    head = AuditHead.objects.get(pk=1)
    line = Checkpoint(
        kind="epoch",
        sequence=head.sequence,
        epoch=max(head.epoch, *(item.epoch for item in lost)) + 1,
        chain=bytes(head.chain).hex(),
        at=now.isoformat(),
        starts_at=max(head.sequence, *(item.sequence for item in lost)) + _NUMBERS_LEFT_OUT,
        people=people,
        reason=reason,
        disowned=frozenset((item.epoch, item.sequence) for item in lost),
    )
    checkpoints.append(home, line, sign)
    _enter_epoch(actor=actor, line=line, now=now)
    return line


@action(retry=False)
def _enter_epoch(*, actor: Actor, line: Checkpoint, now: datetime) -> None:
    del now
    sequence, _epoch, stored = locked_head()
    if (sequence, stored.hex()) != (line.sequence, line.chain):
        raise HeadMissing  # somebody wrote in between: the declared place no longer holds
    with connection.cursor() as cursor:
        cursor.execute("UPDATE audit_head SET sequence = %s, epoch = %s WHERE id = 1", [line.starts_at - 1, line.epoch])
    record(
        actor,
        "audit.epoch_opened",
        None,
        epoch=line.epoch,
        resumed_from=line.sequence,
        people=list(line.people),
    )
