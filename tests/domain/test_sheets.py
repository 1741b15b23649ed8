"""A5: a sheet of applications becomes requests; what is wrong is told row by row, and a stop in the middle loses nothing."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from django.db import connection
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook

from banyan.adapters.sheets import SheetRow, SheetUnreadable, open_sheet
from banyan.adapters.sheets.writing import write_result, write_template
from banyan.cli import importing, sample
from banyan.domain.audit.models import AuditRecord
from banyan.domain.iam.rights import Role
from banyan.domain.parties import access as parties
from banyan.domain.ra import entering, sealed_data
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.ra.subjects import Holders, holder_name
from banyan.domain.sheets import access, actions
from banyan.domain.sheets.columns import BY_CODE, COLUMNS, EXAMPLES
from banyan.domain.sheets.errors import ColumnMissing, ColumnUnknown, HeaderMissing, SheetEmpty
from banyan.domain.sheets.models import SheetImport
from banyan.domain.systems import access as systems
from banyan.domain.systems.actions import install_systems
from banyan.kernel.actor import Actor, system_actor
from support import issuing
from support.iam import staff
from support.parties import regions_installed, resident_id

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
FILES = Path(__file__).parents[1] / "unit" / "sheets" / "files"


@pytest.fixture
def clerk() -> Actor:
    regions_installed()
    install_systems(system_actor("test"), now=NOW)
    return staff(Role.CLERK, now=NOW)


def take(clerk: Actor, path: Path, *, stop_after: int | None = None) -> SheetImport:
    """Import a file, or its first slices only."""
    opened = open_sheet(path)
    sheet = actions.begin_import(
        clerk, name=path.name, content=path.read_bytes(), row_count=opened.row_count, left_out=opened.left_out, now=NOW
    )
    carried = actions.import_rows(clerk, sheet, opened.rows, now=NOW, hidden_columns=opened.hidden_columns)
    return list(islice(carried, stop_after))[-1]


def written(tmp_path: Path, rows: list[dict[str, str]], name: str = "a.xlsx") -> Path:
    path = tmp_path / name
    sample.write_sheet(path, rows)
    return path


def faults(clerk: Actor, sheet: SheetImport) -> dict[int, list[tuple[str, str]]]:
    return {
        report.row: [(fault["column"], fault["code"]) for fault in report.faults]
        for report in access.outcomes(access.sheet_import(clerk, sheet.pk), only_failed=True)
    }


def requests() -> Any:
    return ServiceRequest.objects.unscoped("test")


def test_good_rows_go_on_and_bad_ones_say_row_column_and_cure(clerk: Actor, tmp_path: Path) -> None:
    sheet = take(clerk, written(tmp_path, sample.sheet_rows(10)))
    assert (sheet.good, sheet.failed, sheet.state) == (10, 3, "DONE")
    assert faults(clerk, sheet) == {
        12: [("证件号码", "parties.identity_checksum_invalid")],
        13: [("行政区划", "parties.unknown_region")],
        14: [("", "sheets.row_repeated")],
    }
    assert requests().count() == 10
    assert {one.step for one in requests()} == {"proofread"}


def test_a_stopped_import_goes_on_where_it_stopped(
    clerk: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "SLICE", 4)
    path = written(tmp_path, sample.sheet_rows(10))
    first = take(clerk, path, stop_after=1)
    assert (first.last_row, first.good) == (5, 4)
    sheet = take(clerk, path)
    assert (sheet.pk, sheet.good, sheet.failed) == (first.pk, 10, 3)
    assert requests().count() == 10
    again = take(clerk, path)
    assert (again.good, requests().count()) == (10, 10)


def test_the_same_person_in_two_sheets_is_not_taken_twice(clerk: Actor, tmp_path: Path) -> None:
    take(clerk, written(tmp_path, sample.sheet_rows(2)[:2]))
    other = [row | {"部门": "另一科"} for row in sample.sheet_rows(2)[:2]]
    sheet = take(clerk, written(tmp_path, other, "b.xlsx"))
    assert sheet.good == 0
    assert {code for found in faults(clerk, sheet).values() for _, code in found} == {"sheets.request_open"}


def one_row(tmp_path: Path, changes: dict[str, str]) -> Path:
    return written(tmp_path, [sample.sheet_rows(1)[0] | changes])


@pytest.mark.parametrize(
    ("changes", "column", "code"),
    [
        ({"持有人姓名": "测试\x07甲"}, "持有人姓名", "parties.control_character"),
        ({"持有人姓名": "测" * 80}, "持有人姓名", "parties.name_too_long"),
        ({"单位名称": ""}, "单位名称", "sheets.cell_empty"),
        ({"统一社会信用代码": "12359900MB0000019X"}, "统一社会信用代码", "parties.identity_checksum_invalid"),
        ({"证书种类": "飞行器"}, "证书种类", "systems.unknown_kind"),
        ({"签发系统": "印章"}, "证书种类", "systems.kind_not_offered"),
        ({"手机号码": "12345"}, "手机号码", "parties.mobile_invalid"),
        ({"有效期(年)": "一年半"}, "有效期(年)", "sheets.cell_not_integer"),
    ],
)  # fmt: skip
def test_each_kind_of_fault_names_its_column(
    clerk: Actor, tmp_path: Path, changes: dict[str, str], column: str, code: str
) -> None:
    sheet = take(clerk, one_row(tmp_path, changes))
    assert sheet.good == 0
    assert (column, code) in faults(clerk, sheet)[2]


def test_every_row_of_a_wrong_requester_is_told(clerk: Actor, tmp_path: Path) -> None:
    """The last requester found right is remembered from row to row; a wrong one is not, nor does he spoil the next."""
    good = sample.sheet_rows(4)[:4]
    wrong = {"经办人手机": "12345"}
    sheet = take(clerk, written(tmp_path, [good[0], good[1] | wrong, good[2] | wrong, good[3]]))
    told = ("经办人手机", "parties.mobile_invalid")
    assert faults(clerk, sheet) == {3: [told], 4: [told]}


def test_what_a_sheet_enters_says_what_the_records_say(clerk: Actor, tmp_path: Path) -> None:
    """Holders just put on record are not read again, and the certificate states the same as if they were."""
    take(clerk, written(tmp_path, sample.sheet_rows(10)))
    found = list(requests())
    holders = Holders.load(found)
    for one in found:
        policy, data = systems.policy(one.system), sealed_data.read(sealed_data.open_text(one.number, one.data_sealed))
        entered = entering.enter(
            policy=policy, kind=one.kind, region_code=one.region_code, item=one, data=data, holders=holders
        )
        assert (entered.subject_der, entered.extension_values) == (bytes(one.subject_der), one.extension_values)
        assert one.subject_name == holder_name(one.kind, holders.of(one))


def test_full_width_digits_and_a_lower_case_x_are_understood(clerk: Actor, tmp_path: Path) -> None:
    with_x = next(row for row in sample.sheet_rows(30)[:30] if row.get("证件号码", "").endswith("X"))
    wide = with_x["证件号码"].replace("X", "x").translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    sheet = take(clerk, written(tmp_path, [with_x | {"证件号码": wide}]))
    assert (sheet.good, sheet.failed) == (1, 0)


def raw(tmp_path: Path, change: Any) -> Path:
    """A workbook of one good row, written cell by cell, with ``change(book, page, columns)`` applied."""
    row = sample.sheet_rows(1)[0]
    path = tmp_path / "raw.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        page = book.add_worksheet()
        places = {}
        for column, (title, value) in enumerate(row.items()):
            page.write_string(0, column, title)
            page.write_string(1, column, value)
            places[title] = column
        change(book, page, places)
    return path


def test_a_number_cell_has_lost_digits_and_is_refused_with_the_cure(clerk: Actor, tmp_path: Path) -> None:
    number = int(sample.resident_id(1))
    sheet = take(clerk, raw(tmp_path, lambda book, page, at: page.write_number(1, at["证件号码"], number)))
    assert ("证件号码", "sheets.cell_is_number") in faults(clerk, sheet)[2]


def test_a_formula_is_refused(clerk: Actor, tmp_path: Path) -> None:
    sheet = take(
        clerk, raw(tmp_path, lambda book, page, at: page.write_formula(1, at["单位名称"], '="测试"', None, "测试"))
    )
    assert ("单位名称", "sheets.cell_is_formula") in faults(clerk, sheet)[2]


def test_the_examples_of_the_template_are_not_taken_for_applications(clerk: Actor, tmp_path: Path) -> None:
    path = tmp_path / "template.xlsx"
    write_template(path, COLUMNS, EXAMPLES)
    content = load_workbook(path)
    assert content.sheetnames == ["申请", "填写示例"]
    content.remove(content["申请"])  # as somebody does who fills in the wrong page
    content.save(path)
    sheet = take(clerk, path)
    assert {code for found in faults(clerk, sheet).values() for _, code in found} == {"sheets.row_is_example"}
    assert (sheet.good, sheet.failed) == (0, len(EXAMPLES))


def test_a_number_left_from_an_example_is_told(clerk: Actor, tmp_path: Path) -> None:
    """The name was replaced, the numbers were forgotten."""
    example = {BY_CODE[code].title: value for code, value in EXAMPLES[0].items()} | {"持有人姓名": "测试乙"}
    sheet = take(clerk, written(tmp_path, [example]))
    columns = ("统一社会信用代码", "证件号码", "经办人证件号码")
    assert faults(clerk, sheet) == {2: [(column, "sheets.cell_is_example") for column in columns]}


def test_each_example_is_a_real_case_once_its_values_are_replaced(clerk: Actor, tmp_path: Path) -> None:
    cases = {(one["system"], one["kind"]) for one in EXAMPLES}
    assert cases == {
        ("通用", "个人"), ("通用", "单位"), ("通用", "设备"), ("印章", "印章"), ("信创", "个人"), ("移动", "个人"),
    }  # fmt: skip
    rows = []
    for number, example in enumerate(EXAMPLES, 1):
        other = {"organization": f"测试替换{number}局", "credit_code": sample.credit_code(number)}
        other |= {"requester_id": sample.resident_id(900), "note": "已替换"}
        if "id_number" in example:
            other |= {"holder_name": "测试乙", "id_number": sample.resident_id(number)}
        rows.append({BY_CODE[code].title: value for code, value in (dict(example) | other).items()})
    sheet = take(clerk, written(tmp_path, rows))
    assert (sheet.good, access.noticed(sheet), faults(clerk, sheet)) == (len(EXAMPLES), 0, {})


@pytest.mark.parametrize(
    ("row", "changes", "columns"),
    [
        (3, {"持有人姓名": "测试甲", "设备名称或域名": "a.gov.example"}, ["持有人姓名", "设备名称或域名"]),
        (0, {"CPU": "飞腾", "印章名称": "测试章"}, ["CPU", "印章名称"]),
        (5, {"手机号码": "13800000001"}, ["手机号码"]),
        (2, {"应用名称": "测试办公"}, ["应用名称"]),
    ],
)
def test_what_was_filled_in_for_nothing_is_told(
    clerk: Actor, tmp_path: Path, row: int, changes: dict[str, str], columns: list[str]
) -> None:
    sheet = take(clerk, written(tmp_path, [sample.sheet_rows(10)[row] | changes]))
    assert (sheet.good, sheet.failed) == (1, 0)
    (report,) = access.outcomes(sheet)
    assert sorted(one["column"] for one in report.notices) == sorted(columns)
    assert {one["code"] for one in report.notices} == {"sheets.cell_unused"}
    assert "13800000001" not in str(report)


DAY = datetime(2026, 3, 16)  # noqa: DTZ001


def test_a_date_where_a_text_is_meant_is_refused_with_the_cure(clerk: Actor, tmp_path: Path) -> None:
    """Excel makes a date of a department called 3-16; a day that was typed as text is a text."""

    def dated(book: Any, page: Any, at: dict[str, int]) -> None:
        page.write_datetime(1, at["部门"], DAY, book.add_format({"num_format": 'm"月"d"日"'}))
        page.write_string(0, len(at), "备注")
        page.write_datetime(1, len(at), DAY, book.add_format({"num_format": 14}))

    sheet = take(clerk, raw(tmp_path, dated))
    assert faults(clerk, sheet) == {2: [("部门", "sheets.cell_is_date")]}
    (report,) = access.outcomes(sheet)
    assert report.faults[0]["shown"] == "2026-03-16"
    as_text = take(clerk, one_row(tmp_path, {"部门": "2026-03-16"}))
    assert (as_text.good, as_text.failed) == (1, 0)


@pytest.mark.parametrize("name", ["libreoffice.xlsx", "libreoffice.xls", "wps.xlsx"])
def test_what_the_programs_of_the_field_save_is_taken(clerk: Actor, name: str) -> None:
    sheet = take(clerk, FILES / name)
    assert (sheet.good, faults(clerk, sheet)) == (10, {})
    people = {person.name for person in parties.people(clerk)}
    assert people == {row["持有人姓名"] for row in sample.sheet_rows(10)[:10] if "持有人姓名" in row}


def test_a_hidden_row_is_told_not_taken(clerk: Actor, tmp_path: Path) -> None:
    sheet = take(clerk, raw(tmp_path, lambda book, page, at: page.set_row(1, None, None, {"hidden": True})))
    assert faults(clerk, sheet) == {2: [("", "sheets.row_hidden")]}


def test_what_a_hidden_column_holds_is_told_not_taken(clerk: Actor, tmp_path: Path) -> None:
    """A5: a column that nobody sees may be hidden while it is empty; what stands in it is named by its letter."""

    def hide(book: Any, page: Any, at: dict[str, int]) -> None:
        page.set_column(at["部门"], at["部门"], None, None, {"hidden": True})

    sheet = take(clerk, raw(tmp_path, hide))
    assert faults(clerk, sheet) == {2: [("部门", "sheets.cell_hidden")]}
    (report,) = access.outcomes(sheet)
    letter = "ABCDEFGHIJKLMNOP"[list(sample.sheet_rows(1)[0]).index("部门")]
    assert f"（{letter} 列）" in access.text(report.faults[0])

    def hide_empty(book: Any, page: Any, at: dict[str, int]) -> None:
        hide(book, page, at)
        page.write_blank(1, at["部门"], None, book.add_format({"bold": True}))
        for column, title in enumerate(("备注", "CPU"), len(at)):
            page.write_string(0, column, title)
            page.set_column(column, column, None, None, {"hidden": True})
        page.write_string(1, len(at), "只给自己看")

    sheet = take(clerk, raw(tmp_path, hide_empty))
    assert (sheet.good, faults(clerk, sheet)) == (1, {})


def test_the_mended_sheet_takes_nothing_twice_seals_too(clerk: Actor, tmp_path: Path) -> None:
    """A5: after an import that stopped, or told faults, the whole sheet is imported again under new bytes."""
    rows = sample.sheet_rows(10)[:10]
    sealed = {BY_CODE[code].title: value for code, value in EXAMPLES[3].items()} | {
        "单位名称": "测试榕荫县虚构章局", "统一社会信用代码": sample.credit_code(777), "经办人证件号码": sample.resident_id(900),
    }  # fmt: skip
    seals = [sealed | {"印章编码": f"3521000000077{number}"} for number in (1, 2)]
    assert take(clerk, written(tmp_path, [*rows, *seals])).good == 12
    again = take(clerk, written(tmp_path, [*rows, *seals, sealed | {"印章编码": "35210000000773"}], "mended.xlsx"))
    assert (again.good, again.failed) == (1, 12)
    assert {code for found in faults(clerk, again).values() for _, code in found} == {"sheets.request_open"}
    assert requests().count() == 13


def test_an_import_that_stops_midway_says_what_was_taken_and_what_to_do(
    clerk: Actor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A5: rows taken before the fault keep their outcome; the message names the row and the way on."""
    monkeypatch.setattr(actions, "SLICE", 4)
    path = written(tmp_path, sample.sheet_rows(10)[:10])
    whole = open_sheet(path)

    def torn() -> Iterator[SheetRow]:
        yield from islice(whole.rows, 7)
        raise SheetUnreadable(reason="文件损坏")

    monkeypatch.setattr(importing, "read_sheet", lambda *_about: replace(whole, rows=torn()))
    with pytest.raises(importing.ImportStopped, match=r"停在第 5 行之后.*文件损坏.*受理 4 行，未受理 0 行"):
        importing.import_file(clerk, path, NOW, show=False)
    monkeypatch.undo()
    done = importing.import_file(clerk, path, NOW, show=False)
    assert (done.good, done.failed, requests().count()) == (10, 0, 10)


