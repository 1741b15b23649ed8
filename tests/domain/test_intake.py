"""Taking in at the counter (A5–A8): all or nothing, told all at once, one seal once, looks across the province audited."""

from dataclasses import replace
from typing import Any

import pytest

from banyan.domain.audit.models import AuditRecord
from banyan.domain.desk.sending import send_once
from banyan.domain.lifecycle.errors import ReasonUnknown
from banyan.domain.outbox.models import OutboxMessage
from banyan.domain.parties.actions import DeviceEntry, OrganizationEntry
from banyan.domain.parties.errors import IdentityConflict, MobileInvalid, OutOfScope
from banyan.domain.parties.identity_rules import identity_number
from banyan.domain.parties.models import Organization, Person
from banyan.domain.ra import access
from banyan.domain.ra import actions as ra
from banyan.domain.ra.actions import HolderNamed, IntakeForm
from banyan.domain.ra.errors import (
    MaterialUnknown,
    PairNeeded,
    ReasonMissing,
    RemarkMissing,
    RequesterMissing,
    RequestNotFound,
    SealTaken,
)
from banyan.domain.ra.models import Intake, ServiceRequest, StepRecord
from banyan.domain.ra.values import Brought, NewMaterial, Remark, RequestData
from banyan.domain.systems.errors import FormFieldSealRegion, PointNotEnabled
from banyan.kernel.actor import Actor
from support import issuing
from support.issuing import NOW, World, approver, clerk
from support.parties import credit_code, person_entry, resident_id

pytestmark = pytest.mark.django_db(transaction=True)
ADMIN = Actor("staff", 9, "管理员", 1, 1, frozenset({"systems.configure", "points.manage", "parties.read"}), None)
SEAL = {"seal_code": "35010200000001", "seal_name": "测试局公章", "seal_kind": "法定名称章"}
BROUGHT = Brought({"name": "陈经办", "phone": "138 0000 0023", "id_number": f"RESIDENT:{resident_id(900)}"})


@pytest.fixture(autouse=True)
def world() -> World:
    return issuing.world()


def application(**changes: Any) -> IntakeForm:
    body = OrganizationEntry("测试榕荫县一局", credit_code(71), "350102")
    usual = IntakeForm(
        business="enroll", system="GENERAL", kind="PERSONAL", region="鼓楼区", brought=BROUGHT, organization=body,
        person=person_entry(71, name="欧阳榕"),
    )  # fmt: skip
    return replace(usual, **changes)


def of_seal(number: int = 71, **changes: Any) -> IntakeForm:
    body = OrganizationEntry(f"测试榕荫县{number}局", credit_code(number), "350102")
    return application(system="ESEAL", kind="SEAL", person=None, organization=body, **changes)


def stored(request: ServiceRequest) -> ServiceRequest:
    return ServiceRequest.objects.unscoped("test").get(pk=request.pk)


def test_the_holder_is_put_on_record_and_what_was_said_is_kept_sealed() -> None:
    request = ra.take_in(clerk(), application(), NOW)
    assert (request.step, request.channel, request.subject_name) == ("precheck", "COUNTER", "欧阳榕")
    noted = access.intake_of(clerk(), request.pk)
    assert noted is not None
    assert noted.requester == {"name": "陈经办", "phone": "13800000023", "id_number": f"RESIDENT:{resident_id(900)}"}
    assert b"13800000023" not in bytes(Intake.objects.get().values_sealed)
    assert request.organization is not None
    assert request.organization.name == "测试榕荫县一局"
    assert access.intake_of(replace(clerk(), rights=frozenset({"requests.read"})), request.pk) is None


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"brought": Brought({"name": "陈经办", "phone": "12345"})}, MobileInvalid),
        ({"brought": Brought({"name": " ", "phone": "13800000023"})}, RequesterMissing),
        ({"business": "reissue", "reason": ""}, ReasonUnknown),
    ],
)
def test_what_is_refused_leaves_nothing_behind(changes: dict[str, Any], error: type[Exception]) -> None:
    before = Person.objects.unscoped("test").count(), Organization.objects.unscoped("test").count()
    with pytest.raises(error):
        ra.take_in(clerk(), application(**changes), NOW)
    assert (Person.objects.unscoped("test").count(), Organization.objects.unscoped("test").count()) == before
    assert not ServiceRequest.objects.unscoped("test").exists()


def test_another_name_for_a_known_number_is_refused_and_a_clerk_elsewhere_opens_nothing() -> None:
    ra.take_in(clerk(), application(), NOW)
    with pytest.raises(IdentityConflict):
        ra.take_in(clerk(), application(person=person_entry(71, name="欧阳容")), NOW)
    with pytest.raises(OutOfScope):
        ra.take_in(clerk(regions=("350200",)), application(), NOW)
    assert ServiceRequest.objects.unscoped("test").count() == 1


