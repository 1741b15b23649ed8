"""Devices of version 0.1 go on as they are: same PINs, same keys, same old letters (A2, A3 unlock, E4).

``vectors/token`` was written by the soft token of version 0.1: BYT0000001 with two pairs and a key without certificate,
BYT0000002 locked, BYT0000003 fresh.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from banyan import gm
from banyan_token import make_response, older
from banyan_token.errors import (
    AdminPinIncorrect,
    MachineSecretMissing,
    PinChangeRequired,
    PinIncorrect,
    TokenError,
    TokenOutdated,
    TokenTampered,
)
from support import device_state
from support.token import ADMIN_PIN, NEW_PIN, USER_PIN, drawer, encryption_key_for, open_token

_VECTORS = Path(__file__).parents[2] / "vectors" / "token"
_ROOT = Path(__file__).parents[3]
KEYS: dict[str, Any] = json.loads((_VECTORS / "keys.json").read_text())


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A drawer of version 0.1."""
    shutil.copytree(_VECTORS, tmp_path / "tokens")
    return tmp_path / "tokens"


def files(place: Path) -> set[str]:
    return {one.name for one in place.iterdir()}


def test_an_old_device_signs_and_opens_old_letters(old: Path) -> None:
    with open_token(old) as token:
        token.verify_pin(USER_PIN)
        for container in ("2025-1", "2026-1"):
            known = KEYS[container]
            signature = token.sign(container, b"contract")
            assert gm.sm2.verify_many([(bytes.fromhex(known["signing"]), b"contract", signature)]) == [True]
            letter = token.decrypt(None, bytes.fromhex(known["ciphertext"]))
            assert letter == f"letter of {container}".encode()
            token.check_container(container)
        assert files(old / "BYT0000001") == {"device.state", "device.lock"}


def test_everything_else_is_carried_over(old: Path) -> None:
    assert drawer(old).serials() == ["BYT0000001", "BYT0000002", "BYT0000003"]
    first, locked, fresh = drawer(old).infos()
    assert (first.label, first.state, first.user_tries_left, first.must_change_pin) == (
        "福建测试介质",
        "ready",
        6,
        False,
    )
    assert (locked.state, locked.user_tries_left, locked.admin_tries_left) == ("locked", 0, 6)
    assert (fresh.state, fresh.must_change_pin, fresh.containers) == ("ready", True, 0)
    with open_token(old) as token:
        found = {one.name: one for one in token.containers()}
    assert list(found) == ["2025-1", "2026-1", "begun"]
    for name in ("2025-1", "2026-1"):
        assert found[name].signing_public_key == bytes.fromhex(KEYS[name]["signing"])
        assert found[name].encryption_public_key == bytes.fromhex(KEYS[name]["encryption"])
        assert found[name].signing_certificate
        assert found[name].encryption_certificate
    assert found["begun"].encryption_public_key is None


def test_the_first_right_pin_seals_all_keys_anew(old: Path) -> None:
    secret = (old / "machine.secret").read_bytes()
    with open_token(old) as token:
        before = list(device_state.pairs(old / "BYT0000001", secret))
        with pytest.raises(PinIncorrect):
            token.verify_pin("13579246")
        assert [one[3] for one in device_state.pairs(old / "BYT0000001", secret)] == [one[3] for one in before]
        token.verify_pin(USER_PIN)
        assert len(device_state.private_keys(old / "BYT0000001", secret, USER_PIN)) == 5
        token.unlock_with_admin_pin(ADMIN_PIN, NEW_PIN)  # which comes second and was not sealed anew before
        token.change_pin(NEW_PIN, USER_PIN)
        assert len(device_state.private_keys(old / "BYT0000001", secret, USER_PIN)) == 5
        assert token.sign("2025-1", b"x")


def test_new_keys_go_into_an_old_device(old: Path) -> None:
    with open_token(old) as token:
        token.verify_pin(USER_PIN)
        token.generate_signing_key("2027-1")
        public, envelope = encryption_key_for(bytes.fromhex(KEYS["2026-1"]["signing"]))
        token.import_key_envelope("recovered", envelope, signing_container="2026-1")
        assert token.decrypt(None, gm.sm2.encrypt(public, b"y")) == b"y"


def test_a_device_that_was_locked_is_unlocked_by_either_way(old: Path) -> None:
    public = bytes.fromhex(KEYS["locked"]["signing"])
    with open_token(old, "BYT0000002") as token:
        with pytest.raises(AdminPinIncorrect):
            token.unlock_with_admin_pin("ZZZZ3ZPN5TXD2HMA", NEW_PIN)
        answer = make_response(ADMIN_PIN, token.unlock_challenge(), NEW_PIN, serial="BYT0000002")
        token.answer_challenge(answer)
        token.verify_pin(NEW_PIN)
        with pytest.raises(PinChangeRequired):
            token.sign("a", b"x")
        token.change_pin(NEW_PIN, USER_PIN)
        assert gm.sm2.verify_many([(public, b"x", token.sign("a", b"x"))]) == [True]
        token.unlock_with_admin_pin(ADMIN_PIN, NEW_PIN)
        token.verify_pin(NEW_PIN)


@pytest.mark.parametrize("moment", ["fsync", "replace", "unlink"])
def test_kill_9_during_conversion_loses_nothing(old: Path, moment: str) -> None:
    paths = os.pathsep.join((str(_ROOT / "src"), str(_ROOT / "tests")))
    for passings in (1, 2):
        command = [sys.executable, __file__, str(old), moment, str(passings)]
        done = subprocess.run(command, env=os.environ | {"PYTHONPATH": paths}, timeout=60)
        assert done.returncode in (-signal.SIGKILL, 0)
        assert files(old / "BYT0000001") & {"token.state", "device.state"}
    with open_token(old) as token:
        token.verify_pin(USER_PIN)
        token.check_container("2026-1")
    assert files(old / "BYT0000001") == {"device.state", "device.lock"}


def test_what_was_changed_or_is_of_another_machine_is_refused_and_left_alone(old: Path) -> None:
    state = old / "BYT0000001" / "token.state"
    whole = state.read_bytes()
    for changed in (whole[:-1], whole[:200] + b"\0" + whole[201:], b"", whole.replace(b"BYT0000001", b"BYT0000009", 1)):
        state.write_bytes(changed)
        with pytest.raises(TokenTampered):
            open_token(old)
        assert state.read_bytes() == changed
    state.write_bytes(whole)
    secret = old / "machine.secret"
    kept = secret.read_bytes()
    secret.write_bytes(bytes(32))
    with pytest.raises(TokenTampered):
        open_token(old)
    secret.unlink()
    with pytest.raises(MachineSecretMissing):
        open_token(old)
    secret.write_bytes(kept)
    open_token(old).verify_pin(USER_PIN)


def test_what_has_no_room_in_the_new_form_stays_as_it_was(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(older, "_MOST_CONTAINERS", 1)
    with pytest.raises(TokenOutdated):
        open_token(old)
    assert "device.state" not in files(old / "BYT0000001")
    monkeypatch.undo()
    open_token(old).verify_pin(USER_PIN)


def _convert_and_die(old: Path, moment: str, passings: int) -> None:
    left = [passings]

    def dying(real: Any) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)

        return call

    setattr(os, moment, dying(getattr(os, moment)))
    try:
        drawer(old).has("BYT0000001")
    except TokenError as error:
        sys.stdout.write(error.code)


if __name__ == "__main__":
    _convert_and_die(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
