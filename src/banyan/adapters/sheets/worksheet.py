"""The rows of one xlsx worksheet, read as a stream: memory does not grow with the sheet, whatever it holds.

A sheet of applications has millions of tags. While rows look as nearly all programs write them, regular expressions take
them, and a row counts as such only when every ``<`` in it is accounted for; from the first row that does not, expat
reads on: other prefixes and quotes, formulas, hidden rows, comments, rich text.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import chain

from banyan.adapters.sheets.cells import (
    EMPTY,
    LONGEST_TEXT,
    MOST_COLUMNS,
    MOST_ROWS,
    Area,
    Cell,
    CellKind,
    SheetRow,
    under_merged,
)
from banyan.adapters.sheets.errors import SheetTooWide, SheetUnreadable
from banyan.adapters.sheets.package import BITE, Package, Walker, named
from banyan.adapters.sheets.workbook import Workbook, plain
from banyan.kernel.errors import N_

_MOST_AREAS = 100_000
_LONGEST_PIECE = 4 << 20
_LONGEST_TAG = 1 << 16
_IN_ROW = ["worksheet", "sheetData", "row"]
_IN_CELL = [*_IN_ROW, "c"]
_ROW_DEPTH, _CELL_DEPTH = len(_IN_ROW), len(_IN_CELL)
_HEAD = re.compile(
    rb'(?:\xef\xbb\xbf)?\s*(?:<\?xml [^<>]*\?>\s*)?<worksheet xmlns="[\w:/.]+"[^<>]*>(?:(?!<!|<\?|sheetData).)*<sheetData>',
    re.DOTALL,
)
_ATTRIBUTES = r'(?: [\w:]+="[^"<>&]*")*'
_ROW = re.compile(rf'(?:\s*<row r="\d+"{_ATTRIBUTES}/>)*\s*<row r="(\d{{1,7}})"({_ATTRIBUTES})>')
_END = re.compile(rf'(?:\s*<row r="\d+"{_ATTRIBUTES}/>)*\s*</sheetData>')
_ROW_END = b"</row>"
_SHOWN = (' hidden="false"', ' hidden="0"')
_NO_HEIGHT = re.compile(r' ht="0(?:\.0*)?"')
_CELL_TEXT = (
    r'<c r="([A-Z]{1,3})\d{1,7}"(?: s="(\d{1,5})")?(?: t="(s|n|str|b|inlineStr)")?'
    r'(?:/>|><v>([^<&\r]*)</v></c>|><is><t(?: xml:space="preserve")?>([^<&\r]*)</t></is></c>)'
)
_CELL = re.compile(_CELL_TEXT)
_CELLS = re.compile(rf"(?:{re.sub(r'[(](?![?])', '(?:', _CELL_TEXT)})*+")
# How each way to write a cell ends, and how many "<" it has.
_ENDINGS = (("/>", 1), ("</v></c>", 4), ("</is></c>", 6))
_REFERENCE = re.compile(r"([A-Z]{1,8})\d*")
# A column behind the last one that we take, in either quotes; if it is one, the rows are walked before they are taken.
_FAR = re.compile(rb"""r=["'](?:[A-Z]{3}|[J-Z][A-Z]|I[W-Z])""")
_NUMBER = re.compile(rb"""row\s[^<>]{0,100}?\br=["'](\d{1,7})["']""")
_MERGE = b"mergeCell"
_MERGED = re.compile(
    rb"""mergeCell\s[^<>]*?\bref\s*=\s*["']\$?([A-Z]{1,3})\$?(\d{1,7}):\$?([A-Z]{1,3})\$?(\d{1,7})["']"""
)
_TEXT, _EMPTY_KIND = CellKind.TEXT, CellKind.EMPTY


