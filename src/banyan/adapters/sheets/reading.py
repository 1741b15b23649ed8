"""Opening a sheet that somebody sent: what kind of file it is, and the rows of its first visible worksheet.

Values keep the kind of cell they came from, because a number cell has already lost the digits of a long number and a
formula is not data. Rows are numbered as the person sees them, from 1.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import IO

from banyan.adapters.sheets import old_excel
from banyan.adapters.sheets.cells import EMPTY, MOST_COLUMNS, Cell, CellKind, Sheet, SheetRow
from banyan.adapters.sheets.errors import (
    EncodingUnknown,
    SheetFileTooLarge,
    SheetKindRefused,
    SheetKindUnknown,
    SheetTooWide,
    SheetUnreadable,
)
from banyan.adapters.sheets.package import Package
from banyan.adapters.sheets.workbook import read_workbook
from banyan.adapters.sheets.worksheet import rows_of, survey
from banyan.kernel.errors import N_

LARGEST_FILE = (
    48 << 20
)  # a hundred thousand applications take 8 MB of xlsx, a million rows of empty formatted cells 45 MB
_ZIP, _OLE = b"PK", b"\xd0\xcf\x11\xe0"


def open_sheet(path: Path) -> Sheet:
    """Open the first visible worksheet. Raises SheetUnreadable or one of its kinds; nothing is half read."""
    return read_sheet(read_content(path), path.name)


def read_content(path: Path) -> bytes:
    """The bytes of a file, to be read as a sheet and kept. Raises SheetFileTooLarge."""
    with path.open("rb") as stream:
        content = stream.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise SheetFileTooLarge(megabytes=(path.stat().st_size >> 20) + 1, limit=LARGEST_FILE >> 20)
    return content


def read_sheet(content: bytes, name: str) -> Sheet:
    """The same from bytes; ``name`` is the file's, whose ending says what it should be."""
    suffix = PurePath(name).suffix.lower()
    if suffix in (".et", ".ods", ".xlsb", ".ett", ".fods"):
        raise SheetKindRefused(suffix=suffix)
    if suffix in (".csv", ".txt"):
        return _read_csv(content, name)
    if suffix not in (".xlsx", ".xlsm", ".xls"):
        raise SheetKindUnknown(suffix=suffix or name)
    # Programs save one kind under the other's name: what the file is decides.
    if content.startswith(_ZIP):
        package = Package(content)
        book = read_workbook(package)
        found = survey(package, book)
        return Sheet(book.name, found.row_count, rows_of(package, book, found), book.left_out, found.hidden_columns)
    if content.startswith(_OLE):
        return old_excel.read(content)
    raise SheetUnreadable(reason=N_("文件损坏或格式不对"))


_BYTE_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))


def _read_csv(content: bytes, name: str) -> Sheet:
    encoding = _encoding(content)
    with _lines(content, encoding) as lines:
        head = lines.readline()
        count = 1 + sum(1 for _ in lines)
    delimiter = max(",\t;", key=head.count)
    return Sheet(name, count, _csv_rows(content, encoding, delimiter))


def _lines(content: bytes, encoding: str) -> IO[str]:
    return io.TextIOWrapper(io.BytesIO(content), encoding, newline="")


def _encoding(content: bytes) -> str:
    marked = [encoding for mark, encoding in _BYTE_MARKS if content.startswith(mark)]
    for encoding in marked or ("utf-8", "gb18030"):
        line = _first_bad_line(content, encoding)
        if line is None:
            return encoding
    raise EncodingUnknown(line=line)


def _first_bad_line(content: bytes, encoding: str) -> int | None:
    try:
        with _lines(content, encoding) as lines:
            for _ in lines:
                pass
    except UnicodeDecodeError:
        good = 0
        with io.TextIOWrapper(io.BytesIO(content), encoding, errors="replace", newline="") as lines:
            for good, line in enumerate(lines):  # noqa: B007
                if "\ufffd" in line:
                    break
        return good + 1
    return None


def _csv_rows(content: bytes, encoding: str, delimiter: str) -> Iterator[SheetRow]:
    with _lines(content, encoding) as lines:
        reader = csv.reader(lines, delimiter=delimiter)
        try:
            for number, values in enumerate(reader, 1):
                cells = [_csv_cell(value) for value in values[:MOST_COLUMNS]]
                if any(values[MOST_COLUMNS:]):
                    raise SheetTooWide(row=number, column=len(values))
                row = SheetRow(number, cells)
                if not row.is_empty:
                    yield row
        except csv.Error as error:
            raise SheetUnreadable(reason=N_("引号不成对，或有一格太长")) from error


def _csv_cell(value: str) -> Cell:
    text = value.strip()
    if not text:
        return EMPTY
    if text[0] in "=@" or (text[0] in "+-" and not text[1:].replace(".", "").isdigit()):
        return Cell(text, CellKind.FORMULA)
    # a program that keeps long numbers whole writes them with a leading apostrophe
    return Cell(text.removeprefix("'"), CellKind.TEXT)
