"""The three stores of the key-management centre (规范 3.1.1.1; GM/T 0034): pool, in use, history."""

import secrets
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from banyan import gm
from banyan.keys import Kek
from banyan.signer import kmc_store
from banyan.signer.errors import WrappedKeyDamaged
from banyan.signer.kmc_store import EscrowStore

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
RECIPIENT = b"\x04" + bytes(64)


@pytest.fixture
def kek() -> Kek:
    return Kek(secrets.token_bytes(32))


@pytest.fixture
def store(tmp_path: Path, kek: Kek) -> EscrowStore:
    return EscrowStore(tmp_path, kek)


def test_allocation_takes_from_the_pool_first_and_makes_the_rest(store: EscrowStore) -> None:
    store.add_to_pool(3, now=NOW)
    pairs = store.allocate([(number, RECIPIENT) for number in range(1, 6)], now=NOW)
    assert store.counts() == {"pool": 0, "in_use": 5, "history": 0, "recovered": 0}
    assert len({public for _, public in pairs}) == 5
    assert all(gm.sm2.public_key(private) == public for private, public in pairs)


def test_a_key_in_use_is_found_again_and_opens(store: EscrowStore) -> None:
    pairs = store.allocate([(1, RECIPIENT), (2, RECIPIENT)], now=NOW)
    found = store.allocated([2, 1, 9])
    assert set(found) == {1, 2}
    assert store.unwrap_many([found[1].key, found[2].key]) == [pairs[0][0], pairs[1][0]]


def test_an_issuance_gets_one_key_only(store: EscrowStore) -> None:
    store.add_to_pool(4, now=NOW)
    store.allocate([(1, RECIPIENT)], now=NOW)
    with pytest.raises(sqlite3.IntegrityError):
        store.allocate([(2, RECIPIENT), (1, RECIPIENT)], now=NOW)
    assert store.counts() == {"pool": 3, "in_use": 1, "history": 0, "recovered": 0}


def test_retired_keys_lie_in_history_and_still_open(store: EscrowStore) -> None:
    ((private, _),) = store.allocate([(1, RECIPIENT)], now=NOW)
    assert store.retire([1, 2], now=NOW) == 1
    assert store.retire([1], now=NOW) == 0
    found = store.allocated([1])[1]
    assert found.in_history
    assert store.unwrap_many([found.key]) == [private]


def test_no_private_key_stands_in_the_file(store: EscrowStore, tmp_path: Path) -> None:
    pairs = store.allocate([(number, RECIPIENT) for number in range(20)], now=NOW)
    store.close()
    content = b"".join(part.read_bytes() for part in tmp_path.glob("store.db*"))
    assert pairs[0][1] in content
    assert not any(private in content for private, _ in pairs)
    assert (tmp_path / "store.db").stat().st_mode & 0o777 == 0o600


def test_without_the_kek_nothing_opens(store: EscrowStore, tmp_path: Path) -> None:
    store.allocate([(1, RECIPIENT)], now=NOW)
    store.close()
    stranger = EscrowStore(tmp_path, Kek(secrets.token_bytes(32)))
    with pytest.raises(WrappedKeyDamaged):
        stranger.unwrap_many([stranger.allocated([1])[1].key])


def test_a_private_key_does_not_open_under_another_public_key(store: EscrowStore, tmp_path: Path) -> None:
    store.allocate([(1, RECIPIENT), (2, RECIPIENT)], now=NOW)
    with sqlite3.connect(tmp_path / "store.db") as database:
        database.execute("UPDATE in_use SET sealed = (SELECT sealed FROM in_use WHERE issuance = 2) WHERE issuance = 1")
    database.close()
    with pytest.raises(WrappedKeyDamaged):
        store.unwrap_many([store.allocated([1])[1].key])


def test_data_keys_change_after_their_uses(store: EscrowStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kmc_store, "_USES_OF_A_DATA_KEY", 5)
    for first in (0, 3, 6):
        store.allocate([(first + step, RECIPIENT) for step in range(3)], now=NOW)
    found = store.allocated(list(range(9)))
    assert [found[number].key.data_key for number in (0, 3, 6)] == [1, 2, 3]
    assert len(store.unwrap_many([found[number].key for number in range(9)])) == 9
