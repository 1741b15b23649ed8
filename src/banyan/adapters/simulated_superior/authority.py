"""The simulator's root and issuing CA: made at first start, kept as encrypted PKCS#8 beside a random
password.

The password lies in the same directory, so the encryption keeps keys out of sight, not out of reach: a
simulator's keys protect nothing. Every name says 模拟上级 and 测试.
"""

import os
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path

from banyan import gm
from banyan.kernel.identifiers import new_serial
from banyan.pki.certificate import Certificate, CertificateParts, Issuer, Template, issuer_of
from banyan.pki.names import Name, encode_name
from banyan.pki.profile import Profile, Use, load_profiles
from banyan.pki.public_key import sm2_spki

_PLACE = "http://simulated-superior.invalid"
_HOLDER = (("C", "CN"), ("O", "模拟上级测试机构"))
ROOT_NAME: Name = (*_HOLDER, ("CN", "模拟上级测试根 CA"))
ISSUING_NAME: Name = (*_HOLDER, ("CN", "模拟上级测试签发 CA"))
_ROOT_DAYS = 30 * 365
_ISSUING_DAYS = 20 * 365
_FILES = ("root.key", "root.crt", "issuing.key", "issuing.crt")
# The password has 256 random bits; stretching it would only cost time.
_ITERATIONS = 1000


class Authority:
    """The two CAs of a simulator's directory."""

    def __init__(self, directory: Path, *, now: datetime) -> None:
        """Load the CAs, or make them when the directory has none."""
        self.secret = _secret(directory / "simulator.secret")
        if not (directory / _FILES[-1]).exists():
            _make(directory, self.secret, now)
        self.root_certificate = (directory / "root.crt").read_bytes()
        self.issuing_certificate = (directory / "issuing.crt").read_bytes()
        self._private = gm.pkcs8.decrypt_private_key((directory / "issuing.key").read_bytes(), self.secret)
        self._public = gm.sm2.public_key(self._private)
        self._profiles = load_profiles()
        self._templates: dict[tuple[str, Use, bool], Template] = {}

    def __repr__(self) -> str:
        return "<Authority simulated superior>"

    @cached_property
    def issuer(self) -> Issuer:
        """How the issuing CA shows in what it signs."""
        return issuer_of(
            Certificate.parse(self.issuing_certificate),
            crl_urls=[f"{_PLACE}/issuing.crl"],
            ocsp_urls=[f"{_PLACE}/ocsp"],
            ca_issuers_urls=[f"{_PLACE}/issuing.crt"],
        )

    def profile(self, code: str) -> Profile | None:
        """A profile that this CA serves (SM2 pairs), or None."""
        found = self._profiles.get(code)
        return found if found is not None and found.is_pair and found.signature_algorithm == "SM2" else None

    def template(self, profile: Profile, use: Use, *, is_soft_token: bool) -> Template:
        """The template of one profile and use."""
        key = (profile.code, use, is_soft_token)
        if key not in self._templates:
            self._templates[key] = Template(profile, use, self.issuer, is_soft_token=is_soft_token)
        return self._templates[key]

    def sign_many(self, messages: Sequence[bytes]) -> list[bytes]:
        """Signatures (DER) of the issuing CA."""
        return gm.sm2.sign_many([(self._private, self._public, message) for message in messages])


def _secret(path: Path) -> bytes:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write(path, secrets.token_bytes(32))
    return path.read_bytes()


def _make(directory: Path, secret: bytes, now: datetime) -> None:
    """Make both CAs. The last file written is the one whose presence says that they are complete."""
    begin = (now - timedelta(hours=1)).replace(microsecond=0)
    root, issuing = gm.sm2.generate_keypairs(2)
    profiles = load_profiles()
    root_issuer = Issuer.of_root(
        encode_name(ROOT_NAME), sm2_spki(root.public), begin, begin + timedelta(days=_ROOT_DAYS)
    )
    root_template = Template(profiles["sm2-root"], Use.ROOT, root_issuer)
    root_der = _certify(root_template, root, root.public, ROOT_NAME, begin, _ROOT_DAYS)
    above = issuer_of(
        Certificate.parse(root_der),
        crl_urls=[f"{_PLACE}/root.crl"],
        ocsp_urls=[f"{_PLACE}/ocsp"],
        ca_issuers_urls=[f"{_PLACE}/root.crt"],
    )
    issuing_template = Template(profiles["sm2-issuing-ca"], Use.ISSUING_CA, above)
    issuing_der = _certify(issuing_template, root, issuing.public, ISSUING_NAME, begin, _ISSUING_DAYS)
    keys = [gm.pkcs8.encrypt_private_key(pair.private, secret, iterations=_ITERATIONS) for pair in (root, issuing)]
    for name, data in zip(_FILES, (keys[0], root_der, keys[1], issuing_der), strict=True):
        _write(directory / name, data)


def _certify(
    template: Template, signer: gm.sm2.KeyPair, public: bytes, name: Name, begin: datetime, days: int
) -> bytes:
    parts = CertificateParts(new_serial(begin), begin, begin + timedelta(days=days), encode_name(name), public)
    tbs = template.encode_tbs(parts)
    return template.assemble(tbs, gm.sm2.sign(signer.private, signer.public, tbs))


def _write(path: Path, data: bytes) -> None:
    draft = path.with_suffix(path.suffix + ".new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(handle, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(draft, path)
