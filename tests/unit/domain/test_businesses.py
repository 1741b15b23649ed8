"""The table of businesses is the one people read, and the rules follow it (A3)."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from banyan.domain.lifecycle import rules
from banyan.domain.lifecycle.businesses import TABLE_HEAD, OldPair, businesses, table
from banyan.domain.lifecycle.errors import Expired, NotInThisState, ReasonUnknown
from banyan.domain.ra.models import Business
from banyan.domain.systems.errors import (
    RenewalCounterOnly,
    RenewalTooEarly,
    RenewalTooLate,
    ValidityInvalid,
)
from banyan.domain.systems.registry import policies

DOCUMENT = Path(__file__).parents[3] / "docs" / "businesses.md"
NOW = datetime(2026, 6, 15, 4, 0, tzinfo=UTC)
GENERAL = policies()["GENERAL"]


def rows_of_document() -> list[tuple[str, ...]]:
    lines = [line for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith("|")]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]


def test_the_document_shows_exactly_the_table_of_the_product() -> None:
    head, rule, *body = rows_of_document()
    assert head == TABLE_HEAD
    assert set(rule) == {"---"}
    assert body == table()


def test_there_are_the_six_businesses_of_the_specification() -> None:
    assert list(businesses()) == ["enroll", "modify", "reissue", "unlock", "revoke", "renew"]
    assert set(businesses()) == set(Business.values)


def test_a_lost_token_is_revoked_at_approval_and_a_damaged_one_at_delivery() -> None:
    reissue = businesses()["reissue"]
    assert [reissue.fate(reason).old_pair for reason in ("lost", "stolen", "damaged")] == [
        OldPair.AT_APPROVAL,
        OldPair.AT_APPROVAL,
        OldPair.AT_DELIVERY,
    ]
    with pytest.raises(ReasonUnknown):
        rules.ensure_reason("reissue", "")
    with pytest.raises(KeyError):
        reissue.fate("")


def possible(business: str, not_after: datetime, *, channel: str = "COUNTER", state: str = "VALID") -> None:
    rules.ensure_possible(
        business, name="测试", state=state, not_after=not_after, policy=GENERAL, channel=channel, now=NOW
    )


def test_renewal_opens_two_months_before_expiry_to_the_day() -> None:
    """规范 3.1.1.1-6."""
    possible("renew", datetime(2026, 8, 15, 4, 0, tzinfo=UTC))
    with pytest.raises(RenewalTooEarly):
        possible("renew", datetime(2026, 8, 15, 4, 1, tzinfo=UTC))


def test_after_expiry_renewal_is_for_the_counter_and_for_some_days() -> None:
    expired = NOW - timedelta(days=5)
    possible("renew", expired)
    with pytest.raises(RenewalCounterOnly):
        possible("renew", expired, channel="ONLINE")
    with pytest.raises(RenewalTooLate):
        possible("renew", NOW - timedelta(days=31))


@pytest.mark.parametrize(("business", "state"), [("renew", "HELD"), ("reissue", "REVOKED"), ("unlock", "REVOKED")])
def test_a_pair_in_the_wrong_state_is_refused(business: str, state: str) -> None:
    with pytest.raises(NotInThisState):
        possible(business, NOW + timedelta(days=30), state=state)


def test_an_expired_pair_is_not_reissued_but_its_token_is_unlocked() -> None:
    with pytest.raises(Expired):
        possible("reissue", NOW - timedelta(days=1))
    possible("unlock", NOW - timedelta(days=1))


def validity(business: str, old: datetime | None, days: int | None = None) -> tuple[datetime, datetime]:
    return rules.validity(businesses()[business], GENERAL, "PERSONAL", old, NOW, days)


def test_a_renewal_continues_from_the_old_expiry() -> None:
    old = NOW + timedelta(days=40)
    assert validity("renew", old) == (NOW, old + timedelta(days=365))


def test_a_renewal_after_expiry_counts_from_now() -> None:
    assert validity("renew", NOW - timedelta(days=9)) == (NOW, NOW + timedelta(days=365))


def test_reissue_and_modification_end_when_the_old_pair_would() -> None:
    old = NOW + timedelta(days=77, microseconds=5)
    assert validity("reissue", old)[1] == validity("modify", old)[1] == NOW + timedelta(days=77)


def test_a_new_pair_lasts_as_the_system_says_and_no_longer_than_it_allows() -> None:
    assert validity("enroll", None) == (NOW, NOW + timedelta(days=365))
    assert validity("enroll", None, 730) == (NOW, NOW + timedelta(days=730))
    with pytest.raises(ValidityInvalid):
        validity("enroll", None, 1097)
