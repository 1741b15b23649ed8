"""Remote unlock by challenge and response: the token asks, the platform answers, nothing secret is readable between.

The challenge (BYT_GenRemoteUnblockRequest) names the device and holds a fresh random number. The response is sealed under a
key that both sides derive from the administrator PIN and that is mixed with the whole challenge: it opens on this device, for
this challenge, once. It brings the new user PIN and the secret that unwraps the master key.
"""

import base64
import binascii
import json
import secrets
from dataclasses import dataclass, field

from banyan import gm
from banyan_token import pins
from banyan_token.errors import ChallengeMalformed, ChallengeMismatch

CHALLENGE_BYTES = 16
SALT_BYTES = 16
# A challenge comes from outside: it may talk the platform neither into a fast derivation nor an endless one.
FEWEST_ITERATIONS = 10_000
MOST_ITERATIONS = 5_000_000
_LONGEST_TEXT = 1024


@dataclass(frozen=True)
class Challenge:
    """What a locked device asks: who it is, a fresh random number, and how its administrator PIN is derived."""

    serial: str
    number: bytes
    salt: bytes = field(repr=False)
    iterations: int

    def encode(self) -> str:
        """The text a person or a page carries to the platform."""
        parts = [self.serial, self.number.hex(), self.salt.hex(), self.iterations]
        return base64.urlsafe_b64encode(json.dumps(parts, separators=(",", ":")).encode()).rstrip(b"=").decode()

    @classmethod
    def decode(cls, text: str) -> "Challenge":
        """Read a challenge. Raises ChallengeMalformed."""
        try:
            serial, number, salt, iterations = json.loads(_from_text(text))
            challenge = cls(str(serial), bytes.fromhex(number), bytes.fromhex(salt), int(iterations))
        except (ValueError, TypeError):
            raise ChallengeMalformed() from None
        if len(challenge.number) != CHALLENGE_BYTES or len(challenge.salt) != SALT_BYTES:
            raise ChallengeMalformed()
        return challenge


def make_response(admin_pin: str, challenge: str, new_pin: str, *, serial: str) -> str:
    """The platform's answer to ``challenge``, setting ``new_pin`` on the device that asked.

    ``serial`` is the device that the approved request names; a challenge of another device is refused. Raises
    ChallengeMalformed, ChallengeMismatch, PinMalformed, PinTooSimple. Takes as long as one PIN check.
    """
    asked = Challenge.decode(challenge)
    if asked.serial != serial:
        raise ChallengeMismatch(serial=serial)
    if not FEWEST_ITERATIONS <= asked.iterations <= MOST_ITERATIONS:
        raise ChallengeMalformed()
    pins.check_form(admin_pin)
    pins.check_new(new_pin)
    password = b"banyan-token admin " + serial.encode() + b"\0" + admin_pin.encode()
    derived = gm.pbkdf2_hmac_sm3(password, asked.salt, asked.iterations, 64)
    bound = gm.hmac_sm3(derived[:32], b"banyan-skf response " + asked.encode().encode())
    sealed = _seal(bound, derived[32:] + new_pin.encode(), asked.number)
    return base64.urlsafe_b64encode(asked.number + sealed).rstrip(b"=").decode()


def _seal(key: bytes, data: bytes, context: bytes) -> bytes:
    """iv ‖ ciphertext ‖ mac, as ``seal`` in native/src/protect.c."""
    iv = secrets.token_bytes(16)
    sealed = iv + gm.sm4.ctr(gm.hmac_sm3(key, b"banyan-skf cipher")[:16], iv, data)
    return sealed + gm.hmac_sm3(gm.hmac_sm3(key, b"banyan-skf mac"), len(context).to_bytes(4, "big") + context + sealed)


def _from_text(text: str) -> bytes:
    # People copy these by hand: white space and line breaks do no harm.
    compact = "".join(text.split())
    if len(compact) > _LONGEST_TEXT:
        raise ChallengeMalformed()
    try:
        return base64.b64decode(compact.encode("ascii") + b"=" * (-len(compact) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError):
        raise ChallengeMalformed() from None
