"""Staff log in with a token in a real browser, through the real agent; every obstacle has a page that helps (E1)."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings as django_settings
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from banyan.domain.ca import actions as ca
from banyan.domain.ca.models import CertificatePair
from banyan.domain.iam.models import Session, StaffAccount
from banyan.domain.iam.rights import Role
from banyan.domain.iam.staff_login import Method
from banyan.kernel.clock import now
from support import issuing
from support.agent import AGENT, Agent, SocketPage, make_token, running
from support.certificate_login import Administrators, Holder, write_pair
from support.iam import PASSWORD, account_with, session_of
from support.pages import LongStandingCa
from support.skf import NEW_PIN, USER_PIN, WRONG_PIN, place
from support.token_pages import screen

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


@dataclass
class Desk:
    """A browser before the log-in page, an agent on the machine, and 林's token."""

    url: str
    agent: Agent
    context: BrowserContext
    serial: str
    pair: CertificatePair
    account: StaffAccount
    administrators: Administrators
    world: issuing.World

    def open(self, address: str = "/login") -> Page:
        page = self.context.new_page()
        page.set_default_timeout(20_000)
        page.goto(self.url + address)
        return page

    @property
    def away(self) -> Path:
        return place().parent / f"away-{self.serial}"

    def pull(self) -> None:
        """The token leaves the machine."""
        (place() / self.serial).rename(self.away)

    def plug(self) -> None:
        self.away.rename(place() / self.serial)

    def is_pulled(self) -> bool:
        return not (place() / self.serial).exists()


@pytest.fixture(scope="module")
def browser(django_db_setup: None) -> Iterator[Browser]:
    expect.set_options(timeout=20_000)
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # The browser's loop runs in this thread, which makes Django think that tests were asynchronous.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        started = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture
def desk(live_server: LiveServer, browser: Browser, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    if not AGENT.exists():
        pytest.skip("make setup builds it")
    moment = now()
    world = issuing.world(connector=LongStandingCa())
    administrators = Administrators.at(moment)
    account = account_with(Role.CLERK, username="linxiao")
    session_of(account)
    with running(allowed=[live_server.url]) as agent:
        changed = {"public_url": live_server.url, "agent_port": agent.port}
        settings.BANYAN = django_settings.BANYAN.model_copy(update=changed)
        serial = make_token(tries=3)
        pair = write_pair(world, SocketPage(agent), serial, 0, moment)
        administrators.bind(account, Holder(world, pair).der, moment)
        # The agent's certificate is trusted on a person's machine; here the browser is told to take it.
        context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="zh-CN", ignore_https_errors=True)
        made = Desk(live_server.url, agent, context, serial, pair, account, administrators, world)
        yield made
        context.close()
        if not made.is_pulled():
            made.pull()


def begin(page: Page) -> None:
    page.get_by_role("button", name="用证书登录").click()


def choose(page: Page, serial: str) -> None:
    """The right token among all that are plugged in."""
    page.locator("label.choice", has_text=serial).click()
    page.locator("form[data-state=choosing] button").click()


def problem(page: Page) -> Any:
    return page.locator("[data-problem]:visible")


def test_a_person_chooses_the_token_types_the_pin_in_the_agents_window_and_is_in(desk: Desk) -> None:
    """E1: holder, issuer, period and token are shown; the page never sees the PIN."""
    page = desk.open("/login?next=/requests")
    begin(page)
    card = page.locator("label.choice", has_text=desk.serial)
    expect(card).to_contain_text("测试")
    expect(card).to_contain_text("榕证测试签发 CA 签发")
    expect(card).to_contain_text("到期")
    expect(page.locator("label.choice", has_text="encryption")).to_have_count(0)
    desk.agent.pins(USER_PIN)
    choose(page, desk.serial)
    expect(page).to_have_url(desk.url + "/requests")
    assert desk.url in desk.agent.shown(), "the window shows which site is logged in to"
    opened = Session.objects.latest("pk")
    assert (opened.account, opened.credential.kind) == (desk.account, "certificate")


def test_the_keyboard_alone_is_enough(desk: Desk) -> None:
    page = desk.open()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="用证书登录")).to_be_focused()
    desk.agent.pins(USER_PIN)
    page.keyboard.press("Enter")
    expect(page.locator("label.choice input:checked")).to_be_visible()
    radio = page.locator("label.choice", has_text=desk.serial).locator("input")
    for _ in range(page.locator("label.choice input:not(:disabled)").count()):
        if radio.is_checked():
            break
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(desk.url + "/")


