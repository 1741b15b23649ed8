"""Numbers of people, bodies and devices: right ones are read, wrong ones are named with their cure (standards §9)."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from banyan.domain.parties import errors, rules
from banyan.domain.parties.kinds import IdentityType, OrganizationKind
from support.parties import credit_code as some_credit_code
from support.parties import resident_id

TODAY = date(2026, 3, 2)
STANDARD_ID = "11010519491231002X"  # the example of GB 11643
STANDARD_USCC = "91350100M000100Y43"  # the example of GB 32100


def read(text: str, kind: str = "RESIDENT") -> str:
    return rules.identity_number(kind, text, today=TODAY).number


@pytest.mark.parametrize(
    "typed",
    [
        STANDARD_ID,
        "11010519491231002x",
        "１１０１０５１９４９１２３１００２Ｘ",
        "１１０１０５１９４９１２３１００２ｘ",
        " 110105 19491231 002X ",
        "\u200b11010519491231002X\ufeff",
        "110105\u3000194912310\u00a002X",
        "11010519491231002X\n",
    ],
)
def test_a_resident_id_is_read_however_it_was_typed(typed: str) -> None:
    assert read(typed) == STANDARD_ID


def test_the_old_form_of_fifteen_digits_becomes_eighteen() -> None:
    assert read("110105491231002") == STANDARD_ID


@pytest.mark.parametrize(
    ("typed", "error", "says"),
    [
        ("110105194912310021", errors.IdentityChecksumInvalid, "校验码"),
        ("110105194913310028", errors.IdentityChecksumInvalid, "校验码"),
        ("1101051949123100", errors.IdentityLengthInvalid, "18 位"),
        ("11010519491231002XX", errors.IdentityLengthInvalid, "现为 19 位"),
        ("", errors.FieldEmpty, "没有填写"),
        ("  \u3000", errors.FieldEmpty, "没有填写"),
        ("1.10105194912310E+17", errors.DigitsLost, "文本格式"),
        ("1.10105E17", errors.DigitsLost, "文本格式"),
        ("1101051949123100A2", errors.IdentityFormatInvalid, "数字"),
        ("=CONCATENATE(A1,B1)", errors.IdentityLengthInvalid, "18 位"),
        ("１１０１０５壹玖４９１２３１００２", errors.IdentityLengthInvalid, "18 位"),
    ],
)
def test_a_wrong_resident_id_is_named(typed: str, error: type[errors.RuleError], says: str) -> None:
    with pytest.raises(error, match=says) as raised:
        read(typed)
    assert "请" in str(raised.value)


def with_check(seventeen: str) -> str:
    from stdnum.cn import ric

    return seventeen + ric.calc_check_digit(seventeen + "0")


@pytest.mark.parametrize("born", ["19901301", "19900230", "20260303", "18000101", "19900000"])
def test_a_birth_date_must_be_a_day_of_the_past(born: str) -> None:
    with pytest.raises(errors.IdentityDateInvalid):
        read(with_check(f"350102{born}001"))


def test_the_day_of_birth_may_be_today() -> None:
    assert read(with_check("35010220260302001"))


def test_codes_of_regions_that_are_gone_still_live_in_ids() -> None:
    assert read(with_check("35018219900101001"))
    assert read(with_check("35222819900101001"))


def test_a_province_that_never_was_is_refused() -> None:
    with pytest.raises(errors.IdentityFormatInvalid, match="省级"):
        read(with_check("99010219900101001"))


def test_residence_permits_have_their_own_type() -> None:
    permit = with_check("81000019900101001")
    assert read(permit, "RESIDENCE_PERMIT") == permit
    assert read(with_check("83000019900101001"), "港澳台居民居住证")
    with pytest.raises(errors.IdentityFormatInvalid, match="港澳台居民居住证"):
        read(permit)
    with pytest.raises(errors.IdentityFormatInvalid, match="810000"):
        read(resident_id(1), "RESIDENCE_PERMIT")


def test_foreign_permanent_residents_old_and_new() -> None:
    assert read(with_check("93515619900101001"), "FOREIGN_PERMANENT")
    assert read("usa110190010112", "FOREIGN_PERMANENT") == "USA110190010112"
    for wrong in ("US1110190010112", resident_id(1), "935156199001010019"):
        with pytest.raises(errors.RuleError):
            read(wrong, "FOREIGN_PERMANENT")


@pytest.mark.parametrize(
    ("typed", "stored"), [("e12345678", "E12345678"), ("ＥＡ1234567", "EA1234567"), ("AB 1234567", "AB1234567")]
)
def test_passports(typed: str, stored: str) -> None:
    assert read(typed, "PASSPORT") == stored


@pytest.mark.parametrize("typed", ["E123", "PASSPORT", "护照E1234567", "E12345678901234567", "E1234-5678"])
def test_wrong_passports(typed: str) -> None:
    with pytest.raises(errors.IdentityFormatInvalid):
        read(typed, "护照")


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("军字第0123456号", "军字第123456号"),
        ("军字 第 123456 号", "军字第123456号"),
        ("南字第1234567", "南字第1234567号"),
        ("12345678", "12345678"),
    ],
)
def test_military_papers_have_one_form(typed: str, stored: str) -> None:
    assert read(typed, "军官证") == stored


def test_unknown_papers_are_refused_with_the_known_ones() -> None:
    with pytest.raises(errors.UnknownIdentityType, match="居民身份证"):
        rules.identity_type("学生证")
    assert rules.identity_type("身份证") is IdentityType.RESIDENT
    assert rules.identity_type("  居民身份证 ") is IdentityType.RESIDENT


@pytest.mark.parametrize(
    "typed",
    [
        STANDARD_USCC,
        "91350100m000100y43",
        "９１３５０１００Ｍ０００１００Ｙ４３",
        "91350100-M000100Y-43",
        " 91350100M000100Y43",
    ],
)
def test_a_credit_code_is_read_however_it_was_typed(typed: str) -> None:
    assert rules.credit_code(typed) == STANDARD_USCC


@pytest.mark.parametrize(
    ("typed", "error", "says"),
    [
        ("91350100M000100Y44", errors.IdentityChecksumInvalid, "校验码"),
        ("91350100M000100Y4", errors.IdentityLengthInvalid, "现为 17 位"),
        ("9135O100M000100Y43", errors.IdentityFormatInvalid, "第 5 位不能是 O"),
        ("71350100M000100Y43", errors.IdentityFormatInvalid, "登记管理部门"),
        ("9135A100M000100Y43", errors.IdentityFormatInvalid, "行政区划"),
    ],
)
def test_a_wrong_credit_code_is_named(typed: str, error: type[errors.RuleError], says: str) -> None:
    with pytest.raises(error, match=says):
        rules.credit_code(typed)


def test_what_a_body_is_follows_from_its_code() -> None:
    by_start = {
        "11": "GOVERNMENT",
        "12": "PUBLIC_INSTITUTION",
        "13": "MASS_ORGANIZATION",
        "19": "OTHER",
        "51": "SOCIAL_ORGANIZATION",
        "53": "SOCIAL_ORGANIZATION",
        "91": "ENTERPRISE",
        "92": "ENTERPRISE",
        "N1": "OTHER",
    }
    assert {start: rules.organization_kind(start + "0" * 16).value for start in by_start} == by_start
    assert rules.organization_kind(STANDARD_USCC) is OrganizationKind.ENTERPRISE


@pytest.mark.parametrize(
    ("typed", "stored"), [("D2143569-X", "D2143569X"), ("m000100y-4", "M000100Y4"), ("M000100Y4", "M000100Y4")]
)
def test_old_organisation_codes(typed: str, stored: str) -> None:
    assert rules.organization_code(typed) == stored


@pytest.mark.parametrize("typed", ["D21435691", "M000100Y5", "M000100Y", "M000100Y44"])
def test_wrong_organisation_codes(typed: str) -> None:
    with pytest.raises(errors.RuleError):
        rules.organization_code(typed)


@pytest.mark.parametrize(
    "typed",
    [
        "13800000023",
        "+8613800000023",
        "008613800000023",
        "86-138-0000-0023",
        "１３８００００００２３",
        "138 0000 0023",
        "(+86)13800000023",
    ],
)
def test_a_mobile_number_is_read_however_it_was_typed(typed: str) -> None:
    assert rules.mobile_number(typed) == "13800000023"


@pytest.mark.parametrize("typed", ["12800000023", "1380000002", "138000000234", "0591-87654321", "1.38E+10", "abc"])
def test_wrong_mobile_numbers(typed: str) -> None:
    with pytest.raises(errors.MobileInvalid):
        rules.mobile_number(typed)


def test_masks_as_pages_show_them() -> None:
    assert rules.mask_number(STANDARD_ID) == "110105********002X"
    assert rules.mask_phone("13800000023") == "138****0023"


@given(st.text(min_size=1, max_size=40))
def test_no_mask_shows_a_whole_value(text: str) -> None:
    assert rules.mask_number(text) != text or set(text) == {"*"}
    hidden = sum(1 for shown, real in zip(rules.mask_number(text), text, strict=True) if shown == "*")
    assert hidden >= len(text) / 4


@given(st.sampled_from([*IdentityType]), st.text(alphabet="0123456789Xx ABC第字号军", min_size=1, max_size=22))
def test_no_error_holds_the_whole_value(kind: IdentityType, text: str) -> None:
    value = re.sub(r"\s", "", text).upper()
    try:
        number = rules.identity_number(kind, text, today=TODAY)
    except errors.RuleError as error:
        told = f"{error} {error!r} {error.fields}"
    else:
        told = repr(number)
        assert rules.identity_number(kind, number.number, today=TODAY) == number
    assert len(value) < 4 or value not in told


@given(st.integers(0, 999), st.integers(0, 16), st.integers(1, 9))
def test_every_single_wrong_digit_is_found(number: int, place: int, shift: int) -> None:
    right = resident_id(number)
    wrong = right[:place] + str((int(right[place]) + shift) % 10) + right[place + 1 :]
    with pytest.raises(errors.RuleError):
        read(wrong)


@given(st.integers(0, 9999999))
def test_every_made_credit_code_is_right(number: int) -> None:
    assert rules.credit_code(some_credit_code(number))


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("WWW.Example.GOV.cn", "www.example.gov.cn"),
        ("www.example.gov.cn.", "www.example.gov.cn"),
        ("*.example.gov.cn", "*.example.gov.cn"),
        ("ｗｗｗ．example．cn", "www.example.cn"),
        ("福建.中国", "xn--fjq972d.xn--fiqs8s"),
    ],
)
def test_domain_names(typed: str, stored: str) -> None:
    if not typed.isascii() and "ｗ" not in typed:
        stored = ".".join(label.encode("idna").decode() for label in typed.split("."))
    assert rules.read_domain_name(typed) == stored


@pytest.mark.parametrize(
    "typed",
    [
        "http://a.cn",
        "a.cn/x",
        "a.cn:443",
        "localhost",
        "1.2.3.4",
        "-a.cn",
        "a..cn",
        "a b.cn",
        "user@a.cn",
        "a" * 64 + ".cn",
    ],
)
def test_wrong_domain_names(typed: str) -> None:
    with pytest.raises(errors.DomainNameInvalid, match="www"):
        rules.read_domain_name(typed)


@pytest.mark.parametrize(("typed", "stored"), [("192.0.2.10", "192.0.2.10"), (" ２００１:db8::0001 ", "2001:db8::1")])
def test_addresses(typed: str, stored: str) -> None:
    assert rules.read_ip_address(typed) == stored


@pytest.mark.parametrize("typed", ["192.0.2.256", "192.0.2", "192.0.2.1:80", "fe80::1%eth0", "主机"])
def test_wrong_addresses(typed: str) -> None:
    with pytest.raises(errors.AddressInvalid):
        rules.read_ip_address(typed)


def test_icp_numbers() -> None:
    assert rules.read_icp_number("闽icp备 12345678号-1") == "闽ICP备12345678号-1"
    assert rules.read_icp_number("闽ICP备12345678号") == "闽ICP备12345678号"
    for wrong in ("ICP备12345678号", "闽ICP备123号", "闽ICP备12345678"):
        with pytest.raises(errors.IcpNumberInvalid):
            rules.read_icp_number(wrong)


def test_a_device_is_known_by_domain_serial_or_address_in_this_order() -> None:
    assert rules.device_identity(domain_name="a.cn", ip_address="192.0.2.1").key == "dns:a.cn"
    assert rules.device_identity(serial_number="sn-001", ip_address="192.0.2.1").key == "sn:SN-001"
    assert rules.device_identity(ip_address="192.0.2.1").key == "ip:192.0.2.1"
    assert rules.device_identity(domain_name="a.cn").name == "a.cn"
    with pytest.raises(errors.DeviceUnnamed):
        rules.device_identity(name="网关")
