"""Certificates and CRLs in any shape, right or wrong, for tests of chains and messages.

They are put together here element by element, not by the product's templates, so that a test can leave out
or spoil whatever it wants.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from banyan import gm
from banyan.pki import names, oids
from banyan.pki import strict_der as der
from banyan.pki.key_identifier import key_identifier
from banyan.pki.public_key import sm2_spki
from banyan.pki.times import encode_time

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
END = datetime(2027, 1, 1, tzinfo=UTC)
KEY_USAGE_BITS = {
    "digitalSignature": 0,
    "nonRepudiation": 1,
    "keyEncipherment": 2,
    "keyCertSign": 5,
    "cRLSign": 6,
}


class Sm2Key:
    """A key pair that signs as certificates are signed."""

    signature_algorithm = der.algorithm(oids.SM2_WITH_SM3)

    def __init__(self) -> None:
        self.private, self.public = gm.sm2.generate_keypairs(1)[0]
        self.spki = sm2_spki(self.public)

    def sign(self, message: bytes) -> bytes:
        return gm.sm2.sign(self.private, self.public, message)

    def decrypt(self, ciphertext: bytes) -> bytes:
        return gm.sm2.decrypt(self.private, ciphertext)


class P256Key:
    signature_algorithm = der.algorithm(oids.ECDSA_WITH_SHA256)

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.spki = spki_of(self.key.public_key())

    def sign(self, message: bytes) -> bytes:
        return self.key.sign(message, ec.ECDSA(hashes.SHA256()))


class RsaKey:
    signature_algorithm = der.algorithm(oids.SHA256_WITH_RSA, der.NULL_DER)

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(65537, 2048)
        self.spki = spki_of(self.key.public_key())

    def sign(self, message: bytes) -> bytes:
        return self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())


Key = Sm2Key | P256Key | RsaKey


def spki_of(public: ec.EllipticCurvePublicKey | rsa.RSAPublicKey) -> bytes:
    return public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def name(common_name: str) -> bytes:
    return names.encode_name((("C", "CN"), ("O", "榕证测试"), ("CN", common_name)))


def extension(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    flag = der.tlv(der.BOOLEAN, b"\xff") if critical else b""
    return der.sequence(der.oid(oid), flag, der.octet_string(value))


def key_usage(*usages: str) -> bytes:
    bits = 0
    for usage in usages:
        bits |= 0x80 >> KEY_USAGE_BITS[usage]
    unused = (bits & -bits).bit_length() - 1 if bits else 0
    return extension(oids.KEY_USAGE, der.tlv(der.BIT_STRING, bytes((unused, bits))), critical=True)


def basic_constraints(*, ca: bool, path_length: int | None = None) -> bytes:
    value = der.tlv(der.BOOLEAN, b"\xff") if ca else b""
    if path_length is not None:
        value += der.integer(path_length)
    return extension(oids.BASIC_CONSTRAINTS, der.sequence(value), critical=True)


def key_ids(subject_spki: bytes, issuer_spki: bytes) -> list[bytes]:
    authority = der.sequence(der.tlv(0x80, key_identifier(issuer_spki)))
    return [
        extension(oids.AUTHORITY_KEY_IDENTIFIER, authority),
        extension(oids.SUBJECT_KEY_IDENTIFIER, der.octet_string(key_identifier(subject_spki))),
    ]


@dataclass
class Authority:
    """A CA: its name, key and certificate."""

    common_name: str
    key: Key = field(default_factory=Sm2Key)
    certificate: bytes = b""
    next_serial: int = 0x1000

    def __post_init__(self) -> None:
        if not self.certificate:
            self.certificate = self.issue(self.common_name, self.key, ca_extensions())

    def issue(
        self,
        common_name: str,
        key: Key,
        extensions: Sequence[bytes] = (),
        *,
        serial: int | None = None,
        not_before: datetime = BEGIN,
        not_after: datetime = END,
        with_key_ids: bool = True,
    ) -> bytes:
        if serial is None:
            self.next_serial += 1
            serial = self.next_serial
        ids = key_ids(key.spki, self.key.spki) if with_key_ids else []
        tbs = der.sequence(
            der.tlv(0xA0, der.integer(2)),
            der.integer(serial),
            self.key.signature_algorithm,
            name(self.common_name),
            der.sequence(encode_time(not_before), encode_time(not_after)),
            name(common_name),
            key.spki,
            der.tlv(0xA3, der.sequence(*ids, *extensions)) if [*ids, *extensions] else b"",
        )
        return der.sequence(tbs, self.key.signature_algorithm, der.bit_string(self.key.sign(tbs)))

    def subordinate(self, common_name: str, key: Key | None = None, **options: int | None) -> "Authority":
        key = key or Sm2Key()
        return Authority(common_name, key, self.issue(common_name, key, ca_extensions(**options)))

    def crl(
        self,
        revoked: Mapping[int, int | None] | None = None,
        *,
        this_update: datetime = BEGIN,
        next_update: datetime | None = END,
        extensions: Sequence[bytes] = (),
        entry_extensions: Sequence[bytes] = (),
        number: int = 1,
    ) -> bytes:
        """A CRL of serial → reason code (None: no reason given)."""
        entries = b"".join(
            _crl_entry(serial, reason, this_update, entry_extensions) for serial, reason in (revoked or {}).items()
        )
        listed = [
            extension(oids.AUTHORITY_KEY_IDENTIFIER, der.sequence(der.tlv(0x80, key_identifier(self.key.spki)))),
            extension(oids.CRL_NUMBER, der.integer(number)),
            *extensions,
        ]
        tbs = der.sequence(
            der.integer(1),
            self.key.signature_algorithm,
            name(self.common_name),
            encode_time(this_update),
            encode_time(next_update) if next_update else b"",
            der.sequence(entries) if entries else b"",
            der.tlv(0xA0, der.sequence(*listed)),
        )
        return der.sequence(tbs, self.key.signature_algorithm, der.bit_string(self.key.sign(tbs)))


def ca_extensions(*, path_length: int | None = None) -> list[bytes]:
    return [basic_constraints(ca=True, path_length=path_length), key_usage("keyCertSign", "cRLSign")]


def signing_extensions() -> list[bytes]:
    return [key_usage("digitalSignature", "nonRepudiation")]


def encryption_extensions() -> list[bytes]:
    return [key_usage("keyEncipherment")]


def _crl_entry(serial: int, reason: int | None, moment: datetime, extensions: Sequence[bytes]) -> bytes:
    listed = list(extensions)
    if reason is not None:
        listed.append(extension(oids.REASON_CODE, der.tlv(0x0A, bytes((reason,)))))
    return der.sequence(der.integer(serial), encode_time(moment), der.sequence(*listed) if listed else b"")
