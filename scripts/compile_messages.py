"""Compile the translations."""

from pathlib import Path

import polib

LOCALE = Path(__file__).parents[1] / "src" / "banyan" / "locale"

for po in LOCALE.glob("*/LC_MESSAGES/*.po"):
    polib.pofile(str(po)).save_as_mofile(str(po.with_suffix(".mo")))
