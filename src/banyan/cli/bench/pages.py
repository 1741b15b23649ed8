"""``banyan bench pages``: server time of every page with many certificates held and with few, on one database.

``--size`` is the larger number of pairs (``--size 1200000``: a province after three years, with 300,000 people and bodies
and 1,300,000 requests); the smaller installation holds a fifth of it, at most 10,000. Both are throw-away ones, each in a
process of its own. Pages are asked for through Django's handler in that process, one after the other, by a clerk of the
province, clerks of a county, a district, an island and a prefecture, an audit administrator, and nobody.
"""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from banyan import gm
from banyan.cli.bench import Figure
from banyan.cli.bench.issue import Installation
from banyan.cli.bench.throwaway_server import own_databases

BENCH = "pages"
DEFAULT_SIZE = 10_000
_FEW = 10_000
_INPUTS = 40
_WORK = "banyan.cli.bench.pages_work"
Pages = Mapping[str, Mapping[str, Any]]


def run(*, size: int | None, engine: str | None, rounds: int, database: str | None) -> Iterator[Figure]:
    """The figures; of ``rounds`` the quickest counts for each page, since a busy machine only ever adds."""
    many = size or DEFAULT_SIZE
    names = ("few", "many")
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="banyan-bench-")))
        addresses = stack.enter_context(own_databases(database, names))
        made = []
        for name, address in zip(names, addresses, strict=True):
            one = Installation(place / name, address, engine, _WORK)
            stack.callback(one.close)
            made.append(one)
        small, large = made
        small.do("make", size=min(_FEW, max(many // 5, 200)))
        filled = large.do("make", size=many)
        inputs = max(2, min(_INPUTS, many // 250))
        few, held = (quickest([one.do("measure", count=inputs) for _ in range(rounds)]) for one in (small, large))
    about: dict[str, Any] = {
        "bench": BENCH, "engine": engine or gm.engine_name(), "size": many, "database": filled["database"],
    }  # fmt: skip
    yield Figure(figure="fill_s", value=filled["seconds"], unit="s", **about)
    yield from figures(few, held, about)


def quickest(rounds: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Each value of each page from the round that was best for it; queries from the one that was worst."""
    return {
        label: {
            "asked": one["asked"],
            "p95": min(each[label]["p95"] for each in rounds),
            "median": min(each[label]["median"] for each in rounds),
            "cpu": min(each[label]["cpu"] for each in rounds),
            "queries": max(each[label]["queries"] for each in rounds),
        }
        for label, one in rounds[0].items()
    }


def figures(few: Pages, held: Pages, about: Mapping[str, Any]) -> Iterator[Figure]:
    """What is told of two installations: the slowest page, the most queries, the page that grows most."""
    pages = {
        label: {name: round(value, 1) for name, value in one.items()} | {"growth": round(_growth(few[label], one), 2)}
        for label, one in held.items()
    }
    slowest = max(held, key=lambda label: held[label]["p95"])
    asking = max(held, key=lambda label: held[label]["queries"])
    growing = max(held, key=lambda label: _growth(few[label], held[label]))
    more = {
        label: [few[label]["queries"], one["queries"]]
        for label, one in held.items()
        if one["queries"] > few[label]["queries"]
    }
    yield Figure(
        figure="slowest_p95_ms", value=held[slowest]["p95"], unit="ms", extra={"page": slowest, "pages": pages}, **about
    )
    yield Figure(
        figure="queries_max", value=held[asking]["queries"], unit="1", extra={"page": asking, "more": more}, **about
    )
    yield Figure(
        figure="growth_ratio",
        value=_growth(few[growing], held[growing]),
        unit="times",
        extra={"page": growing},
        **about,
    )


def _growth(few: Mapping[str, Any], held: Mapping[str, Any]) -> float:
    return float(held["median"] / few["median"])
