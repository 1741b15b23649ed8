"""The two businesses that issue nothing: unlocking a token and revoking a pair."""

from datetime import datetime

from banyan.domain import audit
from banyan.domain.inventory import actions as inventory
from banyan.domain.inventory.models import Token, TokenState
from banyan.domain.inventory.sealed_tasks import Begun
from banyan.domain.lifecycle import actions as lifecycle
from banyan.domain.lifecycle.actions import TokenFate
from banyan.domain.lifecycle.ports import UnlockResponder
from banyan.domain.ra import access, moving, notices
from banyan.domain.ra.delivery_errors import LostStatementMissing
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.ra.moving import Move
from banyan.domain.ra.processes import Verb
from banyan.kernel.actor import Actor
from banyan.kernel.pins import random_pin


def unlock(
    actor: Actor, request_id: int, now: datetime, *, challenge: str, new_pin: str, respond: UnlockResponder
) -> str:
    """The answer to the locked token's challenge (解锁), only against this approved request and for its token.

    The request stays at this step until ``unlocked`` says that the token took the answer; a lost answer to the same
    challenge is given again. Raises StepNotDue, ApprovalVoid, lifecycle.UnlockRefused, and what ``respond`` raises.
    """
    _ensure_unlockable(actor, request_id, now)
    return lifecycle.answer_unlock(
        actor, request_id=request_id, challenge=challenge, new_pin=new_pin, respond=respond, now=now
    )


def unlock_by_agent(
    actor: Actor, request_id: int, begun: Begun, challenge: str, now: datetime, *, respond: UnlockResponder
) -> str:
    """``unlock`` through a token agent: the answer is sealed to it, with a PIN that the holder replaces at once.

    Raises what ``unlock`` raises, and inventory.AgentUnknown.
    """
    pin = random_pin()
    answer = unlock(actor, request_id, now, challenge=challenge, new_pin=pin, respond=respond)
    request = access.request(actor, request_id)
    return inventory.seal_unblocking(
        actor, request.token_serial, begun, task=request.number, response=answer, pin=pin, now=now
    )


@audit.action
def _ensure_unlockable(actor: Actor, request_id: int, now: datetime) -> None:
    def work(request: ServiceRequest) -> None:
        moving.ensure_right(actor, request, Verb.UNLOCK)
        moving.ensure_turn(request, Verb.UNLOCK)
        moving.ensure_approved(request)

    _, outcome = moving.each(actor, "ra.unlock", [request_id], work)
    request = moving.alone(outcome)
    move = Move(actor, now)
    move.stayed(request, Verb.UNLOCK, "answered")
    move.write()
    audit.record(actor, "ra.unlock", request, token=request.token_serial)


@audit.action
def unlocked(actor: Actor, request_id: int, now: datetime) -> ServiceRequest:
    """Note that the token took the answer and works again; the request ends. Certificates are unchanged."""

    def work(request: ServiceRequest) -> None:
        moving.ensure_right(actor, request, Verb.UNLOCK)
        moving.ensure_turn(request, Verb.UNLOCK)

    _, outcome = moving.each(actor, "ra.unlocked", [request_id], work)
    request = moving.alone(outcome)
    token = Token.objects.unscoped("the request's own token").filter(pk=request.token_id or 0).first()
    if token is not None and token.state == TokenState.LOCKED:
        inventory.unlock(actor, [token.pk], now=now)
    move = Move(actor, now)
    move.done(request, Verb.UNLOCK)
    move.write()
    notices.notify([request], "unlocked", now)
    audit.record(actor, "ra.unlocked", request, token=request.token_serial)
    return request


@audit.action
def revoke(
    actor: Actor,
    request_id: int,
    now: datetime,
    *,
    is_token_returned: bool,
    is_destroyed: bool = False,
    note: str = "",
) -> ServiceRequest:
    """Carry an approved revocation out (注销): both certificates, and the token handed in or declared lost.

    ``is_destroyed``: the token handed in was destroyed on the spot. One that is not handed in needs a ``note``: the
    holder's statement of its loss. Raises LostStatementMissing, StepNotDue, ApprovalVoid, RequestNotFound,
    iam.RightMissing.
    """

    def work(request: ServiceRequest) -> None:
        moving.ensure_right(actor, request, Verb.REVOKE)
        moving.ensure_turn(request, Verb.REVOKE)
        moving.ensure_approved(request)
        if request.token_id is not None and not is_token_returned and not note.strip():
            raise LostStatementMissing

    _, outcome = moving.each(actor, "ra.revoke", [request_id], work)
    request = moving.alone(outcome)
    assert request.pair_id is not None  # noqa: S101  (a revocation always names its pair)
    fate = TokenFate(is_returned=is_token_returned, is_destroyed=is_destroyed, note=note)
    lifecycle.revoke_with_token(actor, request.reason, request.pair_id, now, fate)
    move = Move(actor, now)
    move.done(request, Verb.REVOKE, note=note)
    move.write()
    notices.notify([request], "revoked", now)
    audit.record(actor, "ra.revoke", request, token_returned=is_token_returned, token_destroyed=is_destroyed)
    return request
