"""SM4: every mode opens what it closed; changed texts, wrong keys and wrong lengths are refused."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banyan import gm
from banyan.gm import sm4

KEY, IV, NONCE = bytes(range(16)), bytes(range(16, 32)), bytes(12)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_cbc_there_and_back_with_padding(data: bytes) -> None:
    made = sm4.cbc_encrypt(KEY, IV, data)
    assert len(made) == len(data) // 16 * 16 + 16
    assert sm4.cbc_decrypt(KEY, IV, made) == data


@settings(deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=40))
def test_gcm_there_and_back(data: bytes, aad: bytes) -> None:
    sealed = sm4.gcm_encrypt(KEY, NONCE, data, aad)
    assert len(sealed) == len(data) + 16
    assert sm4.gcm_decrypt(KEY, NONCE, sealed, aad) == data


def test_gcm_refuses_any_change() -> None:
    sealed = sm4.gcm_encrypt(KEY, NONCE, b"protected", b"row 7")
    flipped = [sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :] for at in range(len(sealed))]
    attempts = [(KEY, NONCE, changed, b"row 7") for changed in flipped]
    attempts += [
        (KEY, NONCE, sealed, b"row 8"),
        (KEY, NONCE, sealed, b""),
        (KEY[:-1] + b"!", NONCE, sealed, b"row 7"),
        (KEY, NONCE[:-1] + b"!", sealed, b"row 7"),
        (KEY, NONCE, sealed[:-1], b"row 7"),
        (KEY, NONCE, sealed[1:], b"row 7"),
        (KEY, NONCE, b"", b"row 7"),
    ]
    for attempt in attempts:
        with pytest.raises(gm.TagInvalid):
            sm4.gcm_decrypt(*attempt)


def test_cbc_refuses_bad_padding(engine_in_use: str) -> None:
    for last in (b"\x00", b"\x11", b"\x02"):
        padded = b"p" * 15 + last
        made = gm.sm4.ecb_encrypt(KEY, bytes(a ^ b for a, b in zip(padded, IV, strict=True)))
        with pytest.raises(gm.PaddingInvalid):
            sm4.cbc_decrypt(KEY, IV, made)
    with pytest.raises(gm.PaddingInvalid):
        sm4.cbc_decrypt(KEY, IV, b"")


def test_ctr_is_its_own_reverse_and_ecb_opens(engine_in_use: str) -> None:
    items = [(os.urandom(16), os.urandom(16), os.urandom(i * 37)) for i in range(30)]
    made = sm4.ctr_many(items)
    assert sm4.ctr_many([(key, counter, text) for (key, counter, _), text in zip(items, made, strict=True)]) == [
        text for _, _, text in items
    ]
    assert sm4.ctr(*items[5]) == made[5]
    blocks = [(os.urandom(16), os.urandom(16 * i)) for i in range(20)]
    wrapped = sm4.ecb_encrypt_many(blocks)
    assert wrapped == [sm4.ecb_encrypt(key, text) for key, text in blocks]
    assert sm4.ecb_decrypt_many([(key, text) for (key, _), text in zip(blocks, wrapped, strict=True)]) == [
        text for _, text in blocks
    ]
    assert sm4.ecb_decrypt(blocks[3][0], wrapped[3]) == blocks[3][1]


def test_wrong_lengths_are_named(engine_in_use: str) -> None:
    for call in (
        lambda: sm4.ecb_encrypt(b"short", bytes(16)),
        lambda: sm4.ecb_encrypt(KEY, bytes(15)),
        lambda: sm4.ecb_decrypt(KEY, bytes(17)),
        lambda: sm4.ecb_encrypt_many([(KEY, bytes(16)), (KEY, bytes(15))]),
        lambda: sm4.cbc_encrypt(KEY, b"iv", b""),
        lambda: sm4.cbc_decrypt(KEY, IV, bytes(15)),
        lambda: sm4.ctr(KEY, b"counter", b""),
        lambda: sm4.ctr(KEY + b"!", IV, b""),
        lambda: sm4.gcm_encrypt(KEY, b"nonce", b""),
        lambda: sm4.gcm_encrypt(KEY * 2, NONCE, b""),
    ):
        with pytest.raises(gm.LengthInvalid):
            call()
