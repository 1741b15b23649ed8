"""Taking in at the counter, in a real browser: every kind and system, what is missing, who has something already (A4–A8)."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from banyan.domain.audit.models import AuditRecord
from banyan.domain.desk.models import Draft
from banyan.domain.iam.models import Session
from banyan.domain.iam.rights import Role
from banyan.domain.outbox.models import OutboxMessage
from banyan.domain.ra import intake
from banyan.domain.ra.models import DeficiencyNotice, ServiceRequest
from banyan.kernel.clock import now
from support import issuing, scans
from support.desk_pages import ARGUMENTS, PHONE, DeskPages
from support.iam import account_with
from support.pages import LongStandingCa
from support.parties import credit_code, resident_id

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PERSON = {
    "id_number": resident_id(321),
    "holder_name": "欧阳榕",
    "uscc": credit_code(321),
    "body_name": "测试榕荫县一局",
}
BODY = {"uscc": credit_code(322), "body_name": "测试榕荫县二局", "region": "鼓楼区"}
DEVICE = {**BODY, "device_domain": "shili.gov.example"}
SEAL = {**BODY, "form_seal_code": "35010200000321"}
SCAN = {"name": "scan.pdf", "mimeType": "application/pdf", "buffer": scans.pdf()}


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
def desk(live_server: LiveServer, browser: Browser) -> Iterator[DeskPages]:
    made = DeskPages(issuing.world(connector=LongStandingCa()), live_server.url, browser)
    yield made
    for context in browser.contexts:
        context.close()
    assert not made.complaints


def choose(page: Page, *keys: str) -> None:
    """Business, system, kind, one digit each."""
    page.goto("/desk/intake/new")
    for key in keys:
        with page.expect_navigation():
            page.keyboard.press(key)


def fill(page: Page, values: dict[str, str]) -> None:
    typed = {"region": "鼓楼区", "requester_name": "陈经办", "requester_phone": "13800000023", **values}
    for name, text in typed.items():
        place = page.locator(f"[name={name}]")
        if place.evaluate("one => one.tagName") == "SELECT":
            place.select_option(label=text)
        else:
            place.fill(text)


def send(page: Page) -> None:
    page.keyboard.press("Control+Enter")


def requests() -> list[ServiceRequest]:
    return list(ServiceRequest.objects.unscoped("tests").order_by("pk"))


@pytest.mark.parametrize(
    ("keys", "values", "expected"),
    [
        ("111", PERSON, ("GENERAL", "PERSONAL", "欧阳榕")),
        ("112", BODY, ("GENERAL", "ORGANIZATION", "测试榕荫县二局")),
        ("113", DEVICE, ("GENERAL", "DEVICE", "shili.gov.example")),
        (
            "121",
            PERSON | {"form_operating_system": "银河麒麟 V10", "form_cpu": "飞腾"},
            ("XINCHUANG", "PERSONAL", "欧阳榕"),
        ),
        ("131", PERSON | {"form_app_name": "测试办公", "form_medium": "SIM 贴片卡"}, ("MOBILE", "PERSONAL", "欧阳榕")),
        ("141", SEAL, ("ESEAL", "SEAL", "测试榕荫县二局")),
    ],
)
def test_a_new_certificate_is_taken_in_by_keyboard(
    desk: DeskPages, keys: str, values: dict[str, str], expected: tuple[str, str, str]
) -> None:
    """A5–A8: the choice by three digits, the matching form, what was at hand kept for the entry; no number in an address."""
    page = desk.page()
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url))
    choose(page, *keys)
    fill(page, values)
    send(page)
    expect(page).to_have_url(re.compile(r"/desk/intake/\d+$"))
    expect(page.locator("#toasts")).to_contain_text("已受理")
    (one,) = requests()
    assert (one.system, one.kind, one.subject_name, one.step, one.channel) == (*expected, "precheck", "COUNTER")
    noted = intake.read(one)
    assert noted is not None
    assert noted.requester == {"name": "陈经办", "phone": "13800000023"}
    given = {name.removeprefix("form_") for name in values if name.startswith("form_")}
    assert set(noted.form) == given
    assert not Draft.objects.exists()
    assert not [url for url in asked if any(number in url for number in (PERSON["id_number"], BODY["uscc"]))]


@pytest.mark.parametrize(
    ("keys", "name", "typed", "told"),
    [
        ("111", "id_number", resident_id(321)[:-1] + ("1" if resident_id(321)[-1] != "1" else "2"), "校验码不对"),
        ("112", "uscc", credit_code(321)[:-1] + ("1" if credit_code(321)[-1] != "1" else "2"), "校验码不对"),
        ("141", "form_seal_code", "35990200000321", "不是行政区划代码"),
        ("141", "form_seal_code", "350102000003210000", "应为 14 位"),
        ("111", "requester_phone", "12345678901", "手机号"),
        ("111", "region", "龙宫市", "区划表"),
    ],
)
def test_a_wrong_number_is_told_at_its_field_while_typing(
    desk: DeskPages, keys: str, name: str, typed: str, told: str
) -> None:
    page = desk.page()
    choose(page, *keys)
    page.locator(f"[name={name}]").fill(typed)
    page.locator(f"[name={name}]").press("Tab")
    expect(page.locator(f"#e-{name}")).to_contain_text(told)
    expect(page.locator(f"[name={name}]")).to_have_attribute("aria-invalid", "true")
    send(page)
    expect(page.locator("#errors")).to_contain_text(told)
    expect(page.locator(f"[name={name}]")).to_have_value(typed)
    assert requests() == []


def test_who_is_on_record_is_shown_and_warned_of(desk: DeskPages) -> None:
    """A5, 规范 3.3.1.2(2): 重复注册提醒; of what lies elsewhere a clerk learns number, kind and system; each look is recorded."""
    (pair,) = issuing.issued(desk.world, issuing.draft(desk.world), now=now())
    holder = desk.world.people[0]
    page = desk.page()
    choose(page, "1", "1", "1")
    page.fill("[name=id_number]", resident_id(1))
    expect(page.locator("[name=holder_name]")).to_have_value(holder.name)
    page.press("[name=id_number]", "Tab")
    expect(page.locator("#held")).to_contain_text("重复注册提醒")
    expect(page.locator("#held a").first).to_have_attribute("href", f"/certificates/{pair.pk}")
    assert AuditRecord.objects.filter(event="ra.look_up_holder").count() == 1
    elsewhere = desk.page(regions=["350200"])
    choose(elsewhere, "1", "1", "1")
    elsewhere.fill("[name=id_number]", resident_id(1))
    elsewhere.press("[name=id_number]", "Tab")
    expect(elsewhere.locator("#held")).to_contain_text("管辖外 1 对")
    assert elsewhere.locator("#held a").count() == 0
    expect(elsewhere.locator("[name=holder_name]")).to_have_value("")
    assert holder.name not in elsewhere.content()


def test_a_clerk_takes_in_for_the_own_region_only(desk: DeskPages) -> None:
    """A9: another region is refused at the field; a request elsewhere is not there."""
    page = desk.page(regions=["350200"])
    choose(page, "1", "1", "1")
    expect(page.locator("[name=region]")).to_have_value("厦门市")
    fill(page, PERSON)
    send(page)
    expect(page.locator("#e-region")).to_contain_text("管辖范围")
    assert requests() == []
    opened = ServiceRequest.objects.unscoped("tests")
    there = desk.page()
    choose(there, "1", "1", "1")
    fill(there, PERSON)
    send(there)
    expect(there).to_have_url(re.compile(r"/desk/intake/\d+$"))
    for path in ("", "/held", "/precheck"):
        method = page.request.get if not path else page.request.post
        answer = method(f"{desk.url}/desk/intake/{opened.get().pk}{path}")
        assert answer.status in (403, 404)
    answer = desk.page(Role.PROOFREADER).request.get(f"{desk.url}/desk/intake/new")
    assert answer.status == 404


def test_everything_missing_is_told_at_once_then_the_request_goes_on(desk: DeskPages) -> None:
    """A4, 规范 3.1.1.1: 一次性告知, on the time line, told to the requester; complete: on to the approval."""
    page = desk.page()
    choose(page, "1", "1", "1")
    fill(page, PERSON)
    send(page)
    expect(page).to_have_url(re.compile(r"/desk/intake/\d+$"))
    page.set_input_files("#file-application_form", [SCAN])
    page.click("text=上传所选文件")
    expect(page.locator("#toasts")).to_contain_text("已加入 1 份材料")
    expect(page.locator("button[value=pass]")).to_be_disabled()
    page.select_option("#r-application_form", "other")
    page.keyboard.press("F8")
    expect(page.locator("[role=alert]")).to_contain_text("还没有写明")
    page.fill("[name=remark_text_application_form]", "第二页没有签名")
    page.keyboard.press("F8")
    expect(page.locator("#toasts")).to_contain_text("共 3 项")
    notice = DeficiencyNotice.objects.get()
    reasons = [(item.code, item.reason) for item in notice.items.order_by("pk")]
    assert reasons == [
        ("application_form", "other"), ("requester_identity", "missing"), ("holder_identity", "missing"),
    ]  # fmt: skip
    expect(page.locator(".steps")).to_contain_text("第二页没有签名")
    expect(page.locator(".check-row").first).to_contain_text("上次告知：其他：第二页没有签名")
    assert OutboxMessage.objects.filter(topic="sms.notice").count() == 1
    for code in ("requester_identity", "holder_identity"):
        page.set_input_files(f"#file-{code}", [SCAN | {"name": f"{code}.pdf"}])
    page.click("text=上传所选文件")
    expect(page.locator("button[value=pass]")).to_be_enabled()
    send(page)
    expect(page.locator("#toasts")).to_contain_text("初审通过")
    assert requests()[0].step == "approve"


def test_a_file_that_is_no_scan_is_refused(desk: DeskPages) -> None:
    page = desk.page()
    choose(page, "1", "1", "2")
    fill(page, BODY)
    send(page)
    expect(page).to_have_url(re.compile(r"/desk/intake/\d+$"))
    page.set_input_files("#file-application_form", [SCAN | {"name": "a.pdf", "buffer": b"MZ program"}])
    page.click("text=上传所选文件")
    expect(page.locator("[role=alert]")).to_contain_text("它的内容不是 JPG、PNG、TIFF 图片或 PDF")


def test_a_form_outlives_its_session(desk: DeskPages) -> None:
    """The log-in ends in the middle: nothing typed is lost, and after a new log-in the form comes back and is sent once."""
    account = account_with(Role.CLERK)
    page = desk.page_of(account)
    choose(page, "1", "1", "1")
    fill(page, PERSON)
    with page.expect_response(re.compile("/desk/drafts/intake")):
        page.press("[name=requester_phone]", "Tab")
    Session.objects.all().delete()
    send(page)
    expect(page.locator("#ended")).to_be_visible()
    expect(page.locator("[name=id_number]")).to_have_value(PERSON["id_number"])
    assert requests() == []
    again = desk.page_of(account)
    again.goto("/desk/intake/new")
    expect(again).to_have_url(re.compile("business=enroll&system=GENERAL&kind=PERSONAL"))
    expect(again.locator("[name=id_number]")).to_have_value(PERSON["id_number"])
    expect(again.locator(".work")).to_contain_text("填写未提交的内容")
    send(again)
    expect(again).to_have_url(re.compile(r"/desk/intake/\d+$"))
    assert len(requests()) == 1


def test_a_double_click_and_the_back_button_make_one_request(desk: DeskPages) -> None:
    page = desk.page()
    choose(page, "1", "1", "1")
    fill(page, PERSON)
    page.locator(".foot .btn-primary").dblclick()
    expect(page).to_have_url(re.compile(r"/desk/intake/\d+$"))
    key = AuditRecord.objects.filter(event="ra.take_in").count()
    page.go_back()
    expect(page.locator("[name=id_number]")).to_be_visible()
    assert (len(requests()), key) == (1, 1)


def test_two_clerks_at_one_request(desk: DeskPages) -> None:
    """Who comes second is told that the request changed, and by whom; the first one's work stands."""
    first, second = desk.page(), desk.page()
    choose(first, "1", "1", "2")
    fill(first, BODY)
    send(first)
    expect(first).to_have_url(re.compile(r"/desk/intake/\d+$"))
    second.goto(first.url)
    first.keyboard.press("F8")
    expect(first.locator("#toasts")).to_contain_text("共 3 项")
    second.keyboard.press("F8")
    expect(second.locator("[role=alert]")).to_contain_text("改动过")
    assert DeficiencyNotice.objects.count() == 1


