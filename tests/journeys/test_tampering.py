"""Whoever changes the database by hand is named by ``banyan audit verify``, table by table (issue 2, faults; E4).

A database administrator has every table but no key: he may edit a column, delete a row, put an older row back, or cut
the end off. Each is tried on every guarded table of an installation in use; all is put back before the next.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from django.db import connection, models

from banyan import gm
from banyan.adapters.embedded_ca import EmbeddedConnector
from banyan.cli.audit import audit as command
from banyan.domain.administering.calendar_settings import shipped_year
from banyan.domain.audit import checkpoints, epochs
from banyan.domain.audit.models import AuditHead, AuditRecord, GuardedModel
from banyan.domain.audit.verifying import guarded_models
from banyan.domain.ca import actions as ca
from banyan.domain.ca.models import Certificate, CertificateAuthority, CertificatePair, CrlIssue, Issuance, Origin
from banyan.domain.iam import access as iam_access
from banyan.domain.iam import actions as iam
from banyan.domain.iam import policy
from banyan.domain.iam.carrying import confirm_and_carry_out
from banyan.domain.iam.installation import register_installation
from banyan.domain.iam.models import (
    Credential,
    Installation,
    Posting,
    RoleGrant,
    SecurityPolicy,
    Session,
    StaffAccount,
    StaffLogin,
)
from banyan.domain.iam.rights import Role
from banyan.domain.iam.staff_login import Method
from banyan.domain.inventory import actions as inventory
from banyan.domain.inventory.models import Token, TokenAgent
from banyan.domain.papers import letters
from banyan.domain.papers.models import PaperVersion, PinLetter
from banyan.domain.ra.models import Approval, Entry, Material, Proofreading, ServiceRequest
from banyan.domain.rulebook.models import RuleVersion
from banyan.kernel.clock import now
from banyan.kernel.errors import BanyanError
from banyan.kernel.home import Home
from banyan.pki.public_key import sm2_spki
from support import issuing, signing
from support.administering import Administrators as RuleAdministrators
from support.certificate_login import Administrators
from support.iam import account_with, end_role_by_two, session_of
from support.issuing import NOW, SYSTEM, World, authority, clerk, draft, in_hands, issued
from support.life import Diary, foreign_certificates
from support.papers import Notebook, change_template, personalized

pytestmark = pytest.mark.django_db(transaction=True)

# Tables of the issue and of what they stand on; each has rows in ``lived_in``.
TABLES: tuple[type[GuardedModel], ...] = (
    CertificatePair, Certificate, CertificateAuthority, CrlIssue, Issuance, Approval, Entry, Proofreading, Token,
    TokenAgent, RoleGrant, StaffAccount, Credential, Session, Installation, StaffLogin, RuleVersion, PaperVersion,
    PinLetter, Posting, SecurityPolicy,
)  # fmt: skip


@pytest.fixture
def lived_in(home: Home) -> Iterator[World]:
    """People, rights, requests decided, pairs in tokens, one revoked, a CRL, a signed checkpoint."""
    checkpoints.file_of(home).unlink(missing_ok=True)
    (home.keys / "checkpoint.pub").unlink(missing_ok=True)
    world = issuing.world()
    register_installation(state="production", mark="a" * 32, made_at=NOW, now=now())
    for role in (Role.CLERK, Role.APPROVER):
        session_of(account_with(role))
    session_of(account_with(Role.POINT_CLERK, regions=["350102"], point_id=1))
    administrators = Administrators.at(now())
    administrators.switch(Method.TWO_FACTOR, now())
    asked = policy.ask_for_policy(actor=administrators.asks, changes={"idle_minutes": 20}, now=now())
    confirm_and_carry_out(actor=administrators.confirms, request=asked, now=now())
    RuleAdministrators().set("calendar:2099", {**shipped_year(2099), "is_known": True})
    pairs = in_hands(world, draft(world), draft(world, person=1))
    ca.revoke_pairs(SYSTEM, [pairs[0].pk], "keyCompromise", NOW + timedelta(days=1))
    ca.issue_crl(SYSTEM, "sm2-personal", world.connector, NOW + timedelta(days=2))
    change_template(administrators, now())
    letters.print_letter(actor=clerk(), request_id=personalized(world, 2).pk, maker=Notebook(), now=NOW)
    (key,) = gm.sm2.generate_keypairs(1)
    inventory.register_agent(SYSTEM, public_key=sm2_spki(key.public), name="柜台一", region_code="350102", now=NOW)
    epochs.write_checkpoint(home, now=now(), sign=lambda text: (gm.sm2.sign(key.private, key.public, text), key.public))
    yield world
    checkpoints.file_of(home).unlink(missing_ok=True)
    (home.keys / "checkpoint.pub").unlink(missing_ok=True)


def verdict() -> tuple[int, dict[str, set[str]]]:
    """Exit code of ``banyan audit verify``, and what it names: place → kinds."""
    result = CliRunner().invoke(command, ["verify", "--json"], catch_exceptions=False)
    named: dict[str, set[str]] = {}
    for finding in json.loads(result.stdout)["findings"]:
        named.setdefault(finding["where"], set()).add(finding["kind"])
    return result.exit_code, named


def sql(statement: str, *values: Any) -> None:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = replica")  # as an administrator does: no foreign keys
        else:
            cursor.execute("PRAGMA foreign_keys = OFF")
        cursor.execute(statement, values)
        if connection.vendor == "postgresql":
            cursor.execute("SET session_replication_role = DEFAULT")
        else:
            cursor.execute("PRAGMA foreign_keys = ON")


def row_of(table: str, pk: Any) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table} WHERE id = %s", [pk])  # noqa: S608  (our own tables)
        names = [one[0] for one in cursor.description]
        (found,) = cursor.fetchall()
    return {
        name: bytes(value) if isinstance(value, memoryview) else value for name, value in zip(names, found, strict=True)
    }


def put(table: str, pk: Any, values: dict[str, Any]) -> None:
    changes = ", ".join(f"{name} = %s" for name in values)
    sql(f"UPDATE {table} SET {changes} WHERE id = %s", *values.values(), pk)  # noqa: S608  (our own tables)


@contextmanager
def undone(table: str, pk: Any) -> Iterator[None]:
    """Afterwards the row is what it was, also when it was deleted."""
    before = row_of(table, pk)
    yield
    sql(f"DELETE FROM {table} WHERE id = %s", pk)  # noqa: S608  (our own tables)
    names = ", ".join(before)
    marks = ", ".join(["%s"] * len(before))
    sql(f"INSERT INTO {table} ({names}) VALUES ({marks})", *before.values())  # noqa: S608  (our own tables)


def other(field: "models.Field[Any, Any]", value: Any) -> Any:
    """Another value that the column holds."""
    if isinstance(field, models.BooleanField):
        return not value
    if isinstance(field, models.JSONField):
        return '["350128"]'
    if isinstance(field, models.BinaryField):
        return bytes([*(bytes(value) if value else b"")[:-1], (value[-1] if value else 0) ^ 1])
    if isinstance(field, models.DateTimeField):
        from datetime import UTC, datetime

        moment = datetime(2031, 5, 1, 3, 4, 5, tzinfo=UTC)
        return moment if connection.vendor == "postgresql" else "2031-05-01 03:04:05"
    if isinstance(field, models.IntegerField | models.ForeignKey | models.BigAutoField):
        target = field.target_field if isinstance(field, models.ForeignKey) else field
        if isinstance(target, models.CharField):
            return "OTHER"
        return (value or 0) + 4711
    return "XX" if value != "XX" else "YY"


def columns_that_matter(model: type[GuardedModel]) -> "list[models.Field[Any, Any]]":
    """Guarded ones, and bytes for which a guarded digest stands."""
    names = {*model.GUARDED_FIELDS, "row_version", "row_mac", "der", "content"}
    return [field for field in model._meta.concrete_fields if field.attname in names]


def test_every_guarded_table_is_tried_or_stands_in_a_test_of_its_own() -> None:
    elsewhere = {"KeyRecovery", "RecoveryApproval", "LoginLink", "DualControlRequest", "UnlockGrant"}
    assert {model.__name__ for model in guarded_models()} == {model.__name__ for model in TABLES} | elsewhere


@pytest.mark.parametrize("model", TABLES, ids=lambda model: model._meta.db_table)
def test_every_edit_and_deletion_is_named(lived_in: World, model: type[GuardedModel]) -> None:
    assert verdict() == (0, {})
    table, label = model._meta.db_table, model._meta.label_lower
    pk = model._base_manager.order_by("pk").values_list("pk", flat=True).first()
    missed = []
    for field in columns_that_matter(model):
        with undone(table, pk):
            column = str(field.column)
            put(table, pk, {column: other(field, row_of(table, pk)[column])})
            code, named = verdict()
            if (code, named.get(f"{label}:{pk}")) != (3, {"row_changed"}):
                missed.append((column, code, named))
    with undone(table, pk):
        sql(f"DELETE FROM {table} WHERE id = %s", pk)  # noqa: S608  (our own tables)
        code, named = verdict()
        if (code, named.get(f"{label}:{pk}")) != (3, {"row_missing"}):
            missed.append(("deleted", code, named))
    assert missed == []
    assert verdict() == (0, {})


# What was approved and issued upon has no MAC of its own: the approval's holds its digests.
APPROVED: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "ra_servicerequest": ("id", "request_changed", (
        "number", "business", "system", "kind", "subject_name", "person_id", "pair_id", "reason", "region_code",
    )),
    "ra_material": ("request_id", "materials_changed", ("code", "sm3", "removed_at")),
}  # fmt: skip


@pytest.mark.parametrize("table", APPROVED)
def test_edits_of_what_was_approved_are_named(lived_in: World, table: str) -> None:
    """E4: identity and materials of a request that became a certificate, without a MAC on each of them."""
    key, kind, columns = APPROVED[table]
    (pair,) = in_hands(lived_in, draft(lived_in, person=2, materials=issuing.materials()))
    request = pair.request_id
    model: type[models.Model] = {"id": ServiceRequest, "request_id": Material}[key]
    fields = {str(field.column): field for field in model._meta.concrete_fields}
    pk = model._base_manager.filter(**{key: request}).values_list("pk", flat=True).first()
    assert verdict() == (0, {})
    named = {f"ra.servicerequest:{request}": {kind}}
    for column in columns:
        with undone(table, pk):
            before = row_of(table, pk)[column]
            put(table, pk, {column: other(fields[column], before)})
            assert verdict() == (3, named), column
    with undone(table, pk):
        sql(f"DELETE FROM {table} WHERE id = %s", pk)  # noqa: S608
        gone = {"ra_servicerequest": "request_missing"}.get(table, kind)
        assert verdict() == (3, {f"ra.servicerequest:{request}": {gone}})


def _hold(world: World) -> int:
    (pair,) = in_hands(world, draft(world, person=2))
    pk = Certificate.objects.filter(pair=pair).earliest("pk").pk
    return int(pk)


def decided_request(world: World) -> ServiceRequest:
    return issuing.decided(world, draft(world, person=2))[0]


REPLAYS: dict[str, tuple[type[GuardedModel], Callable[[World], int], Callable[[World, int], object]]] = {
    "a revoked certificate valid again": (
        Certificate,
        _hold,
        lambda world, pk: ca.revoke_pairs(
            SYSTEM, [Certificate.objects.get(pk=pk).pair_id], "keyCompromise", NOW + timedelta(days=3)
        ),
    ),
    "a handed-over token in stock again": (
        Token,
        lambda world: int(world.token().pk),
        lambda world, pk: inventory.assign(issuing.clerk(), [pk], now=NOW),
    ),
    "an ended right held again": (
        RoleGrant,
        lambda world: int(RoleGrant.objects.get(account=account_with(Role.CLERK)).pk),
        lambda world, pk: end_role_by_two(RoleGrant.objects.get(pk=pk), now()),
    ),
    "a void intent open again": (
        Issuance,
        lambda world: int(issuing.issue(world, issuing.decided(world, draft(world, person=2))[0]).issuance_id or 0),
        lambda world, pk: ca.void_issuance(SYSTEM, pk, NOW),
    ),
    # No action changes an approval or a proofreading once given; should one ever, the older row does not serve again.
    "a rejection an approval again": (
        Approval,
        lambda world: int(decided_request(world).approval_id or 0),
        lambda world, pk: rewrite(Approval.objects.get(pk=pk), decision="REJECTED"),
    ),
    "a proofreading by somebody else again": (
        Proofreading,
        lambda world: int(decided_request(world).proofreading_id or 0),
        lambda world, pk: rewrite(Proofreading.objects.get(pk=pk), proofreader=77),
    ),
    "a closed account active again": (
        StaffAccount,
        lambda world: int(account_with(Role.CLERK).pk),
        lambda world, pk: iam.set_account_active(
            actor=session_of(account_with(Role.SYSTEM_ADMIN)),
            account=StaffAccount.objects.get(pk=pk), is_active=False, now=now(),
        ),
    ),
}  # fmt: skip


def rewrite(row: GuardedModel, **changes: Any) -> None:
    """A change by the product's own means, MAC, record and all."""
    from banyan.domain import audit
    from banyan.domain.audit.models import update_guarded

    with audit.action_scope():
        for name, value in changes.items():
            setattr(row, name, value)
        update_guarded([row])
        audit.record(SYSTEM, "test.rewrite", row)


