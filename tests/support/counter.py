"""The counter in a browser: clerks with sessions, a real token agent that the platform knows, tokens to plug in and pull out."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from banyan.domain.iam import actions as iam
from banyan.domain.iam.models import Credential, StaffAccount
from banyan.domain.iam.rights import Role
from banyan.domain.inventory import agents
from banyan.domain.inventory.sealed_tasks import task_key
from banyan.domain.inventory.stocking import TokenEntry, receive_tokens
from banyan.domain.ra.models import ServiceRequest
from banyan.kernel.actor import Actor
from banyan.kernel.clock import now
from banyan.web.sessions import SESSION_COOKIE
from support import issuing
from support.agent import PROFILE, PROFILES, Agent, SocketPage, octets_of, running
from support.iam import account_with, session_of
from support.pages import LongStandingCa
from support.skf import AUTH_KEY, FEWEST_ITERATIONS, library, place


def client_of(*roles: Role, regions: list[str] | None = None) -> Client:
    """Somebody logged in, without a browser: for what is not about how it looks."""
    account: StaffAccount = account_with(*roles, regions=regions)
    session_of(account)
    client = Client()
    client.cookies[SESSION_COOKIE] = _new_session(account)
    return client


def _new_session(account: StaffAccount) -> str:
    credential = Credential.objects.get(account=account, kind="password", replaced_at__isnull=True)
    return iam.open_session(account=account, credential=credential, channel="test", now=now()).token


SIZES = {"wide": (1366, 768), "phone": (390, 844)}


class OpenCa(LongStandingCa):
    """The CA in memory, as pages open it."""

    def close(self) -> None: ...


@dataclass
class Counter:
    """One day at the counter."""

    url: str
    browser: Browser
    agent: Agent
    world: issuing.World
    staff: dict[str, Actor] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    _contexts: dict[tuple[str, str], BrowserContext] = field(default_factory=dict)
    _plugged: list[str] = field(default_factory=list)

    def page(self, username: str = "clerk", size: str = "wide") -> Page:
        """A page of somebody who is logged in; what the browser complains about is kept."""
        page = self.context(username, size).new_page()
        page.set_default_timeout(20_000)
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    def context(self, username: str, size: str = "wide") -> BrowserContext:
        """Somebody's browser."""
        key = (username, size)
        if key not in self._contexts:
            width, height = SIZES[size]
            # The agent's certificate is trusted on a person's machine; here the browser is told to take it.
            context = self.browser.new_context(
                viewport={"width": width, "height": height}, locale="zh-CN", base_url=self.url, ignore_https_errors=True
            )
            context.add_cookies([{"name": SESSION_COOKIE, "value": self.session(username), "url": self.url}])
            self._contexts[key] = context
        return self._contexts[key]

    def session(self, username: str) -> str:
        """The cookie of a new session."""
        return _new_session(StaffAccount.objects.get(username=username))

    def request(self, person: int = 0, **changes: Any) -> ServiceRequest:
        """A request decided by three others, ready to be issued."""
        (made,) = issuing.decided(self.world, issuing.draft(self.world, person=person, **changes), now=now())
        return made

    def plug_blank(self, serial: str = "", *, in_stock: bool = True) -> str:
        """A blank token is plugged in; ``in_stock``: the platform has it on record."""
        serial = serial or f"B{secrets.token_hex(6).upper()}"
        assert library().call("BYT_CreateDevice", serial.encode(), b"", AUTH_KEY, FEWEST_ITERATIONS) == 0
        self._plugged.append(serial)
        if in_stock:
            entries = [TokenEntry(serial)]
            receive_tokens(self.staff["clerk"], entries, medium="USB_KEY", region_code="350102", now=now())
        return serial

    def pull(self, serial: str) -> None:
        """The token leaves the machine."""
        (place() / serial).rename(self._away(serial))

    def plug(self, serial: str) -> None:
        """It comes back."""
        self._away(serial).rename(place() / serial)

    def end(self) -> None:
        """Close everything and take all tokens out."""
        for context in self._contexts.values():
            context.close()
        for serial in self._plugged:
            if (place() / serial).exists():
                self.pull(serial)

    def _away(self, serial: str) -> Path:
        return place().parent / f"away-{serial}"

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "the server responded with a status of 4" not in message.text:
            self.complaints.append(message.text)


ROLES = {
    "clerk": Role.CLERK,
    "other": Role.CLERK,
    "proofreader": Role.PROOFREADER,
    "approver": Role.APPROVER,
    "sysadmin": Role.SYSTEM_ADMIN,
}


@contextmanager
def counter(url: str, browser: Browser) -> Iterator[Counter]:
    """A counter whose agent is on the platform's list; the settings must name ``url`` and the agent's port."""
    moment = now()
    world = issuing.world(connector=OpenCa())
    people: dict[str, StaffAccount] = {name: account_with(role, username=name) for name, role in ROLES.items()}
    profiles = {PROFILE: PROFILES[PROFILE] | {"auth_key": AUTH_KEY.hex()}}
    with running(allowed=[url], platform_key=task_key(), profiles=profiles) as agent:
        made = Counter(url, browser, agent, world, {name: session_of(one) for name, one in people.items()})
        public_key = octets_of(SocketPage(agent, url).hello["public_key"])
        agents.register_agent(
            made.staff["sysadmin"], public_key=public_key, name="一号窗口", region_code="350000", now=moment
        )
        try:
            yield made
        finally:
            made.end()
