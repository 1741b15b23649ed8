"""Walking the chain: one part of it, record after record, in bounded memory; parts can be walked side by side.

The database puts the bytes of a record together, so that a walk costs no more than reading them and one hash each.
"""

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from banyan.domain.audit import chain
from banyan.domain.audit.checkpoints import Checkpoint
from banyan.domain.audit.fingerprints import Fingerprints

_BATCH = 4000
_MOST_FINDINGS = 1000
_RECORD = re.compile(r"audit:(-?\d+)")
_Row = tuple[int, int, bytes, bytes, bytes]


@dataclass(frozen=True)
class Finding:
    """Something wrong: its kind (see ``verifying.KINDS``) and where (``audit:17``, ``iam.rolegrant:4``)."""

    kind: str
    where: str
    note: str = ""

    @property
    def sequence(self) -> int:
        """Number of the record (the first of several) that a finding in the chain is about; of others, beyond all."""
        found = _RECORD.match(self.where)
        return int(found[1]) if found else sys.maxsize


@dataclass(frozen=True)
class Task:
    """A part of the chain: records ``first`` to ``last`` of a database, under a key, with all checkpoint lines."""

    using: str
    key: bytes
    first: int
    last: int
    checkpoints: tuple[Checkpoint, ...]


@dataclass
class Walk:
    """What a walk over a part found."""

    records: int = 0
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    states: Fingerprints = field(default_factory=Fingerprints)
    met: set[int] = field(default_factory=set)
    sequence: int = 0
    chain_value: bytes = chain.GENESIS

    def add(self, kind: str, where: str, note: str = "") -> None:
        """Note a finding, a thousand at the most."""
        if len(self.findings) < _MOST_FINDINGS:
            self.findings.append(Finding(kind, where, note))


@contextmanager
def snapshot(using: str) -> Iterator[BaseDatabaseWrapper]:
    """A connection of its own that reads one unchanging state and writes nothing."""
    wrapper: BaseDatabaseWrapper = connections[using].copy()
    options = wrapper.settings_dict["OPTIONS"] = dict(wrapper.settings_dict["OPTIONS"])
    if wrapper.vendor == "postgresql":
        options["isolation_level"] = 3  # repeatable read: one snapshot for the whole transaction
        options.pop("pool", None)
    else:
        options["transaction_mode"] = "DEFERRED"  # a reader never waits for the write lock
    try:
        wrapper.ensure_connection()
        if wrapper.vendor == "postgresql":
            wrapper.set_autocommit(False)
        with wrapper.cursor() as cursor:
            if wrapper.vendor == "postgresql":
                cursor.execute("SET TRANSACTION READ ONLY")
            else:
                cursor.execute("PRAGMA query_only = ON")
                cursor.execute("BEGIN")
        yield wrapper
    finally:
        wrapper.close()


def walk(task: Task, progress: Callable[[int], None] | None = None) -> Walk:
    """Walk one part in a snapshot of its own (records do not change, so snapshots of parts agree)."""
    with snapshot(task.using) as database:
        try:
            return _Walker(task, database).run(progress)
        except (DatabaseError, TypeError):
            if database.vendor != "sqlite":
                raise
            # Some column holds another type than its own, which only SQLite allows: name it and read round it.
            return _Walker(task, database, forced=True).run(progress)


