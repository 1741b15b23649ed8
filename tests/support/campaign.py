"""Killing the processes of an installation, one after the other, while they work."""

import os
import random
import signal
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from banyan.adapters.connectors import SIMULATED_SUPERIOR
from banyan.cli import sample
from support.installation import Nursery, Process
from support.killing import agents_of

# In the order in which the main job passes them.
OF_THE_WORKER = tuple(
    f"{action}.{moment}"
    for action in (
        "sheets.begin_import", "sheets._import_slice", "sheets.finish_import", "ra._proofread_slice", "ra._decide",
        "inventory.register_agent", "inventory.receive_tokens", "inventory.make_pins", "inventory.tell_initial_pin",
        "agent.list", "agent.begin", "ra._task_of_agent", "inventory._personalization", "agent.prepare",
        "ra._issue_slice", "ca._mark_submitted", "ca._record_slice",
        "agent.write", "ra._personalize_slice", "ra._notify_slice", "ra._hand_over_slice",
    )
    for moment in ("before", "after")
)  # fmt: skip
OF_THE_OTHERS = tuple(
    (process, f"{what}.{moment}")
    for process, what in (
        ("signer", "journal.db:issued"),
        ("kmc", "store.db:in_use"),
        ("superior", "simulator.sqlite3:tasks"),
        ("superior", "simulator.sqlite3:signing_keys"),
    )
    for moment in ("before", "after")
)
_SOCKETS = {"signer": "signer", "kmc": "kmc", "superior": SIMULATED_SUPERIOR}
_AGENT = "agent"  # the worker's: it begins again when it is gone
_ROWS = 4
_PEOPLE_EVERY = 300.0  # seconds: sessions must not grow old


@dataclass
class Campaign:
    """Main jobs one after the other, and kills among them; a kill with what follows is a round."""

    nursery: Nursery
    place: Path
    seed: int
    rounds: int = 0
    batches: int = 0
    hit: set[str] = field(default_factory=set)
    agents_killed: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)  # noqa: S311  (moments, not secrets)
        self._worker_boundaries = list(OF_THE_WORKER)
        self._worker_trap, self._worker_at = "", 0.0
        self._other_boundaries = list(OF_THE_OTHERS)
        self._processes: dict[str, Process] = {}
        self._worker: Process | None = None
        self._lasting = 1.0
        self._doomed = ""
        self._trap = ""
        self._at = 0.0
        self._sessions = self.place / "sessions.json"
        self._sessions_at = -_PEOPLE_EVERY

    @property
    def requests(self) -> int:
        """How many requests the batches so far carried to their end."""
        return self.batches * _ROWS

    def run(self, rounds: int) -> None:
        """Batches until so many rounds were had and every boundary was hit; judged now and then, and at the end."""
        for name in _SOCKETS:
            self._start(name)
        self._batch(killing=False)
        while self.rounds < rounds or self._worker_boundaries or self._other_boundaries:
            self._batch(killing=True)
            if self.batches % 8 == 0:
                self._judge(thorough=False)
        self._judge(thorough=True)

    # a batch

    def _batch(self, *, killing: bool) -> None:
        self._keep_people()
        sheet = self._sheet()
        began = time.monotonic()
        worker = self._work(sheet, killing=killing)
        limit = began + 120
        while True:
            status = worker.status()
            if status == 0:
                break
            if status is not None:
                assert status == -9, self.nursery.log("worker")
                self._count(self._worker_trap, is_worker=True)
                worker = self._work(sheet, killing=killing)
            if killing:
                self._kill_worker_in_time(worker)
                self._kill_others_in_time()
            assert time.monotonic() < limit, self.nursery.log("worker")
            time.sleep(0.002)
        if not killing:
            self._lasting = time.monotonic() - began
        self.batches += 1

    def _work(self, sheet: Path, *, killing: bool) -> Process:
        """A worker: doomed to die at the next boundary, or at a random moment, or to live for once."""
        self._worker_trap, self._worker_at = "", 0.0
        if killing and self._worker_boundaries and self._chance.random() < 0.8:
            self._worker_trap = self._worker_boundaries[0]
        elif killing and self._chance.random() < 0.8:
            self._worker_at = time.monotonic() + self._soon()
        self._worker = self.nursery.start(
            "worker", boundary=self._worker_trap, sheet=str(sheet), sessions=str(self._sessions)
        )
        return self._worker

    def _kill_worker_in_time(self, worker: Process) -> None:
        if self._worker_at and time.monotonic() >= self._worker_at and worker.status() is None:
            worker.kill()

    def _count(self, trap: str, *, is_worker: bool) -> None:
        self.rounds += 1
        if not trap:
            return
        self.hit.add(trap if is_worker else f"{self._doomed}/{trap}")
        if is_worker:
            self._worker_boundaries.remove(trap)
        elif (self._doomed, trap) in self._other_boundaries:
            self._other_boundaries.remove((self._doomed, trap))

    # the processes that are not the worker: one of them is doomed at a time

    def _kill_others_in_time(self) -> None:
        if not self._doomed:
            self._doom_one()
        if self._doomed == _AGENT:
            self._kill_agent_in_time()
            return
        process = self._processes[self._doomed]
        if self._at and time.monotonic() >= self._at:
            process.kill()
        status = process.status()
        if status is None:
            return
        assert status == -9, self.nursery.log(process.role)
        self._count(self._trap, is_worker=False)
        time.sleep(self._chance.choice((0.0, 0.0, 0.1)))
        self._start(self._doomed)
        self._doomed = ""

    def _kill_agent_in_time(self) -> None:
        worker = self._worker
        if worker is None or worker.status() is not None or time.monotonic() < self._at:
            return
        for pid in agents_of(worker.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            self.agents_killed += 1
            self._count("", is_worker=False)
            self._doomed = ""
            return

    def _doom_one(self) -> None:
        self._trap, self._at = "", 0.0
        if self._other_boundaries and self._chance.random() < 0.7:
            self._doomed, self._trap = self._chance.choice(self._other_boundaries)
            self._processes[self._doomed].kill()
            self.rounds += 1
            self._start(self._doomed, self._trap)
            return
        self._doomed = self._chance.choice((*_SOCKETS, _AGENT))
        self._at = time.monotonic() + self._soon()

    def _soon(self) -> float:
        """A random while, mostly short, so that a batch sees several kills."""
        return self._lasting * self._chance.random() ** 2

    def _start(self, name: str, trap: str = "") -> None:
        self._processes[name] = self.nursery.start(name, boundary=trap)
        self.nursery.wait_for(_SOCKETS[name], self._processes[name])

    # what the batches need

    def _sheet(self) -> Path:
        """The next rows of the sample; their holders come once."""
        first = self.batches * _ROWS
        rows = sample.sheet_rows(first + _ROWS)[first : first + _ROWS]
        path = self.place / f"sheet-{self.batches}.xlsx"
        sample.write_sheet(path, rows)
        return path

    def _keep_people(self) -> None:
        if time.monotonic() - self._sessions_at > _PEOPLE_EVERY:
            self.nursery.finish("people", place=str(self._sessions))
            self._sessions_at = time.monotonic()

    def _judge(self, *, thorough: bool) -> None:
        for name in ("signer", "kmc"):
            if self._processes[name].status() is not None:
                self._start(name)
        self.nursery.judged(self.requests, thorough=thorough)
