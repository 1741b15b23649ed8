"""What is plugged in behind one vendor's library, and what comes and goes."""

import contextlib
import ctypes
import threading
from collections.abc import Iterator
from ctypes import byref, c_uint32
from dataclasses import dataclass

from banyan_token.skf.codes import Sar
from banyan_token.skf.interface import Library, names_in
from banyan_token.skf.profiles import Profile
from banyan_token.skf.refusals import refusal
from banyan_token.skf.token import Place, Token

_NAME = 1024


@dataclass(frozen=True)
class TokenEvent:
    """A token was plugged in or out."""

    name: str
    is_there: bool


class Reader:
    """The tokens of one library, several at once; ``place`` is for our own library only."""

    def __init__(self, profile: Profile, *, library: Library | None = None, place: Place | None = None) -> None:
        """Raises LibraryNotNamed, LibraryUnusable."""
        self.profile, self._place = profile, place
        self._library = library or Library(profile.library())

    def names(self) -> list[str]:
        """The devices that are plugged in."""
        with self._at_its_place():
            code, listed = self._library.filled("EnumDev", 1)
        if code != Sar.OK:
            raise refusal(code, serial="")
        return names_in(listed)

    def open(self, name: str) -> Token:
        """Open a device. Raises TokenMissing, TokenTampered, TokenNotPrepared, MachineSecretMissing, TokenSlow."""
        return Token(self._library, self.profile, name, place=self._place)

    def open_all(self) -> list[Token]:
        """Every device that is plugged in and prepared."""
        return [self.open(name) for name in self.names()]

    def events(self, stop: threading.Event) -> Iterator[TokenEvent]:
        """What is plugged in and out, from now on, until ``stop`` is set and ``wake`` called. Blocks between events."""
        while not stop.is_set():
            room, size, kind = ctypes.create_string_buffer(_NAME), c_uint32(_NAME), c_uint32()
            with self._at_its_place():
                code = self._library.call("WaitForDevEvent", room, byref(size), byref(kind))
            if code == Sar.OK:
                yield TokenEvent(room.value.decode(errors="replace"), kind.value == 1)
            elif code != Sar.NOT_EVENTERR:
                raise refusal(code, serial="")

    def wake(self) -> None:
        """Have whoever waits for events look whether it is to stop."""
        self._library.call("CancelWaitForDevEvent")

    def _at_its_place(self) -> contextlib.AbstractContextManager[None]:
        return self._place.used(self._library) if self._place else contextlib.nullcontext()
