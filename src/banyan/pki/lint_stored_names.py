"""Names of stored certificates, judged on what the ASN.1 library decodes (no code shared with the
moving-parts lint).
"""

import unicodedata
from collections.abc import Iterator
from typing import Any, Final

from asn1crypto import core

from banyan.pki import oids
from banyan.pki.profile import Profile

# X.520 upper bounds, written down a second time on purpose.
_BOUNDS: Final = {
    "C": 2,
    "ST": 128,
    "L": 128,
    "street": 128,
    "emailAddress": 255,
    "DC": 63,
    "UID": 256,
    "postalCode": 40,
}
_PRINTABLE: Final = frozenset(("C", "serialNumber", "dnQualifier"))
_IA5: Final = frozenset(("emailAddress", "DC"))
_PRINTABLE_CHARACTERS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789 '()+,-./:=?")


def judge_name(name: Any, profile: Profile) -> Iterator[str]:
    """Attributes at fault in a subject (an ``asn1crypto.x509.Name``); ``DN`` when the whole is."""
    found: list[str] = []
    for relative in name.chosen:
        if len(relative) != 1:
            yield "DN"
            continue
        dotted = relative[0]["type"].dotted
        attribute = oids.NAME_SHORT.get(dotted, dotted)
        found.append(attribute)
        if not _is_sound(attribute, relative[0], profile):
            yield attribute
    order = profile.subject_order
    places = [order.index(attribute) for attribute in found if attribute in order]
    if places != sorted(places):
        yield "DN"
    for attribute in profile.subject_required:
        if attribute not in found:
            yield attribute
    for attribute in set(found):
        if found.count(attribute) > 1 and attribute not in profile.subject_repeatable:
            yield attribute


def _is_sound(attribute: str, pair: Any, profile: Profile) -> bool:
    if attribute not in profile.subject_order:
        return False
    try:
        value = pair["value"]
        chosen = value.chosen if isinstance(value, core.Choice) else value
        tag, text = chosen.tag, chosen.native
    except (ValueError, TypeError):
        return False
    wanted = 0x13 if attribute in _PRINTABLE else 0x16 if attribute in _IA5 else 0x0C
    if tag != wanted or not isinstance(text, str):
        return False
    if not 1 <= len(text) <= _BOUNDS.get(attribute, 64) or text != text.strip():
        return False
    if attribute in _PRINTABLE and not set(text) <= _PRINTABLE_CHARACTERS:
        return False
    if any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in text):
        return False
    return profile.subject_fixed.get(attribute, text) == text
