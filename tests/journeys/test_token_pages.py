"""Web pages that use tokens: @banyan/token in a real browser against the real agent (C5; issue point 5, journeys of point 4)."""

import base64
import json
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, Playwright, Route, WebSocket, expect, sync_playwright

from banyan import gm
from banyan.pki.csr import CertificationRequest
from banyan_token.unlock import make_response
from support.agent import (
    AGENT,
    ORIGIN,
    OTHER_ORIGIN,
    PROFILE,
    SUBJECT,
    Agent,
    PostPage,
    SocketPage,
    finished,
    free_port,
    make_token,
    octets_of,
    pair_for,
    point_of,
    read_back_message,
    running,
    spki_of,
    text_of,
)
from support.skf import ADMIN_PIN, NEW_PIN, USER_PIN, WRONG_PIN, SkfToken, place
from support.token_pages import STRANGE_HOST, Visitors, outcome, screen, visiting

pytestmark = pytest.mark.browser
NONCE = bytes(range(32))
BOTH_WAYS = pytest.mark.parametrize("transport", ["websocket", "https"])
CONNECT = "const agent = await TokenAgent.connect({ port: given.port, transport: given.transport || 'auto' });"
# The agent of the page that stays for a later script.
KEPT = f"{CONNECT} window.kept = agent; return agent.keyId;"


@pytest.fixture(scope="module")
def module_agent() -> Iterator[Agent]:
    if not AGENT.exists():
        pytest.skip("make setup builds it")
    with running() as started:
        yield started


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        expect.set_options(timeout=20_000)
        yield started


@pytest.fixture(scope="module")
def module_visitors(
    playwright: Playwright, module_agent: Agent, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Visitors]:
    with visiting(playwright, module_agent, tmp_path_factory.mktemp("site")) as visitors:
        yield visitors


@pytest.fixture
def agent(module_agent: Agent) -> Iterator[Agent]:
    yield module_agent
    assert module_agent.process is not None
    if module_agent.process.poll() is not None:
        module_agent.start()


@pytest.fixture
def visitors(module_visitors: Visitors, agent: Agent) -> Iterator[Visitors]:
    yield module_visitors
    module_visitors.close()


@pytest.fixture
def serial() -> str:
    return make_token()


@pytest.fixture
def whole(agent: Agent, serial: str) -> tuple[str, bytes]:
    """A token with a pair in ``k1``; its serial number and public signing key."""
    page = SocketPage(agent)
    point, _pair = finished(page, serial)
    page.close()
    return serial, point


def expect_trouble(page: Page, code: str, words: str) -> None:
    expect(page.locator("#trouble")).to_be_visible()
    expect(page.locator("#trouble-code")).to_have_text(code)
    expect(page.locator("#trouble-text")).to_contain_text(words)


def carry_out(page: Page, task: str, /, **fields: str | FilePayload) -> None:
    """Open the task, fill its form, press its button."""
    form = page.locator(f"#{task} form")
    if not form.is_visible():
        page.locator(f"#{task} summary").click()
    for name, value in fields.items():
        field = page.locator(f"#{task}-{name}")
        if isinstance(value, str):
            field.fill(value)
        else:
            field.set_input_files(value)
    form.locator("button").click()


def told(page: Page, task: str, word: str) -> str:
    """One value of a task's outcome."""
    shown = page.locator(f"#{task} dd[data-word={word}]")
    expect(shown).to_be_attached()
    return shown.text_content() or ""


def choose(page: Page, serial: str, container: str) -> None:
    page.locator(f'[id="key {PROFILE} {serial} {container}"]').check()


# Why there is no agent: each has its code and its way on


def test_an_agent_that_does_not_run_is_told_and_found_when_it_does(visitors: Visitors, agent: Agent) -> None:
    agent.kill()
    page = visitors.example()
    expect_trouble(page, "AGENT_UNREACHABLE", "请确认已安装并已启动介质助手")
    agent.start()
    page.get_by_role("button", name="连接介质助手").click()
    expect(page.locator("#state")).to_have_text("已连接")
    expect(page.locator("#trouble")).to_be_hidden()


def test_a_permission_that_was_denied_is_told(visitors: Visitors) -> None:
    page = visitors.example("denied")
    expect_trouble(page, "AGENT_PERMISSION_DENIED", "允许“设备上的应用”")
    visitors.answer(page, "granted")
    page.reload()
    expect(page.locator("#state")).to_have_text("已连接")


