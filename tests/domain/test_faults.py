"""A process down, a CA silent, the disk full, two starts at once (issue 2, bad input and faults).

Work queues up, says that it waits, and goes on by itself; nothing is lost and nothing is done twice.
"""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from banyan.adapters.connectors import SIMULATED_SUPERIOR
from banyan.cli import sample
from banyan.domain.inventory import actions as inventory
from banyan_token.errors import PinLocked
from support import issuing
from support import token as devices
from support.agent import free_port
from support.installation import Nursery, Process, database_of_this_run, living

_SOCKETS = {"signer": "signer", "kmc": "kmc", "superior": SIMULATED_SUPERIOR}
_CONNECTORS = {"signer": "embedded", "kmc": "embedded", "superior": SIMULATED_SUPERIOR}
_ROWS = 4


class Office:
    """An installation at work: sheets of four rows, people logged in, processes that come and go."""

    def __init__(self, nursery: Nursery) -> None:
        self.nursery = nursery
        self.place = nursery.home.path.parent
        self.sheets = 0
        self._unfinished: list[str] = []
        self._by_superior: dict[str, int] = {}
        self.sessions = str(self.place / "sessions.json")
        nursery.finish("people", place=self.sessions)

    def sheet(self) -> str:
        """Four applications nobody has made yet."""
        first = self.sheets * _ROWS
        path = self.place / f"sheet-{self.sheets}.xlsx"
        rows = sample.sheet_rows(first + _ROWS)[first : first + _ROWS]
        sample.write_sheet(path, rows)
        self.sheets += 1
        self._by_superior[str(path)] = sum(row["证书种类"] == "单位" for row in rows)
        self._unfinished.append(str(path))
        return str(path)

    @property
    def requests(self) -> int:
        return self.sheets * _ROWS

    def due_from(self, connector: str, *sheets: str) -> int:
        """How many rows of these sheets that CA is to issue."""
        superior = sum(self._by_superior[sheet] for sheet in sheets)
        return superior if connector == SIMULATED_SUPERIOR else len(sheets) * _ROWS - superior

    @contextmanager
    def running(self, *names: str, **options: Any) -> Iterator[list[Process]]:
        """Processes for the time of the block."""
        started = [self.nursery.start(name, **options) for name in names]
        try:
            for name, process in zip(names, started, strict=True):
                self.nursery.wait_for(_SOCKETS[name], process)
            yield started
        finally:
            for process in started:
                process.kill()

    def look(self) -> dict[str, Any]:
        self.nursery.finish("look", place=str(self.place / "look.json"))
        found: dict[str, Any] = json.loads((self.place / "look.json").read_text(encoding="utf-8"))
        return found

    def finish(self) -> None:
        """Carry every sheet to its end with everything running, and have all judged."""
        with self.running(*_SOCKETS):
            while self._unfinished:
                sheet = self._unfinished[0]
                self.nursery.finish("worker", sheet=sheet, sessions=self.sessions)
                del self._unfinished[0]
            self.nursery.judged(self.requests, thorough=True)


@pytest.fixture(scope="module")
def whole() -> Iterator[Office]:
    with living(database_of_this_run()) as nursery:
        yield Office(nursery)


@pytest.fixture
def office(whole: Office) -> Office:
    """The module's installation; what a failed test left is carried to its end first."""
    whole.finish()
    return whole


@pytest.mark.parametrize("absent", ["signer", "kmc", "superior"])
def test_intake_and_issuing_go_on_queued_while_a_process_is_down(office: Office, absent: str) -> None:
    """Requests are taken in and sent on, show that they wait, and are issued by the jobs once it is back."""
    present = [name for name in _SOCKETS if name != absent]
    first = office.sheet()
    with office.running(*present):
        office.nursery.finish("queue", sheet=first, sessions=office.sessions)
        office.nursery.finish("jobs", lasting=1.5)
        second = office.sheet()
        office.nursery.finish("queue", sheet=second, sessions=office.sessions)
        seen = office.look()
        expected = office.due_from(_CONNECTORS[absent], first, second)
        assert seen["waiting"][_CONNECTORS[absent]] == expected
        notes = [note for step, note in seen["requests"].values() if step == "issue" and note]
        assert len(notes) >= expected
        assert all(note.startswith("等待") for note in notes)
        with office.running(absent):
            office.nursery.finish("jobs", lasting=60)
            assert office.look()["waiting"] == {}
    office.finish()


