"""Intent before signature, recorded once, whatever a CA does (A2, A11; design §5)."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from banyan.domain.audit.errors import RowForged
from banyan.domain.audit.models import AuditRecord
from banyan.domain.ca import actions as ca
from banyan.domain.ca import returned
from banyan.domain.ca.actions.issuing import task_of
from banyan.domain.ca.errors import (
    IssuanceConflict,
    IssuanceNotOpen,
    KeyOfAuthority,
    KeyUsedBefore,
    UnknownAuthority,
    ValidityRefused,
)
from banyan.domain.ca.models import Certificate, CertificatePair, Issuance, SubjectKey
from banyan.domain.ca.ports import Connector, Issued
from banyan.domain.ca.rules import extension_values, key_number
from banyan.domain.ca.values import IssuanceRequest, RecordedPair
from banyan.domain.iam.errors import RightMissing
from banyan.domain.inventory import access as inventory
from banyan.domain.inventory import actions as stock
from banyan.domain.inventory.models import PersonalizationTask, Token
from banyan.domain.outbox.models import OutboxMessage
from banyan.domain.ra import access as ra_access
from banyan.domain.ra import actions as ra
from banyan.domain.ra.models import ServiceRequest
from banyan.kernel.actor import Actor
from banyan.pki.certificate import Certificate as View
from banyan.pki.csr import RequestSignatureInvalid
from support import issuing
from support.issuing import NOW, SYSTEM, MemoryCa, World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world() -> World:
    return issuing.world()


def wish(world: World, number: int = 1, **changes: Any) -> IssuanceRequest:
    subject = issuing.small_pki.name(f"持有人{number}")
    values: dict[str, Any] = {
        "request_id": number,
        "request_version": 1,
        "system": "GENERAL",
        "kind": "PERSONAL",
        "profile": "sm2-personal",
        "ca": "sm2-personal",
        "subject_der": subject,
        "subject_name": f"持有人{number}",
        "extension_values": extension_values(),
        "csr": world.csr(subject, name=str(number)),
        "not_before": NOW,
        "not_after": NOW + timedelta(days=365),
        "data_digest": "00" * 32,
        "approval_id": 1,
        "proofreading_id": 1,
        "region_code": "350102",
    }
    return IssuanceRequest(**{**values, **changes})


def test_an_intent_is_written_before_anything_is_signed_and_its_serials_are_fixed(world: World) -> None:
    issuance = ca.open_issuance(issuing.clerk(), wish(world), NOW)
    stored = Issuance.objects.get(pk=issuance.pk)
    assert stored.state == Issuance.State.INTENT
    assert stored.is_row_genuine()
    assert stored.signing_serial
    assert stored.signing_serial != stored.encryption_serial
    assert not world.connector.tasks


def test_the_same_request_and_version_opens_once(world: World) -> None:
    first = wish(world)
    again = ca.open_issuance(issuing.clerk(), first, NOW)
    assert ca.open_issuance(issuing.clerk(), first, NOW).pk == again.pk
    other = wish(world)
    with pytest.raises(IssuanceConflict):
        ca.open_issuance(issuing.clerk(), other, NOW)
    assert Issuance.objects.count() == 1


def test_a_public_key_is_certified_once_even_within_one_batch(world: World) -> None:
    """Bad input: reused key."""
    one = wish(world, 1)
    opened = ca.open_issuances(issuing.clerk(), [one, wish(world, 2, csr=one.csr), wish(world, 3)], NOW)
    assert [row is not None for row in opened.issuances] == [True, False, True]
    assert isinstance(opened.refusals[0].error, KeyUsedBefore)
    with pytest.raises(KeyUsedBefore):
        ca.open_issuance(issuing.clerk(), wish(world, 4, csr=one.csr), NOW)
    assert AuditRecord.objects.filter(outcome="refused", detail__contains="key_used_before").count() == 2


def test_the_encryption_key_of_a_pair_cannot_become_a_signing_key(world: World) -> None:
    """A2: the KMC holds it too, so a signature by it would prove nothing."""
    issuing.issued(world, issuing.draft(world))
    encryption = Certificate.objects.get(use="ENCRYPTION")
    spki = View.parse(bytes(encryption.der)).spki_der
    assert SubjectKey.objects.filter(key=key_number(spki), is_encryption=True).exists()


def test_bad_requests_are_refused_one_by_one(world: World) -> None:
    """Bad input: broken signature, a CA's own key, a period beyond the CA's."""
    spoiled = bytearray(wish(world, 1).csr)
    spoiled[-1] ^= 1
    private, public = world.connector.key.private, world.connector.key.public
    own = issuing.csr.build(
        issuing.small_pki.name("x"), public, lambda info: issuing.gm.sm2.sign(private, public, info)
    )
    opened = ca.open_issuances(
        issuing.clerk(),
        [
            wish(world, 1, csr=bytes(spoiled)),
            wish(world, 2, csr=own),
            wish(world, 3, not_after=NOW + timedelta(days=30 * 366)),
            wish(world, 4, ca="no-such-ca"),
            wish(world, 5),
        ],
        NOW,
    )
    assert [type(refused.error) for refused in opened.refusals] == [
        RequestSignatureInvalid,
        KeyOfAuthority,
        ValidityRefused,
        UnknownAuthority,
    ]
    assert opened.issuances[4] is not None


def test_only_those_who_may_issue_open_intents(world: World) -> None:
    with pytest.raises(RightMissing):
        ca.open_issuance(issuing.approver(), wish(world), NOW)


def test_a_round_records_pair_certificates_task_publication_and_audit_together(world: World) -> None:
    (pair,) = issuing.issued(world, issuing.draft(world))
    signing, encryption = Certificate.objects.filter(pair=pair).order_by("pk")
    assert signing.is_row_genuine()
    assert encryption.is_row_genuine()
    assert View.parse(bytes(signing.der)).serial_hex == signing.serial
    task = PersonalizationTask.objects.unscoped("test").get(issuance_id=pair.issuance_id)
    assert task.state == "OPEN"
    assert task.envelope
    assert json.loads(OutboxMessage.objects.get(topic="directory.publish").payload) == {"pairs": [pair.pk]}
    record = AuditRecord.objects.get(event="ca.record_pair")
    assert record.object_id == pair.pk
    request = ServiceRequest.objects.unscoped("test").get(pk=pair.request_id)
    assert (request.step, request.issued_pair_id) == ("personalize", pair.pk)


def test_repeating_a_round_changes_nothing(world: World) -> None:
    issuing.issued(world, issuing.draft(world))
    before = (Certificate.objects.count(), OutboxMessage.objects.count(), AuditRecord.objects.count())
    report = ra.carry_on(SYSTEM, world.connector, issuing.later(1))
    assert (report.submitted, report.issued) == (0, 0)
    assert (Certificate.objects.count(), OutboxMessage.objects.count(), AuditRecord.objects.count()) == before


def test_collecting_what_was_recorded_already_records_nothing_twice(world: World) -> None:
    """A crash between recording and forgetting the answer: the next run gets the same answer again."""
    issuing.issued(world, issuing.draft(world))
    issuance = Issuance.objects.get()
    again = world.connector.issued[issuance.task_no]
    recorded, failed = ca.record_issued_many(SYSTEM, [(issuance.pk, again)], NOW)
    assert (recorded, failed) == ([], [])
    assert Certificate.objects.count() == 2


def test_a_failure_while_recording_leaves_the_intent_submitted_and_the_next_run_carries_on(world: World) -> None:
    (request,) = issuing.decided(world, issuing.draft(world))
    issuing.issue(world, request)

    def broken(actor: Actor, recorded: Sequence[RecordedPair], now: datetime) -> None:
        raise RuntimeError("power cut")

    ca.submit_due(SYSTEM, world.connector, NOW)
    with pytest.raises(RuntimeError):
        ca.collect_due(SYSTEM, world.connector, NOW, follow_up=broken)
    assert Certificate.objects.count() == 0
    assert Issuance.objects.get().state == Issuance.State.SUBMITTED
    assert ra.carry_on(SYSTEM, world.connector, NOW).issued == 1
    assert Certificate.objects.count() == 2
    assert len(world.connector.issued) == 1


def test_a_silent_ca_leaves_work_queued_and_service_resumes_by_itself(world: World) -> None:
    """A11."""
    (request,) = issuing.decided(world, issuing.draft(world))
    issuing.issue(world, request)
    world.connector.answers = False
    report = ra.carry_on(SYSTEM, world.connector, NOW)
    assert not report.is_up
    assert Issuance.objects.get().state == Issuance.State.INTENT
    assert ra_access.story(issuing.clerk(), request.pk).is_waiting_for_ca
    world.connector.answers = True
    assert ra.carry_on(SYSTEM, world.connector, NOW).issued == 0, "the CA is left alone for a while"
    assert ra.carry_on(SYSTEM, world.connector, NOW + timedelta(minutes=1)).issued == 1


def test_a_lost_reply_to_a_submission_is_submitted_again_under_the_same_number(world: World) -> None:
    (request,) = issuing.decided(world, issuing.draft(world))
    issuing.issue(world, request)
    world.connector.lose_replies = 1
    ra.carry_on(SYSTEM, world.connector, NOW)
    report = ra.carry_on(SYSTEM, world.connector, NOW + timedelta(minutes=1))
    assert (report.issued, len(world.connector.tasks), world.connector.submissions) == (1, 1, 2)


def test_a_pending_task_is_asked_for_again_later(world: World) -> None:
    (request,) = issuing.decided(world, issuing.draft(world))
    issuing.issue(world, request)
    world.connector.delay = 2
    assert ra.carry_on(SYSTEM, world.connector, NOW).pending == 1
    assert ra.carry_on(SYSTEM, world.connector, NOW).pending == 0, "not asked without a pause"
    assert ra.carry_on(SYSTEM, world.connector, NOW + timedelta(minutes=1)).pending == 1
    assert ra.carry_on(SYSTEM, world.connector, NOW + timedelta(minutes=2)).issued == 1


def test_a_refusal_sends_the_request_back_to_issuing_with_the_reason(world: World) -> None:
    (request,) = issuing.decided(world, issuing.draft(world))
    token = world.token()
    issuing.issue(world, request, token=token)
    world.connector.refuse = "superior.bad_subject"
    assert ra.carry_on(SYSTEM, world.connector, NOW).rejected == 1
    story = ra_access.story(issuing.clerk(), request.pk)
    assert (story.request.step, story.request.issuance_id) == ("issue", None)
    assert story.records[-1].note == "superior.bad_subject"
    world.connector.refuse = ""
    issuing.issue(world, request, token=token)
    assert ra.carry_on(SYSTEM, world.connector, NOW).issued == 1


def test_certificates_that_do_not_carry_out_the_intent_are_not_recorded(world: World) -> None:
    """A CA that answers with another's pair: refused, audited, asked again."""
    one, two = issuing.decided(world, issuing.draft(world, person=0), issuing.draft(world, person=1))
    for request in (one, two):
        issuing.issue(world, request)
    ca.submit_due(SYSTEM, world.connector, NOW)
    first, second = Issuance.objects.order_by("pk")
    answer = world.connector.sign(world.connector.tasks[second.task_no])
    recorded, failed = ca.record_issued_many(SYSTEM, [(first.pk, answer)], NOW)
    assert (recorded, failed) == ([], [first.pk])
    assert Certificate.objects.count() == 0
    assert AuditRecord.objects.filter(outcome="refused", event="ca.record_issued").exists()


