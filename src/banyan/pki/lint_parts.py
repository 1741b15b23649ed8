"""The half of the lint that every certificate passes before its signature: its moving parts (RFC 5280, GB/T
20518).

Written for batches: what repeats from row to row (validities, the front of names) is judged once and
remembered.
"""

import re
from collections.abc import Callable, Hashable, Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any, Final, NamedTuple

from banyan import gm
from banyan.pki import key_strength, moving_parts
from banyan.pki import strict_der as der
from banyan.pki.certificate_parts import CertificateParts, IdentifyCode
from banyan.pki.certificate_template import Template
from banyan.pki.key_identifier import is_bare_point
from banyan.pki.lint_rules import Finding, finding
from banyan.pki.lint_subject import SubjectLint
from banyan.pki.profile import IdentifyCodeForm, Presence, Use
from banyan.pki.public_key import UnsupportedKey, parse_spki, sm2_spki

Breach = tuple[str, dict[str, Any]]
MAX_SERIAL_OCTETS: Final = 20
MAX_CRL_SHARD: Final = 65535
_HMAC_TEXT: Final = re.compile(r"[0-9A-F]{64}")
_CLEAR_TEXT: Final = {
    "resident": re.compile(r"[0-9]{17}[0-9X]|[0-9]{15}"),
    "officer": re.compile(r"[\w\-（）()第号]{4,32}"),
    "passport": re.compile(r"[A-Z0-9]{5,17}"),
}
# Unified social credit code (18) or organisation code (8 + check, with or without the hyphen).
_ORGANIZATION_TEXT: Final = re.compile(r"[0-9A-HJ-NPQRTUWXY]{18}|[0-9A-Z]{8}-?[0-9X]")
_LABEL: Final = r"(?!-)[a-z0-9-]{1,63}(?<!-)"
_DNS_TEXT: Final = re.compile(rf"(\*\.)?({_LABEL}\.)+(?!\d+$){_LABEL}|(?!\d+$){_LABEL}")


class Expected(NamedTuple):
    """What the request behind a certificate says; None where nothing is to be compared."""

    subject_der: bytes | None = None
    public_key: bytes | None = None


def lint_parts(parts: CertificateParts, template: Template, *, expected: Expected | None = None) -> list[Finding]:
    """Findings on the moving parts of one certificate, none when it may be signed."""
    return lint_parts_many([parts], template, expected=None if expected is None else [expected])


def lint_parts_many(
    many: Sequence[CertificateParts], template: Template, *, expected: Sequence[Expected] | None = None
) -> list[Finding]:
    """Findings on a batch in order of rows; each names its row (from 0). Rows without findings may be signed.

    ``expected`` has one entry a row.
    """
    judge = _Lint(template).judge
    findings: list[Finding] = []
    for row, parts in enumerate(many):
        if breaches := judge(parts):
            findings += [finding(rule, row, **fields) for rule, fields in breaches]
    findings += _points_off_the_curve(many)
    if expected is not None:
        for row, (parts, wanted) in enumerate(zip(many, expected, strict=True)):
            findings += [finding(rule, row) for rule in _unexpected(parts, wanted)]
    findings += _duplicates("serial.duplicate", [parts.serial for parts in many])
    findings += _duplicates("key.duplicate", [_comparable(parts.public_key) for parts in many])
    findings.sort(key=lambda found: found.row or 0)
    return findings


