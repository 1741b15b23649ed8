"""Actions that change who somebody is. Each change moves the version on, which voids proofreadings made before it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from banyan.domain import audit
from banyan.domain.iam import rights
from banyan.kernel.actor import Actor

from . import access, name_index, protection
from .device_rules import device_identity
from .errors import DuplicateIdentity, NotFound, VersionConflict
from .identity_rules import (
    credit_code,
    identity_number,
    mask_number,
    mask_phone,
    mobile_number,
    organization_kind,
)
from .kinds import NamedKind
from .models import Device, Organization, Person
from .names import comparison_form, organization_name, person_name

_M = TypeVar("_M", Person, Organization, Device)
_WHY = "an identity belongs to one record in the province"


@dataclass(frozen=True)
class PersonChanges:
    """What to change; None leaves a field as it is, an empty phone removes it."""

    name: str | None = None
    id_type: str | None = None
    id_number: str | None = field(default=None, repr=False)
    phone: str | None = field(default=None, repr=False)
    region: str | None = None
    organization_id: int | None = None


@dataclass(frozen=True)
class OrganizationChanges:
    """What to change; None leaves a field as it is."""

    name: str | None = None
    uscc: str | None = None
    region: str | None = None


@dataclass(frozen=True)
class DeviceChanges:
    """What to change; None leaves a field as it is, an empty text removes it."""

    name: str | None = None
    domain_name: str | None = None
    ip_address: str | None = None
    icp_number: str | None = None
    serial_number: str | None = None
    region: str | None = None
    organization_id: int | None = None


@audit.action
def update_person(actor: Actor, person_id: int, version: int, changes: PersonChanges, *, now: datetime) -> Person:
    """Change a person's record. Raises NotFound, VersionConflict, DuplicateIdentity, a RuleError, OutOfScope."""
    person = _locked(Person, actor, person_id, version)
    old_name = person.name
    if changes.name is not None:
        person.name = person_name(changes.name)
        person.name_key = comparison_form(person.name)
    if changes.id_number is not None or changes.id_type is not None:
        _change_identity(person, changes, now)
    if changes.phone is not None:
        _set_phone(person, mobile_number(changes.phone) if changes.phone.strip() else "")
    if changes.organization_id is not None:
        person.organization_id = changes.organization_id
    _change_region(actor, person, changes.region)
    return _written(actor, person, version, old_name, NamedKind.PERSON, changes)


@audit.action
def update_organization(
    actor: Actor, organization_id: int, version: int, changes: OrganizationChanges, *, now: datetime
) -> Organization:
    """Change a body's record. Raises NotFound, VersionConflict, DuplicateIdentity, a RuleError, OutOfScope."""
    del now
    body = _locked(Organization, actor, organization_id, version)
    old_name = body.name
    if changes.name is not None:
        body.name = organization_name(changes.name)
        body.name_key = comparison_form(body.name)
    if changes.uscc is not None:
        code = credit_code(changes.uscc)
        if Organization.objects.unscoped(_WHY).filter(uscc=code).exclude(pk=body.pk).exists():
            raise DuplicateIdentity(masked=mask_number(code))
        body.uscc, body.organization_kind = code, organization_kind(code)
    _change_region(actor, body, changes.region)
    return _written(actor, body, version, old_name, NamedKind.ORGANIZATION, changes)


@audit.action
def update_device(actor: Actor, device_id: int, version: int, changes: DeviceChanges, *, now: datetime) -> Device:
    """Change a device's record. Raises NotFound, VersionConflict, DuplicateIdentity, a RuleError, OutOfScope."""
    del now
    device = _locked(Device, actor, device_id, version)
    old_name = device.name
    names = ("name", "domain_name", "ip_address", "icp_number", "serial_number")
    wanted = {name: getattr(changes, name) for name in names}
    found = device_identity(**{n: getattr(device, n) if value is None else value for n, value in wanted.items()})
    if Device.objects.unscoped(_WHY).filter(identity_key=found.key).exclude(pk=device.pk).exists():
        raise DuplicateIdentity(masked=mask_number(found.key))
    for name in names:
        setattr(device, name, getattr(found, name))
    device.name_key, device.identity_key = comparison_form(found.name), found.key
    if changes.organization_id is not None:
        device.organization_id = changes.organization_id
    _change_region(actor, device, changes.region)
    return _written(actor, device, version, old_name, NamedKind.DEVICE, changes)


def _locked(model: type[_M], actor: Actor, key: int, version: int) -> _M:
    rights.require(actor, "parties.edit")
    row = model.objects.visible_to(actor).select_for_update(of=("self",)).filter(pk=key).first()
    if row is None:
        raise NotFound
    if row.version != version:
        raise VersionConflict
    return row


def _change_identity(person: Person, changes: PersonChanges, now: datetime) -> None:
    """The index is part of what seals the values, so both values are sealed again."""
    phone, known = protection.open_phone(person), protection.open_identity(person)
    number = identity_number(
        changes.id_type or person.id_type,
        changes.id_number if changes.id_number is not None else known,
        today=access.local_day(now),
    )
    (index,) = protection.identity_indexes([number])
    if Person.objects.unscoped(_WHY).filter(id_index=index).exclude(pk=person.pk).exists():
        raise DuplicateIdentity(masked=number.masked)
    person.id_type, person.id_index, person.id_masked = number.type, index, number.masked
    (person.id_sealed,) = protection.seal_identities([(index, number)])
    _set_phone(person, phone)


def _set_phone(person: Person, phone: str) -> None:
    if not phone:
        person.phone_sealed, person.phone_index, person.phone_masked = None, None, ""
        return
    (person.phone_sealed,) = protection.seal_phones([(bytes(person.id_index), phone)])
    (person.phone_index,) = protection.phone_indexes([phone])
    person.phone_masked = mask_phone(phone)


def _change_region(actor: Actor, row: Person | Organization | Device, text: str | None) -> None:
    if text is None:
        return
    tree = access.region_tree()
    region = tree.read(text)
    access.ensure_region_in_scope(actor, region.code, tree)
    row.region_code = region.code


def _written(actor: Actor, row: _M, version: int, old_name: str, kind: NamedKind, changes: Any) -> _M:
    model = type(row)
    row.version = version + 1
    values = {f.attname: getattr(row, f.attname) for f in model._meta.concrete_fields if not f.primary_key}
    found = model.objects.unscoped("the row was found in the actor's sight above").filter(pk=row.pk, version=version)
    if not found.update(**values):
        raise VersionConflict
    if row.name != old_name:
        name_index.reindex(kind, row.pk, old_name, row.name)
    changed = sorted(name for name, value in vars(changes).items() if value is not None)
    audit.record(actor, f"parties.{model._meta.model_name}_updated", row, fields=changed, version=row.version)
    return row