def test_a_page_without_https_is_told_where_to_go(visitors: Visitors, agent: Agent) -> None:
    page = visitors.page()
    page.goto(f"http://ra.example.cn/?port={agent.port}")
    expect_trouble(page, "AGENT_INSECURE_PAGE", "https://")
    page.get_by_role("link", name="用 https 打开").click()
    expect(page.locator("#state")).to_have_text("已连接")


def test_a_question_that_nobody_has_answered_is_told(playwright: Playwright, agent: Agent, tmp_path: Path) -> None:
    """Only a browser with windows asks; when the person allows it after all, the page goes on by itself."""
    with screen() as display, visiting(playwright, agent, tmp_path, display=display) as visitors:
        page = visitors.example("prompt", query="&timeout=6000")
        expect(page.locator("#hint")).to_contain_text("请选择“允许”")
        expect(page.locator("#state")).to_have_text("正在连接")
        expect_trouble(page, "AGENT_PERMISSION_UNANSWERED", "还没有得到回答")
        expect(page.locator("#hint")).to_be_hidden()
        visitors.answer(page, "granted")
        expect(page.locator("#state")).to_have_text("已连接")
        nobody = outcome(visitors.bare("prompt"), CONNECT, port=free_port())
        assert nobody["code"] == "AGENT_UNREACHABLE", "where nobody listens the browser has nothing to ask"


def test_a_site_that_the_agent_does_not_serve_is_told(visitors: Visitors, agent: Agent) -> None:
    page = visitors.bare(origin=f"https://{STRANGE_HOST}")
    assert outcome(page, CONNECT, port=agent.port)["code"] == "AGENT_ORIGIN_REFUSED"


def test_a_page_whose_own_policy_forbids_it_is_told(visitors: Visitors, agent: Agent) -> None:
    page = visitors.bare(path="/strict")
    assert outcome(page, CONNECT, port=agent.port)["code"] == "AGENT_PAGE_POLICY"


@pytest.mark.parametrize("answer", ["refusal", "other versions"])
def test_an_agent_of_another_version_is_told(visitors: Visitors, agent: Agent, answer: str) -> None:
    """A later agent, as its protocol says that it would answer; the browser's network plays it."""
    page = visitors.bare()
    refusal = {
        "code": "AGENT_VERSION",
        "number": "0x0B000003",
        "message": "网页与本机介质助手的版本不一致。请升级介质助手。",
    }
    hello = {"agent": "banyan-agent", "version": "9.0.0", "versions": [7, 8], "session": "s", "most_bytes": 262144}
    later = {"ok": False, "error": refusal} if answer == "refusal" else {"ok": True, "result": hello}

    def answer_later(route: Route) -> None:
        headers = {"access-control-allow-origin": ORIGIN, "access-control-allow-headers": "content-type"}
        route.fulfill(
            status=200,
            headers=headers,
            content_type="application/json",
            body=json.dumps({"v": 8, "id": "hello"} | later),
        )

    page.route(f"https://localhost:{agent.port}/", answer_later)
    found = outcome(page, CONNECT, port=agent.port, transport="https")
    assert found["code"] == "AGENT_VERSION"
    assert "升级介质助手" in found["message"]


def test_another_program_on_the_port_is_no_agent(visitors: Visitors, agent: Agent) -> None:
    page = visitors.bare()
    page.route(f"https://localhost:{agent.port}/", lambda route: route.fulfill(status=200, body="hello, world"))
    assert outcome(page, CONNECT, port=agent.port, transport="https")["code"] in (
        "AGENT_UNREACHABLE",
        "AGENT_ORIGIN_REFUSED",
    )


def test_own_errors_are_in_the_page_s_language(visitors: Visitors, agent: Agent) -> None:
    page = visitors.example("denied", query="&lang=en")
    expect_trouble(page, "AGENT_PERMISSION_DENIED", "allow “Apps on device” in the site settings")
    expect(page.get_by_role("button", name="Connect")).to_be_visible()


