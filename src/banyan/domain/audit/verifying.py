"""The offline verifier: reads the whole chain and every guarded row once, and names what is not as it was
written.

It works on one snapshot of the database, in bounded memory, while the product runs or stands still. Fetching
and formatting go on in one thread while the hashes of the batch before are computed in another (they release
the GIL).
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from django.apps import apps
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from banyan.domain.audit import chain
from banyan.domain.audit.checkpoints import Checkpoint
from banyan.domain.audit.fingerprints import DELETED, NONE, Fingerprints, fingerprint
from banyan.domain.audit.models import GuardedModel
from banyan.kernel.errors import N_
from banyan.sealing import Keyring

_BATCH = 4000
_BATCHES_AHEAD = 3
_MOST_FINDINGS = 1000
_Row = tuple[int, int, bytes, bytes, bytes]

# kind → what it means; documents and the command line read it
KINDS: dict[str, str] = {
    "record_changed": N_("审计记录内容或链值被改动"),
    "records_missing": N_("审计记录缺失（被删除）"),
    "record_malformed": N_("审计记录不可解析"),
    "epoch_undeclared": N_("审计编号跳跃，但没有两人签署的新纪元"),
    "head_differs": N_("链头与最后一条审计记录不符"),
    "truncated": N_("审计链比已签署的检查点短（尾部被截断）"),
    "checkpoint_differs": N_("审计记录与已签署的检查点不符"),
    "row_changed": N_("受保护的记录内容被改动"),
    "row_replayed": N_("受保护的记录被换成了较早的版本"),
    "row_missing": N_("受保护的记录被删除"),
    "row_returned": N_("已删除的受保护记录又出现"),
    "row_unrecorded": N_("受保护的记录没有审计记录"),
}


@dataclass(frozen=True)
class Finding:
    """Something wrong: its kind (see ``KINDS``) and where (``audit:17``, ``iam.rolegrant:4``)."""

    kind: str
    where: str
    note: str = ""


@dataclass
class Report:
    """The verifier's result; findings in the order of the chain, then of the rows, a thousand at the most."""

    records: int = 0
    rows: int = 0
    checkpoints: int = 0
    last_sequence: int = 0
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        return not self.findings

    @property
    def first(self) -> Finding | None:
        """The first bad record or row."""
        return self.findings[0] if self.findings else None

    def add(self, kind: str, where: str, note: str = "") -> None:
        """Note a finding."""
        if len(self.findings) < _MOST_FINDINGS:
            self.findings.append(Finding(kind, where, note))


def verify(
    keyring: Keyring,
    checkpoints: Sequence[Checkpoint],
    *,
    using: str = "default",
    progress: Callable[[int], None] | None = None,
) -> Report:
    """Verify records against each other, against the signed checkpoints, and guarded rows against the
    records.
    """
    report = Report(checkpoints=len(checkpoints))
    with snapshot(using) as database, ThreadPoolExecutor(1) as pool:
        states = Fingerprints()
        _Chain(keyring.audit_key, checkpoints, report, states, progress).walk(database, pool)
        tables = set(database.introspection.table_names())
        for model in guarded_models():
            if model._meta.db_table in tables:  # the rows of a dropped table are reported as missing below
                _verify_rows(model, keyring, database, states, report)
    for label, row_id in states.left():
        report.add("row_missing", f"{label}:{row_id}")
    return report


def guarded_models() -> list[type[GuardedModel]]:
    """Every model whose rows carry a MAC, in a fixed order."""
    return sorted(
        (model for model in apps.get_models() if issubclass(model, GuardedModel)),
        key=lambda model: model._meta.label_lower,
    )


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
        with wrapper.cursor() as cursor:
            if wrapper.vendor == "postgresql":
                wrapper.set_autocommit(False)
                cursor.execute("SET TRANSACTION READ ONLY")
            else:
                cursor.execute("PRAGMA query_only = ON")
                cursor.execute("BEGIN")
        yield wrapper
    finally:
        wrapper.close()


