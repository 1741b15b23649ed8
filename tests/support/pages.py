"""A small office for tests of the pages: people who log in, certificates in every state, requests at every step."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from banyan.domain import audit
from banyan.domain.ca import actions as ca
from banyan.domain.ca.models import CertificatePair, RevocationReason
from banyan.domain.iam import access
from banyan.domain.iam import actions as iam
from banyan.domain.iam.errors import SessionInvalid
from banyan.domain.iam.models import Credential, StaffAccount
from banyan.domain.iam.rights import Role
from banyan.domain.inventory.actions import TokenEntry, receive_tokens
from banyan.domain.inventory.models import Token
from banyan.domain.parties.actions import register_people
from banyan.domain.parties.models import Person
from banyan.domain.ra import actions as ra
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.ra.values import RequestData
from banyan.kernel.actor import Actor, system_actor
from banyan.kernel.clock import now as clock_now
from support import issuing, small_pki
from support.iam import _CHEAP_HASH, session_of
from support.parties import person_entry, resident_id

PINGTAN, FUZHOU, GULOU, XIAMEN = "350128", "350100", "350102", "350203"
REQUESTER_ID = resident_id(900)
REQUESTER_PHONE = "13800000023"


class LongStandingCa(issuing.MemoryCa):
    """A CA that has issued for years, so that certificates can be old here."""

    def __post_init__(self) -> None:
        super().__post_init__()
        begun = datetime(2020, 1, 1, tzinfo=UTC)
        until = datetime(2046, 1, 1, tzinfo=UTC)
        extensions = small_pki.ca_extensions()
        self.certificate = self.root.issue("榕证测试签发 CA", self.key, extensions, not_before=begun, not_after=until)
        self.issuer = replace(self.issuer, not_before=begun)


@dataclass
class Office:
    """Who works here and what they have done. ``actors`` by user name."""

    now: datetime
    world: issuing.World
    actors: dict[str, Actor] = field(default_factory=dict)
    people: list[Person] = field(default_factory=list)
    pairs: dict[str, CertificatePair] = field(default_factory=dict)
    requests: dict[str, ServiceRequest] = field(default_factory=dict)
    _tokens: list[Token] = field(default_factory=list)

    def token(self) -> Token:
        """A token still in stock."""
        return self._tokens.pop()

    def open(
        self, person: int, *, region: str = GULOU, channel: str = "API", at: datetime | None = None
    ) -> ServiceRequest:
        """A request for a person's new certificate, as the clerk takes it in."""
        data = RequestData(
            subject={"OU": "办公室"},
            requester={"name": "陈经办", "id_number": f"RESIDENT:{REQUESTER_ID}", "phone": REQUESTER_PHONE},
        )
        draft = issuing.draft(
            self.world, channel=channel, region_code=region, person_id=self.people[person].pk,
            data=data if channel != "COUNTER" else None,
        )  # fmt: skip
        return ra.open_request(self.actors["clerk"], draft, at or self.now)

    def decide(self, request: ServiceRequest, at: datetime | None = None) -> ServiceRequest:
        """Proofread and approved, ready to be issued."""
        moment = at or self.now
        ra.proofread(self.actors["proofreader"], request.pk, moment)
        return ra.approve(self.actors["approver"], request.pk, moment)

    def issue(self, request: ServiceRequest, at: datetime | None = None) -> CertificatePair:
        """A decided request carried to its recorded pair."""
        moment = at or self.now
        self.start(request, moment)
        report = ra.carry_on(issuing.SYSTEM, self.world.connector, moment)
        return CertificatePair.objects.unscoped("tests").get(pk=report.pairs[-1])

    def start(self, request: ServiceRequest, at: datetime | None = None) -> None:
        """The issuance of a decided request asked for, nothing come back yet."""
        csr = self.world.csr(name=request.number)
        ra.issue(
            self.actors["clerk"], request.pk, at or self.now, csr=csr, token_serial=self.token().serial, container="c1"
        )

    def deliver(self, pair: CertificatePair, at: datetime | None = None) -> None:
        """A recorded pair written, announced and handed over."""
        moment = at or self.now
        request = ServiceRequest.objects.unscoped("tests").get(pk=pair.request_id)
        clerk = self.actors["clerk"]
        proof = self.world.sign(request.number, ra.personalization_nonce(request))
        ra.personalize(clerk, request.pk, moment, signature=proof)
        ra.notify_ready(clerk, request.pk, moment)
        ra.hand_over(clerk, request.pk, moment, receiver=issuing.requester(request))


