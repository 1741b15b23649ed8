"""Certificates of other CAs: checked against their CA's chain and CRL, then looked after like our own (A12)."""

from collections.abc import Sequence
from datetime import datetime

from banyan.domain import audit
from banyan.domain.audit.models import insert_guarded
from banyan.domain.ca import access, returned, rules
from banyan.domain.ca.actions.crl import read_crl
from banyan.domain.ca.actions.permission import require
from banyan.domain.ca.actions.recording import count_new, note_keys, publish_pairs, write_certificates
from banyan.domain.ca.errors import CaError, ForeignRefused
from banyan.domain.ca.models import (
    Certificate,
    CertificateAuthority,
    CertificatePair,
    Origin,
    PairState,
    RevocationReason,
    SubjectKey,
)
from banyan.domain.ca.values import ForeignHolding, RecordedPair, Refused
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_
from banyan.pki.certificate import Certificate as CertificateView
from banyan.pki.chain import validate_chain
from banyan.pki.crl_view import Crl, Reason
from banyan.pki.errors import PkiError

_REASONS = {
    Reason.KEY_COMPROMISE: RevocationReason.KEY_COMPROMISE,
    Reason.AFFILIATION_CHANGED: RevocationReason.AFFILIATION_CHANGED,
    Reason.SUPERSEDED: RevocationReason.SUPERSEDED,
    Reason.CESSATION_OF_OPERATION: RevocationReason.CESSATION_OF_OPERATION,
    Reason.CERTIFICATE_HOLD: RevocationReason.CERTIFICATE_HOLD,
}


def import_foreign(
    actor: Actor,
    ca: str,
    holdings: Sequence[ForeignHolding],
    now: datetime,
    *,
    anchors: Sequence[bytes],
    crl: bytes,
    intermediates: Sequence[bytes] = (),
) -> tuple[list[CertificatePair | None], list[Refused]]:
    """Take over certificates of the registered CA ``ca``, each with its holder, in slices of their own transactions.

    Each must be signed by that CA, whose chain must reach one of ``anchors``; what the CA's ``crl`` lists comes in
    revoked or held. Expired ones come in too (they may be renewed at the counter). Importing one again gives the pair
    known already. One entry a holding comes back, None where refused.

    Raises ForeignRefused when the CA's own chain does not hold, CrlRefused for its CRL, iam.RightMissing.
    """
    require(actor, "certificates.import")
    authority = access.authority(ca)
    _check_chain(authority, anchors, intermediates, now)
    revoked = read_crl(authority, crl)
    pairs: list[CertificatePair | None] = []
    refusals: list[Refused] = []
    for start in range(0, len(holdings), rules.SLICE):
        part = holdings[start : start + rules.SLICE]
        taken, refused = _import_slice(actor, authority, part, revoked, now)
        pairs += taken
        refusals += [Refused(start + one.index, one.error) for one in refused]
    return pairs, refusals


def _check_chain(
    authority: CertificateAuthority, anchors: Sequence[bytes], intermediates: Sequence[bytes], now: datetime
) -> None:
    result = validate_chain(bytes(authority.certificate), intermediates, anchors, now)
    if not result.is_valid:
        faults = "；".join(finding.text for finding in result.findings if finding.is_error)
        raise ForeignRefused(row=0, reason=faults or N_("CA 的证书链不可信"))


@audit.action
def _import_slice(
    actor: Actor, authority: CertificateAuthority, holdings: Sequence[ForeignHolding], revoked: Crl, now: datetime
) -> tuple[list[CertificatePair | None], list[Refused]]:
    pairs: list[CertificatePair | None] = [None] * len(holdings)
    refusals: list[Refused] = []
    fresh: list[tuple[int, list[CertificateView]]] = []
    seen: set[str] = set()
    for index, holding in enumerate(holdings):
        try:
            views = _views(holding, authority)
            known = _known(authority, views)
            if known is not None:
                pairs[index] = known
            else:
                _ensure_new(holding, views, seen)
                fresh.append((index, views))
        except (CaError, PkiError) as error:
            refusals.append(Refused(index, error))
    written = _write(actor, authority, [(holdings[index], views) for index, views in fresh], revoked, now)
    for (index, _), recorded in zip(fresh, written, strict=True):
        pairs[index] = recorded.pair
    return pairs, refusals


