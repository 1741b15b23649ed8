"""The half of the lint that is judged once a template: everything that its certificates share."""

import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from banyan.pki import key_strength, names
from banyan.pki.certificate_reference import encode_tbs_by_library
from banyan.pki.certificate_template import Template
from banyan.pki.errors import Malformed, NameInvalid
from banyan.pki.lint_parts import lint_parts
from banyan.pki.lint_rules import Finding, finding
from banyan.pki.lint_stored import check_certificate
from banyan.pki.oids import OCSP_SIGNING
from banyan.pki.profile import SIGNATURE_ALGORITHMS, Use
from banyan.pki.public_key import parse_spki

_Fault = tuple[str, dict[str, Any]]
_SIGNING: Final = {"digitalSignature", "nonRepudiation"}
_ENCRYPTION: Final = {"keyEncipherment", "dataEncipherment", "keyAgreement"}
_AUTHORITY: Final = {"keyCertSign", "cRLSign"}
_URL_CHARACTERS: Final = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
# A placeholder only: samples are never signed.
_NO_SIGNATURE: Final = bytes.fromhex("3006020101020101")


def lint_template(template: Template) -> list[Finding]:
    """Findings on a template, none when certificates may be made from it. Every rule is judged, none stops
    another.
    """
    faults = [*_issuer(template), *_usage(template), *_policies(template), *_points(template)]
    findings = [finding(rule, **fields) for rule, fields in faults]
    sample = template.sample_parts()
    tbs = template.encode_tbs(sample)
    if tbs != encode_tbs_by_library(sample, template):
        findings.append(finding("template.splice"))
    findings += [finding("template.sample", inner=inner.rule) for inner in lint_parts(sample, template)]
    stored = check_certificate(
        template.assemble(tbs, _NO_SIGNATURE),
        template.profile,
        template.issuer,
        use=template.use,
        is_soft_token=template.is_soft_token,
        has_signature=False,
    )
    return findings + [finding("template.stored", inner=inner.rule) for inner in stored]


def _issuer(template: Template) -> Iterator[_Fault]:
    issuer = template.issuer
    try:
        names.check_name(names.decode_name(issuer.name_der))
    except (Malformed, NameInvalid):
        yield "issuer.name", {}
    try:
        key_strength.check(parse_spki(issuer.spki_der))
    except key_strength.WeakKey:
        yield "issuer.key", {}
    if not 4 <= len(issuer.key_id) <= 20:
        yield "issuer.key_id", {}
    if issuer.not_before >= issuer.not_after:
        yield "issuer.validity", {}
    if SIGNATURE_ALGORITHMS.get(issuer.algorithm) != template.profile.signature_oid:
        yield "algorithm.signature", {}


def _usage(template: Template) -> Iterator[_Fault]:
    profile, use = template.profile, template.use
    usage = set(profile.key_usage[use])
    if use is Use.SIGNING and usage != _SIGNING:
        yield "usage.signing", {}
    if use is Use.ENCRYPTION and usage != _ENCRYPTION:
        yield "usage.encryption", {}
    is_authority = use in (Use.ROOT, Use.ISSUING_CA)
    if (usage >= _AUTHORITY) is not is_authority or (not is_authority and usage & _AUTHORITY):
        yield "usage.authority", {}
    marks = ("digitalSignature" in usage, OCSP_SIGNING in profile.extended_key_usage, profile.ocsp_no_check)
    if (use is Use.OCSP and not all(marks)) or (use is not Use.OCSP and any(marks[1:])):
        yield "usage.ocsp", {}


def _policies(template: Template) -> Iterator[_Fault]:
    profile, is_end_entity = template.profile, template.use in (Use.SIGNING, Use.ENCRYPTION, Use.BOTH)
    if is_end_entity and not template.policies:
        yield "policy.presence", {}
    if set(profile.policies) & set(profile.soft_token_policies):
        yield "policy.soft_token", {}


def _points(template: Template) -> Iterator[_Fault]:
    profile, issuer = template.profile, template.issuer
    is_checked_by_crl = template.use not in (Use.ROOT, Use.OCSP)
    if (
        (is_checked_by_crl and not profile.crl_distribution_points)
        or (profile.crl_distribution_points and not issuer.crl_urls)
        or (profile.freshest_crl and not issuer.delta_crl_urls)
        or (profile.authority_information_access and not (issuer.ocsp_urls or issuer.ca_issuers_urls))
    ):
        yield "points.presence", {}
    for url in (*issuer.crl_urls, *issuer.delta_crl_urls, *issuer.ocsp_urls, *issuer.ca_issuers_urls):
        if not _is_sound_url(url):
            yield "points.url", {"url": url}


def _is_sound_url(url: str) -> bool:
    plain = url.replace("{shard}", "0")
    try:
        parts = urlsplit(plain)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in ("http", "ldap") and bool(parts.hostname) and _URL_CHARACTERS.fullmatch(plain) is not None
