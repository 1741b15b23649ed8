"""A5: sheets come as people make them; each cell keeps what it was, each row its number."""

import zipfile
from datetime import datetime
from pathlib import Path

import pytest
import xlsxwriter
from openpyxl import Workbook

from banyan.adapters.sheets import CellKind, SheetUnreadable, open_sheet, structure


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


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (72 << 20))
    with pytest.raises(SheetUnreadable) as caught:
        open_sheet(path)
    assert caught.value.code == "sheets.too_large"


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


def crafted(path: Path, sheet: str) -> Path:
    """A workbook whose worksheet is this XML."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}"><Relationship Id="r1" Type="{office}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="s" sheetId="1" r:id="r1"/></sheets></workbook>',
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{package}"><Relationship Id="r1" Type="{office}/worksheet" '
            'Target="worksheets/sheet1.xml"/></Relationships>',
        )
        archive.writestr("xl/worksheets/sheet1.xml", f'<worksheet xmlns="{main}">{sheet}</worksheet>')
    return path


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


def test_an_entity_bomb_is_a_broken_file(tmp_path: Path) -> None:
    path = tmp_path / "lol.xlsx"
    bomb = (
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
        + "".join(f'<!ENTITY {new} "{f"&{old};" * 20}">' for old, new in zip("abcdefgh", "bcdefghi", strict=True))
        + "]>"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("xl/workbook.xml", f"{bomb}<workbook>&i;</workbook>")
        archive.writestr("xl/_rels/workbook.xml.rels", "<Relationships/>")
    with pytest.raises(SheetUnreadable):
        open_sheet(path)


ODD = """<sheetData><row r="1"><c r="A1"><v>1</v></c><c><f>B9</f></c></row><row><c><v>1</v></c><c s="1" r="D2"><f>1</f></c></row>
<row r="7" hidden="1"><c r="AB7"><f>2</f></c></row><row spans="1:2" r="9"><c r="B9"/><c><v>row r="5"</v></c></row>
<row r="10"><c r="A10"><v>3</v></c><c r="B10"><v>4</v></c></row><row><c/><c><f/></c></row><x:row r="12"><x:c r="A12"/></x:row>
<row><c r="C13"/><c><f>4</f></c></row></sheetData>"""


@pytest.mark.parametrize("chunk", [16, 40, 64, 100, 300, 1 << 20])
def test_a_structure_is_the_same_however_its_pieces_fall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    """Pieces without anything unusual are not walked tag by tag, and nothing is overlooked for that."""
    path = crafted(tmp_path / "odd.xlsx", ODD.replace("\n", ""))
    monkeypatch.setattr(structure, "_CHUNK", chunk)
    found = structure.read_structure(path, "s")
    assert found.hidden_rows == {7}
    assert found.formulas == {(1, 1), (2, 3), (7, 27), (11, 1), (13, 3)}


def test_a_far_cell_is_named_where_everything_else_is_usual(tmp_path: Path) -> None:
    row = '<row r="1"><c r="A1"/><c r="ZZ1"/></row>'
    with pytest.raises(SheetUnreadable) as caught:
        open_sheet(crafted(tmp_path / "wide.xlsx", f"<sheetData>{row}</sheetData>"))
    assert caught.value.fields == {"row": 1, "column": 702}
