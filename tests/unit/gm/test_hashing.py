"""SM3 and its relatives against Python's own hashlib and hmac, and as their users see them."""

import hashlib
import hmac

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banyan import gm

needs_hashlib = pytest.mark.skipif(
    "sm3" not in hashlib.algorithms_available, reason="this Python's OpenSSL has no SM3 in hashlib"
)


@needs_hashlib
@settings(deadline=None)
@given(st.binary(max_size=300))
def test_sm3_equals_hashlib(data: bytes) -> None:
    assert gm.sm3(data) == hashlib.new("sm3", data).digest()


@needs_hashlib
@settings(deadline=None)
@given(st.binary(max_size=100), st.binary(max_size=300))
def test_hmac_equals_pythons(key: bytes, data: bytes) -> None:
    assert gm.hmac_sm3(key, data) == hmac.new(key, data, lambda start=b"": hashlib.new("sm3", start)).digest()


@needs_hashlib
def test_pbkdf2_equals_hashlib() -> None:
    for password, salt, iterations, length in ((b"", b"", 1, 1), (b"p" * 100, b"s" * 90, 3, 100)):
        expected = hashlib.pbkdf2_hmac("sm3", password, salt, iterations, length)
        assert gm.pbkdf2_hmac_sm3(password, salt, iterations, length) == expected
        expected = hashlib.pbkdf2_hmac("sha256", password, salt, iterations, length)
        assert gm.pbkdf2_hmac_sha256(password, salt, iterations, length) == expected


def test_pbkdf2_refuses_nothing_to_do() -> None:
    for iterations, length in ((0, 16), (-1, 16), (1, 0)):
        with pytest.raises(gm.LengthInvalid):
            gm.pbkdf2_hmac_sm3(b"p", b"s", iterations, length)


def test_kdf_is_sm3_over_a_counter(engine_in_use: str) -> None:
    z = b"shared"
    first, second = gm.sm3(z + b"\0\0\0\1"), gm.sm3(z + b"\0\0\0\2")
    assert gm.kdf(z, 0) == b""
    assert gm.kdf(z, 19) == first[:19]
    assert gm.kdf(z, 40) == (first + second)[:40]


def test_batches_keep_their_order(engine_in_use: str) -> None:
    messages = [bytes([i]) * (i * 7 % 130) for i in range(100)]
    assert gm.sm3_many(messages) == [gm.sm3(message) for message in messages]
    assert gm.hmac_sm3_many(b"k", messages) == [gm.hmac_sm3(b"k", message) for message in messages]
    assert gm.sm3_many([]) == []
    assert gm.hmac_sm3_many(b"k", []) == []


def test_same_compares() -> None:
    assert gm.same(b"abc", b"abc")
    assert not gm.same(b"abc", b"abd")
