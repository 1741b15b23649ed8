"""Starting, watching and stopping the processes of an installation."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from banyan.cli.shown import say
from banyan.kernel.errors import N_, BanyanError, ServiceUnavailable
from banyan.kernel.home import Home
from banyan.kernel.parent import end_with_parent
from banyan.kernel.rpc import Client

KEY_HOLDERS = ("signer", "kmc")


class ProcessNotReady(BanyanError):
    """A process of ours was started and did not come up."""

    code = "cli.process_not_ready"
    message = N_("{name} 没有启动成功。原因见 {log}。")


def answers(home: Home, name: str) -> bool:
    """Whether the process ``name`` answers on its socket."""
    try:
        with Client(home.socket(name), timeout=5) as client:
            client.call("ping")
    except ServiceUnavailable:
        return False
    return True


@dataclass
class Child:
    """One process with all it starts, a session of its own: what runs it, where its words go, how often it was started.

    A signal to our own group, such as Ctrl-C, does not reach it; it is ended in order, and nothing of its group is left.
    """

    name: str
    command: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started: list[float] = field(default_factory=list)

    def start(self) -> None:
        self.clear()
        self.log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        parent = os.getpid()
        with self.log.open("ab") as words:
            self.process = subprocess.Popen(
                self.command, stdout=words, stderr=words, stdin=subprocess.DEVNULL, start_new_session=True,
                preexec_fn=lambda: end_with_parent(signal.SIGTERM, parent),
            )  # fmt: skip
        self.started.append(time.monotonic())

    def is_running(self) -> bool:
        """Whether it runs; one that ended is not yet taken from the kernel, so that its group keeps its number."""
        if self.process is None or self.process.returncode is not None:
            return False
        return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def wait_until_answering(self, home: Home, *, patience: float = 30.0) -> None:
        """Raises ProcessNotReady when it ends or stays silent for ``patience`` seconds."""
        until = time.monotonic() + patience
        while not answers(home, self.name):
            if not self.is_running() or time.monotonic() > until:
                raise ProcessNotReady(name=self.name, log=str(self.log))
            time.sleep(0.02)

    def ask_to_end(self) -> None:
        """Tell it to end in good order."""
        if self.process is not None and self.is_running():
            self.process.terminate()

    def stop(self, *, patience: float = 10.0) -> None:
        """Ask it to end; after ``patience`` seconds make it, and whatever it started."""
        self.ask_to_end()
        until = time.monotonic() + patience
        while self.is_running() and time.monotonic() < until:
            time.sleep(0.02)
        self.clear()

    def clear(self) -> None:
        """Kill what is left of its group and take it from the kernel."""
        if self.process is None or self.process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def banyan_child(home: Home, name: str, *arguments: str) -> Child:
    """A child that runs ``banyan <name> …`` with this Python."""
    program = [sys.executable, "-m", "banyan", *(arguments or (name,))]
    return Child(name, program, home.log / f"{name}.log")


@contextmanager
def key_holders(home: Home) -> Iterator[None]:
    """Have signer and KMC answering inside the block; those started here end with it, those found running stay."""
    mine: list[Child] = []
    try:
        for name in KEY_HOLDERS:
            if not answers(home, name):
                child = banyan_child(home, name)
                child.start()
                mine.append(child)
        for child in mine:
            child.wait_until_answering(home)
        yield
    finally:
        for child in mine:
            child.stop()


_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)
_QUICK_DEATHS = 5
_QUICK_WINDOW = 30.0


class Supervisor:
    """Keeps children running until told to stop; a child that dies is started again, with a growing pause."""

    def __init__(
        self, children: Sequence[Child], *, is_ready: Callable[[], bool], announce: Callable[[], None]
    ) -> None:
        self.children = list(children)
        self._is_ready, self._announce = is_ready, announce
        self._announced = self._stopping = False

    def run(self) -> None:
        """Watch until a signal says to end; then stop the children, last started first.

        Nothing is left behind: by SIGKILL the kernel ends the children (``end_with_parent``), otherwise this does.
        """
        for number in _ENDING:
            # SIGHUP stays ignored for somebody who wants to go on without a terminal (nohup).
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._stop)
        try:
            while not self._stopping:
                for child in self.children:
                    if not child.is_running():
                        self._revive(child)
                if not self._announced and self._is_ready():
                    self._announced = True
                    self._announce()
                time.sleep(0.5)
        finally:
            for child in reversed(self.children):
                child.ask_to_end()
            for child in reversed(self.children):
                child.stop()

    def _revive(self, child: Child) -> None:
        now = time.monotonic()
        recent = [at for at in child.started if now - at < _QUICK_WINDOW]
        child.started = recent
        if len(recent) >= _QUICK_DEATHS:
            return  # it died five times in half a minute: try again when that is past
        if recent:
            say(N_("{name} 停了，重新启动（日志：{log}）。"), name=child.name, log=child.log)
        child.start()

    def _stop(self, number: int, frame: object) -> None:
        del number, frame
        self._stopping = True


def own_environment(home: Home) -> None:
    """Name the installation for the children started from here."""
    os.environ["BANYAN_HOME"] = str(home.path)
