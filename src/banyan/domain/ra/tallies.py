"""Numbers of the dashboard, kept ready: changed in the transaction that changes what they count."""

from collections import Counter
from datetime import date, datetime

from banyan.domain.ca import tallies
from banyan.domain.parties.access import local_day
from banyan.domain.ra.models import ServiceRequest


def finished_in(month: date, business: str, kind: str, *, point_id: int | None = None) -> str:
    """The name of the number of requests finished in a month, of a business and a certificate kind; at a point its own."""
    return f"{f'p{point_id}' if point_id else 'm'}:{month:%Y-%m}:{business}:{kind}"


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

    def finished(self, request: ServiceRequest, now: datetime, point_id: int | None) -> None:
        """A request was carried to its end, at an issuing point or at the centre."""
        month = local_day(now)
        names = [finished_in(month, request.business, request.kind)]
        if point_id is not None:
            names.append(finished_in(month, request.business, request.kind, point_id=point_id))
        for name in names:
            self.add(name, request.region_code, request.system)

    def add(self, name: str, region_code: str, system: str, count: int = 1) -> None:
        """Any other number."""
        self._counts[(name, region_code, system)] += count

    def _count(self, request: ServiceRequest, sign: int) -> None:
        name = f"step:{request.step}" if request.state == "OPEN" else f"{request.state.lower()}:{request.business}"
        self._counts[(name, request.region_code, request.system)] += sign

    def write(self) -> None:
        """Write the changes, in one order for all writers so that none waits for another in a circle."""
        tallies.apply(self._counts.items())
