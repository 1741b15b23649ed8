"""Approving, entering and proofreading at the counter in a real browser (issue 4, points 2 and 3; A4, F8)."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from banyan.domain.desk.models import Draft
from banyan.domain.ra import actions as ra
from banyan.domain.ra import checking
from banyan.domain.ra.checking import Care
from banyan.domain.ra.models import Approval, FieldCheck, Proofreading, ServiceRequest, StepRecord
from banyan.web.sessions import SESSION_COOKIE
from support.iam import account_with
from support.pages import NAMES, PINGTAN, REQUESTER_ID, REQUESTER_PHONE, Office, account_of, office, session_token
from support.parties import resident_id

pytestmark = pytest.mark.browser
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
SHOTS = os.environ.get("BANYAN_SHOTS", "")


@dataclass
class Counter:
    """The office, served; what its people see, each in a browser of their own."""

    office: Office
    url: str
    browser: Browser
    complaints: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def page(self, username: str, *, width: int = 1366, height: int = 768) -> Page:
        context = self.browser.new_context(
            viewport={"width": width, "height": height}, locale="zh-CN", base_url=self.url
        )
        self.contexts.append(context)
        self.log_in(context, username)
        page = context.new_page()
        page.set_default_timeout(15_000)
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def log_in(self, context: BrowserContext, username: str) -> None:
        context.add_cookies([{"name": SESSION_COOKIE, "value": session_token(username), "url": self.url}])

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "the server responded with a status of 4" not in message.text:
            self.complaints.append(message.text)

    def at_approval(self, person: int, *, days_ago: int = 0) -> ServiceRequest:
        """Taken in at the counter with its materials, complete; the longer ago, the higher in the work list."""
        clerk, at = self.office.actors["clerk"], self.office.now - timedelta(days=days_ago)
        request = self.office.open(person, channel="COUNTER", at=at)
        ra.precheck(clerk, request.pk, at)
        return request

    def at_entry(self, person: int) -> ServiceRequest:
        request = self.at_approval(person)
        ra.approve(self.office.actors["approver"], request.pk, self.office.now)
        return request


def stored(request: ServiceRequest) -> ServiceRequest:
    return ServiceRequest.objects.unscoped("test").get(pk=request.pk)


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=list(ARGUMENTS))
        yield started
        started.close()


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


@pytest.fixture
def counter(served: tuple[Office, str], browser: Browser, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    monkeypatch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    expect.set_options(timeout=15_000)
    made = Counter(*served, browser)
    yield made
    for context in made.contexts:
        context.close()
    assert not made.complaints


# ---- approving ----


def test_an_approver_decides_with_what_the_holder_has_before_him(counter: Counter) -> None:
    """A4, 3.3.1.2(2): pairs held, other requests, materials and what the certificate will say; then the next request."""
    request = counter.at_approval(0, days_ago=40)  # holds a valid pair
    page = counter.page("approver")
    page.goto("/desk/approvals")
    page.locator(f'.q-link[href="/desk/approvals/{request.pk}"]').click()
    work = page.locator(".work")
    expect(work).to_contain_text("重复注册提醒：该持有人已有 1 对有效证书")
    page.wait_for_load_state()
    expect(work).to_contain_text("证书上会写")
    expect(work).to_contain_text("还没有录入，按持有人档案推算")
    expect(page.locator("#papers")).to_contain_text("数字证书业务申请表")
    shot(page, "approval-1366")
    page.fill("#note", "材料齐全，13800000023")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toasts")).to_contain_text(f"已审核通过：{NAMES[0]}")
    assert stored(request).step == "enter"
    approval = Approval.objects.get(request=request)
    assert approval.reason == "材料齐全，138****0023", "numbers of people do not get into remarks"
    page.go_back()
    expect(page.locator(".work")).to_contain_text("这件申请单现在待录入")
    assert Approval.objects.filter(request=request).count() == 1


def test_a_rejection_needs_its_reason_and_keeps_what_was_typed(counter: Counter) -> None:
    request = counter.at_approval(1)
    page = counter.page("approver")
    page.goto(f"/desk/approvals/{request.pk}")
    page.keyboard.press("F8")
    expect(page.locator("#reject")).to_be_visible()
    page.get_by_role("button", name="不通过这件申请").click()
    expect(page.locator("#reject")).to_contain_text("请选择或写明原因")
    page.select_option("#reason", label="重复申请")
    page.fill("#words", "去年已办")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toasts")).to_contain_text("已审核不通过")
    assert StepRecord.objects.get(request=request, outcome="rejected").note == "重复申请；去年已办"
    again = counter.at_approval(1)
    page.goto(f"/desk/approvals/{again.pk}")
    expect(page.locator(".work")).to_contain_text("该持有人有过被驳回的申请")
    expect(page.locator(".work")).to_contain_text("重复申请；去年已办")


def test_two_approvers_at_one_request_and_a_double_click(counter: Counter) -> None:
    request = counter.at_approval(3)
    first, second = counter.page("approver"), counter.page("approver")
    for page in (first, second):
        page.goto(f"/desk/approvals/{request.pk}")
    first.get_by_role("button", name="审核通过").dblclick()
    expect(first.locator(".toasts")).to_contain_text("已审核通过")
    second.fill("#note", "同意办理")
    second.get_by_role("button", name="审核通过").click()
    expect(second.locator("main")).to_contain_text("这件申请单现在待录入")
    assert Approval.objects.filter(request=request).count() == 1


def test_the_common_path_needs_no_mouse(counter: Counter) -> None:
    """From the work list: arrow, Enter, Ctrl+Enter; the next request is open at once."""
    requests = [newly_registered(counter, number, days_ago=80) for number in (70, 71)]
    page = counter.page("approver")
    page.goto("/desk/approvals")
    page.keyboard.press("ArrowDown")
    for _ in range(20):
        if page.evaluate("document.activeElement.getAttribute('href')") == f"/desk/approvals/{requests[0].pk}":
            break
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#w-h")).to_have_text(requests[0].subject_name)
    page.wait_for_load_state()  # the keys are the script's
    page.keyboard.press("Control+Enter")
    expect(page).to_have_url(re.compile(f"/desk/approvals/{requests[1].pk}$"))
    page.wait_for_load_state()
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toasts")).to_contain_text(f"已审核通过：{requests[1].subject_name}")
    assert [stored(one).step for one in requests] == ["enter", "enter"]


def test_what_nothing_speaks_against_is_approved_together(counter: Counter) -> None:
    """Several of one business and system; the others say why they need a look; the count is typed."""
    held = counter.at_approval(0)
    page = counter.page("approver")
    page.goto("/desk/approvals/together?system=GENERAL&business=enroll")
    expect(page.locator("tr", has_text=held.number)).to_contain_text("须单独看：持有人已有证书")
    newcomer = newly_registered(counter, 60)
    page.reload()
    row = page.locator("tr", has_text=newcomer.number)
    expect(row).to_contain_text("可以")
    row.locator("[name=chosen]").check()
    shot(page, "together-1366")
    page.fill("#count", "7")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert")).to_contain_text("选中了 1 件。在框里输入 1 再确认。")
    expect(row.locator("[name=chosen]")).to_be_checked()
    page.fill("#count", "1")
    page.keyboard.press("Control+Enter")
    expect(page).to_have_url(re.compile("/desk/approvals/together/done"))
    expect(page.locator("main")).to_contain_text("1 件通过，共 1 件")
    shot(page, "together-done-1366")
    assert stored(newcomer).step == "enter"
    assert stored(held).step == "approve"


def newly_registered(counter: Counter, number: int, *, days_ago: int = 0) -> ServiceRequest:
    """A request of somebody who has nothing yet."""
    from banyan.domain.parties.actions import register_person
    from support import issuing
    from support.parties import person_entry

    clerk, at = counter.office.actors["clerk"], counter.office.now - timedelta(days=days_ago)
    entry = person_entry(number, name=f"测试新人{'甲乙丙丁戊己庚辛壬癸'[number % 10]}", region="350102")
    person = register_person(clerk, entry, now=at)
    draft = issuing.draft(counter.office.world, channel="COUNTER", person_id=person.pk)
    request = ra.open_request(clerk, draft, at)
    ra.precheck(clerk, request.pk, at)
    return request


# ---- entering ----


def test_a_clerk_enters_from_the_scan_and_goes_on_to_the_next(counter: Counter) -> None:
    request = counter.at_entry(4)
    page = counter.page("clerk")
    page.goto(f"/desk/entries/{request.pk}")
    expect(page.locator('[id="requester.name"]')).to_be_focused()
    page.keyboard.type("陈经办")
    page.keyboard.press("Enter")
    page.keyboard.type("350102199001011")
    page.keyboard.press("Enter")
    expect(page.locator('[id="n-requester.id_number"]')).to_contain_text("位")
    assert not any(REQUESTER_ID in url for url in (page.url,))
    page.fill('[id="requester.id_number"]', REQUESTER_ID)
    page.fill('[id="requester.phone"]', REQUESTER_PHONE)
    page.fill('[id="subject.OU"]', "测试科")
    page.keyboard.press("Enter")
    expect(page.locator("#preview")).to_contain_text("测试科")
    expect(page.locator('[id="n-requester.id_number"] [data-fault]')).to_be_empty()
    shot(page, "entry-1366")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toasts")).to_contain_text(f"已录入：{NAMES[4]}")
    assert stored(request).step == "proofread"
    assert not Draft.objects.filter(form=f"entry-{request.pk}").exists()


def test_a_corrected_identity_says_what_it_voids_before_it_is_saved(counter: Counter) -> None:
    """A later change of an identity field voids approval and proofreading."""
    request = counter.at_entry(5)
    page = counter.page("clerk")
    page.goto(f"/desk/entries/{request.pk}")
    expect(page.locator("#voids")).to_be_hidden()
    page.fill('[id="requester.name"]', "陈经办")
    page.fill('[id="person.name"]', "郭澜泉")
    page.keyboard.press("Enter")
    expect(page.locator("#voids")).to_contain_text("已有的审核和校对作废")
    expect(page.locator("#preview")).to_contain_text("郭澜泉")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toasts")).to_contain_text("已录入")
    assert (stored(request).step, stored(request).approval_id) == ("approve", None)
    approver = counter.page("approver")
    approver.goto(f"/desk/approvals/{request.pk}")
    expect(approver.locator(".work")).to_contain_text("郭澜泉")


def test_a_later_correction_voids_what_was_decided(counter: Counter) -> None:
    """4.3: after both decisions, other data void the proofreading; another identity voids both."""
    request = counter.office.decide(counter.office.open(6, region="350102"))
    page = counter.page("clerk")
    page.goto(f"/requests/{request.pk}")
    page.get_by_role("link", name="更正", exact=True).click()
    expect(page.locator("main")).to_contain_text("这件申请单已经录入过")
    page.wait_for_load_state()
    page.fill('[id="subject.OU"]', "新处室")
    page.keyboard.press("Control+Enter")
    expect(page).to_have_url(re.compile(f"/requests/{request.pk}$"))
    now = stored(request)
    assert (now.step, now.proofreading_id, now.approval_id is not None) == ("proofread", None, True)
    page.goto(f"/desk/entries/{request.pk}")
    page.fill('[id="person.id_number"]', resident_id(321))
    page.locator('[id="person.id_number"]').blur()
    expect(page.locator("#voids")).to_be_visible()
    page.keyboard.press("Control+Enter")
    expect(page).to_have_url(re.compile(f"/requests/{request.pk}$"))
    assert (stored(request).step, stored(request).approval_id) == ("proofread", None)
    expect(page.locator("main")).to_contain_text("更正数据")


def test_the_form_is_shown_again_with_all_that_is_wrong(counter: Counter) -> None:
    request = counter.at_entry(2)
    page = counter.page("clerk")
    page.goto(f"/desk/entries/{request.pk}")
    page.fill('[id="requester.phone"]', "12345")
    page.fill('[id="validity_days"]', "99999")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#faults")).to_contain_text("有 3 项要改")
    expect(page.locator('[id="requester.phone"]')).to_have_value("12345")
    expect(page.locator('[id="requester.name"]')).to_be_focused()
    assert stored(request).step == "enter"


def test_a_session_that_ends_while_typing_loses_nothing(counter: Counter) -> None:
    request = counter.at_entry(7)
    page = counter.page("clerk")
    page.goto(f"/desk/entries/{request.pk}")
    page.fill('[id="requester.name"]', "陈经办")
    page.context.clear_cookies(name=SESSION_COOKIE)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#ended")).to_be_visible()
    expect(page.locator('[id="requester.name"]')).to_have_value("陈经办")
    counter.log_in(page.context, "clerk")
    page.get_by_role("button", name="已登录，继续").click()
    page.fill('[id="subject.OU"]', "办公室")
    page.locator('[id="subject.OU"]').blur()
    expect(page.locator("[data-draft-state]")).to_have_text("已暂存")
    page.goto("/desk/entries")
    page.goto(f"/desk/entries/{request.pk}")
    expect(page.locator('[id="subject.OU"]')).to_have_value("办公室")
    expect(page.locator("main")).to_contain_text("接着上次没提交的内容")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toasts")).to_contain_text("已录入")


def test_two_clerks_enter_one_request_and_only_the_first_counts(counter: Counter) -> None:
    request = newly_registered(counter, 61)
    ra.approve(counter.office.actors["approver"], request.pk, counter.office.now)
    first, second = counter.page("clerk"), counter.page("fuzhou")
    for page, name in ((first, "陈经办"), (second, "林经办")):
        page.goto(f"/desk/entries/{request.pk}")
        page.fill('[id="requester.name"]', name)
    first.keyboard.press("Control+Enter")
    expect(first.locator(".toasts")).to_contain_text("已录入")
    second.keyboard.press("Control+Enter")
    expect(second.get_by_role("alert")).to_contain_text("周示例")
    expect(second.locator('[id="requester.name"]')).to_have_value("林经办")
    assert StepRecord.objects.filter(request=request, step="enter").count() == 1


# ---- who may ----


def test_each_page_is_for_those_who_do_its_step_and_see_its_region(counter: Counter) -> None:
    """F8: what one may not do or see is not there, whoever guesses the address."""
    request = counter.office.open(6, region=PINGTAN)
    addresses = {
        "approver": [
            "/desk/approvals", f"/desk/approvals/{request.pk}", "/desk/approvals/together", "/desk/approvals/together/done",
        ],
        "clerk": ["/desk/entries", f"/desk/entries/{request.pk}"],
        "proofreader": ["/desk/proofreadings", f"/desk/proofreadings/{request.pk}"],
    }  # fmt: skip
    for username in ("approver", "clerk", "proofreader", "auditadmin", "sysadmin"):
        client = Client()
        client.cookies[SESSION_COOKIE] = session_token(username)
        for owner, paths in addresses.items():
            wanted = 200 if owner == username else 404
            assert {path: client.get(path).status_code for path in paths} == dict.fromkeys(paths, wanted)
        posts = [f"/desk/entries/{request.pk}/check", f"/desk/proofreadings/{request.pk}/region"]
        owners = ["clerk", "proofreader"]
        for path, owner in zip(posts, owners, strict=True):
            answer = client.post(path, {"do": "same"}, headers={"X-Banyan-Script": "1"})
            assert (answer.status_code == 404) == (owner != username), (username, path)
    elsewhere = Client()
    elsewhere.cookies[SESSION_COOKIE] = session_token("fuzhou")
    for path in (f"/desk/entries/{request.pk}", f"/desk/entries/{request.pk}/check"):
        ask = elsewhere.post if path.endswith("check") else elsewhere.get
        assert ask(path).status_code == 404
    assert FieldCheck.objects.filter(request=request).count() == 0


def test_no_page_of_a_decision_shows_a_number_of_a_person(counter: Counter) -> None:
    """E2: whole numbers come to a page from whoever types them, never from the server."""
    entered, at_approval = to_proofread(counter, 3), counter.at_approval(3)
    back = to_proofread(counter, 3)
    ra.send_back(counter.office.actors["proofreader"], back.pk, counter.office.now, reason=f"号码 {REQUESTER_PHONE}")
    sheet = checking.sheet(entered)
    for one in sheet.fields:
        if one.care is Care.PROTECTED:
            who = counter.office.actors["proofreader"]
            ra.compare_field(who, entered.pk, one.code, one.value, counter.office.now, seen=sheet.content_digest)
    numbers = [resident_id(103), REQUESTER_ID, REQUESTER_PHONE]
    for username, paths in {
        "approver": [f"/desk/approvals/{at_approval.pk}", "/desk/approvals/together"],
        "clerk": [f"/desk/entries/{back.pk}"],
        "proofreader": [f"/desk/proofreadings/{entered.pk}"],
    }.items():
        client = Client()
        client.cookies[SESSION_COOKIE] = session_token(username)
        for path in paths:
            answer = client.get(path)
            assert answer.status_code == 200
            assert not [number for number in numbers if number in answer.text], path
            assert answer["Cache-Control"] == "no-store, private"


def test_as_many_queries_whatever_waits(counter: Counter) -> None:
    """Speed: a page costs the same number of queries for one request and for many."""
    client = Client()
    client.cookies[SESSION_COOKIE] = session_token("approver")
    address = "/desk/approvals/together?system=GENERAL&business=enroll"

    def count(path: str) -> int:
        with CaptureQueriesContext(connections["default"]) as queries:
            assert client.get(path).status_code == 200
        # a session notes now and then that it was used; that is no query of the page
        return sum(one["sql"].startswith("SELECT") and "iam_session" not in one["sql"] for one in queries)

    first = newly_registered(counter, 80)
    one = f"/desk/approvals/{first.pk}"
    client.get(address)
    few = count(address), count(one)
    for number in range(81, 87):
        newly_registered(counter, number)
    assert (count(address), count(one)) == few


def test_a_form_without_its_key_or_with_nonsense_changes_nothing(counter: Counter) -> None:
    request = to_proofread(counter, 3)
    client = Client()
    client.cookies[SESSION_COOKIE] = session_token("proofreader")
    page = f"/desk/proofreadings/{request.pk}"
    assert client.post(page, {"do": "pass", "version": request.version}).status_code == 400
    answer = client.post(page, {"do": "pass", "version": request.version, "form_key": "k1", "seen": "00"})
    assert answer.status_code == 409
    assert "有过修改" in answer.text
    seen = checking.sheet(request).content_digest
    answer = client.post(page, {"do": "pass", "version": request.version, "form_key": "k2", "seen": seen})
    assert (answer.status_code, stored(request).step) == (409, "proofread")
    assert "没有核对" in answer.text
    plain = client.post(f"{page}/region", {"do": "same", "seen": seen})  # a browser without script
    assert (plain.status_code, plain.headers["Location"]) == (302, f"{page}#f-region")
    assert client.post(f"{page}/nothing", {"do": "same", "seen": seen}).status_code == 409


# ---- proofreading ----


def to_proofread(counter: Counter, person: int) -> ServiceRequest:
    return stored(counter.office.open(person))


def type_all(page: Page, request: ServiceRequest, *, leave: str = "") -> None:
    """Go through the fields with keys alone, each critical one typed from the application."""
    for one in checking.sheet(request).fields:
        line = page.locator(f'[id="f-{one.code}"]')
        if one.code == leave:
            continue
        if one.care is Care.PLAIN:
            line.focus()
            page.keyboard.press("Enter")
        else:
            line.locator("[name=retyped]").focus()
            page.keyboard.type(one.value)
            page.keyboard.press("Enter")
        expect(line).to_have_class(re.compile(r"\bok\b"))


def test_a_proofreader_types_what_is_critical_and_passes_with_keys_alone(counter: Counter) -> None:
    request = to_proofread(counter, 4)
    page = counter.page("proofreader")
    page.goto(f"/desk/proofreadings/{request.pk}")
    text = page.content()
    for hidden in (NAMES[4], resident_id(104), REQUESTER_ID, REQUESTER_PHONE, request.organization.uscc):
        assert hidden not in text, "nothing critical is on the page before it was typed"
    expect(page.get_by_role("button", name=re.compile("还差"))).to_be_disabled()
    first = page.locator('[id="f-person.name"] [name=retyped]')
    expect(first).to_be_focused()
    shot(page, "proofread-1366-start")
    type_all(page, request)
    expect(page.locator("#c-h")).to_have_text(NAMES[4])
    assert resident_id(104) not in page.content(), "the number stays masked after it was typed"
    expect(page.locator("#pass-button")).to_be_focused()
    shot(page, "proofread-1366-done")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toasts")).to_contain_text(f"校对通过：{NAMES[4]}")
    reading = Proofreading.objects.get(request=request)
    assert reading.proofreader == account_of("proofreader").pk
    assert stored(request).step == "approve"


def test_a_wrong_retype_is_shown_aligned_and_decided_with_a_key(counter: Counter) -> None:
    request = to_proofread(counter, 4)
    code = request.organization.uscc
    swapped = code[:2] + code[3] + code[2] + code[4:]
    page = counter.page("proofreader")
    page.goto(f"/desk/proofreadings/{request.pk}")
    line = page.locator('[id="f-organization.uscc"]')
    line.locator("[name=retyped]").fill(swapped)
    page.keyboard.press("Enter")
    expect(line).to_contain_text("差 2 位")
    expect(line.locator(".diff-x")).to_have_text(code[2:4])
    expect(line.locator(".diff-o")).to_have_text(swapped[2:4])
    shot(page, "proofread-1366-diff")
    page.keyboard.press("1")
    expect(line).to_contain_text("看过原件，录入无误")
    number = page.locator('[id="f-requester.id_number"]')
    wrong = ("4" if REQUESTER_ID[0] != "4" else "5") + REQUESTER_ID[1:]
    number.locator("[name=retyped]").fill(wrong)
    page.keyboard.press("Enter")
    expect(number.locator(".diff-x")).to_have_text("＊")
    page.keyboard.press("2")
    expect(number).to_contain_text("有差异")
    expect(number).to_contain_text("与材料不一致")
    page.reload()  # nothing is lost when the page is left
    expect(page.locator('[id="f-organization.uscc"]')).to_contain_text(code)
    expect(page.locator('[id="f-requester.id_number"]')).to_contain_text("有差异")
    expect(page.locator("#pass-button")).to_contain_text("有 1 项差异，只能退回录入")


def test_data_go_back_with_marks_and_come_again_corrected(counter: Counter) -> None:
    request = to_proofread(counter, 3)
    page = counter.page("proofreader")
    page.goto(f"/desk/proofreadings/{request.pk}")
    expect(page.locator("#back-button")).to_be_disabled()
    page.locator('[id="f-subject.OU"]').focus()
    page.keyboard.press("d")
    expect(page.locator("#differs")).to_be_visible()
    page.keyboard.press("2")
    page.fill("#differs-words", "少了科室")
    shot(page, "proofread-1366-differs")
    page.get_by_role("button", name="标为有差异").click()
    expect(page.locator('[id="f-subject.OU"]')).to_contain_text("漏录；少了科室")
    page.keyboard.press("F8")
    expect(page.locator("#back")).to_contain_text("部门：漏录；少了科室")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toasts")).to_contain_text("已退回录入")
    clerk = counter.page("clerk")
    clerk.goto(f"/desk/entries/{request.pk}")
    expect(clerk.locator("main")).to_contain_text("许校样 校对退回")
    expect(clerk.locator('[id="n-subject.OU"]')).to_contain_text("校对标出：漏录；少了科室")
    expect(clerk.locator('[id="subject.OU"]')).to_be_focused()
    expect(clerk.locator('[id="requester.phone"]')).to_have_attribute("placeholder", "138****0023")
    shot(clerk, "entry-1366-returned")
    clerk.fill('[id="subject.OU"]', "办公室科")
    clerk.keyboard.press("Control+Enter")
    expect(clerk.locator(".toasts")).to_contain_text("已录入")
    page.goto(f"/desk/proofreadings/{request.pk}")
    expect(page.locator("[data-progress]")).to_contain_text("已核 0 /")
    type_all(page, stored(request))
    page.keyboard.press("Control+Enter")
    expect(page.locator(".toasts")).to_contain_text("校对通过")


def test_two_proofreaders_at_one_request_keep_checks_of_their_own(counter: Counter) -> None:
    from banyan.domain.iam.rights import Role
    from support.iam import session_of

    request = to_proofread(counter, 6)
    colleague = account_with(Role.PROOFREADER)
    session_of(colleague, now=counter.office.now)
    first, second = counter.page("proofreader"), counter.page(colleague.username)
    for page in (first, second):
        page.goto(f"/desk/proofreadings/{request.pk}")
    type_all(first, request)
    first.locator("#pass-button").dblclick()
    expect(first.locator(".toasts")).to_contain_text("校对通过")
    second.locator('[id="f-region"]').focus()
    second.keyboard.press("Enter")
    expect(second.locator('[id="f-region"]')).to_contain_text("现在应由")
    first.go_back()
    expect(first.locator("main")).to_contain_text("这件申请单现在待审核")
    assert Proofreading.objects.filter(request=request).count() == 1
    assert FieldCheck.objects.filter(request=request, proofreader=colleague.pk).count() == 0


def test_who_entered_does_not_proofread(counter: Counter) -> None:
    """F8: the same person is told so before he begins, and refused if he sends the form all the same."""
    from banyan.domain.iam.rights import Role
    from support.iam import session_of

    request = to_proofread(counter, 1)
    both = account_with(Role.CLERK, Role.PROOFREADER)
    actor = session_of(both, now=counter.office.now)
    ra.send_back(counter.office.actors["proofreader"], request.pk, counter.office.now, reason="重录")
    from banyan.domain.ra.values import RequestData

    ra.enter(actor, request.pk, RequestData(requester={"name": "陈经办"}), counter.office.now)
    page = counter.page(both.username)
    page.goto(f"/desk/proofreadings/{request.pk}")
    expect(page.locator("main")).to_contain_text("须由另一人办理：您已经办理过它的“录入”")
    expect(page.locator("[data-sheet]")).to_have_count(0)
    page.goto("/desk/proofreadings")
    expect(page.locator(f'a[href="/desk/proofreadings/{request.pk}"]')).to_have_count(0)


def test_a_proofreader_whose_data_changed_meanwhile_is_told(counter: Counter) -> None:
    from banyan.domain.ra.values import RequestData

    request = to_proofread(counter, 2)
    page = counter.page("proofreader")
    page.goto(f"/desk/proofreadings/{request.pk}")
    ra.enter(counter.office.actors["clerk"], request.pk, RequestData(requester={"name": "改经办"}), counter.office.now)
    page.locator('[id="f-person.name"] [name=retyped]').fill(NAMES[2])
    page.keyboard.press("Enter")
    expect(page.locator('[id="f-person.name"]')).to_contain_text("在您查看之后有过修改")
    assert FieldCheck.objects.filter(request=request).count() == 0


def test_a_session_that_ends_while_proofreading_keeps_what_was_typed(counter: Counter) -> None:
    request = to_proofread(counter, 0)
    page = counter.page("proofreader")
    page.goto(f"/desk/proofreadings/{request.pk}")
    box = page.locator('[id="f-person.name"] [name=retyped]')
    box.fill(NAMES[0])
    page.context.clear_cookies(name=SESSION_COOKIE)
    page.keyboard.press("Enter")
    expect(page.locator("#ended")).to_be_visible()
    expect(box).to_have_value(NAMES[0])
    counter.log_in(page.context, "proofreader")
    page.get_by_role("button", name="已登录，继续").click()
    box.press("Enter")
    expect(page.locator('[id="f-person.name"]')).to_contain_text("复录一致")


def test_pages_work_on_a_phone(counter: Counter) -> None:
    request = counter.at_approval(2)
    page = counter.page("approver", width=390, height=844)
    page.goto(f"/desk/approvals/{request.pk}")
    expect(page.locator("#w-h")).to_have_text(NAMES[2])
    shot(page, "approval-390")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.goto("/desk/approvals/together")
    shot(page, "together-390")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    proofreader = counter.page("proofreader", width=390, height=844)
    proofreader.goto(f"/desk/proofreadings/{to_proofread(counter, 1).pk}")
    shot(proofreader, "proofread-390")
    proofreader.get_by_role("button", name="English").click()
    proofreader.set_viewport_size({"width": 1366, "height": 768})
    shot(proofreader, "proofread-1366-en")
    proofreader.set_viewport_size({"width": 390, "height": 844})
    assert proofreader.evaluate("document.documentElement.scrollWidth") <= 390
    clerk = counter.page("clerk", width=390, height=844)
    clerk.goto(f"/desk/entries/{counter.at_entry(1).pk}")
    shot(clerk, "entry-390")
    assert clerk.evaluate("document.documentElement.scrollWidth") <= 390
