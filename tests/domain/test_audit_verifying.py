"""Every way of tampering is named: records, head, guarded rows, truncation, replay (issue 2, bad input and faults)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from banyan import gm, sealing
from banyan.domain import audit
from banyan.domain.audit import chain, checkpoints, epochs, verifying
from banyan.domain.audit.checkpoints import Sign
from banyan.domain.audit.errors import CheckpointInvalid, EpochNotNeeded
from banyan.domain.audit.models import AuditHead, AuditRecord
from banyan.domain.audit.verifying import Report
from banyan.domain.iam import actions, audit_control, dual_control
from banyan.domain.iam.errors import RightMissing, SamePerson
from banyan.domain.iam.models import DualControlRequest, RoleGrant, StaffAccount
from banyan.domain.iam.rights import Role
from banyan.kernel.actor import Actor, system_actor
from banyan.kernel.clock import now
from banyan.kernel.home import Home
from support.iam import account_with, staff

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sign() -> Sign:
    pair = gm.sm2.generate_keypairs(1)[0]
    return lambda payload: (gm.sm2.sign(pair.private, pair.public, payload), pair.public)


@pytest.fixture(autouse=True)
def _no_checkpoints_yet(home: Home) -> None:
    checkpoints.file_of(home).unlink(missing_ok=True)
    (home.keys / "checkpoint.pub").unlink(missing_ok=True)


@pytest.fixture
def people() -> list[StaffAccount]:
    return [account_with(Role.CLERK, username=f"clerk{n}") for n in range(4)]


def sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def found(home: Home) -> list[tuple[str, str]]:
    return [(finding.kind, finding.where) for finding in check(home).findings]


def check(home: Home) -> Report:
    return verifying.verify(sealing.keyring(home), checkpoints.read(home))


def rename(account: StaffAccount, name: str) -> None:
    with audit.action_scope():
        account.display_name = name
        account.save()
        audit.record(system_actor("test"), "test.renamed", account)


def test_an_untouched_installation_is_good(home: Home, people: list[StaffAccount], sign: Sign) -> None:
    epochs.write_checkpoint(home, now=now(), sign=sign)
    report = check(home)
    assert report.is_good
    assert (report.records, report.rows, report.checkpoints) == (8, 8, 1)


def test_the_database_and_the_product_write_a_record_alike(home: Home) -> None:
    """Quotes, backslashes, rare characters, control characters: both give the same bytes."""
    odd = "\"'\\/\b\n\x00\x1f\x7f\u2028𠮷·é%s{}\ud800"
    with audit.action_scope():
        actor = Actor(kind="staff", id=-1, name=odd, session_id=2**40)
        audit.record(actor, "test.odd", None, note=odd, number=-(2**62), nothing=None, parts=[odd, {"甲": odd}])
    assert check(home).is_good


def test_a_chain_walked_in_parts_gives_the_same_report(
    home: Home, people: list[StaffAccount], sign: Sign, monkeypatch: pytest.MonkeyPatch
) -> None:
    epochs.write_checkpoint(home, now=now(), sign=sign)
    for account in people:
        rename(account, "改名")
    sql("UPDATE audit_record SET event = 'x' WHERE id = 3")
    AuditRecord.objects.filter(pk__in=[5, 6, 10]).delete()
    StaffAccount.objects.filter(pk=people[3].pk).update(display_name="伪造")
    whole = check(home)
    monkeypatch.setattr(verifying, "_LEAST_PART", 1)
    for count in (2, 3, 7, 9):
        report = verifying.verify(sealing.keyring(home), checkpoints.read(home), processes=count)
        assert report == whole
    kinds = {finding.kind for finding in whole.findings}
    assert kinds >= {"record_changed", "records_missing", "row_changed", "row_unrecorded"}


def test_a_row_put_back_is_named_even_when_the_product_wrote_it_again(
    home: Home, people: list[StaffAccount], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever puts back an unused link and uses it again leaves a later record of the same version."""
    person, other = people[0], people[1]
    older = StaffAccount.objects.filter(pk=person.pk).values("display_name", "row_version", "row_mac").get()
    rename(person, "甲")
    rename(other, "乙")
    StaffAccount.objects.filter(pk=person.pk).update(**older)
    rename(StaffAccount.objects.get(pk=person.pk), "丙")
    rename(other, "丁")
    assert found(home) == [("row_replayed", f"iam.staffaccount:{person.pk}")]
    monkeypatch.setattr(verifying, "_LEAST_PART", 1)
    for count in range(2, 12):
        report = verifying.verify(sealing.keyring(home), checkpoints.read(home), processes=count)
        assert [(one.kind, one.where) for one in report.findings] == found(home)


