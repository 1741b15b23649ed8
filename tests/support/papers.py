"""Makers of papers for tests that are not about making them, and what papers are printed of."""

from datetime import datetime

from banyan.domain.inventory import actions as inventory
from banyan.domain.inventory.models import Token
from banyan.domain.papers import changing
from banyan.domain.papers.errors import TemplateRefused
from banyan.domain.papers.models import PaperVersion
from banyan.domain.papers.ports import Fault, PaperJob
from banyan.domain.ra import actions as ra
from banyan.domain.ra.models import ServiceRequest
from support import issuing
from support.certificate_login import Administrators
from support.issuing import NOW, SYSTEM, World, clerk


class Notebook:
    """Makes no paper but remembers what it was asked; refuses a template that says ``wrong``."""

    def __init__(self) -> None:
        self.jobs: list[PaperJob] = []

    def make(self, job: PaperJob) -> bytes:
        """Raises TemplateRefused."""
        if "wrong" in job.template:
            raise TemplateRefused(Fault.UNDEFINED, line=3, reason="'wrong' is undefined")
        self.jobs.append(job)
        return b"%PDF-"


def personalized(world: World, person: int = 0) -> ServiceRequest:
    """A request whose new token, with PINs made here, holds the pair and waits for its holder."""
    (request,) = issuing.decided(world, issuing.draft(world, person=person))
    (token,) = inventory.receive_tokens(
        clerk(), [inventory.TokenEntry(f"BLANK-000{person}")], medium="SOFT", region_code="350100", now=NOW
    )
    assert isinstance(token, Token)
    inventory.make_pins(clerk(), [token.pk], now=NOW)
    issuing.issue(world, request, token=token)
    ra.carry_on(SYSTEM, world.connector, NOW)
    proof = world.sign(
        request.number, ra.personalization_nonce(ServiceRequest.objects.unscoped("test").get(pk=request.pk))
    )
    return ra.personalize(clerk(), request.pk, NOW, signature=proof)


def change_template(by: Administrators, now: datetime) -> PaperVersion:
    """A label's template asked for by one and confirmed by the other."""
    tried = changing.tried_template(actor=by.asks, code="label_24", content=b"<p>{{ token }}", maker=Notebook())
    row = changing.ask(actor=by.asks, row=tried, note="", now=now)
    return changing.confirm_change(actor=by.confirms, version_id=row.pk, sm3=bytes(row.sm3).hex(), now=now)
