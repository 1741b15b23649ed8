"""The process that reads one .xls: the file comes in at its standard input, rows go out, one JSON text a line."""

import json
import sys
from collections.abc import Callable
from enum import IntEnum
from typing import Any, BinaryIO, Final

from banyan.adapters.sheets.cells import LONGEST_TEXT
from banyan.kernel.confined import Limits, confine

_MB: Final = 1 << 20
_MEMORY: Final = 300 * _MB
_SECONDS: Final = 100
_MOST_OUTPUT: Final = 64 * _MB
_FORMULAS: Final = (0x0006, 0x0206, 0x0406)


class Ending(IntEnum):
    """How the process ends when it gives no rows; whatever else it dies of counts as too much."""

    ENCRYPTED = 10
    BROKEN = 11
    NOTHING_VISIBLE = 12
    TOO_MUCH = 13


def main() -> int:
    """Read and tell."""
    confine(Limits(_MEMORY, _SECONDS))
    try:
        return _tell(sys.stdin.buffer.read(), sys.stdout.buffer)
    except MemoryError:
        return Ending.TOO_MUCH


def _tell(content: bytes, out: BinaryIO) -> int:
    import xlrd

    try:
        book = xlrd.open_workbook(
            file_contents=content, logfile=_Silence(), formatting_info=True, on_demand=True, ragged_rows=True
        )
        formulas = _watch_formulas(book)
        for index in range(book.nsheets):
            formulas.clear()
            sheet = book.sheet_by_index(index)
            if sheet.visibility == 0:
                return _tell_sheet(book, sheet, formulas, out)
            book.unload_sheet(index)
    except MemoryError:
        raise
    except Exception as error:
        # a broken file makes the library raise anything
        return Ending.ENCRYPTED if "encrypted" in str(error) else Ending.BROKEN
    return Ending.NOTHING_VISIBLE


class _Silence:
    """Where the library's remarks go."""

    def write(self, _text: str) -> None:
        """Forget it."""

    def flush(self) -> None:
        """Nothing to do."""


def _watch_formulas(book: Any) -> set[tuple[int, int]]:
    """(row, column) of the formulas in the sheets read from now on: the library keeps only what they came to."""
    found: set[tuple[int, int]] = set()
    read: Callable[[], tuple[int, int, bytes]] = book.get_record_parts

    def watched() -> tuple[int, int, bytes]:
        record = read()
        if record[0] in _FORMULAS:
            found.add((int.from_bytes(record[2][:2], "little"), int.from_bytes(record[2][2:4], "little")))
        return record

    book.get_record_parts = watched
    return found


def _tell_sheet(book: Any, sheet: Any, formulas: set[tuple[int, int]], out: BinaryIO) -> int:
    areas = [(top + 1, left, bottom, right - 1) for top, bottom, left, right in sheet.merged_cells]
    about = {
        "name": sheet.name,
        "row_count": sheet.nrows,
        "left_out": [name for name in book.sheet_names() if name != sheet.name],
        "areas": areas,
        "hidden_columns": [column for column, info in sheet.colinfo_map.items() if info.hidden or info.width == 0],
    }
    size = out.write(_line(about))
    for row in range(sheet.nrows):
        cells = [
            _cell(book, sheet, row, column, is_formula=(row, column) in formulas)
            for column in range(sheet.row_len(row))
        ]
        while cells and not cells[-1]:
            cells.pop()
        if cells:
            info = sheet.rowinfo_map.get(row)
            is_hidden = info is not None and bool(info.hidden or (info.height == 0 and info.height_mismatch))
            size += out.write(_line((row + 1, is_hidden, cells)))
        if size > _MOST_OUTPUT:
            return Ending.TOO_MUCH
    return 0


def _line(what: object) -> bytes:
    return json.dumps(what, ensure_ascii=False).encode(errors="replace") + b"\n"


def _cell(book: Any, sheet: Any, row: int, column: int, *, is_formula: bool) -> str | tuple[str, str]:
    """A text as itself, anything else as kind and text."""
    from banyan.adapters.sheets.worksheet import day_text, number_text

    kind, value = sheet.cell_type(row, column), sheet.cell_value(row, column)
    if is_formula:
        return "formula", str(value)[:LONGEST_TEXT]
    match kind:
        case 1:
            return str(value)[:LONGEST_TEXT]
        case 2:
            return "number", number_text(value)
        case 3:
            return "date", day_text(value, is_from_1904=book.datemode == 1)
        case 4:
            return "logical", "TRUE" if value else "FALSE"
        case 5:
            return "broken", ""
        case _:
            return ""


if __name__ == "__main__":
    sys.exit(main())
