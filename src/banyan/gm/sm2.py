"""SM2 (GB/T 32918): keys, signatures, encryption. The native unit is the batch; a single operation is a batch of one.

Private keys are 32 bytes big-endian in [1, n-2], public keys 65 bytes ``04||X||Y``, digests 32 bytes.
"""

from collections.abc import Sequence
from typing import NamedTuple

from banyan.gm import errors
from banyan.gm.der import ciphertext_from_der, ciphertext_to_der, signature_from_der, signature_to_der
from banyan.gm.engine import CIPHERTEXT_OVERHEAD, KEY_BYTES, POINT_BYTES, SIGNATURE_BYTES
from banyan.gm.selection import current

__all__ = [
    "CIPHERTEXT_OVERHEAD",
    "DEFAULT_ID",
    "KEY_BYTES",
    "POINT_BYTES",
    "SIGNATURE_BYTES",
    "KeyPair",
    "check_public_key",
    "check_public_keys",
    "ciphertext_from_der",
    "ciphertext_to_der",
    "decrypt",
    "digest",
    "digest_many",
    "encrypt",
    "encrypt_many",
    "generate_keypair",
    "generate_keypairs",
    "public_key",
    "public_keys",
    "sign",
    "sign_digest_many",
    "sign_many",
    "signature_from_der",
    "signature_to_der",
    "verify",
    "verify_many",
]

# The identity that certificates, requests and CRLs are signed under (GM/T 0009 §10).
DEFAULT_ID = b"1234567812345678"
_LONGEST_ID = 8191


class KeyPair(NamedTuple):
    """A fresh key pair; ``private`` is secret."""

    private: bytes
    public: bytes

    def __repr__(self) -> str:  # a trace or log must never show the private half
        return f"KeyPair(private=<hidden>, public={self.public.hex()})"


def _checked_id(signer_id: bytes) -> bytes:
    if len(signer_id) > _LONGEST_ID:
        raise errors.LengthInvalid(what="SM2 用户标识", expected=f"至多 {_LONGEST_ID} 字节")
    return signer_id


def generate_keypairs(count: int) -> list[KeyPair]:
    """``count`` fresh pairs from the system's random source."""
    return [KeyPair(*pair) for pair in current().keypairs(count)] if count else []


def generate_keypair() -> KeyPair:
    """One fresh pair."""
    return generate_keypairs(1)[0]


def public_key(private: bytes) -> bytes:
    """The public key of a private one. Raises PrivateKeyInvalid."""
    return public_keys([private])[0]


def public_keys(privates: Sequence[bytes]) -> list[bytes]:
    """The public key of each private one. Raises PrivateKeyInvalid at the first bad one."""
    return current().public_many(privates)


def check_public_key(public: bytes) -> None:
    """Raise PointError unless ``public`` is an uncompressed point of the curve, not infinity (GB/T 32918.1 §6.2)."""
    if not check_public_keys([public])[0]:
        raise errors.PointError


def check_public_keys(publics: Sequence[bytes]) -> list[bool]:
    """Whether each is an uncompressed point of the curve."""
    return current().check_points(publics)


def digest(public: bytes, message: bytes, signer_id: bytes = DEFAULT_ID) -> bytes:
    """e = SM3(Z || message), what a signature is made of (GB/T 32918.2 §6)."""
    return digest_many([(public, message)], signer_id=signer_id)[0]


def digest_many(items: Sequence[tuple[bytes, bytes]], *, signer_id: bytes = DEFAULT_ID) -> list[bytes]:
    """e of each (public, message)."""
    return current().digest_many(items, _checked_id(signer_id))


def sign_many(items: Sequence[tuple[bytes, bytes, bytes]], *, signer_id: bytes = DEFAULT_ID) -> list[bytes]:
    """DER signatures of (private, public, message) items. Raises PrivateKeyInvalid, PointError."""
    engine = current()
    return engine.signatures_to_der(engine.sign_many(items, _checked_id(signer_id)))


def sign(private: bytes, public: bytes, message: bytes, *, signer_id: bytes = DEFAULT_ID) -> bytes:
    """The DER signature of one message."""
    return sign_many([(private, public, message)], signer_id=signer_id)[0]


def sign_digest_many(items: Sequence[tuple[bytes, bytes, bytes]]) -> list[bytes]:
    """Raw r||s (64 bytes) of (private, public, e) items."""
    joined = current().sign_digest_many(items)
    return [joined[start : start + SIGNATURE_BYTES] for start in range(0, len(joined), SIGNATURE_BYTES)]


def verify_many(items: Sequence[tuple[bytes, bytes, bytes]], *, signer_id: bytes = DEFAULT_ID) -> list[bool]:
    """Whether each (public, message, DER signature) is right. Never raises on malformed items: they are False."""
    engine = current()
    signatures, well_formed = engine.signatures_from_der([item[2] for item in items])
    sized = [len(item[0]) == POINT_BYTES for item in items]
    publics = [item[0] if fits else bytes(POINT_BYTES) for item, fits in zip(items, sized, strict=True)]
    verdicts = engine.verify_many(publics, [item[1] for item in items], signatures, _checked_id(signer_id))
    return [a and b and c for a, b, c in zip(verdicts, well_formed, sized, strict=True)]


def verify(public: bytes, message: bytes, signature: bytes, *, signer_id: bytes = DEFAULT_ID) -> None:
    """Raise SignatureInvalid unless the DER signature is that of ``message`` under ``public``."""
    if not verify_many([(public, message, signature)], signer_id=signer_id)[0]:
        raise errors.SignatureInvalid


def encrypt_many(items: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
    """Ciphertexts C1||C3||C2 (97 bytes longer than the plaintext) of (public, plaintext) items, plaintexts not empty.

    Raises PointError, LengthInvalid.
    """
    if not all(item[1] for item in items):
        raise errors.LengthInvalid(what="SM2 明文", expected="1 字节以上")
    return current().encrypt_many(items)


def encrypt(public: bytes, plaintext: bytes) -> bytes:
    """The ciphertext C1||C3||C2 of one plaintext (GB/T 32918.4)."""
    return encrypt_many([(public, plaintext)])[0]


def decrypt(private: bytes, ciphertext: bytes) -> bytes:
    """The plaintext of a ciphertext, raw (C1||C3||C2) or DER. Raises CiphertextInvalid, DerError, PrivateKeyInvalid."""
    raw = ciphertext_from_der(ciphertext) if ciphertext[:1] == b"\x30" else ciphertext
    return current().decrypt(private, raw)
