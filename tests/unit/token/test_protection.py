"""What lies on the disk gives nothing away, notices every change, and survives every interruption (E4,
F7).
"""

import os
import secrets
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from banyan import gm
from banyan_token import SoftToken, protection, state, storage
from banyan_token.errors import (
    MachineSecretMissing,
    PinIncorrect,
    PinLocked,
    TokenError,
    TokenMissing,
    TokenNotWritten,
    TokenTampered,
)
from support.token import ADMIN_PIN, NEW_PIN, SUBJECT, USER_PIN, certificate, encryption_key_for, make_token

WRONG = "13579246"


def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
    )


def filled_token(tmp_path: Path) -> SoftToken:
    token = make_token(tmp_path)
    token.verify_pin(USER_PIN)
    signing = token.generate_signing_key("2026-1")
    _public, envelope = encryption_key_for(signing)
    token.import_key_envelope("2026-1", envelope)
    token.import_certificate("2026-1", certificate(signing, signing=True), signing=True)
    return token


def stored(tmp_path: Path) -> Path:
    return tmp_path / "BYT0000001" / storage.STATE_FILE


def test_the_files_hold_no_pin_key_name_or_certificate(tmp_path: Path) -> None:
    token = filled_token(tmp_path)
    signing = token.containers()[0].signing_public_key
    assert signing is not None
    for place in (tmp_path / "BYT0000001").iterdir():
        data = place.read_bytes()
        texts = (USER_PIN, ADMIN_PIN, "福建测试介质", "2026-1")
        for secret in (*(text.encode() for text in texts), signing, SUBJECT):
            assert secret not in data
        assert place.stat().st_mode & 0o077 == 0


def test_even_the_opened_state_holds_no_private_key_in_clear(tmp_path: Path) -> None:
    token = make_token(tmp_path)
    token.verify_pin(USER_PIN)
    public = token.generate_signing_key("a")
    _public, private = token._private_key("a", "signing")
    assert gm.sm2.public_key(private) == public
    opened = state._encode(token._state())
    for secret in (private, private.hex().encode(), USER_PIN.encode(), bytes(token._master_key or b"")):
        assert secret
        assert secret not in opened


def test_every_changed_byte_is_noticed(tmp_path: Path) -> None:
    filled_token(tmp_path)
    place = stored(tmp_path)
    whole = place.read_bytes()
    for position in [*range(130), *range(130, len(whole), 37)]:
        changed = bytearray(whole)
        changed[position] ^= 1
        place.write_bytes(changed)
        with pytest.raises((TokenTampered, MachineSecretMissing)):
            SoftToken.open(tmp_path / "BYT0000001")
    for cut in (b"", whole[:5], whole[:60], whole[:-1], whole + b"\0", b"\0" * len(whole)):
        place.write_bytes(cut)
        with pytest.raises(TokenTampered):
            SoftToken.open(tmp_path / "BYT0000001")
    place.write_bytes(whole)
    SoftToken.open(tmp_path / "BYT0000001").verify_pin(USER_PIN)


def test_the_state_of_one_device_is_no_use_in_another(tmp_path: Path) -> None:
    first, second = make_token(tmp_path), make_token(tmp_path, serial="BYT0000002")
    stored(tmp_path).write_bytes((tmp_path / "BYT0000002" / storage.STATE_FILE).read_bytes())
    with pytest.raises(TokenTampered):
        first.verify_pin(USER_PIN)
    second.verify_pin(USER_PIN)


def test_without_the_machine_secret_nothing_opens(tmp_path: Path) -> None:
    make_token(tmp_path)
    secret = tmp_path / "machine.secret"
    kept = secret.read_bytes()
    assert secret.stat().st_mode & 0o777 == 0o600
    secret.write_bytes(secrets.token_bytes(32))
    with pytest.raises(TokenTampered):
        SoftToken.open(tmp_path / "BYT0000001")
    for damaged in (b"", kept[:31], kept + b"\n"):
        secret.write_bytes(damaged)
        with pytest.raises(MachineSecretMissing):
            SoftToken.open(tmp_path / "BYT0000001")
    secret.unlink()
    with pytest.raises(MachineSecretMissing):
        SoftToken.open(tmp_path / "BYT0000001")
    assert not secret.exists()  # opening never makes a new one
    (tmp_path / "elsewhere").write_bytes(kept)
    SoftToken.open(tmp_path / "BYT0000001", machine_secret_path=tmp_path / "elsewhere").verify_pin(USER_PIN)


