"""Settings in the browser and over HTTP: one administrator asks, another decides, an auditor reads (issue 4, points 2 and 8)."""

import os
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from playwright.sync_api import Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from banyan.domain.iam.models import DualControlRequest
from banyan.domain.iam.rights import Role
from banyan.domain.ra import working_days
from banyan.domain.ra.processes import processes, required_materials
from banyan.domain.rulebook.models import RuleVersion
from banyan.domain.systems import access as systems
from banyan.domain.systems import actions as systems_actions
from banyan.kernel.actor import system_actor
from banyan.kernel.clock import now
from banyan.web.sessions import SESSION_COOKIE
from support import issuing
from support.iam import account_with, session_of
from support.pages import session_token

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
PEOPLE = {
    "sysadmin": Role.SYSTEM_ADMIN,
    "secadmin": Role.SECURITY_ADMIN,
    "auditadmin": Role.AUDIT_ADMIN,
    "clerk": Role.CLERK,
}
PAGES = (
    "/settings", "/settings/systems/MOBILE", "/settings/media", "/settings/processes", "/settings/processes/counter",
    "/settings/materials", "/settings/calendar/2026", "/settings/calendar/2028", "/settings/changes",
    "/settings/versions/process:counter/0", "/settings/versions/calendar:2026/0",
)  # fmt: skip
NOTICE = """元旦：1月1日（周五）放假，与周末连休。
春节：2月5日（周五）至11日（周四）放假调休，共7天。1月31日（周日）、2月13日（周六）上班。
清明节：4月5日（周一）放假，与周末连休。
劳动节：5月1日（周六）至5日（周三）放假调休，共5天。5月8日（周六）上班。
端午节：6月9日（周三）放假，共1天。
中秋节：9月15日（周三）放假，共1天。
国庆节：10月1日（周五）至7日（周四）放假调休，共7天。9月26日（周日）、10月9日（周六）上班。"""


@pytest.fixture(autouse=True)
def _office() -> None:
    systems_actions.install_systems(system_actor("test"), now=now())
    for username, role in PEOPLE.items():
        session_of(account_with(role, username=username))


def client(username: str) -> Client:
    found = Client(headers={"accept-language": "zh-CN"})
    found.cookies[SESSION_COOKIE] = session_token(username)
    return found


def form(html: str) -> dict[str, list[str]]:
    """The fields of the page's last form with a reason, as a browser would send them."""
    part = next(one for one in reversed(html.split("<form")) if 'name="reason"' in one).split("</form>")[0]
    found: dict[str, list[str]] = {}
    for tag in re.findall(r"<input[^>]*>", part):
        values = dict(re.findall(r'(\w[\w-]*)="([^"]*)"', tag))
        is_box = values.get("type") == "checkbox"
        is_off = re.search(r"\sdisabled", tag) or (is_box and not re.search(r"\schecked", tag))
        if "name" in values and not is_off:
            found.setdefault(values["name"], []).append(values.get("value", "on" if is_box else ""))
    for name, body in re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', part, re.DOTALL):
        chosen = re.search(r'value="([^"]*)" selected', body)
        found.setdefault(name, [chosen[1] if chosen else ""])
    for name, body in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>([^<]*)</textarea>', part):
        found[name] = [body]
    return found


def asked(response: Any) -> int:
    """The change that a sent form made."""
    assert response.status_code == 302, response.content.decode()[-3000:]
    return int(response["Location"].rsplit("/", 1)[1])


def decide(username: str, change: int, do: str = "confirm") -> Any:
    who = client(username)
    page = who.get(f"/settings/changes/{change}").content.decode()
    key = re.search(r'action="/settings/changes/\d+/decide".*?name="form_key" value="([^"]+)"', page, re.DOTALL)
    return who.post(f"/settings/changes/{change}/decide", {"form_key": key[1] if key else "none", "do": do})


