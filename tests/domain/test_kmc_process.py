"""The key-management centre: allocation, receipts, recovery under dual control (A2; design §3)."""

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from banyan import gm
from banyan.domain import audit
from banyan.domain.audit.models import insert_guarded
from banyan.domain.ca.models import Certificate as CertificateRow
from banyan.domain.ca.models import CertificateAuthority, CertificatePair
from banyan.domain.kmc import rules as kmc_rules
from banyan.domain.kmc.models import KeyRecovery, RecoveryApproval
from banyan.kernel import clock
from banyan.kernel.errors import RemoteError
from banyan.kernel.home import Home
from banyan.keys import receipt_key
from banyan.keys.kek import receipt
from banyan.pki.certificate import Certificate
from banyan.pki.envelope import open_enveloped_key
from support import signing
from support.signing import NOW, Direct, Prepared

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def authorities(home: Home) -> dict[str, CertificateAuthority]:
    return signing.installation(home)


@pytest.fixture
def services(home: Home, authorities: dict[str, CertificateAuthority]) -> Iterator[dict[str, Direct]]:
    with signing.serving(home, "signer", "kmc") as running:
        yield running


def opened(envelope: bytes, private: bytes) -> tuple[bytes, bytes]:
    return open_enveloped_key(envelope, lambda cipher: gm.sm2.decrypt(private, cipher))


def test_each_intent_gets_a_key_of_its_own_with_a_receipt(
    home: Home, services: dict[str, Direct], authorities: dict[str, Any]
) -> None:
    prepared = signing.prepare(authorities["sm2-personal"], 6)
    answers = services["kmc"].call("allocate", intents=[one.id for one in prepared])
    keys = set()
    for one, answer in zip(prepared, answers, strict=True):
        private, public = opened(answer["envelope"], one.private)
        assert public == answer["encryption_public_key"] == gm.sm2.public_key(private)
        assert answer["receipt"] == receipt(receipt_key(home.keys), one.id, public, one.public)
        keys.add(public)
    assert len(keys) == 6
    assert services["kmc"].call("status")["in_use"] == 6


def test_a_repeat_gets_the_same_key_in_an_envelope_for_the_same_token(
    services: dict[str, Direct], authorities: dict[str, Any]
) -> None:
    (one,) = signing.prepare(authorities["sm2-personal"])
    first, twice = (services["kmc"].call("allocate", intents=numbers) for numbers in ([one.id], [one.id, one.id]))
    keys = {opened(answer["envelope"], one.private) for answer in (*first, *twice)}
    assert len(keys) == 1
    assert services["kmc"].call("status")["in_use"] == 1


def test_an_edited_intent_gets_no_key(services: dict[str, Direct], authorities: dict[str, Any]) -> None:
    """Otherwise whoever edits the database would redirect a key to a token of their own."""
    victim, thief = signing.prepare(authorities["sm2-personal"], 2)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE ca_issuance SET csr_der = %s WHERE id = %s", [bytes(thief.issuance.csr_der), victim.id])
    (answer,) = services["kmc"].call("allocate", intents=[victim.id])
    assert (answer["refused"], "envelope" in answer) == ("kmc.issuance_forged", False)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"voided_at": NOW}, "kmc.issuance_void"),
        ({"profile": "p256-device"}, "kmc.no_pair"),
        ({"profile": "unknown"}, "kmc.no_pair"),
        ({"csr_der": b"\x30\x00"}, "kmc.recipient_unfit"),
    ],
)
def test_an_intent_without_use_for_a_key_gets_none(
    services: dict[str, Direct], authorities: dict[str, Any], changes: dict[str, Any], code: str
) -> None:
    (one,) = signing.prepare(authorities["sm2-personal"], changes=changes)
    unknown = one.id + 1_000_000  # numbers go on from test to test
    assert services["kmc"].call("allocate", intents=[one.id, unknown]) == [
        {"issuance": one.id, "refused": code, "message": mock_any(), "fields": mock_any()},
        {
            "issuance": unknown,
            "refused": "kmc.issuance_unknown",
            "message": mock_any(),
            "fields": {"issuance": unknown},
        },
    ]
    assert services["kmc"].call("status")["in_use"] == 0


def mock_any() -> Any:
    from unittest.mock import ANY

    return ANY


def test_the_pool_fills_up_while_nothing_is_to_be_done(home: Home, services: dict[str, Direct]) -> None:
    service: Any = services["kmc"].service
    assert service._store.pool_size() <= 4
    service.refill()
    assert service._store.pool_size() == 4


# recovery


