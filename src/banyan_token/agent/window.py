"""Answering the agent's PIN window from a program: a terminal that asks, or a file that the person named.

The agent starts ``pinentry`` of this package as its window program; that one passes the lines (Assuan) to the socket here.
"""

import contextlib
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

_LONGEST_LINE: Final = 8192
_CANCELLED: Final = "ERR 83886179 Operation cancelled"
# The window asks for a new PIN under these prompts, for the old one under another.
_NEW: Final = ("新 PIN", "再输一次")

# What the window says, to a PIN; None closes the window.
Ask = Callable[[str], str | None]


@dataclass
class Answers:
    """Who answers: ``pin`` and ``new_pin`` are asked with the window's text. After a wrong PIN ``again`` is asked."""

    pin: Ask = field(default=lambda _text: None)
    new_pin: Ask = field(default=lambda _text: None)
    again: Ask = field(default=lambda _text: None)


class Window:
    """Listens at ``path`` until closed; each connection is one window. ``answers`` may be replaced at any time."""

    def __init__(self, path: Path) -> None:
        self.answers = Answers()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        path.chmod(0o600)
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more windows."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, contextlib.suppress(OSError):
                self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        lines = connection.makefile("rw", encoding="utf-8", newline="\n")
        text = error = prompt = ""
        new = ""

        def say(line: str) -> None:
            lines.write(line + "\n")
            lines.flush()

        say("OK")
        while line := lines.readline(_LONGEST_LINE):
            command, _, argument = line.rstrip("\n").partition(" ")
            if command == "SETDESC":
                text = unquote(argument)
            elif command == "SETERROR":
                error = unquote(argument)
            elif command == "SETPROMPT":
                prompt = argument
            elif command == "GETPIN":
                if prompt not in _NEW:
                    pin = self.answers.again(f"{text}\n{error}") if error else self.answers.pin(text)
                elif prompt == _NEW[0]:
                    # A PIN that was just refused, or typed differently twice, is not offered again by itself.
                    pin = new = (self.answers.again(error) if error else self.answers.new_pin(text)) or ""
                else:
                    pin = new
                error = ""
                if not pin:
                    say(_CANCELLED)
                    continue
                say("D " + quote(pin, safe="!\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~ "))
            elif command == "BYE":
                say("OK")
                return
            say("OK")
