"""RetKeyRespond of GM/T 0014 §5: how a KMC hands an encryption key to a CA that is not ours, and the reverse.

::

    RetKeyRespond ::= SEQUENCE { userCertNo INTEGER, retPubKey SubjectPublicKeyInfo,
                                 retPriKey SignedAndEnvelopedData }

The private key inside is written in one of four forms, since implementations differ; all four are read.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import Final

from banyan.kernel.errors import N_
from banyan.pki import oids, public_key
from banyan.pki import strict_der as der
from banyan.pki.cms_enveloped import SignatureScope, SignedAndEnvelopedData, sign_and_envelop
from banyan.pki.cms_signed import MessageSigner, VerifiedSigner
from banyan.pki.envelope_errors import EnvelopeKeyMismatch
from banyan.pki.errors import PkiError
from banyan.pki.sm2_enveloped_key import check_pair, check_point

_KEY_SIZE: Final = 32
_SEC1_PUBLIC_KEY: Final = 0xA1
_SEC1_CURVE: Final = 0xA0


class KmcResponseMalformed(PkiError):
    """Not a RetKeyRespond; ``detail`` is technical."""

    code = "pki.kmc_response_malformed"
    message = N_("密钥管理中心的应答格式不正确或已损坏（{detail}）。请重新申请密钥。")


class KeyForm(Enum):
    """How the private key d stands inside the envelope."""

    OCTETS = "octets"
    """32 octets, big-endian."""
    INTEGER = "integer"
    """SM2PrivateKey ::= INTEGER (GM/T 0009)."""
    SEC1 = "sec1"
    """ECPrivateKey."""
    PKCS8 = "pkcs8"
    """PrivateKeyInfo around ECPrivateKey."""


@dataclass(frozen=True, slots=True)
class KmcResponse:
    """A parsed RetKeyRespond. ``certificate_serial`` is that of the coming encryption certificate."""

    certificate_serial: int
    public_key: bytes
    message: bytes

    @classmethod
    def parse(cls, response_der: bytes) -> "KmcResponse":
        """Read a response strictly; the message inside is not opened.

        Raises:
            KmcResponseMalformed
        """
        try:
            reader = der.whole(response_der)
            serial = reader.integer()
            key = public_key.parse_spki(reader.element(der.SEQUENCE))
            message = reader.element(der.SEQUENCE)
            reader.finish()
            if key.algorithm != "SM2":
                raise der.DerError("retPubKey is not SM2")
            check_point(key.key)
        except (der.DerError, public_key.UnsupportedKey) as error:
            raise KmcResponseMalformed(detail=str(error)) from error
        return cls(serial, key.key, message)

    def open(
        self, certificate_der: bytes, decrypt: Callable[[bytes], bytes], *, signers: Sequence[bytes] = ()
    ) -> tuple[bytes, list[VerifiedSigner]]:
        """(private encryption key, who signed); the key is proved to belong to ``public_key``.

        Raises:
            CmsError: the message does not open or verify.
            KmcResponseMalformed: the content is no private key.
            EnvelopeKeyMismatch: it is another key's.
        """
        content, verified = SignedAndEnvelopedData.parse(self.message).open(certificate_der, decrypt, signers=signers)
        try:
            candidates = _candidates(content)
        except der.DerError as error:
            raise KmcResponseMalformed(detail=str(error)) from error
        for private in candidates[:-1]:
            with suppress(EnvelopeKeyMismatch):
                check_pair(private, self.public_key)
                return private, verified
        check_pair(candidates[-1], self.public_key)
        return candidates[-1], verified


def kmc_response(
    certificate_serial: int,
    key_private: bytes,
    key_public: bytes,
    signer: MessageSigner,
    recipient_certificate: bytes,
    *,
    form: KeyForm = KeyForm.OCTETS,
    signature_scope: SignatureScope = "plaintext",
) -> bytes:
    """A RetKeyRespond in DER: the encryption key, signed by the KMC, enveloped for the recipient."""
    message = sign_and_envelop(
        _write_key(form, key_private, key_public),
        signer,
        [recipient_certificate],
        signature_scope=signature_scope,
        wrapped=False,
    )
    return der.sequence(der.integer(certificate_serial), public_key.sm2_spki(key_public), message)


def _write_key(form: KeyForm, private: bytes, public: bytes) -> bytes:
    if form is KeyForm.OCTETS:
        return private
    if form is KeyForm.INTEGER:
        return der.integer(int.from_bytes(private, "big"))
    curve = der.tlv(_SEC1_CURVE, der.oid(oids.CURVE_SM2)) if form is KeyForm.SEC1 else b""
    point = der.tlv(_SEC1_PUBLIC_KEY, der.bit_string(public))
    sec1 = der.sequence(der.integer(1), der.octet_string(private), curve, point)
    if form is KeyForm.SEC1:
        return sec1
    return der.sequence(der.integer(0), public_key.SM2_ALGORITHM_DER, der.octet_string(sec1))


def _candidates(content: bytes) -> list[bytes]:
    """Private keys that the content may stand for; 32 bare octets may look like an INTEGER by chance."""
    found = [content] if len(content) == _KEY_SIZE else []
    try:
        found.append(_read_integer(content) if content[:1] == b"\x02" else _read_structure(der.whole(content)))
    except der.DerError:
        if not found:
            raise
    return found


def _read_integer(content: bytes) -> bytes:
    reader = der.Reader(content)
    value = reader.integer()
    reader.finish()
    if not 0 < value < 1 << 256:
        raise der.DerError("private key out of range")
    return value.to_bytes(_KEY_SIZE, "big")


def _read_structure(reader: der.Reader) -> bytes:
    version = reader.integer()
    if version == 0:
        if reader.element(der.SEQUENCE) != public_key.SM2_ALGORITHM_DER:
            raise der.DerError("private key is not SM2")
        return _read_structure(der.whole(reader.octets()))
    private = reader.octets()
    if version != 1 or len(private) != _KEY_SIZE:
        raise der.DerError("ECPrivateKey with 32 octets expected")
    return private
