"""Distinguished names: GB/T 20518-2018 §5.2.3, X.520 (issue 2, pki)."""

import pytest
from asn1crypto import x509
from hypothesis import given
from hypothesis import strategies as st

from banyan.pki import names
from banyan.pki import strict_der as der
from banyan.pki.errors import Malformed, NameInvalid

GOOD_TEXT = st.text(
    st.characters(exclude_categories=("Cc", "Cf", "Cs", "Cn", "Zl", "Zp")), min_size=1, max_size=64
).filter(lambda text: text.strip() == text)
UTF8_ATTRIBUTES = st.sampled_from(["ST", "L", "O", "OU", "CN", "SN", "GN", "title", "UID", "2.5.4.15"])


@given(st.lists(st.tuples(UTF8_ATTRIBUTES, GOOD_TEXT), min_size=1, max_size=7))
def test_a_name_survives_the_round_trip_and_the_library_reads_the_same(pairs):
    name = tuple(pairs)
    encoded = names.encode_name(name)
    assert names.decode_name(encoded) == name
    read = [relative[0]["value"].native for relative in x509.Name.load(encoded, strict=True).chosen]
    assert read == [text for _, text in name]


def test_country_is_printable_the_rest_utf8_and_the_order_is_kept():
    name = (("C", "CN"), ("ST", "福建省"), ("L", "福州市"), ("O", "单位"), ("OU", "部门"), ("CN", "张三"))
    found = list(names.attributes(names.encode_name(name)))
    assert [attribute for attribute, _, _ in found] == ["C", "ST", "L", "O", "OU", "CN"]
    assert [tag for _, tag, _ in found] == [der.PRINTABLE_STRING] + [der.UTF8_STRING] * 5


@pytest.mark.parametrize("character", ["𠮷", "\U00030edd", "\U0002ebf0", "·", "㐂", "\ue000"])
def test_rare_characters_of_peoples_names_pass(character):
    name = (("CN", f"买{character}买"),)
    assert names.decode_name(names.encode_name(name)) == name


def test_sixty_four_code_points_pass_and_sixty_five_are_refused_not_cut():
    assert names.decode_name(names.encode_name((("CN", "𠮷" * 64),))) == (("CN", "𠮷" * 64),)
    for attribute in ("CN", "O", "OU"):
        with pytest.raises(NameInvalid) as refused:
            names.encode_name(((attribute, "汉" * 65),))
        assert refused.value.fields["attribute"] == attribute
        assert "64" in str(refused.value)
    names.encode_name((("L", "汉" * 128),))
    with pytest.raises(NameInvalid):
        names.encode_name((("L", "汉" * 129),))


@pytest.mark.parametrize(
    ("attribute", "text"),
    [
        ("CN", ""),
        ("CN", " 张三"),
        ("CN", "张三 "),
        ("CN", "张\x00三"),
        ("CN", "张\n三"),
        ("CN", "张\u202e三"),
        ("CN", "张\u200b三"),
        ("CN", "张\ud800三"),
        ("CN", "张\uffff三"),
        ("C", "cn"),
        ("C", "CHN"),
        ("C", "中"),
        ("serialNumber", "编号1"),
        ("emailAddress", "张@example.com"),
        ("nonsense", "x"),
        ("2.5.x", "x"),
    ],
)
def test_bad_values_are_refused_with_one_typed_error(attribute, text):
    with pytest.raises(NameInvalid):
        names.encode_name(((attribute, text),))


def test_an_empty_name_is_refused():
    with pytest.raises(NameInvalid):
        names.encode_name(())


def test_names_that_differ_in_case_spaces_and_string_type_are_the_same():
    ours = names.encode_name((("C", "CN"), ("O", "Fujian  CA"), ("CN", "Root")))
    library = x509.Name.build({"country_name": "CN", "organization_name": "fujian ca", "common_name": "ROOT"})
    other = library.dump()
    assert ours != other
    assert names.same(ours, other)
    assert not names.same(ours, names.encode_name((("C", "CN"), ("O", "Fujian CA"), ("CN", "Root2"))))
    swapped = names.encode_name((("O", "Fujian CA"), ("C", "CN"), ("CN", "Root")))
    assert not names.same(ours, swapped)


def test_the_old_string_types_of_foreign_certificates_are_read():
    relative = der.tlv(der.SET, der.sequence(der.oid("2.5.4.3"), der.tlv(der.BMP_STRING, "张三".encode("utf-16-be"))))
    assert names.decode_name(der.sequence(relative)) == (("CN", "张三"),)


@given(st.binary(max_size=60))
def test_hostile_bytes_raise_malformed_only(data):
    try:
        names.decode_name(data)
    except Malformed:
        return
    assert names.decode_name(data) is not None


@given(st.integers(min_value=0), st.integers(min_value=0, max_value=255))
def test_a_changed_octet_of_a_name_raises_malformed_or_still_decodes(place, octet):
    encoded = bytearray(names.encode_name((("C", "CN"), ("O", "测试"), ("CN", "张三"))))
    encoded[place % len(encoded)] = octet
    try:
        decoded = names.decode_name(bytes(encoded))
    except Malformed:
        return
    assert all(isinstance(text, str) for _, text in decoded)


def test_a_name_is_shown_on_one_line_with_its_separators_escaped():
    name = (("C", "CN"), ("O", "甲, 乙"), ("CN", "#1=2"))
    assert names.display(name) == r"C=CN, O=甲\, 乙, CN=\#1\=2"
    assert names.common_name(name) == "#1=2"
