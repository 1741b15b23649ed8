"""People, bodies and devices on record: found or created, sealed, searched, changed, audited (A5, F7, design §5)."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from banyan.domain.audit.models import AuditRecord
from banyan.domain.iam.errors import RightMissing
from banyan.domain.parties import access, actions, name_index, protection
from banyan.domain.parties.errors import (
    DuplicateIdentity,
    IdentityChecksumInvalid,
    IdentityConflict,
    NotFound,
    OrganizationConflict,
    OutOfScope,
    PartiesError,
    SearchTooShort,
    UnknownRegion,
    VersionConflict,
)
from banyan.domain.parties.kinds import NamedKind
from banyan.domain.parties.models import Device, NameGram, Organization, Person, Region, RegionClosure
from banyan.domain.parties.ports import Holding
from banyan.domain.parties.regions import RegionTree, RetiredCode, shipped_tree
from banyan.kernel.actor import system_actor
from banyan.sealing import SealBroken
from support.parties import NOW, clerk, credit_code, organization_entry, person_entry, regions_installed, resident_id

pytestmark = pytest.mark.django_db
CLERK = clerk()


@pytest.fixture(autouse=True)
def _regions() -> None:
    regions_installed()


def everything_stored() -> str:
    """Every value of every table, as text."""
    parts = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608  (our own tables)
            parts += [repr(bytes(v) if isinstance(v, memoryview) else v) for row in cursor.fetchall() for v in row]
    return "\n".join(parts)


def people(count: int) -> Sequence[actions.PersonEntry]:
    surnames, given = "赵钱孙李周吴郑王冯陈", "一二三四五六七八九十"
    return [
        replace(
            person_entry(n, name=surnames[n % 10] + given[n // 10 % 10] + given[n // 100 % 10], phone=""),
            id_number=resident_id(n, born=f"19{60 + n // 1000:02d}0101"),
        )
        for n in range(count)
    ]


def test_a_person_is_registered_once_and_found_again() -> None:
    first = actions.register_person(CLERK, person_entry(), now=NOW)
    again = actions.register_person(CLERK, replace(person_entry(), name="张 三", phone=""), now=NOW)
    assert again.pk == first.pk
    assert Person.objects.unscoped("count").count() == 1


def test_the_same_person_is_recognised_by_the_old_form_of_the_number() -> None:
    number = resident_id(5)
    first = actions.register_person(CLERK, replace(person_entry(), id_number=number), now=NOW)
    old = number[:6] + number[8:17]
    assert actions.register_person(CLERK, replace(person_entry(), id_number=old), now=NOW).pk == first.pk


def test_no_number_is_stored_or_logged_in_clear() -> None:
    person = actions.register_person(CLERK, person_entry(), now=NOW)
    number = resident_id(1)
    assert (person.id_masked, person.phone_masked) == (number[:6] + "********" + number[-4:], "138****0023")
    actions.update_person(CLERK, person.pk, 1, actions.PersonChanges(phone="13900000045"), now=NOW)
    stored = everything_stored()
    for secret in (number, "13800000023", "13900000045"):
        assert secret not in stored
    assert number not in repr(person_entry())


def test_who_may_reveal_sees_the_number_and_the_look_is_recorded() -> None:
    person = actions.register_person(CLERK, person_entry(), now=NOW)
    shown = actions.reveal_person(CLERK, person.pk, purpose="核对材料", now=NOW)
    assert (shown.id_number, shown.phone) == (resident_id(1), "13800000023")
    assert resident_id(1) not in repr(shown)
    assert AuditRecord.objects.filter(event="parties.person_revealed", object_id=person.pk).count() == 1
    with pytest.raises(RightMissing):
        actions.reveal_person(clerk(rights=frozenset({"parties.read"})), person.pk, purpose="好奇", now=NOW)
    with pytest.raises(NotFound):
        actions.reveal_person(clerk("350200"), person.pk, purpose="好奇", now=NOW)


def test_a_sealed_number_moved_to_another_person_does_not_open() -> None:
    one = actions.register_person(CLERK, person_entry(1), now=NOW)
    two = actions.register_person(CLERK, person_entry(2, name="李四"), now=NOW)
    two.id_sealed = one.id_sealed
    with pytest.raises(SealBroken):
        protection.open_identity(two)


def test_the_same_number_under_another_name_is_a_conflict_that_hides_the_name() -> None:
    actions.register_person(CLERK, person_entry(), now=NOW)
    with pytest.raises(IdentityConflict, match=r"张\*") as raised:
        actions.register_person(CLERK, person_entry(name="李四"), now=NOW)
    assert resident_id(1) not in str(raised.value)


def test_people_registered_elsewhere_are_found_not_entered_twice() -> None:
    there = actions.register_person(CLERK, person_entry(region="350128"), now=NOW)
    here = actions.register_person(clerk("350100"), person_entry(region="350102"), now=NOW)
    assert here.pk == there.pk
    assert here.region_code == "350128"
    assert list(access.people(clerk("350100"))) == []


def test_bulk_says_of_each_entry_what_is_wrong_and_takes_the_rest() -> None:
    entries = [
        person_entry(1),
        person_entry(1),
        replace(person_entry(2), id_number="110105194912310021"),
        replace(person_entry(3), region="火星"),
        person_entry(1, name="李四"),
        person_entry(4, name="王五"),
    ]
    found = actions.register_people(CLERK, entries, now=NOW)
    assert [type(item) for item in found] == [
        Person,
        Person,
        IdentityChecksumInvalid,
        UnknownRegion,
        IdentityConflict,
        Person,
    ]
    assert isinstance(found[0], Person)
    assert isinstance(found[1], Person)
    assert found[0].pk == found[1].pk
    assert Person.objects.unscoped("count").count() == 2


def test_thousands_of_people_in_few_statements(django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(25):
        found = actions.register_people(CLERK, people(2000), now=NOW)
    assert all(isinstance(item, Person) for item in found)
    with django_assert_max_num_queries(15):
        again = actions.register_people(CLERK, people(2000), now=NOW)
    assert [p.pk for p in found if isinstance(p, Person)] == [p.pk for p in again if isinstance(p, Person)]
    assert Person.objects.unscoped("count").count() == 2000


def test_bodies_are_found_by_credit_code() -> None:
    body = actions.register_organization(CLERK, organization_entry(), now=NOW)
    assert body.organization_kind == "ENTERPRISE"
    again = actions.register_organization(
        CLERK, organization_entry(name="榕树测试（有限）公司".replace("（有限）", "有限")), now=NOW
    )
    assert again.pk == body.pk
    with pytest.raises(OrganizationConflict, match="榕树测试有限公司"):
        actions.register_organization(CLERK, organization_entry(name="别的公司"), now=NOW)


def test_devices_are_found_by_what_they_are() -> None:
    entry = actions.DeviceEntry(region="福州市", name="门户网站", domain_name="WWW.example.gov.cn")
    device = actions.register_device(CLERK, entry, now=NOW)
    assert actions.register_device(CLERK, replace(entry, name="新门户"), now=NOW).pk == device.pk
    assert [row.pk for row in access.search_devices(CLERK, "www.example.gov.cn")] == [device.pk]
    assert [row.pk for row in access.search_devices(CLERK, "门户")] == [device.pk]
    changed = actions.update_device(CLERK, device.pk, 1, actions.DeviceChanges(domain_name="b.example.gov.cn"), now=NOW)
    assert changed.identity_key == "dns:b.example.gov.cn"
    other = actions.register_device(CLERK, entry, now=NOW)
    with pytest.raises(DuplicateIdentity):
        actions.update_device(CLERK, other.pk, 1, actions.DeviceChanges(domain_name="b.example.gov.cn"), now=NOW)
    assert Device.objects.unscoped("count").count() == 2


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("张三", {"张三丰"}),
        ("三丰", {"张三丰"}),
        ("张", {"张三丰"}),
        ("三", set()),
        ("zhangsanfeng", {"张三丰"}),
        ("zhangs", {"张三丰"}),
        ("zsf", {"张三丰"}),
        ("ZSF", {"张三丰"}),
        ("sanfeng", set()),
        ("单雄", {"单雄信"}),
        ("shanxiong", {"单雄信"}),
        ("danxiong", {"单雄信"}),
        ("买买提", {"阿不都·买买提"}),
        ("阿不都买", {"阿不都·买买提"}),
        ("𠮷田", {"𠮷田"}),
        ("吉田", set()),
        ("张丰", set()),
        ("丰三", set()),
        ("lvbu", {"吕布"}),
        ("lübu", {"吕布"}),
        ("吕 布", {"吕布"}),
        ("%", None),
        ("张%", {"张三丰"}),
        ("_", None),
        ("'; DROP TABLE", set()),
    ],
)
def test_people_are_found_by_name_pinyin_and_initials(typed: str, found: set[str] | None) -> None:
    names = ["张三丰", "单雄信", "阿不都·买买提", "𠮷田", "吕布"]
    actions.register_people(CLERK, [person_entry(n, name=name) for n, name in enumerate(names)], now=NOW)
    if found is None:
        with pytest.raises(SearchTooShort):
            access.search_people(CLERK, typed)
    else:
        assert {row.name for row in access.search_people(CLERK, typed)} == found


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("榕树", {1}),
        ("有限公司", {1, 2}),
        ("榕树有限", set()),
        ("fjsrs", {1}),
        ("rskj", {1}),
        ("重庆银行", {3}),
        ("cqyh", {3}),
        ("yinhang", set()),
        ("chongqingyinhang", {3}),
        ("福", {1}),
        ("abc", {2}),
        ("ABC公司", {2}),
        ("（重庆）银行", {3}),
    ],
)
def test_bodies_are_found_by_any_part(typed: str, found: set[int]) -> None:
    names = {1: "福建省榕树科技有限公司", 2: "ＡＢＣ公司有限公司", 3: "重庆银行"}
    rows = actions.register_organizations(
        CLERK, [organization_entry(n, name=name) for n, name in names.items()], now=NOW
    )
    numbers = {row.pk: n for n, row in zip(names, rows, strict=True) if isinstance(row, Organization)}
    assert {numbers[row.pk] for row in access.search_organizations(CLERK, typed)} == found


def test_a_fragment_that_many_names_hold_finds_the_same_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(name_index, "_COMMON", 2)
    names = ["福州有限公司", "厦门有限公司", "泉州有限公司", "泉州公司有限"]
    rows = actions.register_organizations(
        CLERK, [organization_entry(n, name=name) for n, name in enumerate(names)], now=NOW
    )
    assert all(isinstance(row, Organization) for row in rows)
    found = [row.name for row in access.search_organizations(CLERK, "有限公司")]
    assert found == ["泉州有限公司", "厦门有限公司", "福州有限公司"]
    assert [row.name for row in access.search_organizations(CLERK, "州有限公")] == ["泉州有限公司", "福州有限公司"]
    assert access.search_organizations(CLERK, "漳州有限公司") == []


def test_a_spelling_that_very_many_names_begin_with_finds_some_and_all_within_a_region(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(name_index, "_SPELLINGS", 2)
    names = ["陈一", "陈二", "陈三", "陈四"]
    actions.register_people(CLERK, [person_entry(n, name=name) for n, name in enumerate(names)], now=NOW)
    assert len(access.search_people(CLERK, "chen")) == 2
    assert [row.name for row in access.search_people(CLERK, "chensan")] == ["陈三"]
    assert len(access.search_people(clerk("350000"), "chen")) == 4


def test_exact_search_by_number_phone_and_credit_code() -> None:
    person = actions.register_person(CLERK, person_entry(), now=NOW)
    body = actions.register_organization(CLERK, organization_entry(), now=NOW)
    number = resident_id(1)
    for typed in (number, f" {number.lower()} ", "13800000023", "138 0000 0023"):
        assert [row.pk for row in access.search_people(CLERK, typed)] == [person.pk]
    assert access.search_people(CLERK, resident_id(2)) == []
    assert access.search_people(clerk("350200"), number) == []
    assert [row.pk for row in access.search_organizations(CLERK, credit_code(1).lower())] == [body.pk]


def test_a_change_of_name_is_followed_by_the_search() -> None:
    person = actions.register_person(CLERK, person_entry(name="张三丰"), now=NOW)
    changed = actions.update_person(CLERK, person.pk, 1, actions.PersonChanges(name="李三丰"), now=NOW)
    assert changed.version == 2
    assert access.search_people(CLERK, "张三") == []
    assert access.search_people(CLERK, "zsf") == []
    assert [row.name for row in access.search_people(CLERK, "三丰")] == ["李三丰"]
    assert [row.name for row in access.search_people(CLERK, "lsf")] == ["李三丰"]
    kept = set(NameGram.objects.values_list("kind", "gram"))
    NameGram.objects.all().delete()
    name_index.index_new(NamedKind.PERSON, [(person.pk, "李三丰")])
    assert set(NameGram.objects.values_list("kind", "gram")) == kept


def test_a_change_of_number_seals_both_values_anew() -> None:
    person = actions.register_person(CLERK, person_entry(), now=NOW)
    changed = actions.update_person(CLERK, person.pk, 1, actions.PersonChanges(id_number=resident_id(2)), now=NOW)
    shown = actions.reveal_person(CLERK, changed.pk, purpose="核对", now=NOW)
    assert (shown.id_number, shown.phone) == (resident_id(2), "13800000023")
    assert [row.pk for row in access.search_people(CLERK, resident_id(2))] == [person.pk]
    assert access.search_people(CLERK, resident_id(1)) == []
    other = actions.register_person(CLERK, person_entry(1, name="李四"), now=NOW)
    with pytest.raises(DuplicateIdentity):
        actions.update_person(CLERK, other.pk, 1, actions.PersonChanges(id_number=resident_id(2)), now=NOW)


def test_a_phone_can_be_removed_and_a_region_named() -> None:
    person = actions.register_person(CLERK, person_entry(), now=NOW)
    changed = actions.update_person(CLERK, person.pk, 1, actions.PersonChanges(phone="", region="厦门市"), now=NOW)
    assert (changed.phone_masked, changed.phone_sealed, changed.region_code) == ("", None, "350200")
    assert protection.open_phone(changed) == ""


def test_who_looked_at_an_older_version_changes_nothing() -> None:
    person = actions.register_person(CLERK, person_entry(), now=NOW)
    actions.update_person(CLERK, person.pk, 1, actions.PersonChanges(name="张三三"), now=NOW)
    with pytest.raises(VersionConflict):
        actions.update_person(CLERK, person.pk, 1, actions.PersonChanges(name="张四四"), now=NOW)
    assert Person.objects.unscoped("test").get().name == "张三三"


def test_bodies_change_name_and_code() -> None:
    body = actions.register_organization(CLERK, organization_entry(), now=NOW)
    changes = actions.OrganizationChanges(name="榕树新名称公司", uscc=credit_code(2), region="平潭")
    changed = actions.update_organization(CLERK, body.pk, 1, changes, now=NOW)
    assert (changed.uscc, changed.region_code, changed.version) == (credit_code(2), "350128", 2)
    assert [row.pk for row in access.search_organizations(CLERK, "新名称")] == [body.pk]


def test_without_the_right_nothing_is_read_or_written() -> None:
    nobody = clerk(rights=frozenset())
    with pytest.raises(RightMissing):
        actions.register_person(nobody, person_entry(), now=NOW)
    with pytest.raises(RightMissing):
        access.search_people(nobody, "张三")
    assert AuditRecord.objects.filter(outcome="refused", event="parties.register_person").count() == 1


def test_every_writing_is_recorded_with_field_names_only() -> None:
    person = actions.register_person(CLERK, person_entry(), now=NOW)
    actions.update_person(CLERK, person.pk, 1, actions.PersonChanges(name="张三三", phone="13900000045"), now=NOW)
    last = AuditRecord.objects.order_by("-pk").first()
    assert last is not None
    assert last.event == "parties.person_updated"
    assert '"name","phone"' in last.detail
    assert "张三" not in last.detail


def test_the_identify_code_is_the_same_for_the_same_person_and_hides_the_number() -> None:
    person = actions.register_person(CLERK, person_entry(), now=NOW)
    other = actions.register_person(CLERK, person_entry(2, name="李四"), now=NOW)
    codes = protection.identify_codes([person, other, person])
    assert codes[0] == codes[2] != codes[1]
    assert len(codes[0]) == 64


class Held:
    """Stands for the certificates' own package."""

    def holdings_of(self, *, people: Sequence[int], organizations: Sequence[int]) -> Sequence[Holding]:
        del people, organizations
        return [
            Holding(1, "PERSONAL", "GENERAL", "USB_KEY", "", "350102", "张三", "VALID"),
            Holding(2, "PERSONAL", "MOBILE", "SIM_KEY", "某应用", "350128", "张三", "VALID"),
            Holding(3, "PERSONAL", "MOBILE", "SIM_KEY", "某应用", "350200", "张三", "VALID"),
        ]


