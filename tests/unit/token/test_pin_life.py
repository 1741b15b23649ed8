"""The life of a device's PINs: tries, lock, change, unlock (A2, A3 unlock)."""

from pathlib import Path

import pytest

from banyan_token.errors import (
    AdminPinIncorrect,
    AdminPinLocked,
    NotLoggedIn,
    PinChangeRequired,
    PinIncorrect,
    PinLastTry,
    PinLocked,
    PinMalformed,
    PinTooSimple,
    TokenExists,
    TokenMissing,
    TokenNotPrepared,
    TokenSerialMalformed,
)
from banyan_token.skf.interface import Library, own_library
from banyan_token.skf.profiles import profile
from banyan_token.skf.token import Place
from support.token import ADMIN_PIN, NEW_PIN, SUBJECT, USER_PIN, drawer, make_token, open_token

WRONG = "13579246"
WRONG_ADMIN = "ZZZZ3ZPN5TXD2HMA"


def test_a_new_device_describes_itself_without_a_pin(tmp_path: Path) -> None:
    make_token(tmp_path, must_change_pin=True)
    info = open_token(tmp_path).info()
    assert (info.serial, info.label, info.kind, info.state) == ("BYT0000001", "介质试验", "SOFT", "ready")
    assert (info.user_tries_left, info.admin_tries_left, info.must_change_pin) == (6, 6, True)
    assert info.containers == 0


def test_a_wrong_pin_says_how_many_tries_are_left(tmp_path: Path) -> None:
    token = make_token(tmp_path, user_tries=3)
    with pytest.raises(PinIncorrect) as refused:
        token.verify_pin(WRONG)
    assert str(refused.value).startswith("PIN 不正确，还可以试 2 次。")
    assert refused.value.code == "token.pin_incorrect"
    assert refused.value.fields == {"left": 2, "sar": "SAR_PIN_INCORRECT"}
    assert token.info().user_tries_left == 2
    with pytest.raises(NotLoggedIn):
        token.generate_signing_key("a")


def test_the_last_try_is_told_before_it_is_made(tmp_path: Path) -> None:
    token = make_token(tmp_path, user_tries=2)
    with pytest.raises(PinLastTry) as refused:
        token.verify_pin(WRONG)
    assert str(refused.value).startswith("PIN 不正确，只剩最后 1 次，再错就会锁定。")
    assert refused.value.code == "token.pin_incorrect"  # the same for programs


def test_the_right_pin_fills_the_counter_again(tmp_path: Path) -> None:
    token = make_token(tmp_path, user_tries=3)
    for _ in range(2):
        with pytest.raises(PinIncorrect):
            token.verify_pin(WRONG)
    token.verify_pin(USER_PIN)
    assert token.info().user_tries_left == 3


def test_the_last_wrong_try_locks_even_the_right_pin_and_a_restart_does_not_help(tmp_path: Path) -> None:
    token = make_token(tmp_path, user_tries=2)
    with pytest.raises(PinIncorrect):
        token.verify_pin(WRONG)
    with pytest.raises(PinLocked):
        token.verify_pin(WRONG)
    again = open_token(tmp_path)
    assert again.info().state == "locked"
    for pin in (USER_PIN, WRONG):
        with pytest.raises(PinLocked):
            again.verify_pin(pin)


def test_what_cannot_be_a_pin_is_not_counted(tmp_path: Path) -> None:
    token = make_token(tmp_path)
    for pin in ("1", "福建省福州市台江", "x" * 40):
        with pytest.raises(PinMalformed):
            token.verify_pin(pin)
    assert token.info().user_tries_left == 6


def test_the_first_pin_must_be_changed_before_the_holder_can_sign(tmp_path: Path) -> None:
    token = make_token(tmp_path, must_change_pin=True)
    token.verify_pin(USER_PIN)
    token.generate_signing_key("k1")  # personalisation works with the first PIN
    token.certification_request("k1", SUBJECT)
    token.check_container("k1")
    with pytest.raises(PinChangeRequired):
        token.sign("k1", b"document")
    with pytest.raises(PinChangeRequired):
        token.decrypt("k1", b"\x04" + bytes(112))
    token.change_pin(USER_PIN, NEW_PIN)
    assert token.sign("k1", b"document")
    assert not open_token(tmp_path).info().must_change_pin


def test_changing_the_pin_needs_the_old_one_and_counts(tmp_path: Path) -> None:
    token = make_token(tmp_path)
    with pytest.raises(PinIncorrect):
        token.change_pin(WRONG, NEW_PIN)
    assert token.info().user_tries_left == 5
    for bad in ("111111", USER_PIN):
        with pytest.raises(PinTooSimple):
            token.change_pin(USER_PIN, bad)
    assert token.info().user_tries_left == 5
    token.change_pin(USER_PIN, NEW_PIN)
    token.verify_pin(NEW_PIN)
    with pytest.raises(PinIncorrect):
        token.verify_pin(USER_PIN)


