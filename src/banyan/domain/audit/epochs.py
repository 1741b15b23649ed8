"""Checkpoints of the running chain, and the new epoch that a legitimate restore opens."""

from collections.abc import Sequence
from dataclasses import replace
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
_ATTEMPTS = 10  # against others who write while a place is being signed


def write_checkpoint(home: Home, *, now: datetime, sign: Sign) -> Checkpoint | None:
    """Sign where the chain stands; None when there is nothing yet. Runs outside any transaction."""
    head = AuditHead.objects.filter(pk=1).first()
    if head is None or head.sequence == 0:
        return None
    checkpoint = Checkpoint("checkpoint", head.sequence, head.epoch, bytes(head.chain).hex(), now.isoformat())
    checkpoints.append(home, checkpoint, sign)
    return checkpoint


def disagreeing(home: Home) -> list[Checkpoint]:
    """Lines that the database does not bear out and no epoch has disowned: the mark of a restore or a forgery.

    Of an epoch the place it was declared at counts: whether it was entered, nothing outside the database tells.
    """
    return _disagreeing(checkpoints.read(home))


def _disagreeing(lines: Sequence[Checkpoint]) -> list[Checkpoint]:
    disowned = frozenset[tuple[int, int]]().union(*(line.disowned for line in lines))
    open_lines = [line for line in lines if line.sequence and (line.epoch, line.sequence) not in disowned]
    stored = {
        record.pk: (record.epoch, bytes(record.chain).hex())
        for start in range(0, len(open_lines), 500)
        for record in AuditRecord.objects.filter(pk__in=[line.sequence for line in open_lines[start : start + 500]])
    }
    found = []
    for line in open_lines:
        epoch, value = stored.get(line.sequence, (0, ""))
        if value != line.chain or (line.kind == "checkpoint" and epoch != line.epoch):
            found.append(line)
    return found


def open_epoch(
    home: Home, *, actor: Actor, people: tuple[str, str], reason: str, now: datetime, sign: Sign
) -> Checkpoint:
    """After a restore: declare, signed and in the names of two people, from where the chain goes on.

    Who the two people are is checked by the caller (``iam.audit_control``). Raises EpochNotNeeded when every
    checkpoint agrees with the database.
    """
    lines = checkpoints.read(home)
    lost = _disagreeing(lines)
    if not lost:
        raise EpochNotNeeded
    head = AuditHead.objects.get(pk=1)
    line = Checkpoint(
        kind="epoch",
        sequence=head.sequence,
        epoch=max(head.epoch, *(item.epoch for item in lines)) + 1,
        chain=bytes(head.chain).hex(),
        at=now.isoformat(),
        starts_at=max(head.sequence, *(max(item.sequence, item.starts_at) for item in lines)) + _NUMBERS_LEFT_OUT,
        people=people,
        reason=reason,
        disowned=frozenset((item.epoch, item.sequence) for item in lost),
    )
    checkpoints.append(home, line, sign)
    return _enter(home, line, actor=actor, now=now, sign=sign)


def finish_epoch(home: Home, *, actor: Actor, now: datetime, sign: Sign) -> Checkpoint | None:
    """Enter the epoch that two people declared when the process ended before it was entered; None when there is none.

    What they declared still holds: the chain stands at the declared place or has only grown from there.
    """
    lines = checkpoints.read(home)
    declared = next((line for line in reversed(lines) if line.kind == "epoch"), None)
    head = AuditHead.objects.filter(pk=1).first()
    if declared is None or head is None or head.epoch >= declared.epoch or _disagreeing(lines):
        return None
    return _enter(home, declared, actor=actor, now=now, sign=sign)


def _enter(home: Home, line: Checkpoint, *, actor: Actor, now: datetime, sign: Sign) -> Checkpoint:
    """Enter a declared epoch; where the chain has grown meanwhile, declare the same from its new end first."""
    for _attempt in range(_ATTEMPTS):
        if _enter_epoch(actor=actor, line=line, now=now):
            write_checkpoint(home, now=now, sign=sign)  # from here on a restore to a time before it shows
            return line
        head = AuditHead.objects.get(pk=1)
        line = replace(
            line,
            sequence=head.sequence,
            chain=bytes(head.chain).hex(),
            at=now.isoformat(),
            starts_at=max(head.sequence, line.starts_at) + _NUMBERS_LEFT_OUT,
        )
        checkpoints.append(home, line, sign)
    raise HeadMissing


@action(retry=False)
def _enter_epoch(*, actor: Actor, line: Checkpoint, now: datetime) -> bool:
    """False when records were written since the declaration: its place is no longer the end of the chain."""
    del now
    sequence, epoch, stored = locked_head()
    if epoch >= line.epoch:
        return True  # another process was first
    if (sequence, stored.hex()) != (line.sequence, line.chain):
        return False
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
    return True
