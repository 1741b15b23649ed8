"""What lies on the disk gives nothing away, notices every change, and survives every interruption (E4, F7)."""

import os
import resource
import secrets
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from banyan_token import Token
from banyan_token.errors import MachineSecretMissing, PinIncorrect, PinLocked, TokenError, TokenFull, TokenTampered
from support import device_state
from support.token import (
    ADMIN_PIN,
    NEW_PIN,
    SERIAL,
    SUBJECT,
    USER_PIN,
    certificate,
    encryption_key_for,
    make_token,
    open_token,
)

WRONG = "13579246"
_ROOT = Path(__file__).parents[3]


def child(verb: str, *arguments: object) -> "subprocess.Popen[str]":
    """Another process that does one of the things at the end of this file."""
    paths = os.pathsep.join((str(_ROOT / "src"), str(_ROOT / "tests")))
    command = [sys.executable, __file__, verb, *map(str, arguments)]
    return subprocess.Popen(command, env=os.environ | {"PYTHONPATH": paths}, stdout=subprocess.PIPE, text=True)


def filled_token(tmp_path: Path) -> Token:
    token = make_token(tmp_path)
    token.verify_pin(USER_PIN)
    signing = token.generate_signing_key("2026-1")
    _public, envelope = encryption_key_for(signing)
    token.import_key_envelope("2026-1", envelope)
    token.import_certificate("2026-1", certificate(signing, signing=True), signing=True)
    return token


def stored(tmp_path: Path) -> Path:
    return tmp_path / SERIAL / "device.state"


def test_the_files_hold_no_pin_key_name_or_certificate(tmp_path: Path) -> None:
    token = filled_token(tmp_path)
    signing = token.containers()[0].signing_public_key
    assert signing is not None
    for place in (tmp_path / SERIAL).iterdir():
        data = place.read_bytes()
        for secret in (*(text.encode() for text in (USER_PIN, ADMIN_PIN, "介质试验", "2026-1")), signing, SUBJECT):
            assert secret not in data
        assert place.stat().st_mode & 0o077 == 0


def test_even_the_opened_state_holds_no_private_key_in_clear(tmp_path: Path) -> None:
    filled_token(tmp_path)
    secret = (tmp_path / "machine.secret").read_bytes()
    opened = device_state.opened(tmp_path / SERIAL, secret)
    assert b"2026-1" in opened
    keys = device_state.private_keys(tmp_path / SERIAL, secret, USER_PIN)
    assert len(keys) == 2
    for hidden in (*keys.values(), USER_PIN.encode(), ADMIN_PIN.encode()):
        assert hidden not in opened


def test_every_changed_byte_is_noticed(tmp_path: Path) -> None:
    filled_token(tmp_path).close()
    place = stored(tmp_path)
    whole = place.read_bytes()

    def put(data: bytes) -> None:
        (place.parent / "other").write_bytes(data)
        (place.parent / "other").replace(place)

    for position in [*range(60), *range(60, len(whole), 37)]:
        changed = bytearray(whole)
        changed[position] ^= 1
        put(bytes(changed))
        with pytest.raises(TokenTampered):
            open_token(tmp_path)
    for cut in (b"", whole[:5], whole[:60], whole[:-1], whole + b"\0", b"\0" * len(whole)):
        put(cut)
        with pytest.raises(TokenTampered):
            open_token(tmp_path)
    put(whole)
    open_token(tmp_path).verify_pin(USER_PIN)


def test_the_state_of_one_device_is_no_use_in_another(tmp_path: Path) -> None:
    make_token(tmp_path).close()
    make_token(tmp_path, serial="BYT0000002").close()
    (tmp_path / "BYT0000002" / "device.state").replace(stored(tmp_path))
    with pytest.raises(TokenTampered):
        open_token(tmp_path)


def test_without_the_machine_secret_nothing_opens(tmp_path: Path) -> None:
    make_token(tmp_path).close()
    secret = tmp_path / "machine.secret"
    kept = secret.read_bytes()
    assert secret.stat().st_mode & 0o777 == 0o600

    def outcome() -> str:
        return child("open", tmp_path).communicate(timeout=60)[0].strip()

    assert outcome() == "opened"
    secret.write_bytes(secrets.token_bytes(32))
    assert outcome() == "token.tampered"
    for damaged in (b"", kept[:31], kept + b"\n"):
        secret.write_bytes(damaged)
        assert outcome() == "token.machine_secret_missing"
    secret.unlink()
    assert outcome() == "token.machine_secret_missing"
    assert not secret.exists()  # opening never makes a new one


def test_a_lost_machine_secret_is_never_replaced(tmp_path: Path) -> None:
    make_token(tmp_path).close()
    (tmp_path / "machine.secret").rename(tmp_path / "lost")
    with pytest.raises(MachineSecretMissing):
        make_token(tmp_path, serial="BYT0000002")
    assert not (tmp_path / "machine.secret").exists()