def test_two_factors_one_after_the_other(desk: Desk) -> None:
    """F8: password, then the token; the page goes on by itself."""
    desk.administrators.switch(Method.TWO_FACTOR, now())
    page = desk.open()
    expect(page.get_by_role("button", name="用证书登录")).to_have_count(0)
    page.fill("#username", "linxiao")
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    expect(page.get_by_text("口令正确")).to_be_visible()
    expect(page.locator("label.choice").first).to_be_visible()
    desk.agent.pins(USER_PIN)
    choose(page, desk.serial)
    expect(page).to_have_url(desk.url + "/")
    assert Session.objects.latest("pk").credential.kind == "certificate"


def test_after_a_refusal_the_second_factor_begins_with_the_password_again(desk: Desk) -> None:
    """F8: a challenge serves once; the way on leads where it can succeed."""
    desk.administrators.switch(Method.TWO_FACTOR, now())
    ca.hold_pair(issuing.approver(), desk.pair.pk, now())
    page = desk.open("/login?next=/requests")
    for is_held in (True, False):
        page.fill("#username", "linxiao")
        page.fill("#password", PASSWORD)
        page.press("#password", "Enter")
        expect(page.locator("label.choice").first).to_be_visible()
        desk.agent.pins(USER_PIN)
        choose(page, desk.serial)
        if is_held:
            expect(problem(page)).to_contain_text("解冻")
            ca.release_pair(issuing.approver(), desk.pair.pk, now())
            page.get_by_role("button", name="重试").click()
    expect(page).to_have_url(desk.url + "/requests")


def test_whoever_waits_too_long_is_told_before_the_pin_is_asked(desk: Desk) -> None:
    """F8: two minutes from the password on; then from the beginning."""
    desk.administrators.switch(Method.TWO_FACTOR, now())
    page = desk.context.new_page()
    page.clock.install()
    page.goto(f"{desk.url}/login")
    page.fill("#username", "linxiao")
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    expect(page.locator("label.choice").first).to_be_visible()
    desk.agent.pins()
    page.clock.fast_forward("02:00")
    choose(page, desk.serial)
    expect(problem(page)).to_contain_text("超过两分钟")
    assert "GETPIN" not in desk.agent.shown()
    page.get_by_role("button", name="重试").click()
    expect(page.locator("#password")).to_be_visible()


def test_passwords_that_are_switched_off_are_not_asked_for(desk: Desk) -> None:
    """F8: certificate only."""
    third = session_of(account_with(Role.AUDIT_ADMIN))
    for number, actor in enumerate((desk.administrators.asks, third), 1):
        holder = Holder.with_new_pair(desk.world, number, now())
        desk.administrators.bind(StaffAccount.objects.get(pk=actor.id), holder.der, now())
    confirms = StaffAccount.objects.get(pk=desk.administrators.confirms.id)
    desk.administrators.unbind(desk.account, now())
    desk.administrators.bind(confirms, Holder(desk.world, desk.pair).der, now())
    desk.administrators.switch(Method.CERTIFICATE, now())
    page = desk.open()
    expect(page.locator("#password")).to_have_count(0)
    begin(page)
    desk.agent.pins(USER_PIN)
    choose(page, desk.serial)
    expect(page).to_have_url(desk.url + "/")


def test_a_pin_wrong_to_the_last_try_locks_and_the_page_says_where_to_go(desk: Desk) -> None:
    """E1: the agent's window tells the tries that are left; the page what comes after the last."""
    page = desk.open()
    begin(page)
    desk.agent.pins(WRONG_PIN, WRONG_PIN, WRONG_PIN)
    choose(page, desk.serial)
    expect(problem(page)).to_contain_text("介质已锁住")
    expect(problem(page)).to_contain_text("解锁")
    assert not Session.objects.filter(credential__kind="certificate").exists()


