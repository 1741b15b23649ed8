"""What a certificate will say about its holder: subject, identify code, alternative names; from the holder's record.

The default template (GB/T 20518): C=CN, ST=province, L=prefecture, O=body, OU=department, CN=holder.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from banyan.domain.ca.rules import extension_values
from banyan.domain.parties import access as parties
from banyan.domain.parties import protection
from banyan.domain.parties.kinds import IdentityType
from banyan.domain.parties.models import Device, Organization, Person
from banyan.domain.parties.regions import RegionTree
from banyan.domain.prepared import Prepared
from banyan.domain.ra.errors import DataRefused, SubjectMissing
from banyan.domain.ra.values import RequestData
from banyan.domain.systems.policy import CertificateKind, IdentifyCode, KindPolicy
from banyan.kernel.errors import N_
from banyan.pki import names
from banyan.pki.certificate_parts import DocumentKind
from banyan.pki.certificate_parts import IdentifyCode as CertificateIdentifyCode
from banyan.pki.profile import Profile

Record = Person | Organization | Device


@dataclass(frozen=True, slots=True)
class Known:
    """What an action has just read or written in its transaction, so that it need not be read again in there."""

    records: Sequence[Record] = ()
    tree: RegionTree | None = None


_M = TypeVar("_M", Person, Organization, Device)
_DOCUMENTS: Mapping[str, DocumentKind] = {
    IdentityType.RESIDENT: "resident",
    IdentityType.RESIDENCE_PERMIT: "resident",
    IdentityType.FOREIGN_PERMANENT: "resident",
    IdentityType.PASSPORT: "passport",
    IdentityType.MILITARY: "officer",
}
_WHY = "the request's own holder"
_PEOPLE = Prepared(lambda ids: Person.objects.unscoped(_WHY).filter(pk__among=ids))
_ORGANIZATIONS = Prepared(lambda ids: Organization.objects.unscoped(_WHY).filter(pk__among=ids))
_DEVICES = Prepared(lambda ids: Device.objects.unscoped(_WHY).filter(pk__among=ids))
_NOTHING = Known()
# Additions a request may bring; everything else comes from the holder's record.
_ADDITIONS = frozenset({"OU", "L", "serialNumber"})


@dataclass(slots=True)
class Holder:
    """The holder's record as a certificate needs it."""

    person: Person | None = None
    organization: Organization | None = None
    device: Device | None = None
    identify_code: str = ""


@dataclass(slots=True)
class Holders:
    """The records of many holders, read in three queries."""

    people: dict[int, Person]
    organizations: dict[int, Organization]
    devices: dict[int, Device]
    codes: dict[int, str]
    tree: RegionTree

    @classmethod
    def load(cls, items: Sequence[Any], *, with_codes: bool = True, known: Known = _NOTHING) -> "Holders":
        """The holders that drafts or requests name (``person_id``, ``organization_id``, ``device_id``)."""
        have = {(type(one), one.pk): one for one in known.records}
        people = _by_id(Person, _PEOPLE, have, {item.person_id for item in items})
        devices = _by_id(Device, _DEVICES, have, {item.device_id for item in items})
        wanted = {item.organization_id for item in items}
        wanted |= {person.organization_id for person in people.values()}
        wanted |= {device.organization_id for device in devices.values()}
        organizations = _by_id(Organization, _ORGANIZATIONS, have, wanted)
        listed = list(people.values()) if with_codes else []
        codes = dict(zip((person.pk for person in listed), protection.identify_codes(listed), strict=True))
        return cls(people, organizations, devices, codes, known.tree or parties.region_tree())

    def of(self, item: Any) -> Holder:
        """The holder of one draft or request."""
        person = self.people.get(item.person_id) if item.person_id else None
        device = self.devices.get(item.device_id) if item.device_id else None
        body_id = item.organization_id or (person and person.organization_id) or (device and device.organization_id)
        organization = self.organizations.get(body_id) if body_id else None
        return Holder(person, organization, device, self.codes.get(person.pk, "") if person else "")


