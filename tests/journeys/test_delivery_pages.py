"""The desk of 领取 in a real browser: told, called, fetched, mailed, revoked; what goes wrong has a way on (A4)."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from banyan.domain.audit.models import AuditRecord
from banyan.domain.ca.models import Certificate
from banyan.domain.iam import rights
from banyan.domain.inventory.actions import TokenEntry, receive_tokens
from banyan.domain.inventory.models import Token
from banyan.domain.ra import actions as ra
from banyan.domain.ra.models import HandOverReceipt, Notice, Parcel, ServiceRequest
from banyan.kernel.clock import now as clock_now
from banyan.web.sessions import SESSION_COOKIE
from support import issuing
from support.pages import GULOU, REQUESTER_ID, REQUESTER_PHONE, Office, office, session_token

pytestmark = pytest.mark.browser
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
SIZES = {"desk": (1366, 768), "phone": (390, 844)}
WAYBILLS = iter(("EE123456785CN", "EE876543216CN", "EE473124829CN"))


@dataclass
class Site:
    """The office, served; pages opened through it are watched for anything the browser complains about."""

    office: Office
    url: str
    browser: Browser
    complaints: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def page(self, username: str = "clerk", size: str = "desk", *, has_script: bool = True) -> Page:
        width, height = SIZES[size]
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            locale="zh-CN",
            base_url=self.url,
            java_script_enabled=has_script,
        )
        self.contexts.append(context)
        context.add_cookies([{"name": SESSION_COOKIE, "value": session_token(username), "url": self.url}])
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def _note(self, message: ConsoleMessage) -> None:
        # A form that is refused on purpose is a "failed resource" to the browser; everything else counts.
        if message.type == "error" and "the server responded with a status of 4" not in message.text:
            self.complaints.append(message.text)

    def personalized(self, person: int) -> ServiceRequest:
        """A request whose pair is in its token; nobody was told yet."""
        made = self.office
        pair = made.issue(made.decide(made.open(person)))
        request = stored(pair.request_id)
        proof = made.world.sign(request.number, ra.personalization_nonce(request))
        return ra.personalize(made.actors["clerk"], request.pk, made.now, signature=proof)

    def told(self, person: int) -> ServiceRequest:
        """A request that waits to be fetched."""
        return ra.notify_ready(self.office.actors["clerk"], self.personalized(person).pk, self.office.now)

    def in_hands(self, person: int) -> ServiceRequest:
        request = self.told(person)
        receiver = issuing.requester(request)
        return ra.hand_over(self.office.actors["clerk"], request.pk, self.office.now, receiver=receiver)

    def revocation(self, person: int, reason: str = "no_longer_used") -> ServiceRequest:
        """An approved revocation of a pair in its holder's hands."""
        made = self.office
        old = stored(self.in_hands(person).pk)
        draft = issuing.draft(
            made.world, pair_id=old.issued_pair_id, business="revoke", reason=reason, person_id=None,
            organization_id=None, channel="COUNTER", data=None, materials=issuing.materials("revoke"),
        )  # fmt: skip
        request = ra.open_request(made.actors["clerk"], draft, made.now)
        assert ra.precheck(made.actors["clerk"], request.pk, made.now) == []
        return ra.approve(made.actors["approver"], request.pk, made.now)


def stored(request_id: int | None) -> ServiceRequest:
    return ServiceRequest.objects.unscoped("test").get(pk=request_id)


def token_of(request: ServiceRequest) -> Token:
    return Token.objects.unscoped("test").get(pk=stored(request.pk).token_id)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(ARGUMENTS))
        yield started
        started.close()


@pytest.fixture(scope="module")
def served(django_db_setup: None, django_db_blocker: Any) -> Iterator[tuple[Office, str]]:
    """One office for all tests of this module; each works on requests of its own."""
    with django_db_blocker.unblock():
        call_command("migrate", verbosity=0)
        made = office()
        serials = [TokenEntry(f"BYD{number:07d}", admin_pin="K7QW3ZPN5TXD2HMA") for number in range(40)]
        received = receive_tokens(made.actors["clerk"], serials, medium="USB_KEY", region_code=GULOU, now=made.now)
        made._tokens[:0] = [row for row in received if isinstance(row, Token)]
        server = LiveServer("127.0.0.1")
        yield made, server.url
        server.stop()
        call_command("flush", verbosity=0, interactive=False)
        connections.close_all()


