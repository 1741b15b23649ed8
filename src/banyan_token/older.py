"""Conversion of the soft tokens of version 0.1 (``token.state``) into what our SKF library keeps (``device.state``).

No PIN is needed: everything is carried over under the machine's secret alone. What only a PIN opens, the master key and the
private keys, stays sealed as it was and is marked so; the library seals it anew at the first right PIN (native/src/older.c).
The new state is whole on the disk before the old one is removed.

Old file: ``BANYANTK`` ‖ version (1) ‖ header length (2, big-endian) ‖ header (JSON: serial) ‖ nonce (12) ‖ SM4-GCM ciphertext
and tag, with everything before the nonce as associated data. New file: native/src/format.c.
"""

import base64
import contextlib
import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from banyan import gm
from banyan_token.errors import MachineSecretMissing, TokenNotWritten, TokenOutdated, TokenTampered
from banyan_token.skf.profiles import profile

OLD_FILE: Final = "token.state"
NEW_FILE: Final = "device.state"
_DRAFT: Final = "device.state.convert"
_LOCKS: Final = ("token.lock", "device.lock")
_OLD_MAGIC, _NEW_MAGIC = b"BANYANTK\x01", b"BANYANSK\x01"
_SEALED, _MOST_CONTAINERS, _LABEL = 80, 128, 31
_IS_FIRST, _IS_OLDER = 1, 2
_ANYONE = 0xFF


def convert_all(root: Path, machine_secret: Path) -> None:
    """Convert every device of version 0.1 in a drawer. Raises as ``convert``."""
    if root.is_dir():
        for place in sorted(root.iterdir()):
            convert(place, machine_secret)


def convert(place: Path, machine_secret: Path) -> None:
    """Convert one device, when it is of version 0.1; cut short anywhere, the next call completes it.

    Raises TokenTampered, MachineSecretMissing, TokenOutdated (too many containers), TokenNotWritten.
    """
    if not (place / OLD_FILE).is_file():
        return
    with _alone(place):
        try:
            old = (place / OLD_FILE).read_bytes()
        except FileNotFoundError:
            return  # another process has just done it
        try:
            if not (place / NEW_FILE).exists():
                secret = _secret(machine_secret, place.name)
                _write(place, _sealed(_converted(_opened(old, secret, place.name), place.name), secret, place.name))
            (place / "token.state.new").unlink(missing_ok=True)
            (place / _LOCKS[0]).unlink(missing_ok=True)
            (place / OLD_FILE).unlink()  # the last: as long as it is there, this is done again
            _sync(place)
        except OSError as error:
            raise TokenNotWritten(sar=error.strerror) from None


@contextlib.contextmanager
def _alone(place: Path) -> Iterator[None]:
    held = []
    try:
        for name in _LOCKS:
            held.append(os.open(place / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            fcntl.flock(held[-1], fcntl.LOCK_EX)
        yield
    except OSError as error:
        raise TokenNotWritten(sar=error.strerror) from None
    finally:
        for descriptor in held:
            os.close(descriptor)


def _secret(path: Path, serial: str) -> bytes:
    try:
        secret = path.read_bytes()
    except OSError:
        raise MachineSecretMissing(serial=serial) from None
    if len(secret) != 32:
        raise MachineSecretMissing(serial=serial)
    return secret


def _opened(data: bytes, secret: bytes, serial: str) -> dict[str, Any]:
    start = len(_OLD_MAGIC) + 2
    try:
        if not data.startswith(_OLD_MAGIC):
            raise ValueError
        end = start + int.from_bytes(data[start - 2 : start], "big")
        if json.loads(data[start:end])["serial"] != serial:
            raise ValueError
        key = gm.hmac_sm3(secret, b"banyan-token state " + serial.encode())[:16]
        opened: dict[str, Any] = json.loads(gm.sm4.gcm_decrypt(key, data[end : end + 12], data[end + 12 :], data[:end]))
    except (ValueError, KeyError, TypeError, gm.GmError):
        raise TokenTampered(serial=serial) from None
    return opened


def _converted(old: dict[str, Any], serial: str) -> bytes:
    """The state as native/src/format.c packs it."""
    if len(serial) > _LABEL:
        raise TokenOutdated(serial=serial, reason="serial > 31")
    if len(old["containers"]) > _MOST_CONTAINERS:
        raise TokenOutdated(serial=serial, reason=f"containers > {_MOST_CONTAINERS}")
    label = old["label"].encode()[:_LABEL].decode(errors="ignore").encode()
    own = profile()
    application = b"".join((
        _text(own.application.encode()), secrets.token_bytes(16), _ANYONE.to_bytes(4, "big"),
        _pin(old["admin"], _IS_OLDER), _pin(old["user"], _IS_OLDER | (_IS_FIRST if old["must_change_pin"] else 0)),
        _octets(old["response_key"]), b"\0", bytes(16), len(old["containers"]).to_bytes(1, "big"),
        *(_text(one["name"].encode()) + _pair(one["signing"]) + _pair(one["encryption"]) for one in old["containers"]),
        b"\0",
    ))  # fmt: skip
    device = (_text(serial.encode()), _text(label), secrets.token_bytes(16), own.auth_key)
    return b"".join((*device, int(old["iterations"]).to_bytes(4, "big"), b"\1", application))


def _pin(old: dict[str, Any], flags: int) -> bytes:
    counted = bytes((old["tries"], old["left"], flags)) + bytes(4)
    return counted + _octets(old["salt"]) + _octets(old["wrapped"]).ljust(_SEALED, b"\0")


def _pair(old: dict[str, Any] | None) -> bytes:
    if old is None:
        return b"\0"
    certificate = _octets(old["certificate"]) if old["certificate"] else b""
    sealed = _octets(old["private"]).ljust(_SEALED, b"\0")
    return b"\2" + _octets(old["public"]) + sealed + len(certificate).to_bytes(4, "big") + certificate


def _octets(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _text(text: bytes) -> bytes:
    return len(text).to_bytes(1, "big") + text


def _sealed(state: bytes, secret: bytes, serial: str) -> bytes:
    """As ``state_encode`` in native/src/format.c: SM4-CTR, then HMAC-SM3 over everything."""
    head = _NEW_MAGIC + _text(serial.encode())
    key = gm.hmac_sm3(secret, b"banyan-skf state " + serial.encode())
    iv = secrets.token_bytes(16)
    sealed = iv + gm.sm4.ctr(gm.hmac_sm3(key, b"banyan-skf cipher")[:16], iv, state)
    mac_key = gm.hmac_sm3(key, b"banyan-skf mac")
    return head + sealed + gm.hmac_sm3(mac_key, len(head).to_bytes(4, "big") + head + sealed)


def _write(place: Path, data: bytes) -> None:
    descriptor = os.open(place / _DRAFT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as draft:
        draft.write(data)
        draft.flush()
        os.fsync(draft.fileno())
    os.replace(place / _DRAFT, place / NEW_FILE)
    _sync(place)


def _sync(place: Path) -> None:
    descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
