"""A bad moving part planted in row 37,000 of a bulk run of 40,000 is refused by its rule (issue 2, pki).

``tests/domain/test_signer_lint.py`` plants the same into what the signer is about to sign.
"""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from banyan.pki import lint_parts as lint_parts_module
from banyan.pki import moving_parts
from banyan.pki import strict_der as der
from banyan.pki.certificate import CertificateParts
from banyan.pki.lint import RULES, Expected, lint_pair, lint_pairs_many, lint_parts, lint_parts_many
from banyan.pki.profile import Use
from banyan.pki.public_key import sm2_spki
from support.certificates import PROFILES, START, make_issuing, make_root, make_template, parts_for
from support.plantings import (
    DAY,
    OFF_CURVE,
    PAIR_PLANTINGS,
    PLANTINGS,
    ROWS,
    Around,
    batch,
    points,
    subject,
    template,
)

BAD_ROW = 37_000
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
    spoilt = planting.spoil(rows[BAD_ROW], Around(rows[100], one.issuer))
    findings = lint_parts_many(with_bad_row(rows, spoilt), one)
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
    spoilt = planting.spoil(rows[0]._replace(serial=b"\x7f" * 16), Around(rows[1], one.issuer))
    findings = lint_parts_many([*rows, spoilt], one)
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
