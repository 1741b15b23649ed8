"""Drives an SKF library through the functions of the standard in order and notes what each returned.

It works in an application of its own, which it makes and deletes; what else is in the device is left alone. What the
library answers is judged by our own SM2, SM3 and SM4.
"""

import ctypes
import threading
import time
from collections.abc import Collection
from ctypes import byref, c_int32, c_uint32, c_void_p
from dataclasses import dataclass
from typing import Any, Final

from banyan import gm
from banyan.pki.skf_blob import to_skf_blob
from banyan.pki.sm2_enveloped_key import enveloped_key
from banyan_token.skf import codes
from banyan_token.skf.codes import Sar, code_name
from banyan_token.skf.interface import (
    CIPHER_HEAD,
    CipherParameters,
    DevInfo,
    FileAttribute,
    FunctionMissing,
    Library,
    PublicKeyBlob,
    SignatureBlob,
    names_in,
)
from banyan_token.skf.sample_certificate import sample_certificate

_ADMIN_PIN, _USER_PIN, _OTHER_PIN, _WRONG_PIN = b"adm1n-Conf0rm", b"us3r-Conf0rm", b"0ther-Conf0rm", b"wr0ng-Conf0rm"
_TRIES: Final = 3
_CONTAINER: Final = b"conformance-1"
_FILE: Final = b"conformance.txt"
_NO_SUCH_HANDLE: Final = 0x5EED
# What a library may also say where the standard leaves the choice.
_REFUSED: Final = frozenset(Sar) - {Sar.OK}


@dataclass(frozen=True)
class Step:
    """One call: what was asked, what may come, what came."""

    function: str
    case: str
    expected: tuple[str, ...]
    actual: str
    is_passed: bool


class _Stopped(Exception):
    """What follows needs what has just failed."""


