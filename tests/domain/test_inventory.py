"""Tokens from stock to destruction, and the tasks that account for issued pairs (design §3 PINs, §9; D4, A12)."""

import re
from datetime import timedelta

import pytest
from django.db import connection

from banyan.domain.audit.errors import RowForged, StaleRow
from banyan.domain.audit.models import AuditRecord
from banyan.domain.iam.errors import RightMissing
from banyan.domain.inventory import access, actions
from banyan.domain.inventory.errors import (
    AdminPinUnknown,
    ContainerTaken,
    InventoryError,
    IssuanceAlreadyAssigned,
    ReasonMissing,
    SerialTaken,
    TaskStateRefused,
    TokenBusy,
    TokenNotFound,
    TransitionRefused,
    UnknownMedium,
)
from banyan.domain.inventory.models import PersonalizationTask, Token, TokenState
from banyan.domain.inventory.rules import TRANSITIONS, Verb, may_go
from banyan.domain.parties.errors import OutOfScope
from banyan.kernel.actor import Actor, system_actor
from support.parties import NOW, clerk, regions_installed

pytestmark = pytest.mark.django_db

RIGHTS = frozenset(
    {"tokens.read", "tokens.manage", "tokens.unlock", "requests.personalize", "requests.issue", "requests.hand_over"}
)
CENTRE = clerk(rights=RIGHTS)
PIN = "84736251"


@pytest.fixture(autouse=True)
def _places() -> None:
    regions_installed()
    actions.install_media(system_actor("test"), now=NOW)


def in_stock(count: int = 1, *, region: str = "350100", actor: Actor = CENTRE, start: int = 0) -> list[Token]:
    entries = [actions.TokenEntry(f"TEST-{start + n:06d}", admin_pin=PIN) for n in range(count)]
    found = actions.receive_tokens(actor, entries, medium="SOFT", region_code=region, now=NOW)
    return [token for token in found if isinstance(token, Token)]


def personalized(issuance: int = 1) -> Token:
    (token,) = in_stock(start=issuance * 1000)
    actions.assign(CENTRE, [token.pk], now=NOW)
    (task,) = actions.open_tasks(CENTRE, [actions.TaskEntry(issuance, token.pk, "c1", b"envelope")], now=NOW)
    actions.record_written(CENTRE, [task.pk], now=NOW)
    actions.record_verified(CENTRE, [task.pk], now=NOW)
    return access.token(CENTRE, token.pk)


def test_the_whole_life_of_a_token() -> None:
    token = personalized()
    assert token.state == TokenState.PERSONALIZED
    for verb, state in (
        (actions.ship, "IN_TRANSIT"),
        (actions.hand_over, "HANDED_OVER"),
        (actions.lock, "LOCKED"),
        (actions.unlock, "HANDED_OVER"),
        (actions.take_back, "RETURNED"),
        (actions.restock, "IN_STOCK"),
    ):
        (token,) = verb(CENTRE, [token.pk], now=NOW)
        assert token.state == state
    (token,) = actions.destroy(CENTRE, [token.pk], reason="测试销毁", now=NOW)
    assert access.token(CENTRE, token.pk).state == TokenState.DESTROYED


@pytest.mark.parametrize("state", list(TokenState))
@pytest.mark.parametrize("verb", list(Verb))
def test_no_way_but_those_in_the_table(verb: Verb, state: TokenState) -> None:
    (token,) = in_stock()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE inventory_token SET state = %s", [state.value])
    token = Token.objects.unscoped("test").get()
    token.seal()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE inventory_token SET row_mac = %s", [bytes(token.row_mac)])
    how = getattr(actions, verb.value)
    reason = {"reason": "测试"} if verb in (Verb.LOSE, Verb.DAMAGE, Verb.DESTROY) else {}
    if may_go(verb, state):
        (moved,) = how(clerk(rights=RIGHTS), [token.pk], now=NOW, **reason)
        assert moved.state == TRANSITIONS[verb].target
        assert moved.is_row_genuine()
    else:
        with pytest.raises(TransitionRefused):
            how(clerk(rights=RIGHTS), [token.pk], now=NOW, **reason)
        assert Token.objects.unscoped("test").get().state == state