@pytest.fixture
def site(served: tuple[Office, str], browser: Browser, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    expect.set_options(timeout=20_000)
    # The browser's loop runs in this thread, which makes Django think that tests were asynchronous.
    monkeypatch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    made = Site(*served, browser)
    made.office.now = clock_now()
    yield made
    for context in made.contexts:
        context.close()
    assert not made.complaints


def shot(page: Page, name: str) -> None:
    """A picture of the page, kept where ``BANYAN_SCREENSHOTS`` says."""
    place = os.environ.get("BANYAN_SCREENSHOTS")
    if place:
        page.screenshot(path=Path(place) / f"{name}.png")


def test_chosen_requests_are_told_together_by_keyboard(site: Site) -> None:
    """通知领取 in bulk; the notices become listed calls while no gateway is connected."""
    first, second = site.personalized(5), site.personalized(4)
    page = site.page()
    page.goto("/desk/deliver?tab=notify")
    for request in (first, second):
        page.locator(f'input[name=request][value="{request.pk}"]').check()
    expect(page.locator("[data-chosen]")).to_have_text("已选 2 件")
    shot(page, "deliver-notify")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toast-by")).to_contain_text("已通知 2 件")
    assert {stored(one.pk).step for one in (first, second)} == {"hand_over"}
    page.goto("/desk/deliver?tab=call")
    expect(page.locator("tr", has_text=first.number)).to_contain_text("可以领取·待电话通知")
    shot(page, "deliver-call")


def test_a_list_with_nothing_chosen_changes_nothing_and_a_repeat_is_told(site: Site) -> None:
    request = site.personalized(5)
    page = site.page()
    page.goto("/desk/deliver?tab=notify")
    ra.notify_ready(site.office.actors["clerk"], request.pk, site.office.now)  # a colleague was quicker
    page.locator(f'input[name=request][value="{request.pk}"]').check()
    page.get_by_role("button", name="通知所选经办人").click()
    expect(page.get_by_role("alert")).to_contain_text(request.number)
    assert Notice.objects.unscoped("test").filter(request=request).count() == 1


def test_a_clerk_calls_and_notes_what_came_of_it(site: Site) -> None:
    """A phone call recorded: who, when, result; the number is shown for the call only, and the look is recorded."""
    request = site.told(5)
    page = site.page()
    page.goto(f"/desk/deliver/{request.pk}")
    expect(page.locator(".work-head")).to_contain_text("138****0023")
    assert REQUESTER_PHONE not in page.content()
    page.get_by_role("button", name="看电话号码").click()
    expect(page.locator("#phone")).to_have_text(REQUESTER_PHONE)
    assert REQUESTER_PHONE not in page.url
    assert AuditRecord.objects.filter(event="ra.requester_revealed", object_id=request.pk).count() == 1
    page.get_by_label("无人接听").check()
    page.get_by_label("通话备注").fill("响铃无人接")
    page.get_by_role("button", name="记下这次电话").click()
    expect(page.locator(".tries")).to_contain_text("电话·无人接听·响铃无人接")
    assert REQUESTER_PHONE not in page.content()
    shot(page, "deliver-called")
    page.get_by_label("已告知本人").check()
    page.get_by_role("button", name="记下这次电话").click()
    expect(page.locator(".told .st")).to_have_text("已电话告知")
    expect(page.get_by_role("button", name="记下这次电话")).to_have_count(0)


def test_the_right_person_fetches_and_nothing_typed_is_lost_on_the_way(site: Site) -> None:
    """领取签收: the document is compared; a refused form comes back with everything typed and the message at the field."""
    request = site.told(5)
    page = site.page()
    page.goto(f"/desk/deliver/{request.pk}")
    expect(page.locator("#received_by")).to_have_value("陈经办")
    expect(page.get_by_label("证件号后四位")).to_be_focused()
    page.get_by_label("备注", exact=True).fill("带了印章")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#ho-bad")).to_contain_text("后四位")
    expect(page.get_by_label("备注", exact=True)).to_have_value("带了印章")
    page.get_by_label("证件号后四位").fill("0000")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#ho-bad")).to_contain_text("不符")
    shot(page, "deliver-refused")
    page.get_by_label("证件号后四位").fill(REQUESTER_ID[-4:])
    link = page.get_by_role("link", name=re.compile("打印领取表"))
    paper = link.get_attribute("href")
    assert paper is not None
    assert client("clerk").get(paper).headers["Content-Type"] == "application/pdf"
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toast-by")).to_contain_text("已交付")
    expect(page.locator(".work-body")).to_contain_text("经办人本人，证件号已核对")
    shot(page, "deliver-done")
    assert (stored(request.pk).state, token_of(request).state) == ("DONE", "HANDED_OVER")
    assert REQUESTER_ID[-4:] not in AuditRecord.objects.filter(event="ra.hand_over").latest("pk").detail


def test_a_log_in_that_ends_in_the_middle_loses_nothing(site: Site) -> None:
    """What is typed is kept for the clerk; a form sent after the log-in ended stays on the page and says so."""
    request = site.told(4)
    page = site.page()
    page.goto(f"/desk/deliver/{request.pk}")
    with page.expect_response("**/desk/drafts/**"):
        page.get_by_label("代领授权").fill("测试单位委托书 9 号")
        page.get_by_label("代领授权").blur()
    cookies = page.context.cookies()
    page.context.clear_cookies(name=SESSION_COOKIE)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#ended")).to_be_visible()
    assert stored(request.pk).step == "hand_over"
    page.context.add_cookies(cookies)  # type: ignore[arg-type]
    page.reload()
    expect(page.get_by_label("代领授权")).to_have_value("测试单位委托书 9 号")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".work-body")).to_contain_text("凭授权代领·测试单位委托书 9 号")


