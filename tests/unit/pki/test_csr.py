"""Certification requests: forms of the field are read, all else is refused with its cause (A2, F7)."""

import base64
import itertools
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from banyan import gm
from banyan.pki import csr, key_strength, names, oids, public_key
from banyan.pki import strict_der as der
from banyan.pki.csr import CertificationRequest
from banyan.pki.errors import PkiError
from support.small_pki import Key, P256Key, RsaKey, Sm2Key

SUBJECT = names.encode_name((("C", "CN"), ("ST", "福建省"), ("O", "测试单位"), ("CN", "申请人")))
SM2_ORDER = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123


@pytest.fixture(scope="module")
def key() -> Sm2Key:
    return Sm2Key()


@pytest.fixture(scope="module")
def request_der(key: Sm2Key) -> bytes:
    return csr.build(SUBJECT, key.public, key.sign)


def replace_signature(request: bytes, signature: bytes) -> bytes:
    outer = der.whole(request)
    info, algorithm = outer.element(), outer.element()
    return der.sequence(info, algorithm, der.bit_string(signature))


def signed(info: bytes, key: Sm2Key, algorithm: bytes = der.algorithm(oids.SM2_WITH_SM3)) -> bytes:
    return der.sequence(info, algorithm, der.bit_string(key.sign(info)))


def info(spki: bytes, *, version: int = 0, attributes: bytes = b"\xa0\x00", subject: bytes = SUBJECT) -> bytes:
    return der.sequence(der.integer(version), subject, spki, attributes)


def spoiled(key: Key) -> Callable[[bytes], bytes]:
    return lambda message: key.sign(message + b"x")


def test_a_token_request_is_read_and_proves_possession(key: Sm2Key, request_der: bytes) -> None:
    parsed = CertificationRequest.parse(request_der)
    parsed.verify()
    assert (parsed.algorithm, parsed.public_key, parsed.subject_der) == ("SM2", key.public, SUBJECT)
    assert parsed.spki_der == key.spki
    assert parsed.challenge_password is None
    assert parsed.temporary_public_key is None


def test_p256_and_rsa_equipment_is_served() -> None:
    for made in (P256Key(), RsaKey()):
        parsed = CertificationRequest.parse(csr.build(SUBJECT, made.spki, made.sign))
        parsed.verify()
        assert parsed.spki_der == made.spki


def test_text_forms_of_the_field_are_read(request_der: bytes) -> None:
    body = base64.b64encode(request_der).decode()
    lines = "\r\n".join(body[i : i + 64] for i in range(0, len(body), 64))
    pem = csr.to_pem(request_der)
    forms: list[bytes | str] = [
        pem,
        pem.encode(),
        pem.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"),
        pem.replace("\n", "\r\n"),
        body,
        body.encode(),
        lines,
        "  " + lines + "\r\n\r\n",
        b"\xef\xbb\xbf" + pem.encode(),
        pem.encode("utf-16"),
        f"-----BEGIN CERTIFICATE REQUEST-----\n{body}\n-----END CERTIFICATE REQUEST-----",
        "Certificate Request:\n    Data: as openssl -text prints it\n" + pem,
    ]
    for form in forms:
        assert CertificationRequest.parse(form).der == request_der


@pytest.mark.parametrize("parameters", ["absent", "null"])
def test_signature_parameters_absent_or_null(key: Sm2Key, parameters: str) -> None:
    made = csr.build(SUBJECT, key.public, key.sign, parameters=parameters)  # type: ignore[arg-type]
    outer = der.whole(made)
    outer.element()
    assert (der.NULL_DER in outer.element()) is (parameters == "null")
    CertificationRequest.parse(made).verify()


def test_the_curve_standing_as_algorithm_is_read_and_made_canonical(key: Sm2Key) -> None:
    odd = der.sequence(der.algorithm(oids.CURVE_SM2), der.bit_string(key.public))
    parsed = CertificationRequest.parse(signed(info(odd), key))
    parsed.verify()
    assert parsed.spki_der == key.spki


