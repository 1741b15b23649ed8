"""The sheet of holders that comes with certificates of another CA: one row a pair, every fault of a row told."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import TypeVar

from banyan.cli.opening import system_code
from banyan.domain.inventory.rules import token_serial
from banyan.domain.parties import rules as parties
from banyan.domain.parties.regions import RegionTree
from banyan.domain.parties.registering import DeviceEntry, OrganizationEntry, PersonEntry
from banyan.domain.sheets.columns import letters, squeezed
from banyan.domain.sheets.errors import (
    CellEmpty,
    CellHidden,
    CellIsBroken,
    CellIsDate,
    CellIsFormula,
    CellIsMerged,
    CellIsNumber,
    ColumnMissing,
    ColumnTwice,
    ColumnUnknown,
    HeaderMissing,
    RowHidden,
)
from banyan.domain.sheets.ports import Row
from banyan.domain.sheets.reading import shown
from banyan.domain.systems import access as systems
from banyan.domain.systems import rules as system_rules
from banyan.domain.systems.policy import CertificateKind
from banyan.kernel.errors import N_, BanyanError

_T = TypeVar("_T")
_HEADER_WITHIN = 20
_FEWEST = 3
# code → titles; the first is the one told to people
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "serial": ("序列号", "证书序列号", "签名证书序列号", "serial"),
    "encryption_serial": ("加密证书序列号",),
    "system": ("签发系统", "系统"),
    "kind": ("证书种类", "证书类型", "种类"),
    "holder_name": ("姓名", "持有人姓名", "持证人"),
    "id_type": ("证件类型",),
    "id_number": ("证件号码", "身份证号", "身份证号码"),
    "phone": ("手机", "手机号码", "联系电话"),
    "organization": ("单位", "单位名称"),
    "credit_code": ("信用代码", "统一社会信用代码"),
    "device": ("设备", "设备名称或域名", "域名"),
    "region": ("区划", "行政区划", "地区"),
    "token": ("介质编号", "介质"),
    "note": ("备注",),
    "ordinal": ("序号",),
}
_NEEDED = ("serial", "organization", "credit_code", "region")
_CODES = frozenset({"serial", "encryption_serial", "id_number", "credit_code", "token"})
_FREE = frozenset({"note", "ordinal"})
_BY_TITLE = {squeezed(title): code for code, titles in COLUMNS.items() for title in titles}


class SerialUnreadable(BanyanError):
    """No serial number."""

    code = "cli.serial_unreadable"
    message = N_("这不是证书序列号。请填写十六进制的序列号，可带冒号或空格。")


@dataclass(frozen=True)
class RowFault:
    """One thing wrong in a row: the column's title, the value as it may be shown, the error."""

    row: int
    column: str
    value: str
    error: BanyanError


@dataclass(frozen=True)
class HolderRow:
    """One good row. Numbers of people stay out of its representation."""

    row: int
    serial: str
    encryption_serial: str
    system: str
    kind: str
    region: str
    organization: OrganizationEntry
    person: PersonEntry | None = field(repr=False)
    device: DeviceEntry | None
    token: str


def read_rows(
    rows: Iterable[Row], tree: RegionTree, today: date, hidden_columns: frozenset[int] = frozenset()
) -> Iterator[HolderRow | list[RowFault]]:
    """Each row under the header: what it says, or all that is wrong with it.

    Raises HeaderMissing, ColumnMissing, ColumnUnknown, ColumnTwice.
    """
    iterator = iter(rows)
    places = _header(iterator)
    for row in iterator:
        yield _Reading(row, places, tree, today, hidden_columns).result()


def fault(row: int, code: str, value: str, error: BanyanError) -> RowFault:
    """A fault of a column; its value masked where it is a person's."""
    return RowFault(row, COLUMNS[code][0] if code else "", shown(code, value), error)


