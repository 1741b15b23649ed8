"""BouncyCastle judges what OpenSSL 3.0 cannot with SM2: messages, enveloped keys; and makes objects that we read.

Needs a JDK and Debian's libbcpkix-java, which ``make test`` installs; without them these tests fail.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from banyan import gm
from banyan.pki import anchors, cms, csr, envelope, names
from banyan.pki import strict_der as der
from banyan.pki.csr import CertificationRequest
from support.bouncycastle import Java, bouncycastle
from support.small_pki import Authority, P256Key, Sm2Key, encryption_extensions, signing_extensions

pytestmark = pytest.mark.interop

SUBJECT = names.encode_name((("C", "CN"), ("ST", "福建省"), ("O", "测试单位"), ("CN", "互通试验")))
CONTENT = "由 BouncyCastle 判定的内容".encode() * 5
TOKEN = Sm2Key()
ESCROWED = Sm2Key()


@pytest.fixture(scope="session")
def java(tmp_path_factory: pytest.TempPathFactory) -> Java:
    """Runs one of the programs under ``java/``; answers its lines."""
    return bouncycastle(tmp_path_factory.mktemp("classes"))


@pytest.fixture
def save(tmp_path: Path) -> Callable[[Iterable[bytes]], list[Path]]:
    """Writes each object to a file of its own."""

    def write(objects: Iterable[bytes]) -> list[Path]:
        places = []
        for data in objects:
            place = tmp_path / f"{len(list(tmp_path.iterdir())):03}.der"
            place.write_bytes(data)
            places.append(place)
        return places

    return write


Save = Callable[[Iterable[bytes]], list[Path]]


def verdicts(lines: list[str]) -> list[bool]:
    return [line.startswith("true ") for line in lines]


def spoil(data: bytes) -> bytes:
    return data[:-1] + bytes((data[-1] ^ 1,))


def test_it_agrees_about_certificates_and_lists(java: Java, save: Save) -> None:
    """A national CA below its root and a chain of ours; a spoiled one is refused by both."""
    root = anchors.national_roots()[1]
    (national,) = anchors.national_intermediates()
    assert verdicts(java("Judge", "certificates", *save([root, root, national, spoil(national)]))) == [
        True,
        True,
        False,
    ]
    arl = anchors.civil_servant_arl()
    assert java("Judge", "crls", *save([root, arl])) == ["true 1"]
    authority = Authority("互通CA")
    leaf = authority.issue("持有人", TOKEN, signing_extensions())
    assert verdicts(java("Judge", "certificates", *save([authority.certificate, leaf, spoil(leaf)]))) == [True, False]


def test_it_verifies_our_requests(java: Java, save: Save) -> None:
    p256 = P256Key()
    requests = [
        csr.build(SUBJECT, TOKEN.public, TOKEN.sign),
        csr.build(SUBJECT, TOKEN.public, TOKEN.sign, parameters="null"),
        csr.build(SUBJECT, TOKEN.public, TOKEN.sign, challenge_password="111111", temporary_public_key=ESCROWED.public),
        csr.build(SUBJECT, p256.spki, p256.sign),
        csr.build(SUBJECT, TOKEN.public, ESCROWED.sign),
    ]
    lines = java("Judge", "requests", *save(requests))
    assert verdicts(lines) == [True, True, True, True, False]
    assert [line.rsplit(" ", 1)[1] for line in lines] == ["0", "0", "2", "0", "0"]
    ours = csr.verify_many([CertificationRequest.parse(each) for each in requests])
    assert ours == verdicts(lines)


def test_it_verifies_our_signed_messages(java: Java, save: Save) -> None:
    """PKCS#7 identifiers with SM2 and SM3: attached, detached, with and without attributes."""
    authority, p256 = Authority("互通CA"), P256Key()
    signer = cms.MessageSigner(authority.issue("签名人", TOKEN, signing_extensions()), TOKEN.sign)
    device = cms.MessageSigner(authority.issue("设备", p256, signing_extensions()), p256.sign)
    liar = cms.MessageSigner(signer.certificate_der, ESCROWED.sign)

    def message(*signers: cms.MessageSigner, attached: bool = True, authenticated: bool = False) -> bytes:
        return cms.sign_data(CONTENT, signers, attached=attached, authenticated=authenticated, syntax=cms.Syntax.PKCS7)

    attached = save(
        [
            message(signer),
            message(signer, authenticated=True),
            cms.sign_data(CONTENT, [signer], signing_time=datetime(2026, 6, 1, tzinfo=UTC), syntax=cms.Syntax.PKCS7),
            message(signer, device, authenticated=True),
            message(liar),
            message(liar, authenticated=True),
        ]
    )
    pairs = [argument for place in attached for argument in (place, "-")]
    (content,) = save([CONTENT])
    (other,) = save([CONTENT + b"x"])
    detached = save([message(signer, attached=False), message(signer, attached=False, authenticated=True)])
    pairs += [argument for place in detached for argument in (place, content)]
    lines = java("Judge", "signed-data", *pairs)
    assert verdicts(lines) == [True, True, True, True, False, False, True, True]
    assert lines[3] == "true 2"
    # Without attributes a changed content is a wrong signature; the other kind raises in BouncyCastle.
    assert verdicts(java("Judge", "signed-data", detached[0], other)) == [False]


