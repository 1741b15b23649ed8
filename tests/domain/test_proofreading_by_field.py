"""Proofreading field by field: blind retyping, marks, what is kept, what passes (issue 4, point 3)."""

from dataclasses import replace
from datetime import timedelta

import pytest

from banyan.domain.audit.models import AuditRecord
from banyan.domain.ra import actions as ra
from banyan.domain.ra import checking
from banyan.domain.ra.checking import Care, CheckedField, Sheet
from banyan.domain.ra.errors import (
    FieldUnknown,
    NotAllChecked,
    NothingMarked,
    ReasonMissing,
    RetypeNeeded,
    SamePerson,
    SeenOtherData,
    StepNotDue,
    TooManyTries,
)
from banyan.domain.ra.models import FieldCheck, ServiceRequest, StepRecord
from banyan.domain.ra.values import RequestData
from support import issuing
from support.issuing import NOW, World, clerk, later, proofreader
from support.parties import resident_id

pytestmark = pytest.mark.django_db(transaction=True)
Result = FieldCheck.Result
PHONE = "13800000023"


@pytest.fixture
def world() -> World:
    return issuing.world()


def opened(world: World) -> ServiceRequest:
    data = RequestData(
        subject={"OU": "测试科"},
        requester={"name": "测试经办", "id_number": resident_id(900), "phone": PHONE},
    )
    (request,) = ra.open_requests(clerk(), [issuing.draft(world, data=data)], NOW).done
    return stored(request)


def stored(request: ServiceRequest) -> ServiceRequest:
    return ServiceRequest.objects.unscoped("test").get(pk=request.pk)


def settle(request: ServiceRequest, sheet: Sheet, *, leave: str = "") -> None:
    """Settle every field rightly but one."""
    who = proofreader()
    for field in sheet.fields:
        if field.code == leave:
            continue
        if field.care is Care.PLAIN:
            ra.settle_field(who, request.pk, field.code, Result.SAME, NOW, seen=sheet.content_digest)
        else:
            ra.compare_field(who, request.pk, field.code, field.value, NOW, seen=sheet.content_digest)


def test_data_pass_once_every_field_is_settled(world: World) -> None:
    request = opened(world)
    sheet = checking.sheet(request)
    settle(request, sheet, leave="requester.phone")
    with pytest.raises(NotAllChecked, match="还有 1 项"):
        ra.proofread_checked(proofreader(), request.pk, NOW, seen=sheet.content_digest)
    ra.compare_field(proofreader(), request.pk, "requester.phone", "138 0000 0023", NOW, seen=sheet.content_digest)
    ra.proofread_checked(proofreader(), request.pk, NOW, seen=sheet.content_digest)
    assert stored(request).step == "approve"
    events = AuditRecord.objects.filter(event="ra.check_field", outcome="ok")
    assert events.count() == len(sheet.fields)
    assert not any(value in record.detail for record in events for value in (PHONE, resident_id(900)))


def test_what_is_critical_is_not_confirmed_by_looking(world: World) -> None:
    request = opened(world)
    sheet = checking.sheet(request)
    critical = [field.code for field in sheet.fields if field.care is not Care.PLAIN]
    assert critical == [
        "person.name", "person.id_number", "organization.uscc", "requester.id_number", "requester.phone",
    ]  # fmt: skip
    for code in critical:
        for result in (Result.SAME, Result.LOOKED, Result.RETYPED):
            with pytest.raises(RetypeNeeded):
                ra.settle_field(proofreader(), request.pk, code, result, NOW, seen=sheet.content_digest)
    assert FieldCheck.objects.count() == 0


def test_a_wrong_retype_shows_where_and_what_was_entered_only_if_it_is_not_protected(world: World) -> None:
    request = opened(world)
    sheet = checking.sheet(request)
    code = world.organization.uscc
    swapped = code[:2] + code[3] + code[2] + code[4:]
    found = ra.compare_field(proofreader(), request.pk, "organization.uscc", swapped, NOW, seen=sheet.content_digest)
    assert found.comparison is not None
    assert "".join(run.text for run in found.comparison.entered) == code
    assert found.comparison.positions == (3, 4)
    number = resident_id(900)
    wrong = number[:5] + ("1" if number[5] != "1" else "2") + number[6:]
    found = ra.compare_field(proofreader(), request.pk, "requester.id_number", wrong, NOW, seen=sheet.content_digest)
    assert found.comparison is not None
    assert [run.text for run in found.comparison.entered if run.differs] == ["＊"], "not the digit that was entered"
    assert found.check.positions == "6"
    ra.settle_field(proofreader(), request.pk, "organization.uscc", Result.LOOKED, NOW, seen=sheet.content_digest)
    with pytest.raises(RetypeNeeded):
        ra.settle_field(proofreader(), request.pk, "requester.id_number", Result.LOOKED, NOW, seen=sheet.content_digest)