def test_whoever_still_has_the_initial_pin_changes_it_and_goes_on(desk: Desk) -> None:
    """E1: the agent signs nothing under the issuer's PIN; the page leads through the change."""
    serial = make_token(is_first_pin=True)
    pair = write_pair(desk.world, SocketPage(desk.agent), serial, 1, now())
    newcomer = account_with(Role.PROOFREADER, username="newcomer")
    desk.administrators.bind(newcomer, Holder(desk.world, pair).der, now())
    page = desk.open()
    begin(page)
    choose(page, serial)
    expect(problem(page)).to_contain_text("初始 PIN 码")
    desk.agent.pins(USER_PIN, NEW_PIN, NEW_PIN, NEW_PIN)
    page.get_by_role("button", name="更换 PIN 码").click()
    expect(page).to_have_url(desk.url + "/")
    assert Session.objects.latest("pk").account == newcomer
    (place() / serial).rename(place().parent / f"away-{serial}")


def test_a_closed_window_is_no_log_in_and_can_be_tried_again(desk: Desk) -> None:
    page = desk.open()
    begin(page)
    desk.agent.pins("CANCEL")
    choose(page, desk.serial)
    expect(problem(page)).to_contain_text("没有输入 PIN 码")
    page.get_by_role("button", name="重试").click()
    desk.agent.pins(USER_PIN)
    choose(page, desk.serial)
    expect(page).to_have_url(desk.url + "/")


def test_the_page_calls_the_window_back(desk: Desk) -> None:
    """Whoever took the wrong certificate need not look for the window."""
    page = desk.open()
    begin(page)
    desk.agent.pins("HANG")
    choose(page, desk.serial)
    desk.agent.wait_for_window()
    page.get_by_role("button", name="取消").click()
    begin(page)
    desk.agent.pins(USER_PIN)
    choose(page, desk.serial)
    expect(page).to_have_url(desk.url + "/")


def test_a_server_that_is_gone_is_told_and_the_next_try_logs_in(desk: Desk) -> None:
    """Faults: server gone, behind a proxy that still answers, and not reached at all."""
    page = desk.open()
    begin(page)
    answers: list[Callable[[Route], None]] = [
        lambda route: route.fulfill(status=502, body="Bad Gateway", content_type="text/plain"), lambda route: route.abort()
    ]  # fmt: skip
    for answer, told in zip(answers, ("服务器没有答复", "网络不通"), strict=True):
        page.route("**/login/certificate*", answer, times=1)
        desk.agent.pins(USER_PIN)
        choose(page, desk.serial)
        expect(problem(page)).to_contain_text(told)
        page.get_by_role("button", name="重试").click()
    desk.agent.pins(USER_PIN)
    choose(page, desk.serial)
    expect(page).to_have_url(desk.url + "/")


def test_a_token_pulled_out_while_the_pin_is_asked(desk: Desk) -> None:
    """Faults: pulled between any two messages."""
    page = desk.open()
    begin(page)
    desk.agent.pins("HANG")
    choose(page, desk.serial)
    desk.agent.wait_for_window()
    expect(page.get_by_text("请在介质助手弹出的窗口里")).to_be_visible()
    desk.pull()
    desk.agent.kill()
    expect(problem(page)).to_contain_text("断了")
    desk.agent.start()
    page.get_by_role("button", name="重试").click()
    expect(problem(page)).to_contain_text("没有找到介质")
    desk.plug()
    expect(page.locator("label.choice", has_text=desk.serial)).to_be_visible()


def test_a_token_pulled_out_before_the_button_and_plugged_in_again(desk: Desk) -> None:
    page = desk.open()
    begin(page)
    card = page.locator("label.choice", has_text=desk.serial)
    expect(card).to_be_visible()
    desk.pull()
    expect(problem(page)).to_contain_text("没有找到介质")
    desk.plug()
    expect(card).to_be_visible()


def test_an_agent_that_does_not_run_is_explained_and_found_once_it_does(desk: Desk) -> None:
    """E1: not installed, not running."""
    desk.agent.kill()
    page = desk.open()
    begin(page)
    expect(problem(page)).to_contain_text("没有连上本机的介质助手")
    expect(problem(page)).to_contain_text("安装")
    expect(page.locator("[data-state=problem]")).to_be_focused()
    desk.agent.start()
    page.get_by_role("button", name="重试").click()
    expect(page.locator("label.choice").first).to_be_visible()


def test_a_site_that_the_agent_does_not_know_is_told(desk: Desk, settings: Any) -> None:
    with running() as other:
        settings.BANYAN = settings.BANYAN.model_copy(update={"agent_port": other.port})
        desk.context.grant_permissions(["local-network-access"], origin=desk.url)
        page = desk.open()
        begin(page)
        expect(problem(page)).to_contain_text("介质助手不认识本站")


