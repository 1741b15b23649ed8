"""SignedData of GM/T 0010 / GB/T 35275 (SM2, SM3), attached or detached; PKCS#7 identifiers are read as well.

Without authenticated attributes the signature covers the content itself; with them it covers the DER of the
SET OF attributes, which hold the content's digest. Chains and revocation are judged by ``pki.chain``, not
here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from banyan import gm
from banyan.pki import oids, public_key
from banyan.pki import strict_der as der
from banyan.pki.certificate_view import Certificate
from banyan.pki.cms_errors import (
    CmsContentDiffers,
    CmsContentMissing,
    CmsDigestMismatch,
    CmsMalformed,
    CmsSignatureInvalid,
    CmsSignerUnknown,
    CmsUnsigned,
)
from banyan.pki.cms_parts import (
    CONTENT,
    Syntax,
    Whom,
    algorithm_oid,
    content_info,
    digest,
    elements,
    find_certificate,
    issuer_and_serial,
    key_of,
    open_content_info,
    read_certificate,
    signature_algorithm,
)
from banyan.pki.public_key import PublicKey
from banyan.pki.times import encode_time, read_time

_CERTIFICATES: Final = 0xA0
_CRLS: Final = 0xA1
_AUTHENTICATED: Final = 0xA0
_UNAUTHENTICATED: Final = 0xA1


@dataclass(frozen=True, slots=True)
class MessageSigner:
    """Who signs: the certificate in DER, and a function that signs bytes and answers the DER signature.

    SM2 signs the message with the default identity and SM3; P-256 and RSA sign with SHA-256.
    """

    certificate_der: bytes
    sign: Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class SignerInfo:
    """One signer of a message, as it stands there; ``attributes_der`` are SET OF with tag 31, or None."""

    whom: Whom
    digest_oid: str
    signature_oid: str
    signature: bytes
    attributes_der: bytes | None

    @classmethod
    def read(cls, reader: der.Reader) -> "SignerInfo":
        """The next SignerInfo."""
        info = reader.enter()
        version = info.integer()
        if version not in (1, 3):
            raise der.DerError(f"SignerInfo of version {version}")
        whom = Whom.read(info)
        digest_oid = algorithm_oid(info)
        attributes = None
        if info.peek() == _AUTHENTICATED:
            attributes = der.tlv(der.SET, info.content(_AUTHENTICATED))
        signature_oid = algorithm_oid(info)
        signature = info.octets()
        if info.peek() == _UNAUTHENTICATED:
            der.check_well_formed(info.element(_UNAUTHENTICATED))
        info.finish()
        return cls(whom, digest_oid, signature_oid, signature, attributes)

    def attributes(self) -> dict[str, bytes]:
        """Authenticated attributes: OID to the single value, still encoded."""
        found: dict[str, bytes] = {}
        if self.attributes_der is None:
            return found
        reader = der.whole(self.attributes_der, der.SET)
        while not reader.at_end:
            attribute = reader.enter()
            name, values = attribute.oid(), attribute.enter(der.SET)
            attribute.finish()
            if name in found:
                raise der.DerError(f"attribute {name} twice")
            found[name] = values.element()
            values.finish()
        return found


@dataclass(frozen=True, slots=True)
class VerifiedSigner:
    """A signer whose signature holds. ``signing_time`` is the signer's own claim."""

    certificate_der: bytes
    signing_time: datetime | None


@dataclass(frozen=True, slots=True)
class SignedData:
    """A parsed message; ``content`` is None when it is detached."""

    content_type: str
    content: bytes | None
    certificates: tuple[bytes, ...]
    crls: tuple[bytes, ...]
    signers: tuple[SignerInfo, ...]

    @classmethod
    def parse(cls, data: bytes | str) -> "SignedData":
        """Read a message in DER, BER, PEM or bare Base64.

        Raises:
            CmsMalformed, CmsAlgorithmUnsupported
        """
        reader = open_content_info(data, (Syntax.GM.signed, Syntax.PKCS7.signed))
        try:
            return cls._read(reader)
        except der.DerError as error:
            raise CmsMalformed(detail=str(error)) from error

    @classmethod
    def _read(cls, reader: der.Reader) -> "SignedData":
        version = reader.integer()
        if version not in (1, 3, 4):
            raise der.DerError(f"SignedData of version {version}")
        reader.enter(der.SET)
        holder = reader.enter()
        content_type = holder.oid()
        wrapped = holder.enter_optional(CONTENT)
        content = None
        if wrapped is not None:
            content = wrapped.octets()
            wrapped.finish()
        holder.finish()
        certificates = elements(reader.enter_optional(_CERTIFICATES))
        crls = elements(reader.enter_optional(_CRLS))
        infos = reader.enter(der.SET)
        reader.finish()
        signers: list[SignerInfo] = []
        while not infos.at_end:
            signers.append(SignerInfo.read(infos))
        return cls(content_type, content, certificates, crls, tuple(signers))

    def verify(self, content: bytes | None = None, *, certificates: Sequence[bytes] = ()) -> list[VerifiedSigner]:
        """Check every signature of the message; all must hold.

        Args:
            content: what was signed, needed when the message is detached.
            certificates: where else to look for signers' certificates.

        Raises:
            CmsError: the subclass that names the cause.
        """
        if not self.signers:
            raise CmsUnsigned()
        if content is None:
            content = self.content
        elif self.content is not None and self.content != content:
            raise CmsContentDiffers()
        if content is None:
            raise CmsContentMissing()
        try:
            return [self._verify_one(signer, content, certificates) for signer in self.signers]
        except der.DerError as error:
            raise CmsMalformed(detail=str(error)) from error

    def _verify_one(self, signer: SignerInfo, content: bytes, certificates: Sequence[bytes]) -> VerifiedSigner:
        certificate = find_certificate(signer.whom, (*self.certificates, *certificates))
        if certificate is None:
            raise CmsSignerUnknown()
        key = key_of(certificate)
        algorithm = signature_algorithm(key, signer.signature_oid, signer.digest_oid)
        attributes = signer.attributes()
        message = content
        if signer.attributes_der is not None:
            self._check_attributes(signer, attributes, content, key)
            message = signer.attributes_der
        if not public_key.verify(key, algorithm, message, signer.signature):
            raise CmsSignatureInvalid()
        return VerifiedSigner(certificate.der, _signing_time(attributes))

    def _check_attributes(
        self, signer: SignerInfo, attributes: dict[str, bytes], content: bytes, key: PublicKey
    ) -> None:
        stated = attributes.get(oids.MESSAGE_DIGEST)
        if stated is None:
            raise der.DerError("authenticated attributes without messageDigest")
        if attributes.get(oids.CONTENT_TYPE) != der.oid(self.content_type):
            raise CmsDigestMismatch()
        expected = [digest(signer.digest_oid, content)]
        if key.algorithm == "SM2":
            # Some signers state the digest that includes their identity and key.
            expected.append(gm.sm2.digest(key.key, content))
        if der.whole_octets(stated) not in expected:
            raise CmsDigestMismatch()


