"""How the state of a soft token is protected at rest.

Two layers, both SM4-GCM. The outer one seals the whole state under a key derived from the machine secret:
whoever has the directory alone learns nothing, cannot change a bit unnoticed, and has nothing against which
to try PINs. The inner one seals each private key under a random master key, which is wrapped under keys
derived from the user PIN and from the administrator PIN; each derivation is slow *and* takes the machine
secret. Machine secret and directory together leave exactly the slow guessing of PINs; only hardware can do
better.
"""

import secrets

from banyan import gm
from banyan_token.errors import TokenTampered

NONCE_BYTES = 12
SALT_BYTES = 16
KEY_BYTES = 16
ITERATIONS = 60_000  # about 75 ms on one core of 2017


def device_key(machine_secret: bytes, serial: str) -> bytes:
    """The key of the outer layer of one device."""
    return gm.hmac_sm3(machine_secret, b"banyan-token state " + serial.encode())[:KEY_BYTES]


def seal(key: bytes, data: bytes, context: bytes) -> bytes:
    """SM4-GCM under a fresh nonce: nonce ‖ ciphertext ‖ tag, bound to ``context``."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + gm.sm4.gcm_encrypt(key, nonce, data, context)


def open_sealed(key: bytes, sealed: bytes, context: bytes) -> bytes:
    """Undo ``seal``. Raises gm.TagInvalid for a wrong key, a wrong context or changed data."""
    if len(sealed) < NONCE_BYTES + 16:
        raise gm.TagInvalid()
    return gm.sm4.gcm_decrypt(key, sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)


def open_state(key: bytes, sealed: bytes, context: bytes, serial: str) -> bytes:
    """The state inside the outer layer. Raises TokenTampered."""
    try:
        return open_sealed(key, sealed, context)
    except gm.TagInvalid:
        raise TokenTampered(serial=serial) from None


def user_pin_key(machine_secret: bytes, serial: str, pin: str, salt: bytes, iterations: int) -> bytes:
    """The key that wraps the master key for the user: slow, and impossible without the machine secret."""
    keyed_pin = gm.hmac_sm3(machine_secret, b"banyan-token user " + serial.encode() + b"\0" + pin.encode())
    return gm.pbkdf2_hmac_sm3(keyed_pin, salt, iterations, KEY_BYTES)


def admin_secrets(serial: str, admin_pin: str, salt: bytes, iterations: int) -> tuple[bytes, bytes]:
    """(response key, wrapping secret) of an administrator PIN: what token and platform can both derive.

    The token keeps the response key and never the wrapping secret, so a remote unlock must bring the latter.
    """
    password = b"banyan-token admin " + serial.encode() + b"\0" + admin_pin.encode()
    derived = gm.pbkdf2_hmac_sm3(password, salt, iterations, 64)
    return derived[:32], derived[32:]


def admin_wrapping_key(machine_secret: bytes, serial: str, wrapping_secret: bytes) -> bytes:
    """The key that wraps the master key for the administrator, again impossible without the machine
    secret.
    """
    return gm.hmac_sm3(machine_secret, b"banyan-token admin " + serial.encode() + b"\0" + wrapping_secret)[:KEY_BYTES]


def wipe(secret: bytearray | None) -> None:
    """Overwrite a secret in memory: best effort, since the interpreter may have made copies."""
    if secret is not None:
        secret[:] = bytes(len(secret))
