"""Turns BER with indefinite lengths and strings in pieces into definite form, for messages of signers abroad.

Java programs write CMS in BER. The signatures in such a message cover parts that are DER by rule, so the
wrapping may be rewritten before the strict reader walks it. Nothing else is forgiven.
"""

from typing import Final

from banyan.pki import strict_der as der

_MAX_DEPTH: Final = 32
_OCTETS_IN_PIECES: Final = 0x24
_END: Final = b"\x00\x00"


def to_definite(data: bytes) -> bytes:
    """The same element with definite lengths and OCTET STRINGs in one piece. DER comes back unchanged.

    Raises:
        DerError
    """
    if not _is_ber(data):
        return data
    element, end = _element(data, 0, len(data), 0)
    if end != len(data):
        raise der.DerError("bytes behind the element")
    return element


def _is_ber(data: bytes) -> bool:
    return len(data) > 1 and data[1] == 0x80


def _element(data: bytes, pos: int, limit: int, depth: int) -> tuple[bytes, int]:
    """(rewritten element, position behind it)."""
    if depth > _MAX_DEPTH or limit - pos < 2:
        raise der.DerError("nested too deeply or cut short")
    tag = data[pos]
    if tag & 0x20 == 0:
        reader = der.Reader(data, pos, limit)
        element = reader.element()
        return element, pos + len(element)
    if data[pos + 1] == 0x80:
        children, end = _children(data, pos + 2, limit, depth, until_end_mark=True)
    else:
        outer = der.Reader(data, pos, limit)
        whole = outer.element()
        end = pos + len(whole)
        start = end - len(der.Reader(whole).content(tag))
        children, _ = _children(data, start, end, depth, until_end_mark=False)
    if tag == _OCTETS_IN_PIECES:
        return der.octet_string(b"".join(der.whole_octets(child) for child in children)), end
    return der.tlv(tag, b"".join(children)), end


def _children(data: bytes, pos: int, limit: int, depth: int, *, until_end_mark: bool) -> tuple[list[bytes], int]:
    children: list[bytes] = []
    while True:
        if until_end_mark and data[pos : pos + 2] == _END and pos + 2 <= limit:
            return children, pos + 2
        if pos == limit and not until_end_mark:
            return children, pos
        child, pos = _element(data, pos, limit, depth + 1)
        children.append(child)