def test_no_stored_value_lets_a_pin_be_tried_without_the_machine_secret(tmp_path: Path) -> None:
    """The directory alone is one SM4-GCM message under a key from 256 random bits; the PIN is no part of that
    key.

    And with the directory's *content* in hand, the PIN's key still depends on the machine secret.
    """
    token = make_token(tmp_path)
    user = token._state().user
    arguments = ("BYT0000001", USER_PIN, user.salt, token._state().iterations)
    right = protection.user_pin_key((tmp_path / "machine.secret").read_bytes(), *arguments)
    guessed = protection.user_pin_key(secrets.token_bytes(32), *arguments)
    assert protection.open_sealed(right, user.wrapped, b"user master key BYT0000001")
    with pytest.raises(gm.TagInvalid):
        protection.open_sealed(guessed, user.wrapped, b"user master key BYT0000001")


def test_the_installation_can_be_moved_whole(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    make_token(tmp_path / "old")
    (tmp_path / "old").rename(tmp_path / "new")
    SoftToken.open(tmp_path / "new" / "BYT0000001").verify_pin(USER_PIN)


def test_kill_9_while_the_pin_is_checked_has_cost_the_try(tmp_path: Path) -> None:
    make_token(tmp_path, user_tries=3)
    code = """
        import os, signal, sys
        from pathlib import Path
        from banyan_token import SoftToken, protection
        protection.user_pin_key = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
        SoftToken.open(Path(sys.argv[1])).verify_pin(sys.argv[2])
    """
    place = tmp_path / "BYT0000001"
    for left in (2, 1, 0):
        assert run(code, place, WRONG).returncode == -9
        assert SoftToken.open(place).info().user_tries_left == left
    with pytest.raises(PinLocked):
        SoftToken.open(place).verify_pin(USER_PIN)


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_kill_9_while_the_state_is_written_leaves_a_whole_state(tmp_path: Path, moment: str) -> None:
    token = filled_token(tmp_path)
    code = """
        import os, signal, sys
        from pathlib import Path
        from banyan_token import SoftToken
        token = SoftToken.open(Path(sys.argv[1]))
        token.verify_pin(sys.argv[2])
        setattr(os, sys.argv[3], lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        token.generate_signing_key("half")
    """
    assert run(code, tmp_path / "BYT0000001", USER_PIN, moment).returncode == -9
    assert [one.name for one in token.containers()] == ["2026-1"]
    token.generate_signing_key("half")  # neither a stale lock nor a stale draft is in the way
    assert [one.name for one in token.containers()] == ["2026-1", "half"]


def test_a_full_disk_leaves_the_old_state_whole(tmp_path: Path) -> None:
    """The system itself refuses the bytes (a limit on file size), not a pretended error."""
    token = filled_token(tmp_path)
    before = stored(tmp_path).read_bytes()
    code = """
        import resource, signal, sys
        from pathlib import Path
        from banyan_token import SoftToken
        from banyan_token.errors import TokenNotWritten
        token = SoftToken.open(Path(sys.argv[1]))
        token.verify_pin(sys.argv[2])
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        changing = lambda: token.change_pin(sys.argv[2], sys.argv[3])
        for attempt in (lambda: token.generate_signing_key("b"), changing):
            try:
                attempt()
            except TokenNotWritten as error:
                print(error.code)
    """
    done = run(code, tmp_path / "BYT0000001", USER_PIN, NEW_PIN)
    assert done.stdout.split() == ["token.not_written"] * 2, done.stderr
    assert len(stored(tmp_path).read_bytes()) == len(before)
    assert not (tmp_path / "BYT0000001" / "token.state.new").exists()
    token.verify_pin(USER_PIN)
    token.check_container("2026-1")
    assert [one.name for one in token.containers()] == ["2026-1"]


def test_a_pin_is_not_checked_when_its_try_cannot_be_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = make_token(tmp_path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        patch.setattr(protection, "user_pin_key", lambda *_: pytest.fail("the PIN was looked at"))
        with pytest.raises(TokenNotWritten):
            token.verify_pin(WRONG)
    assert token.info().user_tries_left == 6


def test_several_processes_share_one_counter(tmp_path: Path) -> None:
    make_token(tmp_path, user_tries=10)
    code = """
        import sys
        from pathlib import Path
        from banyan_token import SoftToken
        from banyan_token.errors import PinIncorrect
        token = SoftToken.open(Path(sys.argv[1]))
        for _ in range(3):
            try:
                token.verify_pin(sys.argv[2])
            except PinIncorrect as error:
                print(error.fields["left"])
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "BYT0000001"), WRONG]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    seen = sorted(int(line) for one in running for line in one.communicate(timeout=60)[0].split())
    assert seen == list(range(1, 10))
    assert SoftToken.open(tmp_path / "BYT0000001").info().user_tries_left == 1


def test_several_processes_lose_no_container(tmp_path: Path) -> None:
    make_token(tmp_path)
    code = """
        import sys
        from pathlib import Path
        from banyan_token import SoftToken
        token = SoftToken.open(Path(sys.argv[1]))
        token.verify_pin(sys.argv[2])
        for number in range(5):
            token.generate_signing_key(f"{sys.argv[3]}-{number}")
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "BYT0000001"), USER_PIN]
    running = [subprocess.Popen([*command, name]) for name in "abc"]
    assert [one.wait(60) for one in running] == [0, 0, 0]
    names = {one.name for one in SoftToken.open(tmp_path / "BYT0000001").containers()}
    assert names == {f"{letter}-{number}" for letter in "abc" for number in range(5)}


