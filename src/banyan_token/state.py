"""The state of a device as values, and the form it has inside the outer seal.

File: ``BANYANTK`` ‖ version (1) ‖ header length (2, big-endian) ‖ header (JSON: serial, place of the machine
secret) ‖ nonce (12) ‖ SM4-GCM ciphertext and tag, with everything before the nonce as associated data.
"""

import base64
import binascii
import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from banyan_token import protection, storage
from banyan_token.errors import TokenTampered

_MAGIC = b"BANYANTK\x01"


@dataclass(frozen=True)
class Header:
    """What can be read without any secret."""

    serial: str
    machine_secret: str  # path relative to the device's directory, so that an installation can be moved whole

    def encode(self) -> bytes:
        text = json.dumps({"serial": self.serial, "machine_secret": self.machine_secret}, ensure_ascii=False).encode()
        return _MAGIC + len(text).to_bytes(2, "big") + text

    def machine_secret_path(self, directory: Path) -> Path:
        return Path(os.path.normpath(directory.absolute() / self.machine_secret))


@dataclass(frozen=True)
class PinState:
    """One PIN: its retry counter and the master key wrapped under what the PIN derives to."""

    tries_left: int
    tries: int
    salt: bytes = field(repr=False)
    wrapped: bytes = field(repr=False)

    @property
    def is_locked(self) -> bool:
        return self.tries_left <= 0


@dataclass(frozen=True)
class KeyPair:
    """A key pair in a container: the private half sealed under the master key, and its certificate if
    there.
    """

    public: bytes
    sealed_private: bytes = field(repr=False)
    certificate: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Container:
    """A container as in SKF: a signing pair, an encryption pair and their certificates."""

    name: str
    signing: KeyPair | None = None
    encryption: KeyPair | None = None


@dataclass(frozen=True)
class DeviceState:
    """Everything a device remembers."""

    label: str
    created_at: str
    iterations: int
    must_change_pin: bool
    user: PinState
    admin: PinState
    response_key: bytes = field(repr=False)
    challenge: bytes | None = field(default=None, repr=False)
    containers: tuple[Container, ...] = ()

    def container(self, name: str) -> Container | None:
        return next((one for one in self.containers if one.name == name), None)

    def with_container(self, container: Container) -> "DeviceState":
        """This state with ``container`` in place of the one of its name, or added at the end."""
        if self.container(container.name) is None:
            return replace(self, containers=(*self.containers, container))
        kept = tuple(container if one.name == container.name else one for one in self.containers)
        return replace(self, containers=kept)


def read_header(directory: Path) -> Header:
    """The header of the device in ``directory``. Raises TokenMissing, TokenTampered."""
    return _split(storage.read_state(directory), directory)[0]


def load(directory: Path, machine_secret: bytes, serial: str) -> DeviceState:
    """Read and open the state of the device ``serial``. Raises TokenMissing, TokenTampered."""
    header, associated, sealed = _split(storage.read_state(directory), directory)
    if header.serial != serial:
        raise TokenTampered(serial=serial)
    key = protection.device_key(machine_secret, serial)
    return _decode(protection.open_state(key, sealed, associated, serial), serial)


def store(directory: Path, machine_secret: bytes, header: Header, state: DeviceState) -> None:
    """Seal the state and make it durable. Raises TokenNotWritten, leaving the previous one whole."""
    associated = header.encode()
    key = protection.device_key(machine_secret, header.serial)
    storage.write_state(directory, associated + protection.seal(key, _encode(state), associated))


def _split(data: bytes, directory: Path) -> tuple[Header, bytes, bytes]:
    start = len(_MAGIC) + 2
    try:
        if not data.startswith(_MAGIC):
            raise ValueError
        end = start + int.from_bytes(data[start - 2 : start], "big")
        fields = json.loads(data[start:end])
        header = Header(serial=str(fields["serial"]), machine_secret=str(fields["machine_secret"]))
    except (ValueError, KeyError, TypeError):
        raise TokenTampered(serial=directory.name) from None
    return header, data[:end], data[end:]


def _text(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode()


def _bytes(text: Any) -> bytes:
    return base64.b64decode(text, validate=True)


def _encode(state: DeviceState) -> bytes:
    def pin(one: PinState) -> dict[str, Any]:
        return {
            "left": one.tries_left,
            "tries": one.tries,
            "salt": _text(one.salt),
            "wrapped": _text(one.wrapped),
        }

    def pair(one: KeyPair | None) -> dict[str, Any] | None:
        if one is None:
            return None
        return {
            "public": _text(one.public),
            "private": _text(one.sealed_private),
            "certificate": _text(one.certificate),
        }

    return json.dumps(
        {
            "label": state.label,
            "created_at": state.created_at,
            "iterations": state.iterations,
            "must_change_pin": state.must_change_pin,
            "user": pin(state.user),
            "admin": pin(state.admin),
            "response_key": _text(state.response_key),
            "challenge": _text(state.challenge),
            "containers": [
                {"name": one.name, "signing": pair(one.signing), "encryption": pair(one.encryption)}
                for one in state.containers
            ],
        },
        ensure_ascii=False,
        separators=(",", ":"),
    ).encode()


def _decode(data: bytes, serial: str) -> DeviceState:
    def pin(one: dict[str, Any]) -> PinState:
        return PinState(one["left"], one["tries"], _bytes(one["salt"]), _bytes(one["wrapped"]))

    def pair(one: dict[str, Any] | None) -> KeyPair | None:
        if one is None:
            return None
        certificate = None if one["certificate"] is None else _bytes(one["certificate"])
        return KeyPair(_bytes(one["public"]), _bytes(one["private"]), certificate)

    try:
        fields = json.loads(data)
        return DeviceState(
            label=fields["label"],
            created_at=fields["created_at"],
            iterations=fields["iterations"],
            must_change_pin=fields["must_change_pin"],
            user=pin(fields["user"]),
            admin=pin(fields["admin"]),
            response_key=_bytes(fields["response_key"]),
            challenge=None if fields["challenge"] is None else _bytes(fields["challenge"]),
            containers=tuple(
                Container(one["name"], pair(one["signing"]), pair(one["encryption"])) for one in fields["containers"]
            ),
        )
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise TokenTampered(serial=serial) from None
