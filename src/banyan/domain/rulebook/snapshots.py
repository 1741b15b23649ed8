"""The versions in force, held in memory by each process and looked for anew every second.

Hot paths ask for a rule for every row; they get what the process holds. A change reaches other processes within
``LOOK_EVERY`` seconds, its own process at once. A pure function may ask: outside a look nothing touches the database.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from banyan.domain import audit
from banyan.domain.audit.errors import RowForged
from banyan.domain.rulebook.models import RuleVersion
from banyan.kernel import clock
from banyan.kernel.actor import system_actor

LOOK_EVERY: Final = 1.0  # seconds


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a document; ``content`` None: what the product ships."""

    pk: int
    document: str
    number: int
    content: Mapping[str, Any] | None
    effective_at: datetime


@dataclass(
    frozen=True, eq=False
)  # two are the same only when they are one: caches of what follows from it rely on that
class Snapshot:
    """Every version of every document, and which are in force."""

    newest: int = 0
    versions: Mapping[str, tuple[Version, ...]] = field(default_factory=dict)
    in_force: Mapping[str, Version] = field(default_factory=dict)
    # When a version that is still to come takes effect.
    changes_at: datetime | None = None

    def content(self, document: str) -> Mapping[str, Any] | None:
        """What is set for a document; None where the shipped file counts."""
        found = self.in_force.get(document)
        return found.content if found else None

    def number(self, document: str) -> int:
        """The version in force; 0 for the shipped file."""
        found = self.in_force.get(document)
        return found.number if found else 0

    def version(self, document: str, number: int) -> Version | None:
        """A version by its number."""
        return next((one for one in self.versions.get(document, ()) if one.number == number), None)

    def documents(self, prefix: str) -> list[str]:
        """Documents in force whose name begins so, in order."""
        return sorted(name for name in self.in_force if name.startswith(prefix))


class _Held:
    """What this process holds, and when it looks again (by the clock that only goes forward)."""

    def __init__(self) -> None:
        self.snapshot: Snapshot | None = None
        self.look_at = 0.0


_held = _Held()


def current() -> Snapshot:
    """The rules in force. Raises audit RowForged, recorded, when a version was written by hand."""
    snapshot = _held.snapshot
    if snapshot is None or time.monotonic() >= _held.look_at:
        snapshot = _held.snapshot = _looked_up(snapshot)
        _held.look_at = time.monotonic() + LOOK_EVERY
    return snapshot


def forget() -> None:
    """Look again at the next question: a change was just made here."""
    _held.snapshot = None


def hold(snapshot: Snapshot, seconds: float = float("inf")) -> None:
    """Hold this snapshot for a while without looking, as a program does that has no database at hand."""
    _held.snapshot, _held.look_at = snapshot, time.monotonic() + seconds


def _looked_up(held: Snapshot | None) -> Snapshot:
    newest = RuleVersion.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    now = clock.now()
    if held is not None and held.newest == newest:
        is_same = held.changes_at is None or now < held.changes_at
        return held if is_same else _arranged(newest, held.versions, now)
    found: dict[str, list[Version]] = {}
    for row in RuleVersion.objects.order_by("document", "number"):
        found.setdefault(row.document, []).append(_read(row))
    return _arranged(newest, {name: tuple(rows) for name, rows in found.items()}, now)


def _arranged(newest: int, versions: Mapping[str, tuple[Version, ...]], now: datetime) -> Snapshot:
    in_force, to_come = {}, []
    for name, rows in versions.items():
        begun = [row for row in rows if row.effective_at <= now]
        if begun:
            in_force[name] = begun[-1]
        to_come += [row.effective_at for row in rows if row.effective_at > now]
    return Snapshot(newest, versions, in_force, min(to_come, default=None))


def _read(row: RuleVersion) -> Version:
    if not row.is_row_genuine():
        error = RowForged(row=f"{row._meta.label_lower}:{row.pk}")
        audit.refusal(system_actor("rulebook"), "rulebook.read", error, row)
        raise error
    content = json.loads(row.content) if row.content else None
    return Version(row.pk, row.document, row.number, content, row.effective_at)
