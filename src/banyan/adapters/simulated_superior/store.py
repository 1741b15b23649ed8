"""The simulator's own durable store: one SQLite file, each call one transaction, on the disk before it is
answered.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tasks (
    task_no TEXT PRIMARY KEY, digest BLOB NOT NULL, content TEXT NOT NULL, state TEXT NOT NULL,
    due_at REAL NOT NULL, signing_certificate BLOB, encryption_certificate BLOB, envelope BLOB, refusal TEXT
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tasks_pending ON tasks (task_no) WHERE state = 'pending';
CREATE TABLE IF NOT EXISTS status_tasks (
    task_no TEXT PRIMARY KEY, digest BLOB NOT NULL, content TEXT NOT NULL, state TEXT NOT NULL,
    due_at REAL NOT NULL, refusal TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS certificates (
    serial TEXT PRIMARY KEY, task_no TEXT NOT NULL, state TEXT NOT NULL, reason TEXT, changed_at REAL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS certificates_listed ON certificates (serial) WHERE state <> 'VALID';
CREATE TABLE IF NOT EXISTS signing_keys (public_key BLOB PRIMARY KEY, task_no TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS encryption_keys (
    id INTEGER PRIMARY KEY, public_key BLOB NOT NULL, sealed BLOB NOT NULL, task_no TEXT UNIQUE
);
CREATE INDEX IF NOT EXISTS encryption_keys_free ON encryption_keys (id) WHERE task_no IS NULL;
CREATE TABLE IF NOT EXISTS crls (
    number INTEGER PRIMARY KEY, changes INTEGER NOT NULL, next_update REAL NOT NULL, der BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS faults_met (
    task_no TEXT NOT NULL, fault TEXT NOT NULL, PRIMARY KEY (task_no, fault)
);
CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, value REAL NOT NULL) WITHOUT ROWID;
"""
_MOST_PARAMETERS = 500


class Store:
    """The file and its one connection; calls of several threads take turns."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(_SCHEMA)
        self._lock = threading.RLock()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, durable when left."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def execute(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Run a statement; returns the number of rows it changed."""
        with self._lock:
            return self._connection.execute(statement, values).rowcount

    def execute_many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement for many rows."""
        with self._lock:
            self._connection.executemany(statement, rows)

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """All rows of a query."""
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def rows_in(self, statement: str, keys: Sequence[Any]) -> list[sqlite3.Row]:
        """All rows of a query that ends in ``IN``, for any number of keys."""
        found: list[sqlite3.Row] = []
        for start in range(0, len(keys), _MOST_PARAMETERS):
            part = keys[start : start + _MOST_PARAMETERS]
            found += self.rows(f"{statement} ({','.join('?' * len(part))})", part)
        return found

    def count(self, statement: str, values: Sequence[Any] = ()) -> int:
        """The number that a query gives."""
        return int(self.rows(statement, values)[0][0])

    def note(self, name: str) -> float:
        """A remembered number, 0 when there is none."""
        found = self.rows("SELECT value FROM notes WHERE name = ?", (name,))
        return float(found[0][0]) if found else 0.0

    def set_note(self, name: str, value: float) -> None:
        """Remember a number."""
        self.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, value))
