"""The State Council's notice of a year's holidays, as pasted text or as a table, read into days off and days worked.

What the notice says twice is checked: the day of the week behind a date, and how many days a holiday has.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from banyan.domain.rulebook.errors import SettingRefused
from banyan.kernel.errors import N_

LONGEST: Final = 20_000  # characters; a notice has about a thousand
_MOST_DAYS: Final = 15
_WEEKDAYS = "一二三四五六日"
_NEW_YEAR = "元旦"
# Every notice arranges these (全国年节及纪念日放假办法).
HOLIDAYS: Final = (_NEW_YEAR, "春节", "清明", "劳动", "端午", "中秋", "国庆")
_DATE = r"(?:(\d{4})[年/\-.])?(?:(\d{1,2})[月/\-.])?(\d{1,2})日?(?:\s*[（(]([^）)]*)[）)])?"
_RANGE = re.compile(rf"{_DATE}(?:\s*(?:至|到|—+|－|~|～)\s*{_DATE})?")
_TITLE = re.compile(r"(\d{4})\s*年部分节假日")
_NUMBERING = re.compile(r"^\s*(?:[一二三四五六七八九十]+、|[（(]?\d{1,2}[）)、.]\s*)")
_COUNT = re.compile(r"共\s*(\d{1,2})\s*天")
_DAY_NAME = re.compile(r"(?:周|星期)([一二三四五六日天])")
_HAS_DATE = re.compile(r"\d{1,2}\s*日|\d{4}[/\-.]\d{1,2}[/\-.]\d{1,2}")


@dataclass
class Notice:
    """What a notice says: days off, days worked, and the name of a holiday by its first day."""

    year: int
    holidays: set[date] = field(default_factory=set)
    workdays: set[date] = field(default_factory=set)
    names: dict[date, str] = field(default_factory=dict)


def read_notice(text: str, year: int) -> Notice:
    """A notice of one year. Raises SettingRefused (place ``notice``) naming the line that is wrong."""
    if len(text) > LONGEST:
        raise _refused(N_("内容太长，请只粘贴通知的正文。"))
    title = _TITLE.search(text)
    if title and int(title[1]) != year:
        raise _refused(N_("这是 {found} 年的通知，不是 {year} 年的。"), found=int(title[1]), year=year)
    notice = Notice(year)
    for number, line in enumerate(text.splitlines(), 1):
        _read_line(notice, _NUMBERING.sub("", line).strip(), number)
    missing = [name for name in HOLIDAYS if not any(name in given for given in notice.names.values())]
    if missing:
        raise _refused(N_("没有读到“{names}”的安排，请粘贴完整的通知。"), names="、".join(missing))
    both = notice.holidays & notice.workdays
    if both:
        raise _refused(N_("{day} 既放假又上班，请核对通知。"), day=min(both).isoformat())
    return notice


def _read_line(notice: Notice, line: str, number: int) -> None:
    if not _HAS_DATE.search(line):
        return
    cells = [cell.strip() for cell in re.split(r"[\t,，|]", line)]
    if "放假" not in line and "上班" not in line and len(cells) > 2:
        _read_cells(notice, cells, number)
        return
    name, _, rest = line.replace(":", "：").partition("：")
    if not rest:
        if "放假" in line or "上班" in line:
            raise _refused(N_("第 {line} 行没有节日的名称，应像“春节：…”这样写。"), line=number)
        return  # the date under the notice
    for sentence in re.split(r"[。；;]", rest):
        if "放假" in sentence:
            head, _, tail = sentence.partition("放假")
            days = _days(head, notice.year, name, number)
            count = _COUNT.search(tail)
            if count and int(count[1]) != len(days):
                raise _refused(
                    N_("第 {line} 行：写着共 {said} 天，日期算来是 {found} 天。"),
                    line=number, said=int(count[1]), found=len(days),
                )  # fmt: skip
            _take(notice, name, days)
        elif "上班" in sentence:
            notice.workdays |= _worked(_days(sentence, notice.year, name, number), number)
        elif _HAS_DATE.search(sentence):
            raise _refused(N_("第 {line} 行：看不出这些日期是放假还是上班。"), line=number)


def _read_cells(notice: Notice, cells: list[str], number: int) -> None:
    name, first, last, *worked = cells
    days = _days(f"{first}至{last}", notice.year, name, number)
    _take(notice, name, days)
    for cell in worked:
        for part in filter(None, re.split(r"[\s、;；]+", cell)):
            notice.workdays |= _worked(_days(part, notice.year, name, number), number)


def _take(notice: Notice, name: str, days: list[date]) -> None:
    notice.holidays |= set(days)
    notice.names[days[0]] = name[:20]


def _worked(days: list[date], number: int) -> set[date]:
    for day in days:
        if day.weekday() < 5:
            raise _refused(
                N_("第 {line} 行：{day} 不是周六或周日，不会是调休上班日。"), line=number, day=day.isoformat()
            )
    return set(days)


def _days(text: str, year: int, name: str, number: int) -> list[date]:
    """Every day that a piece of text names, ranges filled, in order."""
    found: list[date] = []
    month: int | None = None
    for match in _RANGE.finditer(text):
        groups = match.groups()
        first = _date(groups[:4], year, month, name, number)
        month = first.month
        last = first
        if groups[6] is not None:
            last = _date(groups[4:], max(first.year, year), month, name, number)
            month = last.month
        found += _filled(first, last, number)
    if not found:
        raise _refused(N_("第 {line} 行没有写明日期。"), line=number)
    return sorted(set(found))


def _filled(first: date, last: date, number: int) -> Iterator[date]:
    if not 0 <= (last - first).days < _MOST_DAYS:
        raise _refused(
            N_("第 {line} 行：从 {first} 到 {last} 不像一次放假。"),
            line=number, first=first.isoformat(), last=last.isoformat(),
        )  # fmt: skip
    for offset in range((last - first).days + 1):
        yield first + timedelta(days=offset)


def _date(parts: tuple[str | None, ...], year: int, month: int | None, name: str, number: int) -> date:
    own_year, own_month, day, beside = parts
    in_month = int(own_month) if own_month else month
    if in_month is None:
        raise _refused(N_("第 {line} 行有日期没有写月份。"), line=number)
    # New Year's days off may begin in the December before.
    is_before = own_year is None and in_month == 12 and _NEW_YEAR in name
    try:
        found = date(int(own_year) if own_year else year - is_before, in_month, int(day or 0))
    except ValueError as error:
        raise _refused(
            N_("第 {line} 行：没有 {month} 月 {day} 日这一天。"), line=number, month=in_month, day=day
        ) from error
    if found.year != year and (found.year, found.month) != (year - 1, 12):
        raise _refused(N_("第 {line} 行：{day} 不在 {year} 年。"), line=number, day=found.isoformat(), year=year)
    said = _DAY_NAME.search(beside or "")
    if said and _WEEKDAYS[found.weekday()] != said[1].replace("天", "日"):
        raise _refused(
            N_("第 {line} 行：{day} 是周{real}，通知写的是周{said}。"),
            line=number, day=found.isoformat(), real=_WEEKDAYS[found.weekday()], said=said[1],
        )  # fmt: skip
    return found


def _refused(reason: str, **fields: object) -> SettingRefused:
    return SettingRefused("notice", reason, **fields)
