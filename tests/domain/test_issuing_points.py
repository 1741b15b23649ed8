"""Remote issuing points (远程签发点, A9; 规范 3.3.1.4): staffed, switched on one by one, never approving, counting their own."""

from datetime import date

import pytest

from banyan.domain.ca.models import Tally
from banyan.domain.iam import access as iam
from banyan.domain.iam import carrying, people
from banyan.domain.iam.errors import PointMissing, RightMissing, RolesExclusive, SessionInvalid
from banyan.domain.iam.models import Posting, Session, StaffAccount
from banyan.domain.iam.rights import Role
from banyan.domain.parties import points
from banyan.domain.parties.actions import open_issuing_point, update_issuing_point
from banyan.domain.parties.errors import NotFound, OutOfScope, PointClosed, PointCodeTaken
from banyan.domain.parties.models import IssuingPoint
from banyan.domain.ra import actions as ra
from banyan.domain.ra import statistics
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.ra.tallies import finished_in
from banyan.domain.systems.actions import switch_issuing_point
from banyan.domain.systems.errors import PointNotEnabled
from banyan.kernel.actor import Actor
from support import issuing
from support.iam import account_with, session_of, staff
from support.issuing import NOW, World

pytestmark = pytest.mark.django_db(transaction=True)
FUZHOU, GULOU, PINGTAN, PROVINCE, XIAMEN = "350100", "350102", "350128", "350000", "350200"
MONTH = date(2026, 3, 1)


@pytest.fixture
def world() -> World:
    return issuing.world()


@pytest.fixture
def admin(world: World) -> Actor:
    return staff(Role.SYSTEM_ADMIN, now=NOW)


def point_in(admin: Actor, region: str) -> IssuingPoint:
    return open_issuing_point(admin, code=f"P-{region}", name=f"测试签发点{region}", region_code=region, now=NOW)


def works_at(point: IssuingPoint, admin: Actor) -> tuple[StaffAccount, Actor]:
    """Somebody posted there by two administrators."""
    account = account_with(now=NOW)
    asked = points.ask_for_posting(
        staff(Role.SECURITY_ADMIN, now=NOW), account=account, point_id=point.pk, role=Role.POINT_CLERK, now=NOW
    )
    carrying.confirm_and_carry_out(actor=admin, request=asked, now=NOW)
    return account, session_of(account, now=NOW)


def test_a_point_clerk_enters_and_issues_in_his_region_and_never_approves(world: World, admin: Actor) -> None:
    point = point_in(admin, GULOU)
    switch_issuing_point(admin, "GENERAL", point.pk, is_enabled=True, now=NOW)
    _, person = works_at(point, admin)
    assert (person.point_id, person.regions) == (point.pk, frozenset({GULOU}))
    request = ra.open_request(person, issuing.draft(world), NOW)
    assert request.region_code == GULOU
    with pytest.raises(RightMissing):
        ra.approve(person, request.pk, NOW)
    with pytest.raises(RightMissing):
        ra.proofread(person, request.pk, NOW)
    ra.proofread(staff(Role.PROOFREADER, now=NOW), request.pk, NOW)
    ra.approve(staff(Role.APPROVER, now=NOW), request.pk, NOW)
    csr = world.csr(name=request.number)
    ra.issue(person, request.pk, NOW, csr=csr, token_serial=world.token().serial, container="c1")


def test_what_is_not_switched_on_at_the_point_is_neither_entered_nor_issued_there(world: World, admin: Actor) -> None:
    point = point_in(admin, GULOU)
    _, person = works_at(point, admin)
    with pytest.raises(PointNotEnabled):
        ra.open_request(person, issuing.draft(world), NOW)
    (ready,) = issuing.decided(world, issuing.draft(world))
    order = {"csr": world.csr(name=ready.number), "token_serial": world.token().serial, "container": "c1"}
    with pytest.raises(PointNotEnabled):
        ra.issue(person, ready.pk, NOW, **order)  # type: ignore[arg-type]
    switch_issuing_point(admin, "XINCHUANG", point.pk, is_enabled=True, now=NOW)
    with pytest.raises(PointNotEnabled):
        ra.issue(person, ready.pk, NOW, **order)  # type: ignore[arg-type]
    switch_issuing_point(admin, "GENERAL", point.pk, is_enabled=True, now=NOW)
    ra.issue(person, ready.pk, NOW, **order)  # type: ignore[arg-type]


def test_a_closed_point_ends_its_sessions_and_does_no_business(world: World, admin: Actor) -> None:
    point = point_in(admin, GULOU)
    switch_issuing_point(admin, "GENERAL", point.pk, is_enabled=True, now=NOW)
    account, before = works_at(point, admin)
    update_issuing_point(admin, point.pk, point.version, is_active=False, now=NOW)
    assert Session.objects.get(pk=before.session_id).ended_at == NOW
    person = session_of(account, now=NOW)
    with pytest.raises(PointClosed):
        ra.open_request(person, issuing.draft(world), NOW)
    with pytest.raises(PointClosed):
        points.ask_for_posting(
            staff(Role.SECURITY_ADMIN, now=NOW), account=account_with(now=NOW), point_id=point.pk,
            role=Role.POINT_CLERK, now=NOW,
        )  # fmt: skip
    update_issuing_point(admin, point.pk, point.version + 1, is_active=True, now=NOW)
    ra.open_request(person, issuing.draft(world), NOW)


