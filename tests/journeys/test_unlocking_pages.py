"""Unlocking at the counter in a real browser, through the real agent and the SKF soft token (A3, 规范 3.1.1.1-4)."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from banyan.domain.audit.models import AuditRecord
from banyan.domain.ca.models import Certificate
from banyan.domain.iam.rights import Role
from banyan.domain.inventory import actions as inventory
from banyan.domain.inventory.actions import TokenEntry, receive_tokens
from banyan.domain.inventory.models import Token
from banyan.domain.inventory.sealed_tasks import task_key
from banyan.domain.lifecycle.models import UnlockGrant
from banyan.domain.ra import actions as ra
from banyan.domain.ra.models import Notice, ServiceRequest
from banyan.kernel.clock import now
from banyan.web.sessions import SESSION_COOKIE
from support import issuing
from support.agent import AGENT, Agent, SocketPage, make_token, octets_of, running
from support.iam import account_with, session_of
from support.issuing import approver, clerk
from support.pages import LongStandingCa, session_token
from support.skf import ADMIN_PIN, NEW_PIN, WRONG_PIN, SkfToken, place

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")


@dataclass
class Counter:
    """A clerk's browser, an agent on the machine, a holder's locked token, and the approved request to unlock it."""

    url: str
    agent: Agent
    context: BrowserContext
    serial: str
    request: ServiceRequest

    def open(self) -> Page:
        page = self.context.new_page()
        page.set_default_timeout(20_000)
        page.goto(f"{self.url}/desk/unlock/{self.request.pk}")
        return page

    @property
    def away(self) -> Path:
        return place().parent / f"away-{self.serial}"

    def pull(self) -> None:
        (place() / self.serial).rename(self.away)

    def plug(self) -> None:
        self.away.rename(place() / self.serial)

    def stored(self) -> tuple[str, str]:
        """The states of the request and of its token."""
        request = ServiceRequest.objects.unscoped("test").get(pk=self.request.pk)
        return request.state, Token.objects.unscoped("test").get(serial=self.serial).state


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
def counter(live_server: LiveServer, browser: Browser, settings: Any) -> Iterator[Counter]:
    if not AGENT.exists():
        pytest.skip("make setup builds it")
    moment = now()
    world = issuing.world(connector=LongStandingCa())
    account = account_with(Role.CLERK, username="linxiao")
    session_of(account)
    serial = locked_token()
    (token,) = receive_tokens(
        clerk(), [TokenEntry(serial, admin_pin=ADMIN_PIN)], medium="USB_KEY", region_code="350102", now=moment
    )
    assert isinstance(token, Token)
    with running(allowed=[live_server.url], platform_key=task_key()) as agent:
        settings.BANYAN = django_settings.BANYAN.model_copy(
            update={"public_url": live_server.url, "agent_port": agent.port}
        )
        page = SocketPage(agent)
        inventory.register_agent(
            issuing.person_in_role(Role.SYSTEM_ADMIN, 30), public_key=octets_of(page.hello["public_key"]), name="柜台一",
            region_code="350000", now=moment,
        )  # fmt: skip
        page.close()
        context = browser.new_context(viewport={"width": 1366, "height": 768}, locale="zh-CN", ignore_https_errors=True)
        context.add_cookies([{"name": SESSION_COOKIE, "value": session_token("linxiao"), "url": live_server.url}])
        made = Counter(live_server.url, agent, context, serial, approved(world, token))
        yield made
        context.close()
        if not made.away.exists():
            made.pull()


def locked_token() -> str:
    """A token whose holder forgot the PIN."""
    serial = make_token(tries=2)
    token = SkfToken.open(serial)
    assert [token.verify(WRONG_PIN)[0] for _ in range(2)][-1] == "SAR_PIN_LOCKED"
    token.ok("DisConnectDev", token.dev)
    return serial


def approved(world: issuing.World, token: Token) -> ServiceRequest:
    """The approved request to unlock this token, which holds somebody's pair."""
    moment = now()
    (decided,) = issuing.decided(world, issuing.draft(world), now=moment)
    issued = issuing.issue(world, decided, moment, token=token)
    ra.carry_on(issuing.SYSTEM, world.connector, moment)
    done = issuing.delivered(world, issued.pk, moment)
    draft = issuing.draft(
        world, pair_id=done.issued_pair_id, business="unlock", person_id=None, organization_id=None,
        channel="COUNTER", data=None, materials=issuing.materials("unlock"),
    )  # fmt: skip
    request = ra.open_request(clerk(), draft, moment)
    assert ra.precheck(clerk(), request.pk, moment) == []
    return ra.approve(approver(), request.pk, moment)


def shot(page: Page, name: str) -> None:
    """A picture of the page, kept where ``BANYAN_SCREENSHOTS`` says."""
    kept = os.environ.get("BANYAN_SCREENSHOTS")
    if kept:
        page.screenshot(path=Path(kept) / f"{name}.png")


def state(page: Page, name: str) -> Any:
    return page.locator(f"#unlocking [data-state={name}]")


