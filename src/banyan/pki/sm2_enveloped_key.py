"""SM2EnvelopedKey, in which an encryption key travels to its token (GM/T 0009-2012 §7.4, GB/T 35276).

A random SM4 key encrypts the private key d (ECB, 32 octets, no padding); that key is encrypted under the public
signing key of the token, so only that token opens it. At the end the CFCA-style form of the same content.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from banyan import gm
from banyan.pki import oids
from banyan.pki import strict_der as der
from banyan.pki.envelope_errors import (
    EnvelopeKeyMismatch,
    EnvelopeMalformed,
    EnvelopeNotForThisKey,
)

_KEK_SIZE: Final = 16
_KEY_SIZE: Final = 32
# GM/T 0009 leaves the mode open; both spellings of "SM4, ECB" are met, the one with the mode is written.
_SM4_ECB_DER: Final = der.algorithm(oids.SM4_ECB, der.NULL_DER)
_SM4_NAMES: Final = (oids.SM4_ECB, oids.SM4)
_MAX_SIZE: Final = 4096


@dataclass(frozen=True, slots=True)
class EnvelopedKey:
    """A parsed SM2EnvelopedKey.

    ``encrypted_kek`` is the SM2 ciphertext of the SM4 key, raw 04‖C1‖C3‖C2 (113 octets); ``public_key`` the
    encryption key 04‖X‖Y; ``encrypted_private`` d under SM4-ECB: 32 octets, or 64 where 32 zeros precede d
    (devices that encrypt the whole field of the SKF blob).
    """

    encrypted_kek: bytes
    public_key: bytes
    encrypted_private: bytes

    @classmethod
    def parse(cls, envelope_der: bytes) -> "EnvelopedKey":
        """Read an envelope strictly.

        Raises:
            EnvelopeMalformed
        """
        try:
            return cls._parse(envelope_der)
        except der.DerError as error:
            raise EnvelopeMalformed(detail=str(error)) from error

    @classmethod
    def _parse(cls, envelope_der: bytes) -> "EnvelopedKey":
        if len(envelope_der) > _MAX_SIZE:
            raise der.DerError("far too long")
        reader = der.whole(envelope_der)
        algorithm = reader.enter()
        name = algorithm.oid()
        if name not in _SM4_NAMES or (not algorithm.at_end and algorithm.element() != der.NULL_DER):
            raise der.DerError(f"symmetric algorithm {name} is not SM4-ECB")
        algorithm.finish()
        encrypted_kek = sm2_cipher_from_der(reader.element(der.SEQUENCE))
        public, encrypted_private = reader.bits(), reader.bits()
        reader.finish()
        check_point(public)
        if len(encrypted_kek) != 97 + _KEK_SIZE:
            raise der.DerError("the enveloped symmetric key is not of 16 octets")
        if len(encrypted_private) not in (_KEY_SIZE, 2 * _KEY_SIZE):
            raise der.DerError("the encrypted private key is not of 32 octets")
        return cls(encrypted_kek, public, encrypted_private)

    def to_der(self) -> bytes:
        """The SM2EnvelopedKey."""
        cipher = gm.sm2.ciphertext_to_der(self.encrypted_kek)
        encrypted = self.encrypted_private
        # Heads of fixed length are joined as they stand: millions of envelopes pass here.
        bits = b"\x03\x42\x00" + self.public_key + bytes((der.BIT_STRING, len(encrypted) + 1, 0)) + encrypted
        return der.tlv(der.SEQUENCE, _SM4_ECB_DER + cipher + bits)


def enveloped_key(recipient_public: bytes, key_private: bytes, key_public: bytes, *, kek: bytes | None = None) -> bytes:
    """One SM2EnvelopedKey; see ``enveloped_key_many``."""
    keks = None if kek is None else [kek]
    return enveloped_key_many([(recipient_public, key_private, key_public)], keks=keks)[0]


def enveloped_key_many(
    items: Sequence[tuple[bytes, bytes, bytes]],
    *,
    keks: Sequence[bytes] | None = None,
    whole_field: bool = False,
) -> list[bytes]:
    """Envelopes for (recipient's public signing key, private encryption key, public encryption key).

    Points are 04‖X‖Y, private keys 32 octets big-endian, the answer DER in the order given.

    Args:
        keks: SM4 keys to use, one an item; fresh random ones by default. Never use one twice. whole_field:
        encrypt 32 zeros before d, for devices that decrypt the whole 64-octet field of the SKF blob.
    """
    if keks is None:
        pool = secrets.token_bytes(_KEK_SIZE * len(items))
        keks = [pool[start : start + _KEK_SIZE] for start in range(0, len(pool), _KEK_SIZE)]
    wrapped = gm.sm2.encrypt_many([(item[0], kek) for item, kek in zip(items, keks, strict=True)])
    zeros = bytes(_KEY_SIZE) if whole_field else b""
    sealed = gm.sm4.ecb_encrypt_many([(kek, zeros + item[1]) for item, kek in zip(items, keks, strict=True)])
    return [
        EnvelopedKey(cipher, item[2], encrypted).to_der()
        for item, cipher, encrypted in zip(items, wrapped, sealed, strict=True)
    ]


def open_enveloped_key(envelope_der: bytes, decrypt: Callable[[bytes], bytes]) -> tuple[bytes, bytes]:
    """Open an envelope; answer (private, public) of the encryption key, proved to belong together.

    Args:
        decrypt: SM2 decryption under the recipient's signing key; gets the SM2Cipher in DER. Its own errors
        pass.

    Raises:
        EnvelopeMalformed, EnvelopeNotForThisKey, EnvelopeKeyMismatch
    """
    envelope = EnvelopedKey.parse(envelope_der)
    kek = decrypt(gm.sm2.ciphertext_to_der(envelope.encrypted_kek))
    if len(kek) != _KEK_SIZE:
        raise EnvelopeNotForThisKey()
    plain = gm.sm4.ecb_decrypt(kek, envelope.encrypted_private)
    if any(plain[:-_KEY_SIZE]):
        raise EnvelopeNotForThisKey()
    private = plain[-_KEY_SIZE:]
    check_pair(private, envelope.public_key)
    return private, envelope.public_key


def temporary_key_envelope(temporary_public: bytes, key_private: bytes, key_public: bytes) -> bytes:
    """CFCA-style return of an encryption key: X‖Y‖d under the temporary key, C1‖C3‖C2 without 04."""
    return gm.sm2.encrypt(temporary_public, key_public[1:] + key_private)[1:]


def open_temporary_key_envelope(envelope: bytes, decrypt: Callable[[bytes], bytes]) -> tuple[bytes, bytes]:
    """Open what ``temporary_key_envelope`` makes; ``decrypt`` gets the SM2Cipher in DER.

    Raises:
        EnvelopeMalformed, EnvelopeNotForThisKey, EnvelopeKeyMismatch
    """
    if len(envelope) != 64 + 32 + 96:
        raise EnvelopeMalformed(detail="192 octets expected")
    raw = b"\x04" + envelope
    try:
        check_point(raw[:65])
    except der.DerError as error:
        raise EnvelopeMalformed(detail=str(error)) from error
    plain = decrypt(gm.sm2.ciphertext_to_der(raw))
    if len(plain) != 96:
        raise EnvelopeNotForThisKey()
    public, private = b"\x04" + plain[:64], plain[64:]
    check_pair(private, public)
    return private, public


def check_pair(private: bytes, public: bytes) -> None:
    """Prove that an SM2 private key is in range and belongs to the public key.

    Raises:
        EnvelopeKeyMismatch
    """
    try:
        belongs = gm.sm2.public_key(private) == public
    except gm.PrivateKeyInvalid:
        belongs = False
    if not belongs:
        raise EnvelopeKeyMismatch()


def check_point(point: bytes) -> None:
    """Refuse what is not a point 04‖X‖Y of the SM2 curve, as a fault of encoding."""
    try:
        if len(point) != 65 or point[0] != 4:
            raise der.DerError("point 04‖X‖Y expected")
        gm.sm2.check_public_key(point)
    except gm.PointError as error:
        raise der.DerError("point not on the SM2 curve") from error


def sm2_cipher_from_der(cipher_der: bytes) -> bytes:
    """Raw 04‖C1‖C3‖C2 of an SM2Cipher (GM/T 0009), whose C1 is proved to be on the curve."""
    try:
        raw = gm.sm2.ciphertext_from_der(cipher_der)
    except gm.DerError as error:
        raise der.DerError("broken SM2Cipher") from error
    check_point(raw[:65])
    return raw
