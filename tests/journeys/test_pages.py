"""People in a real browser: log in, look, find; what is out of sight stays so (issue 2, point 4)."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import connections
from django.test import Client
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    ViewportSize,
    expect,
    sync_playwright,
)
from pytest_django.live_server_helper import LiveServer

from banyan.domain.audit.models import AuditRecord
from banyan.domain.ca.models import Certificate
from banyan.domain.iam.models import LoginLink
from banyan.domain.parties.rules import HoldingsElsewhere, HoldingsHint
from banyan.domain.ra import rules
from banyan.domain.ra.processes import materials
from banyan.kernel.actor import Actor
from banyan.pki.certificate import pem_to_der
from banyan.web.reading import paging
from banyan.web.reading.figures import Figures, figures
from banyan.web.reading.paging import Cursor
from banyan.web.sessions import SESSION_COOKIE
from support import pages
from support.iam import PASSWORD
from support.pages import NAMES, Office, account_of, first_link, office, session_token
from support.parties import credit_code, resident_id

pytestmark = pytest.mark.browser
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
CLERK_PAGES = (
    "/", "/overview", "/figures", "/certificates", "/certificates?state=EXPIRING", "/requests", "/requests?late=1", "/search",
)  # fmt: skip
AUDIT_PAGES = ("/", "/staff", "/audit", "/audit?outcome=refused", "/audit/3")
EXPECTED = {"kpi-issued": "2", "kpi-open": "7", "kpi-late": "1", "kpi-valid": "3", "kpi-expiring": "1"}


@dataclass
class Site:
    """The office, served; pages opened through it are watched for anything the browser complains about."""

    office: Office
    url: str
    browser: Browser
    complaints: list[str] = field(default_factory=list)
    contexts: dict[tuple[str, int], BrowserContext] = field(default_factory=dict)

    def page(self, username: str = "", *, width: int = 1366, height: int = 768) -> Page:
        """A page of nobody, or of somebody who is logged in already."""
        key = (username, width)
        if not username or key not in self.contexts:
            size: ViewportSize = {"width": width, "height": height}
            context = self.browser.new_context(viewport=size, locale="zh-CN", base_url=self.url)
            if username:
                context.add_cookies([{"name": SESSION_COOKIE, "value": session_token(username), "url": self.url}])
            self.contexts[key] = context
        page = self.contexts[key].new_page()
        page.set_default_timeout(20_000)
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def _note(self, message: ConsoleMessage) -> None:
        # A page that is refused on purpose is a "failed resource" to the browser; everything else counts.
        if message.type == "error" and "the server responded with a status of 4" not in message.text:
            self.complaints.append(message.text)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture(scope="module")
def served(django_db_setup: None, django_db_blocker: "pytest.FixtureRequest") -> Iterator[tuple[Office, str]]:
    """One office for all tests of this module: they read, and leave accounts of their own behind."""
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        call_command("migrate", verbosity=0)  # no test here has a database mark, so nobody may have made the tables
        made = office()
        server = LiveServer("127.0.0.1")
        yield made, server.url
        server.stop()
        call_command("flush", verbosity=0, interactive=False)
        connections.close_all()


@pytest.fixture(scope="module")
def module_site(served: tuple[Office, str], browser: Browser) -> Site:
    expect.set_options(timeout=20_000)
    return Site(*served, browser)


@pytest.fixture
def site(module_site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    # The browser's loop runs in this thread, which makes Django think that tests were asynchronous.
    monkeypatch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    yield module_site
    for context in module_site.contexts.values():
        for page in context.pages:
            page.close()
    complaints, module_site.complaints = module_site.complaints, []
    assert not complaints


def log_in(page: Page, username: str, password: str = PASSWORD) -> None:
    page.goto("/login")
    page.fill("#username", username)
    page.fill("#password", password)
    page.press("#password", "Enter")
    page.wait_for_load_state()


def search(page: Page, text: str) -> None:
    if not page.url.startswith("http"):
        page.goto("/search")
    page.fill("#search", text)
    page.press("#search", "Enter")
    page.wait_for_load_state()


def test_a_first_login_link_is_spent_by_setting_a_password_not_by_looking(site: Site) -> None:
    """A1: the link sets a password once; its secret does not stay in the address."""
    secret = first_link("newcomer")
    page = site.page()
    for _ in range(2):
        page.goto(f"/first/{secret}")
        expect(page).to_have_url(site.url + "/first")
        expect(page.locator("#username")).to_have_value("newcomer")
    for password, again, message in (
        ("Another-horse-8", "Another-horse-9", "两次输入的口令不一样"),
        ("newcomer-Aa1", "newcomer-Aa1", "不能包含用户名"),
    ):
        _set_password(page, password, again)
        expect(page.get_by_role("alert")).to_contain_text(message)
    assert LoginLink.objects.get(account=account_of("newcomer")).used_at is None
    _set_password(page, "Another-horse-8", "Another-horse-8")
    expect(page).to_have_url(site.url + "/")
    response = site.page().goto(f"/first/{secret}")
    assert response is not None
    assert response.status == 410


def _set_password(page: Page, password: str, again: str) -> None:
    page.fill("#password", password)
    page.fill("#again", again)
    page.click("button.btn-primary")


def test_strangers_wait_after_wrong_passwords_and_a_known_browser_does_not(site: Site) -> None:
    """F8: one and the same answer to wrong password, unknown name and too many failures; the owner is not shut out."""
    page, owner = site.page(), site.page()
    log_in(owner, "secadmin")
    expect(owner).to_have_url(site.url + "/")
    owner.get_by_title("退出登录").click()
    answers = set()
    for name in ("secadmin", "nobody-here"):
        for password in ("Wrong-horse-7",) * 5 + (PASSWORD,):
            log_in(page, name, password)
            answers.add(page.get_by_role("alert").inner_text())
    assert len(answers) == 1
    assert "以前登录过的电脑" in answers.pop()
    log_in(owner, "secadmin")
    expect(owner).to_have_url(site.url + "/")


def test_a_page_asked_for_before_login_is_shown_after_it(site: Site) -> None:
    page = site.page()
    page.goto("/certificates?state=HELD")
    expect(page).to_have_url(re.compile(r"/login\?next="))
    page.fill("#username", "clerk")
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    expect(page).to_have_url(site.url + "/certificates?state=HELD")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_title("退出登录").click()
    expect(page).to_have_url(site.url + "/login")
    page.goto("/certificates")
    expect(page).to_have_url(re.compile("/login"))


def test_the_dashboard_shows_the_numbers_there_are(site: Site) -> None:
    page = site.page("clerk")
    page.goto("/overview")
    for name, number in EXPECTED.items():
        expect(page.locator(f"#{name}")).to_have_text(number)
    for chart in ("issued", "steps", "expiring"):
        expect(page.locator(f"#chart-{chart} svg")).to_be_visible()
        assert page.locator(f"#chart-{chart}").get_attribute("aria-label")
        page.locator(f"#chart-{chart}").hover()  # the tooltip must please the security policy too
    expect(page.locator(".g-todo")).to_contain_text("校对环节超期 1 件")
    messages = page.locator(".health div", has_text="短信")
    expect(messages).to_have_text("短信未接入（4 条待发）")  # one a pair that was announced
    expect(messages).to_have_class("is-off")
    expect(page.locator(".health div", has_text="外发")).not_to_contain_text("4")
    page.goto("/figures#issued")
    expect(page.locator("#issued tfoot td").last).to_have_text("5")
    expect(page.locator("#steps tfoot td").last).to_have_text("7")
    expect(page.locator("#expiring tfoot td").last).to_have_text("1")


def test_a_clerk_of_one_prefecture_counts_its_own_only(site: Site) -> None:
    page = site.page("fuzhou")
    page.goto("/overview")
    expect(page.locator("#kpi-issued")).to_have_text("1")
    expect(page.locator("#kpi-valid")).to_have_text("2")


def client_of(username: str) -> Client:
    """Somebody who works here, without a browser: for what is not about how it looks."""
    client = Client(raise_request_exception=False)
    client.cookies[SESSION_COOKIE] = session_token(username)
    return client


@pytest.mark.parametrize("typed", [NAMES[0], "ouyangrong", "OYR", "id", "serial", "spaced serial", "token"])
def test_one_box_finds_a_certificate_by_every_key(site: Site, typed: str) -> None:
    """B7: name, pinyin, initials, ID number, serial, token number; exactly one hit goes straight to it."""
    pair = site.office.pairs["valid"]
    certificate = Certificate.objects.filter(pair=pair).order_by("pk").last()
    assert certificate is not None
    keys = {"id": resident_id(100), "serial": certificate.serial, "token": pair.token_serial.lower()}
    fours = [certificate.serial[i : i + 4] for i in range(0, len(certificate.serial), 4)]
    keys["spaced serial"] = " ".join(fours).lower()
    text = keys.get(typed, typed)
    response = client_of("clerk").post("/search", {"q": text}, follow=True)
    assert response.status_code == 200
    assert [place for place, _status in response.redirect_chain][-1] == f"/certificates/{pair.pk}"
    assert not [place for place, _status in response.redirect_chain if text in place]


@pytest.mark.parametrize("which", ["overdue", "waiting", "issue"])
def test_a_request_number_leads_to_the_request(site: Site, which: str) -> None:
    request = site.office.requests[which]
    response = client_of("clerk").post("/search", {"q": f" {request.number.lower()} "}, follow=True)
    assert response.redirect_chain[-1][0] == f"/requests/{request.pk}"


def test_a_sealed_search_serves_nobody_else(site: Site) -> None:
    """What was typed can be gone back to in the same session only."""
    mine = client_of("clerk").post("/search", {"q": NAMES[2]})
    assert client_of("approver").get(mine["Location"], follow=True).redirect_chain == [("/search", 302)]
    assert client_of("clerk").get("/search/AAAA", follow=True).redirect_chain == [("/search", 302)]


def test_what_was_typed_stands_in_no_address_and_can_be_gone_back_to(site: Site) -> None:
    """E2: an ID number typed into the box reaches neither addresses nor logs."""
    number = resident_id(102)
    page = site.page("clerk")
    visited: list[str] = []
    page.on("request", lambda request: visited.append(request.url))
    search(page, number)
    page.locator(f'a[href="/certificates/{site.office.pairs["held"].pk}"]').click()
    expect(page.locator("h2").first).to_have_text(NAMES[2])
    page.go_back()
    expect(page.locator("#search")).to_have_value(number)
    assert visited
    assert not [url for url in visited if number in url]


def test_a_body_is_found_by_its_credit_code(site: Site) -> None:
    page = site.page("clerk")
    search(page, credit_code(1))
    expect(page.locator("section", has_text="证书").locator("tbody tr").first).to_be_visible()


def test_an_empty_search_says_what_can_be_typed(site: Site) -> None:
    page = site.page("clerk")
    search(page, "查无此人某某")
    expect(page.locator("main")).to_contain_text("没有找到")
    expect(page.locator("main")).to_contain_text("证书序列号")
    search(page, "！")
    expect(page.get_by_role("alert")).to_be_visible()


def test_what_lies_elsewhere_looks_like_what_is_not_there(site: Site) -> None:
    """A6: 福州 does not see 平潭, which the province runs by itself."""
    page = site.page("fuzhou")
    elsewhere = site.office.pairs["pingtan"]
    texts = []
    for path in (f"/certificates/{elsewhere.pk}", "/certificates/999999", f"/requests/{elsewhere.request_id}"):
        response = page.goto(path)
        assert response is not None
        assert response.status == 404
        texts.append(page.locator("main").inner_text())
    assert len(set(texts)) == 1
    page.goto("/certificates")
    expect(page.locator("tbody tr")).to_have_count(5)
    expect(page.locator("main")).not_to_contain_text("吴岚屿")
    search(page, "吴岚屿")
    expect(page.locator("main")).to_contain_text("没有找到")


def test_pages_without_right_are_not_there_and_the_attempt_is_recorded(site: Site) -> None:
    page = site.page("clerk")
    for path in ("/staff", "/audit", "/audit/1"):
        response = page.goto(path)
        assert response is not None
        assert response.status == 404
    page = site.page("proofreader")
    response = page.goto(f"/certificates/{site.office.pairs['valid'].pk}/signing.pem")
    assert response is not None
    assert response.status == 404
    refused = AuditRecord.objects.filter(event__startswith="web.", outcome="refused")
    assert {"web.staff", "web.audit", "web.audit_record", "web.certificate_export"} <= {row.event for row in refused}


def test_a_certificate_tells_its_whole_life(site: Site) -> None:
    pair = site.office.pairs["revoked"]
    page = site.page("clerk")
    page.goto(f"/certificates/{pair.pk}")
    life = page.locator(".life li")
    expect(life.first).to_contain_text("受理新办申请")
    expect(life.last).to_contain_text("注销")
    expect(life.last).to_contain_text("私钥泄露")
    expect(life.last).to_contain_text("周示例")
    expect(page.locator("main")).to_contain_text("350102********")
    for use, row in zip(("signing", "encryption"), Certificate.objects.filter(pair=pair).order_by("pk"), strict=True):
        with page.expect_download() as waiting:
            page.locator(f'a[href$="/{use}.pem"]').click()
        assert pem_to_der(waiting.value.path().read_bytes()) == bytes(row.der)


def test_a_certificate_names_who_did_what_and_what_is_left(site: Site) -> None:
    """B7: both pairs of eyes, the token and the request stand in the story; a valid pair says how long it lasts."""
    pair = site.office.pairs["expiring"]
    page = site.page("clerk")
    page.goto(f"/certificates/{pair.pk}")
    expect(page).to_have_title(re.compile(f"{NAMES[1]} · 证书"))
    life = page.locator(".life")
    for told in ("校对 许校样", "审核 郑审样", "签名验证无误", "领取人：陈经办"):
        expect(life).to_contain_text(told)
    expect(page.locator("progress")).to_be_visible()
    expect(page.locator(".validity")).to_contain_text("还有 25 天")
    page.locator(f'dd a[href="/requests/{pair.request_id}"]').click()
    expect(page.locator("main")).to_contain_text("350102********")


def test_a_number_is_copied_without_its_gaps(site: Site) -> None:
    pair = site.office.pairs["valid"]
    page = site.page("clerk")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"/certificates/{pair.pk}")
    signing = Certificate.objects.filter(pair=pair).order_by("pk")[0]
    page.get_by_role("button", name="复制序列号").first.click()
    expect(page.locator("#told")).to_have_text("已复制")
    assert page.evaluate("navigator.clipboard.readText()") == signing.serial
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")  # as on a page without TLS
    page.get_by_role("button", name="复制SM3 指纹").first.click()
    expect(page.locator("#told")).to_have_text("已复制")


def test_pages_can_be_read_without_scripts(site: Site) -> None:
    pair = site.office.pairs["valid"]
    context = site.browser.new_context(java_script_enabled=False, base_url=site.url)
    context.add_cookies([{"name": SESSION_COOKIE, "value": session_token("clerk"), "url": site.url}])
    page = context.new_page()
    page.goto("/overview")
    expect(page.locator("#chart-steps p")).to_contain_text("各环节在办 7 件")
    page.goto(f"/certificates/{pair.pk}")
    expect(page.locator("main")).to_contain_text(NAMES[0])
    expect(page.locator("[data-copy]").first).to_be_hidden()
    page.fill("#search", NAMES[0])
    page.press("#search", "Enter")
    expect(page).to_have_url(re.compile(f"/certificates/{pair.pk}$"))
    context.close()


def test_a_chart_without_numbers_says_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(actor: Actor, now: datetime) -> Figures:
        found = figures(actor, now)
        months = {code: [0] * len(found.months) for code in found.issued}
        return replace(found, issued=months, steps=[], expiring=[0] * len(found.expiring))

    monkeypatch.setattr("banyan.web.views.dashboard.read_figures", nothing)
    page = site.page("clerk")
    page.goto("/overview")
    for told in ("近 12 个月没有签发。", "没有在办的申请单。", "未来 6 个月没有证书到期。"):
        expect(page.locator("main")).to_contain_text(told)


def test_every_word_of_the_audit_is_in_the_readers_language(site: Site) -> None:
    client_of("clerk").get("/staff")  # refused, so recorded
    client = client_of("auditadmin")
    client.cookies["django_language"] = "en"
    page = client.get("/audit").content.decode()
    assert "Access refused" in page
    assert "访问被拒" not in page


def test_what_a_request_lacks_is_named_in_the_readers_language(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A4: the one-off notice of missing materials, read in English."""
    monkeypatch.setattr(rules, "missing_materials", lambda *_about: list(materials()))
    client = client_of("clerk")
    client.cookies["django_language"] = "en"
    page = client.get(f"/requests/{site.office.requests['precheck'].pk}").content.decode()
    assert "Application form (sealed)" in page
    assert not [one.name for one in materials() if one.name in page]


