"""Passwords at rest: argon2id. Slow on purpose, so it runs before a transaction is begun, never inside
one.
"""

from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from banyan.domain.iam.errors import PasswordUsedBefore
from banyan.domain.iam.models import Credential
from banyan.domain.iam.policy import policy
from banyan.domain.iam.rules import ensure_password

# RFC 9106 §4, second recommendation, with a little less memory for small machines: 46 MiB, one lane.
_HASHER = PasswordHasher(time_cost=2, memory_cost=46 * 1024, parallelism=1)


def hash_password(password: str) -> str:
    """The encoded argon2id hash."""
    return _HASHER.hash(password)


def matches(secret_hash: str, password: str) -> bool:
    """Whether a password belongs to a hash."""
    try:
        return _HASHER.verify(secret_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def matches_or_spends(secret_hash: str, password: str) -> bool:
    """The same; where there is no hash it takes as long as if there were one, and is never right."""
    nobody = _nobody()  # made at the first log-in of any kind, or the first unknown name would take twice as long
    return matches(secret_hash or nobody, password) and bool(secret_hash)


def ensure_new_password(account_id: int, username: str, password: str) -> None:
    """The rules of the policy, and none of the last ones. Raises PasswordTooWeak."""
    asked = policy()
    ensure_password(password, username, asked.passwords)
    count = asked.passwords_remembered
    earlier = Credential.objects.filter(account_id=account_id, kind="password").order_by("-pk")[:count]
    if any(matches(credential.secret_hash, password) for credential in earlier):
        raise PasswordUsedBefore(count=count)


@lru_cache(maxsize=1)
def _nobody() -> str:
    return hash_password("nobody has this password")
