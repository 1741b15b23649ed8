"""An installation as large as a province's after three years, written quickly by the product's bulk writer.

People and bodies are registered by the product's own actions. Requests, decisions, certificates and tokens are copies of
a few really issued ones, each with its own holder, region, system, dates, numbers and state; every guarded row carries
the MAC of its content, every sealed value is its own, the dashboard's numbers agree with the rows. What no page looks
at is not genuine: signatures of certificates, the chain of the audit, the signer's journal.
"""

import random
import secrets
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import connection, models, transaction

from banyan import gm
from banyan.cli.bench import pages_open
from banyan.cli.bench.issue_holding import issue_models, settle
from banyan.cli.bench.pages_parties import Parties, register
from banyan.domain import bulk
from banyan.domain.audit.models import AuditHead, AuditRecord, GuardedModel, seal_many
from banyan.domain.ca import tallies
from banyan.domain.ca.models import Certificate, CertificatePair, Issuance, PairState, RevocationReason, StatusChange
from banyan.domain.inventory.models import PersonalizationTask, Token
from banyan.domain.outbox.models import OutboxMessage
from banyan.domain.ra import rules, sealed_data
from banyan.domain.ra.models import Approval, Entry, Proofreading, RequestState, ServiceRequest, StepRecord
from banyan.domain.ra.tallies import Changes
from banyan.domain.ra.values import RequestData
from banyan.domain.systems import access as systems
from banyan.domain.systems.policy import CertificateKind
from banyan.kernel import clock
from banyan.kernel.home import Home
from banyan.kernel.identifiers import new_serial, serial_hex

SYSTEMS = ("GENERAL", "XINCHUANG", "MOBILE", "ESEAL")
YEARS = 3
PAIRS_A_PERSON, PAIRS_A_BODY, PAIRS_AN_EXTRA = 5, 20, 12
_SLICE = 4_000
_TALLIES_AT_ONCE = 2_000
_WHY = "a bench fills its own installation"

M = TypeVar("M", bound=models.Model)


@dataclass
class Filled:
    """What was written: parties, and the keys of pairs and requests in order of time."""

    parties: Parties
    pairs: "array[int]" = field(default_factory=lambda: array("q"))
    requests: "array[int]" = field(default_factory=lambda: array("q"))


def copy(model: M, **values: Any) -> M:
    """Another row like ``model``, at a tenth of what its constructor costs."""
    made = type(model).__new__(type(model))
    made.__dict__ = model.__dict__ | values
    return made


class Models:
    """One really issued pair with all its rows: what copies are made from."""

    def __init__(self, home: Home) -> None:
        (issuance,) = issue_models(home, 1)
        self.issuance = _plain(Issuance.objects.get(pk=issuance))
        self.pair = _plain(CertificatePair.objects.unscoped(_WHY).get(issuance_id=issuance))
        self.request = _plain(ServiceRequest.objects.unscoped(_WHY).get(pk=self.pair.request_id or 0))
        self.certificates = [_plain(one) for one in Certificate.objects.filter(pair=self.pair.pk).order_by("pk")]
        self.steps = [_plain(one) for one in StepRecord.objects.filter(request=self.request.pk).order_by("pk")]
        self.approval, self.entry, self.proofreading = (
            _plain(kind.objects.get(request=self.request.pk)) for kind in (Approval, Entry, Proofreading)
        )
        self.token = _plain(Token.objects.unscoped(_WHY).get(serial=self.pair.token_serial))
        self.task = _plain(PersonalizationTask.objects.unscoped(_WHY).get(issuance_id=issuance))
        self.record = _plain(AuditRecord.objects.filter(object_type="ca.certificatepair").order_by("-pk")[:1].get())
        self.message = OutboxMessage(
            target="directory", topic="pair.issued", payload='{"pair":1}', state="DELIVERED", attempts=1,
            created_at=self.pair.recorded_at, due_at=self.pair.recorded_at, delivered_at=self.pair.recorded_at,
        )  # fmt: skip
        self.changed = StatusChange(
            action=StatusChange.Action.REVOKE, reason=RevocationReason.CESSATION_OF_OPERATION,
            at=self.pair.recorded_at, actor=901, actor_name="测试受理员", connector="embedded",
            state=StatusChange.State.DONE, task_no="",
        )  # fmt: skip


