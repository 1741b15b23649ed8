"""``banyan bench issue``: from encoding in memory to whole pairs, with few and with many held, and what that takes.

``--size`` is the larger number of held pairs (the smaller is a hundredth of it, at least 2,000): a
quick run holds 2,000 and 20,000, the full one (``--size 1000000``) 10,000 and 1,000,000. Each installation is a
throw-away one in a process of its own (``issue_work``), with full durability. Figures of whole paths are by the clock;
``cpu_us_per_pair`` beside them is processor time, which a busy machine changes less.

*Whole path*: from an approved request and a token's PKCS#10 to the recorded pair with its envelope and its task.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from banyan import gm
from banyan.cli.bench import BenchFailed, Figure, compared
from banyan.cli.bench import issue_memory as memory
from banyan.cli.bench.issue_peer import openssl_ca_per_s
from banyan.cli.bench.throwaway_server import own_databases

BENCH = "issue"
DEFAULT_SIZE = 20_000
_FEW = 2_000
_MOST_A_ROUND = 10_000
_SINGLES = 200
_PAPER = 1_000
_PEER_BATCH = 300
_IN_TOKEN = 100
_SAMPLE = 50
# Of its own signatures a signer with a single-buffer engine verifies one in eight (signer.completion).
_VERIFIED_SHARE = {"multi-buffer": 1.0}
_USUAL_SHARE = 1 / 8
PEER = "openssl ca, one process, SM2"


class Installation:
    """A throw-away installation and the process that works in it."""

    def __init__(
        self, place: Path, database: str | None, engine: str | None, module: str = "banyan.cli.bench.issue_work"
    ) -> None:
        environment = os.environ | {"BANYAN_HOME": str(place), "BANYAN_KMC_POOL": "1"}
        environment.pop("BANYAN_DATABASE", None)
        if database:
            environment["BANYAN_DATABASE"] = database
        if engine:
            environment["BANYAN_GM_ENGINE"] = engine
        command = [sys.executable, "-m", module]
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def do(self, command: str, **options: Any) -> dict[str, Any]:
        """Have a command carried out. Raises BenchFailed when the process ended instead of answering."""
        assert self._process.stdin is not None  # noqa: S101  (asked for above)
        assert self._process.stdout is not None  # noqa: S101
        try:
            self._process.stdin.write(json.dumps({"do": command, **options}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass
        line = self._process.stdout.readline()
        if not line:
            raise BenchFailed(figure=command, engine="", what=f"exit {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def run(*, size: int | None, engine: str | None, rounds: int, database: str | None) -> Iterator[Figure]:
    """All figures; those that need a database are measured with ``engine`` or the best there is."""
    many = size or DEFAULT_SIZE
    yield from memory.figures(min(_PAPER, max(8, many // 4)), engine, rounds)
    with _installations(engine, database) as (few, other):
        held = min(_FEW, max(many // 2, 1)) if many <= 100 * _FEW else many // 100
        about = _make(few, engine, held)
        # First, while few are held: the other figures add thousands.
        yield from _growth(few, other, about, rounds, many)
        yield from _paths(few, about, rounds, many)


@contextmanager
def _installations(engine: str | None, database: str | None) -> Iterator[tuple[Installation, Installation]]:
    names = ("few", "many")
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="banyan-bench-")))
        addresses = stack.enter_context(own_databases(database, names))
        made = []
        for name, address in zip(names, addresses, strict=True):
            one = Installation(place / name, address, engine)
            stack.callback(one.close)
            made.append(one)
        yield made[0], made[1]


def _make(few: Installation, engine: str | None, held: int) -> dict[str, Any]:
    vendor = few.do("make")["database"]
    few.do("hold", pairs=held)
    return {"bench": BENCH, "engine": engine or gm.engine_name(), "database": vendor, "unit": "1/s"}


def _paths(few: Installation, about: Mapping[str, Any], rounds: int, many: int) -> Iterator[Figure]:
    count = max(4, min(_MOST_A_ROUND, many // 20))
    singles = min(_SINGLES, count)
    cost = memory.engine_seconds(about["engine"])
    tier = gm.engine_tier(about["engine"])
    signer = 2 * cost["sign"] + cost["verify"] * (1 + 2 * _VERIFIED_SHARE.get(tier, _USUAL_SHARE))
    extra = {"tier": tier, "rounds": rounds, "held": few.do("hold", pairs=0)["held"]}
    before = few.do("facts")["bytes"]

    def prepared(command: str, count: int, **options: int) -> list[dict[str, Any]]:
        # Round by round, so that the bench's own stock stays small.
        return [few.do("prepare", count=count) and few.do(command, count=count, **options) for _ in range(rounds)]

    taken = prepared("sign", count)
    few.do("check", sample=_SAMPLE)
    work, cpu = _median(taken, "work"), _cpu(taken)
    with_intents = statistics.median(one["work"] + one["open"] for one in taken)
    yield Figure(
        figure="bulk_sign_pairs_per_s", value=count / work, size=count, cores=os.cpu_count() or 1,
        extra=extra | _share(signer, cpu / count) | {"with_intents_per_s": round(count / with_intents, 1)}, **about,
    )  # fmt: skip

    taken = prepared("sign", singles, at_once=1)
    few.do("check", sample=_SAMPLE)
    work, cpu = _median(taken, "work"), _cpu(taken)
    yield Figure(
        figure="single_pairs_per_s", value=singles / work, size=singles, cores=os.cpu_count() or 1,
        extra=extra | _share(signer, cpu / singles), **about,
    )  # fmt: skip

    taken = prepared("whole", count)
    few.do("prepare", count=_IN_TOKEN, in_token=_IN_TOKEN)
    few.do("whole", count=_IN_TOKEN)
    opened = few.do("check", sample=_SAMPLE)["envelopes"]
    if opened != _IN_TOKEN:
        raise BenchFailed(figure="bulk_pairs_per_s", engine=about["engine"], what=f"{opened} envelopes")
    work, cpu = _median(taken, "work"), _cpu(taken)
    whole = signer + cost["keypair"] + cost["encrypt"]
    figure = Figure(
        figure="bulk_pairs_per_s", value=count / work, size=count, cores=os.cpu_count() or 1,
        extra=extra | _share(whole, cpu / count) | {"envelopes_opened": opened}, **about,
    )  # fmt: skip
    yield figure
    yield from _against_peer(figure)
    yield from _taken_up(few, before, about, count * 2 * rounds + singles * rounds + _IN_TOKEN)


def _against_peer(figure: Figure) -> Iterator[Figure]:
    peer = openssl_ca_per_s(_PEER_BATCH)
    if peer is None:
        return
    by_clock, by_cpu = peer
    ours = {**vars(figure), "figure": "bulk_certificates_per_s", "value": 2 * figure.value}
    ours["extra"] = {
        "tier": figure.extra["tier"], "rounds": figure.extra["rounds"],
        "ratio_cpu": round(2e6 / figure.extra["cpu_us_per_pair"] / by_cpu, 2), "peer_per_cpu_s": round(by_cpu, 1),
    }  # fmt: skip
    yield compared(Figure(**ours), PEER, by_clock)


def _taken_up(few: Installation, before: Mapping[str, int], about: Mapping[str, Any], pairs: int) -> Iterator[Figure]:
    facts = few.do("facts")
    few.do("stop")
    after = few.do("facts")["bytes"]
    peaks = {f"{name}_mb": round(value, 1) for name, value in facts["peak_mb"].items()}
    each = {f"{name}_kb": round((after[name] - before[name]) / pairs / 1000, 2) for name in after if name != "total"}
    kilobytes = (after["total"] - before["total"]) / pairs / 1000
    units = {**about, "unit": "MB"}
    yield Figure(figure="peak_mb", value=sum(facts["peak_mb"].values()), size=pairs, extra=peaks, **units)
    yield Figure(figure="disk_kb_per_pair", value=kilobytes, size=pairs, extra=each, **{**about, "unit": "KB"})


def _growth(
    few: Installation, other: Installation, about: Mapping[str, Any], rounds: int, many: int
) -> Iterator[Figure]:
    """The rounds of both installations take turns, so that a busy moment hits them alike."""
    other.do("make")
    held = other.do("hold", pairs=many)["held"]
    fewer = few.do("hold", pairs=0)["held"]
    count = max(4, min(_MOST_A_ROUND // 5, fewer // 5))
    for one in (few, other):
        one.do("prepare", count=(rounds + 1) * count)
        one.do("sign", count=count)  # warms the caches
    ratios, ratios_cpu = [], []
    for _ in range(rounds):
        small, large = few.do("sign", count=count), other.do("sign", count=count)
        ratios.append((large["work"] + large["open"]) / (small["work"] + small["open"]))
        ratios_cpu.append(_cpu_seconds(large) / _cpu_seconds(small))
    other.do("check", sample=_SAMPLE)
    extra = {"few": fewer, "many": held, "ratio_cpu": round(statistics.median(ratios_cpu), 3), "rounds": rounds}
    yield Figure(
        figure="growth_ratio", value=statistics.median(ratios), size=count, extra=extra, **{**about, "unit": "times"}
    )


def _share(bound: float, reached: float) -> dict[str, Any]:
    """What the engine alone would take for a pair, and how much of the pair's processor time that is."""
    return {
        "cpu_us_per_pair": round(reached * 1e6, 1),
        "engine_us_per_pair": round(bound * 1e6, 1),
        "engine_bound_per_core": round(1 / bound, 1),
        "share_of_engine_bound": round(bound / reached, 3),
    }


def _cpu(taken: list[dict[str, Any]]) -> float:
    """Processor time of all processes, of the median round."""
    return float(statistics.median(one["work_cpu"] + one["others_cpu"] for one in taken))


def _cpu_seconds(one: Mapping[str, Any]) -> float:
    return float(one["work_cpu"] + one["open_cpu"] + one["others_cpu"])


def _median(taken: list[dict[str, Any]], name: str) -> float:
    return float(statistics.median(one[name] for one in taken))
