"""Messages for the terminal, in the language of ``BANYAN_LANGUAGE``."""

import gettext
import os
from functools import lru_cache
from pathlib import Path

from banyan.kernel.errors import BanyanError, fill

_LOCALE = Path(__file__).parents[1] / "locale"


@lru_cache
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation("django", _LOCALE, [language], fallback=True)


def translate(message: str) -> str:
    """A message in the terminal's language."""
    return _catalogue(os.environ.get("BANYAN_LANGUAGE", "zh-hans")).gettext(message) if message else ""


def told(message: str, **fields: object) -> str:
    """A message in the terminal's language with what fills it."""
    return translate(message).format_map(fields)


def translated(error: BanyanError) -> str:
    """The error's message and the reasons that fill it, each translated once."""
    fields = {name: translate(value) if isinstance(value, str) else value for name, value in error.fields.items()}
    text = fill(translate(error.template), fields)
    command = error.fields.get("command", "")
    # What does it here; a page has its own way on.
    return text if not command or command in text else f"{text} {command}"
