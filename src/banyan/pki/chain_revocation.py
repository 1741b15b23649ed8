"""What CRLs say about the certificates of a path (RFC 5280 §6.3): hold, delta lists, stale and foreign lists.

A list is used only when its issuer's key on the path signed it, it covers the certificate, it is in its
period and nothing critical in it is unknown. A certificate that a stale list names stays revoked: lists
shorten slowly.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise

from banyan.pki import names, public_key
from banyan.pki import strict_der as der
from banyan.pki.certificate_view import Certificate
from banyan.pki.chain_findings import ChainFinding, Fault, shown_moment, shown_name
from banyan.pki.crl_view import Crl, Reason, RevokedEntry, parse_crl
from banyan.pki.errors import PkiError


class RevocationLists:
    """The CRLs at hand, read once for all paths; each signature is checked once for each key."""

    def __init__(self, crls: Iterable[bytes | Crl]) -> None:
        self._lists: list[Crl] = []
        self._unreadable = 0
        self._verdicts: dict[tuple[int, bytes], bool] = {}
        for crl in crls:
            try:
                self._lists.append(crl if isinstance(crl, Crl) else parse_crl(crl))
            except PkiError:
                self._unreadable += 1

    def judge(self, path: Sequence[Certificate], at: datetime, *, is_required: bool) -> list[ChainFinding]:
        """Findings about every certificate of the path below its anchor."""
        findings: list[ChainFinding] = []
        if self._unreadable:
            unknown = {"issuer": "?", "detail": "DER"}
            findings.append(ChainFinding(Fault.CRL_UNUSABLE, 0, dict(unknown), is_error=is_required))
        for depth, (certificate, issuer) in enumerate(pairwise(path)):
            try:
                findings += self._judge_one(certificate, issuer, depth, at, is_required=is_required)
            except PkiError as error:
                fields = _fields(certificate, detail=error.fields.get("detail", ""))
                findings.append(ChainFinding(Fault.CRL_UNUSABLE, depth, fields))
        return findings

    def _judge_one(
        self, certificate: Certificate, issuer: Certificate, depth: int, at: datetime, *, is_required: bool
    ) -> list[ChainFinding]:
        candidates = [crl for crl in self._lists if _is_about(crl, certificate, issuer)]
        complete = sorted((crl for crl in candidates if not crl.is_delta), key=_age, reverse=True)
        if not complete:
            fields = _fields(certificate)
            return [ChainFinding(Fault.REVOCATION_UNKNOWN, depth, fields, is_error=is_required)]
        if issuer.key_usage is not None and "cRLSign" not in issuer.key_usage:
            return [ChainFinding(Fault.CRL_SIGNER, depth, _fields(certificate))]
        problems = {id(crl): self._problem(crl, certificate, issuer, depth, at) for crl in candidates}
        base = next((crl for crl in complete if problems[id(crl)] is None), None)
        if base is None:
            newest = problems[id(complete[0])]
            stale = self._stale_entry(complete, certificate, issuer, depth)
            return stale if newest is None else [*stale, newest]
        deltas = [crl for crl in candidates if problems[id(crl)] is None and _extends(crl, base)]
        entry = _entry([base, *sorted(deltas, key=_age)], certificate)
        return [] if entry is None else [_revoked(entry, certificate, depth)]

    def _problem(
        self, crl: Crl, certificate: Certificate, issuer: Certificate, depth: int, at: datetime
    ) -> ChainFinding | None:
        """Why the list cannot be relied on now, None when it can."""
        if not self._is_genuine(crl, issuer):
            return ChainFinding(Fault.CRL_SIGNATURE_INVALID, depth, _fields(certificate))
        detail = ""
        if crl.algorithm_der != crl.tbs_algorithm_der:
            detail = "signatureAlgorithm"
        elif crl.unknown_critical:
            detail = ", ".join(crl.unknown_critical)
        elif crl.is_partial_by_flag:
            detail = "issuingDistributionPoint"
        elif crl.next_update is None:
            detail = "nextUpdate"
        if detail:
            return ChainFinding(Fault.CRL_UNUSABLE, depth, _fields(certificate, detail=detail))
        if at < crl.this_update:
            fields = _fields(certificate, this_update=shown_moment(crl.this_update))
            return ChainFinding(Fault.CRL_NOT_YET_VALID, depth, fields)
        if crl.next_update is not None and at > crl.next_update:
            fields = _fields(certificate, next_update=shown_moment(crl.next_update))
            return ChainFinding(Fault.CRL_EXPIRED, depth, fields)
        return None

    def _stale_entry(
        self, lists: Iterable[Crl], certificate: Certificate, issuer: Certificate, depth: int
    ) -> list[ChainFinding]:
        for crl in lists:
            if self._is_genuine(crl, issuer) and (entry := crl.find(certificate.serial)) is not None:
                return [_revoked(entry, certificate, depth)]
        return []

    def _is_genuine(self, crl: Crl, issuer: Certificate) -> bool:
        place = (id(crl), issuer.spki_der)
        if place not in self._verdicts:
            self._verdicts[place] = _has_signed(issuer, crl)
        return self._verdicts[place]


def _is_about(crl: Crl, certificate: Certificate, issuer: Certificate) -> bool:
    """Whether the list is the issuer's and, when it covers a part only, the certificate's part."""
    if not names.same(crl.issuer_der, issuer.subject_der):
        return False
    stated = crl.authority_key_id
    if stated is not None and issuer.key_id is not None and stated != issuer.key_id:
        return False
    part = set(crl.issuing_point_urls)
    return not part or bool(part & {*certificate.crl_urls, *certificate.delta_crl_urls})


def _has_signed(issuer: Certificate, crl: Crl) -> bool:
    try:
        key = public_key.parse_spki(issuer.spki_der)
        algorithm = public_key.parse_signature_algorithm(crl.algorithm_der)
    except (der.DerError, public_key.UnsupportedKey, public_key.UnsupportedSignature):
        return False
    return public_key.verify(key, algorithm, crl.tbs_der, crl.signature)


def _extends(delta: Crl, base: Crl) -> bool:
    """Whether a delta may be laid over the complete list (RFC 5280 §5.2.4)."""
    if not delta.is_delta or delta.base_number is None or base.number is None or delta.number is None:
        return False
    is_same_part = set(delta.issuing_point_urls) == set(base.issuing_point_urls)
    return delta.base_number <= base.number < delta.number and is_same_part


def _entry(lists: Sequence[Crl], certificate: Certificate) -> RevokedEntry | None:
    """The latest word about the certificate, oldest list first."""
    found: RevokedEntry | None = None
    for crl in lists:
        entry = crl.find(certificate.serial)
        if entry is not None:
            found = None if entry.reason is Reason.REMOVE_FROM_CRL else entry
    return found


def _revoked(entry: RevokedEntry, certificate: Certificate, depth: int) -> ChainFinding:
    fault = Fault.ON_HOLD if entry.reason is Reason.CERTIFICATE_HOLD else Fault.REVOKED
    fields = _fields(certificate, revoked_at=shown_moment(entry.revoked_at), reason=int(entry.reason))
    return ChainFinding(fault, depth, fields)


def _age(crl: Crl) -> tuple[datetime, int]:
    return crl.this_update, crl.number or 0


def _fields(certificate: Certificate, **more: object) -> dict[str, object]:
    return {
        "subject": shown_name(certificate.subject_der),
        "issuer": shown_name(certificate.issuer_der),
        **more,
    }
