"""The four issuing systems as data (A1, A2, A3 renewal window, A5–A8 forms and media)."""

import ast
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import banyan
from banyan.domain.systems import errors, rules
from banyan.domain.systems.access import policy, policy_named
from banyan.domain.systems.policy import CertificateKind, MediumKind
from banyan.domain.systems.registry import load_policy, policies

EXPIRY = datetime(2026, 4, 30, 4, 0, tzinfo=UTC)
GENERAL = "GENERAL"


def test_four_systems_side_by_side() -> None:
    assert list(policies()) == ["GENERAL", "XINCHUANG", "MOBILE", "ESEAL"]
    assert len({entry.number_prefix for entry in policies().values()}) == 4


def test_profiles_named_by_policies_exist() -> None:
    from banyan.pki.profile import load_profiles

    known = load_profiles()
    for entry in policies().values():
        for kind in entry.kinds:
            profile = known[kind.profile]
            assert profile.kind == kind.kind
            assert kind.longest_validity_days + 62 <= profile.maximum_days
            if kind.classic_profile:
                assert kind.classic_profile in known


def test_what_each_system_issues_and_in_what() -> None:
    kinds = {code: {kind.kind.value for kind in entry.kinds} for code, entry in policies().items()}
    assert kinds["GENERAL"] == kinds["XINCHUANG"] == {"PERSONAL", "ORGANIZATION", "DEVICE"}
    assert "SEAL" in kinds["ESEAL"]
    assert "SEAL" not in kinds["GENERAL"]
    personal = {MediumKind.USB_KEY, MediumKind.TF_KEY, MediumKind.SIM_KEY}
    assert personal <= set(policy("GENERAL").kind("PERSONAL").media)
    assert {MediumKind.SIM_KEY, MediumKind.SIM_OVERLAY} <= set(policy("MOBILE").media)


def test_systems_are_named_as_sheets_name_them() -> None:
    assert policy_named("信创").code == policy_named("信创RA系统").code == policy_named("XINCHUANG").code == "XINCHUANG"
    with pytest.raises(errors.UnknownSystem, match="通用RA系统"):
        policy_named("第五系统")
    with pytest.raises(errors.UnknownSystem):
        policy("FIFTH")


def test_kinds_and_media_as_people_write_them() -> None:
    assert rules.certificate_kind("个人") is rules.certificate_kind("个人证书") is CertificateKind.PERSONAL
    assert (
        rules.medium_kind("usb key") is rules.medium_kind("USB_KEY") is rules.medium_kind("UKey") is MediumKind.USB_KEY
    )
    assert rules.medium_kind("SIM 贴片卡") is MediumKind.SIM_OVERLAY
    assert rules.medium_kind("软盘") is None
    with pytest.raises(errors.UnknownKind):
        rules.certificate_kind("宠物证书")


def test_a_kind_not_offered_says_what_is() -> None:
    with pytest.raises(errors.KindNotOffered, match="个人证书、单位证书、设备证书"):
        rules.ensure_kind(policy(GENERAL), "SEAL")


def test_media_not_allowed() -> None:
    with pytest.raises(errors.MediumNotAllowed, match="SIM 卡"):
        rules.ensure_medium(policy("MOBILE"), "PERSONAL", "USB_KEY", soft_tokens=True)
    assert rules.ensure_medium(policy(GENERAL), "PERSONAL", "SOFT", soft_tokens=True) is MediumKind.SOFT
    with pytest.raises(errors.SoftTokenRefused):
        rules.ensure_medium(policy(GENERAL), "PERSONAL", "SOFT", soft_tokens=False)


def test_certificates_in_soft_tokens_carry_another_policy() -> None:
    hard, soft = (rules.issuing(policy(GENERAL), "PERSONAL", medium) for medium in ("USB_KEY", "SOFT"))
    assert hard.policy_variant == "hardware"
    assert soft.policy_variant == "software"
    assert (hard.profile, hard.ca) == (soft.profile, soft.ca)


