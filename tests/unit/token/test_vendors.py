"""Any vendor's library behind one layer: profiles, several tokens, plugging, slowness, return codes (A4, issue flow)."""

import dataclasses
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from banyan_token import Token
from banyan_token import errors as token_errors
from banyan_token.errors import NotLoggedIn, PinIncorrect, TokenBusy, TokenError, TokenMissing, TokenSlow, TokenUnable
from banyan_token.skf import profiles
from banyan_token.skf.calls import TimedCalls
from banyan_token.skf.codes import Sar
from banyan_token.skf.interface import Library, LibraryUnusable, own_library
from banyan_token.skf.profiles import LibraryNotNamed, ProfileMalformed, ProfileUnknown, load_profiles, profile
from banyan_token.skf.reader import Reader, TokenEvent
from banyan_token.skf.refusals import pin_refusal, refusal
from banyan_token.skf.token import Place
from support.token import NEW_PIN, SUBJECT, USER_PIN, certificate, encryption_key_for, make_token


def reader(place: Path, **changes: Any) -> Reader:
    """Our own library, with a profile like another vendor's where ``changes`` say so."""
    told = dataclasses.replace(profile(), **changes)
    return Reader(told, library=Library(own_library()), place=Place(place, place / "machine.secret"))


def test_ours_and_three_vendors_have_profiles_and_what_is_unconfirmed_is_marked() -> None:
    known = load_profiles()
    assert set(known) == {"banyan", "feitian", "haitai", "longmai"}
    assert known["banyan"].library() == own_library()
    for key in set(known) - {"banyan"}:
        assert {"library", "key_field", "application"} <= set(known[key].to_be_confirmed)
        with pytest.raises(LibraryNotNamed):
            known[key].library()


def test_an_installation_names_a_vendor_s_library_in_a_file_of_its_own(tmp_path: Path) -> None:
    shipped = Path(profiles.__file__).with_name("profiles") / "longmai.toml"
    text = shipped.read_text(encoding="utf-8")
    (tmp_path / "longmai.toml").write_text(text.replace('linux = ""', 'linux = "vendor/libskf.so"'))
    (tmp_path / "acme.toml").write_text(text.replace("offset32", "whole64", 1))
    known = load_profiles(tmp_path)
    assert known["longmai"].library("linux") == Path("vendor/libskf.so")
    assert known["acme"].key_field.value == "whole64"
    with pytest.raises(LibraryUnusable):
        Library(known["longmai"].library("linux"))
    with pytest.raises(ProfileUnknown):
        profile("nobody")
    for wrong in (text.replace("offset32", "elsewhere", 1), text + "\n[more]\n", "name = "):
        (tmp_path / "acme.toml").write_text(wrong)
        with pytest.raises(ProfileMalformed):
            load_profiles(tmp_path)


def test_a_token_of_another_vendor_is_written_with_the_standard_s_functions_alone(tmp_path: Path) -> None:
    """No extension of ours, the first application, every call in a thread of its own with a time limit."""
    make_token(tmp_path).close()
    other = reader(
        tmp_path, key="acme", application="", time_limit_seconds=20.0, decrypts_with="", unblocks_remotely=False,
        change_logs_in=False,
    )  # fmt: skip
    with other.open("BYT0000001") as token:
        token.change_pin(USER_PIN, NEW_PIN)
        signing = token.generate_signing_key("a")
        encryption, envelope = encryption_key_for(signing)
        assert token.import_key_envelope("a", envelope) == encryption
        token.import_certificate("a", certificate(signing, signing=True), signing=True)
        token.import_certificate("a", certificate(encryption, signing=False), signing=False)
        assert token.certification_request("a", SUBJECT)
        assert token.prove_container("a", b"0123456789abcdef" * 2)
        assert token.sign("a", b"x")
        assert token.info().kind == "ACME"
        for call in (lambda: token.decrypt("a", b"x"), token.unlock_challenge, lambda: token.answer_challenge("x")):
            with pytest.raises(TokenUnable):
                call()


def test_several_tokens_at_once(tmp_path: Path) -> None:
    for serial in ("BYT1", "BYT2", "BYT3"):
        make_token(tmp_path, serial=serial).close()
    found = reader(tmp_path).open_all()
    assert [one.serial for one in found] == ["BYT1", "BYT2", "BYT3"]
    made: dict[str, bytes] = {}

    def write(token: Token) -> None:
        token.verify_pin(USER_PIN)
        made[token.serial] = token.generate_signing_key("a")

    running = [threading.Thread(target=write, args=(one,)) for one in found]
    for one in running:
        one.start()
    for one in running:
        one.join(60)
    assert {one.serial: one.containers()[0].signing_public_key for one in found} == made
    found[0].logout()
    with pytest.raises(NotLoggedIn):
        found[0].sign("a", b"x")
    assert found[1].sign("a", b"x")


