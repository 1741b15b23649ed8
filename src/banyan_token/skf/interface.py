"""The functions and structures of GM/T 0016 for ctypes; ``native/include/skf.h`` says the same in C."""

import ctypes
from ctypes import POINTER, Structure, c_char, c_char_p, c_int32, c_ubyte, c_uint32, c_void_p
from pathlib import Path
from typing import Any, ClassVar, Final

from banyan.kernel.errors import N_
from banyan_token.errors import TokenError
from banyan_token.skf.codes import Sar

_ULONG = c_uint32
_MOST_TIMES = 10
_BYTES = c_char_p  # for what goes in
_OUT = c_void_p  # for what comes out, which may be None
_SIZE = POINTER(c_uint32)
_HANDLE = c_void_p
_NEW_HANDLE = POINTER(c_void_p)


class DevInfo(Structure):
    """DEVINFO, 294 octets."""

    _pack_ = 1
    _fields_: ClassVar = [
        ("version", c_ubyte * 2),
        ("manufacturer", c_char * 64),
        ("issuer", c_char * 64),
        ("label", c_char * 32),
        ("serial_number", c_char * 32),
        ("hardware_version", c_ubyte * 2),
        ("firmware_version", c_ubyte * 2),
        *(
            (name, _ULONG)
            for name in (
                "symmetric", "asymmetric", "hashes", "auth_algorithm", "total_space", "free_space", "largest_ecc",
                "largest_buffer",
            )
        ),
        ("reserved", c_ubyte * 64),
    ]  # fmt: skip


class PublicKeyBlob(Structure):
    """ECCPUBLICKEYBLOB, 132 octets."""

    _pack_ = 1
    _fields_: ClassVar = [("bits", _ULONG), ("x", c_ubyte * 64), ("y", c_ubyte * 64)]

    @classmethod
    def of(cls, point: bytes) -> "PublicKeyBlob":
        """From 04‖X‖Y."""
        return cls.from_buffer_copy((256).to_bytes(4, "little") + bytes(32) + point[1:33] + bytes(32) + point[33:])

    @property
    def point(self) -> bytes:
        """04‖X‖Y."""
        return b"\x04" + bytes(self.x)[32:] + bytes(self.y)[32:]


class SignatureBlob(Structure):
    """ECCSIGNATUREBLOB, 128 octets."""

    _pack_ = 1
    _fields_: ClassVar = [("r", c_ubyte * 64), ("s", c_ubyte * 64)]

    @property
    def raw(self) -> bytes:
        """r‖s, 64 octets."""
        return bytes(self.r)[32:] + bytes(self.s)[32:]


class CipherParameters(Structure):
    """BLOCKCIPHERPARAM, 44 octets."""

    _pack_ = 1
    _fields_: ClassVar = [("iv", c_ubyte * 32), ("iv_size", _ULONG), ("padding", _ULONG), ("feed_bits", _ULONG)]

    @classmethod
    def of(cls, iv: bytes = b"", *, padding: int = 0) -> "CipherParameters":
        return cls((c_ubyte * 32)(*iv), len(iv), padding, 0)


class FileAttribute(Structure):
    """FILEATTRIBUTE, 44 octets."""

    _pack_ = 1
    _fields_: ClassVar = [
        ("name", c_char * 32), ("size", _ULONG), ("read_rights", _ULONG), ("write_rights", _ULONG),
    ]  # fmt: skip


CIPHER_HEAD: Final = 64 + 64 + 32 + 4
"""Octets of ECCCIPHERBLOB in front of its ciphertext."""

