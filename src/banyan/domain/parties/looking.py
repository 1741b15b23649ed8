"""Looks that are themselves audited: a person's number in clear, and what somebody holds across the province."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from banyan.domain import audit
from banyan.domain.iam import rights
from banyan.kernel.actor import Actor

from . import access, protection
from .ports import HoldingsSource
from .rules import HoldingsHint


@dataclass(frozen=True)
class RevealedPerson:
    """A person's protected values in clear, for one look; not to be stored or logged."""

    id_number: str = field(repr=False)
    phone: str = field(repr=False)


@audit.action
def reveal_person(actor: Actor, person_id: int, *, purpose: str, now: datetime) -> RevealedPerson:
    """Show a person's number and telephone in clear; the look and its purpose are recorded.

    Raises RightMissing, NotFound, sealing.SealBroken.
    """
    del now
    rights.require(actor, "parties.reveal")
    person = access.person(actor, person_id)
    audit.record(actor, "parties.person_revealed", person, purpose=purpose[:100])
    return RevealedPerson(protection.open_identity(person), protection.open_phone(person))


@audit.action
def look_up_holdings(
    actor: Actor,
    source: HoldingsSource,
    *,
    people: Sequence[int] = (),
    organizations: Sequence[int] = (),
    now: datetime,
) -> HoldingsHint:
    """The duplicate-holder warning (规范 3.3.1.2(2), 3.1.1.2(2)): what these people and bodies hold already.

    Of pairs outside the actor's sight only number, kind and system are told; each look is recorded.
    """
    del now
    rights.require(actor, "parties.read")
    hint = access.existing_holdings_hint(actor, source, people=people, organizations=organizations)
    audit.record(
        actor, "parties.holdings_looked_up", None,
        people=list(people)[:50], organizations=list(organizations)[:50],
        here=len(hint.here), elsewhere=sum(entry.count for entry in hint.elsewhere),
    )  # fmt: skip
    return hint


@audit.action
def look_up_holdings_of_many(
    actor: Actor, source: HoldingsSource, *, people: Sequence[int], organizations: Sequence[int], now: datetime
) -> Mapping[tuple[str, int], HoldingsHint]:
    """The same warning for the rows of a sheet, by holder; one look, one record that names everybody looked at."""
    del now
    rights.require(actor, "parties.read")
    hints = access.holdings_by_holder(actor, source, people=people, organizations=organizations)
    audit.record(
        actor, "parties.holdings_looked_up", None,
        people=list(people), organizations=list(organizations),
        here=sum(len(hint.here) for hint in hints.values()),
        elsewhere=sum(entry.count for hint in hints.values() for entry in hint.elsewhere),
    )  # fmt: skip
    return hints
