"""The soft token behind the interface of GM/T 0016 (A4, A3 unlock, C4)."""

import os
import secrets
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from ctypes import byref, c_uint32, c_void_p, create_string_buffer
from pathlib import Path

import pytest

from banyan import gm
from banyan.pki.skf_blob import to_skf_blob
from banyan.pki.sm2_enveloped_key import enveloped_key, enveloped_key_many
from banyan_token.errors import ChallengeMismatch
from banyan_token.skf import codes
from banyan_token.skf.codes import Sar
from banyan_token.skf.interface import CIPHER_HEAD, CipherParameters, PublicKeyBlob, SignatureBlob
from banyan_token.skf.sample_certificate import sample_certificate
from banyan_token.unlock import make_response
from support.skf import ADMIN_PIN, LIBRARY, NEW_PIN, USER_PIN, WRONG_PIN, SkfToken, child, library, place

pytestmark = pytest.mark.skipif(not LIBRARY.exists(), reason="make setup builds it")


@pytest.fixture
def serial() -> str:
    return f"T{secrets.token_hex(6).upper()}"


@pytest.fixture
def token(serial: str) -> SkfToken:
    made = SkfToken.make(serial)
    made.log_in()
    return made


# Keys and certificates


def test_a_written_pair_is_there_after_a_restart(token: SkfToken) -> None:
    point, pair = token.write_pair("k1")
    token.ok("DisConnectDev", token.dev)
    again = SkfToken.open(token.serial)
    again.log_in()
    assert (again.public_key("k1", signing=True), again.public_key("k1", signing=False)) == (point, pair.public)
    assert again.signs("k1", point)
    for signing, key in ((1, point), (0, pair.public)):
        assert again.lib.filled("ExportCertificate", again.box("k1"), signing) == (0, sample_certificate(key))


@pytest.mark.interop
def test_openssl_verifies_what_the_token_signs(token: SkfToken, tmp_path: Path) -> None:
    point = token.generate("k1")
    prefix = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d034200")
    (tmp_path / "key.der").write_bytes(prefix + point)
    (tmp_path / "text").write_bytes(b"a document")
    signature = token.sign("k1", gm.sm2.digest(point, b"a document"))
    (tmp_path / "signature").write_bytes(gm.sm2.signature_to_der(signature))
    verify = ["openssl", "dgst", "-sm3", "-verify", "key.der", "-keyform", "DER", "-signature", "signature"]
    identity = ["-sigopt", "distid:1234567812345678", "text"]
    done = subprocess.run([*verify, *identity], cwd=tmp_path, capture_output=True, text=True)
    assert "Verified OK" in done.stdout, done.stderr


@pytest.mark.parametrize("whole_field", [False, True])
def test_envelopes_of_both_layouts_are_taken(token: SkfToken, whole_field: bool) -> None:
    point, pair = token.generate("k1"), gm.sm2.generate_keypair()
    (envelope,) = enveloped_key_many([(point, pair.private, pair.public)], whole_field=whole_field)
    token.ok("ImportECCKeyPair", token.box("k1"), to_skf_blob(envelope))
    assert token.public_key("k1", signing=False) == pair.public


def test_an_envelope_for_another_key_is_refused(token: SkfToken) -> None:
    token.generate("k1")
    stranger, pair = gm.sm2.generate_keypair(), gm.sm2.generate_keypair()
    blob = to_skf_blob(enveloped_key(stranger.public, pair.private, pair.public))
    assert token.code("ImportECCKeyPair", token.box("k1"), blob) == "SAR_INDATAERR"


def test_an_envelope_whose_halves_do_not_belong_together_is_refused(token: SkfToken) -> None:
    point, pair, other = token.generate("k1"), gm.sm2.generate_keypair(), gm.sm2.generate_keypair()
    blob = to_skf_blob(enveloped_key(point, pair.private, other.public))
    assert token.code("ImportECCKeyPair", token.box("k1"), blob) == "SAR_INDATAERR"


def test_a_key_is_never_overwritten(token: SkfToken) -> None:
    """Writing twice after a crash does no harm; another key needs another container."""
    point, pair = token.write_pair("k1")
    same = to_skf_blob(enveloped_key(point, pair.private, pair.public))
    token.ok("ImportECCKeyPair", token.box("k1"), same)
    other = gm.sm2.generate_keypair()
    another = to_skf_blob(enveloped_key(point, other.private, other.public))
    assert token.code("ImportECCKeyPair", token.box("k1"), another) == "SAR_OBJERR"
    assert token.code("GenECCKeyPair", token.box("k1"), codes.SM2_SIGN, byref(PublicKeyBlob())) == "SAR_OBJERR"
    assert token.public_key("k1", signing=False) == pair.public


