"""Print templates in pages, and papers from them: two administrators, clerks at the counter (A4, A9, F8)."""

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass

import pypdf
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connections
from django.http import HttpResponse
from django.test import Client
from playwright.sync_api import Browser, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from banyan.adapters.paper_maker.maker import printing_maker
from banyan.domain.audit.models import AuditRecord
from banyan.domain.inventory import actions as inventory
from banyan.domain.inventory.models import Token
from banyan.domain.papers.models import PaperVersion, PinLetter
from banyan.domain.papers.registry import paper, papers
from banyan.domain.ra import actions as ra
from banyan.domain.ra.models import ServiceRequest
from banyan.web import once
from banyan.web.sessions import SESSION_COOKIE
from support import issuing
from support.pages import Office, office, session_token

pytestmark = pytest.mark.browser
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
OWN = "<p>改过的{}：{{{{ token }}}}</p>"
# who may open what, from the rights table
CLERKS = ("clerk", "fuzhou")
OTHERS = ("proofreader", "approver", "auditadmin", "sysadmin", "secadmin")


@dataclass
class Counter:
    """The office, served, and what its people see."""

    office: Office
    url: str

    def client(self, username: str) -> Client:
        client = Client(raise_request_exception=False)
        client.cookies[SESSION_COOKIE] = session_token(username)
        return client

    def post(self, username: str, path: str, **fields: object) -> HttpResponse:
        return self.client(username).post(path, {once.KEY: once.new_key(), **fields})  # type: ignore[return-value]

    def upload(self, username: str, text: str, code: str = "label_24") -> HttpResponse:
        file = SimpleUploadedFile("x.html", text.encode(), "text/html")
        return self.post(username, f"/papers/{code}/ask", file=file, note="换版式")

    def made(self) -> ServiceRequest:
        """A request whose token was made at this counter and waits for its letter."""
        clerk = self.office.actors["clerk"]
        request = self.office.decide(self.office.open(3))
        serial = f"350102L{request.pk:06d}"
        (token,) = inventory.receive_tokens(
            clerk, [inventory.TokenEntry(serial)], medium="USB_KEY", region_code="350102", now=self.office.now
        )
        assert isinstance(token, Token)
        inventory.make_pins(clerk, [token.pk], now=self.office.now)
        csr = self.office.world.csr(name=request.number)
        ra.issue(clerk, request.pk, self.office.now, csr=csr, token_serial=serial, container="c1")
        ra.carry_on(issuing.SYSTEM, self.office.world.connector, self.office.now)
        fresh = ServiceRequest.objects.unscoped("test").get(pk=request.pk)
        proof = self.office.world.sign(request.number, ra.personalization_nonce(fresh))
        return ra.personalize(clerk, request.pk, self.office.now, signature=proof)


@pytest.fixture(scope="module")
def served(django_db_setup: None, django_db_blocker: "pytest.FixtureRequest") -> Iterator[Counter]:
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        call_command("migrate", verbosity=0)  # no test here has a database mark, so nobody may have made the tables
        made = office()
        server = LiveServer("127.0.0.1")
        yield Counter(made, server.url)
        server.stop()
        printing_maker().close()
        call_command("flush", verbosity=0, interactive=False)
        connections.close_all()


@pytest.fixture
def counter(served: Counter, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    # The browser's loop runs in this thread, which makes Django think that tests were asynchronous.
    monkeypatch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    yield served
    for row in PaperVersion.objects.filter(state="WAITING"):
        served.post("secadmin", f"/papers/versions/{row.pk}/withdraw")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(ARGUMENTS))
        yield started
        started.close()


def open_page(browser: Browser, counter: Counter, username: str) -> Page:
    context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="zh-CN", base_url=counter.url)
    context.add_cookies([{"name": SESSION_COOKIE, "value": session_token(username), "url": counter.url}])
    page = context.new_page()
    page.set_default_timeout(20_000)
    return page


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name).click()


def said(answer: HttpResponse) -> str:
    assert answer.status_code == 200, answer.content.decode()[:400]
    assert answer["Content-Type"] == "application/pdf"
    return "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(answer.content)).pages)


def test_a_paper_is_shown_in_the_browser_and_kept_nowhere(counter: Counter) -> None:
    pair = counter.office.pairs["valid"]
    answer = counter.client("clerk").get(f"/requests/{pair.request_id}/papers/hand_over_receipt.pdf")
    assert pair.token_serial in said(answer)  # type: ignore[arg-type]
    assert answer["Content-Disposition"].startswith("inline")
    assert answer["Cache-Control"] == "no-store, private"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert AuditRecord.objects.filter(event="papers.print", object_id=pair.request_id).exists()


