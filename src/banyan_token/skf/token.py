"""A token behind any SKF library: its PINs, keys and certificates as the product uses them.

What the library answers becomes an error that says what to do. A log-in belongs to this object: the library keeps one a
process, so it is cleared when the last object that had logged in is closed.
"""

import contextlib
import ctypes
import os
import re
import threading
from collections import Counter
from collections.abc import Iterator
from ctypes import byref, c_int32, c_uint32, c_void_p
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Final, NoReturn, Self

from banyan import gm
from banyan.kernel.pins import random_pin
from banyan.pki import csr
from banyan.pki.envelope_errors import EnvelopeError
from banyan.pki.skf_blob import to_skf_blob
from banyan_token import pins
from banyan_token.errors import (
    CertificateMismatch,
    ChallengeMalformed,
    ChallengeMismatch,
    CiphertextRefused,
    ContainerMissing,
    ContainerNameMalformed,
    ContainerOccupied,
    EnvelopeRefused,
    KeyMissing,
    NonceMalformed,
    NotLoggedIn,
    PinChangeRequired,
    TokenUnable,
)
from banyan_token.skf import codes
from banyan_token.skf.calls import calls_within
from banyan_token.skf.codes import Sar, code_name
from banyan_token.skf.interface import (
    CipherParameters,
    DevInfo,
    Library,
    PublicKeyBlob,
    SignatureBlob,
    names_in,
)
from banyan_token.skf.profiles import OWN, Profile
from banyan_token.skf.refusals import pin_refusal, refusal

_NONCE: Final = re.compile(rb"[0-9a-f]{32,64}")
_CONTAINER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TEXT: Final = 2048


@dataclass(frozen=True)
class TokenInfo:
    """What may be seen of a token without a PIN. ``state`` is ready, locked or dead (administrator PIN locked too)."""

    serial: str
    label: str
    kind: str
    state: str
    user_tries_left: int
    admin_tries_left: int
    must_change_pin: bool
    containers: int


@dataclass(frozen=True)
class ContainerInfo:
    """What may be seen of a container without a PIN: public keys (65 bytes) and certificates (DER)."""

    name: str
    signing_public_key: bytes | None
    signing_certificate: bytes | None
    encryption_public_key: bytes | None
    encryption_certificate: bytes | None


@dataclass(frozen=True)
class Place:
    """Where devices of our own library lie: their directory, and the machine's secret outside it."""

    root: Path
    machine_secret: Path | None = None

    @contextlib.contextmanager
    def used(self, library: Library) -> Iterator[None]:
        """Meanwhile this thread's devices lie here; what is opened stays what it is."""
        secret = str(self.machine_secret.absolute()).encode() if self.machine_secret else None
        code = library.call("BYT_UsePlace", str(self.root.absolute()).encode(), secret)
        if code != Sar.OK:
            raise refusal(code)
        try:
            yield
        finally:
            library.call("BYT_UsePlace", None, None)


