"""Encrypted private-key files: PKCS#8 with PBES2, PBKDF2-HMAC-SM3 and SM4-CBC (RFC 5958, RFC 8018, GM/T 0091).

OpenSSL reads it from 3.1 on; 3.0 (Debian 12) does not know the PRF HMAC-SM3 and needs ``prf=HMAC_SHA256``. Functions
that show a key without a password say *unsafe* in their name.
"""

import os
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

from asn1crypto import core

from banyan.gm import errors
from banyan.gm.engine import KEY_BYTES
from banyan.gm.hashing import pbkdf2_hmac_sha256, pbkdf2_hmac_sm3
from banyan.gm.sm2 import public_key
from banyan.gm.sm4 import cbc_decrypt, cbc_encrypt

DEFAULT_ITERATIONS = 100_000
# A file from outside may not keep us busy for ever.
MOST_ITERATIONS = 10_000_000

_SALT_BYTES = 16
_SM4_KEY_BYTES = 16
_SM2_CURVE = "1.2.156.10197.1.301"
_EC_PUBLIC_KEY = "1.2.840.10045.2.1"
_PBES2 = "1.2.840.113549.1.5.13"
_PBKDF2 = "1.2.840.113549.1.5.12"
_SM4_CBC = "1.2.156.10197.1.104.2"
# Two numbers for HMAC-SM3 are met: OpenSSL's, which we write so that OpenSSL reads it, and that of GB/T 33560.
HMAC_SM3 = "1.2.156.10197.1.401.3.1"
_HMAC_SM3_BY_GB = "1.2.156.10197.1.401.2"
HMAC_SHA256 = "1.2.840.113549.2.9"


class _Algorithm(core.Sequence):  # type: ignore[misc]  # asn1crypto is untyped
    _fields: ClassVar[list[Any]] = [("algorithm", core.ObjectIdentifier), ("parameters", core.Any, {"optional": True})]


