"""Printed papers: what they say of a request, who may print them, and how two people change a template (A4, A6, A7)."""

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pypdf
import pytest
from django.db import connection
from PIL import Image

from banyan.adapters.paper_maker.maker import ProcessMaker
from banyan.domain.audit.errors import RowForged
from banyan.domain.audit.models import AuditRecord
from banyan.domain.iam.errors import DualRequestExpired, RightMissing, SamePerson
from banyan.domain.iam.rights import Role
from banyan.domain.lifecycle.businesses import businesses
from banyan.domain.papers import access, changing, forms, printing
from banyan.domain.papers.errors import (
    AssetNameInvalid,
    AssetRefused,
    ChangeNotWaiting,
    ChangeWaiting,
    NothingChanges,
    PaperMakerDown,
    PaperNotDue,
    PaperUnknown,
    PictureInUse,
    TemplateNoText,
    TemplateRefused,
    TemplateTooLarge,
    TooManyPapers,
    VersionUnknown,
)
from banyan.domain.papers.models import PaperVersion, VersionKind, VersionState
from banyan.domain.papers.ports import PaperJob, PaperMaker
from banyan.domain.papers.registry import paper, papers
from banyan.domain.papers.vocabulary import NAMES
from banyan.domain.ra import actions as ra
from banyan.domain.ra.errors import RequestNotFound
from banyan.domain.ra.values import RequestData
from banyan.domain.systems import access as systems
from banyan.kernel.actor import Actor
from support import issuing
from support.iam import staff
from support.issuing import NOW, World, clerk, proofreader
from support.papers import Notebook

pytestmark = pytest.mark.django_db(transaction=True)

MM = 25.4 / 72
REQUESTER = {"name": "测试经办", "id_number": "RESIDENT:350102199001011234", "phone": "13800000031"}
OWN = b"<p>\xe6\x94\xb9\xe8\xbf\x87\xef\xbc\x9a{{ token }}</p>"


@pytest.fixture(scope="module")
def maker() -> Iterator[ProcessMaker]:
    with ProcessMaker() as made:
        yield made


@pytest.fixture
def world() -> World:
    return issuing.world()


@pytest.fixture
def admin() -> Actor:
    return staff(Role.SYSTEM_ADMIN, now=NOW)


@pytest.fixture
def second() -> Actor:
    return staff(Role.SECURITY_ADMIN, now=NOW)


def text_of(pdf: bytes) -> str:
    return "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)


def size_of(pdf: bytes) -> list[int]:
    (page,) = pypdf.PdfReader(io.BytesIO(pdf)).pages
    return [round(float(side) * MM) for side in page.mediabox[2:]]


def prints(actor: Actor, code: str, maker: PaperMaker, *ids: int) -> printing.Printed:
    return printing.print_for_requests(actor=actor, request_ids=ids, code=code, maker=maker, now=NOW)


# what papers say


@pytest.mark.parametrize("code", papers())
def test_every_shipped_paper_comes_out_of_its_samples_in_its_size(maker: ProcessMaker, code: str) -> None:
    one = paper(code)
    pdf = maker.make(access.job(one, one.template, [one.sample]))
    assert size_of(pdf) == [round(one.width_mm), round(one.height_mm)]
    said = "".join(text_of(pdf).split())
    assert str(one.sample["holder"]) in said
    assert str(one.sample[one.qr or "token"]) in said


def test_a_paper_gets_the_values_it_declares_and_no_other() -> None:
    one = paper("label_24")
    assert "pin" not in {entry.name for entry in one.names}
    everything = {name: entry.sample for name, entry in NAMES.items()}
    assert set(one.chosen(everything)) == {entry.name for entry in one.names}
    with pytest.raises(TypeError):
        one.chosen({**everything, "holder": object()})  # type: ignore[dict-item]
    with pytest.raises(KeyError):
        one.chosen({"token": "x"})
    assert [code for code, each in papers().items() if "pin" in {entry.name for entry in each.names}] == ["pin_letter"]


