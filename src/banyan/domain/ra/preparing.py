"""From an approved and proofread request and a token's PKCS#10 to what the certificate package is asked for."""

import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from django.conf import settings

from banyan.domain.ca.models import CertificatePair, Origin
from banyan.domain.ca.rules import canonical_json
from banyan.domain.ca.values import IssuanceRequest
from banyan.domain.inventory import actions as inventory
from banyan.domain.inventory.models import KeyMedium, Token, TokenState
from banyan.domain.inventory.rules import Verb, may_go, token_serial
from banyan.domain.lifecycle import rules as lifecycle
from banyan.domain.lifecycle.businesses import businesses
from banyan.domain.parties.scoping import in_sight
from banyan.domain.prepared import Prepared
from banyan.domain.ra import moving, rules, sealed_data
from banyan.domain.ra.errors import (
    ApprovalVoid,
    DataMissing,
    IssuanceUnderWay,
    ProofreadingVoid,
    TokenRefused,
)
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.ra.values import IssueOrder
from banyan.domain.systems import access as systems
from banyan.domain.systems import rules as system_rules
from banyan.domain.systems.access import SystemStatus
from banyan.domain.systems.policy import MediumKind
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_

_BY_SERIAL = Prepared(lambda serials: Token.objects.unscoped("narrowed to a sight below").filter(serial__among=serials))


class Text(NamedTuple):
    """A request's data as they stand, and their digest."""

    text: str
    digest: str


@dataclass(slots=True)
class Context:
    """What the orders of one slice refer to, read in few queries."""

    tokens: dict[str, Token]
    pairs: dict[int, CertificatePair]
    systems: dict[str, SystemStatus]
    texts: dict[int, "Text"] = field(default_factory=dict)
    identities: dict[int, str] = field(default_factory=dict)

    def read(self, requests: Collection[ServiceRequest]) -> None:
        """Open the requests' data and take all digests at once."""
        digests = rules.identity_digests([rules.identity_of(one) for one in requests])
        self.identities.update((one.pk, digest) for one, digest in zip(requests, digests, strict=True))
        opened = [(one.pk, sealed_data.open_text(one.number, one.data_sealed)) for one in requests if one.data_digest]
        of_data = rules.data_digests([text for _, text in opened])
        self.texts.update((pk, Text(text, digest)) for (pk, text), digest in zip(opened, of_data, strict=True))

    def take_tokens(self, actor: Actor, requests: Sequence[ServiceRequest], now: datetime) -> None:
        """Take tokens that still lie in stock out for their holders: with its key a token's personalisation began."""
        holders = {}
        for request in requests:
            token = self.tokens.get(request.token_serial)
            if token is not None and token.state == TokenState.IN_STOCK:
                holders[token.pk] = (request.person_id, request.organization_id)
        if holders:
            inventory.personalize(actor, list(holders), holders=list(holders.values()), now=now)


def load(actor: Actor, orders: Sequence[IssueOrder]) -> Context:
    """Read tokens, old pairs and systems for some orders. Raises inventory.SerialInvalid."""
    serials = {token_serial(order.token_serial) for order in orders}
    tokens = _tokens(actor, serials)
    pair_ids = (
        ServiceRequest.objects.visible_to(actor)
        .filter(pk__among=[order.request_id for order in orders], pair_id__isnull=False)
        .values_list("pair_id", flat=True)
    )
    pairs = CertificatePair.objects.unscoped("the pairs these requests act on").select_related("ca")
    found = pairs.filter(pk__among=list(pair_ids))
    return Context(
        tokens,
        {pair.pk: pair.verify_row() for pair in found},
        {status.policy.code: status for status in systems.statuses()},
    )


def _tokens(actor: Actor, serials: Iterable[str]) -> dict[str, Token]:
    """Tokens within the actor's sight by serial, each with its medium: there are few media, so they are shared."""
    media = {medium.pk: medium for medium in KeyMedium.objects.all()}
    found = {token.pk: token for token in _BY_SERIAL.rows(serials)}
    tokens = [found[key] for key in in_sight(Token, actor, found)]
    for token in tokens:
        token.medium = media[token.medium_id]
    return {token.serial: token for token in tokens}


