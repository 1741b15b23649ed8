"""People and bodies of ``banyan bench pages``, put on record by the product's own actions."""

import random
from array import array
from dataclasses import dataclass, field

from banyan.cli import installing
from banyan.cli.bench import pages_names
from banyan.cli.bench.issue_numbers import resident_id
from banyan.cli.sample import credit_code
from banyan.domain.parties import access
from banyan.domain.parties.models import Organization, Person
from banyan.domain.parties.registering import OrganizationEntry, PersonEntry, register_organizations, register_people
from banyan.kernel import clock

_SLICE = 4_000
_FIRST_BODY = 1_000


@dataclass
class Parties:
    """Who is on record, by place: keys, names, regions. The person at ``n`` belongs to the body at ``n % bodies``."""

    people: "array[int]" = field(default_factory=lambda: array("q"))
    bodies: "array[int]" = field(default_factory=lambda: array("q"))
    names: list[str] = field(default_factory=list)
    body_names: list[str] = field(default_factory=list)
    regions: list[str] = field(default_factory=list)


def person_number(place: int) -> str:
    """The ID number of the person at a place."""
    return resident_id(20_000_000 + place)


def phone(place: int) -> str:
    """The telephone of the person at a place."""
    return f"139{place:08d}"


def body_code(place: int) -> str:
    """The credit code of the body at a place."""
    return credit_code(_FIRST_BODY + place)


def register(drawn: random.Random, people: int, bodies: int) -> Parties:
    """Put so many people and bodies on record, in every region of the province."""
    made, tree = Parties(), access.region_tree()
    codes = sorted(tree.by_code)
    now, actor = clock.now(), installing.installer()
    made.regions = [codes[place % len(codes)] for place in range(bodies)]
    for start in range(0, bodies, _SLICE):
        numbers = range(start, min(start + _SLICE, bodies))
        names = pages_names.bodies([tree.by_code[made.regions[one]].name for one in numbers], numbers)
        entries = [
            OrganizationEntry(name, body_code(one), made.regions[one]) for one, name in zip(numbers, names, strict=True)
        ]
        for found in register_organizations(actor, entries, now=now):
            if not isinstance(found, Organization):
                raise found
            made.bodies.append(found.pk)
        made.body_names += names
    for start in range(0, people, _SLICE):
        numbers = range(start, min(start + _SLICE, people))
        names = pages_names.people(drawn, len(numbers))
        wanted = [
            PersonEntry(
                name, "RESIDENT", person_number(one), made.regions[one % bodies], phone(one), made.bodies[one % bodies]
            )
            for one, name in zip(numbers, names, strict=True)
        ]
        for person in register_people(actor, wanted, now=now, tree=tree):
            if not isinstance(person, Person):
                raise person
            made.people.append(person.pk)
        made.names += names
    return made
