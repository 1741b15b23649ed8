"""What goes wrong beside the user's machine: each with a clear answer, and no token that looks finished and is not."""

import contextlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from banyan_token.unlock import make_response
from support.agent import (
    AGENT,
    OTHER_ORIGIN,
    PROFILE,
    SUBJECT,
    Agent,
    Page,
    PostPage,
    Refused,
    SocketPage,
    envelope_for,
    finished,
    make_token,
    octets_of,
    pair_for,
    point_of,
    prepared,
    running,
    text_of,
)
from support.skf import ADMIN_PIN, LIBRARY, NATIVE, NEW_PIN, USER_PIN, WRONG_PIN, SkfToken, place

NONCE = text_of(bytes(32))
SEALABLE = ("prepare", "write", "read_back", "change_pin")


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
def breaking(broken: Path) -> Iterator[Callable[..., Agent]]:
    """An agent whose vendor's library breaks."""
    started: list[Agent] = []

    def start(how: str, seconds: float = 10) -> Agent:
        started.append(Agent(profiles={PROFILE: profile_of(broken, seconds)}, BROKEN=how, REAL_LIBRARY=str(LIBRARY)))
        return started[-1]

    yield start
    for one in started:
        one.stop()


# The vendor's library


def test_a_library_that_hangs_is_ended_and_told(breaking: Callable[..., Agent]) -> None:
    page = SocketPage(breaking("hangs", 0.3))
    faults = page.ask("list")["faults"]
    assert [(one["profile"], one["error"]["code"]) for one in faults] == [(PROFILE, "SAR_TIMEOUTERR")]
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
        faults = [(one["profile"], one["error"]["code"]) for one in found["faults"]]
        assert ("a", "AGENT_LIBRARY") in faults
        assert "c" not in dict(faults)
        assert (serial, "b") in [(one["serial"], one["profile"]) for one in found["tokens"]]
        page.close()


# The token


def test_a_broken_device_hides_no_other_and_has_no_name(page: Page) -> None:
    good, broken = make_token(), make_token()
    for state in (place() / broken).iterdir():
        if state.is_file() and state.stat().st_size:
            state.write_bytes(b"broken" + state.read_bytes()[6:])
    before = page.ask("list")
    assert [one["error"]["code"] for one in before["faults"]]
    assert all(one["serial"] for one in before["tokens"])
    assert good in [one["serial"] for one in before["tokens"]]
    assert broken not in [one["serial"] for one in before["tokens"]]
    shutil.rmtree(place() / broken)


MESSAGES = ("begin", "prepare", "write", "read_back", "change_pin", "sign", "open", "unblock")


@pytest.mark.parametrize("with_sealed", [False, True], ids=["pin typed", "pin sealed"])
def test_a_token_pulled_before_any_message_is_told_and_the_message_goes_on_when_it_is_back(
    page: Page, agent: Agent, with_sealed: bool
) -> None:
    """The whole life of a token; the token is out before each message and back in for the same message again."""
    serial = make_token(is_first_pin=True)
    life = TokenLife(page, serial, with_sealed=with_sealed)
    for type in MESSAGES:
        if type == "unblock":
            for _ in range(6):
                SkfToken.open(serial).verify(WRONG_PIN)
        agent.pins(*life.typed(type))
        fields = life.fields(type)
        with pulled_out(serial):
            assert serial not in [one["serial"] for one in page.ask("list")["tokens"]]
            with pytest.raises(Refused) as refused:
                page.ask(type, **fields)
            assert refused.value.code == "SAR_DEVICE_REMOVED", type
            assert "插好介质" in refused.value.error["message"]
        if type not in ("change_pin", "unblock"):  # where the person chooses the new PIN first
            assert "GETPIN" not in agent.shown(), "asked for the PIN of a token that is not there"
        agent.pins(*life.typed(type))
        life.take(type, page.ask(type, **life.fields(type)))
    assert page.token(serial)["tries_left"] == 6
    assert (page.container(serial, "k1") or {})["state"] == "whole"


