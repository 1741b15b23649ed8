"""Who may speak to the token agent, and in what form (issue points: DNS rebinding, cross-site, replay, stolen sessions)."""

import contextlib
import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import websocket

from support.agent import (
    ORIGIN,
    OTHER_ORIGIN,
    PROFILE,
    Agent,
    Page,
    PostPage,
    SocketPage,
    finished,
    make_token,
    post,
    running,
    text_of,
)
from support.skf import USER_PIN

HELLO = json.dumps({"v": 1, "id": "1", "type": "hello"}).encode()
FOREIGN = [
    "https://evil.example", "http://ra.example.cn", "https://ra.example.cn:444", "https://ra.example.cn:443",
    "https://ra.example.cn.evil.example", "https://RA.example.cn", "https://ra.example.cn/", "null", "https://xra.example.cn",
]  # fmt: skip


def connect(agent: Agent, *, origin: str | None = ORIGIN, path: str = "/", **settings: Any) -> websocket.WebSocket:
    return websocket.create_connection(
        f"wss://localhost:{agent.port}{path}", origin=origin, suppress_origin=origin is None, timeout=20,
        sslopt={"context": agent.tls()}, **settings,
    )  # fmt: skip


@pytest.mark.parametrize("origin", [*FOREIGN, None])
def test_another_origin_is_refused_by_both_ways_and_before(agent: Agent, origin: str | None) -> None:
    with pytest.raises((websocket.WebSocketException, OSError)):
        connect(agent, origin=origin)
    headers = {} if origin is None else {"Origin": origin}
    for method in ("POST", "OPTIONS"):
        status, told, _body = post(agent, HELLO, headers, method=method)
        assert status == 403
        assert not [name for name in told if name.startswith("access-control")]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "localhost:1", "localhost.evil.example:{port}", ""]
)
def test_a_name_turned_to_this_machine_is_refused(agent: Agent, host: str) -> None:
    host = host.format(port=agent.port)
    assert post(agent, HELLO, {"Origin": ORIGIN, "Host": host})[0] in (400, 403)
    with pytest.raises((websocket.WebSocketException, OSError)):
        connect(agent, host=host or " ")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_each_name_of_this_machine_has_a_good_certificate(agent: Agent, host: str) -> None:
    with socket.socket(socket.AF_INET6) as probe:
        if host == "::1" and probe.connect_ex(("::1", agent.port)) != 0:
            pytest.skip("no IPv6 here")
    assert post(agent, HELLO, {"Origin": ORIGIN}, host=host)[0] == 200


def test_only_loopback_is_listened_on(agent: Agent) -> None:
    listening = {
        line.split()[1].split(":")[0]
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        if line.split()[1].endswith(f":{agent.port:04X}") and line.split()[3] == "0A"
    }
    assert listening <= {"0100007F", "00000000000000000000000001000000"}
    assert "0100007F" in listening


def test_the_preflight_of_an_allowed_page_grants_private_network_access(agent: Agent) -> None:
    asked = {
        "Origin": OTHER_ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type",
        "Access-Control-Request-Private-Network": "true",
    }  # fmt: skip
    status, told, _body = post(agent, b"", asked, method="OPTIONS")
    assert status == 204
    assert told["access-control-allow-origin"] == OTHER_ORIGIN
    assert told["access-control-allow-private-network"] == "true"
    assert (told["access-control-allow-methods"], told["access-control-allow-headers"]) == ("POST", "content-type")
    assert told["vary"] == "Origin"


def test_what_a_form_of_another_page_could_send_is_refused(agent: Agent) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp"):
        assert post(agent, HELLO, {"Origin": ORIGIN, "Content-Type": kind})[0] == 415
    assert post(agent, b"", {"Origin": ORIGIN}, method="GET")[0] == 405
    assert post(agent, HELLO, {"Origin": ORIGIN}, method="PUT")[0] in (403, 405)
    assert post(agent, HELLO, {"Origin": ORIGIN}, path="/else")[0] == 404
    with pytest.raises((websocket.WebSocketException, OSError)):
        connect(agent, path="/else")


# Sessions


