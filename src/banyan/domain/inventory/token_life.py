"""Actions on tokens along ``rules.TRANSITIONS``; every one takes many tokens, all or none."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from banyan.domain import audit
from banyan.domain.audit.models import are_genuine, update_guarded
from banyan.domain.iam import rights
from banyan.domain.iam.errors import RightMissing
from banyan.domain.parties import access as parties
from banyan.domain.parties.scoping import in_sight
from banyan.domain.prepared import Prepared
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_

from . import protection
from .errors import ReasonMissing, TokenBusy, TokenNotFound, TransitionRefused
from .models import PersonalizationTask, TaskState, Token, TokenState
from .rules import FORGETS_HOLDER, FORGETS_PIN, TRANSITIONS, WITH_REASON, Verb, may_go

_LOOKED_UP_AT_ONCE = 5000
_TOKENS = Prepared(lambda ids: Token.objects.unscoped("tokens chosen by scope").filter(pk__among=ids))
_MOVED = ("state", "state_at", "note", "holder_person_id", "holder_organization_id")
# Whom a token is for: (person, organisation), either may be None.
Holder = tuple[int | None, int | None]


@audit.action
def assign(actor: Actor, token_ids: Sequence[int], *, holders: Sequence[Holder] = (), now: datetime) -> list[Token]:
    """Take tokens out of stock for somebody (领用); ``holders`` in the order of the tokens, or empty."""
    return move(actor, Verb.ASSIGN, token_ids, holders=dict(zip(token_ids, holders, strict=bool(holders))), now=now)


@audit.action
def release(actor: Actor, token_ids: Sequence[int], *, now: datetime) -> list[Token]:
    """Put assigned, still empty tokens back into stock."""
    return move(actor, Verb.RELEASE, token_ids, now=now)


@audit.action
def personalize(
    actor: Actor, token_ids: Sequence[int], *, holders: Sequence[Holder] = (), now: datetime
) -> list[Token]:
    """Begin to personalise tokens (制证); those from stock are given their ``holders``, in the order of the tokens."""
    named = dict(zip(token_ids, holders, strict=bool(holders)))
    return move(actor, Verb.PERSONALIZE, token_ids, holders=named, now=now)


@audit.action
def finish(actor: Actor, token_ids: Sequence[int], *, now: datetime) -> list[Token]:
    """End personalisation; no task of the tokens may be unfinished. Raises TokenBusy."""
    _ensure_idle(token_ids)
    return move(actor, Verb.FINISH, token_ids, now=now)


@audit.action
def abandon(actor: Actor, token_ids: Sequence[int], *, now: datetime) -> list[Token]:
    """Give up personalisation; unfinished tasks must have been voided. Raises TokenBusy."""
    _ensure_idle(token_ids)
    return move(actor, Verb.ABANDON, token_ids, now=now)


@audit.action
def ship(actor: Actor, token_ids: Sequence[int], *, note: str = "", now: datetime) -> list[Token]:
    """Send tokens by parcel (邮寄); ``note`` is the parcel's number."""
    return move(actor, Verb.SHIP, token_ids, note=note, now=now)


@audit.action
def come_back(actor: Actor, token_ids: Sequence[int], *, note: str = "", now: datetime) -> list[Token]:
    """Note that tokens sent by parcel came back undelivered (退件); they wait for their holders again."""
    return move(actor, Verb.COME_BACK, token_ids, note=note, now=now)


@audit.action
def hand_over(actor: Actor, token_ids: Sequence[int], *, note: str = "", now: datetime) -> list[Token]:
    """Give tokens to their holders, who have signed for them (领取签收)."""
    return move(actor, Verb.HAND_OVER, token_ids, note=note, now=now)


@audit.action
def lock(actor: Actor, token_ids: Sequence[int], *, now: datetime) -> list[Token]:
    """Note that a token has locked itself after too many wrong PINs."""
    return move(actor, Verb.LOCK, token_ids, now=now)


@audit.action
def unlock(actor: Actor, token_ids: Sequence[int], *, now: datetime) -> list[Token]:
    """Note that a locked token was unlocked; its certificates are unchanged."""
    return move(actor, Verb.UNLOCK, token_ids, now=now)


@audit.action
def take_back(actor: Actor, token_ids: Sequence[int], *, note: str = "", now: datetime) -> list[Token]:
    """Take tokens back from their holders (交回)."""
    return move(actor, Verb.TAKE_BACK, token_ids, note=note, now=now)


@audit.action
def lose(actor: Actor, token_ids: Sequence[int], *, reason: str, now: datetime) -> list[Token]:
    """Declare tokens lost or stolen (挂失). What to do with their certificates is the caller's business."""
    return move(actor, Verb.LOSE, token_ids, note=reason, now=now)


@audit.action
def find(actor: Actor, token_ids: Sequence[int], *, note: str = "", now: datetime) -> list[Token]:
    """Note that lost tokens were found and handed in."""
    return move(actor, Verb.FIND, token_ids, note=note, now=now)


@audit.action
def damage(actor: Actor, token_ids: Sequence[int], *, reason: str, now: datetime) -> list[Token]:
    """Declare tokens damaged."""
    return move(actor, Verb.DAMAGE, token_ids, note=reason, now=now)


@audit.action
def restock(actor: Actor, token_ids: Sequence[int], *, now: datetime) -> list[Token]:
    """Put returned, erased tokens back into stock; they forget their holder. Raises TokenBusy."""
    _ensure_idle(token_ids)
    return move(actor, Verb.RESTOCK, token_ids, now=now)


