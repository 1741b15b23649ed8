"""Decisions about the businesses as pure functions of values and ``now``."""

from datetime import datetime

from banyan.domain.lifecycle.businesses import BusinessRule, Validity, businesses
from banyan.domain.lifecycle.errors import Expired, NotInThisState, ReasonUnknown
from banyan.domain.systems import rules as systems
from banyan.domain.systems.policy import SystemPolicy

COUNTER = "COUNTER"


def ensure_possible(
    business: str, *, name: str, state: str, not_after: datetime, policy: SystemPolicy, channel: str, now: datetime
) -> None:
    """Whether a business may be opened on a pair in this state at this time.

    Raises NotInThisState, Expired, and what ``systems.rules.ensure_renewable`` raises.
    """
    rule = businesses()[business]
    if state not in rule.needs:
        raise NotInThisState(name=name, state=state, business=rule.name)
    if rule.validity is Validity.FROM_OLD_EXPIRY:
        systems.ensure_renewable(policy, not_after, now, at_counter=channel == COUNTER)
    elif now > not_after and rule.issues:
        raise Expired(name=name, expired_on=not_after.date().isoformat(), business=rule.name)


def ensure_reason(business: str, reason: str) -> None:
    """Whether the business knows the reason given. Raises ReasonUnknown."""
    rule = businesses()[business]
    known = {entry.code: entry.name for entry in rule.reasons}
    if known and reason not in known:
        listed = "、".join(f"{code}（{name}）" for code, name in known.items())
        raise ReasonUnknown(business=rule.name, known=listed)


def must_destroy(reason: str, *, has_admin_pin: bool) -> bool:
    """Whether a token handed in with a revocation is to be destroyed instead of erased and used again.

    So is one whose key may have leaked, and one that the platform cannot make its own again.
    """
    return businesses()["revoke"].fate(reason).revocation_reason == "keyCompromise" or not has_admin_pin


def validity(
    rule: BusinessRule,
    policy: SystemPolicy,
    kind: str,
    old_not_after: datetime | None,
    now: datetime,
    days: int | None = None,
) -> tuple[datetime, datetime]:
    """(not before, not after) of the pair a business makes, in whole seconds.

    A renewal adds its days to the old expiry, so no paid day is lost; renewed after expiry, it counts from now. Raises
    ValidityInvalid for more days than the system allows.
    """
    span = systems.validity(policy, kind, days)
    start = now.replace(microsecond=0)
    old = old_not_after.replace(microsecond=0) if old_not_after is not None else start
    if rule.validity is Validity.UNTIL_OLD_EXPIRY:
        return start, old
    if rule.validity is Validity.FROM_OLD_EXPIRY:
        return start, max(old, start) + span
    return start, start + span
