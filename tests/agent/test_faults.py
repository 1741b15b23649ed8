"""What goes wrong beside the user's machine: each with a clear answer, and no token that looks finished and is not."""

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.agent import (
    AGENT,
    OTHER_ORIGIN,
    PROFILE,
    SUBJECT,
    Agent,
    Page,
    PostPage,
    SocketPage,
    finished,
    make_token,
    pair_for,
    prepared,
    running,
    text_of,
)
from support.skf import LIBRARY, NATIVE, USER_PIN, WRONG_PIN, place

NONCE = text_of(bytes(32))


def profile_of(library: Path, seconds: float = 10) -> dict[str, Any]:
    return {"name": "x", "application": "banyan", "time_limit_seconds": seconds, "library": {"linux": str(library)}}


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that breaks as BROKEN says."""
    if not AGENT.exists():
        pytest.skip("make setup builds it")
    built = tmp_path_factory.mktemp("broken") / "libbroken.so"
    source = Path(__file__).with_name("broken_library.c")
    links = ["-Wl,--no-as-needed", str(LIBRARY), f"-Wl,-rpath,{LIBRARY.parent}", "-ldl"]
    subprocess.run(
        ["gcc", "-shared", "-fPIC", f"-I{NATIVE / 'include'}", str(source), *links, "-o", str(built)], check=True
    )
    return built


@pytest.fixture
def breaking(broken: Path) -> Iterator[Callable[[str], Agent]]:
    """An agent whose vendor's library breaks."""
    started: list[Agent] = []

    def start(how: str, seconds: float = 10) -> Agent:
        os.environ.update(BROKEN=how, REAL_LIBRARY=str(LIBRARY))
        try:
            started.append(Agent(profiles={PROFILE: profile_of(broken, seconds)}))
        finally:
            del os.environ["BROKEN"], os.environ["REAL_LIBRARY"]
        return started[-1]

    yield start
    for one in started:
        one.stop()


# The vendor's library


def test_a_library_that_hangs_is_ended_and_told(breaking: Callable[..., Agent]) -> None:
    page = SocketPage(breaking("hangs", 0.3))
    began = time.monotonic()
    faults = page.ask("list")["faults"]
    assert [(one["profile"], one["error"]["code"]) for one in faults] == [(PROFILE, "SAR_TIMEOUTERR")]
    assert time.monotonic() - began < 2
    assert page.refusal("change_pin", profile=PROFILE, serial="S") == "SAR_TIMEOUTERR"
    assert len(page.agent.pids()) == 1
    page.close()


def test_a_library_that_crashes_takes_nothing_with_it(breaking: Callable[..., Agent]) -> None:
    page = SocketPage(breaking("crashes"))
    for _ in range(2):
        assert [one["error"]["code"] for one in page.ask("list")["faults"]] == ["AGENT_DIED"]
    assert page.refusal("change_pin", profile=PROFILE, serial="S") == "AGENT_DIED"
    page.close()


def test_a_library_that_is_none_is_told_and_one_not_installed_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "lib.so").write_bytes(b"no library")
    profiles = {"a": profile_of(tmp_path / "lib.so"), "b": profile_of(LIBRARY), "c": profile_of(Path())}
    profiles["c"]["library"] = {"linux": ""}
    serial = make_token()
    with running(profiles=profiles) as agent:
        page = SocketPage(agent)
        found = page.ask("list")
        assert [(one["profile"], one["error"]["code"]) for one in found["faults"]] == [("a", "AGENT_LIBRARY")]
        assert (serial, "b") in [(one["serial"], one["profile"]) for one in found["tokens"]]
        page.close()


# The token