def test_equipment_that_knows_no_sm2() -> None:
    found = rules.issuing(policy(GENERAL), "DEVICE", "SERVER_HSM", algorithm="P256")
    assert (found.profile, found.ca) == ("p256-device", "p256-device")
    with pytest.raises(errors.ClassicNotOffered):
        rules.issuing(policy(GENERAL), "PERSONAL", "USB_KEY", algorithm="P256")


def test_validity_is_a_year_unless_asked_otherwise() -> None:
    assert rules.validity(policy(GENERAL), "PERSONAL") == timedelta(days=365)
    assert rules.validity(policy(GENERAL), "PERSONAL", 730) == timedelta(days=730)
    for days in (0, -1, 5000):
        with pytest.raises(errors.ValidityInvalid):
            rules.validity(policy(GENERAL), "PERSONAL", days)


def test_renewal_opens_two_calendar_months_before_expiry() -> None:
    entry = policy(GENERAL)
    opens = rules.renewal_opens(entry, EXPIRY)
    assert opens == datetime(2026, 2, 28, 4, 0, tzinfo=UTC)
    with pytest.raises(errors.RenewalTooEarly, match="2026-02-28"):
        rules.ensure_renewable(entry, EXPIRY, opens - timedelta(seconds=1), at_counter=True)
    rules.ensure_renewable(entry, EXPIRY, opens, at_counter=False)
    rules.ensure_renewable(entry, EXPIRY, EXPIRY, at_counter=False)


def test_after_expiry_at_the_counter_only_and_for_some_days() -> None:
    entry = policy(GENERAL)
    later = EXPIRY + timedelta(seconds=1)
    rules.ensure_renewable(entry, EXPIRY, later, at_counter=True)
    with pytest.raises(errors.RenewalCounterOnly, match="2026-05-30"):
        rules.ensure_renewable(entry, EXPIRY, later, at_counter=False)
    rules.ensure_renewable(entry, EXPIRY, EXPIRY + timedelta(days=30), at_counter=True)
    with pytest.raises(errors.RenewalTooLate):
        rules.ensure_renewable(entry, EXPIRY, EXPIRY + timedelta(days=30, seconds=1), at_counter=True)


def test_renewal_across_the_turn_of_a_year() -> None:
    expiry = datetime(2027, 1, 31, 4, 0, tzinfo=UTC)
    assert rules.renewal_opens(policy(GENERAL), expiry) == datetime(2026, 11, 30, 4, 0, tzinfo=UTC)


def test_xinchuang_asks_for_operating_system_and_cpu() -> None:
    entry = policy("XINCHUANG")
    found = rules.check_form(entry, "PERSONAL", {"operating_system": "银河麒麟V10", "cpu": " 飞腾 "})
    assert found == {"operating_system": "银河麒麟 V10", "cpu": "飞腾"}
    with pytest.raises(errors.FormFieldMissing, match="操作系统"):
        rules.check_form(entry, "PERSONAL", {"cpu": "飞腾"})
    with pytest.raises(errors.FormFieldInvalid, match="鲲鹏"):
        rules.check_form(entry, "PERSONAL", {"operating_system": "银河麒麟 V10", "cpu": "Z80"})


def test_mobile_records_application_address_and_medium() -> None:
    values = {"app_name": "闽政通测试", "ip_address": "192.0.2.1", "medium": "SIM卡"}
    assert rules.check_form(policy("MOBILE"), "PERSONAL", values)["medium"] == "SIM_KEY"
    with pytest.raises(errors.FormFieldInvalid, match="IP"):
        rules.check_form(policy("MOBILE"), "PERSONAL", {**values, "ip_address": "300.1.1.1"})


def test_seals_need_their_code_and_name() -> None:
    values = {"seal_code": "35010200000001", "seal_name": "测试局公章", "seal_kind": "法定名称章"}
    assert rules.check_form(policy("ESEAL"), "SEAL", values) == values
    with pytest.raises(errors.FormFieldMissing, match="印章唯一赋码"):
        rules.check_form(policy("ESEAL"), "SEAL", {**values, "seal_code": ""})