def test_a_moved_header_with_other_titles_is_found(clerk: Actor, tmp_path: Path) -> None:
    row = sample.sheet_rows(1)[0]
    also = {column.title: column.also[0] for column in COLUMNS if column.also}
    path = tmp_path / "moved.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        page = book.add_worksheet()
        page.write(0, 0, "2026 年数字证书申请汇总表")
        for column, (title, value) in enumerate(reversed(row.items())):
            page.write_string(3, column + 2, also.get(title, title) + " *")
            page.write_string(4, column + 2, value)
    sheet = take(clerk, path)
    assert (sheet.good, sheet.failed, sheet.last_row) == (1, 0, 5)


@pytest.mark.parametrize(
    ("titles", "error"),
    [
        (["甲", "乙"], HeaderMissing),
        (["签发系统", "证书种类", "单位名称", "行政区划"], ColumnMissing),
        ([column.title for column in COLUMNS] + ["血型"], ColumnUnknown),
        ([column.title for column in COLUMNS], SheetEmpty),
    ],
)
def test_a_header_that_is_not_one_takes_nothing(
    clerk: Actor, tmp_path: Path, titles: list[str], error: type[Exception]
) -> None:
    path = tmp_path / "header.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        book.add_worksheet().write_row(0, 0, titles)
    with pytest.raises(error):
        take(clerk, path)
    assert requests().count() == 0


