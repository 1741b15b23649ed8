"""The lint of stored bytes: a certificate is read back by code that had no part in writing it.

Two outside parsers read it (pyca/cryptography and the ASN.1 library), never the splicer or our own view, and
every rule of the profile and of RFC 5280 that shows in a single certificate is judged again.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from asn1crypto import core
from asn1crypto import x509 as asn1_x509
from cryptography import x509

from banyan.pki import key_strength, oids
from banyan.pki import strict_der as der
from banyan.pki.certificate_parts import Issuer
from banyan.pki.extensions import IdentifyCodeChoice
from banyan.pki.lint_rules import Finding, finding
from banyan.pki.lint_stored_names import judge_name
from banyan.pki.profile import IdentifyCodeForm, Presence, Profile, Use
from banyan.pki.public_key import (
    PublicKey,
    UnsupportedKey,
    UnsupportedSignature,
    parse_signature_algorithm,
    parse_spki,
    verify_many,
)

_CRITICAL: Final = frozenset((oids.KEY_USAGE, oids.BASIC_CONSTRAINTS))
_IDENTIFY_PATTERNS: Final = {
    IdentifyCodeForm.HMAC: re.compile(r"[0-9A-F]{64}"),
    IdentifyCodeForm.CLEAR: re.compile(r"[\w\-（）()]{4,32}"),
}
_ORGANIZATION_PATTERN: Final = re.compile(r"[0-9A-Z]{18}|[0-9A-Z]{8}-?[0-9X]")
_USAGE_FLAGS: Final = {
    "digitalSignature": "digital_signature",
    "nonRepudiation": "content_commitment",
    "keyEncipherment": "key_encipherment",
    "dataEncipherment": "data_encipherment",
    "keyAgreement": "key_agreement",
    "keyCertSign": "key_cert_sign",
    "cRLSign": "crl_sign",
}
_Fault = tuple[str, dict[str, Any]]


def check_certificate(
    certificate_der: bytes,
    profile: Profile,
    issuer: Issuer,
    *,
    use: Use | None = None,
    is_soft_token: bool | None = None,
    has_signature: bool = True,
) -> list[Finding]:
    """Findings on the bytes of one certificate, none when it is what its profile and issuer make.

    Without ``use`` the one whose key usage matches is taken; without ``is_soft_token`` either set of policies
    passes. ``has_signature=False`` leaves the signature unchecked (samples). Malformed bytes are a finding,
    not an error.
    """
    try:
        stored = _Stored(certificate_der, profile, issuer, use, is_soft_token)
    except Exception as error:  # both parsers raise many types on hostile bytes
        return [finding("stored.decode", detail=type(error).__name__)]
    findings: list[Finding] = []
    checks = [check for check in _CHECKS if has_signature or check is not _signature]
    for check in checks:
        try:
            findings += [finding(rule, **fields) for rule, fields in check(stored)]
        except Exception as error:  # lazily parsed parts fail here
            findings.append(finding("stored.decode", detail=f"{check.__name__.strip('_')}: {type(error).__name__}"))
    return findings


class _Stored:
    """A certificate as two parsers see it, with what it is measured against."""

    def __init__(
        self, data: bytes, profile: Profile, issuer: Issuer, use: Use | None, is_soft_token: bool | None
    ) -> None:
        self.data = data
        self.profile = profile
        self.issuer = issuer
        self.seen = x509.load_der_x509_certificate(data)
        self.asn1 = asn1_x509.Certificate.load(data, strict=True)
        self.tbs = self.asn1["tbs_certificate"]
        self.extensions = self.seen.extensions
        self.spki_der: bytes = self.tbs["subject_public_key_info"].dump()
        self.usages = self._usages()
        self.use = use or next(
            (one for one in profile.uses if set(profile.key_usage[one]) == self.usages), profile.uses[0]
        )
        hardware, software = profile.policies, profile.soft_token_policies
        self.policies = {None: (hardware, software), False: (hardware,), True: (software,)}[is_soft_token]

    def _usages(self) -> set[str]:
        try:
            value = self.extensions.get_extension_for_class(x509.KeyUsage).value
        except x509.ExtensionNotFound:
            return set()
        found = {name for name, flag in _USAGE_FLAGS.items() if getattr(value, flag)}
        if value.key_agreement:
            found |= {
                name
                for name, is_set in (
                    ("encipherOnly", value.encipher_only),
                    ("decipherOnly", value.decipher_only),
                )
                if is_set
            }
        return found

    def value(self, oid: str) -> Any:
        """The parsed value of an extension, None when it is absent."""
        try:
            return self.extensions.get_extension_for_oid(x509.ObjectIdentifier(oid)).value
        except x509.ExtensionNotFound:
            return None


def _envelope(stored: _Stored) -> Iterator[_Fault]:
    """Encoding, version, algorithms, issuer, serial."""
    try:
        der.check_well_formed(stored.data)
    except der.DerError:
        yield "stored.decode", {"detail": "not DER"}
    if stored.seen.version is not x509.Version.v3:
        yield "stored.version", {}
    inner, outer = stored.tbs["signature"].dump(), stored.asn1["signature_algorithm"].dump()
    if inner != outer or outer != stored.profile.signature_algorithm_der:
        yield "stored.algorithm", {}
    if stored.tbs["issuer"].dump() != stored.issuer.name_der:
        yield "stored.issuer", {}
    serial = stored.tbs["serial_number"]
    if not 1 <= len(serial.contents) <= 20 or serial.native <= 0:
        yield "stored.serial", {}


def _validity(stored: _Stored) -> Iterator[_Fault]:
    """Time forms, order, and the bounds of issuer and profile."""
    times = [stored.tbs["validity"][name] for name in ("not_before", "not_after")]
    for moment in times:
        is_general = moment.native.year >= 2050
        text = moment.chosen.contents
        if (
            moment.name != ("general_time" if is_general else "utc_time")
            or len(text) != (15 if is_general else 13)
            or text[-1:] != b"Z"
        ):
            yield "stored.time_form", {}
    not_before, not_after = (_instant(moment) for moment in times)
    issuer = stored.issuer
    if not (
        issuer.not_before.replace(microsecond=0) <= not_before < not_after <= issuer.not_after
        and not_after - not_before <= timedelta(days=stored.profile.maximum_days)
    ):
        yield "stored.validity", {}


def _instant(moment: Any) -> datetime:
    native: datetime = moment.native
    return native


def _subject(stored: _Stored) -> Iterator[_Fault]:
    """Order, types, bounds and characters of the name, and how it stands to the issuer's."""
    for attribute in judge_name(stored.tbs["subject"], stored.profile):
        yield "stored.subject", {"attribute": attribute}
    if (stored.tbs["subject"].dump() == stored.issuer.name_der) is not (stored.use is Use.ROOT):
        yield "stored.subject", {"attribute": "DN"}