class _Walker:
    def __init__(self, task: Task, database: BaseDatabaseWrapper, *, forced: bool = False) -> None:
        self._forced = forced
        self._task = task
        self._database = database
        self._found = Walk(states=Fingerprints(is_later=task.first > 0))
        self._wanted: dict[int, list[Checkpoint]] = {}
        for line in task.checkpoints:
            if line.kind == "checkpoint":
                self._wanted.setdefault(line.sequence, []).append(line)
        self._openings = {line.starts_at: line for line in task.checkpoints if line.kind == "epoch"}
        self._sequence, self._epoch, self._previous = self._record_before()

    def run(self, progress: Callable[[int], None] | None) -> Walk:
        found = self._found
        if self._forced:
            self._name_odd_types()
        for batch in self._batches():
            self._take(batch)
            found.records += len(batch)
            if progress is not None:
                progress(found.records)
        found.sequence, found.chain_value = self._sequence, self._previous
        return found

    def _record_before(self) -> tuple[int, int, bytes]:
        """Number, epoch and chain value of the record before this part."""
        with self._database.cursor() as cursor:
            cursor.execute(
                "SELECT id, epoch, chain FROM audit_record WHERE id < %s ORDER BY id DESC LIMIT 1", [self._task.first]
            )
            row = cursor.fetchone()
        return (row[0], row[1], bytes(row[2])) if row else (0, 1, chain.GENESIS)

    def _batches(self) -> Iterator[list[_Row]]:
        """Number, epoch, content without the binary part, binary part, chain value."""
        content = chain.content_expression(self._database.vendor, forced=self._forced)
        binary = (
            "COALESCE(CAST(rows AS BLOB), x''), COALESCE(CAST(chain AS BLOB), x'')" if self._forced else "rows, chain"
        )
        statement = (
            f"SELECT id, epoch, {content}, {binary} FROM audit_record "  # noqa: S608  (own names)
            f"WHERE id BETWEEN {self._task.first:d} AND {self._task.last:d} ORDER BY id"
        )
        with self._database.chunked_cursor() as cursor, self._database.wrap_database_errors:
            raw = getattr(cursor, "cursor", cursor)  # the driver's own: Django's wrapper costs a call a row
            raw.execute(statement)
            for batch in iter(partial(raw.fetchmany, _BATCH), []):
                if isinstance(batch[0][4], memoryview):
                    batch = [(*row[:2], *(bytes(value) for value in row[2:])) for row in batch]
                yield batch

    def _take(self, batch: list[_Row]) -> None:
        numbers, epochs, heads, rows, stored = (list(column) for column in zip(*batch, strict=True))
        before = [self._previous, *stored[:-1]]
        first = self._sequence + 1
        if numbers != list(range(first, first + len(batch))) or set(epochs) != {self._epoch}:
            self._find_jumps(numbers, epochs, stored, before)
        take = self._found.states.take
        for number, item in zip(numbers, rows, strict=True):
            try:
                for label, row in take(item):
                    self._found.add("row_replayed", f"{label}:{row}")
            except ValueError:
                self._found.add("record_malformed", f"audit:{number}")
        for number in self._wanted.keys() & set(numbers) if self._wanted else ():
            position = numbers.index(number)
            self._meet_checkpoints(number, epochs[position], stored[position])
        items = [previous + head + item for previous, head, item in zip(before, heads, rows, strict=True)]
        computed = chain.links(self._task.key, items)
        if computed != stored:
            for number, previous, one, other in zip(numbers, before, stored, computed, strict=True):
                if one != other and previous:
                    self._found.add("record_changed", f"audit:{number}")
        self._sequence, self._previous = numbers[-1], stored[-1]

    def _find_jumps(self, numbers: list[int], epochs: list[int], stored: list[bytes], before: list[bytes]) -> None:
        """Judge each gap; where it is not declared, an empty ``before`` says that the next link cannot be judged."""
        sequence, previous = self._sequence, self._previous
        for position, (number, epoch) in enumerate(zip(numbers, epochs, strict=True)):
            is_next = number == sequence + 1 and epoch == self._epoch
            if not is_next and not self._may_jump(sequence, previous, number, epoch):
                before[position] = b""
            sequence, previous = number, stored[position]

    def _may_jump(self, sequence: int, previous: bytes, number: int, epoch: int) -> bool:
        """Whether a gap in the numbers is the declared beginning of an epoch; otherwise it is reported."""
        line = self._openings.get(number)
        if line is not None and (line.sequence, line.chain, line.epoch) == (sequence, previous.hex(), epoch):
            self._epoch = line.epoch
            self._found.notes.append(f"epoch {line.epoch}: {sequence} -> {number} ({', '.join(line.people)})")
            return True
        if epoch != self._epoch:
            self._found.add("epoch_undeclared", f"audit:{number}")
            self._epoch = epoch
        elif number > sequence + 1:
            last = number - 1
            more = f"-{last}" if last > sequence + 1 else ""
            self._found.add("records_missing", f"audit:{sequence + 1}{more}")
        return False

    def _meet_checkpoints(self, number: int, epoch: int, value: bytes) -> None:
        self._found.met.add(number)
        for line in self._wanted.pop(number):
            if (line.epoch, line.chain) != (epoch, value.hex()):
                self._found.add("checkpoint_differs", f"audit:{number}", line.at)

    def _name_odd_types(self) -> None:
        wrong = [
            *(f"typeof({name}) <> 'text'" for name in chain.TEXTS),
            *(f"typeof({name}) NOT IN ('integer', 'null')" for name in chain.NULLABLE),
            "typeof(rows) <> 'blob'",
            "typeof(chain) <> 'blob'",
        ]
        statement = (
            f"SELECT id FROM audit_record WHERE id BETWEEN %s AND %s AND ({' OR '.join(wrong)}) "  # noqa: S608  (own names)
            f"ORDER BY id LIMIT {_MOST_FINDINGS}"
        )
        with self._database.cursor() as cursor:
            cursor.execute(statement, [self._task.first, self._task.last])
            for (number,) in cursor.fetchall():
                self._found.add("record_malformed", f"audit:{number}")


def parts(database: BaseDatabaseWrapper, count: int, least: int) -> list[tuple[int, int]]:
    """The chain in at most ``count`` parts of about the same number of records, each of at least ``least``."""
    with database.cursor() as cursor:
        cursor.execute("SELECT COUNT(*), MAX(id) FROM audit_record")
        records, last = cursor.fetchone()
        if not records:
            return []
        count = max(1, min(count, records // least))
        firsts = [0]
        for number in range(1, count):
            cursor.execute(f"SELECT id FROM audit_record ORDER BY id LIMIT 1 OFFSET {records * number // count:d}")  # noqa: S608  (own names)
            firsts.append(cursor.fetchone()[0])
    return list(zip(firsts, [*(first - 1 for first in firsts[1:]), last], strict=True))


def merged(walks: Sequence[Walk]) -> Walk:
    """The parts put together again, in order."""
    whole = Walk()
    for part in walks:
        whole.records += part.records
        whole.findings += part.findings
        whole.notes += part.notes
        whole.met |= part.met
        for label, row in whole.states.overlay(part.states):
            whole.add("row_replayed", f"{label}:{row}")
        whole.sequence, whole.chain_value = part.sequence, part.chain_value
    whole.findings.sort(key=lambda finding: (finding.sequence, finding.where))
    return whole