class Token:
    """One device, opened. Several processes, threads and objects may hold the same; each logs in for itself."""

    _log_ins: ClassVar[Counter[tuple[object, ...]]] = Counter()
    _guard: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self, library: Library, profile: Profile, name: str, *, place: Place | None = None) -> None:
        """Raises TokenMissing, TokenTampered, TokenNotPrepared, MachineSecretMissing, TokenSlow."""
        self._library, self._profile, self.name = library, profile, name
        self._identity = (id(library), place, name)
        self._calls = calls_within(profile.time_limit_seconds)
        self._lock = threading.RLock()
        self._is_logged_in = False
        self._dev, self._app = c_void_p(), c_void_p()
        self._serial = name
        try:
            code = self._calls.run(self._connect, place)
            if code != Sar.OK:
                raise refusal(code, serial=name)
            self._info = DevInfo()
            self._do("GetDevInfo", self._dev, byref(self._info))
            self._serial = bytes(self._info.serial_number).decode(errors="replace")
            self._do("OpenApplication", self._dev, self._application_name().encode(), byref(self._app))
        except BaseException:
            self.close()
            raise

    def __repr__(self) -> str:
        return f"<Token {self._serial}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Log out and let go of the device."""
        with self._lock:
            if self._app:
                self.logout()
                self._code("CloseApplication", self._app)
            if self._dev:
                self._code("DisConnectDev", self._dev)
            self._app, self._dev = c_void_p(), c_void_p()
            self._calls.close()

    # PINs

    @property
    def serial(self) -> str:
        return self._serial

    def verify_pin(self, pin: str) -> None:
        """Log in as the user. Raises PinIncorrect (with the tries left; PinLastTry before the last), PinLocked,
        PinMalformed, TokenNotWritten.
        """
        pins.check_form(pin)
        self._with_pin("VerifyPIN", codes.USER, pin.encode())
        self._note_log_in()

    def change_pin(self, old_pin: str, new_pin: str) -> None:
        """Replace the user PIN and log in. Raises as ``verify_pin``, and PinTooSimple before anything is counted."""
        pins.check_form(old_pin)
        pins.check_new(new_pin, old=old_pin)
        self._with_pin("ChangePIN", codes.USER, old_pin.encode(), new_pin.encode())
        if self._profile.change_logs_in:
            self._note_log_in()
        else:
            self.verify_pin(new_pin)

    def change_admin_pin(self, old_pin: str, new_pin: str) -> None:
        """Replace the administrator PIN. Raises AdminPinIncorrect, AdminPinLocked, PinTooSimple."""
        pins.check_form(old_pin)
        pins.check_new(new_pin, old=old_pin)
        self._with_pin("ChangePIN", codes.ADMIN, old_pin.encode(), new_pin.encode())

    def unlock_with_admin_pin(self, admin_pin: str, new_pin: str, *, must_change_pin: bool = True) -> None:
        """Give a device a new user PIN and a full counter; keys and certificates stay (SKF_UnblockPIN).

        The holder must change it at first use unless they typed it themselves (``must_change_pin=False``).
        """
        pins.check_form(admin_pin)
        pins.check_new(new_pin)
        first = new_pin if must_change_pin else random_pin()
        with self._lock:
            self._with_admin("UnblockPIN", admin_pin.encode(), first.encode())
            if not must_change_pin:
                self._with_pin("ChangePIN", codes.USER, first.encode(), new_pin.encode())

    def unlock_challenge(self) -> str:
        """A fresh challenge for a remote unlock; any earlier one is void. Raises TokenUnable."""
        self._need_remote_unblocking()
        room, size = ctypes.create_string_buffer(_TEXT), c_uint32(_TEXT)
        self._do("BYT_GenRemoteUnblockRequest", self._app, room, byref(size))
        return room.value.decode()

    def answer_challenge(self, response: str) -> None:
        """Take the platform's response: new user PIN (to be changed at first use), full counter; keys stay.

        Raises ChallengeMalformed and ChallengeMismatch (not counted), AdminPinIncorrect and AdminPinLocked (counted; the
        challenge is spent).
        """
        self._need_remote_unblocking()
        try:
            text = "".join(response.split()).encode("ascii")
        except UnicodeEncodeError:
            raise ChallengeMalformed() from None
        left = c_uint32()
        code = self._code("BYT_RemoteUnblockPIN", self._app, text, byref(left))
        if code == Sar.INDATALENERR:
            raise ChallengeMalformed(sar=code_name(code))
        if code == Sar.INDATAERR:
            raise ChallengeMismatch(serial=self._serial, sar=code_name(code))
        if code != Sar.OK:
            raise pin_refusal(code, left=left.value, is_admin=True, serial=self._serial)

    def logout(self) -> None:
        """End the log-in of this object, and the library's when no other object here has one."""
        with self._guard:
            if not self._is_logged_in:
                return
            self._is_logged_in = False
            self._log_ins[self._identity] -= 1
            if self._log_ins[self._identity] <= 0:
                del self._log_ins[self._identity]
                self._code("ClearSecureState", self._app)

    # Keys

    def generate_signing_key(self, container: str) -> bytes:
        """Make a signing key pair inside ``container``; returns the public key (65 bytes). The private half stays.

        Raises ContainerOccupied when the container has one already, NotLoggedIn, TokenNotWritten, TokenFull.
        """
        _check_container_name(container)
        self._need_login()
        with self._lock, self._box(container, make=True) as box:
            blob = PublicKeyBlob()
            code = self._code("GenECCKeyPair", box, codes.SM2_SIGN, byref(blob))
            if code in (Sar.NOTSUPPORTYETERR, Sar.INVALIDPARAMERR):  # many know the number of the first edition only
                code = self._code("GenECCKeyPair", box, codes.SM2, byref(blob))
            self._refuse_in(container, code, {Sar.OBJERR: ContainerOccupied})
            return blob.point

    def certification_request(self, container: str, subject_der: bytes) -> bytes:
        """A PKCS#10 request (DER) for the signing key of ``container``. Raises KeyMissing, NotLoggedIn."""
        self._need_login()
        with self._lock, self._box(container) as box:
            public = self._need_public_key(box, container, signing=True)
            return csr.build(subject_der, public, lambda message: self._signature(box, container, public, message))

    def import_key_envelope(
        self, container: str, envelope_der: bytes, *, signing_container: str | None = None
    ) -> bytes:
        """Take an encryption key pair from an SM2EnvelopedKey (GM/T 0009 §7.4); returns its public key.

        The envelope must be for the signing key of ``container``, or of ``signing_container`` when a recovered old key
        goes into a container of its own. Importing the same key again changes nothing; another key is refused. Raises
        EnvelopeRefused, ContainerOccupied, KeyMissing, NotLoggedIn, TokenUnable.
        """
        _check_container_name(container)
        self._need_login()
        try:
            blob = to_skf_blob(envelope_der, layout=self._profile.key_field)
        except EnvelopeError:
            raise EnvelopeRefused() from None
        meaning = {Sar.OBJERR: ContainerOccupied, Sar.INDATAERR: EnvelopeRefused, Sar.INDATALENERR: EnvelopeRefused}
        other = signing_container if signing_container != container else None
        with self._lock:
            if other is None:
                with self._box(container) as box:
                    self._refuse_in(container, self._code("ImportECCKeyPair", box, blob), meaning)
                    return self._need_public_key(box, container, signing=False)
            self._need_function("BYT_ImportECCKeyPairFor")
            with self._box(other) as signer, self._box(container, make=True) as box:
                self._refuse_in(container, self._code("BYT_ImportECCKeyPairFor", box, signer, blob), meaning)
                return self._need_public_key(box, container, signing=False)

    def import_certificate(self, container: str, certificate_der: bytes, signing: bool) -> None:
        """Store the certificate of the signing (or encryption) key. Raises CertificateMismatch, KeyMissing."""
        self._need_login()
        with self._lock, self._box(container) as box:
            self._need_public_key(box, container, signing=signing)
            code = self._code("ImportCertificate", box, int(signing), certificate_der, len(certificate_der))
            meaning = dict.fromkeys((Sar.INDATAERR, Sar.INDATALENERR, Sar.INVALIDPARAMERR), CertificateMismatch)
            self._refuse_in(container, code, meaning)

    def delete_container(self, container: str) -> None:
        """Destroy a container with its keys. Raises ContainerMissing, NotLoggedIn."""
        self._need_login()
        code = self._code("DeleteContainer", self._app, container.encode())
        self._refuse_in(container, code, {Sar.OBJERR: ContainerMissing, Sar.INVALIDPARAMERR: ContainerMissing})

    def sign(self, container: str, data: bytes) -> bytes:
        """An SM2 signature (DER) over ``data`` with SM3 and the default identity.

        Raises PinChangeRequired before the first PIN has been changed, KeyMissing, NotLoggedIn.
        """
        self._need_changed_pin()
        return self._signed(container, data)

    def decrypt(self, container: str | None, ciphertext: bytes) -> bytes:
        """The plaintext of an SM2 ciphertext (raw C1C3C2 or DER) for the encryption key of ``container``.

        With None every encryption key is tried, newest first, so what was encrypted before a renewal still opens. Raises
        CiphertextRefused, PinChangeRequired, KeyMissing, NotLoggedIn, TokenUnable.
        """
        self._need_changed_pin()
        self._need_function(self._profile.decrypts_with)
        names = [container] if container is not None else self._containers_with_encryption()
        for name in names:
            with self._lock, self._box(name) as box:
                self._need_public_key(box, name, signing=False)
                blob = _cipher_blob(ciphertext)
                room, size = ctypes.create_string_buffer(len(blob)), c_uint32(len(blob))
                code = self._code(self._profile.decrypts_with, box, blob, room, byref(size))
            if code == Sar.OK:
                return room.raw[: size.value]
            if code not in (Sar.INDATAERR, Sar.INDATALENERR):
                raise refusal(code, container=name, serial=self._serial)
        raise CiphertextRefused()

    def check_container(self, container: str) -> None:
        """Sign and decrypt once inside to see that keys and certificates of ``container`` belong together.

        Part of personalisation, so it works before the first PIN change. Needs nothing beyond the standard. Raises
        KeyMissing, CertificateMismatch.
        """
        self._need_login()
        with self._lock, self._box(container) as box:
            probe = os.urandom(32)
            public = self._need_public_key(box, container, signing=True)
            if not gm.sm2.verify_many([(public, probe, self._signature(box, container, public, probe))])[0]:
                raise CertificateMismatch(container=container)
            encryption = self._public_key(box, signing=False)
            if encryption is not None and not self._opens_session_key(box, encryption):
                raise CertificateMismatch(container=container)

    def prove_container(self, container: str, nonce: bytes) -> bytes:
        """The platform's proof that this token holds the pair: check the container, then sign its nonce (DER).

        Part of personalisation, so it works before the first PIN change; it signs nothing but 32 to 64 hexadecimal digits, so
        it cannot be led to sign a document. Raises NonceMalformed and what ``check_container`` raises.
        """
        if not _NONCE.fullmatch(nonce):
            raise NonceMalformed()
        self.check_container(container)
        return self._signed(container, nonce)

    # What anybody may see

    def info(self) -> TokenInfo:
        """The device's description. No PIN needed."""
        with self._lock:
            self._do("GetDevInfo", self._dev, byref(self._info))
            _most, user_left, must_change = self._pin_info(codes.USER)
            _most, admin_left, _first = self._pin_info(codes.ADMIN)
            state = "ready" if user_left else "locked" if admin_left else "dead"
            label = bytes(self._info.label).decode(errors="replace")
            kind = "SOFT" if self._profile.key == OWN else self._profile.key.upper()
            count = len(self._container_names())
        return TokenInfo(self._serial, label, kind, state, user_left, admin_left, must_change, count)

    def containers(self) -> list[ContainerInfo]:
        """The containers in the order they were made. No PIN needed."""
        with self._lock:
            return [self._container_info(name) for name in self._container_names()]

    # Inside

    def _connect(self, place: Place | None) -> int:
        with place.used(self._library) if place else contextlib.nullcontext():
            return self._library.call("ConnectDev", self.name.encode(), byref(self._dev))

    def _code(self, function: str, *arguments: Any) -> int:
        code: int = self._calls.run(self._library.call, function, *arguments)
        return code

    def _do(self, function: str, *arguments: Any) -> None:
        code = self._code(function, *arguments)
        if code != Sar.OK:
            raise refusal(code, serial=self._serial)

    def _filled(self, function: str, *arguments: Any) -> tuple[int, bytes]:
        found: tuple[int, bytes] = self._calls.run(self._library.filled, function, *arguments)
        return found

    def _refuse_in(self, container: str, code: int, meaning: dict[Sar, Any]) -> None:
        """Raise what a return code means for an operation on a container."""
        if code == Sar.OK:
            return
        if code in meaning:
            raise meaning[Sar(code)](container=container, sar=code_name(code))
        if code == Sar.USER_NOT_LOGGED_IN:
            self._forget_log_in()
        raise refusal(code, container=container, serial=self._serial)

    def _with_pin(self, function: str, kind: int, *given: bytes) -> None:
        left = c_uint32()
        code = self._code(function, self._app, kind, *given, byref(left))
        self._refuse_pin(code, left.value, is_admin=kind == codes.ADMIN)

    def _with_admin(self, function: str, *given: bytes) -> None:
        left = c_uint32()
        self._refuse_pin(self._code(function, self._app, *given, byref(left)), left.value, is_admin=True)

    def _refuse_pin(self, code: int, left: int, *, is_admin: bool) -> None:
        if code == Sar.OK:
            return
        if not is_admin and code in (Sar.PIN_INCORRECT, Sar.PIN_LOCKED):
            self._forget_log_in()  # the library has dropped it
        raise pin_refusal(code, left=left, is_admin=is_admin, serial=self._serial)

    def _note_log_in(self) -> None:
        with self._guard:
            if not self._is_logged_in:
                self._log_ins[self._identity] += 1
            self._is_logged_in = True

    def _forget_log_in(self) -> None:
        with self._guard:
            if self._is_logged_in:
                self._log_ins[self._identity] -= 1
            self._is_logged_in = False

    def _need_login(self) -> None:
        if not self._is_logged_in:
            raise NotLoggedIn()

    def _need_changed_pin(self) -> None:
        self._need_login()
        if self._pin_info(codes.USER)[2]:
            raise PinChangeRequired()

    def _need_function(self, name: str) -> None:
        if not name or not self._library.has(name):
            raise TokenUnable()

    def _need_remote_unblocking(self) -> None:
        if not self._profile.unblocks_remotely:
            raise TokenUnable()

    def _pin_info(self, kind: int) -> tuple[int, int, bool]:
        most, left, is_first = c_uint32(), c_uint32(), c_int32()
        self._do("GetPINInfo", self._app, kind, byref(most), byref(left), byref(is_first))
        return most.value, left.value, bool(is_first.value)

    def _application_name(self) -> str:
        if self._profile.application:
            return self._profile.application
        code, listed = self._filled("EnumApplication", self._dev)
        names = names_in(listed)
        if code != Sar.OK or not names:
            raise refusal(Sar.APPLICATION_NOT_EXISTS, serial=self._serial)
        return names[0]

    @contextlib.contextmanager
    def _box(self, container: str, *, make: bool = False) -> Iterator[c_void_p]:
        box = c_void_p()
        code = self._code("OpenContainer", self._app, container.encode(), byref(box))
        if code != Sar.OK and make and container not in self._container_names():
            code = self._code("CreateContainer", self._app, container.encode(), byref(box))
            self._refuse_in(container, code, {})
        elif code != Sar.OK:
            self._refuse_missing(container, code)
        try:
            yield box
        finally:
            self._code("CloseContainer", box)

    def _refuse_missing(self, container: str, code: int) -> NoReturn:
        if container not in self._container_names():
            raise ContainerMissing(container=container, sar=code_name(code))
        raise refusal(code, container=container, serial=self._serial)

    def _container_names(self) -> list[str]:
        code, listed = self._filled("EnumContainer", self._app)
        if code != Sar.OK:
            raise refusal(code, serial=self._serial)
        return names_in(listed)

    def _container_info(self, name: str) -> ContainerInfo:
        with self._box(name) as box:
            return ContainerInfo(
                name,
                self._public_key(box, signing=True),
                self._certificate(box, signing=True),
                self._public_key(box, signing=False),
                self._certificate(box, signing=False),
            )

    def _containers_with_encryption(self) -> list[str]:
        return [one.name for one in reversed(self.containers()) if one.encryption_public_key is not None]

    def _public_key(self, box: c_void_p, *, signing: bool) -> bytes | None:
        code, content = self._filled("ExportPublicKey", box, int(signing))
        if code == Sar.OK:
            return PublicKeyBlob.from_buffer_copy(content).point
        if code == Sar.DEVICE_REMOVED:
            raise refusal(code, serial=self._serial)
        return None

    def _need_public_key(self, box: c_void_p, container: str, *, signing: bool) -> bytes:
        found = self._public_key(box, signing=signing)
        if found is None:
            raise KeyMissing(container=container)
        return found

    def _certificate(self, box: c_void_p, *, signing: bool) -> bytes | None:
        code, content = self._filled("ExportCertificate", box, int(signing))
        return content if code == Sar.OK and content else None

    def _signed(self, container: str, data: bytes) -> bytes:
        self._need_login()
        with self._lock, self._box(container) as box:
            public = self._need_public_key(box, container, signing=True)
            return self._signature(box, container, public, data)

    def _signature(self, box: c_void_p, container: str, public: bytes, data: bytes) -> bytes:
        blob, digest = SignatureBlob(), gm.sm2.digest(public, data)
        self._refuse_in(container, self._code("ECCSignData", box, digest, len(digest), byref(blob)), {})
        return gm.sm2.signature_to_der(blob.raw)

    def _opens_session_key(self, box: c_void_p, public: bytes) -> bool:
        """Whether the private half of an encryption key is in there: it opens a key whose cipher we know."""
        key, block = os.urandom(16), os.urandom(16)
        wrapped, handle = _cipher_blob(gm.sm2.encrypt(public, key)), c_void_p()
        code = self._code("ImportSessionKey", box, codes.SM4_ECB, wrapped, len(wrapped), byref(handle))
        if code == Sar.USER_NOT_LOGGED_IN:
            raise refusal(code)
        if code != Sar.OK:
            return False
        try:
            self._do("EncryptInit", handle, CipherParameters.of())
            room, size = ctypes.create_string_buffer(32), c_uint32(32)
            self._do("Encrypt", handle, block, len(block), room, byref(size))
            return room.raw[: size.value] == gm.sm4.ecb_encrypt(key, block)
        finally:
            self._code("CloseHandle", handle)


def _check_container_name(container: str) -> None:
    if not _CONTAINER.fullmatch(container):
        raise ContainerNameMalformed()


def _cipher_blob(ciphertext: bytes) -> bytes:
    """ECCCIPHERBLOB of a ciphertext, raw (C1C3C2) or DER. Raises CiphertextRefused."""
    try:
        raw = gm.sm2.ciphertext_from_der(ciphertext) if ciphertext[:1] == b"\x30" else ciphertext
    except gm.GmError:
        raise CiphertextRefused() from None
    if len(raw) <= 97 or raw[0] != 4:
        raise CiphertextRefused()
    head = bytes(32) + raw[1:33] + bytes(32) + raw[33:65] + raw[65:97]
    return head + (len(raw) - 97).to_bytes(4, "little") + raw[97:]
