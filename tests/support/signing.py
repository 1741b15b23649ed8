"""Intents that a signer can complete, written as the domain writes them, and the key-holding processes
themselves.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from banyan import gm
from banyan.cli.ceremony import CeremonyResult, sample_ceremony
from banyan.domain import audit
from banyan.domain.audit.models import insert_guarded
from banyan.domain.ca import rules as ca_rules
from banyan.domain.ca.models import CertificateAuthority, Issuance
from banyan.domain.ra import rules as ra_rules
from banyan.domain.ra.models import Approval, Proofreading, ServiceRequest
from banyan.kernel.actor import system_actor
from banyan.kernel.errors import BanyanError, RemoteError, ServiceUnavailable
from banyan.kernel.home import Home
from banyan.kernel.identifiers import new_serial, serial_hex
from banyan.kernel.rpc import Client, _pack, _unpack
from banyan.pki import csr
from banyan.pki.certificate import Certificate, IdentifyCode
from banyan.pki.names import encode_name
from banyan.signer.kmc_process import KmcService, kmc_kek
from banyan.signer.process import SignerService, signer_kek

TESTER = system_actor("tests")
NOW = datetime.now(UTC).replace(microsecond=0)


@dataclass
class Prepared:
    """An intent with everything that allows it, and the private key of its request."""

    issuance: Issuance
    request: ServiceRequest
    approval: Approval
    proofreading: Proofreading
    private: bytes
    public: bytes

    @property
    def id(self) -> int:
        return int(self.issuance.pk)


def fresh_stores(home: Home) -> None:
    """An installation without journal, escrow or CA keys of an earlier test."""
    for place in (home.signer, home.kmc, home.keys / "offline"):
        shutil.rmtree(place, ignore_errors=True)


def register(
    result: CeremonyResult, known: Mapping[str, CertificateAuthority] | None = None
) -> dict[str, CertificateAuthority]:
    """Rows for the CAs of a ceremony, by code, with those ``known`` before."""
    rows = dict(known or {})
    with audit.action_scope():
        for made in result.authorities:
            view = Certificate.parse(made.certificate)
            row = CertificateAuthority(
                code=made.code,
                name=made.code,
                subject_der=view.subject_der,
                certificate=made.certificate,
                algorithm=made.algorithm,
                kind="ROOT" if made.is_root else "ISSUING",
                connector="" if made.is_root else "embedded",
                parent=rows.get(made.parent),
                not_before=view.not_before,
                not_after=view.not_after,
                created_at=NOW,
            )
            row.save()
            audit.record(TESTER, "test.register", row)
            rows[made.code] = row
    return rows


def installation(home: Home) -> dict[str, CertificateAuthority]:
    """A sample installation's keys and registered CAs."""
    fresh_stores(home)
    return register(sample_ceremony(home, NOW))


def prepare(
    authority: CertificateAuthority,
    count: int = 1,
    *,
    profile: str = "sm2-personal",
    kind: str = "PERSONAL",
    materials: Sequence[tuple[str, str]] = (),
    changes: Mapping[str, Any] | None = None,
    people: tuple[int, int, int] = (11, 12, 13),
    requests: Sequence[bytes] | None = None,
) -> list[Prepared]:
    """Requests entered, proofread and approved by ``people``, each with an intent; ``changes`` of the
    intents.
    """
    first = ServiceRequest.objects.unscoped("tests").count()
    pairs = gm.sm2.generate_keypairs(count)
    with audit.action_scope():
        drafts = [_request(profile, kind, materials, first + number) for number in range(count)]
        rows = ServiceRequest.objects.bulk_create(drafts)
        approvals = [_approval(row, people[2]) for row in rows]
        proofreadings = [_proofreading(row, people) for row in rows]
        insert_guarded(approvals)
        insert_guarded(proofreadings)
        for row, approval, proofreading in zip(rows, approvals, proofreadings, strict=True):
            row.approval, row.proofreading = approval, proofreading
        ServiceRequest.objects.unscoped("tests").bulk_update(rows, ["approval", "proofreading"])
        issuances = []
        for place, (row, pair) in enumerate(zip(rows, pairs, strict=True)):
            request = requests[place] if requests else request_of(bytes(row.subject_der), pair.private, pair.public)
            issuances.append(_intent(row, authority, request, changes or {}))
        insert_guarded(issuances)
        audit.record_many(
            TESTER, "test.prepare", rows, rows=list(zip(approvals, proofreadings, issuances, strict=True))
        )
    return [
        Prepared(issuance, row, approval, proofreading, pair.private, pair.public)
        for issuance, row, approval, proofreading, pair in zip(
            issuances, rows, approvals, proofreadings, pairs, strict=True
        )
    ]


def request_of(subject_der: bytes, private: bytes, public: bytes) -> bytes:
    """A PKCS#10 signed with an SM2 key."""
    return csr.build(bytes(subject_der), public, lambda info: gm.sm2.sign(private, public, info))


