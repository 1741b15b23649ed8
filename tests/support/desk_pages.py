"""Pages of the counter in a browser, opened by people with sessions; what the browser complains about is kept."""

from dataclasses import dataclass, field

from playwright.sync_api import Browser, ConsoleMessage, Page

from banyan.domain.iam import actions as iam
from banyan.domain.iam.models import Credential, StaffAccount
from banyan.domain.iam.rights import Role
from banyan.kernel.clock import now
from banyan.web.sessions import SESSION_COOKIE
from support import issuing
from support.iam import account_with, session_of

ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
WIDE, PHONE = (1366, 768), (390, 844)


@dataclass
class DeskPages:
    """A world served, and the pages that its people have open."""

    world: issuing.World
    url: str
    browser: Browser
    complaints: list[str] = field(default_factory=list)

    def page(
        self, *roles: Role, regions: list[str] | None = None, size: tuple[int, int] = WIDE, javascript: bool = True
    ) -> Page:
        """A page of somebody with these roles; nothing said: a clerk of the province."""
        return self.page_of(account_with(*(roles or (Role.CLERK,)), regions=regions), size=size, javascript=javascript)

    def page_of(self, account: StaffAccount, *, size: tuple[int, int] = WIDE, javascript: bool = True) -> Page:
        """A page of an account, in a browser of its own."""
        session_of(account)
        context = self.browser.new_context(
            viewport={"width": size[0], "height": size[1]}, locale="zh-CN", base_url=self.url,
            java_script_enabled=javascript,
        )  # fmt: skip
        context.add_cookies([{"name": SESSION_COOKIE, "value": self.token(account), "url": self.url}])
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        return page

    @staticmethod
    def token(account: StaffAccount) -> str:
        """The token of a new session."""
        credential = Credential.objects.get(account=account, kind="password", replaced_at__isnull=True)
        return iam.open_session(account=account, credential=credential, channel="test", now=now()).token

    def _note(self, message: ConsoleMessage) -> None:
        # A page that is refused on purpose is a "failed resource" to the browser; everything else counts.
        if message.type == "error" and "the server responded with a status of 4" not in message.text:
            self.complaints.append(message.text)
