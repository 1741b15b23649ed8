"""The simulated CA behind its wire contract: see the package for the calls."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from banyan.adapters.simulated_superior import revocation_list, status
from banyan.adapters.simulated_superior.authority import Authority
from banyan.adapters.simulated_superior.errors import NoReplyError, SimulatedFailure, TaskConflict
from banyan.adapters.simulated_superior.faults import Fault, FaultPlan
from banyan.adapters.simulated_superior.issuing import Issuing, refusal_data
from banyan.adapters.simulated_superior.key_centre import KeyCentre
from banyan.adapters.simulated_superior.store import Store
from banyan.kernel import clock

NAME = "模拟上级 CA（测试）"


class SimulatedSuperior:
    """One simulator on one directory.

    ``delay`` is how many seconds it takes to decide anything; ``now`` is its clock. Calls raise NoReplyError
    where the caller is to hear nothing.
    """

    def __init__(
        self,
        directory: Path,
        *,
        delay: float = 0.0,
        plan: FaultPlan | None = None,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._now = now
        self._delay = delay
        self._plan = plan or FaultPlan()
        self._store = Store(directory / "simulator.sqlite3")
        self._authority = Authority(directory, now=now())
        key_centre = KeyCentre(self._store, self._authority.secret)
        self._issuing = Issuing(self._store, self._authority, key_centre, self._plan)

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def handlers(self) -> Mapping[str, Callable[..., Any]]:
        """The calls by name."""
        return {
            "submit": self.submit,
            "collect": self.collect,
            "change_status": self.change_status,
            "certificate_status": self.certificate_status,
            "crl": self.crl,
            "chain": self.chain,
            "status": self.status,
        }

    def submit(self, tasks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Take tasks; nothing is decided here."""
        self._pass_or_fail([task["task_no"] for task in tasks])
        with self._store.transaction():
            answers = self._take("tasks", tasks)
        self._lose_reply([task["task_no"] for task in tasks])
        return answers

    def collect(self, task_nos: Sequence[str]) -> list[dict[str, Any]]:
        """Decide what is due among ``task_nos`` and tell what became of each."""
        self._keep_silence()
        now = self._now()
        with self._store.transaction():
            rows = self._store.rows_in("SELECT * FROM tasks WHERE task_no IN", task_nos)
            due = [row for row in rows if row["state"] == "pending" and row["due_at"] <= now.timestamp()]
            self._issuing.decide(due, now)
        rows = self._store.rows_in("SELECT * FROM tasks WHERE task_no IN", task_nos)
        answers = [_outcome(row) for row in rows]
        return answers + [one for one in answers if self._plan.of(one["task_no"]) is Fault.TWICE]

    def change_status(self, tasks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Take changes of status, carry out what is due, tell how each stands."""
        task_nos = [task["task_no"] for task in tasks]
        self._pass_or_fail(task_nos)
        with self._store.transaction():
            answers = self._take("status_tasks", tasks)
            taken = [one["task_no"] for one in answers if "accepted" in one]
            rows = self._store.rows_in("SELECT * FROM status_tasks WHERE task_no IN", taken)
            now = self._now().timestamp()
            status.carry_out(self._store, [row for row in rows if row["state"] == "pending" and row["due_at"] <= now])
        self._lose_reply(task_nos)
        rows = self._store.rows_in("SELECT * FROM status_tasks WHERE task_no IN", taken)
        conflicts = [one for one in answers if "refused" in one]
        return [_outcome(row) for row in rows] + [
            {"task_no": one["task_no"], "state": "rejected", **one["refused"]} for one in conflicts
        ]

    def certificate_status(self, serials: Sequence[str]) -> dict[str, str]:
        """The state of certificates by serial number in hexadecimal."""
        self._keep_silence()
        wanted = [serial.upper() for serial in serials]
        rows = self._store.rows_in("SELECT serial, state FROM certificates WHERE serial IN", wanted)
        return {row["serial"]: row["state"] for row in rows}

    def crl(self) -> dict[str, Any]:
        """The current CRL; a new one when something changed or the last one runs out."""
        self._keep_silence()
        with self._store.transaction():
            number, der = revocation_list.current(self._store, self._authority, self._now())
        return {"number": number, "der": der}

    def chain(self) -> dict[str, bytes]:
        """The CA certificates."""
        self._keep_silence()
        return {"root": self._authority.root_certificate, "issuing": self._authority.issuing_certificate}

    def status(self) -> dict[str, Any]:
        """Name and number of undecided tasks."""
        self._keep_silence()
        pending = self._store.count("SELECT count(*) FROM tasks WHERE state = 'pending'")
        return {"name": NAME, "pending": pending}

    def _take(self, table: str, tasks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Store new tasks, recognise known ones, refuse a known number with other content."""
        known = {
            row["task_no"]: bytes(row["digest"])
            for row in self._store.rows_in(
                f"SELECT task_no, digest FROM {table} WHERE task_no IN",  # noqa: S608  (one of two fixed names)
                [task["task_no"] for task in tasks],
            )
        }
        answers: list[dict[str, Any]] = []
        for task in tasks:
            task_no = task["task_no"]
            content = _content(task)
            digest = hashlib.sha256(content.encode()).digest()
            if known.setdefault(task_no, digest) != digest:
                answers.append({"task_no": task_no, "refused": refusal_data(TaskConflict(task_no=task_no))})
                continue
            self._store.execute(
                f"INSERT OR IGNORE INTO {table} (task_no, digest, content, state, due_at)"  # noqa: S608  (one of two fixed names)
                " VALUES (?, ?, ?, 'pending', ?)",
                (task_no, digest, content, self._due_at(task_no)),
            )
            answers.append({"task_no": task_no, "accepted": True})
        return answers

    def _due_at(self, task_no: str) -> float:
        late = self._plan.late_seconds if self._plan.of(task_no) is Fault.LATE else 0.0
        return self._now().timestamp() + self._delay + late

    def _pass_or_fail(self, task_nos: Sequence[str]) -> None:
        """Meet the faults that strike before anything is recorded."""
        self._keep_silence()
        if self._meet(Fault.SILENCE, task_nos):
            with self._store.transaction():
                self._store.set_note("silent_until", self._now().timestamp() + self._plan.silence_seconds)
            raise NoReplyError
        if self._meet(Fault.ERROR, task_nos):
            raise SimulatedFailure()

    def _lose_reply(self, task_nos: Sequence[str]) -> None:
        if self._meet(Fault.LOST_REPLY, task_nos):
            raise NoReplyError

    def _keep_silence(self) -> None:
        if self._now().timestamp() < self._store.note("silent_until"):
            raise NoReplyError

    def _meet(self, fault: Fault, task_nos: Sequence[str]) -> bool:
        """Whether any of these tasks meets ``fault`` for the first time; each meets it once, also after a
        restart.
        """
        struck = self._plan.those_with(fault, task_nos)
        if not struck:
            return False
        with self._store.transaction():
            met = [
                self._store.execute("INSERT OR IGNORE INTO faults_met VALUES (?, ?)", (task_no, fault.value))
                for task_no in struck
            ]
        return any(met)


def _content(task: Mapping[str, Any]) -> str:
    """The content of a task as text, equal for equal content."""
    plain = {name: value.hex() if isinstance(value, bytes) else value for name, value in task.items()}
    return json.dumps(plain, ensure_ascii=False, sort_keys=True)


def _outcome(row: Any) -> dict[str, Any]:
    answer: dict[str, Any] = {"task_no": row["task_no"], "state": row["state"]}
    if row["state"] == "rejected":
        answer |= json.loads(row["refusal"])
    elif row["state"] == "issued":
        for name in ("signing_certificate", "encryption_certificate", "envelope"):
            answer[name] = bytes(row[name])
    return answer
