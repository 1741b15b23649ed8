"""What messages of GM/T 0010 and PKCS#7 share: content types, algorithms, who a certificate belongs to."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from banyan import gm
from banyan.pki import armor, ber, oids, public_key
from banyan.pki import strict_der as der
from banyan.pki.certificate_view import Certificate
from banyan.pki.cms_errors import CmsAlgorithmUnsupported, CmsMalformed
from banyan.pki.errors import PkiError
from banyan.pki.public_key import PublicKey, SignatureAlgorithm

MAX_SIZE: Final = 256 * 1024 * 1024
CONTENT: Final = 0xA0
_KEY_ID: Final = 0x80
SHA384: Final = "2.16.840.1.101.3.4.2.2"
SHA512: Final = "2.16.840.1.101.3.4.2.3"
PKCS7_SIGNED_AND_ENVELOPED_DATA: Final = "1.2.840.113549.1.7.4"
_SM3: Final = (oids.SM3, oids.SM3_UNKEYED)
_DIGEST_NAMES: Final = {oids.SHA256: "sha256", SHA384: "sha384", SHA512: "sha512"}


class Syntax(Enum):
    """Which object identifiers name the content types: those of GM/T 0010 or those of PKCS#7."""

    GM = (
        oids.SM2_DATA,
        oids.SM2_SIGNED_DATA,
        oids.SM2_ENVELOPED_DATA,
        oids.SM2_SIGNED_AND_ENVELOPED_DATA,
    )
    PKCS7 = (
        oids.PKCS7_DATA,
        oids.PKCS7_SIGNED_DATA,
        oids.PKCS7_ENVELOPED_DATA,
        PKCS7_SIGNED_AND_ENVELOPED_DATA,
    )

    @property
    def data(self) -> str:
        return self.value[0]

    @property
    def signed(self) -> str:
        return self.value[1]

    @property
    def enveloped(self) -> str:
        return self.value[2]

    @property
    def signed_and_enveloped(self) -> str:
        return self.value[3]


def content_info(content_type: str, content: bytes) -> bytes:
    """ContentInfo around an element."""
    return der.sequence(der.oid(content_type), der.tlv(CONTENT, content))


def open_content_info(data: bytes | str, kinds: tuple[str, str]) -> der.Reader:
    """Reader of the content of a ContentInfo of one of the two ``kinds``; DER, BER, PEM and bare Base64 are
    read.

    Raises:
        CmsMalformed
    """
    if len(data) > MAX_SIZE:
        raise CmsMalformed(detail="too long")
    try:
        message = ber.to_definite(armor.unwrap(data)[1])
        reader = der.whole(message)
        if reader.peek() != der.OID:
            # Some interfaces pass the bare content without its ContentInfo.
            return der.whole(message)
        content_type = reader.oid()
        if content_type not in kinds:
            raise der.DerError(f"content type {content_type}")
        wrapped = reader.enter(CONTENT)
        reader.finish()
        inner = wrapped.enter()
        wrapped.finish()
    except (der.DerError, armor.ArmorError) as error:
        raise CmsMalformed(detail=str(error)) from error
    return inner


def read_certificate(certificate_der: bytes) -> Certificate:
    """A certificate whose key can be used in messages.

    Raises:
        Malformed: broken certificate.
        CmsAlgorithmUnsupported: a key that is not served.
    """
    certificate = Certificate.parse(certificate_der)
    key_of(certificate)
    return certificate


def key_of(certificate: Certificate) -> PublicKey:
    """The certificate's key.

    Raises:
        CmsAlgorithmUnsupported
    """
    try:
        return public_key.parse_spki(certificate.spki_der)
    except (der.DerError, public_key.UnsupportedKey) as error:
        raise CmsAlgorithmUnsupported(oid=str(error)) from error


def issuer_and_serial(certificate: Certificate) -> bytes:
    """IssuerAndSerialNumber."""
    return der.sequence(certificate.issuer_der, der.integer(int.from_bytes(certificate.serial, "big")))


