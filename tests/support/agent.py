"""The token agent as tests use it: a process with settings of its own, a window that is a script, pages that speak to it."""

import base64
import contextlib
import http.client
import json
import os
import secrets
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from ctypes import byref, c_uint32
from pathlib import Path
from typing import Any, Final

import websocket

from banyan import gm
from banyan.pki.names import encode_name
from banyan.pki.skf_blob import to_skf_blob
from banyan.pki.sm2_enveloped_key import enveloped_key
from banyan_token.skf import codes
from banyan_token.skf.sample_certificate import sample_certificate
from support.skf import LIBRARY, NEW_PIN, USER_PIN, SkfToken, place

AGENT: Final = LIBRARY.with_name("banyan-agent")
ORIGIN, OTHER_ORIGIN = "https://ra.example.cn", "https://portal.example.cn:8443"
PROFILE = "banyan"
SUBJECT: Final = encode_name((("C", "CN"), ("O", "省大数据局"), ("CN", "林晓")))
_SPKI_HEAD: Final = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")

_WINDOW = """#!/bin/sh
# Answers like pinentry: each line of the file 'pins' is one answer; CANCEL closes the window, HANG leaves it open.
echo "OK Pleased to meet you"
while read -r line; do
    echo "$line" >> {place}/shown
    case "$line" in
        GETPIN)
            read -r pin < {place}/pins || pin=CANCEL
            sed -i 1d {place}/pins
            case "$pin" in
                CANCEL) echo "ERR 83886179 Operation cancelled" ;;
                HANG) : > {place}/hanging; exec sleep 60 ;;
                *) echo "D $pin"; echo OK ;;
            esac ;;
        BYE) echo "OK closing"; exit 0 ;;
        OPTION*) echo "ERR 83886254 Unknown option" ;;
        *) echo OK ;;
    esac
done
"""


def free_port() -> int:
    """Below those that the system gives to outgoing connections: waiting for one of these could connect to itself."""
    while True:
        port = 20000 + secrets.randbelow(10000)
        with socket.socket() as made, contextlib.suppress(OSError):
            made.bind(("127.0.0.1", port))
            return port