def normal_serial(text: str) -> str:
    """A serial number as it is stored: hexadecimal, upper case, whole bytes. Raises SerialUnreadable."""
    compact = "".join(text.split()).replace(":", "").removeprefix("0x").removeprefix("0X")
    try:
        number = int(compact, 16)
    except ValueError as error:
        raise SerialUnreadable from error
    if number <= 0 or number.bit_length() > 160:
        raise SerialUnreadable
    return number.to_bytes((number.bit_length() + 7) // 8, "big").hex().upper()


def _header(rows: Iterator[Row]) -> dict[str, int]:
    for count, row in enumerate(rows):
        places: dict[str, int] = {}
        unknown = []
        for index, cell in enumerate(row.cells):
            title = cell.text.strip()
            code = _BY_TITLE.get(squeezed(title)) if title else None
            if code is not None and code in places:
                raise ColumnTwice(row=row.number, column=COLUMNS[code][0])
            if code is not None:
                places[code] = index
            elif title:
                unknown.append(title[:20])
        if len(places) >= _FEWEST:
            missing = [COLUMNS[code][0] for code in _NEEDED if code not in places]
            if missing:
                raise ColumnMissing(row=row.number, columns="、".join(missing))
            if unknown:
                raise ColumnUnknown(row=row.number, columns="、".join(unknown))
            return places
        if count + 1 == _HEADER_WITHIN:
            break
    raise HeaderMissing(rows=_HEADER_WITHIN, columns="、".join(COLUMNS[code][0] for code in _NEEDED))


class _Reading:
    """The reading of one row: collects faults as it goes."""

    def __init__(
        self, row: Row, places: Mapping[str, int], tree: RegionTree, today: date, hidden_columns: frozenset[int]
    ) -> None:
        self.row, self.tree, self.today = row, tree, today
        self.faults: list[RowFault] = []
        self.values = {code: self._text(code, index) for code, index in places.items()}
        for code, index in places.items():
            if index in hidden_columns and code not in _FREE and self.values[code]:
                self.note(code, self.values[code], CellHidden(column=letters(index)))

    def result(self) -> HolderRow | list[RowFault]:
        if self.row.is_hidden:
            return [fault(self.row.number, "", "", RowHidden())]
        serial = self.read("serial", normal_serial)
        encryption = self.read("encryption_serial", normal_serial, is_needed=False)
        region = self.read("region", lambda text: self.tree.read(text).code) or ""
        kind = self._kind()
        system = self.read("system", system_code, is_needed=False) or "GENERAL"
        if kind is not None:
            self.try_(lambda: system_rules.ensure_kind(systems.policy(system), kind), "kind")
        name = self.read("organization", parties.organization_name) or ""
        code = self.read("credit_code", parties.credit_code) or ""
        person = self._person(region) if kind is CertificateKind.PERSONAL else None
        device = self._device(region) if kind is CertificateKind.DEVICE else None
        token = self.read("token", token_serial, is_needed=False) or ""
        if self.faults or serial is None or kind is None:
            return self.faults
        body = OrganizationEntry(name, code, region)
        return HolderRow(
            self.row.number, serial, encryption or "", system, str(kind), region, body, person, device, token
        )

    def read(self, code: str, check: Callable[[str], _T], *, is_needed: bool = True) -> _T | None:
        text = self.values.get(code, "")
        if not text:
            if is_needed and not any(one.column == COLUMNS[code][0] for one in self.faults):
                self.note(code, "", CellEmpty())
            return None
        return self.try_(lambda: check(text), code)

    def try_(self, check: Callable[[], _T], code: str) -> _T | None:
        try:
            return check()
        except BanyanError as error:
            self.note(code, self.values.get(code, ""), error)
            return None

    def note(self, code: str, text: str, error: BanyanError) -> None:
        self.faults.append(fault(self.row.number, code, text, error))

    def _text(self, code: str, index: int) -> str:
        if index >= len(self.row.cells):
            return ""
        cell = self.row.cells[index]
        if code in _FREE:
            return cell.text
        text = cell.text.strip().strip("\u00a0\u3000")
        if cell.kind == "formula":
            self.note(code, "", CellIsFormula())
        elif cell.kind == "merged":
            self.note(code, "", CellIsMerged())
        elif cell.kind == "date":
            self.note(code, text, CellIsDate())
        elif cell.kind == "broken":
            self.note(code, "", CellIsBroken())
        elif cell.kind == "number" and code in _CODES:
            self.note(code, text, CellIsNumber())
        else:
            return text
        return ""

    def _kind(self) -> CertificateKind | None:
        """The kind as said; else by who is named."""
        if self.values.get("kind"):
            return self.read("kind", system_rules.certificate_kind)
        if self.values.get("holder_name"):
            return CertificateKind.PERSONAL
        return CertificateKind.DEVICE if self.values.get("device") else CertificateKind.ORGANIZATION

    def _person(self, region: str) -> PersonEntry | None:
        id_type = self.read("id_type", parties.identity_type, is_needed=False) or "RESIDENT"
        name = self.read("holder_name", parties.person_name)
        number = self.read("id_number", lambda text: parties.identity_number(id_type, text, today=self.today))
        phone = self.read("phone", parties.mobile_number, is_needed=False) or ""
        if name is None or number is None:
            return None
        return PersonEntry(name, str(id_type), self.values["id_number"], region, phone)

    def _device(self, region: str) -> DeviceEntry | None:
        text = self.values.get("device", "")
        if text:
            with suppress(BanyanError):
                return DeviceEntry(region, ip_address=parties.read_ip_address(text))
            with suppress(BanyanError):
                return DeviceEntry(region, domain_name=parties.read_domain_name(text))
        title = self.read("device", parties.device_title)
        return DeviceEntry(region, name=title) if title else None