def test_where_websocket_does_not_pass_https_does(visitors: Visitors, agent: Agent) -> None:
    page = visitors.bare()
    page.route_web_socket(f"wss://localhost:{agent.port}/", lambda socket: socket.close())
    kinds: list[str] = []
    page.on("request", lambda request: kinds.append(request.method))
    assert outcome(page, f"{CONNECT} return Array.isArray((await agent.list()).tokens);", port=agent.port)
    assert kinds.count("POST") == 2


def test_a_module_brings_the_same_as_a_script(visitors: Visitors, agent: Agent) -> None:
    names = "() => Object.keys(BanyanToken).sort()"
    page = visitors.bare(path="/module")
    page.wait_for_function("window.BanyanToken")
    assert page.evaluate(names) == visitors.bare().evaluate(names)
    assert len(outcome(page, f"{CONNECT} return agent.keyId;", port=agent.port)) == 32


# Every message, from the page


def test_from_the_key_born_in_the_token_to_the_pair_in_it(visitors: Visitors, agent: Agent, serial: str) -> None:
    page = visitors.example()
    agent.pins(USER_PIN, USER_PIN, USER_PIN)
    choose(page, serial, "")
    carry_out(page, "prepare", container="k1", subject=text_of(SUBJECT))
    request = CertificationRequest.parse(octets_of(told(page, "prepare", "request")))
    request.verify()
    point = point_of(octets_of(told(page, "prepare", "publicKey")))
    assert request.public_key == point
    pair = pair_for(point)
    carry_out(
        page, "write", container="k1", signing=pair["signing_certificate"], encryption=pair["encryption_certificate"],
        envelope=pair["envelope"], nonce=text_of(NONCE),
    )  # fmt: skip
    gm.sm2.verify(point, read_back_message(ORIGIN, serial, NONCE), octets_of(told(page, "write", "signature")))
    choose(page, serial, "k1")
    other = secrets.token_bytes(32)
    carry_out(page, "read_back", nonce=text_of(other))
    gm.sm2.verify(point, read_back_message(ORIGIN, serial, other), octets_of(told(page, "read_back", "signature")))
    assert told(page, "read_back", "certificate") == pair["signing_certificate"]
    assert told(page, "read_back", "encryption") == pair["encryption_certificate"]
    expect(page.locator(".key", has=page.locator(f'[id="key {PROFILE} {serial} k1"]'))).to_contain_text("可用")


def test_text_is_signed_and_the_signature_verified(visitors: Visitors, agent: Agent, whole: tuple[str, bytes]) -> None:
    serial, point = whole
    page = visitors.example()
    agent.pins(USER_PIN)
    choose(page, serial, "k1")
    carry_out(page, "sign", text="同意发放补贴 3,000 元。")
    gm.sm2.verify(point, "同意发放补贴 3,000 元。".encode(), octets_of(told(page, "sign", "signature")))
    assert "同意发放补贴 3,000 元。" in agent.shown()
    carry_out(page, "verify")
    told(page, "verify", "valid")
    carry_out(page, "verify", data="同意发放补贴 9,000 元。")
    told(page, "verify", "notValid")
    expect(page.locator("#log tr")).to_have_count(3)


def test_a_file_is_signed_and_one_that_is_too_large_refused(
    visitors: Visitors, agent: Agent, whole: tuple[str, bytes]
) -> None:
    serial, point = whole
    page = visitors.example()
    agent.pins(USER_PIN)
    choose(page, serial, "k1")
    content = secrets.token_bytes(180_000)
    carry_out(page, "sign_data", file={"name": "批复.pdf", "mimeType": "application/pdf", "buffer": content})
    gm.sm2.verify(point, content, octets_of(told(page, "sign_data", "signature")))
    assert "签名文件：批复.pdf" in agent.shown()
    carry_out(page, "sign_data", file={"name": "大.pdf", "mimeType": "application/pdf", "buffer": bytes(300_000)})
    expect(page.locator("#sign_data .note-bad")).to_contain_text("AGENT_TOO_LARGE")


def test_a_log_in_is_for_this_site_alone(visitors: Visitors, agent: Agent, whole: tuple[str, bytes]) -> None:
    serial, point = whole
    page = visitors.example()
    agent.pins(USER_PIN)
    choose(page, serial, "k1")
    carry_out(page, "login", challenge=text_of(NONCE))
    message = b"\0".join((b"banyan-login-v1", ORIGIN.encode(), NONCE))
    gm.sm2.verify(point, message, octets_of(told(page, "login", "signature")))


