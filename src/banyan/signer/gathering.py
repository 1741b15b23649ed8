"""Calls that arrive while a batch is under way are gathered and answered together by the next one.

One thread does the work of a key-holding process: it alone touches the domain's database and the private
keys, and the more callers there are, the larger the batches that it signs.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any, Final, Generic, TypeVar

_IDLE_SECONDS: Final = 0.5

Item = TypeVar("Item")
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class _Batch(Generic[Item, Answer]):
    items: Sequence[Item]
    future: "Future[list[Answer]]"


@dataclass(frozen=True)
class _Single:
    work: Callable[[], Any]
    future: "Future[Any]"


class Gathering(Generic[Item, Answer]):
    """Runs ``work`` on gathered items in one thread of its own.

    ``work`` takes items and returns one answer each, in order. ``limit`` bounds how many items meet in one
    call. ``idle`` is called when nothing has arrived for a while, ``at_end`` when the
    thread ends; both on that thread.
    """

    def __init__(
        self,
        work: Callable[[list[Item]], list[Answer]],
        *,
        limit: int,
        name: str,
        idle: Callable[[], None] | None = None,
        at_end: Callable[[], None] | None = None,
    ) -> None:
        self._work = work
        self._limit = limit
        self._idle = idle
        self._at_end = at_end
        self._waiting: SimpleQueue[_Batch[Item, Answer] | _Single] = SimpleQueue()
        self._stopped = Event()
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, items: Sequence[Item]) -> list[Answer]:
        """Hand items in and wait for their answers."""
        batch: _Batch[Item, Answer] = _Batch(items, Future())
        self._waiting.put(batch)
        return batch.future.result()

    def run(self, work: Callable[[], Any]) -> Any:
        """Run something else on the same thread and wait for its result."""
        single = _Single(work, Future())
        self._waiting.put(single)
        return single.future.result()

    def stop(self) -> None:
        """Finish what is waiting and end the thread."""
        self._stopped.set()
        self._thread.join(timeout=30)

    def _run(self) -> None:
        try:
            self._work_until_stopped()
        finally:
            if self._at_end is not None:
                self._at_end()

    def _work_until_stopped(self) -> None:
        held: _Batch[Item, Answer] | _Single | None = None
        while held is not None or not self._stopped.is_set() or not self._waiting.empty():
            try:
                first = held or self._waiting.get(timeout=_IDLE_SECONDS)
            except Empty:
                if self._idle is not None:
                    self._idle()
                continue
            held = None
            if isinstance(first, _Single):
                _settle(first.future, first.work)
                continue
            batches = [first]
            size = len(first.items)
            while not self._waiting.empty():
                following = self._waiting.get()
                if isinstance(following, _Single) or size + len(following.items) > self._limit:
                    held = following
                    break
                batches.append(following)
                size += len(following.items)
            self._answer(batches)

    def _answer(self, batches: list[_Batch[Item, Answer]]) -> None:
        items = [item for batch in batches for item in batch.items]
        try:
            answers = self._work(items)
        except BaseException as error:
            for batch in batches:
                batch.future.set_exception(error)
            return
        at = 0
        for batch in batches:
            batch.future.set_result(answers[at : at + len(batch.items)])
            at += len(batch.items)


def _settle(future: "Future[Any]", work: Callable[[], Any]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)
