"""Processes at once, kill -9, full disks: no half-written device, no try gained, no key lost."""

import os
import random
import secrets
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from banyan_token.skf import codes
from support.skf import LIBRARY, NATIVE, NEW_PIN, USER_PIN, SkfToken, child

pytestmark = pytest.mark.skipif(not LIBRARY.exists(), reason="make setup builds it")


@pytest.fixture
def token() -> SkfToken:
    made = SkfToken.make(f"T{secrets.token_hex(6).upper()}", tries=10)
    made.log_in()
    return made


@pytest.fixture(scope="module")
def kill_at(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ends a process at a step towards the disk."""
    built = tmp_path_factory.mktemp("kill") / "kill_at.so"
    source = str(NATIVE / "tests" / "kill_at.c")
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", source, "-o", str(built), "-ldl"], check=True)
    return built


def lines_of(process: "subprocess.Popen[str]") -> list[str]:
    out, _ = process.communicate(timeout=60)
    return out.splitlines()


def test_processes_at_once_lose_nothing(token: SkfToken) -> None:
    with child("fill", token.serial, "a", 8) as one, child("fill", token.serial, "b", 8) as other:
        points = lines_of(one) + lines_of(other)
    token.log_in()
    assert len(set(points)) == 16
    names = [f"{name}-{number}" for name in "ab" for number in range(8)]
    assert sorted(token.names("EnumContainer")) == names
    assert [token.public_key(name, signing=True).hex() for name in names] == points


def test_processes_at_once_do_not_gain_a_try(token: SkfToken) -> None:
    with child("guess", token.serial, 8) as one, child("guess", token.serial, 8) as other:
        told = [line for line in lines_of(one) + lines_of(other) if line != "trying"]
    incorrect = sorted(int(line.split()[1]) for line in told if line.startswith("SAR_PIN_INCORRECT"))
    assert incorrect == list(range(1, 10)), "each of the nine told once"
    assert [line for line in told if not line.startswith("SAR_PIN_INCORRECT")] == ["SAR_PIN_LOCKED 0"] * 7
    assert token.pin_info()[1] == 0


def test_a_device_held_alone_makes_others_wait(token: SkfToken) -> None:
    with child("lock", token.serial) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        start = time.monotonic()
        assert token.code("LockDev", token.dev, 200) == "SAR_TIMEOUTERR"
        assert time.monotonic() - start >= 0.15
    # It was killed while it held the device: the system let go of it.
    token.ok("LockDev", token.dev, 2000)
    token.ok("UnlockDev", token.dev)


def steps(kill_at: Path, serial: str, verb: str, *arguments: object) -> Iterator[list[str]]:
    """What a child says that is killed at its first, second, third … step towards the disk, until it comes through."""
    for step in range(1, 100):
        with child(verb, serial, *arguments, LD_PRELOAD=str(kill_at), KILL_AT=str(step)) as process:
            said = lines_of(process)
        yield said
        if process.returncode == 0:
            return
    raise AssertionError("never comes through")


def test_killed_at_every_step_no_try_is_gained(token: SkfToken, kill_at: Path) -> None:
    before = token.pin_info()[1]
    rounds = 0
    for said in steps(kill_at, token.serial, "guess", 1):
        after = token.pin_info()[1]
        assert before - after in ((1,) if len(said) > 1 else (0, 1)), "what was looked at was counted"
        if after < 3:
            token.log_in()
        before = token.pin_info()[1]
        rounds += 1
    assert rounds >= 5


def test_killed_at_every_step_a_key_is_whole_or_not_there(token: SkfToken, kill_at: Path) -> None:
    rounds = 0
    for said in steps(kill_at, token.serial, "fill", "k", 1):
        rounds += 1
        token.log_in()
        names = token.names("EnumContainer")
        assert names in ([], ["k-0"])
        if names:
            point = token.public_key("k-0", signing=True)
            assert not said or said == [point.hex()]
            assert point == b"" or token.signs("k-0", point)
            token.ok("DeleteContainer", token.app, b"k-0")
            token.ok("CloseContainer", token.boxes.pop("k-0"))
    assert rounds >= 20


def test_killed_at_any_moment_the_device_is_whole(token: SkfToken) -> None:
    point = token.write_pair("k1")[0]
    token.ok("CreateFile", token.app, b"whole", 512, codes.ANYONE, codes.ANYONE)
    for _ in range(10):
        with child("churn", token.serial) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(random.uniform(0, 0.15))  # noqa: S311  (a moment, no secret)
            process.kill()
        code, content = token.lib.filled("ReadFile", token.app, b"whole", 0, 512)
        assert code == 0
        assert content in [bytes((content[0],)) * 512]
        pin = USER_PIN if token.verify(USER_PIN)[0] == "SAR_OK" else NEW_PIN
        token.log_in(pin)
        assert token.signs("k1", point)
        if "passing" in token.names("EnumContainer"):
            token.ok("DeleteContainer", token.app, b"passing")


def test_where_nothing_can_be_written_nothing_is_counted_and_nothing_looked_at(token: SkfToken) -> None:
    with child("unwritable", token.serial) as process:
        (said,) = lines_of(process)
    assert said.split()[0] in ("SAR_WRITEFILEERR", "SAR_NO_ROOM")
    assert token.pin_info()[1] == 10
    assert token.verify(USER_PIN)[0] == "SAR_OK"


def test_a_device_that_is_full_says_so(token: SkfToken) -> None:
    codes_seen = {
        token.code("CreateFile", token.app, f"f{number}".encode(), 65536, codes.ANYONE, codes.ANYONE)
        for number in range(17)
    }
    assert codes_seen == {"SAR_OK", "SAR_NO_ROOM"}
    assert token.verify(USER_PIN)[0] == "SAR_OK"
    assert len(os.listdir(_directory(token))) == 2, "nothing left lying about"


def _directory(token: SkfToken) -> Path:
    from support.skf import place

    return place() / token.serial
