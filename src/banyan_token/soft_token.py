"""The soft token: a directory that behaves like a USB key (GM/T 0016), for trials, tests and the sample
installation.

Software cannot hide a key from whoever owns the machine while the token is open; `protection` says what is
and is not promised. The native token of the client replaces this class behind the same interface.
"""

import os
import re
from dataclasses import dataclass, replace

from banyan import gm
from banyan.pki import csr
from banyan.pki.certificate import Certificate
from banyan.pki.envelope import EnvelopeError, open_enveloped_key
from banyan.pki.errors import PkiError
from banyan_token import protection
from banyan_token.device import Device
from banyan_token.errors import (
    CertificateMismatch,
    CiphertextRefused,
    ContainerMissing,
    ContainerNameMalformed,
    ContainerOccupied,
    EnvelopeRefused,
    KeyMissing,
    NonceMalformed,
    TokenTampered,
)
from banyan_token.state import Container, DeviceState, KeyPair

# What decrypting says of data that is not for the key, or no ciphertext at all.
_NOT_FOR_THIS_KEY = (gm.CiphertextInvalid, gm.DerError, gm.PointError, gm.LengthInvalid)
_NONCE = re.compile(rb"[0-9a-f]{32,64}")
_CONTAINER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class ContainerInfo:
    """What may be seen of a container without a PIN: public keys (65 bytes) and certificates (DER)."""

    name: str
    signing_public_key: bytes | None
    signing_certificate: bytes | None
    encryption_public_key: bytes | None
    encryption_certificate: bytes | None


