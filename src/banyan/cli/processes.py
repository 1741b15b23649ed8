"""Starting, watching and stopping the processes of an installation."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import click

from banyan.kernel.errors import N_, BanyanError, ServiceUnavailable
from banyan.kernel.home import Home
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


_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


def _end_with_parent() -> None:
    """In the child: ask the kernel for SIGTERM when the parent dies, however it dies (Linux)."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


@dataclass
class Child:
    """One process: what runs it, where its words go, how often it was started."""

    name: str
    command: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started: list[float] = field(default_factory=list)

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.log.open("ab") as words:
            self.process = subprocess.Popen(
                self.command, stdout=words, stderr=words, stdin=subprocess.DEVNULL, preexec_fn=_end_with_parent
            )
        self.started.append(time.monotonic())

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def wait_until_answering(self, home: Home, *, patience: float = 30.0) -> None:
        """Raises ProcessNotReady when it ends or stays silent for ``patience`` seconds."""
        until = time.monotonic() + patience
        while not answers(home, self.name):
            if not self.is_running() or time.monotonic() > until:
                raise ProcessNotReady(name=self.name, log=str(self.log))
            time.sleep(0.02)

    def stop(self) -> None:
        """Ask it to end; after ten seconds make it."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
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
        """Watch until SIGTERM or SIGINT; then stop the children, last started first."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        while not self._stopping:
            for child in self.children:
                if not child.is_running():
                    self._revive(child)
            if not self._announced and self._is_ready():
                self._announced = True
                self._announce()
            time.sleep(0.5)
        for child in reversed(self.children):
            with suppress(ProcessLookupError):
                child.stop()

    def _revive(self, child: Child) -> None:
        now = time.monotonic()
        recent = [at for at in child.started if now - at < _QUICK_WINDOW]
        child.started = recent
        if len(recent) >= _QUICK_DEATHS:
            return  # it died five times in half a minute: try again when that is past
        if recent:
            click.echo(f"{child.name}: ended, starting again (log: {child.log})", err=True)
        child.start()

    def _stop(self, number: int, frame: object) -> None:
        del number, frame
        self._stopping = True


def own_environment(home: Home) -> None:
    """Name the installation for the children started from here."""
    os.environ["BANYAN_HOME"] = str(home.path)
