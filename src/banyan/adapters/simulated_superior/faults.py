"""Faults on order, the same ones for the same seed and task number on every run and every machine.

late        decided only after ``late_seconds`` twice       the answer to a collect holds the task twice
lost_reply  the first submission is carried out and its answer is lost error       the first submission fails;
nothing is recorded reject      refused for good silence     the first submission begins ``silence_seconds``
without any answer to any call; nothing is recorded
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """A way in which a superior CA misbehaves."""

    LATE = "late"
    TWICE = "twice"
    LOST_REPLY = "lost_reply"
    ERROR = "error"
    REJECT = "reject"
    SILENCE = "silence"


@dataclass(frozen=True)
class FaultPlan:
    """Which task meets which fault: ``share`` of all tasks one of ``kinds``, chosen by ``seed`` and task
    number.
    """

    kinds: tuple[Fault, ...] = ()
    seed: int = 0
    share: float = 0.25
    late_seconds: float = 600.0
    silence_seconds: float = 3600.0

    def of(self, task_no: str) -> Fault | None:
        """The fault that this task meets, or None."""
        if not self.kinds:
            return None
        drawn = hashlib.sha256(f"{self.seed}:{task_no}".encode()).digest()
        if int.from_bytes(drawn[:8], "big") >= self.share * 2**64:
            return None
        return self.kinds[int.from_bytes(drawn[8:12], "big") % len(self.kinds)]

    def those_with(self, fault: Fault, task_nos: Iterable[str]) -> list[str]:
        """Of ``task_nos`` those that meet ``fault``."""
        return [task_no for task_no in task_nos if self.of(task_no) is fault]