@pytest.mark.parametrize("address", PAGES)
def test_administrators_and_auditors_read_everything_and_others_find_nothing(address: str) -> None:
    issuing.world()
    for username in ("sysadmin", "secadmin", "auditadmin"):
        assert client(username).get(address).status_code == 200, username
    assert client("clerk").get(address).status_code == 404
    if address.count("/") > 1 and not address.startswith(
        ("/settings/versions", "/settings/changes", "/settings/media")
    ):
        refused = client("auditadmin").post(address, {"form_key": "k1", "base": "0", "reason": "x"})
        assert refused.status_code in (404, 405, 422)
    assert not DualControlRequest.objects.exists()


def test_a_deadline_is_changed_by_two_people_and_changed_back() -> None:
    who = client("sysadmin")
    fields = form(who.get("/settings/processes/counter").content.decode())
    fields |= {"days.approve": ["5"], "reason": ["审核人手不足"]}
    change = asked(who.post("/settings/processes/counter", fields))
    repeat = asked(who.post("/settings/processes/counter", fields))  # a double click
    assert (change, DualControlRequest.objects.count()) == (repeat, 1)
    assert f'href="/settings/changes/{change}"' in client("secadmin").get("/overview").content.decode()
    shown = client("secadmin").get(f"/settings/changes/{change}").content.decode()
    assert "<del>第 2 步 审核，审核员，3 个工作日</del>" in shown
    assert "<ins>第 2 步 审核，审核员，5 个工作日</ins>" in shown
    assert "同意修改" not in client("sysadmin").get(f"/settings/changes/{change}").content.decode()
    for username in ("sysadmin", "auditadmin"):
        assert decide(username, change).status_code in (400, 404)
    assert processes()["counter"].step("approve").working_days == 3
    assert decide("secadmin", change).status_code == 302
    assert processes()["counter"].step("approve").working_days == 5
    page = who.get("/settings/versions/process:counter/0").content.decode()
    restored = asked(who.post("/settings/versions/process:counter/0", {**form(page), "reason": ["恢复"]}))
    decide("secadmin", restored)
    assert processes()["counter"].step("approve").working_days == 3
    history = client("auditadmin").get("/settings/changes?document=process:counter").content.decode()
    assert "第 2 版" in history
    assert "审核人手不足" in history


def test_steps_are_moved_without_script_and_nothing_typed_is_lost() -> None:
    who = client("sysadmin")
    fields = form(who.get("/settings/processes/counter").content.decode())
    moved = who.post("/settings/processes/counter", {**fields, "move": ["down:approve"], "reason": ["换序"]})
    again = form(moved.content.decode())
    assert again["step"][:3] == ["precheck", "enter", "approve"]
    assert again["reason"] == ["换序"]
    assert not DualControlRequest.objects.exists()


def test_what_is_wrong_is_said_at_the_field_and_everything_typed_stays() -> None:
    who = client("sysadmin")
    fields = form(who.get("/settings/processes/counter").content.decode())
    refused = who.post("/settings/processes/counter", {**fields, "days.approve": ["三天"], "reason": ["试"]})
    page = refused.content.decode()
    assert refused.status_code == 422
    assert 'id="wrong-days.approve"' in page
    assert "1 到 60 个工作日" in page
    assert form(page)["days.approve"] == ["三天"]
    without = who.post("/settings/processes/counter", {**fields, "days.approve": ["4"], "form_key": ["k2"]})
    assert 'id="wrong-reason"' in without.content.decode()
    order = [*fields["step"]]
    order[1], order[4] = order[4], order[1]
    unsafe = who.post("/settings/processes/counter", {**fields, "step": order, "reason": ["x"], "form_key": ["k3"]})
    assert "须在“签发”之前" in unsafe.content.decode()
    assert not DualControlRequest.objects.exists()


