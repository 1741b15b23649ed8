"""Numbers of the dashboard, kept ready: changed in the transaction that changes what they count."""

from collections import Counter

from banyan.domain.ca import tallies
from banyan.domain.ra.models import ServiceRequest


class Changes:
    """Gathers what one transaction changes, then writes it in one statement a number."""

    def __init__(self) -> None:
        self._counts: Counter[tallies.Key] = Counter()

    def entered(self, request: ServiceRequest) -> None:
        """A request stands at its step now."""
        self._count(request, 1)

    def left(self, request: ServiceRequest) -> None:
        """A request leaves the step at which it stands."""
        self._count(request, -1)

    def add(self, name: str, region_code: str, system: str, count: int = 1) -> None:
        """Any other number."""
        self._counts[(name, region_code, system)] += count

    def _count(self, request: ServiceRequest, sign: int) -> None:
        name = f"step:{request.step}" if request.state == "OPEN" else f"{request.state.lower()}:{request.business}"
        self._counts[(name, request.region_code, request.system)] += sign

    def write(self) -> None:
        """Write the changes, in one order for all writers so that none waits for another in a circle."""
        tallies.apply(self._counts.items())
