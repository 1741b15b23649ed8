"""``banyan demo`` does the main job headlessly and leaves everything for outside tools to judge (issue 2, point 2)."""

import base64
import json
import os
import re
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from banyan.cli import sample
from banyan.cli.soft_tokens import Place, drawer
from banyan.kernel.home import Home
from banyan.pki.certificate import Certificate, certificate_to_pem, pem_to_der
from banyan.pki.crl_view import parse_crl
from banyan_token import Token
from support import device_state
from support.bouncycastle import bouncycastle
from support.installation import database_of_this_run, fresh_database
from support.pkilint import ALLOWED_IN_ENCRYPTION, lint

SM2_ID = "distid:1234567812345678"
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n", re.DOTALL)
ROWS = 10


@dataclass(frozen=True)
class Demo:
    """What a demo left."""

    report: Mapping[str, str]
    letters: Path
    words: str
    environment: Mapping[str, str]

    @property
    def home(self) -> Home:
        return Home(Path(self.report["home"]))

    @property
    def certificates(self) -> list[Path]:
        return sorted(Path(self.report["certificates_dir"]).glob("*.pem"))

    def devices(self) -> Iterator[tuple[Token, str]]:
        """The holders' devices with their initial PINs."""
        box = drawer(self.home)
        for serial in box.serials():
            yield box.open(serial), (self.letters / f"{serial}.txt").read_text().strip()


@pytest.fixture(scope="module", params=["embedded", "simulated-superior"])
def demo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """The installed program makes an installation and does the main job with each connector."""
    place = tmp_path_factory.mktemp("demo")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("BANYAN_")}
    environment["BANYAN_HOME"] = str(place / "home")
    if database := fresh_database(database_of_this_run()):
        environment["BANYAN_DATABASE"] = database
    options = ["--json", "--connector", request.param, "--pin-letters", str(place / "letters"), "--rows", str(ROWS)]
    done = subprocess.run(
        [sys.executable, "-m", "banyan", "demo", *options], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return Demo(json.loads(done.stdout), place / "letters", done.stdout + done.stderr, environment)


def openssl(*arguments: str) -> str:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True)
    assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_every_good_row_has_a_pair_in_a_token(demo: Demo) -> None:
    assert (demo.report["pairs"], demo.report["failed_rows"]) == (ROWS, 3)
    assert len(demo.certificates) == 2 * ROWS
    in_tokens = set()
    for device, _ in demo.devices():
        with device:
            (container,) = device.containers()
            for der in (container.signing_certificate, container.encryption_certificate):
                assert der is not None
                in_tokens.add(Certificate.parse(der).serial_hex)
    assert in_tokens == {path.stem for path in demo.certificates}


def test_openssl_verifies_each_certificate_and_the_chain(demo: Demo, tmp_path: Path) -> None:
    """OpenSSL 3.0 applies the SM2 identity to the certificate it checks only, so each link is checked by itself."""
    authorities = {}
    for number, text in enumerate(_PEM.findall(Path(demo.report["chain"]).read_text())):
        place = tmp_path / f"{number}.pem"
        place.write_text(text)
        view = Certificate.parse(pem_to_der(text))
        authorities[view.subject_der] = place
        if view.key_algorithm == "SM2":
            openssl(
                "verify", "-partial_chain", "-trusted", demo.report["root_certificate"], "-vfyopt", SM2_ID, str(place)
            )
    for path in demo.certificates:
        issuer = authorities[Certificate.parse(pem_to_der(path.read_bytes())).issuer_der]
        openssl("verify", "-partial_chain", "-trusted", str(issuer), "-vfyopt", SM2_ID, str(path))
    by_root = ["openssl", "verify", "-partial_chain", "-trusted", demo.report["root_certificate"], "-vfyopt", SM2_ID]
    assert subprocess.run([*by_root, str(demo.certificates[0])], capture_output=True).returncode != 0


def authorities_of(demo: Demo) -> dict[bytes, bytes]:
    """The issuing CAs by subject, DER."""
    ders = [pem_to_der(text) for text in _PEM.findall(Path(demo.report["chain"]).read_text())]
    return {Certificate.parse(der).subject_der: der for der in ders}


def test_openssl_reads_the_list_and_bouncycastle_verifies_its_signature(demo: Demo, tmp_path: Path) -> None:
    """OpenSSL 3.0 cannot be given the SM2 identity for a CRL."""
    place = Path(demo.report["crl"])
    shown = openssl("crl", "-in", str(place), "-inform", "DER", "-noout", "-text")
    assert "Next Update" in shown
    revoked = re.findall(r"Serial Number: ([0-9A-F]+)", shown)
    assert len(revoked) == 2  # one pair
    assert set(revoked) < {path.stem for path in demo.certificates}
    der = place.read_bytes()
    authorities = authorities_of(demo)
    issuer = tmp_path / "issuer.der"
    issuer.write_bytes(authorities[parse_crl(der).issuer_der])
    spoilt = tmp_path / "spoilt.crl"
    spoilt.write_bytes(der[:-1] + bytes((der[-1] ^ 1,)))
    classes = tmp_path / "classes"
    classes.mkdir()
    assert bouncycastle(classes)("Judge", "crls", issuer, place, spoilt) == ["true 2", "false 2"]