def test_a_protected_value_cannot_be_found_by_trying(world: World) -> None:
    request = opened(world)
    seen = checking.sheet(request).content_digest
    for last in range(checking.MOST_TRIES):
        ra.compare_field(proofreader(), request.pk, "requester.phone", f"1390000000{last}", NOW, seen=seen)
    with pytest.raises(TooManyTries):
        ra.compare_field(proofreader(), request.pk, "requester.phone", PHONE, NOW, seen=seen)
    ra.settle_field(proofreader(), request.pk, "requester.phone", Result.DIFFERS, NOW, seen=seen, reason="与材料不一致")
    with pytest.raises(TooManyTries):
        ra.compare_field(proofreader(), request.pk, "requester.phone", PHONE, NOW, seen=seen)


def test_marks_go_back_with_the_data_and_end_when_they_are_corrected(world: World) -> None:
    request = opened(world)
    sheet = checking.sheet(request)
    with pytest.raises(NothingMarked):
        ra.send_back_marked(proofreader(), request.pk, NOW, seen=sheet.content_digest)
    with pytest.raises(ReasonMissing):
        ra.settle_field(proofreader(), request.pk, "subject.OU", Result.DIFFERS, NOW, seen=sheet.content_digest)
    mark = {"seen": sheet.content_digest, "reason": "漏录"}
    ra.settle_field(proofreader(), request.pk, "subject.OU", Result.DIFFERS, NOW, **mark)
    ra.send_back_marked(proofreader(), request.pk, NOW, seen=sheet.content_digest, note="尽快")
    assert stored(request).step == "enter"
    assert StepRecord.objects.get(outcome="sent_back").note == "部门：漏录；尽快"
    ra.enter(clerk(), request.pk, RequestData(subject={"OU": "新科"}), later(1))
    again = checking.sheet(stored(request))
    assert again.content_digest != sheet.content_digest
    assert checking.checks_of(request, again.content_digest, proofreader().id) == [], "other data, other checks"
    with pytest.raises(SeenOtherData):
        ra.proofread_checked(proofreader(), request.pk, NOW, seen=sheet.content_digest)


def test_checks_belong_to_who_made_them_and_to_the_step(world: World) -> None:
    request = opened(world)
    sheet = checking.sheet(request)
    settle(request, sheet)
    with pytest.raises(NotAllChecked):
        ra.proofread_checked(proofreader(52), request.pk, NOW, seen=sheet.content_digest)
    with pytest.raises(FieldUnknown):
        ra.settle_field(proofreader(), request.pk, "subject.X", Result.SAME, NOW, seen=sheet.content_digest)
    ra.proofread_checked(proofreader(), request.pk, NOW, seen=sheet.content_digest)
    with pytest.raises(StepNotDue):
        ra.compare_field(proofreader(), request.pk, "person.name", "测试乙", NOW, seen=sheet.content_digest)


def test_who_entered_checks_nothing(world: World) -> None:
    request = opened(world)
    sheet = checking.sheet(request)
    one = replace(proofreader(), id=clerk().id)
    with pytest.raises(SamePerson):
        ra.settle_field(one, request.pk, "region", Result.SAME, NOW, seen=sheet.content_digest)
    assert AuditRecord.objects.filter(event="ra.check_field", outcome="refused").count() == 1


@pytest.mark.parametrize(
    ("entered", "typed", "positions"),
    [
        ("12990023", "12990023", ()),
        ("12990023", "１２９９ ００２３", ()),
        ("abc", "ABC", ()),
        ("1234", "1243", (3, 4)),
        ("1234", "124", (3,)),
        ("124", "1234", (3,)),
        ("1234", "", (1, 2, 3, 4)),
    ],
)
def test_texts_are_aligned(entered: str, typed: str, positions: tuple[int, ...]) -> None:
    found = checking.compare(CheckedField("code", "编号", entered, Care.CRITICAL), typed)
    assert found.positions == positions
    assert found.is_same == (positions == ())


def test_names_are_compared_as_they_are_written() -> None:
    field = CheckedField("person.name", "姓名", "Anna Li", Care.CRITICAL)
    assert checking.compare(field, "AnnaLi").is_same
    assert not checking.compare(field, "anna li").is_same


def test_a_telephone_changed_on_the_record_asks_for_new_checks(world: World) -> None:
    from banyan.domain.parties.actions import PersonChanges, update_person

    request = opened(world)
    before = checking.sheet(request).content_digest
    person = world.people[0]
    update_person(clerk(), person.pk, person.version, PersonChanges(phone=PHONE), now=NOW + timedelta(hours=1))
    assert checking.sheet(request).content_digest != before
