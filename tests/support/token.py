"""Devices and certificates for tests of the soft token."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from banyan import gm
from banyan.kernel.identifiers import new_serial
from banyan.pki.certificate import Template, assemble
from banyan.pki.certificate_parts import CertificateParts, Issuer
from banyan.pki.envelope import enveloped_key
from banyan.pki.names import encode_name
from banyan.pki.profile import Use, load_profiles
from banyan.pki.public_key import sm2_spki
from banyan_token import Token, TokenDrawer

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
USER_PIN = "48203917"
ADMIN_PIN = "K7QW3ZPN5TXD2HMA"
NEW_PIN = "90417263"
SUBJECT = encode_name((("C", "CN"), ("ST", "福建省"), ("O", "测试单位"), ("CN", "介质试验设备")))


SERIAL = "BYT0000001"


def drawer(place: Path) -> TokenDrawer:
    """The drawer ``place``; the machine secret lies beside the devices."""
    return TokenDrawer(place, machine_secret_path=place / "machine.secret")


def make_token(place: Path, *, serial: str = SERIAL, **options: Any) -> Token:
    """A device whose slow derivation is made fast."""
    settings: dict[str, Any] = {"iterations": 10_000, "must_change_pin": False, "label": "介质试验"} | options
    return drawer(place).create(serial, user_pin=USER_PIN, admin_pin=ADMIN_PIN, **settings)


def open_token(place: Path, serial: str = SERIAL) -> Token:
    """A device made before."""
    return drawer(place).open(serial)


@dataclass(frozen=True)
class TestAuthority:
    """A CA of one test process, with its private key in plain sight."""

    __test__ = False

    private: bytes
    public: bytes
    issuer: Issuer


@cache
def authority() -> TestAuthority:
    """The CA of this process."""
    (pair,) = gm.sm2.generate_keypairs(1)
    name = encode_name((("C", "CN"), ("O", "测试"), ("CN", "介质测试 CA")))
    issuer = Issuer.of_root(name, sm2_spki(pair.public), NOW - timedelta(days=1), NOW + timedelta(days=3650))
    return TestAuthority(pair.private, pair.public, issuer)


def certificate(public_key: bytes, *, signing: bool) -> bytes:
    """A device certificate (DER) for ``public_key``."""
    ca = authority()
    use = Use.SIGNING if signing else Use.ENCRYPTION
    template = Template(load_profiles()["sm2-device"], use, ca.issuer)
    parts = CertificateParts(new_serial(NOW), NOW, NOW + timedelta(days=300), SUBJECT, public_key)
    (tbs,) = template.encode_tbs_many([parts])
    return assemble(tbs, gm.sm2.sign(ca.private, ca.public, tbs), template)


def encryption_key_for(signing_public: bytes) -> tuple[bytes, bytes]:
    """(public key, envelope) of a fresh encryption key, enveloped for a token's signing key."""
    (pair,) = gm.sm2.generate_keypairs(1)
    return pair.public, enveloped_key(signing_public, pair.private, pair.public)