class TokenLife:
    """What a page sends and a person types from the blank application to the unblocked token."""

    def __init__(self, page: Page, serial: str, *, with_sealed: bool) -> None:
        self._page, self._serial, self._with_sealed = page, serial, with_sealed
        self._pair: dict[str, str] = {}

    def typed(self, type: str) -> list[str]:
        """New PINs are typed twice; with a sealed PIN nobody types the old one."""
        old = [] if self._with_sealed or type == "unblock" else [USER_PIN]
        if type in ("change_pin", "unblock"):
            return [*old, NEW_PIN, NEW_PIN]
        return [NEW_PIN] if type in ("sign", "open") else old if type in SEALABLE else []

    def fields(self, type: str) -> dict[str, Any]:
        """A sealed answer is good for one try: each question brings a new one."""
        at: dict[str, Any] = {"profile": PROFILE, "serial": self._serial}
        key = at | {"container": "k1"}
        found: dict[str, Any] = {
            "begin": at | {"task": "T-1", "unblock": True},
            "prepare": key | {"subject": text_of(SUBJECT)},
            "write": key | {"nonce": NONCE} | self._pair,
            "read_back": key | {"nonce": NONCE},
            "sign": key | {"kind": "text", "text": "x"},
            "open": key | self._envelope(),
            "change_pin": at,
            "unblock": at,
        }[type]
        if type == "unblock":
            begun = self._page.ask("begin", task="T-1", unblock=True, **at)
            response = make_response(ADMIN_PIN, begun["unblock_request"], "t3mp-Orary", serial=self._serial)
            return found | {"sealed": self._seal(begun, type, response=response, pin="t3mp-Orary")}
        if type in SEALABLE and self._with_sealed:
            return found | {"sealed": self._seal(self._page.ask("begin", task="T-1", **at), type, pin=USER_PIN)}
        return found

    def take(self, type: str, result: dict[str, Any]) -> None:
        if type == "prepare":
            self._pair = pair_for(point_of(octets_of(result["public_key"])))

    def _seal(self, begun: dict[str, Any], type: str, **secret: str) -> str:
        return self._page.agent.seal(self._page, begun, self._serial, [type], **secret)

    def _envelope(self) -> dict[str, str]:
        if not self._pair:
            return {}
        return envelope_for(octets_of(self._pair["encryption_certificate"]), b"a letter")


# Steps of the vendor's library in one message


WRITE_STEPS = (
    "VerifyPIN:1", "OpenContainer:2", "ExportPublicKey:1", "ImportECCKeyPair:1", "ImportCertificate:1", "ImportCertificate:2",
    "DigestInit:1", "ECCSignData:1",
)  # fmt: skip
UNFINISHED = WRITE_STEPS[: WRITE_STEPS.index("ImportCertificate:2") + 1]


def break_at(agent: Agent, how: str, step: str, serial: str) -> None:
    """From now on the library breaks at this step."""
    restart(agent, BROKEN=how, BROKEN_AT=step, DRAWER=str(place() / serial))


def restart(agent: Agent, **environment: str) -> None:
    agent.kill()
    agent.start(**{"BROKEN": "", "BROKEN_AT": "", "REAL_LIBRARY": str(LIBRARY)} | environment)


def put_back(serial: str) -> None:
    (place() / f"{serial}~").rename(place() / serial)


def write_on(agent: Agent, serial: str, pair: dict[str, str], step: str) -> None:
    """What is in the token is told as it is, and the same write completes it."""
    page = SocketPage(agent)
    state = (page.container(serial, "k1") or {})["state"]
    assert state in ({"key", "partial"} if step in UNFINISHED else {"whole"})
    agent.pins(USER_PIN, USER_PIN)
    at = {"profile": PROFILE, "serial": serial, "container": "k1"}
    page.ask("write", nonce=NONCE, **at, **pair)
    proof = page.ask("read_back", nonce=NONCE, **at)
    assert proof["encryption_certificate"] == pair["encryption_certificate"]
    assert (page.container(serial, "k1") or {})["state"] == "whole"


def prepared_pair(agent: Agent, serial: str) -> dict[str, str]:
    agent.pins(USER_PIN)
    return pair_for(prepared(SocketPage(agent), serial))


