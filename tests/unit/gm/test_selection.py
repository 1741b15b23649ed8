"""Which engine works: the fastest available, another on request, none whose known answers come out wrong."""

import os
import subprocess
import sys
import time

import pytest

from banyan import gm
from banyan.gm import known_answers, selection
from banyan.gm.engine import Engine


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test starts as a new process would: nothing loaded, tested or chosen."""
    monkeypatch.setattr(selection, "_loaded", {})
    monkeypatch.setattr(selection, "_tested", set())
    monkeypatch.setattr(selection, "_current", None)
    monkeypatch.delenv("BANYAN_GM_ENGINE", raising=False)


def test_the_fastest_available_is_used_unless_another_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert gm.engine_name() == gm.engines()[0]
    monkeypatch.setattr(selection, "_current", None)
    monkeypatch.setenv("BANYAN_GM_ENGINE", "openssl")
    assert gm.engine_name() == "openssl"


def test_engines_always_include_the_reference_and_it_comes_last() -> None:
    assert gm.engines()[-1] == "openssl"


def test_without_the_ipp_extension_the_product_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(selection._MODULES, "ipp", "banyan.gm._not_built")
    assert gm.engines() == ("openssl",)
    assert gm.engine_name() == "openssl"
    assert len(gm.sm3(b"abc")) == 32
    with pytest.raises(gm.EngineUnavailable):
        gm.use("ipp")
    assert gm.engine_name() == "openssl"


def test_without_any_extension_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "_MODULES", {"openssl": "banyan.gm._not_built"})
    with pytest.raises(gm.EngineUnavailable, match="make setup"):
        gm.sm3(b"abc")


def test_an_unknown_engine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(gm.EngineUnavailable):
        gm.use("gmssl")
    monkeypatch.setenv("BANYAN_GM_ENGINE", "gmssl")
    with pytest.raises(gm.EngineUnavailable):
        gm.sm3(b"abc")


@pytest.mark.parametrize("name", list(known_answers.TESTS))
def test_a_wrong_known_answer_refuses_the_engine(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setitem(known_answers.TESTS, name, lambda engine: False)
    with pytest.raises(gm.SelfTestFailed, match="自检"):
        gm.sm2.generate_keypair()
    with pytest.raises(gm.SelfTestFailed):
        gm.use("openssl")
    with pytest.raises(gm.SelfTestFailed):
        gm.self_test()


@pytest.mark.parametrize(
    ("method", "wrong"),
    [
        ("sm3_many", lambda self, messages: [bytes(32) for _ in messages]),
        ("hmac_sm3_many", lambda self, key, messages: [bytes(32) for _ in messages]),
        ("check_points", lambda self, points: [True for _ in points]),
        ("verify_many", lambda self, publics, messages, signatures, signer_id: [True for _ in publics]),
        ("sign_many", lambda self, items, signer_id, known_scalars=None: bytes(64 * len(items))),
        ("decrypt", lambda self, private, ciphertext: b"encryption standarD"),
        ("sm4_ctr_many", lambda self, items: [text for _, _, text in items]),
        ("sm4_cbc", lambda self, key, iv, data, encrypt: data),
    ],
)
def test_an_engine_that_computes_wrongly_is_found(monkeypatch: pytest.MonkeyPatch, method: str, wrong: object) -> None:
    monkeypatch.setattr(Engine, method, wrong)
    with pytest.raises(gm.SelfTestFailed):
        gm.use("openssl")


def test_the_engine_in_use_stays_when_another_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    gm.use("openssl")
    monkeypatch.setattr(selection, "_tested", set())
    monkeypatch.setitem(known_answers.TESTS, "SM3", lambda engine: False)
    with pytest.raises(gm.SelfTestFailed):
        gm.use("auto")
    assert gm.engine_name() == "openssl"


def test_self_test_names_what_it_checked() -> None:
    done = gm.self_test()
    assert set(done) == set(gm.engines())
    assert all(tests == list(known_answers.TESTS) for tests in done.values())
    assert gm.self_test("openssl") == {"openssl": list(known_answers.TESTS)}


def test_the_tier_is_told() -> None:
    assert gm.engine_tier("openssl") == "single-buffer"
    assert {gm.engine_tier(name) for name in gm.engines()} <= {"single-buffer", "multi-buffer"}


def test_the_known_answers_are_cheap() -> None:
    """Under 30 ms an engine in the median of three; doubled here for a busy machine."""
    for name in gm.engines():
        engine = selection._load(name)
        known_answers.check_engine(engine)
        taken = []
        for _ in range(3):
            start = time.process_time()
            known_answers.check_engine(engine)
            taken.append(time.process_time() - start)
        assert sorted(taken)[1] < 0.06, name


def test_a_fresh_process_obeys_the_variable() -> None:
    environment = {**os.environ, "BANYAN_GM_ENGINE": "openssl"}
    code = "from banyan import gm; print(gm.sm3(b'abc').hex()[:8], gm.engine_name())"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["66c7f0f4", "openssl"]
