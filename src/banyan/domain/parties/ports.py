"""What this package asks of packages above it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Holding:
    """A certificate pair that somebody holds, as far as a warning needs it."""

    pair_id: int
    kind: str
    system: str
    medium: str
    application: str
    region_code: str
    subject_name: str
    state: str
    # whose it is: the person, else the body itself
    person_id: int | None = None
    organization_id: int | None = None


class HoldingsSource(Protocol):
    """Where the pairs of a person or a body are known (the certificates' own package)."""

    def holdings_of(self, *, people: Sequence[int], organizations: Sequence[int]) -> Sequence[Holding]:
        """Pairs that still count (not revoked, not expired), across the whole province."""
        ...
