"""The last recorded state of every guarded row, in little memory: eight bytes a row."""

import struct
from array import array
from collections.abc import Iterator

_PAGE_BITS = 12
_PAGE = 1 << _PAGE_BITS
_MASK = _PAGE - 1
_ROW = struct.Struct(">qiQ8x")
_unpack = _ROW.unpack_from
_EMPTY = array("Q", bytes(8 * _PAGE))

NONE = 0
DELETED = 1


class Fingerprints:
    """(type, id) → first eight bytes of the row's MAC, DELETED, or NONE. Ids may be far apart: pages are made
    when used.
    """

    def __init__(self) -> None:
        self._types: dict[bytes, dict[int, array[int]]] = {}

    def take(self, rows: bytes) -> None:
        """Note the rows of one record (the binary column as stored). Raises ValueError on a malformed one."""
        position = 0
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
                    page = self._new_page(rows[start:after], row_id >> _PAGE_BITS)
                page[row_id & _MASK] = DELETED if version < 0 else mark | 2
                position = after + 28
        except (struct.error, IndexError) as error:
            raise ValueError("malformed rows") from error

    def _new_page(self, name: bytes, number: int) -> "array[int]":
        page = self._types.setdefault(name, {})[number] = _EMPTY[:]
        return page

    def pop(self, label: str, row_id: int) -> int:
        """The state of a row, forgotten afterwards: what is left at the end was recorded and is not there."""
        pages = self._types.get(label.encode())
        page = pages.get(row_id >> _PAGE_BITS) if pages else None
        if page is None:
            return NONE
        mark: int = page[row_id & _MASK]
        page[row_id & _MASK] = NONE
        return mark

    def overlay(self, later: "Fingerprints") -> None:
        """Take the states of a later part of the chain over those known so far."""
        for name, pages in later._types.items():
            mine = self._types.setdefault(name, {})
            for number, page in pages.items():
                old = mine.get(number)
                if old is None:
                    mine[number] = page
                    continue
                for offset, mark in enumerate(page):
                    if mark:
                        old[offset] = mark

    def left(self) -> Iterator[tuple[str, int]]:
        """Rows recorded, not deleted by record, and not asked for."""
        for name, pages in sorted(self._types.items()):
            for number, page in sorted(pages.items()):
                for offset, mark in enumerate(page):
                    if mark > DELETED:
                        yield name.decode(errors="replace"), (number << _PAGE_BITS) + offset


def fingerprint(mac: bytes) -> int:
    """What ``pop`` gives for a row that carries this MAC."""
    return int.from_bytes(mac[:8], "big") | 2  # never NONE or DELETED
