"""Every fault of a superior CA, met by the connector and made good by asking again (A11)."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from banyan.adapters.simulated_superior.faults import Fault, FaultPlan
from banyan.adapters.superior_ca import SuperiorAnswerUnreadable, SuperiorConnector, SuperiorFailed
from banyan.domain.ca.ports import Issued, Outcome, Pending, Rejected, StatusChanged
from banyan.kernel.errors import ServiceUnavailable
from banyan.pki.certificate import Certificate
from support.superior import Superior, issued_pair, status_task, task


def always(fault: Fault) -> FaultPlan:
    return FaultPlan(kinds=(fault,), share=1.0)


def test_late_means_pending_until_its_time_has_come(superior: Superior) -> None:
    superior.restart(delay=10, plan=always(Fault.LATE))
    superior.connector.submit_many([task("1-1")])
    for _ in range(3):
        superior.clock.advance(200)
        assert superior.connector.collect_many(["1-1"]) == [Pending("1-1")]
    superior.clock.advance(10)
    assert isinstance(superior.connector.collect_many(["1-1"])[0], Issued)


def test_an_answer_that_comes_twice_is_one_answer(superior: Superior) -> None:
    superior.restart(plan=always(Fault.TWICE))
    superior.connector.submit_many([task("1-1"), task("2-1")])
    raw = superior.connector._call("collect", task_nos=["1-1", "2-1"])
    assert [one["task_no"] for one in raw] == ["1-1", "2-1", "1-1", "2-1"]
    outcomes = superior.connector.collect_many(["1-1", "2-1"])
    assert [one.task_no for one in outcomes] == ["1-1", "2-1"]


def test_after_a_lost_reply_submitting_again_gives_the_same_single_pair(superior: Superior) -> None:
    superior.restart(plan=always(Fault.LOST_REPLY))
    work = task("1-1")
    with pytest.raises(ServiceUnavailable):
        superior.connector.submit_many([work])
    # The work was done all the same: collecting without submitting again shows it.
    (first,) = superior.connector.collect_many(["1-1"])
    superior.connector.submit_many([work])
    (second,) = superior.connector.collect_many(["1-1"])
    assert isinstance(first, Issued)
    assert second == first


def test_after_a_lost_reply_to_a_revocation_the_state_is_found_reached(superior: Superior) -> None:
    outcome = issued_pair(superior, task("1-1"))
    serials = (Certificate.parse(outcome.signing_certificate).serial_hex,)
    superior.restart(plan=always(Fault.LOST_REPLY))
    change = status_task("x", serials, "revoke", "superseded")
    with pytest.raises(ServiceUnavailable):
        superior.connector.revoke_many([change])
    assert superior.connector.revoke_many([change]) == [StatusChanged("x")]
    assert superior.connector.certificate_states(serials) == {serials[0]: "REVOKED"}


def test_an_error_passes_and_leaves_nothing_behind(superior: Superior) -> None:
    superior.restart(plan=always(Fault.ERROR))
    with pytest.raises(SuperiorFailed) as refused:
        superior.connector.submit_many([task("1-1")])
    assert refused.value.fields["reason"] == "superior.simulated_failure"
    assert superior.connector.collect_many(["1-1"]) == []
    assert superior.connector.status().pending == 0
    assert isinstance(issued_pair(superior, task("1-1")), Issued)


def test_a_rejection_is_final(superior: Superior) -> None:
    superior.restart(plan=always(Fault.REJECT))
    superior.connector.submit_many([task("1-1")])
    for _ in range(2):
        (outcome,) = superior.connector.collect_many(["1-1"])
        assert isinstance(outcome, Rejected)
        assert outcome.code == "superior.rejected_on_order"
        assert outcome.fields == {"task_no": "1-1"}
        superior.connector.submit_many([task("1-1")])


def test_an_hour_of_silence_is_waited_out(superior: Superior) -> None:
    superior.restart(plan=always(Fault.SILENCE))
    connector = superior.connector
    works = [task("1-1"), task("2-1")]
    with pytest.raises(ServiceUnavailable):
        connector.submit_many(works)
    superior.clock.advance(1800)
    superior.restart(plan=always(Fault.SILENCE))  # a restart does not end it
    superior.clock.advance(1799)
    for call in (
        lambda: connector.submit_many(works),
        lambda: connector.collect_many(["1-1"]),
        lambda: connector.revoke_many([status_task("x", ("01",), "revoke", "")]),
        connector.chain,
        lambda: connector.last_crl_number("any"),
    ):
        with pytest.raises(ServiceUnavailable):
            call()
    assert not connector.status().is_up
    superior.clock.advance(1)
    assert connector.status().is_up
    assert connector.collect_many(["1-1", "2-1"]) == []  # nothing had been recorded
    connector.submit_many(works)
    assert all(isinstance(one, Issued) for one in connector.collect_many(["1-1", "2-1"]))


def test_a_superior_that_is_not_there_is_reported_not_raised(superior: Superior) -> None:
    superior.stop()
    status = superior.connector.status()
    assert not status.is_up
    assert "没有应答" in status.note
    with pytest.raises(ServiceUnavailable):
        superior.connector.submit_many([task("1-1")])


def test_faults_are_the_same_for_the_same_seed_and_differ_by_task() -> None:
    kinds = (Fault.LATE, Fault.TWICE, Fault.LOST_REPLY, Fault.ERROR)
    numbers = [f"{number}-1" for number in range(2000)]
    plan = FaultPlan(kinds=kinds, seed=5, share=0.4)
    drawn = [plan.of(number) for number in numbers]
    assert drawn == [FaultPlan(kinds=kinds, seed=5, share=0.4).of(number) for number in numbers]
    assert drawn != [FaultPlan(kinds=kinds, seed=6, share=0.4).of(number) for number in numbers]
    struck = [one for one in drawn if one is not None]
    assert 700 < len(struck) < 900
    assert min(struck.count(kind) for kind in kinds) > 130
    assert {FaultPlan(kinds=(), share=1.0).of(number) for number in numbers} == {None}
    # The numbers do not depend on the machine or the Python release.
    known = FaultPlan(kinds=kinds, seed=1, share=0.5)
    drawn = [known.of(f"{number}-1") for number in range(8, 12)]
    assert drawn == [Fault.LATE, None, Fault.LOST_REPLY, Fault.LATE]


def test_under_all_faults_at_once_every_task_ends_once(superior: Superior) -> None:
    kinds = (Fault.LATE, Fault.TWICE, Fault.LOST_REPLY, Fault.ERROR, Fault.SILENCE)
    plan = FaultPlan(kinds=kinds, seed=3, share=0.7)
    superior.restart(delay=5, plan=plan)
    waiting = {f"{number}-1": task(f"{number}-1") for number in range(40)}
    submitted: set[str] = set()
    seen: dict[str, list[Outcome]] = {}
    for _ in range(200):
        superior.clock.advance(120)
        for number in sorted(waiting.keys() - submitted):
            try:
                superior.connector.submit_many([waiting[number]])
                submitted.add(number)
            except ServiceUnavailable:
                continue
        try:
            outcomes = superior.connector.collect_many(sorted(submitted))
        except ServiceUnavailable:
            continue
        for outcome in outcomes:
            if not isinstance(outcome, Pending):
                seen.setdefault(outcome.task_no, []).append(outcome)
        if len(seen) == len(waiting):
            break
    assert seen.keys() == waiting.keys()
    assert {plan.of(number) for number in waiting} > set(kinds)
    for outcomes in seen.values():
        assert all(one == outcomes[0] for one in outcomes)
    serials = superior.connector.certificate_states(
        [
            Certificate.parse(der).serial_hex
            for (first, *_) in seen.values()
            if isinstance(first, Issued)
            for der in (first.signing_certificate, first.encryption_certificate)
            if der is not None
        ]
    )
    assert len(serials) == 80


@pytest.mark.parametrize(
    "answers",
    [
        None,
        7,
        ["1-1"],
        [{}],
        [{"task_no": "1-1"}],
        [{"task_no": "1-1", "state": "issued"}],
        [{"task_no": "1-1", "state": "rejected"}],
        [{"task_no": "1-1", "state": "pending"}, {"task_no": "1-1", "state": "issued"}],
    ],
)
def test_an_answer_outside_the_contract_is_not_used(
    superior: Superior, monkeypatch: pytest.MonkeyPatch, answers: object
) -> None:
    monkeypatch.setattr(superior.connector, "_call", lambda *_, **__: answers)
    with pytest.raises(SuperiorAnswerUnreadable):
        superior.connector.collect_many(["1-1"])


def start(place: Path, *options: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "banyan.adapters.simulated_superior"]
    process = subprocess.Popen([*command, "--directory", str(place / "d"), "--socket", str(place / "s.sock"), *options])
    connector = SuperiorConnector(place / "s.sock", timeout=5)
    for _ in range(400):
        if connector.status().is_up:
            connector.close()
            return process
        assert process.poll() is None
        time.sleep(0.05)
    raise AssertionError("the simulator does not answer")


def test_the_process_survives_kill_9_with_all_it_has_answered(tmp_path: Path) -> None:
    clock = tmp_path / "clock"
    clock.write_text("2026-03-02T08:00:00+00:00")
    options = ("--delay", "60", "--clock-file", str(clock))
    first = start(tmp_path, *options)
    connector = SuperiorConnector(tmp_path / "s.sock", timeout=10)
    connector.submit_many([task("1-1"), task("2-1")])
    assert connector.collect_many(["1-1"]) == [Pending("1-1")]
    clock.write_text("2026-03-02T08:01:00+00:00")
    (before,) = connector.collect_many(["1-1"])
    os.kill(first.pid, signal.SIGKILL)
    first.wait(20)
    with pytest.raises(ServiceUnavailable):
        connector.collect_many(["1-1"])
    second = start(tmp_path, *options)
    try:
        assert connector.collect_many(["1-1"]) == [before]
        assert isinstance(connector.collect_many(["2-1"])[0], Issued)
        twin = subprocess.run(
            [
                sys.executable,
                "-m",
                "banyan.adapters.simulated_superior",
                *("--directory", str(tmp_path / "d"), "--socket", str(tmp_path / "other.sock")),
            ],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert twin.returncode == 1
        assert "已在" in twin.stderr
    finally:
        second.terminate()
        assert second.wait(20) == 0
        connector.close()


def test_the_directory_shows_no_key_in_clear(superior: Superior) -> None:
    outcome = issued_pair(superior, task("1-1"))
    assert outcome.envelope is not None
    files = [place for place in (superior.place / "simulator").iterdir() if place.is_file()]
    assert any(place.name == "issuing.key" for place in files)
    private = superior._running[0]._authority._private if superior._running else b""
    assert len(private) == 32
    for place in files:
        assert private not in place.read_bytes()
