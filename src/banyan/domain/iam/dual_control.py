"""Two-person control: one person stores a request, another confirms it, and it is used once.

Account, credential and session must all differ, the request expires, and its content is bound by digest, so
what is carried out is what was confirmed.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from banyan import gm
from banyan.domain import audit
from banyan.domain.iam import rules
from banyan.domain.iam.errors import (
    DualRequestClosed,
    DualRequestExpired,
    DualRequestUnknown,
    SamePerson,
    SessionNeeded,
)
from banyan.domain.iam.models import DualControlRequest, DualState, Session
from banyan.domain.iam.rights import DUAL_KINDS, require
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_


@audit.action
def request_dual(*, actor: Actor, kind: str, payload: Mapping[str, Any], now: datetime) -> DualControlRequest:
    """Store a request of a kind of ``rights.DUAL_KINDS``; it waits eight hours for a second person."""
    require(actor, DUAL_KINDS[kind].request_right)
    session = _own_session(actor)
    text = _text(payload)
    request = DualControlRequest(
        kind=kind,
        payload=text,
        payload_digest=_digest(kind, text),
        requested_by_id=actor.id,
        requested_session=session,
        requested_credential_id=session.credential_id,
        requested_at=now,
        expires_at=now + rules.DUAL_LIFE,
    )
    request.save()
    audit.record(actor, "iam.dual_requested", request, kind=kind, digest=request.payload_digest)
    return request


@audit.action
def confirm_dual(*, actor: Actor, request: DualControlRequest, now: datetime) -> DualControlRequest:
    """Confirm another person's request.

    Raises SamePerson (same account, credential or session), DualRequestExpired, DualRequestClosed,
    RightMissing; all of them are recorded.
    """
    request = _read(request.pk, DualState.PENDING, now)
    require(actor, DUAL_KINDS[request.kind].confirm_right)
    session = _own_session(actor)
    if (
        actor.id == request.requested_by_id
        or session.pk == request.requested_session_id
        or session.credential_id == request.requested_credential_id
    ):
        raise SamePerson
    request.state = DualState.CONFIRMED
    request.confirmed_by_id, request.confirmed_session_id = actor.id, session.pk
    request.confirmed_credential_id, request.confirmed_at = session.credential_id, now
    request.save()
    audit.record(actor, "iam.dual_confirmed", request, kind=request.kind, digest=request.payload_digest)
    return request


@audit.action
def withdraw_dual(*, actor: Actor, request: DualControlRequest, now: datetime) -> DualControlRequest:
    """Take back a waiting request; whoever may ask or confirm may stop it."""
    request = _read(request.pk, DualState.PENDING, now)
    if actor.id != request.requested_by_id:
        require(actor, DUAL_KINDS[request.kind].confirm_right)
    request.state = DualState.WITHDRAWN
    request.save()
    audit.record(actor, "iam.dual_withdrawn", request, kind=request.kind)
    return request


@audit.action
def use_dual(
    *, actor: Actor, request: DualControlRequest, kind: str, now: datetime
) -> tuple[DualControlRequest, dict[str, Any]]:
    """Spend a confirmed request inside the action that carries it out; returns it and its payload.

    Only one of the two people may do so. Raises DualRequestClosed or DualRequestExpired.
    """
    request = _read(request.pk, DualState.CONFIRMED, now)
    if request.kind != kind:
        raise DualRequestClosed(id=request.pk, state=N_("是另一件事的"))
    if actor.id not in (request.requested_by_id, request.confirmed_by_id):
        raise DualRequestClosed(id=request.pk, state=N_("不是提出或确认它的人"))
    request.state, request.used_at = DualState.USED, now
    request.save()
    audit.record(actor, "iam.dual_used", request, kind=kind, digest=request.payload_digest)
    payload: dict[str, Any] = json.loads(request.payload)
    return request, payload


def _read(pk: int, state: DualState, now: datetime) -> DualControlRequest:
    request = DualControlRequest.objects.filter(pk=pk).first()
    if request is None:
        raise DualRequestUnknown(id=pk)
    request.verify_row()
    if request.state != state or request.payload_digest != _digest(request.kind, request.payload):
        raise DualRequestClosed(id=pk, state=str(request.get_state_display()))
    if request.expires_at <= now:
        raise DualRequestExpired(id=pk)
    return request


def _own_session(actor: Actor) -> Session:
    """The actor's session as stored, not as claimed. Raises SessionNeeded."""
    if actor.session_id is None:
        raise SessionNeeded
    session = Session.objects.filter(pk=actor.session_id, account_id=actor.id, ended_at__isnull=True).first()
    if session is None or session.credential_id != actor.credential_id:
        raise SessionNeeded
    return session.verify_row()


def _text(payload: Mapping[str, Any]) -> str:
    return json.dumps(payload, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _digest(kind: str, text: str) -> str:
    return gm.sm3(f"{kind}\n{text}".encode()).hex()
