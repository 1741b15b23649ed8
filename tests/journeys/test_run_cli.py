"""What `banyan run` starts ends with it, however it ends; the next start finds the place free (issue 2, point 1)."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from banyan.kernel.home import Home
from support.agent import free_port
from support.commands import banyan, environment


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    home = Home(tmp_path_factory.mktemp("run") / "home")
    done = banyan(home, "init", "--sample")
    assert done.returncode == 0, done.stderr
    yield home
    shutil.rmtree(home.path.parent)


def processes_of(home: Home) -> dict[int, str]:
    """Every living process that works on this installation, whoever its parent is: number → command."""
    mark = f"BANYAN_HOME={home.path}".encode()
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            # A process that ended and waits for its parent has neither.
            if mark in (place / "environ").read_bytes().split(b"\0"):
                found[int(place.name)] = (place / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue  # ended meanwhile, or somebody else's
    return found


def holders(home: Home) -> dict[int, str]:
    """Those that keep their memory from others (the key holders) show no environment: found by the files they have open."""
    found = {}
    for place in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if place.readlink() == home.path.parent:
                found[int(place.parent.name)] = (place.parent / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
    return found


def all_of(home: Home) -> dict[int, str]:
    return processes_of(home) | {pid: command for pid, command in holders(home).items() if "banyan" in command}


def wait_for(what: Callable[[], bool], seconds: float, message: Callable[[], str]) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, message()
        time.sleep(0.1)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def starting(home: Home, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """`banyan run` without a terminal, in a group of its own as a shell would start it; it heeds the signals that whoever
    runs the tests may ignore (nohup).
    """
    with (home.path.parent / "run.log").open("wb") as log:
        supervisor = subprocess.Popen(
            ["env", "--default-signal", sys.executable, "-m", "banyan", "run"],
            env=environment(home, {"BANYAN_PORT": str(port)}),
            cwd=home.path.parent, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    try:
        yield supervisor
    finally:
        for pid in all_of(home):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        supervisor.wait()


@contextmanager
def running(home: Home, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """`banyan run`, serving."""
    words = home.path.parent / "run.log"
    with starting(home, port) as supervisor:
        wait_for(lambda: "榕证已启动" in words.read_text(), 60, words.read_text)
        # supervisor, signer, KMC, jobs, pages and its worker
        wait_for(lambda: len(all_of(home)) >= 6, 20, lambda: str(all_of(home)))
        yield supervisor


def pages_of(home: Home) -> set[int]:
    return {pid for pid, command in all_of(home).items() if "banyan pages" in command}


@pytest.mark.parametrize(
    ("number", "to_group"),
    [
        (signal.SIGINT, True),  # Ctrl-C, timeout -s INT
        (signal.SIGTERM, False),
        (signal.SIGTERM, True),
        (signal.SIGHUP, False),  # the terminal was closed
        (signal.SIGQUIT, True),
        (signal.SIGKILL, False),
        (signal.SIGKILL, True),
    ],
    ids=lambda value: value.name if isinstance(value, signal.Signals) else ("group" if value else "alone"),
)
def test_nothing_is_left_and_the_port_is_free(made: Home, number: signal.Signals, to_group: bool) -> None:
    port = free_port()
    with running(made, port) as supervisor:
        (os.killpg if to_group else os.kill)(supervisor.pid, number)
        code = supervisor.wait(30)
        assert code == (-signal.SIGKILL if number == signal.SIGKILL else 0)
        # By SIGKILL nobody is there to wait for them: the pages may finish a page for five seconds.
        wait_for(lambda: not all_of(made), 10 if number == signal.SIGKILL else 1, lambda: f"left: {all_of(made)}")
        assert not answers(port)


@pytest.mark.parametrize("delay", [0.0, 0.1, 0.3, 0.6])
def test_a_signal_while_the_pages_start_leaves_nothing_either(made: Home, delay: float) -> None:
    """The worker does not yet heed signals while it loads the pages."""
    with starting(made, free_port()) as supervisor:
        wait_for(lambda: len(pages_of(made)) == 2, 60, lambda: str(all_of(made)))
        time.sleep(delay)
        os.killpg(supervisor.pid, signal.SIGINT)
        assert supervisor.wait(30) == 0
        wait_for(lambda: not all_of(made), 1, lambda: f"left: {all_of(made)}")


def test_pages_killed_alone_leave_no_worker_and_are_started_again(made: Home) -> None:
    port = free_port()
    with running(made, port):
        pages = pages_of(made)
        server = next(pid for pid in pages if parent_of(pid) not in pages)
        os.kill(server, signal.SIGKILL)

        def is_back() -> bool:
            now = pages_of(made)
            return answers(port) and len(now) == 2 and not now & pages

        wait_for(is_back, 30, lambda: str(all_of(made)))
        assert "pages 停了，重新启动" in (made.path.parent / "run.log").read_text()


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_a_start_right_after_a_kill_waits_for_the_port(made: Home) -> None:
    port = free_port()
    with running(made, port) as supervisor:
        supervisor.kill()
        supervisor.wait()
        with running(made, port):
            assert answers(port)


def test_a_port_held_by_somebody_else_is_named(made: Home) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = banyan(made, "run", more={"BANYAN_PORT": str(port)})
        assert done.returncode == 1
        assert "run.port_taken" in done.stderr
        assert not all_of(made)