def test_a_deleted_row_that_is_written_again_is_named(home: Home) -> None:
    person = StaffAccount(username="someone", display_name="某人", created_at=now())
    rename(person, "甲")
    kept = StaffAccount.objects.filter(pk=person.pk).values().get()
    with audit.action_scope():
        audit.record(system_actor("test"), "test.deleted", person)
        person.delete()
    assert found(home) == []
    StaffAccount.objects.bulk_create([StaffAccount(**kept)])
    rename(StaffAccount.objects.get(pk=kept["id"]), "乙")
    assert found(home) == [("row_replayed", f"iam.staffaccount:{kept['id']}")]


def test_a_record_before_the_first_does_not_stop_the_verifier(home: Home, people: list[StaffAccount]) -> None:
    names = ", ".join(f'"{name}"' for name in chain.COLUMNS[1:])
    sql(f"INSERT INTO audit_record (id, {names}) SELECT -5, {names} FROM audit_record WHERE id = 3")  # noqa: S608
    assert found(home) == [("records_missing", "audit:-4-0")]


@pytest.mark.parametrize("table", ["ra_material", "ra_servicerequest"])
@pytest.mark.parametrize("leaves_view", [False, True])
def test_a_table_put_aside_is_named(home: Home, table: str, leaves_view: bool) -> None:
    """A view in its place would show whatever its maker likes."""
    sql(f"ALTER TABLE {table} RENAME TO put_aside")
    if leaves_view:
        sql(f"CREATE VIEW {table} AS SELECT * FROM put_aside")  # noqa: S608
    try:
        assert ("table_missing", table) in found(home)
    finally:
        if leaves_view:
            sql(f"DROP VIEW {table}")
        sql(f"ALTER TABLE put_aside RENAME TO {table}")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit_record SET event = CAST(event AS BLOB) WHERE id = 4",
        "UPDATE audit_record SET event = event || char(0) || 'hidden' WHERE id = 4",
        "UPDATE audit_record SET session_id = 'None' WHERE id = 4",
        "UPDATE audit_record SET chain = CAST(hex(chain) AS TEXT) WHERE id = 4",
    ],
)
def test_what_only_sqlite_would_store_is_named(home: Home, people: list[StaffAccount], change: str) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL refuses such values")
    sql(change)
    assert {where for _, where in found(home)} == {"audit:4"} or ("record_changed", "audit:4") in found(home)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at_us", 1),
        ("actor_kind", "x"),
        ("actor_id", 99),
        ("actor_name", "x"),
        ("session_id", 9),
        ("credential_id", 9),
        ("rows", b""),
        ("event", "x"),
        ("outcome", "refused"),
        ("object_type", "x"),
        ("object_id", 99_999_999),
        ("detail", "{}"),
        ("chain", b"\x00" * 32),
    ],
)
def test_an_edited_record_is_named(home: Home, people: list[StaffAccount], column: str, value: object) -> None:
    sql(f"UPDATE audit_record SET {column} = %s WHERE id = 4", value)  # noqa: S608  (our own tables)
    assert found(home)[0] == ("record_changed", "audit:4")


def test_text_shifted_between_columns_is_named(home: Home, people: list[StaffAccount]) -> None:
    sql("UPDATE audit_record SET event = event || %s || outcome, outcome = object_type WHERE id = 4", "\x1f")
    assert found(home) == [("record_changed", "audit:4")]


@pytest.mark.parametrize(
    ("ids", "where"), [([1], "audit:1"), ([3], "audit:3"), ([3, 4, 5], "audit:3-5"), ([1, 2], "audit:1-2")]
)
def test_deleted_records_are_named(home: Home, people: list[StaffAccount], ids: list[int], where: str) -> None:
    AuditRecord.objects.filter(pk__in=ids).delete()
    assert found(home)[0] == ("records_missing", where)


def test_records_cannot_change_places(home: Home, people: list[StaffAccount]) -> None:
    sql("UPDATE audit_record SET id = 1000 WHERE id = 3")
    sql("UPDATE audit_record SET id = 3 WHERE id = 5")
    sql("UPDATE audit_record SET id = 5 WHERE id = 1000")
    assert found(home)[0] == ("record_changed", "audit:3")


