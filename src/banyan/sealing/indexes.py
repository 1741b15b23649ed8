"""Keyed one-way values: exact search over sealed fields, the identify code, digests for the audit."""

from collections.abc import Iterable

from banyan import gm

INDEX_BYTES = 16


class BlindIndex:
    """HMAC-SM3 of a value, cut to 16 bytes: equal values have equal indexes, and nobody without the key can
    try values.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def index(self, text: str, kind: str = "") -> bytes:
        """Index of a value, already in its normal form; values of different ``kind`` never meet."""
        return gm.hmac_sm3(self._key, _keyed(kind, text))[:INDEX_BYTES]

    def index_many(self, texts: Iterable[str], kind: str = "") -> list[bytes]:
        """Indexes of many values of one kind."""
        macs = gm.hmac_sm3_many(self._key, [_keyed(kind, text) for text in texts])
        return [mac[:INDEX_BYTES] for mac in macs]


class IdentifyCode:
    """The code that stands for a person in certificates of this province: HMAC-SM3 of the identity document.

    Applications recognise a renewed person by it; without the province's key no ID number can be tried
    against it.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def code(self, id_type: str, number: str) -> str:
        """32 bytes as upper-case hexadecimal."""
        return gm.hmac_sm3(self._key, _keyed(id_type, number)).hex().upper()

    def code_many(self, items: Iterable[tuple[str, str]]) -> list[str]:
        """Codes of many (document type, number)."""
        macs = gm.hmac_sm3_many(self._key, [_keyed(id_type, number) for id_type, number in items])
        return [mac.hex().upper() for mac in macs]


class KeyedDigest:
    """A digest that lets two records be compared without holding the value."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, text: str) -> str:
        """16 bytes as lower-case hexadecimal."""
        return gm.hmac_sm3(self._key, text.encode())[:16].hex()


def _keyed(kind: str, text: str) -> bytes:
    return f"{len(kind)}:{kind}{text}".encode()