def test_data_for_the_holder_are_opened(visitors: Visitors, agent: Agent, serial: str) -> None:
    own = SocketPage(agent)
    _point, pair = finished(own, serial)
    certificate = octets_of(pair["encryption_certificate"])
    encryption = certificate[certificate.index(spki_of(b"")) + 26 :][:65]
    key, iv = secrets.token_bytes(16), secrets.token_bytes(16)
    page = visitors.example()
    agent.pins(USER_PIN)
    choose(page, serial, "k1")
    wrapped = gm.sm2.ciphertext_to_der(gm.sm2.encrypt(encryption, key))
    sealed = gm.sm4.cbc_encrypt(key, iv, "给您的通知".encode())
    carry_out(page, "open", key=text_of(wrapped), iv=text_of(iv), data=text_of(sealed))
    assert told(page, "open", "data") == "给您的通知"


def test_the_holder_changes_the_pin(visitors: Visitors, agent: Agent, serial: str) -> None:
    page = visitors.example()
    agent.pins(USER_PIN, NEW_PIN, NEW_PIN)
    choose(page, serial, "")
    carry_out(page, "change_pin")
    told(page, "change_pin", "done")
    assert SkfToken.open(serial).verify(NEW_PIN)[0] == "SAR_OK"


def test_an_initial_pin_signs_nothing_until_the_holder_has_changed_it(visitors: Visitors, agent: Agent) -> None:
    serial = make_token(is_first_pin=True)
    point, _pair = finished(SocketPage(agent), serial)
    page = visitors.example()
    choose(page, serial, "k1")
    token = page.locator(".token", has=page.locator(f'[id="key {PROFILE} {serial} k1"]'))
    expect(token).to_contain_text("初始 PIN 未改")
    agent.pins(USER_PIN, NEW_PIN, NEW_PIN, NEW_PIN)
    carry_out(page, "sign", text="甲")
    expect(page.locator("#sign .note-bad")).to_contain_text("AGENT_FIRST_PIN")
    carry_out(page, "change_pin")
    told(page, "change_pin", "done")
    expect(token).not_to_contain_text("初始 PIN 未改")
    carry_out(page, "sign", text="甲")
    gm.sm2.verify(point, "甲".encode(), octets_of(told(page, "sign", "signature")))


def test_a_locked_token_is_unblocked_by_the_platform_s_answer(visitors: Visitors, agent: Agent) -> None:
    serial = make_token(tries=2)
    assert [SkfToken.open(serial).verify(WRONG_PIN)[0] for _ in range(2)][-1] == "SAR_PIN_LOCKED"
    platform = SocketPage(agent)  # knows the agent's key and what is sealed; the page sees neither
    page = visitors.example()
    choose(page, serial, "")
    page.locator("#begin summary").click()
    page.locator("#begin-unblock").check()
    carry_out(page, "begin", task="T-1")
    begun = {"nonce": told(page, "begin", "nonce")}
    temporary = "t3mp-Orary"
    response = make_response(ADMIN_PIN, told(page, "begin", "unblockRequest"), temporary, serial=serial)
    sealed = agent.seal(platform, begun, serial, ["unblock"], response=response, pin=temporary)
    agent.pins(NEW_PIN, NEW_PIN)
    carry_out(page, "unblock", sealed=sealed)
    told(page, "unblock", "done")
    assert SkfToken.open(serial).verify(NEW_PIN)[0] == "SAR_OK"


def test_what_the_platform_sealed_spares_the_window(visitors: Visitors, agent: Agent, serial: str) -> None:
    platform = SocketPage(agent)
    page = visitors.example()
    choose(page, serial, "")
    agent.pins()
    carry_out(page, "begin", task="T-1")
    sealed = agent.seal(platform, {"nonce": told(page, "begin", "nonce")}, serial, ["prepare"], pin=USER_PIN)
    carry_out(page, "prepare", container="k1", subject=text_of(SUBJECT), sealed=sealed)
    told(page, "prepare", "request")
    assert agent.shown() == ""
    carry_out(page, "prepare")  # the same again: a sealed answer is good once
    expect(page.locator("#prepare .note-bad")).to_contain_text("AGENT_TASK")


# PINs and tokens


