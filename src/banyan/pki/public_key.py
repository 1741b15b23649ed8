"""Public keys as they stand in requests and certificates, and the signatures that they verify.

SM2 goes through ``gm`` in batches; P-256 and RSA, for equipment that knows no SM2, through ``cryptography``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from banyan import gm
from banyan.pki import oids
from banyan.pki import strict_der as der

KeyAlgorithm = Literal["SM2", "P256", "RSA"]

SM2_ALGORITHM_DER: Final = der.algorithm(oids.EC_PUBLIC_KEY, der.oid(oids.CURVE_SM2))
_P256_ALGORITHM_DER: Final = der.algorithm(oids.EC_PUBLIC_KEY, der.oid(oids.CURVE_P256))
_RSA_ALGORITHM_DER: Final = der.algorithm(oids.RSA_ENCRYPTION, der.NULL_DER)
SM2_SPKI_HEAD: Final = der.sequence(SM2_ALGORITHM_DER, der.bit_string(bytes(65)))[:-65]


class UnsupportedKey(ValueError):
    """A key of a kind that we do not serve; ``args[0]`` names it."""


class UnsupportedSignature(ValueError):
    """A signature algorithm that we do not serve, or that does not fit the key; ``args[0]`` is its OID."""


class WeakSignatureDigest(UnsupportedSignature):
    """MD5 or SHA-1 below a signature."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key in canonical form.

    ``key`` is the point 04‖X‖Y (65 bytes) for SM2 and P-256, the DER RSAPublicKey for RSA. ``spki_der`` is
    our own encoding of it, so that equal keys have equal bytes whatever form they arrived in.
    """

    algorithm: KeyAlgorithm
    key: bytes
    spki_der: bytes


def sm2_spki(point: bytes) -> bytes:
    """SubjectPublicKeyInfo of an SM2 point 04‖X‖Y (id-ecPublicKey with the SM2 curve)."""
    if len(point) != 65 or point[0] != 4:
        raise UnsupportedKey("SM2 point of 65 bytes expected")
    return SM2_SPKI_HEAD + point


def parse_spki(spki: bytes) -> PublicKey:
    """Read a SubjectPublicKeyInfo.

    Besides the usual form, 1.2.156.10197.1.301 standing as the algorithm itself (GB/T 33560) is read as SM2.

    Raises:
        DerError: broken encoding.
        UnsupportedKey: another algorithm or curve, a compressed point.
    """
    if spki.startswith(SM2_SPKI_HEAD) and len(spki) == len(SM2_SPKI_HEAD) + 65 and spki[-65] == 4:
        return PublicKey("SM2", spki[-65:], spki)
    reader = der.whole(spki)
    algorithm = reader.enter()
    name = algorithm.oid()
    parameters = None if algorithm.at_end else algorithm.element()
    algorithm.finish()
    content = reader.bits()
    reader.finish()
    if name == oids.RSA_ENCRYPTION and parameters in (None, der.NULL_DER):
        return _rsa(content)
    if name == oids.EC_PUBLIC_KEY and parameters is not None and parameters[0] == der.OID:
        return _point(der.decode_oid(parameters[2:]), content)
    if name == oids.CURVE_SM2 and parameters in (None, der.NULL_DER, der.oid(oids.CURVE_SM2)):
        return _point(oids.CURVE_SM2, content)
    raise UnsupportedKey(name)


def _point(curve: str, content: bytes) -> PublicKey:
    if curve not in (oids.CURVE_SM2, oids.CURVE_P256):
        raise UnsupportedKey(curve)
    if len(content) != 65 or content[0] != 4:
        raise UnsupportedKey("point not in the uncompressed form 04‖X‖Y")
    if curve == oids.CURVE_SM2:
        return PublicKey("SM2", content, SM2_SPKI_HEAD + content)
    return PublicKey("P256", content, der.sequence(_P256_ALGORITHM_DER, der.bit_string(content)))


def _rsa(content: bytes) -> PublicKey:
    modulus, exponent = rsa_numbers(content)
    if modulus <= 0 or exponent <= 0:
        raise der.DerError("RSA numbers must be positive")
    return PublicKey("RSA", content, der.sequence(_RSA_ALGORITHM_DER, der.bit_string(content)))


def rsa_numbers(content: bytes) -> tuple[int, int]:
    """(modulus, exponent) of a DER RSAPublicKey."""
    reader = der.whole(content)
    numbers = reader.integer(), reader.integer()
    reader.finish()
    return numbers


@dataclass(frozen=True, slots=True)
class SignatureAlgorithm:
    """What a signature's AlgorithmIdentifier says: its OID, the kind of key, the digest below it."""

    oid: str
    key: KeyAlgorithm
    digest: str


