"""The issuing screen in a real browser, with the real agent and soft tokens: one after the other, and what goes wrong (A4, A5)."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from playwright.sync_api import Browser, FilePayload, Page, Route, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from banyan.domain.ca.models import CertificatePair, PairState
from banyan.domain.inventory import agents
from banyan.domain.inventory.models import Token, TokenAgent, TokenState
from banyan.domain.ra.models import ServiceRequest
from banyan.kernel.clock import now
from banyan.kernel.errors import ServiceUnavailable
from banyan.pki.armor import wrap
from support.agent import AGENT
from support.counter import Counter, counter

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


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
def desk(
    live_server: LiveServer, browser: Browser, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Counter]:
    if not AGENT.exists():
        pytest.skip("make setup builds it")
    with counter(live_server.url, browser) as made:
        changed = {"public_url": live_server.url, "agent_port": made.agent.port}
        settings.BANYAN = django_settings.BANYAN.model_copy(update=changed)
        monkeypatch.setattr("banyan.web.views.issuing.open_connector", lambda code, home: made.world.connector)
        yield made
        assert not made.complaints


def fresh(request: ServiceRequest) -> ServiceRequest:
    return ServiceRequest.objects.unscoped("tests").get(pk=request.pk)


def ready(page: Page, serial: str) -> None:
    """The token was found and serves this request."""
    expect(page.locator("[data-token-serial]")).to_have_text(serial)
    expect(page.locator("[data-do=start]")).to_be_enabled()


def test_a_clerk_issues_into_a_blank_token_by_keyboard(desk: Counter) -> None:
    """A4: key born in the token, pair issued, written, read back, proved; one key starts it, one goes on."""
    request, serial = desk.request(), desk.plug_blank()
    page = desk.page()
    page.goto("/desk/issue")
    expect(page).to_have_url(re.compile(f"/desk/issue/{request.pk}$"))
    ready(page, serial)
    page.keyboard.press("Enter")
    expect(page.locator("[data-issue-step=verify]")).to_have_class("ok")
    expect(page.locator("[data-next]")).to_be_focused()
    done = fresh(request)
    assert (done.step, done.token_serial) == ("notify_ready", serial)
    pair = CertificatePair.objects.unscoped("tests").get(pk=done.issued_pair_id)
    assert pair.state == PairState.VALID
    expect(page.locator("[data-letter]")).to_be_visible()  # the PINs are new: their letter is printed once
    expect(page.locator("[data-label-link]")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_text("没有待签发的申请单").first).to_be_visible()
    expect(page.locator(".done-list")).to_contain_text(request.subject_name)


def test_in_a_row_the_next_token_is_taken_by_itself(desk: Counter) -> None:
    """A5: batch mode: each certificate keeps its name and goes into a token of its own; no key is pressed in between."""
    first, second = desk.request(0), desk.request(1)
    page = desk.page()
    page.goto("/desk/issue")
    expect(page.locator("[data-token-title]")).to_have_text("请插入介质")
    page.keyboard.press("b")
    serials = [desk.plug_blank()]
    expect(page.locator("[data-note-text]")).to_have_text("请取下写好的介质，插入下一枚")
    desk.pull(serials[0])
    expect(page).to_have_url(re.compile(f"/desk/issue/{second.pk}$"))
    serials.append(desk.plug_blank())
    expect(page.locator("[data-note-text]")).to_have_text("已写入并核验。取下介质，贴上标签。")
    assert [fresh(one).token_serial for one in (first, second)] == serials
    assert {fresh(one).step for one in (first, second)} == {"notify_ready"}


def test_a_token_pulled_out_while_it_is_written_is_written_when_it_comes_back(desk: Counter) -> None:
    """A4: the pair is not lost: the same token, plugged in again, is written by one key."""
    request, serial = desk.request(), desk.plug_blank()
    page = desk.page()
    page.goto(f"/desk/issue/{request.pk}")
    ready(page, serial)

    def pull(route: Route) -> None:
        desk.pull(serial)
        route.continue_()

    page.route("**/order", pull)
    page.keyboard.press("Enter")
    expect(page.locator("[data-trouble-text]")).to_contain_text("重试")
    assert fresh(request).step == "personalize"
    desk.plug(serial)
    page.keyboard.press("r")
    expect(page.locator("[data-issue-step=verify]")).to_have_class("ok")
    assert fresh(request).step == "notify_ready"


def test_what_was_signed_when_the_page_died_is_written_after_a_reload(desk: Counter) -> None:
    """A4: the worker's answer never came; the page opened again carries on with the pair there is."""
    request, serial = desk.request(), desk.plug_blank()
    page = desk.page()
    page.goto(f"/desk/issue/{request.pk}")
    ready(page, serial)
    page.route("**/written", lambda route: route.abort())
    page.keyboard.press("Enter")
    expect(page.locator("[data-trouble-text]")).to_contain_text("连不上服务器")
    pair = fresh(request).issued_pair_id
    page.close()
    again = desk.page()
    again.goto(f"/desk/issue/{request.pk}")
    ready(again, serial)
    again.keyboard.press("Enter")
    expect(again.locator("[data-issue-step=verify]")).to_have_class("ok")
    assert fresh(request).issued_pair_id == pair
    desk.complaints.clear()  # the browser's, about the request that was cut off