def _views(holding: ForeignHolding, authority: CertificateAuthority) -> list[CertificateView]:
    views = [CertificateView.parse(holding.signing_certificate)]
    if holding.encryption_certificate is not None:
        views.append(CertificateView.parse(holding.encryption_certificate))
    if not all(returned.signed_by(authority, views)):
        raise ForeignRefused(row=holding.row, reason=N_("不是由该 CA 签发"))
    if len(views) == 2:
        if views[0].subject_der != views[1].subject_der:
            raise ForeignRefused(row=holding.row, reason=N_("签名与加密证书的主体不同"))
        if "keyEncipherment" in (views[0].key_usage or ()) and "digitalSignature" not in (views[0].key_usage or ()):
            raise ForeignRefused(row=holding.row, reason=N_("签名与加密证书放反了"))
    return views


def _known(authority: CertificateAuthority, views: Sequence[CertificateView]) -> CertificatePair | None:
    found = Certificate.objects.filter(ca=authority, serial=views[0].serial_hex).select_related("pair").first()
    return found.pair if found is not None and bytes(found.der) == views[0].der else None


def _ensure_new(holding: ForeignHolding, views: Sequence[CertificateView], seen: set[str]) -> None:
    serials = [view.serial_hex for view in views]
    if len(set(serials)) != len(serials) or seen.intersection(serials):
        raise ForeignRefused(row=holding.row, reason=N_("同一张证书出现了两次"))
    keys = rules.key_numbers([row.spki_der for row in returned.rows_of(views)])
    if SubjectKey.objects.filter(key__in=keys).exists():
        raise ForeignRefused(row=holding.row, reason=N_("公钥已属于另一张证书"))
    seen.update(serials)


def _write(
    actor: Actor,
    authority: CertificateAuthority,
    fresh: Sequence[tuple[ForeignHolding, list[CertificateView]]],
    revoked: Crl,
    now: datetime,
) -> list[RecordedPair]:
    if not fresh:
        return []
    states = [state_of(views, revoked) for _, views in fresh]
    pairs = [
        _pair(authority, holding, views[0], state[0], now)
        for (holding, views), state in zip(fresh, states, strict=True)
    ]
    insert_guarded(pairs)
    rows = [returned.rows_of(views) for _, views in fresh]
    recorded = write_certificates(pairs, rows, [None] * len(pairs), states=states)
    signing = rules.key_numbers([many[0].spki_der for many in rows])
    note_keys([(key, None, False) for key in signing])
    audit.record_many(
        actor,
        "ca.import_foreign",
        pairs,
        rows=[item.certificates for item in recorded],
        details=[{"ca": authority.code, "state": pair.state} for pair in pairs],
    )
    count_new(pairs)
    publish_pairs(pairs, now)
    return recorded


def state_of(views: Sequence[CertificateView], revoked: Crl) -> tuple[str, datetime | None, str]:
    """(state, since when, reason) of a pair: the worse of its two certificates."""
    entries = [entry for entry in (revoked.find(view.serial) for view in views) if entry is not None]
    if not entries:
        return str(PairState.VALID), None, ""
    final = [entry for entry in entries if entry.reason is not Reason.CERTIFICATE_HOLD] or entries
    reason = _REASONS.get(final[0].reason, RevocationReason.UNSPECIFIED)
    state = PairState.HELD if reason is RevocationReason.CERTIFICATE_HOLD else PairState.REVOKED
    return str(state), final[0].revoked_at, str(reason)


def _pair(
    authority: CertificateAuthority, holding: ForeignHolding, view: CertificateView, state: str, now: datetime
) -> CertificatePair:
    return CertificatePair(
        ca_id=authority.pk,
        origin=str(Origin.FOREIGN),
        system=holding.system,
        kind=holding.kind,
        profile=holding.profile,
        subject_name=holding.subject_name[:200],
        person_id=holding.person_id,
        organization_id=holding.organization_id,
        device_id=holding.device_id,
        token_id=holding.token_id,
        token_serial=holding.token_serial,
        region_code=holding.region_code,
        state=state,
        not_before=view.not_before,
        not_after=view.not_after,
        recorded_at=now,
    )