@pytest.mark.parametrize("ways", [(SocketPage, SocketPage), (SocketPage, PostPage), (PostPage, SocketPage)])
def test_a_session_is_nothing_to_a_page_that_stole_it(agent: Agent, ways: tuple[type[Page], type[Page]]) -> None:
    victim, thief = ways[0](agent), ways[1](agent)
    own = thief.session
    thief.session = victim.session
    assert thief.refusal("list") == "AGENT_SESSION"
    thief.session = own
    thief.ask("list")
    victim.ask("list")
    victim.close()
    thief.close()


def test_a_session_of_another_origin_is_nothing(agent: Agent) -> None:
    victim, thief = PostPage(agent), PostPage(agent, OTHER_ORIGIN)
    thief.session = victim.session
    assert thief.refusal("list") == "AGENT_SESSION"
    victim.ask("list")


def test_by_post_an_old_session_text_ends_the_session(agent: Agent) -> None:
    victim, thief = PostPage(agent), PostPage(agent)
    thief.session = victim.session
    victim.ask("list")
    assert thief.refusal("list") == "AGENT_SESSION"
    assert victim.refusal("list") == "AGENT_SESSION"


def test_a_message_is_not_carried_out_twice(page: Page, agent: Agent) -> None:
    serial = make_token()
    finished(page, serial)
    agent.pins(USER_PIN, USER_PIN)
    question = page.question("sign", profile=PROFILE, serial=serial, container="k1", kind="text", text="once")
    assert page.send(question)["ok"]
    again = page.send(question | {"session": page.session})
    assert again["error"]["code"] == "AGENT_REPLAYED"
    older = page.send(question | {"session": page.session, "number": 1})
    assert older["error"]["code"] == "AGENT_REPLAYED"
    assert agent.shown().count("GETPIN") == 1
    page.ask("list")


def test_a_session_ends_with_its_connection(agent: Agent) -> None:
    first = SocketPage(agent)
    session = first.session
    first.close()
    second = SocketPage(agent)
    second.session = session
    assert second.refusal("list") == "AGENT_SESSION"
    second.close()


def test_hello_again_begins_anew(socket_page: SocketPage) -> None:
    old = socket_page.session
    socket_page.ask("hello")
    assert socket_page.session != old
    socket_page.number = 0
    new, socket_page.session = socket_page.session, old
    assert socket_page.refusal("list") == "AGENT_SESSION"
    socket_page.session = new
    socket_page.ask("list")


# Forms


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '"text"',
        "{}",
        '{"v": 1}',
        '{"v": "1", "id": "1", "type": "hello"}',
        '{"v":1,"id":1,"type":"hello"}',
        '{"v": 1, "v": 1, "id": "1", "type": "hello"}',
        '{"v": 1, "id": "1", "type": "hello"} more',
        '{"v": 1, "id": "1", "type": "hello", "more": "x"}',
        '{"v": 1, "id": "' + "x" * 65 + '", "type": "hello"}',
        "[" * 5000,
        '{"v": 1, "id": "1", "type": "hello", "session": "x"}',
        '{"v": 1e0, "id": "1", "type": "hello"}',
    ],
)
def test_malformed_messages_are_told_apart_from_others(agent: Agent, text: str) -> None:
    if text:
        status, _headers, body = post(agent, text.encode(), {"Origin": ORIGIN})
        assert (status, json.loads(body)["error"]["code"]) == (200, "AGENT_MALFORMED")
    opened = connect(agent)
    opened.send(text)
    assert json.loads(opened.recv())["error"]["code"] == "AGENT_MALFORMED"
    opened.send(HELLO.decode())
    assert json.loads(opened.recv())["ok"]
    opened.close()


