"""An escrowed key is recovered for a named certified key, once, by two officers beside requester and holder (A2)."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from banyan.domain.audit.errors import RowForged
from banyan.domain.audit.models import AuditRecord
from banyan.domain.ca.models import Certificate
from banyan.domain.iam.errors import RightMissing
from banyan.domain.iam.rights import Role
from banyan.domain.kmc import access, actions, rules
from banyan.domain.kmc.errors import (
    ApproverRefused,
    RecoveryInvalid,
    RecoveryNotApproved,
    RecoveryNotFound,
    RecoveryNotOpen,
    RecoveryPending,
)
from banyan.domain.kmc.models import KeyRecovery, RecoveryApproval
from banyan.domain.kmc.values import EscrowedKey, RecoveryWish
from banyan.kernel.actor import Actor
from support import issuing
from support.issuing import NOW, clerk, later, person_in_role

pytestmark = pytest.mark.django_db(transaction=True)


def officer(account: int, **options: Any) -> Actor:
    return person_in_role(Role.KMC_OFFICER, account, **options)


@dataclass
class Centre:
    """A key centre that notes what it was asked for."""

    asked: list[int] = field(default_factory=list)

    def recover_key(self, recovery: int) -> bytes:
        self.asked.append(recovery)
        return b"envelope"


@pytest.fixture
def escrowed() -> tuple[EscrowedKey, bytes]:
    """The key of an issued pair, and a signing certificate that could receive it."""
    world = issuing.world()
    made, other = issuing.issued(world, issuing.draft(world), issuing.draft(world, person=1))
    encryption = Certificate.objects.get(pair=made, use="ENCRYPTION")
    recipient = Certificate.objects.get(pair=other, use="SIGNING")
    assert made.issuance_id is not None
    key = EscrowedKey(made.issuance_id, encryption.serial, made.person_id, made.region_code)
    return key, bytes(recipient.der)


def asked(escrowed: tuple[EscrowedKey, bytes], **changes: Any) -> KeyRecovery:
    key, recipient = escrowed
    wish = RecoveryWish(purpose="HOLDER", reason="介质损坏", recipient_certificate=recipient)
    return actions.request_recovery(clerk(), key, replace(wish, **changes), NOW)


def test_two_officers_beside_the_requester_make_it_possible_once(escrowed: tuple[EscrowedKey, bytes]) -> None:
    recovery = asked(escrowed)
    centre = Centre()
    with pytest.raises(RecoveryNotApproved):
        actions.carry_out_recovery(clerk(), recovery.pk, centre, NOW)
    actions.approve_recovery(officer(51), recovery.pk, NOW)
    with pytest.raises(RecoveryNotApproved):
        actions.carry_out_recovery(clerk(), recovery.pk, centre, NOW)
    actions.approve_recovery(officer(52), recovery.pk, NOW, seen=rules.recovery_digest(access.recovery(recovery.pk)))
    assert actions.carry_out_recovery(clerk(), recovery.pk, centre, NOW) == b"envelope"
    assert actions.carry_out_recovery(clerk(), recovery.pk, centre, NOW) == b"envelope"
    assert centre.asked == [recovery.pk], "the centre is asked once; a lost reply is answered from here"
    assert access.recovery(recovery.pk).state == "DONE"
    with pytest.raises(RecoveryNotOpen):
        actions.approve_recovery(officer(53), recovery.pk, NOW)


def test_one_credential_cannot_recover_a_key(escrowed: tuple[EscrowedKey, bytes]) -> None:
    """Issue: a test shows that one credential cannot recover a key."""
    recovery = asked(escrowed)
    both = replace(clerk(), rights=clerk().rights | officer(1).rights)
    for person in (both, officer(54, credential=clerk().credential_id), replace(officer(55), credential_id=None)):
        with pytest.raises(ApproverRefused):
            actions.approve_recovery(person, recovery.pk, NOW)
    actions.approve_recovery(officer(51), recovery.pk, NOW)
    for again in (officer(51), officer(56, credential=officer(51).credential_id)):
        with pytest.raises(ApproverRefused):
            actions.approve_recovery(again, recovery.pk, NOW)
    assert RecoveryApproval.objects.count() == 1
    assert AuditRecord.objects.filter(outcome="refused", event="kmc.approve_recovery").count() == 5


def test_the_holder_does_not_approve(escrowed: tuple[EscrowedKey, bytes]) -> None:
    recovery = asked(escrowed, holder_account_id=57)
    with pytest.raises(ApproverRefused):
        actions.approve_recovery(officer(57), recovery.pk, NOW)


def test_judicial_evidence_names_its_case(escrowed: tuple[EscrowedKey, bytes]) -> None:
    with pytest.raises(RecoveryInvalid):
        asked(escrowed, purpose="JUDICIAL")
    assert asked(escrowed, purpose="JUDICIAL", case_number="（2026）闽01刑初1号").case_number


def test_only_a_signing_certificate_in_force_receives_a_key(escrowed: tuple[EscrowedKey, bytes]) -> None:
    encryption = bytes(Certificate.objects.filter(use="ENCRYPTION").first().der)  # type: ignore[union-attr]
    with pytest.raises(RecoveryInvalid):
        asked(escrowed, recipient_certificate=encryption)
    key, recipient = escrowed
    wish = RecoveryWish(purpose="HOLDER", reason="介质损坏", recipient_certificate=recipient)
    with pytest.raises(RecoveryInvalid):
        actions.request_recovery(clerk(), key, wish, later(400))


def test_a_recovery_ends_by_itself(escrowed: tuple[EscrowedKey, bytes]) -> None:
    recovery = asked(escrowed)
    with pytest.raises(RecoveryNotOpen):
        actions.approve_recovery(officer(51), recovery.pk, NOW + rules.LASTS + timedelta(seconds=1))
    actions.approve_recovery(officer(51), recovery.pk, NOW)
    actions.approve_recovery(officer(52), recovery.pk, NOW)
    with pytest.raises(RecoveryNotOpen):
        actions.carry_out_recovery(clerk(), recovery.pk, Centre(), NOW + rules.LASTS + timedelta(seconds=1))


def test_a_refused_recovery_is_over(escrowed: tuple[EscrowedKey, bytes]) -> None:
    recovery = asked(escrowed)
    actions.refuse_recovery(officer(51), recovery.pk, NOW, reason="理由不足")
    with pytest.raises(RecoveryNotOpen):
        actions.approve_recovery(officer(52), recovery.pk, NOW)


def test_an_approval_is_of_exactly_this_recovery(escrowed: tuple[EscrowedKey, bytes]) -> None:
    recovery = asked(escrowed)
    with pytest.raises(ApproverRefused):
        actions.approve_recovery(officer(51), recovery.pk, NOW, seen="00" * 32)
    KeyRecovery.objects.filter(pk=recovery.pk).update(certificate_serial="5200")
    with pytest.raises(RowForged):
        actions.approve_recovery(officer(51), recovery.pk, NOW)


def test_rights_and_sight(escrowed: tuple[EscrowedKey, bytes]) -> None:
    key, recipient = escrowed
    wish = RecoveryWish(purpose="HOLDER", reason="介质损坏", recipient_certificate=recipient)
    with pytest.raises(RightMissing):
        actions.request_recovery(officer(51), key, wish, NOW)
    recovery = asked(escrowed)
    with pytest.raises(RightMissing):
        actions.approve_recovery(clerk(61), recovery.pk, NOW)
    assert [one.pk for one in access.recoveries(officer(51))] == [recovery.pk]
    assert access.recoveries(officer(51, regions=("350128",))) == []
    with pytest.raises(RecoveryNotFound):
        actions.approve_recovery(officer(51), 10**9, NOW)


def test_the_same_recovery_is_asked_for_once_at_a_time(escrowed: tuple[EscrowedKey, bytes]) -> None:
    """A2: a second request equal to an open one is refused and names the first; another case is another recovery."""
    first = asked(escrowed)
    with pytest.raises(RecoveryPending, match=rf"申请 {first.pk} .*等待审批.*banyan key approve {first.pk}"):
        asked(escrowed, reason="再说一次")
    case = {"purpose": "JUDICIAL", "case_number": "（2026）闽01刑初1号"}
    asked(escrowed, **case)
    with pytest.raises(RecoveryPending):
        asked(escrowed, **case | {"case_number": " （2026）闽01刑初1号 "})
    asked(escrowed, **case | {"case_number": "（2026）闽01刑初2号"})
    actions.approve_recovery(officer(51), first.pk, NOW)
    actions.approve_recovery(officer(52), first.pk, NOW)
    with pytest.raises(RecoveryPending, match="已批准"):
        asked(escrowed)
    actions.carry_out_recovery(clerk(), first.pk, Centre(), NOW)
    second = asked(escrowed)
    actions.refuse_recovery(officer(51), second.pk, NOW, reason="理由不足")
    third = asked(escrowed)
    key, recipient = escrowed
    wish = RecoveryWish(purpose="HOLDER", reason="介质损坏", recipient_certificate=recipient)
    KeyRecovery.objects.filter(pk=third.pk).update(expires_at=NOW - timedelta(seconds=1))
    assert actions.request_recovery(clerk(), key, wish, NOW).pk != third.pk


def test_of_two_equal_requests_at_the_same_moment_one_is_taken(escrowed: tuple[EscrowedKey, bytes]) -> None:
    """A2: two clerks press at once; neither sees the other's request yet."""
    together = threading.Barrier(2)

    def ask(_: int) -> str:
        try:
            together.wait(10)
            asked(escrowed)
        except RecoveryPending:
            return "refused"
        finally:
            connection.close()
        return "taken"

    for _ in range(5):
        KeyRecovery.objects.all().delete()
        with ThreadPoolExecutor(2) as both:
            assert sorted(both.map(ask, range(2))) == ["refused", "taken"]
