"""Telling and handing over (A4, 规范 通知领取时效、领取签收): notices, calls, receivers, receipts, parcels."""

from datetime import timedelta
from typing import Any

import pytest

from banyan.domain import outbox
from banyan.domain.audit.models import AuditRecord
from banyan.domain.ca.models import Certificate, CertificatePair
from banyan.domain.iam.errors import RightMissing
from banyan.domain.inventory.models import Token
from banyan.domain.outbox.actions import DeliveryReport
from banyan.domain.outbox.models import MessageState, OutboxMessage
from banyan.domain.outbox.rules import MOST_ATTEMPTS
from banyan.domain.ra import actions as ra
from banyan.domain.ra import delivery_access, notice_texts, recipients, sms, storing
from banyan.domain.ra.delivery_errors import (
    CallResultUnknown,
    GatewayError,
    GatewayLate,
    GatewayRefused,
    InParcel,
    NoticeNotFound,
    NoticeSettled,
    NotMailable,
    NumberUnknown,
    ParcelEmpty,
    ParcelNotFound,
    ParcelNotThere,
    ReceiptMissing,
    ReceiptNotYet,
    ReceiverDiffers,
    ReceiverMissing,
    ReceiverUnauthorized,
    ReceiverUnchecked,
    RecipientInvalid,
    WaybillInvalid,
    WaybillTaken,
)
from banyan.domain.ra.errors import StepNotDue
from banyan.domain.ra.models import HandOverReceipt, Notice, NoticeAttempt, ServiceRequest, StepRecord
from banyan.domain.ra.receivers import Receiver
from banyan.domain.ra.values import NewMaterial, RequestData
from support import issuing
from support.issuing import NOW, World, clerk, later, proofreader
from support.parties import resident_id

pytestmark = pytest.mark.django_db(transaction=True)
PHONE, WAYBILL, OTHER_WAYBILL = "13800000023", "EE123456785CN", "EE876543216CN"
NUMBER = resident_id(900)
REQUESTER = {"name": "测试经办", "id_number": f"RESIDENT:{NUMBER}", "phone": PHONE}
HOME_ADDRESS = {"name": "测试经办", "phone": PHONE, "address": "福建省福州市鼓楼区虚构路 1 号"}


@pytest.fixture
def world() -> World:
    return issuing.world()


class Gateway:
    """An SMS gateway that answers as it is told."""

    def __init__(self, *moods: Exception) -> None:
        self.moods = list(moods)
        self.sent: list[tuple[str, str, str]] = []

    def send(self, *, mobile: str, text: str, reference: str) -> str:
        if self.moods:
            raise self.moods.pop(0)
        self.sent.append((mobile, text, reference))
        return "1"


def stored(request: ServiceRequest) -> ServiceRequest:
    return ServiceRequest.objects.unscoped("test").get(pk=request.pk)


def token_of(request: ServiceRequest) -> Token:
    return Token.objects.unscoped("test").get(pk=stored(request).token_id)


def personalized(world: World, person: int = 0, **changes: Any) -> ServiceRequest:
    """A request whose pair is in its token; nobody was told yet."""
    data = RequestData(requester=changes.pop("requester", REQUESTER))
    (pair,) = issuing.issued(world, issuing.draft(world, person=person, data=data, **changes))
    request = ServiceRequest.objects.unscoped("test").get(pk=pair.request_id)
    proof = world.sign(request.number, ra.personalization_nonce(request))
    return ra.personalize(clerk(), request.pk, NOW, signature=proof)


def told(world: World, person: int = 0, **changes: Any) -> ServiceRequest:
    """A request that waits to be fetched."""
    return ra.notify_ready(clerk(), personalized(world, person, **changes).pk, NOW)


def notice_of(request: ServiceRequest, code: str = "ready") -> Notice:
    return Notice.objects.unscoped("test").get(request=request, code=code)


def deliver(gateway: Gateway, now: Any = NOW) -> DeliveryReport:
    return outbox.deliver_due(now, {"sms": lambda message, payload: sms.deliver(message, payload, gateway, now)})


def results(notice: Notice) -> list[tuple[str, str]]:
    return list(NoticeAttempt.objects.filter(notice=notice).order_by("pk").values_list("channel", "result"))


# telling


