"""At the user's side of the counter: a token makes its key, gets its pair and proves it.

The steps and what they exchange are those of the token agent; here the token is a soft one in the drawer of the
installation. PINs pass through memory only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from banyan.domain.ca import access as certificates
from banyan.domain.inventory import access as inventory
from banyan.domain.inventory.errors import InventoryError
from banyan.domain.inventory.models import TokenState
from banyan.domain.inventory.stocking import TokenEntry, receive_tokens
from banyan.domain.inventory.token_life import open_admin_pin_for_unlock, replace_admin_pins
from banyan.domain.ra import access as requests
from banyan.domain.ra import actions as ra
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.ra.values import IssueOrder, Outcome
from banyan.kernel.actor import Actor
from banyan.kernel.home import Home
from banyan_token import Token, TokenDrawer, random_admin_pin, random_pin

MEDIUM = "SOFT"


def drawer(home: Home) -> TokenDrawer:
    """The soft tokens "plugged in" here."""
    return TokenDrawer(home.tokens, machine_secret_path=home.keys / "token.secret")


@dataclass(frozen=True)
class NewToken:
    """A token just made: its serial and the initial user PIN, at the only moment it is known."""

    serial: str
    user_pin: str = field(repr=False)


def make_tokens(
    home: Home, actor: Actor, serials: Sequence[str], region_code: str, now: datetime, *, iterations: int | None = None
) -> list[NewToken]:
    """Make soft tokens and take them into stock; the administrator PINs go to the platform sealed.

    Stock first: a crash leaves a serial in stock without a device, which the next start completes, and never a device
    whose administrator PIN nobody has.
    """
    box = drawer(home)
    missing = [serial for serial in serials if not box.has(serial)]
    made = {serial: (random_pin(), random_admin_pin()) for serial in missing}
    stocked = {token.serial: token.pk for token in inventory.tokens(actor).filter(serial__in=missing)}
    if stocked:
        replace_admin_pins(actor, {pk: made[serial][1] for serial, pk in stocked.items()}, now=now)
    entries = [TokenEntry(serial, made[serial][1]) for serial in missing if serial not in stocked]
    for outcome in receive_tokens(actor, entries, medium=MEDIUM, region_code=region_code, batch=MEDIUM, now=now):
        if isinstance(outcome, InventoryError):
            raise outcome
    for serial, (user_pin, admin_pin) in made.items():
        box.create(serial, user_pin=user_pin, admin_pin=admin_pin, iterations=iterations or 0).close()
    return [NewToken(serial, user_pin) for serial, (user_pin, _) in made.items()]


def renew_pin(home: Home, actor: Actor, serial: str, now: datetime) -> NewToken:
    """Set a new initial PIN with the sealed administrator PIN; opening that one is audited.

    A device still in stock holds nothing that was certified: it is made anew instead.
    """
    stocked = inventory.token_by_serial(actor, serial)
    if stocked.state == TokenState.IN_STOCK:
        drawer(home).destroy(serial)
        (made,) = make_tokens(home, actor, [serial], stocked.region_code, now)
        return made
    admin_pin = open_admin_pin_for_unlock(actor, stocked.pk, now=now)
    user_pin = random_pin()
    with drawer(home).open(serial) as token:
        token.unlock_with_admin_pin(admin_pin, user_pin)
    return NewToken(serial, user_pin)


def prepare(token: Token, request: ServiceRequest, pin: str) -> IssueOrder:
    """A key born in the token and its PKCS#10 for this request; asked again, the same key."""
    container = f"request-{request.pk}-{request.issuance_version}"
    token.verify_pin(pin)
    if container not in {one.name for one in token.containers() if one.signing_public_key}:
        token.generate_signing_key(container)
    csr = token.certification_request(container, bytes(request.subject_der))
    return IssueOrder(request.pk, csr, token.serial, container)


def write(actor: Actor, token: Token, request: ServiceRequest, pin: str) -> bytes:
    """Write the issued pair into the token, have it check what it holds, and give its proof (a signature)."""
    pair = certificates.pair(actor, request.issued_pair_id or 0)
    task = inventory.task_of_issuance(actor, request.issuance_id or 0)
    token.verify_pin(pin)
    for certificate in certificates.certificates_of(actor, pair.pk):
        if certificate.use == certificate.Use.ENCRYPTION and task.envelope is not None:
            token.import_key_envelope(pair.container, bytes(task.envelope))
        is_signing = certificate.use != certificate.Use.ENCRYPTION
        token.import_certificate(pair.container, bytes(certificate.der), is_signing)
    return token.prove_container(pair.container, ra.personalization_nonce(request))


def write_all(home: Home, actor: Actor, request_ids: Sequence[int], pins: Mapping[str, str], now: datetime) -> Outcome:
    """Write the pairs of many requests, each into its own token; ``pins`` by token serial."""
    box = drawer(home)
    proofs = {}
    for request in requests.requests(actor).filter(pk__in=list(request_ids)).order_by("pk"):
        with box.open(request.token_serial) as token:
            proofs[request.pk] = write(actor, token, request, pins[request.token_serial])
    return ra.personalize_many(actor, proofs, now)
