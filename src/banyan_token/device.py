"""A device and its PINs: opening, logging in, changing, locking and unlocking; what `soft_token` builds
on.
"""

import contextlib
import os
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from banyan_token import pin_control, pins, protection, state, storage, unlock
from banyan_token.errors import (
    NotLoggedIn,
    PinChangeRequired,
    TokenExists,
    TokenNotWritten,
    TokenSerialMalformed,
)
from banyan_token.state import DeviceState, Header

TRIES = 6
MOST_TRIES = 10  # GM/T 0027
_SERIAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,31}")


@dataclass(frozen=True)
class TokenInfo:
    """What may be seen of a device without a PIN. ``state`` is ready, locked or dead (administrator PIN
    locked too).
    """

    serial: str
    label: str
    kind: str
    state: str
    user_tries_left: int
    admin_tries_left: int
    must_change_pin: bool
    created_at: datetime
    containers: int


class Device:
    """One device. Several processes and threads may hold the same directory; each logs in for itself."""

    def __init__(self, directory: Path, header: Header, machine_secret: bytes) -> None:
        self._directory = directory
        self._header = header
        self._machine_secret = machine_secret
        self._master_key: bytearray | None = None
        self._lock = threading.RLock()
        self._cached: tuple[tuple[int, int, int], DeviceState] | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._header.serial}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Making and opening

    @classmethod
    def create(
        cls,
        directory: Path,
        *,
        serial: str,
        user_pin: str,
        admin_pin: str,
        machine_secret_path: Path,
        now: datetime,
        label: str = "",
        iterations: int = protection.ITERATIONS,
        user_tries: int = TRIES,
        admin_tries: int = TRIES,
        must_change_pin: bool = True,
    ) -> Self:
        """Personalise an empty device in ``directory`` with the PINs given (make them with ``random_pin``).

        The machine secret is made at ``machine_secret_path`` (outside the directory) when it is not there
        yet. ``iterations`` is lowered by tests only. Raises TokenExists, TokenSerialMalformed, PinMalformed,
        PinTooSimple, TokenNotWritten.
        """
        if not _SERIAL.fullmatch(serial):
            raise TokenSerialMalformed()
        if not (1 <= user_tries <= MOST_TRIES and 1 <= admin_tries <= MOST_TRIES and iterations >= 1):
            raise ValueError("tries and iterations out of range")
        pins.check_new(user_pin)
        pins.check_new(admin_pin)
        secret = storage.make_machine_secret(machine_secret_path)
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise TokenNotWritten(reason=error.strerror) from None
        header = Header(serial, os.path.relpath(machine_secret_path.absolute(), directory.absolute()))
        master_key = os.urandom(protection.KEY_BYTES)
        user = pin_control.new_user_pin(secret, serial, user_pin, master_key, iterations=iterations, tries=user_tries)
        admin, response_key = pin_control.new_admin_pin(
            secret, serial, admin_pin, master_key, iterations=iterations, tries=admin_tries
        )
        fresh = DeviceState(
            label=label,
            created_at=now.astimezone(UTC).isoformat(),
            iterations=iterations,
            must_change_pin=must_change_pin,
            user=user,
            admin=admin,
            response_key=response_key,
        )
        with storage.locked(directory):
            if (directory / storage.STATE_FILE).exists():
                raise TokenExists(serial=serial)
            state.store(directory, secret, header, fresh)
        return cls(directory, header, secret)

    @classmethod
    def open(cls, directory: Path, *, machine_secret_path: Path | None = None) -> Self:
        """Open the device in ``directory``; no PIN is needed for what anybody may see.

        Raises TokenMissing, TokenTampered, MachineSecretMissing.
        """
        header = state.read_header(directory)
        secret = storage.machine_secret(machine_secret_path or header.machine_secret_path(directory))
        token = cls(directory, header, secret)
        token._state()
        return token

    def close(self) -> None:
        """Log out."""
        self.logout()

    # PINs

    @property
    def serial(self) -> str:
        return self._header.serial

    def verify_pin(self, pin: str) -> None:
        """Log in as the user. Raises PinIncorrect (with the tries left), PinLocked, PinMalformed,
        TokenNotWritten.
        """
        with self._changing():
            checked, master_key = pin_control.check_user_pin(
                self._state(), self._machine_secret, self.serial, pin, self._store
            )
            self._store(checked)
            self._keep(master_key)

    def change_pin(self, old_pin: str, new_pin: str) -> None:
        """Replace the user PIN and log in. Raises as ``verify_pin``, and PinTooSimple before anything is
        counted.
        """
        pins.check_new(new_pin, old=old_pin)
        with self._changing():
            checked, master_key = pin_control.check_user_pin(
                self._state(), self._machine_secret, self.serial, old_pin, self._store
            )
            self._set_user_pin(checked, master_key, new_pin, must_change=False)
            self._keep(master_key)

    def change_admin_pin(self, old_pin: str, new_pin: str) -> None:
        """Replace the administrator PIN. Raises AdminPinIncorrect, AdminPinLocked, PinTooSimple."""
        pins.check_new(new_pin, old=old_pin)
        with self._changing():
            checked, master_key = pin_control.check_admin_pin(
                self._state(), self._machine_secret, self.serial, old_pin, self._store
            )
            admin, response_key = pin_control.new_admin_pin(
                self._machine_secret,
                self.serial,
                new_pin,
                master_key,
                iterations=checked.iterations,
                tries=checked.admin.tries,
            )
            self._store(replace(checked, admin=admin, response_key=response_key, challenge=None))

    def unlock_with_admin_pin(self, admin_pin: str, new_pin: str, *, must_change_pin: bool = True) -> None:
        """Give a device a new user PIN and a full counter; keys and certificates stay (SKF_UnblockPIN).

        The holder must change it at first use unless they typed it themselves (``must_change_pin=False``).
        """
        pins.check_new(new_pin)
        with self._changing():
            checked, master_key = pin_control.check_admin_pin(
                self._state(), self._machine_secret, self.serial, admin_pin, self._store
            )
            self._set_user_pin(checked, master_key, new_pin, must_change=must_change_pin)

    def unlock_challenge(self) -> str:
        """A fresh challenge for a remote unlock; any earlier one is void. Survives a restart."""
        with self._changing():
            current = replace(self._state(), challenge=unlock.new_number())
            self._store(current)
            assert current.challenge is not None  # noqa: S101  (set on the line above; for the type checker)
            return unlock.Challenge(self.serial, current.challenge, current.admin.salt, current.iterations).encode()

    def answer_challenge(self, response: str) -> None:
        """Take the platform's response: new user PIN (to be changed at first use), full counter; keys stay.

        Raises ChallengeMalformed and ChallengeMismatch (not counted), AdminPinIncorrect and AdminPinLocked
        (counted; the challenge is spent).
        """
        with self._changing():
            checked, master_key, new_pin = pin_control.check_response(
                self._state(), self._machine_secret, self.serial, response, self._store
            )
            pins.check_new(new_pin)
            self._set_user_pin(checked, master_key, new_pin, must_change=True)

    def logout(self) -> None:
        """Forget the master key (overwritten in memory as far as the interpreter allows)."""
        with self._lock:
            protection.wipe(self._master_key)
            self._master_key = None

    # What anybody may see

    def info(self) -> TokenInfo:
        """The device's description. No PIN needed."""
        current = self._state()
        word = "dead" if current.admin.is_locked and current.user.is_locked else "ready"
        if word == "ready" and current.user.is_locked:
            word = "locked"
        return TokenInfo(
            serial=self.serial,
            label=current.label,
            kind="SOFT",
            state=word,
            user_tries_left=current.user.tries_left,
            admin_tries_left=current.admin.tries_left,
            must_change_pin=current.must_change_pin,
            created_at=datetime.fromisoformat(current.created_at),
            containers=len(current.containers),
        )

    # Inside

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Alone with the device, among threads and processes."""
        with self._lock, storage.locked(self._directory):
            yield

    def _state(self) -> DeviceState:
        """The state now on disk; opened again only when the file has been replaced."""
        with self._lock:
            mark = storage.state_mark(self._directory)
            if self._cached is None or self._cached[0] != mark:
                self._cached = mark, state.load(self._directory, self._machine_secret, self.serial)
            return self._cached[1]

    def _store(self, changed: DeviceState) -> None:
        self._cached = None
        state.store(self._directory, self._machine_secret, self._header, changed)

    def _set_user_pin(self, current: DeviceState, master_key: bytes, new_pin: str, *, must_change: bool) -> None:
        user = pin_control.new_user_pin(
            self._machine_secret,
            self.serial,
            new_pin,
            master_key,
            iterations=current.iterations,
            tries=current.user.tries,
        )
        self._store(replace(current, user=user, must_change_pin=must_change, challenge=None))

    def _keep(self, master_key: bytes) -> None:
        self.logout()
        self._master_key = bytearray(master_key)

    def _need_login(self) -> bytes:
        """The master key of a logged-in session. Raises NotLoggedIn."""
        with self._lock:
            if self._master_key is None:
                raise NotLoggedIn()
            return bytes(self._master_key)

    def _need_changed_pin(self) -> None:
        self._need_login()
        if self._state().must_change_pin:
            raise PinChangeRequired()