def test_a_ready_notice_goes_to_the_registered_requester_and_leaves_no_phone_behind(world: World) -> None:
    """通知领取: looked up at delivery; the outbox, the rows and the audit hold neither name nor number of the requester."""
    request, gateway = told(world), Gateway()
    assert deliver(gateway).delivered == 1
    ((mobile, text, _),) = gateway.sent
    assert mobile == PHONE
    assert request.number in text
    assert text.startswith("【数字证书】")
    notice = notice_of(request)
    assert (notice.state, results(notice)) == ("SENT", [("SMS", "accepted")])
    written = [
        *OutboxMessage.objects.values_list("payload", flat=True),
        *AuditRecord.objects.filter(event__startswith="ra.notice").values_list("detail", flat=True),
    ]
    assert not [one for one in written if PHONE in one or "测试经办" in one]
    (message,) = delivery_access.messages(request)
    assert (message.code, message.read_at) == ("ready", None)
    assert request.number in notice_texts.portal_text(request, message.code)


def test_the_step_is_timed_and_the_notice_has_its_day(world: World) -> None:
    """通知领取时效: told too late is marked late in the time line."""
    request = personalized(world)
    ra.notify_ready(clerk(), request.pk, later(3))
    record = StepRecord.objects.get(request=request, step="notify_ready", outcome="ok")
    assert record.is_late
    assert notice_of(request).due_on == later(4).date()


def test_what_no_text_message_can_tell_becomes_a_call(world: World) -> None:
    nobody = told(world, requester={"name": "测试经办"})
    unknown, refused = told(world, 1), told(world, 2)
    report = deliver(Gateway(NumberUnknown(), GatewayRefused(reason="2001")))
    assert (report.delivered, report.dead) == (2, 1)
    assert results(notice_of(nobody)) == [("SMS", "no_phone")]
    assert results(notice_of(unknown)) == [("SMS", "number_unknown")]
    assert results(notice_of(refused)) == [("SMS", "refused")]
    assert {notice_of(one).state for one in (nobody, unknown, refused)} == {"TO_CALL"}


def test_a_gateway_in_trouble_is_asked_again_under_the_same_reference_and_given_up_for_a_call(world: World) -> None:
    request = told(world)
    gateway = Gateway(GatewayLate(), GatewayError(reason="500"))
    moment = NOW
    for _ in range(3):
        deliver(gateway, moment)
        moment += timedelta(hours=1)
    notice = notice_of(request)
    assert [result for _, result in results(notice)] == ["late", "error", "accepted"]
    assert notice.state == "SENT"

    other = told(world, 1)
    dead = Gateway(*[GatewayLate()] * MOST_ATTEMPTS)
    for _ in range(MOST_ATTEMPTS):
        deliver(dead, moment)
        moment += timedelta(hours=1)
    assert OutboxMessage.objects.filter(state=MessageState.DEAD).count() == 1
    assert notice_of(other).state == "TO_CALL", "beside the dead letter somebody calls"


def test_a_call_is_recorded_with_who_when_and_what_came_of_it(world: World) -> None:
    notice = notice_of(told(world))
    ra.record_call(clerk(), notice.pk, NOW, result="no_answer", note="响铃无人接")
    ra.record_call(clerk(), notice.pk, later(1), result="wrong_number")
    assert notice_of(notice.request).state == "TO_CALL"
    ra.record_call(clerk(), notice.pk, later(1), result="reached")
    settled = notice_of(notice.request)
    assert (settled.state, settled.settled_at) == ("REACHED", later(1))
    attempts = NoticeAttempt.objects.filter(notice=notice).order_by("pk")
    assert [(one.result, one.actor_name, one.note) for one in attempts] == [
        ("no_answer", clerk().name, "响铃无人接"),
        ("wrong_number", clerk().name, ""),
        ("reached", clerk().name, ""),
    ]
    with pytest.raises(NoticeSettled):
        ra.record_call(clerk(), notice.pk, later(1), result="reached")
    gateway = Gateway()
    deliver(gateway, later(1))
    assert gateway.sent == [], "who was reached gets no text message afterwards"


def test_a_call_needs_a_known_result_the_right_and_sight(world: World) -> None:
    notice = notice_of(told(world))
    with pytest.raises(CallResultUnknown):
        ra.record_call(clerk(), notice.pk, NOW, result="accepted")
    with pytest.raises(RightMissing):
        ra.record_call(proofreader(), notice.pk, NOW, result="reached")
    with pytest.raises(NoticeNotFound):
        ra.record_call(clerk(regions=("350200",)), notice.pk, NOW, result="reached")
    assert results(notice) == []


