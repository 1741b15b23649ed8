"""The database's own driver, for statements that are ready as they are: Django's cursors would rewrite each one, wrap
each parameter and look the connection up five times. Errors still come as Django's.
"""

from collections.abc import Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

Values = Sequence[Any]
# Beginning a COPY costs as much as inserting so many rows.
_COPIED_FROM = 8
# Columns with their types in the database.
Typed = Sequence[tuple[str, str]]


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
        with self._database.wrap_database_errors:
            found: list[Any] = self._cursor(statement, parameters).fetchall()
        return found

    def change(self, statement: str, parameters: Values) -> int:
        """Rows that a statement changed."""
        with self._database.wrap_database_errors:
            return int(self._cursor(statement, parameters).rowcount)

    def change_many(self, statement: str, many: Sequence[Values]) -> int:
        """Rows that a statement changed, run once for each set of parameters."""
        if len(many) == 1:
            return self.change(statement, many[0])
        with self._database.wrap_database_errors:
            if self.is_postgresql:
                cursor = self._own_cursor()
                cursor.executemany(statement, many)
                return int(cursor.rowcount)
            return int(self._database.connection.executemany(statement, many).rowcount)

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
            return self.change(f'UPDATE "{table}" AS t SET {sets} FROM {given} WHERE {same}', arrays)  # noqa: S608
        sets = ", ".join(f'"{name}" = ?' for name, _ in columns)
        same = " AND ".join(f'"{name}" = ?' for name, _ in where)
        return self.change_many(f'UPDATE "{table}" SET {sets} WHERE {same}', many)  # noqa: S608

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Values]) -> None:
        """Insert rows: COPY for many on PostgreSQL, else executemany."""
        names = ", ".join(f'"{column}"' for column in columns)
        if self.is_postgresql and len(rows) > _COPIED_FROM:
            copying = f'COPY "{table}" ({names}) FROM STDIN'
            with self._database.wrap_database_errors, self._own_cursor().copy(copying) as copy:
                for row in rows:
                    copy.write_row(row)
            return
        marks = ", ".join([self.slot] * len(columns))
        self.change_many(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', rows)  # noqa: S608

    def _cursor(self, statement: str, parameters: Values) -> Any:
        if self.is_postgresql:
            return self._own_cursor().execute(statement, parameters, prepare=True, binary=True)
        return self._database.connection.execute(statement, parameters)

    def _own_cursor(self) -> Any:
        """A cursor that leaves the parameters to the server; Django's writes them into the statement."""
        from psycopg import Cursor

        return Cursor(self._database.connection)