def test_a_form_sent_twice_makes_one_request() -> None:
    def work() -> dict[str, int]:
        return {"request": ra.take_in(clerk(), application(), NOW).pk}

    first = send_once(clerk(), "intake", "key-1", {"name": "欧阳榕"}, work, NOW)
    assert send_once(clerk(), "intake", "key-1", {"name": "欧阳榕"}, work, NOW) == first
    assert ServiceRequest.objects.unscoped("test").count() == 1


def test_everything_missing_is_told_at_once_and_kept_with_its_reasons() -> None:
    """A4, 规范 3.1.1.1: 一次性告知."""
    request = ra.take_in(clerk(), application(), NOW)
    scans = [
        NewMaterial(code, f"{code}.pdf", b"%PDF-" + code.encode()) for code in ("application_form", "holder_identity")
    ]
    ra.add_materials(clerk(), request.pk, scans, NOW)
    found = ra.precheck(
        clerk(), request.pk, NOW, note="周五前补来",
        remarks={"application_form": Remark("unstamped"), "holder_identity": Remark("other", "缺反面")},
    )  # fmt: skip
    assert [one.code for one in found] == ["application_form", "requester_identity", "holder_identity"]
    assert stored(request).step == "precheck"
    (notice,) = access.deficiency_notices(clerk(), request.pk)
    assert notice.note == "周五前补来"
    assert [(one.code, one.reason, one.text) for one in notice.items.order_by("pk")] == [
        ("application_form", "unstamped", ""), ("requester_identity", "missing", ""), ("holder_identity", "other", "缺反面"),
    ]  # fmt: skip
    line = StepRecord.objects.get(request=request, outcome="deficient")
    assert line.note == "数字证书业务申请表（盖章）（没有盖章）、经办人身份证件、持有人身份证件（缺反面）"
    assert OutboxMessage.objects.filter(topic="sms.notice").count() == 1
    ra.add_materials(clerk(), request.pk, [NewMaterial("requester_identity", "a.pdf", b"%PDF-a")], NOW)
    assert ra.precheck(clerk(), request.pk, NOW) == []
    assert stored(request).step == "approve"
    assert len(access.deficiency_notices(clerk(), request.pk)) == 1
    with pytest.raises(RequestNotFound):
        access.deficiency_notices(clerk(regions=("350200",)), request.pk)


def test_remarks_name_a_material_of_the_checklist_and_say_something() -> None:
    request = ra.take_in(clerk(), application(), NOW)
    with pytest.raises(MaterialUnknown):
        ra.precheck(clerk(), request.pk, NOW, remarks={"change_proof": Remark("expired")})
    with pytest.raises(MaterialUnknown):
        ra.precheck(clerk(), request.pk, NOW, remarks={"application_form": Remark("torn")})
    with pytest.raises(RemarkMissing):
        ra.precheck(clerk(), request.pk, NOW, remarks={"application_form": Remark("other", "  ")})
    assert access.deficiency_notices(clerk(), request.pk) == []


def test_the_requester_can_be_changed_and_a_withdrawal_says_why() -> None:
    request = ra.take_in(clerk(), application(), NOW)
    ra.change_intake(clerk(), request.pk, Brought({"name": "林经办", "phone": "13900000045"}), NOW)
    noted = access.intake_of(approver(), request.pk)
    assert noted is not None
    assert noted.requester == {"name": "林经办", "phone": "13900000045"}
    assert AuditRecord.objects.filter(event="ra.change_intake").count() == 1
    with pytest.raises(ReasonMissing):
        ra.cancel(clerk(), request.pk, NOW, reason=" ")
    ra.cancel(clerk(), request.pk, NOW, reason="申请人不再需要")
    assert stored(request).state == "CANCELLED"


def test_one_seal_is_applied_for_once() -> None:
    """A8: the code's structure is checked, and that no other request or certificate is about the same seal."""
    with pytest.raises(FormFieldSealRegion):
        ra.take_in(clerk(), of_seal(brought=replace(BROUGHT, form={"seal_code": "35990200000001"})), NOW)
    first = ra.take_in(clerk(), of_seal(), NOW)
    second = ra.take_in(clerk(), of_seal(72), NOW)
    for one in (first, second):
        ra.add_materials(clerk(), one.pk, [NewMaterial(code, "a.pdf", b"%PDF-") for code in MATERIALS], NOW)
        assert ra.precheck(clerk(), one.pk, NOW) == []
        ra.approve(approver(), one.pk, NOW)
    data = RequestData(form=SEAL, requester={"name": "陈经办"})
    ra.enter(clerk(), first.pk, data, NOW)
    ra.enter(clerk(), first.pk, data, NOW)  # corrected: its own seal
    with pytest.raises(SealTaken):
        ra.enter(clerk(), second.pk, data, NOW)
    with pytest.raises(SealTaken):
        ra.take_in(clerk(), of_seal(73, brought=replace(BROUGHT, form=SEAL)), NOW)
    ra.cancel(clerk(), first.pk, NOW, reason="重新申请")
    assert ra.enter(clerk(), second.pk, data, NOW).step == "proofread"