def test_a_notice_is_sent_again_when_asked_for_and_an_old_one_is_not_sent_by_itself(world: World) -> None:
    request, gateway = told(world), Gateway()
    deliver(gateway)
    ra.resend_notice(clerk(), notice_of(request).pk, NOW)
    deliver(gateway)
    references = [reference for _, _, reference in gateway.sent]
    assert len(set(references)) == 2, "another message, not the lost answer of the first"

    late = told(world, 1)
    assert deliver(gateway, later(30)).delivered == 1
    assert results(notice_of(late)) == [("SMS", "stale")]


def test_news_overtaken_by_the_hand_over_is_closed(world: World) -> None:
    request = told(world)
    ra.hand_over(clerk(), request.pk, NOW, receiver=issuing.requester(request))
    assert notice_of(request).state == "CLOSED"
    gateway = Gateway()
    deliver(gateway)
    assert gateway.sent == []


# handing over


def test_the_requester_is_known_by_the_document(world: World) -> None:
    request = told(world)
    with pytest.raises(ReceiverMissing):
        ra.hand_over(clerk(), request.pk, NOW, receiver=Receiver("  "))
    with pytest.raises(ReceiverUnchecked):
        ra.hand_over(clerk(), request.pk, NOW, receiver=Receiver("测试经办"))
    for wrong in ("0000", NUMBER[-3:], NUMBER):
        with pytest.raises(ReceiverDiffers):
            ra.hand_over(clerk(), request.pk, NOW, receiver=Receiver("测试经办", wrong))
    assert AuditRecord.objects.filter(event="ra.hand_over", outcome="refused").count() == 3
    ra.hand_over(clerk(), request.pk, NOW, receiver=Receiver("测试经办", NUMBER[-4:].lower()))
    receipt = HandOverReceipt.objects.unscoped("test").get(request=request)
    assert (receipt.how, receipt.received_by, receipt.handed_over_by) == ("REQUESTER", "测试经办", clerk().id)
    assert token_of(request).state == "HANDED_OVER"


def test_the_holder_may_come_and_others_with_an_authorisation(world: World) -> None:
    mine, theirs = told(world), told(world, 1)
    ra.hand_over(clerk(), mine.pk, NOW, receiver=Receiver(world.people[0].name, resident_id(1)[-4:]))
    with pytest.raises(ReceiverUnauthorized):
        ra.hand_over(clerk(), theirs.pk, NOW, receiver=Receiver("测试路人", "1234"))
    receiver = Receiver("测试路人", authorization="测试单位委托书 7 号")
    ra.hand_over(clerk(), theirs.pk, NOW, receiver=receiver)
    receipts = {one.request_id: one for one in HandOverReceipt.objects.unscoped("test").all()}
    assert (receipts[mine.pk].how, receipts[theirs.pk].how) == ("HOLDER", "AUTHORIZED")
    assert receipts[theirs.pk].authorization == "测试单位委托书 7 号"


def test_of_many_only_those_of_this_receiver_are_handed_over(world: World) -> None:
    ours = told(world)
    foreign = told(world, 1, requester={"name": "测试别人"})
    outcome = ra.hand_over_many(clerk(), [ours.pk, foreign.pk], NOW, receiver=Receiver("测试经办", NUMBER[-4:]))
    assert [one.pk for one in outcome.done] == [ours.pk]
    assert [type(one.error) for one in outcome.refusals] == [ReceiverUnauthorized]
    assert stored(foreign).step == "hand_over"


def test_the_signed_receipt_is_kept_with_the_hand_over_or_after_it(world: World, settings: Any) -> None:
    request, other = told(world), told(world, 1)
    scan = NewMaterial("handover_receipt", "领取表.pdf", b"%PDF-1.4 signed", "application/pdf")
    with pytest.raises(ReceiptNotYet):
        ra.add_receipt(clerk(), request.pk, scan, NOW)
    ra.hand_over(clerk(), request.pk, NOW, receiver=issuing.requester(request))
    receipt = ra.add_receipt(clerk(), request.pk, scan, later(1))
    assert receipt.scan_media_type == "application/pdf"
    assert storing.read_kept(receipt.scan_sm3, receipt.scan_path) == scan.content

    settings.BANYAN = settings.BANYAN.model_copy(update={"handover_receipt": "required"})
    with pytest.raises(ReceiptMissing):
        ra.hand_over(clerk(), other.pk, NOW, receiver=issuing.requester(other))
    assert token_of(other).state == "PERSONALIZED"
    ra.hand_over(clerk(), other.pk, NOW, receiver=issuing.requester(other), scan=scan)
    assert HandOverReceipt.objects.unscoped("test").get(request=other).scan_size == len(scan.content)


