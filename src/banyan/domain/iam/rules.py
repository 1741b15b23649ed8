"""Decisions about accounts, passwords, sessions and roles, as pure functions."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from banyan.domain.iam.errors import PasswordTooWeak, RolesExclusive, UsernameInvalid
from banyan.domain.iam.rights import ADMINISTRATORS, ROLE_NAMES, Role
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
PASSWORD_LENGTH = 10
PASSWORD_LONGEST = 128
PASSWORD_CLASSES = 3
PASSWORDS_REMEMBERED = 5

_USERNAME = re.compile(r"[a-z][a-z0-9.\-]{2,31}")


def ensure_username(username: str) -> None:
    """Raises UsernameInvalid."""
    if not _USERNAME.fullmatch(username):
        raise UsernameInvalid


def ensure_password(password: str, username: str) -> None:
    """Length, character classes, not the user name (GB/T 22239-2019 8.1.4.1). Raises PasswordTooWeak."""
    if len(password) < PASSWORD_LENGTH:
        raise PasswordTooWeak(reason=N_("至少 10 个字符"))
    if len(password) > PASSWORD_LONGEST:
        raise PasswordTooWeak(reason=N_("最多 128 个字符"))
    tests = (str.islower, str.isupper, str.isdigit, lambda character: not character.isalnum())
    if sum(any(test(character) for character in password) for test in tests) < PASSWORD_CLASSES:
        raise PasswordTooWeak(reason=N_("须含大写、小写、数字、符号中的三类"))
    folded = password.casefold()
    if username.casefold() in folded or username.casefold()[::-1] in folded:
        raise PasswordTooWeak(reason=N_("不能包含用户名"))


def blocked_until(*, streak: int, count: int, counted_from: datetime, now: datetime) -> datetime | None:
    """Until when a source is not heard after its ``streak``-th failure in a row, the ``count``-th of its day."""
    if count >= MOST_A_DAY:
        return counted_from + COUNTED_FOR
    doublings = streak - FREE_FAILURES - 1
    return now + min(FIRST_WAIT * 2 ** min(doublings, 10), LONGEST_WAIT) if doublings >= 0 else None


def is_session_alive(*, last_seen_at: datetime, expires_at: datetime, ended_at: datetime | None, now: datetime) -> bool:
    """Neither ended, nor idle too long, nor older than a session may be."""
    return ended_at is None and now < expires_at and now - last_seen_at < SESSION_IDLE


def ensure_roles_compatible(username: str, held: Iterable[Role], role: Role) -> None:
    """Three separated administrators, and no business beside administration. Raises RolesExclusive."""
    for other in held:
        if other != role and (other in ADMINISTRATORS or role in ADMINISTRATORS):
            raise RolesExclusive(username=username, held=ROLE_NAMES[other], role=ROLE_NAMES[role])
