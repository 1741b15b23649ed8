"""Telling requesters (经办人): a notice on record, a message for the portal and one for the SMS gateway, in one transaction.

What to say is a code, whom to tell is looked up at delivery: no name and no telephone stands in the outbox.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from django.db.models import Q

from banyan.domain import bulk, outbox
from banyan.domain.prepared import new
from banyan.domain.ra import working_days
from banyan.domain.ra.delivery_models import OPEN_NOTICES
from banyan.domain.ra.models import Message, Notice, NoticeState, ServiceRequest

TOPIC: Final = "sms.notice"
# Working days within which a requester should know (规范 通知领取时效).
TOLD_WITHIN: Final = 1


def notify(requests: Sequence[ServiceRequest], code: str, now: datetime) -> None:
    """Write one notice a request, in the running transaction."""
    due_on = working_days.due_date(now, TOLD_WITHIN).on
    notices = [
        new(
            Notice, request_id=request.pk, region_code=request.region_code, code=code, state=str(NoticeState.WAITING),
            created_at=now, due_on=due_on, settled_at=None,
        )
        for request in requests
    ]  # fmt: skip
    bulk.insert_many(notices)
    bulk.append_many(
        [
            new(
                Message, request_id=one.request_id, region_code=one.region_code, code=code, created_at=now, read_at=None
            )
            for one in notices
        ]
    )
    outbox.enqueue_many([envelope(one) for one in notices], now=now)


def envelope(notice: Notice) -> outbox.Envelope:
    """The message to the SMS gateway: ordered by request, so nobody hears old news after new."""
    payload = {"id": notice.pk, "request": notice.request_id, "notice": notice.code}
    return outbox.Envelope(TOPIC, f"request:{notice.request_id}", payload)


def close(requests: Sequence[ServiceRequest], now: datetime) -> None:
    """What these requests still had to tell is no news any more, in the running transaction."""
    if requests:
        still_open = Q(request_id__in=[one.pk for one in requests], state__in=OPEN_NOTICES)
        found = Notice.objects.unscoped("the notices of these requests").filter(still_open)
        found.update(state=NoticeState.CLOSED, settled_at=now)
