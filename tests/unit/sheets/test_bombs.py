"""A5: a small file that wants all the memory is refused with a clear error, and honest large ones cost little."""

import json
import re
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from banyan.adapters.sheets import SheetUnreadable, open_sheet
from support.sheets import MAIN, crafted

_MOST_MB = 150
_READ = """
import json, resource, sys, time
from pathlib import Path
from banyan.adapters.sheets import SheetUnreadable, open_sheet
code, rows = "", 0
try:
    for row in open_sheet(Path(sys.argv[1])).rows:
        rows += 1
except SheetUnreadable as error:
    code = error.code
# not ru_maxrss of this process itself: it begins with what the parent had
own = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
peak = max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) // 1024
print(json.dumps({"code": code, "rows": rows, "peak": peak, "cpu": time.process_time()}))
"""


def read_apart(path: Path) -> dict[str, Any]:
    """Read a file in a process of its own: the error's code, the rows, the most memory of it and its children (MB)."""
    done = subprocess.run(
        [sys.executable, "-c", _READ, str(path)], stdout=subprocess.PIPE, text=True, timeout=120, check=True
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def cells(row: int, count: int, content: str = "") -> str:
    """Cells of a row, blank ones unless something is to stand in each."""
    return "".join(
        f'<c r="{chr(65 + column)}{row}" s="1"' + (f">{content}</c>" if content else "/>") for column in range(count)
    )


def sheet(rows: str) -> str:
    return f"<sheetData>{rows}</sheetData>"


def zeros(path: Path) -> Path:
    return crafted(path, "", whole=b"0" * (72 << 20))


def many_texts(path: Path) -> Path:
    """Millions of different short texts."""
    texts = "".join(f"<si><t>{number}</t></si>" for number in range(1_500_000))
    return crafted(path, sheet(""), parts={"sharedStrings.xml": f'<sst xmlns="{MAIN}">{texts}</sst>'})


def zeros_as_texts(path: Path) -> Path:
    return crafted(path, sheet(""), parts={"sharedStrings.xml": f'<sst xmlns="{MAIN}"><si><t>{"0" * (80 << 20)}'})


def zeros_as_styles(path: Path) -> Path:
    return crafted(path, sheet(""), parts={"styles.xml": b" " * (72 << 20)})


def tag_without_end(path: Path) -> Path:
    return crafted(path, "", whole=f'<worksheet xmlns="{MAIN}"><sheetData><row a="'.encode() + b"1" * (40 << 20))


def comment_without_end(path: Path) -> Path:
    return crafted(path, "", whole=f'<worksheet xmlns="{MAIN}"><sheetData><!--'.encode() + b"<row/>" * (6 << 20))


def names_without_end(path: Path) -> Path:
    return crafted(path, sheet("".join(f"<n{number}/>" for number in range(1_000_000))))


def depth_without_end(path: Path) -> Path:
    return crafted(path, sheet("<row>" * 5_000_000))


def far_in_single_quotes(path: Path) -> Path:
    return crafted(path, sheet("<row r='1'><c r='A1'><v>1</v></c><c r='ALL1048576'><v>1</v></c></row>"))


def far_by_entity(path: Path) -> Path:
    return crafted(path, sheet('<row r="1"><c r="A1"><v>1</v></c><c r="&#65;LL1"><v>1</v></c></row>'))


def entities(path: Path) -> Path:
    bomb = "".join(f'<!ENTITY {new} "{f"&{old};" * 20}">' for old, new in zip("abcdefgh", "bcdefghi", strict=True))
    return crafted(path, sheet(""), head=f'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">{bomb}]>')


def members(path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(11_000):
            archive.writestr(f"{number}", b"")
    return path


def merged_over_and_over(path: Path) -> Path:
    areas = '<mergeCell ref="A1:C1048576"/>' * 90_000
    rows = "".join(f'<row r="{row}"><c r="A{row}"><v>1</v></c></row>' for row in range(1, 4))
    return crafted(path, f"{sheet(rows)}<mergeCells>{areas}</mergeCells>")


def large(path: Path) -> Path:
    path.write_bytes(b"PK" + b"\0" * (49 << 20))
    return path


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (zeros, "sheets.too_large"),
        (many_texts, "sheets.too_much"),
        (zeros_as_texts, "sheets.too_large"),
        (zeros_as_styles, "sheets.too_large"),
        (tag_without_end, "sheets.unreadable"),
        (comment_without_end, "sheets.unreadable"),
        (names_without_end, "sheets.unreadable"),
        (depth_without_end, "sheets.unreadable"),
        (far_in_single_quotes, "sheets.too_wide"),
        (far_by_entity, "sheets.too_wide"),
        (entities, "sheets.unreadable"),
        (members, "sheets.unreadable"),
        (merged_over_and_over, "sheets.unreadable"),
        (large, "sheets.file_too_large"),
    ],
)  # fmt: skip
def test_a_bomb_is_refused_in_little_memory(tmp_path: Path, make: Callable[[Path], Path], code: str) -> None:
    told = read_apart(make(tmp_path / "bomb.xlsx"))
    assert told["code"] == code
    assert told["peak"] < _MOST_MB


