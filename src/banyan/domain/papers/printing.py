"""Printing papers for requests: within the actor's sight, with the right of the step, each print on record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import F

from banyan.domain import audit
from banyan.domain.iam import rights
from banyan.domain.papers import access, facts, forms
from banyan.domain.papers.errors import PaperNotDue, PaperUnknown, TooManyPapers
from banyan.domain.papers.models import Printing
from banyan.domain.papers.ports import PaperMaker, Values
from banyan.domain.papers.registry import Paper
from banyan.domain.papers.registry import paper as paper_of
from banyan.domain.ra import access as ra
from banyan.domain.ra.models import ServiceRequest
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_

MOST_AT_ONCE: Final = 100
LETTER: Final = "pin_letter"
_FORM: Final = "application_form"
_LABELS: Final = {"36": "label_36", "24": "label_24", "50x30": "label_50x30"}


@dataclass(frozen=True)
class Printed:
    """A PDF and what to call it."""

    name: str
    pdf: bytes


def label_of(size: str) -> str:
    """The label's paper for a size of the tape. Raises PaperUnknown."""
    if size not in _LABELS:
        raise PaperUnknown
    return _LABELS[size]


def print_for_requests(
    *, actor: Actor, request_ids: Sequence[int], code: str, maker: PaperMaker, now: datetime
) -> Printed:
    """One PDF with the paper of each request, in the order given; each print is counted and on record.

    Raises PaperUnknown (the PIN letter has a way of its own), PaperNotDue, TooManyPapers, TemplateRefused, PaperMakerDown,
    ra.RequestNotFound, iam.RightMissing.
    """
    paper = paper_of(code)
    if paper.code == LETTER or not request_ids:
        raise PaperUnknown
    rights.require(actor, paper.right)
    if len(request_ids) > MOST_AT_ONCE:
        raise TooManyPapers(most=MOST_AT_ONCE)
    ids = list(dict.fromkeys(request_ids))
    so_far = {pk: access.printed(actor, pk).get(paper.code, 0) for pk in ids}
    template, version = access.template_of(paper)
    copies = [_values(actor, paper, pk, so_far[pk] + 1, now) for pk in ids]
    # Made before it is recorded: what could not be made was not printed; and no transaction is open meanwhile.
    pdf = maker.make(access.job(paper, template, copies))
    _note(actor=actor, request_ids=ids, paper=paper, version=version, now=now)
    return Printed(f"{paper.code}-{copies[0]['number']}.pdf", pdf)


def print_blank(*, actor: Actor, business: str, system: str, kind: str, maker: PaperMaker) -> Printed:
    """An empty application form; nobody's, so nothing is recorded. Raises PaperUnknown, TemplateRefused, RightMissing."""
    paper = paper_of(_FORM)
    rights.require(actor, paper.right)
    template, _version = access.template_of(paper)
    values = {**forms.blank(business, system, kind), "qr_text": ""}
    return Printed(f"{_FORM}-{business}-{system}.pdf".lower(), maker.make(access.job(paper, template, [values])))


def print_sample(*, actor: Actor, paper: Paper, template: str, maker: PaperMaker) -> bytes:
    """A preview: a template with the sample values. Raises TemplateRefused, RightMissing."""
    access.ensure_may_look(actor)
    return maker.make(access.job(paper, template, [paper.sample]))


def _values(actor: Actor, paper: Paper, request_id: int, copy: int, now: datetime) -> Values:
    found = facts.of_request(actor, request_id, now, copy=copy, is_clear=paper.code == _FORM)
    _ensure_due(paper, found)
    return found | {"qr_text": found[paper.qr]} if paper.qr else found


def _ensure_due(paper: Paper, found: Mapping[str, object]) -> None:
    """Raises PaperNotDue when the request has nothing for this paper to say."""
    reason = ""
    if paper.code == "deficiency_notice" and not found["missing"]:
        reason = N_("材料已齐，没有要补正的")
    elif paper.code == "intake_receipt" and found["missing"]:
        reason = N_("材料还不齐，请打印一次性告知单")
    elif paper.code == "hand_over_receipt" and not found["certificate_serial"]:
        reason = N_("证书还没有签发")
    elif paper.group == "label" and not found["token"]:
        reason = N_("还没有写入介质")
    if reason:
        raise PaperNotDue(number=found["number"], paper=paper.name, reason=reason)


@audit.action
def _note(*, actor: Actor, request_ids: Sequence[int], paper: Paper, version: int, now: datetime) -> None:
    rights.require(actor, paper.right)
    found = list(ra.requests(actor).filter(pk__in=request_ids).order_by("pk"))
    details = []
    for request in found:
        details.append({"paper": paper.code, "version": version, "copy": _counted(actor, request, paper, now)})
    audit.record_many(actor, "papers.print", found, details=details)


def _counted(actor: Actor, request: ServiceRequest, paper: Paper, now: datetime) -> int:
    """One more print of this paper for this request."""
    rows = Printing.objects.filter(request_id=request.pk, paper=paper.code)
    if not rows.update(count=F("count") + 1, last_by=actor.id, last_at=now):
        Printing.objects.bulk_create(
            [Printing(request_id=request.pk, paper=paper.code, count=0, last_by=actor.id, last_at=now)],
            ignore_conflicts=True,  # somebody else printed it first at this very moment
        )
        rows.update(count=F("count") + 1, last_by=actor.id, last_at=now)
    return rows.values_list("count", flat=True)[0]