def text_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def octets_of(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def spki_of(point: bytes) -> bytes:
    return _SPKI_HEAD + point


def point_of(spki: bytes) -> bytes:
    assert spki[:-65] == _SPKI_HEAD
    return spki[-65:]


PROFILES: Final[Mapping[str, Mapping[str, Any]]] = {
    PROFILE: {
        "name": "榕树软介质", "application": "banyan", "key_field": "offset32", "time_limit_seconds": 10,
        "library": {"linux": str(LIBRARY)},
    }
}  # fmt: skip


class Agent:
    """A running agent, its settings, its window."""

    def __init__(
        self,
        program: Path = AGENT,
        *,
        window_seconds: int = 20,
        profiles: Mapping[str, Any] | None = None,
        allowed: Sequence[str] = (),
        platform_key: bytes = b"",
        at: Path | None = None,
        waits: bool = True,
        **environment: str,
    ) -> None:
        """``at``: the directory of its keys, when it is not its own; ``waits`` until it serves.

        ``platform_key`` (SubjectPublicKeyInfo) seals the tasks of the ``allowed`` origins in the place of this agent's own.
        """
        self.place = Path(tempfile.mkdtemp(prefix="banyan-agent-test-"))
        self.state = at or self.place / "state"
        self.port = free_port()
        self.task_key = gm.sm2.generate_keypair()
        self.program = program
        self._environment = dict(environment)
        self.pages: list[Page] = []
        window = self.place / "window"
        window.write_text(_WINDOW.format(place=self.place))
        window.chmod(0o700)
        self.pins()
        told = profiles or PROFILES
        (self.place / "profiles.json").write_text(json.dumps(told))
        keys = [text_of(spki_of(self.task_key.public))]
        origins = [{"origin": one, "task_keys": keys} for one in (ORIGIN, OTHER_ORIGIN)]
        of_platform = [text_of(platform_key)] if platform_key else keys
        origins += [{"origin": one, "task_keys": of_platform} for one in allowed]
        settings = {
            "port": self.port, "origins": origins, "pinentry": str(window), "window_seconds": window_seconds,
            "state": str(at or "state"),
        }  # fmt: skip
        (self.place / "agent.json").write_text(json.dumps(settings))
        self.process: subprocess.Popen[bytes] | None = None
        self._run()
        if waits:
            self.wait_until_it_serves()

    def start(self, **environment: str) -> None:
        self._run(**environment)
        self.wait_until_it_serves()

    def _run(self, **environment: str) -> None:
        self._environment |= environment
        told = os.environ | {"BANYAN_SKF_ROOT": str(place())} | self._environment
        command = [str(self.program), "--settings", str(self.place / "agent.json")]
        with (self.place / "log").open("ab") as log:
            self.process = subprocess.Popen(command, env=told, stderr=log, start_new_session=True)

    def wait_until_it_serves(self) -> None:
        assert self.process is not None
        until = time.monotonic() + 10
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < until
            time.sleep(0.002)

    def log(self) -> str:
        return (self.place / "log").read_text(errors="replace")

    def pids(self) -> list[int]:
        """The agent and its workers."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [self.process.pid, *(int(pid) for one in children for pid in one.read_text().split())]

    def resident_kb(self) -> int:
        """Memory of the agent and its workers; the program's and the library's own pages, which they share, once."""
        found = [_status_of(pid) for pid in self.pids()]
        return sum(int(one["RssAnon"]) for one in found) + max(int(one["RssFile"]) for one in found)

    def pins(self, *answers: str) -> None:
        """What the person does in the next windows."""
        (self.place / "pins").write_text("".join(f"{one}\n" for one in answers))
        (self.place / "shown").write_text("")
        (self.place / "hanging").unlink(missing_ok=True)

    def shown(self) -> str:
        """What the windows were told since."""
        text = (self.place / "shown").read_text()
        return text.replace("%0A", "\n").replace("%25", "%")

    def wait_for_window(self) -> None:
        until = time.monotonic() + 10
        while not (self.place / "hanging").exists():
            assert time.monotonic() < until
            time.sleep(0.01)

    def kill(self) -> None:
        """kill -9, the agent and all that it started."""
        assert self.process is not None
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)
        self.process.wait()

    def stop(self) -> int:
        """The exit code."""
        assert self.process is not None
        for page in self.pages:
            page.close()
        self.process.terminate()
        code = self.process.wait(20)
        shutil.rmtree(self.place, ignore_errors=True)
        return code

    def tls(self) -> ssl.SSLContext:
        """Trusts what the installer would."""
        return ssl.create_default_context(cafile=str(self.state / "root.pem"))

    def seal(
        self, page: "Page", begun: Mapping[str, Any], serial: str, allows: Sequence[str], /, **changes: Any
    ) -> str:
        """What the platform would seal; ``changes`` spoil or add fields of the body."""
        signing = changes.pop("signing", self.task_key)
        body = {
            "v": 1, "agent": page.hello["key_id"], "origin": page.origin, "profile": PROFILE, "serial": serial,
            "task": "T-1", "nonce": begun["nonce"], "not_after": int(time.time()) + 300, "allows": list(allows),
        } | changes  # fmt: skip
        text = json.dumps(body)
        signature = gm.sm2.sign(signing.private, signing.public, b"banyan-task-v1\0" + text.encode())
        outer = json.dumps({"body": text, "signature": text_of(signature)}).encode()
        raw = gm.sm2.encrypt(point_of(octets_of(page.hello["public_key"])), outer)
        return text_of(gm.sm2.ciphertext_to_der(raw))


def _status_of(pid: int) -> dict[str, str]:
    """Values without their unit. Others of the same user may read no more of the agent's memory than this."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.split()[0] for name, _colon, value in (line.partition(":") for line in lines) if value.split()}


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        super().__init__(str(error))
        self.code = str(error["code"])
        self.error = error


class Page:
    """A page of one origin: what both ways in have in common."""

    def __init__(self, agent: Agent, origin: str = ORIGIN) -> None:
        self.agent, self.origin, self.number = agent, origin, 0
        self.session = ""
        self.last: dict[str, Any] = {}
        self.open()
        agent.pages.append(self)
        self.hello = self.ask("hello")

    def open(self) -> None: ...

    def exchange(self, text: str) -> dict[str, Any]:
        raise NotImplementedError

    def question(self, type: str, **fields: Any) -> dict[str, Any]:
        made: dict[str, Any] = {"v": 1, "id": secrets.token_hex(4), "type": type}
        if type != "hello":
            self.number += 1
            made |= {"session": self.session, "number": self.number}
        return made | fields

    def send(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """The whole answer."""
        answer = self.exchange(json.dumps(question))
        assert answer["id"] in ("", question.get("id"))
        self.session = answer.get("session", self.session)
        self.last = answer
        return answer

    def ask(self, type: str, **fields: Any) -> dict[str, Any]:
        """The result; raises Refused."""
        answer = self.send(self.question(type, **fields))
        if not answer["ok"]:
            raise Refused(answer["error"])
        found: dict[str, Any] = answer["result"]
        return found

    def refusal(self, type: str, **fields: Any) -> str:
        """The code of a refusal that must come."""
        try:
            self.ask(type, **fields)
        except Refused as refused:
            return refused.code
        raise AssertionError(f"{type} was accepted")

    def token(self, serial: str) -> dict[str, Any]:
        """As ``list`` tells it."""
        found: dict[str, Any] = next(one for one in self.ask("list")["tokens"] if one["serial"] == serial)
        return found

    def container(self, serial: str, name: str) -> dict[str, Any] | None:
        return next((one for one in self.token(serial)["containers"] if one["name"] == name), None)

    def close(self) -> None: ...


class SocketPage(Page):
    """By WebSocket."""

    def open(self) -> None:
        self.socket = websocket.create_connection(
            f"wss://localhost:{self.agent.port}/", origin=self.origin, timeout=60,
            sslopt={"context": self.agent.tls()},
        )  # fmt: skip

    def exchange(self, text: str) -> dict[str, Any]:
        self.socket.send(text)
        return self.receive()

    def receive(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.socket.recv())
        return answer

    def close(self) -> None:
        self.socket.shutdown()


class PostPage(Page):
    """By POST."""

    def exchange(self, text: str) -> dict[str, Any]:
        status, _headers, body = post(self.agent, text.encode(), {"Origin": self.origin})
        assert status == 200, (status, body)
        answer: dict[str, Any] = json.loads(body)
        return answer


def post(
    agent: Agent,
    body: bytes,
    headers: Mapping[str, str],
    *,
    method: str = "POST",
    path: str = "/",
    host: str = "localhost",
) -> tuple[int, Mapping[str, str], bytes]:
    """One request; a header None is left out."""
    connection = http.client.HTTPSConnection(host, agent.port, context=agent.tls(), timeout=60)
    try:
        all_headers = {"Content-Type": "application/json"} | dict(headers)
        connection.request(method, path, body or None, all_headers)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


@contextlib.contextmanager
def running(program: Path = AGENT, **settings: Any) -> Iterator[Agent]:
    agent = Agent(program, **settings)
    try:
        yield agent
    finally:
        agent.stop()


def read_back_message(origin: str, serial: str, nonce: bytes) -> bytes:
    return b"\0".join((b"banyan-read-back-v1", origin.encode(), serial.encode(), nonce))


def pair_for(point: bytes) -> dict[str, str]:
    """What the platform sends for a signing key: both certificates and the envelope."""
    pair = gm.sm2.generate_keypair()
    envelope = to_skf_blob(enveloped_key(point, pair.private, pair.public))
    return {
        "signing_certificate": text_of(sample_certificate(point)),
        "encryption_certificate": text_of(sample_certificate(pair.public)),
        "envelope": text_of(envelope),
    }


def envelope_for(certificate: bytes, content: bytes) -> dict[str, str]:
    """What ``open`` takes: content under a new key, and the key for the encryption certificate."""
    public = certificate[certificate.index(_SPKI_HEAD) + len(_SPKI_HEAD) :][:65]
    key, iv = secrets.token_bytes(16), secrets.token_bytes(16)
    return {
        "wrapped_key": text_of(gm.sm2.ciphertext_to_der(gm.sm2.encrypt(public, key))),
        "iv": text_of(iv),
        "data": text_of(gm.sm4.cbc_encrypt(key, iv, content)),
    }


def make_token(serial: str | None = None, *, tries: int = 6, is_first_pin: bool = False) -> str:
    """A token with its application, whose holder has chosen USER_PIN unless ``is_first_pin``; the serial number."""
    serial = serial or f"A{secrets.token_hex(6).upper()}"
    made = SkfToken.make(serial, tries=tries)
    for old, new in () if is_first_pin else ((USER_PIN, NEW_PIN), (NEW_PIN, USER_PIN)):
        made.ok("ChangePIN", made.app, codes.USER, old.encode(), new.encode(), byref(c_uint32()))
    made.ok("DisConnectDev", made.dev)
    return serial


def prepared(page: Page, serial: str, name: str = "k1") -> bytes:
    """A key in a new container; its public half. The window must have an answer ready."""
    answer = page.ask("prepare", profile=PROFILE, serial=serial, container=name, subject=text_of(SUBJECT))
    return point_of(octets_of(answer["public_key"]))


def finished(page: Page, serial: str, name: str = "k1") -> tuple[bytes, dict[str, str]]:
    """A written pair; public signing key and what was sent."""
    page.agent.pins(USER_PIN, USER_PIN)
    point = prepared(page, serial, name)
    pair = pair_for(point)
    page.ask("write", profile=PROFILE, serial=serial, container=name, nonce=text_of(bytes(32)), **pair)
    return point, pair
