"""The keys: made once, wrapped, refused when anything about them is not right."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from banyan import gm, sealing
from banyan.kernel.home import Home
from banyan.sealing.keyring import _opened


@pytest.fixture
def place(tmp_path) -> Home:
    home = Home(tmp_path / "h")
    home.make()
    return home


def test_without_a_key_encryption_key_nothing_opens(place: Home) -> None:
    with pytest.raises(sealing.KekMissing):
        sealing.keyring(place)


def test_a_key_others_can_read_or_of_the_wrong_size_is_refused(place: Home) -> None:
    path = sealing.create_kek(place)
    path.chmod(0o644)
    with pytest.raises(sealing.KekUnsafe):
        sealing.keyring(place)
    path.chmod(0o600)
    path.write_bytes(bytes(16))
    with pytest.raises(sealing.KekUnsafe):
        sealing.keyring(place)


def test_making_the_key_again_keeps_the_first(place: Home) -> None:
    first = sealing.create_kek(place).read_bytes()
    assert sealing.create_kek(place).read_bytes() == first
    assert place.keys.joinpath("sealing.kek").stat().st_mode & 0o777 == 0o600


def test_another_key_encryption_key_does_not_open_the_data_keys(place: Home) -> None:
    path = sealing.create_kek(place)
    sealing.keyring(place)
    sealing.forget_keyrings()
    path.write_bytes(bytes(32))
    with pytest.raises(sealing.KekMismatch):
        sealing.keyring(place)


def test_processes_that_start_together_agree_on_the_keys(place: Home) -> None:
    sealing.create_kek(place)
    with ThreadPoolExecutor(8) as pool:
        rings = list(pool.map(lambda _: _opened.__wrapped__(place), range(16)))
    assert len({ring.audit_key for ring in rings}) == 1


def test_no_data_key_lies_in_the_clear_and_each_purpose_has_its_own(place: Home) -> None:
    sealing.create_kek(place)
    ring = sealing.keyring(place)
    keys = [key for versions in ring.keys.values() for key in versions.values()]
    assert len(set(keys)) == len(keys)
    stored = ring.path.read_bytes()
    for key in keys:
        assert key not in stored
        assert key.hex().encode() not in stored
        assert key.hex() not in repr(ring)


def test_an_older_installation_gets_the_key_of_tasks_once_whoever_comes_first(place: Home) -> None:
    """Processes that start together after an update sign with one key; what was sealed before still opens."""
    sealing.create_kek(place)
    before = sealing.keyring(place)
    stored = before.path
    told = json.loads(stored.read_text())
    del told["keys"]["task"]
    stored.write_text(json.dumps(told))
    with ThreadPoolExecutor(8) as pool:
        rings = list(pool.map(_opened.__wrapped__, [place] * 8))
    (public,) = {ring.tasks.public_key for ring in rings}
    assert rings[0].latest("field") == before.latest("field")
    message = b"banyan-task-v1\0{}"
    assert gm.sm2.verify_many([(public[-65:], message, rings[0].tasks.sign(message))]) == [True]
    assert stored.stat().st_mode & 0o777 == 0o600


def test_two_rotations_at_once_lose_no_key(place: Home) -> None:
    sealing.create_kek(place)
    sealed = sealing.keyring(place).fields.seal("一", ("table", "column", "1"))
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(sealing.rotate_field_key, [place] * 4))
    assert sorted(made) == [2, 3, 4, 5]
    assert sorted(_opened.__wrapped__(place).keys["field"]) == [1, 2, 3, 4, 5]
    assert sealing.keyring(place).fields.open(sealed, ("table", "column", "1")) == "一"
