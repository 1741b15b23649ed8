"""The addresses inside certificates answer: anybody fetches the list and the CA's certificate (B2)."""

from pathlib import Path

import pytest
from django.test import Client, override_settings

from banyan.domain.ca import publication
from banyan.kernel.home import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "h")
    publication.write(made.public / "crl" / "sm2-personal.crl", b"\x30\x00 list")
    publication.write(made.public / "ca" / "sm2-personal.cer", b"\x30\x00 authority")
    publication.write(made.public / "secret.crl", b"no")
    return made


@pytest.mark.parametrize(
    ("address", "content", "kind"),
    [
        ("/crl/sm2-personal.crl", b"\x30\x00 list", "application/pkix-crl"),
        ("/ca/sm2-personal.cer", b"\x30\x00 authority", "application/pkix-cert"),
    ],
)
def test_what_certificates_point_to_is_served_to_anybody(home: Home, address: str, content: bytes, kind: str) -> None:
    with override_settings(HOME=home):
        answer = Client().get(address)
        assert answer.status_code == 200
        assert (b"".join(answer), answer["Content-Type"]) == (content, kind)  # type: ignore[arg-type]


@pytest.mark.parametrize("address", ["/crl/none.crl", "/crl/..%2Fsecret.crl", "/ca/SM2.cer", "/crl/.crl"])
def test_nothing_else_is(home: Home, address: str) -> None:
    with override_settings(HOME=home):
        assert Client().get(address).status_code == 404