@dataclass(frozen=True, slots=True)
class Whom:
    """How a message names a signer or recipient: issuer and serial number, or a subject key identifier."""

    issuer_der: bytes = b""
    serial: int = 0
    key_id: bytes | None = None

    @classmethod
    def read(cls, reader: der.Reader) -> "Whom":
        """IssuerAndSerialNumber, or [0] SubjectKeyIdentifier as CFCA writes it."""
        if reader.peek() == _KEY_ID:
            return cls(key_id=reader.content(_KEY_ID))
        if reader.peek() == CONTENT:
            wrapped = reader.enter(CONTENT)
            key_id = wrapped.octets()
            wrapped.finish()
            return cls(key_id=key_id)
        pair = reader.enter()
        issuer, serial = pair.element(der.SEQUENCE), pair.integer()
        pair.finish()
        return cls(issuer, serial)

    def is_meant(self, certificate: Certificate) -> bool:
        """Whether ``certificate`` is the one named."""
        if self.key_id is not None:
            return certificate.key_id == self.key_id
        serial = int.from_bytes(certificate.serial, "big")
        return (certificate.issuer_der, serial) == (self.issuer_der, self.serial)


def key_id_choice(key_id: bytes) -> bytes:
    """[0] SubjectKeyIdentifier."""
    return der.tlv(_KEY_ID, key_id)


def digest(algorithm_oid: str, content: bytes) -> bytes:
    """Digest of the content by the named algorithm.

    Raises:
        CmsAlgorithmUnsupported
    """
    if algorithm_oid in _SM3:
        return gm.sm3(content)
    if algorithm_oid not in _DIGEST_NAMES:
        raise CmsAlgorithmUnsupported(oid=algorithm_oid)
    return hashlib.new(_DIGEST_NAMES[algorithm_oid], content).digest()


def algorithm_oid(reader: der.Reader) -> str:
    """OID of an AlgorithmIdentifier whose parameters are absent or NULL."""
    algorithm = reader.enter()
    name = algorithm.oid()
    if not algorithm.at_end and algorithm.element() != der.NULL_DER:
        raise CmsAlgorithmUnsupported(oid=name)
    algorithm.finish()
    return name


_SM2_SIGNATURES: Final = (oids.SM2_SIGN, oids.SM2_WITH_SM3, oids.CURVE_SM2, oids.EC_PUBLIC_KEY)


def signature_algorithm(key: PublicKey, oid: str, digest_oid: str) -> SignatureAlgorithm:
    """What digestEncryptionAlgorithm means for this key; PKCS#7 names only the key's algorithm, CMS both.

    Raises:
        CmsAlgorithmUnsupported
    """
    if key.algorithm == "SM2":
        if oid in _SM2_SIGNATURES and digest_oid in _SM3:
            return SignatureAlgorithm(oid, "SM2", "sm3")
        raise CmsAlgorithmUnsupported(oid=oid)
    bare = oids.RSA_ENCRYPTION if key.algorithm == "RSA" else oids.EC_PUBLIC_KEY
    if oid == bare and digest_oid in _DIGEST_NAMES:
        return SignatureAlgorithm(oid, key.algorithm, _DIGEST_NAMES[digest_oid])
    try:
        algorithm = public_key.parse_signature_algorithm(der.algorithm(oid))
    except public_key.UnsupportedSignature as error:
        raise CmsAlgorithmUnsupported(oid=oid) from error
    if algorithm.key != key.algorithm or algorithm.digest != _DIGEST_NAMES.get(digest_oid):
        raise CmsAlgorithmUnsupported(oid=oid)
    return algorithm


def find_certificate(whom: Whom, certificates: Iterable[bytes]) -> Certificate | None:
    """The certificate meant by ``whom``. Certificates that we cannot read are passed over."""
    for certificate_der in certificates:
        try:
            candidate = read_certificate(certificate_der)
        except PkiError:
            continue
        if whom.is_meant(candidate):
            return candidate
    return None


def elements(reader: der.Reader | None) -> tuple[bytes, ...]:
    """All elements that are left in ``reader``."""
    found: list[bytes] = []
    while reader is not None and not reader.at_end:
        found.append(reader.element())
    return tuple(found)
