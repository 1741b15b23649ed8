"""Which public keys were ever certified, found quickly among hundreds of millions.

Digests of keys fall anywhere in an index, so writing each at once would touch one page a key and grow
dearer as the index grows. The index is therefore derived data: recent digests lie in memory, and go to a
file of their own in sorted bulk, without a disk flush of their own. What a crash loses is read again from
the journal, whose entries are sequential.
"""

import json
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

_FLUSH_AT: Final = 20_000


class KeyIndex:
    """A set of 64-bit key digests with the number of the last journal block that it holds.

    A digest is the first eight bytes of SM3(public key) as a signed integer. Two different keys share one
    with probability 2⁻⁶⁴ a pair; the outcome would be a refusal, never a second certificate.
    """

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-32768; "
            "PRAGMA wal_autocheckpoint=8000;"
            "CREATE TABLE IF NOT EXISTS used_key (digest INTEGER PRIMARY KEY) STRICT;"
            "CREATE TABLE IF NOT EXISTS progress ("
            "only INTEGER PRIMARY KEY CHECK (only = 1), block INTEGER NOT NULL) STRICT;"
            "INSERT OR IGNORE INTO progress VALUES (1, 0);"
        )
        path.chmod(0o600)
        self._recent: set[int] = set()
        self._block = self.flushed_through

    @property
    def flushed_through(self) -> int:
        """The last journal block whose digests are in the file."""
        (block,) = self._connection.execute("SELECT block FROM progress").fetchone()
        return int(block)

    def note(self, block: int, digests: Iterable[int]) -> None:
        """Take in the digests of a committed journal block."""
        self._recent.update(digests)
        self._block = block
        if len(self._recent) >= _FLUSH_AT:
            self.flush()

    def flush(self) -> None:
        """Move what lies in memory to the file, in key order, so that each page is touched once."""
        self._connection.execute("BEGIN IMMEDIATE")
        rows = ((digest,) for digest in sorted(self._recent))
        self._connection.executemany("INSERT OR IGNORE INTO used_key VALUES (?)", rows)
        self._connection.execute("UPDATE progress SET block = ?", (self._block,))
        self._connection.execute("COMMIT")
        self._recent.clear()

    def used(self, digests: Sequence[int]) -> set[int]:
        """Those of ``digests`` that were certified before."""
        rows = self._connection.execute(
            "SELECT digest FROM used_key WHERE digest IN (SELECT value FROM json_each(?))",
            (json.dumps(list(digests)),),
        )
        found = {row[0] for row in rows}
        found.update(digest for digest in digests if digest in self._recent)
        return found

    def forget(self) -> None:
        """Empty the index, to be filled again from the journal."""
        self._connection.executescript("BEGIN; DELETE FROM used_key; UPDATE progress SET block = 0; COMMIT;")
        self._recent.clear()
        self._block = 0

    def close(self) -> None:
        self.flush()
        self._connection.close()