def test_the_duplicate_warning_tells_only_numbers_of_what_lies_elsewhere() -> None:
    hint = actions.look_up_holdings(clerk("350100"), Held(), people=[1], now=NOW)
    assert [holding.pair_id for holding in hint.here] == [1]
    assert [(entry.kind, entry.system, entry.count) for entry in hint.elsewhere] == [("PERSONAL", "MOBILE", 2)]
    assert not hint.is_empty
    assert AuditRecord.objects.filter(event="parties.holdings_looked_up").count() == 1
    assert len(actions.look_up_holdings(CLERK, Held(), people=[1], now=NOW).here) == 3


def test_who_is_on_record_is_answered_in_bulk() -> None:
    from datetime import date

    from banyan.domain.parties.rules import identity_number

    person = actions.register_person(CLERK, person_entry(), now=NOW)
    numbers = [identity_number("RESIDENT", resident_id(n), today=date(2026, 1, 1)) for n in (1, 2)]
    assert access.people_by_identity(numbers) == {numbers[0].index_text: person.pk}


def test_installing_regions_again_changes_nothing_and_a_newer_tree_retires_codes() -> None:
    tree = access.region_tree()
    assert tree.closure == shipped_tree().closure
    assert tree.read("福州市平潭县").code == "350128"
    regions_installed()
    assert access.region_tree() == tree
    body = actions.register_organization(CLERK, organization_entry(region="350181"), now=NOW)
    without = tuple(region for region in tree.regions if region.code != "350181")
    newer = RegionTree(without, (*tree.retired, RetiredCode("350181", "福清市", "350102")))
    actions.install_regions(system_actor("test"), newer, now=NOW)
    assert not Region.objects.filter(code="350181").exists()
    assert RegionClosure.objects.filter(ancestor="350102", descendant="350181").exists()
    assert access.organization(clerk("350102"), body.pk).region_code == "350181"
    assert access.region_tree().read("福清市").code == "350102"


