"""PINs are random, legible and never simple (A2, E4)."""

import pytest

from banyan.kernel.pins import random_admin_pin, random_pin
from banyan_token import pins
from banyan_token.errors import PinMalformed, PinTooSimple


def test_random_pins_differ_and_are_acceptable() -> None:
    made = [random_pin() for _ in range(500)]
    assert len(set(made)) > 490
    for pin in made:
        assert len(pin) == 8
        assert pin.isdigit()
        pins.check_new(pin)


def test_a_random_administrator_pin_has_eighty_bits_and_no_look_alikes() -> None:
    made = [random_admin_pin() for _ in range(200)]
    assert len(set(made)) == 200
    letters = set("".join(made))
    assert len(letters) == 32
    assert not letters & set("01OI")
    assert {len(pin) for pin in made} == {16}


@pytest.mark.parametrize("pin", ["111111", "121212", "123456", "98765432", "abcdef", "aaaaaaaaaaaaaaaa"])
def test_a_simple_pin_is_refused(pin: str) -> None:
    with pytest.raises(PinTooSimple):
        pins.check_new(pin)


@pytest.mark.parametrize("pin", ["", "48203", "4" * 17, "482 0391", "48203９17", "福建省福州市", "4820\x0091"])
def test_what_cannot_be_a_pin_is_malformed(pin: str) -> None:
    with pytest.raises(PinMalformed) as refused:
        pins.check_form(pin)
    assert pin not in str(refused.value) or pin == ""


def test_a_new_pin_differs_from_the_old_one() -> None:
    with pytest.raises(PinTooSimple):
        pins.check_new("48203917", old="48203917")