def test_the_first_of_several_makers_of_the_machine_secret_wins(tmp_path: Path) -> None:
    code = """
        import sys
        from pathlib import Path
        from banyan_token.storage import make_machine_secret
        print(make_machine_secret(Path(sys.argv[1])).hex())
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "keys" / "machine.secret")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    made = {one.communicate(timeout=60)[0].strip() for one in running}
    assert len(made) == 1
    assert [place.name for place in (tmp_path / "keys").iterdir()] == ["machine.secret"]


def test_no_error_or_repr_tells_a_pin_or_a_key(tmp_path: Path) -> None:
    token = filled_token(tmp_path)
    _public, private = token._private_key("2026-1", "signing")
    said: list[str] = [repr(token), repr(token._state()), repr(token.info())]
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
        assert private.hex() not in text
        assert repr(private) not in text


def test_logging_out_overwrites_the_master_key(tmp_path: Path) -> None:
    token = make_token(tmp_path)
    token.verify_pin(USER_PIN)
    held = token._master_key
    assert held is not None
    assert any(held)
    token.logout()
    assert not any(held)
    assert token._master_key is None


def test_a_link_in_place_of_the_device_is_not_followed_into_nothing(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("x")
    with pytest.raises(TokenMissing):
        SoftToken.open(place)


def test_the_default_derivation_is_slow(tmp_path: Path) -> None:
    """A count, not a stopwatch: machines differ, the work does not."""
    token = SoftToken.create(
        tmp_path / "slow",
        serial="slow",
        user_pin=USER_PIN,
        admin_pin=ADMIN_PIN,
        machine_secret_path=tmp_path / "machine.secret",
        now=make_token(tmp_path).info().created_at,
    )
    assert token._state().iterations >= 50_000
    with pytest.raises(PinIncorrect):
        token.verify_pin(WRONG)
    token.verify_pin(USER_PIN)
