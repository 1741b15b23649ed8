"""PINs made at random by whoever personalises a token, and which ones are too simple."""

import secrets
from itertools import pairwise

# Letters and digits that cannot be taken for one another on paper: 32 of them, five bits each.
_LEGIBLE = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_USER_LENGTH, _ADMIN_LENGTH = 8, 16


def random_pin() -> str:
    """A random user PIN of 8 digits from the system's random source, never a simple one."""
    while True:
        pin = "".join(secrets.choice("0123456789") for _ in range(_USER_LENGTH))
        if not is_simple(pin):
            return pin


def random_admin_pin() -> str:
    """A random administrator PIN: 16 legible characters, 80 bits.

    It is longer than a user PIN because an unlock response derived from it travels outside the token.
    """
    return "".join(secrets.choice(_LEGIBLE) for _ in range(_ADMIN_LENGTH))


def is_simple(pin: str) -> bool:
    """Few different characters, or a run of them."""
    steps = {ord(right) - ord(left) for left, right in pairwise(pin)}
    return len(set(pin)) < 3 or (len(steps) == 1 and steps <= {-1, 0, 1})
