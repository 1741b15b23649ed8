"""Collect the messages of the code and the pages into the English catalogue (needs Debian's gettext)."""

import os
import sys
import tomllib
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command
from django.core.management.commands.makemessages import Command


class Collect(Command):
    """Django's collector, which also knows the mark of the packages that do not know Django; it guesses nothing."""

    xgettext_options = [*Command.xgettext_options, "--keyword=N_"]  # noqa: RUF012
    msgmerge_options = [*Command.msgmerge_options, "--no-fuzzy-matching"]  # noqa: RUF012


# Data files whose words are shown to people, and the tables and keys that hold such words; "" is the file itself.
DATA: dict[str, dict[str, tuple[str, ...]]] = {
    "banyan/domain/ra/processes/materials.toml": {"material": ("name",)},
    "banyan/domain/systems/registry/*.toml": {"field": ("label",)},
    "banyan/domain/papers/shipped/*.toml": {"": ("name", "about")},
}


def words_of_data(source: Path) -> list[str]:
    """The words of the data files that people are shown, each once."""
    found = [
        entry[key]
        for pattern, places in DATA.items()
        for place in sorted(source.glob(pattern))
        for table, keys in places.items()
        for entry in _entries(tomllib.loads(place.read_text("utf-8")), table)
        for key in keys
    ]
    return list(dict.fromkeys(found))


def _entries(data: dict[str, Any], table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data.get(table, []) if table else [data]
    return found


def collect(source: Path) -> Path:
    """Bring the catalogue below ``source`` (the folder of the packages) up to the code there; returns it."""
    locale = source / "banyan" / "locale"
    if not settings.configured:
        settings.configure(USE_I18N=True, LOCALE_PATHS=[str(locale)], INSTALLED_APPS=[])
        django.setup()
    before = Path.cwd()
    # xgettext does not read data: for as long as it looks, their words stand in a module.
    stand_in = source / "banyan" / "words_of_data.py"
    os.chdir(source)
    try:
        stand_in.write_text("".join(f"N_({word!r})\n" for word in words_of_data(source)), "utf-8")
        call_command(
            Collect(), locale=["en"], no_location=True, no_obsolete=True, verbosity=0,
            ignore_patterns=["banyan/web/static/*", "*.so"],
        )  # fmt: skip
    finally:
        stand_in.unlink(missing_ok=True)
        os.chdir(before)
    return locale / "en" / "LC_MESSAGES" / "django.po"


if __name__ == "__main__":
    collect(Path(sys.argv[1] if len(sys.argv) > 1 else "src").absolute())
