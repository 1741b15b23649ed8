"""The enveloped encryption key opens for the token that it was made for, and for nobody else (A2, A3)."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banyan import gm
from banyan.kernel.errors import BanyanError
from banyan.pki import envelope, oids
from banyan.pki import strict_der as der
from banyan.pki.cms import MessageSigner
from banyan.pki.envelope import (
    CsrResponse,
    CsrResponseMalformed,
    KeyFieldLayout,
    KeyForm,
    KmcResponse,
    KmcResponseMalformed,
    from_skf_blob,
    kmc_response,
    response,
    to_skf_blob,
)
from banyan.pki.errors import PkiError
from banyan.pki.skf_blob import SIZE
from support.small_pki import Authority, Sm2Key, encryption_extensions, signing_extensions

TOKEN = Sm2Key()
ESCROWED = Sm2Key()
STRANGER = Sm2Key()
SEED = envelope.enveloped_key(TOKEN.public, ESCROWED.private, ESCROWED.public)
SEED_BLOB = to_skf_blob(SEED)
SMALL_KEY = (7).to_bytes(32, "big")
keys = st.integers(1, 2**256 - 1).filter(lambda value: value < 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C60000 << 64)


def test_the_token_gets_exactly_the_escrowed_key() -> None:
    assert envelope.open_enveloped_key(SEED, TOKEN.decrypt) == (ESCROWED.private, ESCROWED.public)


def test_its_structure_is_that_of_gmt_0009() -> None:
    """Read element by element, without the product's own parser."""
    reader = der.whole(SEED)
    algorithm = reader.enter()
    assert algorithm.oid() == oids.SM4_ECB
    cipher = reader.enter()
    x, y, digest, wrapped = cipher.integer(), cipher.integer(), cipher.octets(), cipher.octets()
    public, encrypted = reader.bits(), reader.bits()
    reader.finish()
    assert (len(digest), len(wrapped), len(encrypted)) == (32, 16, 32)
    assert public == ESCROWED.public
    raw = b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big") + digest + wrapped
    kek = gm.sm2.decrypt(TOKEN.private, raw)
    assert gm.sm4.ecb_decrypt(kek, encrypted) == ESCROWED.private


@given(st.lists(keys, min_size=1, max_size=5), st.booleans())
@settings(max_examples=25, deadline=None)
def test_batches_keep_their_order_and_use_fresh_keys(scalars: list[int], whole_field: bool) -> None:
    privates = [scalar.to_bytes(32, "big") for scalar in scalars]
    items = [(TOKEN.public, private, gm.sm2.public_key(private)) for private in privates]
    made = envelope.enveloped_key_many(items, whole_field=whole_field)
    assert [envelope.open_enveloped_key(each, TOKEN.decrypt)[0] for each in made] == privates
    again = envelope.enveloped_key_many(items, whole_field=whole_field)
    for first, second in zip(made, again, strict=True):
        one, other = envelope.EnvelopedKey.parse(first), envelope.EnvelopedKey.parse(second)
        assert one.encrypted_private != other.encrypted_private


def test_a_given_kek_is_used() -> None:
    kek = bytes(range(16))
    made = envelope.enveloped_key(TOKEN.public, ESCROWED.private, ESCROWED.public, kek=kek)
    parsed = envelope.EnvelopedKey.parse(made)
    assert parsed.encrypted_private == gm.sm4.ecb_encrypt(kek, ESCROWED.private)


def test_the_bare_sm4_oid_without_parameters_is_read() -> None:
    reader = der.whole(SEED)
    reader.element()
    rest = reader.element() + reader.element() + reader.element()
    for algorithm in (
        der.algorithm(oids.SM4),
        der.algorithm(oids.SM4, der.NULL_DER),
        der.algorithm(oids.SM4_ECB),
    ):
        made = der.sequence(algorithm, rest)
        assert envelope.open_enveloped_key(made, TOKEN.decrypt)[0] == ESCROWED.private
    with pytest.raises(envelope.EnvelopeMalformed):
        envelope.EnvelopedKey.parse(der.sequence(der.algorithm(oids.SM4_CBC), rest))


def test_a_stranger_cannot_open_it() -> None:
    with pytest.raises(BanyanError):
        envelope.open_enveloped_key(SEED, STRANGER.decrypt)


def test_a_key_of_another_size_from_the_device_is_no_key() -> None:
    with pytest.raises(envelope.EnvelopeNotForThisKey):
        envelope.open_enveloped_key(SEED, lambda _: b"short")


