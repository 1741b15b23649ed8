"""Challenges of the certificate log-in: given to one browser for one origin, answered once, within two minutes."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from banyan import gm
from banyan.domain import audit
from banyan.domain.audit.models import ring
from banyan.domain.iam import rules
from banyan.domain.iam.actions import account_actor
from banyan.domain.iam.errors import PasswordComesFirst
from banyan.domain.iam.models import Credential, LoginChallenge
from banyan.domain.iam.staff_login import staff_login

_LABEL: Final = "iam login challenge"
_SIGNED: Final = b"banyan-login-v1"


@dataclass(frozen=True)
class NewChallenge:
    """A challenge at the only moment it is known, and the token by which the answering browser is recognised."""

    challenge: bytes
    browser: str
    expires_at: datetime


@dataclass(frozen=True)
class Taken:
    """A challenge that was spent: for which origin and channel, and whose password was right before it."""

    origin: str
    channel: str
    credential: Credential | None


def signed_text(origin: str, challenge: bytes) -> bytes:
    """What the token signs (``docs/token-agent.md``)."""
    return b"\0".join((_SIGNED, origin.encode(), challenge))


@audit.action
def open_challenge(
    *, origin: str, browser: str, channel: str, now: datetime, credential_id: int | None = None
) -> NewChallenge:
    """A new challenge. ``browser`` is the token that the browser has of an earlier one, if it has any.

    ``credential_id``: the password that was right just before. Raises PasswordComesFirst where one is needed.
    """
    if credential_id is None and not staff_login().takes_a_certificate_alone:
        raise PasswordComesFirst
    LoginChallenge.objects.filter(expires_at__lte=now).delete()
    # A token is kept for pages side by side, but only one that this server gave out and that is still good.
    kept = LoginChallenge.objects.filter(browser=_digest(browser.encode()))
    if not browser or not kept.exists():
        browser = secrets.token_urlsafe(32)
    surplus = list(kept.order_by("-pk").values_list("pk", flat=True)[rules.MOST_CHALLENGES - 1 :])
    LoginChallenge.objects.filter(pk__in=surplus).delete()
    challenge = secrets.token_bytes(rules.CHALLENGE_BYTES)
    row = LoginChallenge(
        digest=_digest(challenge),
        browser=_digest(browser.encode()),
        origin=origin,
        channel=channel,
        credential_id=credential_id,
        expires_at=now + rules.CHALLENGE_LIFE,
    )
    row.mac = _mac(row)
    row.save()
    if credential_id is not None:
        # A right password whose certificate never follows is what somebody should see.
        password = Credential.objects.select_related("account").get(pk=credential_id)
        audit.record(account_actor(password.account), "iam.password_accepted", password, channel=channel)
    return NewChallenge(challenge, browser, row.expires_at)


@audit.action
def take_challenge(*, challenge: bytes, browser: str, origin: str, now: datetime) -> Taken | None:
    """Spend a challenge, whatever becomes of its answer; None for one that is not this browser's, here and now.

    Of two answers at once one deletes the row, and only that one goes on.
    """
    mine = LoginChallenge.objects.filter(digest=_digest(challenge), browser=_digest(browser.encode()))
    row = mine.select_related("credential").first()
    if row is None or mine.filter(pk=row.pk).delete()[0] == 0:
        return None
    if row.expires_at <= now or row.origin != origin or not hmac.compare_digest(bytes(row.mac), _mac(row)):
        return None
    return Taken(row.origin, row.channel, row.credential)


def _digest(secret: bytes) -> str:
    return gm.sm3(secret).hex()


def _mac(row: LoginChallenge) -> bytes:
    return ring().rows.mac(_LABEL, row.values())
