"""Fail when a message shown to people has no English, or when the catalogue is behind the code."""

import re
import shutil
import sys
import tempfile
from pathlib import Path

import polib
from collect_messages import collect

ROOT = Path(__file__).parents[1]
CATALOGUE = ROOT / "src" / "banyan" / "locale" / "en" / "LC_MESSAGES" / "django.po"
FIELD = re.compile(r"%\([a-z_]+\)[sd]|\{[a-z_]+\}")


def collected() -> set[str]:
    """The messages that the code has now."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "src"
        shutil.copytree(ROOT / "src", copy, ignore=shutil.ignore_patterns("static", "*.so", "__pycache__"))
        return {entry.msgid for entry in polib.pofile(str(collect(copy)))}


def main() -> int:
    entries = {entry.msgid: entry for entry in polib.pofile(str(CATALOGUE)) if not entry.obsolete}
    complaints = [f"not in the catalogue: {message}" for message in sorted(collected() - set(entries))]
    for message, entry in entries.items():
        texts = list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]
        if entry.fuzzy or not all(texts):
            complaints.append(f"no English: {message}")
        elif any(set(FIELD.findall(text)) - set(FIELD.findall(message)) for text in texts):
            complaints.append(f"names a field that the message has not: {message}")
    print("\n".join(complaints))  # noqa: T201
    return 1 if complaints else 0


sys.exit(main())
