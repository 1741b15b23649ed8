"""What a log must not hold, whoever writes the line: secrets of first log-in links, and people's numbers."""

import logging
import re

# A link's secret is whatever follows /first/; an ID number or a mobile number stands alone.
_LINK = re.compile(r"(/first/)[^\s\"'?#]+")
_PERSONAL = re.compile(r"(?<![0-9A-Za-z])(?:[1-9]\d{5}(?:19|20)\d{9}[\dXx]|1[3-9]\d{9})(?![0-9A-Za-z])")


def without_numbers(text: str) -> str:
    """The text without what looks like a person's ID or mobile number."""
    return _PERSONAL.sub("[withheld]", text)


def masked(text: str) -> str:
    """The text without them."""
    return without_numbers(_LINK.sub(r"\1[withheld]", text))


class MaskedWords(logging.Filter):
    """Masks a record's message before it is formatted."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = masked(record.getMessage()), ()
        return True
