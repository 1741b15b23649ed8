"""Work on files from outside in a process that may take only so much, reads its standard input and writes its output.

The child calls ``confine`` before it touches the file; whatever a hostile file makes of the process ends with it. The parent
feeds it and reads from it (``Child``), and kills it when its time is over.
"""

import ctypes
import os
import platform
import resource
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from banyan.kernel.parent import end_with_parent

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _PR_SET_DUMPABLE = 38, 22, 4
_SECCOMP_MODE_FILTER: Final = 2
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
# machine → (audit architecture, numbers of the calls: socket, execve, execveat, ptrace, io_uring_setup)
_CALLS: Final = {
    "x86_64": (0xC000003E, (41, 59, 322, 101, 425)),
    "aarch64": (0xC00000B7, (198, 221, 281, 117, 425)),
}
_OPEN_FILES: Final = 32
_PARENT: Final = "BANYAN_CONFINED_PARENT"


@dataclass(frozen=True)
class Limits:
    """What the child may take: address space in bytes, seconds of processor time."""

    memory: int
    seconds: int


def confine(limits: Limits) -> None:
    """In the child, before the file is read: limits, no file written, no other program, no network (where the kernel knows how).

    Modules that are needed later should be imported before where they start threads or open many files.
    """
    if _PARENT in os.environ:
        end_with_parent(signal.SIGKILL, int(os.environ[_PARENT]))
    for what, most in (
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_CPU, limits.seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
    ):
        resource.setrlimit(what, (most, most))
    _LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if _LIBC.unshare(_CLONE_NEWNET) != 0:  # root alone may do this by itself
        _LIBC.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    _forbid_calls()


def _forbid_calls() -> bool:
    """A seccomp filter under which no socket is made and no program started; False where this machine has none."""
    if platform.machine() not in _CALLS:
        return False
    architecture, calls = _CALLS[platform.machine()]
    load, equal, at_least, answer = 0x20, 0x15, 0x35, 0x06
    refuse, allow, kill = 0x00050001, 0x7FFF0000, 0x80000000  # EPERM; allow; kill the process
    steps = [(load, 0, 0, 4), (equal, 1, 0, architecture), (answer, 0, 0, kill), (load, 0, 0, 0)]
    refused = [(at_least, 0x40000000), *((equal, number) for number in calls)]  # the first: the calls of x32
    steps += [(how, len(refused) - place, 0, number) for place, (how, number) in enumerate(refused)]
    steps += [(answer, 0, 0, allow), (answer, 0, 0, refuse)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))

    class Filter(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_void_p))

    whole = Filter(len(steps), ctypes.addressof(program))
    return bool(_LIBC.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(whole), 0, 0) == 0)


@dataclass
class Child:
    """The parent's side of a confined process."""

    process: "subprocess.Popen[bytes]"
    is_late: bool = field(default=False)

    def feed(self, chunks: Iterable[bytes]) -> None:
        """Give it the whole file and close its input. One that has died already is told by ``end``."""
        assert self.process.stdin is not None  # noqa: S101  (it was asked for below)
        with suppress(BrokenPipeError):
            for chunk in chunks:
                self.process.stdin.write(chunk)
        with suppress(BrokenPipeError):
            self.process.stdin.close()

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes of what it says; fewer only at the end."""
        assert self.process.stdout is not None  # noqa: S101
        return self.process.stdout.read(size)

    def end(self) -> int:
        """How it ended: its exit status, negative for a signal."""
        return self.process.wait()

    def stop(self) -> None:
        """Its time is over."""
        self.is_late = True
        self.process.kill()


@contextmanager
def confined(module: str, arguments: Sequence[str] = (), *, patience_s: float) -> Iterator[Child]:
    """Start ``module`` as a process with nothing of our environment; it is killed after ``patience_s`` and at the end."""
    command = [sys.executable, "-I", "-m", module, *arguments]
    bare = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", _PARENT: str(os.getpid())}
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=bare, cwd="/"
    )
    child = Child(process)
    clock = threading.Timer(patience_s, child.stop)
    clock.daemon = True
    clock.start()
    try:
        yield child
    finally:
        clock.cancel()
        process.kill()
        for pipe in (process.stdin, process.stdout):
            with suppress(BrokenPipeError):
                pipe.close()  # type: ignore[union-attr]  # both were asked for
        process.wait()