def test_a_point_sees_points_of_its_own_region_only(admin: Actor) -> None:
    """By the tree's closure: 平潭 (350128) is not of 福州 (350100), whose code it shares; nor is the province."""
    made = {region: point_in(admin, region) for region in (FUZHOU, GULOU, PINGTAN, PROVINCE, XIAMEN)}
    seen = {
        region: set(IssuingPoint.objects.visible_to(works_at(point, admin)[1]).values_list("region_code", flat=True))
        for region, point in made.items()
    }
    assert seen[FUZHOU] == {FUZHOU, GULOU}
    assert seen[PINGTAN] == {PINGTAN}
    assert seen[GULOU] == {GULOU}
    assert seen[PROVINCE] == set(made)


def test_a_region_counts_its_own_by_the_closure_retired_codes_too(admin: Actor) -> None:
    name = finished_in(MONTH, "enroll", "PERSONAL")
    for number, region in enumerate((FUZHOU, GULOU, "350182", PINGTAN, PROVINCE, XIAMEN)):
        Tally.objects.create(name=name, region_code=region, system="GENERAL", value=10**number)
    fuzhou = works_at(point_in(admin, FUZHOU), admin)[1]
    assert statistics.finished(fuzhou, [MONTH]).total([MONTH]) == 111  # 350182 was 长乐市 until it became 350112
    assert statistics.finished(fuzhou, [MONTH], region=GULOU).total([MONTH]) == 10
    for elsewhere in (PINGTAN, PROVINCE, XIAMEN):
        with pytest.raises(OutOfScope):
            statistics.finished(fuzhou, [MONTH], region=elsewhere)
    pingtan = works_at(point_in(admin, PINGTAN), admin)[1]
    assert statistics.finished(pingtan, [MONTH]).total([MONTH]) == 1000
    assert statistics.finished(admin, [MONTH]).total([MONTH]) == 111111
    with pytest.raises(NotFound):
        statistics.finished(fuzhou, [MONTH], point_id=pingtan.point_id)
    assert statistics.finished(fuzhou, [MONTH]).total([MONTH], kind="ORGANIZATION") == 0


def test_what_a_point_carries_to_its_end_is_counted_for_it_and_for_its_region(world: World, admin: Actor) -> None:
    point = point_in(admin, GULOU)
    _, person = works_at(point, admin)
    (pair,) = issuing.issued(world, issuing.draft(world))
    request = ServiceRequest.objects.unscoped("tests").get(pk=pair.request_id)
    proof = world.sign(request.number, ra.personalization_nonce(request))
    ra.personalize(person, request.pk, NOW, signature=proof)
    ra.notify_ready(issuing.clerk(), request.pk, NOW)
    ra.hand_over(person, request.pk, NOW, receiver=issuing.requester(request))
    own = statistics.finished(person, [MONTH], point_id=point.pk)
    assert own.total([MONTH], business="enroll", kind="PERSONAL", system="GENERAL") == 1
    issuing.in_hands(world, issuing.draft(world, person=1))
    assert statistics.finished(person, [MONTH]).total([MONTH]) == 2
    assert statistics.finished(person, [MONTH], point_id=point.pk).total([MONTH]) == 1


def test_a_role_at_a_point_stands_alone_and_names_its_point(admin: Actor) -> None:
    point = point_in(admin, GULOU)
    asks = staff(Role.SECURITY_ADMIN, now=NOW)
    with pytest.raises(PointMissing):
        people.ask_for_role(actor=asks, account=account_with(now=NOW), role=Role.POINT_CLERK, regions=[GULOU], now=NOW)
    with pytest.raises(PointMissing):
        points.ask_for_posting(asks, account=account_with(now=NOW), point_id=point.pk, role=Role.APPROVER, now=NOW)
    account, _ = works_at(point, admin)
    with pytest.raises(RolesExclusive):
        people.ask_for_role(actor=asks, account=account, role=Role.APPROVER, regions=[GULOU], now=NOW)


@pytest.mark.parametrize("tampered", ["moved", "deleted"])
def test_a_posting_changed_by_hand_gives_no_rights(admin: Actor, tampered: str) -> None:
    point, other = point_in(admin, GULOU), point_in(admin, PINGTAN)
    account, _ = works_at(point, admin)
    rows = Posting.objects.filter(grant__account=account)
    _ = rows.update(point_id=other.pk) if tampered == "moved" else rows._raw_delete(rows.db)
    person = session_of(account, now=NOW)
    assert (person.rights, person.point_id) == (frozenset(), None)


def test_a_code_is_given_once_and_only_administrators_set_up_points(admin: Actor) -> None:
    point_in(admin, GULOU)
    with pytest.raises(PointCodeTaken):
        point_in(admin, GULOU)
    for role in (Role.CLERK, Role.SECURITY_ADMIN, Role.APPROVER):
        with pytest.raises(RightMissing):
            point_in(staff(role, now=NOW), XIAMEN)
    with pytest.raises(SessionInvalid):
        iam.actor_from_session("nobody", NOW)
