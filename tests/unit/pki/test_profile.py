"""Profiles as data (issue 2, pki)."""

from importlib import resources

import pytest

from banyan.pki.errors import ProfileInvalid
from banyan.pki.profile import Kind, Use, load_profiles, parse_profile

TEXT = resources.files("banyan.pki").joinpath("profiles/sm2-personal.toml").read_text("utf-8")
CODES = {
    "sm2-personal",
    "sm2-organization",
    "sm2-device",
    "sm2-seal",
    "p256-device",
    "rsa-device",
    "sm2-root",
    "sm2-issuing-ca",
    "sm2-ocsp",
    "p256-root",
    "p256-issuing-ca",
    "p256-ocsp",
}


def test_every_kind_of_certificate_has_its_profile():
    profiles = load_profiles()
    assert set(profiles) == CODES
    assert {profile.kind for profile in profiles.values()} == set(Kind)
    for code in ("sm2-personal", "sm2-organization", "sm2-device", "sm2-seal"):
        assert profiles[code].is_pair
        assert profiles[code].key_usage[Use.SIGNING] == ("digitalSignature", "nonRepudiation")
        assert profiles[code].key_usage[Use.ENCRYPTION] == ("keyEncipherment", "dataEncipherment", "keyAgreement")


def test_soft_tokens_have_policies_of_their_own_below_the_arc_of_the_installation():
    profiles = load_profiles(policy_arc="1.2.156.99999.7")
    policies = [profile for profile in profiles.values() if profile.soft_token_policies]
    assert policies
    for profile in policies:
        assert not set(profile.policies) & set(profile.soft_token_policies)
        assert all(
            policy.startswith("1.2.156.99999.7.") for policy in (*profile.policies, *profile.soft_token_policies)
        )
    assert load_profiles()["sm2-personal"].policies == ("1.3.6.1.4.1.32473.35.1.1",)


def test_an_installation_replaces_a_shipped_profile(tmp_path):
    (tmp_path / "sm2-personal.toml").write_text(TEXT.replace("version = 1", "version = 7"), "utf-8")
    profiles = load_profiles(tmp_path)
    assert profiles["sm2-personal"].version == 7
    assert set(profiles) == CODES


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("version = 1", "version = 0", "version"),
        ("version = 1", 'version = "1"', "version"),
        ("version = 1", "version = true", "version"),
        ('name = "SM2 个人证书"', "", "name"),
        ('code = "sm2-personal"', 'code = "sm2-other"', "sm2-other"),
        ('kind = "PERSONAL"', 'kind = "ROBOT"', "ROBOT"),
        ('kind = "PERSONAL"', 'kind = "AUTHORITY"', "kind"),
        ('key_algorithms = ["SM2"]', 'key_algorithms = ["SM9"]', "key_algorithms"),
        ('key_algorithms = ["SM2"]', "key_algorithms = []", "key_algorithms"),
        ('signature_parameters = "absent"', 'signature_parameters = "maybe"', "signature_parameters"),
        ('signature_algorithm = "SM2"', 'signature_algorithm = "RSA"', "signature_algorithm"),
        ('"digitalSignature", "nonRepudiation"', '"digitalSignature", "everything"', "key_usage"),
        ('["digitalSignature", "nonRepudiation"]', "[]", "key_usage"),
        ('uses = ["SIGNING", "ENCRYPTION"]', 'uses = ["SIGNING"]', "key_usage"),
        ('required = ["C", "ST", "CN"]', 'required = ["C", "X"]', "subject.required"),
        ('fixed = { C = "CN" }', 'fixed = { DC = "CN" }', "subject.fixed"),
        ('order = ["C", "ST"', 'order = ["C", "C", "ST"', "subject.order"),
        ('software = ["arc.2.1"]', 'software = ["arc.1.1"]', "policies"),
        ('hardware = ["arc.1.1"]', 'hardware = ["arc.x"]', "object identifier"),
        ('identify_code = "hmac"', 'identify_code = "plain"', "plain"),
        (
            'identify_code = "hmac"',
            'identify_code = "hmac"\nidentify_code_presence = "absent"',
            "identify_code_presence",
        ),
        ('identify_code = "hmac"', 'identify_code = "hmac"\nsurprise = true', "surprise"),
        ('identify_code = "hmac"', 'identify_code = "hmac"\nbasic_constraints = "ca"', "basic_constraints"),
        ("freshest_crl = false", 'freshest_crl = "no"', "freshest_crl"),
        ("maximum_days = 1190", "maximum_days = 0", "maximum_days"),
        ("[extensions]", "[extensions", "line"),
    ],
)
def test_a_profile_at_fault_is_refused_and_the_entry_named(old, new, named):
    assert old in TEXT
    with pytest.raises(ProfileInvalid) as refused:
        parse_profile(TEXT.replace(old, new), "sm2-personal")
    assert named in str(refused.value)


def test_ecdsa_never_takes_null_parameters():
    text = resources.files("banyan.pki").joinpath("profiles/p256-device.toml").read_text("utf-8")
    with pytest.raises(ProfileInvalid):
        parse_profile(text.replace('parameters = "absent"', 'parameters = "null"'), "p256-device")


def test_a_profile_orders_the_attributes_of_a_name():
    profile = load_profiles()["sm2-personal"]
    name = profile.order({"CN": "张三", "OU": ["一部", "二科"], "O": "", "ST": "福建省"})
    assert name == (("C", "CN"), ("ST", "福建省"), ("OU", "一部"), ("OU", "二科"), ("CN", "张三"))
    with pytest.raises(ProfileInvalid):
        profile.order({"DC": "x"})