def test_attributes_left_out_altogether(key: Sm2Key) -> None:
    CertificationRequest.parse(signed(info(key.spki, attributes=b""), key)).verify()


@pytest.mark.parametrize("password", ["111111", "口令一二三"])
def test_challenge_password(key: Sm2Key, password: str) -> None:
    parsed = CertificationRequest.parse(csr.build(SUBJECT, key.public, key.sign, challenge_password=password))
    parsed.verify()
    assert parsed.challenge_password == password
    assert password not in repr(parsed)


def test_challenge_password_under_the_oid_of_gmt_0092(key: Sm2Key) -> None:
    row = der.sequence(der.oid(oids.GMT0092_CHALLENGE_PASSWORD), der.set_of([der.tlv(0x13, b"111111")]))
    made = signed(info(key.spki, attributes=der.tlv(0xA0, row)), key)
    assert CertificationRequest.parse(made).challenge_password == "111111"


def test_cfca_style_request_with_temporary_key(key: Sm2Key) -> None:
    temporary = Sm2Key()
    made = csr.build(SUBJECT, key.public, key.sign, challenge_password="111111", temporary_public_key=temporary.public)
    assert CertificationRequest.parse(made).temporary_public_key == temporary.public
    # As CFCA's own programs write it: each value bare, without the SET of values.
    blob = bytes.fromhex("00B4000000010000") + temporary.public[1:33] + bytes(32) + temporary.public[33:] + bytes(32)
    value = der.octet_string(der.sequence(der.integer(1), der.octet_string(blob)))
    rows = [
        der.sequence(der.oid(oids.CHALLENGE_PASSWORD), der.tlv(0x13, b"111111")),
        der.sequence(der.oid(oids.CFCA_TEMPORARY_KEY), value),
    ]
    parsed = CertificationRequest.parse(signed(info(key.spki, attributes=der.tlv(0xA0, b"".join(rows))), key))
    parsed.verify()
    assert (parsed.challenge_password, parsed.temporary_public_key) == ("111111", temporary.public)


def test_temporary_key_off_the_curve_is_refused(key: Sm2Key) -> None:
    bad = key.public[:64] + bytes((key.public[64] ^ 1,))
    made = csr.build(SUBJECT, key.public, key.sign, temporary_public_key=bad)
    with pytest.raises(key_strength.PointNotOnCurve):
        CertificationRequest.parse(made)


def test_requested_extensions_are_shown(key: Sm2Key) -> None:
    extensions = der.sequence(der.sequence(der.oid("2.5.29.17"), der.octet_string(der.sequence())))
    parsed = CertificationRequest.parse(csr.build(SUBJECT, key.public, key.sign, extensions_der=extensions))
    assert parsed.extension_request_der == extensions


def test_broken_signature_is_refused(key: Sm2Key, request_der: bytes) -> None:
    other = Sm2Key()
    wrong = CertificationRequest.parse(csr.build(SUBJECT, key.public, other.sign))
    garbage = CertificationRequest.parse(replace_signature(request_der, b"\x30\x03\x02\x01\x01"))
    for broken in (wrong, garbage):
        with pytest.raises(csr.RequestSignatureInvalid):
            broken.verify()


def test_batch_verification_names_exactly_the_bad_ones(key: Sm2Key, request_der: bytes) -> None:
    p256, rsa_key = P256Key(), RsaKey()
    good = [
        request_der,
        csr.build(SUBJECT, p256.spki, p256.sign),
        csr.build(SUBJECT, rsa_key.spki, rsa_key.sign),
    ]
    bad = [csr.build(SUBJECT, made.spki, spoiled(made)) for made in (key, p256, rsa_key)]
    mixed = [CertificationRequest.parse(each) for pair in zip(good, bad, strict=True) for each in pair]
    assert csr.verify_many(mixed) == [True, False] * 3