def test_the_administrator_unlocks_and_the_keys_stay(tmp_path: Path) -> None:
    token = make_token(tmp_path, user_tries=1)
    token.verify_pin(USER_PIN)
    public = token.generate_signing_key("k1")
    token.logout()
    with pytest.raises(PinLocked):
        token.verify_pin(WRONG)
    token.unlock_with_admin_pin(ADMIN_PIN, NEW_PIN)
    assert token.info().state == "ready"
    assert token.info().must_change_pin
    token.change_pin(NEW_PIN, USER_PIN)
    assert token.sign("k1", b"still here")
    assert token.containers()[0].signing_public_key == public


def test_unlocking_does_not_log_in(tmp_path: Path) -> None:
    token = make_token(tmp_path)
    token.unlock_with_admin_pin(ADMIN_PIN, NEW_PIN)
    with pytest.raises(NotLoggedIn):
        token.generate_signing_key("k1")


def test_the_administrator_pin_has_a_counter_of_its_own_and_locks_for_good(tmp_path: Path) -> None:
    token = make_token(tmp_path, user_tries=1, admin_tries=2)
    with pytest.raises(PinLocked):
        token.verify_pin(WRONG)
    with pytest.raises(AdminPinIncorrect) as refused:
        token.unlock_with_admin_pin(WRONG_ADMIN, NEW_PIN)
    assert refused.value.fields == {"left": 1, "sar": "SAR_PIN_INCORRECT"}
    with pytest.raises(AdminPinLocked):
        token.unlock_with_admin_pin(WRONG_ADMIN, NEW_PIN)
    again = open_token(tmp_path)
    with pytest.raises(AdminPinLocked):
        again.unlock_with_admin_pin(ADMIN_PIN, NEW_PIN)
    assert again.info().state == "dead"


def test_the_administrator_pin_can_be_changed(tmp_path: Path) -> None:
    token = make_token(tmp_path)
    token.change_admin_pin(ADMIN_PIN, "W8RM4XKQ6VZB3JTC")
    with pytest.raises(AdminPinIncorrect):
        token.unlock_with_admin_pin(ADMIN_PIN, NEW_PIN)
    token.unlock_with_admin_pin("W8RM4XKQ6VZB3JTC", NEW_PIN)
    token.verify_pin(NEW_PIN)


def test_another_open_device_sees_changes_at_once(tmp_path: Path) -> None:
    token = make_token(tmp_path)
    other = open_token(tmp_path)
    other.verify_pin(USER_PIN)
    other.generate_signing_key("k1")
    assert [one.name for one in token.containers()] == ["k1"]
    with pytest.raises(NotLoggedIn):  # a log-in is not shared
        token.sign("k1", b"x")


def test_a_device_is_never_personalised_twice(tmp_path: Path) -> None:
    token = make_token(tmp_path)
    token.verify_pin(USER_PIN)
    with pytest.raises(TokenExists):
        make_token(tmp_path)
    token.generate_signing_key("still-mine")


@pytest.mark.parametrize("serial", ["", "a/b", "..", "编号", "x" * 32, "-x"])
def test_a_serial_number_is_plain(tmp_path: Path, serial: str) -> None:
    with pytest.raises(TokenSerialMalformed):
        make_token(tmp_path, serial=serial)


def test_an_empty_directory_is_no_device(tmp_path: Path) -> None:
    with pytest.raises(TokenMissing):
        open_token(tmp_path, "none")
    with pytest.raises(TokenMissing):
        open_token(tmp_path / "nowhere")


def test_a_device_that_was_taken_away_says_so(tmp_path: Path) -> None:
    token = make_token(tmp_path)
    (tmp_path / "BYT0000001").rename(tmp_path / "gone")
    with pytest.raises(TokenMissing):
        token.verify_pin(USER_PIN)
    with pytest.raises(TokenMissing):
        token.info()
    (tmp_path / "gone").rename(tmp_path / "BYT0000001")
    token.verify_pin(USER_PIN)


def test_a_device_whose_making_was_cut_short_is_none_yet_and_is_completed(tmp_path: Path) -> None:
    box = drawer(tmp_path)
    library = Library(own_library())
    with Place(tmp_path, tmp_path / "machine.secret").used(library):
        library.call("BYT_CreateDevice", b"BYT0000001", b"", profile().auth_key, 10_000)
    assert box.serials() == []
    assert not box.has("BYT0000001")
    with pytest.raises(TokenNotPrepared):
        open_token(tmp_path)
    make_token(tmp_path).verify_pin(USER_PIN)
    assert box.serials() == ["BYT0000001"]


def test_the_holder_at_the_counter_types_a_pin_that_stays(tmp_path: Path) -> None:
    token = make_token(tmp_path)
    token.verify_pin(USER_PIN)
    token.generate_signing_key("k1")
    token.unlock_with_admin_pin(ADMIN_PIN, NEW_PIN, must_change_pin=False)
    token.verify_pin(NEW_PIN)
    assert token.sign("k1", b"document")


def test_a_device_is_destroyed_on_request_only(tmp_path: Path) -> None:
    make_token(tmp_path).close()
    drawer(tmp_path).destroy("BYT0000001")
    assert drawer(tmp_path).serials() == []
    make_token(tmp_path).verify_pin(USER_PIN)
