"""A bad moving part planted in row 37,000 of a bulk run of 40,000 is refused by its rule (issue 2, pki)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple

import pytest

from banyan import gm
from banyan.pki import lint_parts as lint_parts_module
from banyan.pki import moving_parts, names
from banyan.pki import strict_der as der
from banyan.pki.certificate import CertificateParts, IdentifyCode, Template
from banyan.pki.certificate_sample import SAMPLE_KEYS
from banyan.pki.lint import RULES, Expected, lint_pair, lint_pairs_many, lint_parts, lint_parts_many
from banyan.pki.profile import Use
from banyan.pki.public_key import sm2_spki
from support.certificates import (
    PROFILES,
    START,
    Authority,
    make_issuing,
    make_root,
    make_template,
    p256_key,
    parts_for,
    rsa_spki,
)

ROWS, BAD_ROW = 40_000, 37_000
MIXED = "takes SM2 and RSA keys"
P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF


@cache
def points(count: int) -> list[bytes]:
    """Distinct points of the curve: G, 2G, 3G… by plain affine addition (the keys of nobody)."""
    base = gm.sm2.public_key((1).to_bytes(32, "big"))
    gx, gy = int.from_bytes(base[1:33], "big"), int.from_bytes(base[33:], "big")
    second = gm.sm2.public_key((2).to_bytes(32, "big"))
    x, y = int.from_bytes(second[1:33], "big"), int.from_bytes(second[33:], "big")
    found = []
    for _ in range(count // 2):
        head = x.to_bytes(32, "big")
        found += [b"\x04" + head + y.to_bytes(32, "big"), b"\x04" + head + (P - y).to_bytes(32, "big")]
        slope = (y - gy) * pow(x - gx, -1, P) % P
        x_next = (slope * slope - x - gx) % P
        x, y = x_next, (slope * (gx - x_next) - gy) % P
    return found


@cache
def authority(is_sharded: bool) -> Authority:
    addresses = {"crl_urls": ("http://crl.test.example/{shard}.crl",)} if is_sharded else {}
    return make_issuing(make_root(), **addresses)


@cache
def template(code: str = "sm2-personal", is_sharded: bool = False) -> Template:
    if code == MIXED:
        profile = replace(PROFILES["sm2-device"], key_algorithms=("SM2", "RSA"))
        return Template(profile, Use.SIGNING, authority(False).issuer)
    return make_template(code, PROFILES[code].uses[0], authority(is_sharded))


@cache
def batch(code: str = "sm2-personal", is_sharded: bool = False) -> tuple[CertificateParts, ...]:
    """Sound rows: distinct serials, names and keys."""
    sound = parts_for(template(code, is_sharded))
    head = (("C", "CN"), ("ST", "福建省"), ("L", "福州市"))
    return tuple(
        sound._replace(
            serial=b"\x52" + row.to_bytes(15, "big"),
            public_key=point,
            subject_der=names.encode_name((*head, ("O", f"测试单位{row % 500}"), ("CN", f"测试用户{row}"))),
        )
        for row, point in enumerate(points(ROWS), start=1)
    )


class Planting(NamedTuple):
    """How a sound row is spoilt so that one rule must object."""

    spoil: Callable[[CertificateParts], CertificateParts]
    code: str = "sm2-personal"
    is_sharded: bool = False


def subject(*pairs: tuple[str, str]) -> bytes:
    return names.encode_name(pairs)


def raw_subject(*rows: tuple[str, int, bytes]) -> bytes:
    """A name built past the encoder, so that it may break every rule."""
    sets = [der.tlv(der.SET, der.sequence(der.oid(oid), der.tlv(tag, text))) for oid, tag, text in rows]
    return der.sequence(*sets)


C, ST, CN = ("2.5.4.6", 0x13, b"CN"), ("2.5.4.8", 0x0C, "福建省".encode()), ("2.5.4.3", 0x0C, "测试".encode())
COMMON = (("C", "CN"), ("ST", "福建省"))
OFF_CURVE = b"\x04" + bytes(31) + b"\x01" + bytes(31) + b"\x01"


def plant(**fields: object) -> Planting:
    return Planting(lambda parts: parts._replace(**fields))


def plant_name(name_der: bytes) -> Planting:
    return plant(subject_der=name_der)


DAY = timedelta(days=1)
PLANTINGS: dict[str, list[Planting]] = {
    "serial.positive": [plant(serial=b""), plant(serial=b"\x00"), plant(serial=b"\x00\x52\x01")],
    "serial.length": [plant(serial=b"\x01" * 21), plant(serial=b"\x80" + bytes(19))],
    "serial.duplicate": [Planting(lambda parts: parts._replace(serial=batch()[100].serial))],
    "validity.aware": [
        plant(not_before=START.replace(tzinfo=None)),
        plant(not_after=(START + DAY).replace(tzinfo=None)),
    ],
    "validity.range": [plant(not_before=datetime(1949, 12, 31, tzinfo=UTC))],
    "validity.order": [plant(not_after=START), plant(not_before=START + 10 * DAY, not_after=START + 9 * DAY)],
    "validity.issuer": [
        plant(not_before=START - DAY),
        plant(not_after=START + 3651 * DAY, not_before=START + 3600 * DAY),
    ],
    "validity.maximum": [plant(not_after=START + timedelta(days=1190, seconds=1))],
    "subject.structure": [
        plant_name(b""),
        plant_name(b"\x30\x05\x31\x00"),
        plant_name(subject(*COMMON, ("CN", "测试")) + b"\x00"),
        plant_name(raw_subject(C, ST, ("2.5.4.3", 0x0C, b"\xff\xfe"))),
        plant_name(der.sequence(der.tlv(der.SET, b""))),
        plant_name(subject(*COMMON, ("CN", "测试"))[:-3]),
    ],
    "subject.attribute": [plant_name(subject(*COMMON, ("CN", "测试"), ("UID", "1")))],
    "subject.order": [
        plant_name(subject(("ST", "福建省"), ("C", "CN"), ("CN", "测试"))),
        plant_name(subject(*COMMON, ("CN", "测试"), ("O", "测试单位"))),
    ],
    "subject.repeated": [plant_name(subject(*COMMON, ("CN", "测试"), ("CN", "测试")))],
    "subject.required": [
        plant_name(subject(*COMMON)),
        plant_name(subject(("C", "CN"), ("CN", "测试"))),
        plant_name(b"\x30\x00"),
    ],
    "subject.fixed": [plant_name(subject(("C", "US"), ("ST", "福建省"), ("CN", "测试")))],
    "subject.type": [
        plant_name(raw_subject(("2.5.4.6", 0x0C, b"CN"), ST, CN)),
        plant_name(raw_subject(C, ("2.5.4.8", 0x13, b"Fujian"), CN)),
        plant_name(raw_subject(C, ST, ("2.5.4.3", 0x1E, "测试".encode("utf-16-be")))),
        plant_name(raw_subject(C, ST, ("2.5.4.3", 0x13, b"test"))),
    ],
    "subject.length": [
        plant_name(raw_subject(C, ST, ("2.5.4.3", 0x0C, "测".encode() * 65))),
        plant_name(raw_subject(C, ST, ("2.5.4.3", 0x0C, b"a" * 65))),
        plant_name(raw_subject(C, ST, ("2.5.4.3", 0x0C, b""))),
        plant_name(raw_subject(C, ("2.5.4.8", 0x0C, "省".encode() * 129), CN)),
    ],
    "subject.characters": [
        plant_name(raw_subject(C, ST, ("2.5.4.3", 0x0C, b"a\x00b"))),
        plant_name(raw_subject(C, ST, ("2.5.4.3", 0x0C, "张\u202e三".encode()))),
        plant_name(raw_subject(C, ST, ("2.5.4.3", 0x0C, b" a"))),
        plant_name(raw_subject(C, ST, ("2.5.4.3", 0x0C, b"a "))),
        plant_name(raw_subject(C, ("2.5.4.8", 0x0C, b"a\nb"), CN)),
        plant_name(raw_subject(C, ST, CN, ("2.5.4.5", 0x13, b"a*b"))),
    ],
    "subject.issuer": [Planting(lambda parts: parts._replace(subject_der=authority(False).issuer.name_der))],
    "key.form": [
        plant(public_key=b""),
        plant(public_key=sm2_spki(b"\x04" + bytes(64))[:-1]),
        plant(public_key=b"\x05" + bytes(64)),
        Planting(lambda parts: parts._replace(public_key=SAMPLE_KEYS["P256"])),
        Planting(lambda parts: parts._replace(public_key=p256_key()[0][-65:]), code="p256-device"),
    ],
    "key.point": [
        plant(public_key=OFF_CURVE),
        plant(public_key=sm2_spki(OFF_CURVE)),
        plant(public_key=b"\x04" + bytes(64)),
    ],
    "key.strength": [
        Planting(lambda parts: parts._replace(public_key=rsa_spki(1024)), code=code) for code in (MIXED, "rsa-device")
    ],
    "key.issuer": [Planting(lambda parts: parts._replace(public_key=authority(False).issuer.public_key))],
    "key.duplicate": [
        Planting(lambda parts: parts._replace(public_key=batch()[100].public_key)),
        Planting(lambda parts: parts._replace(public_key=sm2_spki(batch()[100].public_key))),
    ],
    "san.presence": [plant(dns_names=("a.example",)), plant(ip_addresses=("192.0.2.1",))],
    "san.dns": [
        Planting(lambda parts, name=name: parts._replace(dns_names=(name,)), code="sm2-device")
        for name in (
            "",
            "a..b",
            "-a.example",
            "a-.example",
            "A.example",
            "设备.example",
            "a.*.example",
            "x" * 64,
            "192.0.2.1",
            ".a",
            "a_b.example",
            "a.example.",
            ".".join(["a" * 60] * 5),
        )
    ],
    "san.ip": [
        Planting(lambda parts, text=text: parts._replace(ip_addresses=(text,)), code="sm2-device")
        for text in ("", "300.1.1.1", "1.2.3", "0.0.0.0", "::", "fe80::1%eth0", "192.0.2.0/24")  # noqa: S104
    ],
    "san.duplicate": [
        Planting(lambda parts: parts._replace(dns_names=("a.example", "a.example")), code="sm2-device"),
        Planting(lambda parts: parts._replace(ip_addresses=("::1", "0:0::1")), code="sm2-device"),
    ],
    "identify_code.presence": [
        plant(identify_code=None),
        Planting(
            lambda parts: parts._replace(identify_code=IdentifyCode("resident", "A" * 64)), code="sm2-organization"
        ),
    ],
    "identify_code.form": [
        plant(identify_code=IdentifyCode("resident", "11010519491231002X")),
        plant(identify_code=IdentifyCode("resident", "a" * 64)),
        plant(identify_code=IdentifyCode("resident", "A" * 63)),
        plant(identify_code=IdentifyCode("licence", "A" * 64)),
    ],
    "organization_code.presence": [
        Planting(lambda parts: parts._replace(organization_code=None), code="sm2-organization"),
        Planting(lambda parts: parts._replace(organization_code="91350100M000100Y43"), code="sm2-issuing-ca"),
    ],
    "organization_code.form": [
        plant(organization_code=text) for text in ("", "91350100M000100Y4", "91350100M000100I43", "机构", "M000100Y-")
    ],
    "crl_shard.presence": [
        plant(crl_shard=3),
        Planting(lambda parts: parts._replace(crl_shard=None), is_sharded=True),
        Planting(lambda parts: parts._replace(crl_shard=-1), is_sharded=True),
        Planting(lambda parts: parts._replace(crl_shard=65536), is_sharded=True),
    ],
}
# Not in the parts themselves: what was asked for, and the encoder that writes the times.
ELSEWHERE = {"subject.expected", "key.expected", "validity.form"}


def with_bad_row(rows: Sequence[CertificateParts], bad: CertificateParts) -> list[CertificateParts]:
    spoilt = list(rows)
    spoilt[BAD_ROW] = bad
    return spoilt


def test_every_rule_of_this_half_has_a_planting():
    assert set(PLANTINGS) | ELSEWHERE == {code for code, rule in RULES.items() if rule.half == "parts"}


def test_forty_thousand_sound_rows_pass():
    assert lint_parts_many(batch(), template()) == []


@pytest.mark.parametrize("rule", sorted(PLANTINGS))
def test_a_bad_part_in_row_37000_of_40000_is_refused_by_its_rule(rule):
    planting = PLANTINGS[rule][0]
    rows, one = batch(planting.code, planting.is_sharded), template(planting.code, planting.is_sharded)
    findings = lint_parts_many(with_bad_row(rows, planting.spoil(rows[BAD_ROW])), one)
    assert rule in {found.rule for found in findings}
    assert {found.row for found in findings} == {BAD_ROW}
    assert all(found.is_error for found in findings)


@pytest.mark.parametrize(
    ("rule", "number"), [(rule, number) for rule, plantings in PLANTINGS.items() for number in range(len(plantings))]
)
def test_every_bad_part_is_refused_by_its_rule_among_sound_rows(rule, number):
    planting = PLANTINGS[rule][number]
    if planting.code.startswith(("p256", "rsa")):
        one = make_template(planting.code, PROFILES[planting.code].uses[0], make_issuing(make_root("P256")))
        rows = [parts_for(one, serial=1), parts_for(one, serial=2)]
    elif planting.code == "sm2-issuing-ca":
        one = make_template(planting.code, Use.ISSUING_CA, make_root())
        rows = [parts_for(one, serial=serial) for serial in (1, 2)]
        rows = [
            row._replace(subject_der=subject(("C", "CN"), ("O", "测试"), ("CN", f"测试 {row.serial[-1]}")))
            for row in rows
        ]
    else:
        one, rows = (
            template(planting.code, planting.is_sharded),
            list(batch(planting.code, planting.is_sharded)[95:105]),
        )
    assert lint_parts_many(rows, one) == []
    last = len(rows)
    findings = lint_parts_many([*rows, planting.spoil(rows[0]._replace(serial=b"\x7f" * 16))], one)
    assert rule in {found.rule for found in findings if found.row == last}
    assert all(found.text and "{" not in found.text for found in findings)


@pytest.mark.parametrize("rule", ["subject.expected", "key.expected"])
def test_a_part_that_differs_from_the_request_is_refused(rule):
    rows = batch()
    expected = [Expected(parts.subject_der, sm2_spki(parts.public_key)) for parts in rows]
    assert lint_parts_many(rows, template(), expected=expected) == []
    other = rows[BAD_ROW + 1]
    wrong = {"subject.expected": {"subject_der": other.subject_der}, "key.expected": {"public_key": other.public_key}}[
        rule
    ]
    expected[BAD_ROW] = expected[BAD_ROW]._replace(**wrong)
    assert [(found.rule, found.row) for found in lint_parts_many(rows, template(), expected=expected)] == [
        (rule, BAD_ROW)
    ]


def test_times_in_the_wrong_form_are_seen_on_the_bytes_to_be_spliced(monkeypatch):
    rows = batch()

    def careless(not_before, not_after):
        encoded = [
            der.tlv(der.GENERALIZED_TIME, f"{moment:%Y%m%d%H%M%SZ}".encode()) for moment in (not_before, not_after)
        ]
        return der.sequence(*encoded)

    honest = moving_parts.encode_validity
    bad_span = (START, START + 77 * DAY)
    monkeypatch.setattr(
        lint_parts_module.moving_parts,
        "encode_validity",
        lambda *span: careless(*span) if span == bad_span else honest(*span),
    )
    spoilt = with_bad_row(rows, rows[BAD_ROW]._replace(not_before=bad_span[0], not_after=bad_span[1]))
    assert [(found.rule, found.row) for found in lint_parts_many(spoilt, template())] == [("validity.form", BAD_ROW)]


def test_two_plantings_are_both_named_in_the_order_of_rows():
    rows = list(batch()[:50])
    rows[9] = rows[9]._replace(serial=b"")
    rows[3] = rows[3]._replace(public_key=OFF_CURVE)
    assert [(found.rule, found.row) for found in lint_parts_many(rows, template())] == [
        ("key.point", 3),
        ("serial.positive", 9),
    ]


def test_one_certificate_is_a_batch_of_one():
    assert lint_parts(batch()[0], template()) == []
    assert [found.rule for found in lint_parts(batch()[0]._replace(serial=b"\x00"), template())] == ["serial.positive"]


def test_a_root_certifies_its_own_name_and_key_and_nobody_elses():
    root = make_root()
    own = make_template("sm2-root", Use.ROOT, root)
    sound = CertificateParts(b"\x01", START, START + 365 * DAY, root.issuer.name_der, root.issuer.spki_der)
    assert lint_parts(sound, own) == []
    other = replace(root.issuer, spki_der=make_root().issuer.spki_der)
    assert {found.rule for found in lint_parts(sound._replace(public_key=other.spki_der), own)} == {"key.issuer"}


PAIR_PLANTINGS = {
    "pair.subject": lambda one, other: other._replace(subject_der=subject(*COMMON, ("CN", "别人"))),
    "pair.serial": lambda one, other: other._replace(serial=one.serial),
    "pair.key": lambda one, other: other._replace(public_key=sm2_spki(one.public_key)),
    "pair.validity": lambda one, other: other._replace(not_after=other.not_after - DAY),
    "pair.extensions": lambda one, other: other._replace(organization_code=None),
}


def test_every_rule_of_pairs_has_a_planting():
    assert set(PAIR_PLANTINGS) == {code for code, rule in RULES.items() if rule.half == "pair"}


@pytest.mark.parametrize("rule", sorted(PAIR_PLANTINGS))
def test_an_ill_matched_pair_is_refused(rule):
    signing = list(batch()[:100])
    encryption = [
        one._replace(serial=b"\x60" + one.serial[1:], public_key=key)
        for one, key in zip(signing, points(ROWS)[200:300], strict=True)
    ]
    assert lint_pairs_many(signing, encryption) == []
    encryption[37] = PAIR_PLANTINGS[rule](signing[37], encryption[37])
    assert (rule, 37) in [(found.rule, found.row) for found in lint_pairs_many(signing, encryption)]
    assert [found.rule for found in lint_pair(signing[37], encryption[37])] == [rule]


def test_a_serial_or_key_may_not_stand_in_both_halves_of_a_batch():
    signing = list(batch()[:5])
    encryption = [
        one._replace(serial=b"\x60" + one.serial[1:], public_key=key)
        for one, key in zip(signing, points(ROWS)[10:15], strict=True)
    ]
    encryption[4] = encryption[4]._replace(serial=signing[0].serial)
    encryption[3] = encryption[3]._replace(public_key=sm2_spki(signing[1].public_key))
    found = [(found.rule, found.row) for found in lint_pairs_many(signing, encryption)]
    assert found == [("serial.duplicate", 4), ("key.duplicate", 3)]
