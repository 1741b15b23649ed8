"""What the signer refuses, whatever the caller or the database says (A4): "approved" by plain SQL is refused."""

import secrets
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from banyan import gm
from banyan.domain import audit
from banyan.domain.audit.models import GuardedModel, update_guarded
from banyan.domain.ca.models import CertificateAuthority, Issuance
from banyan.domain.ca.rules import canonical_json
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.ra.processes import shipped_process
from banyan.domain.rulebook.models import RuleVersion
from banyan.kernel.home import Home
from banyan.keys import receipt_key
from banyan.keys.kek import receipt
from banyan.pki import csr
from banyan.pki.names import encode_name
from support import signing
from support.signing import NOW, Direct, Prepared

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def authorities(home: Home) -> dict[str, CertificateAuthority]:
    return signing.installation(home)


@pytest.fixture
def signer(home: Home, authorities: dict[str, CertificateAuthority]) -> Iterator[Direct]:
    with signing.serving(home, "signer") as services:
        yield services["signer"]


def order(home: Home, one: Prepared) -> dict[str, Any]:
    """What the KMC would have given for this intent."""
    public = gm.sm2.generate_keypairs(1)[0].public
    proof = receipt(receipt_key(home.keys), one.id, public, one.public)
    return {"issuance": one.id, "encryption_public_key": public, "kmc_receipt": proof}


def answer(signer: Direct, home: Home, one: Prepared, **changes: Any) -> str:
    """The code of the refusal, "" when certificates came."""
    (given,) = signer.call("complete", intents=[{**order(home, one), **changes}])
    assert ("refused" in given) != ("signing_certificate" in given)
    return str(given.get("refused", ""))


