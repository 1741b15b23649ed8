"""One engine: the batch functions of an extension module, in Python types.

All engines show the same C functions (``native/gm/interface.h``), so one class serves them. A batch crosses into C as
one joined buffer with its lengths, and the interpreter's lock is free while C works.
"""

from array import array
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, Never

from banyan.gm import errors

KEY_BYTES = 32
POINT_BYTES = 65
SIGNATURE_BYTES = 64
DIGEST_BYTES = 32
BLOCK_BYTES = 16
CIPHERTEXT_OVERHEAD = POINT_BYTES + DIGEST_BYTES
_DER_SLOT = 72

_PRIVATE_KEY, _POINT, _CIPHERTEXT, _LENGTH = -2, -3, -4, -7


def _join(parts: Sequence[bytes], size: int, what: str) -> bytes:
    """Join items that must all have ``size`` bytes."""
    joined = b"".join(parts)
    if len(joined) != size * len(parts) or any(len(part) != size for part in parts):
        raise errors.LengthInvalid(what=what, expected=size)
    return joined


def _slices(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


class Engine:
    """A loaded engine.

    ``tier`` is 1 for one operation at a time and 2 for lanes side by side; ``version`` names the library.
    """

    def __init__(self, name: str, module: ModuleType) -> None:
        self.name = name
        self._lib: Any = module.lib
        self._ffi: Any = module.ffi
        self.tier = int(self._lib.bgm_start())
        if self.tier == 0:
            raise errors.EngineUnavailable(engine=name, reason="处理器或系统库不支持")
        self.version = str(self._ffi.string(self._lib.bgm_version()).decode())

    # ---- plumbing ----

    def _lengths(self, parts: Sequence[bytes]) -> Any:
        if len(parts) == 1:
            return self._ffi.new("uint64_t[1]", (len(parts[0]),))
        return self._ffi.from_buffer("uint64_t[]", array("Q", map(len, parts)))

    def _room(self, size: int) -> tuple[bytearray, Any]:
        room = bytearray(size)
        return room, self._ffi.from_buffer("uint8_t[]", room)

    def _check(self, code: int, operation: str) -> None:
        if code != 0:
            self._refuse(code, operation)

    def _refuse(self, code: int, operation: str) -> Never:
        if code == _PRIVATE_KEY:
            raise errors.PrivateKeyInvalid
        if code == _POINT:
            raise errors.PointError
        if code == _CIPHERTEXT:
            raise errors.CiphertextInvalid
        if code == _LENGTH:
            raise errors.LengthInvalid(what="数据", expected="标准规定的长度")
        raise errors.EngineFailure(engine=self.name, operation=operation, status=code)

    # ---- SM3 ----

    def sm3_many(self, messages: Sequence[bytes]) -> list[bytes]:
        if len(messages) == 1:
            return [self._sm3_one(messages[0])]
        out, room = self._room(DIGEST_BYTES * len(messages))
        self._check(self._lib.bgm_sm3_many(b"".join(messages), self._lengths(messages), len(messages), room), "SM3")
        return _slices(bytes(out), DIGEST_BYTES)

    def _sm3_one(self, message: bytes) -> bytes:
        digest = self._ffi.new("uint8_t[32]")
        self._check(self._lib.bgm_sm3_many(bytes(message), self._lengths([message]), 1, digest), "SM3")
        return bytes(self._ffi.buffer(digest))

    def hmac_sm3_many(self, key: bytes, messages: Sequence[bytes]) -> list[bytes]:
        out, room = self._room(DIGEST_BYTES * len(messages))
        lengths = self._lengths(messages)
        code = self._lib.bgm_hmac_sm3_many(key, len(key), b"".join(messages), lengths, len(messages), room)
        self._check(code, "HMAC-SM3")
        return _slices(bytes(out), DIGEST_BYTES)

    # ---- SM2 ----

    def keypairs(self, count: int) -> list[tuple[bytes, bytes]]:
        private, private_room = self._room(KEY_BYTES * count)
        public, public_room = self._room(POINT_BYTES * count)
        try:
            self._check(self._lib.bgm_sm2_keypairs(count, private_room, public_room), "SM2 key generation")
            return list(zip(_slices(bytes(private), KEY_BYTES), _slices(bytes(public), POINT_BYTES), strict=True))
        finally:
            private[:] = bytes(len(private))

    def public_many(self, private_keys: Sequence[bytes]) -> list[bytes]:
        joined = _join(private_keys, KEY_BYTES, "SM2 私钥")
        out, room = self._room(POINT_BYTES * len(private_keys))
        failed = self._ffi.new("size_t *")
        self._check(self._lib.bgm_sm2_public_many(joined, len(private_keys), room, failed), "SM2 public key")
        return _slices(bytes(out), POINT_BYTES)

    def check_points(self, public_keys: Sequence[bytes]) -> list[bool]:
        """Whether each is an uncompressed point of the curve; a wrong length is a plain no."""
        sized = [key if len(key) == POINT_BYTES else bytes(POINT_BYTES) for key in public_keys]
        out, room = self._room(len(sized))
        self._check(self._lib.bgm_sm2_check_point_many(b"".join(sized), len(sized), room), "SM2 point check")
        return [value == 1 for value in out]

    def digest_many(self, items: Sequence[tuple[bytes, bytes]], signer_id: bytes) -> list[bytes]:
        """e = SM3(Z || M) of (public, message) items."""
        publics, messages = [item[0] for item in items], [item[1] for item in items]
        joined = _join(publics, POINT_BYTES, "SM2 公钥")
        out, room = self._room(DIGEST_BYTES * len(items))
        lengths = self._lengths(messages)
        code = self._lib.bgm_sm2_digest_many(
            signer_id, len(signer_id), joined, b"".join(messages), lengths, len(items), room
        )
        self._check(code, "SM2 digest")
        return _slices(bytes(out), DIGEST_BYTES)

    def sign_many(
        self, items: Sequence[tuple[bytes, bytes, bytes]], signer_id: bytes, *, known_scalars: bytes | None = None
    ) -> bytes:
        """Signatures r||s, joined, of (private, public, message) items.

        ``known_scalars`` is for known-answer tests only: a scalar used twice gives the private key away.
        """
        privates = _join([item[0] for item in items], KEY_BYTES, "SM2 私钥")
        publics = _join([item[1] for item in items], POINT_BYTES, "SM2 公钥")
        messages = [item[2] for item in items]
        out, room = self._room(SIGNATURE_BYTES * len(items))
        failed = self._ffi.new("size_t *")
        scalars = self._ffi.NULL if known_scalars is None else known_scalars
        code = self._lib.bgm_sm2_sign_many(
            privates, publics, signer_id, len(signer_id), b"".join(messages), self._lengths(messages), len(items),
            scalars, room, failed,
        )  # fmt: skip
        self._check(code, "SM2 sign")
        return bytes(out)

    def sign_digest_many(self, items: Sequence[tuple[bytes, bytes, bytes]]) -> bytes:
        """Signatures r||s, joined, of (private, public, e) items."""
        privates = _join([item[0] for item in items], KEY_BYTES, "SM2 私钥")
        publics = _join([item[1] for item in items], POINT_BYTES, "SM2 公钥")
        digests = _join([item[2] for item in items], DIGEST_BYTES, "SM3 摘要")
        out, room = self._room(SIGNATURE_BYTES * len(items))
        failed = self._ffi.new("size_t *")
        code = self._lib.bgm_sm2_sign_digest_many(privates, publics, digests, len(items), self._ffi.NULL, room, failed)
        self._check(code, "SM2 sign")
        return bytes(out)

    def verify_many(
        self, public_keys: Sequence[bytes], messages: Sequence[bytes], signatures: bytes, signer_id: bytes
    ) -> list[bool]:
        """Whether each signature (r||s, joined) is right; keys must have 65 bytes."""
        joined = _join(public_keys, POINT_BYTES, "SM2 公钥")
        out, room = self._room(len(messages))
        code = self._lib.bgm_sm2_verify_many(
            joined, signer_id, len(signer_id), b"".join(messages), self._lengths(messages), signatures,
            len(messages), room,
        )  # fmt: skip
        self._check(code, "SM2 verify")
        return [value == 1 for value in out]

    def encrypt_many(self, items: Sequence[tuple[bytes, bytes]], *, known_scalars: bytes | None = None) -> list[bytes]:
        """Ciphertexts C1||C3||C2 of (public, plaintext) items. ``known_scalars``: for known-answer tests only."""
        publics = _join([item[0] for item in items], POINT_BYTES, "SM2 公钥")
        texts = [item[1] for item in items]
        sizes = [len(text) + CIPHERTEXT_OVERHEAD for text in texts]
        out, room = self._room(sum(sizes))
        failed = self._ffi.new("size_t *")
        scalars = self._ffi.NULL if known_scalars is None else known_scalars
        code = self._lib.bgm_sm2_encrypt_many(
            publics, b"".join(texts), self._lengths(texts), len(items), scalars, room, failed
        )
        self._check(code, "SM2 encrypt")
        return self._split(bytes(out), sizes)

    def decrypt(self, private_key: bytes, ciphertext: bytes) -> bytes:
        """The plaintext of C1||C3||C2."""
        if len(private_key) != KEY_BYTES:
            raise errors.LengthInvalid(what="SM2 私钥", expected=KEY_BYTES)
        if len(ciphertext) <= CIPHERTEXT_OVERHEAD:
            raise errors.CiphertextInvalid
        out, room = self._room(len(ciphertext) - CIPHERTEXT_OVERHEAD)
        self._check(self._lib.bgm_sm2_decrypt(private_key, ciphertext, len(ciphertext), room), "SM2 decrypt")
        return bytes(out)

    # ---- DER of signatures ----

    def signatures_to_der(self, signatures: bytes) -> list[bytes]:
        count = len(signatures) // SIGNATURE_BYTES
        out, room = self._room(_DER_SLOT * count)
        sizes, sizes_room = self._room(count)
        self._lib.bgm_signatures_to_der(signatures, count, room, sizes_room)
        data = bytes(out)
        return [data[at : at + size] for at, size in zip(range(0, len(data), _DER_SLOT), sizes, strict=True)]

    def signatures_from_der(self, ders: Sequence[bytes]) -> tuple[bytes, list[bool]]:
        out, room = self._room(SIGNATURE_BYTES * len(ders))
        valid, valid_room = self._room(len(ders))
        self._lib.bgm_signatures_from_der(b"".join(ders), self._lengths(ders), len(ders), room, valid_room)
        return bytes(out), [value == 1 for value in valid]

    # ---- SM4 ----

    def sm4_ecb(self, key: bytes, data: bytes, *, encrypt: bool) -> bytes:
        out, room = self._room(len(data))
        self._check(self._lib.bgm_sm4_ecb(int(encrypt), key, data, len(data), room), "SM4-ECB")
        return bytes(out)

    def sm4_ecb_many(self, items: Sequence[tuple[bytes, bytes]], *, encrypt: bool) -> list[bytes]:
        """(key, whole blocks) items."""
        keys = _join([item[0] for item in items], BLOCK_BYTES, "SM4 密钥")
        texts = [item[1] for item in items]
        out, room = self._room(sum(map(len, texts)))
        code = self._lib.bgm_sm4_ecb_many(int(encrypt), keys, b"".join(texts), self._lengths(texts), len(items), room)
        self._check(code, "SM4-ECB")
        return self._split(bytes(out), [len(text) for text in texts])

    def sm4_cbc(self, key: bytes, iv: bytes, data: bytes, *, encrypt: bool) -> bytes:
        out, room = self._room(len(data))
        self._check(self._lib.bgm_sm4_cbc(int(encrypt), key, iv, data, len(data), room), "SM4-CBC")
        return bytes(out)

    def sm4_ctr_many(self, items: Sequence[tuple[bytes, bytes, bytes]]) -> list[bytes]:
        """(key, first counter block, data) items."""
        keys = _join([item[0] for item in items], BLOCK_BYTES, "SM4 密钥")
        counters = _join([item[1] for item in items], BLOCK_BYTES, "SM4 计数器")
        texts = [item[2] for item in items]
        out, room = self._room(sum(map(len, texts)))
        code = self._lib.bgm_sm4_ctr_many(keys, counters, b"".join(texts), self._lengths(texts), len(items), room)
        self._check(code, "SM4-CTR")
        return self._split(bytes(out), [len(text) for text in texts])

    @staticmethod
    def _split(data: bytes, sizes: Sequence[int]) -> list[bytes]:
        parts, start = [], 0
        for size in sizes:
            parts.append(data[start : start + size])
            start += size
        return parts


def pbkdf2(password: bytes, salt: bytes, iterations: int, length: int, *, with_sha256: bool) -> bytes:
    """PBKDF2 by libcrypto, whichever engine is in use: no other library has it."""
    _openssl: Any = import_module("banyan.gm._openssl")
    if _openssl.lib.bgm_start() == 0:
        raise errors.EngineUnavailable(engine="openssl", reason="系统库不支持 SM3")
    out = bytearray(length)
    code = _openssl.lib.bgm_pbkdf2(
        int(with_sha256), password, len(password), salt, len(salt), iterations,
        _openssl.ffi.from_buffer("uint8_t[]", out), length,
    )  # fmt: skip
    if code != 0:
        raise errors.EngineFailure(engine="openssl", operation="PBKDF2", status=code)
    return bytes(out)
