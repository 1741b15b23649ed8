"""The numbers of the dashboard: kept ready, read by name; of what is still open, by its index."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from banyan.domain.ca import access as ca
from banyan.domain.ca import tallies
from banyan.domain.parties.access import local_day
from banyan.domain.ra import access as ra
from banyan.domain.ra.processes import Verb
from banyan.domain.systems import access as systems
from banyan.kernel.actor import Actor
from banyan.web.reading.deadlines import next_working_day

MONTHS_BACK = 12
MONTHS_AHEAD = 6
DAYS_SHOWN = 14
SOON_DAYS = 60
NEAR_DAYS = 30
# How far back valid pairs may have expired and still stand as valid in the numbers.
_MONTHS_OF_EXPIRED = 180


@dataclass(frozen=True)
class StepFigures:
    """Open requests at one step: due later, due by the next working day, past their day."""

    verb: str
    in_time: int
    soon: int
    late: int

    @property
    def total(self) -> int:
        return self.in_time + self.soon + self.late


@dataclass(frozen=True)
class Figures:
    """Everything the dashboard counts. Months are first days; ``issued`` has one number a system in ``systems``."""

    systems: list[str]
    months: list[date]
    issued: dict[str, list[int]]
    steps: list[StepFigures]
    expiry_months: list[date]
    expiring: list[int]
    issued_today: int
    issued_yesterday: int
    daily: list[int]
    valid: int
    held: int
    expiring_soon: int
    expiring_near: int

    @property
    def open_requests(self) -> int:
        return sum(step.total for step in self.steps)

    @property
    def late(self) -> int:
        return sum(step.late for step in self.steps)

    @property
    def soon(self) -> int:
        return sum(step.soon for step in self.steps)

    @property
    def month_totals(self) -> list[int]:
        return [sum(column) for column in zip(*self.issued.values(), strict=True)]


def figures(actor: Actor, now: datetime) -> Figures:
    """The numbers over the regions the actor may see."""
    today = local_day(now)
    this_month = today.replace(day=1)
    months = [_month(today, back - MONTHS_BACK + 1) for back in range(MONTHS_BACK)]
    days = [today - timedelta(days=DAYS_SHOWN - 1 - n) for n in range(DAYS_SHOWN)]
    ahead = [_month(today, n) for n in range(MONTHS_AHEAD)]
    past = [_month(today, -n) for n in range(1, _MONTHS_OF_EXPIRED)]
    gone = [this_month + timedelta(days=n) for n in range((today - this_month).days)]
    coming = [today + timedelta(days=n) for n in range(SOON_DAYS + 1)]
    counted = ca.counts(
        actor,
        [tallies.issued_in(month) for month in months]
        + [tallies.issued_on(day) for day in days]
        + [tallies.expiring_in(month) for month in past + ahead]
        + [tallies.expiring_on(day) for day in gone + coming]
        + ["pairs:VALID", "pairs:HELD"],
    )
    total: Counter[str] = Counter()
    for (name, _system), value in counted.items():
        total[name] += value
    codes = _systems({system for _, system in counted})
    expired_this_month = sum(total[tallies.expiring_on(day)] for day in gone)
    expired = expired_this_month + sum(total[tallies.expiring_in(month)] for month in past)
    expiring = [total[tallies.expiring_in(month)] for month in ahead]
    expiring[0] -= expired_this_month
    daily = [total[tallies.issued_on(day)] for day in days]
    by_day = [total[tallies.expiring_on(day)] for day in coming]
    return Figures(
        systems=codes,
        months=months,
        issued={code: [counted.get((tallies.issued_in(month), code), 0) for month in months] for code in codes},
        steps=_steps(actor, now),
        expiry_months=ahead,
        expiring=expiring,
        issued_today=daily[-1],
        issued_yesterday=daily[-2],
        daily=daily,
        valid=total["pairs:VALID"] - expired,
        held=total["pairs:HELD"],
        expiring_soon=sum(by_day),
        expiring_near=sum(by_day[: NEAR_DAYS + 1]),
    )


def _steps(actor: Actor, now: datetime) -> list[StepFigures]:
    totals = ra.work_counts(actor)
    late = ra.late_counts(actor, now, next_working_day(now))
    found = []
    for verb in Verb:
        over, soon = late.get(verb, (0, 0))
        in_time = max(totals.get(verb, 0) - over - soon, 0)
        step = StepFigures(verb.value, in_time, soon, over)
        if step.total or verb in _ALWAYS_SHOWN:
            found.append(step)
    return found


# The steps that most requests go through stand in the chart even when nothing waits there.
_ALWAYS_SHOWN = frozenset({Verb.APPROVE, Verb.ENTER, Verb.PROOFREAD, Verb.ISSUE, Verb.HAND_OVER})


def _systems(counted: set[str]) -> list[str]:
    """The registered systems in their order, which gives each its colour; then any other that has numbers."""
    known = [status.policy.code for status in systems.statuses()]
    return known + sorted(code for code in counted if code and code not in known)


def _month(day: date, offset: int) -> date:
    """The first day of the month ``offset`` months away."""
    index = day.year * 12 + day.month - 1 + offset
    return date(index // 12, index % 12 + 1, 1)
