"""What a reader of any kind of file gives: a sheet of rows of cells that remember what they were."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from banyan.adapters.sheets.errors import SheetUnreadable
from banyan.kernel.errors import N_

MOST_COLUMNS = 256
MOST_ROWS = 1_048_576
LONGEST_TEXT = 4096  # no column takes nearly as much: what is longer is refused by its column's rule, cut or not


class CellKind(StrEnum):
    """What the cell was in the file."""

    EMPTY = "empty"
    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    LOGICAL = "logical"
    FORMULA = "formula"
    MERGED = "merged"  # covered by a merged cell whose value stands elsewhere
    BROKEN = "broken"  # an error value, or one that the file does not really hold


class Cell(NamedTuple):
    """One cell: its text as a person would read it, and its kind."""

    text: str
    kind: CellKind


EMPTY = Cell("", CellKind.EMPTY)
_MERGED = Cell("", CellKind.MERGED)
_NOTHING = (CellKind.EMPTY, CellKind.MERGED)


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row of the file. ``number`` counts from 1 as the person's program shows it."""

    number: int
    cells: Sequence[Cell]
    is_hidden: bool = False

    @property
    def is_empty(self) -> bool:
        return all(cell.kind in _NOTHING for cell in self.cells)


@dataclass(frozen=True)
class Sheet:
    """One worksheet, opened; ``rows`` may be walked once and skips empty rows.

    ``left_out`` names the other worksheets of the file: hidden ones, and visible ones after the first.
    ``hidden_columns`` are those that nobody who opens the file sees, from 0.
    """

    name: str
    row_count: int
    rows: Iterator[SheetRow]
    left_out: Sequence[str] = ()
    hidden_columns: frozenset[int] = frozenset()


class Area(NamedTuple):
    """A merged cell: rows from 1, columns from 0, all inclusive."""

    top: int
    left: int
    bottom: int
    right: int


def under_merged(rows: Iterable[SheetRow], areas: Iterable[Area]) -> Iterator[SheetRow]:
    """The rows, with what lies under a merged cell marked. Raises SheetUnreadable where merged cells overlap wildly."""
    waiting = sorted(areas, reverse=True)
    active: list[Area] = []
    for row in rows:
        while waiting and waiting[-1].top <= row.number:
            active.append(waiting.pop())
        active = [area for area in active if area.bottom >= row.number] if active else active
        if len(active) > MOST_COLUMNS:
            raise SheetUnreadable(reason=N_("合并单元格互相重叠"))
        yield _marked(row, active) if active else row


def _marked(row: SheetRow, areas: Sequence[Area]) -> SheetRow:
    cells = list(row.cells)
    for area in areas:
        right = min(area.right, MOST_COLUMNS - 1)
        cells += [EMPTY] * (right + 1 - len(cells))
        for column in range(area.left, right + 1):
            if (row.number, column) != (area.top, area.left) and cells[column].kind is CellKind.EMPTY:
                cells[column] = _MERGED
    return replace(row, cells=cells)