def test_it_opens_our_enveloped_keys(java: Java, save: Save) -> None:
    """SM2Engine (C1C3C2) and SM4/ECB by hand: d and the point fit, also for devices of the whole field."""
    fresh = gm.sm2.generate_keypairs(4)
    items = [(TOKEN.public, private, public) for private, public in fresh]
    made = [*envelope.enveloped_key_many(items), *envelope.enveloped_key_many(items[:1], whole_field=True)]
    lines = java("Judge", "enveloped-keys", TOKEN.private.hex(), *save(made))
    expected = [private.hex() for private, _ in fresh]
    assert lines == [f"true {text}" for text in (*expected, expected[0])]


def test_it_opens_our_skf_blobs(java: Java, save: Save) -> None:
    """ENVELOPEDKEYBLOB, read by the offsets of GM/T 0016, in both layouts of the key field."""
    fresh = gm.sm2.generate_keypairs(3)
    items = [(TOKEN.public, private, public) for private, public in fresh]
    usual = [envelope.to_skf_blob(one) for one in envelope.enveloped_key_many(items)]
    whole = envelope.to_skf_blob(
        envelope.enveloped_key_many(items[:1], whole_field=True)[0], layout=envelope.KeyFieldLayout.WHOLE_64
    )
    mixed = envelope.to_skf_blob(envelope.enveloped_key(TOKEN.public, fresh[0].private, fresh[1].public))
    lines = java("Judge", "skf-blobs", TOKEN.private.hex(), *save([*usual, whole, mixed]))
    expected = [private.hex() for private, _ in fresh]
    assert lines == [f"true {text}" for text in (*expected, expected[0])] + [f"false {expected[0]}"]


def test_it_opens_our_envelopes_and_verifies_what_is_signed_in_them(java: Java, save: Save) -> None:
    """EnvelopedData and SignedAndEnvelopedData of GM/T 0010, opened with SM2 and SM4, in both syntaxes."""
    authority = Authority("互通CA")
    recipient = authority.issue("收件人", TOKEN, encryption_extensions())
    author = Sm2Key()
    signer = cms.MessageSigner(authority.issue("签名人", author, signing_extensions()), author.sign)
    liar = cms.MessageSigner(signer.certificate_der, ESCROWED.sign)
    (content,) = save([CONTENT])
    messages = [
        cms.envelop(CONTENT, [recipient]),
        cms.envelop(CONTENT, [recipient], recipient_form="key_id", syntax=cms.Syntax.PKCS7),
        cms.sign_and_envelop(CONTENT, signer, [recipient]),
        cms.sign_and_envelop(CONTENT, signer, [recipient], recipient_form="key_id", syntax=cms.Syntax.PKCS7),
        cms.sign_and_envelop(CONTENT, liar, [recipient]),
        cms.envelop(CONTENT + b"x", [recipient]),
    ]
    gm_types, pkcs7_types = "1.2.156.10197.6.1.4.2", "1.2.840.113549.1.7"
    assert java("Judge", "envelopes", TOKEN.private.hex(), content, *save(messages)) == [
        f"{gm_types}.3 true",
        f"{pkcs7_types}.3 true",
        f"{gm_types}.4 true true",
        f"{pkcs7_types}.4 true true",
        f"{gm_types}.4 true false",
        f"{gm_types}.3 false",
    ]


