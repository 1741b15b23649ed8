"""Builds the way from a certificate to a trust anchor and judges it (RFC 5280 §6, GB/T 20518).

No clock and no network: the moment, the certificates and the CRLs are given. A signature is checked for
every step before the step is taken, so names alone lead nowhere. What is not processed and critical makes
the chain invalid.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from banyan.pki import key_strength, names, oids, public_key
from banyan.pki import strict_der as der
from banyan.pki.certificate_view import Certificate
from banyan.pki.chain_findings import ChainFinding, ChainInvalid, Fault, shown_moment, shown_name
from banyan.pki.chain_revocation import RevocationLists
from banyan.pki.errors import PkiError

__all__ = ["ChainFinding", "ChainInvalid", "ChainResult", "Fault", "validate_chain"]

MAX_DEPTH: Final = 8
_MAX_STEPS: Final = 100
# What this module or its callers really look at; every other critical extension stops the chain.
_PROCESSED: Final = frozenset(
    (
        oids.BASIC_CONSTRAINTS,
        oids.KEY_USAGE,
        oids.EXTENDED_KEY_USAGE,
        oids.SUBJECT_ALTERNATIVE_NAME,
        oids.CERTIFICATE_POLICIES,
        oids.CRL_DISTRIBUTION_POINTS,
        oids.SUBJECT_KEY_IDENTIFIER,
        oids.AUTHORITY_KEY_IDENTIFIER,
    )
)


@dataclass(frozen=True, slots=True)
class ChainResult:
    """The best path found, leaf first, anchor last when there is one, and everything found about it."""

    path: tuple[bytes, ...]
    is_anchored: bool
    findings: tuple[ChainFinding, ...]

    @property
    def is_valid(self) -> bool:
        """Whether the path reaches an anchor and nothing but warnings was found."""
        return self.is_anchored and not any(finding.is_error for finding in self.findings)

    @property
    def codes(self) -> frozenset[str]:
        """Codes of all findings."""
        return frozenset(finding.code for finding in self.findings)

    def require(self) -> None:
        """Raise ChainInvalid unless the chain is valid."""
        if not self.is_valid:
            raise ChainInvalid(self.findings)


def validate_chain(
    leaf_der: bytes,
    intermediates: Iterable[bytes],
    anchors: Iterable[bytes],
    at: datetime,
    crls: Iterable[bytes] = (),
    *,
    usage: str | None = None,
    purpose: str | None = None,
    require_revocation: bool = False,
) -> ChainResult:
    """Judge ``leaf_der`` at the moment ``at``.

    Args:
        intermediates: CA certificates to build from, DER, in any order; unreadable ones are passed over.
        anchors: trusted self-signed or other CA certificates, DER.
        at: aware datetime.
        crls: CRLs in DER, delta CRLs too, of any issuers.
        usage: key usage that the leaf must have, as ``digitalSignature``.
        purpose: dotted extended key usage that the leaf must have if it lists any.
        require_revocation: whether a status that no CRL tells is an error rather than a warning.

    Raises:
        Malformed: the leaf is no certificate. Everything else is a finding.
    """
    leaf = Certificate.parse(leaf_der)
    search = _Search(_readable(anchors), _readable(intermediates))
    lists = RevocationLists(crls)
    best: ChainResult | None = None
    for path in search.paths(leaf):
        findings = _judge(path, at, usage, purpose)
        findings += lists.judge(path, at, is_required=require_revocation)
        result = ChainResult(tuple(certificate.der for certificate in path), True, tuple(findings))
        if result.is_valid:
            return result
        if best is None or _errors(result) < _errors(best):
            best = result
    if best is not None:
        return best
    findings = [*search.dead_ends[:1], *_judge(search.longest, at, usage, purpose)]
    return ChainResult(tuple(certificate.der for certificate in search.longest), False, tuple(findings))


def _errors(result: ChainResult) -> int:
    return sum(finding.is_error for finding in result.findings)


def _readable(certificates: Iterable[bytes]) -> list[Certificate]:
    found: dict[bytes, Certificate] = {}
    for certificate_der in certificates:
        try:
            found[certificate_der] = Certificate.parse(certificate_der)
        except PkiError:
            continue
    return list(found.values())


class _Search:
    """Depth-first search for paths whose every signature holds; keeps why the others ended."""

    def __init__(self, anchors: Sequence[Certificate], intermediates: Sequence[Certificate]) -> None:
        self._anchors = {anchor.der for anchor in anchors}
        self._pool = [*anchors, *(each for each in intermediates if each.der not in self._anchors)]
        self._steps = 0
        self.dead_ends: list[ChainFinding] = []
        self.longest: list[Certificate] = []

    def paths(self, leaf: Certificate) -> Iterator[list[Certificate]]:
        """Anchored paths, leaf first."""
        yield from self._extend([leaf])

    def _extend(self, path: list[Certificate]) -> Iterator[list[Certificate]]:
        if len(path) > len(self.longest):
            self.longest = path
            self.dead_ends = []
        last = path[-1]
        if last.der in self._anchors:
            yield path
            return
        if len(path) > MAX_DEPTH:
            return
        candidates = [each for each in self._pool if _may_have_issued(each, last) and each not in path]
        is_any_genuine = False
        for candidate in candidates:
            self._steps += 1
            if self._steps > _MAX_STEPS:
                return
            if _has_signed(candidate, last):
                is_any_genuine = True
                yield from self._extend([*path, candidate])
        if not is_any_genuine and path == self.longest:
            self.dead_ends.append(_dead_end(path, is_issuer_known=bool(candidates)))


def _dead_end(path: Sequence[Certificate], *, is_issuer_known: bool) -> ChainFinding:
    last, depth = path[-1], len(path) - 1
    try:
        public_key.parse_signature_algorithm(last.algorithm_der)
    except (der.DerError, public_key.UnsupportedSignature) as error:
        return _finding(Fault.ALGORITHM_UNSUPPORTED, depth, last, detail=str(error))
    if _is_self_issued(last) and _has_signed(last, last):
        return _finding(Fault.ROOT_UNTRUSTED, depth, last)
    if is_issuer_known or _is_self_issued(last):
        return _finding(Fault.SIGNATURE_INVALID, depth, last)
    return _finding(Fault.ISSUER_UNKNOWN, depth, last, issuer=shown_name(last.issuer_der))


def _may_have_issued(candidate: Certificate, certificate: Certificate) -> bool:
    try:
        if not names.same(candidate.subject_der, certificate.issuer_der):
            return False
        stated, own = certificate.authority_key_id, candidate.key_id
    except PkiError:
        return False
    return stated is None or own is None or stated == own


def _has_signed(issuer: Certificate, certificate: Certificate) -> bool:
    try:
        key = public_key.parse_spki(issuer.spki_der)
        algorithm = public_key.parse_signature_algorithm(certificate.algorithm_der)
    except (der.DerError, public_key.UnsupportedKey, public_key.UnsupportedSignature):
        return False
    return public_key.verify(key, algorithm, certificate.tbs_der, certificate.signature)


def _is_self_issued(certificate: Certificate) -> bool:
    try:
        return certificate.is_self_issued
    except PkiError:
        return False


def _judge(path: Sequence[Certificate], at: datetime, usage: str | None, purpose: str | None) -> list[ChainFinding]:
    """Everything but signatures and revocation."""
    findings: list[ChainFinding] = []
    subordinates = 0
    for depth, certificate in enumerate(path):
        try:
            findings += _judge_any(certificate, depth, at)
            if depth == 0:
                findings += _judge_leaf(certificate, usage, purpose)
            else:
                findings += _judge_authority(certificate, depth, subordinates)
                subordinates += not _is_self_issued(certificate)
        except PkiError as error:
            detail = error.fields.get("detail", "")
            findings.append(_finding(Fault.MALFORMED, depth, certificate, detail=detail))
    return findings


def _judge_any(certificate: Certificate, depth: int, at: datetime) -> list[ChainFinding]:
    findings: list[ChainFinding] = []
    if certificate.algorithm_der != certificate.tbs_algorithm_der:
        findings.append(_finding(Fault.ALGORITHM_DIFFERS, depth, certificate))
    if at < certificate.not_before:
        findings.append(
            _finding(Fault.NOT_YET_VALID, depth, certificate, not_before=shown_moment(certificate.not_before))
        )
    if at > certificate.not_after:
        findings.append(_finding(Fault.EXPIRED, depth, certificate, not_after=shown_moment(certificate.not_after)))
    try:
        key_strength.check(public_key.parse_spki(certificate.spki_der))
    except (der.DerError, public_key.UnsupportedKey) as error:
        findings.append(_finding(Fault.ALGORITHM_UNSUPPORTED, depth, certificate, detail=str(error)))
    except key_strength.WeakKey:
        findings.append(_finding(Fault.WEAK_KEY, depth, certificate))
    for extension in certificate.extensions:
        if extension.is_critical and extension.oid not in _PROCESSED:
            findings.append(_finding(Fault.CRITICAL_UNKNOWN, depth, certificate, oid=extension.oid))
    return findings


def _judge_leaf(certificate: Certificate, usage: str | None, purpose: str | None) -> list[ChainFinding]:
    findings: list[ChainFinding] = []
    stated = certificate.key_usage
    if usage is not None and stated is not None and usage not in stated:
        findings.append(_finding(Fault.USAGE, 0, certificate, usage=usage))
    purposes = certificate.extended_key_usage
    if purpose is not None and purposes and purpose not in purposes:
        findings.append(_finding(Fault.PURPOSE, 0, certificate, oid=purpose))
    return findings


def _judge_authority(certificate: Certificate, depth: int, subordinates: int) -> list[ChainFinding]:
    """``subordinates`` counts the CA certificates between this one and the leaf, self-issued ones not."""
    findings: list[ChainFinding] = []
    if certificate.version != 3 or not certificate.is_authority:
        findings.append(_finding(Fault.NOT_AN_AUTHORITY, depth, certificate))
    usage = certificate.key_usage
    if usage is not None and "keyCertSign" not in usage:
        findings.append(_finding(Fault.MAY_NOT_SIGN_CERTIFICATES, depth, certificate))
    maximum = certificate.path_length
    if maximum is not None and subordinates > maximum:
        findings.append(_finding(Fault.PATH_TOO_LONG, depth, certificate, maximum=maximum, found=subordinates))
    return findings


def _finding(fault: Fault, depth: int, certificate: Certificate, **fields: object) -> ChainFinding:
    return ChainFinding(fault, depth, {"subject": shown_name(certificate.subject_der), **fields})