def test_devices_of_one_number_in_two_places_are_two(tmp_path: Path) -> None:
    here, there = (make_token(tmp_path / place) for place in ("here", "there"))
    here.verify_pin(USER_PIN)
    public = here.generate_signing_key("a")
    with pytest.raises(NotLoggedIn):
        there.generate_signing_key("a")
    there.verify_pin(USER_PIN)
    assert there.containers() == []
    assert there.generate_signing_key("a") != public
    assert here.containers()[0].signing_public_key == public


def test_a_log_in_ends_with_the_last_object_that_had_it(tmp_path: Path) -> None:
    make_token(tmp_path).close()
    box = reader(tmp_path)
    one, other, stranger = (box.open("BYT0000001") for _ in range(3))
    one.verify_pin(USER_PIN)
    other.verify_pin(USER_PIN)
    one.generate_signing_key("a")
    one.close()
    assert other.sign("a", b"x")
    with pytest.raises(NotLoggedIn):
        stranger.sign("a", b"x")
    with pytest.raises(PinIncorrect):
        stranger.verify_pin("13579246")
    with pytest.raises(NotLoggedIn):  # as in hardware, a wrong PIN ends it for all
        other.sign("a", b"x")


def test_plugging_and_unplugging_is_noticed(tmp_path: Path) -> None:
    root, drawer = tmp_path / "tokens", tmp_path / "drawer"
    for serial in ("BYT1", "BYT2"):
        make_token(root, serial=serial).close()
    drawer.mkdir()
    (root / "BYT2").rename(drawer / "BYT2")
    watched = reader(root)
    stop = threading.Event()
    seen: list[TokenEvent] = []
    watching = threading.Thread(target=lambda: seen.extend(watched.events(stop)))
    watching.start()
    time.sleep(0.3)
    expected: list[TokenEvent] = []
    for name, is_there in (("BYT2", True), ("BYT1", False), ("BYT1", True)):
        source, target = (drawer, root) if is_there else (root, drawer)
        (source / name).rename(target / name)
        expected.append(TokenEvent(name, is_there))
        time.sleep(0.5)
    stop.set()
    watched.wake()
    watching.join(10)
    assert seen == expected


def test_a_list_that_grows_while_it_is_read_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_token(tmp_path, serial="BYT1").close()
    call, made = Library.call, []

    def growing(self: Library, name: str, *arguments: Any) -> int:
        code = call(self, name, *arguments)
        if name == "EnumDev" and not made:
            made.append("BYT2")
            (tmp_path / "BYT2").mkdir()
            (tmp_path / "BYT2" / "device.state").write_bytes(b"x")
        return code

    monkeypatch.setattr(Library, "call", growing)
    assert reader(tmp_path).names() == ["BYT1", "BYT2"]


def test_a_token_pulled_out_says_so_at_every_call(tmp_path: Path) -> None:
    token = make_token(tmp_path)
    token.verify_pin(USER_PIN)
    token.generate_signing_key("a")
    (tmp_path / "BYT0000001").rename(tmp_path / "gone")
    calls: list[Callable[[], object]] = [
        token.info,
        token.containers,
        lambda: token.verify_pin(USER_PIN),
        lambda: token.sign("a", b"x"),
        lambda: token.generate_signing_key("b"),
        lambda: token.check_container("a"),
        lambda: token.delete_container("a"),
        token.unlock_challenge,
    ]
    for call in calls:
        with pytest.raises(TokenMissing) as refused:
            call()
        assert refused.value.fields["sar"] == "SAR_DEVICE_REMOVED"
    token.close()


def test_a_slow_token_does_not_hold_up_the_caller_and_is_usable_afterwards() -> None:
    calls = TimedCalls(0.2)
    go_on = threading.Event()
    with pytest.raises(TokenSlow):
        calls.run(go_on.wait, 20)
    with pytest.raises(TokenSlow):  # it is still busy with the first
        calls.run(int)
    go_on.set()
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            assert calls.run(int, "7") == 7
            break
        except TokenSlow:
            time.sleep(0.01)
    with pytest.raises(ValueError, match="invalid literal"):
        calls.run(int, "x")
    calls.close()


def test_every_return_code_is_an_error_that_says_what_to_do() -> None:
    for code in set(Sar) - {Sar.OK}:
        error = refusal(code, serial="BYT1", container="a")
        assert error.fields["sar"] == f"SAR_{code.name}"
        assert "。" in str(error)
    assert refusal(0x0B000001).fields["sar"] == "0x0B000001"
    assert isinstance(refusal(Sar.TIMEOUTERR), TokenBusy)
    for is_admin in (True, False):
        for left in (2, 1):
            error = pin_refusal(Sar.PIN_INCORRECT, left=left, is_admin=is_admin, serial="x")
            assert str(left) in str(error)
            assert isinstance(error, TokenError)
    assert isinstance(pin_refusal(Sar.PIN_LOCKED, left=0, is_admin=True, serial="x"), token_errors.AdminPinLocked)
