"""Template splicing equals the ASN.1 library's own encoding, byte for byte (issue 2, pki; ADR 3)."""

import hashlib
import string
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from banyan import gm
from banyan.pki import certificate_template, moving_parts, names
from banyan.pki.certificate import (
    Certificate,
    CertificateParts,
    IdentifyCode,
    Issuer,
    Template,
    encode_tbs_by_library,
)
from banyan.pki.certificate_sample import SAMPLE_KEYS
from banyan.pki.errors import PartsInvalid, TemplateInvalid
from banyan.pki.profile import Use, parse_profile
from support.certificates import PROFILES, START, make_issuing, make_root, make_template, parts_for

CASES = [
    (code, use, is_soft, is_sharded)
    for code, profile in PROFILES.items()
    for use in profile.uses
    for is_soft in ((False, True) if profile.soft_token_policies else (False,))
    for is_sharded in (False, True)
]
TEXT = st.text(st.characters(exclude_categories=("Cc", "Cf", "Cs", "Cn", "Zl", "Zp")), min_size=1, max_size=64).filter(
    lambda text: text.strip() == text
)
MOMENTS = st.datetimes(
    min_value=datetime(1950, 1, 2),  # noqa: DTZ001  (the strategy adds the zone)
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=8))]),
)
SERIALS = st.binary(min_size=1, max_size=20).filter(lambda serial: serial[0] != 0)
LABEL = st.text(string.ascii_lowercase + string.digits, min_size=1, max_size=20)
DNS = st.lists(LABEL, min_size=1, max_size=4).map(".".join)
ADDRESSES = st.one_of(st.integers(0, 2**32 - 1).map(IPv4Address), st.integers(0, 2**128 - 1).map(IPv6Address)).map(str)
PRINTABLE = st.text(string.ascii_letters + string.digits + " '()+,-./:=?", min_size=1, max_size=140)
CODES = st.one_of(
    st.builds(IdentifyCode, st.sampled_from(["resident", "passport"]), PRINTABLE),
    st.builds(IdentifyCode, st.just("officer"), TEXT),
)
POINTS = st.binary(min_size=64, max_size=64).map(lambda xy: b"\x04" + xy)


@cache
def template(code: str, use: Use, is_soft: bool, is_sharded: bool) -> Template:
    root = make_root(PROFILES[code].signature_algorithm)
    addresses = {
        "crl_urls": ("http://crl.test.example/part{shard}.crl", "ldap://ldap.test.example/CN=crl{shard},O=CA?x")
    }
    addresses["delta_crl_urls"] = ("http://crl.test.example/delta{shard}.crl",)
    issuing = make_issuing(root, **(addresses if is_sharded else {}))
    return make_template(code, use, issuing, is_soft_token=is_soft)


@st.composite
def moving(draw, one: Template) -> CertificateParts:
    """Any parts that have an encoding, sound or not: splicing must agree with the library on all of them."""
    name = [("C", "CN"), *draw(st.lists(st.tuples(st.sampled_from(["ST", "L", "O", "OU", "CN"]), TEXT), max_size=8))]
    keys = st.one_of(
        POINTS,
        POINTS.map(lambda point: moving_parts.SM2_SPKI_HEAD + point),
        st.sampled_from(list(SAMPLE_KEYS.values())),
    )
    return CertificateParts(
        serial=draw(SERIALS),
        not_before=draw(MOMENTS),
        not_after=draw(MOMENTS),
        subject_der=names.encode_name(tuple(name)),
        public_key=draw(keys),
        identify_code=draw(st.none() | CODES),
        organization_code=draw(st.none() | PRINTABLE),
        dns_names=tuple(draw(st.lists(DNS, max_size=3))),
        ip_addresses=tuple(draw(st.lists(ADDRESSES, max_size=3))),
        crl_shard=draw(st.integers(0, 65535)) if one.issuer.is_sharded else None,
    )


@pytest.mark.parametrize(("code", "use", "is_soft", "is_sharded"), CASES)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_spliced_bytes_are_the_librarys_bytes(code, use, is_soft, is_sharded, data):
    one = template(code, use, is_soft, is_sharded)
    parts = data.draw(moving(one))
    assert one.encode_tbs(parts) == encode_tbs_by_library(parts, one)