@pytest.mark.parametrize("code", ["embedded", "superior"])
def test_what_a_ca_returns_is_read_in_full_and_compared(code: str, world: World) -> None:
    """The sampled reading of our own signer's work and every reading of a superior CA's."""
    world.connector.code = code
    issuance = ca.open_issuance(issuing.clerk(), wish(world, connector=code), NOW)
    task = task_of(issuance, "sm2-personal")
    good = world.connector.sign(task)
    authority = issuing.authority()
    found = returned._any(issuance, good, authority)
    assert [one.use for one in found.certificates] == ["SIGNING", "ENCRYPTION"]
    spoiled = bytearray(good.signing_certificate)
    spoiled[-1] ^= 1
    assert good.encryption_certificate is not None
    for bad in (
        Issued(task.task_no, bytes(spoiled), good.encryption_certificate, None),
        Issued(task.task_no, good.encryption_certificate, good.signing_certificate, None),
        Issued(task.task_no, good.signing_certificate, good.signing_certificate, None),
    ):
        with pytest.raises(returned.CertificateMismatch):
            returned._any(issuance, bad, authority)


def test_a_pair_with_a_known_key_does_not_hold_up_the_others(world: World) -> None:
    """A faulty CA that hands one encryption key out twice: that pair is refused, the rest of the slice goes on."""
    requests = issuing.decided(world, *[issuing.draft(world, person=number) for number in range(3)])
    for request in requests:
        issuing.issue(world, request)
    ca.submit_due(SYSTEM, world.connector, NOW)
    rows = list(Issuance.objects.order_by("pk"))
    answers = [world.connector.sign(world.connector.tasks[row.task_no]) for row in rows]
    assert answers[1].encryption_certificate is not None
    spki = View.parse(answers[1].encryption_certificate).spki_der
    SubjectKey.objects.create(key=key_number(spki), is_encryption=True)
    recorded, failed = ca.record_issued_many(
        SYSTEM, [(row.pk, answer) for row, answer in zip(rows, answers, strict=True)], NOW
    )
    assert [item.pair.issuance_id for item in recorded] == [rows[0].pk, rows[2].pk]
    assert failed == [rows[1].pk]


