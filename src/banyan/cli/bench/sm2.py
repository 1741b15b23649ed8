"""``banyan bench sm2``: what each engine does a second, on one core, through the Python interface.

Every key and message is distinct, scalars are fresh, figures are medians of rounds in which the engines take turns. A
sample of each figure's results is checked by another engine (or hashlib), and a changed input must be refused.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from banyan import gm
from banyan.cli.bench import BenchFailed, Figure, compared, median_of_rounds, one_core

BENCH = "sm2"
REFERENCE = "openssl"
LEAST_SIZE = 1000
_MESSAGE_BYTES = 300
_SHORT_MESSAGES = 20_000
_SM3_LONG_BYTES = 4096
_SM4_PIECE_BYTES = 64 * 1024
_SM4_PIECES = 64
_SINGLES = 50
_SAMPLE = 20


@dataclass(frozen=True)
class Measure:
    """One figure: the work of a round, how much it does, and how its last result is checked.

    ``check`` gets the result and the name of the engine that judges it.
    """

    name: str
    unit: str
    amount: float
    size: int
    work: Callable[[], Any]
    check: Callable[[Any], None]
    is_time: bool = False


@dataclass(frozen=True)
class Inputs:
    """Distinct keys and messages, made once and used by every engine."""

    pairs: list[gm.sm2.KeyPair]
    messages: list[bytes]
    signatures: list[bytes]
    short_messages: list[bytes]
    long_messages: list[bytes]
    texts: list[tuple[bytes, bytes, bytes]]

    @property
    def to_sign(self) -> list[tuple[bytes, bytes, bytes]]:
        return [(pair.private, pair.public, text) for pair, text in zip(self.pairs, self.messages, strict=True)]

    @property
    def to_verify(self) -> list[tuple[bytes, bytes, bytes]]:
        publics = [pair.public for pair in self.pairs]
        return list(zip(publics, self.messages, self.signatures, strict=True))

    @property
    def to_encrypt(self) -> list[tuple[bytes, bytes]]:
        return [(pair.public, text[:32]) for pair, text in zip(self.pairs, self.messages, strict=True)]


def run(
    *, size: int | None = None, engine: str | None = None, rounds: int = 5, database: str | None = None
) -> Iterator[Figure]:
    """The figures of every available engine, or of ``engine`` only; at least 1,000 keys and messages."""
    del database
    shown = (engine,) if engine else gm.engines()
    measured = tuple(dict.fromkeys((*shown, REFERENCE)))
    used_before = gm.engine_name()
    with one_core():
        try:
            inputs = _make_inputs(max(size or LEAST_SIZE, LEAST_SIZE))
            for measure in _measures(inputs):
                yield from _figures(measure, measured, shown, rounds)
        finally:
            gm.use(used_before)


def _make_inputs(size: int) -> Inputs:
    gm.use("auto")
    pairs = gm.sm2.generate_keypairs(size)
    noise = os.urandom(_MESSAGE_BYTES)
    messages = [index.to_bytes(8, "big") + noise[8:] for index in range(size)]
    items = [(pair.private, pair.public, text) for pair, text in zip(pairs, messages, strict=True)]
    short_messages = [index.to_bytes(8, "big") + noise[8:] for index in range(_SHORT_MESSAGES)]
    long_messages = [index.to_bytes(8, "big") + os.urandom(_SM3_LONG_BYTES - 8) for index in range(size)]
    texts = [(os.urandom(16), os.urandom(16), os.urandom(_SM4_PIECE_BYTES)) for _ in range(_SM4_PIECES)]
    return Inputs(pairs, messages, gm.sm2.sign_many(items), short_messages, long_messages, texts)


def _figures(measure: Measure, engines: Sequence[str], shown: Sequence[str], rounds: int) -> Iterator[Figure]:
    results: dict[str, Any] = {}

    def worker(name: str) -> Callable[[], None]:
        def work() -> None:
            results[name] = measure.work()

        return work

    def with_engine(work: Callable[[], object]) -> float:
        from banyan.cli.bench import cpu_seconds

        gm.use(by_work[work])
        return cpu_seconds(work)

    by_work: dict[Callable[[], object], str] = {worker(name): name for name in engines}
    seconds = median_of_rounds(rounds, list(by_work), with_engine)
    values = {
        name: taken / measure.amount if measure.is_time else measure.amount / taken
        for name, taken in zip(engines, seconds, strict=True)
    }
    for name in engines:
        _check(measure, name, results[name])
    for name in shown:
        extra = {"tier": gm.engine_tier(name), "rounds": rounds, "clock": "cpu"}
        figure = Figure(BENCH, measure.name, name, values[name], measure.unit, measure.size, extra=extra)
        if name != REFERENCE:
            figure = compared(figure, REFERENCE, values[REFERENCE], is_less_better=measure.is_time)
        yield figure


def _check(measure: Measure, name: str, result: Any) -> None:
    """Let another engine judge; where there is none, the reference judges itself."""
    others = [other for other in gm.engines() if other != name]
    gm.use(others[0] if others else REFERENCE)
    try:
        measure.check(result)
    except AssertionError as error:
        raise BenchFailed(figure=measure.name, engine=name, what=str(error)) from None


def _require(is_right: bool, what: str) -> None:
    if not is_right:
        raise AssertionError(what)


def _sample(length: int) -> range:
    return range(0, length, max(1, length // _SAMPLE))


def _measures(inputs: Inputs) -> list[Measure]:
    size = len(inputs.pairs)
    sm4_bytes = _SM4_PIECES * _SM4_PIECE_BYTES
    long_megabytes = size * _SM3_LONG_BYTES / 1e6
    return [
        Measure("sign_batch_per_s", "1/s", size, size, _signer(inputs), _signature_check(inputs)),
        Measure("verify_batch_per_s", "1/s", size, size, _verifier(inputs), _verdict_check()),
        Measure("keypair_batch_per_s", "1/s", size, size, lambda: gm.sm2.generate_keypairs(size), _check_pairs),
        Measure("encrypt_per_s", "1/s", size, size, _encryptor(inputs), _ciphertext_check(inputs)),
        Measure(
            "sm3_300b_batch_per_s", "1/s", len(inputs.short_messages), len(inputs.short_messages),
            _hasher(inputs.short_messages), _digest_check(inputs.short_messages),
        ),
        Measure(
            "sm3_batch_mb_per_s", "MB/s", long_megabytes, size,
            _hasher(inputs.long_messages), _digest_check(inputs.long_messages),
        ),
        Measure(
            "sm4_ctr_batch_mb_per_s", "MB/s", sm4_bytes / 1e6, _SM4_PIECES,
            lambda: gm.sm4.ctr_many(inputs.texts), _text_check(inputs),
        ),
        Measure(
            "sign_single_us", "µs", _SINGLES / 1e6, _SINGLES, _single_signer(inputs), _signature_check(inputs), True
        ),
        Measure("verify_single_us", "µs", _SINGLES / 1e6, _SINGLES, _single_verifier(inputs), _verdict_check(), True),
    ]  # fmt: skip


# ---- the work ----


def _signer(inputs: Inputs) -> Callable[[], list[bytes]]:
    items = inputs.to_sign
    return lambda: gm.sm2.sign_many(items)


def _verifier(inputs: Inputs) -> Callable[[], tuple[list[bool], list[bool]]]:
    right = inputs.to_verify
    # The last few are checked against their neighbours' messages: a verifier that says yes to all must fail.
    cut = len(right) - max(1, len(right) // 64)
    moved = [*inputs.messages[1:], inputs.messages[0]]
    items = [
        (public, text if index < cut else other, signature)
        for index, ((public, text, signature), other) in enumerate(zip(right, moved, strict=True))
    ]
    expected = [index < cut for index in range(len(items))]
    return lambda: (gm.sm2.verify_many(items), expected)


def _encryptor(inputs: Inputs) -> Callable[[], list[bytes]]:
    items = inputs.to_encrypt
    return lambda: gm.sm2.encrypt_many(items)


def _hasher(messages: list[bytes]) -> Callable[[], list[bytes]]:
    return lambda: gm.sm3_many(messages)


def _single_signer(inputs: Inputs) -> Callable[[], list[bytes]]:
    items = inputs.to_sign[:_SINGLES]
    return lambda: [gm.sm2.sign(private, public, text) for private, public, text in items]


def _single_verifier(inputs: Inputs) -> Callable[[], tuple[list[bool], list[bool]]]:
    items = inputs.to_verify[:_SINGLES]

    def work() -> tuple[list[bool], list[bool]]:
        return [gm.sm2.verify_many([item])[0] for item in items], [True] * len(items)

    return work


# ---- the checks; the engine in use is not the one that made the result ----


def _signature_check(inputs: Inputs) -> Callable[[list[bytes]], None]:
    seen: set[bytes] = {gm.sm2.signature_from_der(made)[:32] for made in inputs.signatures}

    def check(signatures: list[bytes]) -> None:
        parts = {gm.sm2.signature_from_der(made)[:32] for made in signatures}
        _require(len(parts) == len(signatures) and not parts & seen, "a scalar came twice")
        seen.update(parts)
        chosen = _sample(len(signatures))
        items = [(inputs.pairs[i].public, inputs.messages[i], signatures[i]) for i in chosen]
        _require(all(gm.sm2.verify_many(items)), "a signature does not verify")
        changed = [(public, text + b"!", signature) for public, text, signature in items]
        _require(not any(gm.sm2.verify_many(changed)), "a signature fits a changed message")

    return check


def _verdict_check() -> Callable[[tuple[list[bool], list[bool]]], None]:
    def check(result: tuple[list[bool], list[bool]]) -> None:
        verdicts, expected = result
        _require(verdicts == expected, "a verdict is wrong")

    return check


def _check_pairs(pairs: list[gm.sm2.KeyPair]) -> None:
    _require(len({pair.private for pair in pairs}) == len(pairs), "a private key came twice")
    chosen = [pairs[i] for i in _sample(len(pairs))]
    publics = gm.sm2.public_keys([pair.private for pair in chosen])
    _require(publics == [pair.public for pair in chosen], "a public key is not its private key's")


def _ciphertext_check(inputs: Inputs) -> Callable[[list[bytes]], None]:
    items = inputs.to_encrypt

    def check(ciphertexts: list[bytes]) -> None:
        for i in _sample(len(ciphertexts)):
            plaintext = gm.sm2.decrypt(inputs.pairs[i].private, ciphertexts[i])
            _require(plaintext == items[i][1], "a ciphertext opens to another text")

    return check


def _digest_check(messages: list[bytes]) -> Callable[[list[bytes]], None]:
    has_hashlib = "sm3" in hashlib.algorithms_available

    def check(digests: list[bytes]) -> None:
        chosen = _sample(len(digests))
        texts = [messages[i] for i in chosen]
        made = [digests[i] for i in chosen]
        _require(gm.sm3_many(texts) == made, "a digest differs between engines")
        if has_hashlib:
            _require([hashlib.new("sm3", text).digest() for text in texts] == made, "a digest differs from hashlib's")

    return check


def _text_check(inputs: Inputs) -> Callable[[list[bytes]], None]:
    def check(texts: list[bytes]) -> None:
        chosen = _sample(len(texts))
        expected = gm.sm4.ctr_many([inputs.texts[i] for i in chosen])
        _require([texts[i] for i in chosen] == expected, "a text differs between engines")

    return check
