"""``banyan bench import``: a sheet of applications, xlsx, to entered requests in the database.

The sheet is of the template's layout, 25 people a body, all distinct and good but one row in a hundred, whose fault
must be found. The import is the product's (``cli.importing``), in a process of its own, with full durability; the peak
is that process's own.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from banyan import gm
from banyan.cli.bench import BenchFailed, Figure
from banyan.cli.bench.throwaway_server import own_databases

BENCH = "import"
DEFAULT_SIZE = 100_000
_ROWS_A_BODY = 25
_BAD_EVERY = 100
_NAMES = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉"
_REGIONS = ("350102", "350203", "350302", "350404", "350503", "350602", "350702", "350802", "350902", "350128")


def run(*, size: int | None, engine: str | None, rounds: int, database: str | None) -> Iterator[Figure]:
    """Figures ``import_s``, ``import_rows_per_s``, ``import_peak_mb``; each round imports into an empty installation."""
    count = size or DEFAULT_SIZE
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="banyan-bench-")))
        sheet = place / "applications.xlsx"
        bad = write_sheet(sheet, count)
        names = [f"import{number}" for number in range(rounds)]
        addresses = stack.enter_context(own_databases(database, names))
        measured = [
            _import(place / name, sheet, address, engine) for name, address in zip(names, addresses, strict=True)
        ]
    for one in measured:
        if (one["good"], one["failed"]) != (count - bad, bad) or one["requests"] != count - bad:
            raise BenchFailed(figure="import_s", engine=engine or gm.engine_name(), what=f"{one}")
    seconds = statistics.median(one["seconds"] for one in measured)
    about: dict[str, Any] = {
        "bench": BENCH, "engine": engine or gm.engine_name(), "size": count, "database": measured[0]["database"],
        "extra": {
            "rounds": rounds, "cpu_s": round(statistics.median(one["cpu"] for one in measured), 2), "failed_rows": bad,
        },
    }  # fmt: skip
    yield Figure(figure="import_s", value=seconds, unit="s", **about)
    yield Figure(figure="import_rows_per_s", value=count / seconds, unit="1/s", **about)
    peak = max(one["peak_mb"] for one in measured)
    yield Figure(figure="import_peak_mb", value=peak, unit="MB", **about)


def write_sheet(path: Path, count: int) -> int:
    """Write a sheet of ``count`` rows; returns how many of them are wrong (a checksum that does not fit)."""
    from banyan.adapters.sheets.writing import new_workbook
    from banyan.cli.bench.issue_numbers import resident_id
    from banyan.cli.sample import credit_code

    requester = resident_id(17_999_999)
    bad = 0
    with new_workbook(path, constant_memory=True) as book:
        page = book.add_worksheet("申请")
        titles = (
            "签发系统", "证书种类", "持有人姓名", "证件类型", "证件号码", "手机号码", "单位名称", "统一社会信用代码",
            "部门", "行政区划", "介质种类", "有效期(年)", "经办人姓名", "经办人证件号码", "经办人手机",
        )  # fmt: skip
        page.write_row(0, 0, titles)
        for number in range(count):
            order = number // _ROWS_A_BODY + 2  # the first one is that of the other benches
            identity = resident_id(number)
            if number % _BAD_EVERY == _BAD_EVERY - 1:
                identity = identity[:-1] + ("0" if identity[-1] != "0" else "1")
                bad += 1
            name = f"测{_NAMES[number // 20 % 20]}{_NAMES[number % 20]}"
            row = (
                "通用", "个人", name, "居民身份证", identity, f"138{number:08d}", f"测试榕荫县虚构{order}局",
                credit_code(order), "测试科", _REGIONS[order % len(_REGIONS)], "USB Key", "1", "测试经办", requester,
                "13800000023",
            )  # fmt: skip
            for column, value in enumerate(row):
                page.write_string(number + 1, column, value)
    return bad


def _import(place: Path, sheet: Path, database: str | None, engine: str | None) -> dict[str, Any]:
    environment = os.environ | {"BANYAN_HOME": str(place)}
    environment.pop("BANYAN_DATABASE", None)
    # As in service: modules are not compiled again at each start.
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    environment["PYTHONPYCACHEPREFIX"] = str(place.parent / "compiled")
    if database:
        environment["BANYAN_DATABASE"] = database
    if engine:
        environment["BANYAN_GM_ENGINE"] = engine
    command = [sys.executable, "-m", "banyan.cli.bench.sheet_import"]
    for what in ("make", "import"):
        done = subprocess.run([*command, what, str(sheet)], env=environment, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            raise BenchFailed(figure=what, engine=engine or "", what=f"exit {done.returncode}")
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def _make() -> dict[str, Any]:
    from banyan.cli.context import django_setup

    home = django_setup()
    from banyan.cli.bench.issue_world import make_installation

    make_installation(home)
    return {}


def bring_in(sheet: Path) -> dict[str, Any]:
    """Import a sheet into the installation that the environment names, and tell what it took."""
    from banyan.cli.context import django_setup

    django_setup()
    from django.db import connection

    from banyan.cli.bench.issue_world import CLERK
    from banyan.cli.importing import import_file
    from banyan.domain.ra.models import ServiceRequest
    from banyan.kernel import clock

    cpu, start = time.process_time(), time.perf_counter()
    imported = import_file(CLERK, sheet, clock.now(), show=False)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    return {
        "seconds": seconds,
        "cpu": cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "good": imported.good,
        "failed": imported.failed,
        "requests": ServiceRequest.objects.unscoped("a bench of its own").count(),
        "database": connection.vendor,
    }


def main() -> None:
    """``sheet_import make|import SHEET`` in the throw-away installation that the environment names."""
    what, sheet = sys.argv[1:]
    print(json.dumps(_make() if what == "make" else bring_in(Path(sheet))))


if __name__ == "__main__":
    main()
