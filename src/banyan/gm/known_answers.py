"""Known answers, checked before an engine's first use: GB/T 32905 (SM3), 32907 (SM4), 32918.5 (SM2), RFC 8998 (GCM).

Batches are wider than the lanes of any engine, so that a lane that swaps or drops its input is found too.
"""

from collections.abc import Callable
from typing import Final

from banyan.gm import errors
from banyan.gm.engine import Engine, pbkdf2

_hex = bytes.fromhex

PRIVATE: Final = _hex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8")
PUBLIC: Final = _hex(
    "0409F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020"
    "CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
)
SCALAR: Final = _hex("59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21")
SIGNER_ID: Final = b"1234567812345678"
MESSAGE: Final = b"message digest"
DIGEST: Final = _hex("F0B43E94BA45ACCAACE692ED534382EB17E6AB5A19CE7B31F4486FDFC0D28640")
SIGNATURE: Final = _hex(
    "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
    "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"
)
PLAINTEXT: Final = b"encryption standard"
CIPHERTEXT: Final = _hex(
    "0404EBFC718E8D1798620432268E77FEB6415E2EDE0E073C0F4F640ECD2E149A73"
    "E858F9D81E5430A57B36DAAB8F950A3C64E6EE6A63094D99283AFF767E124DF0"
    "59983C18F809E262923C53AEC295D30383B54E39D609D160AFCB1908D0BD8766"
    "21886CA989CA9C7D58087307CA93092D651EFA"
)
SM3: Final = (
    (b"", _hex("1AB21D8355CFA17F8E61194831E81A8F22BEC8C728FEFB747ED035EB5082AA2B")),
    (b"abc", _hex("66C7F0F462EEEDD9D1F2D46BDC10E4E24167C4875CF2F7A2297DA02B8F4BA8E0")),
    (b"abcd" * 16, _hex("DEBE9FF92275B8A138604889C18E5A4D6FDB70E5387E5765293DCBA39C0C5732")),
)
HMAC_KEY: Final = bytes(range(1, 33))
HMAC_DATA: Final = b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq" * 2
HMAC: Final = _hex("CA05E144ED05D1857840D1F318A4A8669E559FC8391F414485BFDF7BB408963A")
PBKDF2: Final = _hex("E8B635A41DFE5AAAB7CF828CFF6F3608E22CAC59BA16EDD70E000B293D00BC91")
SM4_KEY: Final = _hex("0123456789ABCDEFFEDCBA9876543210")
SM4_BLOCK: Final = _hex("681EDF34D206965E86B3E94F536E4246")
# draft-ribose-cfrg-sm4-10, appendix A.2.
SM4_IV: Final = bytes(range(16))
SM4_CBC_TEXT: Final = _hex("AAAAAAAABBBBBBBBCCCCCCCCDDDDDDDDEEEEEEEEFFFFFFFFAAAAAAAABBBBBBBB")
SM4_CBC: Final = _hex("78EBB11CC40B0A48312AAEB2040244CB4CB7016951909226979B0D15DC6A8F6D")
SM4_CTR_TEXT: Final = b"".join(bytes([byte]) * 8 for byte in _hex("AABBCCDDEEFFAABB"))
SM4_CTR: Final = _hex(
    "AC3236CB970CC20791364C395A1342D1A3CBC1878C6F30CD074CCE385CDD70C7"
    "F234BC0E24C11980FD1286310CE37B926E02FCD0FAA0BAF38B2933851D824514"
)
# RFC 8998, appendix A.1.
GCM_TEXT: Final = b"".join(bytes([byte]) * 8 for byte in _hex("AABBCCDDEEFFEEAA"))
GCM_NONCE: Final = _hex("00001234567800000000ABCD")
GCM_AAD: Final = _hex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2")
GCM: Final = _hex(
    "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735"
    "D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D"
    "83DE3541E4C2B58177E065A9BF7B62EC"
)

# One more than the widest engine's lanes (16), and one more than those of SM2 (8).
_HASH_LANES = 17
_SM2_LANES = 9


def _sm3(engine: Engine) -> bool:
    messages = [message for message, _digest in SM3] * _HASH_LANES
    return engine.sm3_many(messages) == [digest for _message, digest in SM3] * _HASH_LANES


def _hmac(engine: Engine) -> bool:
    return engine.hmac_sm3_many(HMAC_KEY, [HMAC_DATA] * _HASH_LANES) == [HMAC] * _HASH_LANES


