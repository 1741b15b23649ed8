"""Reading who somebody is and what they may do. Nothing here trusts a row whose MAC is wrong."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db.models import OuterRef, QuerySet, Subquery

from banyan.domain import audit
from banyan.domain.audit.errors import RowForged
from banyan.domain.iam import rules, sources
from banyan.domain.iam.actions import hashed
from banyan.domain.iam.codes import is_enrolled
from banyan.domain.iam.errors import (
    AccountNotFound,
    AccountUnknown,
    DualRequestUnknown,
    GrantUnknown,
    LinkInvalid,
    PasswordExpired,
    RolesExclusive,
    SecondFactorDue,
    SessionInvalid,
)
from banyan.domain.iam.models import (
    Credential,
    DualControlRequest,
    DualState,
    LoginLink,
    RoleGrant,
    Session,
    StaffAccount,
)
from banyan.domain.iam.policy import Policy, policy
from banyan.domain.iam.rights import POINT_ROLES, Role, require, rights_of
from banyan.domain.iam.staff_login import Method, is_bound, staff_login
from banyan.kernel.actor import Actor, system_actor


def actor_from_session(token: str, now: datetime) -> Actor:
    """The person a session token stands for, with the rights held at this moment.

    Raises SessionInvalid. A forged session, account or credential is refused and recorded; a forged role
    gives no rights and leaves an alarm record.
    """
    session = Session.objects.select_related("account", "credential").filter(token_hash=hashed(token)).first()
    asked = policy()
    if session is None or not rules.is_session_alive(
        last_seen_at=session.last_seen_at,
        expires_at=session.expires_at,
        ended_at=session.ended_at,
        now=now,
        idle=asked.idle,
    ):
        raise SessionInvalid
    account = session.account
    for row in (session, account, session.credential):
        if not row.is_row_genuine():
            error = RowForged(row=f"{row._meta.label_lower}:{row.pk}")
            audit.refusal(system_actor("iam"), "iam.session_read", error, row)
            raise SessionInvalid
    if not account.is_active:
        raise SessionInvalid
    if now - session.last_seen_at >= rules.SEEN_STEP:
        Session.objects.filter(pk=session.pk, last_seen_at__lt=now).update(last_seen_at=now)
    grants = genuine_grants(account)
    held_back = _held_back(session, asked, now)
    return Actor(
        kind="staff",
        id=account.pk,
        name=account.username,
        session_id=session.pk,
        credential_id=session.credential_id,
        rights=rights_of(frozenset(Role(grant.role) for grant in grants)) if not held_back else frozenset(),
        regions=_regions(grants) if not held_back else frozenset(),
        point_id=_point(grants),
        held_back=held_back,
    )


def _held_back(session: Session, asked: Policy, now: datetime) -> str:
    """Why a person who is logged in may do nothing yet: a password too old, a second factor that the policy asks for."""
    account_id = session.account_id
    passwords = Credential.objects.filter(account_id=account_id, kind="password", replaced_at__isnull=True)
    if asked.password_days and staff_login().takes_a_password:
        made_at = passwords.values_list("created_at", flat=True).first()
        if made_at is not None and now - made_at >= timedelta(days=asked.password_days):
            return PasswordExpired.code
    if asked.needs_code and session.credential.kind == "password":
        method = staff_login()
        if method is Method.TWO_FACTOR and not is_bound(account_id) and not is_enrolled(account_id):
            return SecondFactorDue.code
    return ""


def genuine_grants(account: StaffAccount) -> list[RoleGrant]:
    """The roles an account holds now, those with a wrong MAC left out and reported as an alarm in the audit.

    Should the genuine ones break the separation of administrators (a role put back by hand), none counts.
    """
    genuine = []
    found = RoleGrant.objects.filter(account=account, ended_at__isnull=True).select_related("posting").order_by("pk")
    for grant in found:
        if grant.is_row_genuine() and _is_posting_genuine(grant):
            genuine.append(grant)
        else:
            audit.refusal(system_actor("iam"), "iam.role_forged", RowForged(row=str(grant)), grant, account=account.pk)
    roles = [Role(grant.role) for grant in genuine]
    try:
        for role in roles:
            rules.ensure_roles_compatible(account.username, roles, role)
    except RolesExclusive as error:
        audit.refusal(system_actor("iam"), "iam.roles_exclusive", error, account)
        return []
    return genuine


def _is_posting_genuine(grant: RoleGrant) -> bool:
    """A role at an issuing point has its genuine posting, any other role has none."""
    posting = getattr(grant, "posting", None)
    if (Role(grant.role) in POINT_ROLES) != (posting is not None):
        return False
    return posting is None or posting.is_row_genuine()


def own_account(actor: Actor) -> StaffAccount:
    """The actor's own account."""
    return StaffAccount.objects.get(pk=actor.id)


def held_grant(account_id: int, grant_id: int) -> RoleGrant:
    """A grant of an account by its number. Raises GrantUnknown."""
    found = RoleGrant.objects.filter(pk=grant_id, account_id=account_id).select_related("account").first()
    if found is None:
        raise GrantUnknown(username=names_of([account_id]).get(account_id, ""))
    return found


