"""First log-in links of a sample installation, where nobody is there to confirm anything yet."""

from datetime import datetime

from django.conf import settings

from banyan.domain import audit
from banyan.domain.iam.actions import NewLink, _new_link, end_sessions
from banyan.domain.iam.errors import SampleOnly
from banyan.domain.iam.installation import SAMPLE, registered
from banyan.domain.iam.models import StaffAccount
from banyan.kernel.actor import system_actor


@audit.action
def renew_sample_links(*, now: datetime) -> list[NewLink]:
    """A fresh link for every account of a sample; sessions end. Raises SampleOnly (an audited refusal) elsewhere.

    The record beside the keys and the guarded row must both say that this is a sample: one of them alone proves nothing.
    """
    row = registered()
    if settings.BANYAN.state != SAMPLE or row is None or row.state != SAMPLE:
        raise SampleOnly
    actor = system_actor("init")
    links = []
    for account in StaffAccount.objects.order_by("pk"):
        account.verify_row()
        end_sessions(actor, account, now)
        links.append(_new_link(actor, account, now))
    return links
