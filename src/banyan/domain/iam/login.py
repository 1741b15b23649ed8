"""Logging in: the slow check of a password first, then one short action.

Failures are recorded in a transaction of their own; a user name nobody has is recorded as a keyed digest
only, since people type passwords into the wrong field.
"""

from datetime import datetime

from banyan.domain import audit
from banyan.domain.iam import actions, passwords
from banyan.domain.iam.actions import NewSession, account_actor, hashed
from banyan.domain.iam.errors import IamError, LinkInvalid, LockedOut, LoginRefused, PasswordTooWeak
from banyan.domain.iam.models import Credential, LoginLink, StaffAccount
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_

_FAILED = "iam.log_in"


def log_in(*, username: str, password: str, channel: str, now: datetime) -> NewSession:
    """Check user name and password and open a session. Raises LoginRefused or LockedOut; both are audited."""
    account = StaffAccount.objects.filter(username=username).first()
    if account is None:
        passwords.spend_the_same_time(password)
        audit.refusal(None, _FAILED, LoginRefused(), channel=channel, username_digest=audit.digest(username))
        raise LoginRefused
    try:
        actions.ensure_not_locked(account, now)
    except LockedOut as error:
        passwords.spend_the_same_time(password)
        audit.refusal(account_actor(account), _FAILED, error, account, channel=channel)
        raise
    credential = Credential.objects.filter(account=account, kind="password", replaced_at__isnull=True).first()
    if credential is None:
        passwords.spend_the_same_time(password)
    is_right = (
        credential is not None
        and passwords.matches(credential.secret_hash, password)
        and account.is_active
        and credential.is_row_genuine()
        and account.is_row_genuine()
    )
    if credential is None or not is_right:
        noted = actions.note_failure(account=account, channel=channel, now=now)
        audit.refusal(account_actor(account), _FAILED, LoginRefused(), account, channel=channel)
        actions.ensure_not_locked(noted, now)  # the failure that locks says so
        raise LoginRefused
    return actions.open_session(account=account, credential=credential, channel=channel, now=now)


def log_in_with_link(*, secret: str, password: str, channel: str, now: datetime) -> NewSession:
    """First log-in by link, setting a password. Raises LinkInvalid or PasswordTooWeak (the link stays
    good).
    """
    link = LoginLink.objects.select_related("account").filter(token_hash=hashed(secret)).first()
    if link is not None:
        passwords.ensure_new_password(link.account_id, link.account.username, password)
    return actions.use_link(secret=secret, secret_hash=passwords.hash_password(password), channel=channel, now=now)


def change_password(*, actor: Actor, current: str, new: str, now: datetime) -> Credential:
    """Replace the actor's own password. Raises LoginRefused, LockedOut or PasswordTooWeak.

    The session's credential stays the one that opened it, so changing a password never makes a second person.
    """
    account = StaffAccount.objects.get(pk=actor.id).verify_row()
    actions.ensure_not_locked(account, now)
    credential = Credential.objects.get(account=account, kind="password", replaced_at__isnull=True)
    if not passwords.matches(credential.verify_row().secret_hash, current):
        actions.note_failure(account=account, channel="password", now=now)
        audit.refusal(actor, "iam.change_password", LoginRefused(), account)
        raise LoginRefused
    if current == new:
        raise PasswordTooWeak(reason=N_("新口令与现在的口令相同"))
    passwords.ensure_new_password(account.pk, account.username, new)
    return actions.set_password(actor=actor, account=account, secret_hash=passwords.hash_password(new), now=now)


__all__ = ["IamError", "LinkInvalid", "change_password", "log_in", "log_in_with_link"]
