"""PIN letters (口令信封): printed once, by whoever made the token, and kept nowhere (docs/adr/0014)."""

import io
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pypdf
import pytest
from django.db import connection

from banyan import gm
from banyan.adapters.paper_maker.maker import ProcessMaker
from banyan.domain.audit.errors import StaleRow
from banyan.domain.audit.models import AuditRecord
from banyan.domain.iam.errors import RightMissing
from banyan.domain.iam.rights import Role
from banyan.domain.inventory import actions as inventory
from banyan.domain.inventory.errors import InitialPinUnknown
from banyan.domain.inventory.models import Token
from banyan.domain.inventory.sealed_tasks import Begun
from banyan.domain.papers.errors import LetterNotDue, LetterNotYours, LetterPrinted, PaperMakerDown
from banyan.domain.papers.letters import print_letter, renew_pin_by_agent
from banyan.domain.papers.models import PinLetter
from banyan.domain.papers.ports import PaperJob
from banyan.domain.ra import actions as ra
from banyan.domain.ra.errors import RequestNotFound
from banyan.domain.ra.models import ServiceRequest
from banyan.kernel.actor import Actor
from banyan.pki.public_key import sm2_spki
from support import issuing
from support.issuing import NOW, SYSTEM, World, clerk, proofreader
from support.papers import Notebook, personalized

pytestmark = pytest.mark.django_db(transaction=True)

(MACHINE,) = gm.sm2.generate_keypairs(1)


@pytest.fixture
def world() -> World:
    return issuing.world()


@pytest.fixture
def request_made(world: World) -> ServiceRequest:
    """A request whose new token holds the pair and waits for its holder."""
    return personalized(world)


def stored(request: ServiceRequest) -> ServiceRequest:
    return ServiceRequest.objects.unscoped("test").get(pk=request.pk)


def token_of(request: ServiceRequest) -> Token:
    return Token.objects.unscoped("test").get(serial=stored(request).token_serial)


def pin_of(request: ServiceRequest) -> str:
    return inventory.tell_initial_pin(clerk(), token_of(request).pk, now=NOW)


def prints(request: ServiceRequest, actor: Actor | None = None, maker: Any = None) -> bytes:
    return print_letter(actor=actor or clerk(), request_id=request.pk, maker=maker or Notebook(), now=NOW).pdf


def everything_stored() -> str:
    """Every row of every table, as text."""
    tables = connection.introspection.table_names()
    with connection.cursor() as cursor:
        rows = []
        for table in tables:
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608  (our own tables)
            rows += [str([bytes(cell) if isinstance(cell, memoryview) else cell for cell in row]) for row in cursor]
    return "\n".join(rows)


def test_the_letter_holds_the_pin_of_the_token_and_is_printed_once(
    request_made: ServiceRequest, caplog: pytest.LogCaptureFixture
) -> None:
    pin = pin_of(request_made)
    with caplog.at_level(logging.DEBUG), ProcessMaker() as maker:
        pdf = prints(request_made, maker=maker)
        with pytest.raises(LetterPrinted):
            prints(request_made, maker=maker)
    (page,) = pypdf.PdfReader(io.BytesIO(pdf)).pages
    said = page.extract_text()
    assert pin in said
    assert token_of(request_made).serial in said
    assert request_made.subject_name in said
    assert token_of(request_made).initial_pin_sealed is None
    assert pin not in caplog.text
    assert pin not in everything_stored()
    letter = PinLetter.objects.get()
    assert (letter.request_id, letter.printed_by, letter.number) == (request_made.pk, clerk().id, 1)
    events = ["inventory.initial_pin_opened", "inventory.initial_pin_forgotten", "papers.letter_printed"]
    counts = {event: AuditRecord.objects.filter(event__startswith=event).count() for event in events}
    assert counts == dict.fromkeys(events, 1)
    assert AuditRecord.objects.filter(event="papers._open", outcome="refused").count() == 1


def test_whoever_prints_at_the_same_moment_gets_nothing(request_made: ServiceRequest) -> None:
    class Slow:
        """While this letter is made, another one goes out."""

        def make(self, job: PaperJob) -> bytes:
            prints(request_made)
            return Notebook().make(job)

    with pytest.raises(LetterPrinted):
        prints(request_made, maker=Slow())
    assert PinLetter.objects.count() == 1