def test_a_gb_18030_csv_is_taken_like_a_workbook(clerk: Actor, tmp_path: Path) -> None:
    rows = sample.sheet_rows(3)[:3]
    titles = list(dict.fromkeys(title for row in rows for title in row))
    lines = [",".join(titles), *(",".join(row.get(title, "") for title in titles) for row in rows)]
    path = tmp_path / "a.csv"
    path.write_bytes("\n".join(lines).encode("gb18030"))
    assert take(clerk, path).good == 3


def test_a_holder_who_has_a_pair_already_is_told_with_the_row_that_is_taken(tmp_path: Path) -> None:
    """A5: number, kind and system, wherever the pair lies; one look for the whole slice, on record."""
    everything = issuing.world()
    install_systems(system_actor("test"), now=NOW)
    issuing.in_hands(everything, issuing.draft(everything), issuing.draft(everything, person=1))
    far_away = staff(Role.CLERK, regions=["350200"], now=NOW)
    rows = [
        sample.sheet_rows(1)[0] | {
            "行政区划": "350203", "持有人姓名": person.name, "证件号码": resident_id(number), "手机号码": f"1380000000{number}",
        }
        for number, person in enumerate(everything.people, 1)
    ]  # fmt: skip
    unit = sample.sheet_rows(4)[3] | {"行政区划": "350203"}
    with CaptureQueriesContext(connection) as queries:
        sheet = take(far_away, written(tmp_path, [*rows, unit]))
    looks = [one["sql"] for one in queries if 'FROM "ca_certificatepair"' in one["sql"] and "not_after" in one["sql"]]
    assert len(looks) == 1
    assert (sheet.good, sheet.failed, access.noticed(sheet)) == (4, 0, 2)
    told = {report.row: [access.text(one) for one in report.notices] for report in access.outcomes(sheet)}
    warning = "已导入。持有人已有 1 对有效的个人证书（通用 1），请核对是否重复办理。"
    assert told == {2: [warning], 3: [warning], 4: [], 5: []}
    assert [report.row for report in access.outcomes(sheet, only_noticed=True)] == [2, 3]
    (record,) = AuditRecord.objects.filter(event="parties.holdings_looked_up", actor_id=far_away.id)
    assert [person.pk for person in everything.people[:3]] == json.loads(record.detail)["people"]


def test_the_result_sheet_says_what_was_taken_and_is_to_be_looked_at(tmp_path: Path) -> None:
    target = tmp_path / "result.xlsx"
    write_result(target, [(2, "S1", [("", "", "看一看")]), (3, "", [("部门", "x", "不对")]), (4, "S2", [])])
    rows = [[cell.text for cell in row.cells] for row in open_sheet(target).rows][1:]
    assert [(row[0], row[1], row[2], row[5:]) for row in rows] == [
        ("2", "已导入", "S1", ["看一看"]), ("3", "未导入", "", ["不对"]), ("4", "已导入", "S2", []),
    ]  # fmt: skip


def test_outcomes_hold_no_number_in_clear(clerk: Actor, tmp_path: Path) -> None:
    sheet = take(clerk, written(tmp_path, sample.sheet_rows(10)))
    stored = "".join(str(report) for report in access.outcomes(access.sheet_import(clerk, sheet.pk)))
    assert "359900****" in stored
    assert not [number for number in numbers() if number in stored]


def numbers() -> Iterator[str]:
    for row in sample.sheet_rows(10):
        yield from (row[title] for title in ("证件号码", "经办人证件号码") if title in row)