def test_somebody_else_needs_an_authorisation(site: Site) -> None:
    request = site.told(4)
    page = site.page()
    page.goto(f"/desk/deliver/{request.pk}")
    page.locator("#received_by").fill("测试路人")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#ho-bad")).to_contain_text("代领须有授权")
    expect(page.get_by_label("代领授权")).to_be_focused()
    page.get_by_label("代领授权").fill("测试单位委托书 7 号")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".work-body")).to_contain_text("凭授权代领·测试单位委托书 7 号")


def test_two_clerks_and_a_double_click_hand_over_once(site: Site) -> None:
    request = site.told(5)
    one, other = site.page(), site.page()
    for page in (one, other):
        page.goto(f"/desk/deliver/{request.pk}")
        page.get_by_label("证件号后四位").fill(REQUESTER_ID[-4:])
    one.get_by_role("button", name=re.compile("登记交付")).dblclick()
    expect(one.locator(".work-body")).to_contain_text("领取登记")
    other.get_by_role("button", name=re.compile("登记交付")).click()
    expect(other.get_by_role("alert").first).to_be_visible()
    assert HandOverReceipt.objects.unscoped("test").filter(request=request).count() == 1
    one.go_back()  # the page is asked for again, and the form is gone
    expect(one.locator(".work-body")).to_contain_text("领取登记")
    assert HandOverReceipt.objects.unscoped("test").filter(request=request).count() == 1


def fill_recipient(page: Page) -> None:
    page.get_by_label("姓名").fill("陈经办")
    page.get_by_label("手机号").fill(REQUESTER_PHONE)
    page.get_by_label("地址").fill("福建省福州市鼓楼区虚构路 1 号")


def test_several_requests_go_by_ems_in_one_parcel(site: Site) -> None:
    """邮寄: packed, sent with the waybill number, delivered; the recipient is shown whole for the label only."""
    first, second = site.told(5), site.told(4)
    page = site.page()
    page.goto("/desk/deliver?tab=wait")
    for request in (first, second):
        page.locator(f'input[name=request][value="{request.pk}"]').check()
    page.get_by_role("button", name=re.compile("装包裹邮寄")).click()
    expect(page.locator(".parcel-items li")).to_have_count(2)
    fill_recipient(page)
    page.get_by_label("手机号").fill("123")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#phone-bad")).to_be_visible()
    expect(page.get_by_label("地址")).to_have_value("福建省福州市鼓楼区虚构路 1 号")
    shot(page, "parcel-new")
    page.get_by_label("手机号").fill(REQUESTER_PHONE)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toast-by")).to_contain_text("已装包裹")
    assert REQUESTER_PHONE not in page.content()
    page.get_by_role("button", name=re.compile("写面单")).click()
    expect(page.locator(".label-clear")).to_contain_text(REQUESTER_PHONE)
    waybill = next(WAYBILLS)
    page.get_by_label("运单号").fill(waybill[:-3] + "0CN")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert")).to_contain_text("校验位不符")
    page.get_by_label("运单号").fill(waybill.lower())
    shot(page, "parcel-prepared")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".work-head")).to_contain_text(waybill)
    assert {token_of(one).state for one in (first, second)} == {"IN_TRANSIT"}
    shot(page, "parcel-sent")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toast-by")).to_contain_text("已登记妥投")
    assert {(stored(one.pk).state, token_of(one).state) for one in (first, second)} == {("DONE", "HANDED_OVER")}


