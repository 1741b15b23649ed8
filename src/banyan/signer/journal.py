"""The signer's journal: what was signed, in order, chained, on the disk before an answer leaves.

It is a file of the signer's own, whatever database the domain uses. Certificates made together form one
*block*: a compressed run of entries, one row. Rows are only ever added, in the order of their number, so
writing costs the same with a hundred blocks as with a hundred million. Each block carries a link, HMAC-SM3
under a key of the signer over the previous link and the block's content: who edits, removes or reorders
blocks without that key is found.
"""

import json
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from banyan import gm
from banyan.keys import Kek
from banyan.signer.boundaries import passing
from banyan.signer.errors import JournalDamaged
from banyan.signer.exclusive import hold, release
from banyan.signer.journal_entry import Entry, decode_entries, encode_entries
from banyan.signer.journal_index import KeyIndex

_FIRST_LINK: Final = bytes(32)
_LARGEST_DICTIONARY: Final = 16_384
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS block (
    number INTEGER PRIMARY KEY, kind TEXT NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL,
    at INTEGER NOT NULL, dictionary INTEGER NOT NULL, body BLOB NOT NULL, keys BLOB NOT NULL,
    link BLOB NOT NULL) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS block_first ON block (first) WHERE kind = 'issued';
CREATE TABLE IF NOT EXISTS issued (
    issuance INTEGER PRIMARY KEY, block INTEGER NOT NULL, place INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS dictionary (
    id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, body BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS last_crl (
    ca TEXT PRIMARY KEY, number INTEGER NOT NULL, block INTEGER NOT NULL) STRICT;
"""


@dataclass(frozen=True)
class Act:
    """A block that is not certificates: a CRL, an audit checkpoint, a step of a ceremony."""

    number: int
    kind: str
    at: datetime
    detail: dict[str, Any]


@dataclass(frozen=True)
class _Head:
    number: int
    sequence: int
    link: bytes


class Journal:
    """The one writer of ``journal.db`` in ``directory``. Raises StoreInUse when another process writes it."""

    def __init__(self, directory: Path, kek: Kek) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = directory / "journal.db"
        self._lock = hold(directory / "journal.lock")
        self._chain_key = kek.derive("journal chain")
        self._connection = _connect(path)
        self._connection.executescript(_SCHEMA)
        path.chmod(0o600)
        self._dictionaries: dict[str, int] = {
            row[0]: row[1] for row in self._connection.execute("SELECT name, id FROM dictionary")
        }
        self._head = self._read_head()
        self._index = KeyIndex(directory / "used-keys.db")
        self._catch_up()

    # reading

    @property
    def entries(self) -> int:
        """How many issuances were completed."""
        return self._head.sequence

    @property
    def blocks(self) -> int:
        return self._head.number

    @property
    def head(self) -> bytes:
        """The link of the last block: 32 bytes that stand for everything before."""
        return self._head.link

    def find(self, issuances: Sequence[int]) -> dict[int, Entry]:
        """The entries of those issuances that were completed before, by issuance."""
        places: dict[int, list[tuple[int, int]]] = {}
        rows = self._connection.execute(
            "SELECT issuance, block, place FROM issued WHERE issuance IN (SELECT value FROM json_each(?))",
            (json.dumps(list(issuances)),),
        )
        for issuance, block, place in rows:
            places.setdefault(block, []).append((issuance, place))
        found: dict[int, Entry] = {}
        for block, wanted in places.items():
            entries = self._entries_of(self._block(block))
            for issuance, place in wanted:
                if place >= len(entries) or entries[place].issuance != issuance:
                    raise JournalDamaged(block=block, reason="索引与内容不符")
                found[issuance] = entries[place]
        return found

    def used_keys(self, public_keys: Sequence[bytes]) -> list[bool]:
        """For each public key whether it was certified before, in a signing or an encryption certificate."""
        digests = key_digests(public_keys)
        used = self._index.used(digests)
        return [digest in used for digest in digests]

    def read(self, after: int, limit: int) -> Iterator[tuple[int, datetime, Entry]]:
        """Entries with a sequence number above ``after``, at most ``limit`` of them, as (sequence, signed
        at, entry).
        """
        left = limit
        rows = self._connection.execute(
            "SELECT * FROM block "
            "WHERE kind = 'issued' AND first >= coalesce((SELECT max(first) FROM block WHERE kind = 'issued' "
            "AND first <= ?), 0) ORDER BY first",
            (after + 1,),
        )
        for row in rows:
            at = _from_millis(row[4])
            for place, entry in enumerate(self._entries_of(row)):
                sequence = row[2] + place
                if sequence <= after:
                    continue
                if left == 0:
                    return
                left -= 1
                yield sequence, at, entry

    def acts(self) -> Iterator[Act]:
        """The blocks that are not certificates, in order."""
        for row in self._connection.execute("SELECT * FROM block WHERE kind <> 'issued' ORDER BY number"):
            yield Act(row[0], row[1], _from_millis(row[4]), json.loads(self._plain(row)))

    def last_crl(self, ca: str) -> tuple[int, dict[str, Any]] | None:
        """Number and record of the last CRL signed for ``ca``."""
        row = self._connection.execute("SELECT number, block FROM last_crl WHERE ca = ?", (ca,)).fetchone()
        if row is None:
            return None
        return row[0], json.loads(self._plain(self._block(row[1])))

    # writing

    def append(self, entries: Sequence[Entry], keys: Sequence[bytes], *, now: datetime) -> None:
        """Record completed issuances durably. ``keys`` are the public keys newly certified."""
        digests = key_digests(keys)
        packed = b"".join(digest.to_bytes(8, "big", signed=True) for digest in digests)
        body = encode_entries(entries)
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            dictionary = self._dictionary(entries[0], body)
            self._add_block("issued", len(entries), now, dictionary, body, packed)
            number = self._head.number + 1
            rows = ((entry.issuance, number, place) for place, entry in enumerate(entries))
            self._connection.executemany("INSERT INTO issued VALUES (?, ?, ?)", rows)
            passing("signer.before_commit")
            self._connection.execute("COMMIT")
        except BaseException:
            self._undo()
            raise
        self._head = self._read_head()
        self._index.note(self._head.number, digests)
        passing("signer.after_commit")

    def append_act(self, kind: str, detail: dict[str, Any], *, now: datetime) -> None:
        """Record another act durably. For ``kind`` "crl" the detail names ``ca`` and ``number``."""
        body = json.dumps(detail, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            self._add_block(kind, 0, now, 0, body, b"")
            if kind == "crl":
                self._connection.execute(
                    "INSERT INTO last_crl VALUES (?, ?, ?) "
                    "ON CONFLICT (ca) DO UPDATE SET number = excluded.number, block = excluded.block",
                    (detail["ca"], detail["number"], self._head.number + 1),
                )
            self._connection.execute("COMMIT")
        except BaseException:
            self._undo()
            raise
        self._head = self._read_head()
        self._index.note(self._head.number, ())

    def close(self) -> None:
        """Finish; the next writer may open it."""
        self._index.close()
        self._connection.close()
        release(self._lock)

    # checking

    def verify(self) -> int:
        """Walk the whole chain; returns the number of blocks. Raises JournalDamaged naming the first bad
        block.
        """
        link, sequence, number = _FIRST_LINK, 0, 0
        for row in self._connection.execute("SELECT * FROM block ORDER BY number"):
            number += 1
            if row[0] != number:
                raise JournalDamaged(block=number, reason="缺少")
            plain = self._plain(row)
            if self._link(link, row[:5], plain, row[7]) != row[8]:
                raise JournalDamaged(block=number, reason="内容被改动")
            if row[1] == "issued":
                if row[2] != sequence + 1:
                    raise JournalDamaged(block=number, reason="序号不连续")
                sequence += row[3]
                self._verify_places(number, decode_entries(plain), row[3])
            link = row[8]
        (indexed,) = self._connection.execute("SELECT count(*) FROM issued").fetchone()
        if indexed != sequence:
            raise JournalDamaged(block=number, reason="索引条数与内容不符")
        if self._index.flushed_through > number:
            raise JournalDamaged(block=number + 1, reason="末尾被截去")
        return number

    # inside

    def _verify_places(self, number: int, entries: list[Entry], count: int) -> None:
        wanted = json.dumps([entry.issuance for entry in entries])
        (found,) = self._connection.execute(
            "SELECT count(*) FROM issued WHERE issuance IN (SELECT value FROM json_each(?)) AND block = ?",
            (wanted, number),
        ).fetchone()
        if len(entries) != count or found != count:
            raise JournalDamaged(block=number, reason="索引与内容不符")

    def _add_block(self, kind: str, count: int, now: datetime, dictionary: int, body: bytes, keys: bytes) -> None:
        number = self._head.number + 1
        first = self._head.sequence + 1 if kind == "issued" else 0
        header = (number, kind, first, count, _millis(now))
        link = self._link(self._head.link, header, body, keys)
        self._connection.execute(
            "INSERT INTO block VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*header, dictionary, self._compress(body, dictionary), keys, link),
        )

    def _undo(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._dictionaries = self._read_dictionaries()

    def _read_dictionaries(self) -> dict[str, int]:
        return dict(self._connection.execute("SELECT name, id FROM dictionary"))

    def _link(self, previous: bytes, header: Sequence[Any], plain: bytes, keys: bytes) -> bytes:
        text = json.dumps(list(header), separators=(",", ":")).encode()
        return gm.hmac_sm3(self._chain_key, previous + gm.sm3(text) + gm.sm3(plain) + gm.sm3(keys))

    def _read_head(self) -> _Head:
        row = self._connection.execute("SELECT number, link FROM block ORDER BY number DESC LIMIT 1").fetchone()
        last = self._connection.execute(
            "SELECT first + count - 1 FROM block WHERE kind = 'issued' ORDER BY first DESC LIMIT 1"
        ).fetchone()
        return _Head(row[0], last[0] if last else 0, row[1]) if row else _Head(0, 0, _FIRST_LINK)

    def _catch_up(self) -> None:
        """Give the key index what it missed: after a crash the last blocks, after a loss of its file all."""
        if self._index.flushed_through > self._head.number:
            raise JournalDamaged(block=self._head.number + 1, reason="末尾被截去")
        rows = self._connection.execute(
            "SELECT number, keys FROM block WHERE number > ? ORDER BY number", (self._index.flushed_through,)
        )
        for number, keys in rows:
            self._index.note(
                number,
                [int.from_bytes(keys[at : at + 8], "big", signed=True) for at in range(0, len(keys), 8)],
            )

    def _block(self, number: int) -> tuple[Any, ...]:
        row: tuple[Any, ...] | None = self._connection.execute(
            "SELECT * FROM block WHERE number = ?",
            (number,),
        ).fetchone()
        if row is None:
            raise JournalDamaged(block=number, reason="缺少")
        return row

    def _entries_of(self, row: tuple[Any, ...]) -> list[Entry]:
        return decode_entries(self._plain(row))

    def _dictionary(self, sample: Entry, body: bytes) -> int:
        """A certificate already written serves the later ones of its kind as a dictionary, so that a single
        is small too.
        """
        name = f"{sample.ca}/{sample.profile}"
        known = self._dictionaries.get(name)
        if known is not None:
            return known
        cursor = self._connection.execute(
            "INSERT INTO dictionary (name, body) VALUES (?, ?)", (name, body[:_LARGEST_DICTIONARY])
        )
        self._dictionaries[name] = int(cursor.lastrowid or 0)
        return 0  # the block that gives the dictionary is kept without it

    def _compress(self, body: bytes, dictionary: int) -> bytes:
        words = self._words(dictionary)
        packer = zlib.compressobj(1, wbits=-15, zdict=words) if words else zlib.compressobj(1, wbits=-15)
        return packer.compress(body) + packer.flush()

    def _plain(self, row: tuple[Any, ...]) -> bytes:
        words = self._words(row[5])
        unpacker = zlib.decompressobj(wbits=-15, zdict=words) if words else zlib.decompressobj(wbits=-15)
        try:
            return unpacker.decompress(row[6]) + unpacker.flush()
        except zlib.error as error:
            raise JournalDamaged(block=row[0], reason="内容被改动") from error

    def _words(self, dictionary: int) -> bytes:
        if dictionary == 0:
            return b""
        row = self._connection.execute("SELECT body FROM dictionary WHERE id = ?", (dictionary,)).fetchone()
        return bytes(row[0]) if row else b""


def key_digests(public_keys: Sequence[bytes]) -> list[int]:
    """The first 64 bits of SM3 of each public key, as signed integers."""
    return [int.from_bytes(digest[:8], "big", signed=True) for digest in gm.sm3_many(list(public_keys))]


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=4000;")
    return connection


def _millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _from_millis(value: int) -> datetime:
    return datetime.fromtimestamp(value / 1000, UTC)
