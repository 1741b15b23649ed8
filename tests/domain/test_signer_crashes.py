"""Kill -9 at every named boundary of signer and KMC, then repeat: one pair an intent, never two (design §5).

Real processes over their sockets; what they leave on disk is all that the next start has.
"""

import random
import time
from typing import Any

import pytest

from banyan import gm
from banyan.adapters.embedded_ca import EmbeddedConnector
from banyan.domain.ca.ports import CrlOrder, IssuanceTask, Issued, Pending, Rejected
from banyan.kernel.errors import ServiceUnavailable
from banyan.kernel.home import Home
from banyan.pki.certificate import Certificate
from banyan.pki.envelope import open_enveloped_key
from support import signing
from support.signing import NOW, Prepared

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def authorities(home: Home) -> dict[str, Any]:
    return signing.installation(home)


def task(one: Prepared) -> IssuanceTask:
    row = one.issuance
    return IssuanceTask(
        row.task_no, one.id, "sm2-personal", row.system, row.kind, row.profile, bytes(row.csr_der),
        bytes(row.subject_der), row.not_before, row.not_after, {})  # fmt: skip


def check(one: Prepared, outcome: Any) -> Issued:
    """Certificates and envelope belong together and to this token."""
    assert isinstance(outcome, Issued), outcome
    assert Certificate.parse(outcome.signing_certificate).public_key == one.public
    assert outcome.envelope is not None
    assert outcome.encryption_certificate is not None
    _, public = open_enveloped_key(outcome.envelope, lambda cipher: gm.sm2.decrypt(one.private, cipher))
    assert Certificate.parse(outcome.encryption_certificate).public_key == public
    return outcome


def journal(client: Any) -> list[int]:
    client.call("verify_journal")
    return [entry["issuance"] for entry in client.call("journal", after=0, limit=2000)]


BOUNDARIES = (
    "signer.before_signing",
    "signer.before_commit",
    "signer.after_commit",
    "kmc.before_commit",
    "kmc.after_commit",
)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_a_process_killed_at_a_boundary_leaves_one_pair_an_intent(
    home: Home, authorities: dict[str, Any], boundary: str
) -> None:
    prepared = signing.prepare(authorities["sm2-personal"], 4)
    dying = boundary.split(".")[0]
    other = "kmc" if dying == "signer" else "signer"
    connector = EmbeddedConnector(home)
    tasks, numbers = [task(one) for one in prepared], [one.issuance.task_no for one in prepared]
    with signing.running(home, other) as clients:
        doomed = signing.program(home, dying, BANYAN_STOP_AT=boundary)
        signing.wait_until_answering(home, dying, doomed).close()
        connector.submit_many(tasks)
        with pytest.raises(ServiceUnavailable):
            connector.collect_many(numbers)
        assert doomed.wait(20) == -9
        with signing.running(home, dying) as again:
            outcomes = {outcome.task_no: outcome for outcome in connector.collect_many(numbers)}
            first = [check(one, outcomes[one.issuance.task_no]) for one in prepared]
            connector.submit_many(tasks)
            second = {outcome.task_no: outcome for outcome in connector.collect_many(numbers)}
            for one, before in zip(prepared, first, strict=True):
                repeated = check(one, second[one.issuance.task_no])
                assert repeated.signing_certificate == before.signing_certificate
                assert repeated.encryption_certificate == before.encryption_certificate
            signer = again["signer"] if dying == "signer" else clients["signer"]
            kmc = clients["kmc"] if dying == "signer" else again["kmc"]
            assert journal(signer) == sorted(one.id for one in prepared)
            assert kmc.call("status")["in_use"] == 4
    connector.close()


def test_killing_both_at_random_moments_loses_and_doubles_nothing(home: Home, authorities: dict[str, Any]) -> None:
    prepared = [one for _ in range(3) for one in signing.prepare(authorities["sm2-personal"], 60)]
    chance = random.Random(20260301)  # noqa: S311  (moments, not secrets)
    connector = EmbeddedConnector(home, patience=60)
    left = {one.issuance.task_no: one for one in prepared}
    got: dict[str, Issued] = {}
    processes = {name: signing.program(home, name) for name in ("signer", "kmc")}
    try:
        for name, process in processes.items():
            signing.wait_until_answering(home, name, process).close()
        for round_number in range(40):
            if not left:
                break
            some = list(left.values())[:40]
            connector.submit_many([task(one) for one in some])
            if round_number < 3:
                time.sleep(chance.uniform(0.0, 0.15))
                victim = chance.choice(("signer", "kmc"))
                processes[victim].kill()
                processes[victim].wait()
            try:
                outcomes = connector.collect_many([one.issuance.task_no for one in some])
            except ServiceUnavailable:
                for name, process in processes.items():
                    if process.poll() is not None:
                        processes[name] = signing.program(home, name)
                        signing.wait_until_answering(home, name, processes[name]).close()
                continue
            for outcome in outcomes:
                if not isinstance(outcome, Pending):
                    got[outcome.task_no] = check(left.pop(outcome.task_no), outcome)
        signer = signing.wait_until_answering(home, "signer", processes["signer"])
        assert sorted(journal(signer)) == sorted(one.id for one in prepared)
        signer.close()
    finally:
        connector.close()
        for process in processes.values():
            process.terminate()
            process.wait(20)
    assert len(got) == len(prepared)


def test_nobody_answers_and_nothing_is_lost(home: Home, authorities: dict[str, Any]) -> None:
    """Both processes down: the work stays queued, the state says so; when they come back it is done (A11)."""
    (one,) = signing.prepare(authorities["sm2-personal"])
    connector = EmbeddedConnector(home)
    assert not connector.status().is_up
    connector.submit_many([task(one)])
    with pytest.raises(ServiceUnavailable):
        connector.collect_many([one.issuance.task_no])
    with signing.running(home, "signer", "kmc"):
        assert connector.status().is_up
        (outcome,) = connector.collect_many([one.issuance.task_no])
        check(one, outcome)
        assert connector.collect_many(["unknown"]) == []
    connector.close()


def test_refusals_and_lists_come_through_the_connector(home: Home, authorities: dict[str, Any]) -> None:
    good, bad, single = [
        *signing.prepare(authorities["sm2-personal"], 1),
        *signing.prepare(authorities["sm2-personal"], 1, people=(11, 11, 13)),
        *signing.prepare(authorities["sm2-personal"], 1, changes={"voided_at": NOW}),
    ]
    connector = EmbeddedConnector(home)
    with signing.running(home, "signer", "kmc"):
        connector.submit_many([task(one) for one in (good, bad, single)])
        outcomes = {
            one.task_no: one for one in connector.collect_many([o.issuance.task_no for o in (good, bad, single)])
        }
        check(good, outcomes[good.issuance.task_no])
        refusals = [outcomes[one.issuance.task_no] for one in (bad, single)]
        assert [one.code for one in refusals if isinstance(one, Rejected)] == [
            "signer.same_person",
            "kmc.issuance_void",
        ]
        from datetime import timedelta

        der = connector.crl(CrlOrder("sm2-personal", 3, NOW, NOW + timedelta(days=1), ()))
        assert der.startswith(b"\x30")
        assert connector.last_crl_number("sm2-personal") == 3
    connector.close()