def _signing_time(attributes: dict[str, bytes]) -> datetime | None:
    value = attributes.get(oids.SIGNING_TIME)
    if value is None:
        return None
    reader = der.Reader(value)
    moment = read_time(reader)
    reader.finish()
    return moment


def sign_data(
    content: bytes,
    signers: Sequence[MessageSigner],
    *,
    attached: bool = True,
    authenticated: bool = False,
    signing_time: datetime | None = None,
    chain: Sequence[bytes] = (),
    crls: Sequence[bytes] = (),
    content_type: str | None = None,
    syntax: Syntax = Syntax.GM,
) -> bytes:
    """Sign ``content``; answer a ContentInfo in DER.

    Args:
        attached: whether the content travels inside. authenticated: sign attributes (content type, digest,
        ``signing_time`` if given) instead of the bare content. chain: CA certificates to send along, DER.
        content_type: OID of the content, plain data by default. syntax: GM/T 0010 identifiers, or those of
        PKCS#7 for receivers that know no others.
    """
    kind = content_type or syntax.data
    what = _Subject(content, kind, authenticated or signing_time is not None, signing_time, syntax)
    certificates = [read_certificate(signer.certificate_der) for signer in signers]
    digests = [_digest_oid(key_of(certificate)) for certificate in certificates]
    infos = [
        _signer_info(signer, certificate, name, what)
        for signer, certificate, name in zip(signers, certificates, digests, strict=True)
    ]
    wrapped = der.tlv(CONTENT, der.octet_string(content)) if attached else b""
    enclosed = [*(signer.certificate_der for signer in signers), *chain]
    message = der.sequence(
        der.integer(1),
        der.set_of({der.algorithm(name, der.NULL_DER) for name in digests}),
        der.sequence(der.oid(kind), wrapped),
        der.tlv(_CERTIFICATES, b"".join(dict.fromkeys(enclosed))),
        der.tlv(_CRLS, b"".join(crls)) if crls else b"",
        der.set_of(infos),
    )
    return content_info(syntax.signed, message)


def _digest_oid(key: PublicKey) -> str:
    return oids.SM3 if key.algorithm == "SM2" else oids.SHA256


@dataclass(frozen=True, slots=True)
class _Subject:
    """What every signer of a message signs."""

    content: bytes
    content_type: str
    is_authenticated: bool
    signing_time: datetime | None
    syntax: Syntax

    def attributes(self, digest_oid: str) -> list[bytes]:
        """Authenticated attributes, each encoded; none when the bare content is signed."""
        if not self.is_authenticated:
            return []
        rows = [
            _attribute(oids.CONTENT_TYPE, der.oid(self.content_type)),
            _attribute(oids.MESSAGE_DIGEST, der.octet_string(digest(digest_oid, self.content))),
        ]
        if self.signing_time is not None:
            rows.append(_attribute(oids.SIGNING_TIME, encode_time(self.signing_time)))
        return rows


def _signer_info(signer: MessageSigner, certificate: Certificate, digest_oid: str, what: _Subject) -> bytes:
    rows = what.attributes(digest_oid)
    # GM/T 0010 names the key's algorithm, CMS the signature's.
    sm2_oid = oids.SM2_SIGN if what.syntax is Syntax.GM else oids.SM2_WITH_SM3
    algorithm = {
        "SM2": der.algorithm(sm2_oid, der.NULL_DER),
        "P256": der.algorithm(oids.ECDSA_WITH_SHA256),
        "RSA": der.algorithm(oids.RSA_ENCRYPTION, der.NULL_DER),
    }[key_of(certificate).algorithm]
    return der.sequence(
        der.integer(1),
        issuer_and_serial(certificate),
        der.algorithm(digest_oid, der.NULL_DER),
        der.set_of(rows, tag=_AUTHENTICATED) if rows else b"",
        algorithm,
        der.octet_string(signer.sign(der.set_of(rows) if rows else what.content)),
    )


def _attribute(oid: str, value: bytes) -> bytes:
    return der.sequence(der.oid(oid), der.set_of([value]))