def test_a_whole_field_that_does_not_begin_with_zeros_is_refused() -> None:
    kek = bytes(range(16))
    made = envelope.enveloped_key(TOKEN.public, ESCROWED.private, ESCROWED.public, kek=kek)
    parsed = envelope.EnvelopedKey.parse(made)
    field = gm.sm4.ecb_encrypt(kek, STRANGER.private + ESCROWED.private)
    odd = envelope.EnvelopedKey(parsed.encrypted_kek, ESCROWED.public, field).to_der()
    with pytest.raises(envelope.EnvelopeNotForThisKey):
        envelope.open_enveloped_key(odd, TOKEN.decrypt)


def test_private_and_public_key_must_belong_together() -> None:
    made = envelope.enveloped_key(TOKEN.public, ESCROWED.private, STRANGER.public)
    with pytest.raises(envelope.EnvelopeKeyMismatch):
        envelope.open_enveloped_key(made, TOKEN.decrypt)
    zero = envelope.enveloped_key(TOKEN.public, bytes(32), ESCROWED.public)
    with pytest.raises(envelope.EnvelopeKeyMismatch):
        envelope.open_enveloped_key(zero, TOKEN.decrypt)


@given(st.data())
@settings(max_examples=250, deadline=None)
def test_no_altered_byte_yields_a_key(data: st.DataObject) -> None:
    changed = bytearray(SEED)
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(BanyanError):
        envelope.open_enveloped_key(bytes(changed), TOKEN.decrypt)


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_noise_raises_our_errors_only(noise: bytes) -> None:
    for parse in (envelope.EnvelopedKey.parse, CsrResponse.parse, KmcResponse.parse, from_skf_blob):
        with pytest.raises(PkiError):
            parse(noise)
        with pytest.raises(PkiError):
            parse(der.sequence(noise))


def test_trailing_and_missing_bytes_are_refused() -> None:
    for broken in (SEED + b"\x00", SEED[:-1], b"", der.sequence(SEED), SEED + bytes(5000)):
        with pytest.raises(envelope.EnvelopeMalformed):
            envelope.EnvelopedKey.parse(broken)


# ---- SKF ENVELOPEDKEYBLOB


def test_the_skf_blob_has_the_fields_of_gmt_0016() -> None:
    assert len(SEED_BLOB) == SIZE == 388
    assert SEED_BLOB[:12] == bytes.fromhex("010000000104000000010000")
    parsed = envelope.EnvelopedKey.parse(SEED)
    assert SEED_BLOB[12:44] == bytes(32)
    assert SEED_BLOB[44:76] == parsed.encrypted_private
    assert SEED_BLOB[76:80] == bytes.fromhex("00010000")
    assert SEED_BLOB[80:112] == bytes(32)
    assert SEED_BLOB[112:144] == parsed.public_key[1:33]
    assert SEED_BLOB[176:208] == parsed.public_key[33:]
    assert SEED_BLOB[240:272] == parsed.encrypted_kek[1:33]
    assert SEED_BLOB[304:336] == parsed.encrypted_kek[33:65]
    assert SEED_BLOB[336:368] == parsed.encrypted_kek[65:97]
    assert SEED_BLOB[368:372] == bytes.fromhex("10000000")
    assert SEED_BLOB[372:] == parsed.encrypted_kek[97:]


@given(keys)
@settings(max_examples=25, deadline=None)
def test_skf_conversion_there_and_back(scalar: int) -> None:
    private = scalar.to_bytes(32, "big")
    made = envelope.enveloped_key(TOKEN.public, private, gm.sm2.public_key(private))
    assert from_skf_blob(to_skf_blob(made)) == made


def test_devices_that_encrypt_the_whole_field() -> None:
    item = (TOKEN.public, ESCROWED.private, ESCROWED.public)
    whole = envelope.enveloped_key_many([item], whole_field=True)[0]
    blob = to_skf_blob(whole, layout=KeyFieldLayout.WHOLE_64)
    assert any(blob[12:44])
    back = from_skf_blob(blob, layout=KeyFieldLayout.WHOLE_64)
    assert envelope.open_enveloped_key(back, TOKEN.decrypt) == (ESCROWED.private, ESCROWED.public)
    # The device decrypts all 64 octets itself: zeros, then d.
    kek = gm.sm2.decrypt(TOKEN.private, envelope.EnvelopedKey.parse(whole).encrypted_kek)
    assert gm.sm4.ecb_decrypt(kek, blob[12:76]) == bytes(32) + ESCROWED.private
    # The same envelope serves the usual layout too; the reverse is impossible and says so.
    usual = from_skf_blob(to_skf_blob(whole))
    assert envelope.open_enveloped_key(usual, TOKEN.decrypt)[0] == ESCROWED.private
    with pytest.raises(envelope.EnvelopeLayoutUnavailable):
        to_skf_blob(SEED, layout=KeyFieldLayout.WHOLE_64)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, 2),
        (4, 2),
        (8, 0),
        (12, 1),
        (76, 0),
        (80, 1),
        (112, 0xFF),
        (144, 1),
        (208, 1),
        (240, 0xFF),
        (368, 17),
    ],
)
def test_skf_fields_out_of_form_are_refused(place: int, value: int) -> None:
    broken = bytearray(SEED_BLOB)
    broken[place] ^= value or 1
    with pytest.raises(envelope.EnvelopeMalformed):
        from_skf_blob(bytes(broken))


