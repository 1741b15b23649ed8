"""Reading certificates: ours, the forms met in the field, and hostile bytes (issue 2, pki)."""

from functools import cache

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from banyan import gm
from banyan.pki import oids
from banyan.pki import strict_der as der
from banyan.pki.certificate import Certificate, IdentifyCode, bundle_to_ders, certificate_to_pem, pem_to_der
from banyan.pki.errors import Malformed, PkiError
from banyan.pki.extension_values import identify_code, key_usage
from banyan.pki.profile import Use
from support.certificates import URLS, issue, make_issuing, make_root, make_template, parts_for

PROPERTIES = [
    "subject",
    "issuer",
    "key_usage",
    "extended_key_usage",
    "policies",
    "is_authority",
    "path_length",
    "key_id",
    "authority_key_id",
    "dns_names",
    "ip_addresses",
    "crl_urls",
    "delta_crl_urls",
    "ocsp_urls",
    "ca_issuers_urls",
    "identify_code",
    "organization_code",
    "key_algorithm",
    "public_key",
    "algorithm",
    "is_self_issued",
    "serial_hex",
]


@cache
def sample() -> bytes:
    issuing = make_issuing(make_root())
    return issue(make_template("sm2-device", Use.SIGNING, issuing), issuing)


def test_everything_written_is_read_again():
    root = make_root()
    issuing = make_issuing(root)
    template = make_template("sm2-personal", Use.ENCRYPTION, issuing)
    key = gm.sm2.generate_keypairs(1)[0].public
    parts = parts_for(template, key=key, common_name="张三")
    read = Certificate.parse(issue(template, issuing, parts))
    assert (read.version, read.serial, read.not_before, read.not_after) == (3, *parts[:3])
    assert read.subject_der == parts.subject_der
    assert read.subject[-1] == ("CN", "张三")
    assert read.issuer_der == issuing.issuer.name_der
    assert (read.key_algorithm, read.public_key, read.algorithm) == ("SM2", key, "SM2")
    assert read.key_usage == {"keyEncipherment", "dataEncipherment", "keyAgreement"}
    assert read.policies == ("1.3.6.1.4.1.32473.35.1.1",)
    assert (read.crl_urls, read.ocsp_urls, read.ca_issuers_urls) == tuple(URLS.values())
    assert read.identify_code == parts.identify_code
    assert read.organization_code == parts.organization_code
    assert not read.is_authority
    assert not read.is_self_issued
    gm.sm2.verify(issuing.issuer.public_key, read.tbs_der, read.signature)
    issuer = Certificate.parse(issuing.certificate)
    assert (issuer.is_authority, issuer.path_length) == (True, 0)
    assert issuer.key_usage == {"keyCertSign", "cRLSign"}
    anchor = Certificate.parse(root.certificate)
    assert anchor.is_self_issued
    assert anchor.path_length is None


def test_device_names_are_read():
    read = Certificate.parse(sample())
    assert read.dns_names == ("device.test.example",)
    assert read.ip_addresses == ("192.0.2.7", "2001:db8::7")
    assert read.extended_key_usage == (oids.SERVER_AUTH, oids.CLIENT_AUTH)


def test_another_parser_sees_the_same():
    read, seen = Certificate.parse(sample()), x509.load_der_x509_certificate(sample())
    assert int.from_bytes(read.serial, "big") == seen.serial_number
    assert (read.not_before, read.not_after) == (seen.not_valid_before_utc, seen.not_valid_after_utc)
    assert read.tbs_der == seen.tbs_certificate_bytes
    assert read.signature == seen.signature
    assert [one.oid for one in read.extensions] == [one.oid.dotted_string for one in seen.extensions]
    assert read.subject_der == seen.subject.public_bytes()


def test_pem_goes_both_ways():
    pem = certificate_to_pem(sample())
    assert pem.startswith("-----BEGIN CERTIFICATE-----\n")
    assert max(map(len, pem.splitlines())) == 64
    for form in (pem, pem.encode(), "\ufeff".encode() + pem.encode(), sample(), pem.replace("\n", "\r\n")):
        assert pem_to_der(form) == sample()
    with pytest.raises(Malformed):
        pem_to_der(pem.replace("CERTIFICATE", "PRIVATE KEY"))
    with pytest.raises(Malformed):
        pem_to_der("证书")


def test_a_bundle_gives_its_certificates_in_order() -> None:
    """A2: what export writes with the chain is one file of several certificates."""
    pem = certificate_to_pem(sample())
    assert bundle_to_ders(sample()) == bundle_to_ders(pem) == [sample()]
    assert bundle_to_ders(f"subject=a\n{pem}\nsubject=b\n{pem}".encode()) == [sample()] * 2
    for wrong in (
        pem + pem.replace("CERTIFICATE", "PRIVATE KEY"),
        pem + pem[:-40],
        pem * 101,
        pem + pem.replace("MI", "M-", 1),
    ):
        with pytest.raises(Malformed):
            bundle_to_ders(wrong)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (der.tlv(0xA0, der.tlv(0x13, b"11010519491231002X")), IdentifyCode("resident", "11010519491231002X")),
        (der.tlv(0x80, b"11010519491231002X"), IdentifyCode("resident", "11010519491231002X")),
        (der.tlv(0x13, b"11010519491231002X"), IdentifyCode("resident", "11010519491231002X")),
        (der.tlv(0xA1, der.tlv(0x0C, "军字第1号".encode())), IdentifyCode("officer", "军字第1号")),
        (der.tlv(0x82, b"E12345678"), IdentifyCode("passport", "E12345678")),
    ],
)
def test_identify_codes_in_the_forms_of_the_field_are_read(value, wanted):
    assert identify_code(value) == wanted


def test_key_usage_bits_are_named_by_their_place():
    assert key_usage(bytes.fromhex("03020780")) == {"digitalSignature"}
    assert key_usage(bytes.fromhex("030206c0")) == {"digitalSignature", "nonRepudiation"}
    assert key_usage(bytes.fromhex("0303070880")) == {"keyAgreement", "decipherOnly"}
    assert key_usage(bytes.fromhex("030100")) == set()


def test_malformed_input_has_one_exit():
    data = sample()
    cases = [b"", b"\x30", data[:-1], data + b"\x00", data[:200], b"\x30\x80" + data[4:] + b"\x00\x00", b"\x00" * 500]
    for case in cases:
        with pytest.raises(Malformed):
            Certificate.parse(case)


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(min_value=0), st.integers(0, 255)), min_size=1, max_size=4))
def test_changed_octets_raise_pki_errors_only_and_what_passes_another_parser_passes_too(changes):
    data = bytearray(sample())
    for place, octet in changes:
        data[place % len(data)] = octet
    try:
        read = Certificate.parse(bytes(data))
    except Malformed:
        return
    seen = _pyca(bytes(data))
    if seen is not None:
        assert read.tbs_der == seen.tbs_certificate_bytes
        assert int.from_bytes(read.serial, "big") == seen.serial_number
    for name in PROPERTIES:
        try:
            getattr(read, name)
        except PkiError:
            continue


def _pyca(data: bytes) -> x509.Certificate | None:
    try:
        return x509.load_der_x509_certificate(data)
    except Exception:
        return None


@given(st.binary(max_size=400))
def test_random_bytes_raise_malformed(data):
    with pytest.raises(Malformed):
        Certificate.parse(data)