def test_fields_of_other_types_and_unknown_ones_are_refused(page: Page) -> None:
    at: dict[str, Any] = {"profile": PROFILE, "serial": "S", "container": "k1", "kind": "text", "text": "x"}
    spoiled: list[dict[str, Any]] = [
        {"text": 1}, {"serial": None}, {"serial": ""}, {"serial": "x" * 33}, {"container": "../k"}, {"container": ""},
        {"more": "x"}, {"text data": "x"}, {"": "x"}, {"container": "x" * 65},
    ]  # fmt: skip
    assert {page.refusal("sign", **(at | fields)) for fields in spoiled} == {"AGENT_MALFORMED"}
    del at["serial"]
    assert page.refusal("sign", **at) == "AGENT_MALFORMED"
    assert page.refusal("begin", profile=PROFILE, serial="S", task="T", unblock="true") == "AGENT_MALFORMED"
    assert page.refusal("nonsense") == "AGENT_TYPE_UNKNOWN"
    assert page.refusal("change_pin", profile="nobody", serial="S") == "AGENT_PROFILE"
    assert page.refusal("change_pin", profile=PROFILE, serial="NOT-THERE") == "SAR_DEVICE_REMOVED"


def test_another_version_is_told(page: Page) -> None:
    assert page.send(page.question("list") | {"v": 2})["error"]["code"] == "AGENT_VERSION"


def test_messages_have_a_largest_size(agent: Agent) -> None:
    body = json.dumps({"v": 1, "id": "1", "type": "hello", "more": "x" * (300 * 1024)}).encode()
    assert post(agent, b"", {"Origin": ORIGIN, "Content-Length": str(len(body))})[0] == 413
    opened = connect(agent)
    with contextlib.suppress(OSError):
        opened.send(body.decode())
    with contextlib.suppress(OSError, websocket.WebSocketException):
        code, frame = opened.recv_data()
        assert code == websocket.ABNF.OPCODE_CLOSE
        assert int.from_bytes(frame[:2], "big") == 1009
    opened.shutdown()
    SocketPage(agent).close()


def test_a_message_in_many_frames_is_one_message_and_binary_is_none(agent: Agent) -> None:
    opened = connect(agent)
    pieces = [HELLO[:5], HELLO[5:9], HELLO[9:]]
    for number, piece in enumerate(pieces):
        opcode = websocket.ABNF.OPCODE_TEXT if number == 0 else websocket.ABNF.OPCODE_CONT
        opened.send_frame(websocket.ABNF(int(number == 2), 0, 0, 0, opcode, 1, piece))
    assert json.loads(opened.recv())["ok"]
    opened.send_binary(HELLO)
    code, frame = opened.recv_data()
    assert (code, int.from_bytes(frame[:2], "big")) == (websocket.ABNF.OPCODE_CLOSE, 1003)
    opened.shutdown()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda opened: opened.sock.sendall(b"\x81\x05hello"),  # not masked
        lambda opened: opened.sock.sendall(b"\xf1\x85abcdhello"),  # reserved bits
        lambda opened: opened.sock.sendall(b"\x8b\x80abcd"),  # an opcode that is none
        lambda opened: opened.sock.sendall(b"\x81\xff" + b"\xff" * 8 + b"abcd"),  # a length beyond all bounds
        lambda opened: opened.sock.sendall(b"\x81"),  # the half of a frame
    ],
)
def test_broken_frames_end_their_connection_alone(agent: Agent, spoil: Callable[[websocket.WebSocket], object]) -> None:
    page, opened = SocketPage(agent), connect(agent)
    spoil(opened)
    opened.settimeout(0.3)
    with contextlib.suppress(OSError, websocket.WebSocketException):
        opened.recv_data()
    opened.shutdown()
    page.ask("list")
    page.close()


def test_plain_http_gets_nothing(agent: Agent) -> None:
    with socket.create_connection(("127.0.0.1", agent.port), 5) as plain:
        plain.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nOrigin: https://ra.example.cn\r\n\r\n")
        with contextlib.suppress(OSError):
            assert b"200" not in plain.recv(1000)


def test_old_tls_is_refused(agent: Agent) -> None:
    context = agent.tls()
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_connection(("127.0.0.1", agent.port), 5) as plain, pytest.raises((ssl.SSLError, OSError)):
        context.wrap_socket(plain, server_hostname="localhost")


def test_many_connections_leave_room_for_none_but_harm_nothing(agent: Agent) -> None:
    held = [socket.create_connection(("127.0.0.1", agent.port), 5) for _ in range(100)]
    time.sleep(0.2)
    with (
        pytest.raises((ssl.SSLError, ConnectionError)),
        contextlib.closing(socket.create_connection(("127.0.0.1", agent.port), 5)) as one,
    ):
        agent.tls().wrap_socket(one, server_hostname="localhost").close()
    for one in held:
        one.close()
    time.sleep(0.2)
    SocketPage(agent).close()