def test_the_four_kinds_of_the_issue_are_all_replayed() -> None:
    """Certificates, approvals, rights here; the audit's own records below."""
    assert {Certificate, Approval, RoleGrant} <= {model for model, _, _ in REPLAYS.values()}


@pytest.mark.parametrize("what", REPLAYS)
def test_an_older_row_put_back_is_named(lived_in: World, what: str) -> None:
    """The old row is genuine in itself; the record of its successor tells."""
    model, make, change = REPLAYS[what]
    pk = make(lived_in)
    old = row_of(model._meta.db_table, pk)
    change(lived_in, pk)
    assert verdict() == (0, {})
    changed = row_of(model._meta.db_table, pk)
    put(model._meta.db_table, pk, {name: value for name, value in old.items() if name != "id"})
    assert verdict() == (3, {f"{model._meta.label_lower}:{pk}": {"row_replayed"}})
    put(model._meta.db_table, pk, {name: value for name, value in changed.items() if name != "id"})
    assert verdict() == (0, {})


@pytest.mark.parametrize("model", [Certificate, Approval, RoleGrant, Token], ids=lambda model: model._meta.db_table)
def test_a_row_copied_by_hand_is_named(lived_in: World, model: type[GuardedModel]) -> None:
    """A genuine row under another key, as one might copy somebody's approval or right."""
    table = model._meta.db_table
    before = row_of(table, model._base_manager.order_by("pk").values_list("pk", flat=True).first())
    before["id"] = 990_001
    for name, value in (("serial", "00FFEE"), ("role", "approver"), ("ended_at", None)):
        if name in before and before[name] is not None:
            before[name] = value
    names, marks = ", ".join(before), ", ".join(["%s"] * len(before))
    sql(f"INSERT INTO {table} ({names}) VALUES ({marks})", *before.values())  # noqa: S608  (our own tables)
    code, named = verdict()
    assert code == 3
    assert named[f"{model._meta.label_lower}:990001"] == {"row_changed"}


