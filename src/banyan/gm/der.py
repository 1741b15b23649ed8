"""Strict DER of SM2 signatures and ciphertexts (GM/T 0009 §7): minimal positive integers, nothing before or after."""

from banyan.gm import errors

_INTEGER, _OCTET_STRING, _SEQUENCE = 0x02, 0x04, 0x30
_COORDINATE = 32
_HASH = 32
_SIGNATURE_WHAT = "SM2 签名"
_CIPHERTEXT_WHAT = "SM2 密文"


def _element(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + content


def _integer(value: bytes) -> bytes:
    stripped = value.lstrip(b"\0") or b"\0"
    return _element(_INTEGER, b"\0" + stripped if stripped[0] & 0x80 else stripped)


class _Reader:
    """Reads elements one after the other; anything out of form raises DerError."""

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._at = 0
        self._what = what

    def fail(self) -> errors.DerError:
        return errors.DerError(what=self._what)

    def element(self, tag: int) -> bytes:
        data, at = self._data, self._at
        if len(data) - at < 2 or data[at] != tag:
            raise self.fail()
        size, at = data[at + 1], at + 2
        if size >= 0x80:
            octets = data[at : at + (size & 0x7F)]
            at += len(octets)
            size = int.from_bytes(octets, "big")
            # The shortest form of the length, and four octets are more than any message of ours.
            if not 1 <= len(octets) <= 4 or octets[0] == 0 or size < 0x80:
                raise self.fail()
        if size > len(data) - at:
            raise self.fail()
        self._at = at + size
        return data[at : self._at]

    def integer(self, *, is_zero_allowed: bool = False) -> bytes:
        content = self.element(_INTEGER)
        if not content or content[0] & 0x80:
            raise self.fail()
        if content[0] == 0 and len(content) > 1 and not content[1] & 0x80:
            raise self.fail()
        value = content.lstrip(b"\0")
        if len(value) > _COORDINATE or (not value and not is_zero_allowed):
            raise self.fail()
        return value.rjust(_COORDINATE, b"\0")

    def end(self) -> None:
        if self._at != len(self._data):
            raise self.fail()


def _inside(data: bytes, what: str) -> _Reader:
    outer = _Reader(data, what)
    inner = _Reader(outer.element(_SEQUENCE), what)
    outer.end()
    return inner


def signature_to_der(signature: bytes) -> bytes:
    """SM2Signature ::= SEQUENCE { r INTEGER, s INTEGER } of r||s (64 bytes)."""
    if len(signature) != 2 * _COORDINATE:
        raise errors.LengthInvalid(what=_SIGNATURE_WHAT, expected=2 * _COORDINATE)
    return _element(_SEQUENCE, _integer(signature[:_COORDINATE]) + _integer(signature[_COORDINATE:]))


def signature_from_der(der: bytes) -> bytes:
    """r||s (64 bytes) of an SM2Signature. Raises DerError."""
    reader = _inside(der, _SIGNATURE_WHAT)
    signature = reader.integer() + reader.integer()
    reader.end()
    return signature


def ciphertext_to_der(ciphertext: bytes) -> bytes:
    """SM2Cipher ::= SEQUENCE { x INTEGER, y INTEGER, hash OCTET STRING, ciphertext OCTET STRING } of C1||C3||C2."""
    if len(ciphertext) <= 1 + 2 * _COORDINATE + _HASH or ciphertext[0] != 0x04:
        raise errors.DerError(what=_CIPHERTEXT_WHAT)
    x, y = ciphertext[1 : 1 + _COORDINATE], ciphertext[1 + _COORDINATE : 1 + 2 * _COORDINATE]
    rest = ciphertext[1 + 2 * _COORDINATE :]
    return _element(
        _SEQUENCE,
        _integer(x) + _integer(y) + _element(_OCTET_STRING, rest[:_HASH]) + _element(_OCTET_STRING, rest[_HASH:]),
    )


def ciphertext_from_der(der: bytes) -> bytes:
    """C1||C3||C2 (C1 with its 04) of an SM2Cipher. Raises DerError."""
    reader = _inside(der, _CIPHERTEXT_WHAT)
    x, y = reader.integer(is_zero_allowed=True), reader.integer(is_zero_allowed=True)
    digest, text = reader.element(_OCTET_STRING), reader.element(_OCTET_STRING)
    reader.end()
    if len(digest) != _HASH or not text:
        raise errors.DerError(what=_CIPHERTEXT_WHAT)
    return b"\x04" + x + y + digest + text
