"""A5: sheets come as people make them; each cell keeps what it was, each row its number."""

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from openpyxl import Workbook, load_workbook

from banyan.adapters.sheets import CellKind, SheetUnreadable, open_sheet, package, workbook, writing
from banyan.adapters.sheets.errors import FileUnwritable
from banyan.adapters.sheets.writing import write_result, write_template
from banyan.domain.sheets.columns import COLUMNS, EXAMPLES
from support.sheets import MAIN, STRICT, crafted


def test_rows_keep_the_numbers_a_person_sees(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        page = book.add_worksheet("申请")
        page.write("B4", "header")
        page.write("B6", "测试甲")
    assert [(row.number, row.cells[1].text) for row in open_sheet(path).rows] == [(4, "header"), (6, "测试甲")]


def test_a_cell_says_what_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        page = book.add_worksheet()
        page.write_string("A1", "350")
        page.write_number("B1", 99002319900101001)
        page.write_formula("C1", "=1+1", None, 2)
        page.write_datetime("D1", datetime(2026, 3, 16), book.add_format({"num_format": "yyyy-mm-dd"}))  # noqa: DTZ001
        page.write_boolean("E1", True)
    (row,) = open_sheet(path).rows
    kinds = [cell.kind for cell in row.cells]
    assert kinds == [CellKind.TEXT, CellKind.NUMBER, CellKind.FORMULA, CellKind.DATE, CellKind.LOGICAL]
    assert row.cells[3].text == "2026-03-16"


def test_hidden_rows_hidden_sheets_and_merged_cells_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        hidden = book.add_worksheet("藏")
        hidden.write("A1", "secret")
        page = book.add_worksheet("申请")
        page.activate()
        page.set_first_sheet()
        hidden.hide()
        page.write("A1", "header")
        page.set_row(1, None, None, {"hidden": True})
        page.write("A2", "x")
        page.merge_range("A3:B3", "together")
    sheet = open_sheet(path)
    assert sheet.left_out == ["藏"]
    rows = list(sheet.rows)
    assert [row.is_hidden for row in rows] == [False, True, False]
    assert rows[2].cells[1].kind is CellKind.MERGED


def test_openpyxl_writes_what_we_read_too(tmp_path: Path) -> None:
    """Another writer, another dialect of the same format."""
    path = tmp_path / "b.xlsx"
    book = Workbook()
    page = book.active
    assert page is not None
    page.append(["姓名", "=A1"])
    page.row_dimensions[1].hidden = True
    book.save(path)
    (row,) = open_sheet(path).rows
    assert row.is_hidden
    assert row.cells[1].kind is CellKind.FORMULA


def test_rows_that_are_only_formatted_cost_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path), {"constant_memory": True}) as book:
        page = book.add_worksheet()
        grey = book.add_format({"bg_color": "#EEEEEE"})
        page.write_row(0, 0, ["姓名"])
        for row in range(1, 40_000):
            page.write_blank(row, 0, None, grey)
    assert len(list(open_sheet(path).rows)) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_csv_in_the_encodings_of_the_field(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes('姓名,号码\n测试甲𠮷,"两\n行"\n=cmd(),\'99\n'.encode(encoding))
    rows = list(open_sheet(path).rows)
    assert [row.number for row in rows] == [1, 2, 3]
    assert rows[1].cells[0].text == "测试甲𠮷"
    assert rows[2].cells[0].kind is CellKind.FORMULA
    assert rows[2].cells[1].text == "99"


FILES = Path(__file__).parent / "files"


def test_an_old_workbook_tells_what_is_hidden_merged_and_reckoned() -> None:
    """The .xls that LibreOffice saved: no row of it is taken for something else."""
    opened = open_sheet(FILES / "unusual.xls")
    assert (opened.name, opened.left_out) == ("申请", ["藏", "其他"])
    rows = {row.number: row for row in opened.rows}
    assert [number for number, row in rows.items() if row.is_hidden] == [3]
    kinds = {number: [cell.kind for cell in row.cells] for number, row in rows.items()}
    assert kinds[2] == [CellKind.TEXT, CellKind.TEXT, CellKind.DATE, CellKind.FORMULA, CellKind.TEXT, CellKind.TEXT]
    assert kinds[3][2:4] == [CellKind.TEXT, CellKind.FORMULA]
    assert kinds[4][4:6] == [CellKind.TEXT, CellKind.MERGED]
    assert kinds[5][4:6] == [CellKind.MERGED, CellKind.MERGED]
    assert rows[2].cells[1].text == "359900199001010015"
    assert rows[2].cells[2].text == "2026-03-16"
    assert rows[4].cells[1] == ("12345", CellKind.NUMBER)


@pytest.mark.parametrize("name", ["a.ods", "a.et", "a.xlsb", "a.xlsx"])
def test_a_kind_that_may_hide_rows_from_us_is_refused_with_the_cure(tmp_path: Path, name: str) -> None:
    """An .ods is refused by what it is, too, not only by its name."""
    path = tmp_path / name
    path.write_bytes((FILES / "unusual.ods").read_bytes())
    with pytest.raises(SheetUnreadable, match="另存为 xlsx 后再导入") as caught:
        open_sheet(path)
    assert caught.value.code == "sheets.kind_refused"


def test_a_workbook_of_the_layout_of_wps_is_read(tmp_path: Path) -> None:
    opened = open_sheet(FILES / "wps.xlsx")
    assert (opened.name, opened.left_out, opened.row_count) == ("申请", ["WpsReserved_CellImgList"], 11)
    rows = list(opened.rows)
    theirs = load_workbook(FILES / "wps.xlsx", rich_text=False)["申请"]
    assert [[cell.text for cell in row.cells] for row in rows] == [
        trimmed([value or "" for value in row]) for row in theirs.iter_rows(values_only=True)
    ]


def trimmed(values: list[Any]) -> list[Any]:
    """Without the empty cells behind the last one that holds something."""
    while values and not values[-1]:
        values.pop()
    return values


def test_a_new_workbook_under_the_old_name_is_read_by_what_it_is(tmp_path: Path) -> None:
    for source, name in (("unusual.xls", "a.xlsx"), ("libreoffice.xlsx", "a.xls")):
        path = tmp_path / name
        path.write_bytes((FILES / source).read_bytes())
        assert list(open_sheet(path).rows) == list(open_sheet(FILES / source).rows)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04nonsense", b"\xd0\xcf\x11\xe0" + b"\0" * 600, b"hello"])
def test_a_broken_file_is_told_plainly(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.xlsx"
    path.write_bytes(content)
    with pytest.raises(SheetUnreadable, match="另存为 xlsx"):
        open_sheet(path)


def test_an_unknown_kind_of_file_names_what_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF-1.7")
    with pytest.raises(SheetUnreadable, match="xlsx、xls 或 csv"):
        open_sheet(path)


FAR = '<sheetData><row r="1"><c r="A1"><v>1</v></c></row><row r="{row}"><c r="{cell}"><v>1</v></c></row></sheetData>'


@pytest.mark.parametrize(("row", "cell"), [(1048576, "XFD1048576"), (60000, "ALL60000"), (1, "ZZZZZZZ1")])
def test_a_cell_at_the_end_of_the_world_does_not_lay_out_the_world(tmp_path: Path, row: int, cell: str) -> None:
    path = crafted(tmp_path / "far.xlsx", FAR.format(row=row, cell=cell))
    with pytest.raises(SheetUnreadable) as caught:
        open_sheet(path)
    assert caught.value.code == "sheets.too_wide"


def test_a_merge_over_everything_costs_nothing(tmp_path: Path) -> None:
    merges = '<mergeCells count="1"><mergeCell ref="A1:XFD1048576"/></mergeCells>'
    sheet = f'<sheetData><row r="1"><c r="A1"><v>1</v></c></row></sheetData>{merges}'
    assert len(list(open_sheet(crafted(tmp_path / "merge.xlsx", sheet)).rows)) == 1


ODD = """<sheetData><row r="1"><c r="A1"><v>1</v></c><c><f>B9</f></c></row><row><c><v>1</v></c><c s="1" r="D2"><f>1</f></c></row>
<row r="7" hidden="1"><c r="AB7"><f>2</f></c></row><row spans="1:2" r="9"><c r="B9"/><c><v>5</v></c></row>
<row r="10"><c r="A10"><v>3</v></c><c r="B10"><v>4</v></c></row><row><c/><c><f/></c></row><x:row r="12"><x:c r="A12"/></x:row>
<row><c r="C13"/><c><f>4</f></c></row></sheetData>"""


@pytest.mark.parametrize("chunk", [16, 40, 64, 100, 300, 1 << 20])
@pytest.mark.parametrize("usual", [0, 1, 200])
def test_a_structure_is_the_same_however_its_pieces_fall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int, usual: int
) -> None:
    """Usual rows are taken by a quicker way than the others, and nothing is overlooked for that."""
    plain = "".join(f'<row r="{row}"><c r="A{row}"><v>{row}</v></c></row>' for row in range(1, usual + 1))
    later = re.sub(r'r="([A-Z]*)(\d+)"', lambda match: f'r="{match[1]}{int(match[2]) + usual}"', ODD.replace("\n", ""))
    path = crafted(tmp_path / "odd.xlsx", later.replace("<sheetData>", f"<sheetData>{plain}", 1))
    monkeypatch.setattr(package, "_CHUNK", chunk)
    rows = list(open_sheet(path).rows)
    assert [row.number for row in rows] == [*range(1, usual + 1), *(usual + row for row in (1, 2, 7, 9, 10, 11, 13))]
    assert [row.number - usual for row in rows if row.is_hidden] == [7]
    formulas = {
        (row.number - usual, place)
        for row in rows
        for place, cell in enumerate(row.cells)
        if cell.kind is CellKind.FORMULA
    }
    assert formulas == {(1, 1), (2, 3), (7, 27), (11, 1), (13, 3)}


DIALECTS = {
    "prefix": '<ss:worksheet xmlns:ss="{ns}"><ss:sheetData><ss:row r="1"><ss:c r="A1" t="inlineStr"><ss:is><ss:t>a</ss:t>'
    '</ss:is></ss:c></ss:row><ss:row r="2" hidden="1"><ss:c r="A2"><ss:v>1</ss:v></ss:c><ss:c r="B2"><ss:f>1</ss:f>'
    '<ss:v>2</ss:v></ss:c></ss:row><ss:row r="3"><ss:c r="A3"><ss:v>7</ss:v></ss:c></ss:row></ss:sheetData>'
    '<ss:mergeCells><ss:mergeCell ref="A3:B3"/></ss:mergeCells></ss:worksheet>',
    "quotes": "<worksheet xmlns='{ns}'><sheetData><row r='1'><c r='A1' t='inlineStr'><is><t>a</t></is></c></row>"
    "<row r='2' hidden='1'><c r='A2'><v>1</v></c><c r='B2'><f>1</f><v>2</v></c></row><row r='3'><c r='A3'><v>7</v></c>"
    "</row></sheetData><mergeCells><mergeCell ref='A3:B3'/></mergeCells></worksheet>",
    "blanks": '<worksheet xmlns="{ns}"><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row>'
    '<row\n r = "2"\thidden\n=\n"true" ><c\tr="A2"><v\n>1</v ></c ><c r="B2"><f\n/><v>2</v></c></row ><row r="3">'
    '<c r="A3"><v>7</v></c></row></sheetData><mergeCells><mergeCell\n\tref = "A3:B3" /></mergeCells></worksheet>',
    "asides": '<worksheet xmlns="{ns}"><!-- <sheetData> --><sheetData><row r="1"><c r="A1" t="inlineStr"><is><r><t>a</t>'
    '</r></is></c></row><!-- </row><row r="2"><c r="A2"><v>9</v></c></row> --><row r="2" x=">" hidden="1"><c r="A2"><v>'
    '<![CDATA[1]]></v></c><c r="B2"><v>2</v><?x y?><f>1</f></c></row><row r="3"><c r="A3"><v>&#55;</v></c></row></sheetData>'
    '<mergeCells><mergeCell ref="$A$3:$B$3"/></mergeCells></worksheet>',
    "height": '<worksheet xmlns="{ns}"><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row>'
    '<row r="2" ht="0" customHeight="1"><c r="A2"><v>1</v></c><c r="B2"><f>1</f><v>2</v></c></row><row r="3"><c r="A3">'
    '<v>7</v></c></row></sheetData><mergeCells><mergeCell ref="A3:B3"/></mergeCells></worksheet>',
}  # fmt: skip


@pytest.mark.parametrize("namespace", [MAIN, STRICT])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_nothing_hides_behind_another_way_to_write_it(tmp_path: Path, dialect: str, namespace: str) -> None:
    path = crafted(tmp_path / "dialect.xlsx", "", whole=DIALECTS[dialect].replace("{ns}", namespace))
    rows = list(open_sheet(path).rows)
    assert [(row.number, row.is_hidden) for row in rows] == [(1, False), (2, True), (3, False)]
    assert rows[0].cells == [("a", CellKind.TEXT)]
    assert rows[1].cells == [("1", CellKind.NUMBER), ("2", CellKind.FORMULA)]
    assert [cell.kind for cell in rows[2].cells] == [CellKind.NUMBER, CellKind.MERGED]


@pytest.mark.parametrize(
    "sheet", ["<sheetData><row r='1'><c r='A1'><v>1</v></c>", "<sheetData><row r='x'/></sheetData>"]
)
def test_a_worksheet_that_breaks_off_gives_no_rows(tmp_path: Path, sheet: str) -> None:
    with pytest.raises(SheetUnreadable):
        open_sheet(crafted(tmp_path / "cut.xlsx", "", whole=f'<worksheet xmlns="{MAIN}">{sheet}'))


def test_values_of_every_kind_of_cell(tmp_path: Path) -> None:
    """Both ways to read say the same: the second row is written so that expat takes it."""
    row = (
        '<c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>9</v></c><c r="C1" s="1"><v>45000</v></c><c r="D1" s="2"><v>45000.5</v>'
        '</c><c r="E1"><v>350102</v></c><c r="F1" t="b"><v>1</v></c><c r="G1" t="str"><v>_x0007_</v></c>'
        '<c r="I1"><v>1e999</v></c><c r="J1"><v>x</v></c><c r="K1" t="s"><v>1</v></c>'
    )
    styles = (
        f'<styleSheet xmlns="{MAIN}"><numFmts><numFmt numFmtId="176" formatCode="yyyy&quot;年&quot;m&quot;月&quot;"/>'
        '<numFmt numFmtId="177" formatCode="[Red]0.00&quot;day&quot;"/></numFmts><cellXfs><xf numFmtId="0"/>'
        '<xf numFmtId="176"/><xf numFmtId="177"/></cellXfs></styleSheet>'
    )
    texts = (
        f'<sst xmlns="{MAIN}"><si><t>测试</t></si><si><r><t>甲</t></r><r><t>乙</t></r><rPh><t>jia</t></rPh></si></sst>'
    )
    sheet = f'<sheetData><row r="1">{row}</row><row r="2" >{row.replace("<c r=", "<c  r=")}'
    path = crafted(
        tmp_path / "kinds.xlsx", f"{sheet}</row></sheetData>", parts={"styles.xml": styles, "sharedStrings.xml": texts}
    )
    first, second = list(open_sheet(path).rows)
    expected = [
        ("测试", "text"), ("", "broken"), ("2023-03-15", "date"), ("45000.5", "number"), ("350102", "number"),
        ("TRUE", "logical"), ("\x07", "text"), ("", "empty"), ("inf", "number"), ("", "broken"), ("甲乙", "text"),
    ]  # fmt: skip
    assert first.cells == expected
    assert second.cells == expected


@pytest.mark.parametrize(
    ("number_format", "is_date"),
    [
        ("yyyy/m/d", True), ('yyyy"年"m"月"d"日";@', True), ("[$-804]aaaa", False), ("[h]:mm:ss", True), ("General", False),
        ("G/通用格式", False), ("0.00_ ", False), ('0"d"', False), ("[Red]0", False), ("@", False), ("m/d/yy h:mm", True),
        ("\\d0", False),
    ],
)  # fmt: skip
def test_a_format_shows_a_date_or_not(number_format: str, is_date: bool) -> None:
    assert workbook.shows_a_date(number_format) is is_date


_COLUMNS = {
    "hidden": (
        '<cols><col min="2" max="3" width="9" hidden="1"/><col min="5" max="16384" hidden="true"/></cols>',
        {1, 2},
    ),
    "no width": ("<cols><col customWidth='1' width='0' max='2' min='2'/></cols>", {1}),
    "a hair wide": ("<cols><col min='2' max='2' width='0.1'/></cols>", {1}),
    "shown again": ('<x:sheetFormatPr defaultColWidth="0"/><x:cols><x:col min="1" max="3" width="8"/></x:cols>', {3}),
    "by default": ('<sheetFormatPr defaultColWidth="0.0"/><cols><col min="1" max="1" width="8"/></cols>', {1, 2, 3}),
    "nowhere": (
        '<!-- <cols><col min="1" max="3" hidden="1"/></cols> --><cols><col min="1" max="9" hidden="0"/></cols>',
        set(),
    ),
}


@pytest.mark.parametrize("case", _COLUMNS)
def test_hidden_columns_are_told_however_they_are_hidden(tmp_path: Path, case: str) -> None:
    """A5"""
    columns, hidden = _COLUMNS[case]
    cells = "".join(f'<c r="{letter}1"><v>1</v></c>' for letter in "ABCD")
    opened = open_sheet(crafted(tmp_path / "columns.xlsx", f'{columns}<sheetData><row r="1">{cells}</row></sheetData>'))
    assert {place for place in opened.hidden_columns if place < 4} == hidden


def test_hidden_columns_of_an_old_workbook_are_told() -> None:
    """A5"""
    assert set(open_sheet(FILES / "hidden.xls").hidden_columns) == {1, 4}


@pytest.mark.parametrize(
    "broken", ["<row r='{n}'><c r='A{n}'><v>1</c></row>", '<row r="2"><c r="A2"><v>1</v></c></row>', "<row"]
)
def test_what_is_malformed_deep_in_a_large_sheet_is_found_before_any_row_is_taken(tmp_path: Path, broken: str) -> None:
    """A5: nothing of such a file is imported, however far behind the fault stands."""
    rows = [f'<row r="{row}"><c r="A{row}" t="str"><v>{"x" * 60}</v></c></row>' for row in range(1, 30_000)]
    rows[29_990] = broken.replace("{n}", "29991")
    path = crafted(tmp_path / "deep.xlsx", f"<sheetData>{''.join(rows)}</sheetData>")
    with pytest.raises(SheetUnreadable):
        open_sheet(path)


def test_a_far_cell_is_named_where_everything_else_is_usual(tmp_path: Path) -> None:
    row = '<row r="1"><c r="A1"/><c r="ZZ1"><v>1</v></c></row>'
    with pytest.raises(SheetUnreadable) as caught:
        open_sheet(crafted(tmp_path / "wide.xlsx", f"<sheetData>{row}</sheetData>"))
    assert caught.value.fields == {"row": 1, "column": 702}


def test_a_sheet_that_cannot_be_put_there_is_one_clear_error(tmp_path: Path) -> None:
    """A5: a template or a result for a folder that is not there, that is a file, or a path that is a folder."""
    (tmp_path / "file").touch()
    for place, reason in (("none/a.xlsx", "目录不存在"), ("file/a.xlsx", "上一级不是目录"), ("", "这是一个目录")):
        for write in (lambda path: write_template(path, COLUMNS, EXAMPLES), lambda path: write_result(path, [])):
            with pytest.raises(FileUnwritable, match=reason):
                write(tmp_path / place)


def test_what_only_the_last_moment_shows_is_told_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A5: the folder went away, or the disk is full, while the rows were written."""
    monkeypatch.setattr(writing, "ensure_writable", lambda _path: None)
    with pytest.raises(FileUnwritable, match="目录不存在"):
        write_result(tmp_path / "gone" / "a.xlsx", [])

    def full() -> Iterator[tuple[int, str, list[tuple[str, str, str]]]]:
        yield 2, "", []
        raise OSError(28, "No space left on device")

    with pytest.raises(FileUnwritable, match="No space left"):
        write_result(tmp_path / "a.xlsx", full())
    assert not (tmp_path / "a.xlsx").exists()
