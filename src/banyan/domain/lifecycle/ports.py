"""What this package asks of the layers above."""

from typing import Protocol


class UnlockResponder(Protocol):
    """Makes the answer to a token's challenge; it runs in this process and keeps nothing.

    The token's own package provides it (``make_response(admin_pin, challenge, new_pin, serial=…)``); the domain does
    not import the user's side.
    """

    def __call__(self, admin_pin: str, challenge: str, new_pin: str, *, serial: str) -> str: ...
