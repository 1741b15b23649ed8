"""A simulated superior CA behind a socket, its clock in the test's hand, and work for it."""

import shutil
import tempfile
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from banyan import gm
from banyan.adapters.simulated_superior.__main__ import SimulatorServer
from banyan.adapters.simulated_superior.faults import FaultPlan
from banyan.adapters.simulated_superior.service import SimulatedSuperior
from banyan.adapters.superior_ca import SuperiorConnector
from banyan.domain.ca import rules as ca_rules
from banyan.domain.ca.ports import IssuanceTask, Issued, StatusTask
from banyan.pki import csr
from banyan.pki.certificate import Certificate, Issuer, issuer_of
from banyan.pki.names import encode_name

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


@dataclass
class Clock:
    """An instant that moves only when told."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Superior:
    """The simulator served in a thread, and a connector to it."""

    place: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="banyan-superior-")))
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self._running: tuple[SimulatedSuperior, SimulatorServer, threading.Thread] | None = None
        self.connector = SuperiorConnector(self.place / "s.sock", timeout=10)
        self.restart()

    def restart(self, *, delay: float = 0.0, plan: FaultPlan | None = None) -> None:
        """Stop if running and start on the same directory."""
        self.stop()
        simulator = SimulatedSuperior(self.place / "simulator", delay=delay, plan=plan, now=self.clock)
        server = SimulatorServer(self.place / "s.sock", simulator)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        self._running = simulator, server, thread

    def stop(self) -> None:
        """Stop serving; what was answered stays."""
        if self._running is not None:
            simulator, server, thread = self._running
            self.connector.close()
            server.shutdown()
            thread.join()
            server.server_close()
            simulator.close()
            self._running = None

    def remove(self) -> None:
        """Stop and leave nothing behind."""
        self.stop()
        shutil.rmtree(self.place)

    def issuer(self) -> Issuer:
        """How the simulated CA shows in what it signs."""
        place = "http://simulated-superior.invalid"
        return issuer_of(
            Certificate.parse(self.connector.chain()[1]),
            crl_urls=[f"{place}/issuing.crl"],
            ocsp_urls=[f"{place}/ocsp"],
            ca_issuers_urls=[f"{place}/issuing.crt"],
        )


@cache
def private_key_of(task_no: str) -> bytes:
    """The signing key behind the request of a task; in life it never leaves a token."""
    return gm.sm2.generate_keypair().private


@cache
def _request_of(task_no: str, subject_der: bytes) -> bytes:
    private = private_key_of(task_no)
    public = gm.sm2.public_key(private)
    return csr.build(subject_der, public, lambda message: gm.sm2.sign(private, public, message))


def task(task_no: str, *, profile: str = "sm2-device", **extensions: Any) -> IssuanceTask:
    """An issuance task; the same number always gives the same task."""
    subject = encode_name((("C", "CN"), ("ST", "福建省"), ("O", "测试单位"), ("CN", f"试验 {task_no}")))
    return IssuanceTask(
        task_no=task_no,
        issuance=7,
        ca="superior-sm2",
        system="GENERAL",
        kind="DEVICE",
        profile=profile,
        csr=_request_of(task_no, subject),
        subject_der=subject,
        not_before=NOW,
        not_after=NOW + timedelta(days=365),
        extension_values=ca_rules.extension_values(**extensions, **_needed_by(profile)),
    )


def _needed_by(profile: str) -> dict[str, Any]:
    from banyan.pki.certificate import IdentifyCode
    from banyan.pki.profile import Presence, load_profiles

    wanted = load_profiles()[profile]
    values: dict[str, Any] = {}
    if wanted.identify_code_presence is Presence.REQUIRED:
        values["identify_code"] = IdentifyCode.from_hmac("resident", gm.sm3(b"nobody"))
    if wanted.organization_code is Presence.REQUIRED:
        values["organization_code"] = "91350100M000100Y43"
    return values


def status_task(task_no: str, serials: tuple[str, ...], action: str, reason: str) -> StatusTask:
    """A change of status."""
    return StatusTask(task_no=task_no, ca="superior-sm2", serials=serials, action=action, reason=reason, at=NOW)


def issued_pair(superior: Superior, work: IssuanceTask) -> Issued:
    """Submit and collect a task that nothing holds up."""
    superior.connector.submit_many([work])
    (outcome,) = superior.connector.collect_many([work.task_no])
    assert isinstance(outcome, Issued), outcome
    return outcome
