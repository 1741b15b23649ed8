"""Rounds with a connector: intents out, certificates in, and a task for the token in the same transaction."""

from collections.abc import Sequence
from datetime import datetime

from banyan.domain.ca import actions as ca
from banyan.domain.ca.models import RevocationReason
from banyan.domain.ca.ports import Connector
from banyan.domain.ca.rules import SLICE
from banyan.domain.ca.values import FollowUp, RecordedPair, RoundReport, TakeBack
from banyan.domain.inventory import actions as inventory
from banyan.domain.inventory.actions import TaskEntry
from banyan.domain.inventory.errors import InventoryError
from banyan.kernel.actor import Actor

_AHEAD = 4


def carry_on(
    actor: Actor,
    connector: Connector,
    now: datetime,
    *,
    further: FollowUp | None = None,
    take_back: TakeBack | None = None,
    limit: int = 10_000,
    at_once: int = SLICE,
) -> RoundReport:
    """One round: hand over what is due, record what came back, settle changes of status. Safe to repeat at any moment.

    ``at_once``: how many pairs are recorded in one transaction.
    ``further`` runs after the tasks for tokens were opened, in the transaction that recorded the pairs; ``take_back`` in
    the one that recorded a CA's refusals.
    """

    def follow_up(actor: Actor, recorded: Sequence[RecordedPair], now: datetime) -> None:
        open_tasks_for(actor, recorded, now)
        if further is not None:
            further(actor, recorded, now)

    report = RoundReport()
    submitting = ca.submitting(actor, connector, now, report, limit=limit)
    # The CA works on the next slices while one is recorded.
    for _ in range(_AHEAD):
        next(submitting, None)
    for _ in ca.collecting(actor, connector, now, report, (follow_up, take_back), limit=limit, at_once=at_once):
        next(submitting, None)
    for _ in submitting:
        pass
    if report.is_up:
        ca.settle_status_changes(actor, connector, now)
    return report


def open_tasks_for(actor: Actor, recorded: Sequence[RecordedPair], now: datetime) -> None:
    """Account for recorded pairs by tasks of their tokens; inside the action that records them.

    A token that was lost or destroyed meanwhile cannot take its pair: the pair stays recorded and is revoked at once,
    for a certificate that was signed must never go unrecorded.
    """
    placed = [item for item in recorded if item.pair.token_id is not None]
    if not placed:
        return
    try:
        inventory.open_tasks(actor, [_entry(item) for item in placed], now=now)
    except InventoryError:
        homeless = [item.pair.pk for item in placed if not _is_taken(actor, item, now)]
        if homeless:
            ca.revoke_pairs(actor, homeless, RevocationReason.CESSATION_OF_OPERATION, now)


def _is_taken(actor: Actor, item: RecordedPair, now: datetime) -> bool:
    try:
        inventory.open_tasks(actor, [_entry(item)], now=now)
    except InventoryError:
        return False
    return True


def _entry(item: RecordedPair) -> TaskEntry:
    pair = item.pair
    assert pair.issuance_id is not None  # noqa: S101  (only recorded intents come here)
    assert pair.token_id is not None  # noqa: S101  (chosen by the caller)
    return TaskEntry(pair.issuance_id, pair.token_id, pair.container, item.envelope)
