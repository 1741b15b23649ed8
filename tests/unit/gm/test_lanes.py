"""The multi-buffer tier: messages of unequal length never meet in one call, and nothing beyond a message is read.

Intel's library reads past shorter messages or crashes when the lanes of a call need different numbers of SM3 blocks.
Where the processor lacks it, a stand-in that refuses such calls takes its place.
"""

import ctypes
import mmap
import os
import random
from collections.abc import Iterator
from typing import Any

import pytest

from banyan import gm
from banyan.gm.engine import Engine
from banyan.gm.errors import EngineFailure

PAGE = mmap.PAGESIZE
_NO_ACCESS, _READ_WRITE = 0, 3
_PRIVATE_ANONYMOUS = 0x22


@pytest.fixture(scope="module")
def libc() -> ctypes.CDLL:
    library = ctypes.CDLL(None, use_errno=True)
    library.mmap.restype = ctypes.c_void_p
    library.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
    library.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    library.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    return library


class Guarded:
    """Memory between two pages that may not be touched; what is put there ends (or begins) at the border."""

    def __init__(self, libc: ctypes.CDLL, size: int) -> None:
        self._libc = libc
        self._room = -(-max(size, 1) // PAGE) * PAGE
        self._base = libc.mmap(None, self._room + 2 * PAGE, _READ_WRITE, _PRIVATE_ANONYMOUS, -1, 0)
        assert self._base not in (None, ctypes.c_void_p(-1).value)
        libc.mprotect(self._base, PAGE, _NO_ACCESS)
        libc.mprotect(self._base + PAGE + self._room, PAGE, _NO_ACCESS)

    def put(self, data: bytes, *, at_end: bool) -> int:
        address = int(self._base + PAGE + (self._room - len(data) if at_end else 0))
        ctypes.memmove(address, data, len(data))
        return address

    def close(self) -> None:
        self._libc.munmap(self._base, self._room + 2 * PAGE)


def _mixed_batches() -> Iterator[list[bytes]]:
    """Batches whose last message, next to the guard page, is the longest, the shortest or anything."""
    chance = random.Random(2)  # noqa: S311  (the shape of a test, not a secret)
    for turn in range(30):
        sizes = [chance.randrange(0, 300) for _ in range(chance.randrange(1, 40))]
        if turn % 3 == 0:
            sizes = [*sizes, 1]
        if turn % 3 == 1:
            sizes = [*sizes, 4000]
        yield [os.urandom(size) for size in sizes]


@pytest.mark.parametrize("at_end", [True, False])
def test_hashes_and_ciphers_stay_inside_their_messages(
    engine: Engine, reference: Engine, libc: ctypes.CDLL, at_end: bool
) -> None:
    lib, ffi = engine._lib, engine._ffi
    for messages in _mixed_batches():
        data = b"".join(messages)
        source, target = Guarded(libc, len(data)), Guarded(libc, len(data))
        pointer = ffi.cast("uint8_t *", source.put(data, at_end=at_end))
        lengths = ffi.new("uint64_t[]", [len(message) for message in messages])
        out = ffi.new("uint8_t[]", 32 * len(messages))
        assert lib.bgm_sm3_many(pointer, lengths, len(messages), out) == 0
        assert bytes(ffi.buffer(out)) == b"".join(reference.sm3_many(messages))
        assert lib.bgm_hmac_sm3_many(b"key", 3, pointer, lengths, len(messages), out) == 0
        assert bytes(ffi.buffer(out)) == b"".join(reference.hmac_sm3_many(b"key", messages))
        keys = os.urandom(16 * len(messages))
        address = target.put(data, at_end=at_end)
        result = ffi.cast("uint8_t *", address)
        assert lib.bgm_sm4_ctr_many(keys, keys, pointer, lengths, len(messages), result) == 0
        blocks = [keys[16 * i : 16 * i + 16] for i in range(len(messages))]
        expected = reference.sm4_ctr_many([(key, key, text) for key, text in zip(blocks, messages, strict=True)])
        assert ctypes.string_at(address, len(data)) == b"".join(expected)
        source.close()
        target.close()


def test_signing_and_verifying_stay_inside_their_messages(lanes: Engine, reference: Engine, libc: ctypes.CDLL) -> None:
    lib, ffi = lanes._lib, lanes._ffi
    private, public = lanes.keypairs(1)[0]
    for messages in list(_mixed_batches())[:8]:
        count, data = len(messages), b"".join(messages)
        memory = Guarded(libc, len(data))
        pointer = ffi.cast("uint8_t *", memory.put(data, at_end=True))
        lengths = ffi.new("uint64_t[]", [len(message) for message in messages])
        signatures, valid = ffi.new("uint8_t[]", 64 * count), ffi.new("uint8_t[]", count)
        privates, publics, failed = private * count, public * count, ffi.new("size_t *")
        signed = [pointer, lengths, count, ffi.NULL, signatures, failed]
        assert lib.bgm_sm2_sign_many(privates, publics, b"id", 2, *signed) == 0
        made = bytes(ffi.buffer(signatures))
        assert lib.bgm_sm2_verify_many(publics, b"id", 2, pointer, lengths, made, count, valid) == 0
        assert bytes(ffi.buffer(valid)) == b"\x01" * count
        assert reference.verify_many([public] * count, messages, made, b"id") == [True] * count
        memory.close()


def test_every_length_keeps_its_place(lanes: Engine, reference: Engine) -> None:
    """All lengths of four blocks, shuffled: the gathering must put each digest back where its message was."""
    messages = [os.urandom(size) for size in range(260)]
    random.Random(1).shuffle(messages)  # noqa: S311
    assert lanes.tier == 2
    assert lanes.sm3_many(messages) == reference.sm3_many(messages)
    assert lanes.hmac_sm3_many(b"k", messages) == reference.hmac_sm3_many(b"k", messages)


def test_batches_of_every_size(lanes: Engine, reference: Engine) -> None:
    for count in [*range(1, 20), 31, 32, 33, 48]:
        messages = [bytes([count]) * 70] * count
        assert lanes.sm3_many(messages) == reference.sm3_many(messages)
        made = lanes.keypairs(count)
        assert reference.public_many([private for private, _ in made]) == [public for _, public in made]


def test_bad_lanes_do_not_spoil_their_neighbours(lanes: Engine) -> None:
    """One off-curve key, one zero r and one foreign signature among good ones: exactly those are refused."""
    made = lanes.keypairs(12)
    items = [(private, public, b"message %d" % i) for i, (private, public) in enumerate(made)]
    signatures = bytearray(lanes.sign_many(items, b"id"))
    publics: list[Any] = [public for _, public in made]
    publics[3] = publics[3][:-1] + bytes([publics[3][-1] ^ 1])
    signatures[64 * 5 : 64 * 5 + 32] = bytes(32)
    signatures[64 * 7 : 64 * 8] = signatures[64 * 8 : 64 * 9]
    verdicts = lanes.verify_many(publics, [text for _, _, text in items], bytes(signatures), b"id")
    assert verdicts == [i not in (3, 5, 7) for i in range(12)]


def test_one_long_text_fills_the_lanes(lanes: Engine, reference: Engine) -> None:
    for size in (1, 255, 256, 257, 4095, 4096, 4097, 70_000, 300_001):
        item = (os.urandom(16), os.urandom(8) + b"\xff" * 7 + b"\xf0", os.urandom(size))
        assert lanes.sm4_ctr_many([item]) == reference.sm4_ctr_many([item])


def test_intels_own_library_is_what_runs_here() -> None:
    """Says plainly when this machine could not try the library itself."""
    if "ipp" not in gm.engines():
        pytest.skip("the ipp engine is not built here")
    if gm.engine_tier("ipp") != "multi-buffer":
        pytest.skip("this processor lacks AVX-512 IFMA: the lanes were tried with the stand-in only")
    assert gm.self_test("ipp")


# Scalars whose point libcrypto_mb 2026.2 gets wrong by the bit 2**116, in x and in y; found among nine million. And a
# signature made with the first one as its ephemeral scalar, which libcrypto verifies.
_WRONG_POINTS = (
    "a654cdf94f8fd7cb93f815fd188a6c611eaca54941659818e0000868e7af59bc",
    "88f7b2abab6fdfd7409b019be084fb1a035766f4576a54898c277fc0eac52548",
)
_PRIVATE = bytes.fromhex("3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8")
_SIGNATURE = bytes.fromhex(
    "61a4e9fdb7db4e7cc830d11b91730ed2b557f9eeee215fa584c02002dcff316c"
    "3a20f3ec2278fed8f5bb71fe469fb2c6fce896bec2622a63fb994bb37912924d"
)
_ID = b"1234567812345678"


def test_points_that_the_library_gets_wrong_come_out_right(lanes: Engine, reference: Engine) -> None:
    scalars = [bytes.fromhex(one) for one in _WRONG_POINTS]
    many = [*scalars, *(private for private, _ in reference.keypairs(20)), *scalars]
    assert lanes.public_many(many) == reference.public_many(many)


def test_a_ciphertext_with_such_an_ephemeral_point_opens(lanes: Engine, reference: Engine) -> None:
    private, public = reference.keypairs(1)[0]
    for scalar in _WRONG_POINTS:
        (sealed,) = lanes.encrypt_many([(public, b"a key")], known_scalars=bytes.fromhex(scalar))
        assert reference.decrypt(private, sealed) == b"a key"


def test_a_right_signature_that_the_library_refuses_is_not_refused(lanes: Engine, reference: Engine) -> None:
    (public,) = reference.public_many([_PRIVATE])
    messages = [b"message digest", b"another", b"message digest"]
    for judge in (reference, lanes):
        assert judge.verify_many([public] * 3, messages, _SIGNATURE * 3, _ID) == [True, False, True]


def test_no_wrong_signature_leaves_the_lanes(lanes: Engine, reference: Engine) -> None:
    """A scalar that would make one is drawn again; a known one, which cannot be, is refused or served rightly."""
    (public,) = reference.public_many([_PRIVATE])
    for scalar in _WRONG_POINTS:
        try:
            made = lanes.sign_many([(_PRIVATE, public, b"m")], _ID, known_scalars=bytes.fromhex(scalar))
        except EngineFailure:
            continue
        assert reference.verify_many([public], [b"m"], made, _ID) == [True]
