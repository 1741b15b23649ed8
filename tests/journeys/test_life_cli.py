"""An engineer runs the whole life of a certificate from the command line, as logged-in people (issue 2, point 3)."""

import base64
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from banyan import gm
from banyan.cli import sample
from banyan.pki.certificate import Certificate, certificate_to_pem
from banyan_token.errors import PinIncorrect, PinLocked
from support import scans
from support.certificates import make_issuing, make_root
from support.office import Office

CHOSEN = "90417263"
_COUNTER = ("precheck", "approve", "enter", "proofread", "issue", "personalize", "notify_ready", "hand_over")


def when(text: str) -> datetime:
    return datetime.fromisoformat(text)


def states(life: dict[str, Any]) -> set[tuple[str, str]]:
    """(state, reason) of the certificates of a pair."""
    return {(one["state"], one["reason"]) for one in life["certificates"]}


def assert_audit_is_whole(at_work: Office) -> None:
    report = at_work.terminal.json("auditadmin", "audit", "verify")[0]
    assert report["is_good"], report["findings"]


def test_a_new_certificate_from_the_counter_to_its_holder(at_work: Office, tmp_path: Path) -> None:
    """A1, A2, A4, A5: each step by the person who may do it, in the order of the process, told as JSON."""
    run = at_work.terminal
    application = at_work.person() | {"channel": "counter", "materials": at_work.materials("application_form")}
    (number,) = at_work.open(application)

    missing = run.run("clerk", "request", "precheck", number, "--json")
    assert missing.returncode == 3
    assert [row["missing"] for row in missing.rows[:-1]] == ["requester_identity", "holder_identity"]
    scans = at_work.materials("requester_identity", "holder_identity")
    named = [f"{code}={at_work.place / name}" for code, name in scans.items()]
    run.ok("clerk", "request", "add-material", number, *named)
    run.ok("clerk", "request", "precheck", number)
    assert run.refused("clerk", "request", "approve", number) == "iam.right_missing"
    assert run.refused("approver", "request", "approve", number, "--seen", "00") == "ra.seen_other_data"
    seen = at_work.story(number)["materials_digest"]
    run.ok("approver", "request", "approve", number, "--seen", seen)
    assert run.refused("clerk", "request", "issue", number, "--new-tokens") == "ra.step_not_due"
    run.ok("clerk", "request", "enter", number, "--data", at_work.file(application))
    assert run.refused("clerk", "request", "proofread", number) == "iam.right_missing"
    run.ok("proofreader", "request", "send-back", number, "--reason", "部门写错了")
    corrected = {**application, "data": {**application["data"], "subject": {"OU": "测试一科"}}}
    run.ok("clerk", "request", "enter", number, "--data", at_work.file(corrected))
    run.ok("proofreader", "request", "proofread", number)

    serial = at_work.new_token("ST-COUNTER-1")
    (issued,) = at_work.issue([number], "--token", serial)
    assert (issued["outcome"], issued["token"], issued["step"]) == ("issued", serial, "personalize")
    assert len(issued["serials"]) == 2
    at_work.deliver([number])
    story = at_work.story(number)
    assert (story["state"], story["missing"], story["waiting"]) == ("DONE", [], "")
    done = [one["step"] for one in story["records"] if one["outcome"] == "ok"]
    assert [step for step in _COUNTER if step in done] == list(_COUNTER)
    assert {one["actor"] for one in story["records"]} == {"clerk", "approver", "proofreader", "jobs"}

    at_work.change_pin(serial, "73910482")
    with at_work.device(serial) as device:
        device.verify_pin("73910482")
        container = device.containers()[0]
        assert container.signing_certificate is not None
        view = Certificate.parse(container.signing_certificate)
        signature = device.sign(container.name, b"contract")
    assert gm.sm2.verify_many([(view.public_key, b"contract", signature)]) == [True]
    assert dict(view.subject)["OU"] == "测试一科"

    rows = run.json("clerk", "cert", "export", issued["serial"], "--out", str(tmp_path), "--chain")
    assert sorted(Path(row["file"]).name for row in rows) == sorted(
        [*(f"{one}.pem" for one in issued["serials"]), "chain.pem"]
    )
    (by_file,) = run.json("clerk", "cert", "verify", str(tmp_path / f"{issued['serial']}.pem"))
    assert by_file["is_valid"]
    assert len(by_file["path"]) == 3
    leaf, chain = ((tmp_path / name).read_text() for name in (f"{issued['serial']}.pem", "chain.pem"))
    (by_chain,) = run.json("clerk", "cert", "verify", str(tmp_path / "chain.pem"))
    assert (by_chain["is_valid"], by_chain["path"]) == (True, by_file["path"][1:])
    for name, content in {"whole.pem": leaf + chain, "turned.pem": chain + leaf, "two.pem": leaf + leaf}.items():
        (tmp_path / name).write_text(content)
    assert run.json("clerk", "cert", "verify", str(tmp_path / "whole.pem")) == [by_file]
    assert run.refused("clerk", "cert", "verify", str(tmp_path / "turned.pem")) == "cli.bundle_disordered"
    assert run.refused("clerk", "cert", "verify", str(tmp_path / "two.pem")) == "cli.bundle_disordered"
    assert run.json("clerk", "cert", "check", "--all")[-1]["wrong"] == 0
    assert [row["pair"] for row in run.json("clerk", "cert", "search", serial)] == [story["issued_pair"]]
    assert "测试" in run.ok("clerk", "request", "list").stdout
    targets = {row["target"]: row for row in run.json("clerk", "outbox")}
    assert targets["directory"]["state"] == "CONNECTED"
    assert targets["sms"]["state"] == "NOT_CONNECTED"
    assert targets["sms"]["waiting_messages"] >= 1
    assert "未接入" in run.ok("clerk", "outbox").stdout
    assert run.refused("auditadmin", "outbox") == "iam.right_missing"
    assert_audit_is_whole(at_work)


