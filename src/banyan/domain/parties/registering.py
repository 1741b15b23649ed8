"""Actions that put people, bodies and devices on record. Who is on record already is found, not entered twice."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.db import IntegrityError, connection, models, transaction

from banyan.domain import audit, bulk
from banyan.domain.driver import Driver
from banyan.domain.iam import rights
from banyan.domain.prepared import new as new_row
from banyan.kernel.actor import Actor

from . import access, name_index, protection
from .device_rules import device_identity
from .errors import IdentityConflict, OrganizationConflict, OutOfScope, PartiesError, UnknownOrganizationKind
from .identity_rules import (
    IdentityNumber,
    credit_code,
    identity_number,
    mask_number,
    mask_phone,
    mobile_number,
    organization_kind,
)
from .kinds import NamedKind, OrganizationKind
from .models import Device, Organization, Person
from .names import comparison_form, masked_name, organization_name, person_name
from .regions import RegionTree

_WHY = "whoever is on record anywhere in the province must not be entered twice"
# Parameters of one look-up; SQLite takes 32,766.
_LOOKED_UP_AT_ONCE = 5000

_M = TypeVar("_M", Person, Organization, Device)
_O = TypeVar("_O")


@dataclass(frozen=True)
class PersonEntry:
    """What a form says about a person; ``region`` is a code or a name. Its representation shows no number.

    ``checked``: the number as ``identity_number`` read it, by a caller who did so already on this day.
    """

    name: str
    id_type: str
    id_number: str = field(repr=False)
    region: str
    phone: str = field(default="", repr=False)
    organization_id: int | None = None
    checked: IdentityNumber | None = field(default=None, repr=False)


@dataclass(frozen=True)
class OrganizationEntry:
    """What a form says about a body; an empty kind is taken from the credit code."""

    name: str
    uscc: str
    region: str
    kind: str = ""


@dataclass(frozen=True)
class DeviceEntry:
    """What a form says about a device."""

    region: str
    name: str = ""
    domain_name: str = ""
    ip_address: str = ""
    icp_number: str = ""
    serial_number: str = ""
    organization_id: int | None = None


@audit.action
def register_person(actor: Actor, entry: PersonEntry, *, now: datetime) -> Person:
    """Put a person on record, or find the one with this number. Raises a PartiesError; see ``register_people``."""
    return _single(register_people(actor, [entry], now=now))


@audit.action
def register_organization(actor: Actor, entry: OrganizationEntry, *, now: datetime) -> Organization:
    """Put a body on record, or find the one with this credit code. Raises a PartiesError."""
    return _single(register_organizations(actor, [entry], now=now))


@audit.action
def register_device(actor: Actor, entry: DeviceEntry, *, now: datetime) -> Device:
    """Put a device on record, or find it. Raises a PartiesError."""
    return _single(register_devices(actor, [entry], now=now))


@audit.action
def register_people(
    actor: Actor, entries: Sequence[PersonEntry], *, now: datetime, tree: RegionTree | None = None
) -> list[Person | PartiesError]:
    """Register people in bulk: for each entry the person (new or found), or what is wrong with the entry.

    A person is the same when the identity number is; another name for it is an IdentityConflict. What is on
    record is not changed by registering. Good entries are written whatever the others hold. ``tree`` is for a caller
    who has just read it. Raises RightMissing.
    """
    rights.require(actor, "parties.edit")
    tree, today = tree or access.region_tree(), access.local_day(now)
    batch: _Batch[Person, _NewPerson] = _Batch(Person, "id_index", NamedKind.PERSON)
    read = []
    for position, entry in enumerate(entries):
        try:
            number = entry.checked or identity_number(entry.id_type, entry.id_number, today=today)
            name = person_name(entry.name)
            phone = mobile_number(entry.phone) if entry.phone and not entry.phone.isspace() else ""
            region = _region(actor, tree, entry.region)
            read.append((position, _NewPerson(name, number, phone, region, entry.organization_id)))
        except PartiesError as error:
            batch.refuse(position, error)
    indexes = protection.identity_indexes(offered.number for _, offered in read)
    for (position, offered), index in zip(read, indexes, strict=True):
        batch.offer(position, index, offered)
    return batch.write(actor, len(entries), lambda new: _people(new, now), _same_person)


@audit.action
def register_organizations(
    actor: Actor, entries: Sequence[OrganizationEntry], *, now: datetime, tree: RegionTree | None = None
) -> list[Organization | PartiesError]:
    """Register bodies in bulk: for each entry the body (new or found by credit code), or what is wrong with it."""
    rights.require(actor, "parties.edit")
    tree = tree or access.region_tree()
    batch: _Batch[Organization, Organization] = _Batch(Organization, "uscc", NamedKind.ORGANIZATION)
    bodies: dict[OrganizationEntry, Organization] = {}  # a sheet names the same body row after row
    for position, entry in enumerate(entries):
        try:
            body = bodies.get(entry)
            if body is None:
                uscc, name = credit_code(entry.uscc), organization_name(entry.name)
                body = bodies[entry] = new_row(
                    Organization,
                    name=name,
                    name_key=comparison_form(name),
                    uscc=uscc,
                    organization_kind=_kind(entry.kind, uscc),
                    region_code=_region(actor, tree, entry.region),
                    created_at=now,
                )
            batch.offer(position, body.uscc, body)
        except PartiesError as error:
            batch.refuse(position, error)
    return batch.write(actor, len(entries), _as_they_are, _same_organization)


@audit.action
def register_devices(
    actor: Actor, entries: Sequence[DeviceEntry], *, now: datetime, tree: RegionTree | None = None
) -> list[Device | PartiesError]:
    """Register devices in bulk: for each entry the device (new or found), or what is wrong with the entry."""
    rights.require(actor, "parties.edit")
    tree = tree or access.region_tree()
    batch: _Batch[Device, Device] = _Batch(Device, "identity_key", NamedKind.DEVICE)
    for position, entry in enumerate(entries):
        try:
            found = device_identity(
                name=entry.name,
                domain_name=entry.domain_name,
                ip_address=entry.ip_address,
                icp_number=entry.icp_number,
                serial_number=entry.serial_number,
            )
            device = new_row(
                Device,
                name=found.name,
                name_key=comparison_form(found.name),
                identity_key=found.key,
                domain_name=found.domain_name,
                ip_address=found.ip_address,
                icp_number=found.icp_number,
                serial_number=found.serial_number,
                organization_id=entry.organization_id,
                region_code=_region(actor, tree, entry.region),
                created_at=now,
            )
            batch.offer(position, found.key, device)
        except PartiesError as error:
            batch.refuse(position, error)
    return batch.write(actor, len(entries), _as_they_are, _same_device)


@dataclass(frozen=True, slots=True)
class _NewPerson:
    """A checked entry; nothing is sealed before it is known to be new."""

    name: str
    number: IdentityNumber = field(repr=False)
    phone: str = field(repr=False)
    region: str
    organization_id: int | None


class _Batch(Generic[_M, _O]):
    """Entries on their way to rows: found by what identifies them, or created."""

    def __init__(self, model: type[_M], identity: str, kind: NamedKind) -> None:
        self._model: type[_M] = model
        self._identity, self._kind = identity, kind
        self._offers: list[tuple[int, Any, _O]] = []
        self._outcomes: dict[int, _M | PartiesError] = {}

    def offer(self, position: int, identity: Any, offered: _O) -> None:
        self._offers.append((position, identity, offered))

    def refuse(self, position: int, error: PartiesError) -> None:
        self._outcomes[position] = error

    def write(
        self,
        actor: Actor,
        count: int,
        build: Callable[[dict[Any, _O]], list[_M]],
        conflict: Callable[[_M, _O], PartiesError | None],
    ) -> list[_M | PartiesError]:
        """Find or create, in the order given.

        ``build`` makes rows of what is new (identity → offer); ``conflict`` says why a known row cannot be the one
        offered.
        """
        known, created = self._settle(build)
        for position, identity, offered in self._offers:
            self._outcomes[position] = conflict(known[identity], offered) or known[identity]
        if created:
            self._record(actor, count, created)
        return [self._outcomes[position] for position in range(count)]

    def _record(self, actor: Actor, count: int, created: list[_M]) -> None:
        label = self._model._meta.model_name
        if count == 1:
            audit.record(actor, f"parties.{label}_registered", created[0])
            return
        first, last = created[0].pk, created[-1].pk
        audit.record(actor, f"parties.{label}s_registered", None, created=len(created), first=first, last=last)

    def _settle(self, build: Callable[[dict[Any, _O]], list[_M]]) -> tuple[dict[Any, _M], list[_M]]:
        try:
            with transaction.atomic(), connection.wrap_database_errors:
                return self._find_or_insert(build)
        except IntegrityError:
            # Another writer entered one of them in between; it is on record now and will be found.
            return self._find_or_insert(build)

    def _find_or_insert(self, build: Callable[[dict[Any, _O]], list[_M]]) -> tuple[dict[Any, _M], list[_M]]:
        known = self._known()
        new: dict[Any, _O] = {}
        for _, identity, offered in self._offers:
            if identity not in known:
                new.setdefault(identity, offered)
        rows = build(new)
        for row in rows:
            row.pk = None
        bulk.insert_many(rows)
        if rows:
            name_index.index_new(self._kind, [(row.pk, row.name) for row in rows])
        for row in rows:
            row.is_new = True
        known.update(zip(new, rows, strict=True))
        return known, rows

    def _known(self) -> dict[Any, _M]:
        known: dict[Any, _M] = {}
        wanted = list({identity: None for _, identity, _ in self._offers})
        everyone: models.QuerySet[Any, Any] = self._model.objects.unscoped(_WHY)
        for start in range(0, len(wanted), _LOOKED_UP_AT_ONCE):
            found = self._keys(wanted[start : start + _LOOKED_UP_AT_ONCE])
            for row in everyone.filter(pk__in=found) if found else ():
                identity = getattr(row, self._identity)
                known[bytes(identity) if isinstance(identity, memoryview) else identity] = row
        return known

    def _keys(self, identities: list[Any]) -> list[int]:
        """Who of these is on record; mostly nobody, so the question is put without building a query for hundreds."""
        driver, meta = Driver(), self._model._meta
        if driver.is_postgresql:
            condition, parameters = driver.chosen, [identities]
        else:
            condition, parameters = f"IN ({', '.join([driver.slot] * len(identities))})", identities
        statement = f'SELECT "id" FROM "{meta.db_table}" WHERE "{self._identity}" {condition}'  # noqa: S608  (our models' names)
        return [key for (key,) in driver.rows(statement, parameters)]


def _people(new: dict[bytes, _NewPerson], now: datetime) -> list[Person]:
    sealed = protection.seal_identities([(index, offered.number) for index, offered in new.items()])
    phones = {index: offered.phone for index, offered in new.items() if offered.phone}
    sealed_phones = dict(zip(phones, protection.seal_phones(list(phones.items())), strict=True))
    phone_indexes = dict(zip(phones, protection.phone_indexes(phones.values()), strict=True))
    people = [
        new_row(
            Person,
            region_code=offered.region,
            name=offered.name,
            name_key=comparison_form(offered.name),
            id_type=offered.number.type.value,
            id_sealed=id_sealed,
            id_index=index,
            id_masked=offered.number.masked,
            phone_sealed=sealed_phones.get(index),
            phone_index=phone_indexes.get(index),
            phone_masked=mask_phone(offered.phone) if offered.phone else "",
            organization_id=offered.organization_id,
            created_at=now,
        )
        for (index, offered), id_sealed in zip(new.items(), sealed, strict=True)
    ]
    for person, offered in zip(people, new.values(), strict=True):
        person.number_read = offered.number
    return people


def _as_they_are(new: dict[Any, _M]) -> list[_M]:
    return list(new.values())


def _single(outcomes: Sequence[_M | PartiesError]) -> _M:
    (outcome,) = outcomes
    if isinstance(outcome, PartiesError):
        raise outcome
    return outcome


def _region(actor: Actor, tree: RegionTree, text: str) -> str:
    region = tree.read(text)
    if not tree.is_within(region.code, actor.regions):
        raise OutOfScope(region=region.code)
    return region.code


def _kind(text: str, uscc: str) -> str:
    if not text:
        return organization_kind(uscc)
    if text not in OrganizationKind.values:
        raise UnknownOrganizationKind(value=text[:20], known="、".join(OrganizationKind.values))
    return text


def _same_person(known: Person, offered: _NewPerson) -> PartiesError | None:
    if known.name_key == comparison_form(offered.name):
        return None
    return IdentityConflict(masked=known.id_masked, known=masked_name(known.name))


def _same_device(known: Device, offered: Device) -> PartiesError | None:
    del known, offered  # a device is its domain, serial number or address, under whatever title
    return None


def _same_organization(known: Organization, offered: Organization) -> PartiesError | None:
    if known.name_key == offered.name_key:
        return None
    return OrganizationConflict(masked=mask_number(known.uscc), known=known.name)
