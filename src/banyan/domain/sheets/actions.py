"""Importing a sheet: slices of rows, each one transaction with its requests and its outcomes, so a stop loses nothing."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice, tee
from typing import TypeVar

from banyan import gm
from banyan.domain import audit, bulk
from banyan.domain.ca.access import PairHoldings
from banyan.domain.iam import rights
from banyan.domain.parties import access as parties
from banyan.domain.parties import looking as registry
from banyan.domain.parties.models import Device, Organization, Person
from banyan.domain.parties.regions import RegionTree
from banyan.domain.parties.registering import (
    DeviceEntry,
    PersonEntry,
    register_devices,
    register_organizations,
    register_people,
)
from banyan.domain.prepared import Prepared, new
from banyan.domain.ra import sealed_data, storing
from banyan.domain.ra.actions import open_requests
from banyan.domain.ra.models import Business, Channel, RequestState, ServiceRequest
from banyan.domain.ra.subjects import Known
from banyan.domain.ra.values import NewMaterial, RequestData, RequestDraft
from banyan.domain.sheets import access, columns
from banyan.domain.sheets.columns import BY_CODE, SYSTEM_TITLES, Header
from banyan.domain.sheets.errors import HolderHasPairs, ImportBusy, RequestOpen, RowRepeated, SheetEmpty
from banyan.domain.sheets.models import RowOutcome, SheetImport
from banyan.domain.sheets.ports import Row
from banyan.domain.sheets.reading import Application, Fault, RowReader, fault_fields, shown
from banyan.domain.systems.policy import CertificateKind
from banyan.kernel.actor import Actor
from banyan.kernel.errors import BanyanError
from banyan.sealing.errors import SealBroken

SLICE = 300  # a longer transaction would keep people at desks waiting

_Entry = TypeVar("_Entry", PersonEntry, DeviceEntry)
# what a row became: the request, or everything that was wrong
RowResult = ServiceRequest | list[Fault]
# rows as they were read, by number
_Reads = Mapping[int, Application | list[Fault]]
_OPEN = {
    name: Prepared(
        lambda ids, name=name: ServiceRequest.objects.unscoped(  # type: ignore[misc]  # the loop's name, kept
            "the same application must not be opened twice, wherever it is"
        ).filter(state=RequestState.OPEN, business=Business.ENROLL, **{f"{name}__among": ids}),
        ("number", "system", "kind", name),
    )
    for name in ("person_id", "device_id", "organization_id")
}


@dataclass
class _Slice:
    """Rows on their way: what each one became, by row number."""

    results: dict[int, RowResult] = field(default_factory=dict)
    good: list[Application] = field(default_factory=list)
    notices: dict[int, list[Fault]] = field(default_factory=dict)  # of rows that are taken

    def refuse(self, row: int, column: str, value: str, error: BanyanError) -> None:
        """Note why a row fails, under the column it is about."""
        title = BY_CODE[column].title if column else ""
        self.results[row] = [Fault(title, shown(column, value), error)]

    @property
    def alive(self) -> list[Application]:
        return [one for one in self.good if one.row not in self.results]


@audit.action
def begin_import(
    actor: Actor, *, name: str, content: bytes, row_count: int, left_out: Sequence[str], now: datetime
) -> SheetImport:
    """Begin an import, or find the one that was begun with the same bytes by the same person. The file is kept sealed."""
    rights.require(actor, "sheet.import")
    sm3, size, path = storing.keep(content, name)
    known = SheetImport.objects.filter(sm3=sm3, actor=actor.id).first()
    if known is not None:
        return known
    sheet = SheetImport(
        sm3=sm3, size=size, path=path, name=name[:200], actor=actor.id, row_count=row_count, left_out="、".join(left_out)[:2000],
        started_at=now, updated_at=now,
    )  # fmt: skip
    sheet.save()
    audit.record(actor, "sheets.begin_import", sheet, sheet_sm3=sm3, row_count=row_count)
    return sheet


def ensure_usable(rows: Iterable[Row]) -> Iterator[Row]:
    """Look at a sheet's header and first row before anything is recorded; the rows from the first on. Raises SheetError."""
    ahead, whole = tee(rows)
    _, rest = _find_header(ahead)
    if next(rest, None) is None:
        raise SheetEmpty
    return whole


