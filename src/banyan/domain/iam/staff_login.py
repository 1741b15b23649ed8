"""What staff log in with: one guarded setting, changed by two people, never to where nobody could log in.

Why it is a row and no line of the settings file: ``docs/adr/0012-certificate-log-in.md``.
"""

from datetime import datetime
from enum import StrEnum
from typing import Final

from django.conf import settings

from banyan.domain import audit
from banyan.domain.audit.errors import RowForged
from banyan.domain.iam.dual_control import request_dual, use_dual
from banyan.domain.iam.errors import NobodyCouldLogIn
from banyan.domain.iam.installation import SAMPLE
from banyan.domain.iam.models import Credential, DualControlRequest, RoleGrant, StaffAccount, StaffLogin
from banyan.domain.iam.rights import ADMINISTRATORS, ROLE_NAMES
from banyan.kernel.actor import Actor, system_actor
from banyan.kernel.errors import N_

KIND: Final = "iam.set_staff_login"
_ONLY = 1


class Method(StrEnum):
    """What opens a session (GB/T 22239-2019 8.1.4.1 d asks for two factors at level 3)."""

    PASSWORD = "password"  # noqa: S105  (the name of a method)
    TWO_FACTOR = "two_factor"
    CERTIFICATE = "certificate"

    @property
    def label(self) -> str:
        """The Chinese msgid shown to people."""
        return _LABELS[self]

    @property
    def takes_a_password(self) -> bool:
        """Whether anybody logs in by password at all."""
        return self is not Method.CERTIFICATE

    @property
    def takes_a_certificate_alone(self) -> bool:
        """Whether a certificate, with the PIN of its token, opens a session without a password before it."""
        return self is not Method.TWO_FACTOR


_LABELS = {
    Method.PASSWORD: N_("口令或证书"),
    Method.TWO_FACTOR: N_("先口令，后证书"),
    Method.CERTIFICATE: N_("只用证书"),
}


def staff_login() -> Method:
    """The method in force. Raises RowForged, recorded, when the row was written by hand."""
    row = StaffLogin.objects.filter(pk=_ONLY).first()
    if row is None:
        return Method.PASSWORD if settings.BANYAN.state == SAMPLE else Method.TWO_FACTOR
    if not row.is_row_genuine():
        error = RowForged(row=f"{row._meta.label_lower}:{row.pk}")
        audit.refusal(system_actor("iam"), "iam.staff_login_read", error, row)
        raise error
    return Method(row.method)


def ask_for_staff_login(*, actor: Actor, method: Method, now: datetime) -> DualControlRequest:
    """First person: ask for another method. Raises NobodyCouldLogIn, RightMissing."""
    if not method.takes_a_password:
        ensure_administrators_bound()
    return request_dual(actor=actor, kind=KIND, payload={"method": method.value}, now=now)


@audit.action
def set_staff_login(*, actor: Actor, request: DualControlRequest, now: datetime) -> StaffLogin:
    """Carry out a confirmed request. Sessions go on. Raises NobodyCouldLogIn."""
    _, payload = use_dual(actor=actor, request=request, kind=KIND, now=now)
    method = Method(payload["method"])
    audit.alone()  # nobody takes a certificate away in between
    if not method.takes_a_password:
        ensure_administrators_bound()
    row = StaffLogin.objects.filter(pk=_ONLY).first() or StaffLogin(id=_ONLY)
    row.method, row.changed_at = method.value, now
    row.save()
    audit.record(actor, "iam.staff_login_set", row, method=method.value)
    return row


def ensure_administrators_bound(*, without: int = 0) -> None:
    """Raises NobodyCouldLogIn unless each administrator's role is held by an active account with a certificate.

    ``without``: an account that is about to lose its certificate.
    """
    holders = StaffAccount.objects.filter(is_active=True, pk__in=bound_accounts()).exclude(pk=without)
    held = {
        grant.role
        for grant in RoleGrant.objects.filter(account__in=holders, ended_at__isnull=True)
        if grant.is_row_genuine()
    }
    for role in sorted(ADMINISTRATORS):
        if role.value not in held:
            raise NobodyCouldLogIn(role=ROLE_NAMES[role])


def ensure_somebody_can_log_in() -> None:
    """In an action that takes an account or a role away: where only certificates open sessions, each administrator's role is
    still held by somebody who has one. Raises NobodyCouldLogIn.
    """
    audit.alone()
    if staff_login() is Method.CERTIFICATE:
        ensure_administrators_bound()


def bound_accounts() -> set[int]:
    """Accounts with a certificate bound, rows checked."""
    found = Credential.objects.filter(kind="certificate", replaced_at__isnull=True)
    return {credential.account_id for credential in found if credential.is_row_genuine()}


def is_bound(account_id: int) -> bool:
    """Whether an account has a certificate. A row that was changed counts as one: it must not open a way around it."""
    return Credential.objects.filter(account_id=account_id, kind="certificate", replaced_at__isnull=True).exists()


def accounts_without_certificate() -> list[StaffAccount]:
    """Active accounts that a second factor was not given yet; for the daily inspection."""
    return list(StaffAccount.objects.filter(is_active=True).exclude(pk__in=bound_accounts()).order_by("username"))


def needs_certificate(actor: Actor) -> bool:
    """Whether to remind somebody that his account lacks the second factor that the installation asks for."""
    if actor.kind != "staff" or staff_login() is not Method.TWO_FACTOR:
        return False
    second = Credential.objects.filter(account_id=actor.id, kind__in=("certificate", "totp"), replaced_at__isnull=True)
    return not second.exists()
