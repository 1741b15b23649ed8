"""Names of people, bodies and devices: how they are cleaned, checked, compared and cut up for search. Pure functions.

A name is stored as it was given, but for blanks and the middle dot; two names are compared by ``comparison_form``,
which also folds the code points that GB 18030-2022 moved out of the private-use area. Characters beyond the Basic
Multilingual Plane are names like any other; lengths count code points.
"""

import re
import unicodedata
from functools import lru_cache
from itertools import product

from banyan.kernel.errors import N_

from .errors import ControlCharacter, FieldEmpty, NameCharacterInvalid, NameTooLong, NameTooShort

LONGEST_PERSON_NAME = 60
LONGEST_ORGANIZATION_NAME = 200
LONGEST_DEVICE_NAME = 200
_LONGEST_GRAM = 64
# What nearly every name is made of; nothing of it needs cleaning or folding.
_PLAIN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]{2,60}")
_RUN = re.compile(r"[\x00-\x7f]+|[^\x00-\x7f]+")

MIDDLE_DOT = "·"
# Bullet, hyphenation point, katakana dots, full-width full stop: all are typed for the dot inside a name.
_DOTS = str.maketrans(dict.fromkeys("•‧・･．", MIDDLE_DOT))
# GB 18030-2005 and its fonts kept these ideographs in the private-use area; GB 18030-2022 gives their own code points.
_PRIVATE_USE = str.maketrans(
    {
        "\ue81e": "\u9fb4", "\ue826": "\u9fb5", "\ue82b": "\u9fb6", "\ue82c": "\u9fb7", "\ue832": "\u9fb8",
        "\ue843": "\u9fb9", "\ue854": "\u9fba", "\ue864": "\u9fbb", "\ue816": "\U00020087", "\ue817": "\U00020089",
        "\ue818": "\U000200cc", "\ue831": "\U000215d7", "\ue83b": "\U0002298f", "\ue855": "\U000241fe",
        "\ue7c7": "\u1e3f",
    }
)  # fmt: skip
_PERSON_MARKS = frozenset("·-'’. ")
# A cell that begins so is a formula to a spreadsheet, not a name.
_FORMULA_STARTS = frozenset("=+@\t")
_FORBIDDEN_ANYWHERE = frozenset('<>\\|"`')


def person_name(text: str, field: str = N_("姓名")) -> str:
    """A person's name as it is stored: 2 to 60 characters, blanks inside Chinese names removed, one form of the dot.

    Raises FieldEmpty, ControlCharacter, NameTooShort, NameTooLong or NameCharacterInvalid.
    """
    if _PLAIN.fullmatch(text):
        return text
    name = _cleaned(text, field)
    for position, character in enumerate(name, 1):
        if not _is_letter(character) and character not in _PERSON_MARKS:
            raise NameCharacterInvalid(field=field, character=character, position=position)
    return _of_length(name, field, least=2, most=LONGEST_PERSON_NAME)


@lru_cache(maxsize=4096)  # a sheet names the same bodies row after row
def organization_name(text: str, field: str = N_("单位名称")) -> str:
    """A body's name as it is stored: 2 to 200 characters. Raises as ``person_name`` does."""
    return _title(text, field, least=2, most=LONGEST_ORGANIZATION_NAME)


def device_title(text: str, field: str = N_("设备名称")) -> str:
    """A device's name as it is stored: 1 to 200 characters. Raises as ``person_name`` does."""
    return _title(text, field, least=1, most=LONGEST_DEVICE_NAME)


@lru_cache(maxsize=4096)
def comparison_form(text: str) -> str:
    """What two names have in common when people would call them the same.

    Compatibility and private-use code points folded (NFKC), letter case, blanks, dots, brackets and variation
    selectors ignored. Never stored in place of the name.
    """
    if _PLAIN.fullmatch(text):
        return text
    folded = unicodedata.normalize("NFKC", text.translate(_PRIVATE_USE)).casefold()
    return "".join(character for character in folded if _counts(character))


def masked_name(name: str) -> str:
    """A name for messages that others may read: the first character, then stars."""
    return name[:1] + "*" * min(len(name) - 1, 3)


def name_fragments(text: str) -> frozenset[str]:
    """The pairs of neighbouring characters of a name's comparison form (a form of one character: itself)."""
    key = comparison_form(text)
    if len(key) < 2:
        return frozenset({key} if key else ())
    return frozenset(key[start : start + 2] for start in range(len(key) - 1))


