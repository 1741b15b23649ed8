"""The published examples come out as printed, on every engine (issue 2, gm; GB/T 32905, 32907, 32918.5; RFC 8998)."""

import json
from pathlib import Path
from typing import Any

import pytest

from banyan import gm
from banyan.gm import known_answers
from banyan.gm.engine import Engine

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "vectors/gm/vectors.json").read_text())
_hex = bytes.fromhex
SM4_IV = bytes(range(16))
TWO_BLOCKS = _hex("AAAAAAAABBBBBBBBCCCCCCCCDDDDDDDDEEEEEEEEFFFFFFFFAAAAAAAABBBBBBBB")
FOUR_BLOCKS = b"".join(bytes([byte]) * 8 for byte in _hex("AABBCCDDEEFFAABB"))


def test_sm3_gives_the_printed_digests(engine: Engine) -> None:
    for message, digest in VECTORS["sm3"]:
        assert engine.sm3_many([_hex(message)]) == [_hex(digest)]


def test_hmac_gives_the_printed_mac(engine: Engine) -> None:
    vector = VECTORS["hmac_sm3"]
    assert engine.hmac_sm3_many(_hex(vector["key"]), [_hex(vector["data"])] * 3) == [_hex(vector["mac"])] * 3


def test_pbkdf2_gives_the_known_key(engine_in_use: str) -> None:
    vector = VECTORS["pbkdf2_hmac_sm3"]
    key = gm.pbkdf2_hmac_sm3(_hex(vector["password"]), _hex(vector["salt"]), vector["iterations"], 32)
    assert key == _hex(vector["key"])


def test_sm2_digest_is_the_printed_one(engine: Engine) -> None:
    vector = VECTORS["sm2_sign"]
    item = (_hex(vector["public"]), _hex(vector["message"]))
    assert engine.digest_many([item], _hex(vector["id"])) == [_hex(vector["e"])]


def test_sm2_public_key_is_the_printed_one(engine: Engine) -> None:
    vector = VECTORS["sm2_sign"]
    assert engine.public_many([_hex(vector["private"])]) == [_hex(vector["public"])]


def test_sm2_signature_with_the_printed_scalar(engine: Engine) -> None:
    vector = VECTORS["sm2_sign"]
    item = (_hex(vector["private"]), _hex(vector["public"]), _hex(vector["message"]))
    if engine.name == "openssl":
        with pytest.raises(gm.EngineFailure):  # libcrypto takes no scalar, and must not pretend to
            engine.sign_many([item], _hex(vector["id"]), known_scalars=_hex(vector["scalar"]))
        return
    made = engine.sign_many([item], _hex(vector["id"]), known_scalars=_hex(vector["scalar"]))
    assert made == _hex(vector["r"] + vector["s"])


def test_sm2_verifies_the_printed_signature(engine_in_use: str) -> None:
    vector = VECTORS["sm2_sign"]
    der = gm.sm2.signature_to_der(_hex(vector["r"] + vector["s"]))
    gm.sm2.verify(_hex(vector["public"]), _hex(vector["message"]), der)


def test_sm2_decrypts_the_printed_ciphertext_raw_and_der(engine_in_use: str) -> None:
    vector = VECTORS["sm2_encrypt"]
    raw = _hex(vector["c1"] + vector["c3"] + vector["c2"])
    private = _hex(VECTORS["sm2_sign"]["private"])
    assert gm.sm2.decrypt(private, raw) == _hex(vector["plaintext"])
    assert gm.sm2.decrypt(private, gm.sm2.ciphertext_to_der(raw)) == _hex(vector["plaintext"])


def test_sm2_encryption_with_the_printed_scalar(engine: Engine) -> None:
    if engine.name == "openssl":
        pytest.skip("libcrypto takes no scalar")
    vector, keys = VECTORS["sm2_encrypt"], VECTORS["sm2_sign"]
    made = engine.encrypt_many([(_hex(keys["public"]), _hex(vector["plaintext"]))], known_scalars=_hex(keys["scalar"]))
    assert made == [_hex(vector["c1"] + vector["c3"] + vector["c2"])]


def test_sm4_block_once_and_a_million_times(engine: Engine) -> None:
    vector = VECTORS["sm4_ecb"]
    key, block = _hex(vector["key"]), _hex(vector["plaintext"])
    assert engine.sm4_ecb(key, block, encrypt=True) == _hex(vector["once"])
    # CBC over zeros from IV = block encrypts its own output again and again.
    chained = engine.sm4_cbc(key, block, bytes(16 * 1_000_000), encrypt=True)
    assert chained[-16:] == _hex(vector["million_times"])


def test_sm4_modes(engine: Engine) -> None:
    for key, expected in VECTORS["sm4_ecb_modes"]:
        assert engine.sm4_ecb_many([(_hex(key), TWO_BLOCKS)] * 2, encrypt=True) == [_hex(expected)] * 2
        assert engine.sm4_ecb(_hex(key), _hex(expected), encrypt=False) == TWO_BLOCKS
    for key, expected in VECTORS["sm4_cbc"]:
        assert engine.sm4_cbc(_hex(key), SM4_IV, TWO_BLOCKS, encrypt=True) == _hex(expected)
        assert engine.sm4_cbc(_hex(key), SM4_IV, _hex(expected), encrypt=False) == TWO_BLOCKS
    for key, expected in VECTORS["sm4_ctr"]:
        assert engine.sm4_ctr_many([(_hex(key), SM4_IV, FOUR_BLOCKS)]) == [_hex(expected)]


def test_sm4_gcm(engine_in_use: str) -> None:
    vector = {name: _hex(value) for name, value in VECTORS["sm4_gcm"].items()}
    sealed = gm.sm4.gcm_encrypt(vector["key"], vector["nonce"], vector["plaintext"], vector["aad"])
    assert sealed == vector["ciphertext"] + vector["tag"]
    assert gm.sm4.gcm_decrypt(vector["key"], vector["nonce"], sealed, vector["aad"]) == vector["plaintext"]


def test_the_shipped_known_answers_pass_on_every_way_of_computing(engine: Engine) -> None:
    assert known_answers.check_engine(engine) == list(known_answers.TESTS)
