"""People for tests: accounts with roles and open sessions, made through the product's own actions."""

import secrets
from collections.abc import Iterable
from datetime import datetime

from banyan.domain import audit
from banyan.domain.iam import actions, people
from banyan.domain.iam.access import actor_from_session
from banyan.domain.iam.dual_control import confirm_dual
from banyan.domain.iam.models import Credential, RoleGrant, StaffAccount
from banyan.domain.iam.rights import Role
from banyan.kernel.actor import Actor, system_actor
from banyan.kernel.clock import now as clock_now

PASSWORD = "Correct-horse-7"
# argon2id of PASSWORD at the lowest cost: tests that do not test passwords need not pay for one.
_CHEAP_HASH = "$argon2id$v=19$m=8,t=1,p=1$6iExKPhVyX3UT9JsffTq+A$sbHYsimuBYJCHYf+ynNZtcf+baxGVsPZjbc+mxwNi84"


def staff(*roles: Role, username: str = "", regions: Iterable[str] | None = None, now: datetime | None = None) -> Actor:
    """A logged-in person with these roles; each call makes another person."""
    account = account_with(*roles, username=username, regions=regions, now=now)
    return session_of(account, now=now)


def account_with(
    *roles: Role,
    username: str = "",
    regions: Iterable[str] | None = None,
    now: datetime | None = None,
    point_id: int | None = None,
) -> StaffAccount:
    """An account with these roles, without a credential."""
    moment = now or clock_now()
    maker = system_actor("test")
    with audit.action_scope(now=moment):
        account = actions._open_account(maker, username or f"p{secrets.token_hex(4)}", "测试人员", moment)
        codes = list(regions) if regions is not None else None
        for role in roles:
            actions._write_grant(
                maker, account, role, codes, granted_by=None, confirmed_by=None, now=moment, point_id=point_id
            )
    return account


def session_of(account: StaffAccount, *, now: datetime | None = None) -> Actor:
    """A new session of an account, with its current credential (made when there is none)."""
    moment = now or clock_now()
    credential = Credential.objects.filter(account=account, kind="password", replaced_at__isnull=True).first()
    if credential is None:
        credential = actions.set_password(
            actor=actions.account_actor(account), account=account, secret_hash=_CHEAP_HASH, now=moment
        )
    opened = actions.open_session(account=account, credential=credential, channel="test", now=moment)
    return actor_from_session(opened.token, moment)


def end_role_by_two(grant: RoleGrant, now: datetime, *, asks: Actor | None = None) -> RoleGrant:
    """A role taken back as two administrators do it."""
    first = asks or session_of(account_with(Role.SECURITY_ADMIN, now=now), now=now)
    second = session_of(account_with(Role.SYSTEM_ADMIN, now=now), now=now)
    asked = people.ask_to_end_role(actor=first, grant=grant, now=now)
    return people.end_role(actor=second, request=confirm_dual(actor=second, request=asked, now=now), now=now)
