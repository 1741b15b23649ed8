"""Messages to a token agent over HTTPS (docs/token-agent.md): one session, one message at a time."""

import base64
import http.client
import json
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from banyan_token import errors
from banyan_token.skf.codes import Sar
from banyan_token.skf.refusals import pin_refusal, refusal

_VERSION: Final = 1
_SAR: Final = 0x0A000000


@dataclass(frozen=True)
class Container:
    """What may be seen of a container without a PIN: keys as SubjectPublicKeyInfo, certificates DER.

    ``state`` is empty, key (a signing key only), partial, whole, or recovered (an old encryption key alone).
    """

    name: str
    state: str
    public_key: bytes | None
    signing_certificate: bytes | None
    encryption_certificate: bytes | None


@dataclass(frozen=True)
class PluggedToken:
    """A token that is plugged in; a blank one has no application yet."""

    profile: str
    serial: str
    label: str
    is_blank: bool
    tries_left: int
    is_first_pin: bool
    containers: tuple[Container, ...]
    fault: str

    @property
    def state(self) -> str:
        """blank, ready, locked, or faulty."""
        if self.fault:
            return "faulty"
        return "blank" if self.is_blank else "ready" if self.tries_left else "locked"


@dataclass(frozen=True)
class Begun:
    """What the agent gave when a task was begun: its nonce, and to unblock the token's own request."""

    nonce: bytes
    unblock_request: str


@dataclass(frozen=True)
class ReadBack:
    """What came back out of a token, and its key's signature over the server's nonce (DER)."""

    serial: str
    signature: bytes
    signing_certificate: bytes
    encryption_certificate: bytes | None


