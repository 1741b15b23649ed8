"""What all certificates of a template share is judged once a template version (issue 2, pki)."""

from dataclasses import replace
from functools import cache

import pytest

from banyan.pki import lint_template as lint_template_module
from banyan.pki import names
from banyan.pki import strict_der as der
from banyan.pki.certificate import Template
from banyan.pki.certificate_sample import SAMPLE_KEYS
from banyan.pki.lint import RULES, lint_template
from banyan.pki.profile import Use
from support.certificates import PROFILES, START, Authority, make_issuing, make_root, make_template

CASES = [
    (code, use, is_soft)
    for code, profile in PROFILES.items()
    for use in profile.uses
    for is_soft in ((False, True) if profile.soft_token_policies else (False,))
]
SIGNING, PERSONAL = Use.SIGNING, PROFILES["sm2-personal"]


@cache
def authority(algorithm: str) -> Authority:
    return make_issuing(make_root(algorithm))


def spoilt(profile=PERSONAL, use=SIGNING, is_soft_token=False, **issuer):
    """A template whose profile or issuer breaks a rule."""
    return Template(profile, use, replace(authority("SM2").issuer, **issuer), is_soft_token=is_soft_token)


def usage(use, *bits):
    return replace(PERSONAL, key_usage={**PERSONAL.key_usage, use: bits})


@pytest.mark.parametrize(("code", "use", "is_soft"), CASES)
def test_every_shipped_profile_makes_a_sound_template(code, use, is_soft):
    signer = authority(PROFILES[code].signature_algorithm)
    assert lint_template(make_template(code, use, signer, is_soft_token=is_soft)) == []


BREACHES = {
    "issuer.name": lambda: spoilt(
        name_der=der.sequence(der.tlv(der.SET, der.sequence(der.oid("2.5.4.3"), b"\x0c\x00")))
    ),
    "issuer.key": lambda: spoilt(spki_der=SAMPLE_KEYS["SM2"][:-64] + bytes(64)),
    "issuer.key_id": lambda: spoilt(key_id=b"\x01"),
    "issuer.validity": lambda: spoilt(not_after=START),
    "usage.signing": lambda: spoilt(usage(SIGNING, "digitalSignature")),
    "usage.encryption": lambda: spoilt(usage(Use.ENCRYPTION, "keyEncipherment"), Use.ENCRYPTION),
    "usage.authority": lambda: spoilt(usage(SIGNING, "digitalSignature", "nonRepudiation", "keyCertSign")),
    "usage.ocsp": lambda: spoilt(replace(PERSONAL, ocsp_no_check=True)),
    "policy.presence": lambda: spoilt(replace(PERSONAL, policies=())),
    "policy.soft_token": lambda: spoilt(replace(PERSONAL, soft_token_policies=PERSONAL.policies)),
    "points.presence": lambda: spoilt(crl_urls=()),
    "points.url": lambda: spoilt(crl_urls=("file:///crl",)),
}
# A template that breaks these refuses to be made; the lint looks all the same (tests of their own below).
ELSEWHERE = {"template.splice", "template.sample", "template.stored", "algorithm.signature"}


def test_every_rule_of_this_half_has_a_breach():
    assert set(BREACHES) | ELSEWHERE == {code for code, rule in RULES.items() if rule.half == "template"}


@pytest.mark.parametrize("rule", sorted(BREACHES))
def test_a_template_at_fault_is_refused_by_its_rule(rule):
    findings = lint_template(BREACHES[rule]())
    assert rule in {found.rule for found in findings}
    assert all(found.is_error for found in findings)


def test_the_sample_is_judged_by_the_other_two_halves():
    template = spoilt()
    template.profile = replace(PERSONAL, subject_required=("C", "ST", "CN", "O"))
    template.sample_parts = lambda: spoilt().sample_parts()
    inner = {(found.rule, found.fields.get("inner")) for found in lint_template(template)}
    assert ("template.sample", "subject.required") in inner
    assert ("template.stored", "stored.subject") in inner


def test_a_splice_that_has_come_apart_is_seen(monkeypatch):
    monkeypatch.setattr(lint_template_module, "encode_tbs_by_library", lambda parts, template: b"\x30\x00")
    assert [found.rule for found in lint_template(spoilt())] == ["template.splice"]


def test_a_signature_that_does_not_fit_the_issuers_key_is_seen():
    template = spoilt()
    template.issuer = authority("P256").issuer
    assert "algorithm.signature" in {found.rule for found in lint_template(template)}


@pytest.mark.parametrize(
    "url", ["https://a.example/x", "http://", "http://a b/", "ldap://a.example:x/", "http://测试/"]
)
def test_addresses_that_programs_cannot_fetch_are_refused(url):
    try:
        template = spoilt(crl_urls=(url,))
    except ValueError:
        return
    assert "points.url" in {found.rule for found in lint_template(template)}


def test_names_of_the_national_hierarchy_are_good_issuers():
    name = names.encode_name((("C", "CN"), ("O", "NRCAC"), ("CN", "Civil Servant ROOT")))
    assert lint_template(spoilt(name_der=name)) == []
