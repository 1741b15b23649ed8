"""The offline verifier: reads the whole chain and every guarded row once, and names what is not as it was written.

It works on one snapshot of the database, in bounded memory, while the product runs or stands still. Large chains are
walked in parts, one process a core.
"""

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import islice

from django.apps import apps
from django.db.backends.base.base import BaseDatabaseWrapper

from banyan import gm
from banyan.domain.audit.checkpoints import Checkpoint
from banyan.domain.audit.fingerprints import DELETED, NONE, Fingerprints, fingerprint
from banyan.domain.audit.models import GuardedModel
from banyan.domain.audit.walking import Finding, Task, Walk, merged, parts, snapshot, walk
from banyan.kernel.errors import N_
from banyan.sealing import Keyring

_BATCH = 2000
_MOST_FINDINGS = 1000
_LEAST_PART = 20_000  # records for which a process of its own is worth starting

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
    "request_changed": N_("已签发证书的申请单与审核时的身份信息不符"),
    "request_missing": N_("已签发证书的申请单被删除"),
    "table_missing": N_("数据表缺失，或被换成了视图"),
    "materials_changed": N_("已签发证书的申请材料与审核时的不符"),
}
# package → what it finds in its own unguarded rows by digests that guarded ones hold
FURTHER: dict[str, Callable[[BaseDatabaseWrapper], Iterable[Finding]]] = {}


@dataclass
class Report:
    """The verifier's result; findings in the order of the chain, then of the rows, a thousand of each at the most."""

    records: int = 0
    rows: int = 0
    checkpoints: int = 0
    last_sequence: int = 0
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    @property
    def first(self) -> Finding | None:
        """The first bad record or row."""
        return self.findings[0] if self.findings else None

    def add(self, kind: str, where: str, note: str = "") -> None:
        """Note a finding."""
        if len(self.findings) < 2 * _MOST_FINDINGS:
            self.findings.append(Finding(kind, where, note))


def verify(
    keyring: Keyring,
    checkpoints: Sequence[Checkpoint],
    *,
    using: str = "default",
    progress: Callable[[int], None] | None = None,
    processes: int | None = None,
) -> Report:
    """Verify records against each other, against the signed checkpoints, and guarded rows against the records.

    ``processes`` (default: one a core) walk a large chain side by side; with threads running in this process it stays
    alone, since it forks.
    """
    report = Report(checkpoints=len(checkpoints))
    lines = _standing(checkpoints)
    with snapshot(using) as database:
        tasks = [
            Task(using, keyring.audit_key, first, last, lines)
            for first, last in parts(database, processes or os.cpu_count() or 1, _LEAST_PART)
        ]
        found = merged(_walk_all(tasks, progress))
        report.records, report.last_sequence, report.notes = found.records, found.sequence, found.notes
        report.findings = found.findings
        _check_end(database, found, lines, report)
        tables = set(database.introspection.table_names())
        for model in guarded_models():
            if model._meta.db_table in tables:  # the rows of a dropped table are reported as missing below
                _verify_rows(model, keyring, database, found.states, report)
        further = [finding for look in FURTHER.values() for finding in islice(look(database), _MOST_FINDINGS)]
    for label, row_id in found.states.left():
        report.add("row_missing", f"{label}:{row_id}")
    for finding in further:
        report.add(finding.kind, finding.where)
    return report


def guarded_models() -> list[type[GuardedModel]]:
    """Every model whose rows carry a MAC, in a fixed order."""
    guarded = (model for model in apps.get_models() if issubclass(model, GuardedModel))
    return sorted(guarded, key=lambda model: model._meta.label_lower)


def _standing(checkpoints: Sequence[Checkpoint]) -> tuple[Checkpoint, ...]:
    """The lines that hold: without checkpoints that an epoch, signed by two people, disowned."""
    disowned = frozenset[tuple[int, int]]().union(*(line.disowned for line in checkpoints))
    return tuple(line for line in checkpoints if line.kind == "epoch" or (line.epoch, line.sequence) not in disowned)


