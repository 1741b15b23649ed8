"""The token as a process: the same messages, sessions that do not share a log-in, kill -9 (A2)."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from banyan import gm
from banyan.kernel.errors import RemoteError, ServiceUnavailable
from banyan.kernel.pins import random_admin_pin, random_pin
from banyan_token import TokenClient, TokenDrawer
from banyan_token.errors import SessionUnknown, TokenMissing
from banyan_token.serve import TokenService
from support.token import NEW_PIN, SUBJECT, USER_PIN, certificate, encryption_key_for, make_token


def start(directory: Path, socket: Path) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "banyan_token.serve",
            "--directory",
            str(directory),
            "--socket",
            str(socket),
            "--machine-secret",
            str(directory.parent / "machine.secret"),
        ]
    )
    for _ in range(300):
        try:
            with TokenClient(socket) as client:
                client.info()
            return process
        except ServiceUnavailable:
            assert process.poll() is None
            time.sleep(0.05)
    raise AssertionError("the token process does not answer")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    make_token(tmp_path, user_tries=3, must_change_pin=True).close()
    process = start(tmp_path / "BYT0000001", tmp_path / "t.sock")
    yield tmp_path / "t.sock", process
    process.terminate()
    process.wait(20)


def test_a_served_token_does_all_that_one_in_hand_does(served: tuple[Path, subprocess.Popen[bytes]]) -> None:
    with TokenClient(served[0]) as token:
        assert token.serial == "BYT0000001"
        assert token.info().must_change_pin
        token.verify_pin(USER_PIN)
        signing = token.generate_signing_key("a")
        assert token.certification_request("a", SUBJECT)
        encryption, envelope = encryption_key_for(signing)
        assert token.import_key_envelope("a", envelope) == encryption
        token.import_certificate("a", certificate(signing, signing=True), signing=True)
        token.import_certificate("a", certificate(encryption, signing=False), signing=False)
        token.check_container("a")
        with pytest.raises(RemoteError) as refused:
            token.sign("a", b"x")
        assert refused.value.code == "token.pin_change_required"
        token.change_pin(USER_PIN, NEW_PIN)
        assert gm.sm2.verify_many([(signing, b"x", token.sign("a", b"x"))]) == [True]
        assert token.decrypt(None, gm.sm2.encrypt(encryption, b"y")) == b"y"
        (held,) = token.containers()
        assert (held.name, held.signing_public_key, held.encryption_public_key) == ("a", signing, encryption)
        token.delete_container("a")
        assert token.containers() == []


def test_sessions_do_not_share_a_log_in(served: tuple[Path, subprocess.Popen[bytes]]) -> None:
    with TokenClient(served[0]) as one, TokenClient(served[0]) as other:
        one.verify_pin(USER_PIN)
        one.generate_signing_key("a")
        with pytest.raises(RemoteError) as refused:
            other.generate_signing_key("b")
        assert refused.value.code == "token.not_logged_in"
        one.logout()
        with pytest.raises(RemoteError):
            one.generate_signing_key("b")


def test_the_error_of_a_wrong_pin_arrives_whole(served: tuple[Path, subprocess.Popen[bytes]]) -> None:
    with TokenClient(served[0]) as token, pytest.raises(RemoteError) as refused:
        token.verify_pin("13579246")
    assert (refused.value.code, refused.value.fields) == (
        "token.pin_incorrect", {"left": 2, "sar": "SAR_PIN_INCORRECT"}
    )  # fmt: skip
    assert str(refused.value).startswith("PIN 不正确，还可以试 2 次。")


def test_a_killed_process_keeps_the_counter_and_forgets_the_log_in(tmp_path: Path) -> None:
    make_token(tmp_path, user_tries=3).close()
    first = start(tmp_path / "BYT0000001", tmp_path / "t.sock")
    client = TokenClient(tmp_path / "t.sock")
    client.verify_pin(USER_PIN)
    with TokenClient(tmp_path / "t.sock") as other, pytest.raises(RemoteError):
        other.verify_pin("13579246")
    os.kill(first.pid, signal.SIGKILL)
    first.wait(20)
    with pytest.raises(ServiceUnavailable):
        client.info()
    second = start(tmp_path / "BYT0000001", tmp_path / "t.sock")
    try:
        with pytest.raises(RemoteError) as refused:
            client.generate_signing_key("a")
        assert refused.value.code == "token.session_unknown"
        assert client.info().user_tries_left == 2
        client.close()
    finally:
        second.terminate()
        assert second.wait(20) == 0


@pytest.mark.parametrize("rounds", [5, pytest.param(100, marks=pytest.mark.soak)])
def test_kill_9_at_random_moments_loses_nothing_that_was_answered(tmp_path: Path, rounds: int) -> None:
    token = make_token(tmp_path)
    answered: dict[str, bytes] = {}
    begun = 0
    chance = random.Random(rounds)  # noqa: S311  (moments, not secrets)
    for round_no in range(rounds):
        process = start(tmp_path / "BYT0000001", tmp_path / "t.sock")
        killer = threading.Timer(chance.uniform(0.02, 0.2), process.kill)
        with TokenClient(tmp_path / "t.sock") as client, pytest.raises(ServiceUnavailable):  # noqa: PT012
            client.verify_pin(USER_PIN)
            killer.start()
            while True:
                if len(answered) >= 20 + round_no // 2:  # a device has room for 128
                    client.check_container(next(iter(answered)))
                    continue
                begun += 1
                name = f"{round_no}-{begun}"
                answered[name] = client.generate_signing_key(name)
        process.wait(20)
        held = {one.name: one.signing_public_key for one in token.containers()}
        assert answered.items() <= held.items()
        held = {name: key for name, key in held.items() if key is not None}
        assert len(held) - len(answered) <= round_no + 1  # at most one unanswered call a kill
        assert token.info().user_tries_left == 6
    token.verify_pin(USER_PIN)
    for name in answered:
        token.check_container(name)


def test_an_idle_session_ends(tmp_path: Path) -> None:
    make_token(tmp_path).close()
    elapsed = [0.0]
    service = TokenService(
        tmp_path / "BYT0000001",
        machine_secret_path=tmp_path / "machine.secret",
        idle_seconds=60,
        elapsed=lambda: elapsed[0],
    )
    calls = service.handlers()
    session = service.open_session()
    calls["verify_pin"](session=session, pin=USER_PIN)
    elapsed[0] = 59
    calls["generate_signing_key"](session=session, container="a")
    elapsed[0] = 119.5
    with pytest.raises(SessionUnknown):
        calls["generate_signing_key"](session=session, container="b")
    service.close_session(session)


def test_a_process_without_a_device_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(TokenMissing):
        TokenService(tmp_path / "none")


def test_a_drawer_lists_its_devices(tmp_path: Path) -> None:
    drawer = TokenDrawer(tmp_path / "tokens", machine_secret_path=tmp_path / "keys" / "token.secret")
    assert drawer.serials() == []
    for serial in ("BYT2", "BYT1"):
        drawer.create(serial, user_pin=random_pin(), admin_pin=random_admin_pin(), iterations=10_000, label=serial)
    (tmp_path / "tokens" / "not-a-device").mkdir()
    assert drawer.serials() == ["BYT1", "BYT2"]
    assert [one.label for one in drawer.infos()] == ["BYT1", "BYT2"]
    assert drawer.has("BYT1")
    assert not drawer.has("BYT3")
    assert drawer.open("BYT2").serial == "BYT2"
    with pytest.raises(TokenMissing):
        drawer.open("BYT3")
