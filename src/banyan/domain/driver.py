"""The database's own driver, for statements that are ready as they are: Django's cursors would rewrite each one, wrap
each parameter and look the connection up five times. Errors still come as Django's.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from django.db import DEFAULT_DB_ALIAS, connections

Values = Sequence[Any]
# Beginning a COPY costs as much as inserting so many rows.
_COPIED_FROM = 8
# Columns with their types in the database.
Typed = Sequence[tuple[str, str]]
# Types of columns, by connection and table.
_COLUMN_TYPES: WeakKeyDictionary[Any, dict[str, dict[str, int]]] = WeakKeyDictionary()
# Where an open connection keeps what waits.
_BEHIND = "banyan_statements_behind"


class Driver:
    """One thread's open connection. ``slot`` marks a parameter; ``chosen`` compares a column with many values."""

    __slots__ = ("_database", "is_postgresql", "slot")

    def __init__(self) -> None:
        self._database = connections[DEFAULT_DB_ALIAS]
        self._database.ensure_connection()
        self.is_postgresql = self._database.vendor == "postgresql"
        self.slot = "%s" if self.is_postgresql else "?"

    @property
    def chosen(self) -> str:
        """What follows a column that must equal one of the values of one parameter (see ``prepared.array``)."""
        return "= ANY(%s)" if self.is_postgresql else "IN (SELECT value FROM json_each(?))"

    def rows(self, statement: str, parameters: Values = ()) -> list[Any]:
        """What a query gives."""
        found: list[Any] = self._ask(statement, parameters, lambda cursor: cursor.fetchall())
        return found

    def change(self, statement: str, parameters: Values) -> int:
        """Rows that a statement changed."""
        return int(self._ask(statement, parameters, _changed))

    def later(self, statement: str, parameters: Values) -> None:
        """Run a statement whose result nobody needs: on PostgreSQL, within ``deferring``, together with the next one whose
        result somebody does. Its error comes then.
        """
        behind = _behind(self._database)
        if behind is None:
            self.change(statement, parameters)
        else:
            behind.append((statement, parameters))

    def settle(self) -> None:
        """Run what waits."""
        behind = _behind(self._database)
        if behind:
            with self._database.wrap_database_errors, self._database.connection.pipeline():
                self._send_waiting(behind)

    def update(self, table: str, columns: "Typed", where: "Typed", many: Sequence[Values]) -> int:
        """Update rows, each by its own values: those of ``columns``, then those of ``where``. Rows changed.

        One statement with an array a column on PostgreSQL, executemany on SQLite.
        """
        if self.is_postgresql:
            every = [*columns, *where]
            typed = ", ".join(f"%s::{kind}[]" for _, kind in every)
            given = f"unnest({typed}) AS v({', '.join(f'c{place}' for place in range(len(every)))})"
            sets = ", ".join(f'"{name}" = c{place}' for place, (name, _) in enumerate(columns))
            same = " AND ".join(f't."{name}" = c{place}' for place, (name, _) in enumerate(where, len(columns)))
            arrays = list(map(list, zip(*many, strict=True)))
            return self.change(f'UPDATE "{table}" AS t SET {sets} FROM {given} WHERE {same}', arrays)  # noqa: S608  (own names)
        sets = ", ".join(f'"{name}" = ?' for name, _ in columns)
        same = " AND ".join(f'"{name}" = ?' for name, _ in where)
        return self._each(f'UPDATE "{table}" SET {sets} WHERE {same}', many)  # noqa: S608  (own names)

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Values]) -> None:
        """Insert rows: COPY for many on PostgreSQL, else executemany."""
        names = ", ".join(f'"{column}"' for column in columns)
        if self.is_postgresql and len(rows) > _COPIED_FROM:
            self.settle()
            copying = f'COPY "{table}" ({names}) FROM STDIN (FORMAT BINARY)'
            types = self._types(table)
            with self._database.wrap_database_errors, self._own_cursor().copy(copying) as copy:
                copy.set_types([types[column] for column in columns])
                for row in rows:
                    copy.write_row(row)
            return
        marks = ", ".join([self.slot] * len(columns))
        statement = f'INSERT INTO "{table}" ({names}) VALUES ({marks})'  # noqa: S608  (own names)
        if self.is_postgresql:
            for row in rows:
                self.later(statement, row)
        else:
            self._each(statement, rows)

    def _each(self, statement: str, many: Sequence[Values]) -> int:
        """Rows that a statement changed on SQLite, run once for each set of parameters."""
        with self._database.wrap_database_errors:
            return int(self._database.connection.executemany(statement, many).rowcount)

    def _ask(self, statement: str, parameters: Values, result: Callable[[Any], Any]) -> Any:
        behind = _behind(self._database)
        with self._database.wrap_database_errors:
            if not behind:
                return result(self._cursor(statement, parameters))
            with self._database.connection.pipeline():
                self._send_waiting(behind)
                cursor = self._cursor(statement, parameters)
            return result(cursor)

    def _send_waiting(self, behind: list[tuple[str, Values]]) -> None:
        waiting, behind[:] = list(behind), []
        try:
            for statement, parameters in waiting:
                self._cursor(statement, parameters)
        except BaseException as error:
            # Those after it are lost. What the server refused it keeps from being committed by itself, up to the last
            # savepoint; anything else must not leave a transaction that could be.
            if getattr(error, "sqlstate", None) is None:
                self._database.needs_rollback = self._database.in_atomic_block
            raise

    def _cursor(self, statement: str, parameters: Values) -> Any:
        if self.is_postgresql:
            return self._own_cursor().execute(statement, parameters, prepare=True, binary=True)
        return self._database.connection.execute(statement, parameters)

    def _types(self, table: str) -> dict[str, int]:
        """What PostgreSQL calls the types of a table's columns."""
        known = _COLUMN_TYPES.setdefault(self._database.connection, {})
        if table not in known:
            asked = "SELECT attname::text, atttypid::int FROM pg_attribute WHERE attrelid = %s::text::regclass AND attnum > 0"
            known[table] = dict(self.rows(asked, [f'"{table}"']))
        return known[table]

    def _own_cursor(self) -> Any:
        """A cursor that leaves the parameters to the server; Django's writes them into the statement."""
        from psycopg import Cursor

        return Cursor(self._database.connection)


@contextmanager
def deferring() -> Iterator[None]:
    """Let the statements of a transaction that were given to ``later`` travel together: on PostgreSQL a round trip costs
    more than most of them. Whatever else goes to the database, by the ORM too, goes after them.
    """
    driver = Driver()
    database = connections[DEFAULT_DB_ALIAS]
    if not driver.is_postgresql or _behind(database) is not None:
        yield
        return
    behind: list[tuple[str, Values]] = []

    def after_them(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if str(sql).startswith("ROLLBACK"):
            behind.clear()
        driver.settle()
        return execute(sql, *rest)

    database.__dict__[_BEHIND] = behind
    try:
        with database.execute_wrapper(after_them):
            yield
            driver.settle()
    finally:
        del database.__dict__[_BEHIND]


def _behind(database: Any) -> list[tuple[str, Values]] | None:
    found: list[tuple[str, Values]] | None = database.__dict__.get(_BEHIND)
    return found


def _changed(cursor: Any) -> int:
    return int(cursor.rowcount)