def test_one_credential_cannot_approve_its_own_entry(at_work: Office) -> None:
    """The machine keeps four eyes whatever roles somebody holds; roles themselves are granted by two people."""
    at_work.hire("both", "clerk", "approver", "proofreader")
    (number,) = at_work.open(at_work.person(), who="both")
    run = at_work.terminal
    assert run.refused("both", "request", "proofread", number) == "ra.same_person"
    run.ok("proofreader", "request", "proofread", number)
    assert run.refused("both", "request", "approve", number) == "ra.same_person"
    run.ok("approver", "request", "approve", number)
    refusals = run.json("auditadmin", "audit", "list", "--refused", "--event", "ra.")
    assert {"ra.approve", "ra.proofread"} <= {one["event"] for one in refusals}


def test_renewal_loses_no_paid_day_and_old_messages_stay_readable(at_work: Office) -> None:
    """规范 3.1.1.1-6: from two months before expiry; validity continues from the old expiry; the old key stays."""
    run = at_work.terminal
    old, early = at_work.in_hands(at_work.person(validity_days=30), at_work.person())
    at_work.change_pin(old["token"], "73910482")
    with at_work.device(old["token"]) as device:
        key = device.containers()[0].encryption_public_key
    assert key is not None
    letter = gm.sm2.encrypt(key, b"written before the renewal")

    wish = {"business": "renew", "channel": "online", "materials": at_work.materials()}
    too_early = run.refused("clerk", "request", "open", "--data", at_work.file(wish | {"pair": early["serial"]}))
    assert too_early == "systems.renewal_too_early"
    (number,) = at_work.open(wish | {"pair": old["serial"]})
    assert (
        run.refused("clerk", "request", "open", "--data", at_work.file(wish | {"pair": old["serial"]}))
        == "ra.request_pending"
    )
    at_work.decide(number)
    (issued,) = run.json("clerk", "request", "issue", number, "--pin-letters", str(at_work.letters))
    at_work.deliver([number])

    before, after = at_work.life(old["serial"]), at_work.life(issued["serial"])
    assert when(after["not_after"]) == when(before["not_after"]) + timedelta(days=365)
    assert (states(before), states(after)) == ({("VALID", "")}, {("VALID", "")})
    assert (after["predecessor"], after["token"]) == (before["pair"], old["token"])
    with at_work.device(old["token"]) as device:
        device.verify_pin("73910482")
        assert device.decrypt(None, letter) == b"written before the renewal"
        assert len(device.containers()) == 2


