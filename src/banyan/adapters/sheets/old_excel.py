"""Sheets of the old kind, .xls: read by xlrd in a process of its own that may take only so much memory and time.

The library is the one that tells hidden rows, merged cells and formats; it holds the whole sheet, and what a broken file
makes of it ends with that process.
"""

import json
from collections.abc import Iterator, Sequence

from banyan.adapters.sheets.cells import EMPTY, Area, Cell, CellKind, Sheet, SheetRow, under_merged
from banyan.adapters.sheets.errors import SheetEncrypted, SheetTooMuch, SheetUnreadable
from banyan.adapters.sheets.old_excel_process import Ending
from banyan.kernel.confined import confined
from banyan.kernel.errors import N_

_SECONDS = 120
_MOST_OUTPUT = 80 << 20
_SEALED = "EncryptedPackage".encode("utf-16-le")


def read(content: bytes) -> Sheet:
    """The first visible worksheet. Raises SheetUnreadable or one of its kinds."""
    if _SEALED in content:  # an xlsx with a password comes in the same envelope
        raise SheetEncrypted
    with confined("banyan.adapters.sheets.old_excel_process", patience_s=_SECONDS) as child:
        child.feed([content])
        told = child.read(_MOST_OUTPUT)
        ending = child.end()
    if ending == Ending.ENCRYPTED:
        raise SheetEncrypted
    if ending == Ending.BROKEN:
        raise SheetUnreadable(reason=N_("文件损坏或格式不对"))
    if ending == Ending.NOTHING_VISIBLE:
        raise SheetUnreadable(reason=N_("没有可见的工作表"))
    if ending:  # out of memory or time, whatever died of it
        raise SheetTooMuch
    lines = iter(told.splitlines())
    about = json.loads(next(lines))
    rows = under_merged(_rows(lines), [Area(*area) for area in about["areas"]])
    return Sheet(about["name"], about["row_count"], rows, about["left_out"], frozenset(about["hidden_columns"]))


def _rows(lines: Iterator[bytes]) -> Iterator[SheetRow]:
    for line in lines:
        number, is_hidden, cells = json.loads(line)
        yield SheetRow(number, [_cell(cell) for cell in cells], is_hidden)


def _cell(cell: str | Sequence[str]) -> Cell:
    """A text stands for itself, whatever else brings its kind along."""
    if isinstance(cell, str):
        return Cell(cell, CellKind.TEXT) if cell else EMPTY
    return Cell(cell[1], CellKind(cell[0]))
