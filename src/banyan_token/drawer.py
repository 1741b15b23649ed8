"""A drawer of soft tokens: one directory that holds one directory a device, behind our own SKF library."""

import contextlib
from collections.abc import Iterator
from ctypes import byref, c_void_p, create_string_buffer
from functools import cache
from pathlib import Path

from banyan import gm
from banyan.kernel.pins import random_pin
from banyan_token import older, pins
from banyan_token.errors import TokenExists, TokenSerialMalformed
from banyan_token.skf import codes
from banyan_token.skf.codes import Sar
from banyan_token.skf.interface import Library, own_library
from banyan_token.skf.profiles import Profile, profile
from banyan_token.skf.reader import Reader
from banyan_token.skf.refusals import refusal
from banyan_token.skf.token import Place, Token, TokenInfo

TRIES = 6
MOST_TRIES = 10  # GM/T 0027


@cache
def _library() -> Library:
    return Library(own_library())


@cache
def _profile() -> Profile:
    return profile()


class TokenDrawer:
    """The devices "plugged in" on this machine; of the user who has them.

    ``machine_secret_path`` lies outside the drawer; without it, it is the drawer's name with ``.secret``. Devices of version
    0.1 are converted when they are met.
    """

    def __init__(self, directory: Path, *, machine_secret_path: Path | None = None) -> None:
        self._directory = directory
        self._place = Place(directory, machine_secret_path)

    def serials(self) -> list[str]:
        """Serial numbers of the devices, sorted; one whose making was cut short is none yet."""
        older.convert_all(self._directory, self._secret())
        return [serial for serial in self._reader().names() if self._is_prepared(serial)]

    def infos(self) -> list[TokenInfo]:
        """Descriptions of all devices, sorted by serial. Raises what opening any of them raises."""
        found = []
        for serial in self.serials():
            with self.open(serial) as token:
                found.append(token.info())
        return found

    def has(self, serial: str) -> bool:
        """Whether there is such a device, whole."""
        older.convert(self._directory / serial, self._secret())
        return serial in self._reader().names() and self._is_prepared(serial)

    def open(self, serial: str) -> Token:
        """Open a device. Raises TokenMissing, TokenTampered, TokenNotPrepared, MachineSecretMissing."""
        older.convert(self._directory / serial, self._secret())
        return self._reader().open(serial)

    def create_blank(self, serial: str, *, label: str = "", iterations: int = 0) -> None:
        """Make a device as it comes from the factory: empty, without PINs. One that is there blank stays.

        ``iterations`` (of deriving a key from a PIN) is lowered by trials only. Raises TokenExists for a device in use,
        TokenSerialMalformed, TokenNotWritten.
        """
        if self.has(serial):
            raise TokenExists(serial=serial)
        library = _library()
        with self._place.used(library):
            code = library.call("BYT_CreateDevice", serial.encode(), label.encode(), _profile().auth_key, iterations)
        if code == Sar.NAMELENERR:
            raise TokenSerialMalformed()
        if code not in (Sar.OK, Sar.OBJERR):
            raise refusal(code, serial=serial)

    def create(
        self,
        serial: str,
        *,
        user_pin: str,
        admin_pin: str,
        label: str = "",
        iterations: int = 0,
        user_tries: int = TRIES,
        admin_tries: int = TRIES,
        must_change_pin: bool = True,
    ) -> Token:
        """Personalise a new device with the PINs given (make them with ``random_pin``); what was begun is completed.

        ``iterations`` is lowered by trials only. Raises TokenExists, TokenSerialMalformed, PinMalformed, PinTooSimple,
        TokenNotWritten.
        """
        pins.check_new(user_pin)
        pins.check_new(admin_pin)
        self.create_blank(serial, label=label, iterations=iterations)
        library = _library()
        first = user_pin if must_change_pin else random_pin()
        with self._authenticated(library, serial) as device:
            application, name = c_void_p(), _profile().application.encode()
            given = (admin_pin.encode(), admin_tries, first.encode(), user_tries, codes.ANYONE)
            code = library.call("CreateApplication", device, name, *given, byref(application))
            if code == Sar.APPLICATION_EXISTS:
                raise TokenExists(serial=serial)
            if code != Sar.OK:
                raise refusal(code, serial=serial)
            library.call("CloseApplication", application)
        token = self.open(serial)
        if not must_change_pin:
            token.change_pin(first, user_pin)
            token.logout()
        return token

    def destroy(self, serial: str) -> None:
        """Destroy a device with everything in it. Raises TokenMissing."""
        library = _library()
        with self._authenticated(library, serial) as device:
            code = library.call("BYT_DestroyDevice", device)
            if code != Sar.OK:
                raise refusal(code, serial=serial)

    def _reader(self) -> Reader:
        return Reader(_profile(), library=_library(), place=self._place)

    def _secret(self) -> Path:
        return self._place.machine_secret or self._directory.with_name(self._directory.name + ".secret")

    def _is_prepared(self, serial: str) -> bool:
        """Whether the application is there; a device that does not open counts, and opening it tells why."""
        library = _library()
        device, application = c_void_p(), c_void_p()
        with self._place.used(library):
            code = library.call("ConnectDev", serial.encode(), byref(device))
        if code != Sar.OK:
            return True
        try:
            name = _profile().application.encode()
            return library.call("OpenApplication", device, name, byref(application)) != Sar.APPLICATION_NOT_EXISTS
        finally:
            library.call("DisConnectDev", device)

    @contextlib.contextmanager
    def _authenticated(self, library: Library, serial: str) -> Iterator[c_void_p]:
        """The device, opened for its maker."""
        device, number = c_void_p(), create_string_buffer(8)
        with self._place.used(library):
            code = library.call("ConnectDev", serial.encode(), byref(device))
        if code != Sar.OK:
            raise refusal(code, serial=serial)
        try:
            library.call("GenRandom", device, number, 8)
            proof = gm.sm4.ecb_encrypt(_profile().auth_key, number.raw + bytes(8))
            code = library.call("DevAuth", device, proof, len(proof))
            if code != Sar.OK:
                raise refusal(code, serial=serial)
            yield device
        finally:
            library.call("DisConnectDev", device)
