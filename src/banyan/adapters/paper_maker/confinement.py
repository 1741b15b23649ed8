"""What the process that fills templates may do: no network, no other program, no file written, so much time and memory."""

import ctypes
import platform
import resource
import struct
from dataclasses import dataclass
from typing import Final

_MB: Final = 1 << 20
_PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 4, 22, 38
_FILTER_MODE: Final = 2
_KILL, _ALLOW, _REFUSE = 0x80000000, 0x7FFF0000, 0x00050000 | 13
_X32: Final = 0x40000000


@dataclass(frozen=True)
class _Architecture:
    """Its name in the kernel's audit, and the numbers of the calls refused on it."""

    audit: int
    refused: tuple[int, ...]


# socket, connect, socketpair, execve, execveat, ptrace, io_uring_setup; one table for the newer architectures.
_GENERIC: Final = (198, 203, 199, 221, 281, 117, 425)
_ARCHITECTURES: Final = {
    "x86_64": _Architecture(0xC000003E, (41, 42, 53, 59, 322, 101, 425)),
    "aarch64": _Architecture(0xC00000B7, _GENERIC),
    "loongarch64": _Architecture(0xC0000102, _GENERIC),
    "riscv64": _Architecture(0xC00000F3, _GENERIC),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def close_the_network() -> bool:
    """Have the kernel refuse sockets and other programs to this process and its children, for good (seccomp).

    False where the kernel or the architecture offers no such filter: then the refusal of addresses in ``assets`` and the
    sandbox stand alone. Nobody of the same user may look into the memory either.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    architecture = _ARCHITECTURES.get(platform.machine())
    if architecture is None or libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return False
    code = _filter(architecture)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.cast(buffer, ctypes.c_void_p))
    return bool(libc.prctl(_PR_SET_SECCOMP, _FILTER_MODE, ctypes.byref(program), 0, 0) == 0)


def _filter(architecture: _Architecture) -> bytes:
    """The filter as the kernel reads it: (code, jump if true, jump if false, operand) an instruction."""
    load, equal, at_least, give = 0x20, 0x15, 0x35, 0x06
    count = len(architecture.refused)
    lines = [
        (load, 0, 0, 4), (equal, 1, 0, architecture.audit), (give, 0, 0, _KILL),
        (load, 0, 0, 0), (at_least, count + 2, 0, _X32),
        *((equal, count - place, 0, number) for place, number in enumerate(architecture.refused)),
        (give, 0, 0, _ALLOW), (give, 0, 0, _REFUSE), (give, 0, 0, _KILL),
    ]  # fmt: skip
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


def limit_job(*, seconds: int, megabytes: int) -> None:
    """So much processor time and memory for this process; no byte into any file, no memory image when it dies."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (megabytes * _MB, megabytes * _MB))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
