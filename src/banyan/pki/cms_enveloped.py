"""EnvelopedData and SignedAndEnvelopedData of GM/T 0010 / GB/T 35275: SM4-CBC content, its key under SM2."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from banyan import gm
from banyan.pki import oids, public_key
from banyan.pki import strict_der as der
from banyan.pki.certificate_view import Certificate
from banyan.pki.cms_errors import (
    CmsAlgorithmUnsupported,
    CmsMalformed,
    CmsNotForThisKey,
    CmsSignatureInvalid,
    CmsSignerUnknown,
    CmsUnsigned,
)
from banyan.pki.cms_parts import (
    Syntax,
    Whom,
    algorithm_oid,
    content_info,
    elements,
    find_certificate,
    issuer_and_serial,
    key_id_choice,
    key_of,
    open_content_info,
    read_certificate,
    signature_algorithm,
)
from banyan.pki.cms_signed import MessageSigner, SignerInfo, VerifiedSigner
from banyan.pki.sm2_enveloped_key import sm2_cipher_from_der

RecipientForm = Literal["issuer_and_serial", "key_id"]
SignatureScope = Literal["plaintext", "ciphertext"]

_BLOCK: Final = 16
_ENCRYPTED: Final = 0x80
_CERTIFICATES: Final = 0xA0
_CRLS: Final = 0xA1
_ENCRYPTED_IN_PIECES: Final = 0xA0
_SM2_ENCRYPTIONS: Final = (oids.SM2_ENCRYPT, oids.CURVE_SM2, oids.EC_PUBLIC_KEY)


@dataclass(frozen=True, slots=True)
class Recipient:
    """For whom a message is: named as it stands there, and the content key as SM2Cipher in DER."""

    whom: Whom
    encrypted_key: bytes

    @classmethod
    def read(cls, reader: der.Reader) -> "Recipient":
        """The next RecipientInfo; one under another algorithm than SM2 keeps an empty ``encrypted_key``."""
        info = reader.enter()
        version = info.integer()
        if version not in (0, 1, 2):
            raise der.DerError(f"RecipientInfo of version {version}")
        whom = Whom.read(info)
        algorithm = der.Reader(info.element(der.SEQUENCE)).enter()
        encrypted_key = info.octets()
        info.finish()
        return cls(whom, encrypted_key if algorithm.oid() in _SM2_ENCRYPTIONS else b"")


@dataclass(frozen=True, slots=True)
class EncryptedContent:
    """EncryptedContentInfo: SM4 in CBC with an IV, or in ECB when there is none; PKCS#7 padding in both."""

    content_type: str
    iv: bytes | None
    ciphertext: bytes

    @classmethod
    def read(cls, reader: der.Reader) -> "EncryptedContent":
        """The next EncryptedContentInfo."""
        info = reader.enter()
        content_type = info.oid()
        algorithm = info.enter()
        name = algorithm.oid()
        iv = None
        if algorithm.peek() == der.OCTET_STRING:
            iv = algorithm.octets()
        elif not algorithm.at_end and algorithm.element() != der.NULL_DER:
            raise CmsAlgorithmUnsupported(oid=name)
        algorithm.finish()
        # The bare 1.104 means CBC where an IV stands beside it (CFCA), else ECB.
        is_cbc = name in (oids.SM4_CBC, oids.SM4) and iv is not None and len(iv) == _BLOCK
        is_ecb = name in (oids.SM4_ECB, oids.SM4) and iv is None
        if not is_cbc and not is_ecb:
            raise CmsAlgorithmUnsupported(oid=name)
        if info.peek() == _ENCRYPTED_IN_PIECES:
            pieces = info.enter(_ENCRYPTED_IN_PIECES)
            ciphertext = b""
            while not pieces.at_end:
                ciphertext += pieces.octets()
        else:
            ciphertext = info.content(_ENCRYPTED)
        info.finish()
        if not ciphertext or len(ciphertext) % _BLOCK:
            raise der.DerError("ciphertext is not made of whole blocks")
        return cls(content_type, iv, ciphertext)

    @classmethod
    def encrypt(cls, content_type: str, key: bytes, content: bytes) -> "EncryptedContent":
        """SM4-CBC under a fresh IV."""
        iv = secrets.token_bytes(_BLOCK)
        return cls(content_type, iv, gm.sm4.cbc_encrypt(key, iv, content))

    def to_der(self) -> bytes:
        """EncryptedContentInfo."""
        algorithm = der.algorithm(oids.SM4_CBC, der.octet_string(self.iv or b""))
        return der.sequence(der.oid(self.content_type), algorithm, der.tlv(_ENCRYPTED, self.ciphertext))

    def decrypt(self, key: bytes) -> bytes:
        """The content.

        Raises:
            CmsNotForThisKey: wrong key or altered ciphertext, as far as the padding shows it.
        """
        if len(key) != _BLOCK:
            raise CmsNotForThisKey()
        if self.iv is not None:
            try:
                return gm.sm4.cbc_decrypt(key, self.iv, self.ciphertext)
            except gm.PaddingInvalid as error:
                raise CmsNotForThisKey() from error
        plain = gm.sm4.ecb_decrypt(key, self.ciphertext)
        size = plain[-1]
        if not 1 <= size <= _BLOCK or plain[-size:] != bytes((size,)) * size:
            raise CmsNotForThisKey()
        return plain[:-size]


