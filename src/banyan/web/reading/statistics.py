"""The statistics page: finished requests by system, business and kind; this month, last month, this year."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from banyan.domain.parties.access import local_day
from banyan.domain.ra import statistics
from banyan.domain.ra.models import Business
from banyan.domain.ra.statistics import Finished
from banyan.domain.systems import access as systems
from banyan.domain.systems.policy import CertificateKind
from banyan.kernel import clock
from banyan.kernel.actor import Actor
from banyan.web import words
from banyan.web.reading.charts import Table, month_name

MONTHS = 12


@dataclass(frozen=True)
class Statistics:
    """Tables, and what the chart draws."""

    tables: list[Table]
    chart: dict[str, Any]
    message: str
    has_any: bool


def read(actor: Actor, *, region: str | None = None, point_id: int | None = None) -> Statistics:
    """The numbers of a region or a point. Raises what ``ra.statistics.finished`` raises."""
    today = local_day(clock.now())
    months = [_month(today, back - MONTHS + 1) for back in range(MONTHS)]
    this_year = [date(today.year, number, 1) for number in range(1, today.month + 1)]
    found = statistics.finished(actor, months, region=region, point_id=point_id)
    periods = [[months[-1]], [months[-2]], this_year]
    codes = _systems(found)
    by_system = [(words.system(code), [found.total(one, system=code) for one in periods]) for code in codes]
    by_business = [
        (str(label), [found.total(one, business=code) for one in periods]) for code, label in Business.choices
    ]
    by_kind = [(_(kind.label), [found.total(one, kind=kind) for one in periods]) for kind in CertificateKind]
    by_month = [(f"{month:%Y-%m}", [found.total([month], system=code) for code in codes]) for month in reversed(months)]
    head = [_("本月"), _("上月"), _("本年")]
    totals = [found.total([month]) for month in months]
    return Statistics(
        tables=[
            _table("system", _("按签发系统"), [_("签发系统"), *head], by_system),
            _table("business", _("按业务"), [_("业务"), *head], by_business),
            _table("kind", _("按证书类型"), [_("证书类型"), *head], by_kind),
            _table("month", _("近 12 个月"), [_("月份"), *(words.system(code) for code in codes)], by_month),
        ],
        chart={
            "months": [month_name(month) for month in months],
            "series": [
                {"name": words.system(code), "values": [found.total([month], system=code) for month in months]}
                for code in codes
            ],
        },
        message=_("近 12 个月办结 {total} 件，其中本月 {now} 件").format(total=sum(totals), now=totals[-1]),
        has_any=any(totals),
    )


def _table(anchor: str, title: str, head: list[str], rows: list[tuple[str, list[int]]]) -> Table:
    width = len(head) - 1
    sums = [sum(numbers[column] for _name, numbers in rows) for column in range(width)]
    return Table(anchor, title, _("件"), head, rows, sums)


def _systems(found: Finished) -> Sequence[str]:
    known = [status.policy.code for status in systems.statuses()]
    return known + sorted(found.systems() - set(known))


def _month(day: date, offset: int) -> date:
    index = day.year * 12 + day.month - 1 + offset
    return date(index // 12, index % 12 + 1, 1)
