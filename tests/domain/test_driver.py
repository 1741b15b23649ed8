"""Statements that travel with the next one, and keys drawn ahead: nobody sees a difference (E4, F7)."""

import threading
from collections.abc import Callable

import pytest
from django.db import IntegrityError, close_old_connections, connection, transaction

from banyan.domain import audit, bulk
from banyan.domain.ca.models import CertificatePair, SubjectKey, Tally
from banyan.domain.driver import Driver, deferring
from banyan.kernel.actor import system_actor

KEYS = SubjectKey._meta.db_table
COLUMNS = ("key", "issuance_id", "is_encryption")


def note(*keys: int) -> None:
    bulk.insert_values(KEYS, COLUMNS, [(key, None, False) for key in keys])


def noted() -> list[int]:
    return sorted(SubjectKey.objects.values_list("key", flat=True))


@pytest.mark.django_db(transaction=True)
def test_what_waits_is_there_for_whoever_asks_next() -> None:
    with transaction.atomic(), deferring():
        note(1, 2)
        assert Driver().rows(f"SELECT count(*) FROM {KEYS}") == [(2,)]  # noqa: S608  (our own table)
        note(3)
        assert noted() == [1, 2, 3]  # the ORM asks too
        note(*range(10, 40))
        note(4)
        assert bulk.mark(SubjectKey, [1, 2, 3, 4], issuance_id=7) == 4
        note(5)
    assert len(noted()) == 35


@pytest.mark.django_db(transaction=True)
def test_an_error_of_a_waiting_statement_comes_as_itself_and_undoes_everything() -> None:
    note(1)

    def write(asks: Callable[[], object]) -> None:
        with transaction.atomic(), deferring():
            note(8)
            note(1)
            asks()

    for asks in (lambda: Driver().rows("SELECT 1"), noted, lambda: None):
        with pytest.raises(IntegrityError):
            write(asks)
    assert noted() == [1]
    with transaction.atomic(), deferring():  # the connection is as good as before
        note(2)
    assert noted() == [1, 2]


@pytest.mark.django_db(transaction=True)
def test_a_nested_part_that_fails_takes_what_waits_along_and_leaves_what_came_before() -> None:
    def note_and_fail(key: int) -> None:
        with transaction.atomic():
            note(key)
            raise ZeroDivisionError

    with transaction.atomic(), deferring():
        note(1)
        with pytest.raises(ZeroDivisionError):
            note_and_fail(2)
        note(3)
        with pytest.raises(IntegrityError), transaction.atomic():
            note(1)
        note(4)
    assert noted() == [1, 3, 4]


@pytest.mark.django_db(transaction=True)
def test_an_action_writes_what_waits_before_it_commits() -> None:
    @audit.action
    def count(actor: object) -> None:
        note(1)
        audit.record(system_actor("test"), "test.counted", None)

    count(system_actor("test"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_record WHERE event = 'test.counted'")
        assert cursor.fetchone() == (1,)
    assert noted() == [1]
    assert not Tally.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_keys_drawn_ahead_are_given_once_whoever_draws() -> None:
    taken: list[int] = []
    turn = threading.Lock()

    def draw() -> None:
        try:
            for count in (1, 2, 40, 1, 3):
                with transaction.atomic():
                    keys = bulk.next_ids(CertificatePair, count, ahead=True)
                assert len(keys) == count
                with turn:
                    taken.extend(keys)
        finally:
            close_old_connections()
            connection.close()

    threads = [threading.Thread(target=draw) for _ in range(3)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(taken) == len(set(taken)) == 3 * 47