@pytest.mark.parametrize(("size", "width"), [("36", 90), ("24", 70), ("50x30", 50)])
def test_labels_come_in_each_size_one_by_one_and_many_at_once(counter: Counter, size: str, width: int) -> None:
    first, second = (counter.office.pairs[name] for name in ("valid", "expiring"))
    client = counter.client("clerk")
    one = client.get(f"/requests/{first.request_id}/label.pdf?size={size}")
    (page,) = pypdf.PdfReader(io.BytesIO(one.content)).pages
    assert round(float(page.mediabox.width) * 25.4 / 72) == width
    many = client.get(f"/requests/labels.pdf?size={size}&id={first.request_id}&id={second.request_id}")
    pages = pypdf.PdfReader(io.BytesIO(many.content)).pages
    assert [pair.token_serial in page.extract_text() for pair, page in zip((first, second), pages, strict=True)] == [
        True,
        True,
    ]
    for wrong in ("size=12", f"size={size}x"):
        assert client.get(f"/requests/{first.request_id}/label.pdf?{wrong}").status_code == 404
    for ids in ("", "id=x", "id=-1", "id=" + "9" * 30):
        assert client.get(f"/requests/labels.pdf?{ids}").status_code == 400


def test_papers_of_another_region_and_papers_one_has_no_right_to_answer_alike(counter: Counter) -> None:
    """A9, F8: every address of a paper, tried by the clerk of another region and by every role without the right."""
    elsewhere = counter.office.pairs["pingtan"].request_id
    here = counter.office.pairs["valid"].request_id
    tails = [f"papers/{code}.pdf" for code in papers()] + ["label.pdf?size=24"]
    fuzhou = counter.client("fuzhou")
    for tail in tails:
        assert fuzhou.get(f"/requests/{elsewhere}/{tail}").status_code == 404
    assert counter.post("fuzhou", f"/requests/{elsewhere}/pin-letter.pdf").status_code == 404
    for username in OTHERS:
        client = counter.client(username)
        for tail in tails:
            assert client.get(f"/requests/{here}/{tail}").status_code == 404
        assert counter.post(username, f"/requests/{here}/pin-letter.pdf").status_code == 404
        assert client.get("/forms").status_code == 404
        assert client.get("/forms/enroll-GENERAL-PERSONAL.pdf").status_code == 404


def test_templates_are_seen_by_the_two_administrators_only(counter: Counter) -> None:
    addresses = ["/papers", "/papers/label_24", "/papers/label_24/0.pdf", "/papers/label_24/0.html"]
    for username in ("clerk", "fuzhou", "proofreader", "approver", "auditadmin"):
        client = counter.client(username)
        assert {client.get(address).status_code for address in addresses} == {404}
        assert counter.upload(username, OWN.format("")).status_code == 404
    for username in ("sysadmin", "secadmin"):
        client = counter.client(username)
        assert {client.get(address).status_code for address in addresses} == {200}
    assert client.get("/papers/nothing").status_code == 404
    assert client.get("/papers/label_24/77.pdf").status_code == 404
    assert not PaperVersion.objects.filter(content=OWN.format("").encode()).exists()


def test_a_clerk_downloads_empty_forms(counter: Counter) -> None:
    client = counter.client("fuzhou")
    listed = client.get("/forms").content.decode()
    assert "/forms/enroll-XINCHUANG-DEVICE.pdf" in listed
    assert "操作系统" in said(client.get("/forms/enroll-XINCHUANG-DEVICE.pdf"))  # type: ignore[arg-type]
    assert client.get("/forms/enroll-GENERAL-SEAL.pdf").status_code == 404


def test_a_letter_is_printed_once(counter: Counter) -> None:
    request = counter.made()
    page = counter.client("clerk").get(f"/requests/{request.pk}").content.decode()
    place = f"/requests/{request.pk}/pin-letter.pdf"
    assert place in page
    assert counter.client("clerk").get(place).status_code == 405
    answer = counter.post("clerk", place)
    assert request.token_serial in said(answer)
    assert answer["Cache-Control"] == "no-store, private"
    again = counter.post("clerk", place)
    assert again.status_code == 403
    assert "已打印过" in again.content.decode()
    assert place not in counter.client("clerk").get(f"/requests/{request.pk}").content.decode()
    assert PinLetter.objects.filter(request_id=request.pk).count() == 1