def test_there_is_a_form_for_every_business_of_every_system_with_its_own_fields(maker: ProcessMaker) -> None:
    """规范 3.1.1.1 to 3.1.1.4: the fields come from the systems' files, nothing is listed here by hand."""
    made: dict[tuple[str, str], str] = {}
    for business, system, kind, _name in forms.families():
        if made.setdefault((business, system), kind) != kind:
            continue
        pdf = printing.print_blank(actor=clerk(), business=business, system=system, kind=kind, maker=maker).pdf
        said = "".join(text_of(pdf).split())
        policy = systems.policy(system)
        assert "".join(f"{policy.short_name}数字证书{businesses()[business].name}申请表".split()) in said
        for field in policy.kind(kind).fields:
            assert all("".join(word.split()) in said for word in (field.label, *field.choices))
        assert ("配套驱动和工具" in said) == (system == "XINCHUANG")
    assert len(made) == 24
    assert {"操作系统", "CPU类型"} <= {"".join(row[0].split()) for row in forms.fields_of("XINCHUANG", "PERSONAL", {})}


def test_a_form_that_does_not_exist_is_not_printed() -> None:
    for wrong in (("enroll", "GENERAL", "SEAL"), ("enroll", "NONE", "PERSONAL"), ("none", "GENERAL", "PERSONAL")):
        with pytest.raises(PaperUnknown):
            printing.print_blank(actor=clerk(), business=wrong[0], system=wrong[1], kind=wrong[2], maker=Notebook())


def test_a_mobile_form_says_app_address_and_medium(world: World, maker: ProcessMaker) -> None:
    form = {"app_name": "测试掌上办", "ip_address": "10.1.2.3", "medium": "SIM_OVERLAY"}
    data = RequestData(form=form, requester=REQUESTER, subject={"OU": "测试科"})
    request = ra.open_request(clerk(), issuing.draft(world, system="MOBILE", data=data), NOW)
    said = "".join(text_of(prints(clerk(), "application_form", maker, request.pk).pdf).split())
    for word in (
        "测试掌上办",
        "10.1.2.3",
        "☑SIM贴片卡",
        "☑新办",
        request.number,
        world.people[0].name,
        "测试科",
        "测试经办",
    ):
        assert word in said
    assert "350102********1234" in said  # a clerk prints numbers masked
    assert "138****0031" in said


def test_numbers_stand_in_clear_on_a_form_for_who_may_see_them_and_the_look_is_on_record(world: World) -> None:
    data = RequestData(requester=REQUESTER)
    (pair,) = issuing.issued(world, issuing.draft(world, data=data))
    assert pair.request_id is not None
    seeing, notebook = staff(Role.CLERK, Role.APPROVER, now=NOW), Notebook()
    prints(seeing, "application_form", notebook, pair.request_id)
    assert AuditRecord.objects.filter(event="parties.person_revealed", actor_id=seeing.id).count() == 1
    prints(seeing, "hand_over_receipt", notebook, pair.request_id)  # what others get to see stays masked
    prints(clerk(), "application_form", notebook, pair.request_id)
    shown = [one.copies[0]["requester_id"] for one in notebook.jobs]
    assert shown == ["350102199001011234", "350102********1234", "350102********1234"]
    assert AuditRecord.objects.filter(event="parties.person_revealed").count() == 1


def test_the_notice_tells_everything_that_is_missing_and_the_receipt_waits_for_it(world: World) -> None:
    """一次性告知: 规范 3.1.1.1-1(2)."""
    short = ra.open_request(clerk(), issuing.draft(world, channel="COUNTER", materials=issuing.materials()[:1]), NOW)
    notebook = Notebook()
    prints(clerk(), "deficiency_notice", notebook, short.pk)
    missing = notebook.jobs[0].copies[0]["missing"]
    assert isinstance(missing, tuple)
    assert [row[0] for row in missing] == ["经办人身份证件", "持有人身份证件"]
    assert all(row[1] for row in missing)
    with pytest.raises(PaperNotDue):
        prints(clerk(), "intake_receipt", notebook, short.pk)
    whole = ra.open_request(clerk(), issuing.draft(world, channel="COUNTER", person=1), NOW)
    prints(clerk(), "intake_receipt", notebook, whole.pk)
    with pytest.raises(PaperNotDue):
        prints(clerk(), "deficiency_notice", notebook, whole.pk)


