"""What becomes of an old pair and its token, at the moments the table of businesses names."""

from dataclasses import dataclass
from datetime import datetime

from banyan.domain import audit
from banyan.domain.ca import actions as ca
from banyan.domain.ca.models import CertificatePair, PairState
from banyan.domain.inventory import actions as inventory
from banyan.domain.inventory.models import Token, TokenState
from banyan.domain.inventory.rules import Verb, may_go
from banyan.domain.lifecycle.businesses import OldPair, Reason, businesses
from banyan.kernel.actor import Actor


@audit.action
def settle_at_approval(actor: Actor, business: str, reason: str, pair_id: int, now: datetime) -> None:
    """Approval was given: a lost or stolen token's pair is revoked now, and the token declared lost."""
    fate = businesses()[business].fate(reason)
    if fate.old_pair is OldPair.AT_APPROVAL:
        ca.revoke_pair(actor, pair_id, fate.revocation_reason, now)
        _declare_token(actor, pair_id, fate, now)


@audit.action
def settle_at_delivery(actor: Actor, business: str, reason: str, pair_id: int, now: datetime) -> None:
    """The new pair is in the holder's hands: the old one is revoked now where the business says so."""
    fate = businesses()[business].fate(reason)
    if fate.old_pair is OldPair.AT_DELIVERY:
        ca.revoke_pair(actor, pair_id, fate.revocation_reason, now)
        _declare_token(actor, pair_id, fate, now)


@dataclass(frozen=True, slots=True)
class TokenFate:
    """What became of the token of a pair that is revoked: handed in (and destroyed at once, or kept), or lost."""

    is_returned: bool
    is_destroyed: bool = False
    note: str = ""


@audit.action
def revoke_with_token(actor: Actor, reason: str, pair_id: int, now: datetime, fate: TokenFate) -> None:
    """Revoke a pair for good (注销); its token was handed in, or is declared lost.

    A token handed in that was declared lost before is found again.
    """
    ca.revoke_pair(actor, pair_id, businesses()["revoke"].fate(reason).revocation_reason, now)
    token = token_of(pair_id)
    if token is None:
        return
    if not fate.is_returned:
        if token.state != TokenState.LOST and may_go(Verb.LOSE, token.state):
            inventory.lose(actor, [token.pk], reason=fate.note or "注销时未交回", now=now)
        return
    _take_in(actor, token, fate, now)


def _take_in(actor: Actor, token: Token, fate: TokenFate, now: datetime) -> None:
    state = token.state
    if may_go(Verb.TAKE_BACK, state):
        (token,) = inventory.take_back(actor, [token.pk], note=fate.note, now=now)
    elif may_go(Verb.FIND, state):
        (token,) = inventory.find(actor, [token.pk], note=fate.note, now=now)
    if fate.is_destroyed and may_go(Verb.DESTROY, token.state):
        inventory.destroy(actor, [token.pk], reason=fate.note or "注销时当场销毁", now=now)


def _declare_token(actor: Actor, pair_id: int, fate: Reason, now: datetime) -> None:
    token = token_of(pair_id)
    if token is None or not fate.token:
        return
    if fate.token == TokenState.LOST and token.state != TokenState.LOST and may_go(Verb.LOSE, token.state):
        inventory.lose(actor, [token.pk], reason=fate.name, now=now)
    elif fate.token == TokenState.DAMAGED and may_go(Verb.DAMAGE, token.state) and not _went_on(token, pair_id):
        inventory.damage(actor, [token.pk], reason=fate.name, now=now)


def _went_on(token: Token, pair_id: int) -> bool:
    """Whether the token took the pair that follows, so that it is in use again and not to be written off."""
    following = CertificatePair.objects.unscoped("what follows the pair in its own token").filter(supersedes_id=pair_id)
    return following.filter(token_id=token.pk).exclude(state=PairState.REVOKED).exists()


def token_of(pair_id: int) -> Token | None:
    """The token that the guarded row of a pair names. Raises audit RowForged."""
    pair = CertificatePair.objects.unscoped("the pair this action is about").get(pk=pair_id).verify_row()
    return Token.objects.unscoped("the pair's own token").filter(pk=pair.token_id).first() if pair.token_id else None