_DATA = (_BYTES, _ULONG)
_FILLED = (_OUT, _SIZE)
PROTOTYPES: Final[dict[str, tuple[Any, ...]]] = {
    "WaitForDevEvent": (_OUT, _SIZE, _SIZE),
    "CancelWaitForDevEvent": (),
    "EnumDev": (c_int32, *_FILLED),
    "ConnectDev": (_BYTES, _NEW_HANDLE),
    "DisConnectDev": (_HANDLE,),
    "GetDevState": (_BYTES, _SIZE),
    "SetLabel": (_HANDLE, _BYTES),
    "GetDevInfo": (_HANDLE, POINTER(DevInfo)),
    "LockDev": (_HANDLE, _ULONG),
    "UnlockDev": (_HANDLE,),
    "ChangeDevAuthKey": (_HANDLE, *_DATA),
    "DevAuth": (_HANDLE, *_DATA),
    "ChangePIN": (_HANDLE, _ULONG, _BYTES, _BYTES, _SIZE),
    "GetPINInfo": (_HANDLE, _ULONG, _SIZE, _SIZE, POINTER(c_int32)),
    "VerifyPIN": (_HANDLE, _ULONG, _BYTES, _SIZE),
    "UnblockPIN": (_HANDLE, _BYTES, _BYTES, _SIZE),
    "ClearSecureState": (_HANDLE,),
    "CreateApplication": (_HANDLE, _BYTES, _BYTES, _ULONG, _BYTES, _ULONG, _ULONG, _NEW_HANDLE),
    "EnumApplication": (_HANDLE, *_FILLED),
    "DeleteApplication": (_HANDLE, _BYTES),
    "OpenApplication": (_HANDLE, _BYTES, _NEW_HANDLE),
    "CloseApplication": (_HANDLE,),
    "CreateFile": (_HANDLE, _BYTES, _ULONG, _ULONG, _ULONG),
    "DeleteFile": (_HANDLE, _BYTES),
    "EnumFiles": (_HANDLE, *_FILLED),
    "GetFileInfo": (_HANDLE, _BYTES, POINTER(FileAttribute)),
    "ReadFile": (_HANDLE, _BYTES, _ULONG, _ULONG, *_FILLED),
    "WriteFile": (_HANDLE, _BYTES, _ULONG, *_DATA),
    "CreateContainer": (_HANDLE, _BYTES, _NEW_HANDLE),
    "DeleteContainer": (_HANDLE, _BYTES),
    "OpenContainer": (_HANDLE, _BYTES, _NEW_HANDLE),
    "CloseContainer": (_HANDLE,),
    "EnumContainer": (_HANDLE, *_FILLED),
    "GetContainerType": (_HANDLE, _SIZE),
    "ImportCertificate": (_HANDLE, c_int32, *_DATA),
    "ExportCertificate": (_HANDLE, c_int32, *_FILLED),
    "GenRandom": (_HANDLE, _OUT, _ULONG),
    "GenECCKeyPair": (_HANDLE, _ULONG, POINTER(PublicKeyBlob)),
    "ImportECCKeyPair": (_HANDLE, _BYTES),
    "ECCSignData": (_HANDLE, *_DATA, POINTER(SignatureBlob)),
    "ECCVerify": (_HANDLE, POINTER(PublicKeyBlob), *_DATA, POINTER(SignatureBlob)),
    "ExtECCVerify": (_HANDLE, POINTER(PublicKeyBlob), *_DATA, POINTER(SignatureBlob)),
    "ExtECCEncrypt": (_HANDLE, POINTER(PublicKeyBlob), *_DATA, _OUT),
    "ECCExportSessionKey": (_HANDLE, _ULONG, POINTER(PublicKeyBlob), _OUT, _NEW_HANDLE),
    "ExportPublicKey": (_HANDLE, c_int32, *_FILLED),
    "ImportSessionKey": (_HANDLE, _ULONG, *_DATA, _NEW_HANDLE),
    "SetSymmKey": (_HANDLE, _BYTES, _ULONG, _NEW_HANDLE),
    "EncryptInit": (_HANDLE, CipherParameters),
    "Encrypt": (_HANDLE, *_DATA, *_FILLED),
    "EncryptUpdate": (_HANDLE, *_DATA, *_FILLED),
    "EncryptFinal": (_HANDLE, *_FILLED),
    "DecryptInit": (_HANDLE, CipherParameters),
    "Decrypt": (_HANDLE, *_DATA, *_FILLED),
    "DecryptUpdate": (_HANDLE, *_DATA, *_FILLED),
    "DecryptFinal": (_HANDLE, *_FILLED),
    "DigestInit": (_HANDLE, _ULONG, POINTER(PublicKeyBlob), *_DATA, _NEW_HANDLE),
    "Digest": (_HANDLE, *_DATA, *_FILLED),
    "DigestUpdate": (_HANDLE, *_DATA),
    "DigestFinal": (_HANDLE, *_FILLED),
    "MacInit": (_HANDLE, POINTER(CipherParameters), _NEW_HANDLE),
    "Mac": (_HANDLE, *_DATA, *_FILLED),
    "MacUpdate": (_HANDLE, *_DATA),
    "MacFinal": (_HANDLE, *_FILLED),
    "CloseHandle": (_HANDLE,),
}
# Of our own library; see native/include/banyan_skf.h.
EXTENSIONS: Final[dict[str, tuple[Any, ...]]] = {
    "BYT_UsePlace": (_BYTES, _BYTES),
    "BYT_CreateDevice": (_BYTES, _BYTES, _BYTES, _ULONG),
    "BYT_DestroyDevice": (_HANDLE,),
    "BYT_GenRemoteUnblockRequest": (_HANDLE, *_FILLED),
    "BYT_RemoteUnblockPIN": (_HANDLE, _BYTES, _SIZE),
    "BYT_ImportECCKeyPairFor": (_HANDLE, _HANDLE, _BYTES),
    "BYT_ECCDecrypt": (_HANDLE, _BYTES, *_FILLED),
}


