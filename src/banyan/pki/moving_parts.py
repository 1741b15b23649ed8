"""DER of the moving parts of a certificate, written straight from values.

These few encoders are what makes bulk issuance fast. Each has a twin made by the ASN.1 library in
``extensions`` or ``certificate_reference``; tests prove that both give the same bytes.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from ipaddress import ip_address

from banyan.pki import extensions, oids
from banyan.pki import strict_der as der
from banyan.pki.certificate_parts import CertificateParts, Issuer
from banyan.pki.key_identifier import key_bits
from banyan.pki.public_key import sm2_spki
from banyan.pki.times import encode_time

MovingExtension = Callable[[CertificateParts], bytes]

SM2_SPKI_HEAD = sm2_spki(b"\x04" + bytes(64))[:-65]
_SKI_HEAD = extensions.subject_key_identifier(bytes(20))[:-20]
_IDENTIFY_CODE_OID = der.oid(oids.IDENTIFY_CODE)
_ORGANIZATION_CODE_OID = der.oid(oids.ORGANIZATION_CODE)
_SAN_OID = der.oid(oids.SUBJECT_ALTERNATIVE_NAME)
_DOCUMENT_STRINGS = {
    "resident": der.PRINTABLE_STRING,
    "officer": der.UTF8_STRING,
    "passport": der.PRINTABLE_STRING,
}
_sha1 = hashlib.sha1


def encode_serial(serial: bytes) -> bytes:
    """INTEGER of a serial. Raises ValueError for an empty one, zero or a leading zero octet: a serial has one
    form.
    """
    if not serial or serial[0] == 0:
        raise ValueError("serial number must be positive and without leading zeros")
    if serial[0] < 0x80 and len(serial) < 0x80:
        return bytes((der.INTEGER, len(serial))) + serial
    return der.tlv(der.INTEGER, serial if serial[0] < 0x80 else b"\x00" + serial)


def encode_validity(not_before: datetime, not_after: datetime) -> bytes:
    """Validity ::= SEQUENCE of two times. Raises ValueError as :func:`banyan.pki.times.encode_time`."""
    return der.sequence(encode_time(not_before), encode_time(not_after))


def subject_key_identifier(parts: CertificateParts) -> bytes:
    """The SKI extension of the certified key."""
    key = parts.public_key
    bits = key if len(key) == 65 else key_bits(key)
    return _SKI_HEAD + _sha1(bits, usedforsecurity=False).digest()


def identify_code(parts: CertificateParts) -> bytes:
    """个人身份标识码, explicit tag; nothing when the holder has none."""
    code = parts.identify_code
    if code is None:
        return b""
    text = code.value.encode()
    return _identify_code_head(code.document, len(text)) + text


@lru_cache(maxsize=256)
def _identify_code_head(document: str, size: int) -> bytes:
    """All of the extension that stands before a text of ``size`` octets."""
    inner = der.tlv(_DOCUMENT_STRINGS[document], bytes(size))
    tag = 0xA0 | extensions.IDENTIFY_CODE_TAGS[document]
    whole = der.sequence(_IDENTIFY_CODE_OID, der.octet_string(der.tlv(tag, inner)))
    return whole[: len(whole) - size]


def organization_code(parts: CertificateParts) -> bytes:
    """企业组织机构代码; nothing when there is none."""
    code = parts.organization_code
    if code is None:
        return b""
    text = code.encode("ascii")
    return _organization_code_head(len(text)) + text


@lru_cache(maxsize=256)
def _organization_code_head(size: int) -> bytes:
    """All of the extension that stands before a text of ``size`` octets."""
    inner = der.tlv(der.PRINTABLE_STRING, bytes(size))
    whole = der.sequence(_ORGANIZATION_CODE_OID, der.octet_string(inner))
    return whole[: len(whole) - size]


def alternative_names(parts: CertificateParts) -> bytes:
    """subjectAltName: dNSName entries, then iPAddress entries; nothing when there are none."""
    if not parts.dns_names and not parts.ip_addresses:
        return b""
    names = [der.tlv(0x82, name.encode("ascii")) for name in parts.dns_names]
    names += [der.tlv(0x87, ip_address(address).packed) for address in parts.ip_addresses]
    return der.sequence(_SAN_OID, der.octet_string(der.tlv(der.SEQUENCE, b"".join(names))))


class ShardedPoints:
    """CRLDP or freshestCRL whose URLs name the shard: each shard encoded once by the library."""

    def __init__(self, issuer: Issuer, *, is_delta: bool) -> None:
        self._issuer = issuer
        self._is_delta = is_delta
        self._encoded: dict[int, bytes] = {}

    def __call__(self, parts: CertificateParts) -> bytes:
        shard = parts.crl_shard
        if shard is None:
            raise ValueError("shard number missing")
        encoded = self._encoded.get(shard)
        if encoded is None:
            encoded = self._encoded[shard] = sharded_points(self._issuer, shard, is_delta=self._is_delta)
        return encoded


def sharded_points(issuer: Issuer, shard: int | None, *, is_delta: bool) -> bytes:
    """CRLDP or freshestCRL of an issuer, shard number filled in."""
    number = "" if shard is None else str(shard)
    if is_delta:
        return extensions.freshest_crl([url.replace("{shard}", number) for url in issuer.delta_crl_urls])
    urls = [url.replace("{shard}", number) for url in issuer.crl_urls]
    return extensions.crl_distribution_points(urls, issuer.crl_directory_name_der)