def test_a_record_written_by_hand_is_named(home: Home, people: list[StaffAccount]) -> None:
    last = AuditRecord.objects.latest("id")
    AuditRecord.objects.filter(pk=last.pk).update(event=last.event)
    last.pk = last.pk + 1
    last.chain = bytes(32)
    last.save(force_insert=True)
    AuditHead.objects.update(sequence=last.pk, chain=bytes(32))
    assert found(home) == [("record_changed", "audit:9")]


def test_a_tail_cut_off_is_found_by_the_head_or_else_by_the_signed_checkpoint(
    home: Home, people: list[StaffAccount], sign: Sign
) -> None:
    """The thorough forger cuts records, puts the head back, and removes the rows too: only the checkpoint knows."""
    epochs.write_checkpoint(home, now=now(), sign=sign)
    AuditRecord.objects.filter(pk__gt=6).delete()
    assert found(home)[:2] == [("head_differs", "audit:6"), ("truncated", "audit:8")]
    AuditHead.objects.update(sequence=6, chain=AuditRecord.objects.get(pk=6).chain)
    RoleGrant.objects.filter(account=people[3]).delete()
    StaffAccount.objects.filter(pk=people[3].pk).delete()
    assert found(home) == [("truncated", "audit:8")]
    account_with(Role.CLERK)  # the chain grows over the old place, with other content
    assert found(home) == [("checkpoint_differs", "audit:8")]


def test_everything_deleted_is_found(home: Home, people: list[StaffAccount], sign: Sign) -> None:
    epochs.write_checkpoint(home, now=now(), sign=sign)
    for table in ("audit_record", "audit_head", "iam_rolegrant", "iam_staffaccount"):
        sql(f"DELETE FROM {table}")  # noqa: S608  (our own tables)
    assert found(home) == [("truncated", "audit:8")]


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda pk: RoleGrant.objects.filter(pk=pk).update(role="approver"), "row_changed"),
        (lambda pk: RoleGrant.objects.filter(pk=pk).update(regions=["350100"]), "row_changed"),
        (lambda pk: RoleGrant.objects.filter(pk=pk).update(row_mac=bytes(16)), "row_changed"),
        (lambda pk: RoleGrant.objects.filter(pk=pk).update(row_version=2), "row_changed"),
        (lambda pk: RoleGrant.objects.filter(pk=pk).delete(), "row_missing"),
    ],
)
def test_an_edited_or_deleted_right_is_named(
    home: Home, people: list[StaffAccount], change: Callable[[int], object], kind: str
) -> None:
    grant = RoleGrant.objects.get(account=people[2])
    change(grant.pk)
    assert found(home) == [(kind, f"iam.rolegrant:{grant.pk}")]


def test_a_right_put_in_by_hand_is_named(home: Home, people: list[StaffAccount]) -> None:
    grant = RoleGrant.objects.get(account=people[2])
    sql("UPDATE iam_rolegrant SET ended_at = granted_at WHERE id = %s", grant.pk)
    grant.pk = 1000
    RoleGrant.objects.bulk_create([grant])
    assert ("row_changed", "iam.rolegrant:1000") in found(home)


def test_an_older_version_put_back_is_named(home: Home, people: list[StaffAccount]) -> None:
    """The old row is genuine in itself: only the record of its successor tells."""
    old = StaffAccount.objects.filter(pk=people[1].pk).values("display_name", "row_version", "row_mac").get()
    rename(people[1], "新名")
    assert check(home).is_good
    StaffAccount.objects.filter(pk=people[1].pk).update(**old)
    assert found(home) == [("row_replayed", f"iam.staffaccount:{people[1].pk}")]


def test_a_row_deleted_by_an_action_is_gone_rightly_and_its_return_is_named(
    home: Home, people: list[StaffAccount]
) -> None:
    grant = RoleGrant.objects.get(account=people[0])
    kept = RoleGrant.objects.get(pk=grant.pk)
    with audit.action_scope():
        audit.record(system_actor("test"), "test.purged", grant)
        grant.delete()
    assert check(home).is_good
    RoleGrant.objects.bulk_create([kept])
    assert found(home) == [("row_returned", f"iam.rolegrant:{kept.pk}")]


