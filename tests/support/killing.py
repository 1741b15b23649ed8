"""The processes of an installation as tests start and kill them: ``python -m support.killing`` (see ``Nursery``).

One process loads everything once and forks each process that is asked for: signer, KMC, simulated superior CA,
worker, judge. Each is a process of its own, as ``banyan signer`` and the others are, only quicker to start.

A process can be armed with a *boundary*: it dies, as by ``kill -9``, when it passes that moment. The product knows
nothing of this; the functions that pass such moments are wrapped here, in the forked process.
"""

import ctypes
import json
import os
import re
import resource
import signal
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

_PR_SET_PDEATHSIG = 1
_TABLE = re.compile(r"^\s*(?:INSERT(?: OR \w+)? INTO|UPDATE|DELETE FROM)\s+(\w+)", re.IGNORECASE)
Role = Callable[..., object]


# Boundaries


class Trap:
    """Ends this process when it passes ``boundary`` for the ``passings``-th time."""

    def __init__(self, boundary: str, passings: int) -> None:
        self._boundary = boundary
        self._left = passings

    def passing(self, moment: str) -> None:
        if moment != self._boundary:
            return
        self._left -= 1
        if self._left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def around(self, what: str) -> Iterator[None]:
        self.passing(f"{what}.before")
        yield
        self.passing(f"{what}.after")


class FirstOf(Trap):
    """Ends this process at whichever of many boundaries it passes first, and leaves word in ``note`` which it was."""

    def __init__(self, boundaries: Iterable[str], note: Path) -> None:
        super().__init__("", 1)
        self._boundaries = frozenset(boundaries)
        self._note = note

    def passing(self, moment: str) -> None:
        if moment in self._boundaries:
            self._note.write_text(moment)
            os.kill(os.getpid(), signal.SIGKILL)


def arm(trap: Trap) -> None:
    """Set the trap in every place that this process may pass: ``<what>.before`` or ``<what>.after``.

    ``what`` is an action's transaction (``ra._issue_slice``), the commit of a store of its own by file and the table
    written last (``journal.db:issued``), or a message to the token agent (``agent.write``).
    """
    _watch_actions(trap)
    _watch_stores(trap)
    _watch_tokens(trap)


def _watch_actions(trap: Trap) -> None:
    from django.db.backends.base.base import BaseDatabaseWrapper

    from banyan.domain.audit import actions

    running: list[str] = []
    outermost: Any = actions._outermost
    commit: Any = BaseDatabaseWrapper.commit

    def run(call: Any, event: str, *rest: Any) -> Any:
        running.append(event)
        try:
            return outermost(call, event, *rest)
        finally:
            running.pop()

    def committing(self: Any) -> None:
        with trap.around(running[-1] if running else "none"):
            commit(self)

    actions._outermost = run
    BaseDatabaseWrapper.commit = committing  # type: ignore[method-assign]


def _watch_stores(trap: Trap) -> None:
    connect: Any = sqlite3.connect

    class Watched(sqlite3.Connection):
        name = ""
        table = ""

        def execute(self, sql: str, *values: Any) -> Any:
            if sql.strip().upper() == "COMMIT":
                with trap.around(f"{self.name}:{self.table}"):
                    return super().execute(sql, *values)
            self._note(sql)
            return super().execute(sql, *values)

        def executemany(self, sql: str, rows: Any) -> Any:
            if rows != []:
                self._note(sql)
            return super().executemany(sql, rows)

        def _note(self, sql: str) -> None:
            found = _TABLE.match(sql)
            self.table = found[1] if found else self.table

    def opening(path: Any, **options: Any) -> Any:
        made = connect(path, factory=Watched, **options)
        made.name = Path(str(path)).name
        return made

    sqlite3.connect = opening  # type: ignore[assignment]  # Django takes its own from sqlite3.dbapi2


def _watch_tokens(trap: Trap) -> None:
    """Before and after each message to the token agent; what it does with a token is killed in tests/agent."""
    from banyan_token.agent import AgentClient

    call: Any = AgentClient._call

    def calling(self: Any, kind: str, **fields: Any) -> Any:
        with trap.around(f"agent.{kind}"):
            return call(self, kind, **fields)

    AgentClient._call = calling  # type: ignore[method-assign]


