"""Custodians: the secret that opens the root keys, split among them so that m of n together have it
(SLIP-39).

The words are those of the ``shamir-mnemonic`` library: each share checks itself, so a misread word is
noticed, and fewer than m shares tell nothing.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shamir_mnemonic import MnemonicError, Share, combine_mnemonics, generate_mnemonics

from banyan.cli.ceremony.errors import PlanRefused, SharesRefused
from banyan.kernel.errors import N_

SECRET_BYTES: Final = 32
MOST: Final = 16
LEAST: Final = 3


@dataclass(frozen=True)
class Custodian:
    """Who keeps a share, and the share's words."""

    name: str
    words: str

    def __repr__(self) -> str:
        return f"Custodian({self.name!r})"


def new_secret() -> bytes:
    """The random secret under which root keys leave the ceremony."""
    return secrets.token_bytes(SECRET_BYTES)


def share(secret: bytes, names: Sequence[str], threshold: int) -> list[Custodian]:
    """One share a custodian; any ``threshold`` of them give the secret back. Raises PlanRefused."""
    if not LEAST <= len(names) <= MOST or not 2 <= threshold < len(names):
        raise PlanRefused(reason=N_("托管人须为 3 至 16 名，门限不少于 2 且小于人数"))
    if len(set(names)) != len(names):
        raise PlanRefused(reason=N_("托管人重名"))
    (words,) = generate_mnemonics(1, [(threshold, len(names))], secret)
    return [Custodian(name, text) for name, text in zip(names, words, strict=True)]


def combine(shares: Sequence[str]) -> bytes:
    """The secret from enough shares. Raises SharesRefused, which never tells a word."""
    texts = list(dict.fromkeys(" ".join(text.split()).lower() for text in shares))
    try:
        # The library wants exactly the threshold, which each share tells.
        needed = Share.from_mnemonic(texts[0]).member_threshold if texts else 0
        secret: bytes = combine_mnemonics(texts[:needed])
    except MnemonicError as error:
        raise SharesRefused(reason=N_("份额不完整、不属于同一次仪式，或有词写错")) from error
    if len(secret) != SECRET_BYTES:
        raise SharesRefused(reason=N_("份额不属于根密钥"))
    return secret
