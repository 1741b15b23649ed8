"""The key-management centre's store: pool (备用库), in use (在用库), history (历史库), every private key
wrapped.

One SQLite file of the KMC's own (GM/T 0034 asks for three databases: here three tables). A private key is
encrypted with SM4-GCM under a data key and bound to its public key; data keys are wrapped under the KMC's
key-encryption key and changed after a fixed number of uses. Rows in use and in history are ordered by
issuance, so they are written in order.
"""

import os
import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import Any, Final

from banyan import gm
from banyan.keys import Kek
from banyan.signer.boundaries import passing
from banyan.signer.errors import WrappedKeyDamaged
from banyan.signer.exclusive import hold, release

_NONCE: Final = 12
_USES_OF_A_DATA_KEY: Final = 100_000
_PAGE: Final = 500
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS data_key (
    id INTEGER PRIMARY KEY, wrapped BLOB NOT NULL, made_at INTEGER NOT NULL, uses INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS pool (
    id INTEGER PRIMARY KEY, public BLOB NOT NULL, data_key INTEGER NOT NULL, sealed BLOB NOT NULL,
    made_at INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS in_use (
    issuance INTEGER PRIMARY KEY, public BLOB NOT NULL, data_key INTEGER NOT NULL, sealed BLOB NOT NULL,
    recipient BLOB NOT NULL, since INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS history (
    issuance INTEGER PRIMARY KEY, public BLOB NOT NULL, data_key INTEGER NOT NULL, sealed BLOB NOT NULL,
    recipient BLOB NOT NULL, since INTEGER NOT NULL, retired_at INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS recovered (
    recovery INTEGER PRIMARY KEY, issuance INTEGER NOT NULL, recipient BLOB NOT NULL, envelope BLOB NOT NULL,
    at INTEGER NOT NULL, people TEXT NOT NULL) STRICT;
"""


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A key pair whose private half is wrapped."""

    public: bytes
    data_key: int
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Escrowed:
    """A key pair in use or in history, with the signing key of the token it was delivered to."""

    issuance: int
    key: WrappedKey
    recipient: bytes
    in_history: bool


@dataclass(frozen=True, slots=True)
class Recovered:
    """A recovery that was carried out: there is one envelope for it, ever."""

    issuance: int
    recipient: bytes
    envelope: bytes


class EscrowStore:
    """``store.db`` in ``directory``, used by one process; calls from several threads take turns. Raises
    StoreInUse.
    """

    def __init__(self, directory: Path, kek: Kek) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = directory / "store.db"
        self._lock = hold(directory / "store.lock")
        self._kek = kek
        self._turn = RLock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
        self._connection.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON; "
            "PRAGMA wal_autocheckpoint=4000;" + _SCHEMA
        )
        os.chmod(path, 0o600)
        self._data_keys: dict[int, bytes] = {}

    # pool

    def pool_size(self) -> int:
        with self._turn:
            return int(self._connection.execute("SELECT count(*) FROM pool").fetchone()[0])

    def add_to_pool(self, count: int, *, now: datetime) -> None:
        """Make ``count`` key pairs and keep them ready."""
        pairs = gm.sm2.generate_keypairs(count)
        with self._transaction():
            keys = self._wrap_many([(pair.private, pair.public) for pair in pairs], now)
            self._connection.executemany(
                "INSERT INTO pool (public, data_key, sealed, made_at) VALUES (?, ?, ?, ?)",
                ((key.public, key.data_key, key.sealed, _millis(now)) for key in keys),
            )

    # allocation

    def allocated(self, issuances: Sequence[int]) -> dict[int, Escrowed]:
        """What was allocated before, in use or in history, by issuance."""
        found: dict[int, Escrowed] = {}
        with self._turn:
            for start in range(0, len(issuances), _PAGE):
                page = issuances[start : start + _PAGE]
                for table in ("in_use", "history"):
                    rows = self._connection.execute(
                        f"SELECT issuance, public, data_key, sealed, recipient FROM {table} "  # noqa: S608  (own names)
                        f"WHERE issuance IN ({','.join('?' * len(page))})",
                        page,
                    )
                    for row in rows:
                        key = WrappedKey(row[1], row[2], row[3])
                        found[row[0]] = Escrowed(row[0], key, row[4], table == "history")
        return found

    def allocate(self, wanted: Sequence[tuple[int, bytes]], *, now: datetime) -> list[tuple[bytes, bytes]]:
        """Give each (issuance, recipient's public key) a key pair of its own: from the pool, made now when
        it is empty.

        Returns (private, public) of each, in clear in this process's memory only. Durable when it returns.
        """
        with self._transaction():
            pooled = self._connection.execute(
                "SELECT id, public, data_key, sealed FROM pool ORDER BY id LIMIT ?", (len(wanted),)
            ).fetchall()
            keys = [WrappedKey(*row[1:]) for row in pooled]
            pairs = list(zip(self.unwrap_many(keys), (key.public for key in keys), strict=True))
            missing = len(wanted) - len(pooled)
            if missing:
                made = [(pair.private, pair.public) for pair in gm.sm2.generate_keypairs(missing)]
                keys += self._wrap_many(made, now)
                pairs += made
            if pooled:
                self._connection.execute("DELETE FROM pool WHERE id <= ?", (pooled[-1][0],))
            self._connection.executemany(
                "INSERT INTO in_use VALUES (?, ?, ?, ?, ?, ?)",
                (
                    (issuance, key.public, key.data_key, key.sealed, recipient, _millis(now))
                    for (issuance, recipient), key in zip(wanted, keys, strict=True)
                ),
            )
            passing("kmc.before_commit")
        passing("kmc.after_commit")
        return pairs

    def retire(self, issuances: Sequence[int], *, now: datetime) -> int:
        """Move keys from in use to history; returns how many moved. Those there already stay."""
        moved = 0
        with self._transaction():
            for issuance in issuances:
                moved += self._connection.execute(
                    "INSERT INTO history SELECT *, ? FROM in_use WHERE issuance = ?", (_millis(now), issuance)
                ).rowcount
                self._connection.execute("DELETE FROM in_use WHERE issuance = ?", (issuance,))
        return moved

    # recovery

    def recovered(self, recovery: int) -> Recovered | None:
        """What a recovery gave out, when it was carried out."""
        with self._turn:
            row = self._connection.execute(
                "SELECT issuance, recipient, envelope FROM recovered WHERE recovery = ?", (recovery,)
            ).fetchone()
        return Recovered(*row) if row else None

    def note_recovery(
        self,
        recovery: int,
        issuance: int,
        recipient: bytes,
        envelope: bytes,
        people: Sequence[int],
        *,
        now: datetime,
    ) -> None:
        """Record a recovery before its envelope leaves. Raises sqlite3.IntegrityError at the second time."""
        with self._transaction():
            self._connection.execute(
                "INSERT INTO recovered VALUES (?, ?, ?, ?, ?, ?)",
                (
                    recovery,
                    issuance,
                    recipient,
                    envelope,
                    _millis(now),
                    ",".join(str(person) for person in people),
                ),
            )

    # wrapping

    def unwrap_many(self, keys: Iterable[WrappedKey]) -> list[bytes]:
        """The private keys, in clear in this process's memory only. Raises WrappedKeyDamaged."""
        return [self._unwrap(key) for key in keys]

    def counts(self) -> dict[str, int]:
        """How many keys lie in each of the three stores, and how many recoveries were made."""
        with self._turn:
            return {
                table: int(self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608  (own names)
                for table in ("pool", "in_use", "history", "recovered")
            }

    def highest_issuance(self) -> int:
        """The highest issuance that a key was ever allocated to."""
        with self._turn:
            return max(
                int(self._connection.execute(f"SELECT coalesce(max(issuance), 0) FROM {table}").fetchone()[0])  # noqa: S608  (own names)
                for table in ("in_use", "history")
            )

    def close(self) -> None:
        with self._turn:
            self._connection.close()
        release(self._lock)

    def _wrap_many(self, pairs: Sequence[tuple[bytes, bytes]], now: datetime) -> list[WrappedKey]:
        if not pairs:
            return []
        number, data_key = self._current_data_key(len(pairs), now)
        nonces = secrets.token_bytes(_NONCE * len(pairs))
        wrapped = []
        for place, (private, public) in enumerate(pairs):
            nonce = nonces[place * _NONCE : (place + 1) * _NONCE]
            wrapped.append(WrappedKey(public, number, nonce + gm.sm4.gcm_encrypt(data_key, nonce, private, public)))
        return wrapped

    def _unwrap(self, key: WrappedKey) -> bytes:
        try:
            data_key = self._data_key(key.data_key)
            return gm.sm4.gcm_decrypt(data_key, key.sealed[:_NONCE], key.sealed[_NONCE:], key.public)
        except (gm.TagInvalid, ValueError) as error:
            raise WrappedKeyDamaged(key=key.public[1:9].hex()) from error

    def _current_data_key(self, uses: int, now: datetime) -> tuple[int, bytes]:
        row = self._connection.execute("SELECT id, uses FROM data_key ORDER BY id DESC LIMIT 1").fetchone()
        if row is not None and row[1] + uses <= _USES_OF_A_DATA_KEY:
            self._connection.execute("UPDATE data_key SET uses = uses + ? WHERE id = ?", (uses, row[0]))
            return int(row[0]), self._data_key(row[0])
        number, data_key = (row[0] if row else 0) + 1, secrets.token_bytes(16)
        wrapped = self._kek.seal("data key", data_key, str(number).encode())
        self._connection.execute("INSERT INTO data_key VALUES (?, ?, ?, ?)", (number, wrapped, _millis(now), uses))
        return number, data_key

    def _data_key(self, number: int) -> bytes:
        known = self._data_keys.get(number)
        if known is None:
            with self._turn:
                row = self._connection.execute("SELECT wrapped FROM data_key WHERE id = ?", (number,)).fetchone()
            if row is None:
                raise ValueError("data key missing")
            known = self._data_keys[number] = self._kek.open("data key", row[0], str(number).encode())
        return known

    @contextmanager
    def _transaction(self) -> Any:
        with self._turn:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


def _millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
