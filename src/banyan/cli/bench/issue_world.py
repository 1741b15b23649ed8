"""A throw-away installation for ``banyan bench issue``, and requests in it that three people have decided.

Everything goes through the product's own actions, so what is measured later meets the rows that it meets in service. No
two people, keys, tokens or PKCS#10 requests are alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from banyan import gm
from banyan.cli import installing
from banyan.cli.bench import BenchFailed
from banyan.cli.bench.issue_numbers import resident_id
from banyan.cli.soft_tokens import drawer
from banyan.domain.iam.rights import Role, rights_of
from banyan.domain.inventory.models import Token
from banyan.domain.inventory.stocking import TokenEntry, receive_tokens
from banyan.domain.parties.models import Organization, Person
from banyan.domain.parties.registering import OrganizationEntry, PersonEntry, register_organizations, register_people
from banyan.domain.ra import actions as ra
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.ra.values import IssueOrder, Outcome, RequestData, RequestDraft
from banyan.kernel import clock
from banyan.kernel.actor import Actor
from banyan.kernel.home import Home
from banyan.pki import csr_building, oids
from banyan_token import Token as Device

REGION = "350102"
BODY = OrganizationEntry("测试榕荫县虚构局", "12359900MB0000019H", REGION)
CONTAINER = "bench"
_SLICE = 500
_PIN = "48203917"
_DEVICE = "BENCHTOKEN"
_NAMES = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉"


def _person(role: Role, account: int) -> Actor:
    return Actor("staff", account, f"bench-{role.value}", account, account + 100, rights_of(frozenset({role})), None)


CLERK, PROOFREADER, APPROVER = (
    _person(role, 900 + number) for number, role in enumerate((Role.CLERK, Role.PROOFREADER, Role.APPROVER))
)


def make_installation(home: Home) -> None:
    """Keys, tables, regions, systems, media and the sample's CAs."""
    from banyan.config.settings import load

    now = clock.now()
    installing.make_keys(home)
    installing.build_database()
    if ServiceRequest.objects.unscoped("is the database empty?").exists():
        raise SystemExit("the database is in use: a bench needs an empty one")
    installing.register_base(now)
    installing.make_sample_authorities(home, load().url, now)


@dataclass
class Stock:
    """Approved requests with the PKCS#10 of their tokens, taken from the front; made in slices, each once."""

    home: Home
    made: int = 0
    orders: list[IssueOrder] = field(default_factory=list)
    # The orders whose keys lie in a real soft token, by request: its container.
    containers: dict[int, str] = field(default_factory=dict)

    def take(self, count: int) -> list[IssueOrder]:
        """The next orders. Raises BenchFailed when too few were prepared."""
        if len(self.orders) < count:
            raise BenchFailed(figure="prepare", engine=gm.engine_name(), what=f"{len(self.orders)} < {count}")
        taken, self.orders = self.orders[:count], self.orders[count:]
        return taken

    def prepare(self, count: int, *, in_token: int = 0) -> None:
        """Carry ``count`` new people through opening, proofreading and approval; the first ``in_token`` keys are made
        in the soft token.
        """
        token = self.token() if in_token else None
        for start in range(0, count, _SLICE):
            numbers = range(self.made, self.made + min(_SLICE, count - start))
            inside = min(max(0, in_token - start), len(numbers))
            self.orders += self._slice(numbers, token, inside)
            self.made = numbers.stop

    def token(self) -> Device:
        """The soft token of this installation, logged in; its key derivation is short, for it is opened often."""
        box = drawer(self.home)
        if box.has(_DEVICE):
            token = box.open(_DEVICE)
        else:
            token = box.create(
                _DEVICE,
                user_pin=_PIN,
                admin_pin="K7QW3ZPN5TXD2HMA",
                iterations=10_000,
                must_change_pin=False,
                label="bench",
            )
        token.verify_pin(_PIN)
        return token

    def _slice(self, numbers: range, token: Device | None, inside: int) -> list[IssueOrder]:
        requests = _decided(people(numbers))
        serials = _tokens(numbers)
        pairs = gm.sm2.generate_keypairs(len(requests))
        infos = [
            csr_building.build_info(bytes(request.subject_der), pair.public)
            for request, pair in zip(requests, pairs, strict=True)
        ]
        items = [(pair.private, pair.public, info) for pair, info in zip(pairs, infos, strict=True)]
        signed = zip(infos, gm.sm2.sign_many(items), strict=True)
        csrs = [csr_building.assemble(info, made, signature_oid=oids.SM2_WITH_SM3) for info, made in signed]
        for place, request in enumerate(requests[:inside]):
            assert token is not None  # noqa: S101  (asked for with the keys)
            container = f"{CONTAINER}-{request.pk}"
            token.generate_signing_key(container)
            csrs[place] = token.certification_request(container, bytes(request.subject_der))
            self.containers[request.pk] = container
        return [
            IssueOrder(request.pk, made, serial, CONTAINER)
            for request, made, serial in zip(requests, csrs, serials, strict=True)
        ]


def people(numbers: range) -> list[tuple[Person, Organization]]:
    """Registered people by number, and the body they all belong to."""
    now = clock.now()
    (body,) = register_organizations(installing.installer(), [BODY], now=now)
    if not isinstance(body, Organization):
        raise body
    entries = [
        PersonEntry(_name(number), "RESIDENT", resident_id(number), REGION, organization_id=body.pk)
        for number in numbers
    ]
    found: list[tuple[Person, Organization]] = []
    for outcome in register_people(installing.installer(), entries, now=now):
        if not isinstance(outcome, Person):
            raise outcome
        found.append((outcome, body))
    return found


def _name(number: int) -> str:
    rest, last = divmod(number, len(_NAMES))
    return f"测{_NAMES[rest % len(_NAMES)]}{_NAMES[last]}"


def _tokens(numbers: range) -> list[str]:
    serials = [f"BYB{number:09d}" for number in numbers]
    entries = [TokenEntry(serial, "K7QW3ZPN5TXD2HMA") for serial in serials]
    received = receive_tokens(
        installing.installer(), entries, medium="USB_KEY", region_code=REGION, batch="bench", now=clock.now()
    )
    if not all(isinstance(one, Token) for one in received):
        raise BenchFailed(figure="prepare", engine=gm.engine_name(), what="a token was refused")
    return serials


def _decided(holders: Sequence[tuple[Person, Organization]]) -> list[ServiceRequest]:
    now = clock.now()
    drafts = [draft(person, body) for person, body in holders]
    ids = [one.pk for one in done(ra.open_requests(CLERK, drafts, now))]
    done(ra.proofread_many(PROOFREADER, ids, now))
    return done(ra.approve_many(APPROVER, ids, now))


def draft(person: Person, body: Organization) -> RequestDraft:
    """An application for a person's first certificate."""
    return RequestDraft(
        business="enroll", channel="API", system="GENERAL", kind="PERSONAL", region_code=REGION,
        person_id=person.pk, organization_id=body.pk, data=RequestData(requester={"name": "测试经办"}),
    )  # fmt: skip


def done(outcome: Outcome) -> list[ServiceRequest]:
    """What went through. Raises the first refusal: a bench has none."""
    if outcome.refusals:
        raise outcome.refusals[0].error
    return outcome.done