def sql(statement: str, *values: Any) -> None:
    """What a database administrator can do."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        assert cursor.rowcount == 1


def rewrite(row: GuardedModel, **changes: Any) -> None:
    """A change by the product itself, MAC and all."""
    with audit.action_scope():
        for name, value in changes.items():
            setattr(row, name, value)
        update_guarded([row])
        audit.record(signing.TESTER, "test.rewrite", row)


def test_an_honest_intent_is_signed(signer: Direct, home: Home, authorities: dict[str, Any]) -> None:
    """The ground under every refusal below: without the spoiling, the same preparation is signed."""
    (one,) = signing.prepare(authorities["sm2-personal"])
    assert answer(signer, home, one) == ""


SPOILED_BY_SQL: dict[str, tuple[str, Callable[[Prepared], None]]] = {
    "approved by plain SQL": ("signer.approval_forged", lambda one: sql(
        "UPDATE ra_approval SET decision = 'APPROVED' WHERE id = %s", one.approval.pk)),
    "other approver": ("signer.approval_forged", lambda one: sql(
        "UPDATE ra_approval SET approver = 99 WHERE id = %s", one.approval.pk)),
    "proofread by plain SQL": ("signer.proofreading_forged", lambda one: sql(
        "UPDATE ra_proofreading SET proofreader = 99 WHERE id = %s", one.proofreading.pk)),
    "other name in the intent": ("signer.issuance_forged", lambda one: sql(
        "UPDATE ca_issuance SET subject_der = %s WHERE id = %s",
        encode_name((("C", "CN"), ("ST", "福建省"), ("CN", "冒名"))), one.id)),
    "longer validity": ("signer.issuance_forged", lambda one: sql(
        "UPDATE ca_issuance SET not_after = %s WHERE id = %s", NOW + timedelta(days=1100), one.id)),
    "other profile": ("signer.issuance_forged", lambda one: sql(
        "UPDATE ca_issuance SET profile = 'sm2-seal' WHERE id = %s", one.id)),
    "request without approval": ("signer.request_changed", lambda one: sql(
        "UPDATE ra_servicerequest SET approval_id = NULL WHERE id = %s", one.request.pk)),
    "request closed": ("signer.request_not_open", lambda one: sql(
        "UPDATE ra_servicerequest SET state = 'CANCELLED' WHERE id = %s", one.request.pk)),
    "other data in the request": ("signer.proofreading_of_other_data", lambda one: sql(
        "UPDATE ra_servicerequest SET data_digest = %s WHERE id = %s", "0" * 64, one.request.pk)),
    "other holder in the request": ("signer.approval_of_another", lambda one: sql(
        "UPDATE ra_servicerequest SET subject_name = '冒名' WHERE id = %s", one.request.pk)),
    "CA renamed": ("signer.authority_forged", lambda one: sql(
        "UPDATE ca_certificateauthority SET code = 'x', row_mac = %s WHERE id = %s", b"\0" * 16, one.issuance.ca_id)),
}  # fmt: skip


@pytest.mark.parametrize("what", SPOILED_BY_SQL)
def test_what_was_changed_behind_the_product_is_refused(
    signer: Direct, home: Home, authorities: dict[str, Any], what: str
) -> None:
    code, spoil = SPOILED_BY_SQL[what]
    (one,) = signing.prepare(authorities["sm2-personal"])
    if what == "approved by plain SQL":
        rewrite(one.approval, decision="REJECTED")
    spoil(one)
    assert answer(signer, home, one) == code


@pytest.mark.parametrize(
    ("left_out", "code"),
    [("proofreading_id", "signer.proofreading_missing"), ("approval_id", "signer.approval_missing")],
)
def test_no_setting_makes_the_signer_do_without_a_decision(
    signer: Direct, home: Home, authorities: dict[str, Any], left_out: str, code: str
) -> None:
    """Issue 4: a process without these steps, written into the rulebook past every check, changes nothing here."""
    (one,) = signing.prepare(authorities["sm2-personal"])
    found = dict(shipped_process("remote"))
    found["step"] = [step for step in found["step"] if step["verb"] not in ("approve", "proofread")]
    version = RuleVersion(
        document="process:remote", number=1, content=canonical_json(found), reason="试", effective_at=NOW, asked_by=1,
        confirmed_by=2, dual_request=1, at=NOW,
    )  # fmt: skip
    with audit.action_scope():
        version.save()
        audit.record(signing.TESTER, "test.rulebook", version)
    sql("UPDATE ra_servicerequest SET process = 'remote', process_version = 1 WHERE id = %s", one.request.pk)
    rewrite(one.issuance, **{left_out: None})
    assert answer(signer, home, one) == code


def test_a_rejection_is_not_an_approval(signer: Direct, home: Home, authorities: dict[str, Any]) -> None:
    (one,) = signing.prepare(authorities["sm2-personal"])
    rewrite(one.approval, decision="REJECTED")
    assert answer(signer, home, one) == "signer.not_approved"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"approval_id": None}, "signer.approval_missing"),
        ({"proofreading_id": None}, "signer.proofreading_missing"),
        ({"voided_at": NOW}, "signer.issuance_void"),
        ({"data_digest": "0" * 64}, "signer.proofreading_of_other_data"),
        ({"system": "ESEAL"}, "signer.other_than_proofread"),
        ({"kind": "DEVICE"}, "signer.other_than_proofread"),
        ({"extension_values": '{"identify_code":{"document":"resident","value":"' + "A" * 64 + '"}}'},
         "signer.other_than_proofread"),
        ({"signing_serial": ""}, "signer.serial_missing"),
        ({"encryption_serial": "zz"}, "signer.serial_missing"),
        ({"signing_serial": "00AA"}, "signer.lint_failed"),
        ({"not_after": NOW + timedelta(days=4000)}, "signer.lint_failed"),
        ({"csr_der": b"\x30\x00"}, "signer.request_malformed"),
    ],
)  # fmt: skip
def test_an_intent_that_does_not_hold_together_is_refused(
    signer: Direct, home: Home, authorities: dict[str, Any], changes: dict[str, Any], code: str
) -> None:
    """Even with a right MAC: a defect elsewhere in the product must not become a certificate."""
    (one,) = signing.prepare(authorities["sm2-personal"], changes=changes)
    assert answer(signer, home, one) == code


def test_an_approval_of_another_request_does_not_serve(signer: Direct, home: Home, authorities: dict[str, Any]) -> None:
    one, other = signing.prepare(authorities["sm2-personal"], 2)
    rewrite(one.issuance, approval_id=other.approval.pk)
    ServiceRequest.objects.unscoped("test").filter(pk=one.request.pk).update(approval_id=other.approval.pk)
    assert answer(signer, home, one) == "signer.approval_forged"


@pytest.mark.parametrize("people", [(11, 11, 13), (11, 12, 11), (11, 13, 13), (13, 13, 13)])
def test_three_different_people_are_needed(
    signer: Direct, home: Home, authorities: dict[str, Any], people: tuple[int, int, int]
) -> None:
    (one,) = signing.prepare(authorities["sm2-personal"], people=people)
    assert answer(signer, home, one) == "signer.same_person"


def test_two_accounts_with_one_credential_are_one_person(
    signer: Direct, home: Home, authorities: dict[str, Any]
) -> None:
    (one,) = signing.prepare(authorities["sm2-personal"])
    rewrite(one.approval, credential=one.proofreading.credential)
    assert answer(signer, home, one) == "signer.same_person"


def test_materials_added_after_the_approval_void_it(signer: Direct, home: Home, authorities: dict[str, Any]) -> None:
    from banyan.domain.ra.models import Material

    scan = gm.sm3(b"scan").hex()
    (one, other) = signing.prepare(authorities["sm2-personal"], 2, materials=[("id-card", scan)])
    for each, digests in ((one, [scan]), (other, [scan, gm.sm3(b"slipped in").hex()])):
        for digest in digests:
            Material.objects.create(
                request=each.request,
                code="id-card",
                name="x",
                sm3=digest,
                size=1,
                media_type="image/png",
                path="x",
                added_by=1,
                added_at=NOW,
            )
    assert answer(signer, home, one) == ""
    assert answer(signer, home, other) == "signer.approval_of_other_materials"


def test_a_ca_issues_by_its_own_profiles_only(signer: Direct, home: Home, authorities: dict[str, Any]) -> None:
    (one,) = signing.prepare(authorities["sm2-organization"])
    assert answer(signer, home, one) == "signer.profile_not_allowed"


def test_a_ca_known_to_the_database_alone_signs_nothing(
    signer: Direct, home: Home, authorities: dict[str, Any]
) -> None:
    (one,) = signing.prepare(authorities["sm2-root"])
    assert answer(signer, home, one) == "signer.authority_unknown"


def test_a_request_signed_with_another_key_is_refused(signer: Direct, home: Home, authorities: dict[str, Any]) -> None:
    other = gm.sm2.generate_keypairs(1)[0]
    (one,) = signing.prepare(authorities["sm2-personal"])
    info = bytes(one.issuance.subject_der)
    forged = csr.build(info, one.public, lambda part: gm.sm2.sign(other.private, other.public, part))
    rewrite(one.issuance, csr_der=forged)
    assert answer(signer, home, one) == "signer.possession_not_proved"


def test_a_key_is_certified_once(signer: Direct, home: Home, authorities: dict[str, Any]) -> None:
    """Also when both intents come in one call, and when the key was an encryption key before."""
    first, second, third, fourth = signing.prepare(authorities["sm2-personal"], 4)
    for one in (second, third):
        rewrite(one.issuance, csr_der=first.issuance.csr_der)
        one.public = first.public
    answers = signer.call("complete", intents=[order(home, first), order(home, second)])
    assert [one.get("refused", "") for one in answers] == ["", "signer.key_used_before"]
    assert answer(signer, home, third) == "signer.key_used_before"
    proof = receipt(receipt_key(home.keys), fourth.id, first.public, fourth.public)
    assert (
        answer(signer, home, fourth, encryption_public_key=first.public, kmc_receipt=proof) == "signer.key_used_before"
    )


def test_a_serial_number_is_used_once(signer: Direct, home: Home, authorities: dict[str, Any]) -> None:
    first, second = signing.prepare(authorities["sm2-personal"], 2)
    rewrite(second.issuance, signing_serial=first.issuance.encryption_serial.lower())
    assert answer(signer, home, first) == ""
    assert answer(signer, home, second) == "signer.serial_used_before"


def test_the_key_of_a_ca_is_not_certified_for_anybody_else(
    signer: Direct, home: Home, authorities: dict[str, Any]
) -> None:
    from banyan.pki.certificate import Certificate

    key = Certificate.parse(bytes(authorities["sm2-device"].certificate)).public_key
    (one,) = signing.prepare(authorities["sm2-personal"])
    info = csr.build(bytes(one.issuance.subject_der), key, lambda part: gm.sm2.sign(one.private, one.public, part))
    rewrite(one.issuance, csr_der=info)
    assert answer(signer, home, one) == "signer.request_malformed"


@pytest.mark.parametrize(
    "fault", ["no key", "no receipt", "receipt of another intent", "another key", "random receipt"]
)
def test_the_encryption_key_must_come_from_the_kmc_for_this_intent(
    signer: Direct, home: Home, authorities: dict[str, Any], fault: str
) -> None:
    one, other = signing.prepare(authorities["sm2-personal"], 2)
    good, foreign = order(home, one), order(home, other)
    changes: dict[str, Any] = {
        "no key": {"encryption_public_key": None, "kmc_receipt": None},
        "no receipt": {**good, "kmc_receipt": None},
        "receipt of another intent": {**good, "kmc_receipt": foreign["kmc_receipt"]},
        "another key": {**good, "encryption_public_key": foreign["encryption_public_key"]},
        "random receipt": {**good, "kmc_receipt": secrets.token_bytes(32)},
    }[fault]
    expected = "signer.encryption_key_missing" if fault == "no key" else "signer.receipt_invalid"
    assert answer(signer, home, one, **changes) == expected


def test_an_intent_that_does_not_exist_is_refused(signer: Direct, home: Home, authorities: dict[str, Any]) -> None:
    (given,) = signer.call("complete", intents=[{"issuance": 4711}])
    assert given["refused"] == "signer.issuance_unknown"


def test_a_superseded_ca_signs_no_certificates(home: Home, authorities: dict[str, Any]) -> None:
    from banyan.cli.ceremony import succeed

    old, new = signing.prepare(authorities["sm2-personal"], 2)
    with signing.serving(home, "signer") as services:
        successor = succeed(home, "sm2-personal", now=NOW)
        assert services["signer"].call("reload") == sorted(
            ["p256-device", "sm2-device", "sm2-organization", "sm2-personal", "sm2-personal-g2", "sm2-seal"]
        )
        row = signing.register(successor, known=authorities)["sm2-personal-g2"]
        rewrite(new.issuance, ca_id=row.pk)
        assert answer(services["signer"], home, old) == "signer.authority_superseded"
        assert answer(services["signer"], home, new) == ""
        later = (NOW + timedelta(days=1)).isoformat()
        made = services["signer"].call(
            "sign_crl", ca="sm2-personal", number=1, this_update=NOW.isoformat(), next_update=later
        )
        assert made["entries"] == 0


def test_a_planted_bad_moving_part_deep_in_a_bulk_run_is_the_only_one_refused(
    home: Home, authorities: dict[str, Any]
) -> None:
    prepared = signing.prepare(authorities["sm2-personal"], 120)
    spoiled = prepared[77]
    rewrite(spoiled.issuance, not_after=NOW + timedelta(days=5000))
    with signing.serving(home, "signer", "kmc") as services:
        allocated = services["kmc"].call("allocate", intents=[one.id for one in prepared])
        answers = services["signer"].call(
            "complete",
            intents=[
                {
                    "issuance": key["issuance"],
                    "encryption_public_key": key["encryption_public_key"],
                    "kmc_receipt": key["receipt"],
                }
                for key in allocated
            ],
        )
        entries = services["signer"].call("status")["journal_entries"]
    refused = [one for one in answers if "refused" in one]
    assert [(one["issuance"], one["refused"], one["fields"]["rule"]) for one in refused] == [
        (spoiled.id, "signer.lint_failed", "validity.maximum")
    ]
    assert entries == 119
    assert Issuance.objects.count() == 120
