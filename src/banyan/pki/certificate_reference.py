"""The to-be-signed certificate encoded entirely by the ASN.1 library: slow, and the measure for the spliced
one.
"""

from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING

from asn1crypto import core, keys, x509

from banyan.pki import extensions, names, oids
from banyan.pki.certificate_parts import CertificateParts
from banyan.pki.key_identifier import is_bare_point, key_identifier
from banyan.pki.moving_parts import sharded_points
from banyan.pki.profile import IdentifyCodeForm, Presence

if TYPE_CHECKING:
    from banyan.pki.certificate_template import Template

_STRINGS = {0x0C: core.UTF8String, 0x13: core.PrintableString, 0x16: core.IA5String}


def encode_tbs_by_library(parts: CertificateParts, template: "Template") -> bytes:
    """TBSCertificate (RFC 5280 §4.1) of the same content as ``template.encode_tbs(parts)``."""
    profile = template.profile
    algorithm = {"algorithm": profile.signature_oid}
    if profile.signature_parameters == "null":
        algorithm["parameters"] = core.Null()
    validity = {"not_before": _time(parts.not_before), "not_after": _time(parts.not_after)}
    tbs = x509.TbsCertificate(
        {
            "version": "v3",
            "serial_number": int.from_bytes(parts.serial, "big"),
            "signature": algorithm,
            "issuer": _name(template.issuer.name_der),
            "validity": validity,
            "subject": _name(parts.subject_der),
            "subject_public_key_info": _spki(parts.public_key),
            "extensions": [x509.Extension.load(value) for value in _extensions(parts, template)],
        }
    )
    encoded: bytes = tbs.dump(force=True)
    return encoded


def _time(moment: datetime) -> x509.Time:
    utc = moment.astimezone(UTC).replace(microsecond=0)
    if utc.year >= 2050:
        return x509.Time(name="general_time", value=utc)
    return x509.Time(name="utc_time", value=utc)


def _name(name_der: bytes) -> x509.Name:
    """A name rebuilt from its text, attribute by attribute, by the library."""
    relative = []
    for attribute, text in names.decode_name(name_der):
        value = _STRINGS[names.string_tag(attribute)](text)
        pair = x509.NameTypeAndValue({"type": oids.NAME_ATTRIBUTES.get(attribute, attribute)})
        if isinstance(pair["value"], x509.DirectoryString):
            value = x509.DirectoryString(name={0x0C: "utf8_string", 0x13: "printable_string"}[value.tag], value=value)
        pair["value"] = value
        relative.append(x509.RelativeDistinguishedName([pair]))
    return x509.Name(name="", value=x509.RDNSequence(relative))


def _spki(key: bytes) -> keys.PublicKeyInfo:
    if not is_bare_point(key):
        return keys.PublicKeyInfo.load(key)
    curve = keys.ECDomainParameters(name="named", value=oids.CURVE_SM2)
    return keys.PublicKeyInfo(
        {"algorithm": {"algorithm": "ec", "parameters": curve}, "public_key": keys.ECPointBitString(key)}
    )


def _extensions(parts: CertificateParts, template: "Template") -> list[bytes]:
    """Every extension of the certificate in the order of the template."""
    profile, issuer = template.profile, template.issuer
    values = [
        extensions.authority_key_identifier(issuer.key_id),
        extensions.subject_key_identifier(key_identifier(parts.public_key)),
    ]
    if profile.basic_constraints != "absent":
        values.append(extensions.basic_constraints(is_authority=profile.is_authority, path_length=profile.path_length))
    values.append(extensions.key_usage(profile.key_usage[template.use]))
    if template.policies:
        values.append(extensions.certificate_policies(template.policies))
    if profile.extended_key_usage:
        values.append(extensions.extended_key_usage(profile.extended_key_usage))
    if profile.crl_distribution_points:
        values.append(sharded_points(issuer, parts.crl_shard, is_delta=False))
    if profile.freshest_crl:
        values.append(sharded_points(issuer, parts.crl_shard, is_delta=True))
    if profile.authority_information_access:
        values.append(extensions.authority_information_access(issuer.ocsp_urls, issuer.ca_issuers_urls))
    if profile.ocsp_no_check:
        values.append(extensions.ocsp_no_check())
    if profile.alternative_names is not Presence.ABSENT and (parts.dns_names or parts.ip_addresses):
        addresses = [str(ip_address(address)) for address in parts.ip_addresses]
        values.append(extensions.subject_alternative_name(parts.dns_names, addresses))
    if profile.identify_code is not IdentifyCodeForm.ABSENT and parts.identify_code is not None:
        values.append(extensions.identify_code(parts.identify_code))
    if profile.organization_code is not Presence.ABSENT and parts.organization_code is not None:
        values.append(extensions.organization_code(parts.organization_code))
    return values
