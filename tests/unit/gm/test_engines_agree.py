"""On random input every way of computing gives what libcrypto gives (design.md §3; issue 2, gm)."""

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from banyan import gm
from banyan.gm.engine import Engine

# Lengths around the block borders of SM3 (64, 55/56 with padding; 32 bytes of Z go before a signed message).
BORDERS = [0, 1, 22, 23, 24, 31, 32, 33, 54, 55, 56, 63, 64, 65, 118, 119, 120, 127, 128, 129, 4095, 4096, 4097]
lengths = st.one_of(st.sampled_from(BORDERS), st.integers(0, 700))
texts = st.lists(lengths.map(os.urandom), max_size=45)
quiet = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
few = settings(quiet, max_examples=6)


@pytest.fixture(scope="module")
def pairs(reference: Engine) -> list[tuple[bytes, bytes]]:
    return reference.keypairs(20)


@quiet
@given(messages=texts)
def test_sm3(engine: Engine, reference: Engine, messages: list[bytes]) -> None:
    assert engine.sm3_many(messages) == reference.sm3_many(messages)


@quiet
@given(messages=texts, key=st.sampled_from([0, 1, 16, 32, 63, 64, 65, 200]).map(os.urandom))
def test_hmac(engine: Engine, reference: Engine, messages: list[bytes], key: bytes) -> None:
    assert engine.hmac_sm3_many(key, messages) == reference.hmac_sm3_many(key, messages)


@quiet
@given(data=texts)
def test_sm4_ctr(engine: Engine, reference: Engine, data: list[bytes]) -> None:
    items = [(os.urandom(16), os.urandom(16), text) for text in data]
    assert engine.sm4_ctr_many(items) == reference.sm4_ctr_many(items)


@pytest.mark.parametrize("bits", [8, 32, 64, 96, 128])
@pytest.mark.parametrize("back", [1, 3, 15, 16, 17, 64, 128, 255, 256])
def test_sm4_counter_carries_everywhere(engine: Engine, reference: Engine, bits: int, back: int) -> None:
    counter = ((1 << bits) - back) % (1 << 128)
    items = [(bytes(range(16)), counter.to_bytes(16, "big"), os.urandom(9001))]
    assert engine.sm4_ctr_many(items) == reference.sm4_ctr_many(items)


@quiet
@given(blocks=st.lists(st.integers(0, 300), max_size=40))
def test_sm4_ecb(engine: Engine, reference: Engine, blocks: list[int]) -> None:
    items = [(os.urandom(16), os.urandom(16 * count)) for count in blocks]
    made = engine.sm4_ecb_many(items, encrypt=True)
    assert made == reference.sm4_ecb_many(items, encrypt=True)
    back = [(key, text) for (key, _), text in zip(items, made, strict=True)]
    assert engine.sm4_ecb_many(back, encrypt=False) == [text for _, text in items]


@quiet
@given(blocks=st.integers(0, 300))
def test_sm4_cbc(engine: Engine, reference: Engine, blocks: int) -> None:
    key, iv, data = os.urandom(16), os.urandom(16), os.urandom(16 * blocks)
    made = engine.sm4_cbc(key, iv, data, encrypt=True)
    assert made == reference.sm4_cbc(key, iv, data, encrypt=True)
    assert engine.sm4_cbc(key, iv, made, encrypt=False) == data


def test_public_keys(engine: Engine, reference: Engine) -> None:
    made = engine.keypairs(20)
    assert reference.public_many([private for private, _ in made]) == [public for _, public in made]
    assert len({private for private, _ in made}) == 20


@few
@given(messages=st.lists(lengths.map(os.urandom), min_size=1, max_size=20), signer_id=st.binary(max_size=40))
def test_signatures(
    engine: Engine, reference: Engine, pairs: list[tuple[bytes, bytes]], messages: list[bytes], signer_id: bytes
) -> None:
    items = [(*pairs[i % len(pairs)], message) for i, message in enumerate(messages)]
    publics = [public for _, public, _ in items]
    made = engine.sign_many(items, signer_id)
    assert reference.verify_many(publics, messages, made, signer_id) == [True] * len(items)
    theirs = reference.sign_many(items, signer_id)
    assert engine.verify_many(publics, messages, theirs, signer_id) == [True] * len(items)
    # One bit changed in every second message (or an empty one grown): exactly those are refused.
    changed = [m if i % 2 else (bytes([m[0] ^ 1]) + m[1:] if m else b"!") for i, m in enumerate(messages)]
    assert engine.verify_many(publics, changed, theirs, signer_id) == [bool(i % 2) for i in range(len(items))]