def test_a_freshest_crl_and_null_parameters_and_a_clear_code_splice_too():
    text = (certificate_template.__file__).replace("certificate_template.py", "profiles/sm2-personal.toml")
    with open(text, encoding="utf-8") as file:
        source = file.read()
    source = source.replace("freshest_crl = false", "freshest_crl = true").replace('"hmac"', '"clear"')
    source = source.replace('signature_parameters = "absent"', 'signature_parameters = "null"')
    profile = parse_profile(source, "sm2-personal")
    issuing = make_issuing(make_root(), delta_crl_urls=("http://crl.test.example/delta.crl",))
    one = Template(profile, Use.SIGNING, issuing.issuer)
    parts = parts_for(one)
    tbs = one.encode_tbs(parts)
    assert tbs == encode_tbs_by_library(parts, one)
    parsed = Certificate.parse(one.assemble(tbs, issuing.sign(tbs)))
    assert parsed.delta_crl_urls == ("http://crl.test.example/delta.crl",)
    assert parsed.identify_code == IdentifyCode("resident", "11010519491231002X")
    assert parsed.algorithm_der.endswith(b"\x05\x00")
    assert parsed.algorithm_der == parsed.tbs_algorithm_der


def test_a_template_that_splices_wrongly_refuses_to_exist(monkeypatch):
    issuing = make_issuing(make_root())
    monkeypatch.setattr(moving_parts, "organization_code", lambda parts: b"\x30\x00")
    with pytest.raises(TemplateInvalid):
        make_template("sm2-personal", Use.SIGNING, issuing)


def test_profile_use_and_issuer_must_fit():
    sm2, p256 = make_issuing(make_root()), make_issuing(make_root("P256"))
    for code, use, authority, is_soft in (
        ("sm2-personal", Use.BOTH, sm2, False),
        ("sm2-personal", Use.SIGNING, p256, False),
        ("p256-device", Use.BOTH, sm2, False),
        ("sm2-ocsp", Use.OCSP, sm2, True),
    ):
        with pytest.raises(TemplateInvalid):
            make_template(code, use, authority, is_soft_token=is_soft)


def test_times_take_their_form_at_2050_and_drop_parts_of_a_second():
    one = template("sm2-personal", Use.SIGNING, False, False)
    last = datetime(2049, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    for moment, form in (
        (last, b"\x17\x0d491231235959Z"),
        (last + timedelta(microseconds=1), b"\x18\x0f20500101000000Z"),
    ):
        tbs = one.encode_tbs(parts_for(one)._replace(not_after=moment))
        assert form in tbs
        signed = Certificate.parse(one.assemble(tbs, b"\x30\x00"))
        assert signed.not_after == moment.replace(microsecond=0)


@pytest.mark.parametrize(
    "bad",
    [
        {"serial": b""},
        {"serial": b"\x00\x01"},
        {"not_before": START.replace(tzinfo=None)},
        {"not_before": datetime(1949, 12, 31, tzinfo=UTC)},
        {"identify_code": IdentifyCode("licence", "1")},
        {"organization_code": "机构"},
        {"dns_names": ("设备.example",)},
        {"ip_addresses": ("300.1.1.1",)},
        {"public_key": b"\x30\x05"},
    ],
)
def test_parts_without_an_encoding_name_their_row(bad):
    one = template(
        "sm2-device" if {"dns_names", "ip_addresses"} & set(bad) else "sm2-personal", Use.SIGNING, False, False
    )
    sound = parts_for(one)
    with pytest.raises(PartsInvalid) as refused:
        one.encode_tbs_many([sound, sound, sound._replace(**bad)])
    assert refused.value.fields["row"] == 2


def test_a_sharded_issuer_writes_the_shard_into_the_address():
    one = template("sm2-personal", Use.SIGNING, False, True)
    for shard in (0, 7, 65535):
        tbs = one.encode_tbs(parts_for(one)._replace(crl_shard=shard))
        urls = Certificate.parse(one.assemble(tbs, b"\x30\x00")).crl_urls
        assert urls[0] == f"http://crl.test.example/part{shard}.crl"
    with pytest.raises(PartsInvalid):
        one.encode_tbs(parts_for(one)._replace(crl_shard=None))


def test_the_directory_entry_of_a_crl_stands_before_its_urls():
    entry = names.encode_name((("C", "CN"), ("O", "测试机构"), ("OU", "CRL"), ("CN", "crl0")))
    issuing = make_issuing(make_root())
    issuer: Issuer = replace(issuing.issuer, crl_directory_name_der=entry)
    one = Template(PROFILES["sm2-personal"], Use.SIGNING, issuer)
    tbs = one.encode_tbs(parts_for(one))
    assert tbs.index(entry) < tbs.index(b"http://crl.test.example/")


def test_key_identifiers_are_sha1_of_the_point_whatever_form_the_key_came_in():
    one = template("sm2-personal", Use.SIGNING, False, False)
    point = gm.sm2.generate_keypairs(1)[0].public
    bare = one.encode_tbs(parts_for(one, key=point))
    wrapped = one.encode_tbs(parts_for(one, key=moving_parts.SM2_SPKI_HEAD + point))
    assert bare == wrapped
    parsed = Certificate.parse(one.assemble(bare, b"\x30\x00"))
    assert parsed.key_id == hashlib.sha1(point, usedforsecurity=False).digest()
    assert parsed.authority_key_id == one.issuer.key_id
