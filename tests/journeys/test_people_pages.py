"""Administrators in a real browser: people, roles by two, a link shown once, an authenticator, points (A9, F8)."""

import base64
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connections
from playwright.sync_api import Browser, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from banyan.domain.audit.models import AuditRecord
from banyan.domain.iam import codes
from banyan.domain.iam.models import Credential, DualControlRequest, LoginLink
from banyan.kernel.clock import now
from banyan.web.sessions import SESSION_COOKIE
from support.iam import PASSWORD
from support.pages import Office, office, session_token

pytestmark = pytest.mark.browser
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
SHOTS = os.environ.get("BANYAN_SCREENSHOTS", "")


class Site:
    """The office, served; everything the browser complains about is kept."""

    def __init__(self, url: str, browser: Browser) -> None:
        self.url, self.browser = url, browser
        self.complaints: list[str] = []

    def page(self, username: str = "", *, width: int = 1366, height: int = 768) -> Page:
        context = self.browser.new_context(
            viewport={"width": width, "height": height}, base_url=self.url, locale="zh-CN"
        )
        if username:
            context.add_cookies([{"name": SESSION_COOKIE, "value": session_token(username), "url": self.url}])
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text) if "Security Policy" in said.text else None)
        return page


def shot(page: Page, name: str) -> None:
    if SHOTS:
        Path(SHOTS).mkdir(exist_ok=True)
        page.screenshot(path=f"{SHOTS}/{name}.png")
        page.set_viewport_size({"width": 390, "height": 844})
        page.screenshot(path=f"{SHOTS}/{name}-phone.png")
        page.set_viewport_size({"width": 1366, "height": 768})


@pytest.fixture(scope="module")
def served(django_db_setup: None, django_db_blocker: "pytest.FixtureRequest") -> Iterator[tuple[Office, str]]:
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        call_command("migrate", verbosity=0)
        made = office()
        server = LiveServer("127.0.0.1")
        yield made, server.url
        server.stop()
        call_command("flush", verbosity=0, interactive=False)
        connections.close_all()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture
