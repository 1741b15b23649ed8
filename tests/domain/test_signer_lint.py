"""Whatever goes wrong before it, the signer lints what it is about to sign: one planting for every rule (issue 2, pki).

A defect of the product is played by spoiling one row's moving parts inside the signer, after every other check has let
the row pass. Nothing else stands between the bad part and the CA's key.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from banyan.domain.ca.models import CertificateAuthority
from banyan.kernel.home import Home
from banyan.pki import csr
from banyan.pki.certificate import CertificateParts, Template
from banyan.pki.lint import RULES
from banyan.pki.lint_rules import Severity
from banyan.pki.profile import Use
from banyan.signer import completion
from support import signing
from support.plantings import MIXED, PAIR_PLANTINGS, PLANTINGS, Around, Planting
from support.signing import Direct, Prepared
from support.small_pki import P256Key, name

pytestmark = pytest.mark.django_db(transaction=True)

_ROWS, _BAD, _NEIGHBOUR = 6, 3, 1
_KINDS = {
    "sm2-personal": "PERSONAL",
    "sm2-organization": "ORGANIZATION",
    "sm2-device": "DEVICE",
    "p256-device": "DEVICE",
}
# No profile of the sample's CAs takes RSA keys; one is made to.
_STANDS_FOR = {MIXED: "sm2-device", "rsa-device": "sm2-device"}
# Certificates that no intent can ask for: CAs are made by the ceremony.
_NOT_BY_INTENT = {"sm2-issuing-ca"}
# Not in the parts: what the caller expects (the signer builds the parts from intent and request itself), and the encoder.
_ELSEWHERE = {"subject.expected", "key.expected", "validity.form"}


@pytest.fixture
def authorities(home: Home) -> dict[str, CertificateAuthority]:
    return signing.installation(home)


@pytest.fixture
def services(home: Home, authorities: dict[str, CertificateAuthority]) -> Iterator[dict[str, Direct]]:
    with signing.serving(home, "signer", "kmc") as services:
        yield services


def complete(services: dict[str, Direct], prepared: Sequence[Prepared]) -> list[dict[str, Any]]:
    pairs = [one.id for one in prepared if one.issuance.encryption_serial]
    keys = {key["issuance"]: key for key in services["kmc"].call("allocate", intents=pairs)} if pairs else {}
    intents: list[dict[str, Any]] = [
        {
            "issuance": one.id,
            "encryption_public_key": keys[one.id]["encryption_public_key"],
            "kmc_receipt": keys[one.id]["receipt"],
        }
        if one.id in keys
        else {"issuance": one.id}
        for one in prepared
    ]
    answers: list[dict[str, Any]] = services["signer"].call("complete", intents=intents)
    return answers


class Plant:
    """Spoils the parts of one intent where the signer has just put them together, and watches what it does then."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, bad: Prepared, neighbour: Prepared) -> None:
        self.found: list[str] = []
        self.signed: list[int] = []
        self.parts: dict[int, list[CertificateParts]] = {}
        self._bad, self._neighbour = bad.id, neighbour.id
        by_template, sign, lint, lint_pairs = (
            completion._by_template, completion._sign, completion.lint_parts_many, completion.lint_pairs_many,
        )  # fmt: skip
        done = []

        def spoiling(works: Any) -> Any:
            works = list(works)
            if not done:
                done.append(True)
                by_number = {work.number: work for work in works}
                self.spoil(by_number)
            return by_template(works)

        def signing_these(works: Any) -> None:
            self.signed += [work.number for work in works]
            sign(works)

        def noting(call: Any) -> Any:
            def run(*given: Any) -> Any:
                findings = call(*given)
                self.found += [finding.rule for finding in findings if finding.is_error]
                return findings

            return run

        monkeypatch.setattr(completion, "_by_template", spoiling)
        monkeypatch.setattr(completion, "_sign", signing_these)
        monkeypatch.setattr(completion, "lint_parts_many", noting(lint))
        monkeypatch.setattr(completion, "lint_pairs_many", noting(lint_pairs))

    def spoil(self, works: dict[int, Any]) -> None:
        raise NotImplementedError


class OfParts(Plant):
    planting: Planting

    def spoil(self, works: dict[int, Any]) -> None:
        if self.planting.is_sharded:
            for work in works.values():
                work.parts = [part._replace(crl_shard=0) for part in work.parts]
        bad = works[self._bad]
        around = Around(works[self._neighbour].parts[0], bad.authority.issuer)
        bad.parts[0] = self.planting.spoil(bad.parts[0], around)


