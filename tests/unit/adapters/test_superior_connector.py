"""The connector and the simulated superior CA over their socket: the ordinary course (A11, A12)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from banyan import gm
from banyan.adapters.superior_ca import SuperiorFailed, TaskConflict
from banyan.domain.ca.ports import Connector, CrlOrder, Issued, Pending, Rejected, StatusChanged
from banyan.pki.certificate import Certificate
from banyan.pki.crl import parse_crl
from banyan.pki.envelope import open_enveloped_key
from banyan.pki.lint import check_certificate
from banyan.pki.profile import load_profiles
from support.superior import NOW, Superior, issued_pair, private_key_of, status_task, task


def test_it_is_a_connector(superior: Superior) -> None:
    assert isinstance(superior.connector, Connector)
    assert superior.connector.code == "simulated-superior"


def test_a_task_is_pending_then_issued(superior: Superior) -> None:
    superior.restart(delay=30)
    work = task("1-1")
    superior.connector.submit_many([work])
    assert superior.connector.collect_many(["1-1"]) == [Pending("1-1")]
    assert superior.connector.status().pending == 1
    superior.clock.advance(30)
    (outcome,) = superior.connector.collect_many(["1-1"])
    assert isinstance(outcome, Issued)
    assert superior.connector.status().pending == 0
    assert superior.connector.collect_many(["1-1"]) == [outcome]


@pytest.mark.parametrize("profile", ["sm2-personal", "sm2-organization", "sm2-device", "sm2-seal"])
def test_the_pair_says_what_was_asked_and_the_envelope_opens_with_the_request_key(
    superior: Superior, profile: str
) -> None:
    work = task("1-1", profile=profile)
    outcome = issued_pair(superior, work)
    issuing = Certificate.parse(superior.connector.chain()[1])
    signing = Certificate.parse(outcome.signing_certificate)
    assert outcome.encryption_certificate is not None
    encryption = Certificate.parse(outcome.encryption_certificate)
    for certificate in (signing, encryption):
        assert certificate.subject_der == work.subject_der
        assert (certificate.not_before, certificate.not_after) == (work.not_before, work.not_after)
        assert certificate.issuer_der == issuing.subject_der
        assert gm.sm2.verify_many([(issuing.public_key, certificate.tbs_der, certificate.signature)]) == [True]
    assert signing.serial != encryption.serial
    private = private_key_of("1-1")
    assert signing.public_key == gm.sm2.public_key(private)
    assert outcome.envelope is not None
    opened, public = open_enveloped_key(outcome.envelope, lambda ciphertext: gm.sm2.decrypt(private, ciphertext))
    assert public == encryption.public_key
    assert gm.sm2.public_key(opened) == public


def test_what_it_issues_passes_our_own_lint(superior: Superior) -> None:
    outcome = issued_pair(superior, task("1-1"))
    issuer = superior.issuer()
    for der in (outcome.signing_certificate, outcome.encryption_certificate):
        assert der is not None
        assert [
            found for found in check_certificate(der, load_profiles()["sm2-device"], issuer) if found.is_error
        ] == []


def test_a_soft_token_gets_its_own_policy(superior: Superior) -> None:
    hard = issued_pair(superior, task("1-1"))
    soft = issued_pair(superior, task("2-1", is_soft_token=True))
    policies = [Certificate.parse(one.signing_certificate).policies for one in (hard, soft)]
    assert policies[0] != policies[1]


def test_every_name_says_that_it_is_simulated(superior: Superior) -> None:
    for der in superior.connector.chain():
        for name in (Certificate.parse(der).subject, Certificate.parse(der).issuer):
            common_name = dict(name)["CN"]
            assert "模拟上级" in common_name
            assert "测试" in common_name
    assert "模拟上级" in superior.connector.status().note


def test_submitting_again_changes_nothing(superior: Superior) -> None:
    work = task("1-1")
    first = issued_pair(superior, work)
    superior.connector.submit_many([work])
    assert superior.connector.collect_many(["1-1"]) == [first]


def test_a_task_number_with_other_content_is_refused_and_the_rest_goes_on(superior: Superior) -> None:
    work = task("1-1")
    superior.connector.submit_many([work])
    other = replace(work, not_after=work.not_after + timedelta(days=1))
    with pytest.raises(TaskConflict) as refused:
        superior.connector.submit_many([other, task("2-1")])
    assert refused.value.fields == {"task_no": "1-1"}
    first, second = superior.connector.collect_many(["1-1", "2-1"])
    assert isinstance(first, Issued)
    assert Certificate.parse(first.signing_certificate).not_after == work.not_after
    assert isinstance(second, Issued)


def test_unknown_task_numbers_are_left_out(superior: Superior) -> None:
    assert superior.connector.collect_many(["nobody"]) == []


def test_an_answer_survives_a_restart_of_the_simulator(superior: Superior) -> None:
    first = issued_pair(superior, task("1-1"))
    superior.connector.submit_many([task("2-1")])
    chain = superior.connector.chain()
    superior.restart()
    assert superior.connector.chain() == chain
    assert superior.connector.collect_many(["1-1"]) == [first]
    assert isinstance(superior.connector.collect_many(["2-1"])[0], Issued)


def test_bad_requests_are_rejected_for_good_and_do_not_hold_up_the_others(superior: Superior) -> None:
    good = task("good")
    broken = replace(task("broken"), csr=task("broken").csr[:-1] + bytes([task("broken").csr[-1] ^ 1]))
    garbage = replace(task("garbage"), csr=b"\x30\x03\x02\x01\x00")
    equipment = replace(task("equipment"), profile="p256-device")
    reused = replace(task("reused"), csr=good.csr)
    too_long = replace(task("too-long"), not_after=NOW + timedelta(days=40 * 365))
    backwards = replace(task("backwards"), not_after=NOW - timedelta(days=1))
    works = [good, broken, garbage, equipment, reused, too_long, backwards]
    superior.connector.submit_many(works)
    outcomes = {one.task_no: one for one in superior.connector.collect_many([work.task_no for work in works])}
    codes = {name: one.code for name, one in outcomes.items() if isinstance(one, Rejected)}
    assert codes == {
        "broken": "superior.request_not_proven",
        "garbage": "superior.request_malformed",
        "equipment": "superior.profile_not_served",
        "reused": "superior.key_used_before",
        "too-long": "superior.content_refused",
        "backwards": "superior.content_refused",
    }
    assert isinstance(outcomes["good"], Issued)
    assert all("请" in one.message for one in outcomes.values() if isinstance(one, Rejected))


def test_a_key_is_certified_once_also_in_a_later_call(superior: Superior) -> None:
    work = task("1-1")
    issued_pair(superior, work)
    superior.connector.submit_many([replace(task("2-1"), csr=work.csr)])
    (outcome,) = superior.connector.collect_many(["2-1"])
    assert isinstance(outcome, Rejected)
    assert outcome.code == "superior.key_used_before"


def test_a_thousand_tasks_go_through_in_slices(superior: Superior) -> None:
    works = [task(f"{number}-1") for number in range(600)]
    superior.connector.submit_many(works)
    outcomes = superior.connector.collect_many([work.task_no for work in works])
    assert [one.task_no for one in outcomes] == [work.task_no for work in works]
    serials = set()
    for one in outcomes:
        assert isinstance(one, Issued)
        assert one.encryption_certificate is not None
        serials |= {Certificate.parse(der).serial for der in (one.signing_certificate, one.encryption_certificate)}
    assert len(serials) == 1200


def test_hold_release_and_revoke_show_in_the_crl(superior: Superior) -> None:
    outcome = issued_pair(superior, task("1-1"))
    serials = tuple(
        Certificate.parse(der).serial_hex
        for der in (outcome.signing_certificate, outcome.encryption_certificate)
        if der is not None
    )
    connector = superior.connector
    order = CrlOrder("any", 99, NOW, NOW + timedelta(days=1), ())

    def listed() -> dict[str, str]:
        crl = parse_crl(connector.crl(order))
        assert crl.number == connector.last_crl_number("any")
        return {entry.serial.hex().upper(): entry.reason.name for entry in crl.entries()}

    assert listed() == {}
    assert connector.revoke_many([status_task("h", serials, "hold", "certificateHold")]) == [StatusChanged("h")]
    assert connector.certificate_states(serials) == dict.fromkeys(serials, "HELD")
    assert listed() == dict.fromkeys(serials, "CERTIFICATE_HOLD")
    connector.revoke_many([status_task("r", serials, "release", "")])
    assert listed() == {}
    connector.revoke_many([status_task("x", serials, "revoke", "keyCompromise")])
    assert connector.revoke_many([status_task("x", serials, "revoke", "keyCompromise")]) == [StatusChanged("x")]
    assert listed() == dict.fromkeys(serials, "KEY_COMPROMISE")
    assert connector.last_crl_number("any") == 4
    superior.clock.advance(8 * 86400)
    assert listed() == dict.fromkeys(serials, "KEY_COMPROMISE")
    assert connector.last_crl_number("any") == 5


def test_a_second_revocation_keeps_the_first_date_and_reason(superior: Superior) -> None:
    outcome = issued_pair(superior, task("1-1"))
    serials = (Certificate.parse(outcome.signing_certificate).serial_hex,)
    order = CrlOrder("any", 1, NOW, NOW + timedelta(days=1), ())
    superior.connector.revoke_many([status_task("a", serials, "revoke", "superseded")])
    first = superior.connector.crl(order)
    later = replace(status_task("b", serials, "revoke", "keyCompromise"), at=NOW + timedelta(hours=2))
    assert superior.connector.revoke_many([later]) == [StatusChanged("b")]
    assert superior.connector.crl(order) == first


def test_impossible_changes_of_status_are_rejected(superior: Superior) -> None:
    outcome = issued_pair(superior, task("1-1"))
    serials = (Certificate.parse(outcome.signing_certificate).serial_hex,)
    connector = superior.connector
    connector.revoke_many([status_task("a", serials, "revoke", "superseded")])
    outcomes = connector.revoke_many(
        [
            status_task("b", serials, "release", ""),
            status_task("c", ("00FF",), "revoke", "superseded"),
            status_task("d", serials, "resurrect", ""),
            status_task("a", serials, "hold", "certificateHold"),  # a known number with other content
        ]
    )
    assert [one.code for one in outcomes if isinstance(one, Rejected)] == [
        "superior.status_refused",
        "superior.certificate_unknown",
        "superior.status_refused",
        "superior.task_conflict",
    ]
    assert connector.certificate_states([*serials, "00FF"]) == {serials[0]: "REVOKED"}


def test_changes_of_status_take_their_time_too(superior: Superior) -> None:
    outcome = issued_pair(superior, task("1-1"))
    serials = (Certificate.parse(outcome.signing_certificate).serial_hex,)
    superior.restart(delay=60)
    change = status_task("a", serials, "revoke", "superseded")
    assert superior.connector.revoke_many([change]) == [Pending("a")]
    superior.clock.advance(60)
    assert superior.connector.revoke_many([change]) == [StatusChanged("a")]


def test_a_failure_inside_the_superior_is_one_to_retry(superior: Superior) -> None:
    with pytest.raises(SuperiorFailed) as refused:
        superior.connector._call("no_such_call")
    assert refused.value.fields["reason"] == "kernel.internal"
