"""The key store: one file a key, encrypted under the signer's KEK and bound to everything said about the
key.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from banyan import gm
from banyan.keys.errors import KeyExists, KeyFileDamaged, KeyMissing
from banyan.keys.files import is_private, sync_directory, write_private
from banyan.keys.kek import Kek
from banyan.keys.signers import Algorithm, Signer, signer_from_private, unsafe_new_private

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_PURPOSE: Final = "key file"
_FORMAT: Final = 1


@dataclass(frozen=True)
class KeyRecord:
    """What a key file says in clear. All of it is authenticated with the key: no field can be changed alone.

    ``attributes`` belong to the key's user: the signer keeps a CA's certificate and what it may issue there.
    """

    name: str
    algorithm: Algorithm
    public_key: bytes
    made_at: datetime
    attributes: dict[str, Any] = field(default_factory=dict)

    def form(self) -> dict[str, Any]:
        """The clear part as it stands in the file."""
        return {
            "format": _FORMAT,
            "name": self.name,
            "algorithm": self.algorithm,
            "public_key": self.public_key.hex(),
            "made_at": self.made_at.isoformat(),
            "attributes": self.attributes,
        }

    def aad(self) -> bytes:
        return json.dumps(self.form(), sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode()


@dataclass(frozen=True)
class StoredKey:
    """A loaded key: what is said about it, and the signer."""

    record: KeyRecord
    signer: Signer


class KeyStore:
    """The keys in one directory under one KEK."""

    def __init__(self, directory: Path, kek: Kek) -> None:
        self._directory = directory
        self._kek = kek

    def names(self) -> list[str]:
        """Names of the kept keys, sorted."""
        return sorted(path.stem for path in self._directory.glob("*.key"))

    def create(self, name: str, algorithm: Algorithm, *, now: datetime, attributes: dict[str, Any]) -> StoredKey:
        """Make a key and keep it. Raises KeyExists; a key is never overwritten."""
        return self.add(name, algorithm, unsafe_new_private(algorithm), now=now, attributes=attributes)

    def add(
        self, name: str, algorithm: Algorithm, private: bytes, *, now: datetime, attributes: dict[str, Any]
    ) -> StoredKey:
        """Keep a key that the ceremony has just made. Raises KeyExists."""
        signer = signer_from_private(algorithm, private)
        record = KeyRecord(name, algorithm, signer.public_key, now.astimezone(UTC), attributes)
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            write_private(self._path(name), self._encode(record, private))
        except FileExistsError as error:
            raise KeyExists(name=name) from error
        return StoredKey(record, signer)

    def describe(self, name: str, attributes: dict[str, Any]) -> StoredKey:
        """Replace what is said about a key (its certificate after the ceremony, a generation superseded)."""
        record, private = self._open(name)
        changed = KeyRecord(record.name, record.algorithm, record.public_key, record.made_at, attributes)
        write_private(self._path(name), self._encode(changed, private), overwrite=True)
        return StoredKey(changed, signer_from_private(record.algorithm, private))

    def load(self, name: str) -> StoredKey:
        """Open a key. Raises KeyMissing, KeyFileDamaged."""
        record, private = self._open(name)
        signer = signer_from_private(record.algorithm, private)
        if signer.public_key != record.public_key:
            raise KeyFileDamaged(name=name)
        return StoredKey(record, signer)

    def load_all(self) -> dict[str, StoredKey]:
        """Every key by name."""
        return {name: self.load(name) for name in self.names()}

    def remove(self, name: str) -> None:
        """Take a key out of the installation (after it went to its offline place)."""
        path = self._path(name)
        if not path.exists():
            raise KeyMissing(name=name)
        path.unlink()
        sync_directory(self._directory)

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise ValueError(f"not a key name: {name!r}")
        return self._directory / f"{name}.key"

    def _encode(self, record: KeyRecord, private: bytes) -> bytes:
        form = record.form()
        form["kek"] = self._kek.mark
        form["sealed"] = self._kek.seal(_PURPOSE, private, record.aad()).hex()
        return json.dumps(form, ensure_ascii=False, indent=1).encode()

    def _open(self, name: str) -> tuple[KeyRecord, bytes]:
        path = self._path(name)
        if not path.exists():
            raise KeyMissing(name=name)
        if not is_private(path):
            raise KeyFileDamaged(name=f"{name}（其他用户可读）")
        try:
            form = json.loads(path.read_bytes())
            record = KeyRecord(
                name=form["name"],
                algorithm=form["algorithm"],
                public_key=bytes.fromhex(form["public_key"]),
                made_at=datetime.fromisoformat(form["made_at"]),
                attributes=form["attributes"],
            )
            private = self._kek.open(_PURPOSE, bytes.fromhex(form["sealed"]), record.aad())
        except (ValueError, KeyError, TypeError, gm.TagInvalid) as error:
            raise KeyFileDamaged(name=name) from error
        if record.name != name:
            raise KeyFileDamaged(name=name)
        return record, private