def test_a_business_on_a_pair_finds_it_and_asks_for_the_reason(desk: DeskPages) -> None:
    """A4: 补办 by name; without the reason nothing is opened; the requester can be changed, the request withdrawn."""
    (pair,) = issuing.in_hands(desk.world, issuing.draft(desk.world), now=now())
    page = desk.page()
    choose(page, "3")
    page.fill("[name=pair_query]", pair.token_serial)
    with page.expect_navigation():
        page.press("[name=pair_query]", "Enter")
    expect(page.locator(".pair")).to_contain_text(pair.subject_name)
    page.fill("[name=requester_name]", "陈经办")
    page.fill("[name=requester_phone]", "13800000023")
    send(page)
    expect(page.locator("#errors")).to_contain_text("没有选择原因")
    page.check("[name=reason][value=lost]")
    send(page)
    expect(page).to_have_url(re.compile(r"/desk/intake/\d+$"))
    one = requests()[-1]
    assert (one.business, one.reason, one.pair_id) == ("reissue", "lost", pair.pk)
    page.click("text=更改经办人")
    page.fill("#q-name", "林经办")
    page.fill("#q-phone", "13900000045")
    page.click("text=保存经办人")
    expect(page.locator(".work-head")).to_contain_text("林经办")
    expect(page.locator(".work-head")).to_contain_text("139****0045")
    page.click("text=撤回")
    page.fill("#why", "介质找到了")
    page.click("dialog >> text=撤回申请单")
    expect(page.locator("#toasts")).to_contain_text("已撤回")
    assert requests()[-1].state == "CANCELLED"


