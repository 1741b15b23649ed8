"""The six businesses as data: what each does to keys, validity, the old pair; whom it tells (``businesses.toml``)."""

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

from banyan.kernel.errors import N_


class Keys(StrEnum):
    """Whether new key pairs are made."""

    NEW = "new"
    KEPT = "kept"


class Validity(StrEnum):
    """From when to when the resulting pair is valid."""

    FROM_ISSUE = "from_issue"
    FROM_OLD_EXPIRY = "from_old_expiry"
    UNTIL_OLD_EXPIRY = "until_old_expiry"
    KEPT = "kept"


class OldPair(StrEnum):
    """What becomes of the pair the business acts on."""

    NONE = "none"
    STAYS = "stays_until_expiry"
    AT_APPROVAL = "revoked_at_approval"
    AT_DELIVERY = "revoked_at_delivery"
    REVOKED = "revoked"
    KEPT = "kept"


class OldKey(StrEnum):
    """Where the old encryption key can be used afterwards."""

    NONE = "none"
    WITH_HOLDER = "stays_in_token"
    IN_ESCROW = "in_escrow"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why somebody asks for a business, where that changes what happens. ``token`` is the old token's new state."""

    code: str
    name: str
    old_pair: OldPair
    revocation_reason: str
    token: str = ""


@dataclass(frozen=True, slots=True)
class BusinessRule:
    """One row of the table."""

    code: str
    name: str
    keys: Keys
    validity: Validity
    old_pair: OldPair | None
    revocation_reason: str
    old_key: OldKey
    needs: frozenset[str]
    notices: tuple[str, ...]
    reasons: tuple[Reason, ...]

    @property
    def issues(self) -> bool:
        """Whether certificates are issued."""
        return self.keys is Keys.NEW

    @property
    def acts_on_pair(self) -> bool:
        """Whether there is an old pair at all."""
        return bool(self.needs)

    def fate(self, reason: str) -> Reason:
        """What happens to the old pair for a given reason. Raises KeyError for a reason the business does not know."""
        for known in self.reasons:
            if known.code == reason:
                return known
        if self.reasons or self.old_pair is None:
            raise KeyError(reason)
        return Reason("", "", self.old_pair, self.revocation_reason)


@cache
def businesses() -> dict[str, BusinessRule]:
    """Every business by its code, in the order of the table."""
    data = tomllib.loads(files("banyan.domain.lifecycle").joinpath("businesses.toml").read_text("utf-8"))
    rules = [_rule(entry) for entry in data["business"]]
    return {rule.code: rule for rule in rules}


def _rule(entry: dict[str, Any]) -> BusinessRule:
    return BusinessRule(
        code=entry["code"],
        name=entry["name"],
        keys=Keys(entry["keys"]),
        validity=Validity(entry["validity"]),
        old_pair=OldPair(entry["old_pair"]) if "old_pair" in entry else None,
        revocation_reason=entry.get("revocation_reason", ""),
        old_key=OldKey(entry["old_key"]),
        needs=frozenset(entry["needs"]),
        notices=tuple(entry["notices"]),
        reasons=tuple(_reason(reason) for reason in entry.get("reason", [])),
    )


def _reason(entry: dict[str, Any]) -> Reason:
    return Reason(
        entry["code"], entry["name"], OldPair(entry["old_pair"]), entry["revocation_reason"], entry.get("token", "")
    )


_KEYS_TEXT = {Keys.NEW: N_("两对新密钥"), Keys.KEPT: N_("不变")}
_VALIDITY_TEXT = {
    Validity.FROM_ISSUE: N_("自签发日起"),
    Validity.FROM_OLD_EXPIRY: N_("从原到期日顺延，不少一天"),
    Validity.UNTIL_OLD_EXPIRY: N_("到原到期日为止"),
    Validity.KEPT: N_("不变"),
}
_OLD_PAIR_TEXT = {
    OldPair.NONE: N_("没有"),
    OldPair.STAYS: N_("保留到自然到期"),
    OldPair.AT_APPROVAL: N_("审核通过时注销"),
    OldPair.AT_DELIVERY: N_("交付时注销"),
    OldPair.REVOKED: N_("注销"),
    OldPair.KEPT: N_("不变"),
}
_OLD_KEY_TEXT = {
    OldKey.NONE: N_("没有"),
    OldKey.WITH_HOLDER: N_("留在介质中，旧密文可解"),
    OldKey.IN_ESCROW: N_("在密钥管理中心，可申请恢复"),
    OldKey.KEPT: N_("不变"),
}
NOTICE_TEXT = {
    "ready": N_("可以领取"),
    "renewed": N_("已更新"),
    "unlocked": N_("已解锁"),
    "revoked": N_("已注销"),
    "deficient": N_("材料不全"),
    "rejected": N_("审核未通过"),
    "sent_back": N_("退回修改"),
}
TABLE_HEAD = (N_("业务"), N_("密钥"), N_("有效期"), N_("旧证书"), N_("旧加密密钥"), N_("通知"))


def table() -> list[tuple[str, ...]]:
    """The table as people read it, one row a business and reason (Chinese msgids)."""
    return [row for rule in businesses().values() for row in _rows(rule)]


def _rows(rule: BusinessRule) -> list[tuple[str, ...]]:
    fates = rule.reasons or (rule.fate(""),)
    notices = "、".join(NOTICE_TEXT[code] for code in rule.notices)
    return [
        (
            f"{rule.name}（{fate.name}）" if fate.name else rule.name,
            _KEYS_TEXT[rule.keys],
            _VALIDITY_TEXT[rule.validity],
            _OLD_PAIR_TEXT[fate.old_pair] + (f"（{fate.revocation_reason}）" if fate.revocation_reason else ""),
            _OLD_KEY_TEXT[rule.old_key],
            notices,
        )
        for fate in fates
    ]
