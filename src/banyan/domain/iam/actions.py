"""Accounts, credentials, sessions and roles: everything that writes them."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from banyan import gm
from banyan.domain import audit
from banyan.domain.iam import rules, sources
from banyan.domain.iam.dual_control import use_dual
from banyan.domain.iam.errors import (
    AccountExists,
    AlreadyPrepared,
    DualControlError,
    DualRequestClosed,
    GrantExists,
    LinkInvalid,
    PointMissing,
    RegionsDiffer,
    SecondPersonNeeded,
    SessionInvalid,
)
from banyan.domain.iam.models import (
    Credential,
    DualControlRequest,
    LoginLink,
    Posting,
    RoleGrant,
    Session,
    StaffAccount,
)
from banyan.domain.iam.policy import Policy, policy
from banyan.domain.iam.rights import POINT_ROLES, ROLE_NAMES, Role, require
from banyan.domain.iam.sources import Source
from banyan.domain.iam.staff_login import ensure_somebody_can_log_in
from banyan.kernel.actor import Actor, system_actor
from banyan.kernel.errors import N_


@dataclass(frozen=True)
class NewLink:
    """A first log-in link at the only moment its secret is known."""

    account: StaffAccount
    secret: str
    expires_at: datetime


@dataclass(frozen=True)
class NewSession:
    """A session at the only moment its token is known, and the token by which the browser is known next time."""

    session: Session
    token: str
    device: str = ""


def hashed(secret: str) -> str:
    """SM3 of a random secret, as stored (hexadecimal)."""
    return gm.sm3(secret.encode()).hex()


def account_actor(account: StaffAccount) -> Actor:
    """The person of an account before a session exists."""
    return Actor(kind="staff", id=account.pk, name=account.username)


@audit.action
def prepare_first_accounts(*, people: Iterable[tuple[str, str, Iterable[Role]]], now: datetime) -> list[NewLink]:
    """The accounts an installation begins with, each with its roles and a first log-in link.

    ``people`` are (username, display name, roles). Possible only while there is no account at all: afterwards
    roles are granted by two people. Raises AlreadyPrepared, RolesExclusive.
    """
    if StaffAccount.objects.exists():
        raise AlreadyPrepared
    actor = system_actor("init")
    links = []
    for username, display_name, roles in people:
        account = _open_account(actor, username, display_name, now)
        for role in roles:
            _write_grant(actor, account, role, None, granted_by=None, confirmed_by=None, now=now)
        links.append(_new_link(actor, account, now))
    return links


@audit.action
def open_account(*, actor: Actor, username: str, display_name: str, now: datetime) -> NewLink:
    """Open an account without roles; returns the link for the person's first log-in."""
    require(actor, "iam.manage_accounts")
    account = _open_account(actor, username, display_name, now)
    return _new_link(actor, account, now)


@audit.action
def renew_link(
    *, actor: Actor, account: StaffAccount, request: DualControlRequest | None = None, now: datetime
) -> NewLink:
    """A new link for somebody who lost the first one or forgot the password; older links and sessions end.

    Whoever holds the link becomes that person, so an account with a password or a role needs a confirmed
    two-person request (kind ``iam.renew_link``, payload ``{"account": id}``). Raises SecondPersonNeeded.
    """
    require(actor, "iam.manage_accounts")
    account = StaffAccount.objects.get(pk=account.pk).verify_row()
    if request is not None:
        _, payload = use_dual(actor=actor, request=request, kind="iam.renew_link", now=now)
        if payload["account"] != account.pk:
            raise DualRequestClosed(id=request.pk, state=N_("是另一个账号的"))
    elif link_needs_second_person(account):
        raise SecondPersonNeeded
    end_sessions(actor, account, now)
    for link in LoginLink.objects.filter(account=account, used_at__isnull=True, expires_at__gt=now):
        link.verify_row().used_at = now
        link.save()
        audit.record(actor, "iam.link_withdrawn", link)
    return _new_link(actor, account, now)


def link_needs_second_person(account: StaffAccount) -> bool:
    """Whether a new link for an account would hand somebody's password or roles to whoever holds it."""
    return Credential.objects.filter(account=account).exists() or RoleGrant.objects.filter(account=account).exists()