class SoftToken(Device):
    """One device. Several processes and threads may hold the same directory; each logs in for itself."""

    # Keys

    def generate_signing_key(self, container: str) -> bytes:
        """Make a signing key pair inside ``container``; returns the public key (65 bytes). The private half
        stays.

        Raises ContainerOccupied when the container has one already, NotLoggedIn, TokenNotWritten.
        """
        _check_container_name(container)
        with self._changing():
            current = self._state()
            held = current.container(container) or Container(container)
            if held.signing is not None:
                raise ContainerOccupied(container=container)
            (made,) = gm.sm2.generate_keypairs(1)
            pair = self._sealed_pair(container, "signing", made.private, made.public)
            self._store(current.with_container(replace(held, signing=pair)))
            return pair.public

    def certification_request(self, container: str, subject_der: bytes) -> bytes:
        """A PKCS#10 request (DER) for the signing key of ``container``. Raises KeyMissing, NotLoggedIn."""
        public, private = self._private_key(container, "signing")
        return csr.build(subject_der, public, lambda message: gm.sm2.sign(private, public, message))

    def import_key_envelope(
        self, container: str, envelope_der: bytes, *, signing_container: str | None = None
    ) -> bytes:
        """Take an encryption key pair from an SM2EnvelopedKey (GM/T 0009 §7.4); returns its public key.

        The envelope must be for the signing key of ``container``, or of ``signing_container`` when a
        recovered old key goes into a container of its own. Importing the same key again changes nothing;
        another key is refused. Raises EnvelopeRefused, ContainerOccupied, KeyMissing, NotLoggedIn.
        """
        _check_container_name(container)
        with self._changing():
            _public, signing_private = self._private_key(signing_container or container, "signing")
            private, public = _open_envelope(envelope_der, signing_private)
            current = self._state()
            held = current.container(container) or Container(container)
            if held.encryption is not None:
                if held.encryption.public != public:
                    raise ContainerOccupied(container=container)
                return public
            pair = self._sealed_pair(container, "encryption", private, public)
            self._store(current.with_container(replace(held, encryption=pair)))
            return public

    def import_certificate(self, container: str, certificate_der: bytes, signing: bool) -> None:
        """Store the certificate of the signing (or encryption) key. Raises CertificateMismatch,
        KeyMissing.
        """
        self._need_login()
        with self._changing():
            current = self._state()
            held, pair = _pair_of(current, container, "signing" if signing else "encryption")
            if _certified_key(certificate_der, container) != pair.public:
                raise CertificateMismatch(container=container)
            certified = replace(pair, certificate=certificate_der)
            changed = replace(held, signing=certified) if signing else replace(held, encryption=certified)
            self._store(current.with_container(changed))

    def delete_container(self, container: str) -> None:
        """Destroy a container with its keys. Raises ContainerMissing, NotLoggedIn."""
        self._need_login()
        with self._changing():
            current = self._state()
            if current.container(container) is None:
                raise ContainerMissing(container=container)
            kept = tuple(one for one in current.containers if one.name != container)
            self._store(replace(current, containers=kept))

    def sign(self, container: str, data: bytes) -> bytes:
        """An SM2 signature (DER) over ``data`` with SM3 and the default identity.

        Raises PinChangeRequired before the first PIN has been changed, KeyMissing, NotLoggedIn.
        """
        self._need_changed_pin()
        public, private = self._private_key(container, "signing")
        return gm.sm2.sign(private, public, data)

    def decrypt(self, container: str | None, ciphertext: bytes) -> bytes:
        """The plaintext of an SM2 ciphertext (raw C1C3C2 or DER) for the encryption key of ``container``.

        With None every encryption key is tried, newest first, so what was encrypted before a renewal still
        opens. Raises CiphertextRefused, PinChangeRequired, KeyMissing, NotLoggedIn.
        """
        self._need_changed_pin()
        names = [container]
        if container is None:
            names = [one.name for one in reversed(self._state().containers) if one.encryption is not None]
        for name in names:
            assert name is not None  # noqa: S101  (for the type checker)
            _public, private = self._private_key(name, "encryption")
            try:
                return gm.sm2.decrypt(private, ciphertext)
            except _NOT_FOR_THIS_KEY:
                continue
        raise CiphertextRefused()

    def check_container(self, container: str) -> None:
        """Sign and decrypt once inside to see that keys and certificates of ``container`` belong together.

        Part of personalisation, so it works before the first PIN change. Raises KeyMissing,
        CertificateMismatch.
        """
        public, private = self._private_key(container, "signing")
        probe = os.urandom(32)
        if not gm.sm2.verify_many([(public, probe, gm.sm2.sign(private, public, probe))])[0]:
            raise CertificateMismatch(container=container)
        held = self._state().container(container)
        if held is not None and held.encryption is not None:
            public, private = self._private_key(container, "encryption")
            if gm.sm2.decrypt(private, gm.sm2.encrypt(public, probe)) != probe:
                raise CertificateMismatch(container=container)

    def prove_container(self, container: str, nonce: bytes) -> bytes:
        """The platform's proof that this token holds the pair: check the container, then sign its nonce (DER).

        Part of personalisation, so it works before the first PIN change; it signs nothing but 32 to 64 hexadecimal digits, so
        it cannot be led to sign a document. Raises NonceMalformed and what ``check_container`` raises.
        """
        if not _NONCE.fullmatch(nonce):
            raise NonceMalformed()
        self.check_container(container)
        public, private = self._private_key(container, "signing")
        return gm.sm2.sign(private, public, nonce)

    # What anybody may see

    def containers(self) -> list[ContainerInfo]:
        """The containers in the order they were made. No PIN needed."""
        return [_container_info(one) for one in self._state().containers]

    # Inside

    def _sealed_pair(self, container: str, use: str, private: bytes, public: bytes) -> KeyPair:
        sealed = protection.seal(self._need_login(), private, self._key_context(container, use, public))
        return KeyPair(public, sealed)

    def _private_key(self, container: str, use: str) -> tuple[bytes, bytes]:
        """(public, private) of a key; the private half leaves this object only into the algorithm that
        uses it.
        """
        master_key = self._need_login()
        _held, pair = _pair_of(self._state(), container, use)
        try:
            context = self._key_context(container, use, pair.public)
            return pair.public, protection.open_sealed(master_key, pair.sealed_private, context)
        except gm.TagInvalid:
            raise TokenTampered(serial=self.serial) from None

    def _key_context(self, container: str, use: str, public: bytes) -> bytes:
        return f"{use} key {self.serial} {container} ".encode() + public


def _pair_of(current: DeviceState, container: str, use: str) -> tuple[Container, KeyPair]:
    held = current.container(container)
    if held is None:
        raise ContainerMissing(container=container)
    pair = held.signing if use == "signing" else held.encryption
    if pair is None:
        raise KeyMissing(container=container)
    return held, pair


def _check_container_name(container: str) -> None:
    if not _CONTAINER.fullmatch(container):
        raise ContainerNameMalformed()


def _open_envelope(envelope_der: bytes, signing_private: bytes) -> tuple[bytes, bytes]:
    try:
        return open_enveloped_key(envelope_der, lambda ciphertext: gm.sm2.decrypt(signing_private, ciphertext))
    except (EnvelopeError, *_NOT_FOR_THIS_KEY):
        raise EnvelopeRefused() from None


def _certified_key(certificate_der: bytes, container: str) -> bytes:
    try:
        return Certificate.parse(certificate_der).public_key
    except PkiError:
        raise CertificateMismatch(container=container) from None


def _container_info(one: Container) -> ContainerInfo:
    signing, encryption = one.signing, one.encryption
    return ContainerInfo(
        name=one.name,
        signing_public_key=signing.public if signing else None,
        signing_certificate=signing.certificate if signing else None,
        encryption_public_key=encryption.public if encryption else None,
        encryption_certificate=encryption.certificate if encryption else None,
    )
