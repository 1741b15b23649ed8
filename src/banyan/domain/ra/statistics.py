"""What a region or an issuing point has finished, from numbers kept ready (规范 3.3.1.4(4)): nothing is counted anew."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from banyan.domain.ca.models import Tally
from banyan.domain.iam import rights
from banyan.domain.parties import access as parties
from banyan.domain.parties.scoping import RegionScoped
from banyan.domain.ra.models import Business
from banyan.domain.ra.tallies import finished_in
from banyan.domain.systems.policy import CertificateKind
from banyan.kernel.actor import Actor

# What one number counts: month (its first day), business, certificate kind, issuing system.
Key = tuple[date, str, str, str]


@dataclass(frozen=True)
class Finished:
    """Finished requests by month, business, kind and system."""

    counts: Counter[Key]

    def total(self, months: Iterable[date], *, business: str = "", kind: str = "", system: str = "") -> int:
        """How many in some months, of one business, kind or system where named."""
        wanted = frozenset(months)
        return sum(
            value
            for (month, of_business, of_kind, of_system), value in self.counts.items()
            if month in wanted and business in ("", of_business) and kind in ("", of_kind) and system in ("", of_system)
        )

    def systems(self) -> set[str]:
        """The systems that have numbers."""
        return {system for _month, _business, _kind, system in self.counts}


def finished(
    actor: Actor, months: Sequence[date], *, region: str | None = None, point_id: int | None = None
) -> Finished:
    """The numbers of everything within sight, of one region with all below it, or of one issuing point.

    By the closure of the region tree, so 福州 counts neither 平潭 nor the bodies of the province. Raises
    parties.OutOfScope, parties.NotFound, parties.UnknownRegion, RightMissing.
    """
    rights.require(actor, "statistics.read")
    names = {
        finished_in(month, business, kind, point_id=point_id): (month, business, kind)
        for month in months
        for business in Business.values
        for kind in CertificateKind
    }
    rows = Tally.objects.filter(name__in=list(names))
    roots: Iterable[str] | None = actor.regions
    if point_id is not None:
        parties.issuing_point_in_sight(actor, point_id)
    if region is not None:
        code = parties.region_tree().current(region).code
        parties.ensure_region_in_scope(actor, code)
        roots = [code]
    if roots is not None:
        rows = rows.filter(
            region_code__in=RegionScoped.closure().filter(ancestor__in=sorted(roots)).values("descendant")
        )
    found: Counter[Key] = Counter()
    for name, system, value in rows.values_list("name", "system", "value"):
        month, business, kind = names[name]
        found[(month, business, str(kind), system)] += value
    return Finished(found)
