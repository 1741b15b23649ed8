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

from banyan.adapters.sheets.errors import SheetTooLarge, SheetUnreadable

LARGEST_UNPACKED = 1024 * 1024 * 1024
_LARGEST_RATIO = 400  # a sheet of applications packs about 1:12; a million empty formatted rows about 1:60
_SMALL = 64 * 1024 * 1024
_CHUNK = 1 << 20
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_ROW = re.compile(rb'<(?:x:)?row\b([^>]*)>|<(?:x:)?c\b([^>]*?)/?>|<(?:x:)?f[\s/>]')
_NUMBER = re.compile(rb'\br="(\d+)"')
_REFERENCE = re.compile(rb'\br="([A-Z]+)(\d+)"')
_HIDDEN = re.compile(rb'\bhidden="(?:1|true)"')


@dataclass
class Structure:
    """Of one worksheet: numbers of hidden rows, and (row, column letters) of cells that hold a formula."""

    hidden_rows: set[int] = field(default_factory=set)
    formulas: set[tuple[int, str]] = field(default_factory=set)


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
    """The structure of one worksheet of an xlsx file."""
    found = Structure()
    with zipfile.ZipFile(path) as archive:
        member = _member_of(archive, sheet_name)
        if member is None:
            return found
        row, cell = 0, b""
        for match in _tags(archive, member):
            if match[1] is not None:
                number = _NUMBER.search(match[1])
                row = int(number[1]) if number else row + 1
                if _HIDDEN.search(match[1]):
                    found.hidden_rows.add(row)
            elif match[2] is not None:
                reference = _REFERENCE.search(match[2])
                cell = reference[1] if reference else b""
            else:
                found.formulas.add((row, cell.decode()))
    return found


def _member_of(archive: zipfile.ZipFile, sheet_name: str) -> str | None:
    names = archive.namelist()
    if "xl/workbook.xml" not in names or "xl/_rels/workbook.xml.rels" not in names:
        return None
    relations = {
        item.get("Id"): item.get("Target", "") for item in ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
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
        rest = b""
        while chunk := stream.read(_CHUNK):
            data = rest + chunk
            cut = data.rfind(b"<")
            if cut <= 0 or len(data) - cut > _CHUNK:
                cut = len(data)
            rest = data[cut:]
            yield from _ROW.finditer(data[:cut])
        yield from _ROW.finditer(rest)
