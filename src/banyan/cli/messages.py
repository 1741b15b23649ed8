"""Error messages for the terminal, in the language of the installation or of ``BANYAN_LANGUAGE``."""

import gettext
import os
from pathlib import Path

from banyan.kernel.errors import BanyanError, fill

_LOCALE = Path(__file__).parents[1] / "locale"


def translated(error: BanyanError) -> str:
    """The error's message, translated once and filled."""
    language = os.environ.get("BANYAN_LANGUAGE", "zh-hans")
    catalogue = gettext.translation("django", _LOCALE, [language], fallback=True)
    return fill(catalogue.gettext(error.template), error.fields)