def test_reissue_and_modification_end_the_old_pair_when_the_table_says(at_work: Office) -> None:
    """规范 3.1.1.1-2, -3: lost at approval, damaged and modified at delivery; the new pair ends with the old one."""
    run = at_work.terminal
    lost, damaged, changed = at_work.in_hands(*(at_work.person(validity_days=100) for _ in range(3)))
    wish = {"channel": "online", "materials": at_work.materials()}
    numbers = at_work.open(
        wish | {"business": "reissue", "reason": "lost", "pair": lost["serial"]},
        wish | {"business": "reissue", "reason": "damaged", "pair": damaged["serial"]},
        wish | {"business": "modify", "pair": changed["serial"], "person": {"name": "测试改名"}},
    )
    run.ok("proofreader", "request", "proofread", *numbers)
    assert states(at_work.life(lost["serial"])) == {("VALID", "")}
    run.ok("approver", "request", "approve", *numbers)
    assert states(at_work.life(lost["serial"])) == {("REVOKED", "keyCompromise")}
    assert run.json("clerk", "token", "show", lost["token"])[0]["state"] == "LOST"
    assert run.refused("clerk", "request", "issue", numbers[0]) == "cli.token_not_named"
    assert run.refused("clerk", "request", "issue", numbers[0], "--token", lost["token"], "--pin-letters",
                       str(at_work.letters)) == "ra.token_refused"  # fmt: skip

    at_work.issue(numbers[:2])
    (renamed,) = run.json("clerk", "request", "issue", numbers[2], "--pin-letters", str(at_work.letters))
    for old in (damaged, changed):
        assert states(at_work.life(old["serial"])) == {("VALID", "")}
    at_work.deliver(numbers)
    assert states(at_work.life(damaged["serial"])) == {("REVOKED", "superseded")}
    assert states(at_work.life(changed["serial"])) == {("REVOKED", "affiliationChanged")}
    assert run.json("clerk", "token", "show", damaged["token"])[0]["state"] == "DAMAGED"
    new = at_work.life(renamed["serial"])
    assert (new["subject_name"], new["token"]) == ("测试改名", changed["token"])
    assert "CN=测试改名" in new["certificates"][0]["subject"]
    for old, number in zip((lost, damaged, changed), numbers, strict=True):
        follower = at_work.life(str(at_work.story(number)["issued_pair"]))
        assert follower["not_after"] == at_work.life(old["serial"])["not_after"]


def lock(at_work: Office, serial: str) -> None:
    """Type wrong PINs until the device locks itself."""
    with at_work.device(serial) as device:
        for _ in range(6):
            with pytest.raises((PinIncorrect, PinLocked)):
                device.verify_pin("10203040")
        assert device.info().state == "locked"


def test_unlocking_answers_one_challenge_of_one_token(at_work: Office) -> None:
    """规范 3.1.1.1-4: against an approved request only; certificates unchanged."""
    run = at_work.terminal
    mine, other = at_work.in_hands(at_work.person(), at_work.person())
    lock(at_work, mine["token"])
    (before,) = run.json("clerk", "token", "show", mine["token"])
    (number,) = at_work.open({"business": "unlock", "pair": mine["serial"], "materials": at_work.materials()})
    with (
        questioned(at_work, mine["token"], number) as mine_asked,
        questioned(at_work, other["token"], number) as strange,
    ):
        ask = ("request", "unlock", number, "--question")
        run.ok("clerk", "request", "precheck", number)
        assert run.refused("clerk", *ask, mine_asked.question) == "ra.step_not_due"
        run.ok("approver", "request", "approve", number)
        assert run.refused("approver", *ask, mine_asked.question) == "iam.right_missing"
        assert run.refused("clerk", *ask, mine_asked.question[:-40]) == "cli.question_malformed"

        (given,) = run.json("clerk", *ask, mine_asked.question)
        assert run.refused("clerk", *ask, strange.question) == "lifecycle.unlock_refused"
        assert "AGENT_TASK" in strange.refused(given["answer"])
        mine_asked.take(given["answer"])
    (opened,) = run.json("clerk", "token", "show", mine["token"])
    assert (opened["device_state"], opened["must_change_pin"]) == ("ready", False)
    run.ok("clerk", "request", "unlocked", number)
    (after,) = run.json("clerk", "token", "show", mine["token"])
    assert (after["state"], after["in_containers"]) == ("HANDED_OVER", before["in_containers"])
    assert at_work.story(number)["state"] == "DONE"
    with at_work.device(mine["token"]) as device:
        device.verify_pin(CHOSEN)


