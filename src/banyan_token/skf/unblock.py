"""The platform's answer to a remote unblock request of our own library (BYT_GenRemoteUnblockRequest).

The request is a challenge as in ``banyan_token.unlock``. The answer is sealed by SM4-CTR, then HMAC-SM3: the libcrypto of
the library has no SM4-GCM.
"""

import base64
import secrets

from banyan import gm
from banyan_token import pins, protection
from banyan_token.errors import ChallengeMalformed, ChallengeMismatch
from banyan_token.unlock import FEWEST_ITERATIONS, MOST_ITERATIONS, Challenge


def make_response(admin_pin: str, request: str, new_pin: str, *, serial: str) -> str:
    """The answer that sets ``new_pin`` on the device ``serial``, which the approved request names.

    Raises ChallengeMalformed, ChallengeMismatch, PinMalformed, PinTooSimple. Takes as long as one PIN check.
    """
    asked = Challenge.decode(request)
    if asked.serial != serial:
        raise ChallengeMismatch(serial=serial)
    if not FEWEST_ITERATIONS <= asked.iterations <= MOST_ITERATIONS:
        raise ChallengeMalformed()
    pins.check_form(admin_pin)
    pins.check_new(new_pin)
    response_key, wrapping_secret = protection.admin_secrets(serial, admin_pin, asked.salt, asked.iterations)
    bound = gm.hmac_sm3(response_key, b"banyan-skf response " + asked.encode().encode())
    sealed = _seal(bound, wrapping_secret + new_pin.encode(), asked.number)
    return base64.urlsafe_b64encode(asked.number + sealed).rstrip(b"=").decode()


def _seal(key: bytes, data: bytes, context: bytes) -> bytes:
    """iv ‖ ciphertext ‖ mac, as ``seal`` in native/src/protect.c."""
    iv = secrets.token_bytes(16)
    sealed = iv + gm.sm4.ctr(gm.hmac_sm3(key, b"banyan-skf cipher")[:16], iv, data)
    return sealed + gm.hmac_sm3(gm.hmac_sm3(key, b"banyan-skf mac"), len(context).to_bytes(4, "big") + context + sealed)
