"""``banyan ca`` as logged-in people use it: lists, CRLs, a rollover by two people, the journal after a restore."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from django.db import connection

from banyan.cli.main import banyan
from banyan.cli.session import write_session
from banyan.domain.ca import publication
from banyan.domain.ca.actions import revoke_pairs
from banyan.domain.ca.models import Certificate, CertificateAuthority, CertificatePair, Issuance
from banyan.domain.iam import actions as iam
from banyan.domain.iam.rights import Role
from banyan.domain.parties.models import Region
from banyan.kernel import clock
from banyan.kernel.errors import BanyanError
from banyan.kernel.home import Home
from support import signing
from support.iam import account_with

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def authorities(home: Home) -> Iterator[dict[str, CertificateAuthority]]:
    yield signing.installation(home)
    for part in (home.public / "crl").rglob("*.crl"):
        part.unlink()


class Person:
    """Somebody at a terminal of their own."""

    def __init__(self, home: Home, session: Path, *roles: Role) -> None:
        account = account_with(*roles)
        credential = iam.set_password(
            actor=iam.account_actor(account), account=account, secret_hash="x", now=clock.now()
        )
        opened = iam.open_session(account=account, credential=credential, channel="test", now=clock.now())
        self._environment = {"BANYAN_SESSION": str(session)}
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("BANYAN_SESSION", str(session))
            write_session(home, opened)

    def run(self, *arguments: str) -> Result:
        result = CliRunner(env=self._environment).invoke(banyan, list(arguments))
        if result.exit_code and not isinstance(result.exception, BanyanError | SystemExit):
            raise AssertionError(result.output) from result.exception
        return result

    def rows(self, *arguments: str) -> list[dict[str, Any]]:
        result = self.run(*arguments, "--json")
        assert result.exit_code == 0, (result.output, result.exception)
        return [json.loads(line) for line in result.output.splitlines()]


@pytest.fixture
def operator(home: Home, tmp_path: Path, authorities: dict[str, Any]) -> Person:
    return Person(home, tmp_path / "first", Role.CA_OPERATOR)


def test_nobody_unknown_manages_a_ca(home: Home, tmp_path: Path, authorities: dict[str, Any]) -> None:
    clerk = Person(home, tmp_path / "clerk", Role.CLERK)
    assert clerk.run("ca", "list").exit_code == 0
    for command in (
        ["ca", "crl"],
        ["ca", "reconcile"],
        ["ca", "rollover", "sm2-personal", "--request", "--record", "x"],
    ):
        result = clerk.run(*command)
        assert isinstance(result.exception, BanyanError), result.output
        assert result.exception.code == "iam.right_missing"
    nobody = CliRunner(env={"BANYAN_SESSION": str(tmp_path / "none")}).invoke(banyan, ["ca", "list"])
    assert isinstance(nobody.exception, BanyanError)


def test_the_list_shows_every_ca(operator: Person) -> None:
    rows = operator.rows("ca", "list")
    assert {row["code"] for row in rows} >= {"sm2-root", "p256-root", "sm2-personal", "p256-device"}


def test_crls_are_made_one_after_another_for_every_ca(home: Home, operator: Person) -> None:
    with signing.running(home, "signer"):
        first = {row["ca"]: row["number"] for row in operator.rows("ca", "crl") if row["ca"] != "sm2-root"}
        (second,) = operator.rows("ca", "crl", "sm2-device")
    assert set(first) >= {"sm2-personal", "sm2-organization", "sm2-device", "sm2-seal", "p256-device"}
    assert second["number"] == first["sm2-device"] + 1


def test_a_rollover_takes_two_people(home: Home, tmp_path: Path, operator: Person) -> None:
    second = Person(home, tmp_path / "second", Role.CA_OPERATOR)
    record = tmp_path / "record"
    with signing.running(home, "signer") as clients:
        asked = operator.run("ca", "rollover", "sm2-personal", "--request", "--record", str(record))
        number = "".join(sign for sign in asked.output.split("，")[0] if sign.isdigit())
        arguments = ("ca", "rollover", "sm2-personal", "--confirm", number, "--record", str(record))
        alone = operator.run(*arguments)
        assert isinstance(alone.exception, BanyanError), alone.output
        assert not CertificateAuthority.objects.filter(code="sm2-personal-g2").exists()
        done = second.run(*arguments)
        assert done.exit_code == 0, (done.output, done.exception)
        known = {row["code"]: row["is_superseded"] for row in clients["signer"].call("ca_status")}
    assert (known["sm2-personal"], known["sm2-personal-g2"]) == (True, False)
    assert CertificateAuthority.objects.get(code="sm2-personal-g2").parent.code == "sm2-root"  # type: ignore[union-attr]
    assert not CertificateAuthority.objects.get(code="sm2-personal").is_active
    assert (record / "sm2-personal-g2.cer").exists()
    assert "sm2-personal-g2" in (record / "protocol.md").read_text()


def test_after_a_restore_the_journal_gives_back_what_the_database_lost(
    home: Home, operator: Person, authorities: dict[str, Any]
) -> None:
    """Numbers do not return either: no new intent gets an issuance number that the signer has seen (design §5)."""
    Region.objects.get_or_create(code="350102", defaults={"name": "鼓楼区", "level": 3})
    prepared = signing.prepare(authorities["sm2-personal"], 3)
    numbers = [one.id for one in prepared]
    with signing.running(home, "signer", "kmc") as clients:
        keys = clients["kmc"].call("allocate", intents=numbers)
        answers = clients["signer"].call("complete", intents=[
            {"issuance": key["issuance"], "encryption_public_key": key["encryption_public_key"],
             "kmc_receipt": key["receipt"]} for key in keys])  # fmt: skip
        # The database of an hour ago: two intents unknown, one still waiting for its CA (that one is just carried on).
        Issuance.objects.filter(pk__in=numbers[:2]).delete()
        listed = operator.rows("ca", "reconcile", "--list-only")
        assert [row["issuance"] for row in listed[:-1]] == numbers[:2]
        assert not Certificate.objects.exists()
        done = operator.rows("ca", "reconcile")
        assert done[-1] == {"journal": 3, "recorded": 2}
        assert operator.rows("ca", "reconcile")[-1] == {"journal": 3, "recorded": 0}
    stored = {bytes(row.der) for row in Certificate.objects.all()}
    expected = [one[name] for one in answers[:2] for name in ("signing_certificate", "encryption_certificate")]
    assert stored == set(expected)
    assert all(row.is_row_genuine() for row in Certificate.objects.all())
    pair = CertificatePair.objects.unscoped("test").filter(pk__gt=0)[0]
    assert (pair.region_code, pair.system, pair.kind) == ("350102", "GENERAL", "PERSONAL")
    (after,) = signing.prepare(authorities["sm2-personal"], 1)
    assert after.id > max(numbers)


def test_a_revocation_published_before_the_restore_comes_back(
    home: Home, operator: Person, authorities: dict[str, Any]
) -> None:
    Region.objects.get_or_create(code="350102", defaults={"name": "鼓楼区", "level": 3})
    (one,) = signing.prepare(authorities["sm2-personal"])
    with signing.running(home, "signer", "kmc") as clients:
        (key,) = clients["kmc"].call("allocate", intents=[one.id])
        clients["signer"].call(
            "complete",
            intents=[
                {
                    "issuance": one.id,
                    "encryption_public_key": key["encryption_public_key"],
                    "kmc_receipt": key["receipt"],
                }
            ],
        )
        Issuance.objects.all().delete()
        operator.rows("ca", "reconcile")
        pair = CertificatePair.objects.unscoped("test").get()
        revoke_pairs(signing.TESTER, [pair.pk], "keyCompromise", clock.now())
        (made,) = operator.rows("ca", "crl", "sm2-personal")
        assert made["entries"] == 2
        publication.write(
            home.public / "crl" / "sm2-personal.crl", (home.signer / "crl" / "sm2-personal.crl").read_bytes()
        )
        with connection.cursor() as cursor:
            for table in ("ca_statuschange", "ca_certificate", "ca_certificatepair", "ca_subjectkey"):
                cursor.execute(f"DELETE FROM {table}")  # noqa: S608  (our own tables)
        operator.rows("ca", "reconcile")
    assert set(Certificate.objects.values_list("state", "reason")) == {("REVOKED", "keyCompromise")}


def test_the_state_names_both_processes(home: Home, operator: Person) -> None:
    with signing.running(home, "signer", "kmc"):
        result = operator.run("ca", "status")
    figures = json.loads(result.output)
    assert figures["signer"]["has_audit_key"]
    assert figures["kmc"]["in_use"] == 0