@pytest.mark.parametrize("step", WRITE_STEPS)
def test_a_token_pulled_at_any_step_of_a_write_never_looks_whole_before_it_is(
    breaking: Callable[..., Agent], step: str
) -> None:
    serial, agent = make_token(), breaking("")
    pair = prepared_pair(agent, serial)
    break_at(agent, "pulled", step, serial)
    agent.pins(USER_PIN)
    at = {"profile": PROFILE, "serial": serial, "container": "k1"}
    assert SocketPage(agent).refusal("write", nonce=NONCE, **at, **pair) == "SAR_DEVICE_REMOVED"
    put_back(serial)
    write_on(agent, serial, pair, step)


@pytest.mark.parametrize("step", WRITE_STEPS)
def test_an_agent_killed_at_any_step_of_a_write_never_leaves_what_looks_whole_before_it_is(
    breaking: Callable[..., Agent], step: str
) -> None:
    """kill -9; started again it tells what is there, and no pair is lost."""
    serial, agent = make_token(), breaking("")
    pair = prepared_pair(agent, serial)
    break_at(agent, "killed", step, serial)
    agent.pins(USER_PIN)
    page = SocketPage(agent)
    page.socket.send(
        json.dumps(page.question("write", profile=PROFILE, serial=serial, container="k1", nonce=NONCE, **pair))
    )
    assert agent.process is not None
    assert agent.process.wait(30) == -9
    page.close()
    restart(agent)
    write_on(agent, serial, pair, step)


@pytest.mark.parametrize("step", ["VerifyPIN:1", "ImportECCKeyPair:1", "ImportCertificate:1", "ImportCertificate:2"])
def test_a_full_disk_at_any_step_of_a_write_is_told_and_completed_when_there_is_room(
    breaking: Callable[..., Agent], step: str
) -> None:
    serial, agent = make_token(), breaking("")
    pair = prepared_pair(agent, serial)
    break_at(agent, "full", step, serial)
    agent.pins(USER_PIN)
    at = {"profile": PROFILE, "serial": serial, "container": "k1"}
    with pytest.raises(Refused) as refused:
        SocketPage(agent).ask("write", nonce=NONCE, **at, **pair)
    assert refused.value.code == "SAR_WRITEFILEERR"
    assert "磁盘可能已满" in refused.value.error["message"]
    restart(agent)
    write_on(agent, serial, pair, step)


@pytest.mark.parametrize("step", ["VerifyPIN:1", "CreateContainer:1", "GenECCKeyPair:1", "ECCSignData:1"])
def test_a_token_pulled_while_its_key_is_made_gives_a_request_the_next_time(
    breaking: Callable[..., Agent], step: str
) -> None:
    serial, agent = make_token(), breaking("")
    break_at(agent, "pulled", step, serial)
    page = SocketPage(agent)
    agent.pins(USER_PIN)
    at = {"profile": PROFILE, "serial": serial, "container": "k1", "subject": text_of(SUBJECT)}
    assert page.refusal("prepare", **at) == "SAR_DEVICE_REMOVED"
    put_back(serial)
    finished(page, serial)
    assert (page.container(serial, "k1") or {})["state"] == "whole"


@pytest.mark.parametrize("how", ["pulled", "killed", "full"])
def test_a_pin_change_cut_off_leaves_the_old_pin(breaking: Callable[..., Agent], how: str) -> None:
    serial, agent = make_token(), breaking("")
    break_at(agent, how, "ChangePIN:1", serial)
    page = SocketPage(agent)
    agent.pins(USER_PIN, NEW_PIN, NEW_PIN)
    page.socket.send(json.dumps(page.question("change_pin", profile=PROFILE, serial=serial)))
    if how == "killed":
        assert agent.process is not None
        agent.process.wait(30)
    else:
        assert page.receive()["error"]["code"] in ("SAR_DEVICE_REMOVED", "SAR_WRITEFILEERR")
    page.close()
    if how == "pulled":
        put_back(serial)
    assert SkfToken.open(serial).verify(USER_PIN)[0] == "SAR_OK"