@BOTH_WAYS
def test_a_locked_pin_and_a_closed_window_are_errors_with_the_agent_s_words(
    visitors: Visitors, agent: Agent, transport: str
) -> None:
    serial = make_token(tries=2)
    own = SocketPage(agent)
    finished(own, serial)
    page = visitors.bare()
    sign = f"{CONNECT} return await agent.sign({{ profile: 'banyan', serial: given.serial, container: 'k1', text: '甲' }});"
    given = {"port": agent.port, "transport": transport, "serial": serial}
    agent.pins("CANCEL")
    assert outcome(page, sign, **given)["code"] == "AGENT_CANCELLED"
    agent.pins(WRONG_PIN, WRONG_PIN)
    locked = outcome(page, sign, **given)
    assert (locked["code"], locked["number"], locked["triesLeft"]) == ("SAR_PIN_LOCKED", 0x0A000025, 0)
    assert "到发证机构办理解锁" in locked["message"]


def test_a_token_is_noticed_when_it_comes_and_when_it_goes(visitors: Visitors, agent: Agent, serial: str) -> None:
    drawer = place() / serial
    page = visitors.example()
    key = page.locator(f'[id="key {PROFILE} {serial} "]')
    expect(key).to_be_visible()
    drawer.rename(away := drawer.with_name(f".{serial}"))
    expect(key).to_have_count(0)
    expect(page.locator("#news")).to_have_text(f"已拔出 {serial}")
    away.rename(drawer)
    expect(key).to_be_visible()
    expect(page.locator("#news")).to_have_text(f"已插入 {serial}")


def test_a_token_pulled_out_while_the_window_is_open_is_told(
    visitors: Visitors, agent: Agent, whole: tuple[str, bytes]
) -> None:
    serial, _point = whole
    page = visitors.example()
    choose(page, serial, "k1")
    agent.pins("HANG")
    carry_out(page, "sign", text="甲")
    agent.wait_for_window()
    (place() / serial).rename(away := (place() / serial).with_name(f".{serial}"))
    expect(page.locator("#news")).to_have_text(f"已拔出 {serial}")
    page.close()  # with the page its window closes
    agent.pins(USER_PIN)
    found = outcome(
        visitors.bare(),
        f"{CONNECT} return await agent.sign({{ profile: 'banyan', serial: given.serial, container: 'k1', text: '甲' }});",
        port=agent.port, serial=serial,
    )  # fmt: skip
    assert found["code"] == "SAR_DEVICE_REMOVED"
    assert "插好介质后重试" in found["message"]
    shutil.rmtree(away)


# Sessions


@BOTH_WAYS
def test_many_calls_at_once_get_each_its_answer(
    visitors: Visitors, agent: Agent, whole: tuple[str, bytes], transport: str
) -> None:
    serial, point = whole
    agent.pins(*[USER_PIN] * 5)
    found = outcome(
        visitors.bare(),
        f"""{CONNECT}
        const key = {{ profile: 'banyan', serial: given.serial, container: 'k1' }};
        const signing = [1, 2, 3, 4, 5].map((number) => agent.sign({{ ...key, text: `第 ${{number}} 号` }}));
        const looking = [1, 2, 3, 4, 5, 6, 7].map(() => agent.list());
        const signatures = (await Promise.all(signing)).map((one) => btoa(String.fromCharCode(...one.signature)));
        const lists = (await Promise.all(looking)).map((list) => list.tokens.some((one) => one.serial === given.serial));
        return {{ signatures, lists }};""",
        port=agent.port, serial=serial, transport=transport,
    )  # fmt: skip
    for number, signature in enumerate(found["signatures"], 1):
        gm.sm2.verify(point, f"第 {number} 号".encode(), base64.b64decode(signature))
    assert found["lists"] == [True] * 7


