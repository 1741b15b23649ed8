"""SM2 as its users see it: what is signed verifies, what is changed does not, what is malformed is said so."""

import pytest

from banyan import gm
from banyan.gm import sm2


@pytest.fixture(scope="module")
def pair() -> sm2.KeyPair:
    return sm2.generate_keypair()


@pytest.fixture(scope="module")
def other() -> sm2.KeyPair:
    return sm2.generate_keypair()


def test_a_changed_message_key_identity_or_signature_is_refused(
    engine_in_use: str, pair: sm2.KeyPair, other: sm2.KeyPair
) -> None:
    signature = sm2.sign(pair.private, pair.public, b"contract", signer_id=b"alice")
    sm2.verify(pair.public, b"contract", signature, signer_id=b"alice")
    flipped = bytearray(signature)
    flipped[10] ^= 1
    for public, message, made, signer_id in [
        (pair.public, b"contract!", signature, b"alice"),
        (other.public, b"contract", signature, b"alice"),
        (pair.public, b"contract", signature, b"bob"),
        (pair.public, b"contract", signature, sm2.DEFAULT_ID),
        (pair.public, b"contract", bytes(flipped), b"alice"),
    ]:
        with pytest.raises(gm.SignatureInvalid):
            sm2.verify(public, message, made, signer_id=signer_id)


def test_verify_many_answers_no_to_anything_malformed(engine_in_use: str, pair: sm2.KeyPair) -> None:
    good = sm2.sign(pair.private, pair.public, b"m")
    items = [
        (pair.public, b"m", good),
        (b"", b"m", good),
        (pair.public[:64], b"m", good),
        (bytes(65), b"m", good),
        (pair.public, b"m", b""),
        (pair.public, b"m", good + b"\0"),
        (pair.public, b"m", good[:-1]),
        (pair.public, b"m", b"\x30\x80" + good[2:] + b"\0\0"),
        (pair.public, b"m", b"\x30\x06\x02\x01\x00\x02\x01\x00"),
    ]
    assert sm2.verify_many(items) == [True] + [False] * 8


def test_an_empty_batch_is_an_empty_answer(engine_in_use: str) -> None:
    assert sm2.sign_many([]) == []
    assert sm2.verify_many([]) == []
    assert sm2.generate_keypairs(0) == []
    assert sm2.encrypt_many([]) == []
    assert sm2.sign_digest_many([]) == []
    assert sm2.public_keys([]) == []


def test_the_digest_of_a_message_is_what_gets_signed(engine_in_use: str, pair: sm2.KeyPair) -> None:
    e = sm2.digest(pair.public, b"m", b"id")
    (raw,) = sm2.sign_digest_many([(pair.private, pair.public, e)])
    sm2.verify(pair.public, b"m", sm2.signature_to_der(raw), signer_id=b"id")


def test_no_two_signatures_share_a_scalar(engine_in_use: str, pair: sm2.KeyPair) -> None:
    made = sm2.sign_many([(pair.private, pair.public, b"same")] * 100)
    assert len({sm2.signature_from_der(signature)[:32] for signature in made}) == 100


def test_long_identities(engine_in_use: str, pair: sm2.KeyPair) -> None:
    longest = b"i" * 8191
    signature = sm2.sign(pair.private, pair.public, b"m", signer_id=longest)
    sm2.verify(pair.public, b"m", signature, signer_id=longest)
    with pytest.raises(gm.LengthInvalid):
        sm2.sign(pair.private, pair.public, b"m", signer_id=b"i" * 8192)


def test_a_changed_ciphertext_is_refused_wherever_it_is_changed(engine_in_use: str, pair: sm2.KeyPair) -> None:
    made = sm2.encrypt(pair.public, b"sixteen byte key")
    for at in (0, 1, 40, 64, 65, 96, 97, len(made) - 1):
        changed = bytearray(made)
        changed[at] ^= 1
        with pytest.raises(gm.GmError):
            sm2.decrypt(pair.private, bytes(changed))
    for short in (b"", made[:97], made[:50]):
        with pytest.raises(gm.CiphertextInvalid):
            sm2.decrypt(pair.private, short)


def test_a_ciphertext_opens_for_its_key_only(engine_in_use: str, pair: sm2.KeyPair, other: sm2.KeyPair) -> None:
    made = sm2.encrypt(pair.public, b"text")
    assert sm2.decrypt(pair.private, made) == b"text"
    with pytest.raises(gm.CiphertextInvalid):
        sm2.decrypt(other.private, made)


def test_an_empty_plaintext_is_refused(engine_in_use: str, pair: sm2.KeyPair) -> None:
    with pytest.raises(gm.LengthInvalid):
        sm2.encrypt(pair.public, b"")


def test_a_long_plaintext(engine_in_use: str, pair: sm2.KeyPair) -> None:
    text = bytes(range(256)) * 400
    made = sm2.encrypt(pair.public, text)
    assert len(made) == len(text) + sm2.CIPHERTEXT_OVERHEAD
    assert sm2.decrypt(pair.private, sm2.ciphertext_to_der(made)) == text


def test_wrong_lengths_are_named(engine_in_use: str, pair: sm2.KeyPair) -> None:
    for call in (
        lambda: sm2.sign(pair.private[:-1], pair.public, b"m"),
        lambda: sm2.sign_many([(pair.private[:31], pair.public, b""), (pair.private + b"0", pair.public, b"")]),
        lambda: sm2.sign(pair.private, pair.public[1:], b"m"),
        lambda: sm2.sign_digest_many([(pair.private, pair.public, b"short")]),
        lambda: sm2.public_key(b"1"),
        lambda: sm2.decrypt(b"1", bytes(200)),
    ):
        with pytest.raises(gm.LengthInvalid):
            call()


def test_check_public_key(engine_in_use: str, pair: sm2.KeyPair) -> None:
    sm2.check_public_key(pair.public)
    with pytest.raises(gm.PointError):
        sm2.check_public_key(pair.public[:-1] + bytes([pair.public[-1] ^ 1]))


def test_a_key_pair_never_shows_its_private_half(pair: sm2.KeyPair) -> None:
    assert pair.private.hex() not in repr(pair)
    assert str(pair.private) not in f"{pair}"
