"""What two administrators set: processes, materials, systems, calendars (issue 4, points 2, 6 and 8)."""

import copy
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from banyan.domain import audit
from banyan.domain.administering import access, actions, calendar_settings, documents
from banyan.domain.administering.notices import read_notice
from banyan.domain.audit.errors import RowForged
from banyan.domain.audit.models import AuditRecord
from banyan.domain.iam.dual_control import withdraw_dual
from banyan.domain.iam.errors import DualRequestClosed, DualRequestExpired, RightMissing, SamePerson
from banyan.domain.iam.rights import Role
from banyan.domain.ra import actions as ra
from banyan.domain.ra import working_days
from banyan.domain.ra.errors import ProofreadingVoid
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.ra.processes import document_of, process_for, processes, required_materials
from banyan.domain.rulebook import snapshots
from banyan.domain.rulebook.errors import (
    ChangedBefore,
    DocumentUnknown,
    EffectiveTooEarly,
    NothingChanged,
    ReasonMissing,
    SettingRefused,
)
from banyan.domain.rulebook.models import Recomputation, RuleVersion
from banyan.domain.systems import access as systems
from banyan.kernel.clock import now as clock_now
from support import issuing
from support.administering import Administrators, content, reordered
from support.iam import staff
from support.issuing import NOW, SYSTEM, approver, clerk, proofreader

pytestmark = pytest.mark.django_db(transaction=True)
COUNTER, REMOTE = document_of("counter"), document_of("remote")
NEW_ORDER = ("precheck", "enter", "proofread", "approve", "issue", "personalize", "notify_ready", "hand_over")
NOTICE_2027 = """元旦：1月1日（周五）放假，与周末连休。
春节：2月5日（周五）至11日（周四）放假调休，共7天。1月31日（周日）、2月13日（周六）上班。
清明节：4月5日（周一）放假，与周末连休。
劳动节：5月1日（周六）至5日（周三）放假调休，共5天。5月8日（周六）上班。
端午节：6月9日（周三）放假，共1天。
中秋节：9月15日（周三）放假，共1天。
国庆节：10月1日（周五）至7日（周四）放假调休，共7天。9月26日（周日）、10月9日（周六）上班。"""


@pytest.fixture
def office() -> Administrators:
    return Administrators()


def stored(request: ServiceRequest) -> ServiceRequest:
    return ServiceRequest.objects.unscoped("test").get(pk=request.pk)


def with_days(document: str, verb: str, days: int) -> dict[str, Any]:
    found = content(document)
    next(step for step in found["step"] if step["verb"] == verb)["working_days"] = days
    return found


def test_two_administrators_change_the_order_and_open_requests_keep_theirs(office: Administrators) -> None:
    """The order is data of the process, edited by two administrators; what was begun goes on as it began."""
    world = issuing.world()
    before = ra.open_request(clerk(), issuing.draft(world, channel="COUNTER"), NOW)
    version = office.set(COUNTER, reordered(COUNTER, *NEW_ORDER))
    assert (version.number, process_for("enroll", "COUNTER").number) == (1, 1)
    after = ra.open_request(clerk(), issuing.draft(world, channel="COUNTER", person=1), NOW)
    for request in (before, after):
        ra.precheck(clerk(), request.pk, NOW)
    assert [stored(one).step for one in (before, after)] == ["approve", "enter"]
    assert [stored(one).process_version for one in (before, after)] == [0, 1]
    assert AuditRecord.objects.filter(event="rulebook.changed").count() == 1


def test_a_request_of_the_new_order_is_carried_to_its_certificate(office: Administrators) -> None:
    world = issuing.world()
    found = reordered(COUNTER, *[verb for verb in NEW_ORDER if verb != "notify_ready"])
    office.set(COUNTER, found)
    request = ra.open_request(clerk(), issuing.draft(world, channel="COUNTER"), NOW)
    ra.precheck(clerk(), request.pk, NOW)
    data = issuing.draft(world).data
    assert data is not None
    ra.enter(clerk(), request.pk, data, NOW)
    ra.proofread(proofreader(), request.pk, NOW)
    ra.approve(approver(), request.pk, NOW)
    issuing.issue(world, stored(request))
    assert ra.carry_on(SYSTEM, world.connector, NOW).issued == 1
    proof = world.sign(request.number, ra.personalization_nonce(stored(request)))
    ra.personalize(clerk(), request.pk, NOW, signature=proof)
    ra.hand_over(clerk(), request.pk, NOW, receiver=issuing.requester(stored(request)))
    assert stored(request).state == "DONE"


