"""After a restore: certificates that the signer's journal holds and the database lacks become recorded
again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from banyan.domain import audit, bulk
from banyan.domain.audit.models import insert_guarded
from banyan.domain.ca import access, returned, rules
from banyan.domain.ca.actions import foreign
from banyan.domain.ca.actions.permission import require
from banyan.domain.ca.actions.recording import count_new, note_keys, publish_pairs, write_certificates
from banyan.domain.ca.models import (
    Certificate,
    CertificateAuthority,
    CertificatePair,
    Issuance,
    Origin,
    PairState,
    SubjectKey,
)
from banyan.domain.ca.returned import ReturnedCertificate
from banyan.kernel.actor import Actor
from banyan.pki.certificate import Certificate as CertificateView
from banyan.pki.crl_view import Crl, parse_crl

_WORKED_ON = (Issuance.State.INTENT, Issuance.State.SUBMITTED)


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One completed issuance as the signer's journal tells it; ``context`` is what the intent said beside."""

    issuance: int
    ca: str
    profile: str
    signing_certificate: bytes
    encryption_certificate: bytes | None
    system: str
    kind: str
    region_code: str
    subject_name: str


def lacking(entries: Sequence[JournalEntry]) -> list[JournalEntry]:
    """Those entries whose certificates are neither recorded nor about to be (their intent is being worked
    on).
    """
    serials = {entry.issuance: CertificateView.parse(entry.signing_certificate).serial_hex for entry in entries}
    recorded = set(Certificate.objects.filter(serial__in=serials.values()).values_list("serial", flat=True))
    open_intents = dict(
        Issuance.objects.filter(pk__in=list(serials), state__in=_WORKED_ON).values_list("pk", "signing_serial")
    )
    return [
        entry
        for entry in entries
        if serials[entry.issuance] not in recorded and open_intents.get(entry.issuance) != serials[entry.issuance]
    ]


def replay_journal(actor: Actor, entries: Sequence[JournalEntry], now: datetime) -> list[CertificatePair]:
    """Record the certificates that the database lacks, in slices of their own transactions.

    They come back without their request and holder, which a restored database does not know: system, kind,
    region and name are those of the intent. Recording one again changes nothing. Raises UnknownAuthority,
    iam.RightMissing.
    """
    require(actor, "ca.manage")
    pairs: list[CertificatePair] = []
    for start in range(0, len(entries), rules.SLICE):
        pairs += _replay_slice(actor, entries[start : start + rules.SLICE], now)
    return pairs


@audit.action
def reserve_issuances(actor: Actor, highest: int, now: datetime) -> None:
    """Let no intent get a number that signer or key-management centre have seen (numbers must not return)."""
    del now
    require(actor, "ca.manage")
    last = list(bulk.next_ids(Issuance, 1))[-1]
    if last < highest:
        bulk.next_ids(Issuance, highest - last)
    audit.record(actor, "ca.reserve_issuances", None, highest=highest)


@audit.action
def _replay_slice(actor: Actor, entries: Sequence[JournalEntry], now: datetime) -> list[CertificatePair]:
    fresh = lacking(entries)
    if not fresh:
        return []
    authorities = {code: access.authority(code) for code in {entry.ca for entry in fresh}}
    many = [_certificates(entry) for entry in fresh]
    lists = {code: _published_crl(code) for code in authorities}
    states = [_state(entry, lists[entry.ca]) for entry in fresh]
    pairs = [
        _pair(entry, rows[0], authorities[entry.ca], state[0], now)
        for entry, rows, state in zip(fresh, many, states, strict=True)
    ]
    insert_guarded(pairs)
    _note_signing_keys(many)
    recorded = write_certificates(pairs, many, [None] * len(pairs), states=states)
    audit.record_many(
        actor,
        "ca.replay_journal",
        pairs,
        rows=[item.certificates for item in recorded],
        details=[{"issuance": entry.issuance} for entry in fresh],
    )
    count_new(pairs)
    publish_pairs(pairs, now)
    return pairs


def _certificates(entry: JournalEntry) -> tuple[ReturnedCertificate, ...]:
    ders = [entry.signing_certificate]
    if entry.encryption_certificate is not None:
        ders.append(entry.encryption_certificate)
    return returned.rows_of([CertificateView.parse(der) for der in ders])


def _published_crl(code: str) -> Crl | None:
    """The CRL that was published last: what it lists comes back revoked or held."""
    path = settings.HOME.public / "crl" / f"{code}.crl"
    return parse_crl(path.read_bytes()) if path.exists() else None


def _state(entry: JournalEntry, crl: Crl | None) -> tuple[str, datetime | None, str]:
    if crl is None:
        return str(PairState.VALID), None, ""
    ders = (entry.signing_certificate, entry.encryption_certificate)
    return foreign.state_of([CertificateView.parse(der) for der in ders if der is not None], crl)


def _note_signing_keys(many: Sequence[Sequence[ReturnedCertificate]]) -> None:
    keys = rules.key_numbers([rows[0].spki_der for rows in many])
    known = set(SubjectKey.objects.filter(key__in=keys).values_list("key", flat=True))
    note_keys([(key, None, False) for key in keys if key not in known])


def _pair(
    entry: JournalEntry,
    first: ReturnedCertificate,
    authority: CertificateAuthority,
    state: str,
    now: datetime,
) -> CertificatePair:
    return CertificatePair(
        ca_id=authority.pk,
        origin=str(Origin.OWN),
        system=entry.system,
        kind=entry.kind,
        profile=entry.profile,
        subject_name=entry.subject_name,
        region_code=entry.region_code,
        state=state,
        not_before=first.not_before,
        not_after=first.not_after,
        recorded_at=now,
    )
