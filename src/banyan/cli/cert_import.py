"""``banyan cert import``: certificates of another CA, brought together with their holders and taken over (A12)."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import click

from banyan.adapters.sheets import open_sheet
from banyan.adapters.sheets.writing import ensure_writable
from banyan.cli import shown
from banyan.cli.cert_checking import recorded_roots
from banyan.cli.foreign_sheet import HolderRow, RowFault, fault, normal_serial, read_rows
from banyan.cli.messages import translated
from banyan.domain.ca import access
from banyan.domain.ca import actions as ca
from banyan.domain.ca.errors import CaError
from banyan.domain.ca.models import CertificateAuthority, CertificatePair
from banyan.domain.ca.values import ForeignHolding
from banyan.domain.inventory import access as inventory
from banyan.domain.parties import access as parties
from banyan.domain.parties import actions as registry
from banyan.domain.parties.errors import PartiesError
from banyan.domain.systems import access as systems
from banyan.domain.systems import rules as system_rules
from banyan.kernel import clock
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_, BanyanError
from banyan.pki.certificate import Certificate as CertificateView
from banyan.pki.certificate import pem_to_der
from banyan.pki.crl_view import parse_crl
from banyan.pki.errors import PkiError

_SLICE = 500
_SUFFIXES = frozenset({".pem", ".cer", ".crt", ".der", ".txt"})
_COLUMNS = ("row", "column", "value", "message")


class CrlMissing(BanyanError):
    """Nobody knows which of its certificates the CA has revoked."""

    code = "cli.foreign_crl_missing"
    message = N_("没有 CA {ca} 的吊销列表，不能判断证书状态。请用 --crl 给出它现在的吊销列表。")


class FileForRowMissing(CaError):
    """No file holds the certificate of a row."""

    code = "cli.certificate_file_missing"
    message = N_("目录里没有序列号为 {serial} 的证书。请补上证书文件，或改正序列号。")


class PartnerUnclear(CaError):
    """Several encryption certificates could belong to a signing certificate."""

    code = "cli.encryption_certificate_unclear"
    message = N_("有 {count} 张加密证书可能属于这一行。请在“加密证书序列号”一列写明是哪一张。")


@dataclass
class Files:
    """The certificates of a directory by serial number, and what could not be read."""

    by_serial: dict[str, CertificateView] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    unreadable: list[tuple[str, BanyanError]] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, directory: Path) -> "Files":
        """Every certificate file of a directory and of those below it."""
        found = cls()
        for place in sorted(directory.rglob("*")):
            if not place.is_file() or place.suffix.lower() not in _SUFFIXES:
                continue
            name = str(place.relative_to(directory))
            try:
                view = CertificateView.parse(pem_to_der(place.read_bytes()))
            except PkiError as error:
                found.unreadable.append((name, error))
                continue
            serial = normal_serial(view.serial_hex)
            found.by_serial[serial], found.names[serial] = view, name
        return found

    def take(self, row: HolderRow) -> tuple[bytes, bytes | None]:
        """Signing and encryption certificate of a row. Raises FileForRowMissing, PartnerUnclear."""
        signing = self._one(row.serial)
        partner = self._one(row.encryption_serial) if row.encryption_serial else self._partner(signing)
        self.used.add(row.serial)
        if partner is not None:
            self.used.add(normal_serial(partner.serial_hex))
        return signing.der, partner.der if partner else None

    def _one(self, serial: str) -> CertificateView:
        if serial not in self.by_serial:
            raise FileForRowMissing(serial=serial)
        return self.by_serial[serial]

    def _partner(self, signing: CertificateView) -> CertificateView | None:
        """The encryption certificate beside a signing one: same subject, issuer and end, used for encryption only."""
        if "keyEncipherment" in (signing.key_usage or ()):
            return None
        found = [
            one
            for one in self.by_serial.values()
            if one.subject_der == signing.subject_der
            and one.issuer_der == signing.issuer_der
            and "digitalSignature" not in (one.key_usage or ("digitalSignature",))
        ]
        same_end = [one for one in found if one.not_after == signing.not_after] or found
        if len(same_end) > 1:
            raise PartnerUnclear(count=len(same_end))
        return same_end[0] if same_end else None

    def unused(self) -> list[str]:
        """Files that no row named."""
        return [name for serial, name in self.names.items() if serial not in self.used]


@dataclass
class Taken:
    """What became of the rows."""

    pairs: dict[int, CertificatePair] = field(default_factory=dict)
    faults: list[RowFault] = field(default_factory=list)


def import_all(
    actor: Actor,
    directory: Path,
    sheet: Path,
    code: str,
    crl: Path | None,
    anchors: Sequence[Path],
    result: Path | None,
    as_json: bool,
) -> None:
    """Read files and sheet, take the good rows over slice by slice, tell the rest; exit code 3 when rows were left."""
    if result is not None:
        ensure_writable(result)  # not only when all rows are taken
    authority = access.authority(code)
    trusted = [pem_to_der(path.read_bytes()) for path in anchors] or recorded_roots()
    revoked = _crl(authority, crl)
    files = Files.read(directory)
    taken = Taken()
    opened = open_sheet(sheet)
    rows = read_rows(opened.rows, parties.region_tree(), parties.local_day(clock.now()), opened.hidden_columns)
    while part := list(islice(rows, _SLICE)):
        good = [one for one in part if isinstance(one, HolderRow)]
        taken.faults += [one for faults in part if not isinstance(faults, HolderRow) for one in faults]
        _take(actor, code, good, files, taken, {"anchors": trusted, "crl": revoked})
    taken.faults.sort(key=lambda one: one.row)
    if result is not None:
        _write_result(result, taken)
    _tell(taken, files, as_json)
    if taken.faults or files.unreadable:
        raise click.exceptions.Exit(3)


def _crl(authority: CertificateAuthority, given: Path | None) -> bytes:
    if given is not None:
        return parse_crl(given.read_bytes()).der
    last = access.last_crl(authority.pk)
    if last is None or not last.der:
        raise CrlMissing(ca=authority.code)
    return bytes(last.der)


def _take(
    actor: Actor, code: str, rows: Sequence[HolderRow], files: Files, taken: Taken, judged_by: Mapping[str, Any]
) -> None:
    """Take one slice over: certificates found, holders put on record, pairs recorded."""
    refused: dict[int, RowFault] = {}
    pairs: dict[int, tuple[bytes, bytes | None]] = {}
    for one in rows:
        try:
            pairs[one.row] = files.take(one)
        except CaError as error:
            refused[one.row] = fault(one.row, "serial", one.serial, error)
    now = clock.now()

    def alive() -> list[HolderRow]:
        return [one for one in rows if one.row not in refused]

    def settle(waiting: Sequence[HolderRow], outcomes: Sequence[Any], column: str) -> dict[int, int]:
        found = {}
        for one, outcome in zip(waiting, outcomes, strict=True):
            if isinstance(outcome, PartiesError):
                refused[one.row] = fault(one.row, column, _value(one, column), outcome)
            else:
                found[one.row] = outcome.pk
        return found

    waiting = alive()
    bodies = settle(
        waiting, registry.register_organizations(actor, [one.organization for one in waiting], now=now), "credit_code"
    )
    people_rows = [(one, one.person) for one in alive() if one.person is not None]
    entries = [replace(person, organization_id=bodies[one.row]) for one, person in people_rows]
    people = settle([one for one, _ in people_rows], registry.register_people(actor, entries, now=now), "id_number")
    device_rows = [(one, one.device) for one in alive() if one.device is not None]
    named = [replace(device, organization_id=bodies[one.row]) for one, device in device_rows]
    devices = settle([one for one, _ in device_rows], registry.register_devices(actor, named, now=now), "device")
    waiting = alive()
    holdings = [
        _holding(actor, one, pairs[one.row], people.get(one.row), bodies[one.row], devices.get(one.row))
        for one in waiting
    ]
    found, refusals = ca.import_foreign(actor, code, holdings, now, **judged_by)
    for one, pair in zip(waiting, found, strict=True):
        if pair is not None:
            taken.pairs[one.row] = pair
    for item in refusals:
        one = waiting[item.index]
        refused[one.row] = fault(one.row, "serial", one.serial, item.error)
    taken.faults += refused.values()


def _value(row: HolderRow, column: str) -> str:
    if column == "id_number" and row.person is not None:
        return row.person.id_number
    if column == "device" and row.device is not None:
        return row.device.name or row.device.domain_name or row.device.ip_address
    return row.organization.uscc


def _holding(
    actor: Actor, row: HolderRow, pair: tuple[bytes, bytes | None], person: int | None, body: int, device: int | None
) -> ForeignHolding:
    token = inventory.tokens(actor).filter(serial=row.token).first() if row.token else None
    name = (
        row.person.name
        if row.person
        else row.device.name or row.device.domain_name
        if row.device
        else row.organization.name
    )
    return ForeignHolding(
        row=row.row,
        signing_certificate=pair[0],
        encryption_certificate=pair[1],
        system=row.system,
        kind=row.kind,
        profile=system_rules.issuing(systems.policy(row.system), row.kind, "").profile,
        region_code=row.region,
        subject_name=name,
        person_id=person,
        organization_id=body,
        device_id=device,
        token_id=token.pk if token else None,
        token_serial=row.token,
    )


def _tell(taken: Taken, files: Files, as_json: bool) -> None:
    views = list(_views(taken))
    if as_json:
        for view in views:
            shown.echo_json(view)
        for name, error in files.unreadable:
            shown.echo_json({"file": name, "outcome": "unreadable", **shown.refusal(error)})
        for name in files.unused():
            shown.echo_json({"file": name, "outcome": "unused"})
        shown.echo_json({"good": len(taken.pairs), "failed": len({one.row for one in taken.faults})})
        return
    wrong = [view for view in views if view["outcome"] == "refused"]
    if wrong:
        shown.show_rows(wrong, _COLUMNS, as_json=False)
    for name, error in files.unreadable:
        shown.echo_error(name, error)
    for name in files.unused():
        shown.say(N_("{file}：表里没有它的一行，没有接收。"), file=name)
    shown.say(
        N_("接收 {good} 对，未接收 {failed} 行。"), good=len(taken.pairs), failed=len({one.row for one in taken.faults})
    )


def _views(taken: Taken) -> Iterator[dict[str, Any]]:
    for row, pair in sorted(taken.pairs.items()):
        yield {"row": row, "outcome": "ok", "pair": pair.pk, "state": pair.state, "not_after": pair.not_after}
    for one in taken.faults:
        yield {
            "row": one.row,
            "outcome": "refused",
            "column": one.column,
            "value": one.value,
            "code": one.error.code,
            "message": translated(one.error),
        }


def _write_result(place: Path, taken: Taken) -> None:
    with place.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([shown.title(name) for name in ("row", "outcome", "pair", "column", "value", "message")])
        for view in sorted(_views(taken), key=lambda one: int(one["row"])):
            writer.writerow([view.get(name, "") for name in ("row", "outcome", "pair", "column", "value", "message")])