def test_who_is_logged_in_keeps_the_way_on_where_nothing_is_found(site: Site) -> None:
    page = site.page("clerk")
    page.goto("/certificates/999999")
    expect(page.locator("h1")).to_have_text("没有这一页")
    expect(page.get_by_role("link", name="申请单")).to_be_visible()
    expect(page.locator("#search")).to_be_visible()


def test_who_is_logged_in_keeps_the_frame_where_an_address_or_a_form_is_refused(site: Site) -> None:
    page = site.page("clerk")
    page.goto("/no/such/page")
    expect(page.locator("h1")).to_have_text("没有这一页")
    page.get_by_role("link", name="申请单").click()
    expect(page).to_have_url(f"{site.url}/requests")
    page.evaluate("document.querySelector('form.search [name=csrfmiddlewaretoken]').value = 'old'")
    search(page, NAMES[0])
    expect(page.locator("h1")).to_have_text("页面已过时")
    search(page, NAMES[0])  # the form of this page is new
    expect(page).to_have_url(re.compile(f"/certificates/{site.office.pairs['valid'].pk}$"))
    strict = client_of("clerk")
    assert strict.get("/no/such/page")["Cache-Control"] == "no-store, private"
    for nobody in (Client(), Client(headers={"cookie": f"{SESSION_COOKIE}=wrong"})):
        answer = nobody.get("/no/such/page")
        assert answer.status_code == 404
        assert "cons-nav" not in answer.content.decode()


