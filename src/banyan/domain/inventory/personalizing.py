"""Actions on the tasks that put issued pairs into tokens."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from banyan.domain import audit, bulk
from banyan.domain.prepared import Prepared, new
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_

from .errors import ContainerTaken, IssuanceAlreadyAssigned, ReasonMissing, TaskChanged, TaskNotFound, TaskStateRefused
from .models import PersonalizationTask, TaskState
from .rules import Verb
from .token_life import move, require_any, visible

_WHY = "repeats are recognised wherever the task lies"
_LOOKED_UP_AT_ONCE = 5000
_OF_ISSUANCES = Prepared(lambda ids: PersonalizationTask.objects.unscoped(_WHY).filter(issuance_id__among=ids))
_IN_TOKENS = Prepared(
    lambda ids: PersonalizationTask.objects.unscoped(_WHY).filter(token_id__among=ids).exclude(state=TaskState.VOID),
    ("token_id", "container"),
)
_RIGHTS = ("requests.personalize", "requests.issue")


@dataclass(frozen=True)
class TaskEntry:
    """An issued pair and where it is to go. ``envelope``: the encryption key for the token (SM2EnvelopedKey, DER)."""

    issuance_id: int
    token_id: int
    container: str
    envelope: bytes | None = field(default=None, repr=False)


@audit.action(savepoint=False)
def open_tasks(actor: Actor, entries: Sequence[TaskEntry], *, now: datetime) -> list[PersonalizationTask]:
    """Account for issued pairs until tokens hold them; called in the same transaction that records the certificates.

    The tokens move to PERSONALIZING unless they are there already. Opening the same task again returns it. Raises
    TokenNotFound, TransitionRefused, ContainerTaken, IssuanceAlreadyAssigned, RightMissing.
    """
    require_any(actor, _RIGHTS)
    known = _known(entries)
    fresh = [entry for entry in entries if entry.issuance_id not in known]
    tokens = {token.pk: token for token in visible(actor, list(dict.fromkeys(entry.token_id for entry in fresh)))}
    _ensure_free(fresh, tokens={key: token.serial for key, token in tokens.items()})
    waiting = [key for key, token in tokens.items() if token.state != "PERSONALIZING"]
    if waiting:
        move(actor, Verb.PERSONALIZE, waiting, now=now)
    rows = [
        new(
            PersonalizationTask, state=str(TaskState.OPEN),
            issuance_id=entry.issuance_id, token_id=entry.token_id, container=entry.container, envelope=entry.envelope,
            region_code=tokens[entry.token_id].region_code, created_at=now,
        )
        for entry in fresh
    ]  # fmt: skip
    bulk.insert_many(rows, ahead=True)
    _record(actor, "inventory.tasks_opened", rows)
    known.update({row.issuance_id: row for row in rows})
    return [known[entry.issuance_id] for entry in entries]


@audit.action
def record_written(actor: Actor, task_ids: Sequence[int], *, now: datetime) -> list[PersonalizationTask]:
    """Note that certificates and key were written into the containers; saying so again changes nothing.

    Raises TaskNotFound, TaskStateRefused, RightMissing.
    """
    require_any(actor, _RIGHTS)
    rows = [row for row in _tasks(actor, task_ids) if _is_to_do(row, TaskState.OPEN, TaskState.WRITTEN, N_("登记写入"))]
    for row in rows:
        row.state, row.written_at, row.version = TaskState.WRITTEN, now, row.version + 1
    _write(rows)
    _record(actor, "inventory.tasks_written", rows)
    return rows


@audit.action
def record_verified(actor: Actor, task_ids: Sequence[int], *, now: datetime) -> list[PersonalizationTask]:
    """Note that the tokens hold the pairs: a signature and a decryption by the token were checked.

    The envelope is forgotten, the new pair becomes the token's current one, and tokens with nothing left to write
    leave PERSONALIZING. Saying so again changes nothing. Raises TaskNotFound, TaskStateRefused, RightMissing.
    """
    require_any(actor, _RIGHTS)
    rows = [
        row for row in _tasks(actor, task_ids) if _is_to_do(row, TaskState.WRITTEN, TaskState.VERIFIED, N_("登记核验"))
    ]
    token_ids = list(dict.fromkeys(row.token_id for row in rows))
    for start in range(0, len(token_ids), _LOOKED_UP_AT_ONCE):
        PersonalizationTask.objects.unscoped("older pairs of the same tokens").filter(
            token_id__in=token_ids[start : start + _LOOKED_UP_AT_ONCE], is_current=True
        ).update(is_current=False)
    for row in rows:
        row.state, row.closed_at, row.envelope, row.version = TaskState.VERIFIED, now, None, row.version + 1
        row.is_current = True
    _write(rows)
    _record(actor, "inventory.tasks_verified", rows)
    done = _with_nothing_left(token_ids)
    if done:
        move(actor, Verb.FINISH, done, now=now)
    return rows


@audit.action
def void_task(actor: Actor, task_id: int, *, reason: str, now: datetime) -> PersonalizationTask:
    """Give a task up; its pair must be revoked by the caller in the same transaction, for nothing accounts for it now.

    Raises TaskNotFound, TaskStateRefused, ReasonMissing, RightMissing.
    """
    require_any(actor, _RIGHTS)
    if not reason.strip():
        raise ReasonMissing
    (row,) = _tasks(actor, [task_id])
    if row.state == TaskState.VERIFIED:
        raise TaskStateRefused(task=row.pk, state=str(row.get_state_display()), verb=N_("作废"))
    if row.state != TaskState.VOID:
        row.state, row.closed_at, row.envelope = TaskState.VOID, now, None
        row.void_reason, row.version = reason.strip()[:200], row.version + 1
        _write([row])
        audit.record(actor, "inventory.task_voided", row, reason=reason.strip()[:100])
    return row


def _known(entries: Sequence[TaskEntry]) -> dict[int, PersonalizationTask]:
    wanted = {entry.issuance_id: entry for entry in entries}
    found = {row.issuance_id: row for row in _OF_ISSUANCES.rows(wanted)}
    for number, row in found.items():
        if (row.token_id, row.container) != (wanted[number].token_id, wanted[number].container):
            raise IssuanceAlreadyAssigned(issuance=number)
    return found


def _ensure_free(entries: Sequence[TaskEntry], tokens: dict[int, str]) -> None:
    seen = {(held.token_id, held.container) for held in _IN_TOKENS.rows(tokens)}
    for entry in entries:
        place = (entry.token_id, entry.container)
        if place in seen:
            raise ContainerTaken(token=tokens[entry.token_id], container=entry.container)
        seen.add(place)


def _tasks(actor: Actor, task_ids: Sequence[int]) -> list[PersonalizationTask]:
    found: dict[int, PersonalizationTask] = {}
    for start in range(0, len(task_ids), _LOOKED_UP_AT_ONCE):
        part = task_ids[start : start + _LOOKED_UP_AT_ONCE]
        found.update({row.pk: row for row in PersonalizationTask.objects.visible_to(actor).filter(pk__in=part)})
    missing = [key for key in task_ids if key not in found]
    if missing:
        raise TaskNotFound(task=missing[0])
    return [found[key] for key in dict.fromkeys(task_ids)]


def _is_to_do(row: PersonalizationTask, before: str, after: str, verb: str) -> bool:
    if row.state == after:
        return False
    if row.state != before:
        raise TaskStateRefused(task=row.pk, state=str(row.get_state_display()), verb=verb)
    return True


_WRITTEN = {"state", "envelope", "is_current", "written_at", "closed_at", "void_reason", "version"}


def _write(rows: Sequence[PersonalizationTask]) -> None:
    """Write changed tasks, each only if it is still the version that was read."""
    if not rows:
        return
    before = [row.version - 1 for row in rows]
    if bulk.update_rows(rows, _WRITTEN, where="version", before=before) != len(rows):
        raise TaskChanged(task=rows[0].pk)


def _with_nothing_left(token_ids: Sequence[int]) -> list[int]:
    busy: set[int] = set()
    for start in range(0, len(token_ids), _LOOKED_UP_AT_ONCE):
        part = token_ids[start : start + _LOOKED_UP_AT_ONCE]
        unfinished = PersonalizationTask.objects.unscoped("all tasks of these tokens").filter(
            token_id__in=part, state__in=(TaskState.OPEN, TaskState.WRITTEN)
        )
        busy |= set(unfinished.values_list("token_id", flat=True))
    return [key for key in token_ids if key not in busy]


def _record(actor: Actor, event: str, rows: Sequence[PersonalizationTask]) -> None:
    if rows:
        single = rows[0] if len(rows) == 1 else None
        audit.record(actor, event, single, count=len(rows), first=rows[0].pk, last=rows[-1].pk)