def column_number(letters: str) -> int:
    """The column that letters name, from 0; what no program writes counts as far away."""
    if len(letters) > 3:
        return 1 << 20
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _letters(number: int) -> str:
    return (chr(64 + number // 26) if number >= 26 else "") + chr(65 + number % 26)


_COLUMNS = {_letters(number): number for number in range(MOST_COLUMNS)}


@dataclass
class Survey:
    """What one look over the whole worksheet tells before its rows are taken."""

    row_count: int = 0
    areas: list[Area] = field(default_factory=list)
    hidden_columns: frozenset[int] = frozenset()


def survey(package: Package, book: Workbook) -> Survey:
    """Walk the worksheet to its end, in bounded memory: what is merged and hidden in it, and that its rows can be read,
    so that no import breaks off in the middle.

    Raises SheetUnreadable or one of its kinds.
    """
    found = Survey()
    tail, size, is_wide, has_merged = b"", 0, False, False
    for chunk in package.chunks(book.member):
        seen = tail + chunk
        size += len(chunk)
        is_wide = is_wide or _FAR.search(seen) is not None
        match = _NUMBER.search(seen, max(seen.rfind(b"row "), 0))
        found.row_count = int(match[1]) if match else found.row_count
        has_merged = has_merged or _MERGE in seen  # they stand behind all rows
        if has_merged:
            cut = max(seen.rfind(b"<"), len(seen) - _LONGEST_TAG)
            _add_merged(found.areas, seen[:cut])
            tail = seen[cut:]
        else:
            tail = seen[-16:]
    for _ in _in_order(_Rows(book, is_survey=not is_wide).read(package.chunks(book.member))):
        pass
    found.hidden_columns = _hidden_columns(package, book)
    return found


def _hidden_columns(package: Package, book: Workbook) -> frozenset[int]:
    walker = _ColumnWalker()
    for chunk in package.chunks(book.member):
        walker.feed(chunk)
        if walker.is_done:
            break
    return frozenset(walker.hidden)


class _ColumnWalker(Walker):
    """The columns that are hidden; they stand before the rows, and there the walk ends."""

    def __init__(self) -> None:
        super().__init__()
        self._names = named("worksheet", "sheetFormatPr", "cols", "col", "sheetData")
        self._path: list[str] = []
        self.is_done = False
        self.hidden: set[int] = set()

    def feed(self, chunk: bytes) -> None:
        """Go on with one chunk."""
        for start in range(0, len(chunk), BITE):
            if not self.is_done:
                self.parse(chunk[start : start + BITE])

    def start(self, tag: str, attributes: dict[str, str], /) -> None:
        self._path.append(self._names.get(tag, ""))
        self.depth = len(self._path)
        if self.is_done:
            return
        match self._path:
            case ["worksheet", "sheetFormatPr"] if _is_zero(attributes.get("defaultColWidth")):
                self.hidden.update(range(MOST_COLUMNS))
            case ["worksheet", "cols", "col"]:
                self._see_columns(attributes)
            case ["worksheet", "sheetData"]:
                self.is_done = True

    def end(self, _tag: str, /) -> None:
        self._path.pop()
        self.depth = len(self._path)

    def _see_columns(self, attributes: dict[str, str]) -> None:
        first, last = (attributes.get(name, "").strip() for name in ("min", "max"))
        if not (first.isdecimal() and last.isdecimal() and len(first) < 6 and len(last) < 6):
            raise SheetUnreadable(reason=N_("列号不对"))
        columns = range(max(int(first) - 1, 0), min(int(last), MOST_COLUMNS))
        is_hidden = attributes.get("hidden", "0").strip() not in ("0", "false") or _is_zero(attributes.get("width"))
        (self.hidden.update if is_hidden else self.hidden.difference_update)(columns)


def _add_merged(areas: list[Area], piece: bytes) -> None:
    for match in _MERGED.finditer(piece):
        if len(areas) == _MOST_AREAS:
            raise SheetUnreadable(reason=N_("合并单元格太多"))
        left, top, right, bottom = (part.decode() for part in match.groups())
        areas.append(Area(int(top), column_number(left), int(bottom), column_number(right)))


def rows_of(package: Package, book: Workbook, found: Survey | None = None) -> Iterator[SheetRow]:
    """The rows that hold something. Raises SheetTooWide, SheetUnreadable."""
    rows = _Rows(book).read(package.chunks(book.member))
    yield from _in_order(under_merged(rows, found.areas) if found else rows)


def _in_order(rows: Iterator[SheetRow]) -> Iterator[SheetRow]:
    last = 0
    for row in rows:
        if row.number <= last:
            raise SheetUnreadable(reason=N_("行的次序乱了"))
        last = row.number
        yield row


class _Rows:
    """The reading of one worksheet from its first byte to its last row.

    A survey looks at everything that a reading looks at, but usual rows come without their cells.
    """

    def __init__(self, book: Workbook, *, is_survey: bool = False) -> None:
        self._book = book
        self._is_survey = is_survey
        self._texts = book.texts

    def read(self, chunks: Iterator[bytes]) -> Iterator[SheetRow]:
        data, head = b"", b""
        for chunk in chunks:
            data += chunk
            if not head:
                match = _HEAD.match(data)
                if match is None:
                    break
                head, data = data[: match.end()], data[match.end() :]
            cut = data.rfind(_ROW_END)
            if cut < 0:
                if len(data) > _LONGEST_PIECE:
                    break
                continue
            segments = data[:cut].decode(errors="replace").split("</row>")
            taken = 0
            while taken < len(segments) and (row := self._usual(segments[taken])) is not None:
                taken += 1
                if row.cells and not row.is_empty:
                    yield row
            if taken < len(segments):
                data = "</row>".join(segments[taken:]).encode() + data[cut:]
                break
            data = data[cut + len(_ROW_END) :]
        if _END.match(data.decode(errors="replace")):
            return
        walker = _RowWalker(self._book)
        walker.parse(head)
        for chunk in chain([data], chunks):
            yield from walker.feed(chunk)
        yield from walker.feed(b"", is_last=True)

    def _usual(self, segment: str) -> SheetRow | None:
        """The row, without cells when it is empty; None when there is anything unusual about it."""
        begin = _ROW.match(segment)
        if begin is None:
            return None
        attributes = begin[2]
        if "hidden" in attributes and not any(shown in attributes for shown in _SHOWN):
            return None
        if ' ht="0' in attributes and _NO_HEIGHT.search(attributes):
            return None
        number, body = int(begin[1]), segment[begin.end() :]
        counts = [body.count(ending) for ending, _ in _ENDINGS]
        if sum(count * signs for count, (_, signs) in zip(counts, _ENDINGS, strict=True)) != body.count("<"):
            return None
        if self._is_survey and _CELLS.fullmatch(body):
            return SheetRow(number, _SOMETHING if counts[1] or counts[2] else [])
        found = _CELL.findall(body)
        if len(found) != sum(counts):
            return None
        if not (counts[1] or counts[2]):
            return SheetRow(number, [])
        cells = _SOMETHING if self._is_survey else self._cells(number, found)
        return SheetRow(number, cells)

    def _cells(self, number: int, found: list[tuple[str, str, str, str, str]]) -> list[Cell]:
        cells: list[Cell] = []
        texts = self._texts
        for letters, style, kind, value, inline in found:
            if inline:
                cell = Cell(plain(inline) if "_x" in inline else inline[:LONGEST_TEXT], _TEXT)
            elif kind == "s":
                cell = _shared(texts, value)
            elif value:
                cell = _cell(self._book, kind, style, value)
            else:
                continue
            index = _COLUMNS.get(letters)
            if index == len(cells):
                cells.append(cell)
            elif index is not None:
                _put(cells, index, cell)
            elif cell is not EMPTY:
                raise SheetTooWide(row=number, column=column_number(letters) + 1)
        return cells


def _put(cells: list[Cell], index: int, cell: Cell) -> None:
    cells += [EMPTY] * (index + 1 - len(cells))
    cells[index] = cell


_BROKEN_CELL = Cell("", CellKind.BROKEN)
_SOMETHING = [Cell("", CellKind.TEXT)]


def _shared(texts: Sequence[str], value: str) -> Cell:
    try:
        text = texts[int(value)]
    except (IndexError, ValueError):
        return _BROKEN_CELL
    return Cell(text, _TEXT) if text else EMPTY


def _cell(book: Workbook, kind: str, style: str, value: str) -> Cell:
    """A cell that holds its value itself."""
    value = value[:LONGEST_TEXT]
    match kind:
        case "str":
            text = plain(value)
            return Cell(text, _TEXT) if text else EMPTY
        case "b":
            return Cell("TRUE" if value.strip() in ("1", "true") else "FALSE", CellKind.LOGICAL)
        case "d":
            return Cell(value[:10], CellKind.DATE)
        case "" | "n":
            try:
                number = float(value)
            except ValueError:
                return _BROKEN_CELL
            if style.isdigit() and int(style) in book.date_styles:
                return Cell(day_text(number, is_from_1904=book.is_from_1904), CellKind.DATE)
            return Cell(number_text(number), CellKind.NUMBER)
        case _:
            return _BROKEN_CELL


def number_text(number: float) -> str:
    """A number as a person reads it."""
    return str(int(number)) if number.is_integer() else repr(number)


_DAY_ONE, _DAY_ONE_1904 = date(1899, 12, 30), date(1904, 1, 1)


def day_text(serial: float, *, is_from_1904: bool) -> str:
    """The day that a serial number stands for; the number itself where there is none."""
    try:
        return ((_DAY_ONE_1904 if is_from_1904 else _DAY_ONE) + timedelta(days=serial)).isoformat()
    except (OverflowError, ValueError):
        return number_text(serial)


class _RowWalker(Walker):
    """Rows as expat sees them, whatever prefixes, quotes and orders their writer took."""

    def __init__(self, book: Workbook) -> None:
        super().__init__()
        self._book = book
        self._names = named("worksheet", "sheetData", "row", "c", "v", "f", "is", "t", "rPh")
        self._done: list[SheetRow] = []
        self._path: list[str] = []  # what is open; a name that is not ours is ""
        self._is_hidden = self._is_formula = self._takes = False
        self._number, self._column = 0, -1
        self._kind = self._style = self._text = ""
        self._cells: list[Cell] = []

    def feed(self, chunk: bytes, *, is_last: bool = False) -> Iterator[SheetRow]:
        """The rows that end in this chunk."""
        for start in range(0, len(chunk) or 1, BITE):
            self.parse(chunk[start : start + BITE], is_last=is_last)
            self.depth = len(self._path)
            done, self._done = self._done, []
            yield from done

    def start(self, tag: str, attributes: dict[str, str], /) -> None:
        local = self._names.get(tag, "")
        path = self._path
        path.append(local)
        depth = len(path)
        if depth == _ROW_DEPTH and local == "row" and path == _IN_ROW:
            self._begin_row(attributes)
        elif depth == _CELL_DEPTH and local == "c" and path == _IN_CELL:
            self._begin_cell(attributes)
        elif depth > _CELL_DEPTH and path[:_CELL_DEPTH] == _IN_CELL:
            inner = path[_CELL_DEPTH:]
            self._is_formula = self._is_formula or inner == ["f"]
            self._takes = inner == ["v"] or (inner[0] == "is" and local == "t" and "rPh" not in inner)

    def end(self, _tag: str, /) -> None:
        self._takes = False
        path = self._path
        if path == _IN_CELL:
            self._end_cell()
        elif path == _IN_ROW and any(cell.kind is not _EMPTY_KIND for cell in self._cells):
            self._done.append(SheetRow(self._number, self._cells, self._is_hidden))
        path.pop()

    def data(self, data: str, /) -> None:
        if self._takes and len(self._text) < LONGEST_TEXT:
            self._text += data

    def _begin_row(self, attributes: dict[str, str]) -> None:
        number = attributes.get("r", "").strip()
        self._number = int(number) if number.isdecimal() and len(number) < 8 else self._number + 1
        if self._number > MOST_ROWS or (number and not number.isdecimal()):
            raise SheetUnreadable(reason=N_("行号不对"))
        self._is_hidden = attributes.get("hidden", "0").strip() not in ("0", "false") or _is_zero(attributes.get("ht"))
        self._cells, self._column = [], -1

    def _begin_cell(self, attributes: dict[str, str]) -> None:
        match = _REFERENCE.match(attributes.get("r", "").strip())
        self._column = column_number(match[1]) if match else self._column + 1
        self._kind, self._style = attributes.get("t", ""), attributes.get("s", "")
        self._text, self._is_formula = "", False

    def _end_cell(self) -> None:
        if self._is_formula:
            cell = Cell(self._text, CellKind.FORMULA)
        elif not self._text:
            return
        elif self._kind == "s":
            cell = _shared(self._book.texts, self._text)
        else:
            cell = _cell(self._book, "str" if self._kind == "inlineStr" else self._kind, self._style, self._text)
        if self._column >= MOST_COLUMNS:
            raise SheetTooWide(row=self._number, column=self._column + 1)
        _put(self._cells, self._column, cell)


def _is_zero(size: str | None) -> bool:
    """Whether nobody sees what is so narrow or low."""
    try:
        return size is not None and float(size) < 0.5
    except ValueError:
        return False
