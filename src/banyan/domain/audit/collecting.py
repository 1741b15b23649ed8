"""What an action has done so far: the records it will append and the guarded rows it must account for."""

import json
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from django.db import models

from banyan.domain.audit.chain import DELETED, RowState, clean
from banyan.domain.audit.errors import NoAction, UnrecordedWrite
from banyan.kernel.actor import Actor
from banyan.kernel.masking import without_numbers

if TYPE_CHECKING:
    from banyan.domain.audit.models import GuardedModel

_COLLECTOR: ContextVar["Collector | None"] = ContextVar("banyan_audit_collector", default=None)


_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str).encode


@dataclass(slots=True)
class Draft:
    """A record before it has its place in the chain."""

    actor: Actor
    event: str
    outcome: str
    object_type: str
    object_id: int | None
    detail: str
    rows: list[RowState]
    at: datetime | None


_Mark = tuple[int, dict[tuple[str, int], int], dict[tuple[str, int], int]]


@dataclass
class Collector:
    """Belongs to one outermost action."""

    limit: int
    now: datetime | None = None
    drafts: list[Draft] = field(default_factory=list)
    refusals: list[Draft] = field(default_factory=list)
    # (type, id) → version written; and what of it is not yet in a record
    written: dict[tuple[str, int], int] = field(default_factory=dict)
    unrecorded: dict[tuple[str, int], int] = field(default_factory=dict)

    def note_written(self, rows: Sequence["GuardedModel"]) -> None:
        """Rows were written; each must appear in a record before the action ends."""
        label, key_of = _identity(type(rows[0]))
        versions = {(label, key_of(row)): row.row_version for row in rows}
        self.written.update(versions)
        self.unrecorded.update(versions)

    def add(self, draft: Draft) -> None:
        """Take a record and what it accounts for: the rows that this action wrote. The state of a row that was only read
        stays out, or an older row put back by a hand would count as the last one written.
        """
        written = self.written
        draft.rows = [state for state in draft.rows if written.get((state.type, state.id)) == state.version]
        self.drafts.append(draft)
        for state in draft.rows:
            self.unrecorded.pop((state.type, state.id), None)

    def ensure_all_recorded(self) -> None:
        """Raises UnrecordedWrite when a guarded row was written and no record carries it."""
        if self.unrecorded:
            names = [f"{label}:{pk}" for label, pk in list(self.unrecorded)[:5]]
            raise UnrecordedWrite(rows=", ".join(names))

    def mark(self) -> _Mark:
        """Where a nested action begins."""
        return len(self.drafts), dict(self.written), dict(self.unrecorded)

    def back_to(self, mark: _Mark) -> None:
        """Forget what a failed nested action collected; its writes were rolled back."""
        drafts, self.written, self.unrecorded = mark
        del self.drafts[drafts:]


def active() -> Collector | None:
    """The collector of the running action, if any."""
    return _COLLECTOR.get()


def current(what: str) -> Collector:
    """The collector of the running action. Raises NoAction outside one."""
    collector = _COLLECTOR.get()
    if collector is None:
        raise NoAction(what=what)
    return collector


def activate(collector: "Collector | None") -> None:
    """Make a collector the running one (None: no action runs)."""
    _COLLECTOR.set(collector)


def note_deletion(label: str, pk: int) -> None:
    """A guarded row is about to be deleted; a record of this action must say so."""
    collector = current(label)
    collector.written[(label, pk)] = DELETED
    for draft in reversed(collector.drafts):
        if (draft.object_type, draft.object_id) == (label, pk):
            draft.rows = [state for state in draft.rows if (state.type, state.id) != (label, pk)]
            draft.rows.append(RowState(label, pk, DELETED, b""))
            return
    collector.unrecorded[(label, pk)] = DELETED


def draft(
    actor: Actor,
    event: str,
    obj: models.Model | None,
    *,
    outcome: str,
    rows: Iterable["GuardedModel"],
    detail: str,
    at: datetime | None,
) -> Draft:
    """Make a record of an object and the guarded rows that belong to it; ``detail`` comes from ``detail_text``."""
    states = [state_of(row) for row in rows]
    if obj is None:
        return Draft(actor, event, outcome, "", None, detail, states, at)
    label, key_of = _identity(type(obj))
    pk = key_of(obj)
    mac = getattr(obj, "row_mac", None)
    if mac is not None and not (states and (label, pk) in [(state.type, state.id) for state in states]):
        states.insert(0, RowState(label, pk, obj.row_version, bytes(mac)))  # type: ignore[attr-defined]
    return Draft(actor, event, outcome, label, pk, detail, states, at)


def state_of(row: "GuardedModel") -> RowState:
    """What the record keeps of a guarded row."""
    label, key_of = _identity(type(row))
    return RowState(label, key_of(row), row.row_version, bytes(row.row_mac))


@cache
def _identity(model: type[models.Model]) -> tuple[str, Callable[[models.Model], int]]:
    """The label of a model and how its primary key is read; both cost more when Django is asked each time."""
    return model._meta.label_lower, attrgetter(model._meta.pk.attname)


def detail_text(detail: dict[str, Any]) -> str:
    """The details as JSON; what looks like a person's number is replaced, whatever the caller meant."""
    if not detail:
        return ""
    return clean(without_numbers(_encode(detail)), 4000)
