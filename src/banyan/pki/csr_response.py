"""CSRResponse (GM/T 0092-2020): what a CA returns to a request: both certificates and the enveloped key.

The standard's annex module names ``EncryptedData`` where its body says SM2EnvelopedKey; the body is
followed, as deployed software does. Its module has IMPLICIT TAGS: that is written, explicit tags are read as
well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from banyan.kernel.errors import N_
from banyan.pki import strict_der as der
from banyan.pki.errors import PkiError
from banyan.pki.sm2_enveloped_key import EnvelopedKey

_ENVELOPE: Final = 0xA0
_ENCRYPTION_CERTIFICATES: Final = 0xA1


class CsrResponseMalformed(PkiError):
    """Not a CSRResponse; ``detail`` is technical."""

    code = "pki.csr_response_malformed"
    message = N_("证书签发响应格式不正确或已损坏（{detail}）。请向 CA 重新取回响应。")


@dataclass(frozen=True, slots=True)
class CsrResponse:
    """Certificates in DER, the end entity's first; ``enveloped_key`` an SM2EnvelopedKey in DER, or None."""

    signing_certificates: tuple[bytes, ...]
    enveloped_key: bytes | None = None
    encryption_certificates: tuple[bytes, ...] = ()

    def to_der(self) -> bytes:
        """The response. The sets keep the order given, end entity first, as receivers expect."""
        parts = [der.tlv(der.SET, b"".join(self.signing_certificates))]
        if self.enveloped_key is not None:
            parts.append(der.tlv(_ENVELOPE, _content(self.enveloped_key)))
        if self.encryption_certificates:
            parts.append(der.tlv(_ENCRYPTION_CERTIFICATES, b"".join(self.encryption_certificates)))
        return der.sequence(*parts)

    @classmethod
    def parse(cls, response_der: bytes) -> "CsrResponse":
        """Read a response strictly.

        Raises:
            CsrResponseMalformed: broken structure.
            EnvelopeMalformed: broken enveloped key.
        """
        try:
            return cls._parse(response_der)
        except der.DerError as error:
            raise CsrResponseMalformed(detail=str(error)) from error

    @classmethod
    def _parse(cls, response_der: bytes) -> "CsrResponse":
        reader = der.whole(response_der)
        # SEQUENCE OF is met where the standard's CertificateSet is a SET.
        tag = der.SEQUENCE if reader.peek() == der.SEQUENCE else der.SET
        signing = _certificates(reader.enter(tag))
        if not signing:
            raise der.DerError("no signing certificate")
        envelope = reader.enter_optional(_ENVELOPE)
        enveloped_key = None if envelope is None else _envelope(envelope)
        rest = reader.enter_optional(_ENCRYPTION_CERTIFICATES)
        if rest is not None and rest.peek() == der.SET:
            inner = rest.enter(der.SET)
            rest.finish()
            rest = inner
        encryption = () if rest is None else _certificates(rest)
        reader.finish()
        return cls(signing, enveloped_key, encryption)


def _content(element: bytes) -> bytes:
    return der.Reader(element).content(element[0])


def _certificates(reader: der.Reader) -> tuple[bytes, ...]:
    found: list[bytes] = []
    while not reader.at_end:
        found.append(reader.element(der.SEQUENCE))
        der.check_well_formed(found[-1])
    return tuple(found)


def _envelope(reader: der.Reader) -> bytes:
    """With an implicit tag four elements follow, with an explicit one a single SEQUENCE."""
    elements: list[bytes] = []
    while not reader.at_end:
        elements.append(reader.element())
    envelope = elements[0] if len(elements) == 1 else der.sequence(*elements)
    EnvelopedKey.parse(envelope)
    return envelope


def response(signing: bytes, enveloped_key: bytes, encryption: bytes, chain: Sequence[bytes] = ()) -> bytes:
    """The usual answer: a dual pair, each certificate followed by the CA certificates of ``chain``."""
    return CsrResponse((signing, *chain), enveloped_key, (encryption, *chain)).to_der()
