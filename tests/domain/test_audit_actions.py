"""Actions and their records: all or nothing, refusals kept, nothing guarded without a record (E4)."""

import subprocess
import sys
import threading

import pytest
from django.db import OperationalError, close_old_connections, connection

from banyan import sealing
from banyan.domain import audit, bulk, outbox
from banyan.domain.audit import actions, chain, verifying
from banyan.domain.audit.errors import (
    AuditError,
    HeadMissing,
    NoAction,
    RowForged,
    StaleRow,
    TooManyRecords,
    UnrecordedWrite,
)
from banyan.domain.audit.models import AuditHead, AuditRecord, insert_guarded, update_guarded
from banyan.domain.iam import login
from banyan.domain.iam.errors import LoginRefused
from banyan.domain.iam.models import StaffAccount
from banyan.kernel.actor import Actor, system_actor
from banyan.kernel.clock import now
from banyan.kernel.errors import BanyanError
from banyan.kernel.home import Home

ACTOR = Actor(kind="staff", id=7, name="clerk", session_id=3, credential_id=5)


class Refused(BanyanError):
    code = "test.refused"
    audited_refusal = True


class Failed(BanyanError):
    code = "test.failed"


def account(username: str = "someone") -> StaffAccount:
    return StaffAccount(username=username, display_name="某人", created_at=now())


@audit.action
def open_one(actor: Actor, username: str = "someone") -> StaffAccount:
    row = account(username)
    row.save()
    audit.record(actor, "test.opened", row, username=username)
    return row


@pytest.mark.django_db
def test_an_action_leaves_one_record_with_who_what_and_the_row_as_written() -> None:
    row = open_one(ACTOR)
    record = AuditRecord.objects.get()
    assert (record.id, record.epoch, record.event, record.outcome) == (1, 1, "test.opened", "ok")
    assert (record.actor_id, record.actor_name, record.session_id, record.credential_id) == (7, "clerk", 3, 5)
    assert (record.object_type, record.object_id) == ("iam.staffaccount", row.pk)
    assert list(chain.unpack_rows(bytes(record.rows))) == [
        chain.RowState("iam.staffaccount", row.pk, 1, bytes(row.row_mac))
    ]
    head = AuditHead.objects.get()
    assert (head.sequence, bytes(head.chain)) == (1, bytes(record.chain))


@pytest.mark.django_db
def test_an_action_that_fails_leaves_nothing_and_a_refusal_leaves_only_its_record() -> None:
    @audit.action
    def refuse(actor: Actor, error: BanyanError) -> None:
        open_one(actor)
        raise error

    with pytest.raises(Failed):
        refuse(ACTOR, Failed())
    assert not AuditRecord.objects.exists()
    with pytest.raises(Refused):
        refuse(ACTOR, Refused())
    assert not StaffAccount.objects.exists()
    record = AuditRecord.objects.get()
    assert (record.outcome, record.actor_name, record.detail) == ("refused", "clerk", '{"code":"test.refused"}')
    assert record.event.endswith(".refuse")


@pytest.mark.django_db
def test_a_refusal_noted_inside_an_action_outlives_its_rollback() -> None:
    @audit.action
    def look_and_fail(actor: Actor) -> None:
        audit.refusal(actor, "test.looked", Refused())
        raise Failed

    with pytest.raises(Failed):
        look_and_fail(ACTOR)
    assert AuditRecord.objects.get().event == "test.looked"


@pytest.mark.django_db
def test_a_nested_action_joins_and_its_failure_undoes_only_its_own_part() -> None:
    @audit.action
    def inner(actor: Actor) -> None:
        open_one(actor, "inner")
        raise Failed

    @audit.action
    def outer(actor: Actor) -> None:
        open_one(actor, "before")
        with pytest.raises(Failed):
            inner(actor)
        open_one(actor, "after")

    outer(ACTOR)
    assert list(StaffAccount.objects.order_by("pk").values_list("username", flat=True)) == ["before", "after"]
    assert [record.detail for record in AuditRecord.objects.order_by("id")] == [
        '{"username":"before"}',
        '{"username":"after"}',
    ]


@pytest.mark.django_db
def test_when_the_audit_cannot_be_written_the_action_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    open_one(ACTOR, "first")

    def broken(*_: object) -> None:
        raise AuditError

    monkeypatch.setattr(actions.bulk, "insert_values", broken)
    with pytest.raises(AuditError):
        record_only(ACTOR)
    monkeypatch.undo()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM audit_head")
    with pytest.raises(HeadMissing):
        open_one(ACTOR, "second")
    assert not StaffAccount.objects.filter(username="second").exists()


