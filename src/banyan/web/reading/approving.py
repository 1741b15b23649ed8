"""What an approver sees of a request: its story, review help, what the certificate will say; and lists to approve together."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.translation import gettext as _

from banyan.domain.iam import rights
from banyan.domain.ra import access as ra
from banyan.domain.ra import previewing, together, work
from banyan.domain.ra.actions import look_up_others
from banyan.domain.ra.correcting import Corrections
from banyan.domain.ra.models import Business, ServiceRequest
from banyan.domain.ra.processes import Verb
from banyan.domain.ra.values import RequestData
from banyan.domain.systems.policy import CertificateKind
from banyan.kernel.actor import Actor
from banyan.kernel.errors import BanyanError
from banyan.web import errors, words
from banyan.web.reading import requests
from banyan.web.reading.certificate_text import TextLine, lines
from banyan.web.reading.deadlines import Deadline, deadline
from banyan.web.reading.masking import masked

_TOGETHER = 50


@dataclass(frozen=True)
class OtherLine:
    """Another request of the same holder."""

    what: str
    number: str
    url: str
    at: datetime
    state: str
    reason: str = ""


@dataclass(frozen=True)
class Review:
    """A request as its approver sees it."""

    story: requests.RequestStory
    certificate: list[TextLine]
    certificate_fault: str
    pending: list[OtherLine]
    rejected: list[OtherLine]
    elsewhere: list[tuple[str, int]]
    remarks: list[tuple[str, str]]


def review(actor: Actor, request_id: int, now: datetime) -> Review:
    """Everything that helps to decide. What the holder has and asks for is looked up and recorded."""
    story = requests.story(actor, request_id, now)
    one = story.row.request
    others = look_up_others(actor, one, now)
    certificate, fault = _certificate(actor, one)
    return Review(
        story=story,
        certificate=certificate,
        certificate_fault=fault,
        pending=[_other(row) for row in others.pending],
        rejected=[_other(row, masked(others.reasons.get(row.pk, ""))) for row in others.rejected],
        elsewhere=[
            (f"{words.system(system)}·{_(CertificateKind(kind).label)}", count)
            for (system, kind), count in sorted(others.elsewhere.items())
        ],
        remarks=[
            (words.step(record.step), masked(_(record.note))) for record in story.story.records if record.note.strip()
        ],
    )


def _certificate(actor: Actor, one: ServiceRequest) -> tuple[list[TextLine], str]:
    """What it will say; of a request without data, what follows from the holder's record. Nothing where none is issued."""
    if one.business in (Business.UNLOCK, Business.REVOKE):
        return [], ""
    data = ra.data_of(actor, one.pk) if rights.has(actor, "requests.approve") else None
    try:
        if data is not None:
            return lines(previewing.as_entered(one, data)), ""
        return lines(previewing.as_it_would_be(one, RequestData(), Corrections())), ""
    except BanyanError as error:
        return [], errors.text(error)


def _other(row: ServiceRequest, reason: str = "") -> OtherLine:
    what = f"{words.system(row.system)}·{_(CertificateKind(row.kind).label)}·{row.get_business_display()}"
    state = row.step or row.state
    return OtherLine(what, row.number, reverse("request", args=[row.pk]), row.opened_at, state, reason)


@dataclass(frozen=True)
class TogetherRow:
    """A request in the list of those approved together; ``concerns`` say why it is not."""

    request: ServiceRequest
    kind: str
    deadline: Deadline | None
    url: str
    concerns: list[str]

    @property
    def key(self) -> str:
        """Its key as a form sends it."""
        return str(self.request.pk)


@dataclass(frozen=True)
class TogetherList:
    """The waiting requests of one business and system, the most urgent first."""

    rows: list[TogetherRow]
    groups: list[tuple[str, str, str]]
    system: str
    business: str
    safe: int

    @property
    def is_empty(self) -> bool:
        return not self.rows


def together_list(actor: Actor, query: Mapping[str, str], now: datetime) -> TogetherList:
    """What may be approved together and what not, and why. Raises iam.RightMissing."""
    waiting = work.waiting(actor, Verb.APPROVE)
    urgent = list(waiting.order_by("due_on", "pk").values_list("system", "business")[:500])
    groups = list(dict.fromkeys(urgent))
    chosen = (query.get("system", ""), query.get("business", ""))
    if chosen not in groups:
        chosen = groups[0] if groups else ("", "")
    system, business = chosen
    found = list(waiting.filter(system=system, business=business).order_by("due_on", "pk")[:_TOGETHER])
    concerns = together.concerns(actor, found, now) if found else {}
    rows = [
        TogetherRow(
            request=one,
            kind=_(CertificateKind(one.kind).label),
            deadline=deadline(one.due_on, now, is_provisional=one.is_due_provisional),
            url=reverse("approval", args=[one.pk]),
            concerns=[_(concern.label) for concern in concerns[one.pk]],
        )
        for one in found
    ]
    names = dict(Business.choices)
    return TogetherList(
        rows=rows,
        groups=[(code, what, f"{words.system(code)}·{names[what]}") for code, what in groups],
        system=system,
        business=business,
        safe=sum(not row.concerns for row in rows),
    )
