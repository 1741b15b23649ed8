"""From the cells of a row to values that have been checked; every fault of a row is found, not only the first."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any, TypeVar

from banyan.domain.parties import rules as parties
from banyan.domain.parties.errors import DeviceUnnamed
from banyan.domain.parties.regions import RegionTree
from banyan.domain.parties.registering import DeviceEntry, OrganizationEntry, PersonEntry
from banyan.domain.sheets import columns
from banyan.domain.sheets.columns import BY_CODE, SYSTEM_NAMES, Header
from banyan.domain.sheets.errors import (
    CellEmpty,
    CellHidden,
    CellIsBroken,
    CellIsDate,
    CellIsExample,
    CellIsFormula,
    CellIsMerged,
    CellIsNumber,
    CellNotInteger,
    CellUnused,
    RowHidden,
    RowIsExample,
)
from banyan.domain.sheets.ports import Row
from banyan.domain.systems import access as systems
from banyan.domain.systems import rules as system_rules
from banyan.domain.systems.policy import CertificateKind, SystemPolicy
from banyan.kernel.errors import BanyanError

_T = TypeVar("_T")
# A double holds 15 decimal digits; a number cell with more has already changed.
_DIGITS_KEPT = 15
_DAYS_A_YEAR = 365


@dataclass(frozen=True)
class Fault:
    """One thing wrong with one cell: the column's title, the value as it may be shown, and the error."""

    column: str
    shown: str
    error: BanyanError


@dataclass(frozen=True)
class Application:
    """One good row: who holds, what is asked for, who handles it. Protected values stay out of its representation."""

    row: int
    system: str
    kind: str
    region: str
    organization: OrganizationEntry
    person: PersonEntry | None = field(repr=False)
    device: DeviceEntry | None
    department: str
    form: Mapping[str, str]
    requester: Mapping[str, str] = field(repr=False)
    validity_days: int | None
    dns_names: tuple[str, ...]
    ip_addresses: tuple[str, ...]
    notices: tuple[Fault, ...] = ()

    @property
    def holder_key(self) -> tuple[str, str, str]:
        """What makes two rows the same application; a person's number enters as its keyed index by the caller."""
        if self.person is not None:
            holder = f"{self.person.id_type}:{self.person.id_number}"
        elif self.device is not None:
            holder = f"device:{self.device.domain_name or self.device.ip_address or self.device.name}"
        else:
            holder = f"body:{self.organization.uscc}:{self.form.get('seal_code', '')}"
        return self.system, self.kind, holder


_Texts = tuple[str, ...]
# Kinds of cells that are taken as they are.
_PLAIN = frozenset({"text", "empty"})
# Columns for the eyes of their writers only: whatever stands in them, formulas and dates too, we let stand.
_FREE = frozenset({"note", "ordinal"})
_REQUESTER = ("requester_name", "requester_id", "requester_phone")


class RowReader:
    """Reads rows under one header. Whoever handles one row mostly handles the next: the last one found right is kept."""

    def __init__(
        self, header: Header, tree: RegionTree, today: date, hidden_columns: frozenset[int] = frozenset()
    ) -> None:
        self.header, self.tree, self.today = header, tree, today
        places = header.places.items()
        self.hidden = [(code, place) for code, place in places if place in hidden_columns and code not in _FREE]
        self.requester: tuple[_Texts, Mapping[str, str]] = ((), {})
        self._unused: dict[tuple[str, str], Sequence[str]] = {}

    def unused(self, policy: SystemPolicy, kind: CertificateKind) -> Sequence[str]:
        """The columns of this header that a kind of a system has no use for."""
        found = self._unused.get((policy.code, kind))
        if found is None:
            form = [field_.code for one in policy.kinds if one.kind == kind for field_ in one.fields]
            found = [code for code in columns.unused(kind, form) if code in self.header.places]
            self._unused[policy.code, kind] = found
        return found

    def read(self, row: Row) -> Application | list[Fault]:
        """The application of a row, or all that is wrong with it."""
        if row.is_hidden:
            return [Fault("", "", RowHidden())]
        return _Reading(self, row).result()