STAFF: Sequence[tuple[str, str, Role, list[str] | None]] = (
    ("clerk", "周示例", Role.CLERK, None),
    ("fuzhou", "林榕城", Role.CLERK, [FUZHOU]),
    ("proofreader", "许校样", Role.PROOFREADER, None),
    ("approver", "郑审样", Role.APPROVER, None),
    ("sysadmin", "高系统", Role.SYSTEM_ADMIN, None),
    ("secadmin", "方安全", Role.SECURITY_ADMIN, None),
    ("auditadmin", "何审计", Role.AUDIT_ADMIN, None),
)
NAMES = ("欧阳榕", "林望潮", "陈松湾", "黄云麓", "何竹影", "郭澜川", "吴岚屿", "谢青榕")
# How many days ago each pair was issued, for a year each.
AGES = {"valid": 0, "expiring": 340, "held": 70, "revoked": 40, "expired": 400}


def office() -> Office:
    """One pair of each state, one request at each step; built through the product's own actions."""
    now = clock_now()
    begun = now - timedelta(days=400)
    made = Office(now, issuing.world(connector=LongStandingCa(), people=1, tokens=1))
    for username, name, role, regions in STAFF:
        made.actors[username] = _person(username, name, role, regions, now)
    maker = system_actor("test")
    with audit.action_scope(now=now):
        iam._open_account(maker, "newcomer", "新来的", now)
    entries = [
        person_entry(100 + n, name=name, region=PINGTAN if name == "吴岚屿" else GULOU) for n, name in enumerate(NAMES)
    ]
    everything = Actor("staff", 1, "全能", 1, 1, issuing._ALL, None)
    made.people = [row for row in register_people(everything, entries, now=begun) if isinstance(row, Person)]
    for region, count in ((GULOU, 12), (PINGTAN, 2)):
        serials = [TokenEntry(f"{region}T{number:06d}", admin_pin="K7QW3ZPN5TXD2HMA") for number in range(count)]
        received = receive_tokens(everything, serials, medium="USB_KEY", region_code=region, now=begun)
        made._tokens[:0] = [row for row in received if isinstance(row, Token)]
    _issue_all(made, now)
    _leave_open(made, now)
    return made


def _issue_all(made: Office, now: datetime) -> None:
    for person, (name, age) in enumerate(AGES.items()):
        at = now - timedelta(days=age)
        made.pairs[name] = made.issue(made.decide(made.open(person, at=at), at), at)
        if name != "valid":
            made.deliver(made.pairs[name], at)
    made._tokens.sort(key=lambda token: token.region_code)  # those of 平潭 are taken next
    request = made.decide(made.open(6, region=PINGTAN))
    made.pairs["pingtan"] = made.issue(request)
    made._tokens = [token for token in made._tokens if token.region_code == GULOU]
    ca.hold_pair(made.actors["approver"], made.pairs["held"].pk, now - timedelta(days=3))
    reason = RevocationReason.KEY_COMPROMISE
    ca.revoke_pair(made.actors["clerk"], made.pairs["revoked"].pk, reason, now - timedelta(days=2))


def _leave_open(made: Office, now: datetime) -> None:
    made.requests["precheck"] = made.open(5, channel="COUNTER")
    made.requests["overdue"] = made.open(7, at=now - timedelta(days=30))
    made.requests["approve"] = made.open(5)
    ra.proofread(made.actors["proofreader"], made.requests["approve"].pk, now)
    made.requests["issue"] = made.decide(made.open(4))
    waiting = made.decide(made.open(2))
    made.world.connector.answers = False
    made.start(waiting)
    made.requests["waiting"] = waiting
    made.world.connector.answers = True


def _person(username: str, name: str, role: Role, regions: list[str] | None, now: datetime) -> Actor:
    maker = system_actor("test")
    with audit.action_scope(now=now):
        account = iam._open_account(maker, username, name, now)
        iam._write_grant(maker, account, role, regions, granted_by=None, confirmed_by=None, now=now)
    iam.set_password(actor=iam.account_actor(account), account=account, secret_hash=_CHEAP_HASH, now=now)
    return session_of(account, now=now)


def account_of(username: str) -> StaffAccount:
    """An account by user name."""
    return StaffAccount.objects.get(username=username)


def session_token(username: str) -> str:
    """The token of a session of somebody who works here: what a browser's cookie holds; the same while it lives.

    A policy ends the sessions of who opens too many.
    """
    account = account_of(username)
    if token := _tokens.get(account.pk):
        with suppress(SessionInvalid):
            if access.actor_from_session(token, clock_now()).name == username:
                return token
    credential = Credential.objects.get(account=account, kind="password", replaced_at__isnull=True)
    opened = iam.open_session(account=account, credential=credential, channel="pages", now=clock_now())
    _tokens[account.pk] = opened.token
    return opened.token


_tokens: dict[int, str] = {}


def first_link(username: str) -> str:
    """The secret of a new first log-in link."""
    moment = clock_now()
    with audit.action_scope(now=moment):
        return iam._new_link(system_actor("test"), account_of(username), moment).secret
