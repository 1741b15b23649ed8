"""Messages to holders and those who handle requests: what to say is a code, whom to tell is looked up at delivery."""

from collections.abc import Sequence
from datetime import datetime

from banyan.domain import outbox
from banyan.domain.ra.models import ServiceRequest

TOPIC = "sms.notice"


def notify(requests: Sequence[ServiceRequest], notice: str, now: datetime) -> None:
    """Write one notice a request, in the running transaction. No name and no telephone stands in it."""
    outbox.enqueue_many(
        [
            outbox.Envelope(TOPIC, f"request:{request.pk}", {"request": request.pk, "notice": notice})
            for request in requests
        ],
        now=now,
    )
