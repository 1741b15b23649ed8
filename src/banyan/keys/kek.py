"""Key-encryption keys: 32 random bytes beside the data, in production themselves locked by an operator's
passphrase.
"""

import hmac
import json
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from argon2.low_level import Type, hash_secret_raw

from banyan import gm
from banyan.keys.errors import KekUnreadable
from banyan.keys.files import is_private, write_private

KEK_BYTES: Final = 32
_NONCE_BYTES: Final = 12
# RFC 9106 §4, second recommended choice, with more passes: about a quarter of a second, once at start.
_ARGON2: Final = {"time_cost": 4, "memory_cost": 64 * 1024, "parallelism": 1}
_MOST_COSTLY: Final = {"time_cost": 64, "memory_cost": 1024 * 1024, "parallelism": 16}

Passphrase = Callable[[], bytes]


class Kek:
    """A key-encryption key in memory. It only ever shows keys derived from it for one named purpose."""

    __slots__ = ("_secret",)

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEK_BYTES:
            raise ValueError("a key-encryption key has 32 bytes")
        self._secret = secret

    def __repr__(self) -> str:
        return f"Kek(mark={self.mark})"

    def __reduce__(self) -> Any:
        raise TypeError("a key-encryption key is not pickled")

    def derive(self, purpose: str) -> bytes:
        """32 bytes for one purpose: HMAC-SM3(KEK, purpose)."""
        return gm.hmac_sm3(self._secret, purpose.encode())

    @property
    def mark(self) -> str:
        """Eight hexadecimal digits that tell one KEK from another without telling anything about it."""
        return self.derive("mark")[:4].hex()

    def seal(self, purpose: str, data: bytes, aad: bytes) -> bytes:
        """Nonce ‖ SM4-GCM ciphertext ‖ tag of ``data``, bound to ``aad``."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return nonce + gm.sm4.gcm_encrypt(self.derive(purpose)[:16], nonce, data, aad)

    def open(self, purpose: str, sealed: bytes, aad: bytes) -> bytes:
        """The reverse of ``seal``; raises gm.TagInvalid when anything differs."""
        nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        return gm.sm4.gcm_decrypt(self.derive(purpose)[:16], nonce, body, aad)


def load_kek(path: Path, *, passphrase: Passphrase | None = None) -> Kek:
    """Read the KEK kept in ``path``: 32 raw bytes, or the JSON form locked by a passphrase.

    ``passphrase`` is called only when the file needs one. Raises KekUnreadable.
    """
    if not path.exists():
        raise KekUnreadable(path=str(path), reason="不存在")
    if not is_private(path):
        raise KekUnreadable(path=str(path), reason="其他用户可读")
    data = path.read_bytes()
    if len(data) == KEK_BYTES:
        return Kek(data)
    try:
        form = json.loads(data)
        costs = {name: int(form[name]) for name in _ARGON2}
        salt, sealed = bytes.fromhex(form["salt"]), bytes.fromhex(form["sealed"])
    except (ValueError, KeyError, TypeError) as error:
        raise KekUnreadable(path=str(path), reason="格式不对") from error
    if any(not 0 < costs[name] <= _MOST_COSTLY[name] for name in costs):
        raise KekUnreadable(path=str(path), reason="格式不对")
    if passphrase is None:
        raise KekUnreadable(path=str(path), reason="需要口令")
    lock = _lock(passphrase(), salt, costs)
    try:
        return Kek(lock.open("kek", sealed, _aad(salt, costs)))
    except (gm.TagInvalid, ValueError) as error:
        raise KekUnreadable(path=str(path), reason="口令不对或文件损坏") from error


def protect_kek_with_passphrase(path: Path, passphrase: bytes) -> None:
    """Lock the KEK in ``path`` (made when missing) with an operator's passphrase: argon2id, then SM4-GCM.

    Raises KekUnreadable when an existing file is locked already.
    """
    secret = path.read_bytes() if path.exists() else secrets.token_bytes(KEK_BYTES)
    if len(secret) != KEK_BYTES:
        raise KekUnreadable(path=str(path), reason="已有口令")
    salt, costs = secrets.token_bytes(16), dict(_ARGON2)
    sealed = _lock(passphrase, salt, costs).seal("kek", secret, _aad(salt, costs))
    form = {"format": "argon2id+sm4-gcm", **costs, "salt": salt.hex(), "sealed": sealed.hex()}
    write_private(path, json.dumps(form, indent=1).encode(), overwrite=True)


def is_locked_by_passphrase(path: Path) -> bool:
    """Whether the KEK in ``path`` needs a passphrase (production demands it)."""
    return path.exists() and path.stat().st_size != KEK_BYTES


def receipt_key(directory: Path) -> bytes:
    """The key that signer and key-management centre share for allocation receipts; made at first use.

    Either process may be first: the link refuses to replace, so both end with the same 32 bytes.
    """
    path = directory / "receipt.key"
    if not path.exists():
        with suppress(FileExistsError):  # the other process was quicker
            write_private(path, secrets.token_bytes(KEK_BYTES))
    if not is_private(path):
        raise KekUnreadable(path=str(path), reason="其他用户可读")
    key = path.read_bytes()
    if len(key) != KEK_BYTES:
        raise KekUnreadable(path=str(path), reason="格式不对")
    return key


def receipt(key: bytes, issuance: int, encryption_public_key: bytes, recipient_public_key: bytes) -> bytes:
    """HMAC-SM3 over (issuance, encryption key, signing key): the KMC's word that this pair was made for
    this intent.
    """
    return gm.hmac_sm3(key, _receipt_text(issuance, encryption_public_key, recipient_public_key))


def receipts(key: bytes, items: list[tuple[int, bytes, bytes]]) -> list[bytes]:
    """Receipts of many (issuance, encryption key, signing key)."""
    return gm.hmac_sm3_many(key, [_receipt_text(*item) for item in items])


def same(left: bytes, right: bytes) -> bool:
    """Compare two MACs in constant time."""
    return hmac.compare_digest(left, right)


def _receipt_text(issuance: int, encryption_public_key: bytes, recipient_public_key: bytes) -> bytes:
    return b"banyan-kmc-receipt-1" + issuance.to_bytes(8, "big") + encryption_public_key + recipient_public_key


def _lock(passphrase: bytes, salt: bytes, costs: dict[str, int]) -> Kek:
    return Kek(hash_secret_raw(passphrase, salt, hash_len=KEK_BYTES, type=Type.ID, **costs))


def _aad(salt: bytes, costs: dict[str, int]) -> bytes:
    return b"kek" + salt + repr(sorted(costs.items())).encode()


def harden_process() -> None:
    """Keep the memory of a key-holding process out of core files and debuggers, as far as the system
    allows.
    """
    import ctypes
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    pr_set_dumpable = 4
    ctypes.CDLL(None, use_errno=True).prctl(pr_set_dumpable, 0, 0, 0, 0)
    os.umask(0o077)
