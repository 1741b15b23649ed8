"""Certificate revocation lists, complete and delta (RFC 5280 §5, GB/T 20518-2018 §5.3).

Entries are encoded when a certificate is revoked and kept; a CRL is those bytes joined between a head and a
tail that the ASN.1 library encodes, so a list of a million entries costs little more than copying them.
Signing is the caller's.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from asn1crypto import core
from asn1crypto import crl as asn1_crl

from banyan.kernel.errors import N_
from banyan.pki import armor, extensions
from banyan.pki import strict_der as der
from banyan.pki.certificate_parts import Issuer
from banyan.pki.crl_view import Crl, Reason, RevokedEntry, parse_crl
from banyan.pki.der_bounds import bounds
from banyan.pki.errors import CrlInvalid
from banyan.pki.moving_parts import encode_serial
from banyan.pki.profile import signature_algorithm_der
from banyan.pki.times import encode_time

__all__ = [
    "Crl",
    "Reason",
    "RevokedEntry",
    "assemble_crl",
    "build_tbs_crl",
    "crl_to_pem",
    "encode_entries_many",
    "encode_entry",
    "encode_entry_by_library",
    "parse_crl",
]

_REASON_NAMES: Final = {
    Reason.KEY_COMPROMISE: "key_compromise",
    Reason.CA_COMPROMISE: "ca_compromise",
    Reason.AFFILIATION_CHANGED: "affiliation_changed",
    Reason.SUPERSEDED: "superseded",
    Reason.CESSATION_OF_OPERATION: "cessation_of_operation",
    Reason.CERTIFICATE_HOLD: "certificate_hold",
    Reason.REMOVE_FROM_CRL: "remove_from_crl",
    Reason.PRIVILEGE_WITHDRAWN: "privilege_withdrawn",
    Reason.AA_COMPROMISE: "aa_compromise",
}
# An unspecified reason is left out (RFC 5280 §5.3.1).
_REASON_TAILS: Final = {Reason.UNSPECIFIED: b""} | {
    reason: der.sequence(extensions.reason_code(name)) for reason, name in _REASON_NAMES.items()
}
_REMOVED: Final = _REASON_TAILS[Reason.REMOVE_FROM_CRL]
_VERSION_2: Final = der.integer(1)


def encode_entry(serial: bytes, revoked_at: datetime, reason: Reason = Reason.UNSPECIFIED) -> bytes:
    """One entry of revokedCertificates: serial (magnitude), instant, reason. Raises CrlInvalid."""
    try:
        content = encode_serial(serial) + encode_time(revoked_at) + _REASON_TAILS[reason]
    except (ValueError, KeyError) as error:
        raise CrlInvalid(reason=N_("吊销条目的序列号、时间或原因无效")) from error
    return der.tlv(der.SEQUENCE, content)


def encode_entries_many(rows: Iterable[tuple[bytes, datetime, Reason]]) -> list[bytes]:
    """As :func:`encode_entry` for many (serial, revoked at, reason)."""
    return [encode_entry(serial, revoked_at, reason) for serial, revoked_at, reason in rows]


def encode_entry_by_library(serial: bytes, revoked_at: datetime, reason: Reason = Reason.UNSPECIFIED) -> bytes:
    """The same entry encoded by the ASN.1 library: slow, the measure for :func:`encode_entry`."""
    entry = asn1_crl.RevokedCertificate(
        {
            "user_certificate": int.from_bytes(serial, "big"),
            "revocation_date": asn1_crl.Time.load(encode_time(revoked_at)),
        }
    )
    if reason is not Reason.UNSPECIFIED:
        entry["crl_entry_extensions"] = asn1_crl.CRLEntryExtensions(
            [
                {
                    "extn_id": "crl_reason",
                    "extn_value": core.ParsableOctetString(asn1_crl.CRLReason(_REASON_NAMES[reason]).dump()),
                }
            ]
        )
    encoded: bytes = entry.dump(force=True)
    return encoded


def build_tbs_crl(
    issuer: Issuer,
    entries: Sequence[bytes],
    *,
    number: int,
    this_update: datetime,
    next_update: datetime,
    base_number: int | None = None,
    shard: int | None = None,
    signature_parameters: str = "absent",
) -> bytes:
    """TBSCertList of a complete CRL, or of a delta when ``base_number`` is given.

    ``entries`` are encoded by :func:`encode_entry`. A sharded issuer needs ``shard``; the CRL then names its
    part in a critical issuingDistributionPoint. A complete CRL points to the delta when the issuer has an
    address for it. removeFromCRL stands in a delta only. Raises CrlInvalid.
    """
    _check(issuer, number, this_update, next_update, base_number, shard)
    size = _check_entries(entries, is_delta=base_number is not None)
    head = b"".join(
        (
            _VERSION_2,
            signature_algorithm_der(issuer.algorithm, signature_parameters),
            issuer.name_der,
            encode_time(this_update),
            encode_time(next_update),
        )
    )
    tail = der.tlv(0xA0, der.sequence(*_extensions(issuer, number, base_number, shard)))
    listed = _header(size) if entries else b""  # an empty list is left out (RFC 5280 §5.1.2.6)
    content_size = len(head) + len(listed) + size + len(tail)
    return b"".join((_header(content_size), head, listed, *entries, tail))


def _header(size: int) -> bytes:
    """Header of a SEQUENCE of ``size`` octets."""
    if size < 0x80:
        return bytes((der.SEQUENCE, size))
    octets = (size.bit_length() + 7) // 8
    return bytes((der.SEQUENCE, 0x80 | octets)) + size.to_bytes(octets, "big")


def _check(
    issuer: Issuer,
    number: int,
    this_update: datetime,
    next_update: datetime,
    base_number: int | None,
    shard: int | None,
) -> None:
    if this_update.tzinfo is None or next_update.tzinfo is None:
        raise CrlInvalid(reason=N_("更新时间没有时区"))
    for holds, reason in (
        (0 <= number < 1 << 159, N_("CRL 编号无效")),
        (base_number is None or 0 <= base_number < number, N_("增量 CRL 的基础编号必须小于其编号")),
        (this_update < next_update, N_("本次更新时间不早于下次更新时间")),
        (issuer.not_before <= this_update <= issuer.not_after, N_("更新时间不在签发者证书的有效期内")),
        (issuer.is_sharded == (shard is not None), N_("签发者分片与分片号不一致")),
        (shard is None or shard >= 0, N_("分片号无效")),
    ):
        if not holds:
            raise CrlInvalid(reason=reason)


def _check_entries(entries: Sequence[bytes], *, is_delta: bool) -> int:
    """Total size of the entries. A full walk inside each would cost more than the CRL; headers and ends are
    looked at.
    """
    size = 0
    for entry in entries:
        length = len(entry)
        if length < 20 or entry[0] != der.SEQUENCE or entry[1] != length - 2 or length > 0x81:
            raise CrlInvalid(reason=N_("吊销条目的编码无效"))
        size += length
    if not is_delta and any(entry.endswith(_REMOVED) for entry in entries):
        raise CrlInvalid(reason=N_("removeFromCRL 只能出现在增量 CRL 中"))
    return size


def _extensions(issuer: Issuer, number: int, base_number: int | None, shard: int | None) -> list[bytes]:
    values = [extensions.authority_key_identifier(issuer.key_id), extensions.crl_number(number)]
    if base_number is not None:
        values.append(extensions.delta_crl_indicator(base_number))
    if shard is not None:
        urls = [url.replace("{shard}", str(shard)) for url in issuer.crl_urls]
        values.append(extensions.issuing_distribution_point(urls))
    if base_number is None and issuer.delta_crl_urls:
        values.append(extensions.freshest_crl([url.replace("{shard}", str(shard)) for url in issuer.delta_crl_urls]))
    return values


def assemble_crl(tbs: bytes, signature: bytes) -> bytes:
    """The CRL of a TBS and the signature over it; the algorithm is the one in the TBS. Raises CrlInvalid."""
    try:
        start, end = bounds(tbs, 0, len(tbs), der.SEQUENCE)
        at = bounds(tbs, start, end, der.INTEGER)[1]
        algorithm = tbs[at : bounds(tbs, at, end, der.SEQUENCE)[1]]
    except der.DerError as error:
        raise CrlInvalid(reason=N_("待签名内容不是 CRL")) from error
    tail = algorithm + der.bit_string(signature)
    return b"".join((_header(len(tbs) + len(tail)), tbs, tail))


def crl_to_pem(data: bytes) -> str:
    """PEM text of a CRL (RFC 7468 §6)."""
    return armor.wrap("X509 CRL", data)
