"""What may be set of a year's calendar: days off and days worked, from a notice or one day at a time."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, Final

import chinese_calendar.constants

from banyan.domain.administering.notices import Notice
from banyan.domain.administering.said import Said, say
from banyan.domain.ra import working_days
from banyan.domain.rulebook.errors import SettingRefused
from banyan.kernel.errors import N_

FIRST_YEAR: Final = 2020
LAST_YEAR: Final = 2099
_MOST_DAYS: Final = 60
_SATURDAY = 5
_DOCUMENT = re.compile(r"calendar:(20\d\d)")
_NAMES = {
    "New Year's Day": "元旦",
    "Spring Festival": "春节",
    "Tomb-sweeping Day": "清明节",
    "Labour Day": "劳动节",
    "Dragon Boat Festival": "端午节",
    "Mid-autumn Festival": "中秋节",
    "National Day": "国庆节",
}


def year_of(document: str) -> int | None:
    """The year of a calendar document; None for another one."""
    found = _DOCUMENT.fullmatch(document)
    return int(found[1]) if found and FIRST_YEAR <= int(found[1]) <= LAST_YEAR else None


def shipped_year(year: int) -> dict[str, Any]:
    """What the shipped calendar knows of a year; no days where it does not know it."""
    if working_days.shipped_day(date(year, 7, 1))[1]:
        return {"year": year, "is_known": False, "holidays": [], "workdays": [], "names": {}}
    off = {day: _NAMES.get(name, name) for day, name in chinese_calendar.constants.holidays.items() if day.year == year}
    worked = [day for day in chinese_calendar.constants.workdays if day.year == year]
    names = {run[0].isoformat(): off[run[0]] for run in runs(off)}
    return _content(year, off, worked, names)


def from_notice(notice: Notice) -> dict[str, Any]:
    """The content that a notice gives."""
    names = {day.isoformat(): name for day, name in notice.names.items()}
    return _content(notice.year, notice.holidays, notice.workdays, names)


def with_day(content: Mapping[str, Any], day: date, works: bool | None) -> dict[str, Any]:
    """The content with one day off, worked, or (None) as its weekday has it."""
    off = {date.fromisoformat(one) for one in content["holidays"]} - {day}
    worked = {date.fromisoformat(one) for one in content["workdays"]} - {day}
    if works is not None:
        (worked if works else off).add(day)
    return _content(content["year"], off, worked, dict(content["names"]))


def _content(year: int, off: Iterable[date], worked: Iterable[date], names: dict[str, str]) -> dict[str, Any]:
    return {
        "year": year,
        "is_known": True,
        "holidays": sorted(day.isoformat() for day in off),
        "workdays": sorted(day.isoformat() for day in worked),
        "names": names,
    }


def days_of(content: Mapping[str, Any]) -> dict[date, bool]:
    """Day → whether people work, for the days that a weekday does not tell."""
    return {
        **{date.fromisoformat(day): False for day in content["holidays"]},
        **{date.fromisoformat(day): True for day in content["workdays"]},
    }


def check(year: int, data: Mapping[str, Any]) -> None:
    """Raises SettingRefused for a calendar that may not be set."""
    try:
        off = {date.fromisoformat(day) for day in data["holidays"]}
        worked = {date.fromisoformat(day) for day in data["workdays"]}
    except (ValueError, TypeError) as error:
        raise SettingRefused("day", N_("日期写法应是 2027-02-06 这样。")) from error
    for day in off | worked:
        if day.year != year and (day.year, day.month) != (year - 1, 12):
            raise SettingRefused("day", N_("{day} 不在 {year} 年。"), day=day.isoformat(), year=year)
    if data["year"] != year or off & worked:
        raise SettingRefused("day", N_("同一天不能既放假又上班。"))
    for day in worked:
        if day.weekday() < _SATURDAY:
            raise SettingRefused("day", N_("{day} 本来就是工作日，不用设为上班。"), day=day.isoformat())
    if len(off) > _MOST_DAYS:
        raise SettingRefused("day", N_("一年放假超过 {most} 天，请核对。"), most=_MOST_DAYS)


def runs(days: Iterable[date]) -> list[list[date]]:
    """Days in a row."""
    found: list[list[date]] = []
    for day in sorted(days):
        if found and day - found[-1][-1] == timedelta(days=1):
            found[-1].append(day)
        else:
            found.append([day])
    return found


def lines(data: Mapping[str, Any]) -> list[Said]:
    """The year as sentences."""
    if not data["is_known"]:
        return [say(N_("放假安排未公布，只按周末推算"))]
    found = []
    for run in runs(date.fromisoformat(day) for day in data["holidays"]):
        name = "、".join(data["names"][day.isoformat()] for day in run if day.isoformat() in data["names"])
        first, last = run[0].isoformat(), run[-1].isoformat()
        if len(run) == 1:
            found.append(say(N_("放假 {first} {name}"), first=first, name=name))
        else:
            found.append(
                say(N_("放假 {first} 至 {last}，{n} 天 {name}"), first=first, last=last, n=len(run), name=name)
            )
    found += [say(N_("调休上班 {day}"), day=day) for day in data["workdays"]]
    return found
