"""Sealed fields: unreadable without the keys, bound to their place, never alike (F7: stored data)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan import sealing
from banyan.kernel.home import Home
from banyan.sealing.fields import FieldSealer

KEY = bytes(range(16))


@given(text=st.text(max_size=200), place=st.text(max_size=40))
def test_what_is_sealed_opens_again(text: str, place: str) -> None:
    sealer = FieldSealer({1: KEY})
    assert sealer.open(sealer.seal(text, place), place) == text


def test_the_same_text_never_gives_the_same_bytes() -> None:
    sealer = FieldSealer({1: KEY})
    many = sealer.seal_many([("990023199001010017", ("parties.person", "id", 7))] * 500)
    assert len(set(many)) == 500
    assert sealer.open(many[3], ("parties.person", "id", 7)) == "990023199001010017"
    assert not any(b"9900231990" in sealed for sealed in many)


@pytest.mark.parametrize("place", ["parties.person.phone", ("parties.person", "id", 8), "", ("parties.personid", 7)])
def test_a_value_moved_to_another_place_does_not_open(place: sealing.Context) -> None:
    sealer = FieldSealer({1: KEY})
    sealed = sealer.seal("甲", ("parties.person", "id", 7))
    with pytest.raises(sealing.SealBroken):
        sealer.open(sealed, place)


def test_any_changed_byte_is_found() -> None:
    sealer = FieldSealer({1: KEY})
    sealed = sealer.seal("13800000000", "phone")
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(sealing.SealBroken):
            sealer.open(bytes(changed), "phone")
    for size in (0, 1, 2, 14, 30):
        with pytest.raises(sealing.SealBroken):
            sealer.open(sealed[:size], "phone")


def test_after_a_rotation_old_values_open_and_new_ones_use_the_new_key(tmp_path) -> None:
    home = Home(tmp_path / "h")
    home.make()
    sealing.create_kek(home)
    before = sealing.keyring(home).fields.seal("甲", "c")
    assert sealing.rotate_field_key(home) == 2
    fields = sealing.keyring(home).fields
    assert fields.open(before, "c") == "甲"
    assert not fields.is_current(before)
    after = fields.seal("甲", "c")
    assert fields.is_current(after)
    assert fields.open(after, "c") == "甲"