def test_a_genuine_row_whose_records_were_cut_is_named(home: Home, people: list[StaffAccount]) -> None:
    AuditRecord.objects.filter(pk__gt=6).delete()
    AuditHead.objects.update(sequence=6, chain=AuditRecord.objects.get(pk=6).chain)
    assert {kind for kind, _ in found(home)} == {"row_unrecorded"}


def test_a_malformed_binary_column_is_named_and_the_rest_is_read(home: Home, people: list[StaffAccount]) -> None:
    sql("UPDATE audit_record SET rows = %s WHERE id = 2", b"\x40abc")
    assert ("record_malformed", "audit:2") in found(home)


def test_the_checkpoint_file_cannot_be_edited_shortened_or_signed_by_another(
    home: Home, people: list[StaffAccount], sign: Sign
) -> None:
    for turn in range(3):
        rename(people[0], f"第{turn}次")
        epochs.write_checkpoint(home, now=now(), sign=sign)
    path = checkpoints.file_of(home)
    lines = path.read_bytes().splitlines(keepends=True)
    for wrong in (
        [lines[0].replace(b'"sequence":9', b'"sequence":8'), *lines[1:]],
        [lines[0], lines[2]],
        lines[1:],
        [lines[0], b"nonsense\n", lines[2]],
    ):
        path.write_bytes(b"".join(wrong))
        with pytest.raises(CheckpointInvalid):
            checkpoints.read(home)
    path.write_bytes(b"".join(lines))
    assert len(checkpoints.read(home)) == 3
    other = gm.sm2.generate_keypairs(1)[0]
    with pytest.raises(CheckpointInvalid):
        epochs.write_checkpoint(
            home, now=now(), sign=lambda payload: (gm.sm2.sign(other.private, other.public, payload), other.public)
        )
    (home.keys / "checkpoint.pub").write_text(other.public.hex())
    with pytest.raises(CheckpointInvalid):
        checkpoints.read(home)


def restore_older(home: Home, account: StaffAccount, sign: Sign) -> int:
    """Put the database back to what it was before a change that a checkpoint knows of; the number of that checkpoint."""
    backup = AuditHead.objects.values("sequence", "chain").get()
    rename(account, "之后")
    epochs.write_checkpoint(home, now=now(), sign=sign)
    lost = AuditHead.objects.get().sequence
    AuditRecord.objects.filter(pk__gt=backup["sequence"]).delete()
    AuditHead.objects.update(**backup)
    old = StaffAccount.objects.get(pk=account.pk)
    old.display_name, old.row_version = "测试人员", 1
    old.seal()
    StaffAccount.objects.filter(pk=old.pk).update(display_name="测试人员", row_version=1, row_mac=old.row_mac)
    return lost


def test_a_restore_goes_on_in_an_epoch_that_two_people_sign(home: Home, people: list[StaffAccount], sign: Sign) -> None:
    """After an old backup came back the verifier complains, until two people declare it; numbers do not return."""
    first, second = staff(Role.AUDIT_ADMIN), staff(Role.SYSTEM_ADMIN)
    with pytest.raises(EpochNotNeeded):
        audit_control.ask_for_epoch(home, actor=first, reason="演练", now=now())
    lost = restore_older(home, people[0], sign)
    assert found(home) == [("truncated", f"audit:{lost}")]

    request = audit_control.ask_for_epoch(home, actor=first, reason="由 5 月 1 日备份恢复", now=now())
    with pytest.raises(SamePerson):
        dual_control.confirm_dual(actor=first, request=request, now=now())
    request = dual_control.confirm_dual(actor=second, request=request, now=now())
    line = audit_control.open_epoch(home, actor=second, request=request, now=now(), sign=sign)
    assert line.people == (first.name, second.name)
    assert line.starts_at > lost
    rename(people[1], "新纪元")
    epochs.write_checkpoint(home, now=now(), sign=sign)
    report = check(home)
    assert report.is_good, report.findings
    assert report.notes
    assert AuditRecord.objects.filter(event="iam.confirm_dual", outcome="refused").exists()

    checkpoints.file_of(home).unlink()
    assert {kind for kind, _ in found(home)} == {"epoch_undeclared"}


