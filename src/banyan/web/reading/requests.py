"""Requests as pages show them: a row of the list, and one request's whole story."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from banyan.domain.ca.models import Issuance
from banyan.domain.iam import access as iam
from banyan.domain.iam import rights
from banyan.domain.parties import access as parties
from banyan.domain.parties.rules import HoldingsHint
from banyan.domain.ra import access as ra
from banyan.domain.ra import bars, working_days
from banyan.domain.ra.actions import look_up_held
from banyan.domain.ra.models import Business, RequestState, ServiceRequest, StepRecord
from banyan.domain.ra.processes import Verb
from banyan.domain.ra.values import RequestData
from banyan.domain.systems import access as systems
from banyan.domain.systems.errors import SystemsError
from banyan.domain.systems.policy import CertificateKind
from banyan.kernel.actor import Actor
from banyan.kernel.errors import BanyanError, fill
from banyan.web import words
from banyan.web.reading.certificates import PairRow, row_of
from banyan.web.reading.deadlines import Deadline, deadline
from banyan.web.reading.holders import Holder, holder
from banyan.web.reading.masking import shown
from banyan.web.reading.paging import Cursor, Page, page, sorted_page
from banyan.web.reading.steps import told

_EMBEDDED = "embedded"
# States with an index of their own.
_RARE = (RequestState.REJECTED, RequestState.CANCELLED)
_DATA_RIGHTS = ("requests.enter", "requests.proofread", "requests.approve")


@dataclass(frozen=True)
class RequestRow:
    """A line of the list. ``state`` is the step to be done, or how the request ended."""

    request: ServiceRequest
    state: str
    system: str
    kind: str
    deadline: Deadline | None


@dataclass(frozen=True)
class Line:
    """A line of the time line: a step done, the one to do now, or one to come."""

    css: str
    icon: str
    mark: str
    what: str
    who: str = ""
    detail: str = ""
    at: datetime | None = None
    deadline: Deadline | None = None
    limit: int = 0
    is_late: bool = False


@dataclass(frozen=True)
class Decision:
    """An approval or a proofreading: who, when, and whether it still counts for what stands here now."""

    what: str
    word: str
    who: str
    at: datetime
    still_counts: bool
    why_not: str = ""


@dataclass(frozen=True)
class Entry:
    """One entered value, masked."""

    label: str
    value: str
    is_code: bool = False


@dataclass(frozen=True)
class HeldLine:
    """A pair that the holder has already, or how many of a kind lie out of sight."""

    what: str
    count: int
    url: str = ""
    state: str = ""


@dataclass(frozen=True)
class Held:
    """The duplicate-holder warning: how many pairs in all, the newest in sight, how many more of them there are."""

    count: int
    here: list[HeldLine]
    more: int
    elsewhere: list[HeldLine]


@dataclass(frozen=True)
class RequestStory:
    """Everything about one request."""

    row: RequestRow
    story: ra.Story
    region: str
    lines: list[Line]
    decisions: list[Decision]
    entries: list[Entry]
    may_see_data: bool
    pair: PairRow | None
    issued: PairRow | None
    missing: str
    refusal: str
    holder: Holder | None
    held: Held | None
    may_correct: bool


def row_of_request(request: ServiceRequest, now: datetime, issuance: Issuance | None = None) -> RequestRow:
    """One line."""
    is_open = request.state == RequestState.OPEN
    return RequestRow(
        request=request,
        state=_state(request, issuance) if is_open else request.state,
        system=words.system(request.system),
        kind=_kind(request.kind),
        deadline=deadline(request.due_on, now, is_provisional=request.is_due_provisional) if is_open else None,
    )


def listing(
    actor: Actor,
    cursor: Cursor,
    now: datetime,
    *,
    step: str = "",
    state: str = "",
    business: str = "",
    system: str = "",
    is_late: bool = False,
) -> Page[RequestRow]:
    """A page of the requests the actor may see, filtered: newest first, late ones longest overdue first.

    Raises RightMissing.
    """
    found = ra.requests(actor)
    for name, value in (("state", state), ("business", business), ("system", system)):
        if value:
            found = found.filter(**{name: value})
    if business and business != Business.ENROLL:
        # The exclusion says what the index on businesses leaves out; without it the index would not be used.
        found = found.exclude(business=Business.ENROLL)
    is_work = bool(step or is_late or state == RequestState.OPEN)
    if is_work:
        # Named steps of open requests: the small index of what is still to be done answers.
        found = found.filter(state=RequestState.OPEN, step__in=[step] if step else list(Verb))
    if is_late:
        found = found.filter(due_on__lt=working_days.local_date(now))
        walked = sorted_page(found, ra.requests(actor), cursor, by="due_on")
    else:
        walked = page(found, cursor, newest=ra.newest_request(), is_indexed=is_work or state in _RARE)
    return walked.with_rows([row_of_request(request, now) for request in walked.rows])


def story(actor: Actor, request_id: int, now: datetime) -> RequestStory:
    """Everything about one request. Raises RequestNotFound, RightMissing."""
    found = ra.story(actor, request_id)
    request = found.request
    people = iam.names_of(_people(found))
    may_see = any(rights.has(actor, right) for right in _DATA_RIGHTS)
    data = ra.data_of(actor, request_id) if may_see else None
    return RequestStory(
        row=row_of_request(request, now, found.issuance),
        story=found,
        region=parties.region_tree().full_name(request.region_code),
        lines=_lines(found, people, now),
        decisions=_decisions(found, people),
        entries=entries(request, data) if data else [],
        may_see_data=may_see,
        pair=row_of(found.pair, now) if found.pair else None,
        issued=row_of(found.issued_pair, now) if found.issued_pair else None,
        missing=_missing(found),
        refusal=_refusal(found.issuance),
        holder=holder(actor, request),
        held=_held(actor, look_up_held(actor, request, now)),
        may_correct=rights.has(actor, "requests.enter") and bars.is_correctable(request),
    )


_HELD_SHOWN = 5


def _held(actor: Actor, hint: HoldingsHint | None) -> Held | None:
    """What the holder has already in words; None where there is nothing to warn of."""
    if hint is None or hint.is_empty:
        return None
    may_open = rights.has(actor, "certificates.read")
    newest = sorted(hint.here, key=lambda one: -one.pair_id)
    here = [
        HeldLine(
            _what(one.system, one.kind), 1, reverse("certificate", args=[one.pair_id]) if may_open else "", one.state
        )
        for one in newest[:_HELD_SHOWN]
    ]
    elsewhere = [HeldLine(_what(one.system, one.kind), one.count) for one in hint.elsewhere]
    return Held(hint.count, here, len(newest) - len(here), elsewhere)


def _what(system: str, kind: str) -> str:
    return f"{words.system(system)}·{_kind(kind)}"


def entries(request: ServiceRequest, data: RequestData) -> list[Entry]:
    """What was entered, with every number of a person masked."""
    labels = _form_labels(request)
    found = [Entry(str(words.SUBJECT_PARTS.get(key, key)), shown(key, value)) for key, value in data.subject.items()]
    found += [Entry(labels.get(key, key), shown(key, value)) for key, value in data.form.items()]
    known = {"name": _("经办人"), "id_number": _("经办人证件"), "phone": _("经办人手机")}
    keys = [*known, *(key for key in data.requester if key not in known)]
    found += [Entry(known.get(key, key), shown(key, data.requester.get(key)), key != "name") for key in keys]
    if data.validity_days:
        found.append(Entry(_("有效期"), _("{n} 天").format(n=data.validity_days)))
    found += [Entry(_("其他域名"), name, True) for name in data.dns_names]
    found += [Entry(_("其他 IP 地址"), address, True) for address in data.ip_addresses]
    if data.is_classic:
        found.append(Entry(_("算法"), _("国际算法（设备不支持 SM2）")))
    return [entry for entry in found if entry.value]


def _form_labels(request: ServiceRequest) -> dict[str, str]:
    try:
        fields = systems.policy(request.system).kind(request.kind).fields
    except (SystemsError, KeyError):
        return {}
    return {field.code: _(field.label) for field in fields}


def _kind(code: str) -> str:
    return _(CertificateKind(code).label) if code in set(CertificateKind) else code


def _state(request: ServiceRequest, issuance: Issuance | None) -> str:
    if issuance is not None and request.step == "issue":
        if issuance.state in (Issuance.State.INTENT, Issuance.State.SUBMITTED):
            return "waiting" if issuance.connector == _EMBEDDED else "waiting_superior"
        if issuance.state == Issuance.State.REJECTED:
            return "ca_refused"
    elif request.step == "issue" and request.issuance_id is not None:
        return "waiting"
    return request.step


def _people(found: ra.Story) -> list[int | None]:
    request = found.request
    people: list[int | None] = [request.opened_by, request.entered_by, *(record.actor for record in found.records)]
    if request.approval is not None:
        people.append(request.approval.approver)
    if request.proofreading is not None:
        people += [request.proofreading.proofreader, request.proofreading.entered_by]
    return people


def lines(found: ra.Story, now: datetime) -> list[Line]:
    """The time line alone."""
    return _lines(found, iam.names_of(_people(found)), now)


def _lines(found: ra.Story, people: Mapping[int, str], now: datetime) -> list[Line]:
    request = found.request
    who, channel = people.get(request.opened_by, ""), request.get_channel_display()
    opened = Line("ok", "check", "", _("受理"), who, channel, request.opened_at)
    lines = [opened, *(_record_line(record, people) for record in found.records)]
    if request.state != RequestState.OPEN:
        return lines
    is_after = False
    for view in found.steps:
        number = len(lines) + 1
        if view.is_current:
            is_after = True
            waits = found.is_waiting_for_ca
            what = str(words.STATES[_state(request, found.issuance)].word) if waits else words.step(view.step.verb)
            due = deadline(request.due_on, now, is_provisional=request.is_due_provisional)
            lines.append(Line("now", "", str(number), what, deadline=due))
        elif is_after:
            lines.append(Line("wait", "", str(number), words.step(view.step.verb), limit=view.step.working_days))
    return lines


def _record_line(record: StepRecord, people: Mapping[int, str]) -> Line:
    step = told(record, people)
    return Line(step.css, step.icon, "", step.what, step.who, step.detail, record.at, is_late=record.is_late)


def _decisions(found: ra.Story, people: Mapping[int, str]) -> list[Decision]:
    request = found.request
    decisions = []
    if request.approval is not None:
        one = request.approval
        is_yes = one.decision == "APPROVED"
        why = "" if found.is_approved or not is_yes else _("材料或身份信息此后有改动，须重新审核。")
        who = people.get(one.approver, "")
        decisions.append(Decision(_("审核"), one.get_decision_display(), who, one.at, found.is_approved, why))
    if request.proofreading is not None:
        reading = request.proofreading
        why = "" if found.is_proofread else _("数据此后有改动，须重新校对。")
        who = people.get(reading.proofreader, "")
        decisions.append(Decision(_("校对"), _("一致"), who, reading.at, found.is_proofread, why))
    return decisions


def _missing(found: ra.Story) -> str:
    """Materials still to be brought, while that can still be asked for."""
    if found.request.state != RequestState.OPEN or found.is_approved:
        return ""
    return _("、").join(_(one.name) for one in found.missing)


def _refusal(issuance: Issuance | None) -> str:
    """Why a CA refused, in the reader's language."""
    if issuance is None or issuance.state != Issuance.State.REJECTED:
        return ""
    try:
        told = json.loads(issuance.refusal_message or "{}")
        return fill(_(told["message"]), told.get("fields", {})) if told.get("message") else issuance.refusal_code
    except (ValueError, KeyError, TypeError, BanyanError):
        return issuance.refusal_code