@audit.action
def record_only(actor: Actor) -> None:
    audit.record(actor, "test.only", None)


@pytest.mark.django_db
def test_guarded_rows_are_written_in_recorded_actions_only() -> None:
    with pytest.raises(NoAction):
        account().save()
    with pytest.raises(NoAction):
        audit.record(ACTOR, "test.outside", None)

    @audit.action
    def forget_to_record(actor: Actor) -> None:
        account().save()

    with pytest.raises(UnrecordedWrite):
        forget_to_record(ACTOR)

    @audit.action
    def record_too_early(actor: Actor) -> None:
        row = account()
        row.save()
        audit.record(actor, "test.opened", row)
        row.display_name = "改名"
        row.save()

    with pytest.raises(UnrecordedWrite):
        record_too_early(ACTOR)

    row = open_one(ACTOR)

    @audit.action
    def delete_silently(actor: Actor) -> None:
        row.delete()

    with pytest.raises(UnrecordedWrite):
        delete_silently(ACTOR)
    assert StaffAccount.objects.count() == 1


@pytest.mark.django_db
def test_two_people_who_change_the_same_row_do_not_overwrite_each_other() -> None:
    row = open_one(ACTOR)
    mine, yours = StaffAccount.objects.get(pk=row.pk), StaffAccount.objects.get(pk=row.pk)

    @audit.action
    def rename(actor: Actor, copy: StaffAccount, name: str) -> None:
        copy.display_name = name
        copy.save()
        audit.record(actor, "test.renamed", copy)

    rename(ACTOR, mine, "甲")
    with pytest.raises(StaleRow):
        rename(ACTOR, yours, "乙")
    stored = StaffAccount.objects.get(pk=row.pk)
    assert (stored.display_name, stored.row_version) == ("甲", 2)
    assert stored.is_row_genuine()


@pytest.mark.django_db
def test_a_row_changed_by_hand_is_not_used() -> None:
    row = open_one(ACTOR)
    StaffAccount.objects.filter(pk=row.pk).update(display_name="伪造")
    with pytest.raises(RowForged):
        StaffAccount.objects.get(pk=row.pk).verify_row()


@pytest.mark.django_db
def test_bulk_actions_write_many_rows_and_one_record_each_up_to_the_limit() -> None:
    @audit.action
    def open_many(actor: Actor, first: int, count: int) -> list[StaffAccount]:
        rows = [account(f"u{first + n}") for n in range(count)]
        insert_guarded(rows)
        audit.record_many(actor, "test.opened", rows, details=[{"n": n} for n in range(count)], source="sheet")
        return rows

    rows = open_many(ACTOR, 0, 500)
    assert all(row.verify_row() for row in StaffAccount.objects.all())
    assert {row.pk for row in rows} == set(StaffAccount.objects.values_list("pk", flat=True))
    assert AuditRecord.objects.get(id=500).detail == '{"n":499,"source":"sheet"}'
    with pytest.raises(TooManyRecords):
        open_many(ACTOR, 1000, 501)
    assert StaffAccount.objects.count() == 500

    @audit.action
    def rename_many(actor: Actor, part: list[StaffAccount]) -> None:
        for row in part:
            row.display_name = "改名"
        update_guarded(part, ["display_name"])
        audit.record(actor, "test.renamed", None, rows=part)

    rename_many(ACTOR, rows[:100])
    assert StaffAccount.objects.filter(display_name="改名", row_version=2).count() == 100
    assert all(row.verify_row() for row in StaffAccount.objects.all())


@pytest.mark.django_db
def test_reserved_keys_are_never_given_twice() -> None:
    taken = list(bulk.next_ids(StaffAccount, 3)) + list(bulk.next_ids(StaffAccount, 2))
    row = open_one(ACTOR)
    assert len({*taken, row.pk}) == 6
    assert StaffAccount.objects.create is not None
    assert open_one(ACTOR, "next").pk not in {*taken, row.pk}


@pytest.mark.django_db
def test_what_looks_like_a_persons_number_never_enters_a_record() -> None:
    @audit.action
    def leak(actor: Actor) -> None:
        audit.record(
            actor, "test.leak", None, number="99002319900101001X", phone="13812345678", note="甲 13812345678。"
        )
        audit.record(actor, "test.serial", None, serial="52019A13812345678000AB99002319900101001X", at=1767225600123)

    leak(ACTOR)
    first, second = AuditRecord.objects.order_by("id")
    assert first.detail == '{"note":"甲 [withheld]。","number":"[withheld]","phone":"[withheld]"}'
    assert "52019A13812345678000AB99002319900101001X" in second.detail
    assert "1767225600123" in second.detail
    assert audit.digest("99002319900101001X") == audit.digest("99002319900101001X") != audit.digest("x")


