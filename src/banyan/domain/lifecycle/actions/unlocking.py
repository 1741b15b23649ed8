"""Unlocking a token: an approved request lets one answer to one challenge of one token out (规范 3.1.1.1-4)."""

from datetime import datetime, timedelta

from banyan import gm
from banyan.domain import audit
from banyan.domain.ca.access import locked
from banyan.domain.iam import rights
from banyan.domain.inventory import actions as inventory
from banyan.domain.inventory.models import Token, TokenState
from banyan.domain.lifecycle.actions.fates import token_of
from banyan.domain.lifecycle.errors import UnlockRefused
from banyan.domain.lifecycle.models import UnlockGrant
from banyan.domain.lifecycle.ports import UnlockResponder
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_

# How long an approved unlocking may wait for its challenge.
GRANT_LASTS = timedelta(days=10)


@audit.action
def grant_unlock(actor: Actor, *, request_id: int, approval_id: int, pair_id: int, now: datetime) -> UnlockGrant | None:
    """Let one challenge of the pair's token be answered; called when an unlock request is approved, by its approver.

    Which token that is says the guarded row of the pair, not the request. None for a pair in no token of ours.
    """
    rights.require(actor, "requests.approve")
    token = token_of(pair_id)
    if token is None:
        return None
    token.verify_row()
    grant = UnlockGrant.objects.filter(request_id=request_id).first() or UnlockGrant(request_id=request_id)
    grant.approval_id = approval_id
    grant.token_id = token.pk
    grant.token_serial = token.serial
    grant.granted_at = now
    grant.expires_at = now + GRANT_LASTS
    grant.used_at, grant.challenge_digest = None, ""
    grant.save()
    audit.record(actor, "lifecycle.grant_unlock", grant, token=token.serial)
    return grant


def answer_unlock(
    actor: Actor, *, request_id: int, challenge: str, new_pin: str, respond: UnlockResponder, now: datetime
) -> str:
    """The answer to a locked token's challenge, against the approved request only.

    The same challenge is answered again (the answer got lost); another one is not: the permission is used. The
    administrator PIN is opened here, goes into ``respond`` and nowhere else. The token checks by itself that the answer
    is for it; a challenge that names another token is refused by ``respond``.

    Raises UnlockRefused, inventory.AdminPinUnknown, iam.RightMissing, and what ``respond`` raises.
    """
    serial, pin = _use_grant(actor, request_id=request_id, challenge=challenge, now=now)
    # The key derivation is slow on purpose: no transaction is open meanwhile.
    return respond(pin, challenge, new_pin, serial=serial)


@audit.action
def _use_grant(actor: Actor, *, request_id: int, challenge: str, now: datetime) -> tuple[str, str]:
    rights.require(actor, "tokens.unlock")
    grant = locked(UnlockGrant.objects.filter(request_id=request_id)).first()
    if grant is None:
        raise UnlockRefused(token=f"#{request_id}", reason=N_("申请没有审核通过"))
    grant.verify_row()
    digest = gm.sm3(challenge.strip().encode()).hex()
    if now > grant.expires_at:
        raise UnlockRefused(token=grant.token_serial, reason=N_("许可已过期"))
    if grant.used_at is not None and grant.challenge_digest != digest:
        raise UnlockRefused(token=grant.token_serial, reason=N_("许可已用于另一次挑战"))
    token = Token.objects.unscoped("the token the grant names").get(pk=grant.token_id)
    if token.serial != grant.token_serial:
        raise UnlockRefused(token=grant.token_serial, reason=N_("介质与许可不符"))
    if token.state == TokenState.HANDED_OVER:
        # The token locked itself, far from here; that it did is part of what this action learns.
        inventory.lock(actor, [token.pk], now=now)
    pin = inventory.open_admin_pin_for_unlock(actor, token.pk, now=now)
    if grant.used_at is None:
        grant.used_at, grant.challenge_digest = now, digest
        grant.save()
    audit.record(actor, "lifecycle.answer_unlock", grant, token=grant.token_serial)
    return token.serial, pin