class _Chain:
    """One walk over the records."""

    def __init__(
        self,
        key: bytes,
        checkpoints: Sequence[Checkpoint],
        report: Report,
        states: Fingerprints,
        progress: Callable[[int], None] | None,
    ) -> None:
        self._key = key
        self._report = report
        self._states = states
        self._progress = progress
        disowned = frozenset[tuple[int, int]]().union(*(line.disowned for line in checkpoints))
        self._wanted: dict[int, list[Checkpoint]] = {}
        for line in checkpoints:
            if line.kind == "checkpoint" and (line.epoch, line.sequence) not in disowned:
                self._wanted.setdefault(line.sequence, []).append(line)
        self._epochs = {line.starts_at: line for line in checkpoints if line.kind == "epoch"}
        self._sequence, self._epoch, self._previous = 0, 1, chain.GENESIS

    def walk(self, database: BaseDatabaseWrapper, pool: ThreadPoolExecutor) -> None:
        """All records, then the head, then the checkpoints nobody met."""
        _check_types(database, self._report)
        under_way: deque[tuple[list[int], list[bytes], Future[list[bytes]]]] = deque()
        for batch in _record_batches(database):
            ids, items, stored = self._prepare(batch)
            under_way.append((ids, stored, pool.submit(chain.links, self._key, items)))
            if len(under_way) > _BATCHES_AHEAD:
                self._compare(*under_way.popleft())
            self._report.records += len(batch)
            if self._progress is not None:
                self._progress(self._report.records)
        while under_way:
            self._compare(*under_way.popleft())
        self._report.last_sequence = self._sequence
        self._check_head(database)
        for sequence, lines in sorted(self._wanted.items()):
            kind = "truncated" if sequence > self._sequence else "checkpoint_differs"
            self._report.add(kind, f"audit:{sequence}", lines[0].at)
        # The hashes of a batch are compared after later batches were prepared: put findings back into chain
        # order.
        self._report.findings.sort(key=lambda finding: int(finding.where.split(":")[1].split("-")[0]))

    def _prepare(self, batch: Sequence[_Row]) -> tuple[list[int], list[bytes], list[bytes]]:
        numbers, epochs, heads, rows, stored = (list(column) for column in zip(*batch, strict=True))
        before = [self._previous, *stored[:-1]]
        first = self._sequence + 1
        expected = list(range(first, first + len(batch)))
        if numbers != expected or set(epochs) != {self._epoch}:
            self._find_jumps(numbers, epochs, stored, before)
        for number, item in zip(numbers, rows, strict=True):
            try:
                self._states.take(item)
            except ValueError:
                self._report.add("record_malformed", f"audit:{number}")
        if self._wanted:
            for number, epoch, value in zip(numbers, epochs, stored, strict=True):
                if number in self._wanted:
                    self._meet_checkpoints(number, epoch, value)
        self._sequence, self._previous = numbers[-1], stored[-1]
        items = [previous + head + item for previous, head, item in zip(before, heads, rows, strict=True)]
        if b"" in before:  # what stood before is gone, so the link cannot be judged
            kept = [position for position, previous in enumerate(before) if previous]
            return [numbers[n] for n in kept], [items[n] for n in kept], [stored[n] for n in kept]
        return numbers, items, stored

    def _find_jumps(self, numbers: list[int], epochs: list[int], stored: list[bytes], before: list[bytes]) -> None:
        """Judge each gap; where it is not declared, the link after it is left out by an empty ``before``."""
        sequence, previous = self._sequence, self._previous
        for position, (number, epoch) in enumerate(zip(numbers, epochs, strict=True)):
            if (number != sequence + 1 or epoch != self._epoch) and not self._may_jump(
                sequence, previous, number, epoch
            ):
                before[position] = b""
            sequence, previous = number, stored[position]

    def _may_jump(self, sequence: int, previous: bytes, number: int, epoch: int) -> bool:
        """Whether a gap in the numbers is the declared beginning of an epoch; otherwise it is reported."""
        line = self._epochs.get(number)
        if line is not None and (line.sequence, line.chain, line.epoch) == (sequence, previous.hex(), epoch):
            self._epoch = line.epoch
            self._report.notes.append(f"epoch {line.epoch}: {sequence} -> {number} ({', '.join(line.people)})")
            return True
        if epoch != self._epoch:
            self._report.add("epoch_undeclared", f"audit:{number}")
            self._epoch = epoch
        elif number > sequence + 1:
            last = number - 1
            self._report.add("records_missing", f"audit:{sequence + 1}" + (f"-{last}" if last > sequence + 1 else ""))
        return False

    def _compare(self, ids: list[int], stored: list[bytes], computed: "Future[list[bytes]]") -> None:
        if computed.result() != stored:
            for number, one, other in zip(ids, stored, computed.result(), strict=True):
                if one != other:
                    self._report.add("record_changed", f"audit:{number}")

    def _meet_checkpoints(self, number: int, epoch: int, value: bytes) -> None:
        for line in self._wanted.pop(number):
            if (line.epoch, line.chain) != (epoch, value.hex()):
                self._report.add("checkpoint_differs", f"audit:{number}", line.at)

    def _check_head(self, database: BaseDatabaseWrapper) -> None:
        with database.cursor() as cursor:
            cursor.execute("SELECT sequence, epoch, chain FROM audit_head WHERE id = 1")
            head = cursor.fetchone()
        if head is None:
            if self._sequence:
                self._report.add("head_differs", f"audit:{self._sequence}", "no head")
        elif (head[0], bytes(head[2])) != (self._sequence, self._previous):
            self._report.add("head_differs", f"audit:{self._sequence}", f"head says {head[0]}")


