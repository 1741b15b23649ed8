"""A CA in memory behind the connector contract, and a world of people in which requests can be carried through."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from banyan import gm
from banyan.domain.ca import actions as ca
from banyan.domain.ca import rules as ca_rules
from banyan.domain.ca.models import CertificateAuthority, CertificatePair, Issuance
from banyan.domain.ca.ports import (
    ConnectorStatus,
    CrlOrder,
    IssuanceTask,
    Issued,
    Outcome,
    Pending,
    Rejected,
    StatusChanged,
    StatusOutcome,
    StatusTask,
)
from banyan.domain.ca.rules import EMBEDDED
from banyan.domain.iam.rights import Role, rights_of
from banyan.domain.inventory.actions import TokenEntry, install_media, receive_tokens
from banyan.domain.inventory.models import Token
from banyan.domain.parties.actions import (
    DeviceEntry,
    install_regions,
    register_device,
    register_organization,
    register_people,
)
from banyan.domain.parties.models import Device, Organization, Person
from banyan.domain.ra import actions as ra
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.ra.receivers import Receiver, requester_of
from banyan.domain.ra.values import NewMaterial, RequestData, RequestDraft
from banyan.kernel.actor import Actor, system_actor
from banyan.kernel.errors import ServiceUnavailable
from banyan.kernel.identifiers import new_serial
from banyan.pki import csr
from banyan.pki.certificate import Certificate
from banyan.pki.certificate_parts import CertificateParts, Issuer
from banyan.pki.certificate_template import Template
from banyan.pki.crl import assemble_crl, build_tbs_crl, encode_entries_many
from banyan.pki.crl_view import Reason
from banyan.pki.envelope import enveloped_key
from banyan.pki.profile import Use, load_profiles
from support import small_pki
from support.parties import organization_entry, person_entry

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
SYSTEM = system_actor("test")
_REASONS = {
    "keyCompromise": 1,
    "affiliationChanged": 3,
    "superseded": 4,
    "cessationOfOperation": 5,
    "certificateHold": 6,
}
_ALL = frozenset(rights_of(frozenset(Role)))


def person_in_role(role: Role, account: int, *, credential: int | None = None, regions: tuple[str, ...] = ()) -> Actor:
    """A logged-in person of one role; without regions: of the whole province."""
    sight = frozenset(regions) if regions else None
    return Actor(
        "staff",
        account,
        f"{role.value}{account}",
        account,
        credential or account + 100,
        rights_of(frozenset({role})),
        sight,
    )


def clerk(account: int = 21, **options: Any) -> Actor:
    return person_in_role(Role.CLERK, account, **options)


def proofreader(account: int = 22, **options: Any) -> Actor:
    return person_in_role(Role.PROOFREADER, account, **options)


def approver(account: int = 23, **options: Any) -> Actor:
    return person_in_role(Role.APPROVER, account, **options)


def operator(account: int = 24, **options: Any) -> Actor:
    return person_in_role(Role.CA_OPERATOR, account, **options)


@dataclass
class MemoryCa:
    """A CA whose whims a test sets: ``answers`` False for silence, ``delay`` rounds of Pending, ``refuse`` for good.

    ``code`` “embedded” signs with the serials of the intents, any other chooses its own, as a superior CA does.
    """

    code: str = EMBEDDED
    delay: int = 0
    answers: bool = True
    refuse: str = ""
    lose_replies: int = 0
    tasks: dict[str, IssuanceTask] = field(default_factory=dict)
    issued: dict[str, Issued] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    revoked: list[StatusTask] = field(default_factory=list)
    submissions: int = 0
    last_number: int = 0
    key: small_pki.Sm2Key = field(default_factory=small_pki.Sm2Key)
    root: small_pki.Authority = field(default_factory=lambda: small_pki.Authority("榕证测试根 CA"))

    def __post_init__(self) -> None:
        self.certificate = self.root.issue(
            "榕证测试签发 CA", self.key, small_pki.ca_extensions(), not_after=datetime(2046, 1, 1, tzinfo=UTC)
        )
        view = Certificate.parse(self.certificate)
        self.issuer = Issuer(
            name_der=view.subject_der,
            spki_der=view.spki_der,
            key_id=view.key_id or b"",
            not_before=view.not_before,
            not_after=view.not_after,
            crl_urls=("http://ca.example/test.crl",),
            ocsp_urls=("http://ca.example/ocsp",),
            ca_issuers_urls=("http://ca.example/test.cer",),
        )

    def _heard(self) -> None:
        if not self.answers:
            raise ServiceUnavailable(service=self.code)

    def submit_many(self, tasks: Sequence[IssuanceTask]) -> None:
        self._heard()
        self.submissions += 1
        for task in tasks:
            self.tasks.setdefault(task.task_no, task)
        if self.lose_replies:
            self.lose_replies -= 1
            raise ServiceUnavailable(service=self.code)

    def collect_many(self, task_nos: Sequence[str]) -> Sequence[Outcome]:
        self._heard()
        return [self._outcome(task_no) for task_no in task_nos if task_no in self.tasks]

    def _outcome(self, task_no: str) -> Outcome:
        self.asked[task_no] = self.asked.get(task_no, 0) + 1
        if self.asked[task_no] <= self.delay:
            return Pending(task_no)
        if self.refuse:
            return Rejected(task_no, self.refuse, "CA 拒绝：{reason}", {"reason": "测试"})
        if task_no not in self.issued:
            self.issued[task_no] = self.sign(self.tasks[task_no])
        return self.issued[task_no]

    def sign(self, task: IssuanceTask) -> Issued:
        """Make the pair of a task."""
        request = csr.CertificationRequest.parse(task.csr)
        serials = self._serials(task)
        signing = self._certificate(task, Use.SIGNING, serials[0], request.public_key)
        (pair,) = gm.sm2.generate_keypairs(1)
        encryption = self._certificate(task, Use.ENCRYPTION, serials[1], pair.public)
        return Issued(task.task_no, signing, encryption, enveloped_key(request.public_key, pair.private, pair.public))

    def _serials(self, task: IssuanceTask) -> tuple[bytes, bytes]:
        if self.code != EMBEDDED:
            return new_serial(NOW), new_serial(NOW)
        issuance = Issuance.objects.get(pk=task.issuance)
        return bytes.fromhex(issuance.signing_serial), bytes.fromhex(issuance.encryption_serial)

    def _certificate(self, task: IssuanceTask, use: Use, serial: bytes, public: bytes) -> bytes:
        template = Template(load_profiles()[task.profile], use, self.issuer)
        parts = CertificateParts(
            serial,
            task.not_before,
            task.not_after,
            task.subject_der,
            public,
            **ca_rules.extension_fields(task.extension_values),
        )
        tbs = template.encode_tbs(parts)
        return template.assemble(tbs, self.key.sign(tbs))

    def revoke_many(self, tasks: Sequence[StatusTask]) -> Sequence[StatusOutcome]:
        self._heard()
        self.revoked += tasks
        return [StatusChanged(task.task_no) for task in tasks]

    def crl(self, order: CrlOrder) -> bytes:
        self._heard()
        entries = list(order.entries)
        if self.code == EMBEDDED:
            from banyan.domain.ca import access

            entries = list(access.revoked_entries(access.authority(order.ca).pk, order.this_update))
        return self.make_crl(order.number, order.this_update, order.next_update, entries)

    def make_crl(
        self, number: int, this_update: datetime, next_update: datetime, entries: Sequence[tuple[str, datetime, str]]
    ) -> bytes:
        """A CRL of this CA over (serial hex, when, reason)."""
        rows = [(bytes.fromhex(serial), at, Reason(_REASONS.get(reason, 0))) for serial, at, reason in entries]
        tbs = build_tbs_crl(
            self.issuer, encode_entries_many(rows), number=number, this_update=this_update, next_update=next_update
        )
        self.last_number = number
        return assemble_crl(tbs, self.key.sign(tbs))

    def last_crl_number(self, ca: str) -> int:
        return self.last_number

    def status(self) -> ConnectorStatus:
        return ConnectorStatus(is_up=self.answers)


@dataclass
class World:
    """Regions, a body, people, a device, tokens, and a CA for every code that the systems' policies name."""

    connector: MemoryCa
    organization: Organization
    people: list[Person]
    device: Device
    tokens: list[Token]
    next_token: int = 0
    keys: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)

    def token(self) -> Token:
        """A token nobody has used in this test."""
        self.next_token += 1
        return self.tokens[self.next_token - 1]

    def csr(self, subject_der: bytes = b"", name: str = "") -> bytes:
        """A PKCS#10 with a fresh key, remembered under ``name``."""
        (pair,) = gm.sm2.generate_keypairs(1)
        self.keys[name] = (pair.private, pair.public)
        subject = subject_der or small_pki.name("介质")
        return csr.build(subject, pair.public, lambda info: gm.sm2.sign(pair.private, pair.public, info))

    def sign(self, name: str, message: bytes) -> bytes:
        """A signature by the key remembered under ``name``."""
        private, public = self.keys[name]
        return gm.sm2.sign(private, public, message)


