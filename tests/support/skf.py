"""Our SKF library as tests use it: devices of their own in a place of their own, in this process and in others.

A library reads where its devices lie once. In this process it is ``places()``; others are started by ``child``, which runs a
verb of this module (``python -m support.skf VERB ...``).
"""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from ctypes import byref, c_int32, c_uint32, c_void_p, create_string_buffer
from functools import cache
from pathlib import Path

from banyan import gm
from banyan.pki.skf_blob import to_skf_blob
from banyan.pki.sm2_enveloped_key import enveloped_key
from banyan_token.skf import codes
from banyan_token.skf.codes import Sar
from banyan_token.skf.interface import Library, PublicKeyBlob, SignatureBlob, own_library
from banyan_token.skf.sample_certificate import sample_certificate

ROOT = Path(__file__).parents[2]
NATIVE = ROOT / "native"
LIBRARY = own_library()
AUTH_KEY = bytes(range(16))
ADMIN_PIN, USER_PIN, NEW_PIN, WRONG_PIN = "adm1n-F0rest", "us3r-F0rest", "n3w-F0rest", "wr0ng-F0rest"
FEWEST_ITERATIONS = 10_000


@cache
def place() -> Path:
    """Where this process's devices lie."""
    named = os.environ.get("BANYAN_SKF_ROOT")
    return Path(named) if named else Path(tempfile.mkdtemp(prefix="banyan-skf-test-")) / "tokens"


@cache
def library() -> Library:
    """The library, loaded once."""
    os.environ["BANYAN_SKF_ROOT"] = str(place())
    return Library(LIBRARY)


class SkfToken:
    """A device with one application, opened."""

    def __init__(self, serial: str) -> None:
        self.serial = serial
        self.lib = library()
        self.dev, self.app = c_void_p(), c_void_p()
        self.boxes: dict[str, c_void_p] = {}
        self.ok("ConnectDev", serial.encode(), byref(self.dev))

    @classmethod
    def make(cls, serial: str, *, tries: int = 6) -> "SkfToken":
        """A new device with the application ``banyan``."""
        assert library().call("BYT_CreateDevice", serial.encode(), b"", AUTH_KEY, FEWEST_ITERATIONS) == 0
        made = cls(serial)
        made.authenticate()
        pins = (ADMIN_PIN.encode(), tries, USER_PIN.encode(), tries)
        made.ok("CreateApplication", made.dev, b"banyan", *pins, codes.ANYONE, byref(made.app))
        return made

    @classmethod
    def open(cls, serial: str) -> "SkfToken":
        """A device made before."""
        opened = cls(serial)
        opened.ok("OpenApplication", opened.dev, b"banyan", byref(opened.app))
        return opened

    def ok(self, name: str, *arguments: object) -> None:
        """A call that must succeed."""
        assert self.code(name, *arguments) == "SAR_OK", name

    def code(self, name: str, *arguments: object) -> str:
        """The name of what a call returns."""
        return codes.code_name(self.lib.call(name, *arguments))

    def authenticate(self) -> None:
        number = create_string_buffer(8)
        self.ok("GenRandom", self.dev, number, 8)
        self.ok("DevAuth", self.dev, gm.sm4.ecb_encrypt(AUTH_KEY, number.raw + bytes(8)), 16)

    def verify(self, pin: str, kind: int = codes.USER) -> tuple[str, int]:
        """Return code and tries left."""
        left = c_uint32()
        return self.code("VerifyPIN", self.app, kind, pin.encode(), byref(left)), left.value

    def log_in(self, pin: str = USER_PIN) -> None:
        assert self.verify(pin)[0] == "SAR_OK"

    def pin_info(self, kind: int = codes.USER) -> tuple[int, int, bool]:
        """Most tries, tries left, whether it is still the first PIN."""
        most, left, is_default = c_uint32(), c_uint32(), c_int32()
        self.ok("GetPINInfo", self.app, kind, byref(most), byref(left), byref(is_default))
        return most.value, left.value, bool(is_default.value)

    def change_pin(self, old: str, new: str) -> str:
        return self.code("ChangePIN", self.app, codes.USER, old.encode(), new.encode(), byref(c_uint32()))

    def request(self) -> str:
        """A remote unblock request."""
        room, size = create_string_buffer(512), c_uint32(512)
        self.ok("BYT_GenRemoteUnblockRequest", self.app, room, byref(size))
        return room.value.decode()

    def answer(self, response: str) -> tuple[str, int]:
        """Return code and administrator tries left."""
        left = c_uint32()
        return self.code("BYT_RemoteUnblockPIN", self.app, response.encode(), byref(left)), left.value

    def box(self, name: str) -> c_void_p:
        """A container, made when it is not there."""
        if name not in self.boxes:
            handle = self.boxes[name] = c_void_p()
            if self.lib.call("OpenContainer", self.app, name.encode(), byref(handle)) != Sar.OK:
                self.ok("CreateContainer", self.app, name.encode(), byref(handle))
        return self.boxes[name]

    def generate(self, name: str) -> bytes:
        """A signing key in a container; its public half."""
        blob = PublicKeyBlob()
        self.ok("GenECCKeyPair", self.box(name), codes.SM2_SIGN, byref(blob))
        return blob.point

    def public_key(self, name: str, *, signing: bool) -> bytes:
        code, content = self.lib.filled("ExportPublicKey", self.box(name), int(signing))
        return PublicKeyBlob.from_buffer_copy(content).point if code == Sar.OK else b""

    def write_pair(self, name: str) -> tuple[bytes, gm.sm2.KeyPair]:
        """What personalisation leaves in a container: both pairs, both certificates."""
        point, pair = self.generate(name), gm.sm2.generate_keypair()
        blob = to_skf_blob(enveloped_key(point, pair.private, pair.public))
        self.ok("ImportECCKeyPair", self.box(name), blob)
        for signing, key in ((1, point), (0, pair.public)):
            certificate = sample_certificate(key)
            self.ok("ImportCertificate", self.box(name), signing, certificate, len(certificate))
        return point, pair

    def sign(self, name: str, digest: bytes) -> bytes:
        """r‖s."""
        signature = SignatureBlob()
        self.ok("ECCSignData", self.box(name), digest, len(digest), byref(signature))
        return signature.raw

    def signs(self, name: str, point: bytes) -> bool:
        """Whether the key of a container signs, and the signature is right."""
        der = gm.sm2.signature_to_der(self.sign(name, gm.sm2.digest(point, b"text")))
        return gm.sm2.verify_many([(point, b"text", der)])[0]

    def names(self, enumeration: str) -> list[str]:
        code, listed = self.lib.filled(enumeration, self.app)
        assert code == Sar.OK
        return [name.decode() for name in listed.split(b"\0") if name]


