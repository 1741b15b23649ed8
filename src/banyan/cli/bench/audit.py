"""``banyan bench audit``: appending inside actions' own transactions, verifying offline, and writing in company: two
clerks take in one application after the other while a sheet of 50,000 is imported.

Everything happens in a throw-away installation, in processes of their own (``audit_work``), with full durability: the
clock counts, not the processor. A changed record must be named by the verifier, else there is no figure.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from banyan import gm
from banyan.cli.bench import BenchFailed, Figure
from banyan.cli.bench.sheet_import import write_sheet

BENCH = "audit"
DEFAULT_SIZE = 50_000
_IMPORT_ROWS = 50_000


def run(*, size: int | None, engine: str | None, rounds: int, database: str | None) -> Iterator[Figure]:
    """Figures ``append_per_s``, ``append_single_per_s``, ``verify_per_s``, ``interactive_p95_ms``."""
    count = size or DEFAULT_SIZE
    with tempfile.TemporaryDirectory(prefix="banyan-bench-") as directory:
        environment = os.environ | {"BANYAN_HOME": str(Path(directory) / "home")}
        environment.pop("BANYAN_DATABASE", None)
        if database:
            environment["BANYAN_DATABASE"] = database
        if engine:
            environment["BANYAN_GM_ENGINE"] = engine
        measured = _work(environment, "measure", str(count), str(rounds))
        if not measured["tampering_named"]:
            raise BenchFailed(figure="verify_per_s", engine=engine or "auto", what="被改动的记录没有被发现")
        about: dict[str, Any] = {
            "bench": BENCH,
            "engine": engine or gm.engine_name(),
            "cores": os.cpu_count() or 1,
            "database": measured["database"],
        }
        yield Figure(figure="append_per_s", value=measured["append"], unit="1/s", size=count, **about)
        yield Figure(
            figure="append_single_per_s", value=measured["single"], unit="1/s", size=measured["singles"], **about
        )
        yield Figure(figure="verify_per_s", value=measured["verify"], unit="1/s", size=measured["records"], **about)
        rows = min(_IMPORT_ROWS, count)
        together = _together(environment, rows)
        extra = {name: value for name, value in together.items() if name != "p95_ms"}
        yield Figure(figure="interactive_p95_ms", value=together["p95_ms"], unit="ms", size=rows, extra=extra, **about)


def _together(environment: dict[str, str], rows: int) -> dict[str, float]:
    """Two writers at their desks while a sheet is imported: how long an interactive write takes."""
    home = Path(environment["BANYAN_HOME"])
    stop, sheet = home / "stop", home / "applications.xlsx"
    bad = write_sheet(sheet, rows)
    writers = [_start(environment, "write", str(number), str(stop)) for number in (1, 2)]
    try:
        imported = _work(environment, "import", str(sheet))
    finally:
        stop.touch()
    waits: list[float] = []
    for writer in writers:
        answer, _ = writer.communicate(timeout=120)
        waits += json.loads(answer)["waits_ms"]
    waits.sort()
    if imported["good"] != rows - bad:
        raise BenchFailed(figure="interactive_p95_ms", engine="", what=f"{imported['good']} 行导入")
    if not waits:
        raise BenchFailed(figure="interactive_p95_ms", engine="", what="没有任何写入完成")
    return {
        "p95_ms": waits[int(len(waits) * 0.95)],
        "longest_ms": waits[-1],
        "writes": len(waits),
        "import_s": round(imported["seconds"], 2),
    }


def _start(environment: dict[str, str], *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "banyan.cli.bench.audit_work", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def _work(environment: dict[str, str], *arguments: str) -> dict[str, Any]:
    process = _start(environment, *arguments)
    answer, _ = process.communicate()
    if process.returncode:
        raise BenchFailed(figure=arguments[0], engine="", what=f"exit {process.returncode}")
    found: dict[str, Any] = json.loads(answer)
    return found