@pytest.mark.parametrize("model", [Certificate, Approval, RoleGrant, Token], ids=lambda model: model._meta.db_table)
@pytest.mark.parametrize("kept", [0, 1], ids=["all of it", "its end"])
def test_a_table_cut_off_is_named_row_by_row(lived_in: World, model: type[GuardedModel], kept: int) -> None:
    """The newest rows gone, or every row: nothing else in the table tells that there were more."""
    table, label = model._meta.db_table, model._meta.label_lower
    rows = list(model._base_manager.order_by("pk").values_list("pk", flat=True))
    assert len(rows) > 1
    sql(f"DELETE FROM {table} WHERE id > %s", rows[kept - 1] if kept else 0)  # noqa: S608  (our own tables)
    code, named = verdict()
    assert code == 3
    gone = {place: kinds for place, kinds in named.items() if place.startswith(f"{label}:")}
    assert gone == {f"{label}:{pk}": {"row_missing"} for pk in rows[kept:]}


def test_certificates_of_another_ca_are_guarded_like_our_own(lived_in: World, tmp_path: Path) -> None:
    """Taken in, one of them revoked: an edit, a deletion and the return of the older row are named."""
    others = foreign_certificates(Diary(tmp_path / "others.json"), lived_in.people[0].pk)
    ca.register_authority(
        SYSTEM, code="former", certificate=others.authority, connector="former", now=now(), origin=Origin.FOREIGN
    )
    pairs, refusals = ca.import_foreign(SYSTEM, "former", others.holdings, now(), anchors=[others.root], crl=others.crl)
    assert not refusals
    valid = next(pair for pair in pairs if pair is not None and pair.state == "VALID")
    pk = Certificate.objects.filter(pair=valid).earliest("pk").pk
    old = row_of("ca_certificate", pk)
    ca.revoke_pairs(SYSTEM, [valid.pk], "superseded", now())
    assert verdict() == (0, {})
    where = f"ca.certificate:{pk}"
    with undone("ca_certificate", pk):
        put("ca_certificate", pk, {"state": "VALID"})
        assert verdict() == (3, {where: {"row_changed"}})
    with undone("ca_certificate", pk):
        put("ca_certificate", pk, {name: value for name, value in old.items() if name != "id"})
        assert verdict() == (3, {where: {"row_replayed"}})
    with undone("ca_certificate", pk):
        sql("DELETE FROM ca_certificate WHERE id = %s", pk)
        assert verdict() == (3, {where: {"row_missing"}})
    assert verdict() == (0, {})


