"""The life of a token as data, and small decisions about it. Pure functions."""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from banyan.kernel.errors import N_

from .errors import SerialInvalid
from .models import TokenState

_SERIAL = re.compile(r"[A-Z0-9][A-Z0-9._-]{3,63}")
_S = TokenState


class Verb(StrEnum):
    """What can be done to a token."""

    ASSIGN = "assign"
    RELEASE = "release"
    PERSONALIZE = "personalize"
    FINISH = "finish"
    ABANDON = "abandon"
    SHIP = "ship"
    COME_BACK = "come_back"
    HAND_OVER = "hand_over"
    LOCK = "lock"
    UNLOCK = "unlock"
    TAKE_BACK = "take_back"
    LOSE = "lose"
    FIND = "find"
    DAMAGE = "damage"
    RESTOCK = "restock"
    DESTROY = "destroy"


@dataclass(frozen=True)
class Transition:
    """One way between states: from which, to which, whoever holds one of ``rights`` may go it."""

    name: str
    sources: frozenset[TokenState]
    target: TokenState
    rights: tuple[str, ...]


def _way(name: str, sources: tuple[TokenState, ...], target: TokenState, *rights: str) -> Transition:
    return Transition(name, frozenset(sources), target, rights)


_ANYWHERE = (
    _S.IN_STOCK, _S.ASSIGNED, _S.PERSONALIZING, _S.PERSONALIZED, _S.IN_TRANSIT, _S.HANDED_OVER, _S.LOCKED, _S.RETURNED,
)  # fmt: skip
_MANAGE = "tokens.manage"

# The whole life of a token. A held token is personalised again when a renewal puts a new pair beside the old one.
TRANSITIONS: dict[Verb, Transition] = {
    Verb.ASSIGN: _way(N_("领用"), (_S.IN_STOCK,), _S.ASSIGNED, _MANAGE, "requests.issue", "requests.personalize"),
    Verb.RELEASE: _way(N_("退回库存"), (_S.ASSIGNED,), _S.IN_STOCK, _MANAGE, "requests.issue"),
    Verb.PERSONALIZE: _way(
        N_("制证"), (_S.IN_STOCK, _S.ASSIGNED, _S.PERSONALIZED, _S.HANDED_OVER, _S.RETURNED), _S.PERSONALIZING,
        "requests.personalize", "requests.issue",
    ),
    Verb.FINISH: _way(N_("完成制证"), (_S.PERSONALIZING,), _S.PERSONALIZED, "requests.personalize", "requests.issue"),
    Verb.ABANDON: _way(N_("放弃制证"), (_S.PERSONALIZING,), _S.ASSIGNED, _MANAGE, "requests.personalize"),
    Verb.SHIP: _way(N_("邮寄"), (_S.PERSONALIZED,), _S.IN_TRANSIT, "requests.hand_over"),
    Verb.COME_BACK: _way(N_("退件"), (_S.IN_TRANSIT,), _S.PERSONALIZED, "requests.hand_over"),
    Verb.HAND_OVER: _way(N_("交付"), (_S.PERSONALIZED, _S.IN_TRANSIT), _S.HANDED_OVER, "requests.hand_over"),
    Verb.LOCK: _way(N_("锁定"), (_S.HANDED_OVER,), _S.LOCKED, _MANAGE, "tokens.unlock"),
    Verb.UNLOCK: _way(N_("解锁"), (_S.LOCKED,), _S.HANDED_OVER, "tokens.unlock"),
    Verb.TAKE_BACK: _way(
        N_("收回"), (_S.PERSONALIZED, _S.IN_TRANSIT, _S.HANDED_OVER, _S.LOCKED), _S.RETURNED,
        _MANAGE, "certificates.revoke", "requests.hand_over",
    ),
    Verb.LOSE: _way(N_("挂失"), _ANYWHERE, _S.LOST, _MANAGE, "certificates.revoke", "requests.approve"),
    Verb.FIND: _way(N_("找回登记"), (_S.LOST,), _S.RETURNED, _MANAGE),
    Verb.DAMAGE: _way(
        N_("登记损坏"), _ANYWHERE, _S.DAMAGED, _MANAGE, "certificates.revoke", "requests.hand_over", "requests.issue",
    ),
    Verb.RESTOCK: _way(N_("重新入库"), (_S.RETURNED,), _S.IN_STOCK, _MANAGE),
    Verb.DESTROY: _way(N_("销毁"), (_S.IN_STOCK, _S.RETURNED, _S.DAMAGED), _S.DESTROYED, _MANAGE),
}  # fmt: skip

# Verbs that need a reason on record, and those that part a token from its holder.
WITH_REASON = frozenset({Verb.LOSE, Verb.DAMAGE, Verb.DESTROY})
FORGETS_HOLDER = frozenset({Verb.RELEASE, Verb.RESTOCK})
# From here on only the holder knows the PIN, or nobody needs it.
FORGETS_PIN = frozenset(
    {Verb.RELEASE, Verb.HAND_OVER, Verb.TAKE_BACK, Verb.LOSE, Verb.DAMAGE, Verb.RESTOCK, Verb.DESTROY}
)


def may_go(verb: Verb, state: str) -> bool:
    """Whether a token in ``state`` can be put through ``verb``."""
    return state in TRANSITIONS[verb].sources


def token_serial(text: str) -> str:
    """A token's number as it is stored: upper case, without blanks. Raises SerialInvalid."""
    serial = "".join(unicodedata.normalize("NFKC", text).split()).upper()
    if not _SERIAL.fullmatch(serial):
        raise SerialInvalid(serial=serial[:64])
    return serial