def world(*, connector: MemoryCa | None = None, people: int = 3, tokens: int = 6) -> World:
    """Set everything up through the product's own actions."""
    made = connector or MemoryCa()
    install_regions(SYSTEM, now=NOW)
    install_media(SYSTEM, now=NOW)
    for code in ("sm2-personal", "sm2-organization", "sm2-device", "sm2-seal"):
        ca.register_authority(SYSTEM, code=code, certificate=made.certificate, connector=made.code, now=NOW)
    entries = [
        person_entry(number, name=f"测试{'甲乙丙丁戊己庚辛壬癸'[number % 10]}", phone="")
        for number in range(1, people + 1)
    ]
    everything = Actor("staff", 1, "全能", 1, 1, _ALL, None)
    body = register_organization(everything, organization_entry(1), now=NOW)
    registered = [row for row in register_people(everything, entries, now=NOW) if isinstance(row, Person)]
    device = register_device(
        everything, DeviceEntry(name="测试网关", domain_name="gw.gov.example", region="350102"), now=NOW
    )
    serials = [TokenEntry(f"BYT{number:07d}", admin_pin="K7QW3ZPN5TXD2HMA") for number in range(tokens)]
    received = receive_tokens(everything, serials, medium="USB_KEY", region_code="350102", now=NOW)
    return World(made, body, registered, device, [row for row in received if isinstance(row, Token)])


