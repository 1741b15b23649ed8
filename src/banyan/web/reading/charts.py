"""What the charts are drawn from, and the same numbers as tables. Every chart says its message in one sentence."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from banyan.web import words
from banyan.web.reading.figures import Figures


@dataclass(frozen=True)
class Table:
    """The numbers of one chart: head, rows of (name, numbers), whether a row of sums closes it."""

    anchor: str
    title: str
    unit: str
    head: list[str]
    rows: list[tuple[str, list[int]]]
    sums: list[int]


def of_figures(figures: Figures) -> dict[str, Any]:
    """Data for the page's script (JSON) and the sentences for screen readers."""
    return {
        "data": {
            "months": [month_name(month) for month in figures.months],
            "issued": [{"name": words.system(code), "values": figures.issued[code]} for code in figures.systems],
            "totals": figures.month_totals,
            "steps": [words.step(step.verb) for step in figures.steps],
            "in_time": [step.in_time for step in figures.steps],
            "soon": [step.soon for step in figures.steps],
            "late": [step.late for step in figures.steps],
            "expiry_months": [month_name(month) for month in figures.expiry_months],
            "expiring": figures.expiring,
            "words": {"in_time": _("期内"), "soon": _("一天内到限"), "late": _("超期"), "expiring": _("到期")},
        },
        "issued": _issued_message(figures),
        "has_issued": any(figures.month_totals),
        "has_steps": figures.open_requests > 0,
        "has_expiring": any(figures.expiring),
        "steps": _steps_message(figures),
        "expiring": _expiring_message(figures),
        "daily": spark(figures.daily),
    }


def tables(figures: Figures) -> list[Table]:
    """The tables behind the charts."""
    systems = [words.system(code) for code in figures.systems]
    by_month = zip(*(figures.issued[code] for code in figures.systems), strict=True)
    issued = [
        (f"{month:%Y-%m}", [*numbers, sum(numbers)]) for month, numbers in zip(figures.months, by_month, strict=True)
    ]
    steps = [(words.step(step.verb), [step.in_time, step.soon, step.late, step.total]) for step in figures.steps]
    ahead = zip(figures.expiry_months, figures.expiring, strict=True)
    expiring = [(f"{month:%Y-%m}", [number]) for month, number in ahead]
    return [
        _table("issued", _("近 12 个月签发量"), _("对"), [_("月份"), *systems, _("合计")], issued),
        _table("steps", _("各环节在办"), _("件"), [_("环节"), _("期内"), _("一天内到限"), _("超期"), _("合计")], steps),
        _table("expiring", _("证书到期"), _("对"), [_("月份"), _("到期")], expiring),
    ]


def month_name(month: date) -> str:
    """As an axis shows it: 4月, Apr."""
    return date_format(month, "M") if get_language() == "en" else f"{month.month}月"


def spark(values: list[int], *, width: int = 76, height: int = 28) -> dict[str, str]:
    """A small line of recent days as SVG points; the area under it closed at the ground."""
    top = max(values) or 1
    step = width / max(len(values) - 1, 1)
    points = [f"{index * step:.1f},{height - 2 - value / top * (height - 6):.1f}" for index, value in enumerate(values)]
    return {"line": " ".join(points), "area": f"0,{height} {' '.join(points)} {width},{height}"}


def _issued_message(figures: Figures) -> str:
    totals = figures.month_totals
    if not any(totals):
        return _("近 12 个月没有签发。")
    most = max(range(len(totals)), key=totals.__getitem__)
    return _("近 12 个月共签发 {n} 对，{month}最多，{most} 对。").format(
        n=sum(totals), month=month_name(figures.months[most]), most=totals[most]
    )


def _steps_message(figures: Figures) -> str:
    if not figures.open_requests:
        return _("没有在办的申请单。")
    return _("各环节在办 {n} 件，其中超期 {late} 件。").format(n=figures.open_requests, late=figures.late)


def _expiring_message(figures: Figures) -> str:
    if not any(figures.expiring):
        return _("未来 6 个月没有证书到期。")
    return _("未来 6 个月到期 {n} 对证书。").format(n=sum(figures.expiring))


def _table(anchor: str, title: str, unit: str, head: list[str], rows: list[tuple[str, list[int]]]) -> Table:
    sums = [sum(column) for column in zip(*(numbers for _name, numbers in rows), strict=True)]
    return Table(anchor, title, unit, head, rows, sums)
