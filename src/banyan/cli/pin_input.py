"""Where secrets come from and go to: a file, standard input, the terminal; never an option of a command."""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from banyan.cli.messages import translate
from banyan.kernel.errors import N_, BanyanError

_C = TypeVar("_C", bound=Callable[..., Any])


class PinLetterMissing(BanyanError):
    """No letter with this token's PIN."""

    code = "cli.pin_letter_missing"
    message = N_("在 {place} 里没有介质 {token} 的口令。请用 --pin-file 给出，或在提示时输入。")


def pin_options(command: _C) -> _C:
    """The options by which a token's PIN is given."""
    command = click.option(
        "--pin-letters",
        type=click.Path(file_okay=False, path_type=Path),
        help="Directory with a file SERIAL.txt a token; PINs of new tokens are written there (0600).",
    )(command)
    return click.option(
        "--pin-file",
        type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
        help="File whose first line is the PIN; - reads standard input (default: asked for).",
    )(command)


def pin_of(serial: str, pin_file: Path | None, letters: Path | None) -> str:
    """The user PIN of a token. Raises PinLetterMissing."""
    if letters is not None and pin_file is None:
        letter = letters / f"{serial}.txt"
        if not letter.is_file():
            raise PinLetterMissing(place=str(letters), token=serial)
        return first_line(letter)
    return secret(pin_file, translate(N_("介质 {token} 的口令")).format(token=serial))


def secret(path: Path | None, label: str, *, twice: bool = False) -> str:
    """A secret from a file's first line, or asked for at the terminal without showing it."""
    if path is not None:
        return first_line(path)
    answer: str = click.prompt(label, hide_input=True, confirmation_prompt=twice, type=str, err=True)
    return answer


def first_line(path: Path) -> str:
    """The first line of a file or, for ``-``, of standard input."""
    text = sys.stdin.readline() if str(path) == "-" else path.read_text("utf-8").partition("\n")[0]
    return text.rstrip("\r\n")


def ready(place: Path) -> None:
    """Make the directory of PIN letters and see that it can be written. Raises OSError."""
    place.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryFile(dir=place):
        pass


def write_letter(place: Path, serial: str, pin: str) -> Path:
    """Keep an initial PIN in a file of its own, readable by its owner only."""
    ready(place)
    letter = place / f"{serial}.txt"
    handle = os.open(letter, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(pin + "\n")
    return letter