def _record_batches(database: BaseDatabaseWrapper) -> Iterator[list[_Row]]:
    """Number, epoch, content without the binary part, binary part, chain value; put together by the database."""
    content = chain.content_expression(database.vendor)
    with database.chunked_cursor() as cursor:
        cursor.execute(f"SELECT id, epoch, {content}, rows, chain FROM audit_record ORDER BY id")  # noqa: S608
        raw = getattr(cursor, "cursor", cursor)  # the driver's own: Django's wrapper costs a call a row
        for batch in iter(partial(raw.fetchmany, _BATCH), []):
            if any(type(value) is not bytes for value in batch[0][2:]):
                batch = [(*row[:2], *(bytes(value) for value in row[2:])) for row in batch]
            yield batch


def _check_types(database: BaseDatabaseWrapper, report: Report) -> None:
    """SQLite lets any column hold any type: text put back as bytes would read the same and not be the same."""
    if database.vendor != "sqlite":
        return
    texts = ("actor_kind", "actor_name", "event", "outcome", "object_type", "detail")
    wrong = " OR ".join(
        [f"typeof({name}) <> 'text'" for name in texts] + [f"typeof({name}) <> 'blob'" for name in ("rows", "chain")]
    )
    with database.cursor() as cursor:
        cursor.execute(f"SELECT id FROM audit_record WHERE {wrong} ORDER BY id LIMIT {_MOST_FINDINGS}")  # noqa: S608
        for (number,) in cursor.fetchall():
            report.add("record_malformed", f"audit:{number}")


def _verify_rows(
    model: type[GuardedModel],
    keyring: Keyring,
    database: BaseDatabaseWrapper,
    states: Fingerprints,
    report: Report,
) -> None:
    label, guard = model._meta.label_lower, model.guard_label()
    names = ("row_mac", "pk", "row_version", *model.GUARDED_FIELDS)
    query = model._base_manager.order_by("pk").values_list(*names).query
    rows: list[Sequence[Any]] = []
    for row in query.get_compiler(connection=database).results_iter(chunked_fetch=True, chunk_size=_BATCH):
        rows.append(row)
        if len(rows) == _BATCH:
            _verify_some(label, guard, rows, keyring, states, report)
            rows = []
    _verify_some(label, guard, rows, keyring, states, report)


def _verify_some(
    label: str,
    guard: str,
    rows: Sequence[Sequence[Any]],
    keyring: Keyring,
    states: Fingerprints,
    report: Report,
) -> None:
    report.rows += len(rows)
    computed = keyring.rows.mac_many([(guard, row[1:]) for row in rows])
    for row, mac in zip(rows, computed, strict=True):
        last = states.pop(label, row[1])
        if bytes(row[0]) != mac:
            report.add("row_changed", f"{label}:{row[1]}")
        elif last == NONE:
            report.add("row_unrecorded", f"{label}:{row[1]}")
        elif last == DELETED:
            report.add("row_returned", f"{label}:{row[1]}")
        elif last != fingerprint(mac):
            report.add("row_replayed", f"{label}:{row[1]}")