def test_older_records_of_the_audit_put_in_place_of_newer_ones_are_named(lived_in: World) -> None:
    """A genuine record under another number, two exchanged, one appended again: each breaks the chain."""
    last = AuditRecord.objects.latest("id").pk
    older, newer = row_of("audit_record", 4), row_of("audit_record", 6)

    def without_number(row: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in row.items() if name != "id"}

    with undone("audit_record", 6):
        put("audit_record", 6, without_number(older))
        code, named = verdict()
        assert code == 3
        assert "record_changed" in named["audit:6"]
    with undone("audit_record", 4), undone("audit_record", 6):
        put("audit_record", 4, without_number(newer))
        put("audit_record", 6, without_number(older))
        code, named = verdict()
        assert code == 3
        assert {"audit:4", "audit:6"} <= {place for place, kinds in named.items() if "record_changed" in kinds}
    again = row_of("audit_record", last) | {"id": last + 1}
    names, marks = ", ".join(f'"{name}"' for name in again), ", ".join(["%s"] * len(again))
    sql(f"INSERT INTO audit_record ({names}) VALUES ({marks})", *again.values())  # noqa: S608  (our own tables)
    code, named = verdict()
    assert code == 3
    assert set().union(*named.values()) & {"record_changed", "head_differs"}
    sql("DELETE FROM audit_record WHERE id = %s", last + 1)
    assert verdict() == (0, {})


