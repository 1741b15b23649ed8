"""Encrypted private-key files: PKCS#8 with PBES2, PBKDF2-HMAC-SM3 and SM4-CBC (RFC 5958, RFC 8018, GM/T 0091).

OpenSSL reads it from 3.1 on; 3.0 (Debian 12) does not know the PRF HMAC-SM3 and needs ``prf=HMAC_SHA256``. Functions
that show a key without a password say *unsafe* in their name.
"""

import os
from collections.abc import Callable

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
    _fields = [("algorithm", core.ObjectIdentifier), ("parameters", core.Any, {"optional": True})]


class _Pbkdf2Parameters(core.Sequence):  # type: ignore[misc]
    _fields = [
        ("salt", core.OctetString),
        ("iterations", core.Integer),
        ("key_length", core.Integer, {"optional": True}),
        ("prf", _Algorithm, {"optional": True}),
    ]


class _Pbes2Parameters(core.Sequence):  # type: ignore[misc]
    _fields = [("derivation", _Algorithm), ("encryption", _Algorithm)]


class _EncryptedPrivateKeyInfo(core.Sequence):  # type: ignore[misc]
    _fields = [("algorithm", _Algorithm), ("encrypted", core.OctetString)]


class _PrivateKeyInfo(core.Sequence):  # type: ignore[misc]
    _fields = [
        ("version", core.Integer),
        ("algorithm", _Algorithm),
        ("private_key", core.OctetString),
        ("attributes", core.SetOf, {"implicit": 0, "optional": True, "spec": core.Any}),
    ]


class _EcPrivateKey(core.Sequence):  # type: ignore[misc]
    _fields = [
        ("version", core.Integer),
        ("private_key", core.OctetString),
        ("parameters", core.ObjectIdentifier, {"explicit": 0, "optional": True}),
        ("public_key", core.OctetBitString, {"explicit": 1, "optional": True}),
    ]


def unsafe_private_key_info(private: bytes) -> bytes:
    """The PrivateKeyInfo (RFC 5958) of a private key, readable by anyone who holds it."""
    inner = _EcPrivateKey({"version": 1, "private_key": private, "public_key": public_key(private)})
    info = _PrivateKeyInfo(
        {
            "version": 0,
            "algorithm": {"algorithm": _EC_PUBLIC_KEY, "parameters": core.ObjectIdentifier(_SM2_CURVE)},
            "private_key": inner.dump(),
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
    derivation, iv, encrypted = _scheme(der)
    key = _derive(derivation, password)
    try:
        info = cbc_decrypt(key, iv, encrypted)
        return _private_key(info)
    except (errors.PaddingInvalid, errors.PrivateKeyFileInvalid):
        # A wrong password that happens to leave good padding shows as a key of no sense.
        raise errors.PasswordWrong from None


def unsafe_private_key(der: bytes) -> bytes:
    """The private key of a PrivateKeyInfo that no password protects. Raises PrivateKeyFileInvalid."""
    return _private_key(der)


def _scheme(der: bytes) -> tuple[_Pbkdf2Parameters, bytes, bytes]:
    try:
        outer = _EncryptedPrivateKeyInfo.load(der, strict=True)
        if outer["algorithm"]["algorithm"].dotted != _PBES2:
            raise errors.PrivateKeyFileInvalid(reason="不是 PBES2")
        scheme = outer["algorithm"]["parameters"].parse(_Pbes2Parameters)
        if scheme["derivation"]["algorithm"].dotted != _PBKDF2:
            raise errors.PrivateKeyFileInvalid(reason="密钥派生不是 PBKDF2")
        if scheme["encryption"]["algorithm"].dotted != _SM4_CBC:
            raise errors.PrivateKeyFileInvalid(reason="加密算法不是 SM4-CBC")
        derivation = scheme["derivation"]["parameters"].parse(_Pbkdf2Parameters)
        iv = scheme["encryption"]["parameters"].parse(core.OctetString).native
        encrypted = outer["encrypted"].native
        derivation["prf"].native, derivation["iterations"].native, derivation["salt"].native  # noqa: B018  (read all now)
    except (ValueError, TypeError, KeyError):
        raise errors.PrivateKeyFileInvalid(reason="DER 结构不符") from None
    if len(iv) != 16 or not encrypted or len(encrypted) % 16:
        raise errors.PrivateKeyFileInvalid(reason="长度不符")
    return derivation, iv, encrypted


def _derive(parameters: _Pbkdf2Parameters, password: bytes) -> bytes:
    iterations, salt = parameters["iterations"].native, parameters["salt"].native
    if not 1 <= iterations <= MOST_ITERATIONS:
        raise errors.PrivateKeyFileInvalid(reason="迭代次数不合理")
    if parameters["key_length"].native not in (None, _SM4_KEY_BYTES):
        raise errors.PrivateKeyFileInvalid(reason="密钥长度不符")
    prf = parameters["prf"]["algorithm"].dotted if parameters["prf"].native else ""
    return _prf_function(prf)(password, salt, iterations, _SM4_KEY_BYTES)


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
        inner = _EcPrivateKey.load(info["private_key"].native, strict=True)
        private = bytes(inner["private_key"].native)
        stated = inner["public_key"].native
    except (ValueError, TypeError, KeyError):
        raise errors.PrivateKeyFileInvalid(reason="DER 结构不符") from None
    if len(private) != KEY_BYTES:
        raise errors.PrivateKeyFileInvalid(reason="私钥长度不符")
    try:
        public = public_key(private)
    except errors.PrivateKeyInvalid:
        raise errors.PrivateKeyFileInvalid(reason="私钥超出范围") from None
    if stated is not None and stated != public:
        raise errors.PrivateKeyFileInvalid(reason="公私钥不符")
    return private