def test_a_template_that_does_not_work_is_shown_again_with_what_is_wrong(counter: Counter) -> None:
    before = PaperVersion.objects.count()
    answer = counter.upload("sysadmin", "<p>\n{{ ''.__class__ }}</p>")
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "模板第 2 行" in text
    assert 'value="换版式"' in text
    big = counter.upload("sysadmin", "x" * 140_000)
    assert (big.status_code, "最多 131072 字节" in big.content.decode()) == (422, True)
    assert counter.upload("sysadmin", "x" * 10_000_000).status_code == 413
    assert PaperVersion.objects.count() == before


def test_a_form_sent_twice_asks_once_and_one_without_its_key_never(counter: Counter) -> None:
    client, key = counter.client("sysadmin"), once.new_key()
    for _turn in range(2):
        file = SimpleUploadedFile("x.html", OWN.format("两次").encode(), "text/html")
        assert client.post("/papers/label_36/ask", {once.KEY: key, "note": "", "file": file}).status_code == 302
    assert PaperVersion.objects.filter(name="label_36").count() == 1
    assert client.post("/papers/label_36/ask", {"file": SimpleUploadedFile("x", b"<p>x")}).status_code == 400


def test_two_administrators_change_a_label_and_the_counter_prints_it(counter: Counter, browser: Browser) -> None:
    one, other = open_page(browser, counter, "sysadmin"), open_page(browser, counter, "secadmin")
    one.goto("/")
    one.click("text=打印模板")
    one.click(f"text={paper('label_50x30').name}")
    one.set_input_files(
        "input[name=file]", {"name": "l.html", "mimeType": "text/html", "buffer": OWN.format("标签").encode()}
    )
    one.fill("input[name=note]", "去掉二维码")
    press(one, "提交确认")
    one.wait_for_selector(".toast-by:has-text('等另一位管理员确认')")
    assert one.get_by_role("button", name="确认启用").count() == 0
    other.goto("/papers/label_50x30")
    preview = other.locator("tbody tr").first.locator("text=预览").get_attribute("href") or ""
    assert "改过的标签" in said(counter.client("secadmin").get(preview))  # type: ignore[arg-type]
    press(other, "确认启用")
    other.wait_for_selector(".toast-by:has-text('已启用')")
    pair = counter.office.pairs["valid"]
    label = counter.client("clerk").get(f"/requests/{pair.request_id}/label.pdf?size=50x30")
    assert f"改过的标签：{pair.token_serial}" in "".join(said(label).split())  # type: ignore[arg-type]
    one.reload()
    press(one, "恢复出厂模板")
    one.wait_for_selector(".toast-by")
    other.reload()
    press(other, "确认启用")
    other.wait_for_selector(".toast-by:has-text('已启用')")
    label = counter.client("clerk").get(f"/requests/{pair.request_id}/label.pdf?size=50x30")
    assert "改过的" not in said(label)  # type: ignore[arg-type]


def test_a_picture_is_registered_by_two_as_well(counter: Counter) -> None:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (30, 30), (15, 110, 99)).save(out, "PNG")
    wrong = counter.post(
        "sysadmin", "/papers/pictures", name="Logo.svg", file=SimpleUploadedFile("a.png", out.getvalue())
    )
    assert (wrong.status_code, 'value="Logo.svg"' in wrong.content.decode()) == (422, True)
    asked = counter.post(
        "sysadmin", "/papers/pictures", name="logo.png", file=SimpleUploadedFile("a.png", out.getvalue())
    )
    assert asked.status_code == 302
    row = PaperVersion.objects.get(name="logo.png")
    assert counter.post("sysadmin", f"/papers/versions/{row.pk}/confirm", sm3=bytes(row.sm3).hex()).status_code == 404
    assert counter.post("secadmin", f"/papers/versions/{row.pk}/confirm", sm3=bytes(row.sm3).hex()).status_code == 302
    shown = counter.client("secadmin").get("/papers/pictures/logo.png/1")
    assert (shown["Content-Type"], shown.content[:4]) == ("image/png", b"\x89PNG")
    assert counter.client("secadmin").get("/papers/pictures/nothing.png").status_code == 404
    with_logo = counter.upload("sysadmin", '<img src="asset:logo.png"><p>{{ token }}</p>', "label_24")
    assert with_logo.status_code == 302
