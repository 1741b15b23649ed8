"""What stands around a worksheet in an xlsx file: which sheets there are, which formats show dates, the shared texts."""

import posixpath
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

from banyan.adapters.sheets.cells import LONGEST_TEXT
from banyan.adapters.sheets.errors import SheetKindRefused, SheetTooMuch, SheetUnreadable
from banyan.adapters.sheets.package import BITE, SEPARATOR, Package, Walker, named
from banyan.kernel.errors import N_

_SMALL = 4 << 20
_STYLES = 16 << 20
_MOST_SHEETS = 1000
_MOST_FORMATS = 65_536
_WORKBOOK = "xl/workbook.xml"
_RELATIONS = "xl/_rels/workbook.xml.rels"
# A part of the file that only a workbook of another kind has.
_OTHER_KINDS = {"content.xml": ".ods", "xl/workbook.bin": ".xlsb"}
_ID = tuple(
    f"{namespace}{SEPARATOR}id"
    for namespace in (
        "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
        "http://purl.oclc.org/ooxml/officeDocument/relationships",
    )
)


@dataclass
class Workbook:
    """The first visible worksheet of a workbook, by name and member, and all that its cells refer to."""

    name: str
    member: str
    left_out: Sequence[str]
    is_from_1904: bool
    date_styles: frozenset[int]
    texts: Sequence[str]


@dataclass
class _Found:
    sheets: list[tuple[str, str, bool]] = field(default_factory=list)  # name, relation, is visible
    targets: dict[str, tuple[str, str]] = field(default_factory=dict)  # relation → type, target
    is_from_1904: bool = False


def read_workbook(package: Package) -> Workbook:
    """Raises SheetUnreadable or one of its kinds."""
    for member, suffix in _OTHER_KINDS.items():
        if member in package.names:
            raise SheetKindRefused(suffix=suffix)
    if not {_WORKBOOK, _RELATIONS} <= package.names:
        raise SheetUnreadable(reason=N_("不是 xlsx 工作簿"))
    found = _found(package)
    name, member = next(
        (
            (name, _place(target))
            for name, relation, is_visible in found.sheets
            for kind, target in [found.targets.get(relation, ("", ""))]
            if is_visible and kind == "worksheet" and _place(target) in package.names
        ),
        ("", ""),
    )
    if not member:
        raise SheetUnreadable(reason=N_("没有可见的工作表"))
    others = [other for other, _, _ in found.sheets if other != name]
    by_kind = {kind: _place(target) for kind, target in found.targets.values()}
    return Workbook(
        name,
        member,
        others,
        found.is_from_1904,
        _date_styles(package, by_kind.get("styles", "")),
        list(_shared_texts(package, by_kind.get("sharedStrings", ""))),
    )


def _found(package: Package) -> _Found:
    found = _Found()
    names = named("sheet", "workbookPr")

    def see(tag: str, attributes: dict[str, str]) -> None:
        local = names.get(tag)
        if local == "sheet" and len(found.sheets) < _MOST_SHEETS:
            relation = next((attributes[key] for key in _ID if key in attributes), "")
            found.sheets.append((attributes.get("name", ""), relation, attributes.get("state", "visible") == "visible"))
        elif local == "workbookPr":
            found.is_from_1904 = attributes.get("date1904") in ("1", "true")

    def see_relation(_tag: str, attributes: dict[str, str]) -> None:
        if "Id" in attributes and len(found.targets) < _MOST_SHEETS:
            kind = attributes.get("Type", "").rsplit("/", 1)[-1]
            found.targets[attributes["Id"]] = kind, attributes.get("Target", "")

    package.walk(_WORKBOOK, see, limit=_SMALL)
    package.walk(_RELATIONS, see_relation, limit=_SMALL)
    return found


def _place(target: str) -> str:
    return target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join("xl", target))


# Formats that need no description in the file: dates and times, those of Chinese programs among them.
_DATES_BUILT_IN = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
_NOT_A_SIGN = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.|_.|\*.')
_OF_A_DATE = re.compile(r"[ymdhs年月日]", re.IGNORECASE)


def shows_a_date(number_format: str) -> bool:
    """Whether a number under this format is a day or an hour to whoever looks at the sheet."""
    signs = _NOT_A_SIGN.sub("", number_format)
    return "general" not in signs.lower() and _OF_A_DATE.search(signs) is not None


