"""The form of entry (录入): what was typed becomes data and corrections, each field checked by the domain's own rules.

Names of fields: ``person.name``, ``organization.uscc``, ``device.ip_address`` (the holder's record, only what changes),
``subject.OU``, ``form.<code>``, ``requester.phone``, ``validity_days``, ``dns_names``, ``ip_addresses``, ``is_classic``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final

from django.utils.translation import gettext as _

from banyan.domain.parties import access as parties
from banyan.domain.parties import rules as party_rules
from banyan.domain.parties.actions import DeviceChanges, OrganizationChanges, PersonChanges
from banyan.domain.ra import previewing
from banyan.domain.ra.correcting import Corrections, Versions
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.ra.previewing import CertificateText
from banyan.domain.ra.subjects import Holder, Holders
from banyan.domain.ra.values import RequestData
from banyan.domain.systems import rules as system_rules
from banyan.domain.systems.policy import FormField, KindPolicy, SystemPolicy
from banyan.kernel.errors import N_, BanyanError
from banyan.pki import names
from banyan.web import errors

SUBJECT: Final = ("OU", "L", "serialNumber")
REQUESTER: Final = ("name", "id_number", "phone")
_LONGEST: Final = 4000


@dataclass
class Entry:
    """A form as it was read. ``faults`` by the name of the field; data and corrections hold what was right."""

    data: RequestData
    corrections: Corrections
    faults: dict[str, str]
    preview: CertificateText | None = None


@dataclass
class Reader:
    """Reads one request's form. ``before`` is what was entered earlier: fields of numbers left empty keep it."""

    request: ServiceRequest
    policy: SystemPolicy
    holders: Holders
    before: RequestData
    now: datetime
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def holder(self) -> Holder:
        """Whose certificate it will be."""
        return self.holders.of(self.request)

    @property
    def kind(self) -> KindPolicy:
        """How the system issues this kind."""
        return self.policy.kind(self.request.kind)

    def read(self, said: Mapping[str, str]) -> Entry:
        """Everything at once: all that is wrong is told together."""
        self.faults = {}
        corrections = self._corrections(said)
        data = self._data(said)
        preview = self._preview(data, corrections)
        return Entry(data, corrections, self.faults, preview)

    def _try(self, name: str, read: Callable[[], Any], otherwise: Any = None) -> Any:
        try:
            return read()
        except BanyanError as error:
            self.faults[name] = errors.text(error)
            return otherwise

    def _data(self, said: Mapping[str, str]) -> RequestData:
        return RequestData(
            subject={key: text for key in SUBJECT if (text := self._subject(key, said))},
            form={one.code: value for one in self.kind.fields if (value := self._extra(one, said))},
            requester=self._requester(said),
            validity_days=self._days(said),
            dns_names=self._lines("dns_names", said, party_rules.read_domain_name),
            ip_addresses=self._lines("ip_addresses", said, party_rules.read_ip_address),
            is_classic=bool(self.kind.classic_profile) and said.get("is_classic") == "on",
        )

    def _subject(self, key: str, said: Mapping[str, str]) -> str:
        text = " ".join(_typed(said, f"subject.{key}").split())
        fault = names.text_fault(key, text) if text else None
        if fault:
            self.faults[f"subject.{key}"] = _("{reason}。请改正。").format(reason=_(fault))
            return ""
        return text

    def _extra(self, one: FormField, said: Mapping[str, str]) -> str:
        name = f"form.{one.code}"
        return str(self._try(name, lambda: system_rules.check_field(one, _typed(said, name)), ""))

    def _requester(self, said: Mapping[str, str]) -> dict[str, str]:
        known = self.before.requester
        name, number, phone = (_typed(said, f"requester.{key}") for key in REQUESTER)
        found = {
            "name": self._try("requester.name", lambda: party_rules.person_name(name, N_("经办人姓名")), ""),
            "id_number": known.get("id_number", ""),
            "phone": known.get("phone", ""),
        }
        if number:
            found["id_number"] = self._try("requester.id_number", lambda: self._number("RESIDENT", number), "")
        if phone:
            found["phone"] = self._try("requester.phone", lambda: party_rules.mobile_number(phone), "")
        return found

    def _number(self, id_type: str, text: str) -> str:
        return party_rules.identity_number(id_type, text, today=parties.local_day(self.now)).index_text

    def _days(self, said: Mapping[str, str]) -> int | None:
        text = _typed(said, "validity_days")
        if not text:
            return None
        days = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
        checked = self._try("validity_days", lambda: system_rules.validity(self.policy, self.request.kind, days))
        return None if checked is None else days

    def _lines(self, name: str, said: Mapping[str, str], read: Callable[[str], str]) -> tuple[str, ...]:
        if self.holder.device is None:
            return ()
        typed = [line.strip() for line in _typed(said, name).replace(",", "\n").replace("，", "\n").splitlines()]
        found = [self._try(name, partial(read, line), "") for line in typed if line]
        return tuple(dict.fromkeys(text for text in found if text))

    def _corrections(self, said: Mapping[str, str]) -> Corrections:
        seen = Versions(*(_version(said, one) for one in ("person", "organization", "device")))
        return Corrections(self._person(said), self._organization(said), self._device(said), seen)

    def _person(self, said: Mapping[str, str]) -> PersonChanges | None:
        person = self.holder.person
        if person is None:
            return None
        name, number, phone = (_typed(said, f"person.{key}") for key in ("name", "id_number", "phone"))
        id_type = _typed(said, "person.id_type")
        changes = PersonChanges(
            name=self._try("person.name", lambda: party_rules.person_name(name)) if name else None,
            id_type=id_type if number and id_type else None,
            id_number=self._try(
                "person.id_number", lambda: self._number(id_type or person.id_type, number).partition(":")[2]
            )
            if number
            else None,
            phone=self._try("person.phone", lambda: party_rules.mobile_number(phone)) if phone else None,
        )
        if id_type and id_type != person.id_type and not number:
            self.faults["person.id_number"] = _("改了证件类型，要同时输入证件号码。")
        return changes

    def _organization(self, said: Mapping[str, str]) -> OrganizationChanges | None:
        if self.holder.organization is None:
            return None
        name, code = _typed(said, "organization.name"), _typed(said, "organization.uscc")
        return OrganizationChanges(
            name=self._try("organization.name", lambda: party_rules.organization_name(name)) if name else None,
            uscc=self._try("organization.uscc", lambda: party_rules.credit_code(code)) if code else None,
        )

    def _device(self, said: Mapping[str, str]) -> DeviceChanges | None:
        if self.holder.device is None:
            return None
        readers: dict[str, Callable[[str], str]] = {
            "name": party_rules.device_title, "domain_name": party_rules.read_domain_name,
            "ip_address": party_rules.read_ip_address, "icp_number": party_rules.read_icp_number,
        }  # fmt: skip
        found = {
            key: self._try(f"device.{key}", partial(read, _typed(said, f"device.{key}")))
            for key, read in readers.items()
            if _typed(said, f"device.{key}")
        }
        return DeviceChanges(**found)

    def _preview(self, data: RequestData, corrections: Corrections) -> CertificateText | None:
        if self.faults:
            return None
        try:
            return previewing.as_it_would_be(self.request, data, corrections, self.holders)
        except BanyanError as error:
            self.faults[""] = errors.text(error)
            return None


def values_of(before: RequestData, holder: Holder) -> dict[str, str]:
    """What stands in the fields when the form is opened: never a number of a person."""
    found = {f"subject.{key}": str(before.subject.get(key, "")) for key in SUBJECT}
    found |= {f"form.{key}": str(value) for key, value in before.form.items()}
    found["requester.name"] = before.requester.get("name", "")
    found["validity_days"] = str(before.validity_days or "")
    found["dns_names"], found["ip_addresses"] = "\n".join(before.dns_names), "\n".join(before.ip_addresses)
    found["is_classic"] = "on" if before.is_classic else ""
    if holder.person is not None:
        found |= {"person.name": holder.person.name, "person.id_type": holder.person.id_type}
    if holder.organization is not None:
        found |= {"organization.name": holder.organization.name, "organization.uscc": holder.organization.uscc}
    if holder.device is not None:
        found |= {f"device.{key}": getattr(holder.device, key) for key in ("name", "domain_name", "ip_address")}
        found["device.icp_number"] = holder.device.icp_number
    return found


def _typed(said: Mapping[str, str], name: str) -> str:
    return said.get(name, "")[:_LONGEST].strip()


def _version(said: Mapping[str, str], one: str) -> int:
    text = said.get(f"{one}.version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
