"""Logging in: the attempt is counted, then the slow check of a password, then one short action.

Wrong password, unknown user name, unusable account and a source that has to wait take the same way and get the same
answer. Failures are recorded in a transaction of their own; a user name nobody has is recorded as a keyed digest only,
since people type passwords into the wrong field.
"""

from datetime import datetime
from typing import Any, NoReturn

from banyan.domain import audit
from banyan.domain.iam import actions, passwords, sources
from banyan.domain.iam.actions import NewSession, account_actor, hashed
from banyan.domain.iam.codes import is_enrolled
from banyan.domain.iam.errors import (
    CertificateNeeded,
    CodeNeeded,
    IamError,
    LinkInvalid,
    LoginRefused,
    PasswordSwitchedOff,
    PasswordTooWeak,
)
from banyan.domain.iam.models import Credential, LoginLink, StaffAccount
from banyan.domain.iam.sources import Source
from banyan.domain.iam.staff_login import Method, is_bound, staff_login
from banyan.kernel.actor import Actor, system_actor
from banyan.kernel.errors import N_

_FAILED = "iam.log_in"
_WAITING = "iam.login_waiting"  # code in the audit only


def log_in(*, username: str, password: str, channel: str, now: datetime, source: Source | None = None) -> NewSession:
    """Check user name and password and open a session. Raises LoginRefused, audited with its reason.

    Raises CertificateNeeded or CodeNeeded after a right password where a certificate or a code comes second;
    PasswordSwitchedOff, before anything is looked at, where passwords open nothing.
    """
    method = staff_login()
    if not method.takes_a_password:
        _refuse_passwords(channel)
    account = StaffAccount.objects.filter(username=username).first()
    account_id = account.pk if account is not None else 0
    credential = Credential.objects.filter(account_id=account_id, kind="password", replaced_at__isnull=True).first()
    place = source or Source()
    tried = sources.take_try(username=username, source=place, now=now)
    is_right = passwords.matches_or_spends(credential.secret_hash if credential else "", password)
    if (
        tried is not None
        and is_right
        and account is not None
        and credential is not None
        and account.is_active
        and credential.is_row_genuine()
        and account.is_row_genuine()
    ):
        # The attempt stays counted until the certificate was shown too.
        _ensure_enough(method, account, credential)
        return actions.open_session(account=account, credential=credential, channel=channel, now=now, source=place)
    detail: dict[str, Any] = {"channel": channel}
    if account is None:
        detail["username_digest"] = audit.digest(username)
    who = account_actor(account) if account is not None else system_actor("unknown")
    if tried is not None:
        sources.note_failure(actor=who, tried=tried, detail=detail, now=now)
    audit.refusal(who, _FAILED, LoginRefused.code if tried is not None else _WAITING, account, **detail)
    raise LoginRefused


def log_in_with_link(
    *, secret: str, password: str, channel: str, now: datetime, source: Source | None = None
) -> NewSession:
    """First log-in by link, setting a password. Raises LinkInvalid or PasswordTooWeak (the link stays
    good); CertificateNeeded or CodeNeeded, the password set, where something comes second; PasswordSwitchedOff.
    """
    method = staff_login()
    if not method.takes_a_password:
        _refuse_passwords(channel)
    link = LoginLink.objects.select_related("account").filter(token_hash=hashed(secret)).first()
    if link is not None:
        passwords.ensure_new_password(link.account_id, link.account.username, password)
    secret_hash = passwords.hash_password(password)
    wants_certificate = method is Method.TWO_FACTOR and link is not None and is_bound(link.account_id)
    wants_code = not wants_certificate and link is not None and is_enrolled(link.account_id)
    opens = not (wants_certificate or wants_code)
    used = actions.use_link(
        secret=secret, secret_hash=secret_hash, channel=channel, now=now, source=source, opens=opens
    )
    if isinstance(used, Credential):
        raise CertificateNeeded(used.pk) if wants_certificate else CodeNeeded(used.pk)
    return used


def change_password(*, actor: Actor, current: str, new: str, now: datetime) -> Credential:
    """Replace the actor's own password. Raises LoginRefused or PasswordTooWeak.

    The session's credential stays the one that opened it, so changing a password never makes a second person.
    """
    account = StaffAccount.objects.get(pk=actor.id).verify_row()
    place = Source(session_id=actor.session_id or 0)
    tried = sources.take_try(username=account.username, source=place, now=now)
    credential = Credential.objects.get(account=account, kind="password", replaced_at__isnull=True)
    is_right = passwords.matches(credential.verify_row().secret_hash, current)
    if tried is None or not is_right:
        if tried is not None:
            sources.note_failure(actor=actor, tried=tried, detail={"channel": "password"}, now=now)
        audit.refusal(actor, "iam.change_password", LoginRefused(), account)
        raise LoginRefused
    if current == new:
        raise PasswordTooWeak(reason=N_("新口令与现在的口令相同"))
    passwords.ensure_new_password(account.pk, account.username, new)
    secret_hash = passwords.hash_password(new)
    return actions.set_password(actor=actor, account=account, secret_hash=secret_hash, now=now, source=place)


def ensure_passwords_serve() -> None:
    """Raises PasswordSwitchedOff where passwords open nothing; for pages that would ask for one."""
    if not staff_login().takes_a_password:
        raise PasswordSwitchedOff


def _ensure_enough(method: Method, account: StaffAccount, credential: Credential) -> None:
    """Raises CertificateNeeded for an account that cannot skip its certificate, CodeNeeded for one with an authenticator."""
    if method is Method.TWO_FACTOR and is_bound(account.pk):
        raise CertificateNeeded(credential.pk)
    if is_enrolled(account.pk):
        raise CodeNeeded(credential.pk)


def _refuse_passwords(channel: str) -> NoReturn:
    error = PasswordSwitchedOff()
    audit.refusal(system_actor("unknown"), _FAILED, error, None, channel=channel)
    raise error


__all__ = ["IamError", "LinkInvalid", "change_password", "log_in", "log_in_with_link"]
