"""Certificates of another CA are imported with their holders, then renewed, reissued and revoked through its connector
(A12, A11).
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from banyan.adapters.superior_ca import SuperiorConnector
from banyan.cli import sample
from banyan.cli.processes import answers
from banyan.domain.ca.ports import CrlOrder, Issued
from banyan.pki.certificate import Certificate, certificate_to_pem
from support import superior
from support.office import Office

NAME = "simulated-superior"
_DELAY = 0.4
_LIFE = timedelta(days=40)


@dataclass
class Former:
    """The former operator: a CA in a process of its own, and the certificates it gave out."""

    connector: SuperiorConnector
    place: Path

    def give_out(self, *names: str) -> dict[str, Issued]:
        """Pairs that it issued before we came, by name."""
        now = datetime.now(UTC).replace(microsecond=0)
        profile = "sm2-personal"
        tasks = [replace(superior.task(name, profile=profile), not_before=now, not_after=now + _LIFE) for name in names]
        self.connector.submit_many(tasks)
        time.sleep(_DELAY * 2)
        found = self.connector.collect_many([one.task_no for one in tasks])
        given = {one.task_no: one for one in found if isinstance(one, Issued)}
        assert len(given) == len(names), found
        return given

    def crl(self) -> bytes:
        return self.connector.crl(CrlOrder("", 0, datetime.now(UTC), datetime.now(UTC), ()))


@pytest.fixture
def former(at_work: Office, tmp_path: Path) -> Iterator[Former]:
    """The other CA, answering a little late, registered by a CA operator."""
    socket = at_work.home.socket(NAME)
    command = [sys.executable, "-m", "banyan.adapters.simulated_superior", "--directory", str(tmp_path / "former"),
               "--socket", str(socket), "--delay", str(_DELAY)]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        until = time.monotonic() + 60
        while not answers(at_work.home, NAME):
            assert time.monotonic() < until
            time.sleep(0.05)
        made = Former(SuperiorConnector(socket), tmp_path)
        root, issuing = made.connector.chain()
        (tmp_path / "root.pem").write_text(certificate_to_pem(root))
        (tmp_path / "issuing.cer").write_bytes(issuing)
        (tmp_path / "former.crl").write_bytes(made.crl())
        try:
            yield made
        finally:
            made.connector.close()
            process.terminate()


def row(serial: str, number: int, **said: str) -> dict[str, str]:
    """A row of the sheet of holders."""
    values = {
        "序列号": serial,
        "姓名": "测试旧户",
        "证件号码": sample.resident_id(number),
        "手机": f"1380002{number:04d}",
        "单位": f"测试榕荫县旧户{number}局",
        "信用代码": sample.credit_code(number),
        "区划": "厦门市",
        "介质编号": "",
    }
    return values | said


def test_certificates_of_another_ca_are_taken_over_and_looked_after(
    at_work: Office, former: Former, tmp_path: Path
) -> None:
    run = at_work.terminal
    at_work.hire("operator", "ca_operator")
    run.ok("operator", "ca", "register", "former-root", "--certificate", str(tmp_path / "root.pem"))
    register = ("ca", "register", "former", "--certificate", str(tmp_path / "issuing.cer"), "--parent", "former-root",
                "--connector", NAME, "--crl", str(tmp_path / "former.crl"))  # fmt: skip
    assert run.refused("clerk", *register) == "iam.right_missing"
    run.ok("operator", *register)

    given = former.give_out("renewed", "reissued", "revoked", "nobody")
    serials = write_files(tmp_path / "certificates", given)
    (tmp_path / "certificates" / "broken.pem").write_text(
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    )
    sheet = tmp_path / "holders.xlsx"
    colons = ":".join(serials["reissued"][at : at + 2].lower() for at in range(0, 32, 2))
    rows = [
        row(serials["renewed"], 701),
        row(colons, 702),
        row(serials["revoked"], 703),
        row("52FF", 704),
        row(serials["nobody"], 705, 区划="龙宫市", 证件号码="359900199001010000"),
    ]
    sample.write_sheet(sheet, rows)
    result = tmp_path / "result.csv"
    importing = ("cert", "import", str(tmp_path / "certificates"), str(sheet), "--ca", "former", "--json")
    done = run.run("clerk", *importing, "--result", str(result))
    assert done.returncode == 3, done.stderr
    good = [one for one in done.rows if one.get("outcome") == "ok"]
    assert [one["row"] for one in good] == [2, 3, 4]
    wrong = {(one["row"], one["column"], one["code"]) for one in done.rows if one.get("outcome") == "refused"}
    assert {(row, column) for row, column, _ in wrong} == {(5, "序列号"), (6, "区划"), (6, "证件号码")}
    assert done.rows[-1] == {"good": 3, "failed": 2}
    assert [one["outcome"] for one in done.rows if "file" in one] == ["unreadable", "unused", "unused"]
    told = done.stdout + result.read_text("utf-8-sig")
    assert "359900199001010000" not in told
    assert sample.resident_id(701) not in told
    again = run.run("clerk", *importing)
    assert [one["pair"] for one in again.rows if one.get("outcome") == "ok"] == [one["pair"] for one in good]

    life = at_work.life(serials["renewed"])
    assert (life["origin"], life["ca"], life["connector"], len(life["certificates"])) == ("FOREIGN", "former", NAME, 2)
    assert run.json("clerk", "cert", "verify", serials["renewed"])[0]["is_valid"]
    carry_on(at_work, former, serials)


def carry_on(at_work: Office, former: Former, serials: dict[str, str]) -> None:
    """Renew, reissue, revoke: each goes to the CA that gave the certificate out."""
    run = at_work.terminal
    wish: dict[str, Any] = {"channel": "online", "materials": at_work.materials()}
    numbers = at_work.open(
        wish | {"business": "renew", "pair": serials["renewed"]},
        wish | {"business": "reissue", "reason": "lost", "pair": serials["reissued"]},
    )
    at_work.decide(*numbers)
    waiting = at_work.issue(numbers, "--new-tokens", "--iterations", "10000", "--wait", "0")
    assert [(one["outcome"], one["waiting"]) for one in waiting] == [("waiting", "等待上级 CA")] * 2
    assert at_work.story(numbers[0])["waiting"] == "等待上级 CA"
    collected = run.json("clerk", "request", "collect", *numbers, "--wait", "60")
    assert [one["outcome"] for one in collected] == ["issued", "issued"]
    at_work.deliver(numbers, "--authorization", "委托书 1 号")

    renewed = at_work.life(collected[0]["serial"])
    old = at_work.life(serials["renewed"])
    assert (renewed["ca"], renewed["predecessor"]) == ("former", old["pair"])
    assert datetime.fromisoformat(renewed["not_after"]) == datetime.fromisoformat(old["not_after"]) + timedelta(
        days=365
    )
    assert run.json("clerk", "cert", "verify", collected[0]["serial"])[0]["is_valid"]
    run.ok("approver", "cert", "revoke", serials["revoked"], "--reason", "cessationOfOperation", "--yes")
    wanted = {serials["renewed"]: "VALID", serials["reissued"]: "REVOKED", serials["revoked"]: "REVOKED"}
    until = time.monotonic() + 30
    while former.connector.certificate_states(list(wanted)) != wanted and time.monotonic() < until:
        run.ok("approver", "jobs", "--once")  # the other CA takes its time for a change of status too
        time.sleep(0.5)
    assert former.connector.certificate_states(list(wanted)) == wanted
    assert run.json("clerk", "cert", "check", "--all")[-1]["wrong"] == 0
    assert run.json("auditadmin", "audit", "verify")[0]["is_good"]


def write_files(place: Path, given: dict[str, Issued]) -> dict[str, str]:
    """Signing certificates as PEM, encryption certificates as DER; the signing ones' serial numbers."""
    place.mkdir()
    serials = {}
    for name, one in given.items():
        assert one.encryption_certificate is not None
        (place / f"{name}.pem").write_text(certificate_to_pem(one.signing_certificate))
        (place / f"{name}-enc.cer").write_bytes(one.encryption_certificate)
        serials[name] = Certificate.parse(one.signing_certificate).serial_hex
    return serials
