"""MAC over rows: a changed column of a certificate, an approval, a token or a right is found.

What stands for a row is a JSON array: JSON shows where each value ends and of which type it is, and types that JSON
lacks are pairs of a letter and a text, so no two different rows give the same bytes. It does not depend on the
database: an instant is microseconds since 1970 in UTC.
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
_AS_THEY_ARE = frozenset({str, int, bool, type(None)})
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def canonical(label: str, values: Iterable[Any]) -> bytes:
    """The bytes that stand for a row. ``label`` names the table and its guarded columns.

    Raises TypeError for a naive datetime, a float or any other type without a stable form.
    """
    plain = _AS_THEY_ARE
    return _encode([label, *[value if type(value) in plain else _other(value) for value in values]]).encode()


def _other(value: Any) -> Any:
    if type(value) is bytes:
        return "x", value.hex()
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise TypeError("a naive datetime has no stable meaning")
        return "d", (value - _EPOCH) // _MICROSECOND
    if isinstance(value, Enum):
        return value.value if type(value.value) in _AS_THEY_ARE else _other(value.value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, date):
        return "D", value.isoformat()
    if isinstance(value, bytes | bytearray | memoryview):
        return "x", bytes(value).hex()
    if isinstance(value, Decimal):
        return "m", f"{value.normalize():f}"
    if isinstance(value, dict | list | tuple):
        return "j", json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
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
