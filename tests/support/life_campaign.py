"""Whole lives one after the other, their processes killed at every boundary and at random moments; then judged."""

import random
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from banyan.adapters.connectors import SIMULATED_SUPERIOR
from banyan.kernel.errors import RemoteError, ServiceUnavailable
from banyan.kernel.rpc import Client
from support.boundaries import both
from support.installation import Nursery, Process

_ACTIONS_OF_THE_LIFE = {
    "administering": "ask_for_change confirm_change",
    "audit": "_enter_epoch",
    "banyan": "open_request enter",
    "ca": "register_authority retire_authority _record _import_slice _mark_submitted _postpone _record_slice "
          "_record_rejected _ask_again reserve_issuances _replay_slice revoke_pairs hold_pair release_pair _settle",
    "content": "plan_stop call_off_stop note_services",
    "desk": "send_once",
    "iam": "open_account renew_link set_account_active grant_role end_role set_password use_link open_session log_out "
          "take_try note_failure open_challenge take_challenge bind_certificate unbind_certificate set_staff_login _spend "
          "request_dual confirm_dual withdraw_dual resend pause resume renew_sample_links confirm_and_carry_out "
          "unlock_account end_session enrol _open reset_code set_policy",
    "inventory": "install_media register_medium receive_tokens assign release personalize finish abandon ship hand_over lock "
          "unlock take_back lose find damage restock destroy move_stock open_admin_pin_for_unlock register_agent end_agent "
          "make_pins tell_initial_pin _personalization _noted come_back",
    "kmc": "request_recovery approve_recovery refuse_recovery _ensure_carriable _record_done",
    "lifecycle": "_use_grant",
    "papers": "ask confirm_change withdraw_change _note _open _give _renew",
    "parties": "update_person update_organization update_device install_regions open_issuing_point update_issuing_point "
          "reveal_person look_up_holdings register_person register_organization register_device register_people "
          "register_organizations register_devices",
    "ra": "hold_file _drop _drop_of_closed _download cancel cancel_issuance set_token_aside void_pair give_files enter "
          "send_back precheck _change _open_once _open_slice _ensure_unlockable unlocked revoke _task_of_agent "
          "recompute_due_dates enter_corrected compare_field settle_field proofread_checked send_back_marked look_up_others "
          "note_attempt record_call resend_notice prepare_parcel take_out send_parcel parcel_delivered parcel_returned "
          "reveal_recipient reveal_requester _add take_in change_intake look_up_holder",
    "sheets": "open_original",
    "systems": "install_systems configure_system switch_issuing_point",
}  # fmt: skip
ACTIONS_OF_THE_LIFE = frozenset(
    f"{package}.{name}" for package, names in _ACTIONS_OF_THE_LIFE.items() for name in names.split()
)
STORES_OF_THE_LIFE = {
    "signer": ("journal.db:last_crl", "journal.db:block"),
    "kmc": ("store.db:pool", "store.db:recovered"),
    "superior": ("simulator.sqlite3:status_tasks", "simulator.sqlite3:crls"),
}
# Where nobody is killed, and why: boundaries, or actions with all their boundaries.
EXCEPTIONS: dict[str, frozenset[str]] = {
    "always a part of another action's transaction": frozenset({
        "ca._open_slice", "ca.void_issuance", "iam.use_dual", "inventory.open_tasks", "inventory.record_written",
        "inventory.record_verified", "inventory.void_task", "lifecycle.grant_unlock", "lifecycle.settle_at_approval",
        "lifecycle.settle_at_delivery", "lifecycle.revoke_with_token",
        "parties.look_up_holdings_of_many", "inventory.open_initial_pin_for_letter", "inventory.forget_initial_pin",
        "inventory.renew_initial_pin",
    }),
    "only while an installation is made, which is begun anew": frozenset({
        "iam.prepare_first_accounts", "iam.register_installation",
    }),
    "never the table written last before a commit": frozenset({
        "journal.db:dictionary", "store.db:data_key", "store.db:history", "index.db:used_key",
    }),
    "at an orderly end only; filled again from the journal at the next start": frozenset({"index.db:progress"}),
}  # fmt: skip
_SOCKETS = {"signer": "signer", "kmc": "kmc", "superior": SIMULATED_SUPERIOR}
_LONGEST = 120.0  # seconds for one process of a life


