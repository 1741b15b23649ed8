"""What a web page adds to a token: from the click to the signature, and a pair written from a page. Needs what the tests need.

usage: bench_token_pages.py [--rounds N]; figures as JSON, one a line, like those of ``banyan bench``. The agent is a build with
its headless mode, so that no person's time is in the figures; the site has a public address, the browser its permission.
Signatures are verified by our own engine, else there is no figure.
"""

import argparse
import base64
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from ctypes import byref
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

from playwright.sync_api import Page, sync_playwright  # noqa: E402

from banyan import gm  # noqa: E402
from banyan.cli.bench import Figure  # noqa: E402
from banyan_token.skf import codes  # noqa: E402
from support.agent import SUBJECT, octets_of, pair_for, point_of, running  # noqa: E402
from support.skf import ADMIN_PIN, AUTH_KEY, NEW_PIN, USER_PIN, SkfToken, library  # noqa: E402
from support.token_pages import Visitors, outcome, visiting  # noqa: E402

SERIAL, TEXT = "BENCHPAGES", "同意。"
# The click is a real one: its time is the browser's, when the mouse button went up.
PAGE = """(given) => {
    const key = { profile: 'banyan', serial: given.serial, container: 'c0' };
    const text = (octets) => btoa(String.fromCharCode(...octets));
    const button = document.createElement('button');
    window.outcomes = [];
    button.textContent = 'sign';
    button.onclick = async (event) => {
        let timing;
        kept.addEventListener('answer', ({ detail }) => (timing = detail), { once: true });
        const { signature } = await kept.sign({ ...key, text: given.text });
        const ms = performance.now() - event.timeStamp;
        outcomes.push({ ms, library: timing.libraryMs, window: timing.windowMs, signature: text(signature) });
    };
    document.body.append(button);
}"""
CONNECT = """window.kept = await TokenAgent.connect({ port: given.port, transport: given.transport }); return 1;"""
PREPARE = """const began = performance.now();
    const { publicKey } = await kept.prepare({ profile: 'banyan', serial: given.serial, container: given.name,
        subject: Uint8Array.from(given.subject) });
    return { ms: performance.now() - began, publicKey: btoa(String.fromCharCode(...publicKey)) };"""
WRITE = """const octets = (text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
    const began = performance.now();
    await kept.write({ profile: 'banyan', serial: given.serial, container: given.name, nonce: new Uint8Array(32),
        signingCertificate: octets(given.signing_certificate), envelope: octets(given.envelope),
        encryptionCertificate: octets(given.encryption_certificate) });
    return performance.now() - began;"""


def headless_agent(place: Path) -> Path:
    """The agent with ``-DBANYAN_AGENT_TEST``, otherwise built as the product's."""
    program = place / "build" / "banyan-agent"
    settings = [f"BUILD={program.parent}", "AGENT_DEFINES=-DBANYAN_AGENT_TEST"]
    subprocess.run(["make", "--silent", "-C", str(ROOT / "native"), *settings, str(program)], check=True)
    return program


def make_device() -> None:
    """With as many rounds of derivation as a real one has."""
    if code := library().call("BYT_CreateDevice", SERIAL.encode(), b"", AUTH_KEY, 0):
        raise SystemExit(f"no device: {codes.code_name(code)}")
    made = SkfToken(SERIAL)
    made.authenticate()
    pins = (ADMIN_PIN.encode(), 6, USER_PIN.encode(), 6)
    made.ok("CreateApplication", made.dev, b"banyan", *pins, codes.ANYONE, byref(made.app))
    for old, new in ((USER_PIN, NEW_PIN), (NEW_PIN, USER_PIN)):  # a holder's own PIN, no initial one
        made.change_pin(old, new)
    made.ok("DisConnectDev", made.dev)


def written_pair(page: Page, name: str) -> tuple[float, bytes]:
    """Milliseconds in the page from nothing to both certificates, without the platform's time; the public signing key."""
    prepared = outcome(page, PREPARE, serial=SERIAL, name=name, subject=list(SUBJECT))
    point = point_of(octets_of(prepared["publicKey"]))
    return prepared["ms"] + outcome(page, WRITE, serial=SERIAL, name=name, **pair_for(point)), point


def signed(page: Page, point: bytes, rounds: int) -> list[dict[str, float]]:
    page.evaluate(PAGE, {"serial": SERIAL, "text": TEXT})
    for number in range(rounds + 1):
        page.get_by_role("button", name="sign").click()
        page.wait_for_function("number => outcomes.length > number", arg=number)
    found = page.evaluate("outcomes")[1:]  # the first one starts the token's process
    for one in found:
        gm.sm2.verify(point, TEXT.encode(), base64.b64decode(one["signature"]))
    return list(found)


def figures(visitors: Visitors, rounds: int) -> Iterator[Figure]:
    page = visitors.bare()
    outcome(page, CONNECT, port=visitors.agent.port, transport="websocket")
    pairs = [written_pair(page, f"c{number}") for number in range(6)]
    written = statistics.median(ms for ms, _point in pairs)
    yield Figure("token", "page_write_pair_ms", "skf", written, "ms", len(pairs))
    for transport in ("websocket", "https"):
        page = visitors.bare()
        outcome(page, CONNECT, port=visitors.agent.port, transport=transport)
        times = signed(page, pairs[0][1], rounds)
        whole = statistics.median(one["ms"] for one in times)
        over = sorted(one["ms"] - one["library"] for one in times)
        about = {
            "p95": round(over[len(over) * 95 // 100], 2),
            "window_ms": round(max(one["window"] for one in times), 2),
        }
        yield Figure("token", f"page_sign_{transport}_ms", "skf", whole, "ms", rounds)
        yield Figure(
            "token", f"page_sign_over_library_{transport}_ms", "skf", statistics.median(over), "ms", rounds, extra=about
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=50)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="banyan-bench-") as directory:
        place = Path(directory)
        (place / "pin").write_text(f"{USER_PIN}\n")
        os.environ |= {"BANYAN_AGENT_TEST_PIN": str(place / "pin"), "BANYAN_SKF_ROOT": str(place / "tokens")}
        make_device()
        program = headless_agent(place)
        with running(program) as agent, sync_playwright() as playwright, visiting(playwright, agent, place) as visitors:
            for figure in figures(visitors, rounds):
                sys.stdout.write(f"{figure.as_json()}\n")


main()
