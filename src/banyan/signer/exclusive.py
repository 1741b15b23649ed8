"""One process a store: a lock on a file, which the system drops when the process ends, however it ends."""

import fcntl
import os
from pathlib import Path

from banyan.signer.errors import StoreInUse


def hold(path: Path) -> int:
    """Hold ``path``; the descriptor is for ``release``. Raises StoreInUse."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise StoreInUse(path=str(path)) from error
    return descriptor


def release(descriptor: int) -> None:
    """Let go of what ``hold`` held."""
    os.close(descriptor)
