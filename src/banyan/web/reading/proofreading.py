"""Proofreading as a page shows it: each field with what was found of it; nothing critical before it was typed again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from banyan.domain.iam import access as iam
from banyan.domain.ra import checking, entries
from banyan.domain.ra.actions.checking import Checked
from banyan.domain.ra.checking import Care, CheckedField, Comparison, Sheet
from banyan.domain.ra.models import FieldCheck, ServiceRequest
from banyan.kernel.actor import Actor

Result = FieldCheck.Result
_LOOKS: Mapping[str, tuple[str, str]] = {
    Result.SAME: ("ok", "check"),
    Result.RETYPED: ("ok", "check"),
    Result.LOOKED: ("ok", "eye-check"),
    Result.UNEQUAL: ("warn", "alert-triangle"),
    Result.DIFFERS: ("fix", "arrow-back-up"),
}


@dataclass(frozen=True)
class CheckLine:
    """One field. ``value`` is empty while a critical field has not been settled."""

    code: str
    label: str
    care: str
    value: str
    result: str
    css: str
    icon: str
    word: str
    reason: str
    is_number: bool

    @property
    def is_settled(self) -> bool:
        return self.result in checking.SETTLED

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done by this proofreader: neither settled nor marked."""
        return not self.is_settled and self.result != Result.DIFFERS


@dataclass(frozen=True)
class Progress:
    """How far the checks are, and why the data cannot pass yet; empty when they can."""

    settled: int
    total: int
    marked: int
    why_not: str

    @property
    def can_pass(self) -> bool:
        return not self.why_not


@dataclass(frozen=True)
class CheckSheet:
    """Everything of one request's proofreading."""

    lines: list[CheckLine]
    content_digest: str
    progress: Progress
    name: str
    entered_by: str
    entered_at: Any


def check_sheet(actor: Actor, request: ServiceRequest) -> CheckSheet:
    """The fields with this proofreader's checks. Raises sealing.SealBroken."""
    sheet = checking.sheet(request)
    checks = checking.checks_of(request, sheet.content_digest, actor.id)
    by_code = {check.field: check for check in checks}
    lines = [line_of(field, by_code.get(field.code)) for field in sheet.fields]
    entry = entries.newest([request.pk]).get(request.pk)
    names = iam.names_of([request.entered_by]) if request.entered_by else {}
    return CheckSheet(
        lines=lines,
        content_digest=sheet.content_digest,
        progress=progress(sheet, checks),
        name=_name_once_settled(lines),
        entered_by=names.get(request.entered_by or 0, ""),
        entered_at=entry.at if entry else None,
    )


def progress(sheet: Sheet, checks: list[FieldCheck]) -> Progress:
    """How many fields are settled and what is left."""
    left = checking.unsettled(sheet, checks)
    marked = sum(check.result == Result.DIFFERS for check in checks)
    why = ""
    if marked:
        why = ngettext("有 {n} 项差异，只能退回录入", "有 {n} 项差异，只能退回录入", marked).format(n=marked)
    elif left:
        why = ngettext("还差 {n} 项", "还差 {n} 项", len(left)).format(n=len(left))
    return Progress(len(sheet.fields) - len(left), len(sheet.fields), marked, why)


def line_of(field: CheckedField, check: FieldCheck | None) -> CheckLine:
    """One field; a critical one shows its value only once it is settled."""
    result = check.result if check else ""
    css, icon = _LOOKS.get(result, ("", ""))
    is_shown = field.care is Care.PLAIN or result in checking.SETTLED
    return CheckLine(
        code=field.code,
        label=_(field.label),
        care=str(field.care),
        value=_(field.shown) if is_shown else "",
        result=result,
        css=css,
        icon=icon,
        word=_word(check),
        reason=_("；").join(_(part) for part in check.reason.split("；")) if check and check.reason else "",
        is_number=field.code.endswith(("number", "phone", "uscc", "_code", "address", "domain_name")),
    )


def answer(done: Checked, sheet: CheckSheet) -> dict[str, Any]:
    """What the page's script learns after a check."""
    line = line_of(done.field, done.check)
    found: dict[str, Any] = {
        "result": line.result, "css": line.css, "icon": line.icon, "word": line.word, "value": line.value,
        "reason": line.reason, "settled": sheet.progress.settled, "total": sheet.progress.total,
        "marked": sheet.progress.marked, "why_not": sheet.progress.why_not, "name": sheet.name,
    }  # fmt: skip
    if done.comparison is not None and not done.comparison.is_same:
        found |= _lines(done.comparison)
        found["may_choose_entered"] = done.field.care is not Care.PROTECTED
        found["tries_left"] = checking.MOST_TRIES - done.check.tries if done.field.care is Care.PROTECTED else None
    return found


def _lines(comparison: Comparison) -> dict[str, Any]:
    def runs(segments: Any) -> list[list[Any]]:
        return [[run.text, run.differs] for run in segments]

    return {"entered": runs(comparison.entered), "retyped": runs(comparison.retyped)}


def _word(check: FieldCheck | None) -> str:
    if check is None:
        return _("待核")
    if check.result == Result.UNEQUAL:
        n = len([one for one in check.positions.split(",") if one])
        return ngettext("差 {n} 位", "差 {n} 位", n).format(n=n)
    return str(check.get_result_display())


def _name_once_settled(lines: list[CheckLine]) -> str:
    """The holder's name, once it was typed again: before, the page would give it away."""
    first = next((line for line in lines if line.code.endswith(".name") and line.care == Care.CRITICAL), None)
    return first.value if first else ""
