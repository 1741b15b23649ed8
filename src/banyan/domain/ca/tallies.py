"""Numbers that are often shown, kept ready: changed in the transaction that changes what they count."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from functools import lru_cache

from banyan.domain.ca.models import CertificatePair, PairState, Tally
from banyan.domain.driver import Driver
from banyan.domain.parties.access import local_day

# Name of the number, region, issuing system.
Key = tuple[str, str, str]


def of_pairs(pairs: Iterable[CertificatePair], state: str, sign: int) -> Counter[Key]:
    """The change that pairs in a state make, counted up (1) or down (-1); valid ones by expiry too."""
    changes: Counter[Key] = Counter()
    for pair in pairs:
        changes[(f"pairs:{state}", pair.region_code, pair.system)] += sign
        if state == PairState.VALID:
            day = _day(pair.not_after)
            changes[(expiring_on(day), pair.region_code, pair.system)] += sign
            changes[(expiring_in(day), pair.region_code, pair.system)] += sign
    return changes


def of_issue(pairs: Iterable[CertificatePair]) -> Counter[Key]:
    """The change that newly issued pairs make to the day's and the month's numbers."""
    changes: Counter[Key] = Counter()
    for pair in pairs:
        day = _day(pair.recorded_at)
        changes[(issued_on(day), pair.region_code, pair.system)] += 1
        changes[(issued_in(day), pair.region_code, pair.system)] += 1
    return changes


# Pairs of one slice share their moments.
_day = lru_cache(maxsize=1024)(local_day)


@lru_cache(maxsize=1024)
def issued_on(day: date) -> str:
    """The name of the number of pairs issued on a day of the province."""
    return f"issued:{day:%Y-%m-%d}"


@lru_cache(maxsize=1024)
def issued_in(day: date) -> str:
    """The name of the number of pairs issued in the month of a day."""
    return f"issued:{day:%Y-%m}"


@lru_cache(maxsize=1024)
def expiring_on(day: date) -> str:
    """The name of the number of valid pairs that expire on a day of the province."""
    return f"expires:{day:%Y-%m-%d}"


@lru_cache(maxsize=1024)
def expiring_in(day: date) -> str:
    """The name of the number of valid pairs that expire in the month of a day."""
    return f"expires:{day:%Y-%m}"


def apply(changes: Iterable[tuple[Key, int]]) -> None:
    """Add to numbers; inside a transaction."""
    rows = [(*key, count) for key, count in sorted(changes) if count]
    if not rows:
        return
    table, driver = Tally._meta.db_table, Driver()
    marks = ", ".join([f"({', '.join([driver.slot] * 4)})"] * len(rows))
    statement = (
        f"INSERT INTO {table} (name, region_code, system, value) VALUES {marks} "  # noqa: S608  (own names)
        f"ON CONFLICT (name, region_code, system) DO UPDATE SET value = {table}.value + excluded.value"
    )
    driver.later(statement, [value for row in rows for value in row])