@audit.action
def set_account_active(*, actor: Actor, account: StaffAccount, is_active: bool, now: datetime) -> StaffAccount:
    """Stop an account (its sessions end at once) or let it work again. Raises NobodyCouldLogIn."""
    require(actor, "iam.manage_accounts")
    account = StaffAccount.objects.get(pk=account.pk).verify_row()
    account.is_active = is_active
    account.save()
    audit.record(actor, "iam.account_enabled" if is_active else "iam.account_disabled", account)
    if not is_active:
        ensure_somebody_can_log_in()
        end_sessions(actor, account, now)
    return account


@audit.action
def grant_role(*, actor: Actor, request: DualControlRequest, now: datetime) -> RoleGrant:
    """Carry out a confirmed two-person request to grant a role (kind ``iam.grant_role``).

    Its payload is ``{"account": id, "role": name, "regions": [codes] | null}``, for a role at an issuing point with
    ``"point": id``.
    """
    request, payload = use_dual(actor=actor, request=request, kind="iam.grant_role", now=now)
    account = StaffAccount.objects.get(pk=payload["account"]).verify_row()
    if account.pk in (request.requested_by_id, request.confirmed_by_id):
        raise DualControlError
    return _write_grant(
        actor,
        account,
        Role(payload["role"]),
        payload["regions"],
        granted_by=request.requested_by_id,
        confirmed_by=request.confirmed_by_id,
        now=now,
        point_id=payload.get("point"),
    )


@audit.action
def set_password(
    *, actor: Actor, account: StaffAccount, secret_hash: str, now: datetime, source: Source | None = None
) -> Credential:
    """Replace an account's password by an already checked and hashed one (``login.change_password``
    checks).
    """
    for credential in Credential.objects.filter(account=account, kind="password", replaced_at__isnull=True):
        credential.replaced_at = now
        credential.save()
        audit.record(actor, "iam.password_replaced", credential, account=account.pk)
    credential = Credential(account=account, kind="password", secret_hash=secret_hash, created_at=now)
    credential.save()
    audit.record(actor, "iam.password_set", credential, account=account.pk)
    end_sessions(actor, account, now, but=actor.session_id)
    if source is not None:
        sources.settle(account.username, source, now)
    return credential


@audit.action
def use_link(
    *, secret: str, secret_hash: str, channel: str, now: datetime, source: Source | None = None, opens: bool = True
) -> NewSession | Credential:
    """First log-in: the link is spent, the password set, a session opened. Raises LinkInvalid.

    With ``opens`` False a certificate comes second: the password is set, and its credential returned.
    """
    link = LoginLink.objects.select_related("account").filter(token_hash=hashed(secret)).first()
    if link is None or link.used_at is not None or link.expires_at <= now or not link.account.is_active:
        raise LinkInvalid
    link.verify_row()
    account = link.account.verify_row()
    actor = account_actor(account)
    link.used_at = now
    link.save()
    audit.record(actor, "iam.link_used", link, account=account.pk)
    credential = set_password(actor=actor, account=account, secret_hash=secret_hash, now=now)
    sources.forgive_strangers(account.username)
    if not opens:
        return credential
    return open_session(account=account, credential=credential, channel=channel, now=now, source=source)


@audit.action
def open_session(
    *, account: StaffAccount, credential: Credential, channel: str, now: datetime, source: Source | None = None
) -> NewSession:
    """Open a session for a person whose credential was just checked (``login.log_in`` checks).

    Raises SessionInvalid when credential or account ended in between: who ended them ended the sessions there were.
    """
    held = Credential.objects.filter(pk=credential.pk, replaced_at__isnull=True, account__is_active=True)
    if not list(held.select_for_update().values_list("pk")):
        raise SessionInvalid
    asked = policy()
    token = secrets.token_urlsafe(32)
    session = Session(
        token_hash=hashed(token),
        account=account,
        credential=credential,
        channel=channel,
        created_at=now,
        last_seen_at=now,
        expires_at=now + asked.session_life,
    )
    session.save()
    _end_surplus(account, session, asked, now)
    device = sources.welcome(account.username, source, now) if source is not None else ""
    audit.record(_in_session(account, session), "iam.logged_in", session, channel=channel)
    return NewSession(session, token, device)


