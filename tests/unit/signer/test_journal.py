"""The signer's journal: durable, chained, small, and answering repeats with the same bytes (design)."""

import secrets
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from banyan.keys import Kek
from banyan.signer import journal_index
from banyan.signer.errors import JournalDamaged, StoreInUse
from banyan.signer.journal import Journal
from banyan.signer.journal_entry import Entry, decode_entries, encode_entries

NOW = datetime(2026, 3, 1, 8, 0, 0, 123000, tzinfo=UTC)
FIXED = secrets.token_bytes(400)


def entry(issuance: int) -> Entry:
    moving = secrets.token_bytes(150)
    return Entry(
        issuance,
        "sm2-personal",
        "sm2-personal",
        secrets.token_bytes(16),
        FIXED + moving,
        FIXED + moving[::-1],
        {"request": issuance + 7, "name": "测试㐂·某"},
    )


def keys_of(entries: list[Entry]) -> list[bytes]:
    return [one.signing[-65:] for one in entries] + [one.encryption[-65:] for one in entries]


@pytest.fixture
def kek() -> Kek:
    return Kek(secrets.token_bytes(32))


@pytest.fixture
def filled(tmp_path: Path, kek: Kek) -> list[Entry]:
    """Three blocks: 40 entries, one CRL, one entry; the journal is closed again."""
    journal = Journal(tmp_path, kek)
    entries = [entry(number) for number in range(1, 42)]
    journal.append(entries[:40], keys_of(entries[:40]), now=NOW)
    journal.append_act("crl", {"ca": "sm2-personal", "number": 5, "tbs": "ab"}, now=NOW)
    journal.append(entries[40:], keys_of(entries[40:]), now=NOW)
    journal.close()
    return entries


def test_entries_survive_their_encoding() -> None:
    entries = [entry(1), Entry(2**40, "p256-device", "p256-device", bytes(16), b"single")]
    assert decode_entries(encode_entries(entries)) == entries


def test_a_repeat_finds_the_very_bytes_after_a_new_start(tmp_path: Path, kek: Kek, filled: list[Entry]) -> None:
    journal = Journal(tmp_path, kek)
    assert journal.find([41, 3, 77]) == {41: filled[40], 3: filled[2]}
    assert (journal.entries, journal.blocks) == (41, 3)


def test_reading_streams_from_any_point(tmp_path: Path, kek: Kek, filled: list[Entry]) -> None:
    journal = Journal(tmp_path, kek)
    everything = list(journal.read(0, 1000))
    assert [(number, one) for number, _, one in everything] == list(enumerate(filled, 1))
    assert everything[0][1] == NOW
    assert [number for number, _, _ in journal.read(38, 2)] == [39, 40]
    assert [number for number, _, _ in journal.read(40, 10)] == [41]
    assert list(journal.read(41, 10)) == []


def test_used_keys_are_known_also_when_the_index_was_lost(tmp_path: Path, kek: Kek, filled: list[Entry]) -> None:
    used = [filled[0].signing[-65:], filled[40].encryption[-65:], secrets.token_bytes(65)]
    journal = Journal(tmp_path, kek)
    assert journal.used_keys(used) == [True, True, False]
    journal.close()
    for part in tmp_path.glob("used-keys.db*"):
        part.unlink()
    assert Journal(tmp_path, kek).used_keys(used) == [True, True, False]


def test_used_keys_in_memory_and_in_the_file_are_both_found(
    tmp_path: Path, kek: Kek, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_index, "_FLUSH_AT", 6)
    journal = Journal(tmp_path, kek)
    entries = [entry(number) for number in range(1, 11)]
    for one in entries:
        journal.append([one], keys_of([one]), now=NOW)
    assert 0 < journal._index.flushed_through < journal.blocks
    assert all(journal.used_keys(keys_of(entries)))


def test_a_second_writer_is_refused(tmp_path: Path, kek: Kek) -> None:
    first = Journal(tmp_path, kek)
    with pytest.raises(StoreInUse):
        Journal(tmp_path, kek)
    first.close()
    Journal(tmp_path, kek)


