"""What the token agent adds to the SKF library, with its start and its memory; part of ``banyan bench token``.

The measured message is ``read_back`` with a PIN that the platform sealed: unsealing, both processes, TLS, JSON. The agent
tells what the library took; the rest is its own. The signature is verified, else there is no figure.
"""

import base64
import http.client
import json
import socket
import ssl
import statistics
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from banyan import gm
from banyan.cli.bench import BenchFailed
from banyan.pki.names import encode_name
from banyan.pki.skf_blob import to_skf_blob
from banyan.pki.sm2_enveloped_key import enveloped_key
from banyan_token.skf.interface import own_library
from banyan_token.skf.sample_certificate import sample_certificate

_ORIGIN: Final = "https://bench.example"
_PROFILE, _TASK, _BOX = "bench", "T", "first"
_SPKI_HEAD: Final = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")
_NONCE: Final = bytes(32)
_PAIRS: Final = 5
_PATIENCE_SECONDS = 10


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _free_port() -> int:
    """Below those that the system gives to outgoing connections: waiting for one of these could connect to itself."""
    for port in range(20000, 30000):
        with socket.socket() as tried, suppress(OSError):
            tried.bind(("127.0.0.1", port))
            return port
    raise BenchFailed(figure="agent_start_ms", engine="skf", what="port")


