"""Corrections of a holder's record at entry: what really changes, and whether it changes who the holder is."""

import copy
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, TypeVar

from banyan.domain.parties import protection
from banyan.domain.parties.actions import DeviceChanges, OrganizationChanges, PersonChanges
from banyan.domain.parties.models import Device, Organization, Person
from banyan.domain.ra.subjects import Holder

_C = TypeVar("_C", PersonChanges, OrganizationChanges, DeviceChanges)
# A telephone or a filing number may change without making the holder another one.
_NOT_IDENTITY: Final = frozenset({"phone", "icp_number", "region"})


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions of the holder's records that the page showed."""

    person: int = 0
    organization: int = 0
    device: int = 0


@dataclass(frozen=True, slots=True)
class Corrections:
    """What a clerk corrects on the holder's records while entering; None leaves a record alone."""

    person: PersonChanges | None = field(default=None, repr=False)
    organization: OrganizationChanges | None = None
    device: DeviceChanges | None = None
    seen: Versions = Versions()

    @property
    def is_empty(self) -> bool:
        return not (self.person or self.organization or self.device)

    @property
    def changes_identity(self) -> bool:
        """Whether the holder's identity changes, so that approval and proofreading become void."""
        said = [one for one in (self.person, self.organization, self.device) if one is not None]
        return any(set(_set_in(one)) - _NOT_IDENTITY for one in said)


def effective(wanted: Corrections, holder: Holder) -> Corrections:
    """Only what differs from the records as they stand."""
    person = _differing(wanted.person, _values_of_person(holder.person)) if holder.person else None
    body = _differing(wanted.organization, _values(holder.organization)) if holder.organization else None
    device = _differing(wanted.device, _values(holder.device)) if holder.device else None
    return Corrections(person, body, device, wanted.seen)


def with_corrections(holder: Holder, corrections: Corrections) -> Holder:
    """The holder as the records will be, on copies that nobody saves: for a look at what a certificate will say."""
    found = replace(holder)
    if found.person is not None and corrections.person is not None and corrections.person.name:
        found.person = copy.copy(found.person)
        found.person.name = corrections.person.name
    if found.organization is not None and corrections.organization is not None:
        found.organization = _patched(found.organization, corrections.organization)
    if found.device is not None and corrections.device is not None:
        found.device = _patched(found.device, corrections.device)
    return found


def _patched(row: Any, changes: Any) -> Any:
    row = copy.copy(row)
    for name, value in _set_in(changes).items():
        if hasattr(row, name):
            setattr(row, name, value)
    return row


def _differing(wanted: _C | None, stands: dict[str, Any]) -> _C | None:
    if wanted is None:
        return None
    kept = {name: value for name, value in _set_in(wanted).items() if value != stands.get(name)}
    return type(wanted)(**kept) if kept else None


def _set_in(changes: Any) -> dict[str, Any]:
    values = {one.name: getattr(changes, one.name) for one in fields(changes)}
    return {name: value for name, value in values.items() if value is not None}


def _values_of_person(person: Person) -> dict[str, Any]:
    return {
        "name": person.name, "id_type": person.id_type, "id_number": protection.open_identity(person),
        "phone": protection.open_phone(person),
    }  # fmt: skip


def _values(row: Organization | Device | None) -> dict[str, Any]:
    names = ("name", "uscc", "domain_name", "ip_address", "icp_number", "serial_number")
    return {name: getattr(row, name) for name in names if hasattr(row, name)}
