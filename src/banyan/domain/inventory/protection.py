"""Sealing of administrator PINs: each bound to the number of its token."""

from collections.abc import Sequence

from django.conf import settings

from banyan import sealing

from .errors import AdminPinUnknown
from .models import Token


def seal_admin_pins(items: Sequence[tuple[str, str]]) -> list[bytes]:
    """Seal administrator PINs, each given as (token serial, PIN)."""
    return _ring().fields.seal_many((pin, _context(serial)) for serial, pin in items)


def open_admin_pin(token: Token) -> str:
    """The administrator PIN of a token. Raises AdminPinUnknown or sealing.SealBroken."""
    if token.admin_pin_sealed is None:
        raise AdminPinUnknown(token=token.serial)
    return _ring().fields.open(bytes(token.admin_pin_sealed), _context(token.serial))


def _context(serial: str) -> tuple[str, str, str]:
    return "inventory_token", "admin_pin", serial


def _ring() -> sealing.Keyring:
    return sealing.keyring(settings.HOME)
