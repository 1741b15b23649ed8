"""After the demo nothing holds an ID number, a phone, a PIN or a private key in clear (issue 2, faults; F7)."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from banyan.cli import sample
from banyan.kernel.home import Home
from support.installation import Installation, database_of_this_run, fresh_database

_EXPORT = """
import sys
from pathlib import Path
from banyan.cli.context import django_setup
django_setup()
from banyan.cli.messages import translate
from banyan.domain.audit.models import AuditRecord
from banyan.domain.sheets.models import SheetImport
from banyan.cli.sheet import _write_result
from banyan.domain.iam.models import StaffAccount
import banyan.cli.session as session
from banyan.kernel.actor import Actor
one = SheetImport.objects.get()
rights = frozenset({"sheet.import", "requests.read"})
session.current_actor = lambda *_: Actor("staff", one.actor, "clerk", rights=rights, regions=None)
_write_result(one.pk, Path(sys.argv[1]))
"""


@pytest.fixture
def place() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="bl-", dir="/tmp"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.mark.parametrize("connector", ["embedded", "simulated-superior"])
def test_nothing_protected_lies_in_clear_after_the_demo(place: Path, connector: str) -> None:
    """Every column as text and as bytes, every file unpacked; PINs and keys are those of the very tokens."""
    installation = Installation(Home(place / "h"), fresh_database(database_of_this_run()))
    letters, told, result = place / "letters", place / "told.txt", place / "result.xlsx"
    put_in = place / "in.xlsx"
    sample.write_sheet(put_in, sample.sheet_rows(10))
    options = ("--connector", connector, "--sheet", put_in, "--pin-letters", letters, "--json")
    done = installation.banyan("demo", *options)
    assert done.returncode == 0, done.stderr
    told.write_text(done.stdout + done.stderr, encoding="utf-8")
    exported = installation.run("-c", _EXPORT, str(result))
    assert exported.returncode == 0, exported.stderr
    audit = installation.banyan("audit", "verify", "--json")
    assert audit.returncode == 0, audit.stdout

    searched = installation.run("-m", "support.searching", str(letters), str(put_in), str(told), str(result))
    assert searched.returncode == 0, searched.stderr
    report = json.loads(searched.stdout)
    assert report["found"] == []
    # The search itself is able to find: what is public is there, and the input holds what must not lie anywhere else.
    assert report["known_in_tables"] == ["DER", "a name"]
    assert {"a certificate", "a name"} <= set(report["known_in_files"])
    assert sum("证件号码" in name for name in report["seen_in_the_input"]) >= 10
    kinds = {name.split(" ")[0] for name in report["wanted"]}
    assert {"PIN", "administrator", "signing", "encryption", "sealing.kek", "证件号码", "手机号码"} <= kinds
    assert sum(name.startswith("signing key") for name in report["wanted"]) == 10
    assert report["columns"] > 200
    assert report["files"] > 30