def _without(verb: str) -> Any:
    return lambda found: found.update(step=[step for step in found["step"] if step["verb"] != verb])


def _swapped(first: str, second: str) -> Any:
    def change(found: dict[str, Any]) -> None:
        verbs = [step["verb"] for step in found["step"]]
        one, two = verbs.index(first), verbs.index(second)
        found["step"][one], found["step"][two] = found["step"][two], found["step"][one]

    return change


def _step(place: int, **values: Any) -> Any:
    return lambda found: found["step"][place].update(values)


@pytest.mark.parametrize(
    ("document", "change", "place"),
    [
        *[(name, _without(verb), "steps") for name in (COUNTER, REMOTE) for verb in ("approve", "proofread", "enter")],
        (COUNTER, _without("precheck"), "steps"),
        (COUNTER, _swapped("issue", "proofread"), "step.issue"),
        (COUNTER, _swapped("approve", "issue"), "step.issue"),
        (COUNTER, _swapped("enter", "proofread"), "step.proofread"),
        (REMOTE, _swapped("enter", "approve"), "step.proofread"),
        (document_of("unlock"), _without("approve"), "steps"),
        (document_of("revoke"), _swapped("approve", "revoke"), "step.revoke"),
        (COUNTER, _step(1, right="requests.enter"), "step.approve"),
        (COUNTER, _step(1, role="clerk"), "role.approve"),
        (COUNTER, _step(1, role="nobody"), "role.approve"),
        (COUNTER, _step(1, working_days=0), "days.approve"),
        (COUNTER, _step(1, working_days="3"), "days.approve"),
        (COUNTER, _step(1, verb="revoke"), "steps"),
        (COUNTER, _step(1, skips_four_eyes=True), "step.approve"),
        (COUNTER, lambda found: found.update(businesses=["enroll"]), "steps"),
        (COUNTER, lambda found: found.update(extra=1), "steps"),
        (COUNTER, lambda found: found.update(step=[]), "steps"),
        (COUNTER, lambda found: found.pop("step"), "steps"),
        (COUNTER, lambda found: found.update(step=7), ""),
    ],
)
def test_what_makes_issuing_safe_cannot_be_set_away(
    office: Administrators, document: str, change: Any, place: str
) -> None:
    """Approval and proofreading before issuing, the rights of steps, four eyes: no process without them is taken."""
    found = content(document)
    change(found)
    with pytest.raises(SettingRefused) as refused:
        actions.ask_for_change(office.system, document, found, reason="测试", now=office.now)
    assert refused.value.place == place
    assert not RuleVersion.objects.exists()


