"""The signer process: pairs for what three people allowed, CRLs, checkpoints, the journal (A2, A4, B2)."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from banyan import gm
from banyan.domain import audit
from banyan.domain.audit.models import insert_guarded, update_guarded
from banyan.domain.ca.models import Certificate as CertificateRow
from banyan.domain.ca.models import CertificatePair
from banyan.kernel.errors import RemoteError
from banyan.kernel.home import Home
from banyan.pki import csr
from banyan.pki.certificate import Certificate
from banyan.pki.crl import Reason, parse_crl
from banyan.pki.envelope import open_enveloped_key
from banyan.signer.process import CHECKPOINT_PREFIX
from support import signing
from support.signing import NOW, Prepared

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def authorities(home: Home) -> dict[str, Any]:
    return signing.installation(home)


def complete(clients: Any, *numbers: int) -> list[dict[str, Any]]:
    """Through both processes, as the connector does."""
    allocated = clients["kmc"].call("allocate", intents=list(numbers))
    return clients["signer"].call(
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


def test_approved_intents_become_pairs_that_their_tokens_can_use(home: Home, authorities: dict[str, Any]) -> None:
    """Signing key from the PKCS#10, encryption key from the KMC, envelope for the token alone; every kind."""
    kinds = {"sm2-personal": "PERSONAL", "sm2-organization": "ORGANIZATION", "sm2-device": "DEVICE", "sm2-seal": "SEAL"}
    prepared = [
        one for code, kind in kinds.items() for one in signing.prepare(authorities[code], 2, profile=code, kind=kind)
    ]
    with signing.serving(home, "signer", "kmc") as clients:
        answers = complete(clients, *(one.id for one in prepared))
        envelopes = clients["kmc"].call("allocate", intents=[one.id for one in prepared])
    for one, answer, envelope in zip(prepared, answers, envelopes, strict=True):
        signed, encrypting = (
            Certificate.parse(answer[name]) for name in ("signing_certificate", "encryption_certificate")
        )
        assert signed.public_key == one.public
        assert signed.subject_der == encrypting.subject_der == bytes(one.issuance.subject_der)
        assert (signed.serial_hex, encrypting.serial_hex) == (
            one.issuance.signing_serial,
            one.issuance.encryption_serial,
        )
        assert (signed.not_before, signed.not_after) == (one.issuance.not_before, one.issuance.not_after)
        issuer = Certificate.parse(bytes(authorities[one.issuance.profile].certificate))
        for view in (signed, encrypting):
            gm.sm2.verify(issuer.public_key, view.tbs_der, view.signature)
        private, public = open_enveloped_key(
            envelope["envelope"], lambda cipher, one=one: gm.sm2.decrypt(one.private, cipher)
        )
        assert public == encrypting.public_key == gm.sm2.public_key(private)


def test_equipment_without_sm2_gets_one_p256_certificate(home: Home, authorities: dict[str, Any]) -> None:
    (draft,) = signing.prepare(authorities["p256-device"], profile="p256-device", kind="DEVICE")
    key = ec.generate_private_key(ec.SECP256R1())
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    with audit.action_scope():
        draft.issuance.csr_der = csr.build(
            bytes(draft.issuance.subject_der), spki, lambda info: key.sign(info, ec.ECDSA(hashes.SHA256()))
        )
        update_guarded([draft.issuance])
        audit.record(signing.TESTER, "test.csr", draft.issuance)
    with signing.serving(home, "signer") as clients:
        (answer,) = clients["signer"].call("complete", intents=[{"issuance": draft.id}])
    assert "refused" not in answer, answer
    view = Certificate.parse(answer["signing_certificate"])
    assert answer["encryption_certificate"] is None
    assert (view.spki_der, view.algorithm) == (spki, "P256")


def test_a_repeat_gets_the_same_bytes_also_after_a_restart(home: Home, authorities: dict[str, Any]) -> None:
    numbers = [one.id for one in signing.prepare(authorities["sm2-personal"], 3)]
    with signing.serving(home, "signer", "kmc") as clients:
        first = complete(clients, *numbers)
        assert complete(clients, *reversed(numbers), numbers[0]) == [*reversed(first), first[0]]
    with signing.serving(home, "signer", "kmc") as clients:
        assert complete(clients, *numbers) == first
        assert clients["signer"].call("status")["journal_entries"] == 3