def test_a_filter_walked_by_keys_waits_for_enter(site: Site) -> None:
    """Arrow keys on a closed list change its value one by one; only Enter, the button or the mouse applies it."""
    page = site.page("clerk")
    page.goto("/certificates")
    page.locator("select[name=system]").focus()
    for _ in range(2):
        page.keyboard.press("ArrowDown")
    expect(page.locator("select[name=system]")).not_to_have_value("")
    page.wait_for_timeout(300)
    assert page.url == f"{site.url}/certificates"
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/certificates\?system=[A-Z]+$"))
    page.wait_for_load_state()  # its script listens from then on
    page.locator("select[name=kind]").select_option("PERSONAL")
    expect(page).to_have_url(re.compile("kind=PERSONAL"))


def test_a_request_tells_its_story_and_waits_for_the_ca(site: Site) -> None:
    page = site.page("proofreader")
    page.goto(f"/requests/{site.office.requests['waiting'].pk}")
    expect(page.locator("li.now")).to_contain_text("等待 CA 签发")
    expect(page.locator("main")).to_contain_text("已提交签发，等待 CA 返回证书。")
    expect(page.locator("main")).to_contain_text("陈经办")
    expect(page.locator("main")).to_contain_text("138****0023")
    page.goto("/requests?late=1")
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody .due-over")).to_be_visible()


