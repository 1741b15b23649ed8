"""``banyan bench sm2`` gives every promised figure, compares with openssl, and fails on a wrong result."""

import json
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from banyan import gm
from banyan.cli import bench as bench_package
from banyan.cli.bench import sm2 as bench_sm2
from banyan.gm.known_answers import PUBLIC

FIGURES = {
    "sign_batch_per_s", "verify_batch_per_s", "keypair_batch_per_s", "encrypt_per_s", "sm3_300b_batch_per_s",
    "sm3_batch_mb_per_s", "sm4_ctr_batch_mb_per_s", "sign_single_us", "verify_single_us",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(bench_sm2, "LEAST_SIZE", 24)
    monkeypatch.setattr(bench_sm2, "_SM4_PIECES", 4)
    monkeypatch.setattr(bench_sm2, "_SINGLES", 3)
    before = gm.engine_name()
    yield
    gm.use(before)


def test_every_figure_for_every_engine_as_json() -> None:
    done = CliRunner().invoke(bench_package.bench, ["sm2", "--rounds", "1", "--json"])
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in done.output.splitlines()]
    assert {(row["figure"], row["engine"]) for row in rows} == {(f, e) for f in FIGURES for e in gm.engines()}
    for row in rows:
        assert row["bench"] == "sm2"
        assert row["value"] > 0
        assert row["cores"] == 1
        if row["engine"] != "openssl":
            assert row["peer"] == "openssl"
            better = row["peer_value"] / row["value"] if row["unit"] == "µs" else row["value"] / row["peer_value"]
            assert row["ratio"] == pytest.approx(better, rel=1e-3)


def test_one_engine_only() -> None:
    done = CliRunner().invoke(bench_package.bench, ["sm2", "--rounds", "1", "--engine", "openssl"])
    assert done.exit_code == 0, done.output
    assert len(done.output.splitlines()) == len(FIGURES)


@pytest.mark.parametrize(
    ("where", "name", "wrong"),
    [
        ("sm2", "sign_many", lambda items: [b"\x30\x06\x02\x01\x01\x02\x01\x01"] * len(items)),
        ("sm2", "verify_many", lambda items: [True] * len(items)),
        ("sm2", "generate_keypairs", lambda count: [gm.sm2.KeyPair(bytes([i + 1] * 32), PUBLIC) for i in range(count)]),
        ("sm2", "encrypt_many", lambda items: [bytes(129)] * len(items)),
        ("sm4", "ctr_many", lambda items: [text for _, _, text in items]),
    ],
)
def test_a_wrong_result_fails_the_bench(monkeypatch: pytest.MonkeyPatch, where: str, name: str, wrong: object) -> None:
    inputs = bench_sm2._make_inputs(24)
    monkeypatch.setattr(bench_sm2, "_make_inputs", lambda size: inputs)
    module = getattr(gm, where)
    right, calls = getattr(module, name), {"left": 1}

    def once_wrong(*arguments: object, **named: object) -> object:
        """Wrong while measured (the first call with a whole batch), right when judging."""
        if calls["left"]:
            calls["left"] -= 1
            return wrong(*arguments)  # type: ignore[operator]
        return right(*arguments, **named)

    figure = {"sign_many": 0, "verify_many": 1, "generate_keypairs": 2, "encrypt_many": 3, "ctr_many": 6}[name]
    chosen = bench_sm2._measures(inputs)[figure]
    monkeypatch.setattr(bench_sm2, "_measures", lambda _inputs: [chosen])
    monkeypatch.setattr(module, name, once_wrong)
    with pytest.raises((bench_package.BenchFailed, gm.GmError)):
        list(bench_sm2.run(size=24, engine="openssl", rounds=1))


def test_benches_of_others_are_listed_without_being_imported() -> None:
    done = CliRunner().invoke(bench_package.bench, ["--help"])
    assert done.exit_code == 0
    for name, _module, _help in bench_package.BENCHES:
        assert name in done.output


def test_medians_and_figures() -> None:
    times = iter([3.0, 30.0, 1.0, 10.0, 2.0, 20.0])
    assert bench_package.median_of_rounds(3, [lambda: None, lambda: None], lambda work: next(times)) == [2.0, 20.0]
    figure = bench_package.Figure("b", "f", "e", 10.0, "1/s", 5, extra={"note": "x"})
    assert bench_package.compared(figure, "p", 5.0).ratio == 2.0
    assert bench_package.compared(figure, "p", 5.0, is_less_better=True).ratio == 0.5
    assert figure.as_dict() == {
        "bench": "b", "figure": "f", "engine": "e", "value": 10.0, "unit": "1/s", "size": 5, "cores": 1, "note": "x",
    }  # fmt: skip