@pytest.mark.parametrize("written_meanwhile", [0, 2])
def test_an_epoch_declared_and_cut_off_is_entered_later(
    home: Home, people: list[StaffAccount], sign: Sign, monkeypatch: pytest.MonkeyPatch, written_meanwhile: int
) -> None:
    """E4: the process died between the signed declaration and its entry; no number returns, the two people still hold."""
    first, second = staff(Role.AUDIT_ADMIN), staff(Role.SYSTEM_ADMIN)
    lost = restore_older(home, people[0], sign)
    request = audit_control.ask_for_epoch(home, actor=first, reason="恢复", now=now())
    request = dual_control.confirm_dual(actor=second, request=request, now=now())
    with monkeypatch.context() as patch:

        def die(**_: object) -> bool:
            raise KeyboardInterrupt

        patch.setattr(epochs, "_enter_epoch", die)
        with pytest.raises(KeyboardInterrupt):
            audit_control.open_epoch(home, actor=second, request=request, now=now(), sign=sign)
    for turn in range(written_meanwhile):
        rename(people[1], f"其间{turn}")
    with pytest.raises(RightMissing):
        audit_control.finish_epoch(home, actor=staff(Role.CLERK), now=now(), sign=sign)

    line = audit_control.finish_epoch(home, actor=first, now=now(), sign=sign)
    assert line is not None
    assert line.people == (first.name, second.name)
    assert line.starts_at > lost + 1_000_000 - 1
    assert AuditRecord.objects.filter(event="audit.epoch_opened", pk=line.starts_at, epoch=line.epoch).count() == 1
    assert audit_control.finish_epoch(home, actor=first, now=now(), sign=sign) is None
    rename(people[1], "新纪元")
    report = check(home)
    assert report.is_good, report.findings
    with pytest.raises(EpochNotNeeded):
        audit_control.ask_for_epoch(home, actor=first, reason="再来", now=now())


def test_records_written_while_an_epoch_is_declared_do_not_stop_it(
    home: Home, people: list[StaffAccount], sign: Sign
) -> None:
    """E4: somebody else works between declaration and entry; the declaration is signed anew for where the chain ends."""
    first, second = staff(Role.AUDIT_ADMIN), staff(Role.SYSTEM_ADMIN)
    restore_older(home, people[0], sign)
    request = audit_control.ask_for_epoch(home, actor=first, reason="恢复", now=now())
    request = dual_control.confirm_dual(actor=second, request=request, now=now())
    busy = iter([True, True, False])

    def sign_slowly(payload: bytes) -> tuple[bytes, bytes]:
        if next(busy, False):
            rename(people[1], "其间")
        return sign(payload)

    line = audit_control.open_epoch(home, actor=second, request=request, now=now(), sign=sign_slowly)
    assert AuditHead.objects.get().epoch == line.epoch
    assert len([one for one in checkpoints.read(home) if one.kind == "epoch"]) == 3
    assert check(home).is_good


def test_a_restore_to_before_a_declared_epoch_needs_two_people_again(
    home: Home, people: list[StaffAccount], sign: Sign
) -> None:
    """E4: what was declared at a place that the database no longer has is entered by nobody."""
    first, second = staff(Role.AUDIT_ADMIN), staff(Role.SYSTEM_ADMIN)
    restore_older(home, people[0], sign)
    before = AuditHead.objects.values("sequence", "epoch", "chain").get()
    request = audit_control.ask_for_epoch(home, actor=first, reason="恢复", now=now())
    request = dual_control.confirm_dual(actor=second, request=request, now=now())
    entered = audit_control.open_epoch(home, actor=second, request=request, now=now(), sign=sign)
    DualControlRequest.objects.all().delete()
    AuditRecord.objects.filter(pk__gt=before["sequence"]).delete()
    AuditHead.objects.update(**before)
    assert {line.epoch for line in epochs.disagreeing(home)} == {entered.epoch}
    assert audit_control.finish_epoch(home, actor=first, now=now(), sign=sign) is None
    request = audit_control.ask_for_epoch(home, actor=first, reason="又一次", now=now())
    request = dual_control.confirm_dual(actor=second, request=request, now=now())
    again = audit_control.open_epoch(home, actor=second, request=request, now=now(), sign=sign)
    assert again.epoch == entered.epoch + 1
    assert again.starts_at > entered.starts_at
    assert epochs.disagreeing(home) == []
    assert check(home).is_good


def test_verifying_does_not_wait_for_a_writer_and_sees_one_state(home: Home, people: list[StaffAccount]) -> None:
    with audit.action_scope():
        account = actions._open_account(system_actor("test"), "late", "后来", now())
        assert account.pk
        report = check(home)
    assert report.is_good
    assert report.records == 8
    assert check(home).records == 9