def test_a_pair_that_cannot_be_written_is_voided_and_issued_into_another_token(desk: Counter) -> None:
    """A4: a broken token: the pair is revoked, nothing is left without an owner, approval and proofreading still count."""
    request, broken = desk.request(), desk.plug_blank()
    page = desk.page()
    page.goto(f"/desk/issue/{request.pk}")
    ready(page, broken)

    def pull(route: Route) -> None:
        desk.pull(broken)
        route.continue_()

    page.route("**/order", pull)
    page.keyboard.press("Enter")
    expect(page.locator("[data-trouble-text]")).to_contain_text("重试")
    page.unroute("**/order")
    old = fresh(request).issued_pair_id
    page.reload()
    expect(page.locator("[data-token-title]")).to_have_text(f"请插入这件申请的介质 {broken}")
    page.keyboard.press("F8")
    page.get_by_label(f"介质 {broken} 坏了").check()
    page.get_by_label("原因").fill("介质读写失败")
    page.get_by_role("button", name="作废这一对").last.click()
    expect(page.locator("#toasts")).to_contain_text("请插入介质重新签发")
    assert CertificatePair.objects.unscoped("tests").get(pk=old).state == PairState.REVOKED
    assert Token.objects.unscoped("tests").get(serial=broken).state == TokenState.DAMAGED
    other = desk.plug_blank()
    ready(page, other)
    page.keyboard.press("Enter")
    expect(page.locator("[data-issue-step=verify]")).to_have_class("ok")
    done = fresh(request)
    assert (done.token_serial, done.step) == (other, "notify_ready")
    assert done.issued_pair_id != old


def test_another_token_is_taken_when_the_prepared_one_breaks_before_anything_was_issued(desk: Counter) -> None:
    """A4: F2: an agent knows the first one's PINs, so it is noted as damaged; only then another gets PINs."""
    request, broken = desk.request(), desk.plug_blank()
    page = desk.page()
    page.goto(f"/desk/issue/{request.pk}")
    expect(page.get_by_role("button", name="换介质")).to_have_count(0)
    ready(page, broken)
    page.route("**/order", lambda route: route.abort())
    page.keyboard.press("Enter")
    expect(page.locator("[data-trouble-text]")).to_be_visible()
    page.unroute("**/order")
    desk.pull(broken)
    page.reload()
    expect(page.locator("[data-token-title]")).to_contain_text(broken)
    page.keyboard.press("F2")
    page.get_by_label("原因").fill("介质外观损坏")
    page.get_by_role("button", name="登记损坏并换介质").click()
    other = desk.plug_blank()
    ready(page, other)
    page.keyboard.press("Enter")
    expect(page.locator("[data-issue-step=verify]")).to_have_class("ok")
    assert Token.objects.unscoped("tests").get(serial=broken).state == TokenState.DAMAGED
    assert fresh(request).token_serial == other
    desk.complaints.clear()  # the browser's, about the request that was cut off


def test_a_token_on_nobodys_record_is_taken_into_stock_first_and_a_strangers_is_refused(desk: Counter) -> None:
    request, serial = desk.request(), desk.plug_blank(in_stock=False)
    page = desk.page()
    page.goto(f"/desk/issue/{request.pk}")
    expect(page.locator("[data-token-title]")).to_contain_text("没有登记")
    expect(page.locator("[data-do=start]")).to_be_disabled()
    page.get_by_role("button", name="登记入库").click()
    ready(page, serial)
    page.keyboard.press("Enter")
    expect(page.locator("[data-issue-step=verify]")).to_have_class("ok")
    other = desk.request(1)
    page.goto(f"/desk/issue/{other.pk}")
    expect(page.locator("[data-token-title]")).to_have_text("请取下写好的介质，插入下一枚")
    strange = desk.page("other")
    strange.goto(f"/desk/issue/{other.pk}")
    expect(strange.locator("[data-token-title]")).to_contain_text("已由他人领用")


