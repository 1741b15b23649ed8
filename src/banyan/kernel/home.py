"""The places of one installation, all below one directory, and the keys beside it."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

# An AF_UNIX address holds 108 bytes on Linux; leave room for the terminating zero and a suffix.
_LONGEST_SOCKET_PATH = 100


@dataclass(frozen=True)
class Home:
    """``BANYAN_HOME`` and what lies in it. Key-encryption keys lie beside it, never inside."""

    path: Path
    keys_directory: Path | None = None

    @classmethod
    def from_environment(cls) -> "Home":
        """The installation named by ``BANYAN_HOME`` (default ``~/.banyan``), its keys by ``BANYAN_KEYS``."""
        keys = os.environ.get("BANYAN_KEYS")
        path = Path(os.environ.get("BANYAN_HOME") or Path.home() / ".banyan").absolute()
        return cls(path, Path(keys).absolute() if keys else None)

    @property
    def keys(self) -> Path:
        """Directory of the key-encryption keys, mode 0700: beside the data unless another place is named."""
        return self.keys_directory or self.path.with_name(self.path.name + ".keys")

    @property
    def record(self) -> Path:
        """What the installation was made for, beside its keys: out of reach of settings and environment."""
        return self.keys / "installation.json"

    @property
    def database(self) -> Path:
        return self.path / "banyan.sqlite3"

    @property
    def settings_file(self) -> Path:
        return self.path / "banyan.toml"

    @property
    def signer(self) -> Path:
        return self.path / "signer"

    @property
    def kmc(self) -> Path:
        return self.path / "kmc"

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def audit(self) -> Path:
        return self.path / "audit"

    @property
    def public(self) -> Path:
        """What anybody may fetch: certificates, chains, CRLs."""
        return self.path / "public"

    @property
    def log(self) -> Path:
        return self.path / "log"

    @property
    def files(self) -> Path:
        """Stored scans, sheets and result sheets."""
        return self.path / "files"

    def socket(self, name: str) -> Path:
        """Where the process ``name`` listens; a home whose path is too long for a socket gets a short private place."""
        direct = self.run / f"{name}.sock"
        if len(os.fsencode(direct)) <= _LONGEST_SOCKET_PATH:
            return direct
        mark = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"banyan-{os.getuid()}-{mark}" / f"{name}.sock"

    def make(self) -> None:
        """Create the directories, private to the owner."""
        inside = (self.signer, self.kmc, self.run, self.audit, self.public, self.log, self.files)
        for place in (self.path, self.keys, *inside):
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
