"""The keys that protect stored data: one key-encryption key beside the home, data keys wrapped under it
inside.

Every purpose has a key of its own, drawn at random and wrapped with SM4-GCM, so that a key in use for one
thing says nothing about another. GB/T 39786-2021 level 3, stored data: confidentiality and integrity.
"""

import base64
import fcntl
import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

from banyan import gm
from banyan.kernel.home import Home
from banyan.sealing.errors import KekMismatch, KekMissing, KekUnsafe
from banyan.sealing.fields import FieldSealer
from banyan.sealing.files import FileSealer
from banyan.sealing.indexes import BlindIndex, IdentifyCode, KeyedDigest
from banyan.sealing.rows import RowMac
from banyan.sealing.tasks import TaskKey

KEK_NAME = "sealing.kek"
KEYS_NAME = "sealing.keys.json"
_KEK_BYTES = 32
_NONCE_BYTES = 12
_TASK = "task"  # the one that signs: an SM2 private key
# purpose → length of its key in bytes (SM4 takes 16, HMAC-SM3 its own digest length)
_PURPOSES = {"field": 16, "index": 32, "row": 32, "audit": 32, "digest": 32, "identify": 32, _TASK: 32}


@dataclass(frozen=True)
class Keyring:
    """The opened keys of one installation. Never printed: its representation names purposes only."""

    path: Path
    keys: dict[str, dict[int, bytes]]

    def __repr__(self) -> str:
        return f"Keyring({', '.join(sorted(self.keys))})"

    def latest(self, purpose: str) -> bytes:
        """The newest key of a purpose."""
        versions = self.keys[purpose]
        return versions[max(versions)]

    @cached_property
    def fields(self) -> FieldSealer:
        """Seals and opens protected fields."""
        return FieldSealer(self.keys["field"])

    @cached_property
    def files(self) -> FileSealer:
        """Seals and opens files, piece by piece."""
        return FileSealer(self.keys["field"])

    @cached_property
    def index(self) -> BlindIndex:
        """Exact search over sealed fields."""
        return BlindIndex(self.latest("index"))

    @cached_property
    def rows(self) -> RowMac:
        """MAC over the guarded columns of rows."""
        return RowMac(self.latest("row"))

    @cached_property
    def identify(self) -> IdentifyCode:
        """The identify code that certificates may carry instead of an ID number."""
        return IdentifyCode(self.latest("identify"))

    @cached_property
    def digests(self) -> KeyedDigest:
        """Keyed digests of protected values for records that must not hold them."""
        return KeyedDigest(self.latest("digest"))

    @cached_property
    def tasks(self) -> TaskKey:
        """Signs what is sent to token agents."""
        return TaskKey(self.latest(_TASK))

    @property
    def audit_key(self) -> bytes:
        """Key of the audit chain (HMAC-SM3)."""
        return self.latest("audit")


def create_kek(home: Home) -> Path:
    """Make the key-encryption key of sealed data (32 random bytes, 0600); an existing one is left as it
    is.
    """
    home.keys.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = home.keys / KEK_NAME
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(_KEK_BYTES))
        file.flush()
        os.fsync(file.fileno())
    return path


def keyring(home: Home) -> Keyring:
    """The keys of an installation; data keys are made at the first use and kept for the life of this process.

    Raises KekMissing, KekUnsafe or KekMismatch.
    """
    return _opened(home)


def forget_keyrings() -> None:
    """Drop opened keys (after a rotation or a change of installation)."""
    _opened.cache_clear()


def rotate_field_key(home: Home) -> int:
    """Add a new field key; what is sealed from now on uses it, older values still open. Returns the new key's
    id.
    """
    keyring(home)  # makes what is missing
    path = home.path / KEYS_NAME
    with _locked(home):
        kek = _read_kek(home.keys / KEK_NAME)
        keys = _unwrap_all(kek, path)
        new_id = max(keys["field"]) + 1
        keys["field"][new_id] = _new_key("field")
        _write_beside(path, _wrap_all(kek, keys)).replace(path)
    forget_keyrings()
    return new_id


@contextmanager
def _locked(home: Home) -> Iterator[None]:
    """One process at a time changes the keys, and reads what the one before wrote."""
    with (home.keys / KEK_NAME).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@lru_cache(maxsize=8)
def _opened(home: Home) -> Keyring:
    kek = _read_kek(home.keys / KEK_NAME)
    path = home.path / KEYS_NAME
    if not path.exists():
        _create_keys(kek, path)
    keys = _unwrap_all(kek, path)
    return Keyring(path, keys if keys.keys() >= _PURPOSES.keys() else _with_new_purposes(home, kek, path))


def _with_new_purposes(home: Home, kek: bytes, path: Path) -> dict[str, dict[int, bytes]]:
    """An older installation's keys and those that came later; one process at a time adds them."""
    with _locked(home):
        keys = _unwrap_all(kek, path)
        missing = [purpose for purpose in _PURPOSES if purpose not in keys]
        if missing:
            keys |= {purpose: {1: _new_key(purpose)} for purpose in missing}
            _write_beside(path, _wrap_all(kek, keys)).replace(path)
        return keys


def _read_kek(path: Path) -> bytes:
    try:
        kek = path.read_bytes()
        mode = path.stat().st_mode & 0o777
    except FileNotFoundError as error:
        raise KekMissing(path=str(path)) from error
    if len(kek) != _KEK_BYTES or mode & 0o077:
        raise KekUnsafe(path=str(path))
    return kek


def _wrapping_key(kek: bytes) -> bytes:
    return gm.hmac_sm3(kek, b"banyan sealing: wrap data keys")[:16]


def _create_keys(kek: bytes, path: Path) -> None:
    keys = {purpose: {1: _new_key(purpose)} for purpose in _PURPOSES}
    temporary = _write_beside(path, _wrap_all(kek, keys))
    try:
        os.link(temporary, path)  # fails when another process was first: its keys stand
    except FileExistsError:
        pass
    finally:
        temporary.unlink()


def _new_key(purpose: str) -> bytes:
    return gm.sm2.generate_keypair().private if purpose == _TASK else secrets.token_bytes(_PURPOSES[purpose])


def _write_beside(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".sealing-")
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return Path(name)


def _wrap_all(kek: bytes, keys: dict[str, dict[int, bytes]]) -> str:
    wrapping = _wrapping_key(kek)
    wrapped = {
        purpose: {str(key_id): _wrap(wrapping, f"{purpose}/{key_id}", key) for key_id, key in versions.items()}
        for purpose, versions in keys.items()
    }
    return json.dumps({"format": 1, "keys": wrapped}, indent=1, sort_keys=True) + "\n"


def _wrap(wrapping: bytes, name: str, key: bytes) -> str:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return base64.b64encode(nonce + gm.sm4.gcm_encrypt(wrapping, nonce, key, name.encode())).decode()


def _unwrap_all(kek: bytes, path: Path) -> dict[str, dict[int, bytes]]:
    wrapping = _wrapping_key(kek)
    stored = json.loads(path.read_text())["keys"]
    keys: dict[str, dict[int, bytes]] = {}
    for purpose, versions in stored.items():
        for key_id, wrapped in versions.items():
            data = base64.b64decode(wrapped)
            nonce, ciphertext = data[:_NONCE_BYTES], data[_NONCE_BYTES:]
            try:
                key = gm.sm4.gcm_decrypt(wrapping, nonce, ciphertext, f"{purpose}/{key_id}".encode())
            except gm.TagInvalid as error:
                raise KekMismatch(path=str(path)) from error
            keys.setdefault(purpose, {})[int(key_id)] = key
    return keys