def issuance_request(request: ServiceRequest, order: IssueOrder, context: Context, now: datetime) -> IssuanceRequest:
    """What to ask the CA for. Raises ApprovalVoid, ProofreadingVoid, TokenRefused, IssuanceUnderWay, DataMissing."""
    if request.issuance_id is not None:
        raise IssuanceUnderWay(number=request.number)
    _ensure_decided(request, context)
    status = context.systems[request.system]
    token = _token(request, order, context)
    text, digest = context.texts[request.pk]
    if digest != request.data_digest:
        raise ProofreadingVoid(number=request.number)
    data = sealed_data.read(text)
    algorithm = "P256" if data.is_classic else "SM2"
    issuing = system_rules.issuing(status.policy, request.kind, token.medium.kind, algorithm=algorithm)
    rule = businesses()[request.business]
    old = context.pairs.get(request.pair_id) if request.pair_id else None
    not_before, not_after = lifecycle.validity(
        rule, status.policy, request.kind, old.not_after if old else None, now, data.validity_days
    )
    ca, connector = _authority(old, issuing.ca, status.connector)
    return IssuanceRequest(
        request_id=request.pk,
        request_version=request.issuance_version,
        system=request.system,
        kind=request.kind,
        profile=request.profile,
        ca=ca,
        subject_der=bytes(request.subject_der),
        subject_name=request.subject_name,
        extension_values=_with_medium(request.extension_values, token),
        csr=order.csr,
        not_before=not_before,
        not_after=not_after,
        data_digest=request.data_digest,
        approval_id=request.approval_id,
        proofreading_id=request.proofreading_id,
        region_code=request.region_code,
        person_id=request.person_id,
        organization_id=request.organization_id,
        device_id=request.device_id,
        token_id=token.pk,
        token_serial=token.serial,
        container=order.container,
        supersedes_id=request.pair_id,
        connector=connector,
    )


def _authority(old: CertificatePair | None, ca: str, connector: str) -> tuple[str, str]:
    """(CA, connector) that issue: what another operator's CA gave out stays with it while it can be reached (A12)."""
    if old is not None and old.ca.origin == Origin.FOREIGN and old.ca.connector and old.ca.is_active:
        return old.ca.code, old.ca.connector
    return ca, connector


def _ensure_decided(request: ServiceRequest, context: Context) -> None:
    """Approval and proofreading stand and are of exactly what stands here now; their rows are checked in one batch."""
    if not request.data_digest:
        raise DataMissing(number=request.number)
    if request.approval is None or not moving.is_approval_current(request, context.identities[request.pk]):
        raise ApprovalVoid(number=request.number)
    if request.proofreading is None or not moving.is_proofreading_current(request):
        raise ProofreadingVoid(number=request.number)


def _token(request: ServiceRequest, order: IssueOrder, context: Context) -> Token:
    serial = token_serial(order.token_serial)
    token = context.tokens.get(serial)
    if token is None:
        raise TokenRefused(token=serial, number=request.number, reason=N_("没有登记或不在管辖范围内"))
    policy = context.systems[request.system].policy
    system_rules.ensure_medium(policy, request.kind, token.medium.kind, soft_tokens=settings.BANYAN.soft_tokens)
    if token.state not in (TokenState.IN_STOCK, TokenState.PERSONALIZING) and not may_go(Verb.PERSONALIZE, token.state):
        raise TokenRefused(token=serial, number=request.number, reason=token.get_state_display())
    if token.state != TokenState.IN_STOCK and not _is_for(token, request):
        raise TokenRefused(token=serial, number=request.number, reason=N_("已由他人领用"))
    return token


def token_for(actor: Actor, request: ServiceRequest, serial: str) -> Token:
    """The token that a request's key is to be born in, or was. Raises TokenRefused, inventory.SerialInvalid."""
    order = IssueOrder(request.pk, b"", serial, "")
    return _token(request, order, load(actor, [order]))


def _is_for(token: Token, request: ServiceRequest) -> bool:
    """Whether a token taken out of stock is this holder's, or nobody's yet."""
    if token.holder_person_id is None and token.holder_organization_id is None:
        return True
    if request.person_id is not None:
        return token.holder_person_id == request.person_id
    return token.holder_organization_id == request.organization_id


def _with_medium(extension_values: str, token: Token) -> str:
    """Certificates in soft tokens carry their own policies; which token it is was not known at proofreading."""
    if token.medium.kind != MediumKind.SOFT:
        return extension_values
    return canonical_json({**json.loads(extension_values), "soft_token": True})