def test_equipment_without_sm2_has_a_certificate_below_another_root(demo: Demo) -> None:
    """A1: beside the sheet, in a directory of its own, which the demo names."""
    place = demo.home.public / "demo-p256"
    assert str(place) in demo.words
    (certificate,) = (place / "certificates").glob("*.pem")
    openssl("verify", "-CAfile", str(place / "root.pem"), "-untrusted", str(place / "chain.pem"), str(certificate))
    assert Certificate.parse(pem_to_der(certificate.read_bytes())).key_algorithm == "P256"
    assert not (Path(demo.report["certificates_dir"]) / certificate.name).exists()


def test_pkilint_finds_nothing_in_what_was_issued_but_what_is_allowed_for_a_reason(demo: Demo, tmp_path: Path) -> None:
    authorities = authorities_of(demo)
    found: dict[str, set[str]] = {}
    for number, der in enumerate(authorities.values()):
        place = tmp_path / f"{number}.pem"
        place.write_text(certificate_to_pem(der))
        found[str(place)] = lint("lint_pkix_cert", str(place))
    found[demo.report["root_certificate"]] = lint("lint_pkix_cert", demo.report["root_certificate"])
    for place in demo.certificates:
        usage = Certificate.parse(pem_to_der(place.read_bytes())).key_usage or ()
        is_for_encryption = "digitalSignature" not in usage
        found[place.name] = lint("lint_pkix_cert", str(place)) - (ALLOWED_IN_ENCRYPTION if is_for_encryption else set())
    assert len(found) > 2 * ROWS
    assert {name: codes for name, codes in found.items() if codes} == {}


def secrets_of(demo: Demo) -> dict[str, bytes]:
    """Everything that must not be found: numbers and telephones of the sample's people, PINs, private keys."""
    rows = sample.sheet_rows(ROWS)
    found = {
        f"{column} {number}": row[column].encode()
        for number, row in enumerate(rows)
        for column in ("证件号码", "手机号码", "经办人证件号码", "经办人手机")
        if row.get(column)
    }
    for device, pin in demo.devices():
        with device:
            found[f"PIN {device.serial}"] = pin.encode()
            desk = Place.of(demo.home)
            place, secret = desk.tokens / device.serial, desk.secret.read_bytes()
            for (_container, use), key in device_state.private_keys(place, secret, pin).items():
                found[f"{use} key {device.serial}"] = key
    for path in demo.home.keys.glob("*.kek"):
        found[path.name] = path.read_bytes()
    return found


def forms(secret: bytes) -> set[bytes]:
    """A secret as it may stand in a file: as it is, as UTF-16, as hexadecimal, in Base64 at each of three places."""
    shapes = {secret, secret.hex().encode(), secret.hex().upper().encode()}
    if secret.isascii():
        shapes.add(secret.decode().encode("utf-16-le"))
    for shift in range(3):
        # of the digits those that hold nothing but the secret: six bits each
        whole = base64.b64encode(b"\0" * shift + secret)
        shapes.add(whole[-(-8 * shift // 6) : 8 * (shift + len(secret)) // 6])
    return {shape for shape in shapes if len(shape) >= (8 if shape == secret else 10)}


def values_of_tables(demo: Demo) -> Iterator[tuple[str, object]]:
    """Every value of every table, with the table's name."""
    url = demo.environment.get("BANYAN_DATABASE", "")
    if url:
        names = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        database: Any = psycopg.connect(url)
    else:
        names = "SELECT name FROM sqlite_master WHERE type = 'table'"
        database = sqlite3.connect(f"file:{demo.home.database}?mode=ro", uri=True)
    with closing(database):
        tables = [name for (name,) in database.execute(names).fetchall()]
        assert len(tables) > 20
        for table in tables:
            for row in database.execute(f'SELECT * FROM "{table}"').fetchall():  # noqa: S608  (a name from the schema)
                yield from ((table, value) for value in row)


def contents(demo: Demo) -> Iterator[tuple[str, bytes]]:
    """Every file of the installation, what is inside archives, every value of every table, and what was printed."""
    for path in sorted(demo.home.path.rglob("*")):
        if not path.is_file():
            continue
        yield str(path), path.read_bytes()
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                yield from ((f"{path}:{name}", archive.read(name)) for name in archive.namelist())
    for table, value in values_of_tables(demo):
        if isinstance(value, str | bytes):
            yield f"table {table}", value.encode() if isinstance(value, str) else value
    yield "what was printed", demo.words.encode()


def test_no_number_pin_or_key_is_found_anywhere(demo: Demo) -> None:
    """F7, E4: a grep over every table, log, export and file of the demo."""
    secrets = secrets_of(demo)
    assert len(secrets) > 4 * ROWS
    wanted = {shape: name for name, secret in secrets.items() for shape in forms(secret)}
    pattern = re.compile(b"|".join(re.escape(shape) for shape in sorted(wanted, key=len, reverse=True)))
    hits = {f"{wanted[match]} in {where}" for where, content in contents(demo) for match in pattern.findall(content)}
    assert not hits, "\n".join(sorted(hits))
    assert not [where for where, content in contents(demo) if b"PRIVATE KEY-----" in content]


def test_the_audit_of_the_demo_is_whole(demo: Demo) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "banyan", "audit", "verify", "--json"],
        env=demo.environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["is_good"]