def test_a_refusal_at_the_border_of_a_region_is_recorded() -> None:
    with pytest.raises(OutOfScope):
        actions.register_person(clerk("350100"), person_entry(region="350128"), now=NOW)
    assert AuditRecord.objects.filter(outcome="refused", event="parties.register_person").count() == 1


def test_every_message_says_what_to_do() -> None:
    def all_below(kind: type[PartiesError]) -> list[type[PartiesError]]:
        return [kind, *(entry for below in kind.__subclasses__() for entry in all_below(below))]

    for error in all_below(PartiesError):
        assert any(word in error.message for word in ("请", "应")), error


@pytest.mark.parametrize("is_slow", [False, True], ids=["refused at the end", "refused while more is sent"])
def test_racing_entries_end_in_one_record(monkeypatch: pytest.MonkeyPatch, is_slow: bool) -> None:
    """Another process registers the same person between the look-up and the insert."""
    from banyan.domain.driver import Driver
    from banyan.domain.parties import registering

    send = Driver._cursor

    def slowly(self: Any, *arguments: Any) -> Any:
        time.sleep(0.02)  # the server's answer to the statement before is here
        return send(self, *arguments)

    if is_slow:
        monkeypatch.setattr(Driver, "_cursor", slowly)
    whole = registering._Batch._known
    calls = 0

    def late(self: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 1:
            return {}
        return whole(self)

    first = actions.register_person(CLERK, person_entry(), now=NOW)
    monkeypatch.setattr(registering._Batch, "_known", late)
    assert actions.register_person(CLERK, person_entry(), now=NOW).pk == first.pk
    assert Person.objects.unscoped("count").count() == 1
