"""The processes of ``banyan bench audit``: each does one thing in the throw-away installation and prints one object."""

import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from banyan.cli.bench.sheet_import import bring_in
from banyan.cli.context import django_setup

_SLICE = 500
_SINGLES = 300
_THINKING_S = 0.02
# The people of each writer are others than those of the sheet.
_WRITERS_PEOPLE = 1_000_000


def measure(size: int, rounds: int) -> dict[str, Any]:
    """Make the database, append, verify, tamper, verify again."""
    home = django_setup()
    from django.db import connection

    from banyan import sealing
    from banyan.cli.bench.issue_world import make_installation
    from banyan.domain.audit.models import AuditRecord
    from banyan.domain.audit.verifying import verify

    make_installation(home)
    rows = _open_accounts(_SLICE)
    appended = [_seconds(lambda: _append(rows, size)) for _ in range(rounds)]
    singles = [_seconds(lambda: _append_singly(rows[0])) for _ in range(rounds)]
    ring = sealing.keyring(home)
    report = verify(ring, [])
    if not report.is_good:
        raise SystemExit(f"the untouched audit is not good: {report.first}")
    verified = [_seconds(lambda: verify(ring, [])) for _ in range(rounds)]
    middle = report.records // 2
    kept = AuditRecord.objects.values_list("event", flat=True).get(pk=middle)
    AuditRecord.objects.filter(pk=middle).update(event="bench.tampered")
    first = verify(ring, []).first
    AuditRecord.objects.filter(pk=middle).update(event=kept)
    return {
        "append": size / statistics.median(appended),
        "single": _SINGLES / statistics.median(singles),
        "singles": _SINGLES,
        "verify": report.records / statistics.median(verified),
        "records": report.records,
        "tampering_named": first is not None and first.where == f"audit:{middle}",
        "database": connection.vendor,
    }


def write(number: int, stop: Path) -> dict[str, Any]:
    """One clerk at a desk: take a person in, open the application, think a moment, go on to the next; how long each of
    these writes took.
    """
    django_setup()
    from banyan.cli.bench.issue_world import CLERK, draft, people
    from banyan.domain.ra import actions as ra
    from banyan.kernel.clock import now

    waits: list[float] = []
    person = _WRITERS_PEOPLE * number
    while not stop.exists():
        took, ((holder, body),) = _timed(partial(people, range(person, person + 1)))
        waits.append(took)
        took, _ = _timed(partial(ra.open_requests, CLERK, [draft(holder, body)], now()))
        waits.append(took)
        person += 1
        time.sleep(_THINKING_S)
    return {"waits_ms": waits}


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = work()
    return (time.perf_counter() - started) * 1000, result


def _open_accounts(count: int) -> list[Any]:
    from banyan.domain import audit
    from banyan.domain.audit.models import insert_guarded
    from banyan.domain.iam.models import StaffAccount
    from banyan.kernel.actor import system_actor
    from banyan.kernel.clock import now

    @audit.action
    def open_accounts() -> list[StaffAccount]:
        moment = now()
        rows = [StaffAccount(username=f"bench{n}", display_name="测试", created_at=moment) for n in range(count)]
        insert_guarded(rows)
        audit.record_many(system_actor("bench"), "bench.opened", rows)
        return rows

    return open_accounts()


def _append(rows: list[Any], size: int) -> None:
    from banyan.domain import audit
    from banyan.kernel.actor import Actor

    actor = Actor(kind="staff", id=1, name="bench", session_id=1, credential_id=1)

    @audit.action
    def append(count: int) -> None:
        audit.record_many(actor, "bench.appended", rows[:count], reason="measure")

    for start in range(0, size, _SLICE):
        append(min(_SLICE, size - start))


def _append_singly(row: Any) -> None:
    for _ in range(_SINGLES):
        _append([row], 1)


def _seconds(work: Any) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def main() -> None:
    """``audit_work measure SIZE ROUNDS | write NUMBER STOP-FILE | import SHEET``."""
    what, *rest = sys.argv[1:]
    if what == "measure":
        answer = measure(int(rest[0]), int(rest[1]))
    elif what == "write":
        answer = write(int(rest[0]), Path(rest[1]))
    else:
        answer = bring_in(Path(rest[0]))
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
