"""Distinguished names: a tuple of (short attribute name, text) in the order they stand (GB/T 20518-2018
§5.2.3, X.520).

C and the attributes that X.520 defines so are PrintableString, e-mail and domain components IA5String, all
else UTF8String. What is too long or holds a control character is refused, never shortened.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from banyan.kernel.errors import N_
from banyan.pki import oids
from banyan.pki import strict_der as der
from banyan.pki.errors import Malformed, NameInvalid

Name = tuple[tuple[str, str], ...]

# X.520 upper bounds, in Unicode code points.
BOUNDS: Final[dict[str, int]] = {
    "C": 2,
    "ST": 128,
    "L": 128,
    "O": 64,
    "OU": 64,
    "CN": 64,
    "SN": 64,
    "GN": 64,
    "serialNumber": 64,
    "street": 128,
    "title": 64,
    "postalCode": 40,
    "dnQualifier": 64,
    "organizationIdentifier": 256,
    "DC": 63,
    "UID": 256,
    "emailAddress": 255,
}
DEFAULT_BOUND: Final = 64
_PRINTABLE_ATTRIBUTES: Final = frozenset(("C", "serialNumber", "dnQualifier"))
_IA5_ATTRIBUTES: Final = frozenset(("DC", "emailAddress"))
PRINTABLE_TEXT: Final = re.compile(r"[A-Za-z0-9 '()+,\-./:=?]*")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
# Cc and Cs never; Cf hides or reorders what a reader sees (a joiner between ideographs has no use in a name).
# Unassigned code points pass: new ideographs reach Unicode sooner than Python. Noncharacters do not.
_REFUSED_CATEGORIES: Final = frozenset(("Cc", "Cs", "Cf", "Zl", "Zp"))

ENCODING_TEXT: Final = {
    der.UTF8_STRING: "utf-8",
    der.PRINTABLE_STRING: "ascii",
    der.IA5_STRING: "ascii",
    der.T61_STRING: "latin-1",
    der.BMP_STRING: "utf-16-be",
    0x1C: "utf-32-be",
}


def string_tag(attribute: str) -> int:
    """The ASN.1 string type in which we write an attribute."""
    if attribute in _PRINTABLE_ATTRIBUTES:
        return der.PRINTABLE_STRING
    return der.IA5_STRING if attribute in _IA5_ATTRIBUTES else der.UTF8_STRING


def text_fault(attribute: str, text: str) -> str | None:
    """Why X.520 or GB/T 20518 refuses ``text`` as a value of ``attribute`` (a message template), or None.

    The attribute is a short name or a dotted object identifier.
    """
    if not text:
        return N_("内容为空")
    if len(text) > BOUNDS.get(attribute, DEFAULT_BOUND):
        return N_("超过 {bound} 个字符")
    if not text.isprintable() and has_refused_character(text):
        return N_("含有控制字符或不可见字符")
    if text[0].isspace() or text[-1].isspace():
        return N_("首尾有空格")
    if attribute == "C":
        return None if _COUNTRY.fullmatch(text) else N_("国家代码须为两个大写字母")
    if attribute in _PRINTABLE_ATTRIBUTES:
        return None if PRINTABLE_TEXT.fullmatch(text) else N_("含有 PrintableString 不允许的字符")
    if attribute in _IA5_ATTRIBUTES:
        return None if text.isascii() else N_("只能使用 ASCII 字符")
    return None


def has_refused_character(text: str) -> bool:
    """Whether a control, invisible, lone-surrogate or non-character stands in the text.

    Private-use characters pass: GB 18030 names of people still use them.
    """
    return any(
        unicodedata.category(character) in _REFUSED_CATEGORIES or _is_noncharacter(character) for character in text
    )


def _is_noncharacter(character: str) -> bool:
    point = ord(character)
    return point & 0xFFFE == 0xFFFE or 0xFDD0 <= point <= 0xFDEF


def check_name(name: Name) -> None:
    """Refuse an empty name and every value that :func:`text_fault` finds fault with. Raises NameInvalid."""
    if not name:
        raise NameInvalid(attribute="DN", reason=N_("名称为空"))
    for attribute, text in name:
        fault = text_fault(attribute, text)
        if fault is not None:
            bound = BOUNDS.get(attribute, DEFAULT_BOUND)
            raise NameInvalid(attribute=attribute, reason=fault.replace("{bound}", str(bound)))


def encode_name(name: Name) -> bytes:
    """DER of a name, one attribute a relative name, in the order given.

    Attributes are short names (``oids.NAME_ATTRIBUTES``) or dotted object identifiers. Raises NameInvalid.
    """
    if not name:
        raise NameInvalid(attribute="DN", reason=N_("名称为空"))
    return der.tlv(der.SEQUENCE, b"".join([_encode_attribute(attribute, text) for attribute, text in name]))


@lru_cache(maxsize=8192)
def _encode_attribute(attribute: str, text: str) -> bytes:
    check_name(((attribute, text),))
    dotted = oids.NAME_ATTRIBUTES.get(attribute, attribute)
    try:
        identifier = der.oid(dotted)
    except ValueError as error:
        raise NameInvalid(attribute=attribute, reason=N_("不认识的属性")) from error
    pair = der.sequence(identifier, der.tlv(string_tag(attribute), text.encode()))
    return der.tlv(der.SET, pair)


def decode_name(name_der: bytes) -> Name:
    """The attributes of a DER name, in order; members of a multi-valued relative name follow one another.

    Unknown attributes keep their dotted object identifier. Raises Malformed.
    """
    try:
        return tuple((attribute, text) for attribute, _, text in attributes(name_der))
    except (der.DerError, UnicodeDecodeError) as error:
        raise Malformed(what=N_("主体名称"), detail=str(error)) from error


def attributes(name_der: bytes) -> Iterator[tuple[str, int, str]]:
    """(short name or dotted OID, string tag, text) of each. Raises DerError or UnicodeDecodeError."""
    reader = der.whole(name_der)
    while not reader.at_end:
        members = reader.enter(der.SET)
        if members.at_end:
            raise der.DerError("empty relative name")
        while not members.at_end:
            pair = members.enter()
            dotted = pair.oid()
            tag = pair.peek()
            encoding = ENCODING_TEXT.get(tag)
            if encoding is None:
                raise der.DerError(f"string type {tag:#04x} in a name")
            text = pair.content(tag).decode(encoding)
            pair.finish()
            yield oids.NAME_SHORT.get(dotted, dotted), tag, text


def display(name: Name) -> str:
    """One line for people, in the order of the certificate: ``C=CN, ST=福建省, CN=…`` (RFC 4514 escapes)."""
    return ", ".join(f"{attribute}={_escape(text)}" for attribute, text in name)


def _escape(text: str) -> str:
    escaped = re.sub(r'([,+"\\<>;=])', r"\\\1", text)
    return "\\" + escaped if escaped.startswith(("#", " ")) else escaped


def common_name(name: Name) -> str:
    """The last CN of a name, empty when there is none."""
    return next((text for attribute, text in reversed(name) if attribute == "CN"), "")


def same(first: bytes, second: bytes) -> bool:
    """Whether two DER names are the same name: string types, case and inner spaces do not count (RFC 5280
    §7.1).

    Raises Malformed when one of them does not decode (equal bytes are the same name without a look inside).
    """
    return first == second or normalized(first) == normalized(second)


@lru_cache(maxsize=4096)
def normalized(name_der: bytes) -> bytes:
    """A form of the name that is equal for equal names (NFKC, case folded, spaces compressed). Raises
    Malformed.
    """
    folded = [
        f"{attribute}={' '.join(unicodedata.normalize('NFKC', text).casefold().split())}"
        for attribute, text in decode_name(name_der)
    ]
    return "\x00".join(folded).encode()