class OfPairs(Plant):
    rule: str

    def spoil(self, works: dict[int, Any]) -> None:
        parts = works[self._bad].parts
        parts[1] = PAIR_PLANTINGS[self.rule](*parts)


def judged(services: dict[str, Direct], prepared: Sequence[Prepared], plant: Plant, rule: str) -> None:
    """The planted row alone is refused, by the lint, unsigned and without an entry in the journal."""
    bad = prepared[_BAD].id
    answers = complete(services, prepared)
    good = [one.id for one in prepared if one.id != bad]
    assert rule in plant.found
    refused = {one["issuance"]: one for one in answers if "refused" in one}
    assert set(refused) == {bad}, {number: one["fields"] for number, one in refused.items()}
    assert refused[bad]["refused"] == "signer.lint_failed"
    assert refused[bad]["fields"]["rule"] == plant.found[0]
    assert plant.signed == good
    journal = [entry["issuance"] for entry in services["signer"].call("journal", after=0)]
    assert [number for number in journal if number in {bad, *good}] == good


def prepared_for(authorities: dict[str, CertificateAuthority], code: str) -> list[Prepared]:
    requests = None
    if code.startswith("p256"):
        keys = [P256Key() for _ in range(_ROWS)]
        requests = [csr.build(name("equipment"), key.spki, key.sign) for key in keys]
    return signing.prepare(authorities[code], _ROWS, profile=code, kind=_KINDS[code], requests=requests)


def arrange(services: dict[str, Direct], planting: Planting, code: str) -> None:
    """Have the CA issue by the kind of template that the planting is for."""
    authority = services["signer"].service._authorities.by_code[code]  # type: ignore[union-attr]
    authority._templates.clear()
    plain = authority.__dict__.pop("issuer", None) or authority.issuer
    authority.__dict__["issuer"] = (
        replace(plain, crl_urls=("http://crl.test.example/{shard}.crl",)) if planting.is_sharded else plain
    )
    if planting.code in _STANDS_FOR:
        profile = services["signer"].service._authorities.profiles[code]  # type: ignore[union-attr]
        mixed = replace(profile, key_algorithms=("SM2", "RSA"))
        for use in (Use.SIGNING, Use.ENCRYPTION):
            authority._templates[(code, use, False)] = Template(mixed, use, authority.issuer)


def test_every_rule_has_a_planting_that_goes_through_the_signer() -> None:
    through = {
        rule for rule, plantings in PLANTINGS.items() if any(one.code not in _NOT_BY_INTENT for one in plantings)
    }
    assert through | set(PAIR_PLANTINGS) | _ELSEWHERE == {
        code for code, rule in RULES.items() if rule.half in {"parts", "pair"}
    }


@pytest.mark.parametrize("rule", sorted(PLANTINGS))
def test_a_planted_bad_part_is_refused_before_signature(
    services: dict[str, Direct],
    authorities: dict[str, CertificateAuthority],
    monkeypatch: pytest.MonkeyPatch,
    rule: str,
) -> None:
    for planting in PLANTINGS[rule]:
        if planting.code in _NOT_BY_INTENT:
            continue
        code = _STANDS_FOR.get(planting.code, planting.code)
        arrange(services, planting, code)
        prepared = prepared_for(authorities, code)
        with monkeypatch.context() as patch:
            plant = OfParts(patch, prepared[_BAD], prepared[_NEIGHBOUR])
            plant.planting = planting
            judged(services, prepared, plant, rule)


def test_only_different_times_of_a_pair_are_let_pass() -> None:
    """A warning is shown, an error refuses; what is planted below breaks rules of errors."""
    assert {code for code, rule in RULES.items() if rule.severity is not Severity.ERROR} == {"pair.validity"}


@pytest.mark.parametrize("rule", sorted(set(PAIR_PLANTINGS) - {"pair.validity"}))
def test_a_planted_ill_matched_pair_is_refused_before_signature(
    services: dict[str, Direct],
    authorities: dict[str, CertificateAuthority],
    monkeypatch: pytest.MonkeyPatch,
    rule: str,
) -> None:
    prepared = prepared_for(authorities, "sm2-personal")
    plant = OfPairs(monkeypatch, prepared[_BAD], prepared[_NEIGHBOUR])
    plant.rule = rule
    judged(services, prepared, plant, rule)
