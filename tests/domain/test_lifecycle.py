"""The six businesses carried out on real pairs (A3): renew, reissue, modify, unlock, revoke, hold and release."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from banyan import sealing
from banyan.domain.audit import verifying
from banyan.domain.ca import access as certificates
from banyan.domain.ca import actions as ca
from banyan.domain.ca.errors import PairNotFound, PairNotHeld, PairNotValid, PairRevoked
from banyan.domain.ca.models import Certificate, CertificatePair, CrlIssue, StatusChange
from banyan.domain.iam.errors import RightMissing
from banyan.domain.iam.models import StaffAccount
from banyan.domain.iam.rights import Role
from banyan.domain.inventory.models import PersonalizationTask, Token
from banyan.domain.lifecycle.errors import Replaced, UnlockRefused
from banyan.domain.lifecycle.models import UnlockGrant
from banyan.domain.ra import actions as ra
from banyan.domain.ra.errors import ApprovalVoid, RequestPending, StepNotDue
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.ra.values import RequestData, RequestDraft
from banyan.domain.systems.errors import RenewalTooEarly
from banyan.kernel.home import Home
from banyan.pki.crl_view import parse_crl
from support import issuing
from support.iam import staff
from support.issuing import NOW, SYSTEM, MemoryCa, World, approver, clerk, later, operator

pytestmark = pytest.mark.django_db(transaction=True)
WINDOW = 320


@pytest.fixture
def world() -> World:
    return issuing.world()


def held_by(pair: CertificatePair) -> CertificatePair:
    return CertificatePair.objects.unscoped("test").get(pk=pair.pk)


def states(pair: CertificatePair) -> set[tuple[str, str]]:
    return set(Certificate.objects.filter(pair=pair).values_list("state", "reason"))


def on(world: World, pair: CertificatePair, business: str, **changes: Any) -> RequestDraft:
    values: dict[str, Any] = {
        "pair_id": pair.pk,
        "business": business,
        "person_id": None,
        "organization_id": None,
        **changes,
    }
    return issuing.draft(world, **values)


def token_of(pair: CertificatePair) -> Token:
    return Token.objects.unscoped("test").get(pk=pair.token_id)


def test_a_renewal_makes_a_new_pair_that_continues_and_leaves_the_old_one_valid(world: World) -> None:
    (old,) = issuing.in_hands(world, issuing.draft(world))
    with pytest.raises(RenewalTooEarly):
        ra.open_request(clerk(), on(world, old, "renew"), NOW)
    now = later(WINDOW)
    (request,) = issuing.decided(world, on(world, old, "renew"), now=now)
    issuing.issue(world, request, now, token=token_of(old), container="c2")
    report = ra.carry_on(SYSTEM, world.connector, now)
    new = CertificatePair.objects.unscoped("test").get(pk=report.pairs[0])
    issuing.delivered(world, request.pk, now)
    assert new.not_after == old.not_after + timedelta(days=365), "no paid day is lost"
    assert (held_by(old).state, held_by(new).state, new.supersedes_id) == ("VALID", "VALID", old.pk)
    kept = PersonalizationTask.objects.unscoped("test").filter(token_id=old.token_id, state="VERIFIED")
    assert {task.container for task in kept} == {"c1", "c2"}, "the old encryption key stays in the token"
    assert [task.container for task in kept if task.is_current] == ["c2"]


def test_a_pair_is_renewed_once_and_not_twice_at_a_time(world: World) -> None:
    (old,) = issuing.in_hands(world, issuing.draft(world))
    now = later(WINDOW)
    (request,) = issuing.decided(world, on(world, old, "renew"), now=now)
    with pytest.raises(RequestPending):
        ra.open_request(clerk(), on(world, old, "modify"), now)
    issuing.issue(world, request, now, token=token_of(old), container="c2")
    ra.carry_on(SYSTEM, world.connector, now)
    issuing.delivered(world, request.pk, now)
    with pytest.raises(Replaced):
        ra.open_request(clerk(), on(world, old, "renew"), now)


def test_a_lost_tokens_pair_is_revoked_when_the_reissue_is_approved(world: World) -> None:
    (old,) = issuing.in_hands(world, issuing.draft(world))
    (request,) = issuing.decided(world, on(world, old, "reissue", reason="lost"), now=later(5))
    assert states(old) == {("REVOKED", "keyCompromise")}
    assert token_of(old).state == "LOST"
    issuing.issue(world, request, later(6))
    report = ra.carry_on(SYSTEM, world.connector, later(6))
    new = CertificatePair.objects.unscoped("test").get(pk=report.pairs[0])
    issuing.delivered(world, request.pk, later(6))
    assert (new.not_after, held_by(new).state) == (old.not_after, "VALID")


def test_a_damaged_tokens_pair_is_revoked_when_the_new_one_is_handed_over(world: World) -> None:
    (old,) = issuing.in_hands(world, issuing.draft(world))
    (request,) = issuing.decided(world, on(world, old, "reissue", reason="damaged"), now=later(5))
    issuing.issue(world, request, later(5))
    ra.carry_on(SYSTEM, world.connector, later(5))
    assert states(old) == {("VALID", "")}
    issuing.delivered(world, request.pk, later(6))
    assert states(old) == {("REVOKED", "superseded")}
    assert token_of(old).state == "DAMAGED"


def test_a_modification_gives_the_new_name_and_revokes_the_old_pair_at_delivery(world: World) -> None:
    (old,) = issuing.in_hands(world, issuing.draft(world))
    data = RequestData(subject={"OU": "新的处室"})
    (request,) = issuing.decided(world, on(world, old, "modify", data=data), now=later(5))
    issuing.issue(world, request, later(5), token=token_of(old), container="c2")
    report = ra.carry_on(SYSTEM, world.connector, later(5))
    new = Certificate.objects.filter(pair_id=report.pairs[0]).first()
    assert new is not None
    assert "新的处室".encode() in bytes(new.der)
    assert states(old) == {("VALID", "")}
    issuing.delivered(world, request.pk, later(6))
    assert states(old) == {("REVOKED", "affiliationChanged")}
    assert token_of(old).state == "HANDED_OVER", "the same token goes on with the new pair"


def approved(world: World, draft: RequestDraft, now: datetime = NOW) -> ServiceRequest:
    """A request at the counter that went through precheck and approval."""
    request = ra.open_request(clerk(), draft, now)
    assert ra.precheck(clerk(), request.pk, now) == []
    return ra.approve(approver(), request.pk, now)


def counter(world: World, pair: CertificatePair, business: str, **changes: Any) -> RequestDraft:
    papers = issuing.materials(business)
    return on(world, pair, business, channel="COUNTER", materials=papers, data=None, **changes)


def test_unlocking_answers_one_challenge_of_one_token_and_changes_no_certificate(world: World) -> None:
    (pair,) = issuing.in_hands(world, issuing.draft(world))
    request = approved(world, counter(world, pair, "unlock"))
    asked: list[tuple[str, str, str, str]] = []

    def respond(admin_pin: str, challenge: str, new_pin: str, *, serial: str) -> str:
        asked.append((admin_pin, challenge, new_pin, serial))
        return f"answer to {challenge}"

    answer = ra.unlock(clerk(), request.pk, NOW, challenge="one", new_pin="48203917", respond=respond)
    assert answer == "answer to one"
    assert asked == [("K7QW3ZPN5TXD2HMA", "one", "48203917", pair.token_serial)]
    assert ra.unlock(clerk(), request.pk, NOW, challenge="one", new_pin="48203917", respond=respond) == answer
    with pytest.raises(UnlockRefused):
        ra.unlock(clerk(), request.pk, NOW, challenge="two", new_pin="48203917", respond=respond)
    assert token_of(pair).state == "LOCKED"
    done = ra.unlocked(clerk(), request.pk, NOW)
    assert (done.state, token_of(pair).state, states(pair)) == ("DONE", "HANDED_OVER", {("VALID", "")})
    with pytest.raises(Exception, match="已办结"):
        ra.unlock(clerk(), request.pk, NOW, challenge="one", new_pin="48203917", respond=respond)


def test_no_unlock_answer_without_approval_or_after_it_expired(world: World) -> None:
    (pair,) = issuing.in_hands(world, issuing.draft(world))

    def respond(admin_pin: str, challenge: str, new_pin: str, *, serial: str) -> str:
        raise AssertionError("must not be asked")

    request = ra.open_request(clerk(), counter(world, pair, "unlock"), NOW)
    with pytest.raises(StepNotDue):
        ra.unlock(clerk(), request.pk, NOW, challenge="one", new_pin="48203917", respond=respond)
    assert UnlockGrant.objects.count() == 0
    ra.precheck(clerk(), request.pk, NOW)
    ra.approve(approver(), request.pk, NOW)
    with pytest.raises(UnlockRefused):
        ra.unlock(clerk(), request.pk, later(11), challenge="one", new_pin="48203917", respond=respond)


@pytest.mark.parametrize(("is_returned", "token_state"), [(True, "RETURNED"), (False, "LOST")])
def test_revoking_takes_the_pair_together_and_the_token_is_returned_or_declared_lost(
    world: World, is_returned: bool, token_state: str
) -> None:
    (pair,) = issuing.in_hands(world, issuing.draft(world))
    request = approved(world, counter(world, pair, "revoke", reason="left_office"))
    assert states(pair) == {("VALID", "")}, "an approval alone revokes nothing"
    statement = "" if is_returned else "2026 年 2 月在途中遗失"
    done = ra.revoke(clerk(), request.pk, NOW, is_token_returned=is_returned, note=statement)
    assert (done.state, token_of(pair).state) == ("DONE", token_state)
    assert states(pair) == {("REVOKED", "affiliationChanged")}
    assert len(set(Certificate.objects.filter(pair=pair).values_list("revoked_at"))) == 1


def test_a_revocation_whose_materials_changed_after_approval_is_not_carried_out(world: World) -> None:
    (pair,) = issuing.in_hands(world, issuing.draft(world))
    request = approved(world, counter(world, pair, "revoke", reason="left_office"))
    ServiceRequest.objects.unscoped("a hand in the database").filter(pk=request.pk).update(materials_digest="ab" * 32)
    with pytest.raises(ApprovalVoid):
        ra.revoke(clerk(), request.pk, NOW, is_token_returned=True)
    assert states(pair) == {("VALID", "")}


def test_a_held_pair_stands_in_the_crl_and_leaves_it_when_released(world: World) -> None:
    (pair,) = issuing.in_hands(world, issuing.draft(world))
    ca.hold_pair(approver(), pair.pk, NOW)
    assert states(pair) == {("HELD", "certificateHold")}
    first = ca.issue_crl(SYSTEM, "sm2-personal", world.connector, NOW)
    assert first.entries == 2
    ca.release_pair(approver(), pair.pk, later(1))
    assert states(pair) == {("VALID", "")}
    second = ca.issue_crl(SYSTEM, "sm2-personal", world.connector, later(1))
    assert (second.entries, second.number) == (0, first.number + 1)
    with pytest.raises(PairNotHeld):
        ca.release_pair(approver(), pair.pk, NOW)


def test_what_is_revoked_stays_revoked_and_keeps_its_first_reason(world: World) -> None:
    (pair,) = issuing.in_hands(world, issuing.draft(world))
    ca.revoke_pair(approver(), pair.pk, "keyCompromise", NOW)
    ca.revoke_pair(approver(), pair.pk, "superseded", later(1))
    assert states(pair) == {("REVOKED", "keyCompromise")}
    with pytest.raises(PairRevoked):
        ca.release_pair(approver(), pair.pk, NOW)
    with pytest.raises(PairNotValid):
        ca.hold_pair(approver(), pair.pk, NOW)
    assert StatusChange.objects.filter(pair=pair).count() == 1


def test_rights_are_checked_where_the_writing_is(world: World) -> None:
    (pair,) = issuing.in_hands(world, issuing.draft(world))
    with pytest.raises(RightMissing):
        ca.revoke_pair(issuing.proofreader(), pair.pk, "superseded", NOW)
    with pytest.raises(RightMissing):
        ca.hold_pair(clerk(), pair.pk, NOW)
    with pytest.raises(RightMissing):
        ca.issue_crl(clerk(), "sm2-personal", world.connector, NOW)
    with pytest.raises(PairNotFound):
        ca.revoke_pair(approver(), 999_999, "superseded", NOW)


def test_crl_numbers_start_above_the_highest_found_anywhere(world: World) -> None:
    """Numbers that must not return: database, published files, the signer's journal."""
    world.connector.last_number = 41
    issue = ca.issue_crl(operator(), "sm2-personal", world.connector, NOW)
    assert issue.number == 42
    assert parse_crl(bytes(issue.der)).number == 42
    assert CrlIssue.objects.get().is_row_genuine()


