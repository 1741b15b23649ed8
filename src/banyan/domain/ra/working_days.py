"""Working days of the province, for deadlines. Days are those of China Standard Time.

Which days people work is what the rulebook holds of the State Council's notices, before what the calendar shipped with the
product knows; of other years only the weekends are known, and what follows from them is provisional.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import chinese_calendar

from banyan.domain.rulebook import snapshots
from banyan.domain.rulebook.snapshots import Snapshot

LOCAL = ZoneInfo("Asia/Shanghai")
CALENDARS = "calendar:"
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class DueDate:
    """When something is due. ``is_provisional``: the State Council's holidays of that year were not known."""

    on: date
    is_provisional: bool


@dataclass(frozen=True, slots=True)
class Calendar:
    """What the rulebook holds: days off and days worked of notices, and the years that they are complete for."""

    days: Mapping[date, bool]
    years: frozenset[int]


def document_of(year: int) -> str:
    """The name of a year's document in the rulebook."""
    return f"{CALENDARS}{year}"


@lru_cache(maxsize=64)  # the rows of a slice share their moment
def local_date(moment: datetime) -> date:
    """The day in the province."""
    return moment.astimezone(LOCAL).date()


def is_working_day(day: date) -> tuple[bool, bool]:
    """(whether people work that day, whether that is only a guess from weekends)."""
    return _is_working_day(_calendar(snapshots.current()), day)


def is_known(year: int) -> bool:
    """Whether the holidays of a year were published and are held here or shipped."""
    return year in _calendar(snapshots.current()).years or not shipped_day(date(year, 7, 1))[1]


def due_date(start: datetime, working_days: int) -> DueDate:
    """The last day of a period of ``working_days`` after the day of ``start`` (which does not count)."""
    return due_after(local_date(start), working_days)


def due_after(day: date, working_days: int) -> DueDate:
    """The same from a day of the province."""
    return _due_date(snapshots.current(), day, max(working_days, 1))


@lru_cache(maxsize=1024)
def _due_date(rules: Snapshot, day: date, left: int) -> DueDate:
    calendar = _calendar(rules)
    is_provisional = False
    while left:
        day += timedelta(days=1)
        works, is_guess = _is_working_day(calendar, day)
        is_provisional = is_provisional or is_guess
        left -= works
    return DueDate(day, is_provisional)


def _is_working_day(calendar: Calendar, day: date) -> tuple[bool, bool]:
    works = calendar.days.get(day)
    if works is not None:
        return works, False
    if day.year in calendar.years:
        return day.weekday() < _SATURDAY, False
    return shipped_day(day)


def shipped_day(day: date) -> tuple[bool, bool]:
    """As ``is_working_day``, from the calendar shipped with the product alone."""
    try:
        return bool(chinese_calendar.is_workday(day)), False
    except NotImplementedError:
        return day.weekday() < _SATURDAY, True


@lru_cache(maxsize=4)
def _calendar(rules: Snapshot) -> Calendar:
    """A notice may begin in the December before its year, so later years say what counts there."""
    days: dict[date, bool] = {}
    years = set()
    for document in rules.documents(CALENDARS):
        content = rules.content(document)
        if content is not None:
            years.add(int(content["year"]))
            days.update((date.fromisoformat(day), False) for day in content["holidays"])
            days.update((date.fromisoformat(day), True) for day in content["workdays"])
    return Calendar(days, frozenset(years))


def is_late(due_on: date | None, moment: datetime) -> bool:
    """Whether ``moment`` lies after the due day."""
    return due_on is not None and local_date(moment) > due_on
