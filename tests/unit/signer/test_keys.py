"""Keys are kept encrypted, are never overwritten, and open with the right KEK only (B5; GB/T 39786 level 3
stored keys).
"""

import json
import pickle
import secrets
from datetime import UTC, datetime
from pathlib import Path

import pytest

from banyan import keys
from banyan.keys import kek as kek_module
from banyan.keys.signers import Algorithm

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


@pytest.fixture
def kek() -> keys.Kek:
    return keys.Kek(secrets.token_bytes(32))


@pytest.fixture
def store(tmp_path: Path, kek: keys.Kek) -> keys.KeyStore:
    return keys.KeyStore(tmp_path / "keys", kek)


@pytest.mark.parametrize("algorithm", ["SM2", "P256"])
def test_a_kept_key_signs_after_loading_and_its_signature_verifies(store: keys.KeyStore, algorithm: Algorithm) -> None:
    made = store.create("sm2-personal", algorithm, now=NOW, attributes={"role": "issuing"})
    loaded = store.load("sm2-personal")
    assert loaded.record == made.record
    messages = [b"one", b"two", b"three"]
    signatures = loaded.signer.sign_many(messages)
    pairs = list(zip(messages, signatures, strict=True))
    assert made.signer.verify_many(pairs) == [True, True, True]
    assert made.signer.verify_many([(b"other", signatures[0]), (b"one", b"\x30\x00")]) == [False, False]


def test_a_key_is_never_overwritten(store: keys.KeyStore) -> None:
    first = store.create("sm2-root", "SM2", now=NOW, attributes={})
    with pytest.raises(keys.KeyExists):
        store.create("sm2-root", "SM2", now=NOW, attributes={})
    assert store.load("sm2-root").record.public_key == first.record.public_key


def test_a_key_file_does_not_open_without_its_kek(store: keys.KeyStore, tmp_path: Path) -> None:
    store.create("a", "SM2", now=NOW, attributes={})
    with pytest.raises(keys.KeyFileDamaged):
        keys.KeyStore(tmp_path / "keys", keys.Kek(secrets.token_bytes(32))).load("a")


@pytest.mark.parametrize("change", ["attributes", "algorithm", "name", "made_at", "sealed", "public_key"])
def test_no_field_of_a_key_file_can_be_changed_alone(store: keys.KeyStore, tmp_path: Path, change: str) -> None:
    store.create("a", "SM2", now=NOW, attributes={"profiles": ["sm2-personal"]})
    store.create("b", "SM2", now=NOW, attributes={"profiles": ["sm2-device"]})
    path, other = tmp_path / "keys" / "a.key", tmp_path / "keys" / "b.key"
    form = json.loads(path.read_text())
    form[change] = {
        "algorithm": "P256",
        "made_at": "2020-01-01T00:00:00+00:00",
    }.get(change, json.loads(other.read_text())[change])
    path.write_text(json.dumps(form))
    with pytest.raises(keys.KeyFileDamaged):
        store.load("a")


def test_a_key_file_that_others_may_read_is_refused(store: keys.KeyStore, tmp_path: Path) -> None:
    store.create("a", "SM2", now=NOW, attributes={})
    path = tmp_path / "keys" / "a.key"
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    with pytest.raises(keys.KeyFileDamaged):
        store.load("a")


def test_nothing_prints_or_pickles_a_key(store: keys.KeyStore, kek: keys.Kek, tmp_path: Path) -> None:
    stored = store.create("a", "SM2", now=NOW, attributes={})
    private = stored.signer._private.hex()  # type: ignore[attr-defined]
    assert private not in f"{stored!r} {stored.signer!r} {stored.signer!s}"
    assert kek._secret.hex() not in repr(kek)
    assert private not in (tmp_path / "keys" / "a.key").read_text()
    for thing in (stored.signer, kek):
        with pytest.raises(TypeError):
            pickle.dumps(thing)


def test_a_name_cannot_leave_the_directory(store: keys.KeyStore) -> None:
    with pytest.raises(ValueError, match="not a key name"):
        store.create("../elsewhere", "SM2", now=NOW, attributes={})


def test_a_kek_is_locked_by_an_operators_passphrase(tmp_path: Path) -> None:
    path = tmp_path / "signer.kek"
    path.write_bytes(secret := secrets.token_bytes(32))
    path.chmod(0o600)
    before = keys.load_kek(path).mark
    keys.protect_kek_with_passphrase(path, b"correct horse")
    assert kek_module.is_locked_by_passphrase(path)
    assert secret not in path.read_bytes()
    assert secret.hex() not in path.read_text()
    assert keys.load_kek(path, passphrase=lambda: b"correct horse").mark == before
    with pytest.raises(keys.KekUnreadable):
        keys.load_kek(path, passphrase=lambda: b"wrong horse")
    with pytest.raises(keys.KekUnreadable):
        keys.load_kek(path)
    with pytest.raises(keys.KekUnreadable):
        keys.protect_kek_with_passphrase(path, b"again")


def test_a_lock_with_absurd_costs_is_refused_before_it_burdens_the_machine(tmp_path: Path) -> None:
    path = tmp_path / "signer.kek"
    keys.protect_kek_with_passphrase(path, b"p")
    form = json.loads(path.read_text())
    path.write_text(json.dumps(form | {"memory_cost": 1 << 40}))
    with pytest.raises(keys.KekUnreadable):
        keys.load_kek(path, passphrase=lambda: b"p")


def test_a_kek_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "signer.kek"
    path.write_bytes(secrets.token_bytes(32))
    path.chmod(0o644)
    with pytest.raises(keys.KekUnreadable):
        keys.load_kek(path)


def test_both_processes_find_the_same_receipt_key(tmp_path: Path) -> None:
    assert keys.receipt_key(tmp_path) == keys.receipt_key(tmp_path)
    assert (tmp_path / "receipt.key").stat().st_mode & 0o777 == 0o600
