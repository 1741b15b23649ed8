"""Row MACs: no two different rows have the same bytes, and the database's own forms do not matter."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.sealing import BlindIndex, IdentifyCode, RowMac, canonical

VALUES = st.lists(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.text(max_size=6),
        st.binary(max_size=6),
        st.dates(),
        st.datetimes(timezones=st.just(UTC)),
    ),
    max_size=5,
)


@given(label=st.text(max_size=6), values=VALUES, other_label=st.text(max_size=6), others=VALUES)
def test_different_rows_have_different_bytes(label: str, values: list, other_label: str, others: list) -> None:
    is_same = (label, [(type(v), v) for v in values]) == (other_label, [(type(v), v) for v in others])
    assert (canonical(label, values) == canonical(other_label, others)) == is_same


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["ab", "c"], ["a", "bc"]),
        (["1"], [1]),
        ([True], [1]),
        ([None], [""]),
        ([b"a"], ["61"]),
        ([0], [False]),
        (["a1:b"], ["a", "b"]),
        ([date(2026, 1, 1)], ["2026-01-01"]),
    ],
)
def test_values_that_look_alike_are_told_apart(one: list, other: list) -> None:
    assert canonical("t", one) != canonical("t", other)


def test_what_the_two_databases_give_back_is_the_same_row() -> None:
    at = datetime(2026, 5, 1, 8, 30, 0, 123456, tzinfo=UTC)
    elsewhere = at.astimezone(timezone(timedelta(hours=8)))
    assert canonical("t", [at, b"x", {"a": 1, "b": [2]}]) == canonical(
        "t", [elsewhere, memoryview(b"x"), {"b": [2], "a": 1}]
    )
    assert canonical("t", [Decimal("1.50")]) == canonical("t", [Decimal("1.5")])


@pytest.mark.parametrize("value", [1.5, object(), datetime(2026, 1, 1)])  # noqa: DTZ001
def test_values_without_a_stable_form_are_refused(value: object) -> None:
    with pytest.raises(TypeError):
        canonical("t", [value])


def test_macs_in_a_batch_are_those_made_one_by_one_and_depend_on_the_key() -> None:
    rows = [("t", [n, "甲" * (n % 40), None]) for n in range(200)]
    mac = RowMac(bytes(32))
    assert mac.mac_many(rows) == [mac.mac(label, values) for label, values in rows]
    assert len(set(mac.mac_many(rows))) == 200
    assert RowMac(b"\x01" * 32).mac(*rows[0]) != mac.mac(*rows[0])
    assert {len(one) for one in mac.mac_many(rows)} == {16}


def test_equal_values_meet_in_the_blind_index_and_other_kinds_do_not() -> None:
    index = BlindIndex(bytes(32))
    assert index.index_many(["a", "b"], "phone") == [index.index("a", "phone"), index.index("b", "phone")]
    assert index.index("a", "phone") != index.index("a", "id")
    assert index.index("xa", "") != index.index("a", "x")
    assert len(index.index("a")) == 16


def test_the_identify_code_recognises_a_person_and_reveals_nothing() -> None:
    code = IdentifyCode(bytes(32))
    assert code.code("SF", "990023199001010017") == code.code_many([("SF", "990023199001010017")])[0]
    assert code.code("SF", "1") != code.code("HZ", "1")
    assert len(code.code("SF", "990023199001010017")) == 64