def _request(profile: str, kind: str, materials: Sequence[tuple[str, str]], number: int) -> ServiceRequest:
    name = (("C", "CN"), ("ST", "福建省"), ("O", "测试虚构局"), ("CN", f"测试{number}"))
    fields: dict[str, Any] = {}
    if profile == "sm2-personal":
        fields["identify_code"] = IdentifyCode.from_hmac("resident", gm.sm3(str(number).encode()))
    if profile in ("sm2-organization", "sm2-seal"):
        fields["organization_code"] = "91350100M000100Y43"
    if profile.endswith("-device"):
        fields["dns_names"] = (f"d{number}.gov.example",)
    return ServiceRequest(
        number=f"T{number:08d}",
        business="enroll",
        system="GENERAL",
        kind=kind,
        profile=profile,
        channel="API",
        process="api",
        step="issue",
        subject_name=f"测试{number}",
        data_sealed=b"-",
        data_digest=gm.sm3(f"data {number}".encode()).hex(),
        subject_der=encode_name(name),
        extension_values=ca_rules.extension_values(**fields),
        materials_digest=ra_rules.materials_digest(materials),
        opened_by=10,
        entered_by=11,
        region_code="350102",
        opened_at=NOW,
        updated_at=NOW,
    )


def _approval(row: ServiceRequest, approver: int) -> Approval:
    return Approval(
        request_id=row.pk,
        materials_digest=row.materials_digest,
        identity_digest=ra_rules.identity_digest(ra_rules.identity_of(row)),
        decision="APPROVED",
        approver=approver,
        credential=approver + 100,
        at=NOW,
    )


def _proofreading(row: ServiceRequest, people: tuple[int, int, int]) -> Proofreading:
    digest = ca_rules.certificate_digest(
        row.system, row.kind, row.profile, bytes(row.subject_der), row.extension_values
    )
    return Proofreading(
        request_id=row.pk,
        data_digest=row.data_digest,
        certificate_digest=digest,
        entered_by=people[0],
        entered_credential=people[0] + 100,
        proofreader=people[1],
        credential=people[1] + 100,
        at=NOW,
    )


def _intent(
    row: ServiceRequest, authority: CertificateAuthority, request: bytes, changes: Mapping[str, Any]
) -> Issuance:
    is_pair = not row.profile.startswith("p256")
    values: dict[str, Any] = {
        "request_id": row.pk,
        "request_version": row.data_version,
        "system": row.system,
        "kind": row.kind,
        "profile": row.profile,
        "ca_id": authority.pk,
        "connector": "embedded",
        "subject_der": row.subject_der,
        "subject_name": row.subject_name,
        "extension_values": row.extension_values,
        "csr_der": request,
        "not_before": NOW,
        "not_after": NOW + timedelta(days=365),
        "data_digest": row.data_digest,
        "approval_id": row.approval_id,
        "proofreading_id": row.proofreading_id,
        "signing_serial": serial_hex(new_serial(NOW)),
        "encryption_serial": serial_hex(new_serial(NOW)) if is_pair else "",
        "region_code": row.region_code,
        "task_no": f"task-{row.pk}",
        "state": Issuance.State.SUBMITTED,
        "next_try_at": NOW,
        "opened_at": NOW,
    }
    return Issuance(**{**values, **changes})


def program(home: Home, name: str, **environment: str) -> subprocess.Popen[bytes]:
    """``banyan <name>`` as a process of its own, on this test's installation."""
    command = [sys.executable, "-m", "banyan", name]
    home.log.mkdir(parents=True, exist_ok=True)
    environ = {**os.environ, "BANYAN_HOME": str(home.path), **environment}
    with (home.log / f"{name}.log").open("ab") as words:
        return subprocess.Popen(command, env=environ, stdin=subprocess.DEVNULL, stdout=words, stderr=words)


def wait_until_answering(home: Home, name: str, process: subprocess.Popen[bytes]) -> Client:
    """A connection to the process once it answers; an AssertionError with its log when it ends instead."""
    client = Client(home.socket(name), service=name)
    until = time.monotonic() + 60
    while True:
        try:
            if client.call("ping")["pid"] == process.pid:
                return client
        except ServiceUnavailable:
            pass
        if process.poll() is not None or time.monotonic() > until:
            raise AssertionError((home.log / f"{name}.log").read_text()[-3000:])
        time.sleep(0.05)


@contextmanager
def running(home: Home, *names: str, **environment: str) -> Iterator[dict[str, Client]]:
    """Processes that run inside the block, each with a connection."""
    processes = {name: program(home, name, **environment) for name in names}
    clients: dict[str, Client] = {}
    try:
        for name, process in processes.items():
            clients[name] = wait_until_answering(home, name, process)
        yield clients
    finally:
        for client in clients.values():
            client.close()
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            process.wait(20)


class Direct:
    """The calls of a service without a process or a socket between; errors come as over the socket."""

    def __init__(self, service: SignerService | KmcService) -> None:
        self.service = service
        self._handlers = service.handlers()

    def call(self, method: str, **params: Any) -> Any:
        try:
            return _unpack(_pack(self._handlers[method](**_unpack(_pack(params)))))
        except BanyanError as error:
            raise RemoteError(error.code, error.template, error.fields) from error


@contextmanager
def serving(home: Home, *names: str) -> Iterator[dict[str, Direct]]:
    """The services of signer and KMC in this process: for tests that are about what they decide."""
    services: dict[str, Direct] = {}
    try:
        if "signer" in names:
            services["signer"] = Direct(SignerService(home, signer_kek(home)))
        if "kmc" in names:
            services["kmc"] = Direct(KmcService(home, kmc_kek(home), pool_minimum=4))
        yield services
    finally:
        for one in services.values():
            one.service.close()