class LifeCampaign:
    """Each process is armed with the boundaries where none died yet; it dies at the first that it passes."""

    def __init__(self, nursery: Nursery, place: Path, seed: int) -> None:
        self.nursery = nursery
        self.place = place
        self.rounds = 0
        self.lives = 0
        # "none": what is committed outside actions, such as a refusal's record or a delivered message.
        self.left = {name: set(both(*stores)) for name, stores in STORES_OF_THE_LIFE.items()}
        self.left["worker"] = set(both(*ACTIONS_OF_THE_LIFE, "none"))
        self._chance = random.Random(seed)  # noqa: S311  (moments, not secrets)
        self._processes: dict[str, Process] = {}
        self._kill_at = 0.0
        self._backup = place / "backup"

    def run(self, rounds: int) -> None:
        """Lives until so many rounds were had; the first one meets every boundary."""
        for name in _SOCKETS:
            self._start(name)
        while not self.lives or self.rounds < rounds:
            self._carry("life")
            self._at_rest(self._take_backup)
            self._carry("lost", is_killed=False)
            self._at_rest(self._put_back)
            self._carry("restored")
            self.lives += 1
            self.nursery.finish("judge_life", place=str(self.place / "judgement.json"), lives=self.lives)
            self.nursery.verdict()
            assert not any(self.left.values()), {name: sorted(left) for name, left in self.left.items()}

    # processes

    def _start(self, name: str) -> None:
        """Start one of the processes that serve; it may die before it answers."""
        while True:
            process = self._processes[name] = self.nursery.start(
                name, any_of=sorted(self.left.get(name, ())), note=str(self._note(name))
            )
            while process.status() is None:
                try:
                    with Client(self.nursery.home.socket(_SOCKETS[name]), timeout=5) as client:
                        client.call("ping")
                        return
                except (ServiceUnavailable, RemoteError):
                    time.sleep(0.003)
            self._count(name, process)

    def _note(self, name: str) -> Path:
        return self.place / f"died-{name}"

    def _count(self, name: str, process: Process) -> None:
        assert process.status() == -9, self.nursery.log(process.role)
        self.rounds += 1
        if self._note(name).exists():
            self.left[name].discard(self._note(name).read_text())
            self._note(name).unlink()

    def _carry(self, role: str, *, is_killed: bool = True) -> None:
        worker = self._work(role, is_killed)
        began = time.monotonic()
        while (status := worker.status()) != 0:
            if status is not None:
                self._count("worker", worker)
                worker, began = self._work(role, is_killed), time.monotonic()
            if self._kill_at and time.monotonic() > self._kill_at:
                victim = self._chance.choice([worker, *self._processes.values()])
                victim.kill()
                self._kill_at = self._soon()
            for name, process in self._processes.items():
                if process.status() is not None:
                    self._count(name, process)
                    self._start(name)
            assert time.monotonic() - began < _LONGEST, self.nursery.log(role)
            time.sleep(0.002)
        self._kill_at = 0.0

    def _work(self, role: str, is_killed: bool) -> Process:
        left = sorted(self.left["worker"]) if is_killed else []
        # Random moments as long as there are boundaries would seldom let a process come to one.
        self._kill_at = self._soon() if is_killed and self.lives else 0.0
        return self.nursery.start(
            role, any_of=left, note=str(self._note("worker")), place=str(self.place), number=self.lives
        )

    def _soon(self) -> float:
        return time.monotonic() + 0.05 + 1.2 * self._chance.random() ** 2

    # the backup

    def _at_rest(self, work: Callable[[], None]) -> None:
        """With everything that holds the database stopped, as one backs up and restores."""
        for process in self._processes.values():
            process.kill()
        work()
        for name in _SOCKETS:
            self._start(name)

    def _take_backup(self) -> None:
        url = self.nursery.installation.database
        if url:
            self._copy_database(url, _name(url), f"{_name(url)}_backup")
            return
        with (
            closing(sqlite3.connect(self.nursery.home.database)) as source,
            closing(sqlite3.connect(self._backup)) as target,
        ):
            source.backup(target)

    def _put_back(self) -> None:
        url = self.nursery.installation.database
        if url:
            self._copy_database(url, f"{_name(url)}_backup", _name(url))
            return
        place = self.nursery.home.database
        for ending in ("", "-wal", "-shm"):
            Path(f"{place}{ending}").unlink(missing_ok=True)
        shutil.copy(self._backup, place)

    def _copy_database(self, url: str, source: str, target: str) -> None:
        import psycopg

        with psycopg.connect(url.replace(f"/{_name(url)}?", "/postgres?"), autocommit=True) as server:
            server.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname IN (%s, %s)", [source, target]
            )
            server.execute(f"DROP DATABASE IF EXISTS {target} WITH (FORCE)")
            server.execute(f"CREATE DATABASE {target} TEMPLATE {source}")


def _name(url: str) -> str:
    return url.partition("?")[0].rpartition("/")[2]