def _date_styles(package: Package, member: str) -> frozenset[int]:
    if member not in package.names:
        return frozenset()
    dates = set(_DATES_BUILT_IN)
    styles: list[int] = []
    names = named("numFmt", "cellXfs", "cellStyles", "dxfs", "xf")
    inside = ""

    def see(tag: str, attributes: dict[str, str]) -> None:
        nonlocal inside
        local = names.get(tag)
        if local == "numFmt" and inside != "dxfs":
            number = _integer(attributes.get("numFmtId", ""))
            (dates.add if shows_a_date(attributes.get("formatCode", "")[:256]) else dates.discard)(number)
        elif local == "xf" and inside == "cellXfs" and len(styles) < _MOST_FORMATS:
            styles.append(_integer(attributes.get("numFmtId", "0")))
        elif local is not None and local != "xf":
            inside = local

    package.walk(member, see, limit=_STYLES)
    return frozenset(index for index, number in enumerate(styles) if number in dates)


def _integer(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


_MOST_TEXTS = 80 << 20
# What there is for texts and the file together: while it is sealed to be kept, the file is in memory five times over.
_ROOM, _TIMES = 260 << 20, 5
_PLAIN_TEXT = re.compile(r'<si><t(?: xml:space="preserve")?>([^<&\r]*)</t></si>')
_PLAIN_SIGNS = 4  # of "<" in a plain text
_SST = re.compile(rb'(?:\xef\xbb\xbf)?\s*(?:<\?xml [^<>]*\?>\s*)?<sst xmlns="[\w:/.]+"(?: \w+="\d*")*>')
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")


def plain(text: str) -> str:
    """A text as it was typed: cut where no column takes more, and with the signs that XML cannot hold put back."""
    if "_x" in text:
        text = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text[: 2 * LONGEST_TEXT])
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT]


def _shared_texts(package: Package, member: str) -> Iterator[str]:
    """The shared texts in order. Raises SheetTooMuch where they would fill the memory."""
    if member not in package.names:
        return
    size, most = 0, min(_MOST_TEXTS, _ROOM - _TIMES * package.packed)
    for text in _texts(package.chunks(member)):
        size += sys.getsizeof(text) + 8
        if size > most:
            raise SheetTooMuch
        yield text


def _texts(chunks: Iterator[bytes]) -> Iterator[str]:
    """While all is plain, regular expressions find the texts; from the first piece that is not, expat."""
    data = head = b""
    for chunk in chunks:
        data += chunk
        if not head:
            match = _SST.match(data)
            if match is None:
                break
            head, data = data[: match.end()], data[match.end() :]
        cut = data.rfind(b"</si>")
        if cut < 0 or (texts := _plain_texts(data[: cut + len(b"</si>")])) is None:
            break
        yield from texts
        data = data[cut + len(b"</si>") :]
    walker = _TextWalker()
    walker.parse(head)
    for chunk in chain([data], chunks):
        yield from walker.feed(chunk)
    yield from walker.feed(b"", is_last=True)


def _plain_texts(piece: bytes) -> list[str] | None:
    text = piece.decode(errors="replace")
    found = _PLAIN_TEXT.findall(text)
    return [plain(one) for one in found] if text.count("<") == _PLAIN_SIGNS * len(found) else None


class _TextWalker(Walker):
    """Texts with runs, phonetic signs and whatever else may stand in them; only what is shown is kept."""

    def __init__(self) -> None:
        super().__init__()
        self._names = named("si", "t", "rPh")
        self._found: list[str] = []
        self._text = ""
        self._is_in_text = self._is_phonetic = False

    def feed(self, chunk: bytes, *, is_last: bool = False) -> Iterator[str]:
        """The texts that end in this chunk."""
        for start in range(0, len(chunk) or 1, BITE):
            self.parse(chunk[start : start + BITE], is_last=is_last)
            found, self._found = self._found, []
            yield from found

    def start(self, tag: str, _attributes: dict[str, str], /) -> None:
        self.depth += 1
        local = self._names.get(tag)
        if local == "si":
            self._text = ""
        elif local == "rPh":
            self._is_phonetic = True
        elif local == "t":
            self._is_in_text = not self._is_phonetic

    def data(self, data: str, /) -> None:
        if self._is_in_text and len(self._text) < LONGEST_TEXT:
            self._text += data

    def end(self, tag: str, /) -> None:
        self.depth -= 1
        local = self._names.get(tag)
        if local == "si":
            self._found.append(plain(self._text))
        elif local == "rPh":
            self._is_phonetic = False
        elif local == "t":
            self._is_in_text = False