def test_receipt_and_labels_name_the_token_and_how_long_it_is_valid(world: World, maker: ProcessMaker) -> None:
    (pair,) = issuing.issued(world, issuing.draft(world))
    assert pair.request_id is not None
    receipt = "".join(text_of(prints(clerk(), "hand_over_receipt", maker, pair.request_id).pdf).split())
    for word in (pair.token_serial, pair.subject_name, "USBKey", f"{pair.not_after.year}年"):
        assert word in receipt
    for size, expected in (("36", [90, 36]), ("24", [70, 24]), ("50x30", [50, 30])):
        label = prints(clerk(), printing.label_of(size), maker, pair.request_id)
        assert size_of(label.pdf) == expected
        assert pair.token_serial in text_of(label.pdf)
    with pytest.raises(PaperUnknown):
        printing.label_of("12")


# who prints, and what stays of it


def test_each_print_is_counted_and_on_record_and_a_label_says_that_it_is_not_the_first(world: World) -> None:
    (pair,) = issuing.issued(world, issuing.draft(world))
    assert pair.request_id is not None
    notebook = Notebook()
    for _turn in range(3):
        prints(clerk(), "label_24", notebook, pair.request_id)
    assert [one.copies[0]["copy"] for one in notebook.jobs] == [1, 2, 3]
    assert access.printed(clerk(), pair.request_id) == {"label_24": 3}
    records = AuditRecord.objects.filter(event="papers.print", object_id=pair.request_id).order_by("pk")
    assert [record.detail for record in records] == [
        f'{{"copy":{n},"paper":"label_24","version":0}}' for n in (1, 2, 3)
    ]


def test_many_labels_come_in_one_go(world: World) -> None:
    pairs = issuing.issued(world, issuing.draft(world), issuing.draft(world, person=1))
    ids = [pair.request_id for pair in pairs if pair.request_id is not None]
    notebook = Notebook()
    prints(clerk(), "label_36", notebook, *ids)
    assert [copy["token"] for copy in notebook.jobs[0].copies] == [pair.token_serial for pair in pairs]
    assert AuditRecord.objects.filter(event="papers.print").count() == 2
    with pytest.raises(TooManyPapers):
        prints(clerk(), "label_36", notebook, *range(1, 102))


def test_a_clerk_of_another_region_finds_nothing_to_print(world: World) -> None:
    request = ra.open_request(clerk(), issuing.draft(world), NOW)
    elsewhere, notebook = clerk(regions=("350200",)), Notebook()
    with pytest.raises(RequestNotFound):
        prints(elsewhere, "application_form", notebook, request.pk)
    with pytest.raises(RequestNotFound):
        access.printed(elsewhere, request.pk)
    assert notebook.jobs == []


@pytest.mark.parametrize("code", [code for code, each in papers().items() if each.right != "tokens.print_pin_letter"])
def test_a_paper_asks_for_the_right_of_its_step(world: World, code: str) -> None:
    request = ra.open_request(clerk(), issuing.draft(world), NOW)
    with pytest.raises(RightMissing):
        prints(proofreader(), code, Notebook(), request.pk)


def test_the_pin_letter_has_no_way_but_its_own(world: World) -> None:
    request = ra.open_request(clerk(), issuing.draft(world), NOW)
    with pytest.raises(PaperUnknown):
        prints(clerk(), "pin_letter", Notebook(), request.pk)


def test_a_paper_that_could_not_be_made_was_not_printed(world: World) -> None:
    (pair,) = issuing.issued(world, issuing.draft(world))
    assert pair.request_id is not None

    class Down:
        def make(self, job: PaperJob) -> bytes:
            del job
            raise PaperMakerDown

    with pytest.raises(PaperMakerDown):
        prints(clerk(), "label_24", Down(), pair.request_id)
    assert access.printed(clerk(), pair.request_id) == {}
    assert not AuditRecord.objects.filter(event="papers.print").exists()


# two people change a template