class AgentClient:
    """One session with an agent on this machine. What it refuses becomes an error of ``banyan_token.errors``."""

    def __init__(self, port: int, *, origin: str, root: Path, log: Path | None = None, timeout: float = 180) -> None:
        """``root`` is the agent's own root certificate; ``timeout`` includes what a person takes at the window.

        Raises AgentGone when nothing answers there, or somebody else does.
        """
        self.origin, self._log = origin, log
        try:
            trust = ssl.create_default_context(cafile=str(root))
        except (OSError, ssl.SSLError) as error:
            raise errors.AgentGone(log=str(log or "-")) from error
        self._connection = http.client.HTTPSConnection("localhost", port, timeout=timeout, context=trust)
        self._session, self._number = "", 0
        told = self._call("hello")
        self.key_id: str = told["key_id"]
        self.public_key: bytes = _octets(told["public_key"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection; the session ends by itself."""
        self._connection.close()

    def tokens(self) -> list[PluggedToken]:
        """Every token that is plugged in, by any vendor. No PIN needed."""
        return [_token(one) for one in self._call("list")["tokens"]]

    def begin(self, token: PluggedToken, task: str, *, to_unblock: bool = False) -> Begun:
        """Begin a task; what the platform seals for it is good for ten minutes. Raises TokenMissing."""
        told = self._call("begin", **_named(token), task=task, unblock=to_unblock)
        return Begun(_octets(told["nonce"]), told.get("unblock_request", ""))

    def prepare(self, token: PluggedToken, container: str, subject: bytes, sealed: str = "") -> bytes:
        """A key born in the token, and its PKCS#10 (DER). Without ``sealed`` the window asks for the PIN."""
        fields = {"container": container, "subject": _text(subject), **_if_any(sealed)}
        return _octets(self._call("prepare", **_named(token), **fields)["request"])

    def write(
        self,
        token: PluggedToken,
        container: str,
        *,
        signing_certificate: bytes,
        encryption_certificate: bytes,
        envelope: bytes,
        nonce: bytes,
        sealed: str = "",
    ) -> ReadBack:
        """Write a pair (``envelope``: ENVELOPEDKEYBLOB) and read it back. Repeating completes what was cut off."""
        fields = {
            "container": container, "signing_certificate": _text(signing_certificate),
            "encryption_certificate": _text(encryption_certificate), "envelope": _text(envelope), "nonce": _text(nonce),
        }  # fmt: skip
        return _read_back(self._call("write", **_named(token), **fields, **_if_any(sealed)))

    def recover(
        self,
        token: PluggedToken,
        container: str,
        *,
        signing_container: str,
        encryption_certificate: bytes,
        envelope: bytes,
    ) -> None:
        """Put a recovered old encryption key into a container of its own; the window asks for the PIN.

        ``envelope`` (ENVELOPEDKEYBLOB) is for the signing key in ``signing_container``. Raises TokenUnable where a vendor's
        library has no such function.
        """
        fields = {
            "container": container, "signing_container": signing_container,
            "encryption_certificate": _text(encryption_certificate), "envelope": _text(envelope),
        }  # fmt: skip
        self._call("recover", **_named(token), **fields)

    def read_back(self, token: PluggedToken, container: str, nonce: bytes, sealed: str = "") -> ReadBack:
        """The certificates and a signature over ``nonce`` that proves the key."""
        fields = {"container": container, "nonce": _text(nonce), **_if_any(sealed)}
        return _read_back(self._call("read_back", **_named(token), **fields))

    def sign_login(self, token: PluggedToken, container: str, challenge: bytes) -> tuple[bytes, bytes]:
        """The signature (DER) that logs in at this session's origin, and the signing certificate; asks for the PIN.

        ``challenge``: 32 octets of the server's. Raises TokenMissing, PinIncorrect, PinChangeRequired.
        """
        told = self._call("sign", **_named(token), container=container, kind="login", challenge=_text(challenge))
        return _octets(told["signature"]), _octets(told["signing_certificate"])

    def change_pin(self, token: PluggedToken) -> None:
        """Have the holder replace the PIN in the window."""
        self._call("change_pin", **_named(token))

    def unblock(self, token: PluggedToken, sealed: str) -> None:
        """Have the token take the platform's answer; the holder chooses a new PIN in the window."""
        self._call("unblock", **_named(token), sealed=sealed)

    # inside

    def _call(self, type_: str, /, **fields: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"v": _VERSION, "id": str(self._number), "type": type_, **fields}
        if type_ != "hello":
            message |= {"session": self._session, "number": self._number}
        answer = self._answer(json.dumps(message))
        self._session = answer.get("session", self._session)
        if answer.get("ok"):
            result: dict[str, Any] = answer["result"]
            return result
        raise _refusal(answer["error"], fields)

    def _answer(self, text: str) -> dict[str, Any]:
        headers = {"Content-Type": "application/json", "Origin": self.origin}
        try:
            self._connection.request("POST", "/", text, headers)
            response = self._connection.getresponse()
            found = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._connection.close()
            raise errors.AgentGone(log=str(self._log or "-")) from error
        if not isinstance(found, dict):
            raise errors.AgentGone(log=str(self._log or "-"))
        return found


def _refusal(error: dict[str, Any], fields: dict[str, Any]) -> errors.TokenError:
    number, left = int(error["number"], 16), error.get("tries_left")
    serial = str(fields.get("serial", ""))
    if error["code"] == "AGENT_CANCELLED":
        return errors.AgentCancelled(left=left)
    if number in (Sar.PIN_INCORRECT, Sar.PIN_LOCKED, Sar.PIN_LEN_RANGE):
        return pin_refusal(number, left=left or 0, is_admin=False, serial=serial)
    if error["code"] == "AGENT_FIRST_PIN":
        return errors.PinChangeRequired()
    if error["code"] == "AGENT_MISMATCH":
        return errors.CertificateMismatch(container=fields.get("container", ""))
    if number == Sar.OBJERR:
        return errors.ContainerOccupied(container=fields.get("container", ""))
    if number & 0xFF000000 == _SAR:
        return refusal(number, serial=serial, container=fields.get("container", ""))
    return errors.AgentRefused(agent=error["code"], said=error["message"])


def _named(token: PluggedToken) -> dict[str, str]:
    return {"profile": token.profile, "serial": token.serial}


def _if_any(sealed: str) -> dict[str, str]:
    return {"sealed": sealed} if sealed else {}


def _token(told: dict[str, Any]) -> PluggedToken:
    return PluggedToken(
        profile=told["profile"],
        serial=told.get("serial", ""),
        label=told.get("label", ""),
        is_blank="application" not in told,
        tries_left=int(told.get("tries_left", 0)),
        is_first_pin=bool(told.get("is_first_pin", False)),
        containers=tuple(_container(one) for one in told.get("containers", ())),
        fault=str(told.get("error", {}).get("message", "")),
    )


def _container(told: dict[str, Any]) -> Container:
    of = {name: _optional(told.get(name)) for name in ("public_key", "signing_certificate", "encryption_certificate")}
    return Container(name=told["name"], state=told["state"], **of)


def _read_back(told: dict[str, Any]) -> ReadBack:
    signature, signing = _octets(told["signature"]), _octets(told["signing_certificate"])
    return ReadBack(told["serial"], signature, signing, _optional(told.get("encryption_certificate")))


def _optional(text: str | None) -> bytes | None:
    return _octets(text) if text else None


def _octets(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def by_serial(tokens: Sequence[PluggedToken], serial: str) -> PluggedToken:
    """The token of this serial. Raises TokenMissing."""
    for one in tokens:
        if one.serial == serial:
            return one
    raise errors.TokenMissing(serial=serial)
