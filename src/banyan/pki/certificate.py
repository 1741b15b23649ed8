"""Certificates: the public face. Parts and issuer in, templates encode, a parsed view out, PEM both ways."""

from collections.abc import Sequence

from banyan.kernel.errors import N_
from banyan.pki import armor
from banyan.pki.certificate_parts import CertificateParts, DocumentKind, IdentifyCode, Issuer
from banyan.pki.certificate_reference import encode_tbs_by_library
from banyan.pki.certificate_template import Template
from banyan.pki.certificate_view import Certificate
from banyan.pki.errors import Malformed
from banyan.pki.extension_values import Extension
from banyan.pki.key_identifier import key_identifier

__all__ = [
    "Certificate",
    "CertificateParts",
    "DocumentKind",
    "Extension",
    "IdentifyCode",
    "Issuer",
    "Template",
    "assemble",
    "bundle_to_ders",
    "certificate_to_pem",
    "encode_tbs_by_library",
    "issuer_of",
    "key_identifier",
    "pem_to_der",
]

MOST_OF_A_BUNDLE = 100


def assemble(tbs: bytes, signature: bytes, template: Template) -> bytes:
    """The certificate of a TBS and the signature over it."""
    return template.assemble(tbs, signature)


def issuer_of(
    certificate: Certificate,
    *,
    crl_urls: Sequence[str] = (),
    delta_crl_urls: Sequence[str] = (),
    ocsp_urls: Sequence[str] = (),
    ca_issuers_urls: Sequence[str] = (),
    crl_directory_name_der: bytes | None = None,
) -> Issuer:
    """The issuer that a CA certificate makes, with the addresses that its own certificates shall carry.

    The key identifier is the one that stands in the CA certificate, so that chains link whatever rule made
    it.
    """
    return Issuer(
        name_der=certificate.subject_der,
        spki_der=certificate.spki_der,
        key_id=certificate.key_id or key_identifier(certificate.spki_der),
        not_before=certificate.not_before,
        not_after=certificate.not_after,
        crl_urls=tuple(crl_urls),
        delta_crl_urls=tuple(delta_crl_urls),
        ocsp_urls=tuple(ocsp_urls),
        ca_issuers_urls=tuple(ca_issuers_urls),
        crl_directory_name_der=crl_directory_name_der,
    )


def certificate_to_pem(der: bytes) -> str:
    """PEM text of a certificate (RFC 7468 §5)."""
    return armor.wrap("CERTIFICATE", der)


def pem_to_der(data: bytes | str) -> bytes:
    """DER of one certificate that came as DER, PEM (also ``X509``/``TRUSTED`` labels) or bare Base64. Raises
    Malformed.

    Only the wrapping is opened; :meth:`Certificate.parse` judges the content.
    """
    try:
        label, content = armor.unwrap(data)
    except armor.ArmorError as error:
        raise Malformed(what=N_("证书"), detail=str(error)) from error
    return _certificate(label, content)


def bundle_to_ders(data: bytes | str) -> list[bytes]:
    """DER of each certificate of a file that holds one or, as PEM, several. Raises Malformed, also for too many."""
    try:
        found = armor.unwrap_all(data)
    except armor.ArmorError as error:
        raise Malformed(what=N_("证书"), detail=str(error)) from error
    if len(found) > MOST_OF_A_BUNDLE:
        raise Malformed(what=N_("证书"), detail=f"more than {MOST_OF_A_BUNDLE} PEM blocks")
    return [_certificate(label, content) for label, content in found]


def _certificate(label: str | None, content: bytes) -> bytes:
    if label not in (None, "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"):
        raise Malformed(what=N_("证书"), detail=f"PEM label {label}")
    return content
