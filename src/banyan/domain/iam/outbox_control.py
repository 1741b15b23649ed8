"""What people do to the outbox: resend dead letters, pause and resume targets. Here, where rights are
known.
"""

from datetime import datetime

from banyan.domain import audit
from banyan.domain.iam.rights import require
from banyan.domain.outbox import actions as outbox
from banyan.domain.outbox.models import OutboxMessage
from banyan.kernel.actor import Actor


@audit.action
def resend(*, actor: Actor, message_id: int, now: datetime) -> OutboxMessage:
    """Put a dead letter back into the queue. Raises NotResendable, MessageNotFound."""
    require(actor, "outbox.manage")
    message = outbox.resend(message_id, now)
    audit.record(actor, "outbox.resent", message, topic=message.topic, target=message.target)
    return message


@audit.action
def pause(*, actor: Actor, target: str, now: datetime) -> None:
    """Stop delivering to a target."""
    require(actor, "outbox.manage")
    outbox.pause(target, now)
    audit.record(actor, "outbox.paused", None, target=target)


@audit.action
def resume(*, actor: Actor, target: str, now: datetime) -> None:
    """Deliver to a target again."""
    require(actor, "outbox.manage")
    outbox.resume(target, now)
    audit.record(actor, "outbox.resumed", None, target=target)
