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
# The window asks for a new PIN, and for the same once more, under these prompts; for the present one under another.
_NEW: Final = "新 PIN"
_AGAIN: Final = "再输一次"

# What the window says, to a PIN; None closes the window.
Ask = Callable[[str], str | None]


@dataclass
class Answers:
    """Who answers: ``pin`` and ``new_pin`` are asked with the window's text.

    After a refused one the same is asked with what is wrong, where somebody sits there (``asks_again``); else the window is
    closed, so that a file never uses up the tries, and ``refused`` keeps what was wrong.
    """

    pin: Ask = field(default=lambda _text: None)
    new_pin: Ask = field(default=lambda _text: None)
    asks_again: bool = False
    refused: str = ""

    def answer(self, text: str, error: str, *, is_new: bool) -> str:
        """Empty to close the window."""
        self.refused = error
        if error and not self.asks_again:
            return ""
        return (self.new_pin if is_new else self.pin)(error or text) or ""


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
            # Several at once: one that stays silent keeps no other waiting.
            threading.Thread(target=self._serve_alone, args=(connection,), daemon=True).start()

    def _serve_alone(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        lines = connection.makefile("rw", encoding="utf-8", errors="replace", newline="\n")
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
                if prompt == _AGAIN:
                    pin = new
                else:
                    pin = new = self.answers.answer(text, error, is_new=prompt == _NEW)
                error = ""
                if not pin:
                    say(_CANCELLED)
                    continue
                say("D " + quote(pin, safe="!\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~ "))
            elif command == "BYE":
                say("OK")
                return
            say("OK")