def test_a_letter_that_could_not_be_made_uses_nothing_up(request_made: ServiceRequest) -> None:
    class Down:
        def make(self, job: PaperJob) -> bytes:
            del job
            raise PaperMakerDown

    pin, notebook = pin_of(request_made), Notebook()
    with pytest.raises(PaperMakerDown):
        prints(request_made, maker=Down())
    prints(request_made, maker=notebook)
    assert notebook.jobs[0].copies[0]["pin"] == pin
    assert pin not in repr(notebook.jobs[0])


def test_only_who_made_the_token_prints_its_letter(request_made: ServiceRequest) -> None:
    with pytest.raises(LetterNotYours):
        prints(request_made, clerk(account=29))
    for other in (proofreader(), issuing.person_in_role(Role.SYSTEM_ADMIN, 30), issuing.approver()):
        with pytest.raises(RightMissing):
            prints(request_made, other)
    with pytest.raises(RequestNotFound):
        prints(request_made, clerk(regions=("350200",)))
    assert AuditRecord.objects.filter(event="papers._open", outcome="refused").count() == 1
    assert not PinLetter.objects.exists()


def test_there_is_no_letter_before_the_token_is_made_nor_after_it_is_handed_over(world: World) -> None:
    (early,) = issuing.decided(world, issuing.draft(world, person=1))
    with pytest.raises(LetterNotDue):
        prints(early)
    request = personalized(world)
    ra.notify_ready(clerk(), request.pk, NOW)
    ra.hand_over(clerk(), request.pk, NOW, receiver=issuing.requester(stored(request)))
    with pytest.raises(LetterNotDue):
        prints(request)


def test_a_token_initialised_elsewhere_has_no_letter(world: World) -> None:
    (request,) = issuing.decided(world, issuing.draft(world))
    issuing.issue(world, request)
    ra.carry_on(SYSTEM, world.connector, NOW)
    ra.personalize(
        clerk(), request.pk, NOW, signature=world.sign(request.number, ra.personalization_nonce(stored(request)))
    )
    with pytest.raises(InitialPinUnknown):
        prints(request)


def test_after_its_letter_the_token_goes_on_to_the_holder_as_ever(request_made: ServiceRequest) -> None:
    prints(request_made)
    ra.notify_ready(clerk(), request_made.pk, NOW)
    ra.hand_over(clerk(), request_made.pk, NOW + timedelta(days=1), receiver=issuing.requester(stored(request_made)))
    assert (token_of(request_made).state, stored(request_made).state) == ("HANDED_OVER", "DONE")


def begun(agent: str) -> Begun:
    return Begun(agent, "https://ra.example.cn", "banyan", bytes(32))


def renewed(request: ServiceRequest, respond: Callable[..., str], actor: Actor | None = None) -> str:
    agent = inventory.register_agent(
        SYSTEM, public_key=sm2_spki(MACHINE.public), name="一号窗口", region_code="350000", now=NOW
    )
    return renew_pin_by_agent(
        actor=actor or clerk(),
        request_id=request.pk,
        begun=begun(agent.key_id),
        challenge="C1",
        respond=respond,
        now=NOW,
    )


def test_a_spoilt_letter_costs_a_new_pin_never_a_second_letter_of_the_old_one(request_made: ServiceRequest) -> None:
    first, second, asked = Notebook(), Notebook(), []

    def respond(admin_pin: str, challenge: str, new_pin: str, *, serial: str) -> str:
        asked.append((len(admin_pin), challenge, new_pin, serial))
        return "R1"

    prints(request_made, maker=first)
    assert renewed(request_made, respond)
    prints(request_made, maker=second)
    old, new = first.jobs[0].copies[0]["pin"], second.jobs[0].copies[0]["pin"]
    assert old != new
    assert asked == [(16, "C1", new, token_of(request_made).serial)]
    assert list(PinLetter.objects.order_by("pk").values_list("number", flat=True)) == [1, 2]
    with pytest.raises(LetterPrinted):
        prints(request_made)
    with pytest.raises(LetterNotYours):
        renewed(request_made, respond, clerk(account=29))


def test_a_letter_with_a_pin_that_was_renewed_meanwhile_does_not_go_out(request_made: ServiceRequest) -> None:
    class Slow:
        def make(self, job: PaperJob) -> bytes:
            renewed(request_made, lambda *_given, **_named: "R1")
            return Notebook().make(job)

    with pytest.raises(StaleRow):
        prints(request_made, maker=Slow())
    assert not PinLetter.objects.exists()
