"""Benches: what they say, and that a wrong result is no figure. Sizes are tiny and nothing is timed."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from stdnum.cn import ric

from banyan import gm
from banyan.cli import bench
from banyan.cli.bench import BenchFailed, Figure, issue_memory
from banyan.cli.bench.issue_memory import Paper
from banyan.cli.bench.issue_numbers import resident_id
from banyan.cli.bench.issue_peer import openssl_ca_per_s
from banyan.cli.bench.issue_right import check_signatures


@pytest.fixture(scope="module")
def paper() -> Paper:
    return Paper(6)


def test_a_figure_without_a_database_is_compared_with_the_reference_engine() -> None:
    figures = list(issue_memory.figures(8, None, 1))
    names = {(one.figure, one.engine) for one in figures}
    assert {("encode_per_s", "openssl"), ("envelopes_per_s", "openssl")} <= names
    for one in figures:
        assert one.value > 0
        assert one.engine == "openssl" or (one.peer, one.ratio is not None) == ("openssl", True)


def test_certificates_of_the_bench_are_right_and_distinct(paper: Paper) -> None:
    made = paper.certificates()
    assert len(set(made)) == 12
    paper.check_certificates(made)


def test_a_changed_certificate_fails_the_bench(paper: Paper) -> None:
    made = paper.certificates()
    other = Paper(2).certificates()
    with pytest.raises(BenchFailed):
        check_signatures([made[0], other[0]], paper.key.public)


def test_no_certificate_at_all_fails_the_bench(paper: Paper) -> None:
    with pytest.raises(BenchFailed):
        check_signatures([], paper.key.public)


def test_an_envelope_with_another_key_fails_the_bench(paper: Paper) -> None:
    made = paper.envelopes()
    paper.check_envelopes(made)
    strange = Paper(6)
    strange.recipients = paper.recipients
    with pytest.raises(BenchFailed):
        paper.check_envelopes(strange.envelopes())


def test_the_bound_of_an_engine_names_every_operation() -> None:
    cost = issue_memory.engine_seconds("openssl", 4)
    assert set(cost) == {"sign", "verify", "keypair", "encrypt"}
    assert min(cost.values()) > 0
    assert gm.engine_name() in gm.engines()


def test_the_peer_signs_every_request() -> None:
    by_clock, by_cpu = openssl_ca_per_s(3) or (0.0, 0.0)
    assert by_clock > 0
    assert by_cpu > 0


def test_numbers_are_well_formed_and_all_different() -> None:
    numbers = [resident_id(number) for number in (*range(2000), 17_999_999, 90_000_000)]
    assert len(set(numbers)) == len(numbers)
    for number in numbers[::97]:
        assert ric.calc_check_digit(number) == number[-1]


def test_all_runs_every_bench_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    called = []

    class Fake:
        def __init__(self, name: str) -> None:
            self.name = name

        def run(self, **options: Any) -> Iterator[Figure]:
            called.append((self.name, options["rounds"]))
            yield Figure(self.name, "x", "openssl", 1.0, "1/s", 1)

    monkeypatch.setattr(bench, "import_module", Fake)
    result = CliRunner().invoke(bench.bench, ["all", "--json", "--rounds", "2"])
    assert result.exit_code == 0, result.output
    assert [json.loads(line)["figure"] for line in result.output.splitlines()] == ["x"] * len(bench.BENCHES)
    assert called == [(module, 2) for _name, module, _help in bench.BENCHES]
