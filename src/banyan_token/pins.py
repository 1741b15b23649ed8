"""PINs: made at random by whoever personalises the token, judged here, stored nowhere."""

import secrets
from itertools import pairwise

from banyan_token.errors import PinMalformed, PinTooSimple

SHORTEST = 6
LONGEST = 16
# Letters and digits that cannot be taken for one another on paper: 32 of them, five bits each.
_LEGIBLE = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def random_pin(length: int = 8) -> str:
    """A random user PIN of ``length`` digits from the system's random source, never a simple one.

    Raises PinMalformed when ``length`` is not 6 to 16.
    """
    check_length_bounds(length)
    while True:
        pin = "".join(secrets.choice("0123456789") for _ in range(length))
        if not _is_simple(pin):
            return pin


def random_admin_pin() -> str:
    """A random administrator PIN: 16 legible characters, 80 bits.

    It is longer than a user PIN because an unlock response derived from it travels outside the token.
    """
    return "".join(secrets.choice(_LEGIBLE) for _ in range(LONGEST))


def check_length_bounds(length: int) -> None:
    """Raise PinMalformed unless ``length`` lies within what a PIN may have (GM/T 0016: at least 6)."""
    if not SHORTEST <= length <= LONGEST:
        raise PinMalformed(shortest=SHORTEST, longest=LONGEST)


def check_form(pin: str) -> None:
    """Raise PinMalformed when ``pin`` cannot be any token's PIN; such an attempt is not counted."""
    check_length_bounds(len(pin))
    if not all("!" <= character <= "~" for character in pin):
        raise PinMalformed(shortest=SHORTEST, longest=LONGEST)


def check_new(pin: str, *, old: str | None = None) -> None:
    """Raise PinMalformed or PinTooSimple when ``pin`` may not be chosen as a new PIN."""
    check_form(pin)
    if pin == old or _is_simple(pin):
        raise PinTooSimple()


def _is_simple(pin: str) -> bool:
    steps = {ord(right) - ord(left) for left, right in pairwise(pin)}
    return len(set(pin)) < 3 or (len(steps) == 1 and steps <= {-1, 0, 1})
