"""Stored certificates are read back by other code than wrote them (issue 2: banyan cert check)."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from asn1crypto import core, x509
from hypothesis import given, settings
from hypothesis import strategies as st

from banyan.pki import extensions, names, oids
from banyan.pki.certificate import Certificate, CertificateParts, IdentifyCode, Template
from banyan.pki.lint import RULES, check_certificate
from banyan.pki.profile import Use
from support.certificates import PROFILES, Authority, issue, make_issuing, make_root, make_template, parts_for, sm2_key

CASES = [(code, use) for code, profile in PROFILES.items() for use in profile.uses]


@cache
def authority(algorithm: str) -> Authority:
    return make_issuing(make_root(algorithm))


@cache
def template(code: str = "sm2-device", use: Use = Use.SIGNING) -> Template:
    return make_template(code, use, authority(PROFILES[code].signature_algorithm))


def rules(certificate: bytes, code: str = "sm2-device", **options: Any) -> set[str]:
    signer = authority(PROFILES[code].signature_algorithm)
    return {found.rule for found in check_certificate(certificate, PROFILES[code], signer.issuer, **options)}


@pytest.mark.parametrize(("code", "use"), CASES)
def test_what_we_issue_is_found_sound_when_read_back(code, use):
    signer = authority(PROFILES[code].signature_algorithm)
    if use is Use.ROOT:
        root = make_root(PROFILES[code].signature_algorithm)
        assert check_certificate(root.certificate, PROFILES[code], root.issuer) == []
        return
    certificate = issue(template(code, use), signer)
    assert rules(certificate, code) == set()
    assert rules(certificate, code, use=use, is_soft_token=False) == set()


def test_a_certificate_of_a_software_token_does_not_pass_for_a_hardware_one():
    one = make_template("sm2-personal", Use.SIGNING, authority("SM2"), is_soft_token=True)
    certificate = issue(one, authority("SM2"))
    assert rules(certificate, "sm2-personal", is_soft_token=True) == set()
    assert rules(certificate, "sm2-personal", is_soft_token=False) == {"stored.policies"}


def forge(
    change: Callable[[x509.TbsCertificate], None], parts: CertificateParts | None = None, code: str = "sm2-device"
) -> bytes:
    """A certificate altered before its signature, encoded by the ASN.1 library."""
    one = template(code, PROFILES[code].uses[0])
    tbs = x509.TbsCertificate.load(one.encode_tbs(parts or parts_for(one)))
    change(tbs)
    encoded = tbs.dump(force=True)
    return one.assemble(encoded, authority("SM2").sign(encoded))


def replace_extension(oid: str, new: bytes | None) -> Callable[[x509.TbsCertificate], None]:
    def change(tbs: x509.TbsCertificate) -> None:
        kept = [one for one in tbs["extensions"] if one["extn_id"].dotted != oid]
        if new:
            kept.append(x509.Extension.load(new))
        tbs["extensions"] = x509.Extensions(kept)

    return change


def with_parts(code: str = "sm2-device", **fields: Any) -> bytes:
    one = template(code, PROFILES[code].uses[0])
    return issue(one, authority("SM2"), parts_for(one)._replace(**fields))


def set_time(tbs: x509.TbsCertificate) -> None:
    moment = tbs["validity"]["not_before"].native
    tbs["validity"]["not_before"] = x509.Time(name="general_time", value=core.GeneralizedTime(moment))


def drop_version(tbs: x509.TbsCertificate) -> None:
    tbs["version"] = "v1"


def set_name(*pairs: tuple[str, str]) -> bytes:
    return with_parts(subject_der=names.encode_name(pairs))


def other_algorithm() -> bytes:
    one, parts = template(), parts_for(template())
    tbs = one.encode_tbs(parts)
    signature = authority("SM2").sign(tbs)
    return replace_algorithm(one.assemble(tbs, signature), one.algorithm_der)


def replace_algorithm(certificate: bytes, algorithm: bytes) -> bytes:
    """The outer algorithm identifier replaced by another of the same length."""
    at = certificate.rindex(algorithm)
    return certificate[:at] + algorithm[:-1] + b"\x76" + certificate[at + len(algorithm) :]


def tampered() -> bytes:
    good = issue(template(), authority("SM2"))
    return good[:-1] + bytes((good[-1] ^ 1,))


def by_another_issuer() -> bytes:
    other = make_issuing(make_root())
    renamed = replace(other.issuer, name_der=names.encode_name((("C", "CN"), ("O", "别家"), ("CN", "别家 CA"))))
    return issue(Template(PROFILES["sm2-device"], Use.SIGNING, renamed), other)


DAYS = PROFILES["sm2-device"].maximum_days
BREACHES: dict[str, list[Callable[[], bytes]]] = {
    "stored.decode": [
        lambda: b"",
        lambda: issue(template(), authority("SM2"))[:-1],
        lambda: issue(template(), authority("SM2")) + b"\x00",
        lambda: forge(replace_extension(oids.BASIC_CONSTRAINTS, None)).replace(
            b"\x55\x1d\x0f\x01\x01\xff", b"\x55\x1d\x0f\x01\x01\x01"
        ),
    ],
    "stored.version": [lambda: forge(drop_version)],
    "stored.algorithm": [other_algorithm],
    "stored.issuer": [by_another_issuer],
    "stored.serial": [lambda: with_parts(serial=b"\x01" * 21)],
    "stored.time_form": [lambda: forge(set_time)],
    "stored.validity": [
        lambda: with_parts(not_after=template().issuer.not_after.replace(year=2050)),
        lambda: with_parts(not_after=template().issuer.not_after),
        lambda: with_parts(not_after=template().issuer.not_before),
    ],
    "stored.subject": [
        lambda: set_name(("C", "US"), ("ST", "福建省"), ("CN", "测试")),
        lambda: set_name(("ST", "福建省"), ("C", "CN"), ("CN", "测试")),
        lambda: set_name(("C", "CN"), ("CN", "测试")),
        lambda: set_name(("C", "CN"), ("ST", "福建省"), ("CN", "测试"), ("CN", "测试")),
        lambda: set_name(("C", "CN"), ("ST", "福建省"), ("CN", "测试"), ("UID", "1")),
        lambda: with_parts(subject_der=template().issuer.name_der),
        lambda: with_parts(subject_der=parts_for(template()).subject_der.replace("测".encode(), "\u202e".encode())),
        lambda: forge(long_common_name),
    ],
    "stored.key": [
        lambda: with_parts(public_key=b"\x04" + bytes(64)),
        lambda: with_parts(public_key=authority("SM2").issuer.public_key),
        lambda: with_parts(public_key=authority("P256").issuer.spki_der),
    ],
    "stored.extension_missing": [lambda: forge(replace_extension(oids.CRL_DISTRIBUTION_POINTS, None))],
    "stored.extension_extra": [
        lambda: forge(replace_extension(oids.OCSP_NO_CHECK, extensions.ocsp_no_check())),
        lambda: forge(
            replace_extension(oids.IDENTIFY_CODE, extensions.identify_code(IdentifyCode("resident", "A" * 64)))
        ),
    ],
    "stored.extension_critical": [
        lambda: forge(
            replace_extension(
                oids.KEY_USAGE, not_critical(extensions.key_usage(["digitalSignature", "nonRepudiation"]))
            )
        ),
    ],
    "stored.key_usage": [lambda: forge(replace_extension(oids.KEY_USAGE, extensions.key_usage(["digitalSignature"])))],
    "stored.basic_constraints": [
        lambda: forge(replace_extension(oids.BASIC_CONSTRAINTS, extensions.basic_constraints(is_authority=True)))
    ],
    "stored.key_id": [
        lambda: forge(replace_extension(oids.SUBJECT_KEY_IDENTIFIER, extensions.subject_key_identifier(bytes(20))))
    ],
    "stored.authority_key_id": [
        lambda: forge(replace_extension(oids.AUTHORITY_KEY_IDENTIFIER, extensions.authority_key_identifier(bytes(20))))
    ],
    "stored.policies": [
        lambda: forge(replace_extension(oids.CERTIFICATE_POLICIES, extensions.certificate_policies(["2.999.1"])))
    ],
    "stored.extended_key_usage": [
        lambda: forge(replace_extension(oids.EXTENDED_KEY_USAGE, extensions.extended_key_usage([oids.CODE_SIGNING])))
    ],
    "stored.san": [
        lambda: with_parts(dns_names=("a_b.example",)),
        lambda: with_parts(dns_names=("a.example", "a.example")),
    ],
    "stored.addresses": [
        lambda: forge(
            replace_extension(
                oids.CRL_DISTRIBUTION_POINTS, extensions.crl_distribution_points(["http://evil.example/"])
            )
        ),
        lambda: forge(
            replace_extension(
                oids.AUTHORITY_INFORMATION_ACCESS, extensions.authority_information_access(["http://evil.example/"], [])
            )
        ),
    ],
    "stored.organization_code": [lambda: with_parts(organization_code="x")],
    "stored.signature": [tampered, lambda: signed_by_a_stranger()],
}


def long_common_name(tbs: x509.TbsCertificate) -> None:
    tbs["subject"] = x509.Name.build(
        {"country_name": "CN", "state_or_province_name": "福建省", "common_name": "长" * 65}
    )


def not_critical(encoded: bytes) -> bytes:
    value = x509.Extension.load(encoded)
    return extensions.extension(value["extn_id"].dotted, value["extn_value"].parsed)


def signed_by_a_stranger() -> bytes:
    one = template()
    tbs = one.encode_tbs(parts_for(one))
    return one.assemble(tbs, sm2_key()[1](tbs))


def test_every_rule_of_this_half_has_a_breach():
    in_table = {code for code, rule in RULES.items() if rule.half == "stored"}
    assert set(BREACHES) | {"stored.identify_code"} == in_table


@pytest.mark.parametrize(
    ("rule", "number"), [(rule, number) for rule, rows in BREACHES.items() for number in range(len(rows))]
)
def test_a_stored_certificate_at_fault_is_named_by_its_rule(rule, number):
    assert rule in rules(BREACHES[rule][number]())


@pytest.mark.parametrize(
    "code",
    [IdentifyCode("resident", "11010519491231002X"), IdentifyCode("resident", "a" * 64), IdentifyCode("officer", "")],
)
def test_an_identify_code_of_the_wrong_form_is_named(code):
    certificate = with_parts("sm2-personal", identify_code=code)
    assert rules(certificate, "sm2-personal") == {"stored.identify_code"}
    implicit = forge(
        replace_extension(oids.IDENTIFY_CODE, extensions.extension(oids.IDENTIFY_CODE, core.PrintableString("A" * 64))),
        code="sm2-personal",
    )
    assert rules(implicit, "sm2-personal") == {"stored.identify_code"}


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(min_value=0), st.integers(1, 255)), min_size=1, max_size=3))
def test_no_changed_octet_passes_and_none_raises(changes):
    good = sound()
    data = bytearray(good)
    for place, mask in changes:
        data[place % len(data)] ^= mask
    if bytes(data) != good:
        assert rules(bytes(data))


@cache
def sound() -> bytes:
    certificate = issue(template(), authority("SM2"))
    assert Certificate.parse(certificate).serial
    return certificate
