"""What a clerk does about a notice: a call that was made, a text message to be tried again."""

from datetime import datetime

from banyan.domain import audit, outbox
from banyan.domain.iam import rights
from banyan.domain.ra import notices
from banyan.domain.ra.delivery_errors import CallResultUnknown, NoticeNotFound, NoticeSettled
from banyan.domain.ra.delivery_models import OPEN_NOTICES
from banyan.domain.ra.errors import RequestNotFound
from banyan.domain.ra.models import Notice, NoticeAttempt, NoticeState, ServiceRequest
from banyan.domain.ra.receivers import Contact, requester_of
from banyan.kernel.actor import Actor

RIGHT = "requests.hand_over"
_Result = NoticeAttempt.Result
# What a call can come to; reached ends the notice, the others leave it listed.
CALL_RESULTS = (_Result.REACHED, _Result.NO_ANSWER, _Result.WRONG_NUMBER)


@audit.action
def record_call(actor: Actor, notice_id: int, now: datetime, *, result: str, note: str = "") -> Notice:
    """Note a telephone call to the requester: who called, when, what came of it (电话通知).

    Raises CallResultUnknown, NoticeNotFound, NoticeSettled, iam.RightMissing.
    """
    rights.require(actor, RIGHT)
    if result not in CALL_RESULTS:
        raise CallResultUnknown
    notice = _open_notice(actor, notice_id)
    NoticeAttempt(
        notice=notice, channel=NoticeAttempt.Channel.CALL, result=result, at=now, actor=actor.id,
        actor_name=actor.name[:100], note=note.strip()[:200],
    ).save()  # fmt: skip
    is_told = result == _Result.REACHED
    notice.state = NoticeState.REACHED if is_told else NoticeState.TO_CALL
    notice.settled_at = now if is_told else None
    notice.save(update_fields=["state", "settled_at"])
    audit.record(actor, "ra.notice_called", notice, result=str(result))
    return notice


@audit.action
def resend_notice(actor: Actor, notice_id: int, now: datetime) -> Notice:
    """Have a notice sent as a text message again (重发): a new message to the gateway.

    Raises NoticeNotFound, NoticeSettled, iam.RightMissing.
    """
    rights.require(actor, RIGHT)
    notice = _open_notice(actor, notice_id, also=(NoticeState.SENT,))
    notice.state, notice.settled_at = NoticeState.WAITING, None
    notice.save(update_fields=["state", "settled_at"])
    outbox.enqueue_many([notices.envelope(notice)], now=now)
    audit.record(actor, "ra.notice_resent", notice)
    return notice


@audit.action
def reveal_requester(actor: Actor, request_id: int, now: datetime) -> Contact:
    """Name and telephone of the registered requester in clear, for a call; the look is recorded.

    Raises RequestNotFound, iam.RightMissing.
    """
    del now
    rights.require(actor, RIGHT)
    request = ServiceRequest.objects.visible_to(actor).filter(pk=request_id).first()
    if request is None:
        raise RequestNotFound
    audit.record(actor, "ra.requester_revealed", request)
    return requester_of(request)


def _open_notice(actor: Actor, notice_id: int, *, also: tuple[NoticeState, ...] = ()) -> Notice:
    found = Notice.objects.visible_to(actor).select_for_update(of=("self",)).filter(pk=notice_id).first()
    if found is None:
        raise NoticeNotFound
    if found.state not in (*OPEN_NOTICES, *also):
        raise NoticeSettled(number=found.request.number, state=str(found.get_state_display()))
    return found
