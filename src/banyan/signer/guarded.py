"""Reading guarded rows as the key-holding processes do: plain values in few queries, every MAC checked in
one batch.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar

from django.conf import settings
from django.core.exceptions import EmptyResultSet
from django.db import InterfaceError, OperationalError, connection
from django.db.backends.utils import CursorWrapper
from django.db.models import QuerySet

from banyan import sealing
from banyan.domain.audit.models import GuardedModel
from banyan.domain.prepared import Prepared
from banyan.signer.errors import DatabaseUnavailable

Result = TypeVar("Result")


class GuardedRow(dict[str, Any]):
    """Values of one row, by column attribute. ``is_genuine`` False: changed from outside the product."""

    __slots__ = ("is_genuine",)

    def __init__(self, names: Sequence[str], values: Sequence[Any], *, is_genuine: bool) -> None:
        super().__init__(zip(names, values, strict=True))
        self.is_genuine = is_genuine


def read_guarded(
    model: type[GuardedModel], keys: Sequence[Any], *, by: str = "pk", extra: Sequence[str] = ()
) -> list[GuardedRow]:
    """Rows of ``model`` whose column ``by`` is one of ``keys``, with their guarded and ``extra`` columns.

    Bytes come as bytes whatever the database. Rows that do not exist are simply missing.
    """
    wanted = tuple(dict.fromkeys(keys))
    if not wanted:
        return []
    names = _names(model, extra)
    return _with_verdicts(model, names, _statement(model, names, by).values(wanted))


@lru_cache(maxsize=64)
def _statement(model: type[GuardedModel], names: tuple[str, ...], by: str) -> Prepared[GuardedModel]:
    return Prepared(lambda keys: model._default_manager.filter(**{f"{by}__among": keys}), names)


def genuine_pages(
    model: type[GuardedModel], found: "QuerySet[Any, Any]", *, page: int = 5000
) -> Iterator[list[GuardedRow]]:
    """All rows of a query in order of their keys, a page at a time, each with its verdict."""
    names, after = _names(model, ()), -1
    while rows := _checked(model, names, found.filter(pk__gt=after).order_by("pk")[:page]):
        yield rows
        after = rows[-1]["id"]


def read_values(found: "QuerySet[Any, Any]", names: Sequence[str]) -> list[Sequence[Any]]:
    """Columns of a query as plain values: aware instants, bytes, numbers, text.

    The ORM's own conversions cost more than all the rest of the reading.
    """
    try:
        sql, parameters = found.values_list(*names).query.get_compiler(connection=connection).as_sql()
    except EmptyResultSet:  # the ORM knows without asking that nothing can be found
        return []
    return _read(sql, parameters)


def _read(sql: str, parameters: Sequence[Any]) -> list[Sequence[Any]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows = _fetched(cursor)
    if connection.vendor != "sqlite":  # psycopg gives views of bytes
        return [[bytes(value) if type(value) is memoryview else value for value in row] for row in rows]
    # SQLite's driver gives instants without their zone, which is UTC (USE_TZ).
    return [[value.replace(tzinfo=UTC) if type(value) is datetime else value for value in row] for row in rows]


def with_database(work: Callable[[], Result]) -> Result:
    """Run ``work``; a connection that the database server dropped is opened once more. Raises
    DatabaseUnavailable.
    """
    try:
        return work()
    except (OperationalError, InterfaceError):
        connection.close()
    try:
        return work()
    except (OperationalError, InterfaceError) as error:
        connection.close()
        raise DatabaseUnavailable() from error


def drop_connection() -> None:
    """Close the calling thread's database connection (the proxy finds it; a bound method would be another
    thread's).
    """
    connection.close()


def _names(model: type[GuardedModel], extra: Sequence[str]) -> tuple[str, ...]:
    return (model._meta.pk.attname, "row_version", *model.GUARDED_FIELDS, "row_mac", *extra)


def _checked(model: type[GuardedModel], names: Sequence[str], found: "QuerySet[Any, Any]") -> list[GuardedRow]:
    return _with_verdicts(model, names, read_values(found, names))


def _with_verdicts(model: type[GuardedModel], names: Sequence[str], rows: Sequence[Sequence[Any]]) -> list[GuardedRow]:
    mac_at = 2 + len(model.GUARDED_FIELDS)
    label = model.guard_label()
    macs = sealing.keyring(settings.HOME).rows.mac_many([(label, row[:mac_at]) for row in rows])
    return [GuardedRow(names, row, is_genuine=row[mac_at] == mac) for row, mac in zip(rows, macs, strict=True)]


def _fetched(cursor: CursorWrapper) -> list[Sequence[Any]]:
    rows: list[Sequence[Any]] = cursor.fetchall()
    return rows