def test_an_issuance_is_never_written_twice(tmp_path: Path, kek: Kek, filled: list[Entry]) -> None:
    journal = Journal(tmp_path, kek)
    with pytest.raises(sqlite3.IntegrityError):
        journal.append([entry(99), entry(7)], [], now=NOW)
    assert journal.find([99]) == {}
    assert journal.verify() == 3


def test_the_last_crl_number_is_kept(tmp_path: Path, kek: Kek, filled: list[Entry]) -> None:
    journal = Journal(tmp_path, kek)
    number, detail = journal.last_crl("sm2-personal") or (0, {})
    assert (number, detail["tbs"]) == (5, "ab")
    assert journal.last_crl("sm2-device") is None
    assert [act.kind for act in journal.acts()] == ["crl"]


def test_an_untouched_journal_verifies(tmp_path: Path, kek: Kek, filled: list[Entry]) -> None:
    assert Journal(tmp_path, kek).verify() == 3


def _swap_bodies(database: sqlite3.Connection) -> None:
    (body,) = database.execute("SELECT body FROM block WHERE number = 3").fetchone()
    database.execute("UPDATE block SET body = ?, dictionary = 1 WHERE number = 1", (body,))


EDITS: dict[str, Callable[[sqlite3.Connection], object]] = {
    "flipped bit": lambda db: db.execute(
        "UPDATE block SET body = CAST(substr(body, 1, 90) || x'00' || substr(body, 92) AS BLOB) WHERE number = 1"
    ),
    "other time": lambda db: db.execute("UPDATE block SET at = at + 1 WHERE number = 2"),
    "other count": lambda db: db.execute("UPDATE block SET count = 39 WHERE number = 1"),
    "other keys": lambda db: db.execute("UPDATE block SET keys = x'' WHERE number = 1"),
    "missing block": lambda db: db.execute("DELETE FROM block WHERE number = 2"),
    "missing place": lambda db: db.execute("DELETE FROM issued WHERE issuance = 12"),
    "moved place": lambda db: db.execute("UPDATE issued SET issuance = 5000 WHERE issuance = 12"),
    "cut end": lambda db: (
        db.execute("DELETE FROM block WHERE number = 3"),
        db.execute("DELETE FROM issued WHERE block = 3"),
    ),
    "other dictionary": lambda db: db.execute("UPDATE dictionary SET body = zeroblob(length(body))"),
    "swapped": _swap_bodies,
}


@pytest.mark.parametrize("edit", EDITS)
def test_any_edit_of_the_journal_is_found(tmp_path: Path, kek: Kek, filled: list[Entry], edit: str) -> None:
    with sqlite3.connect(tmp_path / "journal.db") as database:
        EDITS[edit](database)
    database.close()
    with pytest.raises(JournalDamaged):
        Journal(tmp_path, kek).verify()


def test_a_chain_rebuilt_without_the_key_is_found(tmp_path: Path, kek: Kek, filled: list[Entry]) -> None:
    for part in tmp_path.glob("*"):
        part.unlink()
    forger = Journal(tmp_path, Kek(secrets.token_bytes(32)))
    forger.append(filled[:5], keys_of(filled[:5]), now=NOW)
    forger.close()
    with pytest.raises(JournalDamaged):
        Journal(tmp_path, kek).verify()


def test_the_journal_stays_small(tmp_path: Path, kek: Kek) -> None:
    """Bulk and single entries cost little more than what is random in them (316 bytes here: twice 150,
    digest).
    """
    journal = Journal(tmp_path, kek)
    journal.append([entry(0)], [], now=NOW)
    entries = [entry(number) for number in range(1, 501)]
    journal.append(entries, keys_of(entries), now=NOW)
    journal.append([entry(501)], [], now=NOW)
    (bulk,) = journal._connection.execute("SELECT length(body) FROM block WHERE number = 2").fetchone()
    (single,) = journal._connection.execute("SELECT length(body) FROM block WHERE number = 3").fetchone()
    assert bulk / 500 < 400
    assert single < 450
