"""Issuing: a token's PKCS#10 becomes an intent, a CA's answer moves the request on, the token proves its key."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.conf import settings

from banyan import sealing
from banyan.domain import audit
from banyan.domain.audit.errors import RowForged
from banyan.domain.audit.models import are_genuine
from banyan.domain.ca import actions as ca
from banyan.domain.ca import rules as ca_rules
from banyan.domain.ca.models import Certificate, CertificatePair, Issuance
from banyan.domain.ca.ports import Connector
from banyan.domain.ca.values import IssuanceRequest, RecordedPair, RoundReport
from banyan.domain.inventory import actions as inventory
from banyan.domain.inventory.models import PersonalizationTask, TaskState, Token, TokenState
from banyan.domain.inventory.sealed_tasks import Begun
from banyan.domain.lifecycle import actions as lifecycle
from banyan.domain.lifecycle.errors import KeyNotProved
from banyan.domain.parties.scoping import ScopedQuerySet
from banyan.domain.prepared import Prepared
from banyan.domain.ra import moving, preparing
from banyan.domain.ra.errors import IssuanceMissing, TokenRefused
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.ra.moving import Move
from banyan.domain.ra.processes import Verb
from banyan.domain.ra.values import IssueOrder, Outcome, Refused
from banyan.domain.systems import access as systems
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_
from banyan.pki.certificate import Certificate as CertificateView
from banyan.pki.public_key import SignatureAlgorithm, parse_spki, verify_many

SLICE = ca_rules.SLICE
_ISSUED = ("issuance_id", "token_id", "token_serial", "approval", "proofreading")
# What moving on after recording reads; the rest of a request is left where it lies.
_MOVED_ON = (
    "number", "business", "system", "process", "process_version", "step", "state", "version", "region_code", "due_on",
    "is_due_provisional", "due_from", "updated_at", "closed_at", "issued_pair_id",
)  # fmt: skip
_WHY = "the requests of issuances being recorded"
_RECORDED = Prepared(lambda ids: ServiceRequest.objects.unscoped(_WHY).filter(pk__among=ids).order_by("pk"), _MOVED_ON)
_PREPARED = "prepared"
_GONE = (TokenState.LOST, TokenState.DAMAGED, TokenState.DESTROYED)
_PROOFS = {"SM2": "sm3", "P256": "sha256", "RSA": "sha256"}


def issue(
    actor: Actor, request_id: int, now: datetime, *, csr: bytes, token_serial: str, container: str
) -> ServiceRequest:
    """Open the issuance of one request with its token's PKCS#10 (签发); the certificates follow from the CA.

    Raises StepNotDue, ApprovalVoid, ProofreadingVoid, TokenRefused, and what the certificate package refuses.
    """
    order = IssueOrder(request_id, csr, token_serial, container)
    return moving.alone(issue_many(actor, [order], now))


def issue_many(actor: Actor, orders: Sequence[IssueOrder], now: datetime, *, check_signatures: bool = True) -> Outcome:
    """Open many issuances, in slices of their own transactions; those that cannot be are refused one by one.

    ``check_signatures`` False leaves the proof of possession to the signer, which checks it in any case.
    """
    result = Outcome()
    for start in range(0, len(orders), SLICE):
        part = orders[start : start + SLICE]
        outcome = _issue_slice(actor, part, now, check_signatures)
        result.requests += outcome.requests
        result.refusals += [Refused(start + refused.index, refused.error) for refused in outcome.refusals]
    return result


@audit.action
def _issue_slice(actor: Actor, orders: Sequence[IssueOrder], now: datetime, check_signatures: bool) -> Outcome:
    by_request = {order.request_id: order for order in orders}
    prepared: dict[int, IssuanceRequest] = {}
    context = preparing.load(actor, orders)
    doors = systems.Doors(actor)

    def work(request: ServiceRequest) -> None:
        moving.ensure_right(actor, request, Verb.ISSUE)
        doors.ensure_open(request.system)
        moving.ensure_turn(request, Verb.ISSUE)
        prepared[request.pk] = preparing.issuance_request(request, by_request[request.pk], context, now)

    good, outcome = moving.each(actor, "ra.issue", [order.request_id for order in orders], work, before=context.read)
    good = _only_genuine(actor, good, outcome)
    opened = ca.open_issuances(actor, [prepared[one.pk] for one in good], now, check_signatures=check_signatures)
    places = {order.request_id: index for index, order in enumerate(orders)}
    for refused in opened.refusals:
        index = places[good[refused.index].pk]
        outcome.requests[index] = None
        outcome.refusals.append(Refused(index, refused.error))
    outcome.refusals.sort(key=lambda refused: refused.index)
    started = [(one, row) for one, row in zip(good, opened.issuances, strict=True) if row is not None]
    _note_started(actor, started, context, now)
    return outcome


def _only_genuine(actor: Actor, good: Sequence[ServiceRequest], outcome: Outcome) -> list[ServiceRequest]:
    """Refuse those whose approval or proofreading was changed by a hand in the database."""
    bad: dict[int, str] = {}
    for rows in ([one.approval for one in good], [one.proofreading for one in good]):
        present = [row for row in rows if row is not None]
        for row, is_genuine in zip(present, are_genuine(present), strict=True):
            if not is_genuine:
                bad[row.request_id] = f"{row._meta.label_lower}:{row.pk}"
    for index, request in enumerate(outcome.requests):
        if request is not None and request.pk in bad:
            error = RowForged(row=bad[request.pk])
            outcome.requests[index] = None
            outcome.refusals.append(Refused(index, error))
            audit.refusal(actor, "ra.issue", error, request)
    return [request for request in good if request.pk not in bad]


def _note_started(
    actor: Actor,
    started: Sequence[tuple[ServiceRequest, Issuance]],
    context: preparing.Context,
    now: datetime,
) -> None:
    move = Move(actor, now)
    for request, issuance in started:
        request.issuance_id = issuance.pk
        request.token_id, request.token_serial = issuance.token_id, issuance.token_serial
        move.stayed(request, Verb.ISSUE, "submitted")
    move.write(_ISSUED)
    context.take_tokens(actor, [request for request, _ in started], now)


def carry_on(
    actor: Actor, connector: Connector, now: datetime, *, limit: int = 10_000, at_once: int = ca_rules.SLICE
) -> RoundReport:
    """One round with a connector: intents out, certificates in, tasks for tokens, requests moved on; ``at_once`` pairs a
    transaction.

    Safe to repeat at any moment and after any crash. Requests whose CA refused go back to the issuing step with the
    CA's reason, ready for a new PKCS#10.
    """
    return lifecycle.carry_on(
        actor, connector, now, further=_move_on, take_back=_take_back, limit=limit, at_once=at_once
    )


def _move_on(actor: Actor, recorded: Sequence[RecordedPair], now: datetime) -> None:
    """The pairs are recorded: their requests go on to personalisation, in the same transaction."""
    by_request = {item.pair.request_id: item.pair for item in recorded if item.pair.request_id is not None}
    move = Move(actor, now)
    for request in _RECORDED.rows(by_request):
        pair = by_request[request.pk]
        request.issued_pair_id = pair.pk
        if request.state == "OPEN" and request.step == Verb.ISSUE:
            move.done(request, Verb.ISSUE)
        else:
            move.touched(request)
    move.write(["issued_pair_id"])


def _take_back(actor: Actor, rejected: Sequence[Issuance], now: datetime) -> None:
    """A CA refused: the requests stand at the issuing step again, in the same transaction."""
    refused = {row.request_id: row for row in rejected}
    move = Move(actor, now)
    found = [request for request in _requests_of(list(refused)) if request.issuance_id == refused[request.pk].pk]
    for request in found:
        request.issuance_id = None
        request.issuance_version += 1
        move.stayed(request, Verb.ISSUE, "rejected", refused[request.pk].refusal_code)
    move.write(["issuance_id", "issuance_version"])
    audit.record_many(
        actor, "ra.issuance_rejected", found, details=[{"code": refused[one.pk].refusal_code} for one in found]
    )


def _requests_of(ids: Sequence[int]) -> ScopedQuerySet[ServiceRequest]:
    return ServiceRequest.objects.unscoped(_WHY).filter(pk__among=ids).order_by("pk")


def personalization_nonce(request: ServiceRequest) -> bytes:
    """What a token signs to prove that it holds the certified key: the same until the pair is verified.

    Keyed, so nobody can have it signed beforehand; bound to request, pair and token.
    """
    text = f"personalize/{request.number}/{request.issued_pair_id}/{request.token_serial}"
    return sealing.keyring(settings.HOME).digests.of(text).encode()


def personalization_message(request: ServiceRequest, origin: str) -> bytes:
    """What is signed as the proof: the nonce, and by a token agent with origin and serial before it.

    ``origin`` is where the agent was asked from; empty for a device without an agent. See docs/token-agent.md.
    """
    nonce = personalization_nonce(request)
    if not origin:
        return nonce
    return b"\0".join((b"banyan-read-back-v1", origin.encode(), request.token_serial.encode(), nonce))


def personalize(actor: Actor, request_id: int, now: datetime, *, signature: bytes, origin: str = "") -> ServiceRequest:
    """Note that the token holds the pair (制证): its signature over ``personalization_message`` proves the key.

    Raises KeyNotProved (an audited refusal), IssuanceMissing, StepNotDue, RequestNotFound, iam.RightMissing.
    """
    return moving.alone(personalize_many(actor, {request_id: signature}, now, origin=origin))


def personalize_many(actor: Actor, signatures: Mapping[int, bytes], now: datetime, *, origin: str = "") -> Outcome:
    """``personalize`` for many, in slices of their own transactions: request id → signature (DER)."""
    items = list(signatures.items())
    result = Outcome()
    for start in range(0, len(items), SLICE):
        outcome = _personalize_slice(actor, dict(items[start : start + SLICE]), now, origin)
        result.requests += outcome.requests
        result.refusals += [Refused(start + refused.index, refused.error) for refused in outcome.refusals]
    return result


@audit.action
def _personalize_slice(actor: Actor, signatures: Mapping[int, bytes], now: datetime, origin: str) -> Outcome:
    certificates = _signing_certificates(list(signatures))
    proofs = _proofs(certificates, signatures, origin)

    def work(request: ServiceRequest) -> None:
        moving.ensure_right(actor, request, Verb.PERSONALIZE)
        moving.ensure_turn(request, Verb.PERSONALIZE)
        if request.issued_pair_id is None or request.pk not in certificates:
            raise IssuanceMissing(number=request.number)
        if not proofs[request.pk]:
            raise KeyNotProved(token=request.token_serial)

    good, outcome = moving.each(actor, "ra.personalize", list(signatures), work)
    _finish_tasks(actor, good, now)
    move = Move(actor, now)
    for request in good:
        move.done(request, Verb.PERSONALIZE)
    move.write()
    audit.record_many(actor, "ra.personalize", good, details=[{"token": one.token_serial} for one in good])
    return outcome


def _signing_certificates(request_ids: Sequence[int]) -> dict[int, tuple[ServiceRequest, bytes]]:
    """Request and signing certificate (DER), by request, where a pair was issued."""
    requests = {one.issued_pair_id: one for one in _requests_of(request_ids) if one.issued_pair_id is not None}
    found = Certificate.objects.filter(pair_id__in=list(requests)).exclude(use=Certificate.Use.ENCRYPTION)
    return {
        requests[pair_id].pk: (requests[pair_id], bytes(der)) for pair_id, der in found.values_list("pair_id", "der")
    }


def _proofs(
    certificates: Mapping[int, tuple[ServiceRequest, bytes]], signatures: Mapping[int, bytes], origin: str
) -> dict[int, bool]:
    items = []
    for pk, (request, der) in certificates.items():
        key = parse_spki(CertificateView.parse(der).spki_der)
        algorithm = SignatureAlgorithm("", key.algorithm, _PROOFS[key.algorithm])
        items.append((key, algorithm, personalization_message(request, origin), signatures[pk]))
    return dict(zip(certificates, verify_many(items), strict=True))


def seal_pins(actor: Actor, request_id: int, token_serial: str, begun: Begun, now: datetime) -> str:
    """The PINs of a new token for the agent that is to make its key (签发) or write its pair (制证), sealed for this task.

    Only against a request that stands at this step with its approval. The first token a request gets PINs for is its token from
    then on, and out of stock; another one only when that is lost, damaged or destroyed. Raises StepNotDue, ApprovalVoid,
    TokenRefused, inventory.AgentUnknown, inventory.InitialPinUnknown.
    """
    token_id, number, allows = _task_of_agent(actor, request_id, token_serial, now)
    return inventory.seal_personalization(actor, token_id, begun, task=number, allows=allows, now=now)


@audit.action
def _task_of_agent(actor: Actor, request_id: int, serial: str, now: datetime) -> tuple[int, str, tuple[str, ...]]:
    def work(request: ServiceRequest) -> None:
        verb = Verb.PERSONALIZE if request.step == Verb.PERSONALIZE else Verb.ISSUE
        moving.ensure_right(actor, request, verb)
        moving.ensure_turn(request, verb)
        moving.ensure_approved(request)

    _, outcome = moving.each(actor, "ra.seal_pins", [request_id], work)
    request = moving.alone(outcome)
    token = preparing.token_for(actor, request, serial)
    if request.step == Verb.PERSONALIZE:
        if request.token_id != token.pk:
            raise TokenRefused(token=token.serial, number=request.number, reason=N_("不是这件申请的介质"))
        return token.pk, request.number, ("write", "read_back")
    _prepare(actor, request, token, now)
    return token.pk, request.number, ("prepare",)


def _prepare(actor: Actor, request: ServiceRequest, token: Token, now: datetime) -> None:
    """Note which token is being prepared for a request, once: whoever has its PINs has those of no other."""
    earlier = set(request.steps.filter(step=Verb.ISSUE, outcome=_PREPARED).values_list("note", flat=True))
    if token.serial in earlier:
        return
    usable = Token.objects.unscoped("tokens prepared for this request").filter(serial__in=earlier)
    if usable.exclude(state__in=_GONE).exists():
        raise TokenRefused(
            token=token.serial, number=request.number, reason=N_("这件申请已准备了另一枚；那枚坏了或丢了，请先登记")
        )
    if token.state == TokenState.IN_STOCK:
        inventory.personalize(actor, [token.pk], holders=[(request.person_id, request.organization_id)], now=now)
    move = Move(actor, now)
    move.stayed(request, Verb.ISSUE, _PREPARED, token.serial)
    move.write()
    audit.record(actor, "ra.prepare_token", request, token=token.serial)


def _finish_tasks(actor: Actor, requests: Sequence[ServiceRequest], now: datetime) -> None:
    """The tasks of the tokens: written, then verified by the proof just checked."""
    issuances = CertificatePair.objects.unscoped("the pairs of these requests").filter(
        pk__in=[one.issued_pair_id for one in requests]
    )
    tasks = PersonalizationTask.objects.unscoped("the tasks of these pairs").filter(
        issuance_id__in=list(issuances.values_list("issuance_id", flat=True))
    )
    by_state: dict[str, list[int]] = {}
    for pk, state in tasks.values_list("pk", "state"):
        by_state.setdefault(state, []).append(pk)
    to_write = by_state.get(TaskState.OPEN, [])
    if to_write:
        inventory.record_written(actor, to_write, now=now)
    to_verify = to_write + by_state.get(TaskState.WRITTEN, [])
    if to_verify:
        inventory.record_verified(actor, to_verify, now=now)
