"""What administrators set, as pages show it: sentences translated, two versions compared, a year as twelve months."""

import calendar
import importlib.util
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from banyan.domain.administering import calendar_settings, documents
from banyan.domain.administering.said import Said
from banyan.domain.ra import working_days
from banyan.kernel.errors import fill

_WEEK = 7


def text(said: Said) -> str:
    """A sentence in the reader's language."""
    fields = {name: _(value) if isinstance(value, str) and value else value for name, value in said.fields.items()}
    return fill(_(said.text), {**fields, "listed": _("、").join(_(one) for one in said.listed)}).strip()


def title(document: str) -> str:
    """What people call a document."""
    return text(documents.title(document))


@dataclass(frozen=True)
class Line:
    """One sentence of a comparison: ``same``, ``gone`` or ``new``."""

    mark: str
    text: str


def difference(before: Sequence[Said], after: Sequence[Said]) -> list[Line]:
    """Two versions sentence by sentence; what stands in both is shown once."""
    old, new = [text(one) for one in before], [text(one) for one in after]
    found: list[Line] = []
    for what, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            found += [Line("same", one) for one in old[i:j]]
        else:
            found += [Line("gone", one) for one in old[i:j]] + [Line("new", one) for one in new[k:m]]
    return found


@dataclass(frozen=True)
class Day:
    """A day of a year's view: its number (empty before the first), how it looks, and what a reader is told."""

    number: str
    css: str = ""
    word: str = ""


@dataclass(frozen=True)
class Month:
    """A month as weeks of days, Monday first."""

    number: int
    weeks: list[list[Day]]


def months(year: int, content: Mapping[str, Any]) -> list[Month]:
    """The twelve months of a year by a content: what is in force, or what a change would make of it."""
    special = calendar_settings.days_of(content)
    return [
        Month(month, [[_day(year, month, one, special) for one in week] for week in _weeks(year, month)])
        for month in range(1, 13)
    ]


def _weeks(year: int, month: int) -> list[list[int]]:
    return calendar.Calendar(firstweekday=0).monthdayscalendar(year, month)


def _day(year: int, month: int, number: int, special: Mapping[date, bool]) -> Day:
    if not number:
        return Day("")
    day = date(year, month, number)
    works = special.get(day)
    if works is None:
        if day.weekday() < 5:
            return Day(str(number))
        # A later year's notice may reach into this December.
        is_off = not working_days.is_working_day(day)[0] or month != 12
        return Day(str(number), "day-rest" if is_off else "day-works")
    return Day(str(number), "day-works", _("班")) if works else Day(str(number), "day-off", _("休"))


@dataclass(frozen=True)
class Vendor:
    """A maker's device profile of the token agent, and what of it still has to be confirmed with the maker."""

    code: str
    name: str
    is_tried: bool
    open_points: int


def vendors() -> list[Vendor]:
    """The device profiles that the token agent of this release knows. They are data; none of its code runs here."""
    spec = importlib.util.find_spec("banyan_token")
    places = list(spec.submodule_search_locations or ()) if spec else []
    found = []
    for place in places:
        for path in sorted((Path(place) / "skf" / "profiles").glob("*.toml")):
            data = tomllib.loads(path.read_text("utf-8"))
            points = len(data.get("to_be_confirmed", ()))
            found.append(Vendor(path.stem, data["name"], not points, points))
    return found