def test_parcels_are_sent_in_bulk_each_for_itself_and_listed_for_signature(site: Site) -> None:
    made = []
    for person in (5, 4):
        page = site.page()
        page.goto(f"/desk/parcels/new?request={site.told(person).pk}")
        fill_recipient(page)
        page.keyboard.press("Control+Enter")
        expect(page.locator(".toast-by")).to_contain_text("已装包裹")
        made.append(Parcel.objects.unscoped("test").latest("pk"))
    page = site.page()
    page.goto("/desk/parcels?kind=prepared")
    waybill = next(WAYBILLS)
    for parcel in made:
        page.get_by_label(f"包裹 {parcel.number} 的运单号").fill(waybill)
    page.get_by_role("button", name=re.compile("登记交寄")).click()
    expect(page.get_by_role("alert")).to_contain_text("没有登记成")
    shot(page, "parcels-refused")
    states = [Parcel.objects.unscoped("test").get(pk=one.pk).state for one in made]
    assert sorted(states) == ["PREPARED", "SENT"], "the same number cannot be on two labels"
    page.goto("/desk/parcels/sheet")
    expect(page.locator(".sheet tbody")).to_contain_text(waybill)
    expect(page.locator(".sheet tbody")).to_contain_text("138****0023")
    shot(page, "parcel-sheet")


def test_a_returned_parcel_waits_at_the_counter_again(site: Site) -> None:
    request = site.told(5)
    clerk, moment = site.office.actors["clerk"], site.office.now
    from banyan.domain.ra import recipients

    who = recipients.read(name="陈经办", phone=REQUESTER_PHONE, address="福建省福州市鼓楼区虚构路 1 号")
    parcel = ra.prepare_parcel(clerk, [request.pk], who, moment)
    ra.send_parcel(clerk, parcel.pk, moment, waybill=next(WAYBILLS))
    page = site.page()
    page.goto(f"/desk/deliver/{request.pk}")
    expect(page.locator(".work-body")).to_contain_text(f"介质在包裹 {parcel.number} 里")
    page.get_by_role("link", name="打开包裹").click()
    page.get_by_label("退回原因").fill("收件人拒收")
    page.get_by_role("button", name=re.compile("登记退回")).click()
    expect(page.locator(".toast-by")).to_contain_text("介质回到待领取")
    assert (stored(request.pk).step, token_of(request).state) == ("hand_over", "PERSONALIZED")


def test_a_revocation_names_what_ends_and_asks_before_it(site: Site) -> None:
    """注销: object and consequence in a dialog, the button repeats the verb; the token handed in is taken back."""
    request = site.revocation(5)
    page = site.page()
    page.goto("/desk/deliver?tab=revoke")
    page.get_by_role("link", name=request.subject_name).first.click()
    page.goto(f"/desk/revoke/{request.pk}")
    page.keyboard.press("F8")
    expect(page.locator("#ask-revoke")).to_be_hidden()  # the choice is missing
    page.get_by_label("已交回").check()
    shot(page, "revoke")
    page.keyboard.press("F8")
    dialog = page.locator("#ask-revoke")
    expect(dialog).to_contain_text(f"注销“{request.subject_name}”的证书")
    shot(page, "revoke-asked")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert states(request) == {"VALID"}
    page.keyboard.press("F8")
    dialog.get_by_role("button", name="注销这张证书").click()
    expect(page.locator(".work-body")).to_contain_text("已注销")
    assert states(request) == {"REVOKED"}
    assert token_of(request).state == "RETURNED"


def test_a_token_that_is_not_handed_in_needs_a_statement_also_without_script(site: Site) -> None:
    request = site.revocation(4, "compromised")
    page = site.page(has_script=False)
    page.goto(f"/desk/revoke/{request.pk}")
    page.get_by_label("没有交回").check()
    page.locator("noscript button").click()
    expect(page.locator("#note-bad")).to_contain_text("遗失声明")
    page.get_by_label("说明").fill("遗失声明 3 号")
    page.locator("noscript button").click()
    expect(page.locator(".work-body")).to_contain_text("已注销")
    assert token_of(request).state == "LOST"


