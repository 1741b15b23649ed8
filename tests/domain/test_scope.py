"""Nobody sees rows outside his regions, and forgetting the scope fails loudly (A9, design §5)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db.models import Count, Exists, F, Max, OuterRef, Prefetch, Q, QuerySet, Subquery

from banyan.domain.parties import access, actions
from banyan.domain.parties.errors import NotFound, OutOfScope, ScopeMissing
from banyan.domain.parties.models import Device, IssuingPoint, Organization, Person, RegionClosure
from banyan.kernel.actor import Actor
from support.parties import NOW, clerk, organization_entry, person_entry, regions_installed

pytestmark = pytest.mark.django_db

PROVINCE = clerk()
PLACES = {1: "350100", 2: "350128", 3: "350000", 4: "350102", 5: "350200"}


@pytest.fixture(autouse=True)
def _bodies() -> None:
    regions_installed()
    entries = [organization_entry(n, name=f"测试单位{n}", region=place) for n, place in PLACES.items()]
    bodies = actions.register_organizations(PROVINCE, entries, now=NOW)
    people = [person_entry(n, name=f"测试人{'甲乙丙丁戊'[n - 1]}", region=place) for n, place in PLACES.items()]
    for person, body in zip(actions.register_people(PROVINCE, people, now=NOW), bodies, strict=True):
        assert isinstance(person, Person)
        assert isinstance(body, Organization)
        actions.update_person(PROVINCE, person.pk, 1, actions.PersonChanges(organization_id=bodies[0].pk), now=NOW)


def seen(actor: Actor) -> set[str]:
    return set(Organization.objects.visible_to(actor).values_list("region_code", flat=True))


def test_fuzhou_sees_neither_pingtan_nor_the_province() -> None:
    assert seen(clerk("350100")) == {"350100", "350102"}
    assert seen(clerk("350128")) == {"350128"}
    assert seen(clerk("350102")) == {"350102"}


def test_the_province_sees_all_and_no_region_sees_nothing() -> None:
    assert seen(clerk("350000")) == set(PLACES.values())
    assert seen(PROVINCE) == set(PLACES.values())
    assert seen(Actor("staff", 1, "无区划", 1, 1, PROVINCE.rights, frozenset())) == set()


def test_several_regions_add_up() -> None:
    assert seen(clerk("350102", "350200")) == {"350102", "350200"}


def test_a_code_that_was_retired_is_still_seen_by_its_successor() -> None:
    Organization.objects.unscoped("a row issued under the old code").filter(region_code="350102").update(
        region_code="350182"
    )
    assert "350182" in seen(clerk("350112"))
    assert "350182" in seen(clerk("350100"))
    assert "350182" not in seen(clerk("350102"))
    assert seen(clerk("350182")) == {"350182"}


Reading = Callable[[Any], Any]

READINGS: dict[str, Reading] = {
    "iteration": list,
    "length": len,
    "truth": bool,
    "iterator": lambda rows: list(rows.iterator()),
    "count": lambda rows: rows.count(),
    "exists": lambda rows: rows.exists(),
    "first": lambda rows: rows.first(),
    "last": lambda rows: rows.last(),
    "latest": lambda rows: rows.latest("created_at"),
    "get": lambda rows: rows.get(name="测试单位1"),
    "index": lambda rows: rows[0],
    "slice": lambda rows: list(rows[:2]),
    "values": lambda rows: list(rows.values("name")),
    "values_list": lambda rows: list(rows.values_list("name", flat=True)),
    "only": lambda rows: list(rows.only("name")),
    "defer": lambda rows: list(rows.defer("name")),
    "aggregate": lambda rows: rows.aggregate(Max("id")),
    "annotate": lambda rows: list(rows.values("region_code").annotate(n=Count("id"))),
    "distinct": lambda rows: list(rows.values("region_code").distinct()),
    "distinct count": lambda rows: rows.values("region_code").distinct().count(),
    "dates": lambda rows: list(rows.datetimes("created_at", "year")),
    "in_bulk": lambda rows: rows.in_bulk([1]),
    "contains": lambda rows: rows.contains(Organization(pk=1)),
    "explain": lambda rows: rows.explain(),
    "sql": lambda rows: str(rows.query),
    "or": lambda rows: list(rows | Organization.objects.visible_to(clerk("350102"))),
    "or, other way": lambda rows: list(Organization.objects.visible_to(clerk("350102")) | rows.all()),
    "xor": lambda rows: list(Organization.objects.visible_to(clerk("350102")) ^ rows.all()),
    "union": lambda rows: list(rows.union(Organization.objects.visible_to(clerk("350102")))),
    "union, other way": lambda rows: list(Organization.objects.visible_to(clerk("350102")).union(rows.all())),
    "union counted": lambda rows: Organization.objects.visible_to(clerk("350102")).union(rows.all()).count(),
    "difference": lambda rows: list(Organization.objects.visible_to(PROVINCE).difference(rows.all())),
    "intersection": lambda rows: list(Organization.objects.visible_to(PROVINCE).intersection(rows.all())),
    "subquery": lambda rows: list(RegionClosure.objects.filter(descendant__in=rows.values("region_code"))),
    "in rows": lambda rows: list(Person.objects.visible_to(PROVINCE).filter(organization__in=rows.all())),
    "exists()": lambda rows: list(RegionClosure.objects.filter(Exists(rows.filter(region_code=OuterRef("ancestor"))))),
    "scalar": lambda rows: list(RegionClosure.objects.annotate(n=Subquery(rows.values("name")[:1]))),
    "get_or_create": lambda rows: rows.get_or_create(uscc="x"),
    "update": lambda rows: rows.update(name="x"),
    "delete": lambda rows: rows.delete(),
    "raw delete": lambda rows: rows._raw_delete("default"),
    "prefetch": lambda rows: list(Organization.objects.visible_to(PROVINCE).prefetch_related("people")),
    "prefetch rows": lambda rows: list(
        Organization.objects.visible_to(PROVINCE).prefetch_related(Prefetch("people", Person.objects.all()))
    ),
    "select_related": lambda rows: list(Person.objects.select_related("organization")),
    "reverse access": lambda rows: list(Organization.objects.visible_to(PROVINCE)[0].people.all()),
    "reverse count": lambda rows: Organization.objects.visible_to(PROVINCE)[0].people.count(),
    "reverse filter": lambda rows: list(
        Organization.objects.visible_to(clerk("350100")).filter(people__name="测试人乙")
    ),
    "reverse exclude": lambda rows: list(
        Organization.objects.visible_to(clerk("350100")).exclude(people__name="测试人乙")
    ),
    "reverse values": lambda rows: list(Organization.objects.visible_to(clerk("350100")).values("people__name")),
    "reverse aggregate": lambda rows: Organization.objects.visible_to(clerk("350100")).aggregate(Count("people")),
    "reverse order": lambda rows: list(Organization.objects.visible_to(clerk("350100")).order_by("people__name")),
    "reverse F": lambda rows: list(Organization.objects.visible_to(clerk("350100")).annotate(n=F("people__name"))),
    "raw": lambda rows: list(Organization.objects.raw("SELECT * FROM parties_organization")),
    "raw on rows": lambda rows: rows.raw("SELECT 1"),
}


@pytest.mark.parametrize("how", READINGS)
@pytest.mark.parametrize("begin", ["all", "filter", "order"])
def test_reading_without_a_scope_fails_loudly(how: str, begin: str) -> None:
    rows = {
        "all": Organization.objects.all(),
        "filter": Organization.objects.filter(Q(name__startswith="测试")),
        "order": Organization.objects.order_by("name"),
    }[begin]
    with pytest.raises(ScopeMissing):
        READINGS[how](rows)
    assert Organization.objects.unscoped("counting what is left").count() == len(PLACES)


WRITING_OR_OF_THEIR_OWN = ("prefetch", "select_related", "reverse", "get_or_create", "raw", "delete")


@pytest.mark.parametrize("how", [name for name in READINGS if not name.startswith(WRITING_OR_OF_THEIR_OWN)])
def test_the_same_readings_work_with_a_reason(how: str) -> None:
    """The attacks above fail for want of a scope, not because they are wrong."""
    READINGS[how](Organization.objects.unscoped("test"))


@pytest.mark.parametrize("model", [Person, Organization, Device, IssuingPoint])
def test_every_scoped_model_is_closed(model: Any) -> None:
    with pytest.raises(ScopeMissing):
        list(model.objects.all())
    assert list(model.objects.none()) == []


def test_a_scoped_set_cannot_be_widened_by_joining_sets() -> None:
    narrow, wide = Organization.objects.visible_to(clerk("350102")), Organization.objects.visible_to(clerk("350200"))
    assert {row.region_code for row in narrow | wide} == {"350102", "350200"}
    assert {row.region_code for row in narrow & wide} == set()
    assert {row.region_code for row in narrow.union(wide)} == {"350102", "350200"}


def test_scope_survives_every_chaining() -> None:
    rows: QuerySet[Organization] = Organization.objects.visible_to(clerk("350100"))
    for chained in (
        rows.filter(name__contains="单位"),
        rows.exclude(name="x"),
        rows.order_by("-pk"),
        rows.reverse(),
        rows.all(),
        rows.distinct(),
        rows.filter(Q(region_code="350128") | Q(region_code="350100") | Q(region_code="350102")),
    ):
        assert {row.region_code for row in chained} == {"350100", "350102"}
    assert rows.filter(region_code="350128").count() == 0
    assert rows.aggregate(n=Count("id")) == {"n": 2}
    assert rows.values("region_code").distinct().count() == 2


def test_update_and_delete_stay_inside_the_scope() -> None:
    assert Person.objects.visible_to(clerk("350102")).update(phone_masked="") == 1
    for place in ("350102", "350200"):
        actions.open_issuing_point(PROVINCE, code=f"P{place}", name=f"签发点{place}", region_code=place, now=NOW)
    assert IssuingPoint.objects.visible_to(clerk("350102")).delete()[0] == 1
    assert IssuingPoint.objects.unscoped("what is left").get().region_code == "350200"


def test_unscoped_wants_a_reason() -> None:
    with pytest.raises(ValueError, match="reason"):
        Organization.objects.unscoped(" ")


def test_a_look_up_out_of_sight_is_a_look_up_of_nothing() -> None:
    hidden = Organization.objects.unscoped("test").get(region_code="350128")
    with pytest.raises(NotFound):
        access.organization(clerk("350100"), hidden.pk)
    with pytest.raises(NotFound):
        actions.update_organization(clerk("350100"), hidden.pk, 1, actions.OrganizationChanges(name="改名"), now=NOW)


def test_nobody_registers_or_moves_beyond_his_regions() -> None:
    with pytest.raises(OutOfScope):
        actions.register_person(clerk("350100"), person_entry(90, region="350128"), now=NOW)
    mine = Organization.objects.unscoped("test").get(region_code="350102")
    with pytest.raises(OutOfScope):
        actions.update_organization(clerk("350100"), mine.pk, 1, actions.OrganizationChanges(region="平潭"), now=NOW)


def test_search_stays_inside_the_scope() -> None:
    assert {row.region_code for row in access.search_organizations(clerk("350100"), "测试单位")} == {"350100", "350102"}
    assert {row.region_code for row in access.search_people(clerk("350128"), "csr")} == {"350128"}


def test_migrations_and_saving_do_not_need_a_scope() -> None:
    body = Organization.objects.visible_to(PROVINCE).first()
    assert body is not None
    body.save()
    body.refresh_from_db()
    assert body.pk
