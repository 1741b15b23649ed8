"""``banyan bench``: measurements, one JSON object a figure (``--json``) or one line a figure.

Each bench is a module with ``run(*, size, engine, rounds, database) -> Iterator[Figure]``; None means the bench's own
default. Modules are imported when called. A wrong result raises BenchFailed: a fast wrong answer is no figure.
"""

import json
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib import import_module
from typing import Any

import click

from banyan.cli.bench.throwaway_server import database_address
from banyan.kernel.errors import N_, BanyanError

# name, module, one line of help: listing them imports nothing.
BENCHES: tuple[tuple[str, str, str], ...] = (
    ("sm2", "banyan.cli.bench.sm2", "SM2, SM3 and SM4 of each engine, on one core."),
    ("issue", "banyan.cli.bench.issue", "Issuing certificates: encode, sign, whole pairs, growth, memory."),
    ("import", "banyan.cli.bench.sheet_import", "A large sheet of applications to entered requests."),
    ("token", "banyan.cli.bench.token", "The SKF library: signing, writing a pair, a PIN; what the token agent adds."),
    ("pages", "banyan.cli.bench.pages", "Every page's server time and queries, with many certificates held and few."),
    ("audit", "banyan.cli.bench.audit", "Appending to the audit and verifying it."),
)
ALL = "all"
DEFAULT_ROUNDS = 5


class BenchFailed(BanyanError):
    """A measured operation gave a wrong result."""

    code = "bench.wrong_result"
    message = N_("性能测试 {figure}（{engine}）得到了错误的结果：{what}。该数值无效，请先查明原因。")


@dataclass(frozen=True)
class Figure:
    """One measured value.

    ``peer`` names what it is compared with in the same run, ``ratio`` is value over the peer's (times, for values
    where more is better). ``size`` is the number of items a round.
    """

    bench: str
    figure: str
    engine: str
    value: float
    unit: str
    size: int
    peer: str | None = None
    peer_value: float | None = None
    ratio: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    cores: int = 1
    database: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The JSON object: fields that say nothing are left out, ``extra`` stands beside the others."""
        own = {name: value for name, value in asdict(self).items() if name != "extra" and value is not None}
        for name in ("value", "peer_value", "ratio"):
            if name in own:
                own[name] = float(f"{own[name]:.6g}")
        return own | dict(self.extra)

    def as_json(self) -> str:
        return json.dumps(self.as_dict(), ensure_ascii=False)

    def as_line(self) -> str:
        compared = f"  {self.ratio:.2f} × {self.peer}" if self.ratio is not None else ""
        return f"{self.figure:<26} {self.engine:<10} {self.value:>14,.1f} {self.unit:<6}{compared}"


def compared(figure: Figure, peer: str, peer_value: float, *, is_less_better: bool = False) -> Figure:
    """``figure`` with its peer filled in; the ratio is above 1 where the figure is better."""
    ratio = peer_value / figure.value if is_less_better else figure.value / peer_value
    return Figure(**{**vars(figure), "peer": peer, "peer_value": peer_value, "ratio": ratio})


def cpu_seconds(work: Callable[[], object]) -> float:
    """Processor time of one run of ``work`` in this process: what else runs on the machine is not counted."""
    start = time.process_time()
    work()
    return time.process_time() - start


def wall_seconds(work: Callable[[], object]) -> float:
    """Time on the clock of one run of ``work``: for what waits for disks, databases and other processes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def median_of_rounds(
    rounds: int, works: Sequence[Callable[[], object]], seconds: Callable[[Callable[[], object]], float] = cpu_seconds
) -> list[float]:
    """Median seconds of each of ``works``; the rounds take turns, so that a busy moment hits them alike."""
    taken: list[list[float]] = [[] for _ in works]
    for _ in range(rounds):
        for times, work in zip(taken, works, strict=True):
            times.append(seconds(work))
    return [statistics.median(times) for times in taken]


@contextmanager
def one_core() -> Iterator[int]:
    """Pin this process to one processor of those it may use, for the time of the block; yields its number."""
    if not hasattr(os, "sched_setaffinity"):
        yield 0
        return
    allowed = os.sched_getaffinity(0)
    chosen = max(allowed)
    os.sched_setaffinity(0, {chosen})
    try:
        yield chosen
    finally:
        os.sched_setaffinity(0, allowed)


_DATABASE_HELP = (
    "Address of an empty database, or postgresql for a throw-away server (default: a throw-away SQLite file)."
)


class _LazyGroup(click.Group):
    """Benches by name, their modules imported when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return [name for name, _module, _help in BENCHES] + [ALL]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        for name, _module, short_help in (*BENCHES, (ALL, "", "Every bench, one after the other.")):
            if name == cmd_name:
                return _command(name, short_help)
        return None


def _command(name: str, short_help: str) -> click.Command:
    def call(size: int | None, engine: str | None, rounds: int, database: str | None, as_json: bool) -> None:
        modules = [each for each_name, each, _help in BENCHES if name in (each_name, ALL)]
        with database_address(database) as address:
            for module in modules:
                for figure in import_module(module).run(size=size, engine=engine, rounds=rounds, database=address):
                    click.echo(figure.as_json() if as_json else figure.as_line())

    options = [
        click.Option(["--size"], type=click.IntRange(min=1), help="Items a round (default: the bench's own)."),
        click.Option(["--engine"], help="One engine only (default: all available, compared with openssl)."),
        click.Option(["--rounds"], type=click.IntRange(min=1), default=DEFAULT_ROUNDS, show_default=True),
        click.Option(["--database"], help=_DATABASE_HELP),
        click.Option(["--json", "as_json"], is_flag=True, help="One JSON object a line."),
    ]
    return click.Command(name, callback=call, params=[*options], help=short_help, short_help=short_help)


@click.group(cls=_LazyGroup)
def bench() -> None:
    """Measure; one JSON object a figure with --json. Fails when a result is wrong."""