def test_an_unknown_pair_and_a_revoked_one_say_so(desk: DeskPages) -> None:
    (pair,) = issuing.in_hands(desk.world, issuing.draft(desk.world), now=now())
    page = desk.page()
    choose(page, "6")
    page.fill("[name=pair_query]", pair.token_serial)
    with page.expect_navigation():
        page.click("[name=find]")
    expect(page.locator(".pair")).to_contain_text("离到期还早")
    expect(page.locator("[name=pair]")).to_be_disabled()
    elsewhere = desk.page(regions=["350200"])
    choose(elsewhere, "6")
    elsewhere.fill("[name=pair_query]", pair.token_serial)
    with elsewhere.expect_navigation():
        elsewhere.click("[name=find]")
    expect(elsewhere.locator(".work")).to_contain_text("没有找到证书")


def test_it_works_without_script(desk: DeskPages) -> None:
    page = desk.page(javascript=False)
    page.goto("/desk/intake/new")
    for word in ("新办", "通用", "个人证书"):
        page.click(f".card-choice >> text={word}")
    for name, text in {**PERSON, "region": "鼓楼区", "requester_name": "陈经办", "requester_phone": "138"}.items():
        page.fill(f"[name={name}]", text)
    page.click(".foot .btn-primary")
    expect(page.locator("#e-requester_phone")).to_contain_text("手机号")
    page.fill("[name=requester_phone]", "13800000023")
    page.click(".foot .btn-primary")
    expect(page).to_have_url(re.compile(r"/desk/intake/\d+$"))
    assert len(requests()) == 1