def test_while_the_ca_is_silent_the_request_waits_and_the_clerk_goes_on(
    desk: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A11: a superior CA that does not answer; the pair is written when it has."""
    request, serial = desk.request(), desk.plug_blank()
    answering = desk.world.connector

    def silent(code: str, home: Any) -> Any:
        raise ServiceUnavailable(service=code)

    monkeypatch.setattr("banyan.web.views.issuing.open_connector", silent)
    page = desk.page()
    page.goto(f"/desk/issue/{request.pk}")
    ready(page, serial)
    page.keyboard.press("Enter")
    expect(page.locator("[data-note-text]")).to_contain_text("正在等待 CA")
    monkeypatch.setattr("banyan.web.views.issuing.open_connector", lambda code, home: answering)
    expect(page.locator("[data-issue-step=verify]")).to_have_class("ok")
    assert fresh(request).step == "notify_ready"


def test_equipment_is_certified_from_its_own_request_and_proves_its_key(desk: Counter, tmp_path: Path) -> None:
    """A2: a PKCS#10 in, certificates and envelope out as files, the equipment's signature ends it; a broken one is told."""
    world = desk.world
    draft = {"kind": "DEVICE", "person_id": None, "device_id": world.device.pk}
    request = desk.request(0, **draft)
    page = desk.page()
    page.goto(f"/desk/issue/{request.pk}")
    page.fill("#serial", "HSM-0001")
    page.fill("#csr", "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert").first).to_be_visible()
    expect(page.locator("#serial")).to_have_value("HSM-0001")
    page.fill("#csr", wrap("CERTIFICATE REQUEST", world.csr(name=request.number)))
    page.keyboard.press("Control+Enter")
    with page.expect_download() as download:
        page.get_by_role("link", name="下载证书文件").click()
    download.value.save_as(tmp_path / "files.zip")
    with zipfile.ZipFile(tmp_path / "files.zip") as archive:
        assert sorted(archive.namelist()) == ["encryption.pem", "envelope.der", "nonce.txt", "signing.pem"]
        nonce = archive.read("nonce.txt")
    page.set_input_files(
        "#proof", files=[FilePayload(name="p.sig", mimeType="", buffer=world.sign(request.number, b"x"))]
    )
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert").first).to_contain_text("HSM-0001")
    page.set_input_files(
        "#proof", files=[FilePayload(name="p.sig", mimeType="", buffer=world.sign(request.number, nonce))]
    )
    page.keyboard.press("Control+Enter")
    expect(page.locator("#toasts")).to_contain_text("已核验")
    assert fresh(request).step == "notify_ready"


def test_an_agent_that_the_platform_does_not_know_gets_no_pins(desk: Counter) -> None:
    """A4: PINs of new tokens go to registered agents only; the page says who puts one on the list."""
    request, serial = desk.request(), desk.plug_blank()
    agents.end_agent(
        desk.staff["sysadmin"], TokenAgent.objects.unscoped("tests").get().key_id, reason="撤下", now=now()
    )
    page = desk.page()
    page.goto(f"/desk/issue/{request.pk}")
    ready(page, serial)
    page.keyboard.press("Enter")
    expect(page.locator("[data-trouble-text]")).to_contain_text("系统管理员")
    assert fresh(request).step == "issue"


def test_an_administrator_puts_a_machine_on_the_list_and_takes_it_off(desk: Counter) -> None:
    """F8: the agent's key is read from the machine itself; who is no system administrator does not see the page."""
    agents.end_agent(
        desk.staff["sysadmin"], TokenAgent.objects.unscoped("tests").get().key_id, reason="撤下", now=now()
    )
    page = desk.page("sysadmin")
    page.goto("/agents")
    expect(page.get_by_text("还没有登记")).to_be_visible()
    page.get_by_role("button", name="读取本机的介质助手").click()
    expect(page.locator("#public_key")).not_to_have_value("")
    page.get_by_label("机器").fill("省直窗口 1 号机")
    page.get_by_label("地区").select_option("350000")
    page.get_by_role("button", name="登记", exact=True).click()
    expect(page.locator("tbody")).to_contain_text("省直窗口 1 号机")
    assert TokenAgent.objects.unscoped("tests").get().ended_at is None
    page.get_by_role("button", name="停用").click()
    expect(page.get_by_text("还没有登记")).to_be_visible()
    clerk = desk.page("clerk")
    answer = clerk.goto("/agents")
    assert answer is not None
    assert answer.status == 404


def test_a_colleague_at_the_same_request_is_told_and_only_one_issues(desk: Counter) -> None:
    """Two clerks open the same request: each sees the other, and the second one's token gets nothing."""
    request, serial = desk.request(), desk.plug_blank()
    page, second = desk.page("clerk"), desk.page("other")
    page.goto(f"/desk/issue/{request.pk}")
    ready(page, serial)
    second.goto(f"/desk/issue/{request.pk}")
    expect(second.locator("[data-others]")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator("[data-issue-step=verify]")).to_have_class("ok")
    second.locator("[data-do=start]").click()
    expect(second.locator("[data-trouble-text]")).to_be_visible()
    assert fresh(request).step == "notify_ready"