def test_a_size_that_is_not_the_declared_one_is_found_out(tmp_path: Path) -> None:
    path = zeros(tmp_path / "liar.xlsx")
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo("xl/worksheets/sheet1.xml")
    true, told = (struct.pack("<LL", info.compress_size, size) for size in (info.file_size, 1000))
    assert content.count(true) == 2
    path.write_bytes(content.replace(true, told))
    assert read_apart(path)["code"] == "sheets.unreadable"


def test_a_long_text_shown_in_every_cell_is_held_once(tmp_path: Path) -> None:
    text = "长" * 30_000
    rows = "".join(f'<row r="{row}">{cells(row, 20, "<v>0</v>")}</row>' for row in range(1, 3001))
    shared = {"sharedStrings.xml": f'<sst xmlns="{MAIN}"><si><t>{text}</t></si></sst>'}
    told = read_apart(crafted(tmp_path / "long.xlsx", sheet(rows.replace(' s="1"', ' t="s"')), parts=shared))
    assert (told["code"], told["rows"]) == ("", 3000)
    assert told["peak"] < _MOST_MB


@pytest.mark.parametrize("quote", ['"', "'"])
def test_a_million_empty_formatted_rows_cost_little(tmp_path: Path, quote: str) -> None:
    """As Excel leaves them when a whole column was coloured; in the other quotes expat walks each of them."""
    count = 1_000_000 if quote == '"' else 200_000
    rows = (
        f'<row r="{row}" spans="1:3" s="1" customFormat="1"><c r="A{row}" s="1"/><c r="B{row}" s="1"/></row>'
        for row in range(2, count + 2)
    )
    first = '<row r="1"><c r="A1" t="str"><v>测试甲</v></c></row>'
    path = crafted(tmp_path / "grey.xlsx", sheet((first + "".join(rows)).replace('"', quote)), level=1)
    told = read_apart(path)
    assert (told["code"], told["rows"]) == ("", 1)
    assert told["peak"] < _MOST_MB
    assert told["cpu"] < 20


def test_a_cell_at_the_very_bottom_is_only_another_row(tmp_path: Path) -> None:
    rows = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="X1048576"><v>1</v></c></row>'
    told = read_apart(crafted(tmp_path / "deep.xlsx", sheet(rows)))
    assert (told["code"], told["rows"]) == ("", 2)
    assert told["peak"] < _MOST_MB


@pytest.mark.parametrize(
    "rows", ['<row r="2"/><row r="2">{}</row><row r="2">{}</row>', '<row r="9">{}</row><row r="2">{}</row>']
)
def test_rows_that_are_out_of_order_are_not_guessed_at(tmp_path: Path, rows: str) -> None:
    filled = rows.replace("{}", "<c><v>1</v></c>")
    with pytest.raises(SheetUnreadable, match="次序"):
        open_sheet(crafted(tmp_path / "order.xlsx", sheet(filled)))


def test_an_old_workbook_that_dies_in_the_library_is_an_error_like_any_other(tmp_path: Path) -> None:
    """Whatever a flipped byte makes of an .xls: rows, or one of our errors, in little memory."""
    good = (Path(__file__).parent / "files" / "unusual.xls").read_bytes()
    for place in range(0, len(good), 701):
        broken = bytearray(good)
        broken[place : place + 4] = b"\xff\xff\xff\x7f"
        path = tmp_path / "broken.xls"
        path.write_bytes(broken)
        told = read_apart(path)
        assert re.fullmatch(r"|sheets\.(unreadable|too_much|encrypted)", told["code"])
        assert told["peak"] < 400
