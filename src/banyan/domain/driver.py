"""The database's own driver, for statements that are ready as they are: Django's cursors would rewrite each one, wrap
each parameter and look the connection up five times. Errors still come as Django's.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connections

Values = Sequence[Any]


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
        found: list[Any]
        with self._database.wrap_database_errors:
            if self.is_postgresql:
                with self._database.cursor() as cursor:
                    cursor.cursor.execute(statement, parameters)
                    found = cursor.cursor.fetchall()
            else:
                found = self._database.connection.execute(statement, parameters).fetchall()
        return found

    def change(self, statement: str, parameters: Values) -> int:
        """Rows that a statement changed."""
        with self._database.wrap_database_errors:
            if self.is_postgresql:
                with self._database.cursor() as cursor:
                    cursor.cursor.execute(statement, parameters)
                    return int(cursor.cursor.rowcount)
            return int(self._database.connection.execute(statement, parameters).rowcount)

    def change_many(self, statement: str, many: Iterable[Values]) -> int:
        """Rows that a statement changed, run once for each set of parameters."""
        with self._database.wrap_database_errors:
            if self.is_postgresql:
                with self._database.cursor() as cursor:
                    cursor.cursor.executemany(statement, many)
                    return int(cursor.cursor.rowcount)
            return int(self._database.connection.executemany(statement, many).rowcount)

    def insert(self, table: str, columns: Sequence[str], many: Iterable[Values]) -> None:
        """Insert rows: COPY on PostgreSQL, executemany on SQLite."""
        names = ", ".join(f'"{column}"' for column in columns)
        with self._database.wrap_database_errors:
            if self.is_postgresql:
                copying = f'COPY "{table}" ({names}) FROM STDIN'
                with self._database.cursor() as cursor, cursor.cursor.copy(copying) as copy:
                    for row in many:
                        copy.write_row(row)
                return
            marks = ", ".join(["?"] * len(columns))
            self._database.connection.executemany(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', many)  # noqa: S608
