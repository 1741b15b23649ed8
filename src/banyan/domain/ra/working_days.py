"""Working days of the province, for deadlines. Days are those of China Standard Time."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import chinese_calendar

LOCAL = ZoneInfo("Asia/Shanghai")
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class DueDate:
    """When something is due. ``is_provisional``: the State Council's holidays of that year were not known."""

    on: date
    is_provisional: bool


@lru_cache(maxsize=64)  # the rows of a slice share their moment
def local_date(moment: datetime) -> date:
    """The day in the province."""
    return moment.astimezone(LOCAL).date()


def is_working_day(day: date) -> tuple[bool, bool]:
    """(whether people work that day, whether that is only a guess from weekends)."""
    try:
        return bool(chinese_calendar.is_workday(day)), False
    except NotImplementedError:
        return day.weekday() < _SATURDAY, True


def due_date(start: datetime, working_days: int) -> DueDate:
    """The last day of a period of ``working_days`` after the day of ``start`` (which does not count)."""
    return _due_date(local_date(start), max(working_days, 1))


@lru_cache(maxsize=1024)
def _due_date(day: date, left: int) -> DueDate:
    is_provisional = False
    while left:
        day += timedelta(days=1)
        works, is_guess = is_working_day(day)
        is_provisional = is_provisional or is_guess
        left -= works
    return DueDate(day, is_provisional)


def is_late(due_on: date | None, moment: datetime) -> bool:
    """Whether ``moment`` lies after the due day."""
    return due_on is not None and local_date(moment) > due_on
