"""Proofreading field by field: each check is kept, and only data whose every field is settled pass (规范 3.1.1.1-1)."""

from dataclasses import dataclass
from datetime import datetime

from banyan.domain import audit
from banyan.domain.ra import checking, entries, moving
from banyan.domain.ra.actions.data import proofread, send_back
from banyan.domain.ra.checking import Care, CheckedField, Comparison, Sheet
from banyan.domain.ra.errors import (
    DataMissing,
    FieldUnknown,
    NotAllChecked,
    NothingMarked,
    ReasonMissing,
    RetypeNeeded,
    SeenOtherData,
    TooManyTries,
)
from banyan.domain.ra.models import FieldCheck, ServiceRequest
from banyan.domain.ra.processes import Verb
from banyan.kernel.actor import Actor

Result = FieldCheck.Result
_EVENT = "ra.check_field"
_LONGEST_NOTE = 400


@dataclass(frozen=True, slots=True)
class Checked:
    """A field after a check. ``comparison`` where something was typed again."""

    field: CheckedField
    check: FieldCheck
    comparison: Comparison | None = None


@audit.action
def compare_field(actor: Actor, request_id: int, code: str, retyped: str, now: datetime, *, seen: str) -> Checked:
    """Compare what the proofreader typed from the original with what was entered; equal settles the field.

    Each comparison leaves an audit record. Raises TooManyTries for a protected value typed wrongly too often,
    SeenOtherData, FieldUnknown, SamePerson, StepNotDue, DataMissing.
    """
    request, sheet = _at_work(actor, request_id, seen)
    field = _field(request, sheet, code)
    check = _check(actor, request, sheet, field)
    if field.care is Care.PROTECTED and check.tries >= checking.MOST_TRIES:
        raise TooManyTries(field=field.label, n=check.tries)
    found = checking.compare(field, retyped)
    check.tries += 0 if found.is_same else 1
    check.positions = ",".join(str(one) for one in found.positions)[:200]
    check.reason = ""
    _put(actor, request, check, Result.RETYPED if found.is_same else Result.UNEQUAL, now)
    return Checked(field, check, found)


@audit.action
def settle_field(
    actor: Actor, request_id: int, code: str, result: FieldCheck.Result, now: datetime, *, seen: str, reason: str = ""
) -> Checked:
    """Confirm a field by looking (SAME), keep what was entered after another look (LOOKED), or mark it (DIFFERS).

    A critical field is typed again before anything but a mark. Raises RetypeNeeded, ReasonMissing and as
    ``compare_field``.
    """
    request, sheet = _at_work(actor, request_id, seen)
    field = _field(request, sheet, code)
    check = _check(actor, request, sheet, field)
    if result is Result.SAME and field.care is not Care.PLAIN:
        raise RetypeNeeded(field=field.label)
    # A protected value is never shown, so nobody can say that it is right without typing it.
    if result is Result.LOOKED and (check.result != Result.UNEQUAL or field.care is Care.PROTECTED):
        raise RetypeNeeded(field=field.label)
    if result is Result.DIFFERS and not reason.strip():
        raise ReasonMissing
    if result in (Result.RETYPED, Result.UNEQUAL):
        raise RetypeNeeded(field=field.label)
    check.reason = reason.strip()[:200]
    _put(actor, request, check, result, now)
    return Checked(field, check)


@audit.action
def proofread_checked(actor: Actor, request_id: int, now: datetime, *, seen: str) -> ServiceRequest:
    """Confirm data whose every field this proofreader has settled (校对通过). Raises NotAllChecked and as ``proofread``."""
    request, sheet = _at_work(actor, request_id, seen)
    left = checking.unsettled(sheet, checking.checks_of(request, sheet.content_digest, actor.id))
    if left:
        raise NotAllChecked(number=request.number, n=len(left))
    return proofread(actor, request_id, now, seen_data=request.data_digest)


@audit.action
def send_back_marked(actor: Actor, request_id: int, now: datetime, *, seen: str, note: str = "") -> ServiceRequest:
    """Send data back to entry with the fields that are marked and why (校对退回). Raises NothingMarked."""
    request, sheet = _at_work(actor, request_id, seen)
    marked = marks_among(sheet, checking.checks_of(request, sheet.content_digest, actor.id))
    if not marked:
        raise NothingMarked(number=request.number)
    reasons = [f"{field.label}：{check.reason}" for field, check in marked]
    return send_back(actor, request_id, now, reason="；".join([*reasons, *([note] if note else [])])[:_LONGEST_NOTE])


def marks_among(sheet: Sheet, checks: list[FieldCheck]) -> list[tuple[CheckedField, FieldCheck]]:
    """The fields that a proofreader marked, in the order of the form."""
    by_code = {check.field: check for check in checks if check.result == Result.DIFFERS}
    return [(field, by_code[field.code]) for field in sheet.fields if field.code in by_code]


def _at_work(actor: Actor, request_id: int, seen: str) -> tuple[ServiceRequest, Sheet]:
    """The request, if this person may proofread it now and looks at what stands there."""
    entered = entries.newest([request_id])

    def work(request: ServiceRequest) -> None:
        moving.ensure_right(actor, request, Verb.PROOFREAD)
        moving.ensure_turn(request, Verb.PROOFREAD)
        if not request.data_digest or request.entered_by is None:
            raise DataMissing(number=request.number)
        entries.ensure_genuine(request, entered.get(request.pk))
        moving.ensure_other_person(actor, request, Verb.PROOFREAD)

    _, outcome = moving.each(actor, _EVENT, [request_id], work)
    request = moving.alone(outcome)
    sheet = checking.sheet(request)
    if seen != sheet.content_digest:
        raise SeenOtherData(number=request.number)
    return request, sheet


def _field(request: ServiceRequest, sheet: Sheet, code: str) -> CheckedField:
    field = sheet.find(code)
    if field is None:
        raise FieldUnknown(number=request.number)
    return field


def _check(actor: Actor, request: ServiceRequest, sheet: Sheet, field: CheckedField) -> FieldCheck:
    of_field = FieldCheck.objects.filter(
        request=request, content_digest=sheet.content_digest, proofreader=actor.id, field=field.code
    )
    return of_field.first() or FieldCheck(
        request=request, content_digest=sheet.content_digest, proofreader=actor.id, field=field.code
    )


def _put(actor: Actor, request: ServiceRequest, check: FieldCheck, result: FieldCheck.Result, now: datetime) -> None:
    check.result, check.at = str(result), now
    check.save()
    audit.record(actor, _EVENT, request, field=check.field, result=check.result, tries=check.tries)
