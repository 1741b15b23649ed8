"""A sample installation of a test's own, and its processes to start and kill."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from banyan.kernel.errors import ServiceUnavailable
from banyan.kernel.home import Home
from banyan.kernel.rpc import Client
from support.postgresql import ThrowAwayServer

_TESTS = Path(__file__).parents[1]
_OURS = "BANYAN_"
BY_SUPERIOR = "sm2-organization"  # whose certificates come from the simulated superior CA, all others from our own


def database_of_this_run() -> str:
    """sqlite or postgresql: as the test run was told."""
    return os.environ.get("BANYAN_TEST_DATABASE", "sqlite")


@cache
def _server() -> str:
    """Address of the run's throw-away PostgreSQL server, or of one that lives as long as this process."""
    if "BANYAN_TEST_POSTGRESQL" in os.environ:
        return os.environ["BANYAN_TEST_POSTGRESQL"]
    import atexit

    server = ThrowAwayServer(Path(tempfile.mkdtemp(prefix="banyan-pg-")))
    atexit.register(server.stop)
    return server.url


def fresh_database(kind: str) -> str:
    """The value of BANYAN_DATABASE for an installation: empty for SQLite, else a new database."""
    if kind == "sqlite":
        return ""
    import psycopg

    name = f"banyan_{secrets.token_hex(6)}"
    url = _server()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return url.replace("/postgres?", f"/{name}?")


