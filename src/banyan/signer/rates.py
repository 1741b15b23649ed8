"""Figures about a key-holding process: how much it did, how fast while busy, what it refused."""

from collections import Counter
from dataclasses import dataclass, field
from time import monotonic
from typing import Any


@dataclass
class Rates:
    """Counts since the process started. Written by the working thread, read by anybody."""

    started: float = field(default_factory=monotonic)
    done: int = 0
    batches: int = 0
    busy_seconds: float = 0.0
    refused: Counter[str] = field(default_factory=Counter)

    def note(self, answers: list[dict[str, Any]], seconds: float) -> None:
        """Take in the answers of one batch and how long it took."""
        codes = [answer["refused"] for answer in answers if "refused" in answer]
        self.refused.update(codes)
        self.done += len(answers) - len(codes)
        self.batches += 1
        self.busy_seconds += seconds

    def figures(self) -> dict[str, Any]:
        """What ``status`` tells."""
        return {
            "up_seconds": round(monotonic() - self.started, 1),
            "done": self.done,
            "batches": self.batches,
            "busy_seconds": round(self.busy_seconds, 3),
            "done_per_busy_second": round(self.done / self.busy_seconds, 1) if self.busy_seconds else 0.0,
            "refused": dict(self.refused),
        }
