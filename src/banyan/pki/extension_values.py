"""What is inside extensions, read strictly; each reader takes the DER inside the extension's OCTET STRING."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeVar

from banyan.kernel.errors import N_
from banyan.pki import strict_der as der
from banyan.pki.certificate_parts import DocumentKind, IdentifyCode
from banyan.pki.errors import Malformed
from banyan.pki.profile import KEY_USAGE_BITS

_Value = TypeVar("_Value")
_DOCUMENTS: Final[tuple[DocumentKind, ...]] = ("resident", "officer", "passport")
_TEXT_TAGS: Final = (der.PRINTABLE_STRING, der.UTF8_STRING, der.IA5_STRING)


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension: dotted identifier, criticality, and the DER inside its OCTET STRING."""

    oid: str
    is_critical: bool
    value: bytes


def read_extensions(listed: der.Reader) -> tuple[Extension, ...]:
    """The members of an Extensions SEQUENCE; the same identifier twice is refused. Raises DerError."""
    found: list[Extension] = []
    seen: set[str] = set()
    while not listed.at_end:
        extension = _read_extension(listed.element(der.SEQUENCE))
        if extension.oid in seen:
            raise der.DerError(f"extension {extension.oid} twice")
        seen.add(extension.oid)
        found.append(extension)
    return tuple(found)


@lru_cache(maxsize=4096)
def _read_extension(encoded: bytes) -> Extension:
    """One extension; remembered, since most are the same in all certificates of a CA."""
    one = der.whole(encoded)
    oid, is_critical = one.oid(), False
    if one.peek() == der.BOOLEAN:
        # DER leaves a DEFAULT out, yet FALSE written out is common enough to be read.
        content = one.content(der.BOOLEAN)
        if content not in (b"\xff", b"\x00"):
            raise der.DerError("BOOLEAN")
        is_critical = content == b"\xff"
    value = one.octets()
    one.finish()
    return Extension(oid, is_critical, value)


def read(value: bytes | None, reader: Callable[[bytes], _Value]) -> _Value | None:
    """What ``reader`` makes of an extension value; None when there is none. Raises Malformed."""
    if value is None:
        return None
    try:
        return reader(value)
    except (der.DerError, UnicodeDecodeError) as error:
        raise Malformed(what=N_("证书扩展"), detail=str(error)) from error


def _only(value: bytes) -> der.Reader:
    """A reader of the single element that ``value`` must be, not entered."""
    reader = der.Reader(value)
    reader.element()
    reader.finish()
    return der.Reader(value)


def octets(value: bytes) -> bytes:
    """OCTET STRING."""
    return _only(value).octets()


def number(value: bytes) -> int:
    """INTEGER, not negative."""
    found = _only(value).integer()
    if found < 0:
        raise der.DerError("negative number")
    return found


def text(value: bytes) -> str:
    """PrintableString, UTF8String or IA5String."""
    reader = _only(value)
    if reader.peek() not in _TEXT_TAGS:
        raise der.DerError("text expected")
    return reader.content(reader.peek()).decode()


def key_usage(value: bytes) -> frozenset[str]:
    """Names of ``profile.KEY_USAGE_BITS``."""
    content = _only(value).content(der.BIT_STRING)
    if not content or content[0] > 7 or (len(content) == 1 and content[0]):
        raise der.DerError("BIT STRING")
    bits = int.from_bytes(content[1:], "big") >> content[0] if len(content) > 1 else 0
    size = (len(content) - 1) * 8 - content[0]
    return frozenset(
        name for place, name in enumerate(KEY_USAGE_BITS) if place < size and bits >> (size - 1 - place) & 1
    )


def oid_list(value: bytes) -> tuple[str, ...]:
    """SEQUENCE OF OBJECT IDENTIFIER."""
    listed, found = der.whole(value), []
    while not listed.at_end:
        found.append(listed.oid())
    return tuple(found)


def policies(value: bytes) -> tuple[str, ...]:
    """Policy identifiers; qualifiers are passed over."""
    listed, found = der.whole(value), []
    while not listed.at_end:
        found.append(listed.enter().oid())
    return tuple(found)


def basic_constraints(value: bytes) -> tuple[bool, int | None]:
    """(cA, pathLenConstraint)."""
    fields, is_authority, path_length = der.whole(value), False, None
    if fields.peek() == der.BOOLEAN:
        is_authority = fields.content(der.BOOLEAN) != b"\x00"
    if fields.peek() == der.INTEGER:
        path_length = fields.integer()
    fields.finish()
    return is_authority, path_length


def authority_key_id(value: bytes) -> bytes | None:
    """keyIdentifier; None when the authority is named by issuer and serial only."""
    fields = der.whole(value)
    return fields.content(0x80) if fields.peek() == 0x80 else None


def general_names(value: bytes) -> tuple[tuple[int, bytes], ...]:
    """(context tag, content) of each name."""
    listed, found = der.whole(value), []
    while not listed.at_end:
        tag = listed.peek()
        found.append((tag, listed.content(tag)))
    return tuple(found)


def point_urls(value: bytes) -> tuple[str, ...]:
    """URLs of all distribution points."""
    listed = der.whole(value)
    found: list[str] = []
    while not listed.at_end:
        point = listed.enter()
        named = point.enter_optional(0xA0)
        if named is not None:
            found += _full_name_urls(named)
    return tuple(found)


def access(value: bytes) -> tuple[tuple[str, str], ...]:
    """(dotted access method, URL) of each access description that is a URL."""
    listed, found = der.whole(value), []
    while not listed.at_end:
        row = listed.enter()
        method, tag = row.oid(), row.peek()
        location = row.content(tag)
        row.finish()
        if tag == 0x86:
            found.append((method, location.decode("ascii")))
    return tuple(found)


def identify_code(value: bytes) -> IdentifyCode:
    """The CHOICE with explicit tags; implicit tags and a bare string are met in the field and read too."""
    reader = _only(value)
    tag = reader.peek()
    if tag in (0xA0, 0xA1, 0xA2):
        inner = reader.enter(tag)
        string = inner.peek()
        if string not in _TEXT_TAGS:
            raise der.DerError("text expected")
        code = IdentifyCode(_DOCUMENTS[tag & 3], inner.content(string).decode())
        inner.finish()
        return code
    if tag in (0x80, 0x81, 0x82):
        return IdentifyCode(_DOCUMENTS[tag & 3], reader.content(tag).decode())
    return IdentifyCode("resident", text(value))


def issuing_point(value: bytes) -> tuple[tuple[str, ...], bool]:
    """(URLs, whether anything else narrows the scope) of an issuingDistributionPoint (RFC 5280 §5.2.5)."""
    fields = der.whole(value)
    named = fields.enter_optional(0xA0)
    urls = () if named is None else _full_name_urls(named)
    is_narrowed = False
    while not fields.at_end:
        content = fields.content(fields.peek())
        is_narrowed = is_narrowed or content != b"\x00"
    return urls, is_narrowed


def _full_name_urls(named: der.Reader) -> tuple[str, ...]:
    """URLs in the fullName of a DistributionPointName."""
    full_name, found = named.enter_optional(0xA0), []
    while full_name is not None and not full_name.at_end:
        tag = full_name.peek()
        content = full_name.content(tag)
        if tag == 0x86:
            found.append(content.decode("ascii"))
    return tuple(found)
