"""What a CA returned becomes recorded pairs, whole slices at a time, once."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from django.db import IntegrityError
from django.db import connection as database

from banyan import gm
from banyan.domain import audit, bulk, outbox
from banyan.domain.audit.models import insert_guarded
from banyan.domain.ca import access, returned, rules, tallies
from banyan.domain.ca.actions.permission import require
from banyan.domain.ca.actions.status import revoke_pairs
from banyan.domain.ca.errors import CaError, CertificateMismatch
from banyan.domain.ca.models import (
    Certificate,
    CertificateAuthority,
    CertificatePair,
    Issuance,
    Origin,
    PairState,
    RevocationReason,
    SubjectKey,
)
from banyan.domain.ca.ports import Connector, Issued, Outcome, Rejected
from banyan.domain.ca.returned import Returned, ReturnedCertificate
from banyan.domain.ca.values import FollowUp, RecordedPair, RoundReport, TakeBack
from banyan.domain.prepared import Prepared, new
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_, BanyanError, ServiceUnavailable
from banyan.pki.errors import PkiError

PUBLISH_CERTIFICATES = "directory.publish"
# What recording reads of an intent; the rest is left where it lies.
_RECORDED_FROM = (
    "request_id", "ca_id", "system", "kind", "profile", "subject_der", "subject_name", "csr_der", "not_before",
    "not_after", "signing_serial", "encryption_serial", "region_code", "person_id", "organization_id", "device_id",
    "token_id", "token_serial", "container", "supersedes_id", "state", "voided_at",
)  # fmt: skip
_INTENTS = Prepared(lambda ids: Issuance.objects.filter(pk__among=ids).order_by("id"), _RECORDED_FROM, locks=True)
_AUTHORITIES = Prepared(
    lambda ids: CertificateAuthority.objects.filter(pk__among=ids), ("code", "certificate", "subject_der")
)
# State, since when, reason.
State = tuple[str, datetime | None, str]


def collect_due(
    actor: Actor,
    connector: Connector,
    now: datetime,
    *,
    follow_up: FollowUp | None = None,
    take_back: TakeBack | None = None,
    limit: int = 2000,
    at_once: int = rules.SLICE,
) -> RoundReport:
    """Ask a connector what became of submitted intents and record it, ``at_once`` of them a transaction.

    ``follow_up`` runs in the transaction that records a slice, ``take_back`` in the one that records refusals. What is
    pending is asked again later; what does not answer stays queued. Repeating changes nothing.
    """
    report = RoundReport()
    for _ in collecting(actor, connector, now, report, (follow_up, take_back), limit=limit, at_once=at_once):
        pass
    return report


def collecting(
    actor: Actor,
    connector: Connector,
    now: datetime,
    report: RoundReport,
    further: tuple[FollowUp | None, TakeBack | None],
    *,
    limit: int,
    at_once: int,
) -> Iterator[None]:
    """``collect_due`` a slice a step, told in ``report``."""
    require(actor, "requests.issue")
    seen = 0
    after = 0
    while seen < limit:
        due = access.submitted_due(connector.code, now, min(rules.SLICE, limit - seen), after)
        if not due:
            return
        seen += len(due)
        after = due[-1][0]
        for start in range(0, len(due), at_once):
            part = due[start : start + at_once]
            try:
                outcomes = connector.collect_many([task_no for _, task_no in part])
            except ServiceUnavailable:
                report.is_up = False
                _ask_again(actor, connector.code, [pk for pk, _ in due[start:]], now)
                return
            _settle_slice(actor, connector.code, part, outcomes, now, further, report)
        yield


def _settle_slice(
    actor: Actor,
    connector: str,
    due: Sequence[tuple[int, str]],
    outcomes: Sequence[Outcome],
    now: datetime,
    further: tuple[FollowUp | None, TakeBack | None],
    report: RoundReport,
) -> None:
    follow_up, take_back = further
    by_task = {outcome.task_no: outcome for outcome in outcomes}
    issued: list[tuple[int, Issued]] = []
    rejected: list[tuple[int, Rejected]] = []
    pending: list[int] = []
    for pk, task_no in due:
        outcome = by_task.get(task_no)
        if isinstance(outcome, Issued):
            issued.append((pk, outcome))
        elif isinstance(outcome, Rejected):
            rejected.append((pk, outcome))
        else:
            pending.append(pk)
    if issued:
        recorded, failed = record_issued_many(actor, issued, now, follow_up=follow_up)
        report.issued += len(recorded)
        report.failed += len(failed)
        report.pairs += [item.pair.pk for item in recorded]
        pending += failed
    if rejected:
        _record_rejected(actor, rejected, now, take_back)
        report.rejected += len(rejected)
    if pending:
        _ask_again(actor, connector, pending, now)
        report.pending += len(pending)


def record_issued_many(
    actor: Actor, issued: Sequence[tuple[int, Issued]], now: datetime, *, follow_up: FollowUp | None = None
) -> tuple[list[RecordedPair], list[int]]:
    """Record certificates for (issuance id, what the CA returned), in slices of their own transactions.

    Written together: pair, certificates, keys, the intent's state, publication, audit, and what ``follow_up`` adds.
    Intents recorded before are passed over. Returns what was recorded now, and the ids whose certificates do not carry
    out the intent (each refusal is in the audit). A pair whose intent was called off is recorded and revoked at once.
    """
    require(actor, "requests.issue")
    recorded: list[RecordedPair] = []
    failed: list[int] = []
    for start in range(0, len(issued), rules.SLICE):
        part = issued[start : start + rules.SLICE]
        pairs, mismatched = _record_or_split(actor, part, now, follow_up)
        recorded += pairs
        for pk, error in mismatched:
            failed.append(pk)
            audit.refusal(actor, "ca.record_issued", error, issuance=pk)
    return recorded, failed


def _record_or_split(
    actor: Actor, issued: Sequence[tuple[int, Issued]], now: datetime, follow_up: FollowUp | None
) -> tuple[list[RecordedPair], list[tuple[int, BanyanError]]]:
    """Record a slice; when a serial or a key in it is known already, one by one, so that one does not hold up all."""
    try:
        return _record_slice(actor, issued, now, follow_up)
    except IntegrityError:
        if len(issued) == 1:
            error = CertificateMismatch(issuance=issued[0][0], reason=N_("序列号或公钥已属于另一张证书"))
            return [], [(issued[0][0], error)]
    recorded: list[RecordedPair] = []
    mismatched: list[tuple[int, BanyanError]] = []
    for one in issued:
        pairs, bad = _record_or_split(actor, [one], now, follow_up)
        recorded += pairs
        mismatched += bad
    return recorded, mismatched


@audit.action
def _record_slice(
    actor: Actor, issued: Sequence[tuple[int, Issued]], now: datetime, follow_up: FollowUp | None
) -> tuple[list[RecordedPair], list[tuple[int, BanyanError]]]:
    by_id = dict(issued)
    intents = _INTENTS.rows(by_id)
    authorities = {authority.pk: authority for authority in _AUTHORITIES.rows({issuance.ca_id for issuance in intents})}
    good: list[Returned] = []
    mismatched: list[tuple[int, BanyanError]] = []
    for issuance in intents:
        if issuance.state in (Issuance.State.ISSUED, Issuance.State.REJECTED):
            continue
        try:
            good.append(returned.compare(issuance, by_id[issuance.pk], authorities[issuance.ca_id]))
        except (CaError, PkiError) as error:
            mismatched.append((issuance.pk, error))
    recorded = _write(actor, good, now)
    if follow_up is not None and recorded:
        follow_up(actor, recorded, now)
    _revoke_called_off(actor, good, recorded, now)
    return recorded, mismatched


def _write(actor: Actor, good: Sequence[Returned], now: datetime) -> list[RecordedPair]:
    if not good:
        return []
    pairs = [_pair(item, now) for item in good]
    insert_guarded(pairs)
    recorded = write_certificates(pairs, [item.certificates for item in good], [item.envelope for item in good])
    bulk.mark(Issuance, [item.issuance.pk for item in good], state=str(Issuance.State.ISSUED))
    audit.record_many(
        actor,
        "ca.record_pair",
        pairs,
        rows=[item.certificates for item in recorded],
        details=[{"issuance": item.issuance.pk} for item in good],
    )
    count_new(pairs)
    publish_pairs(pairs, now)
    return recorded


def write_certificates(
    pairs: Sequence[CertificatePair],
    returned_many: Sequence[Sequence[ReturnedCertificate]],
    envelopes: Sequence[bytes | None],
    states: Sequence[State] = (),
) -> list[RecordedPair]:
    """Insert the certificates of written pairs and note their encryption keys; inside an action.

    ``states`` (state, since when, reason) a pair; valid when left out.
    """
    flat = [(pair, one) for pair, many in zip(pairs, returned_many, strict=True) for one in many]
    digests = gm.sm3_many([one.der for _, one in flat])
    rows = [_certificate(pair, one, digest) for (pair, one), digest in zip(flat, digests, strict=True)]
    by_pair = {pair.pk: state for pair, state in zip(pairs, states, strict=False)}
    for row in rows if by_pair else ():
        row.state, row.revoked_at, row.reason = by_pair[row.pair_id]
    insert_guarded(rows, ahead=True)
    encryption = [(pair, one) for pair, one in flat if one.use == Certificate.Use.ENCRYPTION]
    keys = rules.key_numbers([one.spki_der for _, one in encryption])
    note_keys([(key, pair.issuance_id, True) for key, (pair, _) in zip(keys, encryption, strict=True)])
    grouped: list[RecordedPair] = []
    at = 0
    for pair, many, envelope in zip(pairs, returned_many, envelopes, strict=True):
        grouped.append(RecordedPair(pair, tuple(rows[at : at + len(many)]), envelope))
        at += len(many)
    return grouped


def note_keys(keys: Sequence[tuple[int, int | None, bool]]) -> None:
    """Note certified keys, in the order of the keys, so that each page of the index is visited once."""
    ordered = sorted(keys, key=lambda item: item[0])
    bulk.insert_values(SubjectKey._meta.db_table, ("key", "issuance_id", "is_encryption"), ordered)


def count_new(pairs: Sequence[CertificatePair]) -> None:
    """Count recorded pairs on the dashboard, each in its state; our own as issued today."""
    changes = tallies.of_issue(pair for pair in pairs if pair.origin == Origin.OWN)
    for state in sorted({str(pair.state) for pair in pairs}):
        changes.update(tallies.of_pairs([pair for pair in pairs if pair.state == state], state, 1))
    tallies.apply(changes.items())


def publish_pairs(pairs: Sequence[CertificatePair], now: datetime) -> None:
    """Have the directories told about pairs: one message a slice. What they stand at is read when it is delivered, so
    the order of messages does not matter.
    """
    outbox.enqueue(PUBLISH_CERTIFICATES, "", {"pairs": [pair.pk for pair in pairs]}, now=now)


def _pair(item: Returned, now: datetime) -> CertificatePair:
    issuance, first = item.issuance, item.certificates[0]
    return new(
        CertificatePair,
        issuance_id=issuance.pk,
        request_id=issuance.request_id,
        ca_id=issuance.ca_id,
        origin=str(Origin.OWN),
        system=issuance.system,
        kind=issuance.kind,
        profile=issuance.profile,
        subject_name=issuance.subject_name,
        person_id=issuance.person_id,
        organization_id=issuance.organization_id,
        device_id=issuance.device_id,
        token_id=issuance.token_id,
        token_serial=issuance.token_serial,
        container=issuance.container,
        region_code=issuance.region_code,
        state=str(PairState.VALID),
        not_before=first.not_before,
        not_after=first.not_after,
        supersedes_id=issuance.supersedes_id,
        recorded_at=now,
    )


def _certificate(pair: CertificatePair, one: ReturnedCertificate, digest: bytes) -> Certificate:
    return new(
        Certificate,
        pair_id=pair.pk,
        ca_id=pair.ca_id,
        serial=one.serial,
        use=one.use,
        der=one.der,
        sm3=digest,
        not_before=one.not_before,
        not_after=one.not_after,
        state=str(PairState.VALID),
        reason="",
        origin=str(pair.origin),
    )


def _revoke_called_off(actor: Actor, good: Sequence[Returned], recorded: Sequence[RecordedPair], now: datetime) -> None:
    called_off = [
        item.pair.pk for back, item in zip(good, recorded, strict=True) if back.issuance.voided_at is not None
    ]
    if called_off:
        revoke_pairs(actor, called_off, RevocationReason.CESSATION_OF_OPERATION, now)


@audit.action
def _record_rejected(
    actor: Actor, rejected: Sequence[tuple[int, Rejected]], now: datetime, take_back: TakeBack | None
) -> None:
    by_id = dict(rejected)
    found = access.locked(Issuance.objects.filter(pk__in=list(by_id), state=Issuance.State.SUBMITTED)).order_by("id")
    rows = list(found)
    for issuance in rows:
        outcome = by_id[issuance.pk]
        issuance.state = Issuance.State.REJECTED
        issuance.refusal_code = outcome.code[:80]
        issuance.refusal_message = rules.canonical_json({"message": outcome.message, "fields": dict(outcome.fields)})
    Issuance.objects.bulk_update(rows, ["state", "refusal_code", "refusal_message"])
    audit.record_many(
        actor, "ca.record_rejected", rows, outcome="rejected", details=[{"code": row.refusal_code} for row in rows]
    )
    if take_back is not None and rows:
        take_back(actor, rows, now)


@audit.action
def _ask_again(actor: Actor, connector: str, ids: Sequence[int], now: datetime) -> None:
    rows = Issuance.objects.filter(pk__among=ids, state=Issuance.State.SUBMITTED).values_list("pk", "attempts")
    moment = database.ops.adapt_datetimefield_value
    values = [[n + 1, moment(now + rules.wait_before_retry(n + 1)), pk] for pk, n in rows]
    bulk.update_values(Issuance, ("attempts", "next_try_at"), values)
    audit.record(actor, "ca.collect", None, outcome="pending", connector=connector, count=len(values))