def issued(services: dict[str, Direct], ca: Any, count: int) -> list[Prepared]:
    """Pairs issued and recorded as the domain records them."""
    prepared = signing.prepare(ca, count)
    keys = services["kmc"].call("allocate", intents=[one.id for one in prepared])
    answers = services["signer"].call("complete", intents=[
        {"issuance": key["issuance"], "encryption_public_key": key["encryption_public_key"],
         "kmc_receipt": key["receipt"]} for key in keys])  # fmt: skip
    rows: list[Any] = []
    with audit.action_scope():
        for one, answer in zip(prepared, answers, strict=True):
            pair = CertificatePair.objects.create(
                issuance=one.issuance, ca=ca, system="GENERAL", kind="PERSONAL", profile="sm2-personal",
                subject_name="x", region_code="350102", not_before=NOW, not_after=NOW + timedelta(days=365),
                recorded_at=NOW)  # fmt: skip
            for use, name in (("SIGNING", "signing_certificate"), ("ENCRYPTION", "encryption_certificate")):
                view = Certificate.parse(answer[name])
                rows.append(CertificateRow(
                    pair=pair, ca=ca, serial=view.serial_hex, use=use, der=view.der, sm3=gm.sm3(view.der),
                    not_before=view.not_before, not_after=view.not_after))  # fmt: skip
        insert_guarded(rows)
        audit.record_many(signing.TESTER, "test.record", [*rows, *{row.pair_id: row.pair for row in rows}.values()])
    return prepared


def certificate_of(one: Prepared, use: str) -> CertificateRow:
    return CertificateRow.objects.get(pair__issuance_id=one.id, use=use)


def recovery(holder: Prepared, recipient: Prepared, **changes: Any) -> KeyRecovery:
    now = clock.now()
    values = {
        "issuance_id": holder.id,
        "certificate_serial": certificate_of(holder, "ENCRYPTION").serial,
        "purpose": "HOLDER",
        "reason": "介质损坏",
        "recipient_certificate": bytes(certificate_of(recipient, "SIGNING").der),
        "holder_account_id": 50,
        "region_code": "350102",
        "requested_by": 20,
        "requested_credential": 120,
        "requested_at": now,
        "expires_at": now + timedelta(days=3),
    }
    row = KeyRecovery(**{**values, **changes})
    with audit.action_scope():
        row.save()
        audit.record(signing.TESTER, "test.recovery", row)
    return row


def approve(row: KeyRecovery, *people: tuple[int, int | None], digest: str = "") -> None:
    with audit.action_scope():
        for approver, credential in people:
            approval = RecoveryApproval(
                recovery=row, recovery_digest=digest or kmc_rules.recovery_digest(row), approver=approver,
                credential=credential, session=1, at=clock.now())  # fmt: skip
            approval.save()
            audit.record(signing.TESTER, "test.approve", approval)


def test_a_recovered_key_opens_with_the_named_certified_key_and_is_the_escrowed_one(
    services: dict[str, Direct], authorities: dict[str, Any]
) -> None:
    holder, new_token = issued(services, authorities["sm2-personal"], 2)
    row = recovery(holder, new_token)
    approve(row, (31, 131), (32, 132))
    answer = services["kmc"].call("recover", recovery_id=row.pk)
    private, public = opened(answer["envelope"], new_token.private)
    assert public == Certificate.parse(bytes(certificate_of(holder, "ENCRYPTION").der)).public_key
    assert gm.sm2.public_key(private) == public
    # Once: a lost reply is answered with the same bytes, there is no second envelope.
    assert services["kmc"].call("recover", recovery_id=row.pk) == answer
    assert services["kmc"].call("status")["recovered"] == 1


def test_a_retired_key_can_still_be_recovered(services: dict[str, Direct], authorities: dict[str, Any]) -> None:
    holder, new_token = issued(services, authorities["sm2-personal"], 2)
    assert services["kmc"].call("retire", issuances=[holder.id]) == 1
    row = recovery(holder, new_token)
    approve(row, (31, 131), (32, 132))
    assert services["kmc"].call("recover", recovery_id=row.pk)["envelope"]


PEOPLE: dict[str, list[tuple[int, int | None]]] = {
    "nobody": [],
    "one": [(31, 131)],
    "requester": [(31, 131), (20, 132)],
    "requester's credential": [(31, 131), (32, 120)],
    "holder": [(31, 131), (50, 150)],
    "one credential": [(31, 131), (32, 131)],
    "no credential": [(31, 131), (32, None)],
}


@pytest.mark.parametrize("who", PEOPLE)
def test_recovery_needs_two_people_who_are_neither_requester_nor_holder(
    services: dict[str, Direct], authorities: dict[str, Any], who: str
) -> None:
    holder, new_token = issued(services, authorities["sm2-personal"], 2)
    row = recovery(holder, new_token)
    approve(row, *PEOPLE[who])
    assert refusal(services, row) == "kmc.recovery_refused"


def refusal(services: dict[str, Direct], row: KeyRecovery) -> str:
    with pytest.raises(RemoteError) as refused:
        services["kmc"].call("recover", recovery_id=row.pk)
    assert services["kmc"].call("status")["recovered"] == 0
    return refused.value.code