def _keys(engine: Engine) -> bool:
    off_curve = PUBLIC[:-1] + bytes([PUBLIC[-1] ^ 1])
    return engine.public_many([PRIVATE] * _SM2_LANES) == [PUBLIC] * _SM2_LANES and engine.check_points(
        [PUBLIC, off_curve]
    ) == [True, False]


def _digest(engine: Engine) -> bool:
    return engine.digest_many([(PUBLIC, MESSAGE)], SIGNER_ID) == [DIGEST]


def _sign(engine: Engine) -> bool:
    items = [(PRIVATE, PUBLIC, MESSAGE)] * _SM2_LANES
    try:
        return engine.sign_many(items, SIGNER_ID, known_scalars=SCALAR * _SM2_LANES) == SIGNATURE * _SM2_LANES
    except errors.EngineFailure:
        # libcrypto draws its own scalar and takes none: its signatures are checked by verifying them.
        made = engine.sign_many(items[:1], SIGNER_ID)
        return engine.verify_many([PUBLIC], [MESSAGE], made, SIGNER_ID) == [True]


def _verify(engine: Engine) -> bool:
    changed = SIGNATURE[:-1] + bytes([SIGNATURE[-1] ^ 1])
    verdicts = engine.verify_many([PUBLIC] * 2, [MESSAGE] * 2, SIGNATURE + changed, SIGNER_ID)
    return verdicts == [True, False]


def _encrypt(engine: Engine) -> bool:
    try:
        return engine.encrypt_many([(PUBLIC, PLAINTEXT)], known_scalars=SCALAR) == [CIPHERTEXT]
    except errors.EngineFailure:
        return engine.decrypt(PRIVATE, engine.encrypt_many([(PUBLIC, PLAINTEXT)])[0]) == PLAINTEXT


def _decrypt(engine: Engine) -> bool:
    return engine.decrypt(PRIVATE, CIPHERTEXT) == PLAINTEXT


def _sm4(engine: Engine) -> bool:
    ctr = engine.sm4_ctr_many([(SM4_KEY, SM4_IV, SM4_CTR_TEXT)] * _HASH_LANES)
    return (
        engine.sm4_ecb(SM4_KEY, SM4_KEY, encrypt=True) == SM4_BLOCK
        and engine.sm4_ecb(SM4_KEY, SM4_BLOCK, encrypt=False) == SM4_KEY
        and engine.sm4_ecb_many([(SM4_KEY, SM4_KEY)] * _HASH_LANES, encrypt=True) == [SM4_BLOCK] * _HASH_LANES
        and engine.sm4_cbc(SM4_KEY, SM4_IV, SM4_CBC_TEXT, encrypt=True) == SM4_CBC
        and engine.sm4_cbc(SM4_KEY, SM4_IV, SM4_CBC, encrypt=False) == SM4_CBC_TEXT
        and ctr == [SM4_CTR] * _HASH_LANES
    )


def _gcm(engine: Engine) -> bool:
    from banyan.gm.sm4 import gcm_cipher

    del engine  # GCM and PBKDF2 are one library's, whichever engine is in use
    encryptor = gcm_cipher(SM4_KEY, GCM_NONCE).encryptor()
    encryptor.authenticate_additional_data(GCM_AAD)
    return encryptor.update(GCM_TEXT) + encryptor.finalize() + encryptor.tag == GCM


def _pbkdf2(engine: Engine) -> bool:
    del engine
    return pbkdf2(b"password", b"salt", 1000, 32, with_sha256=False) == PBKDF2


TESTS: Final[dict[str, Callable[[Engine], bool]]] = {
    "SM3": _sm3,
    "HMAC-SM3": _hmac,
    "PBKDF2-HMAC-SM3": _pbkdf2,
    "SM2 keys": _keys,
    "SM2 digest": _digest,
    "SM2 sign": _sign,
    "SM2 verify": _verify,
    "SM2 encrypt": _encrypt,
    "SM2 decrypt": _decrypt,
    "SM4": _sm4,
    "SM4-GCM": _gcm,
}


def check_engine(engine: Engine) -> list[str]:
    """Run every test on ``engine``; names of those passed. Raises SelfTestFailed at the first that does not."""
    for name, test in TESTS.items():
        try:
            is_right = test(engine)
        except errors.GmError as error:
            raise errors.SelfTestFailed(engine=engine.name, test=name) from error
        if not is_right:
            raise errors.SelfTestFailed(engine=engine.name, test=name)
    return list(TESTS)