# parcels


def recipient(**changes: str) -> recipients.Recipient:
    return recipients.read(**{**HOME_ADDRESS, **changes})


def test_several_requests_go_in_one_parcel_and_are_handed_over_when_ems_delivers(world: World) -> None:
    first, second = told(world), told(world, 1)
    parcel = ra.prepare_parcel(clerk(), [first.pk, second.pk], recipient(), NOW)
    assert (parcel.state, parcel.number) == ("PREPARED", "BG20260302000001")
    sent = ra.send_parcel(clerk(), parcel.pk, NOW, waybill=" ee123456785cn ")
    assert (sent.state, sent.waybill, sent.due_on) == ("SENT", WAYBILL, later(9).date())
    assert {token_of(one).state for one in (first, second)} == {"IN_TRANSIT"}
    ra.parcel_delivered(clerk(), parcel.pk, later(2))
    assert {(stored(one).state, token_of(one).state) for one in (first, second)} == {("DONE", "HANDED_OVER")}
    assert set(HandOverReceipt.objects.unscoped("test").values_list("how", "received_by")) == {("EMS", "测试经办")}
    lines = StepRecord.objects.filter(request=first, step="hand_over").order_by("pk").values_list("outcome", flat=True)
    assert list(lines) == ["packed", "shipped", "ok"]
    with pytest.raises(ParcelNotThere):
        ra.parcel_delivered(clerk(), parcel.pk, later(2))


def test_the_recipient_is_sealed_and_a_look_is_recorded(world: World) -> None:
    parcel = ra.prepare_parcel(clerk(), [told(world).pk], recipient(), NOW)
    row = bytes(parcel.recipient_sealed)
    assert PHONE.encode() not in row
    assert parcel.recipient_masked == "测试经办 138****0023 福建省福州市…"
    assert ra.reveal_recipient(clerk(), parcel.pk, NOW).phone == PHONE
    assert AuditRecord.objects.filter(event="ra.recipient_revealed", object_id=parcel.pk).count() == 1
    with pytest.raises(RightMissing):
        ra.reveal_recipient(proofreader(), parcel.pk, NOW)


def test_a_returned_parcel_brings_its_tokens_back_to_the_counter(world: World) -> None:
    request = told(world)
    parcel = ra.prepare_parcel(clerk(), [request.pk], recipient(), NOW)
    ra.send_parcel(clerk(), parcel.pk, NOW, waybill=WAYBILL)
    with pytest.raises(InParcel):
        ra.hand_over(clerk(), request.pk, NOW, receiver=issuing.requester(request))
    with pytest.raises(InParcel):
        ra.cancel(clerk(), request.pk, NOW, reason="不要了")
    ra.parcel_returned(clerk(), parcel.pk, later(3), reason="收件人拒收")
    assert (stored(request).step, token_of(request).state) == ("hand_over", "PERSONALIZED")
    again = ra.prepare_parcel(clerk(), [request.pk], recipient(), later(3))
    ra.take_out(clerk(), again.pk, request.pk, later(3))
    again.refresh_from_db(from_queryset=type(again).objects.unscoped("test"))
    assert again.state == "CANCELLED"
    ra.hand_over(clerk(), request.pk, later(4), receiver=issuing.requester(request))
    assert token_of(request).state == "HANDED_OVER"


def test_what_cannot_be_mailed_says_why(world: World) -> None:
    request = told(world)
    with pytest.raises(ParcelEmpty):
        ra.prepare_parcel(clerk(), [], recipient(), NOW)
    with pytest.raises(StepNotDue):
        ra.prepare_parcel(clerk(), [personalized(world, 1).pk], recipient(), NOW)
    parcel = ra.prepare_parcel(clerk(), [request.pk], recipient(), NOW)
    with pytest.raises(InParcel):
        ra.prepare_parcel(clerk(), [request.pk], recipient(), NOW)
    for wrong in ("EE123456789CN", "E1234567CN", "EE123456785US"):
        with pytest.raises(WaybillInvalid):
            ra.send_parcel(clerk(), parcel.pk, NOW, waybill=wrong)
    with pytest.raises(ParcelNotThere):
        ra.parcel_delivered(clerk(), parcel.pk, NOW)
    with pytest.raises(ParcelNotFound):
        ra.send_parcel(clerk(regions=("350200",)), parcel.pk, NOW, waybill=WAYBILL)
    ra.send_parcel(clerk(), parcel.pk, NOW, waybill=WAYBILL)
    other = ra.prepare_parcel(clerk(), [told(world, 2).pk], recipient(), NOW)
    with pytest.raises(WaybillTaken):
        ra.send_parcel(clerk(), other.pk, NOW, waybill=WAYBILL)
    ra.send_parcel(clerk(), other.pk, NOW, waybill=OTHER_WAYBILL)


