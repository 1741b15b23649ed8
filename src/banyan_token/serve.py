"""A soft token in a process of its own: ``python -m banyan_token.serve --directory D --socket S``.

Serves until it is terminated (``ping`` tells when it is ready). A session forgets its log-in after a time
without a call. Nothing that passes through is written to the log.
"""

import argparse
import secrets
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from banyan.kernel import rpc
from banyan_token.drawer import TokenDrawer
from banyan_token.errors import SessionUnknown
from banyan_token.skf.token import Token

_IDLE_SECONDS = 15 * 60.0
_METHODS = (
    "verify_pin",
    "change_pin",
    "change_admin_pin",
    "unlock_with_admin_pin",
    "unlock_challenge",
    "answer_challenge",
    "logout",
    "generate_signing_key",
    "certification_request",
    "import_key_envelope",
    "import_certificate",
    "delete_container",
    "sign",
    "decrypt",
    "check_container",
    "prove_container",
)


class TokenService:
    """The sessions of one served device, each logged in for itself."""

    def __init__(
        self,
        directory: Path,
        *,
        machine_secret_path: Path | None = None,
        idle_seconds: float = _IDLE_SECONDS,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._serial = directory.name
        self._drawer = TokenDrawer(directory.parent, machine_secret_path=machine_secret_path)
        self._idle_seconds = idle_seconds
        self._elapsed = elapsed
        self._sessions: dict[str, tuple[Token, float]] = {}
        self._lock = threading.Lock()
        self._open().close()  # a device that cannot be opened stops the process at start, not at first use

    def handlers(self) -> Mapping[str, Callable[..., Any]]:
        """The calls served: those of ``Token`` with a ``session`` beside."""
        return {
            "open_session": self.open_session,
            "close_session": self.close_session,
            "containers": lambda session: [asdict(one) for one in self._token(session).containers()],
            "info": self._info,
            **{name: self._forward(name) for name in _METHODS},
        }

    def open_session(self) -> str:
        """A new session, not logged in."""
        session = secrets.token_hex(16)
        with self._lock:
            self._drop_idle()
            self._sessions[session] = self._open(), self._elapsed()
        return session

    def close_session(self, session: str) -> None:
        """End a session; ending one that is gone changes nothing."""
        with self._lock:
            found = self._sessions.pop(session, None)
        if found is not None:
            found[0].close()

    def close(self) -> None:
        """Log every session out."""
        with self._lock:
            for token, _used in self._sessions.values():
                token.close()
            self._sessions.clear()

    def _open(self) -> Token:
        return self._drawer.open(self._serial)

    def _drop_idle(self) -> None:
        oldest = self._elapsed() - self._idle_seconds
        for session in [name for name, (_token, used) in self._sessions.items() if used < oldest]:
            self._sessions.pop(session)[0].close()

    def _token(self, session: str) -> Token:
        with self._lock:
            self._drop_idle()
            if session not in self._sessions:
                raise SessionUnknown()
            token, _used = self._sessions[session]
            self._sessions[session] = token, self._elapsed()
        return token

    def _info(self, session: str) -> dict[str, Any]:
        return asdict(self._token(session).info())

    def _forward(self, name: str) -> Callable[..., Any]:
        def call(session: str, **params: Any) -> Any:
            return getattr(self._token(session), name)(**params)

        return call


def main(arguments: list[str] | None = None) -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m banyan_token.serve", description="软介质服务进程")
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--socket", type=Path, required=True)
    parser.add_argument("--machine-secret", type=Path, default=None)
    options = parser.parse_args(arguments)
    service = TokenService(options.directory, machine_secret_path=options.machine_secret)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    try:
        rpc.serve(options.socket, service.handlers(), stop=stop)
    finally:
        service.close()


if __name__ == "__main__":
    main()