def test_batch_parsing_answers_each_row_by_itself(request_der: bytes, key: Sm2Key) -> None:
    off = csr.build(SUBJECT, key.public[:64] + bytes((key.public[64] ^ 1,)), key.sign)
    answers = csr.parse_many([request_der, b"nonsense", off, csr.to_pem(request_der)])
    assert isinstance(answers[0], CertificationRequest)
    assert isinstance(answers[1], csr.MalformedRequest)
    assert isinstance(answers[2], key_strength.PointNotOnCurve)
    assert answers[3] == answers[0]


def test_whatever_is_not_exactly_one_request_is_refused(key: Sm2Key, request_der: bytes) -> None:
    pem = csr.to_pem(request_der)
    certificate_pem = pem.replace("CERTIFICATE REQUEST", "CERTIFICATE")
    cases: list[tuple[bytes | str, type[PkiError]]] = [
        (b"", csr.MalformedRequest),
        ("", csr.MalformedRequest),
        (request_der + b"\x00", csr.MalformedRequest),
        (request_der[:-1], csr.MalformedRequest),
        (pem + pem, csr.MalformedRequest),
        (pem.replace("END CERTIFICATE REQUEST", "END NEW CERTIFICATE REQUEST"), csr.MalformedRequest),
        (pem.replace("M", "*", 1), csr.MalformedRequest),
        (certificate_pem, csr.NotARequest),
        (pem + pem.replace("CERTIFICATE REQUEST", "EC PRIVATE KEY"), csr.PrivateKeySent),
        (pem.replace("CERTIFICATE REQUEST", "PRIVATE KEY").encode("utf-16"), csr.PrivateKeySent),
        (b"\x30" * (csr.MAX_SIZE + 1), csr.RequestTooLarge),
        (signed(info(key.spki, version=1), key), csr.MalformedRequest),
        (signed(info(key.spki, subject=der.sequence(der.set_of([]))), key), csr.MalformedRequest),
        (signed(info(key.spki) + b"", key) + b"\x05\x00", csr.MalformedRequest),
    ]
    for data, expected in cases:
        with pytest.raises(expected):
            CertificationRequest.parse(data)


def test_indefinite_and_padded_lengths_are_refused(request_der: bytes) -> None:
    body = request_der[4:]
    padded = b"\x30\x83\x00" + request_der[2:4] + body
    indefinite = b"\x30\x80" + body + b"\x00\x00"
    for form in (padded, indefinite):
        with pytest.raises(csr.MalformedRequest):
            CertificationRequest.parse(form)


def test_attribute_twice_or_without_value_is_refused(key: Sm2Key) -> None:
    row = der.sequence(der.oid(oids.CHALLENGE_PASSWORD), der.set_of([der.tlv(0x13, b"1")]))
    empty = der.sequence(der.oid(oids.CHALLENGE_PASSWORD), der.set_of([]))
    for attributes in (row + row, empty):
        with pytest.raises(csr.MalformedRequest):
            CertificationRequest.parse(signed(info(key.spki, attributes=der.tlv(0xA0, attributes)), key))


def test_algorithms_that_do_not_fit_are_refused(key: Sm2Key) -> None:
    def with_algorithm(oid: str) -> bytes:
        return signed(info(key.spki), key, der.algorithm(oid))

    with pytest.raises(csr.SignatureNotSupported):
        CertificationRequest.parse(with_algorithm(oids.ECDSA_WITH_SHA256))
    with pytest.raises(csr.SignatureNotSupported):
        CertificationRequest.parse(with_algorithm("1.2.3.4"))
    with pytest.raises(csr.SignatureDigestTooWeak):
        CertificationRequest.parse(with_algorithm(oids.SHA1_WITH_RSA))
    p384 = ec.generate_private_key(ec.SECP384R1()).public_key()
    spki = p384.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(csr.KeyNotSupported):
        CertificationRequest.parse(signed(info(spki), key))
    compressed = der.sequence(public_key.SM2_ALGORITHM_DER, der.bit_string(b"\x02" + key.public[1:33]))
    with pytest.raises(csr.KeyNotSupported):
        CertificationRequest.parse(signed(info(compressed), key))