def states(request: ServiceRequest) -> set[str]:
    return set(Certificate.objects.filter(pair_id=stored(request.pk).pair_id).values_list("state", flat=True))


@pytest.mark.parametrize("tab", ["notify", "call", "wait", "late", "unlock", "revoke"])
def test_lists_work_at_phone_width(site: Site, tab: str) -> None:
    site.told(5)
    page = site.page(size="phone")
    page.goto(f"/desk/deliver?tab={tab}")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= SIZES["phone"][0], "the page itself does not scroll sideways"
    shot(page, f"phone-{tab}")


def test_the_panel_works_at_phone_width(site: Site) -> None:
    request = site.told(5)
    page = site.page(size="phone")
    for address, name in ((f"/desk/deliver/{request.pk}", "panel"), ("/desk/parcels", "parcels")):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth") <= SIZES["phone"][0]
        shot(page, f"phone-{name}")


@pytest.mark.parametrize("address", ["/desk/deliver/{}", "/desk/unlock/{}", "/desk/revoke/{}"])
def test_a_clerk_of_another_region_finds_nothing(site: Site, address: str) -> None:
    pingtan = site.office.pairs["pingtan"].request_id
    page = site.page("fuzhou")
    answer = page.goto(address.format(pingtan))
    assert answer is not None
    assert answer.status == 404


LOOKED_AT = ("/desk/deliver", "/desk/deliver?tab=call", "/desk/parcels", "/desk/parcels/sheet", "/desk/parcels/new")
WRITTEN_TO = (
    "/desk/deliver/notify", "/desk/deliver/{}/notify", "/desk/deliver/{}/call", "/desk/deliver/{}/resend",
    "/desk/deliver/{}/phone", "/desk/deliver/{}/hand-over", "/desk/parcels/new", "/desk/revoke/{}", "/desk/unlock/{}/done",
)  # fmt: skip


def client(username: str) -> Client:
    made = Client()
    made.cookies[SESSION_COOKIE] = session_token(username)
    return made


@pytest.mark.parametrize("username", ["clerk", "proofreader", "approver", "sysadmin", "secadmin", "auditadmin"])
def test_pages_open_for_those_who_read_requests_and_nobody_else(site: Site, username: str) -> None:
    """F8: the rights of the table decide, page by page."""
    may_read = rights.has(site.office.actors[username], "requests.read")
    for address in LOOKED_AT:
        assert client(username).get(address).status_code == (200 if may_read else 404), address


@pytest.mark.parametrize("username", ["proofreader", "approver", "sysadmin", "secadmin", "auditadmin", "fuzhou"])
def test_nobody_else_tells_hands_over_revokes_or_sees_a_telephone(site: Site, username: str) -> None:
    """F8: every address that writes, tried by every role and by a clerk of another region: nothing is done, nothing shown."""
    request = stored(site.office.pairs["pingtan"].request_id)
    proof = site.office.world.sign(request.number, ra.personalization_nonce(request))
    if request.step == "personalize":
        ra.personalize(site.office.actors["clerk"], request.pk, site.office.now, signature=proof)
    before = stored(request.pk).version
    for address in ("/desk/deliver/{}", "/desk/revoke/{}", "/desk/unlock/{}"):  # also a request of another business
        assert client(username).get(address.format(request.pk)).status_code in (200, 404), address
    for number, address in enumerate(WRITTEN_TO):
        sent = {
            "form_key": f"k{username}{number}", "version": str(before), "request": str(request.pk), "notice": "1",
            "result": "reached", "received_by": "陈经办", "last_four": REQUESTER_ID[-4:], "fate": "returned",
            "name": "陈经办", "phone": REQUESTER_PHONE, "address": "福建省福州市鼓楼区虚构路 1 号",
        }  # fmt: skip
        answer = client(username).post(address.format(request.pk), sent)
        assert answer.status_code in (403, 404, 415, 422), (address, answer.status_code)
        if "parcels/new" not in address:  # where the form comes back with what was typed
            assert REQUESTER_PHONE not in answer.content.decode(), address
    assert stored(request.pk).version == before