@audit.action
def destroy(actor: Actor, token_ids: Sequence[int], *, reason: str, now: datetime) -> list[Token]:
    """Note that tokens were destroyed. Raises TokenBusy while a certificate is still on its way into one."""
    _ensure_idle(token_ids)
    return move(actor, Verb.DESTROY, token_ids, note=reason, now=now)


@audit.action
def move_stock(
    actor: Actor, token_ids: Sequence[int], *, region_code: str, issuing_point_id: int | None, now: datetime
) -> list[Token]:
    """Send tokens in stock to another issuing point. Raises TransitionRefused for tokens not in stock, OutOfScope."""
    del now
    rights.require(actor, "tokens.manage")
    region = parties.region_tree().current(region_code)
    parties.ensure_region_in_scope(actor, region.code)
    rows = visible(actor, token_ids)
    for row in rows:
        if row.state != TokenState.IN_STOCK:
            raise TransitionRefused(token=row.serial, state=str(row.get_state_display()), verb=N_("调拨"))
        row.region_code, row.issuing_point_id = region.code, issuing_point_id
    update_guarded(rows, ("region_code", "issuing_point_id"))
    _record(actor, "inventory.stock_moved", rows, region=region.code, point=issuing_point_id)
    return rows


_PIN_MAY_BE_RESET = (TokenState.LOCKED, TokenState.HANDED_OVER, TokenState.ASSIGNED, TokenState.PERSONALIZING)


@audit.action
def open_admin_pin_for_unlock(actor: Actor, token_id: int, *, now: datetime) -> str:
    """The administrator PIN of a token that is to be unlocked, for the unlocking program only; the look is recorded.

    Raises TokenNotFound, TransitionRefused unless the token is locked or held, or its personalisation was broken
    off and took the initial PIN along; AdminPinUnknown, RightMissing.
    """
    del now
    rights.require(actor, "tokens.unlock")
    (row,) = visible(actor, [token_id])
    row.verify_row()
    if row.state not in _PIN_MAY_BE_RESET:
        raise TransitionRefused(
            token=row.serial, state=str(row.get_state_display()), verb=TRANSITIONS[Verb.UNLOCK].name
        )
    pin = protection.open_admin_pin(row)
    audit.record(actor, "inventory.admin_pin_opened", row)
    return pin


def move(
    actor: Actor,
    verb: Verb,
    token_ids: Sequence[int],
    *,
    holders: Mapping[int, Holder] | None = None,
    note: str | None = None,
    now: datetime,
) -> list[Token]:
    """Put tokens through one transition, inside an action; all or none, in the order given.

    Raises RightMissing, ReasonMissing, TokenNotFound, TransitionRefused, audit StaleRow or RowForged.
    """
    way = TRANSITIONS[verb]
    require_any(actor, way.rights)
    if verb in WITH_REASON and not (note or "").strip():
        raise ReasonMissing
    rows = visible(actor, token_ids)
    for row, is_genuine in zip(rows, are_genuine(rows), strict=True):
        if not may_go(verb, row.state):
            raise TransitionRefused(token=row.serial, state=str(row.get_state_display()), verb=way.name)
        if not is_genuine:
            row.verify_row()
        row.state, row.state_at = str(way.target), now
        if note is not None:
            row.note = note.strip()[:200]
        if verb in FORGETS_PIN:
            row.initial_pin_sealed = None
        if verb in FORGETS_HOLDER:
            row.holder_person_id = row.holder_organization_id = None
        elif holders and row.pk in holders:
            row.holder_person_id, row.holder_organization_id = holders[row.pk]
    update_guarded(rows, (*_MOVED, "initial_pin_sealed") if verb in FORGETS_PIN else _MOVED)
    _record(actor, f"inventory.{verb.value}", rows, to=way.target.value)
    return rows


def visible(actor: Actor, token_ids: Sequence[int]) -> list[Token]:
    """The tokens in the order given. Raises TokenNotFound for the first one that is not in sight."""
    found = {row.pk: row for row in _TOKENS.rows(in_sight(Token, actor, token_ids))}
    missing = [key for key in token_ids if key not in found]
    if missing:
        raise TokenNotFound(token=missing[0])
    return [found[key] for key in dict.fromkeys(token_ids)]


def _ensure_idle(token_ids: Sequence[int]) -> None:
    for start in range(0, len(token_ids), _LOOKED_UP_AT_ONCE):
        part = token_ids[start : start + _LOOKED_UP_AT_ONCE]
        unfinished = PersonalizationTask.objects.unscoped("a task lies where its token lies").filter(
            token_id__in=part, state__in=(TaskState.OPEN, TaskState.WRITTEN)
        )
        first = unfinished.select_related("token").first()
        if first is not None:
            raise TokenBusy(token=first.token.serial, count=unfinished.filter(token_id=first.token_id).count())


def require_any(actor: Actor, wanted: Sequence[str]) -> None:
    """A person needs one of these rights; parts of the product act within what a person's action began."""
    if actor.is_staff and not any(rights.has(actor, right) for right in wanted):
        raise RightMissing(actor=actor.name, right=wanted[0])


def _record(actor: Actor, event: str, rows: Sequence[Token], **detail: Any) -> None:
    if rows:
        single = rows[0] if len(rows) == 1 else None
        audit.record(actor, event, single, rows=rows, count=len(rows), **detail)