def test_a_process_without_proofreading_written_past_all_checks_still_issues_nothing(
    office: Administrators, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should a hand with the keys write such a version, what is asked of the CA is refused all the same."""
    world = issuing.world()
    found = content(COUNTER)
    _without("proofread")(found)
    monkeypatch.setattr(documents, "check", lambda *_what: None)
    monkeypatch.setattr("banyan.domain.ra.processes.read_process", _read_unchecked)
    office.set(COUNTER, found)
    request = ra.open_request(clerk(), issuing.draft(world, channel="COUNTER"), NOW)
    ra.precheck(clerk(), request.pk, NOW)
    ra.approve(approver(), request.pk, NOW)
    data = issuing.draft(world).data
    assert data is not None
    ra.enter(clerk(), request.pk, data, NOW)
    assert stored(request).step == "issue"
    with pytest.raises(ProofreadingVoid):
        issuing.issue(world, stored(request))


def _read_unchecked(data: Any, *, file: str, number: int = 0) -> Any:
    from banyan.domain.ra.processes import Process, Step, Verb

    steps = tuple(Step(Verb(one["verb"]), one["right"], one["role"], one["working_days"]) for one in data["step"])
    return Process(data["code"], file, frozenset(data["businesses"]), frozenset(data["channels"]), steps, number)


def test_one_person_alone_sets_nothing(office: Administrators) -> None:
    request = actions.ask_for_change(
        office.system, COUNTER, with_days(COUNTER, "approve", 2), reason="提速", now=office.now
    )
    with pytest.raises(RightMissing):
        actions.confirm_change(office.system, request, office.now)
    with pytest.raises(RightMissing):
        actions.ask_for_change(office.security, COUNTER, None, reason="x", now=office.now)
    # Whoever were given both rights, which the roles do not allow, would still be one person.
    both = replace(office.system, rights=office.system.rights | {"systems.confirm"})
    own = actions.ask_for_change(both, COUNTER, with_days(COUNTER, "approve", 2), reason="提速", now=office.now)
    with pytest.raises(SamePerson):
        actions.confirm_change(both, own, office.now)
    with pytest.raises(DualRequestExpired):
        actions.confirm_change(office.security, request, office.now + timedelta(hours=9))
    assert processes()["counter"].step("approve").working_days == 3
    assert not RuleVersion.objects.exists()


def test_a_withdrawn_change_and_one_that_came_too_late_are_not_carried_out(office: Administrators) -> None:
    first, second, third = (
        actions.ask_for_change(
            office.system, COUNTER, with_days(COUNTER, "approve", days), reason="提速", now=office.now
        )
        for days in (2, 4, 5)
    )
    withdraw_dual(actor=office.security, request=first, now=office.now)
    with pytest.raises(DualRequestClosed):
        actions.confirm_change(office.security, first, office.now)
    actions.confirm_change(office.security, second, office.now)
    with pytest.raises(ChangedBefore):
        actions.confirm_change(office.security, third, office.now)
    with pytest.raises(ChangedBefore):
        actions.ask_for_change(office.system, COUNTER, None, reason="x", now=office.now, base=0)
    assert processes()["counter"].step("approve").working_days == 4


def test_a_change_says_why_and_changes_something(office: Administrators) -> None:
    changed = with_days(COUNTER, "approve", 2)
    with pytest.raises(ReasonMissing):
        actions.ask_for_change(office.system, COUNTER, changed, reason="  ", now=office.now)
    with pytest.raises(NothingChanged):
        actions.ask_for_change(office.system, COUNTER, content(COUNTER), reason="x", now=office.now)
    with pytest.raises(DocumentUnknown):
        actions.ask_for_change(office.system, "process:other", changed, reason="x", now=office.now)
    yesterday = working_days.local_date(office.now) - timedelta(days=1)
    with pytest.raises(EffectiveTooEarly):
        actions.ask_for_change(office.system, COUNTER, changed, reason="x", now=office.now, effective_on=yesterday)


def test_a_change_takes_effect_on_its_day(office: Administrators, monkeypatch: pytest.MonkeyPatch) -> None:
    """From midnight in the province, not a moment before; what is newer takes the place of what was to come."""
    day = working_days.local_date(office.now) + timedelta(days=3)
    office.set(COUNTER, with_days(COUNTER, "approve", 9), effective_on=day)
    assert processes()["counter"].step("approve").working_days == 3
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=8)
    for moment, days in ((midnight - timedelta(seconds=1), 3), (midnight, 9)):
        monkeypatch.setattr("banyan.kernel.clock.now", lambda moment=moment: moment)
        snapshots.forget()
        assert processes()["counter"].step("approve").working_days == days
    monkeypatch.undo()
    snapshots.forget()
    office.set(COUNTER, with_days(COUNTER, "approve", 5))
    monkeypatch.setattr("banyan.kernel.clock.now", lambda: midnight + timedelta(days=1))
    snapshots.forget()
    assert processes()["counter"].step("approve").working_days == 5


def test_an_earlier_version_comes_back_by_two_people(office: Administrators) -> None:
    office.set(COUNTER, with_days(COUNTER, "approve", 2))
    office.set(COUNTER, with_days(COUNTER, "approve", 7))
    office.set(COUNTER, documents.at(COUNTER, 1))
    assert processes()["counter"].step("approve").working_days == 2
    office.set(COUNTER, None)
    assert processes()["counter"].step("approve").working_days == 3
    assert [row.number for row in access.versions(office.security, COUNTER)] == [4, 3, 2, 1]
    before, after = access.compared(COUNTER, 3)
    texts = [[line.text.format(**line.fields) for line in side] for side in (before, after)]
    assert set(texts[0]) ^ set(texts[1]) == {"第 2 步 审核，审核员，7 个工作日", "第 2 步 审核，审核员，2 个工作日"}


def test_a_version_written_by_hand_stops_the_work_that_rests_on_it(office: Administrators) -> None:
    version = office.set(COUNTER, with_days(COUNTER, "approve", 2))
    with connection.cursor() as cursor:
        forged = version.content.replace('"working_days":2', '"working_days":59')
        assert forged != version.content
        cursor.execute("UPDATE rulebook_ruleversion SET content = %s WHERE id = %s", [forged, version.pk])
    snapshots.forget()
    with pytest.raises(RowForged):
        processes()
    assert AuditRecord.objects.filter(event="rulebook.read", outcome="refused").exists()


def test_other_processes_see_a_change_and_rows_cost_no_query(office: Administrators) -> None:
    """Asking for a rule per row touches no database; a look every second finds what another process committed."""
    office.set(COUNTER, with_days(COUNTER, "approve", 2))
    processes()
    snapshots.hold(snapshots.current())
    with CaptureQueriesContext(connection) as asked:
        for _ in range(1000):
            processes()["counter"].step("approve")
            working_days.due_date(NOW, 3)
            systems.policy("GENERAL")
            required_materials("enroll", "PERSONAL", "COUNTER")
    assert len(asked) == 0
    held = snapshots.current()
    with audit.action_scope():  # as another process would: nothing here is told
        row = RuleVersion.objects.get()
        twin = RuleVersion(
            document=COUNTER, number=2, content="", reason="x", effective_at=office.now, asked_by=row.asked_by,
            confirmed_by=row.confirmed_by, dual_request=row.dual_request + 1, at=office.now,
        )  # fmt: skip
        twin.save()
        audit.record(SYSTEM, "test.other_process", twin)
    snapshots.hold(held, seconds=0)
    assert processes()["counter"].step("approve").working_days == 3


# materials and systems


def test_a_material_is_added_and_asked_for(office: Administrators) -> None:
    found = content("materials")
    found["material"].append(
        {"code": "m7", "name": "授权委托书", "businesses": ["enroll"], "kinds": ["PERSONAL"], "channels": ["COUNTER"]}
    )
    office.set("materials", found)
    assert required_materials("enroll", "PERSONAL", "COUNTER")[-1].name == "授权委托书"
    assert not any(one.code == "m7" for one in required_materials("renew", "PERSONAL", "COUNTER"))


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda found: found.update(material=[]), "materials"),
        (lambda found: found.update(material=found["material"][1:]), "materials"),  # renewal would ask for nothing
        (lambda found: found["material"][0].update(name=""), "name.application_form"),
        (lambda found: found["material"][0].update(name=found["material"][1]["name"]), "name.application_form"),
        (lambda found: found["material"][0].update(kinds=[]), "kinds.application_form"),
        (lambda found: found["material"][0].update(channels=["FAX"]), "channels.application_form"),
        (lambda found: found["material"][0].update(code="../x"), "materials"),
    ],
)
def test_materials_that_cannot_stand_are_refused_at_their_field(
    office: Administrators, change: Any, place: str
) -> None:
    found = content("materials")
    change(found)
    with pytest.raises(SettingRefused) as refused:
        actions.ask_for_change(office.system, "materials", found, reason="x", now=office.now)
    assert refused.value.place == place


def test_a_system_s_policy_is_set(office: Administrators) -> None:
    found = content("system:MOBILE")
    found["kind"][0]["media"] = ["SIM_KEY"]
    found["kind"][0]["validity_days"] = 730
    found["renewal"]["opens_months"] = 3
    found["field"].append(
        {"code": "unit_code", "label": "应用编号", "type": "text", "required": True, "max_length": 30, "hint": ""}
    )
    found["kind"][0]["fields"].append("unit_code")
    office.set("system:MOBILE", found)
    policy = systems.policy("MOBILE")
    assert [policy.kinds[0].media, policy.kinds[0].validity_days, policy.renewal.opens_months] == [("SIM_KEY",), 730, 3]
    assert policy.kinds[0].fields[-1].label == "应用编号"
    assert systems.policy("GENERAL").renewal.opens_months == 2


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda found: found.update(number_prefix="XX"), ""),
        (lambda found: found["renewal"].update(opens_months=0), "opens_months"),
        (lambda found: found["renewal"].update(grace_days=True), "grace_days"),
        (lambda found: found["soft_tokens"].update(variant="hardware"), "soft_tokens"),
        (lambda found: found["kind"][0].update(profile="sm2-device"), ""),
        (lambda found: found["kind"][0].update(identify_code="clear"), ""),
        (lambda found: found.update(kind=found["kind"][1:]), ""),
        (lambda found: found["kind"][0].update(validity_days=2000), "validity.SEAL"),
        (lambda found: found["kind"][0].update(longest_validity_days=99999), "longest.SEAL"),
        (lambda found: found["kind"][0].update(media=[]), "media.SEAL"),
        (lambda found: found["kind"][0].update(media=["PAPER"]), "media.SEAL"),
        (lambda found: found["kind"][0].update(fields=["seal_name"]), "fields.SEAL"),
        (lambda found: found["field"][0].update(required=False), "fields"),
        (lambda found: found.update(field=found["field"][1:]), "fields"),
        (lambda found: found["field"][0].update(type="address"), "type.seal_code"),
        (lambda found: found["field"][0].update(label=""), "label.seal_code"),
        (lambda found: found["field"][0].update(max_length=9999), "max_length.seal_code"),
        (lambda found: found["field"][2].update(choices=[]), "choices.seal_kind"),
        (lambda found: found.pop("renewal"), ""),
        (lambda found: found.update(unknown=1), ""),
    ],
)
def test_a_policy_that_cannot_stand_is_refused_at_its_field(office: Administrators, change: Any, place: str) -> None:
    found = content("system:ESEAL")
    change(found)
    with pytest.raises(SettingRefused) as refused:
        actions.ask_for_change(office.system, "system:ESEAL", found, reason="x", now=office.now)
    assert refused.value.place == place


# calendars


def calendar(year: int, text: str) -> dict[str, Any]:
    return calendar_settings.from_notice(read_notice(text, year))


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        # 2027-02-05 to 11 off, 2027-01-31 (Sunday) and 2027-02-13 (Saturday) worked
        (datetime(2027, 1, 29, 2, tzinfo=UTC), 1, date(2027, 1, 31)),
        (datetime(2027, 2, 4, 2, tzinfo=UTC), 1, date(2027, 2, 12)),
        (datetime(2027, 2, 4, 2, tzinfo=UTC), 2, date(2027, 2, 13)),
        (datetime(2027, 2, 4, 15, 59, tzinfo=UTC), 1, date(2027, 2, 12)),
        (datetime(2027, 2, 11, 16, 0, tzinfo=UTC), 1, date(2027, 2, 13)),  # midnight in Shanghai
        (datetime(2026, 12, 31, 2, tzinfo=UTC), 1, date(2027, 1, 4)),  # turn of the year
        (datetime(2027, 4, 30, 2, tzinfo=UTC), 2, date(2027, 5, 7)),  # month's end
        (datetime(2027, 9, 24, 2, tzinfo=UTC), 2, date(2027, 9, 27)),
    ],
)
def test_deadlines_follow_an_imported_notice(office: Administrators, start: datetime, days: int, due: date) -> None:
    assert working_days.due_date(start, days).is_provisional
    office.set("calendar:2027", calendar(2027, NOTICE_2027))
    found = working_days.due_date(start, days)
    assert (found.on, found.is_provisional) == (due, False)


def test_a_leap_day_counts(office: Administrators) -> None:
    office.set("calendar:2028", {**calendar_settings.shipped_year(2028), "is_known": True})
    assert working_days.due_date(datetime(2028, 2, 28, 2, tzinfo=UTC), 1).on == date(2028, 2, 29)
    assert working_days.due_date(datetime(2028, 2, 28, 2, tzinfo=UTC), 2).on == date(2028, 3, 1)


def test_a_year_s_notice_counts_in_the_december_before(office: Administrators) -> None:
    text = NOTICE_2027.replace("1月1日（周五）放假，与周末连休", "12月31日（周四）至1月2日（周六）放假，共3天")
    assert working_days.is_working_day(date(2026, 12, 31)) == (True, False)
    office.set("calendar:2027", calendar(2027, text))
    assert working_days.is_working_day(date(2026, 12, 31)) == (False, False)
    assert working_days.is_working_day(date(2026, 12, 30)) == (True, False)


def test_due_dates_of_open_requests_follow_the_notice(office: Administrators, monkeypatch: pytest.MonkeyPatch) -> None:
    """Provisional due dates become sure; slices are carried on after an interruption; each slice is one record."""
    world = issuing.world()
    at = datetime(2027, 2, 3, 2, tzinfo=UTC)
    monkeypatch.setattr("banyan.domain.ra.actions.due_dates.SLICE", 2)
    waiting = [
        ra.open_request(clerk(), issuing.draft(world, channel="COUNTER", person=person), at) for person in range(3)
    ]
    earlier = ra.open_request(clerk(), issuing.draft(world, person=0, business="enroll"), NOW)
    closed = ra.open_request(clerk(), issuing.draft(world, channel="COUNTER", person=1), at)
    ra.cancel(clerk(), closed.pk, at, reason="不办了")
    ra.precheck(clerk(), waiting[0].pk, at)  # now at approval, three working days
    # As an earlier release left one: without the day from which it waits.
    ServiceRequest.objects.unscoped("test").filter(pk=waiting[1].pk).update(due_from=None)
    versions = [stored(one).version for one in waiting]
    assert all(stored(one).is_due_provisional for one in waiting)
    assert stored(waiting[0]).due_on == date(2027, 2, 8)
    office.set("calendar:2027", calendar(2027, NOTICE_2027))
    assert ra.recompute_due_dates(SYSTEM, clock_now())
    task = Recomputation.objects.get()
    assert (task.seen, task.changed, task.finished_at) == (2, 2, None)
    while ra.recompute_due_dates(SYSTEM, clock_now()):
        pass
    found = [stored(one) for one in waiting]
    assert [one.due_on for one in found] == [date(2027, 2, 13), date(2027, 2, 4), date(2027, 2, 4)]
    assert [one.due_from for one in found] == [date(2027, 2, 3)] * 3
    assert not any(one.is_due_provisional for one in found)
    assert [one.version for one in found] == versions
    assert stored(earlier).due_on == earlier.due_on
    assert stored(closed).due_on is None
    task.refresh_from_db()
    assert (task.seen, task.changed) == (3, 3)
    assert task.finished_at is not None
    assert AuditRecord.objects.filter(event="ra.due_dates_recomputed").count() == 2


def test_a_day_more_off_moves_what_is_due(office: Administrators) -> None:
    """A single day, with its reason, on a year that the shipped calendar knows."""
    day = date(2026, 3, 3)
    world = issuing.world()
    request = ra.open_request(clerk(), issuing.draft(world, channel="COUNTER"), NOW)
    assert stored(request).due_on == day
    office.set("calendar:2026", calendar_settings.with_day(documents.in_force("calendar:2026"), day, works=False))
    while ra.recompute_due_dates(SYSTEM, clock_now()):
        pass
    assert stored(request).due_on == date(2026, 3, 4)
    office.set("calendar:2026", None)
    while ra.recompute_due_dates(SYSTEM, clock_now()):
        pass
    assert stored(request).due_on == day


def test_a_calendar_of_the_future_waits_for_its_day(office: Administrators) -> None:
    later = working_days.local_date(office.now) + timedelta(days=5)
    office.set("calendar:2027", calendar(2027, NOTICE_2027), effective_on=later)
    assert not ra.recompute_due_dates(SYSTEM, clock_now())
    assert ra.recompute_due_dates(SYSTEM, clock_now() + timedelta(days=6))


def test_everybody_who_administers_reads_and_nobody_else(office: Administrators) -> None:
    request = actions.ask_for_change(
        office.system, COUNTER, with_days(COUNTER, "approve", 2), reason="提速", now=office.now
    )
    auditor = staff(Role.AUDIT_ADMIN)
    for actor in (office.system, office.security, auditor):
        assert [one.pk for one in access.pending(actor, office.now)] == [request.pk]
        shown = access.change(actor, request.pk)
        assert (shown.reason, len(shown.before)) == ("提速", 8)
    for read in (access.pending, lambda actor, _now: access.versions(actor)):
        with pytest.raises(RightMissing):
            read(clerk(), office.now)
    with pytest.raises(RightMissing):
        actions.confirm_change(auditor, request, office.now)


def test_shipped_contents_pass_their_own_checks() -> None:
    """What is shipped could have been set: every check takes it, and every document says something."""
    names = [*(document_of(code) for code in processes()), "materials", "calendar:2026", "calendar:2099"]
    for document in [*names, *(f"system:{one.policy.code}" for one in systems.statuses())]:
        shipped = copy.deepcopy(documents.shipped(document))
        documents.check(document, shipped)
        assert documents.lines(document, shipped)