def test_a_nonce_of_the_wrong_length_proves_nothing(page: Page, agent: Agent) -> None:
    at = {"profile": PROFILE, "serial": "S", "container": "k1"}
    for nonce in (b"short", b"x" * 65):
        assert page.refusal("read_back", nonce=text_of(nonce), **at) == "AGENT_MALFORMED"


# More than one question in one connection, sent by hand


def asked_by_hand(agent: Agent, octets: bytes) -> bytes:
    """All that comes back until the agent closes, or falls silent."""
    with socket.create_connection(("127.0.0.1", agent.port), 5) as plain:
        opened = agent.tls().wrap_socket(plain, server_hostname="localhost")
        opened.settimeout(2)
        opened.sendall(octets)
        told = b""
        with contextlib.suppress(OSError):
            while more := opened.recv(65536):
                told += more
        opened.close()
        return told


def question_of(agent: Agent, *, line: str = "POST / HTTP/1.1", length: str = str(len(HELLO)), more: str = "") -> bytes:
    heads = f"Host: localhost:{agent.port}\r\nOrigin: {ORIGIN}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n"
    return f"{line}\r\n{heads}{more}\r\n".encode() + HELLO


@pytest.mark.parametrize("more", ["question", "octets", "many"])
def test_more_than_one_question_at_once_ends_the_connection_and_nothing_else(agent: Agent, more: str) -> None:
    """In one TLS record: the library below tells the same end again and again, which must not keep the agent busy."""
    page = SocketPage(agent)
    before = agent.resident_kb()
    behind = {"question": question_of(agent), "octets": b"x" * 5000, "many": question_of(agent) * 100}[more]
    assert asked_by_hand(agent, question_of(agent) + behind).count(b'"ok":true') <= 1
    page.ask("list")
    page.close()
    assert agent.resident_kb() < before + 4096


def test_more_while_a_person_is_asked_ends_the_question(agent: Agent) -> None:
    page, serial = PostPage(agent), make_token()
    agent.pins("HANG")
    fields = {"profile": PROFILE, "serial": serial, "container": "k1", "subject": text_of(b"0\x00")}
    asked = json.dumps(page.question("prepare", **fields)).encode()
    head = question_of(agent, length=str(len(asked))).removesuffix(HELLO)
    with socket.create_connection(("127.0.0.1", agent.port), 5) as plain:
        opened = agent.tls().wrap_socket(plain, server_hostname="localhost")
        opened.settimeout(10)
        opened.sendall(head + asked)
        agent.wait_for_window()
        opened.sendall(question_of(agent))
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            assert opened.recv(1000) == b""
        opened.close()
    PostPage(agent).ask("list")


def test_after_two_questions_at_once_the_agent_ends_when_told() -> None:
    with running() as ending:
        asked_by_hand(ending, question_of(ending) * 2)
        assert ending.process is not None
        ending.process.terminate()
        assert ending.process.wait(20) == 0


# What HTTP allows and no browser sends


@pytest.mark.parametrize("path", ["/?a=b", "/?", "/%00x", "/else/", "*", "http://evil.example/"])
def test_other_paths_are_refused(agent: Agent, path: str) -> None:
    told = asked_by_hand(agent, question_of(agent, line=f"POST {path} HTTP/1.1"))
    assert b'"ok"' not in told
    assert re.match(rb"HTTP/1.[01] (400|403|404) ", told) or not told


@pytest.mark.parametrize(
    "length", ["+{}", "{}abc", "0x1f", " {} {}", "{}, {}", "{}\r\nContent-Length: {}", "-5", "0", "00", "9" * 30, "1e2"]
)
def test_a_length_that_is_none_is_refused(agent: Agent, length: str) -> None:
    told = asked_by_hand(agent, question_of(agent, length=length.format(len(HELLO), len(HELLO))))
    assert b'"ok"' not in told
    assert re.match(rb"HTTP/1.[01] (400|411|413) ", told) or not told