@contextlib.contextmanager
def pulled_out(serial: str) -> Iterator[None]:
    away = (place() / serial).with_name(f".{serial}")
    (place() / serial).rename(away)
    try:
        yield
    finally:
        away.rename(place() / serial)


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
    # The page is gone: its window closes, else the next one would never open.
    other, second = SocketPage(agent), make_token()
    finished(other, second)
    assert other.refusal("change_pin", profile=PROFILE, serial=serial) == "SAR_DEVICE_REMOVED"
    shutil.rmtree(away)
    other.close()


def test_the_wrong_token_is_told_and_left_as_it_is(page: Page, agent: Agent) -> None:
    """Another one is plugged in than the page means; and one whose key the certificates are not for."""
    meant, plugged = make_token(), make_token()
    agent.pins(USER_PIN, USER_PIN, USER_PIN)
    pair = pair_for(prepared(page, meant))
    prepared(page, plugged)
    with pulled_out(meant):
        at = {"profile": PROFILE, "serial": meant, "container": "k1"}
        assert page.refusal("write", nonce=NONCE, **at, **pair) == "SAR_DEVICE_REMOVED"
    at = {"profile": PROFILE, "serial": plugged, "container": "k1"}
    with pytest.raises(Refused) as refused:
        page.ask("write", nonce=NONCE, **at, **pair)
    assert refused.value.code == "AGENT_MISMATCH"
    assert "核对任务" in refused.value.error["message"]
    assert (page.container(plugged, "k1") or {})["state"] == "key"


# Two at once


def test_two_pages_that_write_two_pairs_at_once_leave_one_whole_pair(agent: Agent) -> None:
    """Both for the same signing key: the token takes the first, the second page is told."""
    serial, pages = make_token(), [SocketPage(agent), PostPage(agent)]
    agent.pins(USER_PIN)
    point = prepared(pages[0], serial)
    pairs = [pair_for(point), pair_for(point)]
    agent.pins(USER_PIN, USER_PIN)
    outcomes: dict[int, str] = {}

    def write(number: int) -> None:
        at = {"profile": PROFILE, "serial": serial, "container": "k1"}
        answer = pages[number].send(pages[number].question("write", nonce=NONCE, **at, **pairs[number]))
        outcomes[number] = "whole" if answer["ok"] else answer["error"]["code"]

    threads = [threading.Thread(target=write, args=(number,)) for number in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sorted(outcomes.values()) == ["SAR_OBJERR", "whole"]
    winner = next(number for number, outcome in outcomes.items() if outcome == "whole")
    found = pages[0].container(serial, "k1") or {}
    assert found["state"] == "whole"
    assert found["encryption_certificate"] == pairs[winner]["encryption_certificate"]


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


def test_an_agent_that_is_ended_closes_its_window(agent: Agent) -> None:
    with running() as ending:
        page, serial = SocketPage(ending), make_token()
        finished(page, serial)
        ending.pins("HANG")
        at = {"profile": PROFILE, "serial": serial, "container": "k1", "kind": "text", "text": "x"}
        page.socket.send(json.dumps(page.question("sign", **at)))
        ending.wait_for_window()
        processes = ending.pids()
        assert ending.process is not None
        ending.process.terminate()
        assert ending.process.wait(20) == 0
        assert not [pid for pid in processes if Path(f"/proc/{pid}").exists()]


def test_an_agent_is_ended_though_a_library_hangs(breaking: Callable[..., Agent]) -> None:
    agent = breaking("hangs", 60)
    page = SocketPage(agent)
    page.socket.send(json.dumps(page.question("list")))
    SocketPage(agent).close()  # its worker has been started
    assert agent.process is not None
    agent.process.terminate()
    assert agent.process.wait(20) == 0


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
    assert os.listdir(tmp_path / "state") == ["lock"]


def test_wrong_pins_of_one_page_are_told_to_the_next(agent: Agent) -> None:
    serial, first, second = make_token(), SocketPage(agent), PostPage(agent)
    finished(first, serial)
    agent.pins(WRONG_PIN, "CANCEL")
    at = {"profile": PROFILE, "serial": serial, "container": "k1", "kind": "text", "text": "x"}
    assert first.refusal("sign", **at) == "AGENT_CANCELLED"
    assert second.token(serial)["tries_left"] == 5
    first.close()
