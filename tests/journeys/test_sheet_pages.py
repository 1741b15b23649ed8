"""A sheet of applications in the browser: three bad rows told, mended, imported again; stopped and gone on with (A5)."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from playwright.sync_api import Browser, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from banyan.adapters.sheets import open_sheet
from banyan.cli import sample
from banyan.domain.audit.models import AuditRecord
from banyan.domain.iam.rights import Role
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.sheets import actions as sheet_actions
from banyan.domain.sheets.columns import EXAMPLES, read_header
from banyan.domain.sheets.models import SheetImport
from banyan.web import importing
from banyan.web.sessions import SESSION_COOKIE
from support import issuing
from support.desk_pages import ARGUMENTS, DeskPages
from support.iam import account_with, session_of
from support.pages import LongStandingCa

pytestmark = pytest.mark.django_db(transaction=True)


def client_of(*roles: Role) -> Client:
    account = account_with(*roles)
    session_of(account)
    client = Client()
    client.cookies[SESSION_COOKIE] = DeskPages.token(account)
    return client


@pytest.fixture
def clerk() -> Client:
    issuing.world(connector=LongStandingCa())
    return client_of(Role.CLERK)


def sheet(place: Path, rows: list[dict[str, str]], name: str = "申请.xlsx") -> Path:
    sample.write_sheet(place / name, rows)
    return place / name


def upload(client: Client, path: Path) -> str:
    """Upload a file; where its import is shown."""
    with path.open("rb") as file:
        answer = client.post("/desk/sheet", {"sheet": file})
    assert answer.status_code == 302, answer.content.decode()
    return str(answer.headers["Location"])


def opened() -> int:
    return ServiceRequest.objects.unscoped("tests").count()


@pytest.fixture
def desk(live_server: LiveServer, django_db_setup: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[DeskPages]:
    expect.set_options(timeout=20_000)
    # The browser's loop runs in this thread, which makes Django think that tests were asynchronous.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        browser: Browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(ARGUMENTS))
        made = DeskPages(issuing.world(connector=LongStandingCa()), live_server.url, browser)
        yield made
        browser.close()
    assert not made.complaints


@pytest.mark.browser
def test_three_bad_rows_are_told_by_row_and_column_mended_and_imported_again(
    desk: DeskPages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheet_actions, "SLICE", 4)
    monkeypatch.setattr(importing, "BUDGET_S", 0.0)  # one slice a call: the page has to come back for each
    page = desk.page()
    page.goto("/desk/sheet")
    page.set_input_files("#sheet", sheet(tmp_path, sample.sheet_rows(10)))
    page.click("button:has-text('导入')")
    rows = page.locator(".faults tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(0)).to_contain_text("证件号码")
    expect(rows.nth(0)).to_contain_text("校验码不对")
    expect(rows.nth(1)).to_contain_text("龙宫市")
    expect(rows.nth(2)).to_contain_text("与第 2 行重复")
    assert opened() == 10
    with page.expect_download() as download:
        page.click("text=下载未导入的行")
    taken = tmp_path / "failed.xlsx"
    download.value.save_as(taken)
    assert download.value.suggested_filename.startswith("未导入的行-")
    found = list(open_sheet(taken).rows)
    header = read_header(found[0])
    assert header is not None
    place = {code: [row.cells[index].text for row in found[1:]] for code, index in header.places.items()}
    assert place["id_number"][0] == sample.sheet_rows(10)[10]["证件号码"]  # whole, to be mended
    assert place["region"][1] == "龙宫市"
    titles = [cell.text for cell in found[0].cells]
    mended = [dict(zip(titles, [cell.text for cell in row.cells], strict=False)) for row in found[1:3]]
    mended[0]["证件号码"], mended[1]["行政区划"] = sample.resident_id(21), "鼓楼区"
    page.goto("/desk/sheet")
    page.set_input_files("#sheet", sheet(tmp_path, mended, "改好.xlsx"))
    page.click("button:has-text('导入')")
    expect(page.locator("main")).to_contain_text("没有未导入的行")
    assert opened() == 12
    assert AuditRecord.objects.filter(event="sheets.open_original").count() == 1


def test_a_stopped_import_goes_on_without_script_and_takes_nothing_twice(
    clerk: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheet_actions, "SLICE", 4)
    monkeypatch.setattr(importing, "BUDGET_S", 0.0)
    path = sheet(tmp_path, sample.sheet_rows(10))
    place = upload(clerk, path)
    assert opened() == 0
    assert "继续导入" in clerk.get(place).content.decode()
    assert clerk.post(f"{place}/go").headers["Location"] == place
    assert opened() == 4
    assert upload(clerk, path) == place  # the same file is the same import
    for _ in range(4):
        clerk.post(f"{place}/go")
    page = clerk.get(place).content.decode()
    assert "继续导入" not in page
    assert "已完成" in page
    assert opened() == 10
    done = clerk.post(f"{place}/go", headers={"X-Banyan-Script": "1"}).json()
    assert done == {"row": 14, "total": 14, "good": 10, "failed": 3, "done": True}


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.pdf", b"%PDF-", ".pdf"),
        ("a.xlsx", b"no workbook", "文件损坏或格式不对"),
        ("a.csv", "姓名,电话\n测试甲,1\n".encode(), "没有找到表头"),
    ],
)
def test_what_is_no_sheet_leaves_no_import(clerk: Client, tmp_path: Path, name: str, content: bytes, told: str) -> None:
    (tmp_path / name).write_bytes(content)
    with (tmp_path / name).open("rb") as file:
        answer = clerk.post("/desk/sheet", {"sheet": file})
    assert answer.status_code == 422
    assert told in answer.content.decode()
    assert clerk.post("/desk/sheet").status_code == 422
    assert not SheetImport.objects.exists()


def test_a_large_file_is_taken_where_files_are_and_nowhere_else(clerk: Client, tmp_path: Path) -> None:
    """A sheet of 300 KB comes in, and stays out of the disk in clear; another form of that size is refused unread."""
    path = tmp_path / "a.csv"
    path.write_text("，".join(["测试"] * 150_000), encoding="utf-8")
    with path.open("rb") as file:
        assert clerk.post("/desk/sheet", {"sheet": file}).status_code == 422
    with path.open("rb") as file:
        assert clerk.post("/desk/intake/new", {"sheet": file}).status_code == 413


def test_an_import_is_its_own_persons(clerk: Client, tmp_path: Path) -> None:
    place = upload(clerk, sheet(tmp_path, sample.sheet_rows(10)))
    other = client_of(Role.CLERK)
    for path in (place, f"{place}/result.xlsx", f"{place}/failed.xlsx"):
        assert other.get(path).status_code in (403, 404)
    assert other.post(f"{place}/go").status_code in (302, 403, 404)
    assert opened() == 0
    assert client_of(Role.APPROVER).get("/desk/sheet").status_code == 404
    assert clerk.get(f"{place}/nothing.xlsx").status_code == 404


@pytest.mark.parametrize("which", ["all", *map(str, range(1, len(EXAMPLES) + 1))])
def test_every_template_is_a_sheet_that_can_be_filled_in(clerk: Client, tmp_path: Path, which: str) -> None:
    answer = clerk.get(f"/desk/sheet/template/{which}.xlsx")
    assert "attachment" in answer.headers["Content-Disposition"]
    (tmp_path / "t.xlsx").write_bytes(answer.content)
    (head,) = open_sheet(tmp_path / "t.xlsx").rows
    header = read_header(head)
    assert header is not None
    wanted = EXAMPLES if which == "all" else [EXAMPLES[int(which) - 1]]
    assert {code for example in wanted for code in example} <= set(header.places)
    if which == "2":
        assert not {"id_number", "device", "seal_code", "cpu"} & set(header.places)


def test_there_is_no_template_of_anything_else(clerk: Client) -> None:
    for which in ("0", "7", "x", "-1"):
        assert clerk.get(f"/desk/sheet/template/{which}.xlsx").status_code == 404


def test_the_result_names_every_row(clerk: Client, tmp_path: Path) -> None:
    place = upload(clerk, sheet(tmp_path, sample.sheet_rows(10)))
    clerk.post(f"{place}/go")
    answer = clerk.get(f"{place}/result.xlsx")
    (tmp_path / "r.xlsx").write_bytes(answer.content)
    told = [[cell.text for cell in row.cells] for row in open_sheet(tmp_path / "r.xlsx").rows]
    assert [row[1] for row in told[1:]] == ["已导入"] * 10 + ["未导入"] * 3
    assert all(re.fullmatch(r"[A-Z]{2}\d{14}", row[2]) for row in told[1:11])
