"""Keys that no certificate may be issued to: too short, badly formed, or with a private key that others know.

The rules need no context and cost microseconds, so ``pki.csr`` applies them to every request it parses.
"""

from collections.abc import Sequence
from functools import cache
from math import gcd, isqrt, prod
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from banyan import gm
from banyan.kernel.errors import N_
from banyan.pki.errors import PkiError
from banyan.pki.public_key import PublicKey, rsa_numbers

RSA_MIN_BITS: Final = 2048
RSA_MAX_BITS: Final = 8192
RSA_MIN_EXPONENT: Final = 65537
_RSA_MAX_EXPONENT_BITS: Final = 32
_SMALL_SCALARS: Final = 64
_FERMAT_ROUNDS: Final = 64

# Private keys printed in GB/T 32918.5 and its predecessors: some programs ship the example as their key.
_PUBLISHED_SM2: Final = (
    "3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8",
    "81EB26E941BB5AF16DF116495F90695272AE2CD63D6C4AE1678418BE48230029",
    "785129917D45A9EA5437A59356B82338EAADDA6CEB199088F14AE10DEFA229B5",
    "128B2FA8BD433C6C068C8D803DFF79792A519A55171B1B650C23661D15897263",
)


class WeakKey(PkiError):
    """The public key of a request is not fit for a certificate. Base of the exact causes."""

    code = "pki.weak_key"
    message = N_("申请中的公钥不安全，不能签发证书。请在合格的介质中重新生成密钥对，再提交申请。")


class RsaTooShort(WeakKey):
    """RSA below 2048 bits (GM/T 0015 allows no less)."""

    code = "pki.weak_key_rsa_short"
    message = N_("RSA 密钥只有 {bits} 位，要求不少于 {minimum} 位。请改用 SM2，或重新生成够长的密钥。")


class RsaTooLong(WeakKey):
    """RSA so long that checking it would be a burden, or an attack."""

    code = "pki.weak_key_rsa_long"
    message = N_("RSA 密钥有 {bits} 位，超过 {maximum} 位的上限。请重新生成 2048 至 4096 位的密钥。")


class RsaBadExponent(WeakKey):
    """RSA public exponent even, below 65537 or oversized."""

    code = "pki.weak_key_rsa_exponent"
    message = N_("RSA 公钥指数不合要求（须为不小于 65537 的奇数，通常取 65537）。请用缺省指数重新生成密钥。")


class RsaFactorable(WeakKey):
    """An RSA modulus that is known to be easy to factor (small factor, close primes, ROCA)."""

    code = "pki.weak_key_rsa_modulus"
    message = N_("RSA 模数有已知缺陷，可被分解。请升级生成密钥的设备或软件，重新生成密钥。")


class PointNotOnCurve(WeakKey):
    """The coordinates are no point of the curve."""

    code = "pki.weak_key_point"
    message = N_("{algorithm} 公钥不是曲线上的点，申请数据已损坏或生成软件有误。请重新生成密钥对和申请。")


class KnownPrivateKey(WeakKey):
    """The private key is a tiny number, its negative, or printed in a standard."""

    code = "pki.weak_key_known"
    message = N_("{algorithm} 公钥对应的私钥是众所周知的示例值或极小值。请在合格的介质中重新生成密钥对。")


class ReusedKey(WeakKey):
    """The key belongs to a CA of ours, or to somebody else."""

    code = "pki.weak_key_reused"
    message = N_("申请中的公钥已属于 CA 或其他用途，不能再用于本申请。请在申请人的介质中生成新的密钥对。")


def check(key: PublicKey) -> None:
    """Refuse a weak key.

    Raises:
        WeakKey: the subclass that names the cause.
    """
    weakness = check_many([key])[0]
    if weakness is not None:
        raise weakness


def check_many(keys: Sequence[PublicKey]) -> list[WeakKey | None]:
    """What is wrong with each key, None where nothing is; SM2 points are checked in one batch."""
    points = [key.key for key in keys if key.algorithm == "SM2"]
    on_curve = iter(gm.sm2.check_public_keys(points) if points else [])
    return [_weakness(key, next(on_curve) if key.algorithm == "SM2" else _is_on_p256(key)) for key in keys]


def _weakness(key: PublicKey, is_on_curve: bool) -> WeakKey | None:
    if key.algorithm == "RSA":
        return _rsa_weakness(*rsa_numbers(key.key))
    if not is_on_curve:
        return PointNotOnCurve(algorithm=key.algorithm)
    if key.key[1:33] in _known_x(key.algorithm == "SM2"):
        return KnownPrivateKey(algorithm=key.algorithm)
    return None


def _is_on_p256(key: PublicKey) -> bool:
    if key.algorithm == "P256":
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key.key)
        except ValueError:
            return False
    return True


@cache
def _known_x(is_sm2: bool) -> frozenset[bytes]:
    """X coordinates of k·G for the scalars that anybody tries first; −k shares the X of k."""
    scalars = list(range(1, _SMALL_SCALARS + 1))
    if is_sm2:
        scalars += [int(text, 16) for text in _PUBLISHED_SM2]
        points = gm.sm2.public_keys([scalar.to_bytes(32, "big") for scalar in scalars])
        return frozenset(point[1:33] for point in points)
    curve = ec.SECP256R1()
    return frozenset(
        ec.derive_private_key(scalar, curve).public_key().public_numbers().x.to_bytes(32, "big") for scalar in scalars
    )


def _rsa_weakness(modulus: int, exponent: int) -> WeakKey | None:
    bits = modulus.bit_length()
    if bits < RSA_MIN_BITS:
        return RsaTooShort(bits=bits, minimum=RSA_MIN_BITS)
    if bits > RSA_MAX_BITS:
        return RsaTooLong(bits=bits, maximum=RSA_MAX_BITS)
    if exponent < RSA_MIN_EXPONENT or exponent % 2 == 0 or exponent.bit_length() > _RSA_MAX_EXPONENT_BITS:
        return RsaBadExponent()
    if gcd(modulus, _small_prime_product()) != 1 or _has_roca_shape(modulus) or _has_close_factors(modulus):
        return RsaFactorable()
    return None


def _primes(limit: int) -> list[int]:
    sieve = bytearray([1]) * limit
    for candidate in range(2, isqrt(limit) + 1):
        if sieve[candidate]:
            square = candidate * candidate
            sieve[square::candidate] = bytes(len(range(square, limit, candidate)))
    return [number for number in range(2, limit) if sieve[number]]


@cache
def _small_prime_product() -> int:
    return prod(_primes(1000))


@cache
def _roca_residues() -> tuple[tuple[int, frozenset[int]], ...]:
    """The subgroup that 65537 generates modulo each small prime (CVE-2017-15361, Nemec et al. 2017 §2)."""
    rows = []
    for prime in _primes(168)[1:]:
        residues, value = {1}, 65537 % prime
        while value not in residues:
            residues.add(value)
            value = value * 65537 % prime
        rows.append((prime, frozenset(residues)))
    return tuple(rows)


def _has_roca_shape(modulus: int) -> bool:
    return all(modulus % prime in residues for prime, residues in _roca_residues())


def _has_close_factors(modulus: int) -> bool:
    """A few steps of Fermat's method: primes drawn close together fall at once."""
    root = isqrt(modulus)
    if root * root == modulus:
        return True
    for step in range(1, _FERMAT_ROUNDS + 1):
        square = (root + step) ** 2 - modulus
        if isqrt(square) ** 2 == square:
            return True
    return False
