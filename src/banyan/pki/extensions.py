"""Certificate and CRL extensions, encoded by the ASN.1 library (RFC 5280 §4.2, GB/T 20518-2018 §5.2.4).

Each function answers the DER of one whole Extension. They are called once a template, never once a
certificate.
"""

from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Any

from asn1crypto import core, crl, x509

from banyan.pki import oids
from banyan.pki.certificate_parts import IdentifyCode

IDENTIFY_CODE_TAGS = {"resident": 0, "officer": 1, "passport": 2}
_USAGE_NAMES = {
    "digitalSignature": "digital_signature",
    "nonRepudiation": "non_repudiation",
    "keyEncipherment": "key_encipherment",
    "dataEncipherment": "data_encipherment",
    "keyAgreement": "key_agreement",
    "keyCertSign": "key_cert_sign",
    "cRLSign": "crl_sign",
    "encipherOnly": "encipher_only",
    "decipherOnly": "decipher_only",
}


def extension(oid: str, value: Any, *, critical: bool = False) -> bytes:
    """An extension whose value is an object of the library."""
    encoded: bytes = x509.Extension(
        {"extn_id": oid, "critical": critical, "extn_value": core.ParsableOctetString(value.dump())}
    ).dump()
    return encoded


def authority_key_identifier(key_id: bytes) -> bytes:
    """keyIdentifier only; issuer and serial are not given."""
    return extension(oids.AUTHORITY_KEY_IDENTIFIER, x509.AuthorityKeyIdentifier({"key_identifier": key_id}))


def subject_key_identifier(key_id: bytes) -> bytes:
    """The identifier made by :func:`banyan.pki.key_identifier.key_identifier`."""
    return extension(oids.SUBJECT_KEY_IDENTIFIER, core.OctetString(key_id))


def basic_constraints(*, is_authority: bool, path_length: int | None = None) -> bytes:
    """Critical for an authority (RFC 5280 §4.2.1.9)."""
    value = x509.BasicConstraints({"ca": is_authority, "path_len_constraint": path_length})
    return extension(oids.BASIC_CONSTRAINTS, value, critical=is_authority)


def key_usage(usages: Iterable[str]) -> bytes:
    """Critical (GB/T 20518-2018 §5.2.4.2.3)."""
    return extension(oids.KEY_USAGE, x509.KeyUsage({_USAGE_NAMES[usage] for usage in usages}), critical=True)


def certificate_policies(policies: Sequence[str]) -> bytes:
    """Policy identifiers without qualifiers."""
    value = x509.CertificatePolicies([{"policy_identifier": policy} for policy in policies])
    return extension(oids.CERTIFICATE_POLICIES, value)


def extended_key_usage(usages: Sequence[str]) -> bytes:
    """Dotted purposes; not critical."""
    return extension(oids.EXTENDED_KEY_USAGE, x509.ExtKeyUsageSyntax(list(usages)))


def _full_name(urls: Sequence[str], directory_name_der: bytes | None) -> x509.GeneralNames:
    names = [x509.GeneralName(name="uniform_resource_identifier", value=url) for url in urls]
    if directory_name_der is not None:
        names.insert(0, x509.GeneralName(name="directory_name", value=x509.Name.load(directory_name_der)))
    return x509.GeneralNames(names)


def _points(urls: Sequence[str], directory_name_der: bytes | None) -> x509.CRLDistributionPoints:
    point = x509.DistributionPointName(name="full_name", value=_full_name(urls, directory_name_der))
    return x509.CRLDistributionPoints([{"distribution_point": point}])


def crl_distribution_points(urls: Sequence[str], directory_name_der: bytes | None = None) -> bytes:
    """One distribution point with all its names: directory entry first, then the URLs."""
    return extension(oids.CRL_DISTRIBUTION_POINTS, _points(urls, directory_name_der))


def freshest_crl(urls: Sequence[str]) -> bytes:
    """Where the delta CRL is (RFC 5280 §4.2.1.15)."""
    return extension(oids.FRESHEST_CRL, _points(urls, None))


def authority_information_access(ocsp_urls: Sequence[str], ca_issuers_urls: Sequence[str]) -> bytes:
    """OCSP responders, then places of the issuer's certificate."""
    rows = [("ocsp", url) for url in ocsp_urls] + [("ca_issuers", url) for url in ca_issuers_urls]
    value = x509.AuthorityInfoAccessSyntax(
        [
            {
                "access_method": method,
                "access_location": x509.GeneralName(name="uniform_resource_identifier", value=url),
            }
            for method, url in rows
        ]
    )
    return extension(oids.AUTHORITY_INFORMATION_ACCESS, value)


def ocsp_no_check() -> bytes:
    """id-pkix-ocsp-nocheck (RFC 6960 §4.2.2.2.1)."""
    return extension(oids.OCSP_NO_CHECK, core.Null())


def subject_alternative_name(dns_names: Sequence[str], ip_addresses: Sequence[str]) -> bytes:
    """dNSName entries, then iPAddress entries."""
    names = [x509.GeneralName(name="dns_name", value=name) for name in dns_names]
    names += [x509.GeneralName(name="ip_address", value=str(ip_address(address))) for address in ip_addresses]
    return extension(oids.SUBJECT_ALTERNATIVE_NAME, x509.GeneralNames(names))


class IdentifyCodeChoice(core.Choice):  # type: ignore[misc]  # the library is untyped
    """GB/T 20518-2018 §5.2.4.2.11, explicit tags as the issuing systems in service write them."""

    _alternatives = [  # noqa: RUF012  (the library reads a plain class attribute)
        ("resident", core.PrintableString, {"explicit": 0}),
        ("officer", core.UTF8String, {"explicit": 1}),
        ("passport", core.PrintableString, {"explicit": 2}),
    ]


def identify_code(code: IdentifyCode) -> bytes:
    """个人身份标识码, not critical."""
    return extension(oids.IDENTIFY_CODE, IdentifyCodeChoice(name=code.document, value=code.value))


def organization_code(code: str) -> bytes:
    """企业组织机构代码, which nowadays carries the unified social credit code; not critical."""
    return extension(oids.ORGANIZATION_CODE, core.PrintableString(code))


def crl_number(number: int) -> bytes:
    """Monotonic number of the CRL (RFC 5280 §5.2.3)."""
    return extension(oids.CRL_NUMBER, core.Integer(number))


def delta_crl_indicator(base_number: int) -> bytes:
    """Number of the complete CRL that the delta starts from; critical (RFC 5280 §5.2.4)."""
    return extension(oids.DELTA_CRL_INDICATOR, core.Integer(base_number), critical=True)


def issuing_distribution_point(urls: Sequence[str], directory_name_der: bytes | None = None) -> bytes:
    """Which part of the CA's certificates the CRL covers; critical (RFC 5280 §5.2.5)."""
    name = x509.DistributionPointName(name="full_name", value=_full_name(urls, directory_name_der))
    value = crl.IssuingDistributionPoint({"distribution_point": name})
    return extension(oids.ISSUING_DISTRIBUTION_POINT, value, critical=True)


def reason_code(reason: str) -> bytes:
    """Entry extension with the library's name of a reason (``key_compromise``)."""
    return extension(oids.REASON_CODE, crl.CRLReason(reason))