def site(served: tuple[Office, str], browser: Browser, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    # The browser's loop runs in this thread, which makes Django think that tests were asynchronous.
    monkeypatch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    expect.set_options(timeout=20_000)
    made = Site(served[1], browser)
    yield made
    for context in browser.contexts:
        context.close()
    assert not made.complaints


def test_a_person_is_taken_on_by_two_administrators(site: Site) -> None:
    """F8: account and link by one, the role asked by another, confirmed by the first; then the person works."""
    manager = site.page("sysadmin")
    manager.goto("/staff/new")
    manager.fill("#display_name", "陈新人")
    manager.fill("#username", "clerk")
    manager.click("text=开立，取得登录链接")
    expect(manager.locator("[role=alert]")).to_contain_text("clerk")
    expect(manager.locator("#display_name")).to_have_value("陈新人")  # nothing typed is lost
    manager.fill("#username", "chenxin")
    shot(manager, "staff-new")
    manager.click("text=开立，取得登录链接")
    given = manager.locator("#given")
    expect(given).to_contain_text("/first/")
    shot(manager, "staff-link")
    found = re.search(r"/first/([\w-]+)", given.inner_text())
    assert found
    secret = found.group(1)
    assert secret not in manager.url
    assert not AuditRecord.objects.filter(detail__contains=secret).exists()
    assert not LoginLink.objects.filter(token_hash=secret).exists()
    manager.reload()
    expect(manager.locator("#given")).to_have_count(0)
    expect(manager.locator("main")).to_contain_text("链接只显示一次")
    security = site.page("secadmin")
    security.goto("/staff?q=chenxin")
    shot(security, "staff")
    security.click("text=陈新人")
    security.select_option("#role", "proofreader")
    security.select_option("#where", "region:350100")
    security.click("form[action$='/roles'] >> text=提出申请")
    expect(security.locator("main")).to_contain_text("福州市 350100")
    shot(security, "person")
    manager.goto("/overview")
    expect(manager.locator(".cons-nav .count")).to_have_text("1")
    manager.goto("/confirmations")
    expect(manager.locator(".ask")).to_contain_text("陈新人 chenxin")
    expect(manager.locator(".ask")).to_contain_text("校对员")
    assert "{" not in manager.locator(".ask").inner_text()
    shot(manager, "confirmations")
    manager.click("text=确认并执行")
    expect(manager.locator(".toast-by")).to_contain_text("已确认并执行")
    person = site.page()
    person.goto(f"/first/{secret}")
    person.fill("#password", "Sturdy-9-oak")
    person.fill("#again", "Sturdy-9-oak")
    person.click("text=设定口令并登录")
    person.goto("/requests")
    expect(person.locator("h1")).to_have_text("申请单")


def test_the_one_who_asked_is_offered_no_confirmation(site: Site) -> None:
    security = site.page("secadmin")
    security.goto("/staff?q=fuzhou")
    security.click("text=林榕城")
    security.click("text=申请收回")
    expect(security.locator(".ask")).to_contain_text("收回角色")
    assert security.locator("text=确认并执行").count() == 0
    security.click(".ask >> text=撤回")
    expect(security.locator(".toast-by")).to_contain_text("已撤回")
    assert DualControlRequest.objects.latest("pk").state == "WITHDRAWN"


def test_a_code_follows_the_password_once_the_phone_is_set_up(site: Site) -> None:
    page = site.page("approver")
    page.goto("/account")
    expect(page.locator(".qr-box svg")).to_be_visible()
    shot(page, "account")
    key = base64.b32decode(page.locator(".key-text").inner_text().replace(" ", ""))
    page.fill("#typed-code", "000000")
    page.click("form[action$='/code'] button")
    expect(page.locator("#code [role=alert]")).to_contain_text("动态口令不对")
    assert base64.b32decode(page.locator(".key-text").inner_text().replace(" ", "")) == key  # the same phone may go on
    page.fill("#typed-code", codes.code_at(key, int(now().timestamp()) // 30 - 1))
    page.click("form[action$='/code'] button")
    expect(page.locator(".toast-by")).to_contain_text("动态口令已启用")
    assert Credential.objects.filter(account__username="approver", kind="totp").exists()
    fresh = site.page()
    fresh.goto("/login?next=/requests")
    fresh.fill("#username", "approver")
    fresh.fill("#password", PASSWORD)
    fresh.press("#password", "Enter")
    expect(fresh.locator("#code")).to_be_focused()
    shot(fresh, "login-code")
    fresh.fill("#code", "000000")
    fresh.press("#code", "Enter")
    expect(fresh.locator("[role=alert]")).to_contain_text("动态口令不对")
    fresh.fill("#code", codes.code_at(key, int(now().timestamp()) // 30))
    fresh.press("#code", "Enter")
    expect(fresh).to_have_url(site.url + "/requests")


def test_a_point_is_set_up_staffed_and_switched_on(site: Site) -> None:
    """A9: the administrator's side of a remote issuing point."""
    manager = site.page("sysadmin")
    manager.goto("/points/new")
    manager.fill("#code", "XM-01")
    manager.select_option("#region_code", "350200")
    manager.fill("#name", "厦门测试签发点")
    manager.fill("#address", "厦门市测试路 1 号")
    manager.fill("#phone", "0592-0000000")
    manager.fill("#open_hours", "工作日 9:00—17:00")
    shot(manager, "point-new")
    manager.click("text=设立 >> nth=-1")
    shot(manager, "points")
    manager.click("text=厦门测试签发点")
    manager.click("text=开通 通用")
    expect(manager.locator(".toast-by")).to_contain_text("已开通")
    shot(manager, "point")
    for address in ("/statistics", "/policy", "/rights"):
        manager.goto(address)
        shot(manager, address.strip("/"))
        assert manager.evaluate("document.documentElement.scrollWidth <= innerWidth"), address
    clerk = site.page("clerk")
    clerk.goto("/statistics?where=region:350102")
    expect(clerk.locator("#business")).to_contain_text("合计")
    shot(clerk, "statistics-clerk")


def test_the_policy_is_asked_for_and_confirmed_in_words(site: Site) -> None:
    manager = site.page("sysadmin")
    manager.goto("/policy")
    manager.fill("#password_length", "12")
    manager.click("form[action$='/ask'] button")
    expect(manager.locator(".toast-by")).to_contain_text("申请已提出")
    security = site.page("auditadmin")
    security.goto("/confirmations")
    expect(security.locator(".ask")).to_contain_text("10 位 改为 12 位")
    security.click("text=驳回")
    expect(security.locator(".toast-by")).to_contain_text("已驳回")
    english = site.page("sysadmin")
    english.goto("/policy")
    english.click("form.language button")
    expect(english.locator("h1")).to_have_text("Security policy")
    shot(english, "policy-en")
    english.goto("/account")
    shot(english, "account-en")