def test_we_read_what_it_makes(java: Java, save: Save, tmp_path: Path) -> None:
    """Requests, messages in BER and DER, with and without attributes, and an enveloped key."""
    (content,) = save([CONTENT])
    place = tmp_path / "made"
    place.mkdir()
    java("Maker", place, TOKEN.public.hex(), ESCROWED.private.hex(), content)

    def made(name: str) -> bytes:
        return (place / name).read_bytes()

    requests = [CertificationRequest.parse(made(name)) for name in ("plain.p10", "challenge.p10")]
    assert csr.verify_many(requests) == [True, True]
    assert requests[1].challenge_password == "111111"
    for suffix in ("", "-direct"):
        for name in (f"attached{suffix}.p7", f"attached-der{suffix}.p7"):
            message = cms.SignedData.parse(made(name))
            assert message.content == CONTENT
            (signer,) = message.verify()
            assert signer.certificate_der == made("certificate.der")
            assert (signer.signing_time is None) == bool(suffix)
        detached = cms.SignedData.parse(made(f"detached{suffix}.p7"))
        detached.verify(CONTENT)
        with pytest.raises(cms.CmsError):
            detached.verify(CONTENT + b"x")
    opened = envelope.open_enveloped_key(made("envelope.der"), TOKEN.decrypt)
    assert opened == (ESCROWED.private, ESCROWED.public)


def test_gm_identifiers_differ_only_in_name(java: Java, save: Save) -> None:
    """BouncyCastle knows no GM/T 0010 identifiers; with these exchanged it verifies the very same signature."""
    authority = Authority("互通CA")
    signer = cms.MessageSigner(authority.issue("签名人", TOKEN, signing_extensions()), TOKEN.sign)
    made = cms.sign_data(CONTENT, [signer])
    exchanged = exchange_identifiers(made)
    assert verdicts(java("Judge", "signed-data", *save([exchanged]), "-")) == [True]
    cms.SignedData.parse(exchanged).verify()


def exchange_identifiers(element: bytes) -> bytes:
    """Write PKCS#7 and CMS identifiers in place of those of GM/T 0010, lengths following."""
    table = {
        cms.Syntax.GM.signed: cms.Syntax.PKCS7.signed,
        cms.Syntax.GM.data: cms.Syntax.PKCS7.data,
        "1.2.156.10197.1.301.1": "1.2.156.10197.1.501",
    }
    reader = der.Reader(element)
    tag = reader.peek()
    if tag == der.OID:
        dotted = reader.oid()
        return der.oid(table.get(dotted, dotted))
    if not tag & 0x20 or (tag == der.SEQUENCE and b"\xa3" in element[:1]):
        return element
    inner = reader.enter(tag)
    children = []
    while not inner.at_end:
        children.append(exchange_identifiers(inner.element()))
    return der.tlv(tag, b"".join(children))


def test_the_recipient_of_an_envelope_is_found_by_either_name() -> None:
    """CFCA names recipients by key identifier; both names open here."""
    authority = Authority("互通CA")
    certificate = authority.issue("收件人", TOKEN, encryption_extensions())
    for form in ("issuer_and_serial", "key_id"):
        made = cms.envelop(CONTENT, [certificate], recipient_form=form)  # type: ignore[arg-type]
        assert cms.open_envelope(made, certificate, TOKEN.decrypt) == CONTENT