def test_a_destroyed_token_stays_destroyed() -> None:
    assert not [verb for verb in Verb if may_go(verb, TokenState.DESTROYED)]


def test_loss_damage_and_destruction_want_a_reason() -> None:
    (token,) = in_stock()
    for verb in (actions.lose, actions.damage, actions.destroy):
        with pytest.raises(ReasonMissing):
            verb(CENTRE, [token.pk], reason=" ", now=NOW)


def test_all_tokens_of_one_call_move_or_none() -> None:
    tokens = in_stock(3)
    actions.assign(CENTRE, [tokens[1].pk], now=NOW)
    with pytest.raises(TransitionRefused):
        actions.assign(CENTRE, [token.pk for token in tokens], now=NOW)
    assert sorted(Token.objects.unscoped("test").values_list("state", flat=True)) == [
        "ASSIGNED",
        "IN_STOCK",
        "IN_STOCK",
    ]


def test_receiving_says_of_each_token_what_is_wrong_and_takes_the_rest() -> None:
    in_stock()
    serials = ["NEW-0001", "TEST-000000", "x", "ｎｅｗ-0002", "NEW-0001", "坏编号"]
    found = actions.receive_tokens(
        CENTRE, [actions.TokenEntry(serial) for serial in serials], medium="USB_KEY", region_code="350100", now=NOW
    )
    assert [type(item).__name__ for item in found] == [
        "Token",
        "SerialTaken",
        "SerialInvalid",
        "Token",
        "SerialTaken",
        "SerialInvalid",
    ]
    assert isinstance(found[1], SerialTaken)
    assert isinstance(found[3], Token)
    assert found[3].serial == "NEW-0002"
    with pytest.raises(UnknownMedium):
        actions.receive_tokens(CENTRE, [], medium="FLOPPY", region_code="350100", now=NOW)


def test_thousands_of_tokens_in_few_statements(django_assert_max_num_queries: object) -> None:
    with django_assert_max_num_queries(25):  # type: ignore[operator]
        tokens = in_stock(2000)
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        actions.assign(CENTRE, [token.pk for token in tokens], now=NOW)
    assert Token.objects.visible_to(CENTRE).filter(state="ASSIGNED").count() == 2000


def test_an_administrator_pin_is_nowhere_in_clear() -> None:
    in_stock()
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM inventory_token")
        stored = repr([bytes(v) if isinstance(v, memoryview) else v for row in cursor.fetchall() for v in row])
    assert PIN not in stored
    assert not [r for r in AuditRecord.objects.all() if PIN in r.detail]


def test_the_pin_of_a_token_that_nobody_holds_stays_shut() -> None:
    (in_store,) = in_stock()
    ready = personalized()
    for token in (in_store, ready):
        with pytest.raises(TransitionRefused):
            actions.open_admin_pin_for_unlock(CENTRE, token.pk, now=NOW)


def test_the_pin_opens_for_unlocking_only_and_each_look_is_recorded() -> None:
    token = personalized()
    actions.hand_over(CENTRE, [token.pk], now=NOW)
    actions.lock(CENTRE, [token.pk], now=NOW)
    assert actions.open_admin_pin_for_unlock(CENTRE, token.pk, now=NOW) == PIN
    assert AuditRecord.objects.filter(event="inventory.admin_pin_opened").count() == 1
    with pytest.raises(RightMissing):
        actions.open_admin_pin_for_unlock(clerk(rights=RIGHTS - {"tokens.unlock"}), token.pk, now=NOW)


