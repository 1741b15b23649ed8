"""What is shipped: its promises, its keys, its size; and the same conversations under sanitizers."""

import json
import os
import subprocess
import threading
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from support.agent import (
    AGENT,
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
from support.skf import NATIVE, NEW_PIN, ROOT, USER_PIN, WRONG_PIN

SANITIZERS = ("-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
MOST_MB = 30


@pytest.fixture(autouse=True)
def _needs_it() -> None:
    if not AGENT.exists():
        pytest.skip("make setup builds it")


def build(*more: str | Path, to: Path, without: str = "", sanitizers: Sequence[str] = SANITIZERS) -> None:
    """The agent's sources under sanitizers, with the system's libraries."""
    sources = [one for one in sorted((NATIVE / "agent").glob("*.c")) if one.stem not in ("glibc", without)]
    flags = ["-std=gnu11", "-D_GNU_SOURCE", "-O1", *sanitizers]
    links = ["-l:libwebsockets.a", "-ljansson", "-lssl", "-lcrypto", "-lcap", "-lpthread", "-ldl"]
    subprocess.run(["gcc", *flags, *more, *sources, *links, "-o", to], check=True)


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agent with its headless mode."""
    program = tmp_path_factory.mktemp("build") / "banyan-agent"
    build("-DBANYAN_AGENT_TEST", to=program)
    return program


def test_the_program_keeps_its_promises() -> None:
    """glibc 2.28, no foreign library, no name shown."""
    command = ["python3", str(ROOT / "scripts" / "check_native.py"), str(AGENT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    listed = subprocess.run(["objdump", "-p", str(AGENT)], capture_output=True, text=True, check=True).stdout
    assert "libwebsockets" not in listed


def test_the_program_is_of_this_release() -> None:
    told = subprocess.run([AGENT, "--version"], capture_output=True, text=True, check=True).stdout
    release = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert told == f"banyan-agent {release}\n"


def test_the_product_s_build_has_no_headless_mode(sanitized: Path) -> None:
    marks = [b"BANYAN_AGENT_TEST"]
    assert not [mark for mark in marks if mark in AGENT.read_bytes()]
    assert all(mark in sanitized.read_bytes() for mark in marks), "the test looks for the wrong mark"


def test_in_the_product_a_file_with_a_pin_opens_nothing(tmp_path: Path) -> None:
    (tmp_path / "pin").write_text(USER_PIN)
    serial = make_token()
    with running() as agent:
        agent.process and agent.process.terminate()
        agent.process and agent.process.wait()
        agent.start(BANYAN_AGENT_TEST_PIN=str(tmp_path / "pin"))
        page = SocketPage(agent)
        agent.pins("CANCEL")
        at = {"profile": PROFILE, "serial": serial, "container": "k1", "subject": text_of(SUBJECT)}
        assert page.refusal("prepare", **at) == "AGENT_CANCELLED"
        page.close()


def test_keys_are_made_once_for_the_user_alone_and_the_issuing_key_is_gone() -> None:
    with running() as agent:
        page = PostPage(agent)
        state = agent.place / "state"
        kept = {one.name: one.read_bytes() for one in state.iterdir()}
        assert set(kept) == {"agent.pem", "tls.pem", "root.pem", "lock"}
        assert state.stat().st_mode & 0o777 == 0o700
        assert {one.stat().st_mode & 0o777 for one in state.iterdir()} == {0o600}
        assert b"PRIVATE" not in kept["root.pem"]
        assert kept["tls.pem"].count(b"PRIVATE KEY-----") == 2
        told = subprocess.run(
            ["openssl", "x509", "-noout", "-text", "-in", state / "root.pem"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for limit in ("CA:TRUE, pathlen:0", "Permitted:", "DNS:localhost", "IP:127.0.0.1/255.255.255.255"):
            assert limit in told
        assert agent.process is not None
        agent.process.terminate()
        assert agent.process.wait(10) == 0
        agent.start()
        assert {one.name: one.read_bytes() for one in state.iterdir()} == kept
        assert PostPage(agent).hello["key_id"] == page.hello["key_id"]


def test_agents_that_start_at_the_same_moment_have_the_same_keys(tmp_path: Path) -> None:
    """On a fresh directory: none gives a key away that another then replaces, and browsers trust the one root of all."""
    serving = [Agent(at=tmp_path / "state", waits=False) for _ in range(12)]
    try:
        for one in serving:
            one.wait_until_it_serves()
        assert len({PostPage(one).hello["key_id"] for one in serving}) == 1
        assert {one.name for one in (tmp_path / "state").iterdir()} == {"agent.pem", "tls.pem", "root.pem", "lock"}
    finally:
        for one in serving:
            one.stop()


def test_a_certificate_that_is_not_under_its_root_is_made_anew() -> None:
    with running() as agent, running() as other:
        state = agent.place / "state"
        key = (state / "agent.pem").read_bytes()
        for spoiled in ((other.place / "state" / "root.pem").read_bytes(), b"no certificate", None):
            agent.kill()
            (state / "root.pem").unlink() if spoiled is None else (state / "root.pem").write_bytes(spoiled)
            agent.start()
            PostPage(agent).ask("list")
        assert agent.log().count("made anew") == 3
        assert (state / "agent.pem").read_bytes() == key


def test_what_lies_where_a_key_is_drafted_is_not_written_through(tmp_path: Path) -> None:
    """Neither a draft that an agent killed in its first start left, nor a link laid to another file."""
    (tmp_path / "state").mkdir()
    (tmp_path / "precious").write_text("precious")
    for name in ("agent.pem~", "tls.pem~", "root.pem~"):
        (tmp_path / "state" / name).symlink_to(tmp_path / "precious")
    agent = Agent(at=tmp_path / "state")
    PostPage(agent).ask("list")
    agent.stop()
    assert (tmp_path / "precious").read_text() == "precious"


def test_the_root_is_good_for_no_other_name(tmp_path: Path) -> None:
    """Even one who had its key could not issue for another site: the constraint is in what the browser trusts."""
    with running() as agent:
        verify = ["openssl", "verify", "-CAfile", agent.place / "state" / "root.pem", "-purpose", "sslserver"]
        leaf = agent.place / "state" / "tls.pem"
        good = subprocess.run([*verify, "-verify_hostname", "localhost", leaf], capture_output=True, text=True)
        assert good.returncode == 0, good.stderr
        wrong = subprocess.run([*verify, "-verify_hostname", "ra.example.cn", leaf], capture_output=True, text=True)
        assert wrong.returncode != 0


def test_no_secret_of_the_agent_reaches_its_workers_or_its_memory_others() -> None:
    with running() as agent:
        page = SocketPage(agent)
        serial = make_token()
        finished(page, serial)
        first, *workers = agent.pids()
        assert len(workers) == 1
        for pid in workers:
            sockets = [os.readlink(one) for one in Path(f"/proc/{pid}/fd").iterdir()]
            assert len([one for one in sockets if one.startswith("socket:")]) == 1
            assert Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[1] == b"--worker"
        for pid in (first, *workers):
            assert Path(f"/proc/{pid}/limits").read_text().split("Max core file size")[1].split()[0] == "0"
        page.close()


def test_it_stays_small() -> None:
    """With workers for three tokens and one that lists; ``banyan bench token`` measures its times."""
    with running() as agent:
        page = SocketPage(agent)
        for _ in range(3):
            finished(page, make_token())
        resident = agent.resident_kb() / 1024
        page.close()
    assert resident < MOST_MB


@pytest.fixture(scope="module")
def fuzzer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Changed messages for what reads messages, under sanitizers; worker and window are the fuzzer's own."""
    program = tmp_path_factory.mktemp("fuzz") / "fuzz_agent"
    replaced = ("jobs_start", "pool_ask", "pinentry_start", "pinentry_show", "pinentry_get", "pinentry_end")
    build(NATIVE / "tests" / "fuzz_agent.c", *(f"-Wl,--wrap={name}" for name in replaced), to=program, without="main")
    return program


def fuzz(fuzzer: Path, seconds: int, seed: int, place: Path) -> None:
    command = [str(fuzzer), str(seconds), str(seed), str(place)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"seed {seed}: {done.stdout}{done.stderr}"
    assert "carried out" in done.stdout


def test_sanitizers_find_nothing_in_changed_messages(fuzzer: Path, tmp_path: Path) -> None:
    fuzz(fuzzer, 3, 1, tmp_path / "state")


@pytest.mark.soak
def test_sanitizers_find_nothing_in_changed_messages_for_long(fuzzer: Path, tmp_path: Path) -> None:
    fuzz(fuzzer, 300, int.from_bytes(os.urandom(4), "big"), tmp_path / "state")


def test_the_thread_sanitizer_finds_nothing_in_pages_at_once(tmp_path: Path) -> None:
    """Four pages sign, list and begin with more tokens than there may be workers; then the agent is ended under a window."""
    build(to=tmp_path / "banyan-agent", sanitizers=("-g", "-fsanitize=thread"))
    agent = Agent(tmp_path / "banyan-agent")
    pages: list[Page] = [SocketPage(agent), PostPage(agent), SocketPage(agent), PostPage(agent)]
    serials = [make_token() for _ in range(10)]
    for serial in serials[:3]:
        finished(pages[0], serial)
    agent.pins(*[USER_PIN] * 12)
    signed: list[object] = []

    def visit(page: Page, number: int) -> None:
        for n in range(3):
            at = {"profile": PROFILE, "serial": serials[n]}
            signed.append(page.ask("sign", container="k1", kind="text", text=f"{number} {n}", **at))
            page.ask("list")
            page.ask("begin", profile=PROFILE, serial=serials[3 + (2 * number + n) % 7], task="T", unblock=True)

    threads = [threading.Thread(target=visit, args=(page, number)) for number, page in enumerate(pages)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(signed) == 12
    agent.pins("HANG")
    hanging = pages[0].question("sign", profile=PROFILE, serial=serials[0], container="k1", kind="text", text="x")
    assert isinstance(pages[0], SocketPage)
    pages[0].socket.send(json.dumps(hanging))
    agent.wait_for_window()
    assert agent.process is not None
    agent.process.terminate()
    code, log = agent.process.wait(60), agent.log()
    agent.stop()
    assert (code, "WARNING" in log) == (0, False), log


def test_conversations_under_sanitizers_with_the_headless_mode(sanitized: Path, tmp_path: Path) -> None:
    """Every message, right and wrong, two pages, a killed worker; any finding ends the agent."""
    (tmp_path / "pin").write_text(f"{USER_PIN}\n{NEW_PIN}\n")
    os.environ["BANYAN_AGENT_TEST_PIN"] = str(tmp_path / "pin")
    try:
        agent = Agent(sanitized)
    finally:
        del os.environ["BANYAN_AGENT_TEST_PIN"]
    page, other = SocketPage(agent), PostPage(agent)
    serial = make_token()
    pair = pair_for(prepared(page, serial))
    at = {"profile": PROFILE, "serial": serial}
    key = at | {"container": "k1"}
    nonce = text_of(bytes(32))
    page.ask("write", nonce=nonce, **key, **pair)
    other.ask("read_back", nonce=nonce, **key)
    for kind in ({"kind": "text", "text": "文字\u202e"}, {"kind": "data", "data": nonce, "title": "t\n"},
                 {"kind": "login", "challenge": nonce}):  # fmt: skip
        signed = other.ask("sign", **key, **kind)
    checked = {"data": nonce, "signature": signed["signature"]}
    page.ask("verify", certificate=pair["signing_certificate"], **checked)
    page.ask("list")
    begun = other.ask("begin", task="T-1", unblock=True, **at)
    sealed = agent.seal(other, begun, serial, ["read_back"], pin=USER_PIN)
    other.ask("read_back", sealed=sealed, nonce=nonce, **key)
    assert other.refusal("read_back", sealed=sealed, nonce=nonce, **key) == "AGENT_TASK"
    assert page.refusal("open", **key, wrapped_key=nonce, iv=text_of(bytes(16)), data=nonce) == "AGENT_MALFORMED"
    for pid in agent.pids()[1:]:
        os.kill(pid, 9)
        until = time.monotonic() + 10
        while "State:\tZ" not in Path(f"/proc/{pid}/status").read_text():  # taking its memory down takes a while
            assert time.monotonic() < until
            time.sleep(0.01)
    page.ask("list")
    page.ask("change_pin", **at)
    (tmp_path / "pin").write_text(f"{WRONG_PIN}\n")
    assert page.refusal("sign", **key, kind="text", text="x") == "SAR_PIN_LOCKED"
    for text in ("{", "[]", json.dumps({"v": 1, "id": "x", "type": "sign", "session": page.session, "number": 99})):
        assert not page.exchange(text)["ok"]
    page.close()
    log = agent.log()
    assert agent.stop() == 0, log
    assert "ERROR" not in log
    assert "runtime error" not in log