def test_a_page_under_another_address_is_sent_to_the_right_one(desk: Desk, settings: Any) -> None:
    settings.BANYAN = settings.BANYAN.model_copy(update={"public_url": "https://ra.example.cn"})
    page = desk.open()
    begin(page)
    desk.agent.pins(USER_PIN)
    choose(page, desk.serial)
    expect(problem(page)).to_contain_text("https://ra.example.cn")


@pytest.fixture
def away(desk: Desk, browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens the log-in page as one on the internet: what is on the machine is behind the browser's question."""
    port = urlsplit(desk.url).port
    arguments = [
        *ARGUMENTS, f"--ip-address-space-overrides=127.0.0.1:{port}=public",
        "--host-resolver-rules=MAP ra.example.cn 127.0.0.1",
    ]  # fmt: skip
    ended = ExitStack()

    def open_page(permissions: Sequence[str] | None = None, *, host: str = "127.0.0.1", display: str = "") -> Page:
        started = browser.browser_type.launch(
            executable_path="/usr/bin/chromium", args=arguments, headless=not display,
            env={**os.environ, "DISPLAY": display},
        )  # fmt: skip
        ended.callback(started.close)
        context = started.new_context(locale="zh-CN", ignore_https_errors=True)
        if permissions is not None:
            context.grant_permissions(list(permissions))
        page = context.new_page()
        page.goto(f"http://{host}:{port}/login")
        return page

    with ended:
        yield open_page


def test_a_permission_that_is_denied_is_explained(away: Callable[..., Page]) -> None:
    """E1: the browser's question about programs on the machine (local network access)."""
    page = away(["clipboard-read"])
    begin(page)
    expect(problem(page)).to_contain_text("浏览器不允许本站访问本机的介质助手")
    expect(problem(page)).to_contain_text("网站设置")


def test_a_question_that_nobody_answers_is_pointed_at(away: Callable[..., Page]) -> None:
    """E1: while it is open, and when it stays so."""
    with screen() as display:
        page = away(display=display)
        begin(page)
        expect(page.locator("[data-asking]")).to_be_visible()
        expect(problem(page)).to_contain_text("浏览器的提问还没有回答", timeout=60_000)
        page.close()


def test_a_permission_that_is_given_lets_the_page_on(away: Callable[..., Page]) -> None:
    page = away(["local-network-access"])
    begin(page)
    expect(page.locator("[data-problem=AGENT_ORIGIN_REFUSED], label.choice").first).to_be_visible()


def test_a_page_without_https_is_told_to_use_it(away: Callable[..., Page]) -> None:
    page = away(host="ra.example.cn")
    begin(page)
    expect(problem(page)).to_contain_text("https://")


@pytest.mark.parametrize("what", ["held", "not bound"])
def test_what_the_server_refuses_is_told_with_what_comes_next(desk: Desk, what: str) -> None:
    if what == "held":
        ca.hold_pair(issuing.approver(), desk.pair.pk, now() + timedelta(seconds=1))
    else:
        desk.administrators.unbind(desk.account, now())
    page = desk.open()
    begin(page)
    desk.agent.pins(USER_PIN)
    choose(page, desk.serial)
    expect(problem(page)).to_contain_text({"held": "解冻", "not bound": "由他申请绑定"}[what])
    expect(page).to_have_url(re.compile("/login"))


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (390, 844)])
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_it_fits_a_desk_and_a_phone_in_both_languages(desk: Desk, width: int, height: int, language: str) -> None:
    """No panel is cut off; every obstacle has words in the page's language."""
    page = desk.open()
    page.set_viewport_size({"width": width, "height": height})
    if language == "en":
        page.get_by_role("button", name="English").click()
    page.locator("[data-do=begin]").click()
    expect(page.locator("label.choice").first).to_be_visible()
    codes = page.locator("[data-problem]").evaluate_all("all => all.map(one => one.dataset.problem)")
    assert len(codes) > 15
    page.evaluate("for (const one of document.querySelectorAll('[data-state], [data-problem]')) one.hidden = false")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    words = page.locator("#by-certificate").inner_text()
    assert bool(re.search("[一-鿿]{4}", re.sub("测试.*|榕证测试.*", "", words))) is (language == "zh-hans")