@pytest.mark.parametrize("scalar", [1, 2, 3, 64, SM2_ORDER - 2])
def test_sm2_keys_with_tiny_private_keys_or_their_negatives_are_refused(scalar: int) -> None:
    private = scalar.to_bytes(32, "big")
    public = gm.sm2.public_key(private)
    made = csr.build(SUBJECT, public, lambda message: gm.sm2.sign(private, public, message))
    with pytest.raises(key_strength.KnownPrivateKey):
        CertificationRequest.parse(made)


def test_minus_g_is_refused() -> None:
    prime = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
    generator = gm.sm2.public_key((1).to_bytes(32, "big"))
    negative = generator[:33] + (prime - int.from_bytes(generator[33:], "big")).to_bytes(32, "big")
    with pytest.raises(key_strength.KnownPrivateKey):
        CertificationRequest.parse(csr.build(SUBJECT, negative, lambda _: b"\x30\x06\x02\x01\x01\x02\x01\x01"))


def test_the_example_key_of_the_standard_is_refused() -> None:
    private = bytes.fromhex("3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8")
    public = gm.sm2.public_key(private)
    assert public.hex().startswith("0409f9df311e5421")
    with pytest.raises(key_strength.KnownPrivateKey):
        CertificationRequest.parse(csr.build(SUBJECT, public, lambda m: gm.sm2.sign(private, public, m)))


def test_points_off_the_curve_are_refused() -> None:
    sm2, p256 = Sm2Key(), P256Key()
    for spki in (sm2.spki, p256.spki):
        broken = spki[:-1] + bytes((spki[-1] ^ 1,))
        with pytest.raises(key_strength.PointNotOnCurve):
            CertificationRequest.parse(csr.build(SUBJECT, broken, lambda _: b"\x30\x00"))
    zero = public_key.sm2_spki(b"\x04" + bytes(64))
    with pytest.raises(key_strength.PointNotOnCurve):
        CertificationRequest.parse(csr.build(SUBJECT, zero, lambda _: b"\x30\x00"))


def test_p256_generator_is_refused() -> None:
    private = ec.derive_private_key(1, ec.SECP256R1())
    spki = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    made = csr.build(SUBJECT, spki, lambda m: private.sign(m, ec.ECDSA(hashes.SHA256())))
    with pytest.raises(key_strength.KnownPrivateKey):
        CertificationRequest.parse(made)


def rsa_request(modulus: int, exponent: int = 65537) -> bytes:
    content = der.sequence(der.integer(modulus), der.integer(exponent))
    spki = der.sequence(der.algorithm(oids.RSA_ENCRYPTION, der.NULL_DER), der.bit_string(content))
    return csr.build(SUBJECT, spki, lambda _: bytes(256))


def test_weak_rsa_keys_are_refused() -> None:
    short = (1 << 1023) | 1
    good = rsa.generate_private_key(65537, 2048).private_numbers()
    modulus = good.public_numbers.n
    next_to = good.p + 2
    CertificationRequest.parse(rsa_request(modulus))
    cases: list[tuple[int, int, type[key_strength.WeakKey]]] = [
        (short, 65537, key_strength.RsaTooShort),
        (modulus, 3, key_strength.RsaBadExponent),
        (modulus, 65538, key_strength.RsaBadExponent),
        (modulus, (1 << 40) + 1, key_strength.RsaBadExponent),
        (modulus << 8192 | 1, 65537, key_strength.RsaTooLong),
        (modulus * 3, 65537, key_strength.RsaFactorable),
        (good.p * good.p, 65537, key_strength.RsaFactorable),
        (good.p * next_to, 65537, key_strength.RsaFactorable),
    ]
    for number, exponent, expected in cases:
        with pytest.raises(expected):
            CertificationRequest.parse(rsa_request(number, exponent))