def test_a_superior_ca_silent_for_an_hour_is_waited_for(office: Office) -> None:
    sheet, clock = office.sheet(), office.place / "superior-clock"
    while not office.due_from(SIMULATED_SUPERIOR, sheet):
        sheet = office.sheet()
    # By its own clock the hour began two hours ago, so it is past for the tests that follow.
    began = datetime.now(UTC) - timedelta(hours=2)
    expected = {SIMULATED_SUPERIOR: office.due_from(SIMULATED_SUPERIOR, sheet)}
    clock.write_text(began.isoformat())
    faults = ["--faults", "silence", "--fault-share", "1", "--silence", "3600", "--clock-file", str(clock)]
    with office.running("signer", "kmc"), office.running("superior", options=faults) as (superior,):
        office.nursery.finish("queue", sheet=sheet, sessions=office.sessions)
        office.nursery.finish("jobs", lasting=3)
        assert office.look()["waiting"] == expected  # our own CA is not held up
        clock.write_text((began + timedelta(minutes=59)).isoformat())
        office.nursery.finish("jobs", lasting=2)
        assert office.look()["waiting"] == expected
        clock.write_text((began + timedelta(minutes=61)).isoformat())
        office.nursery.finish("jobs", lasting=60)
        assert office.look()["waiting"] == {}
        assert superior.status() is None
    office.finish()


def test_two_jobs_processes_side_by_side_issue_nothing_twice(office: Office) -> None:
    sheets = [office.sheet(), office.sheet()]
    with office.running(*_SOCKETS):
        for sheet in sheets:
            office.nursery.finish("queue", sheet=sheet, sessions=office.sessions)
        pair = [office.nursery.start("jobs", lasting=60) for _ in range(2)]
        assert [one.wait() for one in pair] == [0, 0], office.nursery.log("jobs")
    office.finish()


def test_two_people_working_on_the_same_sheet_at_once_open_each_request_once(office: Office) -> None:
    """The second start of the same import either goes on with it or is told so; nothing comes twice."""
    sheet = office.sheet()
    pair = [office.nursery.start("queue", sheet=sheet, sessions=office.sessions) for _ in range(2)]
    for one in pair:
        with suppress(AssertionError):
            one.wait(60)
    office.finish()


def test_a_full_disk_of_the_signer_or_the_kmc_holds_work_back_and_loses_none(office: Office) -> None:
    for victim in ("signer", "kmc"):
        sheet = office.sheet()
        other = [name for name in _SOCKETS if name != victim]
        with office.running(*other), office.running(victim) as (process,):
            process.kill()
            (starved,) = [office.nursery.start(victim, largest_file=20_000)]
            with suppress(AssertionError):  # it may not even come up
                office.nursery.wait_for(_SOCKETS[victim], starved, seconds=10)
            office.nursery.finish("queue", sheet=sheet, sessions=office.sessions)
            office.nursery.finish("jobs", lasting=2)
            assert office.look()["waiting"]["embedded"] == office.due_from("embedded", sheet)
            starved.kill()
        office.finish()


