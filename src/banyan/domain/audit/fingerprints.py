"""The last recorded state of every guarded row, in little memory: eight bytes a row."""

import struct
from array import array
from collections.abc import Iterator, Sequence

_PAGE_BITS = 12
_PAGE = 1 << _PAGE_BITS
_MASK = _PAGE - 1
_ROW = struct.Struct(">qiQ8x")
_unpack = _ROW.unpack_from
_EMPTY = array("Q", bytes(8 * _PAGE))

NONE = 0
DELETED = 1
# A state holds 42 bits of the MAC, 20 of the version, and two that tell it from NONE and DELETED.
_MARK = ~0x3FFFFF & 0xFFFFFFFFFFFFFFFF
_VERSION = 0xFFFFF
_Pages = dict[bytes, dict[int, "array[int]"]]
# Name of the type, id of the row.
Row = tuple[str, int]


class Fingerprints:
    """(type, id) → the last recorded version and MAC of a row, DELETED, or NONE. Ids may be far apart: pages are made
    when used. ``is_later``: a later part of the chain, which also keeps the first states for ``overlay``.
    """

    def __init__(self, *, is_later: bool = False) -> None:
        self._types: _Pages = {}
        self._first: _Pages | None = {} if is_later else None

    def take(self, rows: bytes) -> Sequence[Row]:
        """Note the rows of one record (the binary column as stored); those that went back come back: written again from an
        older state, or after their deletion. Raises ValueError on a malformed record.
        """
        position = 0
        back: list[Row] = []
        end = len(rows)
        types = self._types
        try:
            while position < end:
                start = position + 1
                after = start + rows[position]
                row_id, version, mark = _unpack(rows, after)
                try:
                    page = types[rows[start:after]][row_id >> _PAGE_BITS]
                except KeyError:
                    page = _new_page(types, rows[start:after], row_id >> _PAGE_BITS)
                state = DELETED if version < 0 else mark & _MARK | (version & _VERSION) << 2 | 2
                before = page[row_id & _MASK]
                if before == NONE and self._first is not None:
                    self._note_first(rows[start:after], row_id, state)
                elif _goes_back(before, state):
                    back.append((rows[start:after].decode(errors="replace"), row_id))
                page[row_id & _MASK] = state
                position = after + 28
        except (struct.error, IndexError) as error:
            raise ValueError("malformed rows") from error
        return back

    def _note_first(self, name: bytes, row_id: int, state: int) -> None:
        assert self._first is not None  # noqa: S101  (asked for by the caller)
        page = self._first.get(name, {}).get(row_id >> _PAGE_BITS)
        if page is None:
            page = _new_page(self._first, name, row_id >> _PAGE_BITS)
        page[row_id & _MASK] = state

    def pop(self, label: str, row_id: int) -> int:
        """The state of a row, forgotten afterwards: what is left at the end was recorded and is not there."""
        pages = self._types.get(label.encode())
        page = pages.get(row_id >> _PAGE_BITS) if pages else None
        if page is None:
            return NONE
        mark: int = page[row_id & _MASK]
        page[row_id & _MASK] = NONE
        return mark

    def overlay(self, later: "Fingerprints") -> list[Row]:
        """Take the states of a later part of the chain over those known so far; the rows that went back in between."""
        back: list[Row] = []
        for name, pages in later._types.items():
            mine = self._types.setdefault(name, {})
            firsts = (later._first or {}).get(name, {})
            for number, page in pages.items():
                old = mine.get(number)
                if old is None:
                    mine[number] = page
                    continue
                first = firsts.get(number, page)
                for offset, state in enumerate(page):
                    if state:
                        if _goes_back(old[offset], first[offset]):
                            back.append((name.decode(errors="replace"), (number << _PAGE_BITS) + offset))
                        old[offset] = state
        return back

    def left(self) -> Iterator[tuple[str, int]]:
        """Rows recorded, not deleted by record, and not asked for."""
        for name, pages in sorted(self._types.items()):
            for number, page in sorted(pages.items()):
                for offset, mark in enumerate(page):
                    if mark > DELETED:
                        yield name.decode(errors="replace"), (number << _PAGE_BITS) + offset


def _goes_back(before: int, after: int) -> bool:
    """Whether a state cannot follow another: a write makes the next version, and what is deleted stays so."""
    if before in (NONE, after) or after == DELETED:
        return False
    return before == DELETED or after >> 2 & _VERSION <= before >> 2 & _VERSION


def _new_page(pages: _Pages, name: bytes, number: int) -> "array[int]":
    page = pages.setdefault(name, {})[number] = _EMPTY[:]
    return page


def fingerprint(mac: bytes, version: int) -> int:
    """What ``pop`` gives for a row with this MAC and version."""
    return int.from_bytes(mac[:8], "big") & _MARK | (version & _VERSION) << 2 | 2