def test_fields_of_another_system_are_refused() -> None:
    with pytest.raises(errors.FormFieldUnknown, match="cpu"):
        rules.check_form(policy(GENERAL), "PERSONAL", {"cpu": "飞腾"})
    with pytest.raises(errors.FormFieldInvalid):
        rules.check_form(policy("MOBILE"), "PERSONAL", {"app_name": "=cmd()", "medium": "SIM卡"})


MINIMAL = """
code = "FIFTH"
name = "第五系统"
short_name = "第五"
number_prefix = "DW"
[renewal]
opens_months = 2
grace_days = 0
[soft_tokens]
allowed = false
variant = "software"
[[kind]]
kind = "PERSONAL"
profile = "sm2-personal"
ca = "sm2-personal"
validity_days = 365
longest_validity_days = 365
identify_code = "hmac"
media = ["USB_KEY"]
"""


def test_a_new_system_is_one_file() -> None:
    entry = load_policy(MINIMAL, file="fifth.toml")
    assert entry.code == "FIFTH"
    assert rules.issuing(entry, "PERSONAL", "USB_KEY").ca == "sm2-personal"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"PERSONAL"', '"PET"'),
        ('["USB_KEY"]', '["FLOPPY"]'),
        ("validity_days = 365\n", "validity_days = 0\n"),
        ('"hmac"', '"plain"'),
        ("opens_months = 2", "opens_month = 2"),
        ("number_prefix", "prefix"),
        ('ca = "sm2-personal"', 'classic_ca = "x"'),
        ("longest_validity_days = 365", "longest_validity_days = 100"),
        ("[[kind]]", "[[kinds]]"),
    ],
)
def test_a_wrong_file_is_named(old: str, new: str) -> None:
    assert old in MINIMAL
    with pytest.raises(errors.RegistryInvalid, match=r"fifth\.toml"):
        load_policy(MINIMAL.replace(old, new), file="fifth.toml")


def test_no_code_asks_which_system_it_is() -> None:
    """``if system ==`` appears nowhere: what differs between systems is data."""
    codes = set(policies())
    found = []
    for path in Path(banyan.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Compare | ast.MatchValue):
                inside = {
                    sub.value for sub in ast.walk(node) if isinstance(sub, ast.Constant) and isinstance(sub.value, str)
                }
                if inside & codes:
                    found.append(f"{path.name}:{node.lineno}")
    assert found == []


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("35010200000001", "35010200000001"),
        ("３５０１０２ ０００００００１", "35010200000001"),  # full width, with a gap
        ("350427-00000001", "35042700000001"),  # 沙县, a district of another code since 2021
        ("35042500000001", "35042500000001"),
        ("11010100000001", "11010100000001"),  # a body of the centre
    ],
)
def test_a_seals_code_names_a_region_of_today_or_of_its_day(typed: str, code: str) -> None:
    """A8: 14 digits, the first six a code of GB/T 2260."""
    values = {"seal_code": typed, "seal_name": "测试局公章", "seal_kind": "法定名称章"}
    assert rules.check_form(policy("ESEAL"), "SEAL", values)["seal_code"] == code


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("3501020000001", errors.FormFieldSealLength),
        ("350102000000011", errors.FormFieldSealLength),
        ("35010200O00001", errors.FormFieldSealDigits),
        ("35990200000001", errors.FormFieldSealRegion),
        ("00000000000000", errors.FormFieldSealRegion),
        ("99010100000001", errors.FormFieldSealRegion),
    ],
)
def test_a_seals_code_of_another_form_is_refused(typed: str, error: type[Exception]) -> None:
    values = {"seal_code": typed, "seal_name": "测试局公章", "seal_kind": "法定名称章"}
    with pytest.raises(error, match="印章唯一赋码"):
        rules.check_form(policy("ESEAL"), "SEAL", values)
