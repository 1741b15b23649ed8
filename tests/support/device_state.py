"""What our library keeps of a device, read by Python alone: whoever has machine secret, directory and PIN has the keys."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from banyan import gm


def unseal(key: bytes, context: bytes, sealed: bytes) -> bytes:
    """The inside of a seal (native/src/protect.c)."""
    mac = gm.hmac_sm3(gm.hmac_sm3(key, b"banyan-skf mac"), len(context).to_bytes(4, "big") + context + sealed[:-32])
    assert mac == sealed[-32:]
    return gm.sm4.ctr(gm.hmac_sm3(key, b"banyan-skf cipher")[:16], sealed[:16], sealed[16:-32])


def opened(place: Path, machine_secret: bytes) -> bytes:
    """The state inside its outer seal."""
    data, serial = (place / "device.state").read_bytes(), place.name.encode()
    head = b"BANYANSK\x01" + bytes((len(serial),)) + serial
    assert data.startswith(head)
    return unseal(gm.hmac_sm3(machine_secret, b"banyan-skf state " + serial), head, data[len(head) :])


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, size: int) -> bytes:
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def pin(self) -> tuple[Any, ...]:
        return struct.unpack("> 3B I 16s 80s", self.take(103))


def pairs(place: Path, machine_secret: bytes) -> Iterator[tuple[str, int, bytes, bytes, bytes, tuple[Any, ...], int]]:
    """Container, use (0 signing), public key, sealed private key, application's number, user PIN, iterations of each."""
    at = _Reader(opened(place, machine_secret))
    at.take(at.number(1)), at.take(at.number(1)), at.take(32)
    iterations = at.number(4)
    assert at.number(1) == 1
    at.take(at.number(1))
    application = at.take(16)
    at.take(4)
    at.pin()
    user = at.pin()
    at.take(32 + 17)
    for _ in range(at.number(1)):
        name = at.take(at.number(1)).decode()
        for use in (0, 1):
            if at.number(1):
                public, sealed = at.take(65), at.take(80)
                at.take(at.number(4))
                yield name, use, public, sealed, application, user, iterations


def private_keys(place: Path, machine_secret: bytes, pin: str) -> dict[tuple[str, str], bytes]:
    """Every private key of a device by container and use."""
    found = {}
    for name, use, public, sealed, application, user, iterations in pairs(place, machine_secret):
        keyed = gm.hmac_sm3(machine_secret, b"banyan-token user " + place.name.encode() + b"\0" + pin.encode())
        key = gm.pbkdf2_hmac_sm3(keyed, user[4], iterations, 32)
        master = unseal(key, application + b"\1", user[5])
        private = unseal(master, application + bytes((2 + use,)) + public + name.encode(), sealed)
        assert gm.sm2.public_key(private) == public
        found[name, ("signing", "encryption")[use]] = private
    return found
