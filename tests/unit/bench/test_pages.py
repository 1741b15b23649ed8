"""``bench pages``: its figures, and that a page nobody measures is found."""

from typing import Any

import pytest

from banyan.cli.bench.pages import figures, quickest


def _one(p95: float, median: float, queries: int) -> dict[str, Any]:
    return {"asked": 3, "p95": p95, "median": median, "cpu": median, "queries": queries}


def test_figures_name_the_slowest_page_the_most_queries_and_the_page_that_grows() -> None:
    few = {"requests": _one(20, 10, 8), "audit": _one(30, 20, 5)}
    held = {"requests": _one(25, 18, 8), "audit": _one(90, 22, 7)}
    told = {one.figure: one for one in figures(few, held, {"bench": "pages", "engine": "openssl", "size": 9})}
    assert (told["slowest_p95_ms"].value, told["slowest_p95_ms"].extra["page"]) == (90, "audit")
    assert (told["queries_max"].value, told["queries_max"].extra["page"]) == (8, "requests")
    assert told["queries_max"].extra["more"] == {"audit": [5, 7]}
    assert (told["growth_ratio"].value, told["growth_ratio"].extra["page"]) == (1.8, "requests")


def test_of_rounds_the_quickest_counts_but_the_most_queries() -> None:
    rounds = [{"audit": _one(30, 9, 5)}, {"audit": _one(20, 10, 6)}]
    found = quickest(rounds)["audit"]
    assert (found["p95"], found["median"], found["queries"]) == (20, 9, 6)


def test_names_of_bodies_are_distinct() -> None:
    from banyan.cli.bench.pages_names import bodies

    assert len(set(bodies(["鼓楼区"] * 5000, range(5000)))) == 5000


def test_a_page_that_is_not_measured_fails_the_bench() -> None:
    from banyan.cli.context import django_setup

    django_setup()
    from banyan.cli.bench.pages_cases import PageNotMeasured, ensure_complete

    with pytest.raises(PageNotMeasured, match="certificate_export"):
        ensure_complete(["requests", "certificates"])
