"""Remote unlock: a response is good for one challenge of one device, once (A3 unlock)."""

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan_token import Token, unlock
from banyan_token.errors import (
    AdminPinIncorrect,
    AdminPinLocked,
    ChallengeMalformed,
    ChallengeMismatch,
    PinLocked,
    PinTooSimple,
)
from support.token import ADMIN_PIN, NEW_PIN, USER_PIN, make_token, open_token

WRONG_ADMIN = "ZZZZ3ZPN5TXD2HMA"


def respond(challenge: str, admin_pin: str = ADMIN_PIN, new_pin: str = NEW_PIN, serial: str = "BYT0000001") -> str:
    return unlock.make_response(admin_pin, challenge, new_pin, serial=serial)


def text_of(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def locked_token(tmp_path: Path, *, admin_tries: int = 6) -> Token:
    token = make_token(tmp_path, user_tries=1, admin_tries=admin_tries)
    token.verify_pin(USER_PIN)
    token.generate_signing_key("k1")
    token.logout()
    with pytest.raises(PinLocked):
        token.verify_pin("13579246")
    return token


def test_a_locked_device_is_unlocked_from_afar_and_keeps_its_keys(tmp_path: Path) -> None:
    token = locked_token(tmp_path)
    response = respond(token.unlock_challenge(), serial="BYT0000001")
    # The holder may restart the machine between question and answer.
    again = open_token(tmp_path)
    again.answer_challenge(response)
    info = again.info()
    assert (info.state, info.user_tries_left, info.must_change_pin) == ("ready", 1, True)
    again.change_pin(NEW_PIN, USER_PIN)
    assert again.sign("k1", b"works")


def test_white_space_from_copying_does_no_harm(tmp_path: Path) -> None:
    token = locked_token(tmp_path)
    response = respond("\n " + token.unlock_challenge() + " \r\n")
    token.answer_challenge(response[:20] + "\n " + response[20:])
    token.verify_pin(NEW_PIN)


def test_a_response_is_good_once(tmp_path: Path) -> None:
    token = locked_token(tmp_path)
    response = respond(token.unlock_challenge())
    token.answer_challenge(response)
    with pytest.raises(ChallengeMismatch):
        token.answer_challenge(response)
    token.unlock_challenge()
    with pytest.raises(ChallengeMismatch):
        token.answer_challenge(response)
    assert token.info().admin_tries_left == 6


def test_a_newer_challenge_voids_the_older_one_without_costing_a_try(tmp_path: Path) -> None:
    token = locked_token(tmp_path)
    response = respond(token.unlock_challenge())
    newer = token.unlock_challenge()
    with pytest.raises(ChallengeMismatch):
        token.answer_challenge(response)
    assert token.info().admin_tries_left == 6
    token.answer_challenge(respond(newer))


def test_another_device_does_not_take_the_response(tmp_path: Path) -> None:
    first = locked_token(tmp_path)
    second = make_token(tmp_path, serial="BYT0000002")  # the same PINs, on purpose
    response = respond(first.unlock_challenge())
    second.unlock_challenge()
    with pytest.raises(ChallengeMismatch):
        second.answer_challenge(response)
    # Not even when the random number is made to look right: the key depends on the device.
    number = unlock.Challenge.decode(second.unlock_challenge()).number
    data = unlock._from_text(response)
    with pytest.raises(AdminPinIncorrect):
        second.answer_challenge(text_of(number + data[unlock.CHALLENGE_BYTES :]))


def test_the_platform_answers_only_for_the_device_of_the_approved_request(tmp_path: Path) -> None:
    token = locked_token(tmp_path)
    with pytest.raises(ChallengeMismatch) as refused:
        respond(token.unlock_challenge(), serial="BYT0000009")
    assert refused.value.fields == {"serial": "BYT0000009"}


def test_a_response_under_a_wrong_administrator_pin_costs_a_try_and_the_challenge(tmp_path: Path) -> None:
    token = locked_token(tmp_path, admin_tries=2)
    challenge = token.unlock_challenge()
    with pytest.raises(AdminPinIncorrect) as refused:
        token.answer_challenge(respond(challenge, WRONG_ADMIN))
    assert refused.value.fields == {"left": 1, "sar": "SAR_PIN_INCORRECT"}
    with pytest.raises(ChallengeMismatch):
        token.answer_challenge(respond(challenge))
    with pytest.raises(AdminPinLocked):
        token.answer_challenge(respond(token.unlock_challenge(), WRONG_ADMIN))
    with pytest.raises(AdminPinLocked):
        token.answer_challenge(respond(token.unlock_challenge()))
    assert token.info().state == "dead"


def test_every_flipped_bit_of_a_response_is_noticed(tmp_path: Path) -> None:
    token = locked_token(tmp_path, admin_tries=10)
    for position in range(unlock.CHALLENGE_BYTES, 80, 9):
        data = bytearray(unlock._from_text(respond(token.unlock_challenge())))
        data[position] ^= 1
        with pytest.raises(AdminPinIncorrect):
            token.answer_challenge(text_of(bytes(data)))
    assert token.info().state == "locked"


def test_a_challenge_cannot_weaken_the_derivation(tmp_path: Path) -> None:
    asked = unlock.Challenge.decode(make_token(tmp_path).unlock_challenge())
    for iterations in (1, unlock.FEWEST_ITERATIONS - 1, unlock.MOST_ITERATIONS + 1, 0, -5):
        weak = unlock.Challenge(asked.serial, asked.number, asked.salt, iterations).encode()
        with pytest.raises(ChallengeMalformed):
            respond(weak)


def test_the_platform_never_sets_a_simple_pin(tmp_path: Path) -> None:
    token = make_token(tmp_path)
    with pytest.raises(PinTooSimple):
        respond(token.unlock_challenge(), new_pin="123456")


def test_nothing_secret_is_readable_in_challenge_and_response(tmp_path: Path) -> None:
    token = make_token(tmp_path)
    challenge = token.unlock_challenge()
    response = respond(challenge)
    for text in (challenge, response):
        carried = unlock._from_text(text)
        for secret in (USER_PIN, NEW_PIN, ADMIN_PIN):
            assert secret.encode() not in carried
            assert secret not in text


@given(st.text(max_size=200) | st.from_regex(r"\A[A-Za-z0-9_-]{1,120}\Z"))
def test_garbage_is_a_clear_error(text: str) -> None:
    with pytest.raises(ChallengeMalformed):
        respond(text)


def test_a_garbled_response_is_not_counted(tmp_path: Path) -> None:
    token = locked_token(tmp_path)
    response = respond(token.unlock_challenge())
    for garbled in ("", "响应码", response[:40], "A" * 5000, response + "é"):
        with pytest.raises(ChallengeMalformed):
            token.answer_challenge(garbled)
    assert token.info().admin_tries_left == 6
    token.answer_challenge(response)
