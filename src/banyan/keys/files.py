"""Writing small secret files: whole or not at all, private to the owner, on the disk before we say so."""

import os
import secrets
from pathlib import Path


def write_private(path: Path, data: bytes, *, overwrite: bool = False) -> None:
    """Write ``data`` to ``path`` with mode 0600, atomically and durably.

    Raises FileExistsError when the file is there and ``overwrite`` is not set.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if overwrite:
            draft.replace(path)
        else:
            os.link(draft, path)  # unlike a rename, a link refuses to replace
    finally:
        draft.unlink(missing_ok=True)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make a new or removed name in ``directory`` durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_private(path: Path) -> bool:
    """Whether only the owner may read or write ``path``."""
    return path.stat().st_mode & 0o077 == 0
