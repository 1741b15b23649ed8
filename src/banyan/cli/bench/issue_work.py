"""One installation of ``banyan bench issue`` in a process of its own: reads commands, an object a line, and answers.

The commands are the methods of ``Bench``. Rounds of several installations can so take turns.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from banyan import gm
from banyan.cli.context import django_setup
from banyan.kernel.home import Home

_PART = 1000
_BATCH = 250


class Bench:
    """What can be asked of an installation. Times are seconds; everything timed ends in durable commits."""

    def __init__(self, home: Home) -> None:
        from banyan.cli.bench.issue_world import Stock

        self.home = home
        self.stock = Stock(home)
        self._processes = ExitStack()
        self._connector: Any = None
        self._issued: list[int] = []
        self._before = 0

    def make(self) -> dict[str, Any]:
        """Make the installation."""
        from django.db import connection

        from banyan.cli.bench import issue_world

        issue_world.make_installation(self.home)
        self._before = self._bytes()["total"]
        return {"database": connection.vendor}

    def hold(self, pairs: int, models: int = 200) -> dict[str, Any]:
        """Fill up with copies of ``models`` issued pairs until ``pairs`` are held (see ``issue_holding``)."""
        from banyan.cli.bench import issue_holding

        self._stop_all()
        return {"held": issue_holding.fill(self.home, pairs, models)}

    def prepare(self, count: int, in_token: int = 0) -> dict[str, Any]:
        """Have approved requests with PKCS#10s in stock."""
        self.stock.prepare(count, in_token=in_token)
        return {"ready": len(self.stock.orders)}

    def sign(self, count: int, at_once: int = 250) -> dict[str, float]:
        """Everything but keys and envelopes, the signer beside us: intents first, then the rest, ``at_once`` pairs a
        transaction.
        """
        from banyan.cli.bench.issue_alone import SignerBeside, keys_for

        self._stop_all()
        orders = self.stock.take(count)
        opened = _timed(lambda: self._open(orders))
        keys = keys_for(self.home, self._waiting())
        connector = self._processes_here(SignerBeside)
        connector.keys |= keys
        others = self._others_cpu()
        worked = _timed(lambda: self._carry_on(connector, count, count, at_once))
        return {
            "open": opened[0], "open_cpu": opened[1],
            "work": worked[0], "work_cpu": worked[1], "others_cpu": self._others_cpu() - others,
        }  # fmt: skip

    def whole(self, count: int) -> dict[str, float]:
        """From approved requests and PKCS#10s to recorded pairs with their envelopes, signer and KMC beside us."""
        from banyan.adapters.embedded_ca import EmbeddedConnector

        connector = self._processes_here(EmbeddedConnector)
        orders = self.stock.take(count)

        def work() -> None:
            # One part is opened here while the part before is on its way through KMC and signer.
            for start in range(0, count, _PART):
                part = orders[start : start + _PART]
                self._open(part)
                if start == 0:
                    self._submit(connector, len(part))
                else:
                    self._carry_on(connector, _PART, _PART)
            self._carry_on(connector, min(_PART, count - (count - 1) // _PART * _PART), _PART)

        others = self._others_cpu()
        wall, cpu = _timed(work)
        return {"work": wall, "work_cpu": cpu, "others_cpu": self._others_cpu() - others}

    def check(self, sample: int) -> dict[str, Any]:
        """Look at what was issued since the last check; see ``issue_checks``."""
        from banyan.cli.bench import issue_checks

        issued, self._issued = self._issued, []
        return issue_checks.check(self.stock, issued, sample)

    def facts(self) -> dict[str, Any]:
        """Memory, bytes on the disk, engine."""
        peaks = {"domain": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
        for name, pid in self._pids().items():
            peaks[name] = _status_kib(pid, "VmHWM") / 1024
        return {"peak_mb": peaks, "bytes": self._bytes(), "bytes_before": self._before, "tier": gm.engine_tier()}

    def stop(self) -> dict[str, Any]:
        """End what runs beside."""
        self._stop_all()
        return {}

    # inside

    def _open(self, orders: Sequence[Any]) -> None:
        from banyan.cli.bench.issue_world import CLERK, done
        from banyan.domain.ra import actions as ra

        # The signer verifies every PKCS#10 in any case.
        done(ra.issue_many(CLERK, orders, _now(), check_signatures=False))

    def _submit(self, connector: Any, count: int) -> None:
        from banyan.domain.ca import actions as ca

        ca.submit_due(_system(), connector, _now(), limit=count)

    def _carry_on(self, connector: Any, count: int, limit: int, at_once: int = 250) -> None:
        from banyan.domain.ra import actions as ra

        left = count
        while left > 0:
            report = ra.carry_on(_system(), connector, _now(), limit=min(limit, left), at_once=at_once)
            if not report.is_up or report.failed or report.rejected:
                raise SystemExit(f"a round went wrong: {report}")
            self._issued += report.pairs
            left -= report.issued

    def _waiting(self) -> list[int]:
        from banyan.domain.ca.models import Issuance

        return list(Issuance.objects.filter(state=Issuance.State.INTENT).values_list("pk", flat=True))

    def _processes_here(self, kind: type[Any]) -> Any:
        from banyan.cli.processes import key_holders

        if type(self._connector) is not kind:
            self._stop_all()
            self._processes.enter_context(key_holders(self.home))
            self._connector = kind(self.home, patience=120.0)
        return self._connector

    def _stop_all(self) -> None:
        if self._connector is not None:
            self._connector.close()
            self._connector = None
        self._processes.close()

    def _pids(self) -> dict[str, int]:
        from banyan.kernel.rpc import Client

        found = {}
        for name in ("signer", "kmc") if self._connector is not None else ():
            with Client(self.home.socket(name), service=name) as client:
                found[name] = int(client.call("ping")["pid"])
        return found

    def _others_cpu(self) -> float:
        return sum(_cpu_seconds(pid) for pid in self._pids().values())

    def _bytes(self) -> dict[str, int]:
        from django.db import connection

        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("CHECKPOINT")
                cursor.execute("SELECT pg_database_size(current_database())")
                database = int(cursor.fetchone()[0])
            else:
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                cursor.fetchall()
                database = self.home.database.stat().st_size
        kept = {"database": database, "signer": _size(self.home.signer), "kmc": _size(self.home.kmc)}
        return {**kept, "total": sum(kept.values())}


def _size(place: Path) -> int:
    # Files ending in -wal and -shm are given back when the process ends.
    return sum(one.stat().st_size for one in place.rglob("*.db")) if place.exists() else 0


def _timed(work: Callable[[], object]) -> tuple[float, float]:
    cpu, start = time.process_time(), time.perf_counter()
    work()
    return time.perf_counter() - start, time.process_time() - cpu


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _status_kib(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    return 0


def _system() -> Any:
    from banyan.kernel.actor import system_actor

    return system_actor("jobs")


def _now() -> Any:
    from banyan.kernel.clock import now

    return now()


def main() -> None:
    """Serve commands from standard input until it ends."""
    home = django_setup()
    bench = Bench(home)
    try:
        for line in sys.stdin:
            order = json.loads(line)
            answer = getattr(bench, order.pop("do"))(**order)
            print(json.dumps(answer), flush=True)
    finally:
        bench.stop()


if __name__ == "__main__":
    main()