def test_a_wrong_pin_from_a_file_costs_one_try_and_says_how_many_are_left(at_work: Office, tmp_path: Path) -> None:
    """The agent's window is closed after a wrong PIN: no file is offered until the token locks itself."""
    run = at_work.terminal
    (mine,) = at_work.in_hands(at_work.person())
    wrong = tmp_path / "wrong"
    wrong.write_text("10203040")
    new = tmp_path / "new"
    new.write_text("111111")
    change = ("token", "change-pin", mine["token"], "--new-pin-file", str(new), "--pin-file")
    assert run.refused("clerk", *change, str(at_work.letters / f"{mine['token']}.txt")) == "token.pin_refused"
    new.write_text(CHOSEN)
    done = run.run("clerk", *change, str(wrong))
    assert (done.returncode, done.code) == (1, "token.pin_incorrect")
    assert "还可以试 5 次" in done.stderr
    (shown,) = run.json("clerk", "token", "show", mine["token"])
    assert shown["tries_left"] == 5
    assert run.refused("clerk", "token", "change-pin", "ST-NOWHERE", "--pin-file", str(wrong)) == "cli.token_not_here"


def test_an_approver_logs_in_with_the_token_that_is_plugged_in(at_work: Office, tmp_path: Path) -> None:
    """E1, F8: bound by two people, signed in the token through the agent; neither initial nor wrong PIN opens a session."""
    run = at_work.terminal
    at_work.hire("holder", "approver")
    (mine,) = at_work.in_hands(at_work.person())
    run.json("clerk", "cert", "export", mine["serial"], "--out", str(tmp_path))
    number = run.ok("sysadmin", "staff", "bind", "holder", str(tmp_path / f"{mine['serial']}.pem")).stdout.split()[1]
    run.ok("secadmin", "staff", "confirm", number)
    login = ("login", "--certificate", "--token", mine["token"], "--pin-letters", str(at_work.letters))
    assert run.refused("desk", *login) == "token.pin_change_required"
    at_work.change_pin(mine["token"], CHOSEN)
    wrong = tmp_path / "wrong"
    wrong.write_text("10203040")
    assert run.refused("desk", *login[:4], "--pin-file", str(wrong)) == "token.pin_incorrect"
    assert run.ok("desk", *login).stdout.startswith("holder")
    assert run.json("desk", "whoami")[0]["user"] == "holder"


def test_a_users_machine_gets_its_agents_settings(at_work: Office, tmp_path: Path) -> None:
    """C4, C5: the pages that may ask, the platform's task key, the vendors; and what is plugged in is seen without a log-in."""
    run = at_work.terminal
    (mine,) = at_work.in_hands(at_work.person())
    plugged = {row["token"]: row for row in run.json("nobody", "token", "plugged-in")}
    assert plugged[mine["token"]]["device_state"] == "ready"
    place = tmp_path / "settings"
    run.ok("nobody", "token", "agent-settings", str(place), "--origin", "https://ra.example.cn/")
    (origin,) = json.loads((place / "agent.json").read_text())["origins"]
    assert origin["origin"] == "https://ra.example.cn"
    assert len(base64.b64decode(origin["task_keys"][0])) == 91
    for wrong in ("ra.example.cn", "https://ra.example.cn/path", "https://*"):
        assert run.refused("nobody", "token", "agent-settings", str(place), "--origin", wrong) == "cli.origin_malformed"
    assert json.loads((place / "profiles.json").read_text()).keys() == {"banyan"}


def test_pins_are_sent_to_registered_agents_only(at_work: Office) -> None:
    """A4: an agent taken off the list gets no PIN; put on it again, the work goes on."""
    run = at_work.terminal
    (number,) = at_work.open(at_work.person())
    at_work.decide(number)
    (agent,) = run.json("clerk", "token", "agents")
    # Who personalises tokens does not decide where their PINs go.
    assert run.refused("clerk", "token", "register-agent", "--region", "福建省") == "iam.right_missing"
    run.ok("sysadmin", "token", "end-agent", agent["agent"], "--reason", "换机器")
    issue = ("request", "issue", number, "--new-tokens", "--iterations", "10000", "--pin-letters", str(at_work.letters))
    assert run.refused("clerk", *issue) == "inventory.agent_unknown"
    run.ok("sysadmin", "token", "register-agent", "--region", "福建省")
    (issued,) = run.json("clerk", *issue)
    assert issued["outcome"] == "issued"


def test_a_token_is_unlocked_at_the_counter_with_a_pin_that_the_holder_types(at_work: Office) -> None:
    """规范 3.1.1.1-4: question and sealed answer at one place; nobody but the holder knows the new PIN."""
    run = at_work.terminal
    (mine,) = at_work.in_hands(at_work.person())
    lock(at_work, mine["token"])
    (number,) = at_work.open({"business": "unlock", "pair": mine["serial"], "materials": at_work.materials()})
    run.ok("clerk", "request", "precheck", number)
    run.ok("approver", "request", "approve", number)
    (done,) = run.json(
        "clerk", "token", "unlock", mine["token"], "--request", number, "--new-pin-file", "-", stdin=f"{CHOSEN}\n"
    )
    assert (done["state"], done.get("new_pin")) == ("DONE", None)
    with at_work.device(mine["token"]) as device:
        device.verify_pin(CHOSEN)


