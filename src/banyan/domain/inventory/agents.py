"""Token agents that the platform knows, and what it sends them: PINs and unblock answers, sealed."""

from collections.abc import Sequence
from datetime import datetime

from banyan import gm
from banyan.domain import audit
from banyan.domain.audit.models import update_guarded
from banyan.domain.iam import rights
from banyan.domain.parties import access as parties
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_
from banyan.kernel.pins import random_admin_pin, random_pin
from banyan.pki.errors import PkiError
from banyan.pki.public_key import parse_spki
from banyan.pki.strict_der import DerError

from . import protection, sealed_tasks
from .errors import AgentKeyInvalid, AgentUnknown, AlreadyInitialised, TransitionRefused
from .models import Token, TokenAgent, TokenState
from .sealed_tasks import Begun
from .token_life import require_any, visible

_KEY_ID_OCTETS = 16


def key_id_of(public_key: bytes) -> str:
    """The name of an agent's key: the first 16 octets of SM3 of its SubjectPublicKeyInfo, hexadecimal."""
    return gm.sm3(public_key)[:_KEY_ID_OCTETS].hex()


@audit.action
def register_agent(actor: Actor, *, public_key: bytes, name: str, region_code: str, now: datetime) -> TokenAgent:
    """Put an agent's key (SubjectPublicKeyInfo) on the list; one that is there, or was, is put on it again.

    Raises AgentKeyInvalid, OutOfScope, RightMissing.
    """
    require_any(actor, ("tokens.register_agents",))
    region = parties.region_tree().current(region_code)
    parties.ensure_region_in_scope(actor, region.code)
    try:
        algorithm = parse_spki(public_key).algorithm
    except (PkiError, DerError):
        raise AgentKeyInvalid from None
    if algorithm != "SM2":
        raise AgentKeyInvalid
    known = TokenAgent.objects.unscoped("a key is one across the province").filter(key_id=key_id_of(public_key)).first()
    row = known.verify_row() if known else TokenAgent(key_id=key_id_of(public_key), public_key=public_key)
    if known is not None:
        parties.ensure_region_in_scope(actor, row.region_code)
    row.name, row.region_code, row.registered_at, row.ended_at = name.strip()[:80], region.code, now, None
    row.save()
    audit.record(actor, "inventory.agent_registered", row, key_id=row.key_id, name=row.name)
    return row


@audit.action
def end_agent(actor: Actor, key_id: str, *, reason: str, now: datetime) -> TokenAgent:
    """Take an agent's key off the list: nothing is sealed to it any more. Raises AgentUnknown, RightMissing."""
    require_any(actor, ("tokens.register_agents",))
    row = _agent(actor, key_id)
    row.ended_at = now
    row.save()
    audit.record(actor, "inventory.agent_ended", row, key_id=key_id, reason=reason.strip()[:200])
    return row


@audit.action
def make_pins(actor: Actor, token_ids: Sequence[int], *, now: datetime) -> list[Token]:
    """Make the PINs of blank tokens in stock, both kept sealed; what has its initial PIN already keeps it.

    The token gets them with its first personalisation. Raises TransitionRefused for a token not in stock, and
    AlreadyInitialised for one that has an administrator PIN of its own: the device would go on with that one.
    """
    del now
    require_any(actor, ("tokens.manage",))
    rows = visible(actor, token_ids)
    for row in rows:
        if row.state != TokenState.IN_STOCK:
            raise TransitionRefused(token=row.serial, state=str(row.get_state_display()), verb=N_("初始化"))
        if row.initial_pin_sealed is None and row.has_admin_pin:
            raise AlreadyInitialised(token=row.serial)
    made = [row.verify_row() for row in rows if row.initial_pin_sealed is None]
    admin = protection.seal_admin_pins([(row.serial, random_admin_pin()) for row in made])
    initial = protection.seal_initial_pins([(row.serial, random_pin()) for row in made])
    for row, of_admin, of_user in zip(made, admin, initial, strict=True):
        row.admin_pin_sealed, row.initial_pin_sealed = of_admin, of_user
    update_guarded(made, ("admin_pin_sealed", "initial_pin_sealed"))
    if made:
        audit.record(actor, "inventory.pins_made", made[0] if len(made) == 1 else None, rows=made, count=len(made))
    return rows


@audit.action
def tell_initial_pin(actor: Actor, token_id: int, *, now: datetime) -> str:
    """The initial PIN for the holder's letter (口令信封); telling it is recorded. Raises InitialPinUnknown."""
    del now
    require_any(actor, ("requests.personalize", "tokens.manage"))
    (row,) = visible(actor, [token_id])
    pin = protection.open_initial_pin(row.verify_row())
    audit.record(actor, "inventory.initial_pin_told", row)
    return pin


def seal_personalization(
    actor: Actor, token_id: int, begun: Begun, *, task: str, allows: Sequence[str], now: datetime
) -> str:
    """The PINs of a token that is being personalised, for this agent and task only. The caller knows the task approved.

    Raises AgentUnknown, InitialPinUnknown, AdminPinUnknown, TokenNotFound.
    """
    text, public_key = _personalization(actor, token_id, begun, task=task, allows=allows, now=now)
    return sealed_tasks.seal(text, public_key)


@audit.action
def _personalization(
    actor: Actor, token_id: int, begun: Begun, *, task: str, allows: Sequence[str], now: datetime
) -> tuple[str, bytes]:
    require_any(actor, ("requests.issue", "requests.personalize"))
    agent = _agent(actor, begun.agent)
    (row,) = visible(actor, [token_id])
    row.verify_row()
    pins = {"pin": protection.open_initial_pin(row), "admin_pin": protection.open_admin_pin(row)}
    text = sealed_tasks.body(begun, serial=row.serial, task=task, allows=allows, now=now, **pins)
    audit.record(
        actor, "inventory.pins_sealed", row, agent=agent.key_id, task=task, allows=list(allows), origin=begun.origin
    )
    return text, bytes(agent.public_key)


def seal_unblocking(
    actor: Actor, serial: str, begun: Begun, *, task: str, response: str, pin: str, now: datetime
) -> str:
    """A token's unblock answer and the PIN it sets, for this agent and task only. Raises AgentUnknown."""
    secrets = {"response": response, "pin": pin}
    text = sealed_tasks.body(begun, serial=serial, task=task, allows=["unblock"], now=now, **secrets)
    return sealed_tasks.seal(text, _noted(actor, begun, serial, task))


@audit.action
def _noted(actor: Actor, begun: Begun, serial: str, task: str) -> bytes:
    rights.require(actor, "tokens.unlock")
    agent = _agent(actor, begun.agent)
    audit.record(actor, "inventory.unblock_sealed", agent, token=serial, task=task, origin=begun.origin)
    return bytes(agent.public_key)


def _agent(actor: Actor, key_id: str) -> TokenAgent:
    row = TokenAgent.objects.visible_to(actor).filter(key_id=key_id, ended_at__isnull=True).first()
    if row is None:
        raise AgentUnknown(key_id=key_id[:32])
    return row.verify_row()
