"""Web pages that use the token agent, as people have them: a site out on the internet, a browser that trusts this agent's root.

The site is served from this machine, yet the browser is told that its address is a public one
(``--ip-address-space-overrides``), so that it guards the way to the agent as it does for any site. The roots of site and agent
stand in the browser's own certificate database, where an installer would put the agent's: no certificate error is ignored.
"""

import contextlib
import os
import subprocess
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext
from typing import Any, Final

from playwright.sync_api import Browser, Page, Playwright, ViewportSize

from support.agent import ORIGIN, Agent
from support.skf import ROOT

LIBRARY: Final = ROOT / "web" / "token" / "dist"
HOST: Final = ORIGIN.removeprefix("https://")
STRANGE_HOST: Final = "strange.example.cn"
_ARGUMENTS: Final = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
_TYPES: Final = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}


class _Pages(BaseHTTPRequestHandler):
    """The example page's directory, and bare pages beside it."""

    protocol_version = "HTTP/1.1"
    timeout = 30
    bare: Mapping[str, tuple[str, str]] = {
        # path: what the page says, its policy
        "/bare": ("<script src=/banyan-token.js></script>", ""),
        "/module": (
            "<script type=module>import * as all from '/banyan-token.mjs'; window.BanyanToken = all;</script>",
            "",
        ),
        "/strict": ("<script src=/banyan-token.js></script>", "default-src 'self'"),
    }

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        name = "index.html" if path == "/" else Path(path).name
        if path in self.bare:
            html, policy = self.bare[path]
            self._answer(200, f"<!doctype html><html lang=zh><title>x</title>{html}".encode(), ".html", policy)
        elif found := next((one for one in (LIBRARY / "example" / name, LIBRARY / name) if one.is_file()), None):
            self._answer(200, found.read_bytes(), found.suffix)
        else:
            self._answer(404, b"", ".html")

    def _answer(self, status: int, body: bytes, suffix: str, policy: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", _TYPES[suffix])
        self.send_header("Content-Length", str(len(body)))
        if policy:
            self.send_header("Content-Security-Policy", policy)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A browser leaves when it likes."""


@contextlib.contextmanager
def _serving(tls: SSLContext | None) -> Iterator[int]:
    with _Server(("127.0.0.1", 0), _Pages) as server:
        if tls:
            # The handshake belongs to the connection's own thread: a browser opens some that it never uses.
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def _run(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True, capture_output=True)


def _site_certificate(place: Path) -> Path:
    """One for both names of the site; the key in the same file."""
    made = place / "site.pem"
    names = f"subjectAltName=DNS:{HOST},DNS:{STRANGE_HOST}"
    _run(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 30,
        "-subj", f"/CN={HOST}", "-addext", names, "-keyout", place / "site.key", "-out", made,
    )  # fmt: skip
    made.write_bytes(made.read_bytes() + (place / "site.key").read_bytes())
    return made


def _trust(home: Path, certificates: Mapping[str, tuple[Path, str]]) -> None:
    """Into the certificate database of the user whose home this is, as an installer does."""
    database = home / ".pki" / "nssdb"
    database.mkdir(parents=True)
    _run("certutil", "-d", f"sql:{database}", "-N", "--empty-password")
    for name, (path, trust) in certificates.items():
        _run("certutil", "-d", f"sql:{database}", "-A", "-n", name, "-t", trust, "-i", path)


class Visitors:
    """A browser, and people who open pages with it."""

    def __init__(self, browser: Browser, agent: Agent) -> None:
        self.browser, self.agent = browser, agent

    def page(self, permission: str = "granted", *, width: int = 1366, height: int = 768, origin: str = ORIGIN) -> Page:
        """A page of somebody who has answered the browser's question about the agent, or whom it has still to ask (prompt)."""
        size: ViewportSize = {"width": width, "height": height}
        page = self.browser.new_context(viewport=size, locale="zh-CN").new_page()
        page.set_default_timeout(20_000)
        if permission != "prompt":
            self.answer(page, permission, origin)
        return page

    def answer(self, page: Page, permission: str, origin: str = ORIGIN) -> None:
        """What the person, or the site settings, decide."""
        own = page.context.new_cdp_session(page)
        context = own.send("Target.getTargetInfo")["targetInfo"]["browserContextId"]
        told = {"permission": {"name": "loopback-network"}, "setting": permission, "origin": origin}
        self.browser.new_browser_cdp_session().send("Browser.setPermission", told | {"browserContextId": context})

    def example(self, permission: str = "granted", *, query: str = "", **settings: int) -> Page:
        """The example page."""
        page = self.page(permission, **settings)
        page.goto(f"{ORIGIN}/?port={self.agent.port}{query}")
        return page

    def bare(self, permission: str = "granted", *, path: str = "/bare", origin: str = ORIGIN) -> Page:
        """A page with the library and nothing else."""
        page = self.page(permission, origin=origin)
        page.goto(f"{origin}{path}")
        return page

    def close(self) -> None:
        for context in list(self.browser.contexts):
            context.close()


@contextlib.contextmanager
def visiting(playwright: Playwright, agent: Agent, place: Path, *, display: str | None = None) -> Iterator[Visitors]:
    """A browser for pages of ``ORIGIN``; with ``display`` it has windows, and then asks people instead of refusing."""
    home = place / "home"
    certificate = _site_certificate(place)
    tls = SSLContext(PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    _trust(home, {"agent": (agent.place / "state" / "root.pem", "C,,"), "site": (certificate, "P,,")})
    environment = os.environ | {"HOME": str(home)} | ({"DISPLAY": display} if display else {})
    with _serving(tls) as secure, _serving(None) as plain:
        names = [
            f"MAP {host}:{port} 127.0.0.1:{to}"
            for host in (HOST, STRANGE_HOST)
            for port, to in ((443, secure), (80, plain))
        ]
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", headless=display is None, env={**environment},
            args=[
                *_ARGUMENTS, f"--host-resolver-rules={', '.join(names)}",
                f"--ip-address-space-overrides=127.0.0.1:{secure}=public,127.0.0.1:{plain}=public",
            ],
        )  # fmt: skip
        try:
            yield Visitors(browser, agent)
        finally:
            browser.close()


@contextlib.contextmanager
def screen() -> Iterator[str]:
    """The name of a display that nobody looks at: only a browser with windows asks people anything."""
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1366x768x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[writing], stderr=subprocess.DEVNULL) as server:
        os.close(writing)
        with os.fdopen(reading) as told:
            number = told.readline().strip()
        try:
            yield f":{number}"
        finally:
            server.terminate()


def outcome(page: Page, script: str, **given: Any) -> Any:
    """What a page's own script gets. ``script`` is the body of an async function of ``given``; errors come as their fields."""
    wrapped = f"""async (given) => {{
        const {{ TokenAgent, TokenAgentError }} = BanyanToken;
        try {{ {script} }} catch (error) {{
            if (!(error instanceof TokenAgentError)) throw error;
            return {{ code: error.code, message: error.message, number: error.number ?? null,
                triesLeft: error.triesLeft ?? null, mayHaveBeenDone: error.mayHaveBeenDone }};
        }}
    }}"""
    return page.evaluate(wrapped, given)
