"""People log in at the command line; nothing but their own credential makes them somebody (issue 2, point 3)."""

import base64
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import connection

from banyan.cli.main import main
from banyan.domain import audit
from banyan.domain.iam import actions
from banyan.domain.iam.challenges import signed_text
from banyan.domain.iam.rights import Role
from banyan.kernel.actor import system_actor
from banyan.kernel.clock import now
from banyan.kernel.home import Home
from banyan.pki.certificate import certificate_to_pem
from support import issuing
from support.certificate_login import Holder
from support.iam import account_with, staff
from support.pages import LongStandingCa

pytestmark = pytest.mark.django_db(transaction=True)

PASSWORD = "Sturdy-9-oak"


@dataclass
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """``run("whoami", who="a", stdin="…")``: a command of one person, who has a session file of his own.

    Through the program's entry point, in this process: starting Python and Django for each would take most of the time.
    """

    def call(*arguments: str, who: str = "a", stdin: str = "", **environment: str) -> Done:
        with monkeypatch.context() as patch:
            patch.setenv("BANYAN_SESSION", str(tmp_path / who / "session"))
            for name, value in environment.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["banyan", *arguments])
            patch.setattr(sys, "stdin", io.StringIO(stdin))
            capsys.readouterr()
            code = 0
            try:
                main()
            except SystemExit as stop:
                code = int(stop.code or 0)
            return Done(code, *capsys.readouterr())

    return call


def log_in(run: Run, username: str, role: Role, who: str) -> None:
    """Give a person a role and a first link, and use it at the command line."""
    link = actions.open_account(actor=staff(Role.SYSTEM_ADMIN), username=username, display_name="测试", now=now())
    with audit.action_scope():
        actions._write_grant(
            system_actor("test"), link.account, role, None, granted_by=None, confirmed_by=None, now=now()
        )
    done = run(
        "login", "--link", f"http://127.0.0.1/first/{link.secret}", "--password-file", "-", who=who, stdin=PASSWORD
    )
    assert done.returncode == 0, done.stderr


def test_a_person_logs_in_by_link_then_by_password_and_logs_out(run: Run, tmp_path: Path) -> None:
    log_in(run, "clerk1", Role.CLERK, "a")
    shown = json.loads(run("whoami", "--json").stdout)
    assert shown["user"] == "clerk1"
    assert "requests.enter" in shown["rights"]
    assert run("logout").returncode == 0
    out = run("whoami")
    assert out.returncode == 1
    assert "cli.not_logged_in" in out.stderr
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n")
    assert run("login", "--user", "clerk1", "--password-file", str(secret)).returncode == 0
    assert "clerk1" in run("whoami").stdout
    wrong = run("login", "--user", "clerk1", "--password-file", "-", stdin="wrong\n", who="b")
    assert wrong.returncode == 1
    assert "iam.login_refused" in wrong.stderr


def test_the_session_file_is_private_and_bound_to_its_installation(run: Run, tmp_path: Path) -> None:
    log_in(run, "clerk2", Role.CLERK, "a")
    path = tmp_path / "a" / "session"
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    assert "cli.session_file_unsafe" in run("whoami").stderr
    path.chmod(0o600)
    stored = json.loads(path.read_text())
    path.write_text(json.dumps(stored | {"home": "/elsewhere"}))
    path.chmod(0o600)
    assert "cli.not_logged_in" in run("whoami").stderr
    path.write_text(json.dumps(stored | {"token": "guess"}))
    assert "iam.session_invalid" in run("whoami").stderr


def test_no_option_or_variable_chooses_who_acts(run: Run) -> None:
    """Neither a password on the command line nor a name in the environment."""
    log_in(run, "clerk3", Role.CLERK, "a")
    for option in ("--password", "--actor", "--as"):
        assert run("login", option, "x").returncode == 2
        assert run("whoami", option, "x").returncode == 2
    for name in ("BANYAN_ACTOR", "BANYAN_USER", "BANYAN_RIGHTS", "BANYAN_STATE"):
        value = "sample" if name == "BANYAN_STATE" else "sysadmin"
        assert run("whoami", **{name: value}).stdout.splitlines()[0] == "clerk3"


