"""Writing many rows at once, alike on both databases.

The ORM's bulk_create costs more than everything else in an issuance; here columns are prepared once a model
and rows go to the driver as they are (executemany on SQLite, COPY on PostgreSQL).
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any
from weakref import WeakKeyDictionary

from django.db import connection, models

from banyan.domain.driver import Driver
from banyan.domain.prepared import array

_DRAWN_AHEAD = 32
# Keys that were drawn and not used: by connection and table.
_KEPT: WeakKeyDictionary[Any, dict[str, list[int]]] = WeakKeyDictionary()


def next_ids(model: type[models.Model], count: int, *, ahead: bool = False) -> range | list[int]:
    """Reserve ``count`` primary keys of a model with a BigAutoField, inside the current transaction.

    Rows that refer to each other can so be prepared before any of them is written. ``ahead``: where the order of keys need
    not be the order of writing, PostgreSQL is asked for some more, for the next rows of the same connection.
    """
    table, driver = model._meta.db_table, Driver()
    if driver.is_postgresql:
        kept = _KEPT.setdefault(connection.connection, {}).setdefault(table, []) if ahead else []
        if len(kept) < count:
            draw = "SELECT nextval(%s::regclass) FROM generate_series(1, %s::int)"
            wanted = max(count, _DRAWN_AHEAD) if ahead else count
            kept += [row[0] for row in driver.rows(draw, [_sequence(table, column(model._meta.pk)), wanted])]
        drawn, kept[:] = kept[:count], kept[count:]
        return drawn
    found = driver.rows("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = ? RETURNING seq", [count, table])
    if not found:
        driver.change("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", [table, count])
        return range(1, count + 1)
    return range(found[0][0] - count + 1, found[0][0] + 1)


@lru_cache(maxsize=64)
def _sequence(table: str, key: str) -> str:
    found = Driver().rows("SELECT pg_get_serial_sequence(%s::text, %s::text)", [f'"{table}"', key])
    return str(found[0][0])


def insert_many(rows: Sequence[models.Model], *, ahead: bool = False) -> None:
    """Insert instances of one model; those without a primary key are given one first (``ahead``: see ``next_ids``)."""
    if not rows:
        return
    model = type(rows[0])
    without = [row for row in rows if row.pk is None]
    if without:
        for row, pk in zip(without, next_ids(model, len(without), ahead=ahead), strict=True):
            row.pk = pk
    columns, read, prepare = _plan(model, connection.vendor)
    insert_values(model._meta.db_table, columns, [_prepared(read(row), prepare) for row in rows])
    alias = connection.alias
    for row in rows:
        row._state.adding, row._state.db = False, alias


def append_many(rows: Sequence[models.Model]) -> None:
    """Insert instances of one model whose primary keys nobody needs to know: the database gives them."""
    if rows:
        model = type(rows[0])
        named = frozenset(field.attname for field in model._meta.concrete_fields if not field.primary_key)
        columns, read, prepare = _plan(model, connection.vendor, named)
        insert_values(model._meta.db_table, columns, [_prepared(read(row), prepare) for row in rows])


def insert_values(table: str, columns: Sequence[str], values: Iterable[Sequence[Any]]) -> None:
    """Insert prepared values, in the order of ``columns``."""
    Driver().insert(table, columns, list(values))


def mark(model: type[models.Model], ids: Iterable[int], only: str = "", **values: Any) -> int:
    """Give many rows, by primary key, the same values (by column, as the database takes them); ``only``: those in this
    state. Returns rows changed.
    """
    driver, meta = Driver(), model._meta
    sets = ", ".join(f'"{name}" = {driver.slot}' for name in values)
    statement = f'UPDATE "{meta.db_table}" SET {sets} WHERE "{column(meta.pk)}" {driver.chosen}'  # noqa: S608  (own names)
    parameters = [*values.values(), array(ids)]
    if only:
        statement, parameters = f'{statement} AND "state" = {driver.slot}', [*parameters, only]
    return driver.change(statement, parameters)


def update_rows(rows: Sequence[models.Model], fields: Iterable[str], *, where: str, before: Sequence[Any]) -> int:
    """Write some fields (by name or column attribute) of instances of one model, each by its primary key and only if its
    column ``where`` still holds the value of ``before``. Returns rows changed.
    """
    model = type(rows[0])
    columns, read, prepare = _plan(model, connection.vendor, frozenset(fields))
    values = [(*_prepared(read(row), prepare), row.pk, value) for row, value in zip(rows, before, strict=True)]
    return _update(model, columns, (column(model._meta.pk), where), values)


def update_values(model: type[models.Model], fields: Sequence[str], values: Sequence[Sequence[Any]]) -> int:
    """Write fields of rows: each item holds their values, as the database takes them, then the primary key. Returns rows
    changed.
    """
    return _update(model, fields, (column(model._meta.pk),), values)


def _update(
    model: type[models.Model], columns: Sequence[str], where: Sequence[str], values: Sequence[Sequence[Any]]
) -> int:
    types = _types(model, connection.vendor)
    typed, same = [(name, types[name]) for name in columns], [(name, types[name]) for name in where]
    return Driver().update(model._meta.db_table, typed, same, values) if values else 0


@lru_cache(maxsize=64)
def _types(model: type[models.Model], vendor: str) -> dict[str, str]:
    del vendor  # part of the key: types differ by database
    return {column(field): field.rel_db_type(connection) or "" for field in model._meta.concrete_fields}


def column(field: "models.Field[Any, Any]") -> str:
    """The column of a concrete field."""
    if field.column is None:
        raise TypeError(f"{field.name} has no column")
    return field.column


@lru_cache(maxsize=256)
def _plan(
    model: type[models.Model], vendor: str, names: frozenset[str] | None = None
) -> tuple[list[str], Callable[[Any], Sequence[Any]], "list[_Preparation]"]:
    """Columns, how to read them from an instance, and which are prepared how; of all fields, or of at least two."""
    del vendor  # part of the key: preparation differs by database
    fields = [field for field in model._meta.concrete_fields if names is None or {field.name, field.attname} & names]
    return (
        [column(field) for field in fields],
        attrgetter(*(field.attname for field in fields)),
        [(place, how) for place, field in enumerate(fields) if (how := _preparation(field)) is not None],
    )


# The place of a column, and how its value becomes the database's.
_Preparation = tuple[int, Callable[[Any], Any]]
_AS_IT_IS = (
    models.CharField,
    models.TextField,
    models.IntegerField,
    models.BigAutoField,
    models.BinaryField,
    models.BooleanField,
    models.ForeignKey,
)


def _preparation(field: "models.Field[Any, Any]") -> Callable[[Any], Any] | None:
    """None where the driver takes the value as it is; otherwise the field's own preparation."""
    if type(field) is models.DateTimeField:
        return moment
    if type(field) is models.DateField:
        return _day
    if isinstance(field, _AS_IT_IS) and type(field).__module__.startswith("django."):
        return None
    return lambda value: _plain(field.get_db_prep_save(value, connection))


@lru_cache(maxsize=4096)
def moment(value: datetime | None) -> Any:
    """An aware instant as the database takes it; the rows of a slice share theirs."""
    return connection.ops.adapt_datetimefield_value(value)


@lru_cache(maxsize=1024)
def _day(value: date | None) -> Any:
    return connection.ops.adapt_datefield_value(value)


def _prepared(values: Sequence[Any], preparations: "Sequence[_Preparation]") -> list[Any]:
    prepared = list(values)
    for place, how in preparations:
        prepared[place] = how(prepared[place])
    return prepared


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value