def ask(admin: Actor, content: bytes = OWN, code: str = "label_24", maker: PaperMaker | None = None) -> PaperVersion:
    row = changing.tried_template(actor=admin, code=code, content=content, maker=maker or Notebook())
    return changing.ask(actor=admin, row=row, note="换版式", now=NOW)


def ask_back(
    admin: Actor, number: int, kind: VersionKind = VersionKind.TEMPLATE, name: str = "label_24"
) -> PaperVersion:
    row = changing.older_version(actor=admin, kind=kind, name=name, number=number)
    return changing.ask(actor=admin, row=row, note="", now=NOW)


def confirm(second: Actor, row: PaperVersion, now: datetime = NOW) -> PaperVersion:
    return changing.confirm_change(actor=second, version_id=row.pk, sm3=bytes(row.sm3).hex(), now=now)


def in_use(code: str = "label_24") -> tuple[str, int]:
    return access.template_of(paper(code))


def test_a_template_is_used_from_the_second_persons_word_on(admin: Actor, second: Actor, world: World) -> None:
    row = ask(admin)
    assert in_use() == (paper("label_24").template, 0)
    confirm(second, row)
    assert in_use() == (OWN.decode(), 1)
    (pair,) = issuing.issued(world, issuing.draft(world))
    assert pair.request_id is not None
    notebook = Notebook()
    prints(clerk(), "label_24", notebook, pair.request_id)
    assert notebook.jobs[0].template == OWN.decode()
    (past,) = access.history(second, VersionKind.TEMPLATE, "label_24")
    assert (past.asked_by, past.confirmed_by, past.state, past.note) == (admin.id, second.id, "IN_FORCE", "换版式")
    events = (
        AuditRecord.objects.filter(event__startswith="papers.change").order_by("pk").values_list("event", flat=True)
    )
    assert list(events) == ["papers.change_asked", "papers.change_confirmed"]


def test_nobody_confirms_his_own_change(admin: Actor) -> None:
    row = ask(admin)
    with pytest.raises(RightMissing):
        confirm(admin, row)
    both = replace(admin, rights=admin.rights | {"papers.confirm"})
    with pytest.raises(SamePerson):
        confirm(both, row)
    assert in_use()[1] == 0
    assert AuditRecord.objects.filter(event="papers.confirm_change", outcome="refused").count() == 2


def test_a_clerk_changes_nothing_and_sees_no_history() -> None:
    with pytest.raises(RightMissing):
        ask(clerk())
    with pytest.raises(RightMissing):
        access.history(clerk(), VersionKind.TEMPLATE, "label_24")
    with pytest.raises(RightMissing):
        printing.print_sample(actor=clerk(), paper=paper("label_24"), template="", maker=Notebook())


def test_a_template_that_does_not_work_is_refused_with_line_and_reason(admin: Actor, maker: ProcessMaker) -> None:
    with pytest.raises(TemplateRefused) as caught:
        ask(admin, b"<p>\n{{ tokken }}</p>", maker=maker)
    assert str(caught.value).startswith("模板第 2 行：用了这张纸没有声明的名字")
    assert "tokken" in str(caught.value)
    with pytest.raises(TemplateRefused):
        ask(admin, b"<style>@page { size: A4 }</style>{{ token }}", maker=maker)
    assert not PaperVersion.objects.exists()


def test_what_is_no_template_is_refused_before_anything_reads_it(admin: Actor) -> None:
    notebook = Notebook()
    with pytest.raises(TemplateTooLarge):
        ask(admin, b"x" * 10_000_000, maker=notebook)
    for wrong in (b"\xff\xfe\x00x", b"a\0b", b"  \n"):
        with pytest.raises(TemplateNoText):
            ask(admin, wrong, maker=notebook)
    with pytest.raises(PaperUnknown):
        ask(admin, code="../label_24", maker=notebook)
    assert notebook.jobs == []


def test_one_change_waits_at_a_time_and_is_confirmed_as_it_was_shown(admin: Actor, second: Actor) -> None:
    row = ask(admin)
    with pytest.raises(ChangeWaiting):
        ask(admin, OWN + b"!")
    with pytest.raises(ChangeNotWaiting):
        changing.confirm_change(actor=second, version_id=row.pk, sm3="00" * 32, now=NOW)
    confirm(second, row)
    with pytest.raises(ChangeNotWaiting):
        confirm(second, row)
    with pytest.raises(NothingChanges):
        ask(admin)