def test_a_body_in_chunks_is_refused_with_and_without_a_length(agent: Agent) -> None:
    told = asked_by_hand(agent, question_of(agent, more="Transfer-Encoding: chunked\r\n"))
    assert told.startswith(b"HTTP/1.1 400 ")
    preflight = question_of(agent, line="OPTIONS / HTTP/1.1")
    assert asked_by_hand(agent, preflight).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("to", ["h2c", "H2C", "websocket2", "h2c, websocket"])
def test_nothing_but_a_websocket_is_gone_over_to(agent: Agent, to: str) -> None:
    more = f"Upgrade: {to}\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
    assert b" 101 " not in asked_by_hand(agent, question_of(agent, line="GET / HTTP/1.1", more=more))
    PostPage(agent).ask("list")


# Other users of the machine


CLIENT = """
import socket, ssl, sys
kind, address, port = sys.argv[1:]
plain = socket.socket(socket.AF_INET6 if kind == "6" else socket.AF_INET)
plain.settimeout(10)
plain.connect((address, int(port)))
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
try:
    context.wrap_socket(plain)
except OSError:
    sys.exit(7)
"""
ENDS = [("4", "127.0.0.1"), ("6", "::1"), ("6", "::ffff:127.0.0.1")]


@pytest.mark.parametrize(("kind", "address"), ENDS, ids=["IPv4", "IPv6", "IPv4 by an IPv6 socket"])
def test_another_user_of_the_machine_is_refused(agent: Agent, kind: str, address: str) -> None:
    command = [sys.executable, "-I", "-c", CLIENT, kind, address, str(agent.port)]
    own = subprocess.run(command, capture_output=True, text=True)
    if "Cannot assign" in own.stderr or "not supported" in own.stderr or "refused" in own.stderr:
        pytest.skip("no IPv6 here")
    assert own.returncode == 0, own.stderr
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    command[0] = shutil.which("python3", path="/usr/bin:/bin") or pytest.skip("no Python that all may run")
    other = subprocess.run(command, capture_output=True, text=True, user=65534, group=65534, extra_groups=[], cwd="/")
    assert other.returncode == 7, other.stderr


# One site's pages and those of others


def test_a_page_that_begins_again_and_again_ends_no_session_of_another_site(agent: Agent) -> None:
    victim, own = PostPage(agent), PostPage(agent, OTHER_ORIGIN)
    for _ in range(100):
        assert post(agent, HELLO, {"Origin": OTHER_ORIGIN})[0] == 200
    victim.ask("list")
    assert own.refusal("list") == "AGENT_SESSION"


def test_pages_of_one_site_leave_room_for_those_of_others(agent: Agent) -> None:
    with contextlib.ExitStack() as held:
        with contextlib.suppress(websocket.WebSocketException, OSError):
            while True:
                held.callback(connect(agent, origin=OTHER_ORIGIN).shutdown)
        assert post(agent, HELLO, {"Origin": OTHER_ORIGIN})[0] == 503
        for page in (SocketPage(agent), PostPage(agent)):
            page.ask("list")
            page.close()


def test_windows_of_one_site_leave_room_for_questions_of_others(agent: Agent) -> None:
    serial, page = make_token(), SocketPage(agent)
    finished(page, serial)
    agent.pins("HANG")
    asking = [SocketPage(agent, OTHER_ORIGIN) for _ in range(5)]
    at = {"profile": PROFILE, "serial": serial, "container": "k1", "kind": "text", "text": "x"}
    for one in asking:
        for _ in range(4):
            one.socket.send(json.dumps(one.question("sign", **at)))
    assert asking[-1].receive()["error"]["code"] == "AGENT_BUSY"
    agent.wait_for_window()
    page.ask("list")
    for one in (*asking, page):
        one.close()


def test_a_page_that_asks_and_does_not_read_is_cut_off(agent: Agent) -> None:
    page, opened = SocketPage(agent), connect(agent)
    opened.settimeout(20)
    with contextlib.suppress(OSError, websocket.WebSocketException):
        while True:
            opened.send(HELLO.decode())
    page.ask("list")
    page.close()
    opened.shutdown()