def test_the_installation_can_be_moved_whole(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    make_token(tmp_path / "old").close()
    (tmp_path / "old").rename(tmp_path / "new")
    open_token(tmp_path / "new").verify_pin(USER_PIN)


def test_a_full_disk_leaves_the_old_state_whole(tmp_path: Path) -> None:
    """The system itself refuses the bytes (a limit on file size), not a pretended error."""
    token = filled_token(tmp_path)
    before = stored(tmp_path).stat().st_size
    told = child("starve", tmp_path).communicate(timeout=60)[0].split()
    assert told == ["token.not_written"] * 3
    assert stored(tmp_path).stat().st_size == before
    assert {one.name for one in (tmp_path / SERIAL).iterdir()} == {"device.state", "device.lock"}
    assert token.info().user_tries_left == 6  # no PIN is looked at when its try cannot be counted
    token.verify_pin(USER_PIN)
    token.check_container("2026-1")
    assert [one.name for one in token.containers()] == ["2026-1"]


def test_several_processes_share_one_counter(tmp_path: Path) -> None:
    make_token(tmp_path, user_tries=10)
    running = [child("guess", tmp_path) for _ in range(3)]
    seen = sorted(int(line) for one in running for line in one.communicate(timeout=60)[0].split())
    assert seen == list(range(1, 10))
    assert open_token(tmp_path).info().user_tries_left == 1


def test_several_processes_lose_no_container(tmp_path: Path) -> None:
    make_token(tmp_path)
    running = [child("fill", tmp_path, name) for name in "abc"]
    assert [(one.communicate(timeout=60), one.returncode)[1] for one in running] == [0, 0, 0]
    names = {one.name for one in open_token(tmp_path).containers()}
    assert names == {f"{letter}-{number}" for letter in "abc" for number in range(5)}


def test_a_full_token_says_so_and_stays_whole(tmp_path: Path) -> None:
    token = make_token(tmp_path)
    token.verify_pin(USER_PIN)
    with pytest.raises(TokenFull):  # noqa: PT012
        for number in range(200):
            token.generate_signing_key(f"k{number}")
    token.check_container("k0")


def test_no_error_or_repr_tells_a_pin(tmp_path: Path) -> None:
    token = filled_token(tmp_path)
    said: list[str] = [repr(token), repr(token.info())]
    for call in (
        lambda: token.verify_pin(WRONG),
        lambda: token.verify_pin("bad pin"),
        lambda: token.change_pin(WRONG, NEW_PIN),
        lambda: token.unlock_with_admin_pin("ZZZZ3ZPN5TXD2HMA", NEW_PIN),
        lambda: token.decrypt("2026-1", b"\x04" + bytes(112)),
    ):
        with pytest.raises(TokenError) as refused:
            call()
        said += [str(refused.value), repr(refused.value), repr(refused.value.args)]
    for text in said:
        for pin in (WRONG, "bad pin", NEW_PIN, USER_PIN, ADMIN_PIN, "ZZZZ3ZPN5TXD2HMA"):
            assert pin not in text


def test_the_default_derivation_is_slow(tmp_path: Path) -> None:
    """A count, not a stopwatch: machines differ, the work does not."""
    token = make_token(tmp_path, iterations=0)
    token.verify_pin(USER_PIN)
    token.generate_signing_key("a")
    (found,) = device_state.pairs(tmp_path / SERIAL, (tmp_path / "machine.secret").read_bytes())
    assert found[-1] >= 50_000


def _open(place: Path) -> None:
    try:
        open_token(place).close()
        sys.stdout.write("opened\n")
    except TokenError as error:
        sys.stdout.write(f"{error.code}\n")


def _starve(place: Path) -> None:
    token = open_token(place)
    token.verify_pin(USER_PIN)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    for attempt in (
        lambda: token.generate_signing_key("b"),
        lambda: token.change_pin(USER_PIN, NEW_PIN),
        lambda: token.verify_pin(WRONG),
    ):
        try:
            attempt()
        except TokenError as error:
            sys.stdout.write(f"{error.code}\n")


def _guess(place: Path) -> None:
    token = open_token(place)
    for _ in range(3):
        try:
            token.verify_pin(WRONG)
        except PinIncorrect as error:
            sys.stdout.write(f"{error.fields['left']}\n")
        except PinLocked:
            sys.stdout.write("0\n")


def _fill(place: Path, name: str) -> None:
    token = open_token(place)
    token.verify_pin(USER_PIN)
    for number in range(5):
        token.generate_signing_key(f"{name}-{number}")


if __name__ == "__main__":
    verbs = {"open": _open, "starve": _starve, "guess": _guess, "fill": _fill}
    verbs[sys.argv[1]](Path(sys.argv[2]), *sys.argv[3:])
