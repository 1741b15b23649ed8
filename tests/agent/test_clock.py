"""The machine's clock is wrong: what the agent makes by it, what it refuses, how it goes on."""

import os
import ssl
import subprocess
import time
from pathlib import Path

import pytest

from support.agent import AGENT, PROFILE, SUBJECT, Agent, Refused, SocketPage, make_token, running, text_of
from support.skf import USER_PIN

YEAR = 366 * 24 * 3600


@pytest.fixture(scope="module")
def shift(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What makes a program's clock wrong."""
    if not AGENT.exists():
        pytest.skip("make setup builds it")
    built = tmp_path_factory.mktemp("clock") / "clock.so"
    source = Path(__file__).with_name("clock.c")
    subprocess.run(["gcc", "-shared", "-fPIC", str(source), "-o", str(built)], check=True)
    return built


@pytest.fixture
def clock(tmp_path: Path) -> Path:
    """By how many seconds it is wrong."""
    (tmp_path / "clock").write_text("0")
    return tmp_path / "clock"


def restart(agent: Agent) -> None:
    agent.kill()
    agent.start()


def root_of(agent: Agent) -> bytes:
    return (agent.place / "state" / "root.pem").read_bytes()


@pytest.mark.parametrize("years", [-12, 12], ids=["made too early, expired", "made too late, not valid yet"])
def test_a_certificate_that_a_wrong_clock_made_is_made_anew_by_a_right_one(
    shift: Path, clock: Path, years: int
) -> None:
    clock.write_text(str(years * YEAR))
    with running(LD_PRELOAD=str(shift), CLOCK_OFFSET=str(clock)) as agent:
        wrong = root_of(agent)
        with pytest.raises(ssl.SSLCertVerificationError, match=r"expired|not yet valid"):
            SocketPage(agent)
        key = (agent.place / "state" / "agent.pem").read_bytes()
        clock.write_text("0")
        restart(agent)
        assert root_of(agent) != wrong
        assert "made anew" in agent.log()
        assert "root.pem" in agent.log(), "the root has to be trusted again, and the line says which"
        page = SocketPage(agent)
        page.ask("list")
        assert (agent.place / "state" / "agent.pem").read_bytes() == key, "the registered key stays"


def test_a_certificate_is_renewed_before_it_expires(shift: Path, clock: Path) -> None:
    with running(LD_PRELOAD=str(shift), CLOCK_OFFSET=str(clock)) as agent:
        first = root_of(agent)
        clock.write_text(str(9 * YEAR))
        restart(agent)
        assert root_of(agent) == first
        clock.write_text(str(10 * YEAR - 11 * 24 * 3600))
        restart(agent)
        assert root_of(agent) != first


def test_a_clock_set_while_the_agent_runs_has_it_started_again(shift: Path, clock: Path) -> None:
    """The unit restarts what ends so; the page that came too early connects again."""
    clock.write_text(str(-12 * YEAR))
    with running(LD_PRELOAD=str(shift), CLOCK_OFFSET=str(clock)) as agent:
        clock.write_text("0")
        with pytest.raises(OSError, match=r"(?i)reset|EOF|refused|closed"):
            SocketPage(agent)
        assert agent.process is not None
        assert agent.process.wait(20) == os.EX_TEMPFAIL
        assert "start it again" in agent.log()
        agent.start()
        SocketPage(agent).ask("list")


def test_a_broken_certificate_file_is_made_anew() -> None:
    with running() as agent:
        tls = agent.place / "state" / "tls.pem"
        tls.write_bytes(tls.read_bytes()[:300])
        agent.kill()
        agent.start()
        SocketPage(agent).ask("list")


@pytest.mark.parametrize("hours", [8, -8])
def test_a_task_whose_time_is_over_by_this_clock_is_refused_and_the_clock_named(
    shift: Path, clock: Path, hours: int
) -> None:
    """A clock that is late takes a task longer, but its nonce of ten minutes runs by a clock that nobody sets."""
    with running(LD_PRELOAD=str(shift), CLOCK_OFFSET=str(clock)) as agent:
        root = root_of(agent)
        clock.write_text(str(hours * 3600))
        restart(agent)
        assert root_of(agent) == root, "a time zone's error costs no certificate"
        page, serial = SocketPage(agent), make_token()
        begun = page.ask("begin", profile=PROFILE, serial=serial, task="T-1")
        at = {"profile": PROFILE, "serial": serial, "container": "k1", "subject": text_of(SUBJECT)}
        sealed = agent.seal(page, begun, serial, ["prepare"], pin=USER_PIN, not_after=int(time.time()) + 300)
        if hours < 0:
            page.ask("prepare", sealed=sealed, **at)
            return
        with pytest.raises(Refused) as refused:
            page.ask("prepare", sealed=sealed, **at)
        assert refused.value.code == "AGENT_TASK"
        assert "核对本机时间" in refused.value.error["message"]