def test_moduli_of_the_roca_cards_are_recognised() -> None:
    """p and q of the form k·M + (65537^a mod M) (CVE-2017-15361) leave their residues in the modulus."""
    product = 1
    for prime in key_strength._primes(168)[1:]:
        product *= prime
    shaped = pow(65537, 1234, product) * pow(65537, 777, product) % product
    multiples = itertools.count((1 << 2047) // product + 1)
    candidates = (shaped + product * multiple for multiple in multiples)
    modulus = next(number for number in candidates if math.gcd(number, key_strength._small_prime_product()) == 1)
    with pytest.raises(key_strength.RsaFactorable):
        CertificationRequest.parse(rsa_request(modulus))
    assert not key_strength._has_roca_shape(rsa.generate_private_key(65537, 2048).public_key().public_numbers().n)


def test_a_key_of_our_own_ca_is_refused(key: Sm2Key, request_der: bytes) -> None:
    parsed = CertificationRequest.parse(request_der)
    csr.refuse_keys_of(parsed, [Sm2Key().public])
    with pytest.raises(csr.ReusedKey):
        csr.refuse_keys_of(parsed, [Sm2Key().public, key.public])
    # The negative of a key has its private key as well: n − d.
    private = (SM2_ORDER - int.from_bytes(key.private, "big")).to_bytes(32, "big")
    with pytest.raises(csr.ReusedKey):
        csr.refuse_keys_of(parsed, [gm.sm2.public_key(private)])


def test_every_cause_tells_its_cure() -> None:
    for error in (
        *PkiError.__subclasses__(),
        *csr.RequestError.__subclasses__(),
        *csr.WeakKey.__subclasses__(),
    ):
        if error.__module__.startswith(("banyan.pki.csr", "banyan.pki.key_strength")):
            assert "请" in error.message, error
            assert error.code.startswith("pki."), error


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_mutations_are_refused_or_fail_verification(data: st.DataObject) -> None:
    """No flipped byte passes: either the parser refuses it or the signature does."""
    changed = bytearray(FUZZ_SEED)
    place = data.draw(st.integers(0, len(changed) - 1))
    changed[place] ^= data.draw(st.integers(1, 255))
    try:
        parsed = CertificationRequest.parse(bytes(changed))
    except PkiError:
        return
    # A signature's own NULL or absent parameters are not signed; everything else must break the proof.
    assert not csr.verify_many([parsed])[0]


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_noise_raises_our_errors_only(noise: bytes) -> None:
    with pytest.raises(PkiError):
        CertificationRequest.parse(noise)
    with pytest.raises(PkiError):
        CertificationRequest.parse(b"\x30" + noise)


@given(st.lists(st.tuples(st.sampled_from(["2.5.4.3", "2.5.4.10"]), st.text(max_size=90)), max_size=4), st.data())
@settings(max_examples=200, deadline=None)
def test_the_quick_name_check_accepts_nothing_that_the_full_one_refuses(
    rows: list[tuple[str, str]], data: st.DataObject
) -> None:
    rdns = [der.set_of([der.sequence(der.oid(oid), der.tlv(0x0C, text.encode()))]) for oid, text in rows]
    encoded = bytearray(der.sequence(*rdns))
    if data.draw(st.booleans()):
        encoded[data.draw(st.integers(0, len(encoded) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        plain = csr._is_plain_name(bytes(encoded))
    except der.DerError:
        return
    if plain:
        der.check_well_formed(bytes(encoded))


def make_fuzz_seed() -> bytes:
    made = Sm2Key()
    return csr.build(SUBJECT, made.public, made.sign, challenge_password="111111")


FUZZ_SEED = make_fuzz_seed()


def test_a_request_file_on_disk(tmp_path: Path, request_der: bytes) -> None:
    place = tmp_path / "申请.p10"
    place.write_bytes(csr.to_pem(request_der).encode("utf-16"))
    CertificationRequest.parse(place.read_bytes()).verify()
