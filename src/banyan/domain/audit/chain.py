"""The form of a record in the chain, and the arithmetic of the chain.

``chain(n) = HMAC-SM3(audit key, chain(n-1) ‖ content(n))`` with chain(0) = 32 zero bytes. The previous value
is the one stored in the previous row, so a verifier computes thousands of them independently in one batch.
"""

import json
import struct
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from banyan import gm

GENESIS = bytes(32)
COLUMNS = (
    "id",
    "epoch",
    "at_us",
    "actor_kind",
    "actor_id",
    "actor_name",
    "session_id",
    "credential_id",
    "event",
    "outcome",
    "object_type",
    "object_id",
    "detail",
    "rows",
    "chain",
)
TEXTS = ("actor_kind", "actor_name", "event", "outcome", "object_type", "detail")
NULLABLE = ("session_id", "credential_id", "object_id")
DELETED = -1  # the version that says: the row is gone after this record
_ROW = struct.Struct(">qi16s")
_NO_MAC = bytes(16)
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class RowState(NamedTuple):
    """A guarded row after a write: what the verifier later expects to find."""

    type: str
    id: int
    version: int
    mac: bytes


def content(values: Sequence[Any]) -> bytes:
    """The bytes of a record: a JSON array of all columns but the last two and the length of the binary one, then that.

    Texts hold printable characters only (``clean`` sees to it), so that JSON's escapes are the same everywhere; types
    and ends of the values show in the array, so different records have different bytes.
    """
    rows: bytes = values[13]
    return _encode([*values[:13], len(rows)]).encode("utf-8", "surrogatepass") + rows


def microseconds(at: datetime) -> int:
    """An aware instant as a record holds it: microseconds since 1970, UTC."""
    return (at - _EPOCH) // _MICROSECOND


def instant(at_us: int) -> datetime:
    """The aware instant of a record."""
    return _EPOCH + timedelta(microseconds=at_us)


def content_expression(vendor: str, *, forced: bool = False) -> str:
    """SQL for the JSON array of ``content``: the database puts it together while the verifier reads.

    ``forced`` reads bytes put into a text column as text (SQLite lets that happen) instead of raising an error.
    """
    if vendor == "postgresql":
        texts = {name: f"to_json({name}::text)::text" for name in TEXTS}
        whole = {name: f"COALESCE({name}::text, 'null')" for name in COLUMNS[:13] if name not in TEXTS}
        values = [*((texts | whole)[name] for name in COLUMNS[:13]), "octet_length(rows)::text"]
        return "convert_to('[' || " + " || ',' || ".join(values) + " || ']', 'UTF8')"
    names = [f"CAST({name} AS TEXT)" if forced and name in TEXTS else name for name in COLUMNS[:13]]
    return f"CAST(json_array({', '.join(names)}, length(rows)) AS BLOB)"


def link(key: bytes, previous: bytes, record_content: bytes) -> bytes:
    """The chain value of one record."""
    return gm.hmac_sm3(key, previous + record_content)


def links(key: bytes, items: Sequence[bytes]) -> list[bytes]:
    """Chain values of many records, each item being previous ‖ content."""
    return gm.hmac_sm3_many(key, items)


def clean(text: str, limit: int) -> str:
    """Text as the record holds it: control characters out, cut to the column's length."""
    if not text.isprintable():
        text = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)
    return text[:limit]


def pack_rows(states: Sequence[RowState]) -> bytes:
    """The binary column: for each row the length and name of its type, id, version and MAC."""
    parts = []
    for state in states:
        parts.append(_name(state.type))
        parts.append(_ROW.pack(state.id, state.version, state.mac or _NO_MAC))
    return b"".join(parts)


@lru_cache(maxsize=256)
def _name(label: str) -> bytes:
    name = label.encode("ascii")
    return bytes([len(name)]) + name


def unpack_rows(data: bytes) -> Iterator[RowState]:
    """The rows of a record. Raises ValueError when the bytes are not such a list."""
    position = 0
    while position < len(data):
        start = position + 1
        end = start + data[position]
        try:
            row_id, version, mac = _ROW.unpack_from(data, end)
        except struct.error as error:
            raise ValueError("cut short") from error
        yield RowState(data[start:end].decode("ascii"), row_id, version, mac)
        position = end + _ROW.size
