"""Entering data together with corrections of the holder's record: both or neither."""

from datetime import datetime

from banyan.domain import audit
from banyan.domain.parties import actions as parties
from banyan.domain.ra import access, correcting
from banyan.domain.ra.actions.data import enter
from banyan.domain.ra.correcting import Corrections
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.ra.subjects import Holder, Holders
from banyan.domain.ra.values import RequestData
from banyan.kernel.actor import Actor


@audit.action
def enter_corrected(
    actor: Actor, request_id: int, data: RequestData, corrections: Corrections, now: datetime
) -> ServiceRequest:
    """Enter data and put the holder's record right. A correction of who he is voids approval and proofreading.

    Raises parties.VersionConflict when a record changed since the page showed it, parties' rule errors, and as ``enter``.
    """
    request = access.request(actor, request_id)
    holder = Holders.load([request], with_codes=False).of(request)
    wanted = correcting.effective(corrections, holder)
    _correct(actor, holder, wanted, now)
    return enter(actor, request_id, data, now, is_identity_changed=wanted.changes_identity)


def _correct(actor: Actor, holder: Holder, wanted: Corrections, now: datetime) -> None:
    if wanted.organization is not None and holder.organization is not None:
        parties.update_organization(
            actor, holder.organization.pk, wanted.seen.organization, wanted.organization, now=now
        )
    if wanted.person is not None and holder.person is not None:
        parties.update_person(actor, holder.person.pk, wanted.seen.person, wanted.person, now=now)
    if wanted.device is not None and holder.device is not None:
        parties.update_device(actor, holder.device.pk, wanted.seen.device, wanted.device, now=now)