def test_a_recovered_key_goes_into_a_container_of_its_own(token: SkfToken) -> None:
    """What was encrypted before a renewal still opens (A7 recovery)."""
    point, _pair = token.write_pair("new")
    old = gm.sm2.generate_keypair()
    blob = to_skf_blob(enveloped_key(point, old.private, old.public))
    token.ok("BYT_ImportECCKeyPairFor", token.box("old"), token.box("new"), blob)
    raw = gm.sm2.encrypt(old.public, b"0123456789abcdef")
    wrapped = bytes(32) + raw[1:33] + bytes(32) + raw[33:65] + raw[65:97] + (16).to_bytes(4, "little") + raw[97:]
    handle, room, size = c_void_p(), create_string_buffer(64), c_uint32(64)
    assert len(wrapped) == CIPHER_HEAD + 16
    token.ok("ImportSessionKey", token.box("old"), codes.SM4_CBC, wrapped, len(wrapped), byref(handle))
    token.ok("DecryptInit", handle, CipherParameters.of(bytes(16), padding=codes.PKCS5))
    sealed = gm.sm4.cbc_encrypt(b"0123456789abcdef", bytes(16), b"an old letter")
    token.ok("Decrypt", handle, sealed, len(sealed), room, byref(size))
    assert room.raw[: size.value] == b"an old letter"
    token.ok("CloseHandle", handle)


def test_a_certificate_of_another_key_is_refused(token: SkfToken) -> None:
    token.generate("k1")
    foreign = sample_certificate(gm.sm2.generate_keypair().public)
    assert token.code("ImportCertificate", token.box("k1"), 1, foreign, len(foreign)) == "SAR_INDATAERR"


# PINs


def test_wrong_pins_lock_and_tell_what_is_left(serial: str) -> None:
    token = SkfToken.make(serial, tries=3)
    found = [token.verify(WRONG_PIN) for _ in range(3)] + [token.verify(USER_PIN)]
    assert found == [
        ("SAR_PIN_INCORRECT", 2), ("SAR_PIN_INCORRECT", 1), ("SAR_PIN_LOCKED", 0), ("SAR_PIN_LOCKED", 0),
    ]  # fmt: skip


def test_what_cannot_be_a_pin_is_not_counted(token: SkfToken) -> None:
    assert [token.verify(pin)[0] for pin in ("short", "x" * 17, "with space")] == [
        "SAR_PIN_LEN_RANGE", "SAR_PIN_LEN_RANGE", "SAR_PIN_INVALID",
    ]  # fmt: skip
    assert token.pin_info()[1] == 6


@pytest.mark.parametrize("simple", ["12345678", "87654321", "11111111", "abababab", USER_PIN])
def test_a_simple_new_pin_is_refused(token: SkfToken, simple: str) -> None:
    assert token.change_pin(USER_PIN, simple) == "SAR_PIN_INVALID"


def test_the_first_pin_is_told_apart_until_it_is_changed(token: SkfToken) -> None:
    assert token.pin_info()[2]
    assert token.change_pin(USER_PIN, NEW_PIN) == "SAR_OK"
    assert not token.pin_info()[2]


def test_changing_the_pin_ends_log_ins_of_other_processes(token: SkfToken) -> None:
    """Somebody who still sits before another window must show the new PIN."""
    token.generate("k1")
    token.ok("CreateFile", token.app, b"whole", 512, codes.ANYONE, codes.ANYONE)
    with child("churn", token.serial) as other:
        assert other.stdout is not None
        other.stdout.readline()
        _until(lambda: not token.pin_info()[2])
    denied = token.code("ECCSignData", token.box("k1"), bytes(32), 32, byref(SignatureBlob()))
    assert denied == "SAR_USER_NOT_LOGGED_IN"


def test_administrator_unblocks(serial: str) -> None:
    token = SkfToken.make(serial, tries=1)
    token.log_in()
    point = token.generate("k1")
    assert token.verify(WRONG_PIN) == ("SAR_PIN_LOCKED", 0)
    left = c_uint32()
    token.ok("UnblockPIN", token.app, ADMIN_PIN.encode(), NEW_PIN.encode(), byref(left))
    token.log_in(NEW_PIN)
    assert token.signs("k1", point)


