"""Remote unlock by challenge and response: the token asks, the platform answers, nothing secret is readable
between.

The challenge names the device and holds a fresh random number. The response is one SM4-GCM message under a
key that both sides derive from the administrator PIN and that is mixed with the whole challenge: it opens on
this device, for this challenge, once. It brings the new user PIN and the secret that unwraps the master key.
"""

import base64
import binascii
import json
import secrets
from dataclasses import dataclass, field

from banyan import gm
from banyan_token import pins, protection
from banyan_token.errors import AdminPinIncorrect, ChallengeMalformed, ChallengeMismatch

CHALLENGE_BYTES = 16
# A challenge comes from outside: it may talk the platform neither into a fast derivation nor an endless one.
FEWEST_ITERATIONS = 10_000
MOST_ITERATIONS = 5_000_000
_SECRET_BYTES = 32
_LONGEST_TEXT = 1024


@dataclass(frozen=True)
class Challenge:
    """What a locked device asks: who it is, a fresh random number, and how its administrator PIN is
    derived.
    """

    serial: str
    number: bytes
    salt: bytes = field(repr=False)
    iterations: int

    def encode(self) -> str:
        """The text a person or a page carries to the platform."""
        parts = [self.serial, self.number.hex(), self.salt.hex(), self.iterations]
        return _to_text(json.dumps(parts, separators=(",", ":")).encode())

    @classmethod
    def decode(cls, text: str) -> "Challenge":
        """Read a challenge. Raises ChallengeMalformed."""
        try:
            serial, number, salt, iterations = json.loads(_from_text(text))
            challenge = cls(str(serial), bytes.fromhex(number), bytes.fromhex(salt), int(iterations))
        except (ValueError, TypeError):
            raise ChallengeMalformed() from None
        if len(challenge.number) != CHALLENGE_BYTES or len(challenge.salt) != protection.SALT_BYTES:
            raise ChallengeMalformed()
        return challenge

    def bound_key(self, response_key: bytes) -> bytes:
        """The key of the response to exactly this challenge."""
        return gm.hmac_sm3(response_key, b"banyan-token response " + self.encode().encode())[: protection.KEY_BYTES]


def new_number() -> bytes:
    """A fresh random number for a challenge."""
    return secrets.token_bytes(CHALLENGE_BYTES)


def make_response(
    admin_pin: str,
    challenge: str,
    new_pin: str,
    *,
    serial: str | None = None,
    fewest_iterations: int = FEWEST_ITERATIONS,
) -> str:
    """The platform's answer to ``challenge``, setting ``new_pin`` on the device that asked.

    ``serial`` is the device that the approved request names; a challenge of another device is refused.
    Raises ChallengeMalformed, ChallengeMismatch, PinMalformed, PinTooSimple. Takes as long as one PIN check.
    """
    asked = Challenge.decode(challenge)
    if serial is not None and asked.serial != serial:
        raise ChallengeMismatch(serial=serial)
    if not fewest_iterations <= asked.iterations <= MOST_ITERATIONS:
        raise ChallengeMalformed()
    pins.check_form(admin_pin)
    pins.check_new(new_pin)
    response_key, wrapping_secret = protection.admin_secrets(asked.serial, admin_pin, asked.salt, asked.iterations)
    sealed = protection.seal(asked.bound_key(response_key), wrapping_secret + new_pin.encode(), asked.number)
    return _to_text(asked.number + sealed)


@dataclass(frozen=True)
class Answer:
    """The opened response."""

    wrapping_secret: bytes = field(repr=False)
    new_pin: str = field(repr=False)


def number_of(response: str) -> bytes:
    """The random number of the challenge that a response answers. Raises ChallengeMalformed."""
    data = _from_text(response)
    if len(data) < CHALLENGE_BYTES + protection.NONCE_BYTES + 16 + _SECRET_BYTES:
        raise ChallengeMalformed()
    return data[:CHALLENGE_BYTES]


def open_response(challenge: Challenge, response_key: bytes, response: str, *, left: int) -> Answer:
    """Open a response on the device. Raises AdminPinIncorrect (``left`` tries) when it is not the right
    one.
    """
    try:
        opened = protection.open_sealed(
            challenge.bound_key(response_key), _from_text(response)[CHALLENGE_BYTES:], challenge.number
        )
        return Answer(opened[:_SECRET_BYTES], opened[_SECRET_BYTES:].decode())
    except (gm.TagInvalid, UnicodeDecodeError):
        raise AdminPinIncorrect(left=left) from None


def _to_text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _from_text(text: str) -> bytes:
    # People copy these by hand: white space and line breaks do no harm.
    compact = "".join(text.split())
    if len(compact) > _LONGEST_TEXT:
        raise ChallengeMalformed()
    try:
        return base64.b64decode(compact.encode("ascii") + b"=" * (-len(compact) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError):
        raise ChallengeMalformed() from None
