"""What administrators do to one account besides opening it: unlock, end a session, give and take roles."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from banyan.domain import audit
from banyan.domain.iam import sources
from banyan.domain.iam.dual_control import request_dual, use_dual
from banyan.domain.iam.errors import GrantExists, GrantUnknown, PointMissing, RegionsDiffer, SessionUnknown
from banyan.domain.iam.models import DualControlRequest, LoginSource, RoleGrant, Session, StaffAccount
from banyan.domain.iam.rights import POINT_ROLES, ROLE_NAMES, Role, require
from banyan.domain.iam.rules import ensure_roles_compatible
from banyan.domain.iam.staff_login import ensure_somebody_can_log_in
from banyan.kernel.actor import Actor

GRANT: Final = "iam.grant_role"
END: Final = "iam.end_role"


@audit.action
def unlock_account(*, actor: Actor, account: StaffAccount, now: datetime) -> int:
    """Let somebody who guessed wrong too often try again at once; how many sources had to wait."""
    require(actor, "iam.manage_accounts")
    waiting = LoginSource.objects.filter(name=sources.name_digest(account.username), blocked_until__gt=now)
    count = waiting.update(streak=0, count=0, blocked_until=None)
    audit.record(actor, "iam.account_unlocked", account, sources=count)
    return count


@audit.action
def end_session(*, actor: Actor, session_id: int, account: StaffAccount, now: datetime) -> Session:
    """End one open session, one's own or, with the right to manage accounts, somebody's. Raises SessionUnknown."""
    if account.pk != actor.id:
        require(actor, "iam.manage_accounts")
    session = Session.objects.filter(pk=session_id, account=account, ended_at__isnull=True).first()
    if session is None or session.expires_at <= now:
        raise SessionUnknown
    session.ended_at = now
    session.save()
    audit.record(actor, "iam.session_ended", session, account=account.pk)
    return session


def ask_for_role(
    *,
    actor: Actor,
    account: StaffAccount,
    role: Role,
    regions: Iterable[str] | None,
    now: datetime,
    point_id: int | None = None,
) -> DualControlRequest:
    """First person: ask for a role, in some regions (None: the province) or at one issuing point.

    What could not be carried out is refused here already. Raises PointMissing, GrantExists, RolesExclusive,
    RegionsDiffer, RightMissing.
    """
    require(actor, "iam.grant_roles")
    wanted = sorted(set(regions)) if regions is not None else None
    ensure_point(role, point_id)
    held = list(RoleGrant.objects.filter(account=account, ended_at__isnull=True))
    if any(grant.role == role for grant in held):
        raise GrantExists(username=account.username, role=ROLE_NAMES[role])
    ensure_roles_compatible(account.username, [Role(grant.role) for grant in held], role)
    if any(grant.regions != wanted for grant in held):
        raise RegionsDiffer(username=account.username)
    payload = {"account": account.pk, "role": role.value, "regions": wanted}
    if point_id is not None:
        payload["point"] = point_id
    return request_dual(actor=actor, kind=GRANT, payload=payload, now=now)


def ask_to_end_role(*, actor: Actor, grant: RoleGrant, now: datetime) -> DualControlRequest:
    """First person: ask that a role be taken back. Raises GrantUnknown, RightMissing."""
    require(actor, "iam.grant_roles")
    if grant.ended_at is not None:
        raise GrantUnknown(username=grant.account.username)
    payload = {"account": grant.account_id, "role": grant.role, "grant": grant.pk}
    return request_dual(actor=actor, kind=END, payload=payload, now=now)


@audit.action
def end_role(*, actor: Actor, request: DualControlRequest, now: datetime) -> RoleGrant:
    """Carry out a confirmed request to take a role back. Raises GrantUnknown, NobodyCouldLogIn.

    To stop somebody at once an administrator stops the account, which needs nobody else.
    """
    _, payload = use_dual(actor=actor, request=request, kind=END, now=now)
    grant = RoleGrant.objects.select_related("account").get(pk=payload["grant"]).verify_row()
    if grant.ended_at is not None:
        raise GrantUnknown(username=grant.account.username)
    grant.ended_at = now
    grant.save()
    ensure_somebody_can_log_in()
    audit.record(actor, "iam.role_ended", grant, role=grant.role, account=grant.account_id)
    return grant


def ensure_point(role: Role, point_id: int | None) -> None:
    """A role at an issuing point names the point, and only such a role does. Raises PointMissing."""
    if (role in POINT_ROLES) != (point_id is not None):
        raise PointMissing(role=ROLE_NAMES[role])