@dataclass
class Questioned:
    """A locked token in front of somebody who waits for the answer to its question."""

    process: subprocess.Popen[str]
    question: str

    def take(self, answer: str) -> None:
        """The answer is typed, and a new PIN."""
        _, said = self.process.communicate(f"{answer}\n", timeout=60)
        assert self.process.returncode == 0, said

    def refused(self, answer: str) -> str:
        """What is told when the answer is not taken."""
        _, said = self.process.communicate(f"{answer}\n", timeout=60)
        assert self.process.returncode == 1
        return said


@contextmanager
def questioned(at_work: Office, serial: str, number: str) -> Iterator[Questioned]:
    """``banyan token unlock --far`` until it has shown its question."""
    new = at_work.place / "chosen"
    new.write_text(CHOSEN)
    command = [sys.executable, "-m", "banyan", "token", "unlock", serial, "--request", number, "--far"]
    environment = os.environ | {"BANYAN_HOME": str(at_work.home.path)}
    with subprocess.Popen(
        [*command, "--new-pin-file", str(new)], env=environment, text=True, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            yield Questioned(process, process.stdout.readline().strip())
        finally:
            process.kill()


def story_of_second(at_work: Office, holder: dict[str, Any]) -> dict[str, Any]:
    """What the approver is shown of a second request of a holder, which is then withdrawn."""
    (number,) = at_work.open(holder)
    (story,) = at_work.terminal.json("approver", "request", "show", number)
    shown = at_work.terminal.ok("approver", "request", "show", number).stdout
    assert "重复注册提醒" in shown
    assert story["held_already"] == 1
    at_work.terminal.ok("clerk", "request", "cancel", number, "--reason", "重复申请")
    assert at_work.story(number)["held_already"] is None
    return story


def test_hold_release_and_revocation_reach_the_list_and_the_relying_party(at_work: Office) -> None:
    """Both certificates together; a held pair returns, a revoked one does not; the token is handed in."""
    run = at_work.terminal
    holder = at_work.person()
    (issued,) = at_work.in_hands(holder)
    serial = issued["serial"]

    def verdict() -> tuple[int, set[str]]:
        done = run.run("approver", "cert", "verify", serial, "--require-status", "--json")
        return done.returncode, {one["code"] for one in done.row["findings"]}

    assert run.refused("clerk", "cert", "hold", serial) == "iam.right_missing"
    run.ok("approver", "cert", "hold", serial, "--crl")
    code, found = verdict()
    assert code == 3
    assert {"chain.on_hold", "record.held"} <= found
    run.ok("approver", "cert", "release", serial, "--crl")
    released = at_work.life(serial)
    assert states(released) == {("VALID", "")}
    changes = [(one["action"], one["actor"]) for one in released["changes"]]
    assert changes == [("hold", "测试审核员"), ("release", "测试审核员")]
    assert "测试审核员" in run.ok("approver", "cert", "show", serial).stdout
    assert "chain.on_hold" not in verdict()[1]

    assert story_of_second(at_work, holder)["held"][0]["pair"] == released["pair"]

    (number,) = at_work.open(
        {"business": "revoke", "reason": "left_office", "pair": serial, "materials": at_work.materials()}
    )
    run.ok("clerk", "request", "precheck", number)
    assert run.refused("clerk", "request", "revoke", number, "--token-returned") == "ra.step_not_due"
    run.ok("approver", "request", "approve", number)
    run.ok("clerk", "request", "revoke", number, "--token-returned")
    assert states(at_work.life(serial)) == {("REVOKED", "affiliationChanged")}
    assert run.json("clerk", "token", "show", issued["token"])[0]["state"] == "RETURNED"
    assert run.refused("approver", "cert", "release", serial) == "ca.pair_revoked"
    run.ok("approver", "cert", "revoke", serial, "--reason", "keyCompromise", "--yes", "--crl")
    assert states(at_work.life(serial)) == {("REVOKED", "affiliationChanged")}, "the first reason stays"
    code, found = verdict()
    assert (code, "chain.revoked" in found) == (3, True)
    run.ok("clerk", "token", "restock", issued["token"])


def test_an_escrowed_key_is_recovered_by_two_officers_into_the_holders_new_token(at_work: Office) -> None:
    """A2: asked for by one, approved by two others; one credential cannot recover a key; only an envelope leaves."""
    run = at_work.terminal
    at_work.hire("officer1", "kmc_officer")
    at_work.hire("officer2", "kmc_officer")
    at_work.hire("greedy", "clerk", "kmc_officer")
    (old,) = at_work.in_hands(at_work.person())
    with at_work.device(old["token"]) as device:
        key = device.containers()[0].encryption_public_key
    assert key is not None
    letter = gm.sm2.encrypt(key, b"written to the broken token")
    wish = {"business": "reissue", "reason": "damaged", "pair": old["serial"], "channel": "online"}
    (number,) = at_work.open(wish | {"materials": at_work.materials()})
    at_work.decide(number)
    (new,) = at_work.issue([number])
    at_work.deliver([number])
    at_work.change_pin(new["token"], "73910482")

    ask = ("key", "request", old["serials"][1], "--recipient", new["serial"], "--reason", "介质损坏，旧密文待解")
    (recovery,) = run.json("greedy", *ask)
    mine = str(recovery["number"])
    assert run.refused("greedy", "key", "approve", mine) == "kmc.approver_refused"
    assert run.refused("clerk", "key", "approve", mine) == "iam.right_missing"
    run.ok("officer1", "key", "approve", mine, "--seen", recovery["digest"])
    assert run.refused("officer1", "key", "approve", mine) == "kmc.approver_refused"
    carry_out = ("key", "recover", mine, "--token", new["token"], "--pin-letters", str(at_work.letters))
    assert run.refused("greedy", *carry_out) == "kmc.recovery_not_approved"
    run.ok("officer2", "key", "approve", mine)
    (done,) = run.json("greedy", *carry_out)
    assert (done["state"], done["approvals"]) == ("DONE", 2)
    with at_work.device(new["token"]) as device:
        device.verify_pin("73910482")
        assert device.decrypt(done["container"], letter) == b"written to the broken token"
    assert [one["state"] for one in run.json("officer1", "key", "list")] == ["DONE"]
    assert_audit_is_whole(at_work)


def openssl(*arguments: str | Path) -> None:
    done = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_equipment_that_knows_no_sm2_brings_its_own_request(at_work: Office, tmp_path: Path) -> None:
    """A1: a P-256 key made in the equipment: its PKCS#10 goes in, the certificate comes out, a signature proves it."""
    run = at_work.terminal
    run.ok("clerk", "token", "register", "HSM-0001", "--medium", "SERVER_HSM", "--region", "350102")
    application = at_work.person(classic=True) | {"kind": "设备", "device": {"domain_name": "hsm.gov.example"}}
    del application["person"]
    (number,) = at_work.open(application)
    at_work.decide(number)
    key, csr, out = tmp_path / "key.pem", tmp_path / "request.pem", tmp_path / "out"
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
    openssl("req", "-new", "-key", key, "-subj", "/CN=whatever", "-out", csr)
    (issued,) = run.json("clerk", "request", "issue", number, "--csr", str(csr), "--token", "HSM-0001")
    assert (issued["outcome"], len(issued["serials"])) == ("issued", 1)

    (written,) = run.json("clerk", "request", "personalize", number, "--out", str(out))
    assert "envelope" not in written
    other = tmp_path / "other.pem"
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", other)
    for signer, name in ((other, "wrong.sig"), (key, "right.sig")):
        openssl("dgst", "-sha256", "-sign", signer, "-out", tmp_path / name, written["nonce"])
    prove = ("request", "personalize", number, "--signature")
    assert run.refused("clerk", *prove, str(tmp_path / "wrong.sig")) == "lifecycle.key_not_proved"
    run.ok("clerk", *prove, str(tmp_path / "right.sig"))
    run.json("clerk", "cert", "export", issued["serial"], "--out", str(out), "--chain")
    openssl("verify", "-partial_chain", "-trusted", out / "chain.pem", written["signing_certificate"])


def change(at_work: Office, statement: str, *values: Any) -> None:
    """Write to the database as somebody with a database tool would."""
    with closing(sqlite3.connect(at_work.home.database)) as database, database:
        assert database.execute(statement, values).rowcount == 1


def database_row(at_work: Office, statement: str, *values: Any) -> int:
    """One number from the database."""
    with closing(sqlite3.connect(at_work.home.database)) as database:
        return int(database.execute(statement, values).fetchone()[0])


def test_what_is_changed_beside_the_product_is_refused_and_named(at_work: Office) -> None:
    """E4: an approval entered, and a certificate's state changed, with plain SQL."""
    run = at_work.terminal
    (number,) = at_work.open(at_work.person())
    at_work.decide(number)
    (issued,) = at_work.in_hands(at_work.person())
    request = database_row(at_work, "SELECT id FROM ra_servicerequest WHERE number = ?", number)
    approver = database_row(at_work, "SELECT approver FROM ra_approval WHERE request_id = ?", request)
    change(at_work, "UPDATE ra_approval SET approver = ? WHERE request_id = ?", approver + 1, request)
    change(at_work, "UPDATE ca_certificate SET state = ? WHERE serial = ?", "REVOKED", issued["serial"])
    try:
        new = ("--new-tokens", "--iterations", "10000", "--pin-letters", str(at_work.letters))
        assert run.refused("clerk", "request", "issue", number, *new) == "audit.row_forged"
        assert (
            run.refused("clerk", "cert", "export", issued["serial"], "--out", str(at_work.place)) == "audit.row_forged"
        )
        wrong = run.run("clerk", "cert", "check", issued["serial"], "--json")
        assert wrong.returncode == 3
        assert "audit.row_forged" in wrong.stdout
        verified = run.run("auditadmin", "audit", "verify", "--json")
        assert verified.returncode == 3
        named = {one["where"].partition(":")[0] for one in verified.row["findings"]}
        assert named == {"ra.approval", "ca.certificate"}
    finally:
        change(at_work, "UPDATE ra_approval SET approver = ? WHERE request_id = ?", approver, request)
        change(at_work, "UPDATE ca_certificate SET state = ? WHERE serial = ?", "VALID", issued["serial"])
    assert_audit_is_whole(at_work)
    assert at_work.issue([number])[0]["outcome"] == "issued"


def test_what_is_to_be_verified_is_told_apart(at_work: Office, tmp_path: Path) -> None:
    """A2: a file that is not there is not taken for a number; a bundle brings no trust of its own."""
    run = at_work.terminal
    missing = run.run("clerk", "cert", "verify", str(tmp_path / "none.pem"))
    assert (missing.returncode, missing.code) == (1, "cli.file_missing")
    assert "none.pem" in missing.stderr
    assert run.refused("clerk", "cert", "verify", "none.pem") == "cli.file_missing"
    assert run.refused("clerk", "cert", "verify", str(tmp_path)) == "cli.file_missing"
    assert run.refused("clerk", "cert", "verify", "张三的证书") == "cli.target_unclear"
    for number in ("424242", "AB:CD 01"):
        unknown = run.run("clerk", "cert", "verify", number)
        assert (unknown.returncode, unknown.code) == (1, "cli.target_not_found")
        assert number in unknown.stderr
    root = make_root()
    foreign = tmp_path / "foreign.pem"
    ders = (make_issuing(root).certificate, root.certificate)
    foreign.write_text("".join(map(certificate_to_pem, ders)))
    done = run.run("clerk", "cert", "verify", str(foreign), "--json")
    assert (done.returncode, done.row["is_valid"]) == (3, False)
    assert {one["code"] for one in done.row["findings"]} == {"chain.root_untrusted"}


def test_a_file_that_cannot_be_written_is_told_in_one_line(at_work: Office, tmp_path: Path) -> None:
    """A5: every command that writes a file where none can be; nothing is imported for a result that cannot be kept."""
    run = at_work.terminal
    rows, nowhere = tmp_path / "rows.xlsx", str(tmp_path / "none" / "a.xlsx")
    sample.write_sheet(rows, sample.sheet_rows(1)[:1])
    (tmp_path / "file").touch()
    before = run.json("clerk", "sheet", "list")
    commands = {
        ("sheet", "template", nowhere): "sheets.file_unwritable",
        ("sheet", "template", str(tmp_path / "file" / "a.xlsx")): "sheets.file_unwritable",
        ("sheet", "import", str(rows), "--result", nowhere): "sheets.file_unwritable",
        ("cert", "import", str(tmp_path), str(rows), "--ca", "x", "--result", nowhere): "sheets.file_unwritable",
    }
    for command, code in commands.items():
        done = run.run("clerk", *command)
        assert (done.returncode, done.code, len(done.stderr.splitlines())) == (1, code, 1), command
        assert "换一个位置" in done.stderr
    assert run.json("clerk", "sheet", "list") == before
    (issued,) = at_work.in_hands(at_work.person())
    done = run.run("clerk", "cert", "export", issued["serial"], "--out", str(tmp_path / "file" / "out"))
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "[cli.file]" in done.stderr


def test_dead_letters_are_sent_again_and_targets_paused_by_who_may(at_work: Office) -> None:
    """E4, F8: the system administrator resends, pauses and resumes; each stands in the audit."""
    run = at_work.terminal
    assert run.refused("clerk", "outbox", "pause", "sms") == "iam.right_missing"
    assert run.refused("sysadmin", "outbox", "pause", "smz") == "cli.target_unknown"
    assert run.json("sysadmin", "outbox", "pause", "directory") == [{"target": "directory", "is_paused": True}]
    states = {row["target"]: row["state"] for row in run.json("clerk", "outbox")}
    assert states["directory"] == "PAUSED"
    assert "directory" in run.ok("sysadmin", "outbox", "resume", "directory").stdout
    assert run.run("sysadmin", "outbox", "resend").returncode == 2
    assert run.refused("sysadmin", "outbox", "resend", "99999999") == "outbox.message_not_found"

    at_work.in_hands(at_work.person())
    newest = database_row(at_work, "SELECT max(id) FROM outbox_message WHERE target = 'sms'")
    given_up = "UPDATE outbox_message SET state = 'DEAD', attempts = 12, last_error = 'OSError' WHERE id = ?"
    change(at_work, given_up, newest)
    (letter,) = run.json("clerk", "outbox", "dead")
    assert (letter["message_number"], letter["last_error"]) == (newest, "OSError")
    assert run.refused("clerk", "outbox", "resend", str(newest)) == "iam.right_missing"
    assert run.refused("clerk", "outbox", "resend", "--dead") == "iam.right_missing"
    (sent,) = run.json("sysadmin", "outbox", "resend", str(newest))
    assert (sent["state"], sent["attempts"]) == ("PENDING", 0)
    assert run.refused("sysadmin", "outbox", "resend", str(newest)) == "outbox.not_resendable"
    change(at_work, given_up, newest)
    some = run.run("sysadmin", "outbox", "resend", str(newest), "99999999", "--json")
    assert (some.returncode, [row["message_number"] for row in some.rows]) == (1, [newest])
    change(at_work, given_up, newest)
    assert [row["message_number"] for row in run.json("sysadmin", "outbox", "resend", "--dead")] == [newest]
    assert run.json("sysadmin", "outbox", "dead") == []
    events = [one["event"] for one in run.json("auditadmin", "audit", "list", "--event", "outbox.")]
    assert sorted(events) == ["outbox.paused", *["outbox.resent"] * 3, "outbox.resumed"]
    assert_audit_is_whole(at_work)


def test_a_file_that_cannot_be_used_names_the_place(at_work: Office, tmp_path: Path) -> None:
    """Numbers of people come from a file; a number written as a number has lost what it was."""
    run = at_work.terminal
    example = tmp_path / "example.toml"
    example.write_text(run.ok("nobody", "request", "example").stdout)
    for number, name in enumerate(("application", "requester", "holder"), 1):
        (tmp_path / f"{name}.pdf").write_bytes(scans.pdf(number))
    run.ok("clerk", "request", "open", "--data", str(example))
    bad = tmp_path / "bad.toml"
    bad.write_text('business = "enroll"\n[person]\nname = "测试甲"\nid_number = 359900199001010015\n')
    done = run.run("clerk", "request", "open", "--data", str(bad))
    assert (done.returncode, done.code) == (1, "cli.data_file_invalid")
    assert "person.id_number" in done.stderr
    bad.write_text('business = "enroll"\nidnumber = "1"\n')
    assert "idnumber" in run.run("clerk", "request", "open", "--data", str(bad)).stderr
    wrong = at_work.person()
    wrong["person"]["id_number"] = sample.resident_id(1)[:-1] + "?"
    good = at_work.person()
    done = run.run("clerk", "request", "open", "--data", at_work.file(wrong, good), "--json")
    assert done.returncode == 1
    assert [row["outcome"] for row in done.rows] == ["refused", "ok"]
    assert sample.resident_id(1) not in done.stdout + done.stderr
    assert run.refused("clerk", "request", "show", "TY20200101000001") == "ra.request_not_found"
    assert run.refused("nobody", "request", "list") == "cli.not_logged_in"
