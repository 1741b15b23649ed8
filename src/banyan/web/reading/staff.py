"""Accounts of the staff as administrators see them."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from banyan.domain.iam import access
from banyan.domain.iam.binding import certificate_state
from banyan.domain.iam.codes import TOTP_KIND
from banyan.domain.iam.models import StaffAccount
from banyan.domain.iam.rights import ROLE_NAMES, Role
from banyan.domain.parties import access as parties
from banyan.domain.parties.errors import PartiesError
from banyan.domain.parties.regions import RegionTree
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_

_CERTIFICATES = {"": "", "identity": N_("按身份"), "sm3": N_("按证书")}


@dataclass(frozen=True)
class AccountRow:
    """One account: state, roles held now, where, how its certificate is recognised, last log-in."""

    account: StaffAccount
    state: str
    roles: list[str]
    regions: str
    certificate: str
    has_code: bool
    last_login_at: datetime | None


@dataclass(frozen=True)
class StaffSummary:
    """Numbers for the dashboard of administrators."""

    active: int
    without_role: int
    without_password: int
    locked: int
    disabled: int


def accounts(actor: Actor, now: datetime) -> list[AccountRow]:
    """Every account. Raises RightMissing."""
    tree = parties.region_tree()
    found = list(access.list_accounts(actor))
    waiting = access.waiting_accounts(actor, found, now)
    return [_row(account, tree, account.pk in waiting) for account in found]


def row(actor: Actor, account: StaffAccount, now: datetime) -> AccountRow:
    """One account as the list shows it. Raises RightMissing."""
    waiting = access.waiting_accounts(actor, [account], now)
    return _row(account, parties.region_tree(), account.pk in waiting)


def summary(rows: list[AccountRow]) -> StaffSummary:
    """The numbers of a list."""
    states = [row.state for row in rows]
    return StaffSummary(
        active=len(states) - states.count("DISABLED"),
        without_role=sum(1 for row in rows if not row.roles and row.state != "DISABLED"),
        without_password=states.count("NO_PASSWORD"),
        locked=states.count("LOCKED_OUT"),
        disabled=states.count("DISABLED"),
    )


def filtered(rows: list[AccountRow], *, text: str, state: str) -> list[AccountRow]:
    """The rows whose name, user name or role holds a text, in a state ("" for any)."""
    wanted = text.casefold().strip()

    def fits(row: AccountRow) -> bool:
        words = (row.account.display_name, row.account.username, *row.roles)
        return (not wanted or any(wanted in word.casefold() for word in words)) and state in ("", row.state)

    return [row for row in rows if fits(row)]


def _row(account: StaffAccount, tree: RegionTree, is_waiting: bool) -> AccountRow:
    grants = [grant for grant in account.grants.all() if grant.ended_at is None]
    return AccountRow(
        account=account,
        state=_state(account, is_waiting),
        roles=[_(ROLE_NAMES[Role(grant.role)]) for grant in grants],
        regions=_regions(grants[0].regions, tree) if grants else "",
        certificate=_(_CERTIFICATES[certificate_state(account)]),
        has_code=any(one.kind == TOTP_KIND and one.replaced_at is None for one in account.credentials.all()),
        last_login_at=getattr(account, "last_login_at", None),
    )


def _state(account: StaffAccount, is_waiting: bool) -> str:
    if not account.is_active:
        return "DISABLED"
    if is_waiting:
        return "LOCKED_OUT"
    openers = [one for one in account.credentials.all() if one.kind != TOTP_KIND]  # a code opens nothing by itself
    may_log_in = any(credential.replaced_at is None for credential in openers)
    return "ACTIVE" if may_log_in else "NO_PASSWORD"


def _regions(codes: list[str] | None, tree: RegionTree) -> str:
    if codes is None:
        return _("全省")
    return _("、").join(_name(code, tree) for code in codes)


def _name(code: str, tree: RegionTree) -> str:
    try:
        return tree.full_name(code)
    except PartiesError:
        return code