def test_a_token_lost_at_the_counter_is_not_mailed(world: World) -> None:
    from banyan.domain.inventory import actions as inventory

    request = told(world)
    inventory.lose(clerk(), [token_of(request).pk], reason="柜台遗失", now=NOW)
    with pytest.raises(NotMailable):
        ra.prepare_parcel(clerk(), [request.pk], recipient(), NOW)


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"phone": "12345"}, {"address": "福州"}, {"address": "福" * 121}, {"postcode": "35000"}]
)
def test_a_recipient_is_complete(wrong: dict[str, str]) -> None:
    with pytest.raises(RecipientInvalid):
        recipient(**wrong)


def test_the_old_pair_of_a_modification_is_revoked_when_the_parcel_arrives_not_when_it_leaves(world: World) -> None:
    """A3, 变更: while EMS has the token the old pair still works."""
    (old,) = issuing.in_hands(world, issuing.draft(world))
    request = told(world, business="modify", pair_id=old.pk, person_id=None, organization_id=None)
    parcel = ra.prepare_parcel(clerk(), [request.pk], recipient(), NOW)
    ra.send_parcel(clerk(), parcel.pk, NOW, waybill=WAYBILL)
    assert states(old) == {"VALID"}
    ra.parcel_delivered(clerk(), parcel.pk, later(1))
    assert states(old) == {"REVOKED"}


def states(pair: CertificatePair) -> set[str]:
    return set(Certificate.objects.filter(pair=pair).values_list("state", flat=True))


def test_lists_cost_the_same_however_much_waits(world: World) -> None:
    """F-speed: a constant number of queries a page, and pages that go on by key."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from banyan.web.reading import delivery, parcels

    def counted() -> list[int]:
        queries = []
        for tab in delivery.NOTHING:
            with CaptureQueriesContext(
                connection,
            ) as seen:
                delivery.listing(clerk(), tab, {}, later(30))
            queries.append(len(seen))
        with CaptureQueriesContext(connection) as seen:
            parcels.listing(clerk(), {}, NOW, kind="prepared")
        return [*queries, len(seen)]

    ra.prepare_parcel(clerk(), [told(world).pk], recipient(), NOW)
    told(world, 1)
    personalized(world, 2)
    few = counted()
    for person in range(2):
        ra.prepare_parcel(clerk(), [told(world, person).pk], recipient(), NOW)
    told(world, 2)
    assert counted() == few


def test_a_list_goes_on_where_the_page_before_ended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from banyan.web.reading import delivery

    monkeypatch.setattr(delivery, "SHOWN", 2)
    for person in (0, 1, 2, 0, 1):
        told(world, person)
    for tab in ("wait", "call", "late"):
        after, found = "", []
        while True:
            page = delivery.listing(clerk(), tab, {"after": after}, later(60))
            found += [row.queue.request.pk for row in page.rows]
            after = page.older
            if not after:
                break
        assert len(found) == len(set(found)) == 5, tab


def test_a_parcel_past_its_day_is_listed_as_late(world: World) -> None:
    """Reminder of parcels that EMS did not deliver within seven working days."""
    from banyan.web.reading import delivery, parcels

    parcel = ra.prepare_parcel(clerk(), [told(world).pk], recipient(), NOW)
    ra.send_parcel(clerk(), parcel.pk, NOW, waybill=WAYBILL)
    on_its_day, day_after = later(9), later(10)
    assert delivery.listing(clerk(), "wait", {}, on_its_day).late_parcels == 0
    assert delivery.listing(clerk(), "wait", {}, day_after).late_parcels == 1
    (row,) = parcels.listing(clerk(), {}, day_after, kind="late").rows
    assert (row.parcel.pk, row.due and row.due.is_late) == (parcel.pk, True)
    ra.parcel_delivered(clerk(), parcel.pk, day_after)
    assert parcels.listing(clerk(), {}, day_after, kind="late").rows == []
