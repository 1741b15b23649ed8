"""Certificates of another CA: checked against its chain and CRL, then renewed, reissued, revoked like ours (A12)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from banyan.adapters.sheets import Cell, CellKind, SheetRow
from banyan.cli.foreign_sheet import HolderRow, read_rows
from banyan.domain.ca import actions as ca
from banyan.domain.ca.errors import CrlRefused, CrlTooOld, ForeignRefused
from banyan.domain.ca.models import Certificate, CertificatePair, Origin
from banyan.domain.ca.values import ForeignHolding
from banyan.domain.iam.errors import RightMissing
from banyan.domain.parties import access as parties
from banyan.domain.ra import actions as ra
from banyan.domain.systems.actions import install_systems
from banyan.kernel.identifiers import new_serial
from banyan.pki.certificate import Certificate as View
from banyan.pki.certificate_parts import CertificateParts, IdentifyCode
from banyan.pki.certificate_template import Template
from banyan.pki.names import encode_name
from banyan.pki.profile import Use, load_profiles
from support import issuing
from support.issuing import NOW, SYSTEM, MemoryCa, World, approver, clerk
from support.parties import credit_code, regions_installed, resident_id

pytestmark = pytest.mark.django_db(transaction=True)
EXPIRY = NOW + timedelta(days=40)


@dataclass
class Elsewhere:
    """The former operator: its CA and the certificates it gave out."""

    ca: MemoryCa
    world: World

    def certificate(self, number: int, use: Use, not_after: datetime = EXPIRY) -> bytes:
        subject = encode_name((("C", "CN"), ("ST", "福建省"), ("O", "前一家单位"), ("CN", f"持有人{number}")))
        template = Template(load_profiles()["sm2-personal"], use, self.ca.issuer)
        (pair,) = issuing.gm.sm2.generate_keypairs(1)
        parts = CertificateParts(
            new_serial(NOW),
            NOW - timedelta(days=300),
            not_after,
            subject,
            pair.public,
            identify_code=code_of(number),
        )
        tbs = template.encode_tbs(parts)
        return template.assemble(tbs, self.ca.key.sign(tbs))

    def holding(self, number: int, **changes: Any) -> ForeignHolding:
        values: dict[str, Any] = {
            "row": number + 2,
            "signing_certificate": self.certificate(number, Use.SIGNING),
            "encryption_certificate": self.certificate(number, Use.ENCRYPTION),
            "system": "GENERAL",
            "kind": "PERSONAL",
            "profile": "sm2-personal",
            "region_code": "350102",
            "subject_name": f"持有人{number}",
            "person_id": self.world.people[0].pk,
        }
        return ForeignHolding(**{**values, **changes})

    def crl(self, *entries: tuple[str, datetime, str], number: int = 7) -> bytes:
        return self.ca.make_crl(number, NOW - timedelta(days=1), NOW + timedelta(days=30), list(entries))

    def take(self, *holdings: ForeignHolding, crl: bytes | None = None, **options: Any) -> Any:
        values: dict[str, Any] = {"anchors": [self.ca.root.certificate], "crl": crl or self.crl()}
        return ca.import_foreign(clerk(), "former", list(holdings), NOW, **{**values, **options})


def code_of(number: int) -> IdentifyCode:
    return IdentifyCode.from_hmac("resident", issuing.gm.sm3(str(number).encode()))


@pytest.fixture
def elsewhere() -> Elsewhere:
    world = issuing.world()
    other = MemoryCa(code="former-gateway")
    ca.register_authority(
        SYSTEM, code="former", certificate=other.certificate, connector=other.code, now=NOW, origin=Origin.FOREIGN
    )
    return Elsewhere(other, world)


def test_certificates_come_in_with_their_holder_once(elsewhere: Elsewhere) -> None:
    holding = elsewhere.holding(1)
    (pair,), refusals = elsewhere.take(holding)
    assert refusals == []
    assert (pair.origin, pair.state, pair.issuance_id, pair.not_after) == ("FOREIGN", "VALID", None, EXPIRY)
    assert all(row.is_row_genuine() for row in Certificate.objects.filter(pair=pair))
    (again,), refusals = elsewhere.take(holding)
    assert (again.pk, refusals, CertificatePair.objects.unscoped("test").count()) == (pair.pk, [], 1)


def test_what_its_crl_lists_comes_in_revoked_or_held(elsewhere: Elsewhere) -> None:
    one, two, three = (elsewhere.holding(number) for number in range(3))
    revoked_at = NOW - timedelta(days=9)
    crl = elsewhere.crl(
        (View.parse(one.signing_certificate).serial_hex, revoked_at, "keyCompromise"),
        (View.parse(two.encryption_certificate or b"").serial_hex, revoked_at, "certificateHold"),
    )
    pairs, refusals = elsewhere.take(one, two, three, crl=crl)
    assert refusals == []
    assert [pair.state for pair in pairs] == ["REVOKED", "HELD", "VALID"]
    stored = Certificate.objects.get(der=one.signing_certificate)
    assert (stored.state, stored.reason, stored.revoked_at) == ("REVOKED", "keyCompromise", revoked_at)


def test_bad_rows_are_refused_and_good_ones_go_on(elsewhere: Elsewhere) -> None:
    stranger = Elsewhere(MemoryCa(code="stranger"), elsewhere.world)
    good, reused = elsewhere.holding(1), elsewhere.holding(2)
    pairs, refusals = elsewhere.take(
        stranger.holding(3),
        elsewhere.holding(4, signing_certificate=b"\x30\x00"),
        elsewhere.holding(5, encryption_certificate=elsewhere.certificate(6, Use.ENCRYPTION)),
        reused,
        elsewhere.holding(2, signing_certificate=reused.signing_certificate),
        good,
    )
    assert [refused.index for refused in refusals] == [0, 1, 2, 4]
    assert [pair is not None for pair in pairs] == [False, False, False, True, False, True]


def test_a_ca_whose_chain_does_not_hold_is_not_trusted(elsewhere: Elsewhere) -> None:
    with pytest.raises(ForeignRefused):
        elsewhere.take(elsewhere.holding(1), anchors=[MemoryCa().root.certificate])


def test_another_cas_crl_is_refused(elsewhere: Elsewhere) -> None:
    stranger = MemoryCa(code="stranger")
    crl = stranger.make_crl(1, NOW, NOW + timedelta(days=1), [])
    with pytest.raises(CrlRefused):
        elsewhere.take(elsewhere.holding(1), crl=crl)
    with pytest.raises(RightMissing):
        ca.import_foreign(approver(), "former", [], NOW, anchors=[], crl=crl)


def test_an_older_crl_never_replaces_a_newer(elsewhere: Elsewhere) -> None:
    newer, older = elsewhere.crl(number=9), elsewhere.crl(number=8)
    first = ca.record_foreign_crl(SYSTEM, "former", newer, NOW)
    assert ca.record_foreign_crl(SYSTEM, "former", newer, NOW).pk == first.pk
    with pytest.raises(CrlTooOld):
        ca.record_foreign_crl(SYSTEM, "former", older, NOW)


def renewed(elsewhere: Elsewhere, old: CertificatePair, connector: MemoryCa) -> CertificatePair:
    """Renew a pair and carry on with one connector; the pair that came of it."""
    draft = issuing.draft(elsewhere.world, pair_id=old.pk, business="renew", person_id=None)
    (request,) = issuing.decided(elsewhere.world, draft)
    issuing.issue(elsewhere.world, request)
    report = ra.carry_on(SYSTEM, connector, NOW)
    return CertificatePair.objects.unscoped("test").select_related("ca").get(pk=report.pairs[0])


def test_a_foreign_pair_is_renewed_from_its_expiry_and_revoked_through_its_ca(elsewhere: Elsewhere) -> None:
    (old,), _ = elsewhere.take(elsewhere.holding(1))
    new = renewed(elsewhere, old, elsewhere.ca)
    assert (new.ca.code, new.supersedes_id, new.not_after) == ("former", old.pk, EXPIRY + timedelta(days=365))
    ca.revoke_pair(approver(), old.pk, "superseded", NOW)
    ca.settle_status_changes(SYSTEM, elsewhere.ca, NOW)
    (told,) = elsewhere.ca.revoked
    assert (told.ca, told.action, len(told.serials)) == ("former", "revoke", 2)


def test_a_foreign_pair_whose_ca_issues_no_more_is_renewed_by_ours(elsewhere: Elsewhere) -> None:
    (old,), _ = elsewhere.take(elsewhere.holding(1))
    ca.retire_authority(SYSTEM, code="former", now=NOW)
    new = renewed(elsewhere, old, elsewhere.world.connector)
    assert (new.ca.origin, new.supersedes_id, new.not_after) == ("OWN", old.pk, EXPIRY + timedelta(days=365))


def test_expired_certificates_come_in_too(elsewhere: Elsewhere) -> None:
    """They may still be renewed at the counter."""
    expired = datetime(2026, 2, 20, tzinfo=UTC)
    holding = elsewhere.holding(
        1,
        signing_certificate=elsewhere.certificate(1, Use.SIGNING, expired),
        encryption_certificate=elsewhere.certificate(1, Use.ENCRYPTION, expired),
    )
    (pair,), refusals = elsewhere.take(holding)
    assert (refusals, pair.not_after) == ([], expired)


def test_what_a_hidden_column_holds_is_told_with_its_letter() -> None:
    """A12: the sheet of holders is read as strictly as one of applications; a hidden column that is empty is none."""
    regions_installed()
    install_systems(SYSTEM, now=NOW)
    values = {
        "序列号": "0A1B", "姓名": "测试旧户", "证件号码": resident_id(7), "单位": "测试榕荫县旧户局",
        "信用代码": credit_code(7), "区划": "厦门市", "手机": "13800020007", "介质编号": "",
    }  # fmt: skip
    rows = [SheetRow(1, [Cell(text, CellKind.TEXT) for text in values])]
    rows.append(SheetRow(2, [Cell(text, CellKind.TEXT) for text in values.values()]))
    tree = parties.region_tree()
    (read,) = read_rows(rows, tree, NOW.date(), frozenset({7}))
    assert isinstance(read, HolderRow)
    (told,) = read_rows(rows, tree, NOW.date(), frozenset({6, 7}))
    assert isinstance(told, list)
    assert [(one.column, one.error.code, one.error.fields) for one in told] == [
        ("手机", "sheets.cell_hidden", {"column": "G"})
    ]