def test_a_predecessors_token_without_pin_says_what_to_do() -> None:
    (found,) = actions.receive_tokens(
        CENTRE, [actions.TokenEntry("OLD-0001")], medium="USB_KEY", region_code="350100", now=NOW
    )
    assert isinstance(found, Token)
    assert not found.has_admin_pin
    actions.assign(CENTRE, [found.pk], now=NOW)
    actions.personalize(CENTRE, [found.pk], now=NOW)
    actions.finish(CENTRE, [found.pk], now=NOW)
    actions.hand_over(CENTRE, [found.pk], now=NOW)
    with pytest.raises(AdminPinUnknown, match="补办"):
        actions.open_admin_pin_for_unlock(CENTRE, found.pk, now=NOW)


def test_a_token_changed_by_plain_sql_is_refused() -> None:
    token = personalized()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE inventory_token SET state = 'IN_STOCK'")
    with pytest.raises(RowForged):
        access.token(CENTRE, token.pk)
    with pytest.raises(RowForged):
        actions.assign(CENTRE, [token.pk], now=NOW)


def test_two_people_cannot_move_the_same_token_past_each_other() -> None:
    from banyan.domain.audit.actions import action_scope
    from banyan.domain.audit.models import update_guarded

    (token,) = in_stock()
    stale = Token.objects.unscoped("test").get()
    actions.assign(CENTRE, [token.pk], now=NOW)
    stale.state = TokenState.LOST
    with pytest.raises(StaleRow), action_scope(now=NOW):
        update_guarded([stale])


def test_tokens_elsewhere_cannot_be_seen_or_moved() -> None:
    (token,) = in_stock(region="350128")
    fuzhou = clerk("350100", rights=RIGHTS)
    assert list(access.tokens(fuzhou)) == []
    with pytest.raises(TokenNotFound):
        actions.assign(fuzhou, [token.pk], now=NOW)
    with pytest.raises(OutOfScope):
        actions.receive_tokens(fuzhou, [actions.TokenEntry("OTHER-01")], medium="SOFT", region_code="350128", now=NOW)
    assert access.stock_counts(fuzhou) == []


def test_stock_is_counted_by_point_medium_and_state() -> None:
    tokens = in_stock(5)
    in_stock(2, region="350128", start=100)
    actions.assign(CENTRE, [tokens[0].pk], now=NOW)
    counts = {(row.medium_kind, row.state): row.count for row in access.stock_counts(CENTRE)}
    assert counts == {("SOFT", "IN_STOCK"): 6, ("SOFT", "ASSIGNED"): 1}
    assert sum(row.count for row in access.stock_counts(clerk("350128", rights=RIGHTS))) == 2


def test_only_stock_is_moved_to_another_point() -> None:
    tokens = in_stock(2)
    actions.assign(CENTRE, [tokens[0].pk], now=NOW)
    actions.move_stock(CENTRE, [tokens[1].pk], region_code="350200", issuing_point_id=None, now=NOW)
    assert access.token(clerk("350200", rights=RIGHTS), tokens[1].pk).serial == tokens[1].serial
    with pytest.raises(TransitionRefused):
        actions.move_stock(CENTRE, [tokens[0].pk], region_code="350200", issuing_point_id=None, now=NOW)


def test_an_issued_pair_is_accounted_for_from_the_task_to_the_token() -> None:
    (token,) = in_stock()
    actions.assign(CENTRE, [token.pk], now=NOW)
    assert access.unaccounted([41]) == {41}
    entry = actions.TaskEntry(41, token.pk, "c1", b"envelope bytes")
    (task,) = actions.open_tasks(CENTRE, [entry], now=NOW)
    assert access.unaccounted([41]) == set()
    assert [row.pk for row in access.unfinished_tasks(CENTRE)] == [task.pk]
    assert access.token(CENTRE, token.pk).state == TokenState.PERSONALIZING
    with pytest.raises(TokenBusy):
        actions.finish(CENTRE, [token.pk], now=NOW)
    with pytest.raises(TaskStateRefused):
        actions.record_verified(CENTRE, [task.pk], now=NOW)
    actions.record_written(CENTRE, [task.pk], now=NOW + timedelta(seconds=5))
    kept = PersonalizationTask.objects.unscoped("test").get()
    assert bytes(kept.envelope or b"") == b"envelope bytes"
    actions.record_verified(CENTRE, [task.pk], now=NOW + timedelta(seconds=9))
    done = access.task_of_issuance(CENTRE, 41)
    assert (done.state, done.envelope, done.is_current) == ("VERIFIED", None, True)
    assert done.written_at == NOW + timedelta(seconds=5)
    assert access.unaccounted([41]) == set()
    assert access.token(CENTRE, token.pk).state == TokenState.PERSONALIZED


