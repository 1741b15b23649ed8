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
_ROW = re.compile(rb"<(?:x:)?row\b([^>]*)>|<(?:x:)?c\b([^>]*?)/?>|<(?:x:)?f[\s/>]")
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
    found = Structure()
    with zipfile.ZipFile(path) as archive:
        member = _member_of(archive, sheet_name)
        if member is None:
            return found
        row, column, widest = 0, 0, 0
        for match in _tags(archive, member):
            if match[1] is not None:
                number = _NUMBER.search(match[1])
                row = int(number[1]) if number else row + 1
                if _HIDDEN.search(match[1]):
                    found.hidden_rows.add(row)
                column = -1
            elif match[2] is not None:
                reference = _REFERENCE.search(match[2])
                row = int(reference[2]) if reference else row
                column = column_number(reference[1]) if reference else column + 1
                widest = max(widest, column + 1)
                if widest > MOST_COLUMNS or row * widest > _MOST_CELLS:
                    raise SheetTooWide(row=row, column=column + 1)
            else:
                found.formulas.add((row, column))
    return found


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


def _tags(archive: zipfile.ZipFile, member: str) -> Iterator[re.Match[bytes]]:
    """The tags that matter, however the chunks cut them."""
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
            yield from _ROW.finditer(data[:cut])
        yield from _ROW.finditer(rest)
