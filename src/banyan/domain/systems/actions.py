"""The only writes to what an installation switches of its issuing systems."""

from datetime import datetime

from banyan.domain import audit
from banyan.domain.iam import rights
from banyan.domain.parties import access as parties
from banyan.domain.parties.errors import NotFound
from banyan.kernel.actor import Actor

from . import access
from .errors import VersionConflict
from .models import IssuingPointSwitch, IssuingSystem
from .registry import policies


@audit.action
def install_systems(actor: Actor, *, now: datetime) -> int:
    """Make a row for every registered system that has none; returns how many were made."""
    del now
    if actor.is_staff:
        rights.require(actor, "systems.configure")
    known = set(IssuingSystem.objects.values_list("code", flat=True))
    rows = [IssuingSystem(code=code) for code in policies() if code not in known]
    IssuingSystem.objects.bulk_create(rows)
    if rows:
        audit.record(actor, "systems.installed", None, systems=[row.code for row in rows])
    return len(rows)


@audit.action
def configure_system(
    actor: Actor,
    code: str,
    version: int | None,
    *,
    is_enabled: bool | None = None,
    connector: str | None = None,
    now: datetime,
) -> IssuingSystem:
    """Switch a system on or off, or give it a connector of its own (empty: the installation's).

    ``version`` is the one that was shown (None: never switched). Raises UnknownSystem, VersionConflict, RightMissing.
    """
    del now
    rights.require(actor, "systems.configure")
    access.policy(code)
    row, is_new = IssuingSystem.objects.get_or_create(code=code)
    if version != (None if is_new else row.version) and not (version is None and row.version == 1):
        raise VersionConflict
    values: dict[str, object] = {"version": row.version + 1}
    if is_enabled is not None:
        values["is_enabled"] = is_enabled
    if connector is not None:
        values["connector"] = connector
    if not IssuingSystem.objects.filter(code=code, version=row.version).update(**values):
        raise VersionConflict
    row.refresh_from_db()
    audit.record(actor, "systems.configured", None, system=code, is_enabled=row.is_enabled, connector=row.connector)
    return row


@audit.action
def switch_issuing_point(
    actor: Actor, code: str, issuing_point_id: int, *, is_enabled: bool, now: datetime
) -> IssuingPointSwitch:
    """Switch a system on or off at an issuing point. Raises UnknownSystem, NotFound, RightMissing."""
    del now
    rights.require(actor, "points.manage")
    access.policy(code)
    if not parties.issuing_points(actor).filter(pk=issuing_point_id).exists():
        raise NotFound
    IssuingSystem.objects.get_or_create(code=code)
    switch, is_new = IssuingPointSwitch.objects.get_or_create(
        system_id=code, issuing_point_id=issuing_point_id, defaults={"is_enabled": is_enabled}
    )
    if not is_new:
        switch.is_enabled, switch.version = is_enabled, switch.version + 1
        switch.save(update_fields=["is_enabled", "version"])
    audit.record(actor, "systems.point_switched", switch, system=code, point=issuing_point_id, is_enabled=is_enabled)
    return switch
