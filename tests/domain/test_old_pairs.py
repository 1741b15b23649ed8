"""What becomes of the old pair, its place in the CRL and its token, for each business in every order of events (A3, F8)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pytest

from banyan.domain.ca import actions as ca
from banyan.domain.ca.models import Certificate, CertificatePair, StatusChange
from banyan.domain.ca.rules import EMBEDDED
from banyan.domain.inventory import actions as inventory
from banyan.domain.inventory.models import Token
from banyan.domain.lifecycle.businesses import OldPair, businesses
from banyan.domain.ra import actions as ra
from banyan.domain.ra.models import ServiceRequest
from banyan.pki.crl_view import parse_crl
from support import issuing
from support.issuing import SYSTEM, MemoryCa, World, approver, clerk, later

pytestmark = pytest.mark.django_db(transaction=True)
# Two months before expiry all businesses are open.
OPEN = later(320)
CASES = [(rule.code, one.code) for rule in businesses().values() if rule.issues and rule.acts_on_pair
         for one in rule.reasons or (rule.fate(""),)]  # fmt: skip


@pytest.fixture
def world() -> World:
    return issuing.world(tokens=8)


@dataclass
class Case:
    """One business on one pair, with what the table says of it."""

    world: World
    business: str
    reason: str
    old: CertificatePair

    @property
    def fate(self) -> OldPair:
        return businesses()[self.business].fate(self.reason).old_pair

    @property
    def crl_reason(self) -> str:
        return businesses()[self.business].fate(self.reason).revocation_reason

    @property
    def token_state(self) -> str:
        return businesses()[self.business].fate(self.reason).token or "HANDED_OVER"

    def approved(self) -> ServiceRequest:
        draft = issuing.draft(
            self.world, pair_id=self.old.pk, business=self.business, reason=self.reason, person_id=None,
            organization_id=None,
        )  # fmt: skip
        (request,) = issuing.decided(self.world, draft, now=OPEN)
        return request

    def approved_revocation(self) -> ServiceRequest:
        draft = issuing.draft(
            self.world, pair_id=self.old.pk, business=self.business, reason=self.reason, person_id=None,
            organization_id=None, channel="COUNTER", data=None, materials=issuing.materials(self.business),
        )  # fmt: skip
        request = ra.open_request(clerk(), draft, OPEN)
        assert ra.precheck(clerk(), request.pk, OPEN) == []
        return ra.approve(approver(), request.pk, OPEN)

    def issued(self) -> ServiceRequest:
        request = issuing.issue(self.world, self.approved(), OPEN)
        assert ra.carry_on(SYSTEM, self.world.connector, OPEN).issued == 1
        return ServiceRequest.objects.unscoped("test").get(pk=request.pk)

    def deliver(self, request: ServiceRequest, at: datetime = OPEN) -> None:
        issuing.delivered(self.world, request.pk, at)

    def expect(self, *, is_revoked: bool, token: str, reason: str = "") -> None:
        state, why = ("REVOKED", reason or self.crl_reason) if is_revoked else ("VALID", "")
        certificates = Certificate.objects.filter(pair=self.old)
        assert set(certificates.values_list("state", "reason")) == {(state, why)}
        assert CertificatePair.objects.unscoped("test").get(pk=self.old.pk).verify_row().state == state
        queued = StatusChange.objects.filter(pair=self.old, action="revoke")
        assert [one.reason for one in queued] == ([why] if is_revoked else []), "the CA hears of it once"
        assert Token.objects.unscoped("test").get(pk=self.old.token_id).verify_row().state == token
        self.expect_in_crl(is_revoked)

    def expect_in_crl(self, is_revoked: bool) -> None:
        ca.settle_status_changes(SYSTEM, self.world.connector, later(420))
        assert not StatusChange.objects.filter(pair=self.old, state="WAITING").exists()
        if self.world.connector.code != EMBEDDED:
            told = [task for task in self.world.connector.revoked if task.action == "revoke"]
            assert len([task for task in told if task.task_no.startswith(f"{self.old.pk}-")]) == int(is_revoked)
            return
        crl = ca.issue_crl(SYSTEM, "sm2-personal", self.world.connector, later(320))
        listed = {entry.serial.hex() for entry in parse_crl(bytes(crl.der)).entries()}
        ours = {row.serial.lower() for row in Certificate.objects.filter(pair=self.old)}
        assert (ours <= listed) if is_revoked else not (ours & listed)


@pytest.fixture(params=CASES, ids=lambda case: "-".join(case).strip("-"))
def case(request: pytest.FixtureRequest, world: World) -> Case:
    (old,) = issuing.in_hands(world, issuing.draft(world))
    return Case(world, *request.param, old)


def test_nothing_happens_before_its_moment_and_all_of_it_then(case: Case) -> None:
    at_once = case.fate is OldPair.AT_APPROVAL
    request = case.issued()
    case.expect(is_revoked=at_once, token=case.token_state if at_once else "HANDED_OVER")
    case.deliver(request)
    case.expect(is_revoked=case.fate is not OldPair.STAYS, token=case.token_state)


def test_a_request_called_off_after_approval_leaves_what_was_done_and_does_no_more(case: Case) -> None:
    at_once = case.fate is OldPair.AT_APPROVAL
    token = case.token_state if at_once else "HANDED_OVER"
    ra.cancel(clerk(), case.approved().pk, OPEN, reason="撤回")
    case.expect(is_revoked=at_once, token=token)


def test_a_request_called_off_after_issuing_ends_the_new_pair_only(case: Case) -> None:
    at_once = case.fate is OldPair.AT_APPROVAL
    request = case.issued()
    ra.cancel(clerk(), request.pk, OPEN, reason="撤回")
    case.expect(is_revoked=at_once, token=case.token_state if at_once else "HANDED_OVER")
    new = Certificate.objects.filter(pair_id=request.issued_pair_id).values_list("state", flat=True)
    assert set(new) == {"REVOKED"}


def test_a_pair_revoked_meanwhile_keeps_its_first_reason(case: Case) -> None:
    request = case.issued()
    ca.revoke_pair(approver(), case.old.pk, "cessationOfOperation", OPEN)
    case.deliver(request)
    first = case.crl_reason if case.fate is OldPair.AT_APPROVAL else "cessationOfOperation"
    case.expect(is_revoked=True, token=case.token_state, reason=first)


def test_a_pair_held_meanwhile_is_revoked_all_the_same(case: Case) -> None:
    request = case.issued()
    if case.fate is OldPair.AT_APPROVAL:
        case.deliver(request)
        case.expect(is_revoked=True, token=case.token_state)
        return
    ca.hold_pair(approver(), case.old.pk, OPEN)
    case.deliver(request)
    if case.fate is OldPair.STAYS:
        ca.release_pair(approver(), case.old.pk, OPEN)
    case.expect(is_revoked=case.fate is not OldPair.STAYS, token=case.token_state)


@pytest.mark.parametrize(("business", "reason"), CASES)
def test_a_ca_that_is_silent_hears_of_it_later(business: str, reason: str) -> None:
    world = issuing.world(connector=MemoryCa(code="superior"))
    (old,) = issuing.in_hands(world, issuing.draft(world))
    case = Case(world, business, reason, old)
    request = case.issued()
    case.world.connector.answers = False
    case.deliver(request)
    ca.settle_status_changes(SYSTEM, case.world.connector, OPEN)
    waiting = StatusChange.objects.filter(pair=case.old, state="WAITING").exists()
    assert waiting == (case.fate is OldPair.AT_DELIVERY), "what an approval ended was told before the silence"
    case.world.connector.answers = True
    case.expect(is_revoked=case.fate is not OldPair.STAYS, token=case.token_state)


def test_a_pair_that_expired_before_delivery_is_revoked_when_its_rule_says(case: Case) -> None:
    case.deliver(case.issued(), later(366))
    case.expect(is_revoked=case.fate is not OldPair.STAYS, token=case.token_state)


@pytest.mark.parametrize("before", ["lock", "lose", "take_back"])
def test_wherever_the_old_token_went_meanwhile_its_last_word_is_the_true_one(case: Case, before: str) -> None:
    """A token locked becomes damaged where its business says so; one lost or handed in meanwhile is not taken for better."""
    request = case.issued()
    token = Token.objects.unscoped("test").get(pk=case.old.token_id)
    moves: dict[str, Callable[[], object]] = {
        "lock": lambda: inventory.lock(clerk(), [token.pk], now=OPEN),
        "lose": lambda: inventory.lose(clerk(), [token.pk], reason="又丢了", now=OPEN),
        "take_back": lambda: inventory.take_back(clerk(), [token.pk], now=OPEN),
    }
    if token.state == "HANDED_OVER":
        moves[before]()
    case.deliver(request)
    went = {"lock": "LOCKED", "lose": "LOST", "take_back": "RETURNED"}[before]
    named = businesses()[case.business].fate(case.reason).token
    expected = "LOST" if named == "LOST" or before == "lose" else named or went
    case.expect(is_revoked=case.fate is not OldPair.STAYS, token=expected)


def test_a_damaged_token_that_takes_the_new_pair_is_not_written_off(world: World) -> None:
    """补办（损坏）into the token itself: what was damaged was what it held, and it is in the holder's hands again."""
    (old,) = issuing.in_hands(world, issuing.draft(world))
    case = Case(world, "reissue", "damaged", old)
    token = Token.objects.unscoped("test").get(pk=old.token_id)
    request = issuing.issue(world, case.approved(), OPEN, token=token, container="c2")
    assert ra.carry_on(SYSTEM, world.connector, OPEN).issued == 1
    case.deliver(request)
    case.expect(is_revoked=True, token="HANDED_OVER")


@pytest.mark.parametrize(
    ("is_returned", "is_destroyed", "token"),
    [(True, False, "RETURNED"), (True, True, "DESTROYED"), (False, False, "LOST")],
)
@pytest.mark.parametrize("before", ["held", "locked", "declared lost", "nothing"])
def test_a_revocation_ends_pair_and_token_whatever_was_before(
    world: World, before: str, is_returned: bool, is_destroyed: bool, token: str
) -> None:
    (old,) = issuing.in_hands(world, issuing.draft(world))
    case = Case(world, "revoke", "no_longer_used", old)
    request = case.approved_revocation()
    if before == "held":
        ca.hold_pair(approver(), old.pk, OPEN)
    elif before == "locked":
        inventory.lock(clerk(), [old.token_id or 0], now=OPEN)
    elif before == "declared lost":
        inventory.lose(clerk(), [old.token_id or 0], reason="挂失", now=OPEN)
    ra.revoke(clerk(), request.pk, OPEN, is_token_returned=is_returned, is_destroyed=is_destroyed, note="声明 3 号")
    case.expect(is_revoked=True, token=token)