class LibraryUnusable(TokenError):
    code = "token.library_unusable"
    message = N_("{library} 不是可用的 SKF 库（{reason}）。请核对路径、系统位数和厂商驱动。")


class FunctionMissing(TokenError):
    code = "token.function_missing"
    message = N_("SKF 库没有函数 {function}。请向厂商索取符合 GM/T 0016 的版本。")


class Library:
    """A loaded SKF library. ``call`` takes function names without ``SKF_`` and answers the return code."""

    def __init__(self, path: Path) -> None:
        try:
            self._loaded = ctypes.CDLL(str(path.absolute()))
            self._loaded.SKF_EnumDev  # noqa: B018  (a library without it is no SKF library)
        except (OSError, AttributeError) as error:
            raise LibraryUnusable(library=str(path), reason=str(error)) from None

    def has(self, name: str) -> bool:
        """Whether the library offers a function."""
        return hasattr(self._loaded, _exported(name))

    def call(self, name: str, *arguments: Any) -> int:
        """Call a function. Raises FunctionMissing."""
        try:
            function = getattr(self._loaded, _exported(name))
        except AttributeError:
            raise FunctionMissing(function=_exported(name)) from None
        function.argtypes = (PROTOTYPES | EXTENSIONS)[name]
        function.restype = c_uint32
        code: int = function(*arguments)
        return code

    def filled(self, name: str, *arguments: Any) -> tuple[int, bytes]:
        """Call a function of the two-call convention: code and content, whose size the first call tells.

        What grew between the two calls (another device was plugged in) is asked for again.
        """
        code: int = Sar.BUFFER_TOO_SMALL
        for _ in range(_MOST_TIMES):
            size = c_uint32(0)
            code = self.call(name, *arguments, None, ctypes.byref(size))
            if code != Sar.OK:
                return code, b""
            room = ctypes.create_string_buffer(max(size.value, 1))
            code = self.call(name, *arguments, room, ctypes.byref(size))
            if code != Sar.BUFFER_TOO_SMALL:
                break
        return code, room.raw[: size.value] if code == Sar.OK else b""


def own_library() -> Path:
    """Where ``make setup`` builds our own library."""
    return Path(__file__).parents[3] / "native" / "build" / "libbanyan_skf.so"


def _exported(name: str) -> str:
    return name if name.startswith("BYT_") else f"SKF_{name}"


def names_in(listed: bytes) -> list[str]:
    """The names of a list as SKF_Enum… fill it."""
    return [name.decode(errors="replace") for name in listed.split(b"\0") if name]