@few
@given(digests=st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=10))
def test_signatures_of_digests(engine: Engine, pairs: list[tuple[bytes, bytes]], digests: list[bytes]) -> None:
    """A digest above n (all ones here) is reduced, not refused."""
    items = [(*pairs[i], digest) for i, digest in enumerate([*digests, b"\xff" * 32, bytes(32)])]
    made = engine.sign_digest_many(items)
    assert len(made) == 64 * len(items)
    assert _digests_verify(items, made)


def _digests_verify(items: list[tuple[bytes, bytes, bytes]], signatures: bytes) -> bool:
    """Outside judge for signatures of bare digests: GB/T 32918.2 §7 with Python's own numbers (public values only)."""
    n = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
    for i, (private, _public, digest) in enumerate(items):
        r = int.from_bytes(signatures[64 * i : 64 * i + 32], "big")
        s = int.from_bytes(signatures[64 * i + 32 : 64 * i + 64], "big")
        d, e = int.from_bytes(private, "big"), int.from_bytes(digest, "big")
        # s(1+d) = k - rd, so k = s + (r+s)d and r = e + x(kG).
        k = (s + (r + s) * d) % n
        point = gm.sm2.public_key(k.to_bytes(32, "big"))
        if (e + int.from_bytes(point[1:33], "big")) % n != r:
            return False
    return True


@few
@given(data=st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=12))
def test_encryption(engine: Engine, reference: Engine, pairs: list[tuple[bytes, bytes]], data: list[bytes]) -> None:
    items = [(pairs[i][1], text) for i, text in enumerate(data)]
    made = engine.encrypt_many(items)
    assert [reference.decrypt(pairs[i][0], text) for i, text in enumerate(made)] == data
    theirs = reference.encrypt_many(items)
    assert [engine.decrypt(pairs[i][0], text) for i, text in enumerate(theirs)] == data


def test_a_key_stream_of_zeros_is_never_used(engine: Engine, pairs: list[tuple[bytes, bytes]]) -> None:
    """GB/T 32918.4 §6.1 A5: one byte in 256 would leave the text in clear; another scalar is taken then."""
    public = pairs[0][1]
    made = engine.encrypt_many([(public, b"\x5a")] * 600)
    assert all(text[97:] != b"\x5a" for text in made)
    assert {engine.decrypt(pairs[0][0], text) for text in made[:20]} == {b"\x5a"}


def test_points_are_checked_alike(engine: Engine, reference: Engine, pairs: list[tuple[bytes, bytes]]) -> None:
    good = pairs[0][1]
    p = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
    beyond = b"\x04" + p.to_bytes(32, "big") + good[33:]
    candidates = [
        good, good[:-1] + bytes([good[-1] ^ 1]), b"\x06" + good[1:], bytes(65), b"\x04" + bytes(64), beyond,
        good[:64], b"\x04" + b"\xff" * 64, b"",
    ]  # fmt: skip
    expected = [True] + [False] * (len(candidates) - 1)
    assert engine.check_points(candidates) == expected
    assert reference.check_points(candidates) == expected


def test_bad_keys_are_refused_alike(engine: Engine, pairs: list[tuple[bytes, bytes]]) -> None:
    """A private key is in [1, n-2] (GB/T 32918.1 §6.1); no other signs, and no point off the curve is signed for."""
    n = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
    private, public = pairs[0]
    for bad in (0, n - 1, n, (1 << 256) - 1):
        octets = bad.to_bytes(32, "big")
        with pytest.raises(gm.PrivateKeyInvalid):
            engine.public_many([private, octets])
        with pytest.raises(gm.PrivateKeyInvalid):
            engine.sign_many([(private, public, b"m"), (octets, public, b"m")], b"id")
        with pytest.raises(gm.PrivateKeyInvalid):
            engine.sign_digest_many([(octets, public, bytes(32))])
    off_curve = public[:-1] + bytes([public[-1] ^ 1])
    with pytest.raises(gm.PointError):
        engine.sign_many([(private, off_curve, b"m")], b"id")
    with pytest.raises(gm.PointError):
        engine.encrypt_many([(off_curve, b"m")])
    assert engine.public_many([(n - 2).to_bytes(32, "big")])[0][0] == 4


def test_signatures_out_of_range_are_refused(engine: Engine, pairs: list[tuple[bytes, bytes]]) -> None:
    n = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
    private, public = pairs[0]
    made = engine.sign_many([(private, public, b"m")], b"id")
    r, s = int.from_bytes(made[:32], "big"), int.from_bytes(made[32:], "big")
    wrong = [(0, s), (r, 0), (n, s), (r, n), (n - s, s), (0, 0), ((1 << 256) - 1, s)]
    joined = b"".join(a.to_bytes(32, "big") + b.to_bytes(32, "big") for a, b in wrong)
    assert engine.verify_many([public] * 7, [b"m"] * 7, joined, b"id") == [False] * 7
