"""Actions that bring media and tokens on record."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from banyan.domain import audit
from banyan.domain.audit.models import insert_guarded
from banyan.domain.iam import rights
from banyan.domain.parties import access as parties
from banyan.domain.systems.policy import MediumKind
from banyan.kernel.actor import Actor

from . import access, protection
from .errors import InventoryError, MediumTaken, SerialTaken
from .models import KeyMedium, Token, TokenState
from .rules import token_serial

_WHY = "a token's number is one across the province"
_LOOKED_UP_AT_ONCE = 5000


@dataclass(frozen=True)
class TokenEntry:
    """A token to be taken into stock; without a PIN the platform cannot unlock it (a predecessor's token)."""

    serial: str
    admin_pin: str | None = field(default=None, repr=False)
    location: str = ""


@audit.action
def install_media(actor: Actor, *, now: datetime) -> int:
    """Make one medium of each kind where there is none; returns how many were made."""
    del now
    if actor.is_staff:
        rights.require(actor, "tokens.manage")
    known = set(KeyMedium.objects.values_list("code", flat=True))
    rows = [
        KeyMedium(code=kind.value, kind=kind.value, name=kind.label) for kind in MediumKind if kind.value not in known
    ]
    KeyMedium.objects.bulk_create(rows)
    if rows:
        audit.record(actor, "inventory.media_installed", None, media=[row.code for row in rows])
    return len(rows)


@audit.action
def register_medium(actor: Actor, *, code: str, kind: MediumKind, name: str, vendor: str, now: datetime) -> KeyMedium:
    """Put a maker's product on record. Raises MediumTaken, SerialInvalid for an unusable code, RightMissing."""
    del now
    rights.require(actor, "tokens.manage")
    code = token_serial(code)
    if KeyMedium.objects.filter(code=code).exists():
        raise MediumTaken(medium=code)
    row = KeyMedium.objects.create(code=code, kind=kind.value, name=name, vendor=vendor)
    audit.record(actor, "inventory.medium_registered", None, code=code, kind=kind.value)
    return row


@audit.action
def receive_tokens(
    actor: Actor,
    entries: Sequence[TokenEntry],
    *,
    medium: str,
    region_code: str,
    issuing_point_id: int | None = None,
    batch: str = "",
    now: datetime,
) -> list[Token | InventoryError]:
    """Take tokens into stock: for each entry the token, or what is wrong with it. Good ones are taken in any case.

    Raises UnknownMedium, OutOfScope, RightMissing.
    """
    rights.require(actor, "tokens.manage")
    product, region = access.medium(medium), parties.region_tree().current(region_code)
    parties.ensure_region_in_scope(actor, region.code)
    outcomes: dict[int, Token | InventoryError] = {}
    taken = _known([entry.serial for entry in entries])
    rows: list[Token] = []
    pins: list[tuple[Token, str]] = []
    for position, entry in enumerate(entries):
        try:
            serial = token_serial(entry.serial)
            if serial in taken:
                raise SerialTaken(serial=serial)
        except InventoryError as error:
            outcomes[position] = error
            continue
        taken.add(serial)
        row = Token(
            serial=serial, medium=product, state=TokenState.IN_STOCK, region_code=region.code,
            issuing_point_id=issuing_point_id, batch=batch, location=entry.location, state_at=now,
        )  # fmt: skip
        rows.append(row)
        outcomes[position] = row
        if entry.admin_pin is not None:
            pins.append((row, entry.admin_pin))
    for (row, _), sealed in zip(pins, protection.seal_admin_pins([(r.serial, p) for r, p in pins]), strict=True):
        row.admin_pin_sealed = sealed
    if rows:
        insert_guarded(rows)
        single = rows[0] if len(rows) == 1 else None
        audit.record(
            actor, "inventory.tokens_received", single, rows=rows, count=len(rows), medium=medium, batch=batch,
            region=region.code,
        )  # fmt: skip
    return [outcomes[position] for position in range(len(entries))]


def _known(serials: Sequence[str]) -> set[str]:
    wanted = []
    for serial in serials:
        try:
            wanted.append(token_serial(serial))
        except InventoryError:
            continue
    found: set[str] = set()
    for start in range(0, len(wanted), _LOOKED_UP_AT_ONCE):
        part = wanted[start : start + _LOOKED_UP_AT_ONCE]
        found |= set(Token.objects.unscoped(_WHY).filter(serial__in=part).values_list("serial", flat=True))
    return found