def _start(verb: str, *arguments: object, **environment: str) -> "subprocess.Popen[str]":
    paths = os.pathsep.join((str(ROOT / "src"), str(ROOT / "tests")))
    set_for_it: Mapping[str, str] = os.environ | {"BANYAN_SKF_ROOT": str(place()), "PYTHONPATH": paths} | environment
    command = [sys.executable, "-m", "support.skf", verb, *map(str, arguments)]
    return subprocess.Popen(command, env=set_for_it, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)


@contextlib.contextmanager
def child(verb: str, *arguments: object, **environment: str) -> Iterator["subprocess.Popen[str]"]:
    """Another process running a verb of this module; ended at the latest when the block ends."""
    process = _start(verb, *arguments, **environment)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _say(text: object) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _make(serial: str) -> None:
    """A device."""
    _say(codes.code_name(library().call("BYT_CreateDevice", serial.encode(), b"", AUTH_KEY, FEWEST_ITERATIONS)))


def _guess(serial: str, times: str) -> None:
    """Wrong PINs; each is announced before and told after."""
    token = SkfToken.open(serial)
    for _ in range(int(times)):
        _say("trying")
        _say(" ".join(map(str, token.verify(WRONG_PIN))))


def _fill(serial: str, name: str, count: str) -> None:
    """Containers with keys."""
    token = SkfToken.open(serial)
    token.log_in()
    for number in range(int(count)):
        _say(token.generate(f"{name}-{number}").hex())


def _churn(serial: str) -> None:
    """Changes of all kinds, until killed."""
    token = SkfToken.open(serial)
    pin, other = (USER_PIN, NEW_PIN) if token.verify(USER_PIN)[0] == "SAR_OK" else (NEW_PIN, USER_PIN)
    token.log_in(pin)
    _say("ready")
    number = 0
    while True:
        number += 1
        content = bytes((number % 256,)) * 512
        token.ok("WriteFile", token.app, b"whole", 0, content, 512)
        assert token.change_pin(pin, other) == "SAR_OK"
        pin, other = other, pin
        token.ok("CreateContainer", token.app, b"passing", byref(c_void_p()))
        token.ok("DeleteContainer", token.app, b"passing")


def _lock(serial: str) -> None:
    """Hold the device alone until the standard input ends."""
    token = SkfToken.open(serial)
    token.ok("LockDev", token.dev, 5000)
    _say("locked")
    sys.stdin.read()
    token.ok("UnlockDev", token.dev)


def _unwritable(serial: str) -> None:
    """A try at a PIN where nothing can be written."""
    import resource
    import signal

    token = SkfToken.open(serial)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, 8))
    _say(" ".join(map(str, token.verify(USER_PIN))))


if __name__ == "__main__":
    verbs = {"make": _make, "guess": _guess, "fill": _fill, "churn": _churn, "lock": _lock, "unwritable": _unwritable}
    verbs[sys.argv[1]](*sys.argv[2:])
