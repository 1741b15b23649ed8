"""Pages of a long table, newest first, at a cost that does not depend on how long the table is.

A page walks the keys downwards in growing windows and stops when it is full or when ``MOST_LOOKED_AT`` keys were
passed; then it says where to go on. So a filter that fits hardly anything costs no more than one that fits everything.
"""

from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

from django.db import models
from django.db.models import Q
from django.http import QueryDict

SIZE = 25
MOST_LOOKED_AT = 40_000
_FIRST_WINDOW = 500
_GROWTH = 4
_COUNTED_TO_THE_END = 2_000

M = TypeVar("M", bound=models.Model)
R = TypeVar("R")


@dataclass(frozen=True)
class Cursor:
    """Where a page begins: below ``before`` (going to older rows) or above ``after`` (coming back to newer ones)."""

    before: int | None = None
    after: int | None = None

    @classmethod
    def of(cls, values: QueryDict) -> "Cursor":
        """The cursor in an address; what is not a key is passed over."""
        return cls(before=key_of(values.get("before", "")), after=key_of(values.get("after", "")))


@dataclass(frozen=True)
class Page(Generic[R]):
    """Rows, newest first, and the ways on.

    ``older`` and ``newer`` are keys for ``before`` and ``after``, None at an end. ``left`` counts the rows after this
    page where that costs nothing to know. ``is_cut``: the walk ended before the page was full; there may be more.
    """

    rows: list[R]
    older: int | None
    newer: int | None
    left: int | None = None
    is_cut: bool = False

    def with_rows(self, rows: list[Any]) -> "Page[Any]":
        """The same place with other rows: what a page shows instead of models."""
        return replace(self, rows=rows)


def page(
    found: "models.QuerySet[M, M]", cursor: Cursor, *, newest: int, size: int = SIZE, is_indexed: bool = False
) -> Page[M]:
    """The page at a cursor. ``newest`` is the highest key there is; ``found`` is unordered.

    ``is_indexed``: an index answers the filter in the order of the keys, so one window holds everything.
    """
    first = newest + 1 if is_indexed else _FIRST_WINDOW
    if cursor.after is not None:
        return _newer(found, cursor.after, newest, size, first)
    return _older(found, min(cursor.before or newest + 1, newest + 1), newest, size, first)


def _older(found: "models.QuerySet[M, M]", top: int, newest: int, size: int, first: int) -> Page[M]:
    rows: list[M] = []
    high, window, looked = top, first, 0
    while len(rows) <= size and high > 1 and looked < MOST_LOOKED_AT:
        low = max(high - window, 1)
        part = found.filter(pk__lt=high, pk__gte=low).order_by("-pk")
        rows += part[: size + 1 - len(rows)]
        looked += high - low
        high, window = low, window * _GROWTH
    newer = (rows[0].pk if rows else top - 1) if top <= newest else None
    if len(rows) > size:
        rows = rows[:size]
        return Page(rows, rows[-1].pk, newer, _left(found, rows[-1].pk))
    return Page(rows, high if high > 1 else None, newer, is_cut=high > 1)


def _newer(found: "models.QuerySet[M, M]", bottom: int, newest: int, size: int, first: int) -> Page[M]:
    rows: list[M] = []
    low, window, looked = bottom, first, 0
    while len(rows) <= size and low < newest and looked < MOST_LOOKED_AT:
        high = min(low + window, newest)
        part = found.filter(pk__gt=low, pk__lte=high).order_by("pk")
        rows += part[: size + 1 - len(rows)]
        looked += high - low
        low, window = high, window * _GROWTH
    if len(rows) > size:
        rows = rows[:size][::-1]
        return Page(rows, rows[-1].pk, rows[0].pk)
    if low < newest:  # cut short: more may lie above
        return Page(rows[::-1], bottom + 1, low, is_cut=True)
    # The newest end is reached: show its full first page rather than a short one.
    return _older(found, newest + 1, newest, size, first)


def sorted_page(
    found: "models.QuerySet[M, M]", everything: "models.QuerySet[M, M]", cursor: Cursor, *, by: str, size: int = SIZE
) -> Page[M]:
    """The page at a cursor of rows in ascending order of an indexed field, for filters that bound that field.

    ``everything`` is where the row that a cursor names is looked up; when it is gone the list begins anew.
    """
    anchor = cursor.before or cursor.after
    value = everything.filter(pk=anchor).values_list(by, flat=True).first() if anchor else None
    is_back = value is not None and cursor.before is None
    if value is not None:
        beside = Q(pk__lt=anchor) if is_back else Q(pk__gt=anchor)
        side, edge = ("lt", "lte") if is_back else ("gt", "gte")
        found = found.filter(**{f"{by}__{edge}": value}).filter(Q(**{f"{by}__{side}": value}) | beside)
    order = (f"-{by}", "-pk") if is_back else (by, "pk")
    rows = list(found.order_by(*order)[: size + 1])
    has_more, rows = len(rows) > size, rows[:size]
    if is_back:
        rows.reverse()
    newer = rows[0].pk if rows and (has_more if is_back else value is not None) else None
    older = rows[-1].pk if rows and (is_back or has_more) else None
    return Page(rows, older, newer)


def _left(found: "models.QuerySet[M, M]", last: int) -> int | None:
    if last > _COUNTED_TO_THE_END:
        return None
    return found.filter(pk__lt=last).count()


def key_of(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
