"""At the user's side of the counter: a token makes its key, gets its pair and proves it, through the token agent.

PINs of new tokens are made by the platform and go sealed to the agent; nothing here sees them but the letter for the holder.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from banyan.cli.desk import ORIGIN, Desk
from banyan.cli.soft_tokens import drawer
from banyan.domain.ca import access as certificates
from banyan.domain.ca.models import Certificate
from banyan.domain.inventory import access as inventory
from banyan.domain.inventory import actions as stock
from banyan.domain.inventory.errors import InventoryError
from banyan.domain.inventory.models import TokenState
from banyan.domain.inventory.stocking import TokenEntry
from banyan.domain.ra import access as requests
from banyan.domain.ra import actions as ra
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.ra.values import IssueOrder, Outcome
from banyan.kernel.actor import Actor
from banyan.kernel.home import Home
from banyan.pki.skf_blob import to_skf_blob

MEDIUM = "SOFT"


@dataclass(frozen=True)
class NewToken:
    """A token just made: its serial and the initial user PIN, for the holder's letter."""

    serial: str
    user_pin: str = field(repr=False)


def make_tokens(
    home: Home, actor: Actor, serials: Sequence[str], region_code: str, now: datetime, *, iterations: int = 0
) -> list[NewToken]:
    """Make blank soft tokens and take them into stock with PINs that the platform keeps sealed.

    Stock first: a crash leaves a serial in stock without a device, which the next start completes.
    """
    stocked = set(inventory.tokens(actor).filter(serial__in=serials).values_list("serial", flat=True))
    entries = [TokenEntry(serial) for serial in serials if serial not in stocked]
    for outcome in stock.receive_tokens(actor, entries, medium=MEDIUM, region_code=region_code, batch=MEDIUM, now=now):
        if isinstance(outcome, InventoryError):
            raise outcome
    rows = [inventory.token_by_serial(actor, serial) for serial in serials]
    stock.make_pins(actor, [row.pk for row in rows if row.state == TokenState.IN_STOCK], now=now)
    box = drawer(home)
    for serial in serials:
        if not box.has(serial):
            box.create_blank(serial, iterations=iterations)
    return [NewToken(row.serial, stock.tell_initial_pin(actor, row.pk, now=now)) for row in rows]


def prepare(desk: Desk, actor: Actor, request: ServiceRequest, serial: str, now: datetime) -> IssueOrder:
    """A key born in the token and its PKCS#10 for this request; asked again, the same key."""
    container = f"request-{request.pk}-{request.issuance_version}"
    token = desk.token(serial)
    sealed = desk.sealed_pins(actor, request, token, now)
    csr = desk.agent.prepare(token, container, bytes(request.subject_der), sealed)
    return IssueOrder(request.pk, csr, token.serial, container)


def write(desk: Desk, actor: Actor, request: ServiceRequest, now: datetime) -> bytes:
    """Write the issued pair into its token and have it proved: the signature over the read-back (origin ``ORIGIN``)."""
    pair = certificates.pair(actor, request.issued_pair_id or 0)
    task = inventory.task_of_issuance(actor, request.issuance_id or 0)
    held = {one.use: bytes(one.der) for one in certificates.certificates_of(actor, pair.pk)}
    encryption = held.pop(Certificate.Use.ENCRYPTION)
    (signing,) = held.values()
    token = desk.token(request.token_serial)
    sealed = desk.sealed_pins(actor, request, token, now)
    done = desk.agent.write(
        token,
        pair.container,
        signing_certificate=signing,
        encryption_certificate=encryption,
        envelope=to_skf_blob(bytes(task.envelope or b"")),
        nonce=ra.personalization_nonce(request),
        sealed=sealed,
    )
    return done.signature


def write_all(desk: Desk, actor: Actor, request_ids: Sequence[int], now: datetime) -> Outcome:
    """Write the pairs of many requests, each into its own token, and note the proofs."""
    found = requests.requests(actor).filter(pk__in=list(request_ids)).order_by("pk")
    proofs = {request.pk: write(desk, actor, request, now) for request in found}
    return ra.personalize_many(actor, proofs, now, origin=ORIGIN)


def register_agent(desk: Desk, actor: Actor, region_code: str, name: str, now: datetime) -> str:
    """Put this machine's agent on the platform's list; returns the name of its key."""
    agent = desk.agent
    return stock.register_agent(actor, public_key=agent.public_key, name=name, region_code=region_code, now=now).key_id
