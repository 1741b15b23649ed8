"""PINs as the user's side judges them; stored nowhere."""

from banyan.kernel.pins import is_simple
from banyan_token.errors import PinMalformed, PinTooSimple

SHORTEST = 6
LONGEST = 16


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
    if pin == old or is_simple(pin):
        raise PinTooSimple()
