"""SM2, SM3 and SM4 behind one engine interface whose native unit is the batch. No engine is written by us.

``engines()`` tells what this build and processor offer; ``use()`` or ``BANYAN_GM_ENGINE`` chooses. The known answers of
GB/T 32905, 32907 and 32918.5 are checked before an engine's first use, and a wrong one refuses it.
"""

from banyan.gm import pkcs8, sm2, sm4
from banyan.gm.errors import (
    CiphertextInvalid,
    DerError,
    EngineFailure,
    EngineUnavailable,
    GmError,
    LengthInvalid,
    PaddingInvalid,
    PasswordWrong,
    PointError,
    PrivateKeyFileInvalid,
    PrivateKeyInvalid,
    SelfTestFailed,
    SignatureInvalid,
    TagInvalid,
)
from banyan.gm.hashing import (
    Sm3,
    hmac_sm3,
    hmac_sm3_many,
    kdf,
    pbkdf2_hmac_sha256,
    pbkdf2_hmac_sm3,
    same,
    sm3,
    sm3_many,
)
from banyan.gm.selection import engine_name, engine_tier, engines, self_test, use

__all__ = [
    "CiphertextInvalid",
    "DerError",
    "EngineFailure",
    "EngineUnavailable",
    "GmError",
    "LengthInvalid",
    "PaddingInvalid",
    "PasswordWrong",
    "PointError",
    "PrivateKeyFileInvalid",
    "PrivateKeyInvalid",
    "SelfTestFailed",
    "SignatureInvalid",
    "Sm3",
    "TagInvalid",
    "engine_name",
    "engine_tier",
    "engines",
    "hmac_sm3",
    "hmac_sm3_many",
    "kdf",
    "pbkdf2_hmac_sha256",
    "pbkdf2_hmac_sm3",
    "pkcs8",
    "same",
    "self_test",
    "sm2",
    "sm3",
    "sm3_many",
    "sm4",
    "use",
]