def test_a_page_cannot_use_the_session_of_another(visitors: Visitors, agent: Agent) -> None:
    first = visitors.page()
    sent: list[str] = []
    first.on("websocket", lambda socket: socket.on("framesent", lambda payload: sent.append(str(payload))))
    first.goto(f"{ORIGIN}/bare")
    outcome(first, f"{KEPT}", port=agent.port)
    outcome(first, "await kept.list(); return 1;")
    stolen = json.loads(sent[-1])
    stolen["number"] += 1
    thief = visitors.bare()
    post = """async ([port, body]) => {
        const answer = await fetch(`https://localhost:${port}/`, {
            method: 'POST', headers: { 'content-type': 'application/json' }, body });
        return (await answer.json()).error.code;
    }"""
    assert thief.evaluate(post, [agent.port, json.dumps(stolen)]) == "AGENT_SESSION"
    by_socket = """([port, body]) => new Promise((done) => {
        const socket = new WebSocket(`wss://localhost:${port}/`);
        socket.onopen = () => socket.send(body);
        socket.onmessage = (event) => done(JSON.parse(event.data).error.code);
    })"""
    assert thief.evaluate(by_socket, [agent.port, json.dumps(stolen)]) == "AGENT_SESSION"
    other = PostPage(agent, OTHER_ORIGIN)
    other.session, other.number = stolen["session"], stolen["number"]
    assert other.refusal("list") == "AGENT_SESSION"
    assert outcome(first, "await kept.list(); return 'goes on';") == "goes on"


def test_by_post_a_session_used_twice_ends_and_the_page_goes_on_in_a_new_one(visitors: Visitors, agent: Agent) -> None:
    page = visitors.page()
    bodies: list[str] = []
    page.on("request", lambda request: bodies.append(request.post_data or "") if request.method == "POST" else None)
    page.goto(f"{ORIGIN}/bare")
    outcome(page, KEPT, port=agent.port, transport="https")
    outcome(page, "await kept.list(); return 1;")
    thief = PostPage(agent)
    stolen = json.loads(bodies[-1])
    thief.session, thief.number = stolen["session"], stolen["number"] + 1
    assert thief.refusal("list") == "AGENT_SESSION"
    assert outcome(page, "await kept.list(); return 'goes on';") == "goes on"
    hellos = [json.loads(body)["type"] for body in bodies].count("hello")
    assert hellos == 2


# The agent goes away


@BOTH_WAYS
def test_a_signature_under_way_when_the_agent_is_killed_is_not_asked_for_again(
    visitors: Visitors, agent: Agent, whole: tuple[str, bytes], transport: str
) -> None:
    serial, point = whole
    page = visitors.bare()
    key_id = outcome(page, KEPT, port=agent.port, transport=transport)
    agent.pins("HANG")
    page.evaluate(
        """(serial) => {
            window.signing = kept.sign({ profile: 'banyan', serial, container: 'k1', text: '甲' }).then(() => 'signed',
                ({ code, mayHaveBeenDone }) => ({ code, mayHaveBeenDone }));
        }""",
        serial,
    )
    agent.wait_for_window()
    agent.kill()
    assert page.evaluate("signing") == {"code": "AGENT_GONE", "mayHaveBeenDone": True}
    agent.pins(USER_PIN)
    agent.start()
    again = outcome(
        page,
        """const { signature } = await kept.sign({ profile: 'banyan', serial: given.serial, container: 'k1', text: '乙' });
        return [kept.keyId, btoa(String.fromCharCode(...signature))];""",
        serial=serial,
    )
    assert again[0] == key_id
    gm.sm2.verify(point, "乙".encode(), base64.b64decode(again[1]))
    assert agent.shown().count("GETPIN") == 1


@BOTH_WAYS
def test_after_a_restart_the_page_goes_on_by_itself(
    visitors: Visitors, agent: Agent, serial: str, transport: str
) -> None:
    """Between two messages nothing is lost but the session: looking and acting both go on."""
    page = visitors.bare()
    outcome(page, KEPT, port=agent.port, transport=transport)
    agent.kill()
    agent.start()
    agent.pins(USER_PIN)
    prepare = """const { publicKey } = await kept.prepare({ profile: 'banyan', serial: given.serial, container: 'k1',
        subject: Uint8Array.from(given.subject) }); return publicKey.length;"""
    assert outcome(page, prepare, serial=serial, subject=list(SUBJECT)) == 91


@BOTH_WAYS
def test_an_agent_that_stays_away_is_told(visitors: Visitors, agent: Agent, transport: str) -> None:
    page = visitors.bare()
    outcome(page, KEPT, port=agent.port, transport=transport)
    agent.kill()
    found = outcome(page, "return await kept.list();")
    assert (found["code"], found["mayHaveBeenDone"]) == ("AGENT_GONE", False)
    assert "没有执行" in found["message"]