def test_a_change_that_nobody_confirmed_in_time_gives_way(admin: Actor, second: Actor) -> None:
    row = ask(admin)
    late = NOW + timedelta(hours=9)
    late_admin, late_second = staff(Role.SYSTEM_ADMIN, now=late), staff(Role.SECURITY_ADMIN, now=late)
    with pytest.raises(DualRequestExpired):
        confirm(late_second, row, late)
    tried = changing.tried_template(actor=late_admin, code="label_24", content=OWN + b"!", maker=Notebook())
    again = changing.ask(actor=late_admin, row=tried, note="", now=late)
    confirm(late_second, again, late)
    states = [one.state for one in access.history(admin, VersionKind.TEMPLATE, "label_24")]
    assert states == [VersionState.IN_FORCE, VersionState.WITHDRAWN]


def test_going_back_takes_two_people_as_well_and_the_shipped_one_is_always_there(admin: Actor, second: Actor) -> None:
    first = confirm(second, ask(admin))
    confirm(second, ask(admin, OWN + b"2"))
    back = ask_back(admin, first.number)
    assert in_use() == ((OWN + b"2").decode(), 2)
    confirm(second, back)
    assert (in_use(), back.returns_to) == ((OWN.decode(), 3), 1)
    shipped = ask_back(admin, 0)
    confirm(second, shipped)
    assert in_use() == (paper("label_24").template, 4)
    with pytest.raises(VersionUnknown):
        ask_back(admin, 9)


def test_a_template_edited_by_hand_prints_nothing(admin: Actor, second: Actor) -> None:
    row = confirm(second, ask(admin))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE papers_paperversion SET content = %s WHERE id = %s", [b"<p>{{ pin }}", row.pk])
    with pytest.raises(RowForged):
        in_use()


# pictures


def png(size: tuple[int, int] = (40, 20), kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (20, 110, 99)).save(out, kind)
    return out.getvalue()


def ask_picture(admin: Actor, content: bytes, name: str = "emblem.png") -> PaperVersion:
    row = changing.fresh_picture(actor=admin, name=name, content=content)
    return changing.ask(actor=admin, row=row, note="", now=NOW)


def test_a_picture_is_written_anew_and_loaded_by_its_name(admin: Actor, second: Actor, maker: ProcessMaker) -> None:
    hidden = png(kind="JPEG") + b"<script>alert(1)</script>"
    row = confirm(second, ask_picture(admin, hidden))
    kept = bytes(row.content)
    assert kept.startswith(b"\x89PNG")
    assert b"script" not in kept
    template = b'<img src="asset:emblem.png"><p>{{ token }}</p>'
    confirm(second, ask(admin, template, maker=maker))
    with pytest.raises(PictureInUse):
        ask_back(admin, 0, VersionKind.ASSET, "emblem.png")
    one = paper("label_24")
    (page,) = pypdf.PdfReader(io.BytesIO(maker.make(access.job(one, template.decode(), [one.sample])))).pages
    assert len(page.images) == 1


def test_what_is_no_picture_is_refused(admin: Actor) -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
    for wrong in (b"", svg, b"%PDF-1.7", png()[:40], b"x" * 300_000, png((2001, 1)), png(kind="GIF")):
        with pytest.raises(AssetRefused):
            ask_picture(admin, wrong)
    for name in ("paper.css", "../x.png", "a b.png", "x.svg", "qr", ".png", "x" * 60 + ".png"):
        with pytest.raises(AssetNameInvalid):
            ask_picture(admin, png(), name)


def test_numbers_of_versions_only_grow(admin: Actor, second: Actor) -> None:
    for turn in range(3):
        confirm(second, ask(admin, OWN + str(turn).encode()))
    numbers = [one.number for one in access.history(admin, VersionKind.TEMPLATE, "label_24")]
    assert all(newer == older + 1 for newer, older in pairwise(numbers))
