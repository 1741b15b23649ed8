"""When a message is tried again, and when it is given up."""

from datetime import datetime, timedelta

MOST_ATTEMPTS = 12
_FIRST_WAIT = timedelta(seconds=5)
_LONGEST_WAIT = timedelta(hours=1)
# How long a delivery may take before another worker may take the message over.
LEASE = timedelta(minutes=5)


def wait_after(attempts: int) -> timedelta:
    """Pause before the next attempt: doubling from five seconds to an hour."""
    return min(_FIRST_WAIT * (1 << max(attempts - 1, 0)), _LONGEST_WAIT)


def due_after_failure(attempts: int, now: datetime) -> datetime | None:
    """When to try again after the ``attempts``-th failure; None means the message is a dead letter."""
    return None if attempts >= MOST_ATTEMPTS else now + wait_after(attempts)