def test_the_example_page_says_that_the_agent_went_and_that_it_is_back(visitors: Visitors, agent: Agent) -> None:
    page = visitors.example()
    expect(page.locator("#state")).to_have_text("已连接")
    agent.kill()
    expect(page.locator("#state")).to_have_text("未连接")
    expect_trouble(page, "AGENT_GONE", "请启动介质助手后重试")
    agent.start()
    expect(page.locator("#state")).to_have_text("已连接")
    expect(page.locator("#trouble")).to_be_hidden()


def test_a_session_that_ended_meanwhile_is_renewed(visitors: Visitors, agent: Agent) -> None:
    """After ten minutes without a message; here the page's clock makes them pass."""
    page = visitors.page()
    sockets: list[WebSocket] = []
    page.on("websocket", lambda socket: sockets.append(socket))
    page.clock.install()
    page.goto(f"{ORIGIN}/bare")
    outcome(page, KEPT, port=agent.port)
    page.clock.set_system_time(page.evaluate("Date.now() + 601_000"))
    assert outcome(page, "await kept.list(); return 'goes on';") == "goes on"
    if not sockets[0].is_closed():
        sockets[0].wait_for_event("close")
    assert [socket.is_closed() for socket in sockets] == [True, False]


def test_nothing_is_asked_while_nobody_sees_the_page(visitors: Visitors, agent: Agent) -> None:
    page = visitors.bare()
    script = """window.looks = 0; kept.addEventListener('answer', () => looks++); window.shown = 'visible';
        Object.defineProperty(document, 'visibilityState', { get: () => window.shown, configurable: true });
        kept.watch({ everyMs: 20 }); return 1;"""
    outcome(page, KEPT, port=agent.port)
    outcome(page, script)
    page.wait_for_function("looks > 3")
    hide = "shown = 'hidden'; document.dispatchEvent(new Event('visibilitychange'));"
    page.evaluate(f"() => {{ {hide} }}")
    outcome(page, "await kept.list(); await kept.list(); window.then = looks; return 1;")  # after what was under way
    outcome(page, "await kept.list(); return 1;")
    assert page.evaluate("looks - then") == 1
    page.evaluate(f"() => {{ {hide.replace('hidden', 'visible')} }}")
    page.wait_for_function("looks > then + 3")


def test_a_closed_connection_says_so(visitors: Visitors, agent: Agent) -> None:
    page = visitors.bare()
    assert (
        outcome(page, f"{CONNECT} agent.close(); return await agent.list();", port=agent.port)["code"] == "AGENT_CLOSED"
    )


# The page itself


@pytest.mark.parametrize("query", ["", "&lang=en"])
def test_the_example_page_fits_a_phone(visitors: Visitors, whole: tuple[str, bytes], query: str) -> None:
    page = visitors.example(width=390, height=844, query=query)
    expect(page.locator(f'[id="key {PROFILE} {whole[0]} k1"]')).to_be_visible()
    for summary in page.locator("#main summary").all():
        if summary.locator("xpath=..").get_attribute("open") is None:
            summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    small = page.evaluate(
        "[...document.querySelectorAll('button, summary, .key')].filter(e => e.offsetHeight && e.offsetHeight < 44).length"
    )
    assert small == 0, "touch targets"


def test_the_example_page_works_by_keyboard(visitors: Visitors, agent: Agent, whole: tuple[str, bytes]) -> None:
    page = visitors.example()
    choose(page, whole[0], "k1")
    agent.pins(USER_PIN)
    page.locator("#sign-text").focus()
    page.keyboard.type("按键也能签")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    gm.sm2.verify(whole[1], "按键也能签".encode(), octets_of(told(page, "sign", "signature")))


@pytest.fixture
def complaints(visitors: Visitors) -> Callable[[Page], list[str]]:
    def watch(page: Page) -> list[str]:
        found: list[str] = []
        page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: found.append(str(error)))
        return found

    return watch


def test_the_browser_has_nothing_to_complain_about(
    visitors: Visitors, agent: Agent, complaints: Callable[[Page], list[str]]
) -> None:
    page = visitors.page()
    found = complaints(page)
    page.goto(f"{ORIGIN}/?port={agent.port}")
    expect(page.locator("#state")).to_have_text("已连接")
    page.get_by_role("button", name="English").click()
    expect(page.locator("#state")).to_have_text("Connected")
    assert not found
