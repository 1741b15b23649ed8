"""The status of pairs: revoke, hold, release; both certificates together, here at once, at the CA by its connector."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from banyan.domain import audit, outbox
from banyan.domain.audit.models import update_guarded
from banyan.domain.ca import access, rules, tallies
from banyan.domain.ca.actions.permission import require
from banyan.domain.ca.errors import PairNotFound, PairNotHeld, PairNotValid, PairRevoked
from banyan.domain.ca.models import (
    Certificate,
    CertificatePair,
    PairState,
    RevocationReason,
    StatusChange,
)
from banyan.domain.ca.ports import Connector, Rejected, StatusChanged, StatusOutcome, StatusTask
from banyan.domain.iam import access as staff
from banyan.kernel.actor import Actor
from banyan.kernel.errors import ServiceUnavailable

PUBLISH_STATUS = "directory.publish"


def revoke_pair(actor: Actor, pair_id: int, reason: str, now: datetime) -> CertificatePair:
    """Revoke both certificates of a pair (注销). A revoked pair stays as it is: repeating changes nothing."""
    return revoke_pairs(actor, [pair_id], reason, now)[0]


@audit.action
def revoke_pairs(actor: Actor, pair_ids: Sequence[int], reason: str, now: datetime) -> list[CertificatePair]:
    """Revoke pairs, at most ``rules.SLICE`` at once; already revoked ones keep their first reason and time.

    Raises PairNotFound when one does not exist, iam.RightMissing.
    """
    require(actor, "certificates.revoke")
    pairs = _locked_pairs(pair_ids)
    open_pairs = [pair for pair in pairs if pair.state != PairState.REVOKED]
    _change(actor, open_pairs, PairState.REVOKED, RevocationReason(reason), StatusChange.Action.REVOKE, now)
    return pairs


@audit.action
def hold_pair(actor: Actor, pair_id: int, now: datetime) -> CertificatePair:
    """Hold a valid pair (冻结): listed in the CRL as certificateHold. Raises PairNotValid unless it is valid."""
    require(actor, "certificates.hold")
    pair = _locked_pairs([pair_id])[0]
    if pair.state != PairState.VALID:
        raise PairNotValid(name=pair.subject_name, state=pair.get_state_display())
    _change(actor, [pair], PairState.HELD, RevocationReason.CERTIFICATE_HOLD, StatusChange.Action.HOLD, now)
    return pair


@audit.action
def release_pair(actor: Actor, pair_id: int, now: datetime) -> CertificatePair:
    """Release a held pair (解除冻结): its entry leaves the CRL. Raises PairNotHeld, PairRevoked."""
    require(actor, "certificates.hold")
    pair = _locked_pairs([pair_id])[0]
    if pair.state == PairState.REVOKED:
        at = Certificate.objects.filter(pair=pair).values_list("revoked_at", flat=True).first()
        raise PairRevoked(name=pair.subject_name, at=at.date().isoformat() if at else "")
    if pair.state != PairState.HELD:
        raise PairNotHeld(name=pair.subject_name)
    _change(actor, [pair], PairState.VALID, RevocationReason.CERTIFICATE_HOLD, StatusChange.Action.RELEASE, now)
    return pair


def settle_status_changes(actor: Actor, connector: Connector, now: datetime, *, limit: int = 500) -> int:
    """Carry waiting changes of status to the CA that keeps the pairs. Returns how many are settled now.

    A CA that does not answer leaves them waiting with a growing pause; our own records changed already.
    """
    require(actor, "certificates.revoke")
    due = access.status_changes_due(connector.code, now, limit)
    if not due:
        return 0
    try:
        outcomes = {outcome.task_no: outcome for outcome in connector.revoke_many([_task(change) for change in due])}
    except ServiceUnavailable:
        outcomes = {}
    settled = 0
    for start in range(0, len(due), rules.SLICE):
        settled += _settle(actor, due[start : start + rules.SLICE], outcomes, now)
    return settled


@audit.action
def _settle(actor: Actor, due: Sequence[StatusChange], outcomes: Mapping[str, StatusOutcome], now: datetime) -> int:
    settled: list[StatusChange] = []
    for change in due:
        outcome = outcomes.get(change.task_no)
        if isinstance(outcome, StatusChanged):
            change.state = StatusChange.State.DONE
            settled.append(change)
        elif isinstance(outcome, Rejected):
            change.state, change.refusal_code = StatusChange.State.REJECTED, outcome.code[:80]
            settled.append(change)
        else:
            change.attempts += 1
            change.next_try_at = now + rules.wait_before_retry(change.attempts)
        change.save(update_fields=["state", "refusal_code", "attempts", "next_try_at"])
    audit.record_many(
        actor,
        "ca.settle_status_change",
        settled,
        details=[{"pair": change.pair_id, "action": change.action, "state": str(change.state)} for change in settled],
    )
    return len(settled)


def _task(change: StatusChange) -> StatusTask:
    pair = change.pair
    return StatusTask(
        task_no=change.task_no,
        ca=pair.ca.code,
        serials=tuple(certificate.serial for certificate in pair.certificates.all()),
        action=change.action,
        reason=change.reason,
        at=change.at,
    )


def _locked_pairs(pair_ids: Sequence[int]) -> list[CertificatePair]:
    found = CertificatePair.objects.unscoped("the caller decided on these very pairs").filter(pk__in=list(pair_ids))
    pairs = {pair.pk: pair for pair in access.locked(found).order_by("id")}
    missing = [pk for pk in pair_ids if pk not in pairs]
    if missing:
        raise PairNotFound(pair=missing[0])
    return [pairs[pk].verify_row() for pk in pair_ids]


def _change(
    actor: Actor,
    pairs: Sequence[CertificatePair],
    state: PairState,
    reason: RevocationReason,
    action: StatusChange.Action,
    now: datetime,
) -> None:
    if not pairs:
        return
    certificates = list(Certificate.objects.filter(pair__in=[pair.pk for pair in pairs]).order_by("id"))
    for certificate in certificates:
        certificate.verify_row()
        certificate.state = str(state)
        certificate.revoked_at = None if state == PairState.VALID else now
        certificate.reason = "" if state == PairState.VALID else str(reason)
    update_guarded(certificates, ["state", "revoked_at", "reason"])
    changes = tallies.of_pairs(pairs, str(state), 1)
    for pair in pairs:
        changes.update(tallies.of_pairs([pair], str(pair.state), -1))
        pair.state = str(state)
    update_guarded(pairs, ["state"])
    tallies.apply(changes.items())
    _note_changes(actor, pairs, reason, action, now)
    by_pair: dict[int, list[Certificate]] = {}
    for certificate in certificates:
        by_pair.setdefault(certificate.pair_id, []).append(certificate)
    audit.record_many(
        actor,
        f"ca.{action.value}_pair",
        pairs,
        rows=[by_pair.get(pair.pk, []) for pair in pairs],
        reason=str(reason),
    )
    outbox.enqueue(PUBLISH_STATUS, "", {"pairs": [pair.pk for pair in pairs]}, now=now)


def _note_changes(
    actor: Actor,
    pairs: Sequence[CertificatePair],
    reason: RevocationReason,
    action: StatusChange.Action,
    now: datetime,
) -> None:
    name = staff.names_of([actor.id]).get(actor.id, actor.name) if actor.is_staff else actor.name
    connectors = {authority.pk: authority.connector for authority in access.authorities()}
    StatusChange.objects.bulk_create(
        StatusChange(
            pair=pair,
            action=action,
            reason=reason,
            at=now,
            actor=actor.id,
            actor_name=name[:100],
            connector=connectors[pair.ca_id],
            state=_first_state(connectors[pair.ca_id]),
            task_no=f"{pair.pk}-{pair.row_version}-{action.value}",
        )
        for pair in pairs
    )


def _first_state(connector: str) -> StatusChange.State:
    is_own = connector == rules.EMBEDDED
    return StatusChange.State.DONE if is_own else StatusChange.State.WAITING
