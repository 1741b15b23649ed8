"""Private-key files: opened by their password only, anything else refused with a reason (RFC 5958, RFC 8018)."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banyan import gm
from banyan.gm import pkcs8

PRIVATE = bytes.fromhex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8")
CLOSED = pkcs8.encrypt_private_key(PRIVATE, b"correct horse", iterations=10)


@pytest.mark.parametrize("prf", [pkcs8.HMAC_SM3, pkcs8.HMAC_SHA256, "1.2.156.10197.1.401.2"])
def test_there_and_back_with_each_prf(prf: str) -> None:
    closed = pkcs8.encrypt_private_key(PRIVATE, "口令".encode(), iterations=10, prf=prf)
    assert pkcs8.decrypt_private_key(closed, "口令".encode()) == PRIVATE
    assert PRIVATE not in closed


def test_each_file_has_its_own_salt_and_iv() -> None:
    files = {pkcs8.encrypt_private_key(PRIVATE, b"p", iterations=1) for _ in range(3)}
    assert len(files) == 3


def test_the_default_is_slow_enough() -> None:
    """Guessing a password costs 100,000 HMACs each."""
    assert pkcs8.DEFAULT_ITERATIONS >= 100_000


def test_a_wrong_password_is_said_so() -> None:
    for password in (b"", b"Correct horse", b"correct horse ", b"\0"):
        with pytest.raises(gm.PasswordWrong):
            pkcs8.decrypt_private_key(CLOSED, password)


def test_what_is_not_such_a_file_is_said_so() -> None:
    plain = pkcs8.unsafe_private_key_info(PRIVATE)
    for der in (b"", b"0", CLOSED[:-1], CLOSED + b"\0", plain, b"-----BEGIN ENCRYPTED PRIVATE KEY-----"):
        with pytest.raises(gm.PrivateKeyFileInvalid):
            pkcs8.decrypt_private_key(der, b"correct horse")
    for der in (b"", CLOSED, plain[:-1], plain + b"\0"):
        with pytest.raises(gm.PrivateKeyFileInvalid):
            pkcs8.unsafe_private_key(der)


def test_an_unreasonable_iteration_count_is_refused_at_once() -> None:
    made = pkcs8.encrypt_private_key(PRIVATE, b"p", iterations=0x7FFF)
    huge = made.replace(b"\x02\x02\x7f\xff", b"\x02\x04\x7f\xff\xff\xff")
    # The lengths around it no longer fit, so build the outer lengths anew.
    fixed = _with_lengths_grown(huge, 2)
    with pytest.raises(gm.PrivateKeyFileInvalid, match="迭代"):
        pkcs8.decrypt_private_key(fixed, b"p")


def _with_lengths_grown(der: bytes, by: int) -> bytes:
    """Grow the lengths of the elements that enclose PBKDF2's parameters; all but the outermost are short forms."""
    body = bytearray(der)
    body[1:3] = bytes([0x81, body[2] + by]) if body[1] == 0x81 else body[1:3]
    at = 3
    for _ in range(2):  # AlgorithmIdentifier, PBES2 parameters (after its OID)
        assert body[at] == 0x30
        body[at + 1] += by
        at += 2 if _ else 2 + 11
    assert body[at] == 0x30  # derivation
    body[at + 1] += by
    at += 2 + 11
    assert body[at] == 0x30  # PBKDF2 parameters
    body[at + 1] += by
    return bytes(body)


def test_a_private_key_out_of_range_is_not_written() -> None:
    with pytest.raises(gm.PrivateKeyInvalid):
        pkcs8.encrypt_private_key(bytes(32), b"p", iterations=1)


def test_plain_keys_are_shown_by_unsafe_names_only() -> None:
    assert pkcs8.unsafe_private_key(pkcs8.unsafe_private_key_info(PRIVATE)) == PRIVATE
    shown = {name for name in vars(pkcs8) if "private_key" in name and not name.startswith("_")}
    assert shown == {"encrypt_private_key", "decrypt_private_key", "unsafe_private_key", "unsafe_private_key_info"}


def test_a_plain_key_whose_public_half_differs_is_refused() -> None:
    plain = bytearray(pkcs8.unsafe_private_key_info(PRIVATE))
    plain[-1] ^= 1
    with pytest.raises(gm.PrivateKeyFileInvalid, match="公私钥"):
        pkcs8.unsafe_private_key(bytes(plain))


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, len(CLOSED) - 1), value=st.integers(0, 255))
def test_a_changed_octet_never_gives_another_key(at: int, value: int) -> None:
    """CBC lets a changed octet through: the public half inside must give the change away."""
    changed = bytearray(CLOSED)
    changed[at] = value
    with contextlib.suppress(gm.PasswordWrong, gm.PrivateKeyFileInvalid):
        assert pkcs8.decrypt_private_key(bytes(changed), b"correct horse") == PRIVATE


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=120))
def test_any_octets_are_refused_without_a_crash(octets: bytes) -> None:
    for candidate in (octets, b"\x30" + bytes([len(octets) & 0x7F]) + octets):
        with pytest.raises(gm.PrivateKeyFileInvalid):
            pkcs8.unsafe_private_key(candidate)
        with pytest.raises(gm.GmError):
            pkcs8.decrypt_private_key(candidate, b"p")