def test_the_audit_is_read_by_its_administrator_only_and_verified_by_anybody_with_the_keys(
    run: Run, home: Home
) -> None:
    log_in(run, "auditor", Role.AUDIT_ADMIN, "auditor")
    log_in(run, "clerk4", Role.CLERK, "clerk")
    refused = run("audit", "list", who="clerk")
    assert refused.returncode == 1
    assert "iam.right_missing" in refused.stderr
    lines = [json.loads(line) for line in run("audit", "list", "--json", who="auditor").stdout.splitlines()]
    assert lines[0]["event"] == "iam.logged_in"
    good = run("audit", "verify", "--json", who="nobody")
    assert good.returncode == 0, good.stdout + good.stderr
    assert json.loads(good.stdout)["is_good"]

    with connection.cursor() as cursor:
        cursor.execute("UPDATE iam_rolegrant SET role = 'approver' WHERE role = 'clerk'")
        cursor.execute("UPDATE audit_record SET actor_name = 'x' WHERE id = 2")
    bad = run("audit", "verify", "--json", who="nobody")
    assert bad.returncode == 3
    kinds = [finding["kind"] for finding in json.loads(bad.stdout)["findings"]]
    assert kinds == ["record_changed", "row_changed"]
    text = run("audit", "verify", who="nobody")
    assert "audit:2" in text.stdout
    assert json.loads(run("whoami", "--json", who="clerk").stdout)["rights"] == []  # the forged role gives nothing


def test_no_password_link_or_token_is_stored_in_the_clear(run: Run, home: Home, tmp_path: Path) -> None:
    log_in(run, "clerk5", Role.CLERK, "a")
    token = json.loads((tmp_path / "a" / "session").read_text())["token"]
    account_with(Role.CLERK)
    for path in [*home.path.rglob("*"), *home.keys.rglob("*")]:
        if path.is_file():
            content = path.read_bytes()
            assert PASSWORD.encode() not in content, path
            assert token.encode() not in content, path


def test_the_installed_program_finds_the_same_session(run: Run, tmp_path: Path) -> None:
    log_in(run, "clerk6", Role.CLERK, "a")
    done = subprocess.run(
        [sys.executable, "-c", "from banyan.cli.main import main; main()", "whoami", "--json"],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        env=os.environ | {"BANYAN_SESSION": str(tmp_path / "a" / "session")},
    )
    assert json.loads(done.stdout)["user"] == "clerk6"


def test_staff_work_is_told_in_the_language_of_the_installation(run: Run) -> None:
    """Chinese first, English where that is chosen; people see names where programs see codes."""
    log_in(run, "sys9", Role.SYSTEM_ADMIN, "sys")
    log_in(run, "sec9", Role.SECURITY_ADMIN, "sec")
    opened = run("staff", "open", "newcomer", "林新人", who="sys")
    assert "/first/" in opened.stdout
    assert "只能用一次" in opened.stderr
    assert "Single use" in run("staff", "open", "other", "陈新人", who="sys", BANYAN_LANGUAGE="en").stderr

    asked = run("staff", "grant", "newcomer", "clerk", "--region", "350102", who="sec")
    number = asked.stdout.split()[1]
    assert asked.stdout == f"申请 {number} 等待另一名管理员确认：banyan staff confirm {number}\n"
    table = run("staff", "waiting", who="sys").stdout
    assert "事项" in table
    line = next(line for line in table.splitlines() if line.startswith(number))
    for word in ("授予角色", "sec9", "林新人", "业务员", "350102"):
        assert word in line
    told = [json.loads(line) for line in run("staff", "waiting", "--json", who="sys").stdout.splitlines()]
    (mine,) = [row for row in told if str(row["number"]) == number]
    assert (mine["kind"], mine["payload"]["role"]) == ("iam.grant_role", "clerk")
    assert run("staff", "confirm", number, who="sys").stdout == "newcomer 的角色“业务员”已授予。\n"

    assert run("staff", "stop", "newcomer", who="sys").stdout == "账号 newcomer 已停用。\n"
    line = next(line for line in run("staff", "list", who="sys").stdout.splitlines() if "newcomer" in line)
    assert "业务员" in line
    assert "已停用" in line
    rows = [json.loads(line) for line in run("staff", "list", "--json", who="sys").stdout.splitlines()]
    (row,) = [row for row in rows if row["username"] == "newcomer"]
    assert (row["active"], row["roles"]) == (False, ["clerk"])
    assert "查看证书" in run("staff", "rights").stdout


def test_a_role_that_does_not_exist_is_answered_with_those_that_do(run: Run) -> None:
    log_in(run, "sec8", Role.SECURITY_ADMIN, "sec")
    done = run("staff", "grant", "somebody", "king", who="sec")
    assert done.returncode == 2
    assert "kmc_officer" in done.stderr


@pytest.fixture
def token(tmp_path: Path) -> tuple[Holder, Path]:
    """Somebody's token, and its certificate as a file."""
    holder = Holder.with_new_pair(issuing.world(connector=LongStandingCa(), people=1), now=now())
    file = tmp_path / "certificate.pem"
    file.write_text(certificate_to_pem(holder.der))
    return holder, file