# What the processes do


def signer() -> None:
    from banyan.kernel.home import Home
    from banyan.signer.process import run

    run(Home.from_environment())


def kmc(pool: int = 8) -> None:
    from banyan.kernel.home import Home
    from banyan.signer.kmc_process import run

    run(Home.from_environment(), pool_minimum=pool)


def superior(options: list[str] | None = None) -> None:
    from banyan.adapters.connectors import SIMULATED_SUPERIOR
    from banyan.adapters.simulated_superior.__main__ import main
    from banyan.kernel.home import Home

    home = Home.from_environment()
    place = str(home.path / "superior")
    main(["--directory", place, "--socket", str(home.socket(SIMULATED_SUPERIOR)), *(options or ())])


def jobs(lasting: float) -> None:
    """The rounds of ``banyan jobs`` with shorter pauses, until nothing waits for a CA or the time is over."""
    from django.db import close_old_connections

    from banyan.domain.ca.access import waiting_for_ca
    from banyan.jobs.rounds import work
    from banyan.kernel import clock
    from banyan.kernel.home import Home

    until = time.monotonic() + lasting
    while waiting_for_ca() and time.monotonic() < until:
        work(Home.from_environment(), clock.now())
        close_old_connections()
        time.sleep(0.1)


def queue(sheet: str, sessions: str) -> None:
    """The main job up to the intents: what follows is the CAs' and the jobs' work."""
    from banyan.cli import main_job
    from banyan.kernel.errors import BanyanError

    class Reached(BanyanError):
        """As far as this goes."""

    def stop() -> None:
        raise Reached

    make_devices_quickly()
    try:
        main_job.carry_sheet(_home(), _people_of(Path(sessions)), Path(sheet), stop, lambda _text: None)
    except Reached:
        return


def look(place: str) -> None:
    """Write to ``place`` what waits for which connector, and the step and the waiting note of every request."""
    from banyan.cli.views import waiting_for
    from banyan.domain.ca.access import waiting_for_ca
    from banyan.domain.ra import access
    from banyan.domain.ra.models import ServiceRequest
    from banyan.kernel.actor import Actor

    actor = Actor("system", 0, "look", rights=frozenset({"requests.read", "certificates.read"}), regions=None)
    found = ServiceRequest.objects.unscoped("a look at all").order_by("pk")
    steps = {one.number: [one.step, waiting_for(access.story(actor, one.pk))] for one in found}
    Path(place).write_text(json.dumps({"waiting": waiting_for_ca(), "requests": steps}), encoding="utf-8")


def people(place: str) -> None:
    """Log the three people of the main job in and keep their sessions in ``place``."""
    import secrets

    from banyan.cli.sample_work import sample_links
    from banyan.domain.iam.login import log_in_with_link
    from banyan.kernel import clock

    sessions = {}
    for link in sample_links():
        if link.username in ("clerk", "proofreader", "approver"):
            password = f"Aa1!{secrets.token_urlsafe(24)}"
            opened = log_in_with_link(secret=link.secret, password=password, channel="cli", now=clock.now())
            sessions[link.username] = opened.token
    Path(place).write_text(json.dumps(sessions), encoding="utf-8")


def worker(sheet: str, sessions: str) -> None:
    """The main job for one sheet; as a person would, it begins again when a process or the token agent is gone."""
    from banyan.cli import main_job
    from banyan.jobs import rounds
    from banyan.kernel.errors import RemoteError, ServiceUnavailable
    from banyan.kernel.home import Home
    from banyan_token.errors import AgentGone

    home = Home.from_environment()
    make_devices_quickly()
    main_job.time = SimpleNamespace(sleep=lambda seconds: time.sleep(seconds / 10))  # type: ignore[assignment]

    def advance() -> None:
        rounds.carry_on_all(home, moment_due(), rounds.RoundOutcome())

    for attempt in range(1000):
        try:
            main_job.carry_sheet(home, _people_of(Path(sessions)), Path(sheet), advance, lambda _text: None)
        except (ServiceUnavailable, RemoteError, AgentGone) as error:
            if attempt == 999:
                raise
            sys.stderr.write(f"again: {error}\n")
            time.sleep(0.02)
        else:
            return