def pinyin_forms(text: str, *, is_person: bool) -> tuple[frozenset[str], frozenset[str]]:
    """How a name is typed on a keyboard: (whole spellings, initials), lower case, letters and digits only.

    A person's characters are spelt in each of their readings (单: dan, shan), at most sixteen spellings; a body's name
    is spelt by phrases, and its initials start at each character, so that 福建省榕树 is found by ``rs`` too.
    """
    key = comparison_form(text)
    if is_person:
        readings = [_readings(character) for character in key[:8]]
        ways = _at_most(readings, 16)
        whole = frozenset("".join(way)[:_LONGEST_GRAM] for way in ways)
        initials = frozenset("".join(part[:1] for part in way) for way in ways)
        return _ascii_only(whole), _ascii_only(initials)
    syllables = _phrase_readings(key)
    letters = "".join(part[:1] for part in syllables)
    whole = frozenset({"".join(syllables)[:_LONGEST_GRAM]})
    return _ascii_only(whole), _ascii_only(frozenset(letters[start : start + 8] for start in range(len(letters))))


def _cleaned(text: str, field: str) -> str:
    for position, character in enumerate(text.strip(), 1):
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
            raise ControlCharacter(field=field, character=f"U+{ord(character):04X}", position=position)
    name = " ".join(text.translate(_DOTS).split())
    if not name:
        raise FieldEmpty(field=field)
    return "".join(
        character
        for position, character in enumerate(name)
        if character != " " or not (_is_han(name[position - 1]) or _is_han(name[position + 1]))
    )


def _title(text: str, field: str, *, least: int, most: int) -> str:
    name = _cleaned(text, field)
    if name[0] in _FORMULA_STARTS or name[0] == "-":
        raise NameCharacterInvalid(field=field, character=name[0], position=1)
    for position, character in enumerate(name, 1):
        if character in _FORBIDDEN_ANYWHERE:
            raise NameCharacterInvalid(field=field, character=character, position=position)
    return _of_length(name, field, least=least, most=most)


def _of_length(name: str, field: str, *, least: int, most: int) -> str:
    length = sum(not _is_selector(character) for character in name)
    if (sum(_is_letter(character) for character in name) < least and length < least) or not comparison_form(name):
        raise NameTooShort(field=field, masked=masked_name(name), least=least)
    if len(name) > most:
        raise NameTooLong(field=field, length=length, most=most)
    return name


def _is_letter(character: str) -> bool:
    category = unicodedata.category(character)
    # Nl: 〇. Co: old fonts' rare characters. Beyond the BMP this Python may not know the newest extensions (Cn).
    return category[0] in "LM" or category in ("Nl", "Co") or _is_han(character)


def _is_han(character: str) -> bool:
    code = ord(character)
    return 0x3400 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF or 0x20000 <= code <= 0x3FFFD or code == 0x3007


def _is_selector(character: str) -> bool:
    return 0xFE00 <= ord(character) <= 0xFE0F or 0xE0100 <= ord(character) <= 0xE01EF


def _counts(character: str) -> bool:
    if _is_selector(character):
        return False
    return _is_letter(character) or unicodedata.category(character)[0] == "N"


@lru_cache(maxsize=16384)
def _readings(character: str) -> tuple[str, ...]:
    if character.isascii():
        return (character,)
    from pypinyin import Style, pinyin

    found = pinyin(character, style=Style.NORMAL, heteronym=True, errors="ignore")
    return tuple(dict.fromkeys(_typed(reading) for reading in found[0])) if found else ("",)


def _phrase_readings(key: str) -> list[str]:
    from pypinyin import Style, lazy_pinyin

    syllables: list[str] = []
    for run in _RUN.findall(key):
        syllables += run if run.isascii() else lazy_pinyin(run, style=Style.NORMAL, errors="ignore")
    return [_typed(part) for part in syllables if part]


def _typed(reading: str) -> str:
    return reading.replace("ü", "v")


def _at_most(readings: list[tuple[str, ...]], most: int) -> list[tuple[str, ...]]:
    """Combinations of readings; rarer readings of later characters are left out before those of the surname."""
    chosen = [list(reading) for reading in readings]
    while _size(chosen) > most:
        longest = max(range(len(chosen)), key=lambda index: (len(chosen[index]), index))
        chosen[longest].pop()
    return list(product(*chosen))


def _size(choices: list[list[str]]) -> int:
    size = 1
    for choice in choices:
        size *= len(choice)
    return size


def _ascii_only(forms: frozenset[str]) -> frozenset[str]:
    return frozenset(form for form in forms if form and form.isascii())