def test_an_approval_is_of_exactly_this_recovery(services: dict[str, Direct], authorities: dict[str, Any]) -> None:
    holder, new_token, thief = issued(services, authorities["sm2-personal"], 3)
    row = recovery(holder, new_token)
    approve(row, (31, 131), (32, 132))
    with audit.action_scope():
        row.recipient_certificate = bytes(certificate_of(thief, "SIGNING").der)
        row.save()
        audit.record(signing.TESTER, "test.redirect", row)
    assert refusal(services, row) == "kmc.recovery_refused"


def sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def test_what_plain_sql_says_about_a_recovery_does_not_count(
    services: dict[str, Direct], authorities: dict[str, Any]
) -> None:
    holder, new_token, thief = issued(services, authorities["sm2-personal"], 3)
    redirected, approved, unexpired = (recovery(holder, new_token) for _ in range(3))
    for row in (redirected, unexpired):
        approve(row, (31, 131), (32, 132))
    approve(approved, (31, 131), (20, 120))
    sql("UPDATE kmc_keyrecovery SET recipient_certificate = %s WHERE id = %s",
        bytes(certificate_of(thief, "SIGNING").der), redirected.pk)  # fmt: skip
    sql("UPDATE kmc_recoveryapproval SET approver = 33, credential = 133 WHERE recovery_id = %s AND approver = 20",
        approved.pk)  # fmt: skip
    sql("UPDATE kmc_keyrecovery SET expires_at = %s WHERE id = %s", clock.now() + timedelta(days=99), unexpired.pk)
    for row in (redirected, approved, unexpired):
        assert refusal(services, row) == "kmc.recovery_refused"


def test_recovery_refused_or_expired_or_to_an_unfit_recipient(
    services: dict[str, Direct], authorities: dict[str, Any]
) -> None:
    holder, new_token = issued(services, authorities["sm2-personal"], 2)
    past = clock.now() - timedelta(seconds=1)
    rows = [
        recovery(holder, new_token, expires_at=past),
        recovery(holder, new_token, recipient_certificate=bytes(certificate_of(new_token, "ENCRYPTION").der)),
        recovery(holder, new_token, recipient_certificate=bytes(authorities["sm2-device"].certificate)),
        recovery(holder, new_token, recipient_certificate=b"junk"),
        recovery(holder, new_token, certificate_serial=certificate_of(holder, "SIGNING").serial),
    ]
    for row in rows:
        approve(row, (31, 131), (32, 132))
        assert refusal(services, row) == "kmc.recovery_refused"
    refused = recovery(holder, new_token)
    approve(refused, (31, 131), (32, 132))
    sql("UPDATE kmc_keyrecovery SET state = 'REFUSED' WHERE id = %s", refused.pk)
    assert refusal(services, refused) == "kmc.recovery_refused"
    with audit.action_scope():
        revoked = certificate_of(new_token, "SIGNING")
        revoked.state, revoked.revoked_at, revoked.reason = "REVOKED", clock.now(), "keyCompromise"
        revoked.save()
        audit.record(signing.TESTER, "test.revoke", revoked)
    row = recovery(holder, new_token)
    approve(row, (31, 131), (32, 132))
    assert refusal(services, row) == "kmc.recovery_refused"


def test_another_holders_key_cannot_be_asked_for_under_this_certificate(
    services: dict[str, Direct], authorities: dict[str, Any]
) -> None:
    holder, other, new_token = issued(services, authorities["sm2-personal"], 3)
    row = recovery(holder, new_token, issuance_id=other.id)
    approve(row, (31, 131), (32, 132))
    assert refusal(services, row) == "kmc.not_escrowed"


def test_no_call_gives_a_private_key_in_clear(
    home: Home, services: dict[str, Direct], authorities: dict[str, Any]
) -> None:
    """Every answer of the process, and its store on disk, searched for the keys that envelopes hold."""
    prepared = issued(services, authorities["sm2-personal"], 2)
    answers = services["kmc"].call("allocate", intents=[one.id for one in prepared])
    privates = [opened(answer["envelope"], one.private)[0] for one, answer in zip(prepared, answers, strict=True)]
    row = recovery(*prepared)
    approve(row, (31, 131), (32, 132))
    said = repr([answers, services["kmc"].call("recover", recovery_id=row.pk), services["kmc"].call("status")])
    stored = b"".join(part.read_bytes() for part in home.kmc.glob("store.db*"))
    with sqlite3.connect(home.kmc / "store.db") as store:
        assert store.execute("SELECT count(*) FROM in_use").fetchone() == (2,)
    store.close()
    for private in privates:
        assert private not in stored
        assert repr(private)[2:-1] not in said
        assert private.hex() not in said