class _Pbkdf2Parameters(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar[list[Any]] = [
        ("salt", core.OctetString),
        ("iterations", core.Integer),
        ("key_length", core.Integer, {"optional": True}),
        ("prf", _Algorithm, {"optional": True}),
    ]


class _Pbes2Parameters(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar[list[Any]] = [("derivation", _Algorithm), ("encryption", _Algorithm)]


class _EncryptedPrivateKeyInfo(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar[list[Any]] = [("algorithm", _Algorithm), ("encrypted", core.OctetString)]


class _PrivateKeyInfo(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar[list[Any]] = [
        ("version", core.Integer),
        ("algorithm", _Algorithm),
        ("private_key", core.OctetString),
    ]


class _EcPrivateKey(core.Sequence):  # type: ignore[misc]
    _fields: ClassVar[list[Any]] = [
        ("version", core.Integer),
        ("private_key", core.OctetString),
        ("parameters", core.ObjectIdentifier, {"explicit": 0, "optional": True}),
        ("public_key", core.OctetBitString, {"explicit": 1, "optional": True}),
    ]


def unsafe_private_key_info(private: bytes) -> bytes:
    """The PrivateKeyInfo (RFC 5958) of a private key, readable by anyone who holds it. Raises PrivateKeyInvalid."""
    return _info(private, public_key(private), has_curve=False)


def _info(private: bytes, public: bytes | None, has_curve: bool) -> bytes:
    """PrivateKeyInfo around SEC1's ECPrivateKey, whose curve and public key may be stated or not."""
    inner: dict[str, object] = {"version": 1, "private_key": private}
    if has_curve:
        inner["parameters"] = _SM2_CURVE
    if public is not None:
        inner["public_key"] = public
    info = _PrivateKeyInfo(
        {
            "version": 0,
            "algorithm": {"algorithm": _EC_PUBLIC_KEY, "parameters": core.ObjectIdentifier(_SM2_CURVE)},
            "private_key": _EcPrivateKey(inner).dump(),
        }
    )
    return bytes(info.dump())


def encrypt_private_key(
    private: bytes, password: bytes, *, iterations: int = DEFAULT_ITERATIONS, prf: str = HMAC_SM3
) -> bytes:
    """The EncryptedPrivateKeyInfo (DER) of an SM2 private key under a password, with fresh salt and IV.

    ``prf`` is HMAC_SM3, or HMAC_SHA256 for readers that do not know the former. Raises PrivateKeyInvalid.
    """
    info = unsafe_private_key_info(private)
    salt, iv = os.urandom(_SALT_BYTES), os.urandom(16)
    key = _prf_function(prf)(password, salt, iterations, _SM4_KEY_BYTES)
    derivation = _Pbkdf2Parameters(
        {
            "salt": salt,
            "iterations": iterations,
            "key_length": _SM4_KEY_BYTES,
            "prf": {"algorithm": prf, "parameters": core.Null()},
        }
    )
    scheme = _Pbes2Parameters(
        {
            "derivation": {"algorithm": _PBKDF2, "parameters": derivation},
            "encryption": {"algorithm": _SM4_CBC, "parameters": core.OctetString(iv)},
        }
    )
    outer = _EncryptedPrivateKeyInfo(
        {
            "algorithm": {"algorithm": _PBES2, "parameters": scheme},
            "encrypted": cbc_encrypt(key, iv, info),
        }
    )
    return bytes(outer.dump())


def decrypt_private_key(der: bytes, password: bytes) -> bytes:
    """The 32-byte private key of an EncryptedPrivateKeyInfo, PRF HMAC-SM3 or HMAC-SHA256.

    Raises PasswordWrong, PrivateKeyFileInvalid.
    """
    scheme = _scheme(der)
    key = _prf_function(scheme.prf)(password, scheme.salt, scheme.iterations, _SM4_KEY_BYTES)
    try:
        info = cbc_decrypt(key, scheme.iv, scheme.encrypted)
        return _private_key(info)
    except (errors.PaddingInvalid, errors.PrivateKeyFileInvalid):
        # A wrong password that happens to leave good padding shows as a key of no sense.
        raise errors.PasswordWrong from None


def unsafe_private_key(der: bytes) -> bytes:
    """The private key of a PrivateKeyInfo that no password protects. Raises PrivateKeyFileInvalid."""
    return _private_key(der)


class _Scheme(NamedTuple):
    """What a PBES2 file says of itself, read into plain values."""

    prf: str
    salt: bytes
    iterations: int
    key_length: int | None
    iv: bytes
    encrypted: bytes


# What asn1crypto raises on octets that are not what they should be.
_MALFORMED = (ValueError, TypeError, KeyError, IndexError, AttributeError)


def _scheme(der: bytes) -> _Scheme:
    try:
        outer = _EncryptedPrivateKeyInfo.load(der, strict=True)
        if outer["algorithm"]["algorithm"].dotted != _PBES2:
            raise errors.PrivateKeyFileInvalid(reason="不是 PBES2")
        parameters = outer["algorithm"]["parameters"].parse(_Pbes2Parameters)
        if parameters["derivation"]["algorithm"].dotted != _PBKDF2:
            raise errors.PrivateKeyFileInvalid(reason="密钥派生不是 PBKDF2")
        if parameters["encryption"]["algorithm"].dotted != _SM4_CBC:
            raise errors.PrivateKeyFileInvalid(reason="加密算法不是 SM4-CBC")
        derivation = parameters["derivation"]["parameters"].parse(_Pbkdf2Parameters)
        prf = derivation["prf"]
        scheme = _Scheme(
            prf="" if isinstance(prf, core.Void) else prf["algorithm"].dotted,
            salt=bytes(derivation["salt"].native),
            iterations=int(derivation["iterations"].native),
            key_length=derivation["key_length"].native,
            iv=bytes(parameters["encryption"]["parameters"].parse(core.OctetString).native),
            encrypted=bytes(outer["encrypted"].native),
        )
    except _MALFORMED:
        raise errors.PrivateKeyFileInvalid(reason="DER 结构不符") from None
    if len(scheme.iv) != 16 or not scheme.encrypted or len(scheme.encrypted) % 16:
        raise errors.PrivateKeyFileInvalid(reason="长度不符")
    if not 1 <= scheme.iterations <= MOST_ITERATIONS:
        raise errors.PrivateKeyFileInvalid(reason="迭代次数不合理")
    if scheme.key_length not in (None, _SM4_KEY_BYTES):
        raise errors.PrivateKeyFileInvalid(reason="密钥长度不符")
    return scheme


def _prf_function(prf: str) -> Callable[[bytes, bytes, int, int], bytes]:
    if prf in (HMAC_SM3, _HMAC_SM3_BY_GB):
        return pbkdf2_hmac_sm3
    if prf == HMAC_SHA256:
        return pbkdf2_hmac_sha256
    raise errors.PrivateKeyFileInvalid(reason="PRF 不是 HMAC-SM3 或 HMAC-SHA256")


def _private_key(der: bytes) -> bytes:
    try:
        info = _PrivateKeyInfo.load(der, strict=True)
        algorithm = info["algorithm"]
        curve = algorithm["parameters"].parse(core.ObjectIdentifier).dotted
        if algorithm["algorithm"].dotted != _EC_PUBLIC_KEY or curve != _SM2_CURVE:
            raise errors.PrivateKeyFileInvalid(reason="不是 SM2 私钥")
        private = bytes(_EcPrivateKey.load(info["private_key"].native, strict=True)["private_key"].native)
    except _MALFORMED:
        raise errors.PrivateKeyFileInvalid(reason="DER 结构不符") from None
    if len(private) != KEY_BYTES:
        raise errors.PrivateKeyFileInvalid(reason="私钥长度不符")
    try:
        public = public_key(private)
    except errors.PrivateKeyInvalid:
        raise errors.PrivateKeyFileInvalid(reason="私钥超出范围") from None
    # asn1crypto passes over what it does not know, and CBC lets changes through: only the forms that are written by
    # somebody count, with the public half, if stated, being the right one.
    forms = (_info(private, stated, has_curve) for stated in (public, None) for has_curve in (False, True))
    if der not in forms:
        raise errors.PrivateKeyFileInvalid(reason="公私钥不符或含有多余的内容")
    return private