def test_an_intent_called_off_stays_off_and_a_late_pair_is_recorded_and_revoked(world: World) -> None:
    (request,) = issuing.decided(world, issuing.draft(world))
    issuing.issue(world, request)
    ca.submit_due(SYSTEM, world.connector, NOW)
    (outcome,) = world.connector.collect_many([Issuance.objects.get().task_no])
    assert isinstance(outcome, Issued)
    ra.cancel(issuing.clerk(), request.pk, NOW, reason="不办了")
    issuance = Issuance.objects.get()
    assert issuance.state == Issuance.State.VOID
    ca.record_issued_many(SYSTEM, [(issuance.pk, outcome)], NOW)
    pair = CertificatePair.objects.unscoped("test").get()
    assert pair.state == "REVOKED"
    assert {row.state for row in Certificate.objects.all()} == {"REVOKED"}
    with pytest.raises(IssuanceNotOpen):
        ca.void_issuance(issuing.clerk(), issuance.pk, NOW)


def test_a_pair_whose_token_was_lost_meanwhile_is_recorded_and_revoked(world: World) -> None:
    """Whatever was signed is recorded; what no token can take is revoked at once."""
    requests = issuing.decided(world, issuing.draft(world, person=0), issuing.draft(world, person=1))
    lost, kept = world.token(), world.token()
    for request, token in zip(requests, (lost, kept), strict=True):
        issuing.issue(world, request, token=token)
    stock.lose(issuing.clerk(), [lost.pk], reason="丢失", now=NOW)
    assert ra.carry_on(SYSTEM, world.connector, NOW).issued == 2
    states = {pair.token_serial: pair.state for pair in CertificatePair.objects.unscoped("test")}
    assert states == {lost.serial: "REVOKED", kept.serial: "VALID"}
    assert inventory.unaccounted([issuance.pk for issuance in Issuance.objects.filter(token_id=kept.pk)]) == set()


