"""Numbers of people never reach a page whole: not from fields that hold them, nor from texts somebody typed."""

import re
from typing import Any

from django.utils.translation import gettext as _

from banyan.domain.parties.identity_rules import mask_number, mask_phone

_PHONE = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)")
_NUMBER = re.compile(r"(?<![0-9A-Za-z])(?:\d{17}[\dXx]|\d{15})(?![0-9A-Za-z])")
_ALWAYS_MASKED = re.compile(r"(?:^|_)(?:id|id_number|number|certificate_number|证件号码)$")


def masked(text: str) -> str:
    """A text with every ID number and mobile number in it masked."""
    text = _NUMBER.sub(lambda match: mask_number(match[0]), text)
    return _PHONE.sub(lambda match: mask_phone(match[0]), text)


def shown(key: str, value: Any) -> str:
    """A value of a form under its key, masked as its key or its look asks."""
    text = _("、").join(str(one) for one in value) if isinstance(value, list | tuple) else str(value or "")
    if _ALWAYS_MASKED.search(key):
        return mask_number(text.rpartition(":")[2])
    if key.endswith("phone"):
        return mask_phone(text)
    return masked(text)
