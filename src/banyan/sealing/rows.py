"""MAC over rows: a changed column of a certificate, an approval, a token or a right is found.

The encoding is unambiguous: every value carries its type, and text and bytes carry their length, so no two
different rows give the same bytes. It does not depend on the database: an instant is microseconds since 1970
in UTC.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any

from banyan import gm

MAC_BYTES = 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def canonical(label: str, values: Iterable[Any]) -> bytes:
    """The bytes that stand for a row. ``label`` names the table and its guarded columns.

    Raises TypeError for a naive datetime, a float or any other type without a stable form.
    """
    parts = [f"{len(label)}:{label}"]
    for value in values:
        kind = type(value)
        if kind is str:
            parts.append(f"s{len(value)}:{value}")
        elif kind is int:
            parts.append(f"i{value};")
        elif kind is bytes:
            parts.append(f"x{len(value)}:{value.hex()}")
        elif value is None:
            parts.append("n")
        else:
            parts.append(_other(value))
    return "".join(parts).encode("utf-8", "surrogatepass")


def _other(value: Any) -> str:
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise TypeError("a naive datetime has no stable meaning")
        return f"d{(value - _EPOCH) // _MICROSECOND};"
    if isinstance(value, date):
        return f"D{value.isoformat()};"
    if isinstance(value, str):
        return f"s{len(value)}:{value!s}"
    if isinstance(value, int):
        return f"i{value:d};"
    if isinstance(value, bytearray | memoryview):
        data = bytes(value)
        return f"x{len(data)}:{data.hex()}"
    if isinstance(value, Decimal):
        return f"m{value.normalize():f};"
    if isinstance(value, dict | list | tuple):
        text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
        return f"j{len(text)}:{text}"
    raise TypeError(f"{type(value).__name__} has no stable form in a row MAC")


class RowMac:
    """HMAC-SM3 over rows, cut to 128 bits (GB/T 15852.2 allows truncation; 128 bits are beyond forging)."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def mac(self, label: str, values: Iterable[Any]) -> bytes:
        """MAC of one row."""
        return gm.hmac_sm3(self._key, canonical(label, values))[:MAC_BYTES]

    def mac_many(self, rows: Sequence[tuple[str, Iterable[Any]]]) -> list[bytes]:
        """MACs of many rows, each (label, values), in one batch."""
        macs = gm.hmac_sm3_many(self._key, [canonical(label, values) for label, values in rows])
        return [mac[:MAC_BYTES] for mac in macs]
