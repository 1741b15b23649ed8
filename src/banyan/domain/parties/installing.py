"""Actions on regions and issuing points."""

from datetime import datetime

from banyan.domain import audit
from banyan.domain.iam import rights
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_

from . import access
from .errors import NotFound, VersionConflict
from .models import IssuingPoint, Region, RegionClosure, RetiredRegion
from .names import organization_name
from .regions import RegionTree, checked, shipped_tree


@audit.action
def install_regions(actor: Actor, tree: RegionTree | None = None, *, now: datetime) -> int:
    """Install or bring up to date the tree of regions (default: the shipped one); returns the number of regions.

    A code that was given up stays in the closure below its successor, so that what was issued under it is still seen.
    Raises RegionDataInvalid, RightMissing.
    """
    del now
    if actor.is_staff:
        rights.require(actor, "systems.configure")
    tree = checked(tree or shipped_tree())
    RegionClosure.objects.all().delete()
    RetiredRegion.objects.all().delete()
    # Parents first: the data lists the province, then each prefecture before its counties.
    Region.objects.bulk_create(
        [
            Region(
                code=entry.code, name=entry.name, level=entry.level, parent_id=entry.parent,
                other_names="、".join(entry.other_names),
            )
            for entry in tree.regions
        ],
        update_conflicts=True, unique_fields=["code"], update_fields=["name", "level", "parent", "other_names"],
    )  # fmt: skip
    RetiredRegion.objects.bulk_create(
        [RetiredRegion(code=entry.code, name=entry.name, current_id=entry.current) for entry in tree.retired]
    )
    Region.objects.exclude(code__in=tree.by_code).delete()
    pairs = sorted(tree.closure)
    RegionClosure.objects.bulk_create([RegionClosure(ancestor=above, descendant=below) for above, below in pairs])
    audit.record(actor, "parties.regions_installed", None, regions=len(tree.regions), retired=len(tree.retired))
    return len(tree.regions)


@audit.action
def open_issuing_point(actor: Actor, *, code: str, name: str, region_code: str, now: datetime) -> IssuingPoint:
    """Set up a place where certificates are issued (规范 3.3.1.4(1)).

    Raises UnknownRegion, OutOfScope, RightMissing.
    """
    del now
    rights.require(actor, "systems.configure")
    region = access.region_tree().current(region_code)
    access.ensure_region_in_scope(actor, region.code)
    point = IssuingPoint(code=code, name=organization_name(name, N_("签发点名称")), region_code=region.code)
    point.save()
    audit.record(actor, "parties.issuing_point_opened", point, code=code, region=region.code)
    return point


@audit.action
def update_issuing_point(
    actor: Actor, point_id: int, version: int, *, name: str | None = None, is_active: bool | None = None, now: datetime
) -> IssuingPoint:
    """Rename, close or reopen an issuing point. Raises NotFound, VersionConflict, RightMissing."""
    del now
    rights.require(actor, "systems.configure")
    point = IssuingPoint.objects.visible_to(actor).filter(pk=point_id).first()
    if point is None:
        raise NotFound
    values: dict[str, object] = {"version": version + 1}
    if name is not None:
        values["name"] = organization_name(name, N_("签发点名称"))
    if is_active is not None:
        values["is_active"] = is_active
    if not IssuingPoint.objects.visible_to(actor).filter(pk=point_id, version=version).update(**values):
        raise VersionConflict
    point.refresh_from_db()
    audit.record(actor, "parties.issuing_point_updated", point, fields=sorted(set(values) - {"version"}))
    return point