def _by_id(
    model: type[_M], records: Prepared[_M], known: Mapping[tuple[type[Record], int], Any], ids: set[int | None]
) -> dict[int, _M]:
    found: dict[int, _M] = {pk: known[model, pk] for pk in ids if pk is not None and (model, pk) in known}
    wanted = sorted(pk for pk in ids if pk is not None and pk not in found)
    return found | {row.pk: row for row in records.rows(wanted)} if wanted else found


def holder_name(kind: str, holder: Holder) -> str:
    """The name shown for the holder of a certificate of this kind. Raises SubjectMissing when nobody is named."""
    if kind == CertificateKind.PERSONAL:
        if holder.person is None:
            raise SubjectMissing(kind=CertificateKind(kind).label, party=N_("持有人"))
        return holder.person.name
    if kind == CertificateKind.DEVICE:
        if holder.device is None:
            raise SubjectMissing(kind=CertificateKind(kind).label, party=N_("设备"))
        return holder.device.name
    if holder.organization is None:
        raise SubjectMissing(kind=CertificateKind(kind).label, party=N_("单位"))
    return holder.organization.name


def subject_of(
    kind: str, holder: Holder, region_code: str, data: RequestData, profile: Profile, tree: RegionTree
) -> bytes:
    """DER of the subject. Raises DataRefused, pki.NameInvalid, SubjectMissing."""
    unknown = set(data.subject) - _ADDITIONS
    if unknown:
        raise DataRefused(field=sorted(unknown)[0], reason=N_("不是可以填写的主体项"))
    attributes: dict[str, Any] = {"ST": tree.root.name, "L": _locality(region_code, tree)}
    if holder.organization is not None:
        attributes["O"] = holder.organization.name
    attributes.update(data.subject)
    attributes["CN"] = _common_name(kind, holder, data)
    return names.encode_name(profile.order(attributes))


def _locality(region_code: str, tree: RegionTree) -> str:
    """The prefecture (or the area the province runs by itself) that a region lies in; empty for the province."""
    chain = tree.ancestors(tree.current(region_code).code)
    return tree.by_code[chain[-2]].name if len(chain) > 1 else ""


def _common_name(kind: str, holder: Holder, data: RequestData) -> str:
    name = holder_name(kind, holder)
    if kind == CertificateKind.SEAL:
        return str(data.form.get("seal_name") or name)
    if kind == CertificateKind.DEVICE and holder.device is not None:
        return holder.device.domain_name or holder.device.ip_address or name
    return name


def extensions_of(kind: str, holder: Holder, data: RequestData, policy: KindPolicy, profile: Profile) -> str:
    """The moving extensions, as stored (see ``ca.rules.extension_values``)."""
    identify_code = None
    if holder.person is not None and kind == CertificateKind.PERSONAL and policy.identify_code is IdentifyCode.HMAC:
        identify_code = CertificateIdentifyCode(_DOCUMENTS[holder.person.id_type], holder.identify_code)
    carries_code = profile.organization_code != "absent" and holder.organization is not None
    organization_code = holder.organization.uscc if carries_code and holder.organization is not None else ""
    dns_names, ip_addresses = alternative_names(kind, holder, data)
    return extension_values(
        identify_code=identify_code,
        organization_code=organization_code,
        dns_names=dns_names,
        ip_addresses=ip_addresses,
    )


def alternative_names(kind: str, holder: Holder, data: RequestData) -> tuple[Sequence[str], Sequence[str]]:
    """The domain names and addresses of equipment: those on its record first, then those entered."""
    if kind != CertificateKind.DEVICE or holder.device is None:
        return (), ()
    dns_names = [holder.device.domain_name] if holder.device.domain_name else []
    addresses = [holder.device.ip_address] if holder.device.ip_address else []
    dns_names += [name for name in data.dns_names if name not in dns_names]
    addresses += [address for address in data.ip_addresses if address not in addresses]
    return dns_names, addresses