def test_edits_deletions_and_truncation_of_the_audit_are_named(lived_in: World) -> None:
    last = AuditRecord.objects.latest("id").pk
    for column, value in (("event", "x"), ("actor_id", 99), ("detail", "{}"), ("at_us", 7), ("rows", b"")):
        with undone("audit_record", 5):
            put("audit_record", 5, {column: value})
            code, named = verdict()
            assert code == 3
            assert "record_changed" in named["audit:5"]
    for gone, where, kind in ((5, "audit:5", "records_missing"), (last, f"audit:{last - 1}", "head_differs")):
        with undone("audit_record", gone):
            sql("DELETE FROM audit_record WHERE id = %s", gone)
            code, named = verdict()
            assert code == 3
            assert kind in named[where]
    with undone("audit_head", 1):
        put("audit_head", 1, {"sequence": last - 1})
        assert verdict() == (3, {f"audit:{last}": {"head_differs"}})
    with undone("audit_head", 1):
        sql("DELETE FROM audit_head")
        assert verdict() == (3, {f"audit:{last}": {"head_differs"}})
    assert verdict() == (0, {})


def test_a_tail_cut_off_with_its_head_is_named_by_the_checkpoint(lived_in: World) -> None:
    """Records, head and the rows they speak of are cut together: only the signed checkpoint outside knows."""
    last = AuditHead.objects.get().sequence
    with connection.cursor() as cursor:
        cursor.execute("SELECT chain FROM audit_record WHERE id = %s", [last - 1])
        (chain,) = cursor.fetchone()
    sql("DELETE FROM audit_record WHERE id = %s", last)
    sql("UPDATE audit_head SET sequence = %s, chain = %s", last - 1, bytes(chain))
    code, named = verdict()
    assert code == 3
    assert named[f"audit:{last}"] == {"truncated"}


