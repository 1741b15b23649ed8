"""When a message is tried again, when it is given up, and how a target stands."""

from datetime import datetime, timedelta
from enum import StrEnum

MOST_ATTEMPTS = 12
_FIRST_WAIT = timedelta(seconds=5)
_LONGEST_WAIT = timedelta(hours=1)
# How long a delivery may take before another worker may take the message over.
LEASE = timedelta(minutes=5)


class TargetState(StrEnum):
    """How a target stands: messages go to it, somebody stopped them, or nothing here delivers to it yet."""

    CONNECTED = "CONNECTED"
    PAUSED = "PAUSED"
    NOT_CONNECTED = "NOT_CONNECTED"


def state_of_target(*, is_connected: bool, is_paused: bool) -> TargetState:
    """A target that nothing is connected to is so whether it is paused or not."""
    if not is_connected:
        return TargetState.NOT_CONNECTED
    return TargetState.PAUSED if is_paused else TargetState.CONNECTED


def wait_after(attempts: int) -> timedelta:
    """Pause before the next attempt: doubling from five seconds to an hour."""
    return min(_FIRST_WAIT * (1 << max(attempts - 1, 0)), _LONGEST_WAIT)


def due_after_failure(attempts: int, now: datetime) -> datetime | None:
    """When to try again after the ``attempts``-th failure; None means the message is a dead letter."""
    return None if attempts >= MOST_ATTEMPTS else now + wait_after(attempts)