def password_shown(credential_id: int) -> Credential:
    """The password that was right a moment ago (``CodeNeeded.credential_id``), with its account."""
    return Credential.objects.select_related("account").get(pk=credential_id)


def find_account(username: str) -> StaffAccount:
    """An account by user name. Raises AccountUnknown."""
    account = StaffAccount.objects.filter(username=username).first()
    if account is None:
        raise AccountUnknown(username=username)
    return account


def current_grant(account: StaffAccount, role: Role) -> RoleGrant:
    """The grant of a role that an account holds now. Raises GrantUnknown."""
    found = (
        RoleGrant.objects.filter(account=account, role=role, ended_at__isnull=True).select_related("account").first()
    )
    if found is None:
        raise GrantUnknown(username=account.username)
    return found


def account_of_link(secret: str, now: datetime) -> StaffAccount:
    """Whose first log-in link this is; looking does not spend it. Raises LinkInvalid."""
    link = LoginLink.objects.select_related("account").filter(token_hash=hashed(secret)).first()
    if link is None or not link.is_row_genuine() or link.used_at is not None or link.expires_at <= now:
        raise LinkInvalid
    if not link.account.is_active:
        raise LinkInvalid
    return link.account


def names_of(account_ids: Iterable[int | None]) -> dict[int, str]:
    """The names that colleagues are shown under, by account; for time lines."""
    wanted = {key for key in account_ids if key}
    return dict(StaffAccount.objects.filter(pk__in=wanted).values_list("pk", "display_name"))


def full_names_of(account_ids: Iterable[int | None]) -> dict[int, str]:
    """Display and user name together, by account: for those who decide about a person."""
    wanted = {key for key in account_ids if key}
    rows = StaffAccount.objects.filter(pk__in=wanted).values_list("pk", "display_name", "username")
    return {key: f"{name} {username}" for key, name, username in rows}


def unfinished_dual_requests(kinds: Iterable[str], now: datetime) -> QuerySet[DualControlRequest]:
    """Requests of some kinds that wait for the second person or, confirmed, to be carried out; oldest first."""
    states = (DualState.PENDING, DualState.CONFIRMED)
    found = DualControlRequest.objects.filter(state__in=states, expires_at__gt=now, kind__in=list(kinds))
    return found.select_related("requested_by", "confirmed_by").order_by("pk")


def open_sessions(actor: Actor, account: StaffAccount, now: datetime) -> Sequence[Session]:
    """The sessions of an account that are still alive, one's own or, with the right, somebody's. Raises RightMissing."""
    if account.pk != actor.id:
        require(actor, "iam.read")
    alive = Session.objects.filter(
        account=account, ended_at__isnull=True, expires_at__gt=now, last_seen_at__gt=now - policy().idle
    )
    return list(alive.select_related("credential").order_by("-last_seen_at", "-pk")[:50])


def account(actor: Actor, account_id: int) -> StaffAccount:
    """One account. Raises AccountNotFound, RightMissing."""
    found = list_accounts(actor).filter(pk=account_id).first()
    if found is None:
        raise AccountNotFound
    return found


def list_accounts(actor: Actor) -> QuerySet[StaffAccount]:
    """All accounts with their roles and last log-in (``last_login_at``), for administrators."""
    require(actor, "iam.read")
    newest = Session.objects.filter(account=OuterRef("pk")).order_by("-pk").values("created_at")[:1]
    found = StaffAccount.objects.annotate(last_login_at=Subquery(newest))
    return found.prefetch_related("grants", "credentials").order_by("username")


def waiting_accounts(actor: Actor, accounts: Iterable[StaffAccount], now: datetime) -> set[int]:
    """Which of these accounts cannot log in from somewhere at this moment, after too many failures there."""
    require(actor, "iam.read")
    names = sources.blocked_names(now)
    return {account.pk for account in accounts if names and sources.name_digest(account.username) in names}


def dual_request(request_id: int) -> DualControlRequest:
    """A two-person request by its number. Raises DualRequestUnknown."""
    request = DualControlRequest.objects.filter(pk=request_id).first()
    if request is None:
        raise DualRequestUnknown(id=request_id)
    return request


def open_dual_requests(kind: str | None, now: datetime) -> QuerySet[DualControlRequest]:
    """Two-person requests that wait for confirmation, oldest first."""
    found = DualControlRequest.objects.filter(state=DualState.PENDING, expires_at__gt=now).select_related(
        "requested_by"
    )
    return (found.filter(kind=kind) if kind else found).order_by("pk")


def _point(grants: Sequence[RoleGrant]) -> int | None:
    points = [grant.posting.point_id for grant in grants if Role(grant.role) in POINT_ROLES]
    return points[0] if points else None


def _regions(grants: Sequence[RoleGrant]) -> frozenset[str] | None:
    if not grants:
        return frozenset()
    # All grants of an account reach the same regions (RegionsDiffer); should that not hold, the narrower
    # counts.
    scopes = [frozenset(grant.regions) for grant in grants if grant.regions is not None]
    return frozenset.intersection(*scopes) if scopes else None