def _key(stored: _Stored) -> Iterator[_Fault]:
    """Algorithm, canonical form, point on the curve, strength."""
    try:
        parsed = parse_spki(stored.spki_der)
        key_strength.check(parsed)
    except (der.DerError, UnsupportedKey, key_strength.WeakKey):
        yield "stored.key", {}
        return
    is_issuers = parsed.key == stored.issuer.public_key
    if (
        parsed.algorithm not in stored.profile.key_algorithms
        or parsed.spki_der != stored.spki_der
        or is_issuers is not (stored.use is Use.ROOT)
    ):
        yield "stored.key", {}


def _extension_set(stored: _Stored) -> Iterator[_Fault]:
    """Which extensions there are, and which are critical."""
    profile = stored.profile
    wanted = {
        oids.AUTHORITY_KEY_IDENTIFIER: Presence.REQUIRED,
        oids.SUBJECT_KEY_IDENTIFIER: Presence.REQUIRED,
        oids.KEY_USAGE: Presence.REQUIRED,
        oids.BASIC_CONSTRAINTS: _required(profile.basic_constraints != "absent"),
        oids.CERTIFICATE_POLICIES: _required(any(stored.policies)),
        oids.EXTENDED_KEY_USAGE: _required(bool(profile.extended_key_usage)),
        oids.CRL_DISTRIBUTION_POINTS: _required(profile.crl_distribution_points),
        oids.FRESHEST_CRL: _required(profile.freshest_crl),
        oids.AUTHORITY_INFORMATION_ACCESS: _required(profile.authority_information_access),
        oids.OCSP_NO_CHECK: _required(profile.ocsp_no_check),
        oids.SUBJECT_ALTERNATIVE_NAME: profile.alternative_names,
        oids.IDENTIFY_CODE: profile.identify_code_presence,
        oids.ORGANIZATION_CODE: profile.organization_code,
    }
    found = {one.oid.dotted_string: one.critical for one in stored.extensions}
    for oid, presence in wanted.items():
        if presence is Presence.REQUIRED and oid not in found:
            yield "stored.extension_missing", {"oid": oid}
    for oid, is_critical in found.items():
        if wanted.get(oid, Presence.ABSENT) is Presence.ABSENT:
            yield "stored.extension_extra", {"oid": oid}
        elif is_critical is not (oid in _CRITICAL and (oid != oids.BASIC_CONSTRAINTS or profile.is_authority)):
            yield "stored.extension_critical", {"oid": oid}


def _required(is_wanted: bool) -> Presence:
    return Presence.REQUIRED if is_wanted else Presence.ABSENT


