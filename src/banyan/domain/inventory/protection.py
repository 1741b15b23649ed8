"""Sealing of PINs: each bound to the number of its token."""

from collections.abc import Sequence

from django.conf import settings

from banyan import sealing

from .errors import AdminPinUnknown, InitialPinUnknown
from .models import Token


def seal_admin_pins(items: Sequence[tuple[str, str]]) -> list[bytes]:
    """Seal administrator PINs, each given as (token serial, PIN)."""
    return _ring().fields.seal_many((pin, _context("admin_pin", serial)) for serial, pin in items)


def seal_initial_pins(items: Sequence[tuple[str, str]]) -> list[bytes]:
    """Seal initial user PINs, each given as (token serial, PIN)."""
    return _ring().fields.seal_many((pin, _context("initial_pin", serial)) for serial, pin in items)


def open_admin_pin(token: Token) -> str:
    """The administrator PIN of a token. Raises AdminPinUnknown or sealing.SealBroken."""
    if token.admin_pin_sealed is None:
        raise AdminPinUnknown(token=token.serial)
    return _ring().fields.open(bytes(token.admin_pin_sealed), _context("admin_pin", token.serial))


def open_initial_pin(token: Token) -> str:
    """The initial user PIN of a token. Raises InitialPinUnknown or sealing.SealBroken."""
    if token.initial_pin_sealed is None:
        raise InitialPinUnknown(token=token.serial)
    return _ring().fields.open(bytes(token.initial_pin_sealed), _context("initial_pin", token.serial))


def _context(what: str, serial: str) -> tuple[str, str, str]:
    return "inventory_token", what, serial


def _ring() -> sealing.Keyring:
    return sealing.keyring(settings.HOME)