class _Lint:
    """Judges rows against one template, remembering what it has judged."""

    def __init__(self, template: Template) -> None:
        profile = template.profile
        self._template = template
        self._issuer_key = template.issuer.public_key
        self._issuer_name = template.issuer.name_der
        self._is_root = template.use is Use.ROOT
        self._key_algorithms = profile.key_algorithms
        self._takes_sm2 = "SM2" in profile.key_algorithms
        self._longest = timedelta(days=profile.maximum_days)
        self._is_sharded = template.issuer.is_sharded
        self._validity: dict[tuple[datetime, datetime], list[Breach]] = {}
        self._subject = SubjectLint(profile)
        self._has_san = profile.alternative_names is not Presence.ABSENT
        self._has_identify = profile.identify_code is not IdentifyCodeForm.ABSENT
        self._has_organization = profile.organization_code is not Presence.ABSENT

    def judge(self, parts: CertificateParts) -> list[Breach]:
        """Breaches of one row, in no particular order. The common case does as little as it can."""
        breaches: list[Breach] = []
        serial = parts.serial
        if len(serial) > MAX_SERIAL_OCTETS or not serial or not 0 < serial[0] < 0x80:
            breaches += _serial(serial)
        span = (parts.not_before, parts.not_after)
        validity = self._validity.get(span)
        if validity is None:
            validity = self._remember_validity(span)
        if validity:
            breaches += validity
        subject = parts.subject_der
        if named := self._subject.judge(subject):
            breaches += named
        if (subject == self._issuer_name) is not self._is_root:
            breaches.append(("subject.issuer", {}))
        if keyed := self._key(parts.public_key):
            breaches += keyed
        if self._has_identify or parts.identify_code is not None:
            breaches += self._identify_code(parts.identify_code)
        if self._has_organization or parts.organization_code is not None:
            breaches += self._organization_code(parts.organization_code)
        if self._has_san or parts.dns_names or parts.ip_addresses:
            breaches += self._alternative_names(parts)
        if (parts.crl_shard is not None) is not self._is_sharded or not 0 <= (parts.crl_shard or 0) <= MAX_CRL_SHARD:
            breaches.append(("crl_shard.presence", {}))
        return breaches

    def _remember_validity(self, span: tuple[datetime, datetime]) -> list[Breach]:
        if len(self._validity) >= 4096:
            self._validity.clear()
        # Naive and aware instants may be equal keys but never are: Python holds them unequal.
        breaches = self._validity[span] = self._judge_validity(*span)
        return breaches

    def _judge_validity(self, not_before: datetime, not_after: datetime) -> list[Breach]:
        if not_before.tzinfo is None or not_after.tzinfo is None:
            return [("validity.aware", {})]
        try:
            encoded = moving_parts.encode_validity(not_before, not_after)
        except (ValueError, OverflowError):
            return [("validity.range", {})]
        breaches: list[Breach] = []
        issuer = self._template.issuer
        if not_before >= not_after:
            breaches.append(("validity.order", {}))
        if not_before < issuer.not_before.replace(microsecond=0) or not_after > issuer.not_after:
            breaches.append(("validity.issuer", {}))
        if not_after - not_before > self._longest:
            breaches.append(("validity.maximum", {"maximum": self._template.profile.maximum_days}))
        if not _has_right_forms(encoded, not_before, not_after):
            breaches.append(("validity.form", {}))
        return breaches

    def _key(self, key: bytes) -> list[Breach]:
        if len(key) == 65 and key[0] == 4:
            # Whether the point lies on the curve is asked once for the whole batch.
            if not self._takes_sm2:
                return [("key.form", {})]
            return [] if (key == self._issuer_key) is self._is_root else [("key.issuer", {})]
        return self._spki(key)

    def _spki(self, key: bytes) -> list[Breach]:
        try:
            parsed = parse_spki(key)
        except (der.DerError, UnsupportedKey):
            return [("key.form", {})]
        # A SubjectPublicKeyInfo is spliced as it is: it must already be in our one form of it.
        if parsed.algorithm not in self._key_algorithms or parsed.spki_der != key:
            return [("key.form", {})]
        try:
            key_strength.check(parsed)
        except key_strength.PointNotOnCurve:
            return [("key.point", {})]
        except key_strength.WeakKey as error:
            return [("key.strength", {"reason": error.code})]
        return [] if (parsed.key == self._issuer_key) is self._is_root else [("key.issuer", {})]

    def _identify_code(self, code: IdentifyCode | None) -> list[Breach]:
        profile = self._template.profile
        if code is None or profile.identify_code is IdentifyCodeForm.ABSENT:
            return _presence(profile.identify_code_presence, code is not None, "identify_code.presence")
        clear = _CLEAR_TEXT.get(code.document)
        pattern = _HMAC_TEXT if profile.identify_code is IdentifyCodeForm.HMAC else clear
        if clear is None or pattern is None or not pattern.fullmatch(code.value):
            return [("identify_code.form", {})]
        return []

    def _organization_code(self, code: str | None) -> list[Breach]:
        if code is None or not self._has_organization:
            presence = self._template.profile.organization_code
            return _presence(presence, code is not None, "organization_code.presence")
        return [] if _ORGANIZATION_TEXT.fullmatch(code) else [("organization_code.form", {})]

    def _alternative_names(self, parts: CertificateParts) -> list[Breach]:
        presence = self._template.profile.alternative_names
        if fault := _presence(presence, bool(parts.dns_names or parts.ip_addresses), "san.presence"):
            return fault
        breaches: list[Breach] = []
        if not all(len(name) <= 253 and _DNS_TEXT.fullmatch(name) for name in parts.dns_names):
            breaches.append(("san.dns", {}))
        try:
            addresses = [ip_address(address) for address in parts.ip_addresses]
        except ValueError:
            return [*breaches, ("san.ip", {})]
        if any(address.is_unspecified or getattr(address, "scope_id", None) for address in addresses):
            breaches.append(("san.ip", {}))
        names = [*parts.dns_names, *addresses]
        if len(set(names)) != len(names):
            breaches.append(("san.duplicate", {}))
        return breaches