def _extension_values(stored: _Stored) -> Iterator[_Fault]:
    """Values that profile and issuer fix."""
    profile = stored.profile
    if stored.usages != set(profile.key_usage[stored.use]):
        yield "stored.key_usage", {}
    constraints = stored.value(oids.BASIC_CONSTRAINTS)
    if constraints is not None and (constraints.ca, constraints.path_length) != (
        profile.is_authority,
        profile.path_length,
    ):
        yield "stored.basic_constraints", {}
    key_id = stored.value(oids.SUBJECT_KEY_IDENTIFIER)
    bits = stored.tbs["subject_public_key_info"]["public_key"].contents[1:]
    if key_id is not None and key_id.digest != hashlib.sha1(bits, usedforsecurity=False).digest():
        yield "stored.key_id", {}
    authority = stored.value(oids.AUTHORITY_KEY_IDENTIFIER)
    if authority is not None and authority.key_identifier != stored.issuer.key_id:
        yield "stored.authority_key_id", {}
    policies = stored.value(oids.CERTIFICATE_POLICIES)
    if policies is not None and tuple(one.policy_identifier.dotted_string for one in policies) not in stored.policies:
        yield "stored.policies", {}
    extended = stored.value(oids.EXTENDED_KEY_USAGE)
    if extended is not None and tuple(one.dotted_string for one in extended) != profile.extended_key_usage:
        yield "stored.extended_key_usage", {}


def _addresses(stored: _Stored) -> Iterator[_Fault]:
    """CRL distribution points, freshest CRL and authority information access are the issuer's."""
    issuer = stored.issuer
    points, freshest = stored.value(oids.CRL_DISTRIBUTION_POINTS), stored.value(oids.FRESHEST_CRL)
    access = stored.value(oids.AUTHORITY_INFORMATION_ACCESS)
    agree = (
        points is None or _match(_point_urls(points), issuer.crl_urls),
        freshest is None or _match(_point_urls(freshest), issuer.delta_crl_urls),
        access is None or _match(_access_urls(access, oids.ACCESS_OCSP), issuer.ocsp_urls),
        access is None or _match(_access_urls(access, oids.ACCESS_CA_ISSUERS), issuer.ca_issuers_urls),
    )
    if not all(agree):
        yield "stored.addresses", {}


def _point_urls(points: Any) -> list[str]:
    return [
        name.value
        for point in points
        for name in point.full_name or ()
        if isinstance(name, x509.UniformResourceIdentifier)
    ]


def _access_urls(access: Any, method: str) -> list[str]:
    return [row.access_location.value for row in access if row.access_method.dotted_string == method]


def _match(found: Sequence[str], templates: Sequence[str]) -> bool:
    if len(found) != len(templates):
        return False
    patterns = [re.escape(template).replace(re.escape("{shard}"), r"\d{1,5}") for template in templates]
    return all(re.fullmatch(pattern, url) for pattern, url in zip(patterns, found, strict=True))


def _identity(stored: _Stored) -> Iterator[_Fault]:
    """Alternative names and the private extensions of GB/T 20518."""
    alternative = stored.value(oids.SUBJECT_ALTERNATIVE_NAME)
    if alternative is not None and not _are_sound(alternative):
        yield "stored.san", {}
    identify = stored.value(oids.IDENTIFY_CODE)
    pattern = _IDENTIFY_PATTERNS.get(stored.profile.identify_code)
    if identify is not None and not (
        pattern and _reads(lambda: IdentifyCodeChoice.load(identify.value, strict=True), pattern)
    ):
        yield "stored.identify_code", {}
    organization = stored.value(oids.ORGANIZATION_CODE)
    if organization is not None and not _reads(
        lambda: core.PrintableString.load(organization.value, strict=True), _ORGANIZATION_PATTERN
    ):
        yield "stored.organization_code", {}


def _are_sound(alternative: Any) -> bool:
    entries = list(alternative)
    dns = [entry.value for entry in entries if isinstance(entry, x509.DNSName)]
    addresses = [entry for entry in entries if isinstance(entry, x509.IPAddress)]
    labels = [label for name in dns for label in name.removeprefix("*.").split(".")]
    sound = all(re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", label) for label in labels)
    return (
        sound
        and len(dns) + len(addresses) == len(entries) == len(set(entries))
        and all(len(name) <= 253 for name in dns)
    )


def _reads(load: Callable[[], Any], pattern: re.Pattern[str]) -> bool:
    try:
        return pattern.fullmatch(load().native) is not None
    except (ValueError, TypeError):
        return False


def _signature(stored: _Stored) -> Iterator[_Fault]:
    """The signature verifies under the issuer's key (SM2 with the default identity)."""
    key: PublicKey = parse_spki(stored.issuer.spki_der)
    try:
        algorithm = parse_signature_algorithm(stored.asn1["signature_algorithm"].dump())
    except UnsupportedSignature:
        yield "stored.signature", {}
        return
    if not verify_many([(key, algorithm, stored.seen.tbs_certificate_bytes, stored.seen.signature)])[0]:
        yield "stored.signature", {}


_CHECKS: Final[tuple[Callable[[_Stored], Iterator[_Fault]], ...]] = (
    _envelope,
    _validity,
    _subject,
    _key,
    _extension_set,
    _extension_values,
    _addresses,
    _identity,
    _signature,
)
