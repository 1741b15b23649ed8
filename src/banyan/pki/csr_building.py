"""Making certification requests (GM/T 0092-2020, RFC 2986), for tokens and tests; reading them is ``csr``."""

from collections.abc import Callable
from typing import Final, Literal

from banyan.pki import oids, public_key
from banyan.pki import strict_der as der

ATTRIBUTES: Final = 0xA0
TEMPORARY_KEY_HEAD: Final = bytes.fromhex("00B4000000010000")


def build_info(
    subject_der: bytes,
    public_key_or_spki: bytes,
    *,
    challenge_password: str | None = None,
    temporary_public_key: bytes | None = None,
    extensions_der: bytes | None = None,
) -> bytes:
    """CertificationRequestInfo, the bytes to sign. A 65-byte point is taken as SM2, anything else as SPKI."""
    attributes: list[bytes] = []
    if challenge_password is not None:
        kind = der.PRINTABLE_STRING if _is_printable(challenge_password) else der.UTF8_STRING
        attributes.append(_attribute(oids.CHALLENGE_PASSWORD, der.tlv(kind, challenge_password.encode())))
    if temporary_public_key is not None:
        x, y = temporary_public_key[1:33], temporary_public_key[33:]
        blob = TEMPORARY_KEY_HEAD + x + bytes(32) + y + bytes(32)
        value = der.sequence(der.integer(1), der.octet_string(blob))
        attributes.append(_attribute(oids.CFCA_TEMPORARY_KEY, der.octet_string(value)))
    if extensions_der is not None:
        attributes.append(_attribute(oids.EXTENSION_REQUEST, extensions_der))
    return der.sequence(der.integer(0), subject_der, _spki(public_key_or_spki), der.set_of(attributes, tag=ATTRIBUTES))


def assemble(
    info_der: bytes, signature: bytes, *, signature_oid: str, parameters: Literal["absent", "null"] = "absent"
) -> bytes:
    """The request from its signed part and the DER signature over it."""
    algorithm = der.algorithm(signature_oid, der.NULL_DER if parameters == "null" else b"")
    return der.sequence(info_der, algorithm, der.bit_string(signature))


def build(
    subject_der: bytes,
    public_key_or_spki: bytes,
    sign: Callable[[bytes], bytes],
    *,
    challenge_password: str | None = None,
    temporary_public_key: bytes | None = None,
    extensions_der: bytes | None = None,
    parameters: Literal["absent", "null"] = "absent",
) -> bytes:
    """Make a request in DER (GM/T 0092-2020).

    Args:
        subject_der: the Name.
        public_key_or_spki: an SM2 point 04‖X‖Y, or the SubjectPublicKeyInfo of any supported key.
        sign: gets the bytes to be signed, answers the DER signature: SM2 over the message with the default
            identity and SM3; ECDSA with SHA-256; RSA PKCS#1 v1.5 with SHA-256.
        parameters: of the signature algorithm; GM/T 0092 has none. RSA always carries NULL.
    """
    info = build_info(
        subject_der,
        public_key_or_spki,
        challenge_password=challenge_password,
        temporary_public_key=temporary_public_key,
        extensions_der=extensions_der,
    )
    algorithm = public_key.parse_spki(_spki(public_key_or_spki)).algorithm
    oid = {
        "SM2": oids.SM2_WITH_SM3,
        "P256": oids.ECDSA_WITH_SHA256,
        "RSA": oids.SHA256_WITH_RSA,
    }[algorithm]
    if algorithm == "RSA":
        parameters = "null"
    return assemble(info, sign(info), signature_oid=oid, parameters=parameters)


def _attribute(oid: str, value: bytes) -> bytes:
    return der.sequence(der.oid(oid), der.set_of([value]))


def _spki(key: bytes) -> bytes:
    return public_key.sm2_spki(key) if len(key) == 65 and key[0] == 4 else key


def _is_printable(text: str) -> bool:
    return all(char.isascii() and (char.isalnum() or char in " '()+,-./:=?") for char in text)
