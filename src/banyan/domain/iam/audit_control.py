"""Opening a new epoch of the audit after a restore: two people, one signed declaration."""

from datetime import datetime

from banyan.domain import audit
from banyan.domain.audit import epochs
from banyan.domain.audit.checkpoints import Checkpoint, Sign
from banyan.domain.audit.errors import EpochNotNeeded
from banyan.domain.iam.dual_control import request_dual, use_dual
from banyan.domain.iam.models import DualControlRequest
from banyan.domain.iam.rights import require
from banyan.kernel.actor import Actor
from banyan.kernel.home import Home

KIND = "audit.open_epoch"


def ask_for_epoch(home: Home, *, actor: Actor, reason: str, now: datetime) -> DualControlRequest:
    """First person: say why the chain and its checkpoints differ. Raises EpochNotNeeded when they do not."""
    lost = epochs.disagreeing(home)
    if not lost:
        raise EpochNotNeeded
    payload = {"reason": reason, "disowned": [[line.epoch, line.sequence] for line in lost]}
    return request_dual(actor=actor, kind=KIND, payload=payload, now=now)


def open_epoch(home: Home, *, actor: Actor, request: DualControlRequest, now: datetime, sign: Sign) -> Checkpoint:
    """Either person, after the second confirmed: sign the declaration and go on in a new epoch."""
    people, reason = _spend(actor=actor, request=request, now=now)
    return epochs.open_epoch(home, actor=actor, people=people, reason=reason, now=now, sign=sign)


def finish_epoch(home: Home, *, actor: Actor, now: datetime, sign: Sign) -> Checkpoint | None:
    """Anybody who may open an epoch: carry out one that two people declared and that was cut off; None when none was."""
    require(actor, KIND)
    return epochs.finish_epoch(home, actor=actor, now=now, sign=sign)


@audit.action
def _spend(*, actor: Actor, request: DualControlRequest, now: datetime) -> tuple[tuple[str, str], str]:
    request, payload = use_dual(actor=actor, request=request, kind=KIND, now=now)
    confirmed_by = request.confirmed_by
    if confirmed_by is None:
        raise ValueError("a confirmed request names who confirmed it")
    return (request.requested_by.username, confirmed_by.username), payload["reason"]