def test_saying_so_again_changes_nothing() -> None:
    token = personalized(7)
    entry = actions.TaskEntry(7, token.pk, "c1")
    (again,) = actions.open_tasks(CENTRE, [entry], now=NOW)
    assert again.state == "VERIFIED"
    assert actions.record_verified(CENTRE, [again.pk], now=NOW) == []
    with pytest.raises(IssuanceAlreadyAssigned):
        actions.open_tasks(CENTRE, [actions.TaskEntry(7, token.pk, "c2")], now=NOW)
    assert PersonalizationTask.objects.unscoped("test").count() == 1


def test_a_renewal_keeps_the_older_pair_in_the_token() -> None:
    token = personalized(1)
    actions.hand_over(CENTRE, [token.pk], now=NOW)
    (task,) = actions.open_tasks(CENTRE, [actions.TaskEntry(2, token.pk, "c2", b"x")], now=NOW)
    with pytest.raises(ContainerTaken):
        actions.open_tasks(CENTRE, [actions.TaskEntry(3, token.pk, "c1", b"x")], now=NOW)
    assert [row.is_current for row in access.containers_of(CENTRE, token.pk)] == [True]
    actions.record_written(CENTRE, [task.pk], now=NOW)
    actions.record_verified(CENTRE, [task.pk], now=NOW)
    held = access.containers_of(CENTRE, token.pk)
    assert [(row.container, row.is_current) for row in held] == [("c2", True), ("c1", False)]


def test_a_voided_task_frees_the_container_and_accounts_for_nothing() -> None:
    (token,) = in_stock()
    actions.assign(CENTRE, [token.pk], now=NOW)
    (task,) = actions.open_tasks(CENTRE, [actions.TaskEntry(5, token.pk, "c1", b"x")], now=NOW)
    with pytest.raises(ReasonMissing):
        actions.void_task(CENTRE, task.pk, reason="", now=NOW)
    actions.void_task(CENTRE, task.pk, reason="介质损坏", now=NOW)
    assert access.unaccounted([5]) == {5}
    actions.abandon(CENTRE, [token.pk], now=NOW)
    (other,) = actions.open_tasks(CENTRE, [actions.TaskEntry(6, token.pk, "c1", b"x")], now=NOW)
    assert other.state == "OPEN"


def test_every_move_is_in_the_audit_with_the_row_it_wrote() -> None:
    before = AuditRecord.objects.count()
    token = personalized()
    events = list(AuditRecord.objects.order_by("pk").values_list("event", flat=True))[before:]
    assert events == [
        "inventory.tokens_received",
        "inventory.assign",
        "inventory.personalize",
        "inventory.tasks_opened",
        "inventory.tasks_written",
        "inventory.tasks_verified",
        "inventory.finish",
    ]
    last = AuditRecord.objects.order_by("-pk").first()
    assert last is not None
    assert last.object_id == token.pk
    assert b"inventory.token" in bytes(last.rows)


def test_people_without_the_right_move_nothing() -> None:
    (token,) = in_stock()
    nobody = clerk(rights=frozenset({"tokens.read"}))
    for verb in Verb:
        reason = {"reason": "测试"} if verb in (Verb.LOSE, Verb.DAMAGE, Verb.DESTROY) else {}
        with pytest.raises(RightMissing):
            getattr(actions, verb.value)(nobody, [token.pk], now=NOW, **reason)


def test_every_message_says_what_to_do() -> None:
    for error in InventoryError.__subclasses__():
        assert re.search(r"请|办理|不必|查看|换", error.message), error
