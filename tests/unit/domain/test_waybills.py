"""Waybill numbers of EMS (UPU S10) and the words of notices, counted as operators charge them."""

from types import SimpleNamespace
from typing import Any

import pytest

from banyan.domain.ra.delivery_errors import WaybillInvalid
from banyan.domain.ra.waybills import check_digit, waybill_number


@pytest.mark.parametrize(
    ("digits", "expected"),
    # The first is the example of the standard, the others reach both of its exceptions: 10 becomes 0, 11 becomes 5.
    [
        ("47312482", 9),
        ("12345678", 5),
        ("00000000", 5),
        ("00000006", 2),
        ("00000003", 1),
        ("00000011", 6),
        ("30000000", 9),
    ],
)
def test_the_check_digit_is_that_of_the_standard(digits: str, expected: int) -> None:
    assert check_digit(digits) == expected


def test_a_remainder_of_one_gives_the_digit_nought() -> None:
    digits = next(
        f"{number:08d}"
        for number in range(100)
        if sum(weight * int(digit) for weight, digit in zip((8, 6, 4, 2, 3, 5, 9, 7), f"{number:08d}", strict=True))
        % 11
        == 1
    )
    assert check_digit(digits) == 0


@pytest.mark.parametrize("typed", ["EE123456785CN", "ee 1234 5678 5 cn", "ＥＥ１２３４５６７８５ＣＮ"])
def test_a_number_is_read_however_it_is_typed(typed: str) -> None:
    assert waybill_number(typed) == "EE123456785CN"


# At place 7 the standard itself does not see it: remainders 0 and 6 both give the digit 5.
@pytest.mark.parametrize("place", [2, 3, 4, 5, 6, 8, 9, 10])
def test_one_wrong_digit_is_found(place: int) -> None:
    right = "EE123456785CN"
    wrong = right[:place] + str((int(right[place]) + 1) % 10) + right[place + 1 :]
    with pytest.raises(WaybillInvalid):
        waybill_number(wrong)


@pytest.mark.parametrize("wrong", ["", "EE12345678CN", "EE123456785US", "12345678512CN", "EE12345678٥CN"])
def test_what_is_no_number_of_ours_is_refused(wrong: str) -> None:
    with pytest.raises(WaybillInvalid):
        waybill_number(wrong)


def request(name: str, business: str = "reissue") -> Any:
    return SimpleNamespace(number="TY20261128000042", business=business, subject_name=name)


def test_every_notice_of_the_product_has_its_words() -> None:
    from banyan.domain.lifecycle.businesses import NOTICE_TEXT
    from banyan.domain.ra.notice_texts import TEXTS

    assert set(TEXTS) == set(NOTICE_TEXT)


@pytest.mark.parametrize("name", ["测试甲", "测试榕荫县虚构局", "福" * 200])
def test_a_text_message_is_one_part_for_people_and_two_at_most(name: str) -> None:
    from banyan.domain.ra.notice_texts import TEXTS, sms_parts, sms_text

    for code in TEXTS:
        text = sms_text(request(name), code)
        assert sms_parts(text) <= (1 if len(name) < 10 else 2), (len(text), text)
        assert "{" not in text


@pytest.mark.parametrize(
    ("text", "parts"), [("字" * 70, 1), ("字" * 71, 2), ("字" * 134, 2), ("字" * 135, 3), ("𠮷" * 36, 2)]
)
def test_parts_are_counted_as_operators_do(text: str, parts: int) -> None:
    from banyan.domain.ra.notice_texts import sms_parts

    assert sms_parts(text) == parts