def _plain(row: M) -> M:
    """The row with bytes of its own, not filled with relations; a guarded one as it was before its first writing."""
    for name, value in list(row.__dict__.items()):
        if isinstance(value, memoryview):
            row.__dict__[name] = bytes(value)
    if isinstance(row, GuardedModel):
        row.__dict__["row_version"] = 0
    return row


def fill(home: Home, size: int) -> Filled:
    """Write an installation that holds ``size`` pairs; the tables must be empty but for what every installation has."""
    drawn = random.Random(size)  # noqa: S311  (names and dates of a bench)
    end = clock.now()
    model = Models(home)
    parties = register(drawn, max(size // PAIRS_A_PERSON, 1), max(size // PAIRS_A_BODY, 1))
    work = _Work(model, Filled(parties), drawn, end - timedelta(days=365 * YEARS), end, size)
    with _unchecked():
        # A renewal follows a pair that was written before: never a slice longer than one round of people.
        step = min(_SLICE, len(parties.people))
        for start in range(0, size, step):
            with transaction.atomic():
                work.slice(range(start, min(start + step, size)))
        with transaction.atomic():
            work.open_ones(max(size // 150, 20))
            work.settle()
    settle()
    return work.filled


@contextmanager
def _unchecked() -> Iterator[None]:
    """No looking up of the rows that rows refer to: PostgreSQL would do it by plans made while tables were empty."""
    is_postgresql = connection.vendor == "postgresql"
    with connection.constraint_checks_disabled(), connection.cursor() as cursor:
        if is_postgresql:
            cursor.execute("SET session_replication_role = replica")
        yield
        if is_postgresql:
            cursor.execute("RESET session_replication_role")


@dataclass
class _Work:
    model: Models
    filled: Filled
    drawn: random.Random
    first: datetime
    end: datetime
    size: int
    changes: Changes = field(default_factory=Changes)
    counted: Counter[tallies.Key] = field(default_factory=Counter)
    audited: int = 0

    def slice(self, numbers: range) -> None:
        """Pairs with all that belongs to them, and some requests that made none."""
        count, model = len(numbers), self.model
        ids = {
            kind: bulk.next_ids(kind, count)
            for kind in (ServiceRequest, Issuance, CertificatePair, Approval, Entry, Proofreading, Token)
        }
        extras = sum(number % PAIRS_AN_EXTRA == PAIRS_AN_EXTRA - 1 for number in numbers)
        spare = iter(bulk.next_ids(ServiceRequest, extras))
        rows: dict[type[models.Model], list[Any]] = {}

        def add(row: models.Model) -> None:
            rows.setdefault(type(row), []).append(row)

        requests = [self._request(number, ids, place) for place, number in enumerate(numbers)]
        self._seal(requests)
        identities = rules.identity_digests([rules.identity_of(one) for one in requests])
        for place, (request, identity) in enumerate(zip(requests, identities, strict=True)):
            own, at = request.pk, request.opened_at
            pair = self._pair(numbers[place], request, ids[CertificatePair][place])
            common = {"request_id": own, "at": at}
            add(request)
            add(copy(model.approval, id=ids[Approval][place], identity_digest=identity, **common))
            add(copy(model.entry, id=ids[Entry][place], data_digest=request.data_digest, **common))
            add(copy(model.proofreading, id=ids[Proofreading][place], data_digest=request.data_digest, **common))
            for step in model.steps:
                add(copy(step, **common))
            add(self._issuance(request, pair))
            add(pair)
            self._certificates(pair, add)
            add(self._token(request))
            add(self._task(request, pair))
            add(copy(model.message, created_at=at, due_at=at, delivered_at=at))
            if pair.state != PairState.VALID:
                add(copy(model.changed, pair_id=pair.pk, at=min(at + timedelta(days=90), self.end)))
            self.filled.pairs.append(pair.pk)
            if numbers[place] % PAIRS_AN_EXTRA == PAIRS_AN_EXTRA - 1:
                self._extra(next(spare), request, pair, add)
        _write(rows)
        self._audit([*rows[ServiceRequest], *rows[CertificatePair]])
        self._count(rows)

    def open_ones(self, count: int) -> None:
        """Requests that wait at each step, one in ten past its day."""
        made = pages_open.open_requests(self.model.request, self.filled.parties, self.drawn, self.end, count)
        for request, key in zip(made, bulk.next_ids(ServiceRequest, count), strict=True):
            request.pk = key
        self._seal(made)
        bulk.insert_many(made)
        for request in made:
            self.changes.entered(request)
            self.filled.requests.append(request.pk)
        self._audit(made)

    def settle(self) -> None:
        """The numbers kept ready, and where the audit ends."""
        counted = self.counted + self.changes._counts
        items = list(counted.items())
        for start in range(0, len(items), _TALLIES_AT_ONCE):
            tallies.apply(items[start : start + _TALLIES_AT_ONCE])
        AuditHead.objects.update(sequence=self.audited)

    # rows

    def at(self, number: int) -> datetime:
        """When the pair of a number was issued: keys grow with time."""
        return self.first + (self.end - self.first) * (number / self.size)

    def _request(self, number: int, ids: Any, place: int) -> ServiceRequest:
        parties, at = self.filled.parties, self.at(number)
        person = number % len(parties.people)
        body, turn = person % len(parties.bodies), number // len(parties.people)
        system = SYSTEMS[(person + turn // 3) % 4]
        is_of_seal = CertificateKind.SEAL in {kind.kind for kind in systems.policy(system).kinds}
        is_of_body = number % 8 == 7 or is_of_seal
        business = "enroll" if turn == 0 else self.drawn.choice(("renew", "renew", "reissue", "modify", "enroll"))
        is_new = business == "enroll"
        return copy(
            self.model.request,
            id=ids[ServiceRequest][place], number=f"SQ{at:%y%m%d}{number:08d}", business=business,
            system=system, kind="SEAL" if is_of_seal else "ORGANIZATION" if is_of_body else "PERSONAL",
            subject_name=parties.body_names[body] if is_of_body else parties.names[person],
            person_id=None if is_of_body else parties.people[person], organization_id=parties.bodies[body],
            pair_id=None if is_new else self.filled.pairs[number - len(parties.people)],
            region_code=parties.regions[body], state=RequestState.DONE, step="", due_on=None,
            token_id=ids[Token][place], token_serial=f"BYP{number:010d}", issuance_id=ids[Issuance][place],
            issued_pair_id=ids[CertificatePair][place], approval_id=ids[Approval][place],
            proofreading_id=ids[Proofreading][place], opened_at=at, updated_at=at, closed_at=at + timedelta(days=2),
            subject_der=self.model.request.subject_der,
        )  # fmt: skip

    def _pair(self, number: int, request: ServiceRequest, key: int) -> CertificatePair:
        chance, at = self.drawn.random(), request.opened_at
        state = PairState.REVOKED if chance < 0.12 else PairState.HELD if chance < 0.125 else PairState.VALID
        return copy(
            self.model.pair,
            id=key, issuance_id=request.issuance_id, request_id=request.pk, system=request.system, kind=request.kind,
            subject_name=request.subject_name, person_id=request.person_id, organization_id=request.organization_id,
            token_id=request.token_id, token_serial=request.token_serial, region_code=request.region_code,
            state=str(state), not_before=at, not_after=at + timedelta(days=365 * (1 + number % 3)), recorded_at=at,
            supersedes_id=request.pair_id if request.business == "renew" else None,
        )  # fmt: skip

    def _issuance(self, request: ServiceRequest, pair: CertificatePair) -> Issuance:
        names = ("system", "kind", "subject_name", "person_id", "organization_id", "token_id", "token_serial")
        return copy(
            self.model.issuance,
            id=pair.issuance_id, request_id=request.pk, approval_id=request.approval_id,
            proofreading_id=request.proofreading_id, region_code=pair.region_code, not_before=pair.not_before,
            not_after=pair.not_after, opened_at=pair.recorded_at, data_digest=request.data_digest,
            signing_serial=serial_hex(new_serial(self.end)), encryption_serial=serial_hex(new_serial(self.end)),
            task_no=f"embedded-{pair.issuance_id}", supersedes_id=pair.supersedes_id,
            **{name: getattr(pair, name) for name in names},
        )  # fmt: skip

    def _certificates(self, pair: CertificatePair, add: Any) -> None:
        is_revoked = pair.state != PairState.VALID
        for one in self.model.certificates:
            serial = serial_hex(new_serial(self.end))
            whole = bytes(one.der)
            der = whole[:15] + bytes.fromhex(serial) + whole[31:]
            add(
                copy(
                    one, id=None, pair_id=pair.pk, serial=serial, der=der, not_before=pair.not_before,
                    not_after=pair.not_after, state=pair.state,
                    revoked_at=min(pair.recorded_at + timedelta(days=90), self.end) if is_revoked else None,
                    reason="cessationOfOperation" if is_revoked else "",
                )
            )  # fmt: skip

    def _token(self, request: ServiceRequest) -> Token:
        holder, body = request.person_id, request.organization_id
        return copy(
            self.model.token,
            id=request.token_id, serial=request.token_serial, region_code=request.region_code, state="ISSUED",
            holder_person_id=holder, holder_organization_id=None if holder else body, state_at=request.opened_at,
        )  # fmt: skip

    def _task(self, request: ServiceRequest, pair: CertificatePair) -> PersonalizationTask:
        at = request.opened_at
        return copy(
            self.model.task,
            id=None, issuance_id=pair.issuance_id, token_id=request.token_id, region_code=request.region_code,
            state="VERIFIED", envelope=None, is_current=True, created_at=at, written_at=at, closed_at=at,
        )  # fmt: skip

    def _extra(self, key: int, request: ServiceRequest, pair: CertificatePair, add: Any) -> None:
        """A request without a pair of its own: revoked, unlocked, turned down, taken back."""
        business, state = self.drawn.choice(
            (("revoke", "DONE"), ("revoke", "DONE"), ("unlock", "DONE"), ("enroll", "REJECTED"), ("renew", "CANCELLED"))
        )
        made = copy(
            request,
            id=key, number="ZX" + request.number[2:], business=business, state=state, approval_id=None,
            proofreading_id=None, issuance_id=None, issued_pair_id=None, token_id=None, token_serial="",
            pair_id=None if business == "enroll" else pair.pk,
        )  # fmt: skip
        self._seal([made])
        add(made)
        add(copy(self.model.steps[0], request_id=key, at=request.opened_at))

    # what goes with them

    def _seal(self, requests: Sequence[ServiceRequest]) -> None:
        texts = [
            sealed_data.text_of(RequestData(requester={"name": "测试经办", "phone": "13800000023"})) for _ in requests
        ]
        sealed = sealed_data.seal_many([(one.number, text) for one, text in zip(requests, texts, strict=True)])
        for request, data, digest in zip(requests, sealed, rules.data_digests(texts), strict=True):
            request.data_sealed, request.data_digest = data, digest

    def _audit(self, things: Iterable[models.Model]) -> None:
        """One record for each thing. What was recorded before lies before the first of these."""
        if not self.audited:
            head = AuditHead.objects.get()
            first = int(self.first.timestamp() * 1_000_000)
            AuditRecord.objects.update(at_us=models.F("id") + (first - head.sequence - 1))
            self.audited = head.sequence
        made = []
        for thing in sorted(things, key=_moment_of):
            self.audited += 1
            is_request = isinstance(thing, ServiceRequest)
            at = _moment_of(thing)
            made.append(
                copy(
                    self.model.record, id=self.audited, at_us=int(at.timestamp() * 1_000_000),
                    event="ra.request_opened" if is_request else "ca.pair_issued",
                    outcome="refused" if self.audited % 500 == 0 else "ok", object_type=thing._meta.label_lower,
                    object_id=thing.pk, chain=secrets.token_bytes(32), actor_id=900 + self.audited % 7,
                )
            )  # fmt: skip
        bulk.insert_many(made)

    def _count(self, rows: dict[type[models.Model], list[Any]]) -> None:
        pairs: list[CertificatePair] = rows[CertificatePair]
        for state in PairState.values:
            self.counted.update(tallies.of_pairs([one for one in pairs if one.state == state], state, 1))
        self.counted.update(tallies.of_issue(pairs))
        for request in rows[ServiceRequest]:
            self.changes.entered(request)
            self.filled.requests.append(request.pk)


def _write(rows: dict[type[models.Model], list[Any]]) -> None:
    certificates = rows[Certificate]
    for one, digest in zip(certificates, gm.sm3_many([one.der for one in certificates]), strict=True):
        one.sm3 = digest
    for kind, many in rows.items():
        if issubclass(kind, GuardedModel):
            seal_many(many)
        if kind in (StepRecord, OutboxMessage):
            bulk.append_many(many)
        else:
            bulk.insert_many(many)


def _moment_of(thing: Any) -> datetime:
    moment: datetime = thing.opened_at if isinstance(thing, ServiceRequest) else thing.recorded_at
    return moment
