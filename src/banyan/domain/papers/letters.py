"""PIN letters (口令信封): the initial PIN of a new token on paper, once; afterwards nobody but the holder's envelope has it.

What is protected and what is not: ``docs/adr/0014-printed-papers.md``.
"""

from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Max

from banyan.domain import audit
from banyan.domain.audit.errors import StaleRow
from banyan.domain.iam import rights
from banyan.domain.inventory import access as inventory_access
from banyan.domain.inventory.actions import seal_unblocking
from banyan.domain.inventory.initial_pins import forget_initial_pin, open_initial_pin_for_letter, renew_initial_pin
from banyan.domain.inventory.models import Token, TokenState
from banyan.domain.inventory.sealed_tasks import Begun
from banyan.domain.lifecycle.ports import UnlockResponder
from banyan.domain.papers import access, facts
from banyan.domain.papers.errors import LetterNotDue, LetterNotYours, LetterPrinted
from banyan.domain.papers.models import PinLetter
from banyan.domain.papers.ports import PaperMaker, Values
from banyan.domain.papers.printing import LETTER, Printed
from banyan.domain.papers.registry import paper as paper_of
from banyan.domain.ra import access as ra
from banyan.domain.ra.models import ServiceRequest, StepRecord
from banyan.domain.ra.processes import Verb
from banyan.kernel.actor import Actor
from banyan.kernel.pins import random_pin


@dataclass(frozen=True)
class _Opened:
    """The PIN between opening and forgetting."""

    row_version: int
    pin: str = field(repr=False)


def print_letter(*, actor: Actor, request_id: int, maker: PaperMaker, now: datetime) -> Printed:
    """The letter for the holder of a token that the actor has personalised and that is not handed over yet; once.

    The letter is made first and given only when the PIN is forgotten: a letter that could not be made uses nothing up, and
    of two who print at once one is refused. Raises LetterPrinted, LetterNotYours, LetterNotDue (all recorded),
    TemplateRefused, PaperMakerDown, audit.StaleRow, inventory.InitialPinUnknown, ra.RequestNotFound, iam.RightMissing.
    """
    paper = paper_of(LETTER)
    rights.require(actor, paper.right)
    template, version = access.template_of(paper)
    opened = _open(actor=actor, request_id=request_id, now=now)
    values: Values = {**facts.of_request(actor, request_id, now), "pin": opened.pin}
    pdf = maker.make(access.job(paper, template, [values]))
    letter = _give(actor=actor, request_id=request_id, row_version=opened.row_version, version=version, now=now)
    return Printed(f"{paper.code}-{letter.pk}.pdf", pdf)


def may_print(actor: Actor, request: ServiceRequest) -> bool:
    """Whether a letter waits here to be printed by this person."""
    if not rights.has(actor, paper_of(LETTER).right):
        return False
    try:
        return _token_of(actor, request).initial_pin_sealed is not None
    except (LetterNotDue, LetterNotYours):
        return False


def renew_pin_by_agent(
    *, actor: Actor, request_id: int, begun: Begun, challenge: str, respond: UnlockResponder, now: datetime
) -> str:
    """Another initial PIN for a token whose letter was spoilt: the unblock answer, sealed to the agent, that sets it.

    A letter with it may be printed once again. An answer that the token did not take is asked for again, which makes yet
    another PIN. Raises LetterNotYours, LetterNotDue, inventory.AdminPinUnknown, inventory.AgentUnknown, what ``respond``
    raises, iam.RightMissing, ra.RequestNotFound.
    """
    pin = random_pin()
    request, serial, admin_pin = _renew(actor=actor, request_id=request_id, pin=pin, now=now)
    # The key derivation is slow on purpose: no transaction is open meanwhile.
    answer = respond(admin_pin, challenge, pin, serial=serial)
    return seal_unblocking(actor, serial, begun, task=request.number, response=answer, pin=pin, now=now)


@audit.action
def _open(*, actor: Actor, request_id: int, now: datetime) -> _Opened:
    request = ra.request(actor, request_id)
    token = _token_of(actor, request)
    if token.initial_pin_sealed is None and PinLetter.objects.filter(token_id=token.pk).exists():
        raise LetterPrinted(token=token.serial)
    return _Opened(token.row_version, open_initial_pin_for_letter(actor, token.pk, now=now))


@audit.action
def _give(*, actor: Actor, request_id: int, row_version: int, version: int, now: datetime) -> PinLetter:
    """Forget the PIN and note that its letter went out, in one transaction."""
    request = ra.request(actor, request_id)
    token = _token_of(actor, request)
    letters = PinLetter.objects.filter(token_id=token.pk)
    if token.initial_pin_sealed is None:
        raise LetterPrinted(token=token.serial)
    if token.row_version != row_version:  # a new PIN since: the letter in hand holds the old one
        raise StaleRow(row=f"{token._meta.label_lower}:{token.pk}")
    forget_initial_pin(actor, token.pk, now=now)
    number = (letters.aggregate(last=Max("number"))["last"] or 0) + 1
    letter = PinLetter(token_id=token.pk, number=number, request_id=request.pk, printed_by=actor.id, printed_at=now)
    letter.save()
    audit.record(actor, "papers.letter_printed", letter, token=token.serial, version=version, number=request.number)
    return letter


@audit.action
def _renew(*, actor: Actor, request_id: int, pin: str, now: datetime) -> tuple[ServiceRequest, str, str]:
    request = ra.request(actor, request_id)
    serial, admin_pin = renew_initial_pin(actor, _token_of(actor, request).pk, pin, now=now)
    audit.record(actor, "papers.pin_renewed", request, token=serial)
    return request, serial, admin_pin


def _token_of(actor: Actor, request: ServiceRequest) -> Token:
    """The request's token, when its letter is this person's to print. Raises LetterNotYours, LetterNotDue."""
    token = inventory_access.tokens(actor).filter(pk=request.token_id or 0).first()
    if token is None or token.state != TokenState.PERSONALIZED:
        raise LetterNotDue(token=request.token_serial or request.number)
    done = StepRecord.objects.filter(request=request, step=Verb.PERSONALIZE, outcome="ok").order_by("-pk").first()
    if done is None or done.actor != actor.id:
        raise LetterNotYours(token=token.serial)
    return token
