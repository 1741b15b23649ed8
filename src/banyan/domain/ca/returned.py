"""What a CA returned, compared with what was asked for, before it is recorded."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from banyan.domain.ca.errors import CertificateMismatch
from banyan.domain.ca.models import Certificate as StoredCertificate
from banyan.domain.ca.models import CertificateAuthority, Issuance
from banyan.domain.ca.ports import Issued
from banyan.kernel.errors import N_
from banyan.pki import names
from banyan.pki.certificate import Certificate
from banyan.pki.csr import CertificationRequest
from banyan.pki.moving_parts import SM2_SPKI_HEAD
from banyan.pki.public_key import parse_signature_algorithm, parse_spki, verify_many

_POINT_BYTES: Final = 65
# Of the certificates of our own signer, which checks its own work, one in so many is read again at once (design §4).
SAMPLE_EVERY: Final = 100


class ReturnedCertificate(NamedTuple):
    """One certificate as it will be recorded."""

    der: bytes
    use: str
    serial: str
    not_before: datetime
    not_after: datetime
    spki_der: bytes


class Returned(NamedTuple):
    """A pair as it will be recorded. ``issuer`` is the CA that signed it."""

    issuance: Issuance
    certificates: tuple[ReturnedCertificate, ...]
    envelope: bytes | None


def compare(issuance: Issuance, issued: Issued, authority: CertificateAuthority) -> Returned:
    """What was returned for an intent. Raises CertificateMismatch, pki.Malformed."""
    is_own = bool(issuance.signing_serial)
    if is_own and issuance.pk % SAMPLE_EVERY:
        found = _own(issuance, issued)
        if found is not None:
            return found
    return _any(issuance, issued, authority)


def _own(issuance: Issuance, issued: Issued) -> Returned | None:
    """Our own signer signed with the serials and the key of the intent: see that they stand there, no more."""
    signing, encryption = issued.signing_certificate, issued.encryption_certificate
    spki = _sm2_spki(signing)
    if spki is None or spki not in bytes(issuance.csr_der):
        return None
    rows = [_row(issuance, signing, issuance.signing_serial, spki, encryption is None)]
    if encryption is not None:
        spki = _sm2_spki(encryption)
        if spki is None or not issuance.encryption_serial:
            return None
        rows.append(_row(issuance, encryption, issuance.encryption_serial, spki, False, is_encryption=True))
    subject = bytes(issuance.subject_der)
    for row in rows:
        if bytes.fromhex(row.serial) not in row.der[:64] or subject not in row.der:
            return None
    return Returned(issuance, tuple(rows), issued.envelope)


def _row(
    issuance: Issuance, der: bytes, serial: str, spki: bytes, is_single: bool, *, is_encryption: bool = False
) -> ReturnedCertificate:
    use = StoredCertificate.Use
    name = use.BOTH if is_single else use.ENCRYPTION if is_encryption else use.SIGNING
    # A certificate's times have no fractions of a second.
    not_before = issuance.not_before.replace(microsecond=0)
    not_after = issuance.not_after.replace(microsecond=0)
    return ReturnedCertificate(der, str(name), serial, not_before, not_after, spki)


def _sm2_spki(der: bytes) -> bytes | None:
    """The last SM2 key in the bytes that begins with the SPKI head; a certificate of ours holds exactly one."""
    at = der.find(SM2_SPKI_HEAD)
    if at < 0 or der.find(SM2_SPKI_HEAD, at + 1) >= 0:
        return None
    return der[at : at + len(SM2_SPKI_HEAD) + _POINT_BYTES]


def _any(issuance: Issuance, issued: Issued, authority: CertificateAuthority) -> Returned:
    """Read what came in full and hold it against the intent."""
    signing = Certificate.parse(issued.signing_certificate)
    views = [signing]
    if issued.encryption_certificate is not None:
        views.append(Certificate.parse(issued.encryption_certificate))
    request = CertificationRequest.parse(bytes(issuance.csr_der))
    if parse_spki(signing.spki_der).spki_der != request.spki_der:
        raise CertificateMismatch(issuance=issuance.pk, reason=N_("公钥不是申请中的公钥"))
    serials = (issuance.signing_serial, issuance.encryption_serial)
    if issuance.signing_serial and [view.serial_hex for view in views] != [one for one in serials if one]:
        raise CertificateMismatch(issuance=issuance.pk, reason=N_("序列号不是签发意图中的序列号"))
    for view in views:
        _check_view(issuance, view, authority)
    if not all(signed_by(authority, views)):
        raise CertificateMismatch(issuance=issuance.pk, reason=N_("CA 的签名验证不通过"))
    if len(views) == 2 and views[0].spki_der == views[1].spki_der:
        raise CertificateMismatch(issuance=issuance.pk, reason=N_("签名与加密证书用了同一公钥"))
    return Returned(issuance, rows_of(views), issued.envelope)


def _check_view(issuance: Issuance, view: Certificate, authority: CertificateAuthority) -> None:
    if not names.same(view.subject_der, bytes(issuance.subject_der)):
        raise CertificateMismatch(issuance=issuance.pk, reason=N_("主体名称不同"))
    if not names.same(view.issuer_der, bytes(authority.subject_der)):
        raise CertificateMismatch(issuance=issuance.pk, reason=N_("签发者不是所指的 CA"))
    # A superior CA may shorten a period and set its own beginning, never lengthen it.
    if view.not_after > issuance.not_after or view.not_before >= view.not_after:
        raise CertificateMismatch(issuance=issuance.pk, reason=N_("有效期超出申请"))


def rows_of(views: Sequence[Certificate]) -> tuple[ReturnedCertificate, ...]:
    """One or two parsed certificates of a pair, signing first, as they will be recorded."""
    use = StoredCertificate.Use
    uses = (use.SIGNING, use.ENCRYPTION) if len(views) == 2 else (use.BOTH,)
    return tuple(
        ReturnedCertificate(
            view.der, str(name), view.serial_hex, view.not_before, view.not_after, parse_spki(view.spki_der).spki_der
        )
        for name, view in zip(uses, views, strict=True)
    )


def signed_by(authority: CertificateAuthority, views: Sequence[Certificate]) -> list[bool]:
    """Whether each certificate carries the CA's signature; never raises."""
    try:
        key = parse_spki(Certificate.parse(bytes(authority.certificate)).spki_der)
        items = [
            (key, parse_signature_algorithm(view.algorithm_der), view.tbs_der, view.signature)
            for view in views
            if view.algorithm_der == view.tbs_algorithm_der
        ]
    except ValueError:
        return [False]
    return verify_many(items) if len(items) == len(views) else [False]
