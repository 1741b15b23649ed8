"""``banyan bench token``: the SKF library on one core, in a device of its own with the derivation a real one has, and the
token agent in front of it.

A pair is written as personalisation does it, from the empty container to both certificates. Signatures are verified by our
own engine, else there is no figure.
"""

import os
import tempfile
from collections.abc import Iterator
from ctypes import byref, c_uint32, c_void_p, create_string_buffer
from itertools import count
from pathlib import Path
from typing import Any

from banyan import gm
from banyan.cli.bench import BenchFailed, Figure, median_of_rounds, one_core, token_agent, wall_seconds
from banyan.pki.skf_blob import to_skf_blob
from banyan.pki.sm2_enveloped_key import enveloped_key
from banyan_token.skf import codes
from banyan_token.skf.codes import Sar, code_name
from banyan_token.skf.interface import Library, PublicKeyBlob, SignatureBlob, own_library
from banyan_token.skf.sample_certificate import sample_certificate

BENCH = "token"
DEFAULT_SIZE = 2000
_PAIRS = 5
_AGENT_MESSAGES = 20
_SERIAL, _ADMIN_PIN, _USER_PIN = b"BENCH", b"adm1n-Bench", b"us3r-Bench"


class _Token:
    """A fresh device, logged in."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self.dev, self.app = c_void_p(), c_void_p()
        auth_key, number = os.urandom(16), create_string_buffer(8)
        self.do("BYT_CreateDevice", _SERIAL, b"", auth_key, 0)
        self.do("ConnectDev", _SERIAL, byref(self.dev))
        self.do("GenRandom", self.dev, number, 8)
        self.do("DevAuth", self.dev, gm.sm4.ecb_encrypt(auth_key, number.raw + bytes(8)), 16)
        pins = (_ADMIN_PIN, 6, _USER_PIN, 6)
        self.do("CreateApplication", self.dev, b"bench", *pins, codes.ANYONE, byref(self.app))
        self.log_in()

    def do(self, function: str, *arguments: Any) -> None:
        code = self._library.call(function, *arguments)
        if code != Sar.OK:
            raise BenchFailed(figure=function, engine="skf", what=code_name(code))

    def log_in(self) -> None:
        self.do("VerifyPIN", self.app, codes.USER, _USER_PIN, byref(c_uint32()))

    def write_pair(self, name: str) -> tuple[c_void_p, bytes]:
        """The container and the public signing key."""
        box, blob, pair = c_void_p(), PublicKeyBlob(), gm.sm2.generate_keypair()
        self.do("CreateContainer", self.app, name.encode(), byref(box))
        self.do("GenECCKeyPair", box, codes.SM2_SIGN, byref(blob))
        self.do("ImportECCKeyPair", box, to_skf_blob(enveloped_key(blob.point, pair.private, pair.public)))
        for signing, point in ((1, blob.point), (0, pair.public)):
            certificate = sample_certificate(point)
            self.do("ImportCertificate", box, signing, certificate, len(certificate))
        return box, blob.point


def run(*, size: int | None, engine: str | None, rounds: int, database: str | None) -> Iterator[Figure]:
    """Figures ``sign_per_s``, ``write_pair_ms``, ``verify_pin_ms`` and the agent's; times on the clock, for they wait for the
    disk."""
    del engine, database
    number = size or DEFAULT_SIZE
    about: dict[str, Any] = {"bench": BENCH, "engine": "skf"}
    with tempfile.TemporaryDirectory(prefix="banyan-bench-") as directory:
        os.environ["BANYAN_SKF_ROOT"] = str(Path(directory) / "tokens")  # before the library is loaded
        token = _Token(Library(own_library()))
        box, point = token.write_pair("first")
        digest, signature, names = gm.sm2.digest(point, b"bench"), SignatureBlob(), count()

        def sign() -> None:
            for _ in range(number):
                token.do("ECCSignData", box, digest, 32, byref(signature))

        def write() -> None:
            for _ in range(_PAIRS):
                token.write_pair(f"pair-{next(names)}")

        rounds = min(rounds, 10)  # a device has room for 128 containers
        with one_core():
            signing, writing, verifying = median_of_rounds(rounds, (sign, write, token.log_in), wall_seconds)
        if not gm.sm2.verify_many([(point, b"bench", gm.sm2.signature_to_der(signature.raw))])[0]:
            raise BenchFailed(figure="sign_per_s", engine="skf", what="ECCSignData")
        yield Figure(figure="sign_per_s", value=number / signing, unit="1/s", size=number, **about)
        yield Figure(figure="write_pair_ms", value=writing / _PAIRS * 1000, unit="ms", size=_PAIRS, **about)
        yield Figure(figure="verify_pin_ms", value=verifying * 1000, unit="ms", size=1, **about)
        known = {"application": "bench", "serial": _SERIAL.decode(), "pin": _USER_PIN.decode()}
        cores = about | {"cores": os.cpu_count() or 1}  # page, agent and worker are processes of their own
        for name, value, unit in token_agent.figures(Path(directory), _AGENT_MESSAGES, point, **known):
            yield Figure(figure=name, value=value, unit=unit, size=_AGENT_MESSAGES, **cores)
