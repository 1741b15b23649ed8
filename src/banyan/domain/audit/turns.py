"""Taking turns to write on SQLite, so that an import never starves a person at a desk.

SQLite's own waiting polls with pauses up to a tenth of a second and knows no order: a writer in a loop wins every time.
Here whoever wants to write first takes the door, then waits for the room and gives the door back: after each
transaction somebody who waits goes next. On PostgreSQL there is nothing to do.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection

_POLL_S = 0.002
_LONGEST_WAIT_S = 30.0


@contextmanager
def write_turn() -> Iterator[None]:
    """Hold the turn to write for one transaction.

    Waits half a minute at the most; then the database itself says that it is locked.
    """
    if connection.vendor != "sqlite" or connection.in_atomic_block:
        yield
        return
    room = _open("write.room")
    try:
        door = _open("write.door")
        try:
            fcntl.flock(door, fcntl.LOCK_EX)
            _enter(room)
        finally:
            os.close(door)  # gives the door back
        yield
    finally:
        os.close(room)


def _enter(room: int) -> None:
    until = time.monotonic() + _LONGEST_WAIT_S
    while True:
        try:
            fcntl.flock(room, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                return
            time.sleep(_POLL_S)
        else:
            return


def _open(name: str) -> int:
    path = settings.HOME.run / name
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