def test_lists_that_follow_one_another_leave_the_audit_whole(world: World, home: Home) -> None:
    """E4: the bytes of older lists are given up by the product itself; an edit of one is still found."""
    for day in range(3):
        ca.issue_crl(operator(), "sm2-personal", world.connector, later(day))
    assert [bool(bytes(one.der)) for one in CrlIssue.objects.order_by("number")] == [False, False, True]
    assert verifying.verify(sealing.keyring(home), []).is_good
    CrlIssue.objects.filter(pk=CrlIssue.objects.order_by("-number")[0].pk).update(der=b"0")
    ca.issue_crl(operator(), "sm2-personal", world.connector, later(3))
    assert [finding.kind for finding in verifying.verify(sealing.keyring(home), []).findings] == ["row_changed"]


def test_a_superior_ca_is_told_of_revocations_and_of_releases_when_it_answers() -> None:
    """A11: revoke, hold and release go through the connector; our records change at once."""
    world = issuing.world(connector=MemoryCa(code="superior"))
    (pair,) = issuing.in_hands(world, issuing.draft(world))
    world.connector.answers = False
    ca.hold_pair(approver(), pair.pk, NOW)
    ra.carry_on(SYSTEM, world.connector, NOW)
    assert states(pair) == {("HELD", "certificateHold")}
    assert StatusChange.objects.get().state == "WAITING"
    world.connector.answers = True
    ca.release_pair(approver(), pair.pk, later(1))
    ra.carry_on(SYSTEM, world.connector, later(1))
    assert [task.action for task in world.connector.revoked] == ["hold", "release"]
    assert set(StatusChange.objects.values_list("state", flat=True)) == {"DONE"}


