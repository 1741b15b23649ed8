"""Numbers that stand for people and bodies: how they are read, checked and masked. Pure functions.

Check digits by python-stdnum. No error and no mask ever holds a whole number.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from stdnum.cn import ric
from stdnum.cn import uscc as stdnum_uscc

from banyan.kernel.errors import N_

from .errors import (
    CreditCodeCharacterInvalid,
    CreditCodeHeadInvalid,
    DigitsLost,
    FieldEmpty,
    ForeignPermanentFormInvalid,
    IdentityChecksumInvalid,
    IdentityDateInvalid,
    IdentityDigitsExpected,
    IdentityIsResidencePermit,
    IdentityLengthInvalid,
    IdentityProvinceUnknown,
    MilitaryFormInvalid,
    MobileInvalid,
    OrganizationCodeFormInvalid,
    PassportFormInvalid,
    ResidencePermitFormInvalid,
    UnknownIdentityType,
)
from .kinds import IdentityType, OrganizationKind

# First two digits of a resident ID: a province of GB/T 2260. Old codes of counties live on, so no more is asked.
_PROVINCES = frozenset(
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83".split()  # noqa: SIM905
)
_PERMIT_REGIONS = ("810000", "820000", "830000")
_SCIENTIFIC = re.compile(r"\d(\.\d+)?E\+?\d+")
_DOCUMENT = re.compile(r"[A-Z0-9]{5,17}")
_FOREIGN_OLD = re.compile(r"[A-Z]{3}\d{12}")
_MILITARY = re.compile(r"([\u4e00-\u9fff]{1,4}字)第?0*(\d{4,10})号?|([A-Z]{0,2}\d{6,12})")
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC_DEPARTMENTS = "1234569ANY"
_ORGANIZATION_CODE = re.compile(r"[0-9A-Z]{8}[0-9X]")
_ORGANIZATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


@dataclass(frozen=True)
class IdentityNumber:
    """A checked number of a document in its normal form. Its representation shows only the masked form."""

    type: IdentityType
    number: str = field(repr=False)

    @property
    def masked(self) -> str:
        """The form pages show."""
        return mask_number(self.number)

    @property
    def index_text(self) -> str:
        """What the blind index is computed over: numbers of different documents never meet."""
        return f"{self.type}:{self.number}"


def identity_number(id_type: str, text: str, *, today: date, name: str = N_("证件号码")) -> IdentityNumber:
    """Read the number of an identity document.

    Full-width characters, blanks and a lower-case x are put right; a resident ID of 15 digits becomes 18. Raises a
    RuleError that names the fault: empty, length, form, check digit, date, or digits lost in a spreadsheet.
    """
    kind = identity_type(id_type)
    number = _normal(text, name)
    if _SCIENTIFIC.fullmatch(number) and kind is not IdentityType.PASSPORT:
        raise DigitsLost(field=name, masked=mask_number(number))
    return IdentityNumber(kind, _READERS[kind](number, name, today))


def identity_type(text: str) -> IdentityType:
    """The document type of a code or of its Chinese name as forms write it. Raises UnknownIdentityType."""
    if text in _BY_CODE:
        return _BY_CODE[text]
    wanted = unicodedata.normalize("NFKC", text).strip()
    for kind in IdentityType:
        if wanted == kind.value or wanted in _TYPE_ALIASES[kind]:
            return kind
    raise UnknownIdentityType(value=wanted[:20], known="、".join(names[0] for names in _TYPE_ALIASES.values()))


@lru_cache(maxsize=4096)  # a sheet names the same bodies row after row, and their codes are public
def credit_code(text: str, name: str = N_("统一社会信用代码")) -> str:
    """Read a unified social credit code (GB 32100), 18 characters. Raises a RuleError naming the fault."""
    code = _normal(text, name).replace("-", "")
    if len(code) != 18:
        raise IdentityLengthInvalid(field=name, masked=mask_number(code), expected=18, length=len(code))
    for position, character in enumerate(code, 1):
        if character not in _USCC_ALPHABET:
            raise CreditCodeCharacterInvalid(
                field=name, masked=mask_number(code), position=position, character=character
            )
    if code[0] not in _USCC_DEPARTMENTS or not code[2:8].isdigit():
        raise CreditCodeHeadInvalid(field=name, masked=mask_number(code))
    if stdnum_uscc.calc_check_digit(code[:17]) != code[17]:
        raise IdentityChecksumInvalid(field=name, masked=mask_number(code))
    return code


def organization_code(text: str, name: str = N_("组织机构代码")) -> str:
    """Read an organisation code of the old kind (GB 11714), 9 characters without the hyphen. Raises a RuleError."""
    code = _normal(text, name).replace("-", "")
    if not _ORGANIZATION_CODE.fullmatch(code):
        raise OrganizationCodeFormInvalid(field=name, masked=mask_number(code))
    total = sum(int(character, 36) * weight for character, weight in zip(code, _ORGANIZATION_WEIGHTS, strict=False))
    check = "0123456789X0"[11 - total % 11]
    if code[8] != check:
        raise IdentityChecksumInvalid(field=name, masked=mask_number(code))
    return code


def organization_kind(code: str) -> OrganizationKind:
    """What a body is by the first two characters of its checked credit code (GB 32100 §4)."""
    by_two = {
        "11": OrganizationKind.GOVERNMENT,
        "12": OrganizationKind.PUBLIC_INSTITUTION,
        "13": OrganizationKind.MASS_ORGANIZATION,
    }
    by_one = {"5": OrganizationKind.SOCIAL_ORGANIZATION, "9": OrganizationKind.ENTERPRISE}
    return by_two.get(code[:2]) or by_one.get(code[:1], OrganizationKind.OTHER)


def mobile_number(text: str, name: str = N_("手机号")) -> str:
    """Read a mainland mobile number, 11 digits; +86 and separators are dropped. Raises FieldEmpty or MobileInvalid."""
    if _MOBILE.fullmatch(text):
        return text
    digits = _normal(text, name).replace("-", "").replace("(", "").replace(")", "")
    digits = re.sub(r"^(\+|00)?86(?=1\d{10}$)", "", digits)
    if not _MOBILE.fullmatch(digits):
        raise MobileInvalid(masked=mask_phone(digits))
    return digits


def mask_number(number: str) -> str:
    """First six and last four of a long number; of a shorter one at most a third is shown."""
    length = len(number)
    if length >= 15:
        return number[:6] + "*" * (length - 10) + number[-4:]
    if length >= 12:
        return number[:2] + "*" * (length - 4) + number[-2:]
    shown = length // 3
    first = (shown + 1) // 2
    return number[:first] + "*" * (length - shown) + (number[length - shown + first :] if shown > first else "")


def mask_phone(number: str) -> str:
    """``138****0023``; anything that is not eleven characters long shows less."""
    return number[:3] + "****" + number[-4:] if len(number) == 11 else mask_number(number)


def _normal(text: str, name: str) -> str:
    if text.isascii() and text.isalnum():
        return text.upper()
    folded = unicodedata.normalize("NFKC", text)
    # Blanks, and the invisible marks that copying from web pages and spreadsheets leaves, say nothing in a number.
    number = "".join(c for c in folded if not c.isspace() and unicodedata.category(c) not in ("Cf", "Cc")).upper()
    if not number:
        raise FieldEmpty(field=name)
    return number


def _resident(number: str, name: str, today: date) -> str:
    if len(number) == 15 and number.isdigit():
        seventeen = number[:6] + "19" + number[6:]
        number = seventeen + ric.calc_check_digit(seventeen + "0")
    number = _eighteen(number, name, today)
    if number[:6] in _PERMIT_REGIONS:
        raise IdentityIsResidencePermit(field=name, masked=mask_number(number))
    if number[:2] not in _PROVINCES:
        raise IdentityProvinceUnknown(field=name, masked=mask_number(number))
    return number


def _residence_permit(number: str, name: str, today: date) -> str:
    number = _eighteen(number, name, today)
    if number[:6] not in _PERMIT_REGIONS:
        raise ResidencePermitFormInvalid(field=name, masked=mask_number(number))
    return number


def _foreign_permanent(number: str, name: str, today: date) -> str:
    if _FOREIGN_OLD.fullmatch(number):
        return number
    if not number.startswith("9"):
        raise ForeignPermanentFormInvalid(field=name, masked=mask_number(number))
    return _eighteen(number, name, today)


def _eighteen(number: str, name: str, today: date) -> str:
    if len(number) != 18:
        raise IdentityLengthInvalid(field=name, masked=mask_number(number), expected=18, length=len(number))
    if not (number[:17].isascii() and number[:17].isdigit() and number[17] in "0123456789X"):
        raise IdentityDigitsExpected(field=name, masked=mask_number(number))
    if ric.calc_check_digit(number) != number[17]:
        raise IdentityChecksumInvalid(field=name, masked=mask_number(number))
    try:
        born = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError as error:
        raise IdentityDateInvalid(field=name, masked=mask_number(number)) from error
    if not date(1850, 1, 1) <= born <= today:
        raise IdentityDateInvalid(field=name, masked=mask_number(number))
    return number


def _passport(number: str, name: str, today: date) -> str:
    del today
    if not _DOCUMENT.fullmatch(number) or not any(character.isdigit() for character in number):
        raise PassportFormInvalid(field=name, masked=mask_number(number))
    return number


def _military(number: str, name: str, today: date) -> str:
    del today
    found = _MILITARY.fullmatch(number)
    if not found:
        raise MilitaryFormInvalid(field=name, masked=mask_number(number))
    return found[3] or f"{found[1]}第{found[2]}号"


_READERS = {
    IdentityType.RESIDENT: _resident,
    IdentityType.RESIDENCE_PERMIT: _residence_permit,
    IdentityType.FOREIGN_PERMANENT: _foreign_permanent,
    IdentityType.PASSPORT: _passport,
    IdentityType.MILITARY: _military,
}
_BY_CODE = {kind.value: kind for kind in IdentityType}
_TYPE_ALIASES: dict[IdentityType, tuple[str, ...]] = {
    IdentityType.RESIDENT: ("居民身份证", "身份证", "二代身份证", "中华人民共和国居民身份证"),
    IdentityType.RESIDENCE_PERMIT: ("港澳台居民居住证", "港澳居民居住证", "台湾居民居住证", "居住证"),
    IdentityType.FOREIGN_PERMANENT: ("外国人永久居留证", "外国人永久居留身份证"),
    IdentityType.PASSPORT: ("护照", "中国护照", "外国护照"),
    IdentityType.MILITARY: ("军人证件", "军官证", "士兵证", "文职干部证", "警官证", "军人证"),
}