def materials(business: str = "enroll") -> list[NewMaterial]:
    """What the counter asks of a person."""
    codes = ["application_form", "requester_identity", "holder_identity"]
    if business == "modify":
        codes.append("change_proof")
    return [NewMaterial(code, f"{code}.pdf", f"{business} {code}".encode()) for code in codes]


def draft(world: World, *, person: int = 0, channel: str = "API", **changes: Any) -> RequestDraft:
    """A request for a person's new certificate."""
    values: dict[str, Any] = {
        "business": "enroll",
        "channel": channel,
        "system": "GENERAL",
        "kind": "PERSONAL",
        "region_code": "350102",
        "person_id": world.people[person].pk,
        "organization_id": world.organization.pk,
        "data": RequestData(requester={"name": "经办人"}) if channel != "COUNTER" else None,
        "materials": materials() if channel == "COUNTER" else [],
    }
    return RequestDraft(**{**values, **changes})


def decided(world: World, *drafts: RequestDraft, now: datetime = NOW) -> list[ServiceRequest]:
    """Requests opened, proofread and approved by three people, ready to be issued."""
    outcome = ra.open_requests(clerk(), drafts, now)
    assert not outcome.refusals, outcome.refusals
    ids = [request.pk for request in outcome.done]
    read = ra.proofread_many(proofreader(), ids, now)
    assert not read.refusals, read.refusals
    approved = ra.approve_many(approver(), ids, now)
    assert not approved.refusals, approved.refusals
    return approved.done


def issue(
    world: World, request: ServiceRequest, now: datetime = NOW, *, token: Token | None = None, container: str = "c1"
) -> ServiceRequest:
    """Open the issuance of a decided request with a fresh key of a token."""
    device = token or world.token()
    return ra.issue(
        clerk(), request.pk, now, csr=world.csr(name=request.number), token_serial=device.serial, container=container
    )


def issued(world: World, *drafts: RequestDraft, now: datetime = NOW) -> list[CertificatePair]:
    """Pairs of decided requests, recorded."""
    for request in decided(world, *drafts, now=now):
        issue(world, request, now)
    report = ra.carry_on(SYSTEM, world.connector, now)
    assert report.issued == len(drafts), report
    return list(CertificatePair.objects.unscoped("tests").filter(pk__in=report.pairs).order_by("pk"))


def delivered(world: World, request_id: int, now: datetime = NOW) -> ServiceRequest:
    """A request whose pair is recorded, carried to the holder's hands."""
    request = ServiceRequest.objects.unscoped("tests").get(pk=request_id)
    proof = world.sign(request.number, ra.personalization_nonce(request))
    ra.personalize(clerk(), request.pk, now, signature=proof)
    ra.notify_ready(clerk(), request.pk, now)
    return ra.hand_over(clerk(), request.pk, now, receiver=requester(request))


def requester(request: ServiceRequest) -> Receiver:
    """The request's own requester at the counter, document in hand; somebody with an authorisation where none is named."""
    known = requester_of(request)
    return Receiver(known.name, known.id_number[-4:]) if known.name else Receiver("领取人", authorization="委托书 1 号")


def in_hands(world: World, *drafts: RequestDraft, now: datetime = NOW) -> list[CertificatePair]:
    """Pairs issued, personalised and handed over."""
    pairs = issued(world, *drafts, now=now)
    for pair in pairs:
        assert pair.request_id is not None
        delivered(world, pair.request_id, now)
    return pairs


def later(days: int) -> datetime:
    """``days`` after NOW."""
    return NOW + timedelta(days=days)


def authority(code: str = "sm2-personal") -> CertificateAuthority:
    return CertificateAuthority.objects.get(code=code)
