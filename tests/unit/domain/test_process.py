"""Processes as data: order, deadlines in working days, materials, the four-eyes rule (A4)."""

from datetime import UTC, date, datetime

import pytest
from django.utils.translation import gettext, override

from banyan.cli.request import request
from banyan.domain.iam.right_names import RIGHTS
from banyan.domain.iam.rights import ROLE_RIGHTS, Role
from banyan.domain.lifecycle.businesses import businesses
from banyan.domain.ra import rules, working_days
from banyan.domain.ra.errors import ProcessInvalid, ProcessUnknown
from banyan.domain.ra.models import Channel
from banyan.domain.ra.processes import (
    Verb,
    load_process,
    materials,
    process_for,
    processes,
    required_materials,
)
from banyan.domain.systems.registry import policies

COUNTER = ["precheck", "approve", "enter", "proofread", "issue", "personalize", "notify_ready", "hand_over"]
REMOTE = ["enter", "proofread", "approve", "issue", "personalize", "notify_ready", "hand_over"]


def steps(business: str, channel: str) -> list[str]:
    return [str(step.verb) for step in process_for(business, channel).steps]


@pytest.mark.parametrize("business", ["enroll", "modify", "reissue", "renew"])
def test_the_order_is_that_of_the_specification(business: str) -> None:
    """规范 3.1.1.1-1: materials are approved before data are entered; where data come along, entry comes first."""
    assert steps(business, "COUNTER") == COUNTER
    assert steps(business, "ONLINE") == steps(business, "API") == steps(business, "SHEET") == REMOTE


def test_unlocking_and_revoking_issue_nothing() -> None:
    assert steps("unlock", "COUNTER") == ["precheck", "approve", "unlock"]
    assert steps("revoke", "ONLINE") == ["precheck", "approve", "revoke"]
    with pytest.raises(ProcessUnknown):
        process_for("revoke", "SHEET")


def test_every_business_has_a_process_at_the_counter() -> None:
    assert all(process_for(business, "COUNTER") for business in businesses())


def test_every_step_names_a_right_that_its_role_has() -> None:
    for process in processes().values():
        for step in process.steps:
            assert step.right in RIGHTS
            assert step.right in ROLE_RIGHTS[Role(step.role)], (process.code, step.verb)


def test_every_step_is_done_by_a_command_that_there_is() -> None:
    """A4: what "step not due" tells people to type exists."""
    for verb in Verb:
        program, group, name, number = verb.command("G1").split()
        assert (program, group, number) == ("banyan", "request", "G1")
        assert name in request.commands, verb


def test_materials_name_known_businesses_and_channels() -> None:
    for entry in materials():
        assert entry.businesses <= set(businesses())
        assert entry.channels <= set(Channel.values)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "KeyError"),
        ('code="x"\nname="x"\nbusinesses=["enroll"]\nchannels=["API"]\nstep=[]', "at least one"),
        (
            'code="x"\nname="x"\nbusinesses=["enroll"]\nchannels=["API"]\n'
            '[[step]]\nverb="issue"\nright="r"\nrole="clerk"\nworking_days=1',
            "needs",
        ),
        (
            'code="x"\nname="x"\nbusinesses=["revoke"]\nchannels=["API"]\n'
            '[[step]]\nverb="revoke"\nright="r"\nrole="clerk"\nworking_days=1',
            "without approve",
        ),
    ],
)
def test_a_process_that_would_issue_without_its_decisions_does_not_load(text: str, problem: str) -> None:
    with pytest.raises(ProcessInvalid, match=problem):
        load_process(text, file="x.toml")


def test_everything_missing_is_told_at_once() -> None:
    """一次性告知."""
    missing = rules.missing_materials("enroll", "PERSONAL", "COUNTER", ["application_form"])
    assert [entry.code for entry in missing] == ["requester_identity", "holder_identity"]
    assert rules.missing_materials("enroll", "PERSONAL", "COUNTER", [entry.code for entry in materials()]) == []
    assert [entry.code for entry in required_materials("enroll", "PERSONAL", "SHEET")] == ["sheet"]


def test_the_same_materials_in_another_order_have_the_same_digest() -> None:
    one = [("a", "11"), ("b", "22")]
    assert rules.materials_digest(one) == rules.materials_digest(reversed(one))
    assert rules.materials_digest(one) != rules.materials_digest([("a", "22"), ("b", "11")])


def test_a_change_sends_a_request_back_to_the_first_missing_decision() -> None:
    counter, remote = process_for("enroll", "COUNTER"), process_for("enroll", "API")

    def first(process: object, approved: bool, proofread: bool) -> Verb:
        return rules.first_open_step(
            process,  # type: ignore[arg-type]
            is_prechecked=True,
            is_approved=approved,
            is_entered=True,
            is_proofread=proofread,
        )

    assert first(counter, approved=False, proofread=False) is Verb.APPROVE
    assert first(counter, approved=True, proofread=False) is Verb.PROOFREAD
    assert first(remote, approved=False, proofread=False) is Verb.PROOFREAD
    assert first(remote, approved=False, proofread=True) is Verb.APPROVE
    assert first(remote, approved=True, proofread=True) is Verb.ISSUE


def test_two_accounts_of_one_credential_are_one_person() -> None:
    """Four eyes: the account and the credential both count, and an unknown one is nobody's double."""
    others = {"录入": (1, 10), "审核": (2, 20)}
    assert rules.conflicting_step((1, 99), others) == "录入"
    assert rules.conflicting_step((9, 20), others) == "审核"
    assert rules.conflicting_step((9, 99), others) is None
    assert rules.conflicting_step((9, None), {"录入": (1, None)}) is None


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        # Friday 2026-01-09 09:00 in Fujian; the weekend does not count.
        (datetime(2026, 1, 9, 1, tzinfo=UTC), 1, date(2026, 1, 12)),
        # 17:30 UTC on Friday is Saturday in Fujian.
        (datetime(2026, 1, 9, 17, 30, tzinfo=UTC), 1, date(2026, 1, 12)),
        # National Day 2026: 1–7 October off; 10 October, a Saturday, worked.
        (datetime(2026, 9, 30, 1, tzinfo=UTC), 1, date(2026, 10, 8)),
    ],
)
def test_deadlines_count_working_days_of_the_province(start: datetime, days: int, due: date) -> None:
    found = working_days.due_date(start, days)
    assert (found.on, found.is_provisional) == (due, False)


def test_years_without_known_holidays_count_weekends_and_say_so() -> None:
    found = working_days.due_date(datetime(2099, 1, 1, 1, tzinfo=UTC), 5)
    assert (found.on, found.is_provisional) == (date(2099, 1, 8), True)


def test_late_begins_the_day_after() -> None:
    due = date(2026, 1, 12)
    assert not working_days.is_late(due, datetime(2026, 1, 12, 15, 59, tzinfo=UTC))
    assert working_days.is_late(due, datetime(2026, 1, 12, 16, 0, tzinfo=UTC))
    assert not working_days.is_late(None, datetime(2026, 1, 12, 16, 0, tzinfo=UTC))


def test_every_word_of_the_data_has_english() -> None:
    """A4, A1: materials and the fields of the forms are data; their words are in the catalogue all the same."""
    with override("en"):
        for material in materials():
            assert gettext(material.name).isascii(), material.code
        for policy in policies().values():
            for field in (field for kind in policy.kinds for field in kind.fields):
                assert gettext(field.label).isascii(), field.code