def test_another_question_under_a_completed_number_is_refused(home: Home, authorities: dict[str, Any]) -> None:
    """After a restore a number may come again for another holder: it must not get the first holder's certificates."""
    one, other = signing.prepare(authorities["sm2-personal"], 2)
    with signing.serving(home, "signer", "kmc") as clients:
        complete(clients, one.id)
        with audit.action_scope():
            one.issuance.csr_der = other.issuance.csr_der
            update_guarded([one.issuance])
            audit.record(signing.TESTER, "test.reuse", one.issuance)
        assert [key["refused"] for key in clients["kmc"].call("allocate", intents=[one.id])] == [
            "kmc.recipient_differs"
        ]
        (answer,) = clients["signer"].call("complete", intents=[{"issuance": one.id}])
    assert answer["refused"] == "signer.intent_changed"
    assert "signing_certificate" not in answer


def test_a_bad_intent_does_not_hold_up_its_neighbours(home: Home, authorities: dict[str, Any]) -> None:
    good, bad, also_good = signing.prepare(authorities["sm2-personal"], 3)
    CertificatePair.objects.unscoped("tests").count()
    _plain_sql("ra_approval", bad.approval.pk, "row_mac", b"\x00" * 16)
    with signing.serving(home, "signer", "kmc") as clients:
        answers = complete(clients, good.id, bad.id, also_good.id)
    assert [answer.get("refused", "") for answer in answers] == ["", "signer.approval_forged", ""]


def test_crl_lists_what_is_revoked_and_its_number_never_returns(home: Home, authorities: dict[str, Any]) -> None:
    ca = authorities["sm2-personal"]
    revoked = _record(signing.prepare(ca, 2), ca, reason="keyCompromise")
    held = _record(signing.prepare(ca, 1), ca, reason="certificateHold", state="HELD")
    _record(signing.prepare(ca, 1), ca, state="VALID")
    order = {"ca": "sm2-personal", "this_update": NOW.isoformat(), "next_update": (NOW + timedelta(days=1)).isoformat()}
    with signing.serving(home, "signer") as clients:
        signer = clients["signer"]
        made = signer.call("sign_crl", number=7, **order)
        again = signer.call("sign_crl", number=7, **order)
        with pytest.raises(RemoteError) as refused:
            signer.call("sign_crl", number=6, **order)
        assert signer.call("last_crl_number", ca="sm2-personal") == 7
        with pytest.raises(RemoteError) as unknown:
            signer.call("sign_crl", number=1, **{**order, "ca": "sm2-root"})
    assert made == again
    assert (refused.value.code, unknown.value.code) == ("signer.crl_number_returns", "signer.unknown_authority")
    view = parse_crl(made["crl"])
    gm.sm2.verify(Certificate.parse(bytes(ca.certificate)).public_key, view.tbs_der, view.signature)
    assert {entry.serial.hex().upper(): entry.reason for entry in view.entries()} == {
        **dict.fromkeys(revoked, Reason.KEY_COMPROMISE),
        held[0]: Reason.CERTIFICATE_HOLD,
    }


def test_a_published_revocation_cannot_be_made_to_vanish(home: Home, authorities: dict[str, Any]) -> None:
    """Neither deleting its row nor bringing back an older one takes a certificate off the list; a release does."""
    ca = authorities["sm2-personal"]
    deleted, replayed = _record(signing.prepare(ca, 2), ca, reason="keyCompromise")
    (held,) = _record(signing.prepare(ca, 1), ca, reason="certificateHold", state="HELD")

    def order(number: int) -> dict[str, Any]:
        later = NOW + timedelta(hours=number)
        return {"ca": ca.code, "number": number, "this_update": NOW.isoformat(), "next_update": later.isoformat()}

    with signing.serving(home, "signer") as clients:
        clients["signer"].call("sign_crl", **order(1))
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM ca_certificate WHERE serial = %s", [deleted])
        for serial in (replayed, held):
            with audit.action_scope():
                row = CertificateRow.objects.get(serial=serial)
                row.state, row.revoked_at, row.reason = "VALID", None, ""
                row.save()
                audit.record(signing.TESTER, "test.replay", row)
        made = clients["signer"].call("sign_crl", **order(2))
    assert {entry.serial.hex().upper() for entry in parse_crl(made["crl"]).entries()} == {deleted, replayed}