def envelop(
    content: bytes,
    recipients: Sequence[bytes],
    *,
    recipient_form: RecipientForm = "issuer_and_serial",
    content_type: str | None = None,
    syntax: Syntax = Syntax.GM,
) -> bytes:
    """Encrypt ``content`` for SM2 encryption certificates (DER); answer EnvelopedData in a ContentInfo, DER.

    The message is confidential, not authentic: use ``sign_and_envelop``, or sign first, where that matters.
    """
    key = secrets.token_bytes(_BLOCK)
    message = der.sequence(
        der.integer(1),
        _recipient_infos(recipients, key, recipient_form),
        EncryptedContent.encrypt(content_type or syntax.data, key, content).to_der(),
    )
    return content_info(syntax.enveloped, message)


def open_envelope(data: bytes | str, certificate_der: bytes, decrypt: Callable[[bytes], bytes]) -> bytes:
    """The content of EnvelopedData for the holder of ``certificate_der``.

    Args:
        decrypt: SM2 decryption under that certificate's key; gets the SM2Cipher in DER. Its own errors pass.

    Raises:
        CmsMalformed, CmsAlgorithmUnsupported, CmsNotForThisKey
    """
    reader = open_content_info(data, (Syntax.GM.enveloped, Syntax.PKCS7.enveloped))
    try:
        version = reader.integer()
        if version not in (0, 1, 2):
            raise der.DerError(f"EnvelopedData of version {version}")
        recipients = _recipients(reader)
        content = EncryptedContent.read(reader)
        if reader.peek() == 0xA1:
            reader.element()
        reader.finish()
        return content.decrypt(_content_key(recipients, certificate_der, decrypt))
    except der.DerError as error:
        raise CmsMalformed(detail=str(error)) from error


@dataclass(frozen=True, slots=True)
class SignedAndEnvelopedData:
    """A parsed message; nothing of it is trusted before ``open``."""

    recipients: tuple[Recipient, ...]
    content: EncryptedContent
    certificates: tuple[bytes, ...]
    signers: tuple[SignerInfo, ...]

    @classmethod
    def parse(cls, data: bytes | str) -> "SignedAndEnvelopedData":
        """Read a message, with its ContentInfo or bare.

        Raises:
            CmsMalformed, CmsAlgorithmUnsupported
        """
        reader = open_content_info(data, (Syntax.GM.signed_and_enveloped, Syntax.PKCS7.signed_and_enveloped))
        try:
            version = reader.integer()
            if version not in (1, 2):
                raise der.DerError(f"SignedAndEnvelopedData of version {version}")
            recipients = _recipients(reader)
            digests = reader.enter(der.SET)
            while not digests.at_end:
                algorithm_oid(digests)
            content = EncryptedContent.read(reader)
            certificates = elements(reader.enter_optional(_CERTIFICATES))
            elements(reader.enter_optional(_CRLS))
            infos, signers = reader.enter(der.SET), []
            while not infos.at_end:
                signers.append(SignerInfo.read(infos))
            reader.finish()
        except der.DerError as error:
            raise CmsMalformed(detail=str(error)) from error
        return cls(recipients, content, certificates, tuple(signers))

    def open(
        self, certificate_der: bytes, decrypt: Callable[[bytes], bytes], *, signers: Sequence[bytes] = ()
    ) -> tuple[bytes, list[VerifiedSigner]]:
        """(content, its signers), every signature checked.

        What the signature covers differs between implementations: the content is tried first, then its
        ciphertext.

        Args:
            signers: certificates (DER) to look for the signers' in, besides those enclosed.

        Raises:
            CmsNotForThisKey, CmsUnsigned, CmsSignerUnknown, CmsSignatureInvalid, CmsAlgorithmUnsupported
        """
        if not self.signers:
            raise CmsUnsigned()
        try:
            plain = self.content.decrypt(_content_key(self.recipients, certificate_der, decrypt))
        except der.DerError as error:
            raise CmsMalformed(detail=str(error)) from error
        known = (*self.certificates, *signers)
        return plain, [self._verify(signer, plain, known) for signer in self.signers]

    def _verify(self, signer: SignerInfo, plain: bytes, known: Sequence[bytes]) -> VerifiedSigner:
        certificate = find_certificate(signer.whom, known)
        if certificate is None:
            raise CmsSignerUnknown()
        key = key_of(certificate)
        algorithm = signature_algorithm(key, signer.signature_oid, signer.digest_oid)
        for message in (plain, self.content.ciphertext):
            if public_key.verify(key, algorithm, message, signer.signature):
                return VerifiedSigner(certificate.der, None)
        raise CmsSignatureInvalid()


