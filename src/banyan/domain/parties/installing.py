"""Actions on regions and issuing points."""

from datetime import datetime

from banyan.domain import audit
from banyan.domain.iam import rights
from banyan.kernel.actor import Actor

from .models import Region, RegionClosure, RetiredRegion
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