@audit.action
def log_out(*, actor: Actor, now: datetime) -> None:
    """End the actor's own session."""
    for session in Session.objects.filter(pk=actor.session_id or 0, ended_at__isnull=True):
        session.ended_at = now
        session.save()
        audit.record(actor, "iam.logged_out", session)


def _end_surplus(account: StaffAccount, opened: Session, asked: Policy, now: datetime) -> None:
    """A log-in beyond the number that the policy allows ends the session not used for longest."""
    alive = Session.objects.filter(
        account=account, ended_at__isnull=True, expires_at__gt=now, last_seen_at__gt=now - asked.idle
    )
    for session in alive.exclude(pk=opened.pk).order_by("-last_seen_at", "-pk")[asked.sessions_most - 1 :]:
        session.ended_at = now
        session.save()
        audit.record(_in_session(account, opened), "iam.session_ended", session, account=account.pk, reason="too_many")


def _in_session(account: StaffAccount, session: Session) -> Actor:
    return Actor(
        kind="staff",
        id=account.pk,
        name=account.username,
        session_id=session.pk,
        credential_id=session.credential_id,
    )


def _open_account(actor: Actor, username: str, display_name: str, now: datetime) -> StaffAccount:
    rules.ensure_username(username)
    if StaffAccount.objects.filter(username=username).exists():
        raise AccountExists(username=username)
    account = StaffAccount(username=username, display_name=display_name, created_at=now)
    account.save()
    audit.record(actor, "iam.account_opened", account, username=username)
    return account


def _new_link(actor: Actor, account: StaffAccount, now: datetime) -> NewLink:
    secret = secrets.token_urlsafe(32)
    link = LoginLink(account=account, token_hash=hashed(secret), created_at=now, expires_at=now + rules.LINK_LIFE)
    link.save()
    audit.record(actor, "iam.link_issued", link, account=account.pk)
    return NewLink(account, secret, link.expires_at)


def _write_grant(
    actor: Actor,
    account: StaffAccount,
    role: Role,
    regions: list[str] | None,
    *,
    granted_by: int | None,
    confirmed_by: int | None,
    now: datetime,
    point_id: int | None = None,
) -> RoleGrant:
    if (role in POINT_ROLES) != (point_id is not None):
        raise PointMissing(role=ROLE_NAMES[role])
    held = [grant.verify_row() for grant in RoleGrant.objects.filter(account=account, ended_at__isnull=True)]
    if any(grant.role == role for grant in held):
        raise GrantExists(username=account.username, role=role.value)
    rules.ensure_roles_compatible(account.username, [Role(grant.role) for grant in held], role)
    wanted = sorted(set(regions)) if regions is not None else None
    if any(grant.regions != wanted for grant in held):
        raise RegionsDiffer(username=account.username)
    grant = RoleGrant(
        account=account,
        role=role.value,
        regions=wanted,
        granted_at=now,
        granted_by_id=granted_by,
        confirmed_by_id=confirmed_by,
    )
    grant.save()
    rows = []
    if point_id is not None:
        rows = [Posting(grant=grant, point_id=point_id, created_at=now)]
        rows[0].save()
    audit.record(actor, "iam.role_granted", grant, rows=rows, role=role.value, account=account.pk)
    return grant


def end_sessions(
    actor: Actor, account: StaffAccount, now: datetime, *, but: int | None = None, credential: Credential | None = None
) -> None:
    """End an account's sessions, all but one, or those that one credential opened. Part of an action."""
    running = Session.objects.filter(account=account, ended_at__isnull=True, expires_at__gt=now - timedelta(days=1))
    if credential is not None:
        running = running.filter(credential=credential)
    for session in running.exclude(pk=but or 0):
        session.ended_at = now
        session.save()
        audit.record(actor, "iam.session_ended", session, account=account.pk)


def grant_payload(account: StaffAccount, role: Role, regions: Iterable[str] | None = None) -> dict[str, Any]:
    """The payload of a two-person request to grant a role; see ``people.ask_for_role``."""
    return {
        "account": account.pk,
        "role": role.value,
        "regions": sorted(regions) if regions is not None else None,
    }