# Remote unblocking


def test_a_locked_token_is_unblocked_from_afar_and_keeps_its_keys(serial: str) -> None:
    token = SkfToken.make(serial, tries=1)
    token.log_in()
    point = token.generate("k1")
    assert token.verify(WRONG_PIN)[0] == "SAR_PIN_LOCKED"
    response = make_response(ADMIN_PIN, token.request(), NEW_PIN, serial=serial)
    assert token.answer(response[:30] + "\n " + response[30:]) == ("SAR_OK", 1)
    assert token.pin_info() == (1, 1, True)
    token.log_in(NEW_PIN)
    assert token.signs("k1", point)
    assert token.answer(response)[0] == "SAR_INDATAERR", "good once"


def test_a_response_to_an_earlier_request_is_refused_and_costs_nothing(token: SkfToken) -> None:
    old = make_response(ADMIN_PIN, token.request(), NEW_PIN, serial=token.serial)
    token.request()
    assert token.answer(old) == ("SAR_INDATAERR", 6)


def test_a_wrong_response_costs_an_administrator_try_and_its_request(token: SkfToken) -> None:
    request = token.request()
    wrong = make_response(WRONG_PIN, request, NEW_PIN, serial=token.serial)
    right = make_response(ADMIN_PIN, request, NEW_PIN, serial=token.serial)
    assert token.answer(wrong) == ("SAR_PIN_INCORRECT", 5)
    assert token.answer(right) == ("SAR_INDATAERR", 5)
    assert token.verify(USER_PIN)[0] == "SAR_OK"


def test_the_platform_answers_for_the_device_of_the_request_only(token: SkfToken) -> None:
    with pytest.raises(ChallengeMismatch):
        make_response(ADMIN_PIN, token.request(), NEW_PIN, serial="ANOTHER")


# Devices


def test_a_device_from_another_machine_does_not_open(token: SkfToken) -> None:
    secret = place().with_name("tokens.secret")
    kept = secret.read_bytes()
    token.ok("DisConnectDev", token.dev)
    try:
        secret.write_bytes(bytes(32))
        # A copy, so that nothing that this process has open stands in for it.
        shutil.copytree(place() / token.serial, place() / f"{token.serial}X")
        assert library().call("ConnectDev", f"{token.serial}X".encode(), byref(c_void_p())) == Sar.READFILEERR
    finally:
        secret.write_bytes(kept)


def test_a_changed_bit_is_noticed(token: SkfToken) -> None:
    state = place() / token.serial / "device.state"
    content = bytearray(state.read_bytes())
    for at in range(0, len(content), 97):
        content[at] ^= 1
        state.with_suffix(".other").write_bytes(content)
        os.replace(state.with_suffix(".other"), state)
        content[at] ^= 1
        assert library().call("ConnectDev", token.serial.encode(), byref(c_void_p())) != Sar.OK, at


def test_plugging_and_unplugging_is_told(token: SkfToken) -> None:
    events: list[tuple[str, int]] = []

    def wait() -> None:
        room, size, event = create_string_buffer(64), c_uint32(64), c_uint32()
        while library().call("WaitForDevEvent", room, byref(size), byref(event)) == Sar.OK:
            events.append((room.value.decode(), event.value))
            size.value = 64

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.3)
    here, elsewhere = place() / token.serial, place().parent / f"{token.serial}-out"
    events.clear()  # of devices that other tests made before anybody waited
    os.rename(here, elsewhere)
    _until(lambda: (token.serial, 2) in events)
    assert token.verify(USER_PIN)[0] == "SAR_DEVICE_REMOVED"
    os.rename(elsewhere, here)
    _until(lambda: (token.serial, 1) in events)
    assert token.verify(USER_PIN)[0] == "SAR_OK"
    library().call("CancelWaitForDevEvent")
    waiting.join(10)
    assert not waiting.is_alive()


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_device_is_destroyed_by_who_has_its_key(serial: str) -> None:
    token = SkfToken.make(serial)
    stranger = SkfToken.open(serial)
    assert token.lib.call("BYT_CreateDevice", serial.encode(), b"", bytes(16), 0) == Sar.OBJERR
    stranger.ok("BYT_DestroyDevice", stranger.dev)
    assert token.verify(USER_PIN)[0] == "SAR_DEVICE_REMOVED"
    assert not (place() / serial).exists()


