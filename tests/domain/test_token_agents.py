"""PINs go to token agents that are on the list, sealed for one agent, token and approved request (A4, design §9)."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from banyan import gm
from banyan.domain.audit.models import AuditRecord
from banyan.domain.iam.errors import RightMissing
from banyan.domain.iam.rights import Role
from banyan.domain.inventory import actions as inventory
from banyan.domain.inventory.agents import key_id_of
from banyan.domain.inventory.errors import (
    AgentKeyInvalid,
    AgentUnknown,
    AlreadyInitialised,
    InitialPinUnknown,
    TransitionRefused,
)
from banyan.domain.inventory.models import Token, TokenState
from banyan.domain.inventory.sealed_tasks import PREFIX, Begun, task_key
from banyan.domain.parties.errors import OutOfScope
from banyan.domain.ra import actions as ra
from banyan.domain.ra.errors import StepNotDue, TokenRefused
from banyan.domain.ra.models import ServiceRequest
from banyan.kernel.actor import Actor
from banyan.pki.public_key import sm2_spki
from support import issuing
from support.issuing import NOW, SYSTEM, World, approver, clerk, proofreader

pytestmark = pytest.mark.django_db

ORIGIN = "https://ra.example.cn"
MACHINE, STRANGER = gm.sm2.generate_keypairs(2)
NONCE = bytes(range(32))


@pytest.fixture
def world() -> World:
    return issuing.world()


def register(key: Any = MACHINE, region: str = "350000") -> str:
    row = inventory.register_agent(
        administrator(), public_key=sm2_spki(key.public), name="一号窗口", region_code=region, now=NOW
    )
    return row.key_id


def administrator(**options: Any) -> Actor:
    return issuing.person_in_role(Role.SYSTEM_ADMIN, 30, **options)


def begun(agent: str) -> Begun:
    return Begun(agent, ORIGIN, "banyan", NONCE)


def opened(sealed: str, key: Any = MACHINE) -> dict[str, Any]:
    """What the agent reads: only with its key, and only when the platform signed it."""
    raw = gm.sm2.ciphertext_from_der(base64.b64decode(sealed))
    outer = json.loads(gm.sm2.decrypt(key.private, raw))
    signature = base64.b64decode(outer["signature"])
    assert gm.sm2.verify_many([(task_key()[-65:], PREFIX + outer["body"].encode(), signature)]) == [True]
    body: dict[str, Any] = json.loads(outer["body"])
    return body


def blank(world: World, serial: str = "BLANK-0001") -> Token:
    """A token in stock whose PINs the platform has made."""
    (made,) = inventory.receive_tokens(
        clerk(), [inventory.TokenEntry(serial)], medium="SOFT", region_code="350100", now=NOW
    )
    assert isinstance(made, Token)
    inventory.make_pins(clerk(), [made.pk], now=NOW)
    return Token.objects.unscoped("test").get(pk=made.pk)


def seal(request: ServiceRequest, token: Token, agent: str) -> str:
    return ra.seal_pins(clerk(), request.pk, token.serial, begun(agent), NOW)


def test_the_pins_of_a_new_token_reach_the_agent_of_an_approved_request_and_nobody_else(world: World) -> None:
    (request,) = issuing.decided(world, issuing.draft(world))
    agent, token = register(), blank(world)
    body = opened(seal(request, token, agent))
    assert (body["agent"], body["origin"], body["serial"], body["task"]) == (
        agent,
        ORIGIN,
        token.serial,
        request.number,
    )
    assert (body["allows"], base64.b64decode(body["nonce"])) == (["prepare"], NONCE)
    assert body["not_after"] == int((NOW + timedelta(minutes=10)).timestamp())
    assert len(body["pin"]) == 8
    assert len(body["admin_pin"]) == 16
    with pytest.raises(gm.GmError):
        opened(seal(request, token, agent), STRANGER)
    # The holder's letter says the same; asking for it is on record.
    assert inventory.tell_initial_pin(clerk(), token.pk, now=NOW) == body["pin"]
    assert AuditRecord.objects.filter(event="inventory.pins_sealed").count() == 2
    assert AuditRecord.objects.filter(event="inventory.initial_pin_told").count() == 1


def test_after_issuing_only_the_requests_own_token_is_written(world: World) -> None:
    request, other = issuing.decided(world, issuing.draft(world), issuing.draft(world, person=1))
    agent, token = register(), blank(world)
    issuing.issue(world, request, token=token)
    ra.carry_on(SYSTEM, world.connector, NOW)
    assert opened(seal(request, token, agent))["allows"] == ["write", "read_back"]
    with pytest.raises(TokenRefused):  # somebody else's by now
        seal(other, token, agent)
    with pytest.raises(TokenRefused):
        seal(request, blank(world, "BLANK-0002"), agent)


def test_one_approved_request_gives_the_pins_of_one_token(world: World) -> None:
    """A clerk does not read the PINs of all the stock; another token only when the first is gone for good."""
    (request,) = issuing.decided(world, issuing.draft(world))
    agent, token, other = register(), blank(world), blank(world, "BLANK-0002")
    first = opened(seal(request, token, agent))["pin"]
    assert Token.objects.unscoped("test").get(pk=token.pk).state == TokenState.PERSONALIZING
    with pytest.raises(TokenRefused):
        seal(request, other, agent)
    assert opened(seal(request, token, agent))["pin"] == first  # a broken-off attempt goes on
    assert request.steps.filter(outcome="prepared").count() == 1
    inventory.damage(clerk(), [token.pk], reason="插不进去", now=NOW)
    assert opened(seal(request, other, agent))["serial"] == other.serial
    issuing.issue(world, request, token=Token.objects.unscoped("test").get(pk=other.pk))


def test_a_token_that_has_an_administrator_pin_gets_no_other(world: World) -> None:
    """The device would go on with the one it has, and the one on record would open nothing."""
    (known,) = inventory.receive_tokens(
        clerk(), [inventory.TokenEntry("VENDOR-0001", admin_pin="K7QW3ZPN5TXD2HMA")], medium="SOFT", region_code="350100",
        now=NOW,
    )  # fmt: skip
    assert isinstance(known, Token)
    with pytest.raises(AlreadyInitialised):
        inventory.make_pins(clerk(), [known.pk], now=NOW)


def test_no_pin_before_the_approval_and_none_for_other_hands(world: World) -> None:
    (request,) = ra.open_requests(clerk(), [issuing.draft(world)], NOW).done
    agent, token = register(), blank(world)
    with pytest.raises(StepNotDue):
        seal(request, token, agent)
    ra.proofread(proofreader(), request.pk, NOW)
    ra.approve(approver(), request.pk, NOW)
    with pytest.raises(RightMissing):
        ra.seal_pins(approver(), request.pk, token.serial, begun(agent), NOW)
    assert opened(seal(request, token, agent))["pin"]


def test_an_agent_off_the_list_or_of_another_region_gets_nothing(world: World) -> None:
    (request,) = issuing.decided(world, issuing.draft(world))
    token = blank(world)
    with pytest.raises(AgentUnknown):
        seal(request, token, key_id_of(sm2_spki(STRANGER.public)))
    agent = register()
    inventory.end_agent(administrator(), agent, reason="换机器", now=NOW)
    with pytest.raises(AgentUnknown):
        seal(request, token, agent)
    assert register() == agent  # put on it again
    assert opened(seal(request, token, agent))["pin"]
    elsewhere = register(STRANGER, region="350200")
    here = clerk(regions=("350100", "350102"))
    with pytest.raises(AgentUnknown):
        ra.seal_pins(here, request.pk, token.serial, begun(elsewhere), NOW)
    with pytest.raises(OutOfScope):
        inventory.register_agent(
            administrator(regions=("350100", "350102")),
            public_key=sm2_spki(STRANGER.public),
            name="移走",
            region_code="350102",
            now=NOW,
        )


def test_nobody_who_works_with_tokens_decides_where_their_pins_go(world: World) -> None:
    for actor in (clerk(), approver(), proofreader()):
        with pytest.raises(RightMissing):
            inventory.register_agent(actor, public_key=sm2_spki(MACHINE.public), name="", region_code="350000", now=NOW)
        with pytest.raises(RightMissing):
            inventory.end_agent(actor, register(), reason="", now=NOW)


def test_only_an_sm2_key_is_an_agents(world: World) -> None:
    for wrong in (b"", b"\x30\x00", sm2_spki(MACHINE.public)[:-1]):
        with pytest.raises(AgentKeyInvalid):
            inventory.register_agent(administrator(), public_key=wrong, name="", region_code="350000", now=NOW)


def test_the_initial_pin_is_forgotten_when_the_holder_has_the_token(world: World) -> None:
    token = blank(world)
    inventory.assign(clerk(), [token.pk], now=NOW)
    inventory.personalize(clerk(), [token.pk], now=NOW)
    inventory.finish(clerk(), [token.pk], now=NOW)
    assert inventory.tell_initial_pin(clerk(), token.pk, now=NOW)
    inventory.hand_over(clerk(), [token.pk], now=NOW)
    with pytest.raises(InitialPinUnknown):
        inventory.tell_initial_pin(clerk(), token.pk, now=NOW)
    assert Token.objects.unscoped("test").get(pk=token.pk).has_admin_pin


def test_pins_are_made_once_and_for_tokens_in_stock_only(world: World) -> None:
    token = blank(world)
    pin = inventory.tell_initial_pin(clerk(), token.pk, now=NOW)
    inventory.make_pins(clerk(), [token.pk], now=NOW)
    assert inventory.tell_initial_pin(clerk(), token.pk, now=NOW) == pin
    inventory.assign(clerk(), [token.pk], now=NOW)
    assert Token.objects.unscoped("test").get(pk=token.pk).state == TokenState.ASSIGNED
    with pytest.raises(TransitionRefused):
        inventory.make_pins(clerk(), [token.pk], now=NOW)