class _Reading:
    """The reading of one row: collects faults as it goes."""

    def __init__(self, reader: RowReader, row: Row) -> None:
        self.reader, self.tree, self.today, self.row = reader, reader.tree, reader.today, row
        self.faults: list[Fault] = []
        cells, places = row.cells, reader.header.places
        if _PLAIN.issuperset([cell.kind for cell in cells]) and len(cells) > max(places.values()):
            self.values = {code: cells[index].text.strip() for code, index in places.items()}
        else:
            self.values = {code: self._text(code, index) for code, index in places.items()}
        for code, index in reader.hidden:
            if self.values[code]:
                self.fault(code, self.values[code], CellHidden(column=columns.letters(index)))

    def result(self) -> Application | list[Fault]:
        left = columns.left_from_example(self.values)
        if left and columns.is_example(self.values):
            return [Fault("", "", RowIsExample())]
        for column in left:
            self.fault(column, self.values[column], CellIsExample())
        policy = self.checked("system", _policy)
        kind = self.checked("kind", _kind)
        if policy is not None and kind is not None:
            self.checked("kind", lambda _text: system_rules.ensure_kind(policy, kind))
        region = self.checked("region", lambda text: self.tree.read(text).code)
        name = self.checked("organization", parties.organization_name)
        code = self.checked("credit_code", parties.credit_code)
        requester = self._requester()
        person = self._person(region or "") if kind is CertificateKind.PERSONAL else None
        device, dns, addresses = self._device(region or "") if kind is CertificateKind.DEVICE else (None, (), ())
        days = self.checked("years", _days, is_needed=False)
        form = self._form(policy, kind)
        if self.faults or policy is None or kind is None or region is None:
            return self.faults
        body = OrganizationEntry(name=name or "", uscc=code or "", region=region)
        return Application(
            self.row.number, policy.code, str(kind), region, body, person, device, self.values.get("department", ""),
            form, requester, days, dns, addresses, self._notices(policy, kind),
        )  # fmt: skip

    def _notices(self, policy: SystemPolicy, kind: CertificateKind) -> tuple[Fault, ...]:
        """What was filled in for nothing: perhaps the kind is not the one that was meant."""
        found = [code for code in self.reader.unused(policy, kind) if self.values[code]]
        if not found:
            return ()
        error = CellUnused(system=policy.short_name, kind=kind.label)
        return tuple(Fault(BY_CODE[code].title, shown(code, self.values[code]), error) for code in found)

    def checked(self, code: str, check: Callable[[str], _T], *, is_needed: bool = True) -> _T | None:
        """The value of a column through a rule; a fault is noted and gives None."""
        text = self.values.get(code, "")
        if not text:
            if is_needed and not any(fault.column == BY_CODE[code].title for fault in self.faults):
                self.fault(code, text, CellEmpty())
            return None
        try:
            return check(text)
        except BanyanError as error:
            self.fault(code, text, error)
            return None

    def fault(self, code: str, text: str, error: BanyanError) -> None:
        self.faults.append(Fault(BY_CODE[code].title, shown(code, text), error))

    def _text(self, code: str, index: int) -> str:
        if index >= len(self.row.cells):
            return ""
        cell = self.row.cells[index]
        if code in _FREE:
            return cell.text
        text = cell.text.strip()  # ideographic and non-breaking blanks too
        if cell.kind == "formula":
            self.fault(code, "", CellIsFormula())
        elif cell.kind == "merged":
            self.fault(code, "", CellIsMerged())
        elif cell.kind == "date":
            self.fault(code, text, CellIsDate())
        elif cell.kind == "broken":
            self.fault(code, "", CellIsBroken())
        elif cell.kind == "number" and (BY_CODE[code].is_code or len(text.lstrip("-")) > _DIGITS_KEPT):
            self.fault(code, text, CellIsNumber())
        else:
            return text
        return ""

    def _person(self, region: str) -> PersonEntry | None:
        id_type = self.checked("id_type", parties.identity_type, is_needed=False) or "RESIDENT"
        name = self.checked("holder_name", parties.person_name)
        number = self.checked("id_number", lambda text: parties.identity_number(id_type, text, today=self.today))
        phone = self.checked("phone", parties.mobile_number, is_needed=False)
        if name is None or number is None:
            return None
        return PersonEntry(name, number.type.value, self.values["id_number"], region, phone or "", checked=number)

    def _device(self, region: str) -> tuple[DeviceEntry | None, tuple[str, ...], tuple[str, ...]]:
        text = self.values.get("device", "")
        if not text:
            self.fault("device", "", DeviceUnnamed())
            return None, (), ()
        for rule, make in (
            (parties.read_ip_address, lambda found: (DeviceEntry(region, ip_address=found), (), (found,))),
            (parties.read_domain_name, lambda found: (DeviceEntry(region, domain_name=found), (found,), ())),
        ):
            try:
                return make(rule(text))
            except BanyanError:
                continue
        title = self.checked("device", parties.device_title)
        return (DeviceEntry(region, name=title) if title else None), (), ()

    def _requester(self) -> Mapping[str, str]:
        texts = tuple([self.values.get(code, "") for code in _REQUESTER])
        if self.reader.requester[0] == texts:
            return self.reader.requester[1]
        before = len(self.faults)
        found = self._read_requester()
        if len(self.faults) == before:
            self.reader.requester = texts, found
        return found

    def _read_requester(self) -> dict[str, str]:
        name = self.checked("requester_name", parties.person_name)
        number = self.checked(
            "requester_id",
            lambda text: parties.identity_number(
                "RESIDENT", text, today=self.today, name=BY_CODE["requester_id"].title
            ),
        )
        phone = self.checked("requester_phone", parties.mobile_number)
        return {"name": name or "", "id_number": number.index_text if number else "", "phone": phone or ""}

    def _form(self, policy: SystemPolicy | None, kind: CertificateKind | None) -> dict[str, str]:
        fields = next((one.fields for one in policy.kinds if one.kind == kind), ()) if policy else ()
        found: dict[str, str] = {}
        for field_ in fields:
            # what the system calls its medium is the sheet's column of that name
            text = self.values.get(field_.code, "")
            try:
                found[field_.code] = system_rules.check_field(field_, text)
            except BanyanError as error:
                title = BY_CODE[field_.code].title if field_.code in BY_CODE else field_.label
                self.faults.append(Fault(title, text[:40], error))
        return found


def shown(code: str, text: str) -> str:
    """A value as it may stand in an error: numbers of people masked, the rest cut short."""
    if not text:
        return ""
    if code in ("id_number", "requester_id", "credit_code"):
        return parties.mask_number(text) if len(text) > 10 else "*" * len(text)
    if code in ("phone", "requester_phone"):
        return parties.mask_phone(text) if len(text) >= 8 else "*" * len(text)
    if code in ("holder_name", "requester_name"):
        return parties.masked_name(text)[:20]
    return text[:40]


# The same few words stand in these columns row after row.
_kind = lru_cache(maxsize=64)(system_rules.certificate_kind)


def _policy(text: str) -> SystemPolicy:
    return systems.policy(SYSTEM_NAMES[text]) if text in SYSTEM_NAMES else systems.policy_named(text)


def _days(text: str) -> int:
    digits = text.removesuffix("年").strip()
    if not digits.isdigit():
        raise CellNotInteger
    return int(digits) * _DAYS_A_YEAR


def fault_fields(error: BanyanError) -> dict[str, Any]:
    """An error's fields as they can be stored."""
    return {
        name: value if isinstance(value, str | int | bool | type(None)) else str(value)
        for name, value in error.fields.items()
    }
