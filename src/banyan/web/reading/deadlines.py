"""Deadlines in working days: 剩 2 天, 今天到期, 超 1 天."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from banyan.domain.ra import working_days

_FARTHEST = timedelta(days=400)


@dataclass(frozen=True)
class Deadline:
    """How far a day is, in working days: negative when it is past. ``is_provisional``: holidays not yet announced."""

    on: date
    left: int
    is_provisional: bool = False

    @property
    def is_late(self) -> bool:
        return self.left < 0

    @property
    def is_soon(self) -> bool:
        return 0 <= self.left <= 1

    @property
    def text(self) -> str:
        """In words, in the reader's language."""
        if self.left > 0:
            return ngettext("剩 %(n)d 天", "剩 %(n)d 天", self.left) % {"n": self.left}
        if self.left == 0:
            return _("今天到限")
        return ngettext("超 %(n)d 天", "超 %(n)d 天", -self.left) % {"n": -self.left}


def deadline(on: date | None, now: datetime, *, is_provisional: bool = False) -> Deadline | None:
    """The deadline of something that is still to be done."""
    if on is None:
        return None
    return Deadline(on, _working_days_between(working_days.local_date(now), on), is_provisional)


def next_working_day(now: datetime) -> date:
    """The working day after today."""
    return working_days.due_date(now, 1).on


@lru_cache(maxsize=4096)
def _working_days_between(today: date, day: date) -> int:
    """Working days from today to a day, counting the day and not today; below zero for a past day (at least 1 late)."""
    if day == today:
        return 0
    first, last = (today, day) if day > today else (day, today)
    last = min(last, first + _FARTHEST)
    steps = (first + timedelta(days=n) for n in range(1, (last - first).days + 1))
    count = sum(working_days.is_working_day(step)[0] for step in steps)
    return count if day > today else -max(count, 1)
