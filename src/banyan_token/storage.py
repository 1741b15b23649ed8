"""Files of a device: one sealed state file, replaced whole or not at all; a lock between processes; the
machine secret.
"""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from banyan_token.errors import MachineSecretMissing, TokenMissing, TokenNotWritten

STATE_FILE = "token.state"
_LOCK_FILE = "token.lock"
_NEW_FILE = "token.state.new"
MACHINE_SECRET_BYTES = 32


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the device alone among processes and threads; released by the system even after kill -9."""
    try:
        handle = os.open(directory / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        raise TokenMissing(place=directory.name) from None
    except OSError as error:
        raise TokenNotWritten(reason=error.strerror) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def read_state(directory: Path) -> bytes:
    """The stored state as it lies on disk. Raises TokenMissing."""
    try:
        return (directory / STATE_FILE).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise TokenMissing(place=directory.name) from None


def state_mark(directory: Path) -> tuple[int, int, int]:
    """What changes whenever the state file is replaced. Raises TokenMissing."""
    try:
        found = (directory / STATE_FILE).stat()
    except (FileNotFoundError, NotADirectoryError):
        raise TokenMissing(place=directory.name) from None
    return found.st_ino, found.st_mtime_ns, found.st_size


def write_state(directory: Path, data: bytes) -> None:
    """Replace the stored state durably: after this returns it survives kill -9 and power loss.

    Raises TokenNotWritten (full disk, missing right), leaving the previous state whole.
    """
    new = directory / _NEW_FILE
    try:
        handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            _write_all(handle, data)
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(new, directory / STATE_FILE)
        sync_directory(directory)
    except OSError as error:
        with contextlib.suppress(OSError):
            new.unlink(missing_ok=True)
        raise TokenNotWritten(reason=error.strerror) from None


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def sync_directory(directory: Path) -> None:
    """Make the names in ``directory`` durable."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def machine_secret(path: Path) -> bytes:
    """The machine's secret, 32 bytes. Raises MachineSecretMissing when it is absent or cut short."""
    try:
        secret = path.read_bytes()
    except OSError:
        raise MachineSecretMissing(place=str(path)) from None
    if len(secret) != MACHINE_SECRET_BYTES:
        raise MachineSecretMissing(place=str(path))
    return secret


def make_machine_secret(path: Path) -> bytes:
    """The machine's secret, made at random if there is none yet; the first of several makers wins.

    The file is complete before it gets its name, so nobody ever reads half a secret.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        try:
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                _write_all(handle, secrets.token_bytes(MACHINE_SECRET_BYTES))
                os.fsync(handle)
            finally:
                os.close(handle)
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
            sync_directory(path.parent)
        except OSError as error:
            raise TokenNotWritten(reason=error.strerror) from None
        finally:
            draft.unlink(missing_ok=True)
    return machine_secret(path)