def test_no_crl_is_made_from_a_table_that_somebody_edited(home: Home, authorities: dict[str, Any]) -> None:
    ca = authorities["sm2-personal"]
    (serial,) = _record(signing.prepare(ca, 1), ca, reason="keyCompromise")
    row = CertificateRow.objects.get(serial=serial)
    _plain_sql("ca_certificate", row.pk, "reason", "superseded")
    later = (NOW + timedelta(days=1)).isoformat()
    with signing.serving(home, "signer") as clients, pytest.raises(RemoteError) as refused:
        clients["signer"].call("sign_crl", ca=ca.code, number=1, this_update=NOW.isoformat(), next_update=later)
    assert refused.value.code == "signer.certificate_forged"


def test_the_audit_key_signs_checkpoints_and_nothing_else(home: Home, authorities: dict[str, Any]) -> None:
    payload = CHECKPOINT_PREFIX + b'{"sequence":1}'
    with signing.serving(home, "signer") as clients:
        answer = clients["signer"].call("sign_checkpoint", payload=payload)
        gm.sm2.verify(answer["public_key"], payload, answer["signature"])
        with pytest.raises(RemoteError) as refused:
            clients["signer"].call("sign_checkpoint", payload=b"a certificate, say")
    assert refused.value.code == "signer.not_a_checkpoint"
    assert answer["public_key"] not in [
        Certificate.parse(bytes(ca.certificate)).public_key for ca in authorities.values()
    ]


def test_the_journal_can_be_read_page_by_page_and_verified(home: Home, authorities: dict[str, Any]) -> None:
    prepared = signing.prepare(authorities["sm2-personal"], 5)
    with signing.serving(home, "signer", "kmc") as clients:
        answers = complete(clients, *(one.id for one in prepared[:3])) + complete(
            clients, *(one.id for one in prepared[3:])
        )
        pages = [clients["signer"].call("journal", after=after, limit=2) for after in (0, 2, 4, 5)]
        verified = clients["signer"].call("verify_journal")
    entries = [entry for page in pages for entry in page]
    assert [entry["sequence"] for entry in entries] == [1, 2, 3, 4, 5]
    assert [entry["signing_certificate"] for entry in entries] == [one["signing_certificate"] for one in answers]
    assert entries[0]["context"]["request"] == prepared[0].request.pk
    assert verified["entries"] == 5


def test_too_many_at_once_are_refused(home: Home, authorities: dict[str, Any]) -> None:
    with signing.serving(home, "signer") as clients, pytest.raises(RemoteError) as refused:
        clients["signer"].call("complete", intents=[{"issuance": number} for number in range(501)])
    assert refused.value.code == "signer.batch_too_large"


def _plain_sql(table: str, pk: int, column: str, value: Any) -> None:
    """What a database administrator can do."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET {column} = %s WHERE id = %s", [value, pk])  # noqa: S608  (our own tables)


def _record(prepared: list[Prepared], ca: Any, *, reason: str = "", state: str = "REVOKED") -> list[str]:
    """Certificates as recorded after issuing, in ``state``; their serials."""
    rows: list[Any] = []
    with audit.action_scope():
        for one in prepared:
            pair = CertificatePair.objects.create(
                ca=ca,
                system="GENERAL",
                kind="PERSONAL",
                profile="sm2-personal",
                subject_name="x",
                region_code="350102",
                not_before=NOW,
                not_after=NOW + timedelta(days=365),
                recorded_at=NOW,
                state=state,
            )
            rows.append(
                CertificateRow(
                    pair=pair,
                    ca=ca,
                    serial=one.issuance.signing_serial,
                    use="SIGNING",
                    der=b"-",
                    sm3=b"-",
                    not_before=NOW,
                    not_after=NOW + timedelta(days=365),
                    state=state,
                    revoked_at=None if state == "VALID" else NOW,
                    reason=reason,
                )
            )
        insert_guarded(rows)
        audit.record_many(signing.TESTER, "test.record", [*rows, *{row.pair_id: row.pair for row in rows}.values()])
    return [row.serial for row in rows]
