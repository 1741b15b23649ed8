"""Figures of ``banyan bench issue`` that need no database: encoding, and envelopes. One core, processor time."""

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from banyan import gm
from banyan.cli.bench import BenchFailed, Figure, compared, cpu_seconds, median_of_rounds, one_core
from banyan.cli.bench.issue_right import check_signatures
from banyan.kernel.identifiers import new_serial
from banyan.pki.certificate import CertificateParts, IdentifyCode, Template
from banyan.pki.certificate_parts import Issuer
from banyan.pki.envelope import enveloped_key_many, open_enveloped_key
from banyan.pki.lint import lint_pairs_many, lint_parts_many
from banyan.pki.names import encode_name
from banyan.pki.profile import Use, load_profiles
from banyan.pki.public_key import sm2_spki

BENCH = "issue"
REFERENCE = "openssl"
_NOW = datetime(2026, 3, 2, tzinfo=UTC)
_SAMPLE = 50


class Paper:
    """A CA and the moving parts of ``size`` pairs, no two alike."""

    def __init__(self, size: int) -> None:
        (self.key,) = gm.sm2.generate_keypairs(1)
        name = encode_name((("C", "CN"), ("O", "测试"), ("CN", "性能测试 CA")))
        spki = sm2_spki(self.key.public)
        issuer = Issuer.of_root(name, spki, _NOW - timedelta(days=1), _NOW + timedelta(days=3650))
        profile = load_profiles()["sm2-personal"]
        self.templates = [Template(profile, use, issuer) for use in (Use.SIGNING, Use.ENCRYPTION)]
        pairs = gm.sm2.generate_keypairs(2 * size)
        self.parts = [[_parts(number, pair.public) for number, pair in enumerate(pairs[start::2])] for start in (0, 1)]
        self.recipients = pairs[:size]
        self.escrowed = pairs[size:]

    def certificates(self) -> list[bytes]:
        """Lint, encode, sign, assemble: what the signer does with parts."""
        made: list[bytes] = []
        for template, parts in zip(self.templates, self.parts, strict=True):
            if any(finding.is_error for finding in lint_parts_many(parts, template)):
                raise BenchFailed(figure="encode_per_s", engine=gm.engine_name(), what="lint")
            tbs = template.encode_tbs_many(parts)
            signatures = gm.sm2.sign_many([(self.key.private, self.key.public, one) for one in tbs])
            made += template.assemble_many(tbs, signatures)
        if any(finding.is_error for finding in lint_pairs_many(*self.parts)):
            raise BenchFailed(figure="encode_per_s", engine=gm.engine_name(), what="lint")
        return made

    def envelopes(self) -> list[bytes]:
        """SM2EnvelopedKey for each recipient."""
        pairs = zip(self.recipients, self.escrowed, strict=True)
        return enveloped_key_many([(to.public, one.private, one.public) for to, one in pairs])

    def check_certificates(self, made: Sequence[bytes]) -> None:
        """A sample by another engine."""
        check_signatures(made[:: max(1, len(made) // _SAMPLE)], self.key.public)

    def check_envelopes(self, made: Sequence[bytes]) -> None:
        """A sample opened by its recipient; another must not open it."""
        for place in range(0, len(made), max(1, len(made) // _SAMPLE)):
            to, one = self.recipients[place], self.escrowed[place]
            if open_enveloped_key(made[place], partial(gm.sm2.decrypt, to.private)) != (one.private, one.public):
                raise BenchFailed(figure="envelopes_per_s", engine=gm.engine_name(), what="another key came out")
        try:
            open_enveloped_key(made[0], partial(gm.sm2.decrypt, self.recipients[-1].private))
        except (ValueError, gm.GmError):
            return
        if len(made) > 1:
            raise BenchFailed(figure="envelopes_per_s", engine=gm.engine_name(), what="a stranger opened an envelope")


def _parts(number: int, public: bytes) -> CertificateParts:
    name = (("C", "CN"), ("ST", "福建省"), ("O", "测试虚构局"), ("CN", f"测试{number}"))
    code = IdentifyCode.from_hmac("resident", gm.sm3(number.to_bytes(8, "big")))
    begin = _NOW + timedelta(minutes=number % 60)
    return CertificateParts(
        new_serial(_NOW), begin, begin + timedelta(days=365), encode_name(name), public, identify_code=code
    )


def figures(size: int, engine: str | None, rounds: int) -> Iterator[Figure]:
    """``encode_per_s`` (certificates) and ``envelopes_per_s`` of each engine, compared with *openssl*."""
    shown = (engine,) if engine else gm.engines()
    measured = tuple(dict.fromkeys((*shown, REFERENCE)))
    used_before = gm.engine_name()
    with one_core():
        try:
            gm.use("auto")
            paper = Paper(size)
            for name, amount, work, check in (
                ("encode_per_s", 2 * size, paper.certificates, paper.check_certificates),
                ("envelopes_per_s", size, paper.envelopes, paper.check_envelopes),
            ):
                yield from _figures(name, amount, work, check, measured, shown, rounds)
        finally:
            gm.use(used_before)


def _figures(
    name: str,
    amount: int,
    work: Callable[[], list[bytes]],
    check: Callable[[list[bytes]], None],
    measured: Sequence[str],
    shown: Sequence[str],
    rounds: int,
) -> Iterator[Figure]:
    results: dict[str, list[bytes]] = {}

    def worker(one: str) -> Callable[[], None]:
        def run() -> None:
            results[one] = work()

        return run

    by_work: dict[Any, str] = {worker(one): one for one in measured}

    def with_engine(run: Callable[[], object]) -> float:
        gm.use(by_work[run])
        return cpu_seconds(run)

    seconds = median_of_rounds(rounds, list(by_work), with_engine)
    values = {one: amount / taken for one, taken in zip(measured, seconds, strict=True)}
    for one in measured:
        gm.use(one)
        check(results[one])
    for one in shown:
        extra = {"tier": gm.engine_tier(one), "rounds": rounds, "clock": "cpu"}
        figure = Figure(BENCH, name, one, values[one], "1/s", amount, extra=extra)
        yield figure if one == REFERENCE else compared(figure, REFERENCE, values[REFERENCE])


def engine_seconds(engine: str, count: int = 300) -> dict[str, float]:
    """What one operation costs in ``engine``, in batches as issuing uses it: the bound of everything built on it."""
    used_before = gm.engine_name()
    gm.use(engine)
    try:
        pairs = gm.sm2.generate_keypairs(count)
        items = [(pair.private, pair.public, os.urandom(500)) for pair in pairs]
        signatures = gm.sm2.sign_many(items)
        to_verify = [(public, text, made) for (_, public, text), made in zip(items, signatures, strict=True)]
        to_encrypt = [(pair.public, os.urandom(16)) for pair in pairs]
        works = {
            "sign": lambda: gm.sm2.sign_many(items),
            "verify": lambda: gm.sm2.verify_many(to_verify),
            "keypair": lambda: gm.sm2.generate_keypairs(count),
            "encrypt": lambda: gm.sm2.encrypt_many(to_encrypt),
        }
        taken = median_of_rounds(3, list(works.values()))
        return {name: seconds / count for name, seconds in zip(works, taken, strict=True)}
    finally:
        gm.use(used_before)
