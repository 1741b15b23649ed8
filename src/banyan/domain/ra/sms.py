"""Delivering a notice to an SMS gateway; called by the outbox when its transaction is long over.

What comes of it is noted with the notice. What no text message can tell becomes listed work: somebody calls.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from banyan.domain import audit
from banyan.domain.outbox import rules as outbox_rules
from banyan.domain.outbox.errors import DeliveryRefused
from banyan.domain.outbox.models import OutboxMessage
from banyan.domain.ra.delivery_errors import GatewayError, GatewayLate, GatewayRefused, NumberUnknown
from banyan.domain.ra.models import Notice, NoticeAttempt, NoticeState, ServiceRequest
from banyan.domain.ra.notice_texts import sms_text
from banyan.domain.ra.ports import SmsGateway
from banyan.domain.ra.receivers import requester_of
from banyan.kernel.actor import Actor, system_actor

Result = NoticeAttempt.Result
# A text that comes so much later confuses more than it tells; such a notice is for a call.
FRESH_FOR: Final = timedelta(days=7)


def deliver(message: OutboxMessage, payload: Mapping[str, Any], gateway: SmsGateway, now: datetime) -> None:
    """Send one notice as a text message, unless it was told meanwhile.

    Raises DeliveryRefused when no retry helps, GatewayError when one may.
    """
    notice = Notice.objects.unscoped("the notice that this message names").filter(pk=payload.get("id", 0)).first()
    if notice is None:
        raise DeliveryRefused(reason=str(payload.get("notice", message.topic)))
    if notice.state not in (NoticeState.WAITING, NoticeState.TO_CALL):
        return
    actor = system_actor("sms")
    if now - message.created_at > FRESH_FOR:
        note_attempt(actor, notice.pk, Result.STALE, NoticeState.TO_CALL, now)
        return
    request = ServiceRequest.objects.unscoped("the request that this notice is about").get(pk=notice.request_id)
    phone = requester_of(request).phone
    if not phone:
        note_attempt(actor, notice.pk, Result.NO_PHONE, NoticeState.TO_CALL, now)
        return
    _send(actor, notice, message, gateway, phone, sms_text(request, notice.code), now)


def _send(
    actor: Actor, notice: Notice, message: OutboxMessage, gateway: SmsGateway, phone: str, text: str, now: datetime
) -> None:
    try:
        gateway.send(mobile=phone, text=text, reference=f"notice-{notice.pk}-{message.pk}")
    except NumberUnknown:
        note_attempt(actor, notice.pk, Result.NUMBER_UNKNOWN, NoticeState.TO_CALL, now)
    except GatewayRefused as error:
        note_attempt(actor, notice.pk, Result.REFUSED, NoticeState.TO_CALL, now)
        raise DeliveryRefused(reason=str(error.fields.get("reason", ""))) from error
    except GatewayError as error:
        # Given up by the outbox after this try: then it is for a call, beside the dead letter.
        is_last = outbox_rules.due_after_failure(message.attempts, now) is None
        state = NoticeState.TO_CALL if is_last else NoticeState.WAITING
        note_attempt(actor, notice.pk, Result.LATE if isinstance(error, GatewayLate) else Result.ERROR, state, now)
        raise
    else:
        note_attempt(actor, notice.pk, Result.ACCEPTED, NoticeState.SENT, now)


@audit.action
def note_attempt(actor: Actor, notice_id: int, result: str, state: str, now: datetime) -> None:
    """Note what a text message came to; a notice told meanwhile keeps its state."""
    notice = Notice.objects.unscoped("the notice that was tried").select_for_update().get(pk=notice_id)
    attempt = NoticeAttempt(
        notice=notice, channel=NoticeAttempt.Channel.SMS, result=result, at=now, actor=actor.id, actor_name=actor.name
    )
    attempt.save()
    if notice.state in (NoticeState.WAITING, NoticeState.TO_CALL):
        notice.state = state
        notice.settled_at = now if state == NoticeState.SENT else None
        notice.save(update_fields=["state", "settled_at"])
    audit.record(actor, "ra.notice_sent", notice, outcome="ok", result=str(result), state=str(notice.state))