MATERIALS = ("application_form", "requester_identity", "organization_code")


def test_what_a_holder_has_is_known_across_the_province_as_numbers_only(world: World) -> None:
    """A5, 规范 3.1.1.2(2): each look is recorded."""
    nobody = HolderNamed(identity_number("RESIDENT", resident_id(555), today=NOW.date()))
    assert not ra.look_up_holder(clerk(), nobody, NOW).is_on_record
    ra.take_in(clerk(), application(), NOW)
    number = identity_number("RESIDENT", resident_id(71), today=NOW.date())
    here = ra.look_up_holder(clerk(), HolderNamed(number), NOW)
    assert ([one.kind for one in here.pending], here.pending_elsewhere) == (["PERSONAL"], ())
    beyond = ra.look_up_holder(clerk(regions=("350200",)), HolderNamed(number), NOW)
    assert beyond.pending == ()
    assert [(one.kind, one.system, one.count) for one in beyond.pending_elsewhere] == [("PERSONAL", "GENERAL", 1)]
    assert AuditRecord.objects.filter(event="ra.look_up_holder").count() == 3
    body = ra.look_up_holder(clerk(), HolderNamed(uscc=credit_code(71)), NOW)
    assert body.is_on_record
    assert body.is_empty  # what its people ask for is not the body's own


def test_a_device_under_way_is_seen(world: World) -> None:
    device = DeviceEntry("350102", domain_name="shili.gov.example")
    ra.take_in(clerk(), application(kind="DEVICE", person=None, device=device), NOW)
    found = ra.look_up_holder(clerk(), HolderNamed(device_key="dns:shili.gov.example"), NOW)
    assert [one.subject_name for one in found.pending] == ["shili.gov.example"]


def test_a_system_that_the_issuing_point_has_not_is_not_taken_in(world: World) -> None:
    from banyan.domain.parties.actions import open_issuing_point
    from banyan.domain.systems import access as systems
    from banyan.domain.systems.actions import switch_issuing_point

    point = open_issuing_point(ADMIN, code="FZ01", name="福州签发点", region_code="350100", now=NOW)
    of_fuzhou = replace(clerk(regions=("350100",)), point_id=point.pk)
    switch_issuing_point(ADMIN, "GENERAL", point.pk, is_enabled=True, now=NOW)
    assert [one.code for one in systems.offered(of_fuzhou)] == ["GENERAL"]
    assert len(systems.offered(clerk())) == 4
    assert ra.take_in(of_fuzhou, application(), NOW).system == "GENERAL"
    with pytest.raises(PointNotEnabled):
        ra.take_in(of_fuzhou, of_seal(), NOW)
    (pair,) = issuing.in_hands(world, issuing.draft(world))
    on_pair = application(business="reissue", pair_id=pair.pk, reason="lost", organization=None, person=None)
    with pytest.raises(PairNeeded):
        ra.take_in(of_fuzhou, replace(on_pair, pair_id=None), NOW)
    switch_issuing_point(ADMIN, "GENERAL", point.pk, is_enabled=False, now=NOW)
    with pytest.raises(PointNotEnabled):
        ra.take_in(of_fuzhou, on_pair, NOW)


def test_the_printed_notice_names_the_reasons_until_a_material_is_brought_anew() -> None:
    from banyan.domain.papers import facts

    request = ra.take_in(clerk(), application(), NOW)
    ra.add_materials(clerk(), request.pk, [NewMaterial(code, "a.pdf", b"%PDF-") for code in ALL_OF_A_PERSON], NOW)
    ra.precheck(clerk(), request.pk, NOW, remarks={"holder_identity": Remark("expired", "上月到期")})
    filled = facts.of_request(clerk(), request.pk, NOW)
    assert filled["missing"] == (("持有人身份证件", "已过有效期：上月到期。请重新提交。"),)
    assert filled["requester"] == "陈经办"
    ra.add_materials(clerk(), request.pk, [NewMaterial("holder_identity", "b.pdf", b"%PDF-b")], issuing.later(1))
    assert facts.of_request(clerk(), request.pk, issuing.later(1))["missing"] == ()


ALL_OF_A_PERSON = ("application_form", "requester_identity", "holder_identity")
