"""Calls into a library: at once, or each within a time limit in a thread of the token's own."""

import queue
import threading
from collections.abc import Callable
from typing import Any

from banyan_token.errors import TokenSlow


class DirectCalls:
    """Calls in the caller's thread, as long as they take."""

    def run(self, call: Callable[..., Any], *arguments: Any) -> Any:
        return call(*arguments)

    def close(self) -> None:
        """Nothing to end."""


class TimedCalls:
    """Calls one after the other in one thread. After one that did not come back in time the token is refused until it has."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._asked: queue.SimpleQueue[tuple[Callable[..., Any], tuple[Any, ...], list[Any], threading.Event] | None]
        self._asked = queue.SimpleQueue()
        self._late: threading.Event | None = None
        threading.Thread(target=self._serve, name="token", daemon=True).start()

    def run(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """Raises TokenSlow; the call itself cannot be taken back, and what it does it does."""
        with self._lock:
            if self._late is not None and not self._late.is_set():
                raise TokenSlow(seconds=self._seconds)
            answer: list[Any] = []
            done = threading.Event()
            self._asked.put((call, arguments, answer, done))
            if not done.wait(self._seconds):
                self._late = done
                raise TokenSlow(seconds=self._seconds)
        (result, error) = answer
        if error is not None:
            raise error
        return result

    def close(self) -> None:
        """The thread ends after what it is doing."""
        self._asked.put(None)

    def _serve(self) -> None:
        while (asked := self._asked.get()) is not None:
            call, arguments, answer, done = asked
            try:
                answer += [call(*arguments), None]
            except Exception as error:
                answer += [None, error]
            done.set()


def calls_within(seconds: float) -> DirectCalls | TimedCalls:
    """Calls within ``seconds``, or without a limit when it is 0."""
    return TimedCalls(seconds) if seconds else DirectCalls()
