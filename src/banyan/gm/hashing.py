"""SM3 (GB/T 32905) and what is built on it: HMAC, PBKDF2, the key derivation function of GB/T 32918."""

import hmac as _constant_time
from collections.abc import Sequence

from cryptography.hazmat.primitives.hashes import SM3, Hash

from banyan.gm import errors
from banyan.gm.engine import DIGEST_BYTES, pbkdf2
from banyan.gm.selection import current

_LARGEST_KDF = 32 * 0xFFFFFFFF


def sm3(data: bytes) -> bytes:
    """The 32-byte digest of ``data`` (GB/T 32905)."""
    return current().sm3_many([data])[0]


def sm3_many(messages: Sequence[bytes]) -> list[bytes]:
    """The digest of each message, in order."""
    return current().sm3_many(messages)


class Sm3:
    """The digest of what comes in pieces (a file); by pyca/cryptography, as SM4-GCM is."""

    def __init__(self) -> None:
        current()  # the known answers first
        self._hash = Hash(SM3())

    def update(self, piece: bytes) -> None:
        """The next piece."""
        self._hash.update(piece)

    def digest(self) -> bytes:
        """The 32-byte digest; nothing can be added after it."""
        return self._hash.finalize()


def hmac_sm3(key: bytes, data: bytes) -> bytes:
    """The 32-byte HMAC (GB/T 15852.2, RFC 2104) of ``data``."""
    return current().hmac_sm3_many(key, [data])[0]


def hmac_sm3_many(key: bytes, messages: Sequence[bytes]) -> list[bytes]:
    """The HMAC of each message under one key, in order."""
    return current().hmac_sm3_many(key, messages)


def same(first: bytes, second: bytes) -> bool:
    """Whether two digests or MACs are equal, in a time that does not tell where they differ."""
    return _constant_time.compare_digest(first, second)


def pbkdf2_hmac_sm3(password: bytes, salt: bytes, iterations: int, length: int) -> bytes:
    """A key of ``length`` bytes from a password (RFC 8018 §5.2 with HMAC-SM3)."""
    return _pbkdf2(password, salt, iterations, length, with_sha256=False)


def pbkdf2_hmac_sha256(password: bytes, salt: bytes, iterations: int, length: int) -> bytes:
    """The same with HMAC-SHA256, to read key files that others made."""
    return _pbkdf2(password, salt, iterations, length, with_sha256=True)


def _pbkdf2(password: bytes, salt: bytes, iterations: int, length: int, *, with_sha256: bool) -> bytes:
    if not 1 <= iterations < 1 << 31 or not 1 <= length < 1 << 20:
        raise errors.LengthInvalid(what="PBKDF2 参数", expected="迭代次数与长度至少为 1")
    current()  # the known answers first
    return pbkdf2(password, salt, iterations, length, with_sha256=with_sha256)


def kdf(z: bytes, length: int) -> bytes:
    """``length`` bytes from the shared secret ``z``: SM3(z || counter), counter from 1 (GB/T 32918.4 §5.4.3)."""
    if not 0 <= length <= _LARGEST_KDF:
        raise errors.LengthInvalid(what="KDF 输出", expected="0 以上")
    blocks = -(-length // DIGEST_BYTES)
    digests = current().sm3_many([z + counter.to_bytes(4, "big") for counter in range(1, blocks + 1)])
    return b"".join(digests)[:length]