def test_a_thousand_requests_go_through_in_slices(world: World) -> None:
    """Bulk is a first-class shape: many slices, every pair once, audit whole."""
    people = issuing.register_people(
        Actor("staff", 1, "x", 1, 1, issuing._ALL, None),
        [issuing.person_entry(number, name="测试批量", phone="") for number in range(10, 320)],
        now=NOW,
    )
    wishes = [wish(world, number + 100, person_id=person.pk) for number, person in enumerate(people)]
    opened = ca.open_issuances(issuing.clerk(), wishes, NOW)
    assert not opened.refusals
    ca.submit_due(SYSTEM, world.connector, NOW)
    report = ca.collect_due(SYSTEM, world.connector, NOW)
    assert report.issued == len(wishes)
    assert CertificatePair.objects.unscoped("test").count() == len(wishes)
    assert Certificate.objects.values("serial").distinct().count() == 2 * len(wishes)


def test_a_row_changed_by_hand_is_not_used(world: World) -> None:
    """Any edit in certificates is found: here before it is used again."""
    (pair,) = issuing.issued(world, issuing.draft(world))
    Certificate.objects.filter(pair=pair, use="SIGNING").update(reason="superseded")
    with pytest.raises(RowForged):
        ca.revoke_pair(issuing.clerk(), pair.pk, "superseded", NOW)


def test_the_memory_ca_is_a_connector() -> None:
    assert isinstance(MemoryCa(), Connector)


def test_tokens_in_stock_are_taken_out_when_issuing(world: World) -> None:
    (request,) = issuing.decided(world, issuing.draft(world))
    token = world.token()
    issuing.issue(world, request, token=token)
    stored = Token.objects.unscoped("test").get(pk=token.pk)
    assert (stored.state, stored.holder_person_id) == ("PERSONALIZING", world.people[0].pk)