def test_pages_fit_a_phone(desk: DeskPages, tmp_path: Path) -> None:
    page = desk.page(size=PHONE)
    choose(page, "1", "2", "1")
    fill(page, PERSON)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator(".foot .btn-primary").click()
    expect(page).to_have_url(re.compile(r"/desk/intake/\d+$"))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto("/desk/sheet")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_remarks_typed_at_the_precheck_outlive_the_page(desk: DeskPages) -> None:
    account = account_with(Role.CLERK)
    page = desk.page_of(account)
    choose(page, "1", "1", "2")
    fill(page, BODY)
    send(page)
    expect(page).to_have_url(re.compile(r"/desk/intake/\d+$"))
    page.select_option("#r-organization_code", "expired")
    with page.expect_response(re.compile("/desk/drafts/precheck-")):
        page.fill("[name=remark_text_organization_code]", "去年到期")
        page.press("[name=remark_text_organization_code]", "Tab")
    again = desk.page_of(account)
    again.goto(page.url)
    expect(again.locator("#r-organization_code")).to_have_value("expired")
    expect(again.locator("[name=remark_text_organization_code]")).to_have_value("去年到期")
    again.keyboard.press("F8")
    expect(again.locator("#toasts")).to_contain_text("共 3 项")
    assert not Draft.objects.exists()
    expect(again.locator("#r-organization_code")).to_have_value("")
