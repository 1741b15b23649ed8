"""What a workbook's values do not tell: formulas, hidden rows and the size it unpacks to.

calamine reads values fast but drops these. They are found by one streaming pass over the worksheet's XML, in bounded
memory; the file is never unpacked to disk.
"""

import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from banyan.adapters.sheets.errors import SheetTooLarge, SheetTooWide, SheetUnreadable

LARGEST_UNPACKED = 1024 * 1024 * 1024
_LARGEST_RATIO = 400  # a sheet of applications packs about 1:12; a million empty formatted rows about 1:60
MOST_COLUMNS = 256
_MOST_CELLS = 40_000_000  # rows × columns of the rectangle that holds all cells
_SMALL = 64 * 1024 * 1024
_CHUNK = 1 << 20
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_TAG = re.compile(rb"<(?:x:)?row\b([^>]*)>|<(?:x:)?c\b([^>]*?)/?>|<(?:x:)?f[\s/>]")
# A formula, or a row or cell that does not begin by saying where it is, as nearly all programs let it.
_UNUSUAL = re.compile(rb'<(?:x:)?(?:f[\s/>]|row\b(?! r="\d{1,7}")|c\b(?! r="[A-Z]{1,2}\d{1,7}"))')
_BEYOND_Z = re.compile(rb' r="([A-Z]{2})\d')
_COLUMNS_TO_Z = 26
_FAR_DOWN = re.compile(rb' r="[A-Z]{0,2}(\d{6,7})"')
_NOT_FAR = 99_999
_NUMBER = re.compile(rb'\br="(\d+)"')
_REFERENCE = re.compile(rb'\br="([A-Z]+)(\d+)"')
_HIDDEN = re.compile(rb'\bhidden="(?:1|true)"')


@dataclass
class Structure:
    """Of one worksheet: numbers of hidden rows, and (row, column from 0) of cells that hold a formula."""

    hidden_rows: set[int] = field(default_factory=set)
    formulas: set[tuple[int, int]] = field(default_factory=set)


def check_size(path: Path) -> None:
    """Refuse a workbook that unpacks to more than memory should hold. Raises SheetTooLarge or SheetUnreadable."""
    try:
        with zipfile.ZipFile(path) as archive:
            total = sum(item.file_size for item in archive.infolist())
            packed = sum(item.compress_size for item in archive.infolist())
    except zipfile.BadZipFile as error:
        raise SheetUnreadable(reason="文件损坏") from error
    if total > LARGEST_UNPACKED or (total > _SMALL and total > packed * _LARGEST_RATIO):
        raise SheetTooLarge(megabytes=total >> 20, limit=LARGEST_UNPACKED >> 20)


def read_structure(path: Path, sheet_name: str) -> Structure:
    """The structure of one worksheet of an xlsx file, read before its values are: a cell a million columns away would
    make any reader lay out everything between. Raises SheetTooWide, SheetTooLarge.
    """
    scan = _Scan()
    with zipfile.ZipFile(path) as archive:
        member = _member_of(archive, sheet_name)
        if member is not None:
            for piece in _pieces(archive, member):
                scan.take(piece)
    return scan.found


class _Scan:
    """Where the reading of a worksheet's XML stands: the row, the column in it, the widest so far."""

    def __init__(self) -> None:
        self.found = Structure()
        self._row, self._column, self._widest = 0, 0, 0

    def take(self, piece: bytes) -> None:
        """Go on through the next piece, which cuts no tag. Raises SheetTooWide.

        A sheet of applications has millions of tags, and looking at each costs more than all that is done with its
        values: where nothing is unusual or far away, only the last row is walked, for where the next piece begins.
        """
        last_row = max(piece.rfind(b"<row r="), piece.rfind(b"<x:row r="), 0) if self._is_usual(piece) else 0
        self._take_each(piece[last_row:])

    def _is_usual(self, piece: bytes) -> bool:
        if b"hidden" in piece or _UNUSUAL.search(piece):
            return False
        columns = max(map(column_number, set(_BEYOND_Z.findall(piece))), default=_COLUMNS_TO_Z - 1) + 1
        widest = max(self._widest, columns)
        lowest = max(map(int, set(_FAR_DOWN.findall(piece))), default=_NOT_FAR)
        if widest > MOST_COLUMNS or max(lowest, self._row) * widest > _MOST_CELLS:
            return False
        self._widest = widest
        return True

    def _take_each(self, piece: bytes) -> None:
        for match in _TAG.finditer(piece):
            if match[1] is not None:
                self._begin_row(match[1])
            elif match[2] is not None:
                self._see_cell(match[2])
            else:
                self.found.formulas.add((self._row, self._column))

    def _begin_row(self, attributes: bytes) -> None:
        number = _NUMBER.search(attributes)
        self._row, self._column = int(number[1]) if number else self._row + 1, -1
        if _HIDDEN.search(attributes):
            self.found.hidden_rows.add(self._row)

    def _see_cell(self, attributes: bytes) -> None:
        reference = _REFERENCE.search(attributes)
        self._row = int(reference[2]) if reference else self._row
        self._column = column_number(reference[1]) if reference else self._column + 1
        self._widest = max(self._widest, self._column + 1)
        if self._widest > MOST_COLUMNS or self._row * self._widest > _MOST_CELLS:
            raise SheetTooWide(row=self._row, column=self._column + 1)


def column_number(letters: bytes) -> int:
    """The column that letters name, from 0; what no program writes counts as far away."""
    if len(letters) > 3:
        return 1 << 20
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number - 1


def _member_of(archive: zipfile.ZipFile, sheet_name: str) -> str | None:
    names = archive.namelist()
    if "xl/workbook.xml" not in names or "xl/_rels/workbook.xml.rels" not in names:
        return None
    try:
        return _found_member(archive, sheet_name, set(names))
    except ElementTree.ParseError as error:
        raise SheetUnreadable(reason="文件损坏") from error


def _found_member(archive: zipfile.ZipFile, sheet_name: str, names: set[str]) -> str | None:
    relations = {
        item.get("Id"): item.get("Target", "")
        for item in ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
    }
    for item in ElementTree.fromstring(archive.read("xl/workbook.xml")).iter():  # noqa: S314  (expat expands no outside entity)
        if item.tag.endswith("}sheet") and item.get("name") == sheet_name:
            target = relations.get(item.get(_RELATION), "")
            member = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join("xl", target))
            return member if member in names else None
    return None


def _pieces(archive: zipfile.ZipFile, member: str) -> Iterator[bytes]:
    """The worksheet's XML in pieces that cut no tag that matters."""
    with archive.open(member) as stream:
        rest, total = b"", 0
        while chunk := stream.read(_CHUNK):
            total += len(chunk)
            if total > LARGEST_UNPACKED:  # the sizes that an archive declares need not be true
                raise SheetTooLarge(megabytes=total >> 20, limit=LARGEST_UNPACKED >> 20)
            data = rest + chunk
            cut = data.rfind(b"<")
            if cut <= 0 or len(data) - cut > _CHUNK:
                cut = len(data)
            rest = data[cut:]
            yield data[:cut]
        yield rest
