"""One installation of ``banyan bench pages`` in a process of its own: fills it, then measures its pages as often as told."""

import json
import sys
from typing import Any

from banyan.cli.context import django_setup
from banyan.kernel.home import Home

# A county, a district, the island that the province runs by itself, a prefecture.
SIGHTS = ("350582", "350102", "350128", "350900")


class Bench:
    """What can be asked of an installation."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.filled: Any = None
        self._people: list[Any] = []
        self._administrators: list[Any] = []
        self._operators: list[Any] = []

    def make(self, size: int) -> dict[str, Any]:
        """Make and fill the installation."""
        import time

        from django.db import connection

        from banyan.cli.bench import issue_world, pages_filling

        issue_world.make_installation(self.home)
        start = time.perf_counter()
        self.filled = pages_filling.fill(self.home, size)
        return {"database": connection.vendor, "seconds": time.perf_counter() - start}

    def measure(self, count: int) -> dict[str, Any]:
        """Ask for every page with ``count`` inputs of each sort and sight; what each label took."""
        from banyan.cli.bench import pages_asking as asking
        from banyan.cli.bench import pages_cases as cases
        from banyan.domain.iam.rights import Role

        if not self._people:
            name = asking.unused_name
            self._people.append(asking.log_in(name("clerk"), Role.CLERK))
            self._people += [asking.log_in(name("point"), Role.CLERK, [code]) for code in SIGHTS]
            self._administrators = [asking.log_in(name("audit"), Role.AUDIT_ADMIN)]
            self._operators = [asking.log_in(name("system"), Role.SYSTEM_ADMIN)]
        server = asking.Server()
        found: dict[Any, Any] = {}
        for is_measured in (False, True):  # the first time round compiles templates and warms caches
            found = {}
            number = count if is_measured else 2
            for person in self._people:
                server.measure(person, cases.Inputs(self.filled, person.actor, number).asks(), found)
            for person in self._administrators:
                server.measure(person, cases.administrators(self.filled, number), found)
            for person in self._operators:
                server.measure(person, cases.system_administrators(number), found)
            for _ in range(number):
                server.measure(None, cases.public(), found)
        cases.ensure_complete(found)
        return {label: one.as_dict() for label, one in found.items()}


def main() -> None:
    """Serve commands from standard input until it ends."""
    bench = Bench(django_setup())
    for line in sys.stdin:
        order = json.loads(line)
        answer = getattr(bench, order.pop("do"))(**order)
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