class Conformance:
    """One run over one device."""

    def __init__(self, library: Library, *, device: str, auth_key: bytes, application: str = "BYT-CONFORMANCE") -> None:
        self._library = library
        self._device = device
        self._auth_key = auth_key
        self._application = application.encode()
        self._steps: list[Step] = []
        self._dev, self._app, self._box = c_void_p(), c_void_p(), c_void_p()

    def run(self) -> list[Step]:
        """All steps that could be taken; what could not is missing, and the one before it failed."""
        try:
            for chapter in (
                self._devices, self._handles, self._access, self._applications, self._pins, self._containers,
                self._signing, self._envelope, self._certificates, self._session_keys, self._digests, self._files,
                self._locking,
            ):  # fmt: skip
                chapter()
        except _Stopped:
            pass
        self._leave()
        return self._steps

    # Noting

    def _note(self, function: str, case: str, expected: Collection[int], actual: str, is_passed: bool) -> None:
        shown = ("not SAR_OK",) if expected is _REFUSED else tuple(code_name(code) for code in expected)
        self._steps.append(Step(f"SKF_{function}", case, shown, actual, is_passed))

    def _check(self, function: str, case: str, code: int, *expected: int) -> int:
        wanted: Collection[int] = expected or (Sar.OK,)
        self._note(function, case, wanted, code_name(code), code in wanted)
        return code

    def _must(self, function: str, case: str, *arguments: Any) -> None:
        """A call without which the rest makes no sense."""
        if self._call(function, case, *arguments) != Sar.OK:
            raise _Stopped

    def _call(self, function: str, case: str, *arguments: Any, expected: Collection[int] = (Sar.OK,)) -> int:
        try:
            code = self._library.call(function, *arguments)
        except FunctionMissing:
            self._note(function, case, expected, "missing", False)
            return -1
        is_refusal = expected is _REFUSED and code != Sar.OK
        self._note(function, case, expected, code_name(code), is_refusal or code in expected)
        return code

    def _filled(self, function: str, case: str, *arguments: Any) -> bytes:
        """Both calls of the convention, and one with too little room."""
        try:
            code, content = self._library.filled(function, *arguments)
        except FunctionMissing:
            self._note(function, case, (Sar.OK,), "missing", False)
            return b""
        self._check(function, case, code)
        if code == Sar.OK and len(content) > 1:
            room, size = ctypes.create_string_buffer(len(content)), c_uint32(1)
            code = self._library.call(function, *arguments, room, byref(size))
            self._check(function, f"{case}, too little room", code, Sar.BUFFER_TOO_SMALL)
        return content

    def _holds(self, function: str, case: str, is_so: bool) -> None:
        """What a call answered is right."""
        self._note(function, case, (Sar.OK,), "SAR_OK" if is_so else "wrong answer", is_so)

    # Chapters

    def _devices(self) -> None:
        listed = names_in(self._filled("EnumDev", "present devices", 1))
        self._holds("EnumDev", "lists the device", self._device in listed)
        state = c_uint32()
        self._call("GetDevState", "the device", self._device.encode(), byref(state))
        self._holds("GetDevState", "is present", state.value == 1)
        self._call("ConnectDev", "no such device", b"no-such-device", byref(c_void_p()), expected=_REFUSED)
        self._must("ConnectDev", "the device", self._device.encode(), byref(self._dev))
        info = DevInfo()
        self._must("GetDevInfo", "the device", self._dev, byref(info))
        self._holds("GetDevInfo", "has a serial number", bool(info.serial_number))
        label = bytes(info.label)
        self._call("SetLabel", "another label", self._dev, b"conformance")
        self._library.call("GetDevInfo", self._dev, byref(info))
        self._holds("SetLabel", "is read back", bytes(info.label) == b"conformance")
        self._library.call("SetLabel", self._dev, label)
        self._call("LockDev", "half a second", self._dev, 500)
        self._call("UnlockDev", "after it", self._dev)
        self._events()

    def _events(self) -> None:
        answered: list[int] = []

        def wait() -> None:
            room, size, event = ctypes.create_string_buffer(256), c_uint32(256), c_uint32()
            answered.append(self._library.call("WaitForDevEvent", room, byref(size), byref(event)))

        if not (self._library.has("WaitForDevEvent") and self._library.has("CancelWaitForDevEvent")):
            self._note("WaitForDevEvent", "until cancelled", (Sar.OK,), "missing", False)
            return
        waiting = threading.Thread(target=wait, daemon=True)
        waiting.start()
        time.sleep(0.2)
        self._call("CancelWaitForDevEvent", "while one waits")
        waiting.join(5)
        code = answered[0] if answered else -1
        self._check("WaitForDevEvent", "until cancelled", code, Sar.NOT_EVENTERR, Sar.OK, Sar.FAIL)

    def _handles(self) -> None:
        refused = (Sar.INVALIDHANDLEERR, Sar.INVALIDPARAMERR)
        self._call("GetDevInfo", "no handle", _NO_SUCH_HANDLE, byref(DevInfo()), expected=refused)
        self._call("OpenApplication", "no handle", _NO_SUCH_HANDLE, b"x", byref(c_void_p()), expected=refused)
        room, size = ctypes.create_string_buffer(256), c_uint32(256)
        self._call("EnumContainer", "no handle", _NO_SUCH_HANDLE, room, byref(size), expected=refused)
        self._call("CloseHandle", "no handle", _NO_SUCH_HANDLE, expected=refused)

    def _access(self) -> None:
        random = ctypes.create_string_buffer(32)
        self._call("GenRandom", "32 octets", self._dev, random, 32)
        self._holds("GenRandom", "is not constant", random.raw not in (bytes(32), random.raw[:1] * 32))
        self._call("GenRandom", "8 octets", self._dev, random, 8)
        self._call("DevAuth", "wrong answer", self._dev, bytes(16), 16, expected=_REFUSED)
        self._call("GenRandom", "8 octets", self._dev, random, 8)
        self._must(
            "DevAuth", "right answer", self._dev, gm.sm4.ecb_encrypt(self._auth_key, random.raw[:8] + bytes(8)), 16
        )
        self._call("ChangeDevAuthKey", "to the same", self._dev, self._auth_key, 16)

    def _applications(self) -> None:
        arguments = (self._dev, self._application, _ADMIN_PIN, _TRIES, _USER_PIN, _TRIES, codes.ANYONE)
        self._must("CreateApplication", "a new one", *arguments, byref(self._app))
        exists = (Sar.APPLICATION_EXISTS,)
        self._call("CreateApplication", "again", *arguments, byref(c_void_p()), expected=exists)
        listed = names_in(self._filled("EnumApplication", "with the new one", self._dev))
        self._holds("EnumApplication", "lists it", self._application.decode() in listed)
        self._call("CloseApplication", "the new one", self._app)
        missing = (Sar.APPLICATION_NOT_EXISTS,)
        self._call("OpenApplication", "no such one", self._dev, b"no-such-one", byref(c_void_p()), expected=missing)
        self._must("OpenApplication", "the new one", self._dev, self._application, byref(self._app))

    def _pins(self) -> None:
        most, left, is_default = c_uint32(), c_uint32(), c_int32()
        self._call("GetPINInfo", "user", self._app, codes.USER, byref(most), byref(left), byref(is_default))
        self._holds("GetPINInfo", "all tries left", (most.value, left.value) == (_TRIES, _TRIES))
        self._call("GetPINInfo", "administrator", self._app, codes.ADMIN, byref(most), byref(left), byref(is_default))
        denied = (Sar.USER_NOT_LOGGED_IN,)
        self._call("CreateContainer", "before log-in", self._app, _CONTAINER, byref(c_void_p()), expected=denied)
        self._call("VerifyPIN", "no such type", self._app, 7, _USER_PIN, byref(left), expected=_REFUSED)
        incorrect = (Sar.PIN_INCORRECT,)
        self._call("VerifyPIN", "wrong", self._app, codes.USER, _WRONG_PIN, byref(left), expected=incorrect)
        self._holds("VerifyPIN", "one try less", left.value == _TRIES - 1)
        self._must("VerifyPIN", "right", self._app, codes.USER, _USER_PIN, byref(left))
        change = (self._app, codes.USER, _USER_PIN)
        self._call(
            "ChangePIN", "to a short one", *change, b"12345", byref(left), expected=(Sar.PIN_LEN_RANGE, Sar.PIN_INVALID)
        )
        self._must("ChangePIN", "user", *change, _OTHER_PIN, byref(left))
        self._must("VerifyPIN", "the new one", self._app, codes.USER, _OTHER_PIN, byref(left))

    def _containers(self) -> None:
        kind = c_uint32(99)
        self._must("CreateContainer", "a new one", self._app, _CONTAINER, byref(self._box))
        listed = names_in(self._filled("EnumContainer", "with the new one", self._app))
        self._holds("EnumContainer", "lists it", _CONTAINER.decode() in listed)
        self._call("CloseContainer", "the new one", self._box)
        self._call("OpenContainer", "no such one", self._app, b"no-such-one", byref(c_void_p()), expected=_REFUSED)
        self._must("OpenContainer", "the new one", self._app, _CONTAINER, byref(self._box))
        self._call("GetContainerType", "empty", self._box, byref(kind))
        self._holds("GetContainerType", "says empty", kind.value == codes.CONTAINER_NONE)
        room, size = ctypes.create_string_buffer(4096), c_uint32(4096)
        none = (Sar.CERTNOTFOUNTERR,)
        self._call("ExportCertificate", "none there", self._box, 1, room, byref(size), expected=none)
        none = (Sar.KEYNOTFOUNTERR,)
        self._call("ExportPublicKey", "none there", self._box, 1, room, byref(size), expected=none)

    def _signing(self) -> None:
        blob, kind, signature = PublicKeyBlob(), c_uint32(), SignatureBlob()
        # Many libraries know the number of the first edition only.
        if self._library.call("GenECCKeyPair", self._box, codes.SM2_SIGN, byref(blob)) == Sar.OK:
            self._check("GenECCKeyPair", "SGD_SM2_1 as in GM/T 0006", Sar.OK)
        else:
            self._must("GenECCKeyPair", "SGD_SM2_1 of the first edition", self._box, codes.SM2, byref(blob))
        self._point = blob.point
        self._call("GetContainerType", "with a key", self._box, byref(kind))
        self._holds("GetContainerType", "says ECC", kind.value == codes.CONTAINER_ECC)
        self._holds("ExportPublicKey", "same key", self._public_key(1) == self._point)
        message = b"conformance"
        digest = gm.sm2.digest(self._point, message)
        self._must("ECCSignData", "a digest", self._box, digest, 32, byref(signature))
        der = gm.sm2.signature_to_der(signature.raw)
        self._holds("ECCSignData", "verifies", gm.sm2.verify_many([(self._point, message, der)])[0])
        short = (Sar.INDATALENERR, Sar.INVALIDPARAMERR)
        self._call("ECCSignData", "31 octets", self._box, digest[:31], 31, byref(SignatureBlob()), expected=short)
        for function in ("ECCVerify", "ExtECCVerify"):
            self._call(function, "right", self._dev, byref(blob), digest, 32, byref(signature))
            wrong = bytes((digest[0] ^ 1,)) + digest[1:]
            self._call(function, "wrong", self._dev, byref(blob), wrong, 32, byref(signature), expected=_REFUSED)

    def _public_key(self, signing: int) -> bytes:
        content = self._filled("ExportPublicKey", "signing" if signing else "encryption", self._box, signing)
        return PublicKeyBlob.from_buffer_copy(content).point if len(content) == 132 else b""

    def _envelope(self) -> None:
        self._pair = gm.sm2.generate_keypair()
        blob = to_skf_blob(enveloped_key(self._point, self._pair.private, self._pair.public))
        broken = blob[:-1] + bytes((blob[-1] ^ 1,))
        self._call("ImportECCKeyPair", "a broken envelope", self._box, broken, expected=_REFUSED)
        self._must("ImportECCKeyPair", "an envelope", self._box, blob)
        self._holds("ExportPublicKey", "the key of the envelope", self._public_key(0) == self._pair.public)

    def _certificates(self) -> None:
        for signing, point in ((1, self._point), (0, self._pair.public)):
            use = "signing" if signing else "encryption"
            certificate = sample_certificate(point)
            self._call("ImportCertificate", use, self._box, signing, certificate, len(certificate))
            exported = self._filled("ExportCertificate", use, self._box, signing)
            self._holds("ExportCertificate", f"{use} as imported", exported == certificate)

    def _session_keys(self) -> None:
        text = b"twenty-one octets now"
        room = ctypes.create_string_buffer(CIPHER_HEAD + len(text) + 16)
        mine = PublicKeyBlob.of(self._pair.public)
        self._call("ExtECCEncrypt", "to a key outside", self._dev, byref(mine), text, len(text), room)
        opened = _opened(self._pair.private, room.raw, len(text))
        self._holds("ExtECCEncrypt", "opens outside", opened == text)
        sender, receiver = c_void_p(), c_void_p()
        room = ctypes.create_string_buffer(CIPHER_HEAD + 16)
        self._must("ECCExportSessionKey", "to the own key", self._box, codes.SM4_CBC, byref(mine), room, byref(sender))
        key = _opened(self._pair.private, room.raw, 16)
        self._must("ImportSessionKey", "the same", self._box, codes.SM4_CBC, room.raw, len(room.raw), byref(receiver))
        iv = bytes(range(16))
        padded = CipherParameters.of(iv, padding=codes.PKCS5)
        self._call("EncryptInit", "SM4-CBC, padded", sender, padded)
        sealed = self._cipher("Encrypt", sender, text)
        self._holds("Encrypt", "as GB/T 32907 has it", len(key) == 16 and sealed == gm.sm4.cbc_encrypt(key, iv, text))
        self._call("DecryptInit", "SM4-CBC, padded", receiver, padded)
        self._holds("Decrypt", "gives the text", self._cipher("Decrypt", receiver, sealed) == text)
        self._call("EncryptInit", "SM4-CBC, in pieces", sender, padded)
        pieces = self._cipher("EncryptUpdate", sender, text[:16]) + self._cipher("EncryptUpdate", sender, text[16:])
        self._holds("EncryptFinal", "same as at once", pieces + self._cipher("EncryptFinal", sender) == sealed)
        self._call("DecryptInit", "SM4-CBC, in pieces", receiver, padded)
        pieces = self._cipher("DecryptUpdate", receiver, sealed[:16]) + self._cipher(
            "DecryptUpdate", receiver, sealed[16:]
        )
        self._holds("DecryptFinal", "same as at once", pieces + self._cipher("DecryptFinal", receiver) == text)
        self._mac()
        for handle in (sender, receiver):
            self._call("CloseHandle", "session key", handle)
        self._call("CloseHandle", "closed already", sender, expected=(Sar.INVALIDHANDLEERR, Sar.INVALIDPARAMERR))

    def _cipher(self, function: str, handle: c_void_p, data: bytes | None = None) -> bytes:
        room, size = ctypes.create_string_buffer(256), c_uint32(256)
        given = () if data is None else (data, len(data))
        code = self._call(
            function, f"{len(data)} octets" if data is not None else "the end", handle, *given, room, byref(size)
        )
        return room.raw[: size.value] if code == Sar.OK else b""

    def _mac(self) -> None:
        key, zeros, text = bytes(range(16)), bytes(16), bytes(range(48))
        handle, mac = c_void_p(), c_void_p()
        room, size = ctypes.create_string_buffer(64), c_uint32(64)
        self._call("SetSymmKey", "SM4-CBC", self._dev, key, codes.SM4_CBC, byref(handle))
        self._call("MacInit", "no padding", handle, byref(CipherParameters.of(zeros)), byref(mac))
        self._call("Mac", "three blocks", mac, text, len(text), room, byref(size))
        last = gm.sm4.cbc_encrypt(key, zeros, text)[32:48]
        self._holds("Mac", "is the last block", room.raw[: size.value] == last[: size.value] and size.value >= 4)
        self._call("CloseHandle", "MAC", mac)
        self._call("CloseHandle", "symmetric key", handle)

    def _digests(self) -> None:
        message = b"message digest"
        blob, handle = PublicKeyBlob.of(self._point), c_void_p()
        room, size = ctypes.create_string_buffer(32), c_uint32(32)
        self._call("DigestInit", "SM3", self._dev, codes.SM3, None, None, 0, byref(handle))
        self._call("Digest", "at once", handle, message, len(message), room, byref(size))
        self._holds("Digest", "is SM3", room.raw == gm.sm3(message))
        self._call("CloseHandle", "digest", handle)
        self._call("DigestInit", "SM3 with Z", self._dev, codes.SM3, byref(blob), codes.DEFAULT_ID, 16, byref(handle))
        self._call("DigestUpdate", "first part", handle, message[:3], 3)
        self._call("DigestUpdate", "second part", handle, message[3:], len(message) - 3)
        size.value = 32
        self._call("DigestFinal", "the end", handle, room, byref(size))
        self._holds("DigestFinal", "is SM3 of Z and message", room.raw == gm.sm2.digest(self._point, message))
        self._call("CloseHandle", "digest", handle)

    def _files(self) -> None:
        content, attributes = b"conformance", FileAttribute()
        rights = (codes.ANYONE, codes.ANYONE)
        self._call("CreateFile", "64 octets", self._app, _FILE, 64, *rights)
        self._call("CreateFile", "again", self._app, _FILE, 64, *rights, expected=(Sar.FILE_ALREADY_EXIST,))
        self._holds("EnumFiles", "lists it", _FILE.decode() in names_in(self._filled("EnumFiles", "one", self._app)))
        self._call("WriteFile", "in the middle", self._app, _FILE, 5, content, len(content))
        room, size = ctypes.create_string_buffer(64), c_uint32(64)
        self._call("ReadFile", "in the middle", self._app, _FILE, 5, len(content), room, byref(size))
        self._holds("ReadFile", "as written", room.raw[: size.value] == content)
        self._call("GetFileInfo", "it", self._app, _FILE, byref(attributes))
        self._holds("GetFileInfo", "its size", attributes.size == 64)
        self._call("DeleteFile", "it", self._app, _FILE)
        missing = (Sar.FILE_NOT_EXIST,)
        self._call("GetFileInfo", "deleted", self._app, _FILE, byref(attributes), expected=missing)

    def _locking(self) -> None:
        left, signature = c_uint32(), SignatureBlob()
        self._call("ClearSecureState", "log out", self._app)
        denied = (Sar.USER_NOT_LOGGED_IN,)
        self._call("ECCSignData", "after log-out", self._box, bytes(32), 32, byref(signature), expected=denied)
        for lasting in reversed(range(_TRIES)):
            wrong = (Sar.PIN_INCORRECT,) if lasting else (Sar.PIN_INCORRECT, Sar.PIN_LOCKED)
            self._call("VerifyPIN", "wrong", self._app, codes.USER, _WRONG_PIN, byref(left), expected=wrong)
            self._holds("VerifyPIN", f"tries left: {lasting}", left.value == lasting)
        locked = (Sar.PIN_LOCKED,)
        self._call("VerifyPIN", "right, locked", self._app, codes.USER, _OTHER_PIN, byref(left), expected=locked)
        incorrect = (Sar.PIN_INCORRECT,)
        self._call(
            "UnblockPIN", "wrong administrator", self._app, _WRONG_PIN, _USER_PIN, byref(left), expected=incorrect
        )
        self._must("UnblockPIN", "administrator", self._app, _ADMIN_PIN, _USER_PIN, byref(left))
        self._must("VerifyPIN", "after unblocking", self._app, codes.USER, _USER_PIN, byref(left))
        self._call("ECCSignData", "keys are still there", self._box, bytes(range(32)), 32, byref(signature))
        self._call("DeleteContainer", "with keys", self._app, _CONTAINER)

    def _leave(self) -> None:
        """Leave nothing behind, however far the run came."""
        if self._app:
            self._call("CloseApplication", "at the end", self._app)
            self._call("DeleteApplication", "at the end", self._dev, self._application)
        if self._dev:
            self._call("DisConnectDev", "at the end", self._dev)
            gone = (Sar.INVALIDHANDLEERR, Sar.INVALIDPARAMERR)
            self._call("GetDevInfo", "disconnected", self._dev, byref(DevInfo()), expected=gone)


def _opened(private: bytes, blob: bytes, size: int) -> bytes:
    """The text in an ECCCIPHERBLOB, empty when it does not open."""
    raw = b"\x04" + blob[32:64] + blob[96:128] + blob[128:160] + blob[CIPHER_HEAD : CIPHER_HEAD + size]
    try:
        return gm.sm2.decrypt(private, raw)
    except gm.GmError:
        return b""
