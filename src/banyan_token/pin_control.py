"""Checking PINs: the retry counter is on the disk before the PIN is looked at.

So pulling the plug, kill -9 or a second process never gains an attempt. Callers hold the device's lock.
"""

import secrets
from collections.abc import Callable
from dataclasses import replace

from banyan import gm
from banyan_token import pins, protection, unlock
from banyan_token.errors import AdminPinIncorrect, AdminPinLocked, ChallengeMismatch, PinIncorrect, PinLocked
from banyan_token.state import DeviceState, PinState

Store = Callable[[DeviceState], None]


def _user_context(serial: str) -> bytes:
    return b"user master key " + serial.encode()


def _admin_context(serial: str) -> bytes:
    return b"admin master key " + serial.encode()


def new_user_pin(
    machine_secret: bytes, serial: str, pin: str, master_key: bytes, *, iterations: int, tries: int
) -> PinState:
    """The state of a fresh user PIN: full counter, new salt, master key wrapped under it."""
    salt = secrets.token_bytes(protection.SALT_BYTES)
    key = protection.user_pin_key(machine_secret, serial, pin, salt, iterations)
    return PinState(tries, tries, salt, protection.seal(key, master_key, _user_context(serial)))


def new_admin_pin(
    machine_secret: bytes, serial: str, pin: str, master_key: bytes, *, iterations: int, tries: int
) -> tuple[PinState, bytes]:
    """The state of a fresh administrator PIN and the response key that goes with it."""
    salt = secrets.token_bytes(protection.SALT_BYTES)
    response_key, wrapping_secret = protection.admin_secrets(serial, pin, salt, iterations)
    key = protection.admin_wrapping_key(machine_secret, serial, wrapping_secret)
    return PinState(tries, tries, salt, protection.seal(key, master_key, _admin_context(serial))), response_key


def check_user_pin(
    state: DeviceState, machine_secret: bytes, serial: str, pin: str, store: Store
) -> tuple[DeviceState, bytes]:
    """Spend one try, check the user PIN; returns the state with a full counter (not yet stored) and the
    master key.

    Raises PinMalformed (not counted), PinIncorrect, PinLocked, TokenNotWritten (not counted, not checked).
    """
    pins.check_form(pin)
    if state.user.is_locked:
        raise PinLocked()
    spent = replace(state, user=replace(state.user, tries_left=state.user.tries_left - 1))
    store(spent)
    key = protection.user_pin_key(machine_secret, serial, pin, state.user.salt, state.iterations)
    try:
        master_key = protection.open_sealed(key, state.user.wrapped, _user_context(serial))
    except gm.TagInvalid:
        if spent.user.is_locked:
            raise PinLocked() from None
        raise PinIncorrect(left=spent.user.tries_left) from None
    return replace(spent, user=replace(spent.user, tries_left=spent.user.tries)), master_key


def check_admin_pin(
    state: DeviceState, machine_secret: bytes, serial: str, pin: str, store: Store
) -> tuple[DeviceState, bytes]:
    """Spend one try, check the administrator PIN; as ``check_user_pin``. Raises AdminPinIncorrect,
    AdminPinLocked.
    """
    pins.check_form(pin)
    spent = _spend_admin_try(state, store)
    _response_key, wrapping_secret = protection.admin_secrets(serial, pin, state.admin.salt, state.iterations)
    return _unwrap_for_admin(spent, machine_secret, serial, wrapping_secret)


def check_response(
    state: DeviceState, machine_secret: bytes, serial: str, response: str, store: Store
) -> tuple[DeviceState, bytes, str]:
    """Spend one administrator try, check a remote response; returns also the new user PIN that it brings.

    The challenge is gone from the stored state before the response is looked at: each is good for one
    attempt. A response to another challenge is refused without being counted.
    """
    number = unlock.number_of(response)
    if state.admin.is_locked:
        raise AdminPinLocked()
    if state.challenge is None or not secrets.compare_digest(number, state.challenge):
        raise ChallengeMismatch(serial=serial)
    challenge = unlock.Challenge(serial, state.challenge, state.admin.salt, state.iterations)
    spent = _spend_admin_try(replace(state, challenge=None), store)
    try:
        answer = unlock.open_response(challenge, state.response_key, response, left=spent.admin.tries_left)
    except AdminPinIncorrect:
        if spent.admin.is_locked:
            raise AdminPinLocked() from None
        raise
    restored, master_key = _unwrap_for_admin(spent, machine_secret, serial, answer.wrapping_secret)
    return restored, master_key, answer.new_pin


def _spend_admin_try(state: DeviceState, store: Store) -> DeviceState:
    if state.admin.is_locked:
        raise AdminPinLocked()
    spent = replace(state, admin=replace(state.admin, tries_left=state.admin.tries_left - 1))
    store(spent)
    return spent


def _unwrap_for_admin(
    spent: DeviceState, machine_secret: bytes, serial: str, wrapping_secret: bytes
) -> tuple[DeviceState, bytes]:
    key = protection.admin_wrapping_key(machine_secret, serial, wrapping_secret)
    try:
        master_key = protection.open_sealed(key, spent.admin.wrapped, _admin_context(serial))
    except gm.TagInvalid:
        if spent.admin.is_locked:
            raise AdminPinLocked() from None
        raise AdminPinIncorrect(left=spent.admin.tries_left) from None
    return replace(spent, admin=replace(spent.admin, tries_left=spent.admin.tries)), master_key