def test_a_request_warns_of_what_its_holder_has_already(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A5: number, kind and system; a link where the pair is in sight; the look is recorded."""
    looks = AuditRecord.objects.filter(event="parties.holdings_looked_up")
    before = looks.count()
    page = site.page("approver")
    page.goto(f"/requests/{site.office.requests['waiting'].pk}")
    note = page.locator(".note-warn", has_text="重复注册提醒")
    expect(note).to_contain_text("该持有人已有 1 对有效证书")
    expect(note.locator("li")).to_contain_text("已冻结")
    note.get_by_role("link", name="通用·个人证书").click()
    expect(page).to_have_url(f"{site.url}/certificates/{site.office.pairs['held'].pk}")
    assert looks.count() == before + 1
    page.goto(f"/requests/{site.office.requests['overdue'].pk}")
    expect(note).to_have_count(0)
    far = HoldingsHint((), (HoldingsElsewhere("PERSONAL", "MOBILE", 2),))
    monkeypatch.setattr("banyan.web.reading.requests.look_up_held", lambda *_: far)
    page.goto(f"/requests/{site.office.requests['overdue'].pk}")
    expect(note).to_contain_text("管辖范围以外：移动·个人证书 2 对")
    expect(note.get_by_role("link")).to_have_count(0)


def test_no_page_shows_a_number_of_a_person(site: Site) -> None:
    """E2: numbers of people are masked on every page."""
    numbers = [resident_id(100 + n) for n in range(len(NAMES))] + [pages.REQUESTER_ID, pages.REQUESTER_PHONE]
    made = site.office
    stories = [f"/certificates/{one.pk}" for one in made.pairs.values()]
    stories += [f"/requests/{one.pk}" for one in made.requests.values()]
    for username, paths in (("clerk", (*CLERK_PAGES, *stories)), ("auditadmin", AUDIT_PAGES)):
        client = client_of(username)
        for path in paths:
            response = client.get(path)
            assert response.status_code == 200, path
            assert not [number for number in numbers if number.encode() in response.content], path
            assert response["Cache-Control"] == "no-store, private", path
            assert "'unsafe" not in response["Content-Security-Policy"], path


def test_pages_of_administrators_please_the_browser(site: Site) -> None:
    """The strict policy refuses nothing that these pages want (the fixture looks at the complaints)."""
    page = site.page("auditadmin")
    for path in AUDIT_PAGES:
        page.goto(path)
        expect(page.locator("main")).to_be_visible()


def test_a_fault_shows_nothing_of_the_inside(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("password=hunter2 at /srv/secret")

    monkeypatch.setattr("banyan.web.reading.certificates.story", broken)
    response = client_of("clerk").get("/certificates/1")
    assert response.status_code == 500
    assert b"hunter2" not in response.content
    assert "出错了" in response.content.decode()


def test_the_audit_is_filtered_by_person_event_thing_and_day(site: Site) -> None:
    page = site.page("auditadmin")
    page.goto("/audit?who=approver&event=ra.approve")
    expect(page.locator("tbody tr").first).to_contain_text("审核")
    known = AuditRecord.objects.filter(actor_name="approver", event="ra.approve")
    assert page.locator("tbody tr").count() == known.count()
    request = site.office.requests["issue"]
    page.goto(f"/audit?thing=ra.servicerequest:{request.pk}")
    expect(page.locator("tbody tr")).to_have_count(3)
    page.locator("tbody a").first.click()
    expect(page.locator("h2").first).to_have_text("审核")
    tomorrow = (site.office.now + timedelta(days=2)).date().isoformat()
    page.goto(f"/audit?since={tomorrow}")
    expect(page.locator("main")).to_contain_text("没有符合条件的记录")
    page.goto("/audit")
    older = page.get_by_role("link", name="下一页")
    first = page.locator("tbody tr").first.inner_text()
    older.click()
    expect(page).to_have_url(re.compile("before="))
    page.get_by_role("link", name="上一页").click()
    expect(page.locator("tbody tr").first).to_have_text(re.compile(re.escape(first.split("\t")[0])))


@pytest.mark.parametrize("size", [3, 7])
def test_pages_forward_and_back_meet_every_row_once(site: Site, size: int) -> None:
    """B7: no row is lost or shown twice, whichever way a list is walked."""
    found = AuditRecord.objects.filter(event__startswith="ra.")
    wanted = list(found.order_by("-pk").values_list("pk", flat=True))
    newest = AuditRecord.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    seen: list[int] = []
    cursors = [Cursor()]
    while True:
        one = paging.page(found, cursors[-1], newest=newest, size=size)
        seen += [row.pk for row in one.rows]
        if one.older is None:
            break
        cursors.append(Cursor(before=one.older))
    assert seen == wanted
    while one.newer is not None:
        one = paging.page(found, Cursor(after=one.newer), newest=newest, size=size)
    assert [row.pk for row in one.rows] == wanted[:size]


def test_sorted_pages_forward_and_back_meet_every_row_once(site: Site) -> None:
    found = Certificate.objects.all()
    wanted = list(found.order_by("not_after", "pk").values_list("pk", flat=True))
    seen: list[int] = []
    one = paging.sorted_page(found, found, Cursor(), by="not_after", size=5)
    seen += [row.pk for row in one.rows]
    while one.older is not None:
        one = paging.sorted_page(found, found, Cursor(before=one.older), by="not_after", size=5)
        seen += [row.pk for row in one.rows]
    assert seen == wanted
    while one.newer is not None:
        one = paging.sorted_page(found, found, Cursor(after=one.newer), by="not_after", size=5)
    assert [row.pk for row in one.rows] == wanted[:5]


def test_lists_are_walked_by_keyboard(site: Site) -> None:
    page = site.page("clerk")
    page.goto("/requests")
    page.keyboard.press("Slash")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    second = page.locator("tbody .row-link").nth(1)
    expect(second).to_be_focused()
    target = second.get_attribute("href")
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{site.url}{target}")
    page.wait_for_load_state()  # its script listens from then on
    page.keyboard.press("Shift+Slash")
    expect(page.get_by_role("dialog", name="快捷键")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="快捷键")).to_be_hidden()


def test_the_language_is_switched_and_kept(site: Site) -> None:
    page = site.page("clerk")
    page.goto("/certificates?state=HELD")
    page.get_by_role("button", name="English").click()
    expect(page).to_have_url(site.url + "/certificates?state=HELD")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.goto("/requests")
    page.get_by_role("button", name="中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")


def test_pages_fit_a_phone(site: Site) -> None:
    page = site.page("clerk", width=390, height=844)
    stories = (f"/certificates/{site.office.pairs['held'].pk}", f"/requests/{site.office.requests['issue'].pk}")
    for path in (*CLERK_PAGES, *stories):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