def test_a_pairs_life_can_be_read(world: World) -> None:
    (old,) = issuing.in_hands(world, issuing.draft(world))
    ca.hold_pair(approver(), old.pk, NOW)
    life = certificates.life(clerk(), old.pk)
    assert [certificate.use for certificate in life.certificates] == ["SIGNING", "ENCRYPTION"]
    assert [change.action for change in life.changes] == ["hold"]
    counts = certificates.counts(clerk(), ["pairs:HELD", "pairs:VALID"])
    assert counts[("pairs:HELD", "GENERAL")] == 1
    assert counts[("pairs:VALID", "GENERAL")] == 0


def test_who_changed_a_status_stands_beside_the_change(world: World) -> None:
    """E4: the name colleagues saw at that moment; a part of the product is told from a person."""
    (pair,) = issuing.in_hands(world, issuing.draft(world))
    person = staff(Role.APPROVER, username="approver7")
    ca.hold_pair(person, pair.pk, NOW)
    StaffAccount.objects.filter(pk=person.id).update(display_name="后来的名字")
    ca.release_pair(person, pair.pk, later(1))
    ca.revoke_pair(SYSTEM, pair.pk, "superseded", later(2))
    changes = certificates.life(clerk(), pair.pk).changes
    assert [(one.actor, one.actor_name) for one in changes] == [
        (person.id, "测试人员"),
        (person.id, "后来的名字"),
        (0, SYSTEM.name),
    ]
