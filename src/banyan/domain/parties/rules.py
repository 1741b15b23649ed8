"""The rules of parties, gathered: see ``names``, ``identity_rules``, ``device_rules`` and ``regions``."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from .device_rules import DeviceIdentity, device_identity, read_domain_name, read_icp_number, read_ip_address
from .identity_rules import (
    IdentityNumber,
    credit_code,
    identity_number,
    identity_type,
    mask_number,
    mask_phone,
    mobile_number,
    organization_code,
    organization_kind,
)
from .names import comparison_form, device_title, masked_name, organization_name, person_name
from .ports import Holding

__all__ = [
    "DeviceIdentity", "HoldingsElsewhere", "HoldingsHint", "IdentityNumber", "comparison_form", "credit_code",
    "device_identity", "device_title", "hint", "identity_number", "identity_type", "mask_number", "mask_phone",
    "masked_name", "mobile_number", "organization_code", "organization_kind", "organization_name", "person_name",
    "read_domain_name", "read_icp_number", "read_ip_address",
]  # fmt: skip


@dataclass(frozen=True)
class HoldingsElsewhere:
    """What somebody may know of pairs outside his sight: how many of which kind and system (规范 3.1.1.2(2))."""

    kind: str
    system: str
    count: int


@dataclass(frozen=True)
class HoldingsHint:
    """The duplicate-holder warning: pairs one may see, and bare numbers of the rest."""

    here: tuple[Holding, ...]
    elsewhere: tuple[HoldingsElsewhere, ...]

    def counts(self, kind: str) -> Mapping[str, int]:
        """How many pairs of a kind in which system, in sight or not: as much as everybody may know."""
        found = Counter(holding.system for holding in self.here if holding.kind == kind)
        for entry in self.elsewhere:
            if entry.kind == kind:
                found[entry.system] += entry.count
        return found

    @property
    def count(self) -> int:
        """How many pairs in all."""
        return len(self.here) + sum(entry.count for entry in self.elsewhere)

    @property
    def is_empty(self) -> bool:
        return not (self.here or self.elsewhere)


def hint(holdings: Iterable[Holding], is_visible: Callable[[str], bool]) -> HoldingsHint:
    """Split what somebody holds by what may be shown; ``is_visible`` answers for a region code."""
    holdings = tuple(holdings)
    hidden = Counter((holding.kind, holding.system) for holding in holdings if not is_visible(holding.region_code))
    return HoldingsHint(
        here=tuple(holding for holding in holdings if is_visible(holding.region_code)),
        elsewhere=tuple(HoldingsElsewhere(kind, system, count) for (kind, system), count in sorted(hidden.items())),
    )