def make_devices_quickly() -> None:
    """Devices made in this process derive with few iterations."""
    from banyan_token import TokenDrawer

    make: Any = TokenDrawer.create_blank

    def quickly(self: Any, serial: str, *, label: str = "", iterations: int = 0) -> None:
        make(self, serial, label=label, iterations=iterations or 10_000)

    TokenDrawer.create_blank = quickly  # type: ignore[method-assign]


def agents_of(pid: int) -> list[int]:
    """The token agents that a process started."""
    found = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            if Path(f"/proc/{child}/comm").read_text().strip() == "banyan-agent":
                found.append(int(child))
    return found


def _home() -> Any:
    from banyan.kernel.home import Home

    return Home.from_environment()


def moment_due() -> datetime:
    """Now, or as late as the last intent that rests after a fruitless try: so tests do not wait minutes."""
    from django.db.models import Max

    from banyan.domain.ca.models import Issuance
    from banyan.kernel import clock

    resting = Issuance.objects.filter(state__in=("INTENT", "SUBMITTED")).aggregate(at=Max("next_try_at"))["at"]
    return max(clock.now(), resting) if resting else clock.now()


def _people_of(sessions: Path) -> Any:
    from banyan.cli.main_job import People
    from banyan.domain.iam.access import actor_from_session
    from banyan.kernel import clock

    tokens = json.loads(sessions.read_text(encoding="utf-8"))
    return People(**{name: actor_from_session(token, clock.now()) for name, token in tokens.items()})


ROLES: dict[str, Role] = {
    "signer": signer, "kmc": kmc, "superior": superior, "jobs": jobs, "people": people,
    "worker": worker, "queue": queue, "look": look,
}  # fmt: skip


# The process that forks them


def _load_everything() -> None:
    from banyan import gm
    from banyan.cli.context import django_setup

    django_setup()
    from banyan.adapters import simulated_superior
    from banyan.adapters.simulated_superior import __main__ as simulator
    from banyan.cli import main_job, sample_work
    from banyan.domain.audit import verifying
    from banyan.jobs import rounds
    from banyan.pki.profile import load_profiles
    from banyan.signer import kmc_process, process
    from banyan_token import agent
    from support import judging, life

    ROLES["life"] = life.live
    ROLES["restored"] = life.carry_on_after_a_restore
    ROLES["lost"] = life.work_that_gets_lost
    ROLES["judge_life"] = judging.judge_life
    assert all((agent, kmc_process, main_job, process, rounds, sample_work, simulated_superior, simulator))
    assert verifying
    ROLES["judge"] = judging.judge
    gm.self_test()
    load_profiles()


def _become(order: dict[str, Any], log: Path) -> None:
    """The forked process: do one role and end; never returns."""
    status = 1
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        words = os.open(log / f"{order['role']}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(words, 1)
        os.dup2(words, 2)
        if order.get("largest_file"):
            resource.setrlimit(resource.RLIMIT_FSIZE, (order["largest_file"], order["largest_file"]))
        if order.get("boundary"):
            arm(Trap(order["boundary"], order.get("passings", 1)))
        if order.get("any_of"):
            arm(FirstOf(order["any_of"], Path(order["note"])))
        ROLES[order["role"]](**order.get("options", {}))
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _answer(order: dict[str, Any], log: Path, ended: dict[int, int]) -> Any:
    if "role" in order:
        pid = os.fork()
        if pid == 0:
            _become(order, log)
        return pid
    pid = order["pid"]
    if pid not in ended:
        found, status = os.waitpid(pid, 0 if order.get("wait") else os.WNOHANG)
        if found:
            ended[pid] = os.waitstatus_to_exitcode(status)
    return ended.get(pid)


def main() -> None:
    """Read orders, one JSON object a line, answer each on a line."""
    from banyan.kernel.home import Home

    _load_everything()
    log = Home.from_environment().log
    log.mkdir(parents=True, exist_ok=True)
    ended: dict[int, int] = {}
    _say("ready")
    for line in sys.stdin:
        _say(json.dumps(_answer(json.loads(line), log, ended)))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    from support import killing  # the forked processes and the judge know this module by its name

    killing.main()
