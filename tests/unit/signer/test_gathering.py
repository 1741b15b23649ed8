"""Calls that arrive together are answered together, in order, and one failure is told to those it concerns."""

import threading
import time
from collections.abc import Iterator

import pytest

from banyan.signer.gathering import Gathering

Doubling = Gathering[int, int]


class Worker:
    """Doubles numbers; remembers how they came; waits when told to."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.ended = threading.Event()
        self.idle = threading.Event()

    def work(self, items: list[int]) -> list[int]:
        self.gate.wait(10)
        self.batches.append(items)
        if 13 in items:
            raise ValueError("thirteen")
        return [2 * item for item in items]


@pytest.fixture
def worker() -> Worker:
    return Worker()


@pytest.fixture
def gathering(worker: Worker) -> Iterator[Doubling]:
    made: Doubling = Gathering(worker.work, limit=10, name="t", idle=worker.idle.set, at_end=worker.ended.set)
    yield made
    made.stop()
    assert worker.ended.is_set()


def test_a_single_call_is_a_batch_of_its_own(gathering: Doubling, worker: Worker) -> None:
    assert gathering.submit([1, 2]) == [2, 4]
    assert worker.batches == [[1, 2]]


def test_waiting_calls_share_batches_within_the_limit_and_get_their_own_answers(
    gathering: Doubling, worker: Worker
) -> None:
    worker.gate.clear()
    answers: dict[int, list[int]] = {}

    def call(first: int) -> None:
        answers[first] = gathering.submit([first, first + 1, first + 2])

    callers = [threading.Thread(target=call, args=(first,)) for first in range(100, 150, 10)]
    for caller in callers:
        caller.start()
        time.sleep(0.02)
    worker.gate.set()
    for caller in callers:
        caller.join(10)
    assert answers == {first: [2 * first, 2 * first + 2, 2 * first + 4] for first in range(100, 150, 10)}
    assert sum(len(batch) for batch in worker.batches) == 15
    assert 2 <= len(worker.batches) <= 3
    assert max(len(batch) for batch in worker.batches) <= 10


def test_other_work_runs_on_the_same_thread_in_its_turn(gathering: Doubling, worker: Worker) -> None:
    assert gathering.run(lambda: threading.current_thread().name) == "t"
    with pytest.raises(ZeroDivisionError):
        gathering.run(lambda: 1 // 0)
    assert gathering.submit([4]) == [8]


def test_a_failure_reaches_its_callers_and_the_next_call_is_served(gathering: Doubling) -> None:
    with pytest.raises(ValueError, match="thirteen"):
        gathering.submit([13])
    assert gathering.submit([14]) == [28]


def test_idle_time_is_used(gathering: Doubling, worker: Worker) -> None:
    assert worker.idle.wait(10)
