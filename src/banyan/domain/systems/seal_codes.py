"""The unique code of a seal (印章唯一赋码): six digits of the region that registered it, then eight of a serial.

The owner's reading of the code; GA 241.1 describes codes of physical seals of another length. A code keeps the region
of its day, so codes of regions that were given up are as good as those of today.
"""

import unicodedata
from functools import lru_cache
from typing import Final

from stdnum import numdb

from banyan.domain.parties.regions import shipped_tree

from .errors import FormFieldSealDigits, FormFieldSealLength, FormFieldSealRegion
from .policy import FormField

_LENGTH: Final = 14
_REGION: Final = 6


def read_seal_code(field: FormField, text: str) -> str:
    """The code as fourteen digits. Raises FormFieldSealDigits, FormFieldSealLength or FormFieldSealRegion."""
    code = "".join(unicodedata.normalize("NFKC", text).split()).replace("-", "")
    if not (code.isascii() and code.isdigit()):
        raise FormFieldSealDigits(field=field.label)
    if len(code) != _LENGTH:
        raise FormFieldSealLength(field=field.label, length=len(code))
    if not is_region(code[:_REGION]):
        raise FormFieldSealRegion(field=field.label, region=code[:_REGION])
    return code


@lru_cache(maxsize=1024)
def is_region(code: str) -> bool:
    """Whether GB/T 2260 ever gave this code to a region: those of the country by python-stdnum, ours by our own table."""
    tree = shipped_tree()
    if code in tree.by_code or any(entry.code == code for entry in tree.retired):
        return True
    parts = numdb.get("cn/loc").info(code)
    return len(parts) == len(("province", "county")) and bool(parts[1][1])
