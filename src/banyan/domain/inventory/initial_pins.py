"""The initial PIN on its way to the holder's letter, which is printed once (口令信封): opened, forgotten, made anew."""

from datetime import datetime

from banyan.domain import audit
from banyan.domain.audit.models import update_guarded
from banyan.domain.iam import rights
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_

from . import protection
from .errors import InitialPinUnknown, TransitionRefused
from .models import Token, TokenState
from .token_life import visible


@audit.action
def open_initial_pin_for_letter(actor: Actor, token_id: int, *, now: datetime) -> str:
    """The initial PIN of a token that is ready and not handed over. The look is recorded.

    The letter counts as printed with ``forget_initial_pin``. Raises TransitionRefused for a token in another state,
    InitialPinUnknown, RightMissing.
    """
    del now
    row = _ready(actor, token_id)
    pin = protection.open_initial_pin(row)
    audit.record(actor, "inventory.initial_pin_opened", row)
    return pin


@audit.action
def forget_initial_pin(actor: Actor, token_id: int, *, now: datetime) -> Token:
    """Forget the initial PIN: the letter that holds it is made. Nothing here needs it any more: the pair is written and proved.

    Raises as ``open_initial_pin_for_letter``, and StaleRow when somebody else wrote the token at the same moment.
    """
    del now
    row = _ready(actor, token_id)
    if row.initial_pin_sealed is None:
        raise InitialPinUnknown(token=row.serial)
    row.initial_pin_sealed = None
    update_guarded([row], ("initial_pin_sealed",))
    audit.record(actor, "inventory.initial_pin_forgotten", row)
    return row


@audit.action
def renew_initial_pin(actor: Actor, token_id: int, pin: str, *, now: datetime) -> tuple[str, str]:
    """Keep another initial PIN for a token whose letter was spoilt; returns its serial and administrator PIN.

    The caller has the token set the PIN by an unblock answer. Raises as ``open_initial_pin_for_letter``, AdminPinUnknown.
    """
    del now
    rights.require(actor, "tokens.unlock")
    row = _ready(actor, token_id)
    admin_pin = protection.open_admin_pin(row)
    (row.initial_pin_sealed,) = protection.seal_initial_pins([(row.serial, pin)])
    update_guarded([row], ("initial_pin_sealed",))
    audit.record(actor, "inventory.initial_pin_renewed", row)
    return row.serial, admin_pin


def _ready(actor: Actor, token_id: int) -> Token:
    rights.require(actor, "tokens.print_pin_letter")
    (row,) = visible(actor, [token_id])
    if row.state != TokenState.PERSONALIZED:
        raise TransitionRefused(token=row.serial, state=str(row.get_state_display()), verb=N_("打印口令信封"))
    return row.verify_row()
