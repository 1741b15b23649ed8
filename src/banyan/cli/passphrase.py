"""Where an operator's passphrase comes from: a file (a service manager's credential), or the terminal."""

from collections.abc import Callable
from getpass import getpass
from pathlib import Path


def passphrase_from(path: Path | None) -> Callable[[], bytes]:
    """A function that gives the passphrase when it is needed; a last line break does not count."""

    def ask() -> bytes:
        if path is not None:
            return path.read_bytes().rstrip(b"\r\n")
        return getpass("口令 / passphrase: ").encode()

    return ask
