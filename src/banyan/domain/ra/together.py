"""Which requests may be approved together without being opened, and why others may not. Reads; never writes."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from django.db import models

from banyan.domain.ca.access import PairHoldings
from banyan.domain.parties import actions as parties
from banyan.domain.ra import rules
from banyan.domain.ra.models import Business, Material, RequestState, ServiceRequest, StepRecord
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_


class Concern(StrEnum):
    """Why somebody should look at a request before approving it."""

    MATERIALS = "materials"
    HELD = "held"
    PENDING = "pending"
    REJECTED = "rejected"
    REMARK = "remark"
    REASON = "reason"

    @property
    def label(self) -> str:
        """The msgid shown to people."""
        return _LABELS[self]


_LABELS = {
    Concern.MATERIALS: N_("材料不齐"),
    Concern.HELD: N_("持有人已有证书"),
    Concern.PENDING: N_("持有人另有办理中的申请"),
    Concern.REJECTED: N_("持有人有过被驳回的申请"),
    Concern.REMARK: N_("办理过程中有备注或退回"),
    Concern.REASON: N_("会使旧证书注销"),
}
_QUIET = frozenset({"ok"})


def concerns(actor: Actor, requests: Sequence[ServiceRequest], now: datetime) -> dict[int, list[Concern]]:
    """What speaks against approving each unopened; nothing where it is safe. A constant number of queries.

    What holders have already is a look across the province and is recorded. Raises iam.RightMissing.
    """
    found: dict[int, list[Concern]] = {one.pk: [] for one in requests}
    present = _materials(found)
    held = _held(actor, requests, now)
    others = _others(requests)
    remarked = _remarked(found)
    for one in requests:
        mine = found[one.pk]
        if rules.missing_materials(one.business, one.kind, one.channel, present.get(one.pk, ())):
            mine.append(Concern.MATERIALS)
        if one.pk in held:
            mine.append(Concern.HELD)
        states = {other.state for other in others if other.pk != one.pk and _same_holder(other, one)}
        mine += [Concern.PENDING] if RequestState.OPEN in states else []
        mine += [Concern.REJECTED] if RequestState.REJECTED in states else []
        mine += [Concern.REMARK] if one.pk in remarked else []
        # Approving these takes an old pair out of use at once.
        mine += [Concern.REASON] if one.reason else []
    return found


def _materials(keys: Iterable[int]) -> Mapping[int, set[str]]:
    found: dict[int, set[str]] = {}
    rows = Material.objects.filter(request__in=list(keys), removed_at__isnull=True).values_list("request", "code")
    for key, code in rows:
        found.setdefault(key, set()).add(code)
    return found


def _held(actor: Actor, requests: Sequence[ServiceRequest], now: datetime) -> set[int]:
    new = [one for one in requests if one.business == Business.ENROLL]
    people = sorted({one.person_id for one in new if one.person_id})
    bodies = sorted({one.organization_id for one in new if _is_of_body(one) and one.organization_id})
    if not people and not bodies:
        return set()
    hints = parties.look_up_holdings_of_many(actor, PairHoldings(now), people=people, organizations=bodies, now=now)
    return {
        one.pk
        for one in new
        if ("person_id", one.person_id) in hints
        or (_is_of_body(one) and ("organization_id", one.organization_id) in hints)
    }


def _others(requests: Sequence[ServiceRequest]) -> list[ServiceRequest]:
    people = {one.person_id for one in requests if one.person_id}
    devices = {one.device_id for one in requests if one.device_id}
    bodies = {one.organization_id for one in requests if _is_of_body(one) and one.organization_id}
    same = models.Q(person__in=people) | models.Q(device__in=devices)
    same |= models.Q(organization__in=bodies, person=None, device=None)
    rows = ServiceRequest.objects.unscoped("whether a holder asks twice, wherever in the province; only that is told")
    return list(rows.filter(same).exclude(state=RequestState.DONE).order_by("-pk")[:1000])


def _remarked(keys: Iterable[int]) -> set[int]:
    rows = StepRecord.objects.filter(request__in=list(keys))
    return set(rows.exclude(outcome__in=_QUIET, note="").values_list("request", flat=True))


def _is_of_body(one: ServiceRequest) -> bool:
    return one.person_id is None and one.device_id is None


def _same_holder(one: ServiceRequest, other: ServiceRequest) -> bool:
    def holder(row: ServiceRequest) -> tuple[int | None, ...]:
        return row.person_id, row.device_id, row.organization_id if _is_of_body(row) else None

    return holder(one) == holder(other)
