"""Collect the messages of the code and the pages into the English catalogue (needs Debian's gettext)."""

import os
import sys
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command
from django.core.management.commands.makemessages import Command


class Collect(Command):
    """Django's collector, which also knows the mark of the packages that do not know Django; it guesses nothing."""

    xgettext_options = [*Command.xgettext_options, "--keyword=N_"]  # noqa: RUF012
    msgmerge_options = [*Command.msgmerge_options, "--no-fuzzy-matching"]  # noqa: RUF012


def collect(source: Path) -> Path:
    """Bring the catalogue below ``source`` (the folder of the packages) up to the code there; returns it."""
    locale = source / "banyan" / "locale"
    if not settings.configured:
        settings.configure(USE_I18N=True, LOCALE_PATHS=[str(locale)], INSTALLED_APPS=[])
        django.setup()
    before = Path.cwd()
    os.chdir(source)
    try:
        call_command(
            Collect(), locale=["en"], no_location=True, no_obsolete=True, verbosity=0,
            ignore_patterns=["banyan/web/static/*", "*.so"],
        )  # fmt: skip
    finally:
        os.chdir(before)
    return locale / "en" / "LC_MESSAGES" / "django.po"


if __name__ == "__main__":
    collect(Path(sys.argv[1] if len(sys.argv) > 1 else "src").absolute())
