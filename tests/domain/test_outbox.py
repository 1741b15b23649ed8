"""Messages leave after their business is committed, in order where order matters, and repeats are recognised."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from banyan.adapters.deliverers import DELIVERERS
from banyan.domain import outbox
from banyan.domain.iam import outbox_control
from banyan.domain.iam.errors import RightMissing
from banyan.domain.iam.rights import Role
from banyan.domain.outbox import access, actions, rules
from banyan.domain.outbox.errors import ContentDiffers, DeliveryRefused, MessageNotFound, NoTransaction, NotResendable
from banyan.domain.outbox.models import IdempotentCall, MessageState, OutboxMessage
from banyan.kernel.clock import now
from support.iam import staff

NOW = now()


class Receiver:
    """An outside system that keeps what it gets, or fails as told."""

    def __init__(self, *failures: Exception) -> None:
        self.got: list[dict[str, Any]] = []
        self.failures = list(failures)

    def __call__(self, message: OutboxMessage, payload: Mapping[str, Any]) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.got.append(dict(payload))


def send(topic: str, key: str = "", **payload: Any) -> OutboxMessage:
    with transaction.atomic():
        outbox.enqueue(topic, key, payload, now=NOW)
    return OutboxMessage.objects.latest("pk")


@pytest.mark.django_db(transaction=True)
def test_a_message_lives_and_dies_with_its_business() -> None:
    with pytest.raises(NoTransaction):
        outbox.enqueue("directory.publish", "", {}, now=NOW)
    with transaction.atomic():
        outbox.enqueue("directory.publish", "", {}, now=NOW)
        transaction.set_rollback(True)
    assert not OutboxMessage.objects.exists()


@pytest.mark.django_db
def test_what_is_due_is_delivered_once() -> None:
    send("directory.publish", n=1)
    send("sms.ready", n=2)
    receiver = Receiver()
    report = outbox.deliver_due(NOW, {"directory": receiver})
    assert (report.delivered, receiver.got) == (1, [{"n": 1}])
    assert outbox.deliver_due(NOW, {"directory": receiver}).delivered == 0
    assert access.waiting_by_target() == {"sms": 1}


@pytest.mark.django_db
def test_a_failure_waits_longer_each_time_and_ends_as_a_dead_letter_a_person_resends() -> None:
    message = send("directory.publish", n=1)
    receiver = Receiver(*[OSError("down")] * rules.MOST_ATTEMPTS)
    moment, waits = NOW, []
    for _ in range(rules.MOST_ATTEMPTS):
        outbox.deliver_due(moment, {"directory": receiver})
        message.refresh_from_db()
        waits.append(message.due_at - moment)
        moment = message.due_at
    assert waits[:-1] == sorted(waits[:-1])
    assert waits[0] >= timedelta(seconds=1)
    assert message.state == MessageState.DEAD
    assert message.last_error == "OSError"
    assert [letter.pk for letter in access.dead_letters("directory")] == [message.pk]
    with pytest.raises(RightMissing):
        outbox_control.resend(actor=staff(Role.CLERK), message_id=message.pk, now=moment)
    outbox_control.resend(actor=staff(Role.SYSTEM_ADMIN), message_id=message.pk, now=moment)
    assert outbox.deliver_due(moment, {"directory": receiver}).delivered == 1
    with pytest.raises(NotResendable, match="已送达"):
        actions.resend(message.pk, moment)
    with pytest.raises(MessageNotFound):
        actions.resend(message.pk + 1, moment)


@pytest.mark.django_db
def test_a_final_refusal_is_not_tried_again() -> None:
    send("directory.publish", n=1)
    assert outbox.deliver_due(NOW, {"directory": Receiver(DeliveryRefused(reason="no such entry"))}).dead == 1


@pytest.mark.django_db
def test_order_is_kept_within_a_key_and_an_older_list_never_follows_a_newer() -> None:
    first = send("crl.publish", "ca1", number=1)
    send("crl.publish", "ca1", number=2)
    send("crl.publish", "ca2", number=7)
    receiver = Receiver(OSError("down"))
    outbox.deliver_due(NOW, {"crl": receiver})
    assert receiver.got == [{"number": 7}]  # ca1's second list waits for its first
    later = NOW + timedelta(hours=1)
    outbox.deliver_due(later, {"crl": receiver})
    outbox.deliver_due(later, {"crl": receiver})
    assert receiver.got == [{"number": 7}, {"number": 1}, {"number": 2}]
    OutboxMessage.objects.filter(pk=first.pk).update(state=MessageState.DEAD)
    assert actions.resend(first.pk, later).state == MessageState.SUPERSEDED
    OutboxMessage.objects.filter(pk=first.pk).update(state=MessageState.PENDING)
    assert outbox.deliver_due(later, {"crl": receiver}).superseded == 1
    assert len(receiver.got) == 3


@pytest.mark.django_db
def test_a_paused_target_gathers_and_goes_on() -> None:
    admin = staff(Role.SYSTEM_ADMIN)
    send("sms.ready", n=1)
    outbox_control.pause(actor=admin, target="sms", now=NOW)
    receiver = Receiver()
    assert outbox.deliver_due(NOW, {"sms": receiver}).delivered == 0
    assert access.paused_targets() == ["sms"]
    outbox_control.resume(actor=admin, target="sms", now=NOW)
    assert outbox.deliver_due(NOW, {"sms": receiver}).delivered == 1


@pytest.mark.django_db
def test_a_worker_that_died_gives_its_message_back_after_the_lease() -> None:
    message = send("sms.ready", n=1)
    assert actions._claim(message, NOW)
    receiver = Receiver()
    assert outbox.deliver_due(NOW + timedelta(minutes=1), {"sms": receiver}).delivered == 0
    assert outbox.deliver_due(NOW + rules.LEASE, {"sms": receiver}).delivered == 1


@pytest.mark.django_db
def test_two_workers_do_not_take_the_same_message() -> None:
    message = send("sms.ready", n=1)
    same = OutboxMessage.objects.get(pk=message.pk)
    assert actions._claim(message, NOW)
    assert not actions._claim(same, NOW)


@pytest.mark.django_db(transaction=True)
def test_a_repeated_call_gets_the_first_outcome_and_other_content_is_refused() -> None:
    def call(key: str, content: object) -> object:
        with transaction.atomic():
            once = outbox.idempotent("api.enroll", key, content, now=NOW)
            if once.is_repeat:
                return ("again", once.outcome)
            return ("first", once.remember({"number": "A-1"}))

    body = {"name": "甲", "id": "990023199001010017"}
    assert call("k1", body) == ("first", {"number": "A-1"})
    assert call("k1", dict(reversed(body.items()))) == ("again", {"number": "A-1"})
    with pytest.raises(ContentDiffers):
        call("k1", body | {"name": "乙"})
    assert call("k2", body)[0] == "first"  # type: ignore[index]
    stored = IdempotentCall.objects.get(key="k1")
    assert "9900" not in stored.content_digest + stored.outcome
    with transaction.atomic():
        outbox.idempotent("api.enroll", "k3", body, now=NOW).remember({})
        transaction.set_rollback(True)
    assert call("k3", "other")[0] == "first"  # type: ignore[index]


@pytest.mark.django_db
def test_what_nothing_delivers_is_told_from_what_is_under_way_and_goes_out_once_something_does() -> None:
    """An SMS gateway that is not there yet is no delay: its messages wait untouched."""
    send("directory.publish", n=1)
    message = send("sms.notice", n=2)
    outbox_control.pause(actor=staff(Role.SYSTEM_ADMIN), target="directory", now=NOW)
    outbox.deliver_due(NOW, DELIVERERS)
    found = {one.name: (one.state, one.waiting, one.dead) for one in access.standings(DELIVERERS)}
    assert found == {"directory": ("PAUSED", 1, 0), "sms": ("NOT_CONNECTED", 1, 0)}
    message.refresh_from_db()
    assert (message.state, message.attempts) == (MessageState.PENDING, 0)
    gateway = Receiver()
    year_later = NOW + timedelta(days=365)
    assert outbox.deliver_due(year_later, {**DELIVERERS, "sms": gateway}).delivered == 1
    assert gateway.got == [{"n": 2}]
    assert {one.name for one in access.standings(["sms"]) if one.state == "CONNECTED"} == {"sms"}
