"""One account with everything that administrators decide about: roles, what it logs in with, sessions, history."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from banyan.domain.iam import access, rights
from banyan.domain.iam.models import RoleGrant, Session, StaffAccount
from banyan.domain.iam.rights import POINT_ROLES, ROLE_NAMES, Role
from banyan.domain.parties import access as parties
from banyan.domain.parties.models import IssuingPoint
from banyan.kernel.actor import Actor
from banyan.web.reading import audit, confirmations, staff
from banyan.web.reading.staff import AccountRow

_HISTORY = 30


@dataclass(frozen=True)
class Held:
    """A role held now, and where."""

    grant: RoleGrant
    role: str
    where: str


@dataclass(frozen=True)
class Running:
    """A session that is still open."""

    row: Session
    channel: str
    opened_with: str
    is_own: bool


@dataclass(frozen=True)
class Person:
    """What the page of one account shows."""

    row: AccountRow
    held: list[Held]
    sessions: list[Running]
    waiting: list[confirmations.Waiting]
    history: list[Any]

    @property
    def account(self) -> StaffAccount:
        return self.row.account

    @property
    def is_locked(self) -> bool:
        return self.row.state == "LOCKED_OUT"


def person(actor: Actor, account_id: int, now: datetime) -> Person:
    """One account. Raises iam AccountNotFound, RightMissing."""
    account = access.account(actor, account_id)
    row = staff.row(actor, account, now)
    waiting = [one for one in confirmations.waiting(actor, now) if confirmations.account_of(one.row) == account_id]
    return Person(
        row, held(account), sessions(actor, account, now), waiting, audit.of_account(actor, account, _HISTORY)
    )


def held(account: StaffAccount) -> list[Held]:
    """The roles that an account holds, with the regions or the issuing point."""
    tree = parties.region_tree()
    grants = list(account.grants.filter(ended_at__isnull=True).select_related("posting").order_by("pk"))
    points = parties.point_names(grant.posting.point_id for grant in grants if Role(grant.role) in POINT_ROLES)
    found = []
    for grant in grants:
        where = confirmations.regions_in_words(grant.regions, tree)
        if Role(grant.role) in POINT_ROLES:
            where = f"{points.get(grant.posting.point_id, '')}（{where}）"
        found.append(Held(grant, _(ROLE_NAMES[Role(grant.role)]), where))
    return found


def sessions(actor: Actor, account: StaffAccount, now: datetime) -> list[Running]:
    """The open sessions of an account."""
    channels = {"pages": _("页面"), "cli": _("命令行")}
    opened_with = {"password": _("口令"), "certificate": _("证书"), "totp": _("口令和动态口令")}
    return [
        Running(
            row=row,
            channel=channels.get(row.channel, row.channel),
            opened_with=opened_with.get(row.credential.kind, row.credential.kind),
            is_own=row.pk == actor.session_id,
        )
        for row in access.open_sessions(actor, account, now)
    ]


def choices(actor: Actor) -> dict[str, Any]:
    """What the form that asks for a role offers."""
    tree = parties.region_tree()
    regions = [(one.code, f"{tree.full_name(one.code)} {one.code}") for one in tree.regions]
    points: list[IssuingPoint] = []
    if rights.has(actor, "points.read"):
        points = list(parties.issuing_points(actor).filter(is_active=True).order_by("region_code", "code"))
    roles = [(role.value, _(name)) for role, name in ROLE_NAMES.items()]
    return {"roles": roles, "regions": regions, "points": points, "point_roles": [role.value for role in POINT_ROLES]}