def test_materials_are_ticked_added_and_dropped() -> None:
    who = client("sysadmin")
    fields = form(who.get("/settings/materials").content.decode())
    fields |= {"name.new": ["授权委托书"], "businesses.new": ["enroll"], "kinds.new": ["DEVICE"], "channels.new": ["COUNTER"],
               "drop.change_proof": ["on"], "reason": ["规范修订"]}  # fmt: skip
    change = asked(who.post("/settings/materials", fields))
    decide("secadmin", change)
    assert [one.name for one in required_materials("enroll", "DEVICE", "COUNTER")][-1] == "授权委托书"
    assert "信息变更证明" not in [one.name for one in required_materials("modify", "PERSONAL", "COUNTER")]
    page = who.get("/settings/materials").content.decode()
    empty = form(page) | {"businesses.holder_identity": [], "reason": ["x"]}
    assert 'id="wrong-businesses.holder_identity"' in who.post("/settings/materials", empty).content.decode()


def test_a_system_gets_other_media_validity_and_a_field() -> None:
    who = client("sysadmin")
    fields = form(who.get("/settings/systems/MOBILE").content.decode())
    fields |= {"media.PERSONAL": ["SIM_KEY"], "validity.PERSONAL": ["730"], "label.new": ["应用编号"], "required.new": ["on"],
               "kinds.new": ["PERSONAL"], "drop.ip_address": ["on"], "reason": ["应用要求"]}  # fmt: skip
    decide("secadmin", asked(who.post("/settings/systems/MOBILE", fields)))
    kind = systems.policy("MOBILE").kinds[0]
    assert (kind.media, kind.validity_days) == (("SIM_KEY",), 730)
    assert [field.label for field in kind.fields] == ["应用名称", "介质", "应用编号"]
    assert [field.label for field in systems.policy("MOBILE").kinds[1].fields] == ["应用名称", "介质"]
    fields = form(who.get("/settings/systems/MOBILE").content.decode())
    refused = who.post("/settings/systems/MOBILE", fields | {"longest.PERSONAL": ["99999"], "reason": ["x"]})
    assert 'id="wrong-longest.PERSONAL"' in refused.content.decode()


def test_a_system_is_switched_off_by_who_may_and_only_from_what_was_seen() -> None:
    who = client("sysadmin")
    sent = {"form_key": "k1", "version": "1", "connector": "simulated-superior"}
    assert who.post("/settings/systems/MOBILE/switch", sent).status_code == 302
    status = systems.status("MOBILE")
    assert (status.is_enabled, status.connector) == (False, "simulated-superior")
    late = who.post("/settings/systems/MOBILE/switch", {**sent, "form_key": "k2", "is_enabled": "on"})
    assert late.status_code == 422
    assert 'id="wrong-switch"' in late.content.decode()
    assert client("auditadmin").post("/settings/systems/MOBILE/switch", {**sent, "form_key": "k3"}).status_code == 404


def test_a_notice_is_pasted_checked_and_in_force() -> None:
    who = client("sysadmin")
    page = who.get("/settings/calendar/2027").content.decode()
    assert "未公布，按周末推算" in page
    sent = {"what": "notice", "base": "0", "reason": "国办通知", "form_key": "k1"}
    wrong = who.post("/settings/calendar/2027", {**sent, "notice": NOTICE.replace("共7天", "共8天", 1)})
    assert "第 2 行：写着共 8 天，日期算来是 7 天" in wrong.content.decode()
    assert "国庆节：10月1日" in wrong.content.decode()
    change = asked(who.post("/settings/calendar/2027", {**sent, "notice": NOTICE}))
    shown = client("secadmin").get(f"/settings/changes/{change}").content.decode()
    assert "放假 2027-02-05 至 2027-02-11，7 天 春节" in shown
    assert "修改后的 2027 年" in shown
    assert not working_days.is_known(2027)
    decide("secadmin", change)
    assert working_days.is_known(2027)
    assert "已导入" in who.get("/settings/calendar/2027").content.decode()