def test_a_token_pulled_between_any_two_messages_is_told(page: Page, agent: Agent) -> None:
    serial = make_token()
    drawer = place() / serial
    away = drawer.with_name(f".{serial}")
    agent.pins(USER_PIN, USER_PIN, USER_PIN)
    point = prepared(page, serial)
    pair = pair_for(point)
    at = {"profile": PROFILE, "serial": serial}
    key = at | {"container": "k1"}
    begun = page.ask("begin", task="T-1", unblock=True, **at)
    sealed = agent.seal(page, begun, serial, ["read_back"], pin=USER_PIN)
    drawer.rename(away)
    questions: list[tuple[str, dict[str, Any]]] = [
        ("prepare", key | {"subject": text_of(SUBJECT)}),
        ("write", key | {"nonce": NONCE} | pair),
        ("read_back", key | {"nonce": NONCE, "sealed": sealed}),
        ("sign", key | {"kind": "text", "text": "x"}),
        ("change_pin", at),
        ("begin", at | {"task": "T-1", "unblock": True}),
    ]
    for type, fields in questions:
        assert page.refusal(type, **fields) == "SAR_DEVICE_REMOVED", type
    assert "GETPIN" not in agent.shown().split("GETPIN", 1)[1], "asked for the PIN of a token that is not there"
    away.rename(drawer)
    page.ask("write", nonce=NONCE, **key, **pair)
    assert (page.container(serial, "k1") or {})["state"] == "whole"


def test_a_token_pulled_while_the_window_is_open_is_told(agent: Agent) -> None:
    serial = make_token()
    page = SocketPage(agent)
    finished(page, serial)
    away = (place() / serial).with_name(f".{serial}")
    agent.pins("HANG")
    page.socket.send(
        json.dumps(page.question("sign", profile=PROFILE, serial=serial, container="k1", kind="text", text="x"))
    )
    agent.wait_for_window()
    (place() / serial).rename(away)
    page.close()
    # The page is gone: its window closes, and the next one opens at once.
    other, second = SocketPage(agent), make_token()
    began = time.monotonic()
    finished(other, second)
    assert time.monotonic() - began < 5
    assert other.refusal("change_pin", profile=PROFILE, serial=serial) == "SAR_DEVICE_REMOVED"
    shutil.rmtree(away)
    other.close()


@pytest.mark.parametrize("delay", [0.02, 0.1, 0.2, 0.3, 0.4, 0.5])
def test_an_agent_killed_in_the_middle_of_a_write_leaves_nothing_that_looks_finished(
    breaking: Callable[..., Agent], delay: float
) -> None:
    """The same write completes it afterwards; no pair is lost."""
    serial = make_token()
    agent = breaking("slow")
    page = SocketPage(agent)
    agent.pins(USER_PIN, USER_PIN)
    pair = pair_for(prepared(page, serial))
    at = {"profile": PROFILE, "serial": serial, "container": "k1"}
    page.socket.send(json.dumps(page.question("write", nonce=NONCE, **at, **pair)))
    time.sleep(delay)
    agent.kill()
    page.socket.shutdown()
    agent.start(BROKEN="", REAL_LIBRARY=str(LIBRARY))
    page = SocketPage(agent)
    found = page.container(serial, "k1") or {}
    whole = found["signing_certificate"] == pair["signing_certificate"]
    assert (found["state"] == "whole") == (whole and found["encryption_certificate"] == pair["encryption_certificate"])
    assert found["state"] in ("key", "partial", "whole")
    agent.pins(USER_PIN)
    page.ask("write", nonce=NONCE, **at, **pair)
    assert (page.container(serial, "k1") or {})["state"] == "whole"
    page.close()


# Two at once