_SIGNATURES: Final = {
    row.oid: row
    for row in (
        SignatureAlgorithm(oids.SM2_WITH_SM3, "SM2", "sm3"),
        SignatureAlgorithm(oids.ECDSA_WITH_SHA256, "P256", "sha256"),
        SignatureAlgorithm(oids.ECDSA_WITH_SHA384, "P256", "sha384"),
        SignatureAlgorithm("1.2.840.10045.4.3.4", "P256", "sha512"),
        SignatureAlgorithm(oids.SHA256_WITH_RSA, "RSA", "sha256"),
        SignatureAlgorithm("1.2.840.113549.1.1.12", "RSA", "sha384"),
        SignatureAlgorithm("1.2.840.113549.1.1.13", "RSA", "sha512"),
    )
}
_WEAK_DIGESTS: Final = frozenset(
    ("1.2.840.113549.1.1.2", "1.2.840.113549.1.1.4", oids.SHA1_WITH_RSA, "1.3.14.3.2.29", "1.2.840.10045.4.1")
)
_HASHES: Final[dict[str, type[hashes.SHA256 | hashes.SHA384 | hashes.SHA512]]] = {
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}


@lru_cache(maxsize=64)
def parse_signature_algorithm(algorithm_der: bytes) -> SignatureAlgorithm:
    """Read a signature's AlgorithmIdentifier; parameters absent or NULL (as the national roots have).

    Raises:
        DerError, UnsupportedSignature, WeakSignatureDigest
    """
    reader = der.whole(algorithm_der)
    name = reader.oid()
    if not reader.at_end and reader.element() != der.NULL_DER:
        raise UnsupportedSignature(name)
    reader.finish()
    if name in _WEAK_DIGESTS:
        raise WeakSignatureDigest(name)
    if name not in _SIGNATURES:
        raise UnsupportedSignature(name)
    return _SIGNATURES[name]


def verify_many(items: Sequence[tuple[PublicKey, SignatureAlgorithm, bytes, bytes]]) -> list[bool]:
    """Check signatures given as (key, algorithm, message, signature); a malformed one is False."""
    verdicts = [False] * len(items)
    sm2 = [i for i, (key, algorithm, _, _) in enumerate(items) if key.algorithm == algorithm.key == "SM2"]
    if sm2:
        answers = gm.sm2.verify_many([(items[i][0].key, items[i][2], items[i][3]) for i in sm2])
        for i, answer in zip(sm2, answers, strict=True):
            verdicts[i] = answer
    for i, (key, algorithm, message, signature) in enumerate(items):
        if key.algorithm == algorithm.key != "SM2":
            verdicts[i] = _verify_general(key, algorithm, message, signature)
    return verdicts


def verify(key: PublicKey, algorithm: SignatureAlgorithm, message: bytes, signature: bytes) -> bool:
    """One signature of ``verify_many``."""
    return verify_many([(key, algorithm, message, signature)])[0]


def _verify_general(key: PublicKey, algorithm: SignatureAlgorithm, message: bytes, signature: bytes) -> bool:
    digest = _HASHES[algorithm.digest]()
    try:
        if key.algorithm == "P256":
            point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key.key)
            point.verify(signature, message, ec.ECDSA(digest))
        else:
            modulus, exponent = rsa_numbers(key.key)
            numbers = rsa.RSAPublicNumbers(exponent, modulus).public_key()
            numbers.verify(signature, message, padding.PKCS1v15(), digest)
    except (InvalidSignature, ValueError):
        return False
    return True