def test_a_full_disk_during_import_gives_a_clear_error_and_a_state_to_go_on_from(office: Office) -> None:
    if office.nursery.installation.database:
        pytest.skip("the disk of a database server is not ours")
    sheet, home = office.sheet(), office.nursery.home
    session = office.place / "clerk-session"
    token = json.loads(Path(office.sessions).read_text())["clerk"]
    session.write_text(json.dumps({"home": str(home.path.resolve()), "token": token}))
    session.chmod(0o600)
    command = [sys.executable, "-m", "banyan", "sheet", "import", sheet, "--json"]
    environment = office.nursery.installation.environment | {"BANYAN_SESSION": str(session)}

    def run(*limit: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([*limit, *command], env=environment, capture_output=True, text=True, timeout=120)

    # Python itself would leave a truncated module behind for the tests that follow.
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    starved = run("prlimit", "--fsize=8192")
    assert starved.returncode == 1, starved.stdout
    assert "Traceback" not in starved.stderr
    assert "[" in starved.stderr.strip().splitlines()[-1]  # a message with its code
    done = run()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["good"] == _ROWS
    office.finish()


def test_a_wrong_pin_to_the_last_try_locks_for_good_whatever_is_killed(tmp_path: Path) -> None:
    """The counter survives kill -9 of whoever tries, between the tries; only the administrator PIN unlocks."""
    devices.make_token(tmp_path, serial="BYT9").close()

    def tried(times: int) -> list[int]:
        """Tries in a process that dies after the last one; what was left after each."""
        program = (
            "import os, sys\n"
            "from pathlib import Path\n"
            "from banyan_token.errors import TokenError\n"
            "from support import token as devices\n"
            "with devices.open_token(Path(sys.argv[1]), 'BYT9') as token:\n"
            "    for _ in range(int(sys.argv[2])):\n"
            "        try:\n"
            "            token.verify_pin('00000000')\n"
            "        except TokenError:\n"
            "            print(token.info().user_tries_left, flush=True)\n"
            "    os.kill(os.getpid(), 9)\n"
        )
        died = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path), str(times)], cwd=Path(__file__).parents[1],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert died.returncode == -9, died.stderr
        return [int(line) for line in died.stdout.split()]

    assert tried(2) + tried(3) + tried(1) == [5, 4, 3, 2, 1, 0]
    with devices.open_token(tmp_path, "BYT9") as token:
        with pytest.raises(PinLocked):
            token.verify_pin(devices.USER_PIN)
        token.unlock_with_admin_pin(devices.ADMIN_PIN, devices.NEW_PIN)
        token.verify_pin(devices.NEW_PIN)
        assert token.info().state == "ready"


def test_the_second_start_of_an_installation_is_told_and_disturbs_nothing(office: Office) -> None:
    port = str(free_port())
    environment = office.nursery.installation.environment | {"BANYAN_PORT": port}
    command = [sys.executable, "-m", "banyan", "run"]
    log = (office.place / "run.log").open("wb")
    first = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 90
        while time.monotonic() < until:
            with suppress(OSError), socket.create_connection(("127.0.0.1", int(port)), timeout=1):
                break
            time.sleep(0.1)
        second = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90)
        assert second.returncode == 1
        assert "run.port_taken" in second.stderr
        assert "Traceback" not in second.stderr
        assert first.poll() is None
    finally:
        first.send_signal(signal.SIGTERM)
        assert first.wait(40) == 0
        log.close()
    office.finish()


@pytest.mark.django_db(transaction=True)
def test_an_interactive_write_outlasts_a_long_writer() -> None:
    """Somebody holds the database for seconds, without taking the turn: the action waits and is done."""
    world = issuing.world(people=1)
    token = world.token()
    ready, done = threading.Event(), threading.Event()

    def hold() -> None:
        with _writer() as begin:
            begin()
            ready.set()
            done.wait(2.5)

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert ready.wait(10)
        began = time.monotonic()
        (row,) = inventory.assign(issuing.clerk(), [token.pk], now=issuing.NOW)
        waited = time.monotonic() - began
    finally:
        done.set()
        holder.join()
    assert row.state == "ASSIGNED"
    assert waited > 1.0, "nothing was in the way"


@contextmanager
def _writer() -> Iterator[Any]:
    """A program that is not ours and writes: its own connection, the write lock or the audit's head held."""
    if connection.vendor == "sqlite":
        other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None, check_same_thread=False)
        try:
            yield lambda: other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")
        finally:
            other.close()
        return
    import psycopg

    with psycopg.connect(_address()) as other_server:
        yield lambda: other_server.execute("SELECT * FROM audit_head FOR UPDATE")


def _address() -> str:
    return os.environ["BANYAN_DATABASE"]
