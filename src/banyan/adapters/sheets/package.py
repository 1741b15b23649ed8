"""The zip file of a workbook, opened with care: nothing that it declares is believed, every byte unpacked is counted."""

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Final
from xml.parsers import expat

from banyan.adapters.sheets.errors import SheetEncrypted, SheetTooLarge, SheetUnreadable
from banyan.kernel.errors import N_

_MB: Final = 1 << 20
LARGEST_UNPACKED = 768 * _MB
_LARGEST_RATIO = 400  # a sheet of applications packs about 1:12; a million empty formatted rows about 1:60
_SMALL = 64 * _MB
_MOST_MEMBERS = 10_000
_ENTRY = b"PK\x01\x02"
_IS_ENCRYPTED = 0x1
_PLAIN_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
SEPARATOR = "}"
# SpreadsheetML by both its namespaces, transitional and strict.
NAMESPACES: Final = (
    "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
    "http://purl.oclc.org/ooxml/spreadsheetml/main",
)
_CHUNK = 1 << 18
BITE = 1 << 16
_DEEPEST = 100
_MOST_NAMES = 5000
_LONGEST_TAG = 2 << 20

# Everything that a broken archive makes the library raise on the way.
_BROKEN = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError, LookupError,
)  # fmt: skip


class Package:
    """The members of a workbook file. Raises SheetUnreadable or one of its kinds."""

    def __init__(self, content: bytes) -> None:
        if content.count(_ENTRY) > _MOST_MEMBERS:  # the directory is held in memory whole
            raise SheetUnreadable(reason=N_("文件里的部件太多"))
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(content))
        except _BROKEN as error:
            raise SheetUnreadable(reason=N_("文件损坏")) from error
        self.names = frozenset(self._archive.namelist())
        self.packed = len(content)

    def chunks(self, member: str, *, limit: int = LARGEST_UNPACKED) -> Iterator[bytes]:
        """A member unpacked piece by piece; its checksum is looked at when the end is reached."""
        try:
            info = self._archive.getinfo(member)
            if info.flag_bits & _IS_ENCRYPTED:
                raise SheetEncrypted
            if info.compress_type not in _PLAIN_METHODS:
                raise SheetUnreadable(reason=N_("压缩方法不常见"))
            allowed = min(limit, max(_SMALL, info.compress_size * _LARGEST_RATIO))
            with self._archive.open(info) as stream:
                total = 0
                while chunk := stream.read(_CHUNK):
                    total += len(chunk)
                    if total > allowed:
                        raise SheetTooLarge(megabytes=max(total, info.file_size) // _MB, limit=limit // _MB)
                    yield chunk
        except _BROKEN as error:
            raise SheetUnreadable(reason=N_("文件损坏")) from error

    def walk(self, member: str, on_start: Callable[[str, dict[str, str]], None], *, limit: int) -> None:
        """Call for each element of a small member, in the order of the file."""
        walker = _StartWalker(on_start)
        for chunk in self.chunks(member, limit=limit):
            walker.parse(chunk)
        walker.parse(b"", is_last=True)


def named(*locals_: str) -> dict[str, str]:
    """Elements of SpreadsheetML as a parser names them → their local names."""
    return {namespace + SEPARATOR + local: local for namespace in NAMESPACES for local in locals_}


class Walker:
    """What expat sees of a member, in bounded memory: names come as namespace}local.

    No document type is taken, so no entities of a file's own; what expat would hold on to (names, open elements, a tag
    that does not end) is kept small.
    """

    def __init__(self) -> None:
        parser = self._parser = expat.ParserCreate("utf-8", SEPARATOR)
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.XmlDeclHandler = _check_declaration
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.CharacterDataHandler = self.data
        self.depth = self._fed = 0

    def start(self, tag: str, attributes: dict[str, str], /) -> None:
        """An element begins."""

    def end(self, tag: str, /) -> None:
        """An element ends."""

    def data(self, data: str, /) -> None:
        """Text between tags."""

    def parse(self, chunk: bytes, *, is_last: bool = False) -> None:
        """Go on; a long chunk is to be given in bites. Raises SheetUnreadable for what is not well formed."""
        try:
            self._parser.Parse(chunk, is_last)
        except expat.ExpatError as error:
            raise SheetUnreadable(reason=N_("文件损坏")) from error
        self._fed += len(chunk)
        if (
            self.depth > _DEEPEST
            or len(self._parser.intern) > _MOST_NAMES
            or self._fed - self._parser.CurrentByteIndex > _LONGEST_TAG
        ):
            raise SheetUnreadable(reason=N_("文件的结构不正常"))


class _StartWalker(Walker):
    def __init__(self, on_start: Callable[[str, dict[str, str]], None]) -> None:
        super().__init__()
        self._on_start = on_start

    def start(self, tag: str, attributes: dict[str, str], /) -> None:
        self.depth += 1
        self._on_start(tag, attributes)

    def end(self, _tag: str, /) -> None:
        self.depth -= 1


def _refuse_doctype(*_about: object) -> None:
    raise SheetUnreadable(reason=N_("文件里有文档类型声明"))


def _check_declaration(_version: str, encoding: str | None, _standalone: int) -> None:
    if (encoding or "utf-8").lower() not in ("utf-8", "us-ascii"):
        raise SheetUnreadable(reason=N_("文件内部的编码不是 UTF-8"))
