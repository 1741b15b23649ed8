"""Writing messages with the business they belong to, delivering them afterwards, recognising repeated calls.

People's doings (resend, pause) are audited where rights are known: ``iam.outbox_control``.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F

from banyan import sealing
from banyan.domain import bulk
from banyan.domain.outbox import rules
from banyan.domain.outbox.access import due_messages
from banyan.domain.outbox.errors import ContentDiffers, DeliveryRefused, MessageNotFound, NoTransaction, NotResendable
from banyan.domain.outbox.models import (
    DeliveredMark,
    IdempotentCall,
    MessageState,
    OutboxMessage,
    OutboxTarget,
)
from banyan.kernel.clock import now as clock_now
from banyan.kernel.errors import BanyanError

Deliverer = Callable[[OutboxMessage, Mapping[str, Any]], None]


@dataclass(frozen=True)
class Envelope:
    """A message before it is written. An empty target is the first word of the topic."""

    topic: str
    key: str
    payload: Mapping[str, Any]
    target: str = ""


@dataclass
class DeliveryReport:
    """What one round of delivery did."""

    delivered: int = 0
    retried: int = 0
    dead: int = 0
    superseded: int = 0


def enqueue(topic: str, key: str, payload: Mapping[str, Any], target: str = "", *, now: datetime | None = None) -> None:
    """Write one message in the running transaction; ``key`` orders messages of a target ("" where order is
    free).
    """
    enqueue_many([Envelope(topic, key, payload, target)], now=now)


def enqueue_many(envelopes: Iterable[Envelope], *, now: datetime | None = None) -> None:
    """Write many messages in the running transaction. Raises NoTransaction outside one."""
    if not connection.in_atomic_block:
        raise NoTransaction
    moment = now or clock_now()
    messages = [
        OutboxMessage(
            target=envelope.target or envelope.topic.split(".", 1)[0],
            topic=envelope.topic,
            ordering_key=envelope.key,
            payload=_json(envelope.payload),
            created_at=moment,
            due_at=moment,
        )
        for envelope in envelopes
    ]
    bulk.append_many(messages)


def deliver_due(now: datetime, deliverers: Mapping[str, Deliverer], *, limit: int = 200) -> DeliveryReport:
    """Deliver what is due, oldest first, each target by its deliverer; nothing is locked while a deliverer
    works.

    A deliverer raises DeliveryRefused when no retry can help, anything else for a failure to try again. Of
    messages with the same target and key a later one waits for the earlier ones, and an older one is never
    sent after a newer.
    """
    report = DeliveryReport()
    for target, deliverer in deliverers.items():
        for message in due_messages(target, now, limit):
            if _claim(message, now):
                _deliver(message, deliverer, now, report)
    return report


def resend(message_id: int, now: datetime) -> OutboxMessage:
    """Put a dead letter back into the queue; one that a newer message has overtaken becomes SUPERSEDED
    instead. Raises MessageNotFound, NotResendable.
    """
    message = OutboxMessage.objects.filter(pk=message_id).first()
    if message is None:
        raise MessageNotFound(id=message_id)
    state = MessageState.SUPERSEDED if _is_overtaken(message) else MessageState.PENDING
    # Two people may resend the same one: only the first finds it dead.
    changed = OutboxMessage.objects.filter(pk=message_id, state=MessageState.DEAD).update(
        state=state, attempts=0, due_at=now
    )
    message.refresh_from_db()
    if not changed:
        raise NotResendable(id=message_id, state=message.get_state_display())
    return message


def pause(target: str, now: datetime) -> None:
    """Stop delivering to a target; messages gather."""
    OutboxTarget.objects.update_or_create(name=target, defaults={"is_paused": True, "changed_at": now})


def resume(target: str, now: datetime) -> None:
    """Deliver to a target again."""
    OutboxTarget.objects.update_or_create(name=target, defaults={"is_paused": False, "changed_at": now})


@dataclass
class OnceOnly:
    """One call from outside. ``outcome`` is what the first call of the same key gave, None at the first."""

    scope: str
    key: str
    outcome: Any = None
    is_repeat: bool = False

    def remember(self, outcome: Any) -> Any:
        """Store the outcome with what the call wrote, in the same transaction; returns it."""
        IdempotentCall.objects.filter(scope=self.scope, key=self.key).update(outcome=_json(outcome))
        self.outcome = outcome
        return outcome


def idempotent(scope: str, key: str, content: Any, *, now: datetime | None = None) -> OnceOnly:
    """Recognise a repeated call, inside its action's transaction.

    ``content`` (text, bytes or plain data) is kept only as a keyed digest. Use::

        call = outbox.idempotent("api.enroll", key, body)
        if call.is_repeat:
            return call.outcome
        …
        return call.remember({"number": request.number})

    Raises ContentDiffers when the key was used for other content, NoTransaction outside a transaction.
    """
    if not connection.in_atomic_block:
        raise NoTransaction
    digest = sealing.keyring(settings.HOME).digests.of(_text(content))
    made = IdempotentCall(scope=scope, key=key, content_digest=digest, created_at=now or clock_now())
    # A second call of the same key waits here for the first to end, then finds its row.
    IdempotentCall.objects.bulk_create([made], ignore_conflicts=True)
    stored = IdempotentCall.objects.select_for_update().get(scope=scope, key=key)
    if stored.content_digest != digest:
        raise ContentDiffers(key=key)
    if stored.outcome:
        return OnceOnly(scope, key, json.loads(stored.outcome), is_repeat=True)
    return OnceOnly(scope, key)


def _claim(message: OutboxMessage, now: datetime) -> bool:
    """Take a message for this worker, unless another did; the lease lets a crashed worker's messages go
    on.
    """
    changed = OutboxMessage.objects.filter(
        pk=message.pk, state=MessageState.PENDING, attempts=message.attempts, due_at=message.due_at
    ).update(attempts=F("attempts") + 1, due_at=now + rules.LEASE)
    message.attempts += 1
    return changed == 1


def _deliver(message: OutboxMessage, deliverer: Deliverer, now: datetime, report: DeliveryReport) -> None:
    if _is_overtaken(message):
        _settle(message, MessageState.SUPERSEDED)
        report.superseded += 1
        return
    try:
        deliverer(message, json.loads(message.payload))
    except DeliveryRefused as error:
        _settle(message, MessageState.DEAD, str(error))
        report.dead += 1
    except Exception as error:  # whatever an outside system does to us, the message stays and is tried again
        due = rules.due_after_failure(message.attempts, now)
        reason = error.code if isinstance(error, BanyanError) else type(error).__name__
        if due is None:
            _settle(message, MessageState.DEAD, reason)
            report.dead += 1
        else:
            OutboxMessage.objects.filter(pk=message.pk).update(due_at=due, last_error=reason[:256])
            report.retried += 1
    else:
        _mark_delivered(message, now)
        report.delivered += 1


def _mark_delivered(message: OutboxMessage, now: datetime) -> None:
    with transaction.atomic():
        OutboxMessage.objects.filter(pk=message.pk).update(
            state=MessageState.DELIVERED, delivered_at=now, last_error=""
        )
        if message.ordering_key:
            DeliveredMark.objects.update_or_create(
                target=message.target, ordering_key=message.ordering_key, defaults={"message_id": message.pk}
            )


def _settle(message: OutboxMessage, state: MessageState, reason: str = "") -> None:
    OutboxMessage.objects.filter(pk=message.pk).update(state=state, last_error=reason[:256])


def _is_overtaken(message: OutboxMessage) -> bool:
    return (
        bool(message.ordering_key)
        and DeliveredMark.objects.filter(
            target=message.target, ordering_key=message.ordering_key, message_id__gt=message.pk
        ).exists()
    )


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _text(content: Any) -> str:
    if isinstance(content, bytes):
        return "bytes:" + content.hex()
    return "text:" + content if isinstance(content, str) else "json:" + _json(content)
