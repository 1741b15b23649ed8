"""Signers: something that signs messages with one key, many at a time."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from banyan import gm
from banyan.pki.public_key import sm2_spki

Algorithm = Literal["SM2", "P256"]


class Signer(Protocol):
    """One signing key, wherever it lies (file, later an HSM)."""

    @property
    def algorithm(self) -> Algorithm: ...

    @property
    def public_key(self) -> bytes:
        """04‖X‖Y, 65 bytes."""
        ...

    @property
    def spki_der(self) -> bytes:
        """The public key as SubjectPublicKeyInfo."""
        ...

    def sign_many(self, messages: Sequence[bytes]) -> list[bytes]:
        """DER signatures of the messages (SM2 with SM3 and the default identity, or ECDSA with SHA-256)."""
        ...

    def verify_many(self, items: Sequence[tuple[bytes, bytes]]) -> list[bool]:
        """Check (message, signature) against the key's public half; malformed ones are False."""
        ...


class _Soft:
    """A key in this process's memory; it neither prints nor pickles."""

    algorithm: Algorithm

    def __init__(self, public_key: bytes, spki_der: bytes) -> None:
        self.public_key = public_key
        self.spki_der = spki_der

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.public_key[1:9].hex()}…)"

    def __reduce__(self) -> Any:
        raise TypeError("a signing key is not pickled")


class SoftSm2Signer(_Soft):
    """SM2 through the batch engine of ``gm``."""

    algorithm: Algorithm = "SM2"

    def __init__(self, private: bytes) -> None:
        public_key = gm.sm2.public_key(private)
        super().__init__(public_key, sm2_spki(public_key))
        self._private = private

    def sign_many(self, messages: Sequence[bytes]) -> list[bytes]:
        return gm.sm2.sign_many([(self._private, self.public_key, message) for message in messages])

    def verify_many(self, items: Sequence[tuple[bytes, bytes]]) -> list[bool]:
        return gm.sm2.verify_many([(self.public_key, message, signature) for message, signature in items])


class SoftP256Signer(_Soft):
    """ECDSA on P-256 through the general library, for equipment that knows no SM2."""

    algorithm: Algorithm = "P256"

    def __init__(self, private: bytes) -> None:
        self._key = ec.derive_private_key(int.from_bytes(private, "big"), ec.SECP256R1())
        public_key = self._key.public_key()
        super().__init__(
            public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
            public_key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        )

    def sign_many(self, messages: Sequence[bytes]) -> list[bytes]:
        return [self._key.sign(message, ec.ECDSA(hashes.SHA256())) for message in messages]

    def verify_many(self, items: Sequence[tuple[bytes, bytes]]) -> list[bool]:
        return [self._verify(message, signature) for message, signature in items]

    def _verify(self, message: bytes, signature: bytes) -> bool:
        try:
            self._key.public_key().verify(signature, message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True


def signer_from_private(algorithm: Algorithm, private: bytes) -> Signer:
    """The soft signer of a 32-byte private key; only the key store and the ceremony hold one."""
    return SoftSm2Signer(private) if algorithm == "SM2" else SoftP256Signer(private)


def unsafe_new_private(algorithm: Algorithm) -> bytes:
    """A new private key in clear, 32 bytes: for the key store and the ceremony, which encrypt it at once."""
    if algorithm == "SM2":
        return gm.sm2.generate_keypairs(1)[0].private
    return ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value.to_bytes(32, "big")