def _points_off_the_curve(many: Sequence[CertificateParts]) -> list[Finding]:
    rows = [row for row, parts in enumerate(many) if is_bare_point(parts.public_key)]
    verdicts = gm.sm2.check_public_keys([many[row].public_key for row in rows])
    return [finding("key.point", row) for row, is_point in zip(rows, verdicts, strict=True) if not is_point]


def _serial(serial: bytes) -> list[Breach]:
    if not serial or serial[0] == 0:
        return [("serial.positive", {})]
    octets = len(serial) + (serial[0] >> 7)
    return [("serial.length", {})] if octets > MAX_SERIAL_OCTETS else []


def _presence(presence: Presence, is_there: bool, rule: str) -> list[Breach]:
    if (presence is Presence.REQUIRED and not is_there) or (presence is Presence.ABSENT and is_there):
        return [(rule, {})]
    return []


def _has_right_forms(encoded: bytes, not_before: datetime, not_after: datetime) -> bool:
    """Whether the bytes to be spliced hold UTCTime before 2050 and GeneralizedTime from then on."""
    reader = der.whole(encoded)
    for moment in (not_before, not_after):
        is_late = moment.timestamp() >= 2524608000  # 2050-01-01T00:00:00Z
        tag, length = (der.GENERALIZED_TIME, 15) if is_late else (der.UTC_TIME, 13)
        if reader.peek() != tag or len(reader.content(tag)) != length:
            return False
    return reader.at_end


def _unexpected(parts: CertificateParts, expected: Expected) -> list[str]:
    rules = []
    if expected.subject_der is not None and parts.subject_der != expected.subject_der:
        rules.append("subject.expected")
    wanted = expected.public_key
    if wanted is not None and _canonical(parts.public_key) != _canonical(wanted):
        rules.append("key.expected")
    return rules


def _canonical(key: bytes) -> bytes:
    return sm2_spki(key) if is_bare_point(key) else key


def _comparable(key: bytes) -> bytes:
    """Equal for equal keys in either form, cheaply: the point ends the SPKI of a curve key."""
    return key[-65:] if len(key) <= 91 else key


def _duplicates(rule: str, values: Sequence[Hashable]) -> list[Finding]:
    """A finding for every row whose value stood in an earlier row."""
    if len(set(values)) == len(values):
        return []
    first: dict[Hashable, int] = {}
    found = []
    for row, value in enumerate(values):
        other = first.setdefault(value, row)
        if other != row:
            found.append(finding(rule, row, other=other))
    return found


def lint_pair(signing: CertificateParts, encryption: CertificateParts, *, row: int | None = None) -> list[Finding]:
    """Findings on the two certificates of one holder (双证书): same holder, different serials and keys."""
    tests: tuple[tuple[str, Callable[[], bool]], ...] = (
        ("pair.subject", lambda: signing.subject_der == encryption.subject_der),
        ("pair.serial", lambda: signing.serial != encryption.serial),
        ("pair.key", lambda: _canonical(signing.public_key) != _canonical(encryption.public_key)),
        ("pair.validity", lambda: signing[1:3] == encryption[1:3]),
        ("pair.extensions", lambda: signing[5:9] == encryption[5:9]),
    )
    return [finding(rule, row) for rule, holds in tests if not holds()]


def lint_pairs_many(signing: Sequence[CertificateParts], encryption: Sequence[CertificateParts]) -> list[Finding]:
    """As :func:`lint_pair` for a batch; besides, no serial and no key may stand in both lists."""
    findings: list[Finding] = []
    for row, (one, other) in enumerate(zip(signing, encryption, strict=True)):
        if one[1:4] != other[1:4] or one[5:9] != other[5:9]:
            findings += [found for found in lint_pair(one, other, row=row) if found.rule not in _CROSSING]
    for pair_rule, batch_rule, value in (
        ("pair.serial", "serial.duplicate", _serial_of),
        ("pair.key", "key.duplicate", _key_of),
    ):
        taken = {value(parts): row for row, parts in enumerate(signing)}
        for row, parts in enumerate(encryption):
            other_row = taken.get(value(parts))
            if other_row == row:
                findings.append(finding(pair_rule, row))
            elif other_row is not None:
                findings.append(finding(batch_rule, row, other=other_row))
    return findings


_CROSSING: Final = ("pair.serial", "pair.key")


def _serial_of(parts: CertificateParts) -> bytes:
    return parts.serial


def _key_of(parts: CertificateParts) -> bytes:
    return _comparable(parts.public_key)
