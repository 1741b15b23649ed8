"""From an application as a person wrote it to a request: the holder on record, the pair found, the data checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from django.conf import settings

from banyan.adapters import intake_files
from banyan.cli.application_file import Application
from banyan.domain import audit
from banyan.domain.ca import access as certificates
from banyan.domain.ca.errors import PairNotFound
from banyan.domain.ca.models import CertificatePair
from banyan.domain.parties import access as parties
from banyan.domain.parties import actions as registry
from banyan.domain.parties import rules as party_rules
from banyan.domain.ra import access as requests
from banyan.domain.ra import actions as ra
from banyan.domain.ra import quarantine, taking_in
from banyan.domain.ra.errors import MaterialRefused, RequestNotFound
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.ra.ports import ScannerDown
from banyan.domain.ra.processes import Verb, materials, process_for
from banyan.domain.ra.values import NewMaterial, RequestData, RequestDraft
from banyan.domain.sheets.columns import SYSTEM_NAMES
from banyan.domain.systems import access as systems
from banyan.domain.systems import rules as system_rules
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_, BanyanError

_COUNTER = "COUNTER"


class MaterialUnknown(BanyanError):
    """No business asks for a material of this code."""

    code = "cli.material_unknown"
    message = N_("没有代码为 {material} 的材料。可用的有：{known}。")


class FileMissing(BanyanError):
    """A file that an application names is not there."""

    code = "cli.file_missing"
    message = N_("没有文件 {file}。请核对路径。")


@dataclass(frozen=True)
class Parties:
    """Keys of the records that an application names."""

    person_id: int | None = None
    organization_id: int | None = None
    device_id: int | None = None


@audit.action
def open_request(actor: Actor, application: Application, now: datetime) -> ServiceRequest:
    """Open one request (受理): put its holder on record or find him, then open; all of it or nothing.

    Raises what refuses it.
    """
    channel = application.channel.upper() or _COUNTER
    pair = find_pair(actor, application.pair) if application.pair else None
    found = _parties_of_pair(actor, application, pair, now) if pair else register(actor, application, now)
    process = process_for(application.business, channel)
    is_entered_now = process.steps[0].verb is Verb.ENTER
    draft = RequestDraft(
        business=application.business,
        channel=channel,
        system=system_code(application.system) if application.system else "",
        kind=str(system_rules.certificate_kind(application.kind)) if application.kind else "",
        region_code=parties.region_tree().read(application.region).code if application.region else "",
        person_id=found.person_id,
        organization_id=found.organization_id,
        device_id=found.device_id,
        pair_id=pair.pk if pair else None,
        reason=application.reason,
        data=entered_data(application.data, previous_data(actor, pair), now) if is_entered_now else None,
        materials=read_materials(application.materials),
    )
    return ra.open_request(actor, draft, now, key=application.key)


@audit.action
def enter(actor: Actor, request: ServiceRequest, application: Application, now: datetime) -> ServiceRequest:
    """Enter data for an open request (录入); what the application does not say stays as it was before."""
    before = requests.data_of(actor, request.pk)
    if before is None and request.pair_id is not None:
        before = previous_data(actor, certificates.pairs(actor).filter(pk=request.pair_id).first())
    named = replace(application, region=application.region or request.region_code)
    # A business on a pair keeps the pair's holder; his record was changed when the request was opened.
    found = Parties() if request.pair_id is not None else register(actor, named, now)
    return ra.enter(
        actor,
        request.pk,
        entered_data(application.data, before, now),
        now,
        person_id=found.person_id,
        organization_id=found.organization_id,
        device_id=found.device_id,
    )


def register(actor: Actor, application: Application, now: datetime) -> Parties:
    """Put who and what an application names on record, or find them there."""
    region = application.region
    organization_id = _register_organization(actor, application.organization, region, now)
    person_id = device_id = None
    if application.person:
        said = application.person
        entry = registry.PersonEntry(
            said.get("name", ""),
            str(party_rules.identity_type(said["id_type"])) if said.get("id_type") else "RESIDENT",
            said.get("id_number", ""),
            region,
            said.get("phone", ""),
            organization_id,
        )
        person_id = registry.register_person(actor, entry, now=now).pk
    if application.device:
        device = registry.DeviceEntry(region, **application.device, organization_id=organization_id)
        device_id = registry.register_device(actor, device, now=now).pk
    return Parties(person_id, organization_id, device_id)


def _register_organization(actor: Actor, said: Mapping[str, str], region: str, now: datetime) -> int | None:
    if not said:
        return None
    entry = registry.OrganizationEntry(said.get("name", ""), said.get("credit_code", ""), region, said.get("kind", ""))
    return registry.register_organization(actor, entry, now=now).pk


def find_pair(actor: Actor, text: str) -> CertificatePair:
    """A pair by a serial number of its certificates, or by its own number. Raises PairNotFound."""
    try:
        return certificates.pair_by_serial(actor, text)
    except PairNotFound:
        if not text.isdigit():
            raise
        return certificates.pair(actor, int(text))


def _parties_of_pair(actor: Actor, application: Application, pair: CertificatePair, now: datetime) -> Parties:
    """Change the record of a pair's holder as a modification says; other businesses leave it alone."""
    if application.business != "modify":
        return Parties()
    if pair.kind == "PERSONAL":
        region = application.region or pair.region_code
        organization_id = _register_organization(actor, application.organization, region, now)
        changes = registry.PersonChanges(**_said(application.person), organization_id=organization_id)
        if pair.person_id is not None and (application.person or organization_id is not None):
            person = parties.person(actor, pair.person_id)
            registry.update_person(actor, person.pk, person.version, changes, now=now)
        return Parties(organization_id=organization_id)
    if application.device and pair.device_id is not None:
        device = parties.device(actor, pair.device_id)
        device_changes = registry.DeviceChanges(**_said(application.device))
        registry.update_device(actor, device.pk, device.version, device_changes, now=now)
    if application.organization and pair.organization_id is not None:
        body = parties.organization(actor, pair.organization_id)
        said = application.organization
        body_changes = registry.OrganizationChanges(said.get("name") or None, said.get("credit_code") or None)
        registry.update_organization(actor, body.pk, body.version, body_changes, now=now)
    return Parties()


