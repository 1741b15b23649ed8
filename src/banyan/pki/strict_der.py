"""A strict reader and a small writer of DER (GB/T 16263.1, ITU-T X.690 §10) for objects from outside.

The ASN.1 library reads BER kindly: indefinite lengths, padded lengths and padded integers pass. What we sign
or open must have exactly one encoding, so requests, envelopes and messages are walked by this reader instead.
It knows no schema; each module says what it expects next and gets it or a ``DerError``.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

BOOLEAN: Final = 0x01
INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
NULL: Final = 0x05
OID: Final = 0x06
UTF8_STRING: Final = 0x0C
PRINTABLE_STRING: Final = 0x13
T61_STRING: Final = 0x14
IA5_STRING: Final = 0x16
UTC_TIME: Final = 0x17
GENERALIZED_TIME: Final = 0x18
BMP_STRING: Final = 0x1E
SEQUENCE: Final = 0x30
SET: Final = 0x31

NULL_DER: Final = b"\x05\x00"
_MAX_DEPTH: Final = 32


class DerError(ValueError):
    """The bytes are not the DER that was expected; the text says what and at which offset."""


class Reader:
    """Walks one level of DER; ``enter`` opens the next. Offsets in errors count from the input's start."""

    __slots__ = ("_data", "_end", "_pos")

    def __init__(self, data: bytes, start: int = 0, end: int | None = None) -> None:
        self._data = data
        self._pos = start
        self._end = len(data) if end is None else end

    @property
    def at_end(self) -> bool:
        """Whether nothing is left at this level."""
        return self._pos >= self._end

    def peek(self) -> int:
        """The tag of the next element, -1 at the end."""
        return self._data[self._pos] if self._pos < self._end else -1

    def finish(self) -> None:
        """Refuse whatever is left over."""
        if self._pos != self._end:
            raise DerError(f"{self._end - self._pos} unexpected bytes at offset {self._pos}")

    def _step(self, tag: int | None) -> tuple[int, int]:
        """Move past the next element; answer (start of its content, end of its content)."""
        data, pos, end = self._data, self._pos, self._end
        if end - pos < 2:
            raise DerError(f"element expected at offset {pos}, but the data end")
        found = data[pos]
        if tag is not None and found != tag:
            raise DerError(f"tag {tag:#04x} expected at offset {pos}, found {found:#04x}")
        if found & 0x1F == 0x1F:
            raise DerError(f"multi-byte tag at offset {pos}")
        length = data[pos + 1]
        start = pos + 2
        if length >= 0x80:
            count = length & 0x7F
            if not 1 <= count <= 4 or end - start < count:
                raise DerError(f"bad length at offset {pos + 1}")
            length = int.from_bytes(data[start : start + count], "big")
            if length < 0x80 or length >> (8 * (count - 1)) == 0:
                raise DerError(f"length not minimal at offset {pos + 1}")
            start += count
        if length > end - start:
            raise DerError(f"element at offset {pos} is longer than what holds it")
        self._pos = start + length
        return start, start + length

    def content(self, tag: int) -> bytes:
        """The content of the next element, which must carry ``tag``."""
        start, end = self._step(tag)
        return self._data[start:end]

    def element(self, tag: int | None = None) -> bytes:
        """The whole next element, header included."""
        begin = self._pos
        _, end = self._step(tag)
        return self._data[begin:end]

    def enter(self, tag: int = SEQUENCE) -> "Reader":
        """A reader of the next element's content."""
        start, end = self._step(tag)
        return Reader(self._data, start, end)

    def enter_optional(self, tag: int) -> "Reader | None":
        """As ``enter`` when the next element carries ``tag``, else None."""
        return self.enter(tag) if self.peek() == tag else None

    def integer(self) -> int:
        """An INTEGER in its minimal form."""
        content = self.content(INTEGER)
        if not content:
            raise DerError(f"empty INTEGER before offset {self._pos}")
        if len(content) > 1 and (content[0], content[1] >> 7) in ((0x00, 0), (0xFF, 1)):
            raise DerError(f"INTEGER not minimal before offset {self._pos}")
        return int.from_bytes(content, "big", signed=True)

    def oid(self) -> str:
        """An OBJECT IDENTIFIER in dotted form."""
        return decode_oid(self.content(OID))

    def octets(self) -> bytes:
        """The content of an OCTET STRING."""
        return self.content(OCTET_STRING)

    def bits(self) -> bytes:
        """The content of a BIT STRING of whole octets."""
        content = self.content(BIT_STRING)
        if not content or content[0] != 0:
            raise DerError(f"BIT STRING of whole octets expected before offset {self._pos}")
        return content[1:]


def whole(data: bytes, tag: int = SEQUENCE) -> Reader:
    """A reader of the single element that ``data`` consists of; anything behind it is refused."""
    outer = Reader(data)
    inner = outer.enter(tag)
    outer.finish()
    return inner


def whole_octets(data: bytes) -> bytes:
    """Content of the single OCTET STRING that ``data`` consists of."""
    reader = Reader(data)
    content = reader.octets()
    reader.finish()
    return content


def check_well_formed(data: bytes) -> None:
    """Refuse data that are not one well-formed element all the way down."""
    reader = Reader(data)
    _check_element(reader, 0)
    reader.finish()


def _check_element(reader: Reader, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise DerError("nested too deeply")
    tag = reader.peek()
    if tag & 0x20:
        inner = reader.enter(tag)
        while not inner.at_end:
            _check_element(inner, depth + 1)
    else:
        reader.element()


@lru_cache(maxsize=512)
def decode_oid(content: bytes) -> str:
    """Dotted form of an OBJECT IDENTIFIER's content octets."""
    if not content or content[-1] & 0x80 or len(content) > 64:
        raise DerError("broken OBJECT IDENTIFIER")
    arcs: list[int] = []
    value, fresh = 0, True
    for octet in content:
        if fresh and octet == 0x80:
            raise DerError("OBJECT IDENTIFIER arc not minimal")
        value = value << 7 | octet & 0x7F
        fresh = not octet & 0x80
        if fresh:
            arcs.append(value)
            value = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, [first, arcs[0] - 40 * first, *arcs[1:]]))


@lru_cache(maxsize=512)
def oid(dotted: str) -> bytes:
    """The whole encoding of an OBJECT IDENTIFIER."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    content = bytearray()
    for arc in (40 * first + second, *rest):
        octets = [arc & 0x7F]
        while arc := arc >> 7:
            octets.append(arc & 0x7F | 0x80)
        content.extend(reversed(octets))
    return tlv(OID, bytes(content))


def tlv(tag: int, content: bytes) -> bytes:
    """One element."""
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def sequence(*elements: bytes) -> bytes:
    """SEQUENCE of elements that are encoded already."""
    return tlv(SEQUENCE, b"".join(elements))


def set_of(elements: Iterable[bytes], tag: int = SET) -> bytes:
    """SET OF in DER order (X.690 §11.6)."""
    return tlv(tag, b"".join(sorted(elements)))


def integer(value: int) -> bytes:
    """INTEGER of any sign."""
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def octet_string(content: bytes) -> bytes:
    """OCTET STRING."""
    return tlv(OCTET_STRING, content)


def bit_string(content: bytes) -> bytes:
    """BIT STRING of whole octets."""
    return tlv(BIT_STRING, b"\x00" + content)


def algorithm(dotted: str, parameters: bytes = b"") -> bytes:
    """AlgorithmIdentifier; empty ``parameters`` means absent."""
    return sequence(oid(dotted), parameters)