def sign_and_envelop(
    content: bytes,
    signer: MessageSigner,
    recipients: Sequence[bytes],
    *,
    recipient_form: RecipientForm = "issuer_and_serial",
    signature_scope: SignatureScope = "plaintext",
    content_type: str | None = None,
    syntax: Syntax = Syntax.GM,
    wrapped: bool = True,
) -> bytes:
    """SignedAndEnvelopedData by an SM2 signer for SM2 encryption certificates, DER.

    Args:
        recipient_form: name the recipient by issuer and serial number, or by key identifier (CFCA).
        signature_scope: what is signed; the content, as GM/T 0010 is commonly read, or its ciphertext.
        wrapped: answer a ContentInfo; without, the bare message as GM/T 0014 embeds it.
    """
    certificate = read_certificate(signer.certificate_der)
    key = secrets.token_bytes(_BLOCK)
    encrypted = EncryptedContent.encrypt(content_type or syntax.data, key, content)
    signature = signer.sign(content if signature_scope == "plaintext" else encrypted.ciphertext)
    digest_der = der.algorithm(oids.SM3, der.NULL_DER)
    signer_info = der.sequence(
        der.integer(1),
        issuer_and_serial(certificate),
        digest_der,
        der.algorithm(oids.SM2_SIGN, der.NULL_DER),
        der.octet_string(signature),
    )
    message = der.sequence(
        der.integer(1),
        _recipient_infos(recipients, key, recipient_form),
        der.set_of([digest_der]),
        encrypted.to_der(),
        der.tlv(_CERTIFICATES, signer.certificate_der),
        der.set_of([signer_info]),
    )
    return content_info(syntax.signed_and_enveloped, message) if wrapped else message


def _recipient_infos(recipients: Sequence[bytes], key: bytes, form: RecipientForm) -> bytes:
    certificates = [read_certificate(recipient) for recipient in recipients]
    for certificate in certificates:
        if key_of(certificate).algorithm != "SM2":
            raise CmsAlgorithmUnsupported(oid=key_of(certificate).algorithm)
    ciphers = gm.sm2.encrypt_many([(key_of(certificate).key, key) for certificate in certificates])
    return der.set_of(
        der.sequence(
            der.integer(1),
            _named(certificate, form),
            der.algorithm(oids.SM2_ENCRYPT, der.NULL_DER),
            der.octet_string(gm.sm2.ciphertext_to_der(cipher)),
        )
        for certificate, cipher in zip(certificates, ciphers, strict=True)
    )


def _named(certificate: Certificate, form: RecipientForm) -> bytes:
    if form == "key_id" and certificate.key_id is not None:
        return key_id_choice(certificate.key_id)
    return issuer_and_serial(certificate)


def _recipients(reader: der.Reader) -> tuple[Recipient, ...]:
    infos, found = reader.enter(der.SET), []
    while not infos.at_end:
        found.append(Recipient.read(infos))
    return tuple(found)


def _content_key(recipients: Sequence[Recipient], certificate_der: bytes, decrypt: Callable[[bytes], bytes]) -> bytes:
    certificate = read_certificate(certificate_der)
    for recipient in recipients:
        if recipient.encrypted_key and recipient.whom.is_meant(certificate):
            sm2_cipher_from_der(recipient.encrypted_key)
            return decrypt(recipient.encrypted_key)
    raise CmsNotForThisKey()