def test_a_locked_token_is_unlocked_with_a_pin_that_only_its_holder_knows(counter: Counter) -> None:
    """A3 解锁: the token's question, the platform's sealed answer, the holder's PIN in the agent's window."""
    page = counter.open()
    expect(state(page, "ready")).to_be_visible()
    shot(page, "unlock-ready")
    counter.agent.pins(NEW_PIN, NEW_PIN)
    page.keyboard.press("Enter")
    expect(state(page, "done")).to_be_visible()
    shot(page, "unlock-done")
    expect(page.locator(".unlock-steps li.ok")).to_have_count(5)
    assert counter.stored() == ("DONE", "HANDED_OVER")
    token = SkfToken.open(counter.serial)
    assert token.verify(NEW_PIN)[0] == "SAR_OK"
    token.ok("DisConnectDev", token.dev)
    assert Notice.objects.unscoped("test").filter(request=counter.request, code="unlocked").count() == 1
    pair = Certificate.objects.filter(pair_id=counter.request.pair_id)
    assert set(pair.values_list("state", flat=True)) == {"VALID"}, "certificates are unchanged"
    everything = "".join(AuditRecord.objects.values_list("detail", flat=True)) + page.content()
    assert not [pin for pin in (NEW_PIN, ADMIN_PIN) if pin in everything]
    page.reload()
    expect(page.locator(".work-body").first).to_contain_text("已解锁")


def test_the_page_waits_for_the_right_token_and_goes_on_by_itself(counter: Counter) -> None:
    other = make_token()
    counter.pull()
    page = counter.open()
    expect(state(page, "missing")).to_contain_text(counter.serial)
    expect(state(page, "missing")).to_contain_text(other)
    expect(page.locator("[data-do=begin]")).to_be_disabled()
    shot(page, "unlock-missing")
    counter.plug()
    expect(state(page, "ready")).to_be_visible()
    (place() / other).rename(place().parent / f"away-{other}")


def test_a_window_that_is_closed_costs_nothing_and_the_same_answer_is_given_again(counter: Counter) -> None:
    """One question is answered once or again; a second request is not needed."""
    page = counter.open()
    expect(state(page, "ready")).to_be_visible()
    counter.agent.pins("CANCEL")
    page.keyboard.press("Enter")
    expect(state(page, "problem")).to_be_visible()
    shot(page, "unlock-problem")
    assert counter.stored()[0] == "OPEN"
    assert UnlockGrant.objects.get(request_id=counter.request.pk).used_at is not None
    page.keyboard.press("r")
    expect(state(page, "ready")).to_be_visible()
    counter.agent.pins(NEW_PIN, NEW_PIN)
    page.keyboard.press("Enter")
    expect(state(page, "done")).to_be_visible()
    assert counter.stored() == ("DONE", "HANDED_OVER")


def test_an_answer_taken_but_not_noted_is_noted_by_trying_again(counter: Counter) -> None:
    """The network goes away between the token and the platform: the token is not asked twice."""
    page = counter.open()
    expect(state(page, "ready")).to_be_visible()

    def lost(route: Route) -> None:
        route.abort()

    page.route("**/done", lost)
    counter.agent.pins(NEW_PIN, NEW_PIN)
    page.keyboard.press("Enter")
    expect(state(page, "problem")).to_contain_text("网络不通")
    assert counter.stored() == ("OPEN", "LOCKED")
    page.unroute("**/done")
    page.keyboard.press("r")
    expect(state(page, "done")).to_be_visible()
    assert counter.stored() == ("DONE", "HANDED_OVER")


def test_an_agent_that_nobody_registered_gets_no_answer(counter: Counter) -> None:
    (agent,) = inventory_agents()
    inventory.end_agent(issuing.person_in_role(Role.SYSTEM_ADMIN, 30), agent, reason="换机", now=now())
    page = counter.open()
    expect(state(page, "ready")).to_be_visible()
    page.keyboard.press("Enter")
    expect(state(page, "problem")).to_contain_text(re.compile("介质助手|登记"))
    assert counter.stored()[0] == "OPEN"


def inventory_agents() -> list[str]:
    from banyan.domain.inventory.models import TokenAgent

    return list(TokenAgent.objects.unscoped("test").filter(ended_at__isnull=True).values_list("key_id", flat=True))


@pytest.mark.parametrize(
    ("body", "status"),
    [("{}", 400), ("[]", 400), ("no json", 400), ('{"agent": "", "profile": "", "nonce": "!", "challenge": ""}', 400)],
)
def test_what_no_page_of_ours_sends_is_refused(counter: Counter, body: str, status: int) -> None:
    page = counter.open()
    answered = page.evaluate(
        """async ({ url, body }) => (await fetch(url, { method: "POST", body, headers: {
            "Content-Type": "application/json",
            "X-CSRFToken": document.querySelector("[name=csrfmiddlewaretoken]").value } })).status""",
        {"url": f"/desk/unlock/{counter.request.pk}/answer", "body": body},
    )
    assert answered == status


def test_a_phone_says_that_tokens_are_for_the_counter(counter: Counter) -> None:
    page = counter.open()
    page.set_viewport_size({"width": 390, "height": 844})
    expect(page.get_by_text("手机上不能解锁")).to_be_visible()
    expect(page.locator("[data-do=begin]")).to_be_hidden()
    shot(page, "phone-unlock-page")
