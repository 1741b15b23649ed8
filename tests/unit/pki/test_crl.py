"""Revocation lists, complete and delta (issue 2, pki; RFC 5280 §5, GB/T 20518-2018 §5.3)."""

import time
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from asn1crypto import crl as asn1_crl
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from banyan import gm
from banyan.pki.certificate import Issuer
from banyan.pki.crl import (
    Reason,
    assemble_crl,
    build_tbs_crl,
    crl_to_pem,
    encode_entries_many,
    encode_entry,
    encode_entry_by_library,
    parse_crl,
)
from banyan.pki.errors import CrlInvalid, Malformed, PkiError
from support.certificates import START, Authority, make_issuing, make_root

WEEK = timedelta(days=7)
MOMENTS = st.integers(631152000, 3471292800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
SERIALS = st.binary(min_size=1, max_size=20).filter(lambda serial: serial[0] != 0)


@cache
def authority(algorithm: str = "SM2", **addresses: tuple[str, ...]) -> Authority:
    return make_issuing(make_root(algorithm), **addresses)


def issuer(**addresses: tuple[str, ...]) -> Issuer:
    return authority(**addresses).issuer


def signed(tbs: bytes, signer: Authority | None = None) -> bytes:
    return assemble_crl(tbs, (signer or authority()).sign(tbs))


def build(entries=(), **changes) -> bytes:
    options = {"number": 12, "this_update": START, "next_update": START + WEEK} | changes
    who = options.pop("issuer", None) or issuer()
    return build_tbs_crl(who, list(entries), **options)


@given(SERIALS, MOMENTS, st.sampled_from(Reason))
def test_an_entry_is_the_librarys_entry(serial, moment, reason):
    assert encode_entry(serial, moment, reason) == encode_entry_by_library(serial, moment, reason)


@given(
    st.lists(
        st.tuples(SERIALS, MOMENTS, st.sampled_from([one for one in Reason if one is not Reason.REMOVE_FROM_CRL])),
        max_size=20,
    )
)
@settings(max_examples=50, deadline=None)
def test_what_is_built_is_read_back_by_us_and_by_others(rows):
    data = signed(build(encode_entries_many(rows)))
    read = parse_crl(data)
    wanted = [(serial, moment.replace(microsecond=0), reason) for serial, moment, reason in rows]
    assert [(one.serial, one.revoked_at, one.reason) for one in read.entries()] == wanted
    assert len(read) == len(rows)
    seen = asn1_crl.CertificateList.load(data, strict=True)
    listed = seen["tbs_cert_list"]["revoked_certificates"]
    assert [one["user_certificate"].native for one in listed] == [
        int.from_bytes(serial, "big") for serial, _, _ in rows
    ]
    other = x509.load_der_x509_crl(data)
    assert other.tbs_certlist_bytes == read.tbs_der
    assert len(other) == len(rows)
    for serial, _, _ in rows:
        found = read.find(serial)
        assert found is not None
        assert found.serial == serial


def test_head_and_tail_of_a_complete_crl():
    who = issuer(delta_crl_urls=("http://crl.test.example/delta.crl",))
    read = parse_crl(signed(build(issuer=who)))
    assert (read.number, read.base_number, read.is_delta) == (12, None, False)
    assert (read.this_update, read.next_update) == (START, START + WEEK)
    assert read.authority_key_id == who.key_id
    assert read.issuer_der == who.name_der
    assert read.delta_crl_urls == ("http://crl.test.example/delta.crl",)
    assert read.unknown_critical == ()
    assert len(read) == 0
    assert read.algorithm_der == read.tbs_algorithm_der


def test_the_signature_of_either_algorithm_verifies():
    for algorithm in ("SM2", "P256"):
        who = authority(algorithm)
        tbs = build([encode_entry(b"\x01", START)], issuer=who.issuer)
        read = parse_crl(signed(tbs, who))
        assert read.tbs_der == tbs
        if algorithm == "SM2":
            gm.sm2.verify(who.issuer.public_key, read.tbs_der, read.signature)
        assert x509.load_der_x509_crl(read.der).signature == read.signature


def test_a_delta_names_its_base_in_a_critical_extension_and_may_release():
    released = encode_entry(b"\x07", START, Reason.REMOVE_FROM_CRL)
    held = encode_entry(b"\x08", START, Reason.CERTIFICATE_HOLD)
    read = parse_crl(signed(build([released, held], base_number=9)))
    assert (read.is_delta, read.base_number, read.number) == (True, 9, 12)
    assert read.find(b"\x07").reason is Reason.REMOVE_FROM_CRL
    assert read.find(b"\x08").reason is Reason.CERTIFICATE_HOLD
    assert [one.is_critical for one in read.extensions if one.oid == "2.5.29.27"] == [True]
    with pytest.raises(CrlInvalid):
        build([released])


def test_a_shard_says_which_part_it_is_in_a_critical_extension():
    who = issuer(
        crl_urls=("http://crl.test.example/{shard}.crl",), delta_crl_urls=("http://crl.test.example/d{shard}.crl",)
    )
    read = parse_crl(signed(build(issuer=who, shard=5)))
    assert read.issuing_point_urls == ("http://crl.test.example/5.crl",)
    assert read.delta_crl_urls == ("http://crl.test.example/d5.crl",)
    assert not read.is_partial_by_flag
    delta = parse_crl(signed(build(issuer=who, shard=5, base_number=3)))
    assert delta.issuing_point_urls == read.issuing_point_urls
    assert delta.delta_crl_urls == ()


def test_an_unspecified_reason_is_left_out():
    assert encode_entry(b"\x01", START) == encode_entry(b"\x01", START, Reason.UNSPECIFIED)
    assert len(encode_entry(b"\x01", START)) == len(encode_entry(b"\x01", START, Reason.SUPERSEDED)) - 14


@pytest.mark.parametrize(
    "changes",
    [
        {"number": -1},
        {"base_number": 12},
        {"base_number": 13},
        {"next_update": START},
        {"this_update": START.replace(tzinfo=None)},
        {"this_update": START - timedelta(seconds=1)},
        {"shard": 1},
        {"entries": [b""]},
        {"entries": [encode_entry(b"\x01", START)[:-1]]},
        {"entries": [encode_entry(b"\x01", START) + b"\x00"]},
    ],
)
def test_a_crl_that_must_not_exist_is_refused(changes):
    with pytest.raises(CrlInvalid):
        build(**changes)


def test_a_sharded_issuer_needs_a_shard():
    with pytest.raises(CrlInvalid):
        build(issuer=issuer(crl_urls=("http://crl.test.example/{shard}.crl",)))


@pytest.mark.parametrize("serial", [b"", b"\x00", b"\x00\x01"])
def test_an_entry_without_a_proper_serial_is_refused(serial):
    with pytest.raises(CrlInvalid):
        encode_entry(serial, START)


def test_a_serial_inside_another_entry_is_not_taken_for_an_entry():
    # The serial 02 01 05 of the first entry holds the encoding of the serial 05.
    read = parse_crl(signed(build([encode_entry(b"\x02\x01\x05\x11", START), encode_entry(b"\x06", START)])))
    assert read.find(b"\x05") is None
    assert read.find(b"\x02\x01\x05\x11") is not None
    assert read.find(b"\x06") is not None


def test_pem_goes_both_ways():
    data = signed(build([encode_entry(b"\x01", START)]))
    assert parse_crl(crl_to_pem(data)).der == data
    with pytest.raises(Malformed):
        parse_crl(crl_to_pem(data).replace("X509 CRL", "CERTIFICATE"))


def test_assembling_something_else_is_refused():
    with pytest.raises(CrlInvalid):
        assemble_crl(b"\x30\x03\x02\x01", b"")


@cache
def sample() -> bytes:
    rows = [(bytes((5, number)), START, Reason.SUPERSEDED) for number in range(1, 9)]
    return signed(build(encode_entries_many(rows), base_number=3))


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(min_value=0), st.integers(0, 255)), min_size=1, max_size=4))
def test_changed_octets_raise_pki_errors_only(changes):
    data = bytearray(sample())
    for place, octet in changes:
        data[place % len(data)] = octet
    try:
        read = parse_crl(bytes(data))
        list(read.entries())
        found = [read.number, read.base_number, read.issuer, read.authority_key_id, read.issuing_point_urls, len(read)]
        read.find(b"\x05\x03")
    except PkiError:
        return
    assert len(found) == 6


@given(st.binary(max_size=300))
def test_random_bytes_raise_malformed(data):
    with pytest.raises(Malformed):
        parse_crl(data)


def test_two_hundred_thousand_entries_are_built_parsed_and_searched_quickly():
    """A generous bound: a quadratic builder would need minutes."""
    rows = [((1 << 120 | number).to_bytes(16, "big"), START, Reason(number % 6)) for number in range(200_000)]
    entries = encode_entries_many(rows)
    begun = time.perf_counter()
    read = parse_crl(signed(build(entries)))
    assert read.find(rows[-1][0]).reason is rows[-1][2]
    assert read.find(b"\x11" * 16) is None
    assert len(read) == 200_000
    assert time.perf_counter() - begun < 20
