"""Messages of GM/T 0010: what was signed verifies, what was changed does not; secrets keep."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from banyan import gm
from banyan.kernel.errors import BanyanError
from banyan.pki import cms, oids
from banyan.pki import strict_der as der
from banyan.pki.errors import PkiError
from support.small_pki import (
    Authority,
    Key,
    P256Key,
    RsaKey,
    Sm2Key,
    encryption_extensions,
    signing_extensions,
)

CONTENT = "福建省政务外网数字证书平台".encode() * 3
SIGNED_AT = datetime(2026, 6, 1, 8, 30, tzinfo=UTC)
CA = Authority("消息测试CA")
KEY = Sm2Key()
CERTIFICATE = CA.issue("签名人", KEY, signing_extensions())
RECEIVER = Sm2Key()
RECEIVER_CERTIFICATE = CA.issue("收件人", RECEIVER, encryption_extensions())
SIGNER = cms.MessageSigner(CERTIFICATE, KEY.sign)


def certified(key: Key) -> cms.MessageSigner:
    return cms.MessageSigner(CA.issue("设备", key, signing_extensions()), key.sign)


@pytest.mark.parametrize("syntax", cms.Syntax)
@pytest.mark.parametrize("authenticated", [False, True])
@pytest.mark.parametrize("attached", [False, True])
def test_signatures_in_every_form(syntax: cms.Syntax, authenticated: bool, attached: bool) -> None:
    made = cms.sign_data(CONTENT, [SIGNER], attached=attached, authenticated=authenticated, syntax=syntax)
    parsed = cms.SignedData.parse(made)
    assert parsed.content == (CONTENT if attached else None)
    assert [each.certificate_der for each in parsed.verify(CONTENT)] == [CERTIFICATE]
    if attached:
        parsed.verify()
    else:
        with pytest.raises(cms.CmsContentMissing):
            parsed.verify()


def test_the_signing_time_is_told() -> None:
    made = cms.sign_data(CONTENT, [SIGNER], signing_time=SIGNED_AT)
    assert cms.SignedData.parse(made).verify()[0].signing_time == SIGNED_AT


def test_text_forms_are_read() -> None:
    made = cms.sign_data(CONTENT, [SIGNER])
    text = base64.b64encode(made).decode()
    for form in (text, text.encode(), f"-----BEGIN PKCS7-----\n{text}\n-----END PKCS7-----\n"):
        cms.SignedData.parse(form).verify()


def test_several_signers_of_several_algorithms_all_have_to_hold() -> None:
    signers = [SIGNER, certified(P256Key()), certified(RsaKey())]
    made = cms.sign_data(CONTENT, signers, authenticated=True, chain=[CA.certificate])
    parsed = cms.SignedData.parse(made)
    assert {each.certificate_der for each in parsed.verify()} == {each.certificate_der for each in signers}
    assert CA.certificate in parsed.certificates
    liar = cms.MessageSigner(CERTIFICATE, Sm2Key().sign)
    with pytest.raises(cms.CmsSignatureInvalid):
        cms.SignedData.parse(cms.sign_data(CONTENT, [certified(P256Key()), liar])).verify()


def test_changed_content_is_named_as_such() -> None:
    plain = cms.SignedData.parse(cms.sign_data(CONTENT, [SIGNER], attached=False))
    with pytest.raises(cms.CmsSignatureInvalid):
        plain.verify(CONTENT + b"x")
    attributes = cms.SignedData.parse(cms.sign_data(CONTENT, [SIGNER], attached=False, authenticated=True))
    with pytest.raises(cms.CmsDigestMismatch):
        attributes.verify(CONTENT + b"x")
    attached = cms.SignedData.parse(cms.sign_data(CONTENT, [SIGNER]))
    with pytest.raises(cms.CmsContentDiffers):
        attached.verify(CONTENT + b"x")


def spliced(signature: bytes, *, digest: bytes, signature_oid: str, attributes: bool = True) -> bytes:
    """A message as foreign software writes it, put together by hand."""
    rows = [
        der.sequence(der.oid(oids.CONTENT_TYPE), der.set_of([der.oid(oids.SM2_DATA)])),
        der.sequence(der.oid(oids.MESSAGE_DIGEST), der.set_of([der.octet_string(digest)])),
    ]
    identity = der.whole(CERTIFICATE).enter()
    identity.element()
    serial = identity.element(der.INTEGER)
    identity.element()
    issuer = identity.element()
    info = der.sequence(
        der.integer(1),
        der.sequence(issuer, serial),
        der.algorithm(oids.SM3),
        der.set_of(rows, tag=0xA0) if attributes else b"",
        der.algorithm(signature_oid),
        der.octet_string(signature or KEY.sign(der.set_of(rows) if attributes else CONTENT)),
    )
    message = der.sequence(
        der.integer(1),
        der.set_of([der.algorithm(oids.SM3)]),
        der.sequence(der.oid(oids.SM2_DATA), der.tlv(0xA0, der.octet_string(CONTENT))),
        der.tlv(0xA0, CERTIFICATE),
        der.set_of([info]),
    )
    return der.sequence(der.oid(oids.SM2_SIGNED_DATA), der.tlv(0xA0, message))


@pytest.mark.parametrize("signature_oid", [oids.SM2_SIGN, oids.SM2_WITH_SM3, oids.CURVE_SM2])
def test_forms_of_other_signers(signature_oid: str) -> None:
    plain = spliced(b"", digest=gm.sm3(CONTENT), signature_oid=signature_oid)
    with_identity = spliced(b"", digest=gm.sm2.digest(KEY.public, CONTENT), signature_oid=signature_oid)
    bare = spliced(b"", digest=b"", signature_oid=signature_oid, attributes=False)
    for message in (plain, with_identity, bare):
        assert cms.SignedData.parse(message).verify()
    with pytest.raises(cms.CmsDigestMismatch):
        cms.SignedData.parse(spliced(b"", digest=bytes(32), signature_oid=signature_oid)).verify()


def test_an_algorithm_that_does_not_fit_the_key_is_refused() -> None:
    made = spliced(b"", digest=gm.sm3(CONTENT), signature_oid=oids.ECDSA_WITH_SHA256)
    with pytest.raises(cms.CmsAlgorithmUnsupported):
        cms.SignedData.parse(made).verify()


def test_the_certificate_may_come_from_elsewhere() -> None:
    made = cms.sign_data(CONTENT, [SIGNER])
    without = made.replace(der.tlv(0xA0, CERTIFICATE), b"")
    # Lengths of the three headers around it have to follow.
    reader = der.whole(made)
    reader.element()
    inner = reader.enter(0xA0).enter()
    parts = [inner.element() for _ in range(5)]
    stripped = der.sequence(
        der.oid(oids.SM2_SIGNED_DATA), der.tlv(0xA0, der.sequence(parts[0], parts[1], parts[2], parts[4]))
    )
    assert len(without) == len(made) - len(parts[3])
    parsed = cms.SignedData.parse(stripped)
    with pytest.raises(cms.CmsSignerUnknown):
        parsed.verify()
    parsed.verify(certificates=[RECEIVER_CERTIFICATE, CERTIFICATE])


def test_a_bag_of_certificates_is_not_a_signature() -> None:
    bag = cms.sign_data(CONTENT, [], chain=[CERTIFICATE])
    with pytest.raises(cms.CmsUnsigned):
        cms.SignedData.parse(bag).verify()


def indefinite(element: bytes) -> bytes:
    """Rewrite every constructed element but the signed attributes in BER with indefinite length."""
    reader = der.Reader(element)
    tag = reader.peek()
    if not tag & 0x20:
        return element
    inner = reader.enter(tag)
    children = []
    while not inner.at_end:
        children.append(indefinite(inner.element()))
    return bytes((tag, 0x80)) + b"".join(children) + b"\x00\x00"


def test_messages_in_ber_are_read() -> None:
    made = cms.sign_data(CONTENT, [SIGNER], authenticated=True)
    assert cms.SignedData.parse(indefinite(made)).verify()
    pieces = b"\x24\x80" + der.octet_string(CONTENT[:10]) + der.octet_string(CONTENT[10:]) + b"\x00\x00"
    in_pieces = indefinite(made).replace(der.octet_string(CONTENT), pieces)
    assert cms.SignedData.parse(in_pieces).verify()
    for broken in (indefinite(made)[:-1], indefinite(made) + b"\x00", indefinite(made)[:-2]):
        with pytest.raises(cms.CmsMalformed):
            cms.SignedData.parse(broken)


SEED = cms.sign_data(CONTENT, [SIGNER], authenticated=True, signing_time=SIGNED_AT)


@given(st.data())
@settings(max_examples=250, deadline=None)
def test_no_altered_byte_changes_what_is_signed(data: st.DataObject) -> None:
    changed = bytearray(SEED)
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        parsed = cms.SignedData.parse(bytes(changed))
        signers = parsed.verify()
    except BanyanError:
        return
    # Only what no signature covers may have changed: the wrapping, never content, signer or time.
    assert parsed.content == CONTENT
    assert signers[0].signing_time == SIGNED_AT


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_noise_raises_our_errors_only(noise: bytes) -> None:
    for form in (noise, der.sequence(noise), b"\x30\x80" + noise):
        for parse in (cms.SignedData.parse, cms.SignedAndEnvelopedData.parse):
            with pytest.raises(PkiError):
                parse(form)
        with pytest.raises(PkiError):
            cms.open_envelope(form, RECEIVER_CERTIFICATE, RECEIVER.decrypt)


# ---- secrecy


@pytest.mark.parametrize("syntax", cms.Syntax)
@pytest.mark.parametrize("form", ["issuer_and_serial", "key_id"])
@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 1000])
def test_an_envelope_opens_for_each_recipient(syntax: cms.Syntax, form: str, size: int) -> None:
    content = bytes(range(256)) * 4
    made = cms.envelop(
        content[:size],
        [RECEIVER_CERTIFICATE, CERTIFICATE],
        syntax=syntax,
        recipient_form=form,  # type: ignore[arg-type]
    )
    assert cms.open_envelope(made, RECEIVER_CERTIFICATE, RECEIVER.decrypt) == content[:size]
    assert cms.open_envelope(made, CERTIFICATE, KEY.decrypt) == content[:size]


def test_an_envelope_does_not_open_for_others() -> None:
    made = cms.envelop(CONTENT, [RECEIVER_CERTIFICATE])
    assert CONTENT not in made
    with pytest.raises(cms.CmsNotForThisKey):
        cms.open_envelope(made, CERTIFICATE, KEY.decrypt)
    with pytest.raises(BanyanError):
        cms.open_envelope(made, RECEIVER_CERTIFICATE, KEY.decrypt)


def test_only_sm2_certificates_receive() -> None:
    other = certified(P256Key())
    with pytest.raises(cms.CmsAlgorithmUnsupported):
        cms.envelop(CONTENT, [other.certificate_der])


@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize("scope", ["plaintext", "ciphertext"])
def test_signed_and_enveloped(wrapped: bool, scope: str) -> None:
    made = cms.sign_and_envelop(
        CONTENT,
        SIGNER,
        [RECEIVER_CERTIFICATE],
        wrapped=wrapped,
        signature_scope=scope,  # type: ignore[arg-type]
    )
    content, signers = cms.SignedAndEnvelopedData.parse(made).open(RECEIVER_CERTIFICATE, RECEIVER.decrypt)
    assert content == CONTENT
    assert [each.certificate_der for each in signers] == [CERTIFICATE]


def test_signed_and_enveloped_by_a_liar_is_refused() -> None:
    liar = cms.MessageSigner(CERTIFICATE, Sm2Key().sign)
    made = cms.sign_and_envelop(CONTENT, liar, [RECEIVER_CERTIFICATE])
    with pytest.raises(cms.CmsSignatureInvalid):
        cms.SignedAndEnvelopedData.parse(made).open(RECEIVER_CERTIFICATE, RECEIVER.decrypt)


def test_every_cause_tells_its_cure() -> None:
    for error in cms.CmsError.__subclasses__():
        assert "请" in error.message, error