def test_two_pages_at_once_get_each_their_window_and_answer(agent: Agent) -> None:
    pages: list[Page] = [SocketPage(agent), PostPage(agent, OTHER_ORIGIN), SocketPage(agent)]
    serials = [make_token(), make_token()]
    for serial in serials:
        finished(pages[0], serial)
    agent.pins(*[USER_PIN] * 6)
    answers: list[str] = []

    def sign(page: Page, serial: str) -> None:
        at = {"profile": PROFILE, "serial": serial, "container": "k1", "kind": "text"}
        answers.extend(page.ask("sign", text=f"{page.origin} {n}", **at)["signature"] for n in range(2))

    threads = [threading.Thread(target=sign, args=(page, serials[n % 2])) for n, page in enumerate(pages)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(set(answers)) == 6
    windows = agent.shown().split("BYE")[:-1]
    assert len(windows) == 6
    assert all(one.count("GETPIN") == 1 for one in windows), "two windows at once"


def test_one_page_cannot_fill_the_agent(agent: Agent) -> None:
    serial, page, other = make_token(), SocketPage(agent), PostPage(agent)
    finished(page, serial)
    agent.pins("HANG")
    at = {"profile": PROFILE, "serial": serial, "container": "k1", "kind": "text", "text": "x"}
    for _ in range(6):
        page.socket.send(json.dumps(page.question("sign", **at)))
    assert [page.receive()["error"]["code"] for _ in range(2)] == ["AGENT_BUSY", "AGENT_BUSY"]
    other.ask("list")
    page.close()


def test_many_tokens_and_few_processes(agent: Agent) -> None:
    page = SocketPage(agent)
    serials = [make_token() for _ in range(10)]
    for serial in serials:
        finished(page, serial)
    assert len(agent.pids()) <= 9
    page.close()


# The agent itself


def test_no_window_program_is_told(agent: Agent) -> None:
    window = agent.place / "window"
    kept = window.read_text()
    serial, page = make_token(), SocketPage(agent)
    at = {"profile": PROFILE, "serial": serial, "container": "k1", "subject": text_of(SUBJECT)}
    try:
        for content in ("#!/bin/sh\nexit 1\n", "#!/bin/sh\necho ERR no display\n", ""):
            window.write_text(content)
            assert page.refusal("prepare", **at) == "AGENT_WINDOW"
        window.unlink()
        assert page.refusal("prepare", **at) == "AGENT_WINDOW"
    finally:
        window.write_text(kept)
        window.chmod(0o700)
    page.close()


def test_a_window_that_nobody_answers_closes_by_itself() -> None:
    with running(window_seconds=1) as agent:
        serial, page = make_token(), SocketPage(agent)
        agent.pins("HANG")
        at = {"profile": PROFILE, "serial": serial, "container": "k1", "subject": text_of(SUBJECT)}
        assert page.refusal("prepare", **at) == "AGENT_CANCELLED"
        page.close()


@pytest.mark.parametrize("spoil", ["{", "[]", '{"port": 0, "origins": []}', '{"origins": [{"origin": "*"}]}', "{}"])
def test_settings_that_do_not_do_are_told(tmp_path: Path, spoil: str) -> None:
    (tmp_path / "agent.json").write_text(spoil)
    (tmp_path / "profiles.json").write_text("{}")
    done = subprocess.run([AGENT, "--settings", tmp_path / "agent.json"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 1
    assert "agent.json" in done.stderr


def test_a_second_agent_on_the_same_port_is_told(agent: Agent) -> None:
    done = subprocess.run([AGENT, "--settings", agent.place / "agent.json"], capture_output=True, text=True, timeout=10)
    assert done.returncode == 1
    assert "in use" in done.stderr


def test_a_full_disk_at_the_first_start_leaves_no_half_key(tmp_path: Path) -> None:
    (tmp_path / "profiles.json").write_text("{}")
    (tmp_path / "agent.json").write_text(json.dumps({"port": 1, "origins": [], "state": "state"}))
    command = f"ulimit -f 0; trap '' XFSZ; exec {AGENT} --settings {tmp_path / 'agent.json'}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=10)
    assert done.returncode == 1
    assert os.listdir(tmp_path / "state") == []


def test_wrong_pins_of_one_page_are_told_to_the_next(agent: Agent) -> None:
    serial, first, second = make_token(), SocketPage(agent), PostPage(agent)
    finished(first, serial)
    agent.pins(WRONG_PIN, "CANCEL")
    at = {"profile": PROFILE, "serial": serial, "container": "k1", "kind": "text", "text": "x"}
    assert first.refusal("sign", **at) == "AGENT_CANCELLED"
    assert second.token(serial)["tries_left"] == 5
    first.close()