def _said(table: Mapping[str, str]) -> dict[str, Any]:
    return {name: value for name, value in table.items() if value}


def previous_data(actor: Actor, pair: CertificatePair | None) -> RequestData | None:
    """What was entered for the request a pair came from; its period is not taken over."""
    if pair is None or pair.request_id is None:
        return None
    try:
        found = requests.data_of(actor, pair.request_id)
    except RequestNotFound:
        return None
    return replace(found, validity_days=None) if found else None


def entered_data(said: Mapping[str, Any], before: RequestData | None, now: datetime) -> RequestData:
    """The data to be entered: what was said, and for the rest what stood there before."""
    known = before or RequestData()
    requester = _requester(said["requester"], now) if said.get("requester") else known.requester
    return RequestData(
        subject=said.get("subject", known.subject),
        form=said.get("form", known.form),
        requester=requester,
        validity_days=said.get("validity_days", known.validity_days),
        dns_names=said.get("dns_names", known.dns_names),
        ip_addresses=said.get("ip_addresses", known.ip_addresses),
        is_classic=said.get("classic", known.is_classic),
    )


def _requester(said: Mapping[str, str], now: datetime) -> dict[str, str]:
    number, phone = said.get("id_number", ""), said.get("phone", "")
    today = parties.local_day(now)
    return {
        "name": party_rules.person_name(said.get("name", "")),
        "id_number": party_rules.identity_number("RESIDENT", number, today=today).index_text if number else "",
        "phone": party_rules.mobile_number(phone) if phone else "",
    }


def system_code(text: str) -> str:
    """The code of a system by its code or one of its names. Raises UnknownSystem."""
    return systems.policy(SYSTEM_NAMES[text]).code if text in SYSTEM_NAMES else systems.policy_named(text).code


def read_materials(named: Mapping[str, Path]) -> Sequence[NewMaterial]:
    """The files of an application, checked and kept. Raises MaterialUnknown, FileMissing, MaterialRefused, StorageFull."""
    known = [entry.code for entry in materials()]
    for code, place in named.items():
        if code not in known:
            raise MaterialUnknown(material=code, known="、".join(known))
        if not place.is_file():
            raise FileMissing(file=str(place))
    return [_taken_in(code, place) for code, place in named.items()]


def _taken_in(code: str, place: Path) -> NewMaterial:
    with place.open("rb") as file:
        chunks = iter(partial(file.read, 1 << 20), b"")
        arrived = quarantine.receive(place.name, chunks, settings.BANYAN.upload_megabytes << 20)
    try:
        return taking_in.take_in(code, arrived, intake_files.tools())
    except ScannerDown as error:  # there is no request yet to list it with, and the file is where it was
        quarantine.discard(arrived)
        raise MaterialRefused(name=place.name, reason=N_("病毒扫描没有应答。请稍后再试")) from error
