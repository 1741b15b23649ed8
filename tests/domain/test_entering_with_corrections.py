"""Entering together with a correction of the holder's record; deciding with help, and together (issue 4, points 2 and 3)."""

import pytest

from banyan.domain.audit.models import AuditRecord
from banyan.domain.parties.actions import OrganizationChanges, PersonChanges
from banyan.domain.parties.errors import VersionConflict
from banyan.domain.parties.models import Person
from banyan.domain.ra import access, previewing, together
from banyan.domain.ra import actions as ra
from banyan.domain.ra.correcting import Corrections, Versions
from banyan.domain.ra.errors import NotTogether, SeenOtherData
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.ra.together import Concern
from banyan.domain.ra.values import RequestData
from support import issuing
from support.issuing import NOW, World, approver, clerk, later
from support.parties import resident_id

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world() -> World:
    return issuing.world(people=6)


def stored(request: ServiceRequest) -> ServiceRequest:
    return ServiceRequest.objects.unscoped("test").get(pk=request.pk)


def at_entry(world: World, person: int = 0) -> ServiceRequest:
    """At the counter, approved, its data still to be entered."""
    request = ra.open_request(clerk(), issuing.draft(world, person=person, channel="COUNTER"), NOW)
    ra.precheck(clerk(), request.pk, NOW)
    return stored(ra.approve(approver(), request.pk, NOW))


def seen(world: World, person: int = 0) -> Versions:
    return Versions(person=world.people[person].version, organization=world.organization.version)


@pytest.mark.parametrize(
    "changes",
    [PersonChanges(name="测试更名"), PersonChanges(id_number=resident_id(777))],
    ids=["name", "number"],
)
def test_a_corrected_identity_voids_the_approval(world: World, changes: PersonChanges) -> None:
    """4.3: a later change of an identity field voids both; the number stands in no column of the request."""
    request = at_entry(world)
    ra.enter_corrected(clerk(), request.pk, RequestData(), Corrections(person=changes, seen=seen(world)), later(1))
    assert (stored(request).step, stored(request).approval_id) == ("approve", None)
    assert stored(request).subject_name == Person.objects.unscoped("test").get(pk=world.people[0].pk).name


def test_a_telephone_or_the_same_again_is_no_change_of_identity(world: World) -> None:
    request = at_entry(world)
    same = PersonChanges(name=world.people[0].name, id_number=resident_id(1), phone="13900000001")
    ra.enter_corrected(clerk(), request.pk, RequestData(), Corrections(person=same, seen=seen(world)), later(1))
    assert (stored(request).step, stored(request).approval_id is not None) == ("proofread", True)
    assert Person.objects.unscoped("test").get(pk=world.people[0].pk).phone_masked == "139****0001"


def test_a_record_that_somebody_else_changed_is_not_overwritten(world: World) -> None:
    request = at_entry(world)
    for _ in range(2):
        wanted = Corrections(organization=OrganizationChanges(name=f"测试新名第{_}局"), seen=seen(world))
        if _ == 0:
            ra.enter_corrected(clerk(), request.pk, RequestData(), wanted, later(1))
        else:
            with pytest.raises(VersionConflict):
                ra.enter_corrected(clerk(), request.pk, RequestData(), wanted, later(1))


def test_the_certificate_is_shown_before_it_is_entered_as_it_will_be(world: World) -> None:
    request = at_entry(world)
    data = RequestData(subject={"OU": "测试科"}, validity_days=100)
    wanted = Corrections(person=PersonChanges(name="测试更名"), seen=seen(world))
    before = previewing.as_it_would_be(request, data, wanted)
    ra.enter_corrected(clerk(), request.pk, data, wanted, later(1))
    after = previewing.as_entered(stored(request), data)
    assert before == after
    assert dict(after.subject)["CN"] == "测试更名"
    assert after.validity_days == 100


def test_what_else_is_asked_for_a_holder_is_told_and_the_look_recorded(world: World) -> None:
    first = at_entry(world)
    second = ra.open_request(clerk(), issuing.draft(world, channel="COUNTER"), NOW)
    third = ra.open_request(clerk(), issuing.draft(world, channel="COUNTER", region_code="350203"), NOW)
    ra.precheck(clerk(), second.pk, NOW)
    ra.reject(approver(), second.pk, NOW, reason="重复申请")
    found = ra.look_up_others(approver(), first, NOW)
    assert [row.pk for row in found.pending] == [third.pk]
    assert [row.pk for row in found.rejected] == [second.pk]
    scoped = ra.look_up_others(approver(regions=("350100",)), first, NOW)
    assert (scoped.pending, scoped.elsewhere) == ([], {("GENERAL", "PERSONAL"): 1})
    assert AuditRecord.objects.filter(event="ra.others_looked_up").count() == 2


def waiting(world: World, person: int, **changes: object) -> ServiceRequest:
    request = ra.open_request(clerk(), issuing.draft(world, person=person, channel="COUNTER", **changes), NOW)
    ra.precheck(clerk(), request.pk, NOW)
    return stored(request)


def test_only_what_needs_no_look_is_approved_together(world: World) -> None:
    good, twice, other = waiting(world, 0), waiting(world, 1), waiting(world, 1)
    remarked = ra.open_request(clerk(), issuing.draft(world, person=2, channel="COUNTER"), NOW)
    ra.precheck(clerk(), remarked.pk, NOW, note="证件将到期")
    rows = [good, twice, other, stored(remarked)]
    assert together.concerns(approver(), rows, NOW) == {
        good.pk: [], twice.pk: [Concern.PENDING], other.pk: [Concern.PENDING], remarked.pk: [Concern.REMARK],
    }  # fmt: skip
    outcome = ra.approve_together(approver(), {row.pk: row.materials_digest for row in rows}, NOW)
    assert [row.pk if row else None for row in outcome.requests] == [good.pk, None, None, None]
    assert all(isinstance(one.error, NotTogether) for one in outcome.refusals)
    assert sorted(one.index for one in outcome.refusals) == [1, 2, 3]


def test_other_materials_and_other_systems_are_refused_one_by_one(world: World) -> None:
    first, second = waiting(world, 0), waiting(world, 3)
    third = waiting(world, 4, system="XINCHUANG")
    outcome = ra.approve_together(
        approver(), {first.pk: "00" * 32, second.pk: second.materials_digest, third.pk: third.materials_digest}, NOW
    )
    errors = {one.index: one.error for one in outcome.refusals}
    assert isinstance(errors[0], SeenOtherData)
    assert isinstance(errors[2], NotTogether)
    assert [stored(row).step for row in (first, second, third)] == ["approve", "enter", "approve"]


def test_a_pair_held_already_is_looked_at_singly(world: World) -> None:
    issuing.in_hands(world, issuing.draft(world, person=5))
    request = waiting(world, 5)
    assert together.concerns(approver(), [request], NOW) == {request.pk: [Concern.HELD]}
    assert access.request(approver(), request.pk).step == "approve"
