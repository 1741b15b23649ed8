"""What goes through the pipes between the maker and its process: length, then MessagePack; days travel as days."""

from collections.abc import Callable
from datetime import date
from typing import Any, Final

import msgpack

_DAY: Final = 1
HEAD: Final = 4


def pack(what: Any) -> bytes:
    """One frame."""
    body: bytes = msgpack.packb(what, default=_told, strict_types=False)
    return len(body).to_bytes(HEAD, "big") + body


def unpack(body: bytes) -> Any:
    """What a frame holds. Lists come back as tuples: nothing in them can be changed."""
    return msgpack.unpackb(body, ext_hook=_read, use_list=False, strict_map_key=True)


def read_frame(read: Callable[[int], bytes]) -> bytes | None:
    """The next frame's body from something that reads exactly; None at the end."""
    head = read(HEAD)
    if len(head) < HEAD:
        return None
    size = int.from_bytes(head, "big")
    body = read(size)
    return body if len(body) == size else None


def _told(value: Any) -> Any:
    if isinstance(value, date):
        return msgpack.ExtType(_DAY, value.isoformat().encode())
    raise TypeError(type(value).__name__)


def _read(code: int, data: bytes) -> Any:
    if code == _DAY:
        return date.fromisoformat(data.decode())
    raise ValueError(code)