def import_rows(
    actor: Actor,
    sheet: SheetImport,
    rows: Iterable[Row],
    *,
    now: datetime,
    hidden_columns: frozenset[int] = frozenset(),
) -> Iterator[SheetImport]:
    """Carry rows to requests, yielding the import after each slice for whoever shows progress.

    Rows up to ``sheet.last_row`` have their outcome already and are only looked at for repeats. Raises SheetError when
    the header is not one; then nothing was taken. Of the ``hidden_columns``, counted from 0, a row may hold no values.
    """
    header, rest = _find_header(rows)
    reader = RowReader(header, parties.region_tree(), parties.local_day(now), hidden_columns)
    seen: dict[bytes, int] = {}
    is_empty = True
    while part := list(islice(rest, SLICE)):
        is_empty = False
        # before the transaction, which others wait for
        reads = {row.number: reader.read(row) for row in part}
        keys = _seen_keys(reads)
        fresh = {number: read for number, read in reads.items() if number > sheet.last_row}
        for number, key in keys.items():
            if number not in fresh:
                seen.setdefault(key, number)
        if fresh:
            _import_slice(actor, sheet, fresh, keys, seen, now)
            sheet.refresh_from_db()
        yield sheet
    if is_empty:
        raise SheetEmpty
    yield finish_import(actor, sheet, now=now)


@audit.action
def finish_import(actor: Actor, sheet: SheetImport, *, now: datetime) -> SheetImport:
    """Every row has its outcome."""
    if sheet.state != SheetImport.State.DONE:
        sheet.state = SheetImport.State.DONE
        sheet.updated_at = now
        sheet.version += 1
        sheet.save()
        audit.record(actor, "sheets.finish_import", sheet, good=sheet.good, failed=sheet.failed)
    return sheet


@audit.action
def open_original(actor: Actor, import_id: int, now: datetime) -> bytes:
    """The bytes of a sheet that somebody imported, given out again to the same person: the rows to be mended are in it.

    Raises ImportNotFound, iam.RightMissing, sealing.SealBroken.
    """
    del now
    sheet = access.sheet_import(actor, import_id)
    content = access.original(actor, import_id)
    audit.record(actor, "sheets.open_original", sheet, sheet_sm3=sheet.sm3)
    return content


@audit.action
def _import_slice(
    actor: Actor, sheet: SheetImport, reads: _Reads, keys: Mapping[int, bytes], seen: dict[bytes, int], now: datetime
) -> None:
    rights.require(actor, "sheet.import")
    part = _Slice()
    mine: dict[bytes, int] = {}
    for number, read in reads.items():
        if isinstance(read, list):
            part.results[number] = read
            continue
        key = keys[number]
        earlier = seen.get(key) or mine.get(key)
        if earlier is not None:
            part.refuse(number, "", "", RowRepeated(row=earlier))
        else:
            mine[key] = number
            part.good.append(read)
            if read.notices:
                part.notices[number] = list(read.notices)
    _open(actor, sheet, part, now)
    _write(sheet, list(reads), part, now)
    seen.update(mine)  # only now: a transaction that is tried again must not meet its own rows


def _open(actor: Actor, sheet: SheetImport, part: _Slice, now: datetime) -> None:
    tree = parties.region_tree()
    bodies = _register_bodies(actor, part, tree, now)
    people = _register_people(actor, part, bodies, tree, now)
    devices = _register_devices(actor, part, bodies, tree, now)
    _refuse_open(part, people, devices, bodies)
    scan = NewMaterial(code="sheet", name=sheet.name, stored=(sheet.sm3, sheet.size, sheet.path))
    drafts = [_draft(one, people.get(one.row), bodies[one.row], devices.get(one.row), scan) for one in part.alive]
    waiting = part.alive
    known = Known([*people.values(), *bodies.values(), *devices.values()], tree)
    outcome = open_requests(actor, drafts, now, known=known)
    for one, request in zip(waiting, outcome.requests, strict=True):
        if request is not None:
            part.results[one.row] = request
    for refused in outcome.refusals:
        part.refuse(waiting[refused.index].row, "", "", refused.error)
    taken = [one for one in waiting if isinstance(part.results[one.row], ServiceRequest)]
    _notice_holdings(actor, part, taken, people, bodies, now)