def _walk_all(tasks: Sequence[Task], progress: Callable[[int], None] | None) -> list[Walk]:
    if len(tasks) < 2 or threading.active_count() > 1:
        return [walk(task, progress) for task in tasks]
    with ProcessPoolExecutor(len(tasks), mp_context=multiprocessing.get_context("fork")) as pool:
        return list(pool.map(walk, tasks))


def _check_end(database: BaseDatabaseWrapper, found: Walk, lines: Sequence[Checkpoint], report: Report) -> None:
    """The head, and checkpoints that no record answers."""
    with database.cursor() as cursor:
        cursor.execute("SELECT sequence, chain FROM audit_head WHERE id = 1")
        head = cursor.fetchone()
    if head is None:
        if found.sequence:
            report.add("head_differs", f"audit:{found.sequence}", "no head")
    elif (head[0], bytes(head[1])) != (found.sequence, found.chain_value):
        report.add("head_differs", f"audit:{found.sequence}", f"head says {head[0]}")
    for line in lines:
        if line.kind == "checkpoint" and line.sequence not in found.met:
            kind = "truncated" if line.sequence > found.sequence else "checkpoint_differs"
            report.add(kind, f"audit:{line.sequence}", line.at)
    report.findings.sort(key=lambda finding: finding.sequence)


def _verify_rows(
    model: type[GuardedModel], keyring: Keyring, database: BaseDatabaseWrapper, states: Fingerprints, report: Report
) -> None:
    contents = [content for content, _ in model.GUARDED_BYTES]
    names = ("row_mac", "pk", "row_version", *model.GUARDED_FIELDS, *contents)
    query = model._base_manager.order_by("pk").values_list(*names).query
    rows: list[Sequence[object]] = []
    for row in query.get_compiler(connection=database).results_iter(chunked_fetch=True, chunk_size=_BATCH):
        rows.append(row)
        if len(rows) == _BATCH:
            _verify_some(model, rows, keyring, states, report)
            rows = []
    _verify_some(model, rows, keyring, states, report)


def _verify_some(
    model: type[GuardedModel], rows: Sequence[Sequence[object]], keyring: Keyring, states: Fingerprints, report: Report
) -> None:
    label, guard = model._meta.label_lower, model.guard_label()
    report.rows += len(rows)
    end = 3 + len(model.GUARDED_FIELDS)
    computed = keyring.rows.mac_many([(guard, row[1:end]) for row in rows])
    spoiled = _with_other_bytes(model, rows)
    for row, mac in zip(rows, computed, strict=True):
        number = int(row[1])  # type: ignore[call-overload]
        last = states.pop(label, number)
        if bytes(row[0]) != mac or number in spoiled:  # type: ignore[call-overload]
            report.add("row_changed", f"{label}:{number}")
        elif last == NONE:
            report.add("row_unrecorded", f"{label}:{number}")
        elif last == DELETED:
            report.add("row_returned", f"{label}:{number}")
        elif last != fingerprint(mac, int(row[2])):  # type: ignore[call-overload]
            report.add("row_replayed", f"{label}:{number}")


def _with_other_bytes(model: type[GuardedModel], rows: Sequence[Sequence[object]]) -> set[int]:
    """Keys of rows whose bytes are not those that their guarded digest stands for."""
    end = 3 + len(model.GUARDED_FIELDS)
    wrong: set[int] = set()
    for place, (_, digest) in enumerate(model.GUARDED_BYTES):
        expected = 3 + model.GUARDED_FIELDS.index(digest)
        found = gm.sm3_many([bytes(row[end + place]) for row in rows])  # type: ignore[call-overload]
        for row, value in zip(rows, found, strict=True):
            if value != bytes(row[expected]):  # type: ignore[call-overload]
                wrong.add(int(row[1]))  # type: ignore[call-overload]
    return wrong
