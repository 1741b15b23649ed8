"""What a library's return code means to a person, and what to do next. The code itself stands in the field ``sar``."""

from typing import Any, Final

from banyan_token import errors, pins
from banyan_token.skf.codes import Sar, code_name

_MEANING: Final[dict[int, type[errors.TokenError]]] = {
    Sar.DEVICE_REMOVED: errors.TokenMissing,
    Sar.READFILEERR: errors.TokenTampered,
    Sar.NOTINITIALIZEERR: errors.MachineSecretMissing,
    Sar.WRITEFILEERR: errors.TokenNotWritten,
    Sar.FILEERR: errors.TokenNotWritten,
    Sar.NO_ROOM: errors.TokenFull,
    Sar.REACH_MAX_CONTAINER_COUNT: errors.TokenFull,
    Sar.TIMEOUTERR: errors.TokenBusy,
    Sar.NOTSUPPORTYETERR: errors.TokenUnable,
    Sar.USER_NOT_LOGGED_IN: errors.NotLoggedIn,
    Sar.APPLICATION_NOT_EXISTS: errors.TokenNotPrepared,
    Sar.USER_PIN_NOT_INITIALIZED: errors.TokenNotPrepared,
    Sar.KEYNOTFOUNTERR: errors.KeyMissing,
    Sar.PIN_LOCKED: errors.PinLocked,
    Sar.PIN_LEN_RANGE: errors.PinMalformed,
    Sar.PIN_INVALID: errors.PinTooSimple,
}


def refusal(code: int, **fields: Any) -> errors.TokenError:
    """The error for a return code; ``fields`` fill its message."""
    fields |= {"sar": code_name(code)}
    return _MEANING.get(code, errors.TokenRefused)(**fields)


def pin_refusal(code: int, *, left: int, is_admin: bool, serial: str) -> errors.TokenError:
    """The error for a PIN that was not taken; the last try that is left is told in words of its own."""
    if code == Sar.PIN_INCORRECT and is_admin:
        return errors.AdminPinIncorrect(left=left, sar=code_name(code))
    if code == Sar.PIN_INCORRECT:
        kind = errors.PinIncorrect if left > 1 else errors.PinLastTry
        return kind(left=left, sar=code_name(code))
    if code == Sar.PIN_LOCKED and is_admin:
        return errors.AdminPinLocked(sar=code_name(code))
    if code == Sar.PIN_LEN_RANGE:
        return errors.PinMalformed(shortest=pins.SHORTEST, longest=pins.LONGEST, sar=code_name(code))
    return refusal(code, serial=serial)