def _register_bodies(actor: Actor, part: _Slice, tree: RegionTree, now: datetime) -> dict[int, Organization]:
    found: dict[int, Organization] = {}
    waiting = part.alive
    outcomes = register_organizations(actor, [one.organization for one in waiting], now=now, tree=tree)
    for one, outcome in zip(waiting, outcomes, strict=True):
        if isinstance(outcome, Organization):
            found[one.row] = outcome
        else:
            part.refuse(one.row, "credit_code", one.organization.uscc, outcome)
    return found


def _register_people(
    actor: Actor, part: _Slice, bodies: dict[int, Organization], tree: RegionTree, now: datetime
) -> dict[int, Person]:
    found: dict[int, Person] = {}
    waiting = [(one, one.person) for one in part.alive if one.person is not None]
    entries = [_with_body(entry, bodies[one.row].pk) for one, entry in waiting]
    outcomes = register_people(actor, entries, now=now, tree=tree) if entries else []
    for (one, entry), outcome in zip(waiting, outcomes, strict=True):
        if isinstance(outcome, Person):
            found[one.row] = outcome
        else:
            part.refuse(one.row, "id_number", entry.id_number, outcome)
    return found


def _register_devices(
    actor: Actor, part: _Slice, bodies: dict[int, Organization], tree: RegionTree, now: datetime
) -> dict[int, Device]:
    found: dict[int, Device] = {}
    waiting = [(one, one.device) for one in part.alive if one.device is not None]
    entries = [_with_body(entry, bodies[one.row].pk) for one, entry in waiting]
    outcomes = register_devices(actor, entries, now=now, tree=tree) if entries else []
    for (one, entry), outcome in zip(waiting, outcomes, strict=True):
        if isinstance(outcome, Device):
            found[one.row] = outcome
        else:
            part.refuse(one.row, "device", entry.name or entry.domain_name, outcome)
    return found


def _with_body(entry: _Entry, organization_id: int) -> _Entry:
    return replace(entry, organization_id=organization_id)


def _refuse_open(
    part: _Slice, people: dict[int, Person], devices: dict[int, Device], bodies: dict[int, Organization]
) -> None:
    """Refuse rows whose holder has the same application open already, from another sheet or the counter.

    Whoever is new on record has none.
    """
    waiting = part.alive
    alone = [bodies[one.row] for one in waiting if one.person is None and one.device is None]
    wanted = {
        "person_id": {person.pk for person in people.values() if not person.is_new},
        "device_id": {device.pk for device in devices.values() if not device.is_new},
        "organization_id": {body.pk for body in alone if not body.is_new},
    }
    known: dict[tuple[str, str, str, int], str] = {}
    for name, ids in wanted.items():
        if ids:
            for _, number, system, kind, holder in _OPEN[name].values(sorted(ids)):
                known[system, kind, name, holder] = number
    seals = _open_seals({bodies[one.row].pk for one in waiting if one.kind == "SEAL" and not bodies[one.row].is_new})
    for one in waiting:
        if one.kind == "SEAL":
            open_already = seals.get((one.system, bodies[one.row].pk, one.form.get("seal_code", "")))
        else:
            open_already = known.get((one.system, one.kind, *_holder_of(one, people, devices, bodies)))
        if open_already is not None:
            part.refuse(one.row, "", "", RequestOpen(number=open_already))


def _open_seals(body_ids: set[int]) -> dict[tuple[str, int, str], str]:
    """The open applications for seals of some bodies: system, body and code of the seal → number.

    A body has as many seals as it needs; the code, which tells them apart, is sealed with the other data.
    """
    if not body_ids:
        return {}
    found = ServiceRequest.objects.unscoped("the same seal must not be applied for twice, wherever it is").filter(
        state=RequestState.OPEN, business=Business.ENROLL, kind=CertificateKind.SEAL, organization_id__in=body_ids
    )
    seals: dict[tuple[str, int, str], str] = {}
    for number, system, body_id, sealed in found.values_list("number", "system", "organization_id", "data_sealed"):
        if sealed and body_id is not None:
            with suppress(SealBroken):  # whoever carries that request on is told
                form = sealed_data.read(sealed_data.open_text(number, sealed)).form
                seals[system, body_id, form.get("seal_code", "")] = number
    return seals


