"""Reading a sheet row by row.

Values keep the kind of cell they came from, because a number cell has already lost the digits of a long number and a
formula is not data. Rows are numbered as the person sees them, from 1.
"""

import csv
import datetime
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import python_calamine

from banyan.adapters.sheets.errors import EncodingUnknown, SheetEncrypted, SheetKindUnknown, SheetUnreadable
from banyan.adapters.sheets.structure import MOST_COLUMNS, Structure, check_size, read_structure


class CellKind(StrEnum):
    """What the cell was in the file."""

    EMPTY = "empty"
    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    LOGICAL = "logical"
    FORMULA = "formula"
    MERGED = "merged"  # covered by a merged cell whose value stands elsewhere


class Cell(NamedTuple):
    """One cell: its text as a person would read it, and its kind."""

    text: str
    kind: CellKind


EMPTY = Cell("", CellKind.EMPTY)
_MERGED_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row of the file. ``number`` counts from 1 as the person's program shows it."""

    number: int
    cells: Sequence[Cell]
    is_hidden: bool = False

    @property
    def is_empty(self) -> bool:
        return all(cell.kind in (CellKind.EMPTY, CellKind.MERGED) for cell in self.cells)


@dataclass(frozen=True)
class Sheet:
    """One worksheet, opened; ``rows`` may be walked once and skips empty rows.

    ``left_out`` names the other worksheets of the file: hidden ones, and visible ones after the first.
    """

    name: str
    row_count: int
    rows: Iterator[SheetRow]
    left_out: Sequence[str] = ()


def open_sheet(path: Path) -> Sheet:
    """Open the first visible worksheet. Raises SheetUnreadable or one of its kinds; nothing is half read."""
    suffix = path.suffix.lower()
    if suffix in (".csv", ".txt"):
        return _open_csv(path)
    if suffix in (".xlsx", ".xlsm", ".xls", ".et", ".ods"):
        return _open_workbook(path)
    raise SheetKindUnknown(suffix=path.suffix or path.name)


def _open_workbook(path: Path) -> Sheet:
    with path.open("rb") as stream:
        is_zip = stream.read(2) == b"PK"
    if is_zip:
        check_size(path)
    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        name = _first_visible(book)
        # before the values: calamine lays out every cell between the first and the last
        structure = read_structure(path, name) if is_zip else Structure()
        sheet = book.get_sheet_by_name(name)
    except python_calamine.PasswordError as error:
        raise SheetEncrypted from error
    except (python_calamine.CalamineError, zipfile.BadZipFile, OSError, ValueError, IndexError) as error:
        raise SheetUnreadable(reason="文件损坏或格式不对") from error
    left_out = [other for other in book.sheet_names if other != name]
    merged = _covered(sheet.merged_cell_ranges or (), sheet.total_height)
    return Sheet(name, sheet.total_height, _workbook_rows(sheet, structure, merged), left_out)


def _first_visible(book: Any) -> str:
    for sheet in book.sheets_metadata:
        if (
            sheet.visible == python_calamine.SheetVisibleEnum.Visible
            and sheet.typ == python_calamine.SheetTypeEnum.WorkSheet
        ):
            return str(sheet.name)
    raise SheetUnreadable(reason="没有可见的工作表")


def _workbook_rows(sheet: Any, structure: Structure, merged: dict[int, set[int]]) -> Iterator[SheetRow]:
    if sheet.start is None:
        return
    formulas: dict[int, set[int]] = {}
    for row, column in structure.formulas:
        formulas.setdefault(row, set()).add(column)
    before = [EMPTY] * sheet.start[1]  # calamine begins at row 1, but at the first used column
    for number, values in enumerate(sheet.iter_rows(), 1):
        cells = before + [_cell(value) for value in values]
        if number in merged or number in formulas:
            _mark(cells, merged.get(number, set()), formulas.get(number, set()))
        row_seen = SheetRow(number, cells, number in structure.hidden_rows)
        if not row_seen.is_empty:
            yield row_seen


def _mark(cells: list[Cell], merged: set[int], formulas: set[int]) -> None:
    """Say of a row's cells which lie under a merged one and which hold a formula."""
    cells += [EMPTY] * (max(merged | formulas, default=-1) + 1 - len(cells))
    for column in merged:
        if cells[column].kind is CellKind.EMPTY:
            cells[column] = Cell("", CellKind.MERGED)
    for column in formulas:
        cells[column] = Cell(cells[column].text, CellKind.FORMULA)


def _covered(ranges: Sequence[tuple[tuple[int, int], tuple[int, int]]], height: int) -> dict[int, set[int]]:
    """Row number → columns under a merged cell, within what the sheet holds and a template can have."""
    found: dict[int, set[int]] = {}
    for (top, left), (bottom, right) in ranges:
        for row in range(top, min(bottom, height, top + _MERGED_ROWS) + 1):
            columns = found.setdefault(row + 1, set())
            columns.update(
                column for column in range(left, min(right, MOST_COLUMNS) + 1) if (row, column) != (top, left)
            )
    return found


def _cell(value: Any) -> Cell:
    if isinstance(value, str):
        return Cell(value, CellKind.TEXT) if value else EMPTY
    if isinstance(value, bool):
        return Cell(str(value).upper(), CellKind.LOGICAL)
    if isinstance(value, int | float):
        text = str(int(value)) if float(value).is_integer() else repr(value)
        return Cell(text, CellKind.NUMBER)
    if isinstance(value, datetime.datetime | datetime.date):
        return Cell(value.strftime("%Y-%m-%d"), CellKind.DATE)
    return EMPTY if value is None else Cell(str(value), CellKind.TEXT)


_BYTE_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def _open_csv(path: Path) -> Sheet:
    encoding = _encoding(path)
    with path.open(encoding=encoding, newline="") as lines:
        head = lines.readline()
        count = 1 + sum(1 for _ in lines)
    delimiter = max(",\t;", key=head.count)
    return Sheet(path.name, count, _csv_rows(path, encoding, delimiter))


def _encoding(path: Path) -> str:
    with path.open("rb") as stream:
        head = stream.read(4)
    for mark, name in _BYTE_MARKS:
        if head.startswith(mark):
            return name
    for name in ("utf-8", "gb18030"):
        line = _first_bad_line(path, name)
        if line is None:
            return name
    raise EncodingUnknown(line=line)


def _first_bad_line(path: Path, encoding: str) -> int | None:
    number = 0
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            try:
                line.decode(encoding)
            except UnicodeDecodeError:
                return number
    return None


def _csv_rows(path: Path, encoding: str, delimiter: str) -> Iterator[SheetRow]:
    with path.open(encoding=encoding, newline="") as stream:
        reader = csv.reader(stream, delimiter=delimiter)
        for number, values in enumerate(reader, 1):
            row = SheetRow(number, [_csv_cell(value) for value in values])
            if not row.is_empty:
                yield row


def _csv_cell(value: str) -> Cell:
    text = value.strip()
    if not text:
        return EMPTY
    if text[0] in "=@" or (text[0] in "+-" and not text[1:].replace(".", "").isdigit()):
        return Cell(text, CellKind.FORMULA)
    # a program that keeps long numbers whole writes them with a leading apostrophe
    return Cell(text.removeprefix("'"), CellKind.TEXT)