def test_the_checkpoint_file_of_another_installation_or_none_at_all_is_named(lived_in: World, home: Home) -> None:
    file = checkpoints.file_of(home)
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b'"sequence":', b'"sequence":1'))
    assert verdict() == (3, {"checkpoints": {"checkpoint_differs"}})
    file.write_bytes(whole)
    assert verdict() == (0, {})


def test_a_request_approved_by_plain_sql_is_issued_by_nobody(home: Home) -> None:
    """First the product refuses; who goes on by hand to the intent is refused by the signer, which looks for itself."""
    authorities = signing.installation(home)
    good, bad = signing.prepare(authorities["sm2-personal"], 2)
    world_request = ServiceRequest.objects.unscoped("the administrator").get(pk=bad.request.pk)
    sql("DELETE FROM ra_approval WHERE id = %s", bad.approval.pk)
    copied = row_of("ra_approval", good.approval.pk) | {"id": bad.approval.pk, "request_id": bad.request.pk}
    names, marks = ", ".join(copied), ", ".join(["%s"] * len(copied))
    sql(f"INSERT INTO ra_approval ({names}) VALUES ({marks})", *copied.values())  # noqa: S608  (our own tables)
    assert world_request.step == "issue"
    connector = EmbeddedConnector(home)
    with signing.serving(home, "signer", "kmc") as services:
        for client, name in ((connector._kmc, "kmc"), (connector._signer, "signer")):
            client.call = services[name].call  # type: ignore[method-assign]
        answers = {}
        for one in (good, bad):
            keys = services["kmc"].call("allocate", intents=[one.id])[0]
            if "refused" in keys:
                answers[one.id] = keys
                continue
            intent = {
                "issuance": one.id,
                "encryption_public_key": keys["encryption_public_key"],
                "kmc_receipt": keys["receipt"],
            }
            (answers[one.id],) = services["signer"].call("complete", intents=[intent])
        assert answers[good.id]["signing_certificate"]
        assert answers[bad.id]["refused"] == "signer.approval_forged"
        assert len(services["signer"].call("journal", after=0)) == 1
    connector.close()
    _code, named = verdict()
    assert named[f"ra.approval:{bad.approval.pk}"] == {"row_changed"}


def test_a_request_moved_on_by_plain_sql_is_not_issued(lived_in: World) -> None:
    """Set to the issuing step without anybody's approval: the product finds no approval of it."""
    from banyan.domain.ra import actions as ra

    outcome = ra.open_requests(issuing.clerk(), [draft(lived_in, person=2)], NOW)
    (request,) = outcome.done
    sql("UPDATE ra_servicerequest SET step = 'issue' WHERE id = %s", request.pk)
    fresh = ServiceRequest.objects.unscoped("test").get(pk=request.pk)
    with pytest.raises(BanyanError) as refused:
        issuing.issue(lived_in, fresh)
    assert refused.value.code in {"ra.approval_void", "ra.proofreading_void"}
    assert not Issuance.objects.filter(request_id=request.pk).exists()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE iam_rolegrant SET role = 'approver' WHERE id = %s",
        "UPDATE iam_rolegrant SET regions = NULL WHERE id = %s",
        "UPDATE iam_rolegrant SET ended_at = NULL WHERE id = %s",
    ],
)
def test_a_forged_right_gives_nothing(lived_in: World, change: str) -> None:
    account = account_with(Role.CLERK, regions=["350128"])
    opened = iam.open_session(
        account=account,
        credential=iam.set_password(
            actor=iam.account_actor(account), account=account, secret_hash="x", now=now()
        ),
        channel="test",
        now=now(),
    )  # fmt: skip
    grant = RoleGrant.objects.get(account=account)
    assert "requests.create" in iam_access.actor_from_session(opened.token, now()).rights
    if "ended_at" in change:
        end_role_by_two(grant, now())
    sql(change, grant.pk)
    actor = iam_access.actor_from_session(opened.token, now())
    assert actor.rights == frozenset()
    assert actor.regions != None  # noqa: E711  (not the whole province either)
    code, named = verdict()
    assert code == 3
    assert f"iam.rolegrant:{grant.pk}" in named


def test_pairs_recorded_later_are_still_whole(lived_in: World) -> None:
    """Nothing above is found in an installation that simply goes on working."""
    issued(lived_in, draft(lived_in, person=2))
    assert authority().row_version >= 1
    assert verdict() == (0, {})