# ---- CFCA-style return


def test_return_under_the_temporary_key() -> None:
    temporary = Sm2Key()
    made = envelope.temporary_key_envelope(temporary.public, ESCROWED.private, ESCROWED.public)
    assert len(made) == 192
    opened = envelope.open_temporary_key_envelope(made, temporary.decrypt)
    assert opened == (ESCROWED.private, ESCROWED.public)
    with pytest.raises(envelope.EnvelopeMalformed):
        envelope.open_temporary_key_envelope(made[1:], temporary.decrypt)
    with pytest.raises(BanyanError):
        envelope.open_temporary_key_envelope(made, STRANGER.decrypt)


# ---- GM/T 0092 CSRResponse

CA = Authority("响应测试CA")
SIGNING = CA.issue("持有人", TOKEN, signing_extensions())
ENCRYPTION = CA.issue("持有人", ESCROWED, encryption_extensions())


def test_csr_response_there_and_back() -> None:
    made = response(SIGNING, SEED, ENCRYPTION, [CA.certificate])
    parsed = CsrResponse.parse(made)
    assert parsed == CsrResponse((SIGNING, CA.certificate), SEED, (ENCRYPTION, CA.certificate))
    assert parsed.to_der() == made
    single = CsrResponse((SIGNING,))
    assert CsrResponse.parse(single.to_der()) == single


def test_csr_response_in_the_other_taggings_met() -> None:
    explicit = der.sequence(der.sequence(SIGNING), der.tlv(0xA0, SEED), der.tlv(0xA1, der.tlv(der.SET, ENCRYPTION)))
    assert CsrResponse.parse(explicit) == CsrResponse((SIGNING,), SEED, (ENCRYPTION,))


def test_csr_response_out_of_form_is_refused() -> None:
    for broken in (
        der.sequence(),
        der.sequence(der.tlv(der.SET, b"")),
        response(SIGNING, SEED, ENCRYPTION) + b"\x00",
    ):
        with pytest.raises(CsrResponseMalformed):
            CsrResponse.parse(broken)
    with pytest.raises(envelope.EnvelopeMalformed):
        CsrResponse.parse(der.sequence(der.tlv(der.SET, SIGNING), der.tlv(0xA0, b"\x05\x00")))


# ---- GM/T 0014 RetKeyRespond

KMC_KEY = Sm2Key()
CA_KEY = Sm2Key()
KMC = CA.issue("密钥管理中心", KMC_KEY, signing_extensions())
CA_ENCRYPTION = CA.issue("CA 加密", CA_KEY, encryption_extensions())


@pytest.mark.parametrize("form", KeyForm)
@pytest.mark.parametrize("scope", ["plaintext", "ciphertext"])
def test_kmc_answers_a_foreign_ca(form: KeyForm, scope: str) -> None:
    made = kmc_response(
        0x1234,
        ESCROWED.private,
        ESCROWED.public,
        MessageSigner(KMC, KMC_KEY.sign),
        CA_ENCRYPTION,
        form=form,
        signature_scope=scope,  # type: ignore[arg-type]
    )
    assert ESCROWED.private not in made
    parsed = KmcResponse.parse(made)
    assert (parsed.certificate_serial, parsed.public_key) == (0x1234, ESCROWED.public)
    private, signers = parsed.open(CA_ENCRYPTION, CA_KEY.decrypt)
    assert private == ESCROWED.private
    assert [signer.certificate_der for signer in signers] == [KMC]


def test_kmc_answer_with_another_key_inside_is_refused() -> None:
    made = kmc_response(1, STRANGER.private, ESCROWED.public, MessageSigner(KMC, KMC_KEY.sign), CA_ENCRYPTION)
    with pytest.raises(envelope.EnvelopeKeyMismatch):
        KmcResponse.parse(made).open(CA_ENCRYPTION, CA_KEY.decrypt)
    with pytest.raises(KmcResponseMalformed):
        KmcResponse.parse(made + b"\x00")
