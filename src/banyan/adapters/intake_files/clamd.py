"""ClamAV's daemon: the file goes to it in pieces (INSTREAM), nothing is written for it anywhere."""

import socket
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from banyan.domain.ra.ports import ScannerDown, Verdict

_LONGEST_ANSWER: Final = 4096
_PIECE: Final = 64 * 1024


class Clamd:
    """The port ``ra.ports.Scanner``: ``unix:/run/clamav/clamd.ctl`` or ``tcp://host:3310``."""

    def __init__(self, address: str, *, patience_s: float = 60.0) -> None:
        self._address, self._patience = address, patience_s

    def is_well(self, patience_s: float = 0.5) -> bool:
        """Whether it answers now."""
        try:
            with self._connected(patience_s) as link:
                link.sendall(b"zPING\0")
                return _answer(link) == "PONG"
        except OSError:
            return False

    def scan(self, chunks: Iterable[bytes]) -> Verdict:
        """Whether it finds something. Raises ScannerDown when it cannot be asked or does not say."""
        try:
            with self._connected(self._patience) as link:
                _send(link, chunks)
                answer = _answer(link)
        except OSError as error:
            raise ScannerDown(reason=type(error).__name__) from error
        if answer == "stream: OK":
            return Verdict()
        if answer.startswith("stream: ") and answer.endswith(" FOUND"):
            return Verdict(answer[len("stream: ") : -len(" FOUND")])
        raise ScannerDown(reason=answer[:200] or "no answer")

    @contextmanager
    def _connected(self, patience_s: float) -> Iterator[socket.socket]:
        kind, target = _place(self._address)
        with socket.socket(kind, socket.SOCK_STREAM) as link:
            link.settimeout(patience_s)
            link.connect(target)
            yield link


def _send(link: socket.socket, chunks: Iterable[bytes]) -> None:
    try:
        link.sendall(b"zINSTREAM\0")
        for chunk in chunks:
            for start in range(0, len(chunk), _PIECE):
                piece = chunk[start : start + _PIECE]
                link.sendall(struct.pack(">I", len(piece)) + piece)
        link.sendall(struct.pack(">I", 0))
    except (BrokenPipeError, ConnectionResetError):
        return  # it has said why before it closed: over its own limit


def _answer(link: socket.socket) -> str:
    told = b""
    while b"\0" not in told and len(told) < _LONGEST_ANSWER:
        piece = link.recv(_LONGEST_ANSWER)
        if not piece:
            break
        told += piece
    return told.split(b"\0")[0].decode("utf-8", "replace")


def _place(address: str) -> tuple[socket.AddressFamily, str | tuple[str, int]]:
    if address.startswith("unix:"):
        return socket.AF_UNIX, address.removeprefix("unix:")
    parts = urlsplit(address)
    host = parts.hostname or ""
    return (socket.AF_INET6 if ":" in host else socket.AF_INET), (host, parts.port or 3310)
