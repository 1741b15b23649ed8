"""SM4 (GB/T 32907) in the modes ECB, CBC, CTR (GB/T 17964) and GCM (GB/T 36624, RFC 8998). Keys are 16 bytes."""

from collections.abc import Sequence

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.modes import GCM

from banyan.gm import errors
from banyan.gm.engine import BLOCK_BYTES
from banyan.gm.selection import current

KEY_BYTES = 16
NONCE_BYTES = 12
TAG_BYTES = 16


def _sized(value: bytes, size: int, what: str) -> bytes:
    if len(value) != size:
        raise errors.LengthInvalid(what=what, expected=size)
    return value


def _whole_blocks(data: bytes) -> bytes:
    if len(data) % BLOCK_BYTES:
        raise errors.LengthInvalid(what="SM4 数据", expected=f"{BLOCK_BYTES} 的整数倍")
    return data


def ecb_encrypt(key: bytes, data: bytes) -> bytes:
    """Whole blocks, no padding: for wrapping keys only, never for texts."""
    return current().sm4_ecb(_sized(key, KEY_BYTES, "SM4 密钥"), _whole_blocks(data), encrypt=True)


def ecb_decrypt(key: bytes, data: bytes) -> bytes:
    """The reverse of ``ecb_encrypt``."""
    return current().sm4_ecb(_sized(key, KEY_BYTES, "SM4 密钥"), _whole_blocks(data), encrypt=False)


def ecb_encrypt_many(items: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
    """``ecb_encrypt`` of (key, whole blocks) items, a key each."""
    for _key, data in items:
        _whole_blocks(data)
    return current().sm4_ecb_many(items, encrypt=True)


def ecb_decrypt_many(items: Sequence[tuple[bytes, bytes]]) -> list[bytes]:
    """``ecb_decrypt`` of (key, whole blocks) items, a key each."""
    for _key, data in items:
        _whole_blocks(data)
    return current().sm4_ecb_many(items, encrypt=False)


def cbc_encrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    """CBC with PKCS#7 padding; ``iv`` is 16 unpredictable bytes."""
    missing = BLOCK_BYTES - len(data) % BLOCK_BYTES
    padded = bytes(data) + bytes([missing]) * missing
    key, iv = _sized(key, KEY_BYTES, "SM4 密钥"), _sized(iv, BLOCK_BYTES, "SM4 IV")
    return current().sm4_cbc(key, iv, padded, encrypt=True)


def cbc_decrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    """The reverse of ``cbc_encrypt``. Raises PaddingInvalid; CBC itself does not notice every change."""
    if not data:
        raise errors.PaddingInvalid
    engine = current()
    padded = engine.sm4_cbc(
        _sized(key, KEY_BYTES, "SM4 密钥"), _sized(iv, BLOCK_BYTES, "SM4 IV"), _whole_blocks(data), encrypt=False
    )
    missing = padded[-1]
    if not 1 <= missing <= BLOCK_BYTES or padded[-missing:] != bytes([missing]) * missing:
        raise errors.PaddingInvalid
    return padded[:-missing]


def ctr(key: bytes, counter: bytes, data: bytes) -> bytes:
    """Encrypt or decrypt in counter mode; ``counter`` is the first 16-byte block, never used twice under one key."""
    return ctr_many([(key, counter, data)])[0]


def ctr_many(items: Sequence[tuple[bytes, bytes, bytes]]) -> list[bytes]:
    """``ctr`` of (key, counter, data) items."""
    return current().sm4_ctr_many(items)


def gcm_encrypt(key: bytes, nonce: bytes, data: bytes, aad: bytes = b"") -> bytes:
    """Ciphertext followed by its 16-byte tag; ``nonce`` is 12 bytes, never used twice under one key."""
    return gcm_encrypt_many(key, [(nonce, data, aad)])[0]


def gcm_encrypt_many(key: bytes, items: Sequence[tuple[bytes, bytes, bytes]]) -> list[bytes]:
    """``gcm_encrypt`` of (nonce, data, aad) items under one key."""
    current()  # the known answers first
    algorithm = SM4(_sized(key, KEY_BYTES, "SM4 密钥"))
    sealed = []
    for nonce, data, aad in items:
        encryptor = _gcm(algorithm, nonce, None).encryptor()
        if aad:
            encryptor.authenticate_additional_data(aad)
        sealed.append(encryptor.update(data) + encryptor.finalize() + encryptor.tag)
    return sealed


def gcm_decrypt(key: bytes, nonce: bytes, data: bytes, aad: bytes = b"") -> bytes:
    """The plaintext of ciphertext||tag. Raises TagInvalid."""
    if len(data) < TAG_BYTES:
        raise errors.TagInvalid
    current()
    decryptor = gcm_cipher(key, nonce, data[-TAG_BYTES:]).decryptor()
    if aad:
        decryptor.authenticate_additional_data(aad)
    try:
        return decryptor.update(data[:-TAG_BYTES]) + decryptor.finalize()
    except InvalidTag:
        raise errors.TagInvalid from None


def gcm_cipher(key: bytes, nonce: bytes, tag: bytes | None = None) -> "Cipher[GCM]":
    """SM4-GCM by pyca/cryptography: libcrypto 3.0 lacks it, the wheel's own libcrypto has it. Not self-tested here."""
    return _gcm(SM4(_sized(key, KEY_BYTES, "SM4 密钥")), nonce, tag)


def _gcm(algorithm: SM4, nonce: bytes, tag: bytes | None) -> "Cipher[GCM]":
    try:
        return Cipher(algorithm, GCM(_sized(nonce, NONCE_BYTES, "SM4-GCM 随机数"), tag))
    except UnsupportedAlgorithm:
        raise errors.EngineUnavailable(engine="SM4-GCM", reason="cryptography 的 libcrypto 不含 SM4-GCM") from None