@dataclass
class Installation:
    """A sample installation with both connectors: organisations' certificates come from the simulated superior CA."""

    home: Home
    database: str

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        kept.pop("DJANGO_SETTINGS_MODULE", None)
        kept["PYTHONPATH"] = os.pathsep.join([str(_TESTS), *filter(None, [kept.get("PYTHONPATH")])])
        own = {"BANYAN_HOME": str(self.home.path), "BANYAN_SESSION": str(self.home.path.parent / "session")}
        return kept | own | ({"BANYAN_DATABASE": self.database} if self.database else {})

    def run(self, *command: str, timeout: float = 180, **more: str) -> "subprocess.CompletedProcess[str]":
        """A Python program of ours to its end: ``run("-m", "banyan", "check")``."""
        return subprocess.run(
            [sys.executable, *command],
            env=self.environment | more, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def banyan(self, *arguments: str | Path, timeout: float = 180, **more: str) -> "subprocess.CompletedProcess[str]":
        """``banyan …`` to its end."""
        return self.run("-m", "banyan", *map(str, arguments), timeout=timeout, **more)


def make(parent: Path, kind: str) -> Installation:
    """Make one below ``parent`` by the product's own code."""
    made = Installation(Home(parent / "h"), fresh_database(kind))
    done = made.run("-c", f"from support.installation import build; build({BY_SUPERIOR!r})")
    assert done.returncode == 0, done.stderr[-3000:]
    return made


def build(by_superior: str) -> None:
    """In a process of its own: the sample installation, one of its CAs the superior's."""
    from datetime import timedelta

    from banyan.cli.installing import installer
    from banyan.cli.sample_work import make_sample
    from banyan.kernel import clock

    home = Home.from_environment()
    make_sample(home, leave_out=(by_superior,))
    # Only now: Django is set up for the home just made.
    from banyan.adapters.connectors import SIMULATED_SUPERIOR
    from banyan.adapters.simulated_superior.authority import Authority
    from banyan.domain.ca import actions as ca

    place = home.path / "superior"
    place.mkdir(mode=0o700)
    chain = Authority(place, now=clock.now() - timedelta(days=1))
    root = ca.register_authority(
        installer(), code="superior-root", certificate=chain.root_certificate, connector="", now=clock.now()
    )
    ca.register_authority(
        installer(), code=by_superior, certificate=chain.issuing_certificate, connector=SIMULATED_SUPERIOR, parent=root,
        now=clock.now(),
    )  # fmt: skip


class Process:
    """One process that the nursery forked."""

    def __init__(self, nursery: "Nursery", role: str, pid: int) -> None:
        self._nursery = nursery
        self.role = role
        self.pid = pid
        self._status: int | None = None

    def status(self) -> int | None:
        """Its exit code, negative for a signal; None while it runs."""
        if self._status is None:
            self._status = self._nursery.ask(pid=self.pid)
        return self._status

    def wait(self, seconds: float = 60) -> int:
        until = time.monotonic() + seconds
        while (status := self.status()) is None:
            assert time.monotonic() < until, f"{self.role} still runs: {self._nursery.log(self.role)}"
            time.sleep(0.003)
        return status

    def kill(self) -> None:
        """``kill -9``."""
        if self.status() is None:
            os.kill(self.pid, signal.SIGKILL)
            self._status = self._nursery.ask(pid=self.pid, wait=True)


class Nursery:
    """Forks the processes of an installation (``support.killing``); when it ends they all end."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.home = installation.home
        self._main = subprocess.Popen(
            [sys.executable, "-m", "support.killing"],
            env=installation.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self._main.stdout is not None
        assert self._main.stdout.readline() == "ready\n"

    def ask(self, **order: Any) -> Any:
        assert self._main.stdin is not None
        assert self._main.stdout is not None
        self._main.stdin.write(json.dumps(order) + "\n")
        self._main.stdin.flush()
        return json.loads(self._main.stdout.readline())

    def start(
        self,
        role: str,
        *,
        boundary: str = "",
        passings: int = 1,
        any_of: Sequence[str] = (),
        note: str = "",
        largest_file: int = 0,
        **options: Any,
    ) -> Process:
        """Fork a process in a role of ``support.killing``: armed with a boundary, or on a disk as good as full.

        ``any_of``: it dies at the first of these boundaries that it passes, and writes into ``note`` which it was.
        """
        order = {"boundary": boundary, "passings": passings, "any_of": list(any_of), "note": note,
                 "largest_file": largest_file, "options": options}  # fmt: skip
        return Process(self, role, self.ask(role=role, **order))

    def finish(self, role: str, *, seconds: float = 120, **options: Any) -> None:
        """A role to its end, which must be a good one."""
        assert self.start(role, **options).wait(seconds) == 0, self.log(role)

    def log(self, role: str) -> str:
        """The last words of the processes of a role."""
        path = self.home.log / f"{role}.log"
        return path.read_text(errors="replace")[-4000:] if path.exists() else ""

    def wait_for(self, socket: str, process: Process, seconds: float = 60) -> None:
        """Until the process answers on its socket."""
        until = time.monotonic() + seconds
        while True:
            try:
                with Client(self.home.socket(socket), timeout=5) as client:
                    client.call("ping")
                    return
            except ServiceUnavailable:
                pass
            assert process.status() is None, self.log(process.role)
            assert time.monotonic() < until, self.log(process.role)
            time.sleep(0.005)

    def judged(self, expected: int, *, thorough: bool = False) -> Mapping[str, Any]:
        """The figures of the judge; an AssertionError with what is wrong."""
        place = self.home.path.parent / "judgement.json"
        self.finish("judge", place=str(place), expected=expected, thorough=thorough)
        return self.verdict()

    def verdict(self) -> Mapping[str, Any]:
        """What the judge wrote; an AssertionError with what is wrong."""
        found = json.loads((self.home.path.parent / "judgement.json").read_text(encoding="utf-8"))
        assert not found["wrong"], found["wrong"][:20]
        figures: Mapping[str, Any] = found["figures"]
        return figures

    def close(self) -> None:
        assert self._main.stdin is not None
        self._main.stdin.close()
        try:
            self._main.wait(10)
        finally:
            self._main.kill()
            assert self._main.stdout is not None
            self._main.stdout.close()


@contextmanager
def living(kind: str) -> Iterator[Nursery]:
    """A fresh installation with its nursery, removed afterwards."""
    parent = Path(tempfile.mkdtemp(prefix="bk-", dir="/tmp"))
    try:
        nursery = Nursery(make(parent, kind))
        try:
            yield nursery
        finally:
            nursery.close()
    finally:
        if "BANYAN_KEEP" not in os.environ:
            shutil.rmtree(parent, ignore_errors=True)