class Agent:
    """An agent of its own, and a page that speaks to it by POST."""

    def __init__(self, directory: Path, *, application: str, serial: str, pin: str) -> None:
        self._serial, self._pin = serial, pin
        self._key = gm.sm2.generate_keypair()
        self._settings, self._number = directory / "agent.json", 0
        self._port = _free_port()
        origin = {"origin": _ORIGIN, "task_keys": [_text(_SPKI_HEAD + self._key.public)]}
        self._settings.write_text(json.dumps({"port": self._port, "origins": [origin], "state": "state"}))
        profile = {"application": application, "library": {"linux": str(own_library())}}
        (directory / "profiles.json").write_text(json.dumps({_PROFILE: profile}))
        first = self._start()  # which makes its keys
        first.terminate()
        first.wait()  # else its port is still taken
        began = time.perf_counter()
        self._process = self._start()
        self.start_ms = (time.perf_counter() - began) * 1000
        trusted = ssl.create_default_context(cafile=str(directory / "state" / "root.pem"))
        self._connection = http.client.HTTPSConnection("localhost", self._port, context=trusted, timeout=60)
        self._session = ""
        self._hello = self._ask("hello")["result"]

    def overhead_ms(self, point: bytes) -> float:
        """Of one message; ``point`` is the key that must have signed."""
        fields = {"profile": _PROFILE, "serial": self._serial, "container": _BOX, "nonce": _text(_NONCE)}
        sealed = self._sealed("read_back")
        began = time.perf_counter()
        answer = self._ask("read_back", sealed=sealed, **fields)
        took = (time.perf_counter() - began) * 1000
        message = b"\0".join((b"banyan-read-back-v1", _ORIGIN.encode(), self._serial.encode(), _NONCE))
        signature = base64.b64decode(answer["result"]["signature"])
        if not gm.sm2.verify_many([(point, message, signature)])[0]:
            raise BenchFailed(figure="agent_overhead_ms", engine="skf", what="signature")
        return took - float(answer["library_ms"])

    def write_pair_ms(self, name: str) -> float:
        """From the question for a key in a new container to the proof that a pair is in it; without the platform's part."""
        at = {
            "profile": _PROFILE,
            "serial": self._serial,
            "container": name,
            "sealed": self._sealed("prepare", "write"),
        }
        began = time.perf_counter()
        prepared = self._ask("prepare", subject=_text(encode_name((("CN", name),))), **at)
        took = time.perf_counter() - began
        point = base64.b64decode(prepared["result"]["public_key"])[len(_SPKI_HEAD) :]
        pair = gm.sm2.generate_keypair()
        written = {
            "signing_certificate": sample_certificate(point), "encryption_certificate": sample_certificate(pair.public),
            "envelope": to_skf_blob(enveloped_key(point, pair.private, pair.public)), "nonce": _NONCE,
        }  # fmt: skip
        began = time.perf_counter()
        self._ask("write", **at, **{field: _text(value) for field, value in written.items()})
        return (took + time.perf_counter() - began) * 1000

    def memory_mb(self) -> float:
        """Resident, of the agent and its workers; pages that they share are counted for each."""
        children = Path(f"/proc/{self._process.pid}/task").glob("*/children")
        pids = [self._process.pid, *(int(pid) for one in children for pid in one.read_text().split())]
        return sum(self._memory_kb(pid) for pid in pids) / 1024

    def stop(self) -> None:
        self._connection.close()
        self._process.terminate()
        self._process.wait()

    def _start(self) -> "subprocess.Popen[bytes]":
        program = own_library().with_name("banyan-agent")
        started = subprocess.Popen([program, "--settings", self._settings])
        until = time.monotonic() + _PATIENCE_SECONDS
        while started.poll() is None and time.monotonic() < until:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 1):
                return started
            time.sleep(0.001)
        started.kill()
        raise BenchFailed(figure="agent_start_ms", engine="skf", what=str(started.wait()))

    def _ask(self, kind: str, **fields: str) -> Mapping[str, Any]:
        question: dict[str, Any] = {"v": 1, "id": "bench", "type": kind} | fields
        if kind != "hello":
            self._number += 1
            question |= {"session": self._session, "number": self._number}
        headers = {"Origin": _ORIGIN, "Content-Type": "application/json"}
        self._connection.request("POST", "/", json.dumps(question), headers)
        answer: dict[str, Any] = json.loads(self._connection.getresponse().read())
        if not answer["ok"]:
            raise BenchFailed(figure="agent_overhead_ms", engine="skf", what=answer["error"]["code"])
        self._session = answer["session"]
        return answer

    def _sealed(self, *allows: str) -> str:
        """A task of its own, with the token's PIN."""
        nonce = self._ask("begin", profile=_PROFILE, serial=self._serial, task=_TASK)["result"]["nonce"]
        body = json.dumps(
            {
                "v": 1, "agent": self._hello["key_id"], "origin": _ORIGIN, "profile": _PROFILE, "serial": self._serial,
                "task": _TASK, "nonce": nonce, "not_after": int(time.time()) + 60, "allows": allows, "pin": self._pin,
            }
        )  # fmt: skip
        signature = gm.sm2.sign(self._key.private, self._key.public, b"banyan-task-v1\0" + body.encode())
        outer = json.dumps({"body": body, "signature": _text(signature)}).encode()
        agent_key = base64.b64decode(self._hello["public_key"])[len(_SPKI_HEAD) :]
        return _text(gm.sm2.ciphertext_to_der(gm.sm2.encrypt(agent_key, outer)))

    @staticmethod
    def _memory_kb(pid: int) -> int:
        # The agent lets no other program of its user look closer (smaps).
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def figures(directory: Path, times: int, point: bytes, **token: str) -> Iterator[tuple[str, float, str]]:
    """``agent_overhead_ms`` and ``page_write_pair_ms`` (medians), ``agent_start_ms``, ``agent_mb``; name, value, unit."""
    agent = Agent(directory, **token)
    try:
        agent.overhead_ms(point)  # its worker starts
        overhead = statistics.median(agent.overhead_ms(point) for _ in range(times))
        yield "agent_overhead_ms", overhead, "ms"
        written = statistics.median(agent.write_pair_ms(f"page-{number}") for number in range(_PAIRS))
        yield "page_write_pair_ms", written, "ms"
        yield "agent_start_ms", agent.start_ms, "ms"
        yield "agent_mb", agent.memory_mb(), "MB"
    finally:
        agent.stop()
