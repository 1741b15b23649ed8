"""Decisions about accounts, passwords, sessions and roles, as pure functions."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from banyan.domain.iam.common_passwords import is_common
from banyan.domain.iam.errors import (
    PasswordTooPlain,
    PasswordTooShort,
    PasswordTooWeak,
    RolesExclusive,
    UsernameInvalid,
)
from banyan.domain.iam.rights import ADMINISTRATORS, POINT_ROLES, ROLE_NAMES, Role
from banyan.kernel.errors import N_

FREE_FAILURES = 4  # the next one makes the source wait: a minute, doubled by each failure that follows
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)
COUNTED_FOR = timedelta(days=1)
MOST_A_DAY = 30  # failures of a user name a day: from each known source, and from all strangers together
DEVICE_KNOWN = timedelta(days=180)
MOST_DEVICES = 10
LINK_LIFE = timedelta(hours=24)
SESSION_IDLE = timedelta(minutes=30)
SESSION_LIFE = timedelta(hours=10)
SEEN_STEP = timedelta(minutes=1)  # how finely "last seen" is kept
DUAL_LIFE = timedelta(hours=8)
CHALLENGE_LIFE = timedelta(minutes=2)
CHALLENGE_BYTES = 32
MOST_CHALLENGES = 8  # open ones of a browser: a few pages side by side
PASSWORD_LONGEST = 128

_USERNAME = re.compile(r"[a-z][a-z0-9.\-]{2,31}")


@dataclass(frozen=True)
class PasswordRules:
    """What a new password must be; an installation says otherwise in its policy (``policy``)."""

    length: int = 10
    classes: int = 3
    refuses_common: bool = True


def ensure_username(username: str) -> None:
    """Raises UsernameInvalid."""
    if not _USERNAME.fullmatch(username):
        raise UsernameInvalid


def ensure_password(password: str, username: str, asked: PasswordRules = PasswordRules()) -> None:
    """Length, character classes, not the user name, no common one (GB/T 22239-2019 8.1.4.1). Raises PasswordTooWeak."""
    if len(password) < asked.length:
        raise PasswordTooShort(length=asked.length)
    if len(password) > PASSWORD_LONGEST:
        raise PasswordTooWeak(reason=N_("最多 128 个字符"))
    tests = (str.islower, str.isupper, str.isdigit, lambda character: not character.isalnum())
    if sum(any(test(character) for character in password) for test in tests) < asked.classes:
        raise PasswordTooPlain(classes=asked.classes)
    folded = password.casefold()
    if username.casefold() in folded or username.casefold()[::-1] in folded:
        raise PasswordTooWeak(reason=N_("不能包含用户名"))
    if asked.refuses_common and is_common(password):
        raise PasswordTooWeak(reason=N_("这是很多人用的口令，容易被猜到"))


def blocked_until(*, streak: int, count: int, counted_from: datetime, now: datetime) -> datetime | None:
    """Until when a source is not heard after its ``streak``-th failure in a row, the ``count``-th of its day."""
    if count >= MOST_A_DAY:
        return counted_from + COUNTED_FOR
    doublings = streak - FREE_FAILURES - 1
    return now + min(FIRST_WAIT * 2 ** min(doublings, 10), LONGEST_WAIT) if doublings >= 0 else None


def is_session_alive(
    *,
    last_seen_at: datetime,
    expires_at: datetime,
    ended_at: datetime | None,
    now: datetime,
    idle: timedelta = SESSION_IDLE,
) -> bool:
    """Neither ended, nor idle too long, nor older than a session may be."""
    return ended_at is None and now < expires_at and now - last_seen_at < idle


def ensure_roles_compatible(username: str, held: Iterable[Role], role: Role) -> None:
    """Three separated administrators, no business beside administration, nothing beside a role at an issuing point.

    Raises RolesExclusive.
    """
    alone = ADMINISTRATORS | POINT_ROLES
    for other in held:
        if other != role and (other in alone or role in alone):
            raise RolesExclusive(username=username, held=ROLE_NAMES[other], role=ROLE_NAMES[role])
