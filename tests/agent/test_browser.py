"""A real browser, which trusts what the installer gave it and nothing else, in front of the agent."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, sync_playwright

from support.agent import ORIGIN, Agent
from support.skf import NATIVE

CHROMIUM = shutil.which("chromium")
HELLO_BY_SOCKET = """port => new Promise(done => {
    const socket = new WebSocket(`wss://localhost:${port}/`);
    socket.onopen = () => socket.send('{"v": 1, "id": "1", "type": "hello"}');
    socket.onmessage = message => done(JSON.parse(message.data).ok);
    socket.onerror = () => done("refused");
})"""
HELLO_BY_POST = """port => fetch(`https://localhost:${port}/`, {
    method: "POST", headers: {"Content-Type": "application/json"}, body: '{"v": 1, "id": "1", "type": "hello"}',
}).then(answer => answer.json()).then(answer => answer.ok, () => "refused")"""
WITHOUT_PREFLIGHT = """port => fetch(`https://localhost:${port}/`, {
    method: "POST", mode: "no-cors", headers: {"Content-Type": "text/plain"}, body: '{"v": 1, "id": "1", "type": "hello"}',
}).then(answer => answer.type, () => "refused")"""


@pytest.fixture
def browser(tmp_path: Path, agent: Agent, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """Of a user for whom the root is trusted, unless the test says otherwise."""
    if CHROMIUM is None or shutil.which("certutil") is None:
        pytest.skip("no chromium or no certutil here")
    home = {"HOME": str(tmp_path)}
    if getattr(request, "param", True):
        trust = NATIVE / "agent" / "desktop" / "banyan-agent-trust"
        subprocess.run([trust, agent.place / "state"], env=os.environ | home, check=True)
    arguments = ["--no-sandbox", "--disable-gpu"]
    environment: dict[str, Any] = {**os.environ, **home}
    with sync_playwright() as playwright:
        started = playwright.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=CHROMIUM, args=arguments, env=environment
        )
        # The site is ours: its pages come from here, under its name.
        started.route("**/page", lambda route: route.fulfill(content_type="text/html", body="<title>page</title>"))
        yield started
        started.close()


def asked(browser: BrowserContext, agent: Agent, origin: str, how: str) -> object:
    """The person lets the site speak to this machine, which Chromium asks: what is refused, the agent refuses."""
    browser.grant_permissions(["local-network-access"], origin=origin)
    page = browser.new_page()
    page.goto(f"{origin}/page")
    return page.evaluate(how, agent.port)


@pytest.mark.parametrize("how", [HELLO_BY_SOCKET, HELLO_BY_POST], ids=["websocket", "post"])
def test_an_allowed_page_reaches_the_agent_and_no_other_does(browser: BrowserContext, agent: Agent, how: str) -> None:
    assert asked(browser, agent, ORIGIN, how) is True
    for other in ("https://evil.example", "https://ra.example.cn:444"):
        assert asked(browser, agent, other, how) == "refused", other


def test_a_message_without_a_preflight_is_answered_by_nothing_that_a_page_can_read(
    browser: BrowserContext, agent: Agent
) -> None:
    assert asked(browser, agent, ORIGIN, WITHOUT_PREFLIGHT) == "opaque"


@pytest.mark.parametrize("browser", [False], indirect=True)
def test_without_the_root_the_browser_does_not_talk_to_the_agent(browser: BrowserContext, agent: Agent) -> None:
    assert asked(browser, agent, ORIGIN, HELLO_BY_SOCKET) == "refused"
    assert asked(browser, agent, ORIGIN, HELLO_BY_POST) == "refused"