def signed(holder: Holder, challenge: Path) -> Path:
    """What a token agent answers to the challenge in a file."""
    asked = json.loads(challenge.read_text())
    message = signed_text(asked["origin"], base64.b64decode(asked["challenge"]))
    told = {"signature": holder.sign(message), "signing_certificate": holder.der}
    answer = challenge.with_name("answer.json")
    answer.write_text(json.dumps({name: base64.b64encode(value).decode() for name, value in told.items()}))
    return answer


def test_two_administrators_bind_a_certificate_and_its_holder_logs_in(
    run: Run, tmp_path: Path, token: tuple[Holder, Path]
) -> None:
    """E1, F8: who confirms sees whose certificate it is; then both factors are asked for at the terminal too."""
    holder, file = token
    for username, role in (("sys7", Role.SYSTEM_ADMIN), ("sec7", Role.SECURITY_ADMIN), ("clerk7", Role.CLERK)):
        log_in(run, username, role, username[:3])
    number = run("staff", "bind", "clerk7", str(file), who="sys").stdout.split()[1]
    line = next(one for one in run("staff", "waiting", who="sec").stdout.splitlines() if one.startswith(number))
    for word in ("绑定登录证书", holder.signing.serial, holder.pair.subject_name, "按身份识别"):
        assert word in line
    assert run("staff", "confirm", number, who="sec").stdout == "账号 clerk7 已绑定证书。\n"
    assert "按身份识别" in run("staff", "list", who="sys").stdout

    challenge = tmp_path / "challenge.json"
    assert "cli.challenge_place_needed" in run("login", "--certificate", who="b").stderr
    assert run("login", "--certificate", "--challenge-out", str(challenge), who="b").returncode == 0
    assert (tmp_path / "b" / "session.challenge").stat().st_mode & 0o077 == 0
    done = run("login", "--answer", str(signed(holder, challenge)), who="b")
    assert done.returncode == 0, done.stderr
    assert json.loads(run("whoami", "--json", who="b").stdout)["user"] == "clerk7"
    again = run("login", "--answer", str(tmp_path / "answer.json"), who="b")
    assert "cli.challenge_unasked" in again.stderr

    number = run("config", "staff-login", "two_factor", who="sys").stdout.split()[1]
    assert "先口令，后证书" in run("staff", "waiting", who="sec").stdout
    assert "先口令，后证书" in run("staff", "confirm", number, who="sec").stdout
    assert run("config", "staff-login", who="sec").stdout.startswith("two_factor")
    alone = run("login", "--certificate", "--challenge-out", str(challenge), who="b")
    assert "iam.password_comes_first" in alone.stderr
    first = ("login", "--user", "clerk7", "--password-file", "-")
    assert "cli.challenge_place_needed" in run(*first, who="b", stdin=PASSWORD).stderr
    assert run(*first, "--challenge-out", str(challenge), who="b", stdin=PASSWORD).returncode == 0
    assert run("login", "--answer", str(signed(holder, challenge)), who="b").returncode == 0

    refused = run("config", "staff-login", "certificate", who="sys")
    assert "iam.nobody_could_log_in" in refused.stderr
    number = run("staff", "unbind", "clerk7", who="sys").stdout.split()[1]
    assert "已解除" in run("staff", "confirm", number, who="sec").stdout
    assert "iam.session_invalid" in run("whoami", who="b").stderr


@pytest.mark.parametrize("text", ["", "{", "[]", '{"signature": "AAAA"}', '{"signature": 1, "signing_certificate": 2}'])
def test_a_file_that_is_no_answer_of_an_agent_is_refused(run: Run, tmp_path: Path, text: str) -> None:
    run("login", "--certificate", "--challenge-out", str(tmp_path / "challenge.json"))
    (tmp_path / "answer.json").write_text(text)
    assert "cli.answer_unreadable" in run("login", "--answer", str(tmp_path / "answer.json")).stderr


def test_the_daily_inspection_names_who_lacks_the_second_factor(run: Run) -> None:
    """F8, GB/T 22239-2019 8.1.4.1 d."""
    from banyan.cli.check import _staff_login

    log_in(run, "sys6", Role.SYSTEM_ADMIN, "sys")
    log_in(run, "sec6", Role.SECURITY_ADMIN, "sec")
    (before,) = _staff_login(Home.from_environment())
    assert (before.is_good, "sys6" in before.text) == (True, False)
    number = run("config", "staff-login", "two_factor", who="sys").stdout.split()[1]
    run("staff", "confirm", number, who="sec")
    (after,) = _staff_login(Home.from_environment())
    assert (after.is_good, "sys6" in after.text, "sec6" in after.text) == (True, True, True)