def test_a_notice_comes_as_a_file_and_a_day_is_changed() -> None:
    who = client("sysadmin")
    file = SimpleUploadedFile("notice.txt", NOTICE.encode("gb18030"))
    sent = {"what": "notice", "base": "0", "reason": "国办通知", "form_key": "k1"}
    decide("secadmin", asked(who.post("/settings/calendar/2027", {**sent, "file": file})))
    broken = SimpleUploadedFile("notice.txt", b"\xff\xfe\xff" * 9)
    assert who.post("/settings/calendar/2027", {**sent, "form_key": "k2", "file": broken}).status_code == 422
    day = {"what": "day", "base": "1", "reason": "台风停工", "form_key": "k3", "day": "2027-03-09", "works": "off"}
    decide("secadmin", asked(who.post("/settings/calendar/2027", day)))
    assert working_days.is_working_day(working_days.date(2027, 3, 9)) == (False, False)
    worked = who.post("/settings/calendar/2027", {**day, "form_key": "k4", "base": "2", "works": "works"})
    assert "本来就是工作日" in worked.content.decode()


def test_a_change_is_withdrawn_or_refused_and_then_closed() -> None:
    who = client("sysadmin")
    for number, username in enumerate(("sysadmin", "secadmin")):
        fields = form(who.get("/settings/processes/unlock").content.decode())
        change = asked(who.post("/settings/processes/unlock", fields | {"days.approve": ["2"], "reason": ["x"]}))
        assert decide(username, change, "withdraw").status_code == 302, number
        page = client("secadmin").get(f"/settings/changes/{change}").content.decode()
        assert "已撤回" in page
        late = client("secadmin").post(f"/settings/changes/{change}/decide", {"form_key": "kx", "do": "confirm"})
        assert late.status_code == 422
    assert not RuleVersion.objects.exists()


@pytest.mark.parametrize(
    "address",
    [
        "/settings/systems/FIFTH", "/settings/processes/none", "/settings/calendar/1999", "/settings/changes/99",
        "/settings/versions/process:none/0", "/settings/versions/process:counter/7", "/settings/changes?document=nothing",
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_found(address: str) -> None:
    assert client("sysadmin").get(address).status_code in (403, 404)


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> Iterator[LiveServer]:
    monkeypatch.setitem(os.environ, "DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    server = LiveServer("127.0.0.1")
    yield server
    server.stop()


def test_steps_are_moved_by_keyboard_and_pages_fit_the_screens(live: LiveServer) -> None:
    """Focus stays on the button that moves; no page is wider than the screen; the browser complains of nothing."""
    complaints: list[str] = []
    issuing.world()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        for width, height in ((1366, 768), (390, 844)):
            context = browser.new_context(
                viewport={"width": width, "height": height}, base_url=live.url, locale="zh-CN"
            )
            context.add_cookies([{"name": SESSION_COOKIE, "value": session_token("sysadmin"), "url": live.url}])
            page = context.new_page()
            page.set_default_timeout(20_000)
            page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            _walk(page, f"{width}")
            context.close()
        browser.close()
    assert not complaints


def _walk(page: Page, name: str) -> None:
    place = os.environ.get("BANYAN_SCREENSHOTS", "")
    for number, address in enumerate(PAGES):
        page.goto(address)
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, address
        if place:
            page.screenshot(path=f"{place}/settings-{number}-{name}.png")
    page.goto("/settings/processes/counter")
    down = page.locator("button[name=move][value='down:approve']")
    down.focus()
    page.keyboard.press("Enter")
    expect(down).to_be_focused()
    expect(page.locator("#told")).to_have_text("已移到第 3 步")
    steps = page.eval_on_selector_all("[name=step]", "all => all.map(one => one.value)")
    assert steps[:3] == ["precheck", "enter", "approve"]
    page.fill("[name='days.approve']", "4")
    page.fill("[name=reason]", "先录入再审核")
    page.keyboard.press("Enter")
    expect(page.locator(".set-difference ins").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    if place:
        page.screenshot(path=f"{place}/settings-change-{name}.png")
