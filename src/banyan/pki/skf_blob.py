"""SKF ENVELOPEDKEYBLOB (GM/T 0016-2012): the envelope as hardware tokens import it.

Integers are little-endian, the structure is packed; 388 octets for an SM4 key of 16. The private key's field
has 64 octets for a key of 32. Most code bases put the 32 octets of ciphertext at offset 32; a few devices
encrypt all 64. Which one a device wants is a setting of its kind (``KeyFieldLayout``).
"""

import struct
from enum import Enum
from typing import Final

from banyan.pki import strict_der as der
from banyan.pki.envelope_errors import EnvelopeLayoutUnavailable, EnvelopeMalformed
from banyan.pki.sm2_enveloped_key import EnvelopedKey, check_point

SGD_SM4_ECB: Final = 0x401
_VERSION: Final = 1
_BITS: Final = 256
_HEAD: Final = struct.Struct("<III64s")
_PUBLIC_KEY: Final = struct.Struct("<I64s64s")
_CIPHER: Final = struct.Struct("<64s64s32sI")
_KEK_SIZE: Final = 16
SIZE: Final = _HEAD.size + _PUBLIC_KEY.size + _CIPHER.size + _KEK_SIZE


class KeyFieldLayout(Enum):
    """What stands in cbEncryptedPriKey."""

    OFFSET_32 = "offset32"
    """32 zeros, then d encrypted (usual practice)."""
    WHOLE_64 = "whole64"
    """32 zeros and d, encrypted together; needs an envelope made with ``whole_field=True``."""


def to_skf_blob(envelope_der: bytes, *, layout: KeyFieldLayout = KeyFieldLayout.OFFSET_32) -> bytes:
    """Convert an SM2EnvelopedKey; no key is opened for it.

    Raises:
        EnvelopeMalformed: broken input.
        EnvelopeLayoutUnavailable: the layout asked for needs an envelope of the whole field.
    """
    envelope = EnvelopedKey.parse(envelope_der)
    # ECB encrypts each block by itself, so the second half of a whole field is what OFFSET_32 wants.
    field = envelope.encrypted_private
    if layout is KeyFieldLayout.OFFSET_32:
        field = bytes(32) + field[-32:]
    elif len(field) != 64:
        raise EnvelopeLayoutUnavailable()
    public, cipher = envelope.public_key, envelope.encrypted_kek
    return b"".join(
        (
            _HEAD.pack(_VERSION, SGD_SM4_ECB, _BITS, field),
            _PUBLIC_KEY.pack(_BITS, _wide(public[1:33]), _wide(public[33:])),
            _CIPHER.pack(_wide(cipher[1:33]), _wide(cipher[33:65]), cipher[65:97], _KEK_SIZE),
            cipher[97:],
        )
    )


def from_skf_blob(blob: bytes, *, layout: KeyFieldLayout = KeyFieldLayout.OFFSET_32) -> bytes:
    """Convert to an SM2EnvelopedKey in DER.

    Raises:
        EnvelopeMalformed
    """
    try:
        return _parse(blob, layout).to_der()
    except der.DerError as error:
        raise EnvelopeMalformed(detail=str(error)) from error


def _parse(blob: bytes, layout: KeyFieldLayout) -> EnvelopedKey:
    if len(blob) != SIZE:
        raise der.DerError(f"blob of {len(blob)} octets, expected {SIZE}")
    version, algorithm, bits, field = _HEAD.unpack_from(blob)
    key_bits, key_x, key_y = _PUBLIC_KEY.unpack_from(blob, _HEAD.size)
    c1_x, c1_y, digest, size = _CIPHER.unpack_from(blob, _HEAD.size + _PUBLIC_KEY.size)
    expected = (_VERSION, SGD_SM4_ECB, _BITS, _BITS, _KEK_SIZE)
    if (version, algorithm, bits, key_bits, size) != expected:
        raise der.DerError("version, algorithm, key length or cipher length not as in GM/T 0016")
    encrypted = field
    if layout is KeyFieldLayout.OFFSET_32:
        if any(field[:32]):
            raise der.DerError("first half of the private key's field is not zero")
        encrypted = field[32:]
    public = b"\x04" + _narrow(key_x) + _narrow(key_y)
    cipher = b"\x04" + _narrow(c1_x) + _narrow(c1_y) + digest + blob[-_KEK_SIZE:]
    check_point(public)
    check_point(cipher[:65])
    return EnvelopedKey(cipher, public, encrypted)


def _wide(number: bytes) -> bytes:
    return bytes(32) + number


def _narrow(field: bytes) -> bytes:
    if any(field[:32]):
        raise der.DerError("coordinate of more than 256 bits")
    return field[32:]