def test_handles_do_not_outlive_what_they_stand_on(token: SkfToken) -> None:
    point = token.generate("k1")
    box = token.box("k1")
    token.ok("DeleteContainer", token.app, b"k1")
    assert token.code("ExportPublicKey", box, 1, None, byref(c_uint32())) == "SAR_INVALIDHANDLEERR"
    token.ok("DisConnectDev", token.dev)
    assert token.code("EnumContainer", token.app, None, byref(c_uint32())) == "SAR_INVALIDHANDLEERR"
    assert point


def test_handles_that_are_forgotten_do_not_fill_the_table(token: SkfToken) -> None:
    """Five thousand times connected, opened, never closed below: an agent runs for weeks."""
    for _ in range(5000):
        device, application = c_void_p(), c_void_p()
        assert token.lib.call("ConnectDev", token.serial.encode(), byref(device)) == Sar.OK
        assert token.lib.call("OpenApplication", device, b"banyan", byref(application)) == Sar.OK
        assert token.lib.call("DisConnectDev", device) == Sar.OK


def test_a_session_key_outlives_its_container_handle(token: SkfToken) -> None:
    _point, pair = token.write_pair("k1")
    handle, room, size = c_void_p(), create_string_buffer(CIPHER_HEAD + 16), c_uint32(64)
    mine = PublicKeyBlob.of(pair.public)
    token.ok("ECCExportSessionKey", token.box("k1"), codes.SM4_CBC, byref(mine), room, byref(handle))
    token.ok("CloseContainer", token.box("k1"))
    token.ok("EncryptInit", handle, CipherParameters.of(bytes(16), padding=codes.PKCS5))
    token.ok("Encrypt", handle, b"text", 4, room, byref(size))
    token.ok("CloseHandle", handle)


def test_disconnecting_lets_go_of_a_locked_device(token: SkfToken) -> None:
    token.ok("LockDev", token.dev, 1000)
    token.ok("DisConnectDev", token.dev)
    again = SkfToken.open(token.serial)
    again.ok("LockDev", again.dev, 0)
    again.ok("UnlockDev", again.dev)


def test_a_lost_machine_secret_is_not_replaced(tmp_path: Path) -> None:
    """It may come back from a backup; a new one would shut out what is made meanwhile."""
    root = str(tmp_path / "tokens")
    with child("make", "ONE", BANYAN_SKF_ROOT=root) as process:
        assert process.communicate()[0] == "SAR_OK\n"
    (tmp_path / "tokens.secret").rename(tmp_path / "backup")
    with child("make", "TWO", BANYAN_SKF_ROOT=root) as process:
        assert process.communicate()[0] == "SAR_NOTINITIALIZEERR\n"


def test_threads_share_a_device(token: SkfToken) -> None:
    point = token.write_pair("k1")[0]
    faults: list[str] = []

    def work(number: int) -> None:
        try:
            for turn in range(40):
                assert token.signs("k1", point)
                handle = c_void_p()
                token.ok("SetSymmKey", token.dev, bytes(16), codes.SM4_ECB, byref(handle))
                token.ok("CloseHandle", handle)
                if turn % 10 == 0:
                    token.ok("CreateContainer", token.app, f"t{number}-{turn}".encode(), byref(c_void_p()))
        except BaseException as error:
            faults.append(repr(error))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    assert len(token.names("EnumContainer")) == 17


def test_a_forked_child_has_no_log_in(token: SkfToken) -> None:
    token.generate("k1")
    reading, writing = os.pipe()
    child_id = os.fork()
    if child_id == 0:
        try:
            code = token.code("ECCSignData", token.box("k1"), bytes(32), 32, None)
            held = token.code("GetContainerType", token.box("k1"), byref(c_uint32()))
            other = SkfToken.open(token.serial)
            box = c_void_p()
            other.ok("OpenContainer", other.app, b"k1", byref(box))
            denied = other.code("CreateContainer", other.app, b"k2", byref(c_void_p()))
            os.write(writing, f"{code} {held} {denied}".encode())
        finally:
            os._exit(0)
    os.waitpid(child_id, 0)
    os.close(writing)
    told = os.read(reading, 1000).decode().split()
    os.close(reading)
    assert told == ["SAR_INVALIDPARAMERR", "SAR_INVALIDHANDLEERR", "SAR_USER_NOT_LOGGED_IN"]
    assert token.code("GetContainerType", token.box("k1"), byref(c_uint32())) == "SAR_OK"