@pytest.mark.django_db(transaction=True)
def test_a_busy_database_is_asked_again_and_a_lasting_refusal_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "_FIRST_PAUSE_S", 0.0001)
    tries = []

    @audit.action
    def busy(actor: Actor, times: int) -> str:
        tries.append(1)
        audit.record(actor, "test.busy", None)
        if len(tries) <= times:
            raise OperationalError("database is locked")
        return "done"

    assert busy(ACTOR, 3) == "done"
    assert (len(tries), AuditRecord.objects.count()) == (4, 1)
    tries.clear()
    with pytest.raises(OperationalError):
        busy(ACTOR, 100)
    assert len(tries) == actions._ATTEMPTS
    assert AuditRecord.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_many_threads_append_to_one_chain() -> None:
    errors: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(12):
                open_one(system_actor(f"t{number}"), f"u{number}-{turn}")
        except BaseException as error:
            errors.append(error)
        finally:
            close_old_connections()
            connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    records = list(AuditRecord.objects.order_by("id"))
    assert [record.id for record in records] == list(range(1, 73))
    previous = chain.GENESIS
    key = actions.ring().audit_key
    for record in records:
        values = [getattr(record, name) for name in chain.COLUMNS[:-1]]
        values[13] = bytes(values[13])
        previous = chain.link(key, previous, chain.content(values))
        assert bytes(record.chain) == previous


@pytest.mark.django_db(transaction=True)
def test_many_processes_append_to_one_chain(home: Home) -> None:
    work = (
        "import sys; from banyan.cli.context import django_setup; django_setup()\n"
        "from banyan.domain import audit\n"
        "from banyan.kernel.actor import system_actor\n"
        "@audit.action\n"
        "def append(n):\n"
        "    audit.record(system_actor(sys.argv[1]), 'test.appended', None, n=n)\n"
        "for n in range(40): append(n)\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", work, f"p{number}"]) for number in range(3)]
    assert [process.wait(120) for process in processes] == [0, 0, 0]
    assert AuditRecord.objects.count() == 120
    assert verifying.verify(sealing.keyring(home), []).is_good


@pytest.mark.django_db(transaction=True)
def test_no_id_number_phone_or_typed_secret_reaches_the_database_file(home: Home) -> None:
    """F7: what an action on protected values leaves, byte for byte, in database and write-ahead log."""
    if connection.vendor != "sqlite":
        pytest.skip("looks into SQLite's files")
    ring = sealing.keyring(home)

    @audit.action
    def enter(actor: Actor, number: str, phone: str) -> None:
        row = account()
        row.display_name = ring.fields.seal(number, "test").hex()[:60]
        row.save()
        audit.record(actor, "test.entered", row, number=number, phone=phone, digest=audit.digest(number))
        outbox.enqueue("sms.ready", "", {"account": row.pk})
        outbox.idempotent("test", "key-1", {"number": number, "phone": phone}).remember({"account": row.pk})

    enter(ACTOR, "99002319900101001X", "13800001234")
    with pytest.raises(LoginRefused):
        login.log_in(username="99002319900101001X", password="13800001234", channel="web", now=now())
    for path in home.path.glob("banyan.sqlite3*"):
        content = path.read_bytes()
        for secret in (b"99002319900101001X", b"9900231990", b"13800001234"):
            assert secret not in content, path


@pytest.mark.django_db(transaction=True)
def test_an_older_row_put_back_is_not_blessed_by_a_record_that_only_names_it(home: Home) -> None:
    @audit.action
    def rename(actor: Actor, row: StaffAccount) -> None:
        row.display_name = "改名"
        row.save()
        audit.record(actor, "test.renamed", row)

    @audit.action
    def look_at(actor: Actor, row: StaffAccount) -> None:
        audit.record(actor, "test.looked", row, rows=[row])

    row = open_one(ACTOR)
    older = StaffAccount.objects.filter(pk=row.pk).values("display_name", "row_version", "row_mac").get()
    rename(ACTOR, row)
    StaffAccount.objects.filter(pk=row.pk).update(**older)
    look_at(ACTOR, StaffAccount.objects.get(pk=row.pk))
    record = AuditRecord.objects.get(event="test.looked")
    assert (record.object_type, record.object_id, bytes(record.rows)) == ("iam.staffaccount", row.pk, b"")
    report = verifying.verify(sealing.keyring(home), [], processes=1)
    assert [finding.kind for finding in report.findings] == ["row_replayed"]