def _notice_holdings(
    actor: Actor,
    part: _Slice,
    taken: Sequence[Application],
    people: dict[int, Person],
    bodies: dict[int, Organization],
    now: datetime,
) -> None:
    """The duplicate-holder warning, in one look for the slice. Whoever is new on record holds nothing.

    A body has as many seals as it needs, and a device is no holder of the rule.
    """
    holders: dict[int, tuple[str, int]] = {}
    for one in taken:
        if one.person is not None and not people[one.row].is_new:
            holders[one.row] = "person_id", people[one.row].pk
        elif one.kind == CertificateKind.ORGANIZATION and not bodies[one.row].is_new:
            holders[one.row] = "organization_id", bodies[one.row].pk
    if not holders:
        return
    keys = set(holders.values())
    hints = registry.look_up_holdings_of_many(
        actor,
        PairHoldings(now),
        people=sorted(key for name, key in keys if name == "person_id"),
        organizations=sorted(key for name, key in keys if name == "organization_id"),
        now=now,
    )
    for one in taken:
        hint = hints.get(holders.get(one.row, ("", 0)))
        counts = hint.counts(one.kind) if hint else {}
        if counts:
            told = "、".join(f"{SYSTEM_TITLES.get(code, code)} {count}" for code, count in sorted(counts.items()))
            notice = HolderHasPairs(count=sum(counts.values()), kind=CertificateKind(one.kind).label, systems=told)
            part.notices.setdefault(one.row, []).append(Fault("", "", notice))


def _holder_of(
    one: Application, people: dict[int, Person], devices: dict[int, Device], bodies: dict[int, Organization]
) -> tuple[str, int]:
    if one.person is not None:
        return "person_id", people[one.row].pk
    if one.device is not None:
        return "device_id", devices[one.row].pk
    return "organization_id", bodies[one.row].pk


def _draft(
    one: Application, person: Person | None, body: Organization, device: Device | None, scan: NewMaterial
) -> RequestDraft:
    data = RequestData(
        subject={"OU": one.department} if one.department else {},
        form=one.form,
        requester=one.requester,
        validity_days=one.validity_days,
        dns_names=one.dns_names,
        ip_addresses=one.ip_addresses,
    )
    return RequestDraft(
        business=Business.ENROLL,
        channel=Channel.SHEET,
        system=one.system,
        kind=one.kind,
        region_code=one.region,
        person_id=person.pk if person else None,
        organization_id=body.pk,
        device_id=device.pk if device else None,
        data=data,
        materials=(scan,),
    )


def _write(sheet: SheetImport, rows: Sequence[int], part: _Slice, now: datetime) -> None:
    outcomes = [_outcome(sheet, row, part.results[row], part.notices.get(row, ())) for row in rows]
    bulk.append_many(outcomes)
    good = sum(1 for one in outcomes if one.request_id is not None)
    changed = SheetImport.objects.filter(pk=sheet.pk, last_row=sheet.last_row).update(
        last_row=rows[-1], good=sheet.good + good, failed=sheet.failed + len(outcomes) - good, updated_at=now
    )
    if changed != 1:
        raise ImportBusy


def _outcome(sheet: SheetImport, row: int, result: RowResult, notices: Sequence[Fault]) -> RowOutcome:
    if isinstance(result, ServiceRequest):
        told = _stored(notices) if notices else ""
        return new(
            RowOutcome, sheet_id=sheet.pk, row=row, request_id=result.pk, request_number=result.number, faults=told
        )
    return new(RowOutcome, sheet_id=sheet.pk, row=row, faults=_stored(result))


def _stored(faults: Sequence[Fault]) -> str:
    stored = [
        {"column": fault.column, "shown": fault.shown, "code": fault.error.code, "message": fault.error.template,
         "fields": fault_fields(fault.error)}
        for fault in faults
    ]  # fmt: skip
    return json.dumps(stored, ensure_ascii=False)


def _find_header(rows: Iterable[Row]) -> tuple[Header, Iterator[Row]]:
    iterator = iter(rows)
    for row in islice(iterator, columns.HEADER_WITHIN):
        header = columns.read_header(row)
        if header is not None:
            return columns.ensure_complete(header), iterator
    columns.ensure_complete(None)
    raise AssertionError("unreachable")


def _seen_keys(reads: _Reads) -> dict[int, bytes]:
    # digests in memory only, a few bytes a row whatever the row holds
    good = {number: read for number, read in reads.items() if isinstance(read, Application)}
    digests = gm.sm3_many(["\x1f".join(one.holder_key).encode() for one in good.values()]) if good else []
    return {number: digest[:16] for number, digest in zip(good, digests, strict=True)}
