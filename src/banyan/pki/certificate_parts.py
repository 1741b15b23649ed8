"""Values that go into a certificate: the issuer (the same for a whole batch) and the moving parts of each
one.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from banyan.kernel.errors import N_
from banyan.pki import public_key
from banyan.pki import strict_der as der
from banyan.pki.errors import Malformed
from banyan.pki.key_identifier import key_identifier

DocumentKind = Literal["resident", "officer", "passport"]


@dataclass(frozen=True, slots=True)
class Issuer:
    """Everything of an issuing CA that shows in the certificates and CRLs it signs.

    ``spki_der`` is the CA's public key, ``key_id`` its subject key identifier. URLs of one list name the same
    object in several places; ``{shard}`` in ``crl_urls`` and ``delta_crl_urls`` stands for the shard number
    fixed at issuance. ``crl_directory_name_der`` is the directory entry that holds the CRL, when there is one
    (GB/T 20518-2018 §5.2.4.2).
    """

    name_der: bytes
    spki_der: bytes
    key_id: bytes
    not_before: datetime
    not_after: datetime
    crl_urls: tuple[str, ...] = ()
    delta_crl_urls: tuple[str, ...] = ()
    ocsp_urls: tuple[str, ...] = ()
    ca_issuers_urls: tuple[str, ...] = ()
    crl_directory_name_der: bytes | None = None

    @property
    def public_key(self) -> bytes:
        """The key itself: the point 04‖X‖Y for SM2 and P-256."""
        return _parsed(self.spki_der).key

    @property
    def algorithm(self) -> str:
        """``SM2`` or ``P256``."""
        return _parsed(self.spki_der).algorithm

    @property
    def is_sharded(self) -> bool:
        """Whether each certificate belongs to a numbered part of the CRL."""
        return any("{shard}" in url for url in (*self.crl_urls, *self.delta_crl_urls))

    @classmethod
    def of_root(cls, name_der: bytes, spki_der: bytes, not_before: datetime, not_after: datetime) -> "Issuer":
        """The issuer of a self-signed root certificate with this name, key and validity."""
        return cls(name_der, spki_der, key_identifier(spki_der), not_before, not_after)


def _parsed(spki_der: bytes) -> public_key.PublicKey:
    try:
        return public_key.parse_spki(spki_der)
    except (der.DerError, public_key.UnsupportedKey) as error:
        raise Malformed(what=N_("公钥"), detail=str(error)) from error


class IdentifyCode(NamedTuple):
    """GB/T 20518-2018 个人身份标识码: which document, and its number or the upper-case hexadecimal HMAC-SM3
    of it.
    """

    document: DocumentKind
    value: str

    @classmethod
    def from_hmac(cls, document: DocumentKind, digest: bytes) -> "IdentifyCode":
        """The keyed form, from the 32 bytes of the province-keyed HMAC-SM3."""
        return cls(document, digest.hex().upper())


class CertificateParts(NamedTuple):
    """What differs from one certificate of a template to the next.

    ``serial`` is the big-endian magnitude without leading zeros. Times are aware; parts of a second are
    dropped. ``public_key`` is a SubjectPublicKeyInfo, or the bare 65 bytes 04‖X‖Y of an SM2 point.
    """

    serial: bytes
    not_before: datetime
    not_after: datetime
    subject_der: bytes
    public_key: bytes
    identify_code: IdentifyCode | None = None
    organization_code: str | None = None
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    crl_shard: int | None = None
