"""Remote issuing points (远程签发点, 规范 3.3.1.4): set up, described, staffed, closed and opened again."""

import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from banyan.domain import audit
from banyan.domain.iam import actions as iam
from banyan.domain.iam import people, rights
from banyan.domain.iam.models import DualControlRequest, Posting, StaffAccount
from banyan.domain.iam.rights import Role
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_

from . import access
from .errors import NotFound, PointClosed, PointCodeInvalid, PointCodeTaken, VersionConflict
from .models import IssuingPoint
from .names import organization_name

_CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{1,19}")
_LONGEST: Final = {"address": 200, "phone": 40, "open_hours": 100}


@audit.action
def open_issuing_point(
    actor: Actor, *, code: str, name: str, region_code: str, now: datetime, **told: str
) -> IssuingPoint:
    """Set up a place where certificates are issued (规范 3.3.1.4(1)). ``told``: address, phone, open_hours.

    No issuing system is switched on there yet. Raises UnknownRegion, OutOfScope, PointCodeInvalid, PointCodeTaken,
    RightMissing.
    """
    del now
    rights.require(actor, "points.manage")
    if not _CODE.fullmatch(code):
        raise PointCodeInvalid
    region = access.region_tree().current(region_code)
    access.ensure_region_in_scope(actor, region.code)
    if IssuingPoint.objects.unscoped("a code is given once in the province").filter(code=code).exists():
        raise PointCodeTaken(point=code)
    name = organization_name(name, N_("签发点名称"))
    point = IssuingPoint(code=code, name=name, region_code=region.code, **_clean(told))
    point.save()
    audit.record(actor, "parties.issuing_point_opened", point, code=code, region=region.code)
    return point


@audit.action
def update_issuing_point(
    actor: Actor,
    point_id: int,
    version: int,
    *,
    name: str | None = None,
    is_active: bool | None = None,
    told: Mapping[str, str] = MappingProxyType({}),
    now: datetime,
) -> IssuingPoint:
    """Rename or describe an issuing point, close or reopen it. Its region stays: its people and its numbers hang on it.

    Closing ends the sessions of those who work there; until it is opened again they can look, but neither enter nor
    issue. Raises NotFound, VersionConflict, RightMissing.
    """
    rights.require(actor, "points.manage")
    _find(actor, point_id)
    values: dict[str, Any] = {"version": version + 1, **_clean(told)}
    if name is not None:
        values["name"] = organization_name(name, N_("签发点名称"))
    if is_active is not None:
        values["is_active"] = is_active
    if not IssuingPoint.objects.visible_to(actor).filter(pk=point_id, version=version).update(**values):
        raise VersionConflict
    point = _find(actor, point_id)
    changed = sorted(set(values) - {"version"})
    audit.record(actor, "parties.issuing_point_updated", point, fields=changed, is_active=point.is_active)
    if is_active is False:
        for account in staff_of(point_id):
            iam.end_sessions(actor, account, now)
    return point


def ask_for_posting(
    actor: Actor, *, account: StaffAccount, point_id: int, role: Role, now: datetime
) -> DualControlRequest:
    """First person: ask that somebody work at a point, with the sight of its region. Raises NotFound, PointClosed and what
    ``iam.people.ask_for_role`` raises.
    """
    point = _find(actor, point_id)
    if not point.is_active:
        raise PointClosed(point=point.name)
    return people.ask_for_role(
        actor=actor, account=account, role=role, regions=[point.region_code], point_id=point.pk, now=now
    )


def point_of_code(actor: Actor, code: str) -> IssuingPoint:
    """An issuing point by its code. Raises NotFound."""
    point = access.issuing_points(actor).filter(code=code).first()
    if point is None:
        raise NotFound
    return point


def staff_of(point_id: int) -> list[StaffAccount]:
    """The accounts that hold a role at a point now."""
    held = Posting.objects.filter(point_id=point_id, grant__ended_at__isnull=True).values("grant__account")
    return list(StaffAccount.objects.filter(pk__in=held).order_by("username"))


def _find(actor: Actor, point_id: int) -> IssuingPoint:
    point = access.issuing_points(actor).filter(pk=point_id).first()
    if point is None:
        raise NotFound
    return point


def _clean(told: Mapping[str, str]) -> dict[str, str]:
    """What the public is told, without needless blanks and no longer than its column. A name not known is a defect."""
    return {name: " ".join(text.split())[: _LONGEST[name]] for name, text in told.items()}
