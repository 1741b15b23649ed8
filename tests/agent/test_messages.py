"""Every message of the token agent against our own SKF library (A4 write to token, A3 unblock, E1 log-in)."""

import re
import secrets

import pytest

from banyan import gm
from banyan.pki.csr import CertificationRequest
from banyan_token import make_response
from banyan_token.skf.sample_certificate import sample_certificate
from support.agent import (
    OTHER_ORIGIN,
    PROFILE,
    SUBJECT,
    Agent,
    Page,
    PostPage,
    Refused,
    SocketPage,
    envelope_for,
    finished,
    make_token,
    octets_of,
    pair_for,
    point_of,
    prepared,
    read_back_message,
    spki_of,
    text_of,
)
from support.skf import ADMIN_PIN, AUTH_KEY, FEWEST_ITERATIONS, NEW_PIN, USER_PIN, WRONG_PIN, SkfToken, library

NONCE = bytes(range(32))


def test_hello_tells_versions_and_the_key_to_register(page: Page) -> None:
    assert page.hello["agent"] == "banyan-agent"
    assert page.hello["versions"] == [1]
    spki = octets_of(page.hello["public_key"])
    gm.sm2.check_public_key(point_of(spki))
    assert page.hello["key_id"] == gm.sm3(spki).hex()[:32]


def test_list_tells_tokens_tries_and_containers(page: Page) -> None:
    serial = make_token(is_first_pin=True)
    found = page.token(serial)
    assert (found["profile"], found["application"], found["tries_left"], found["most_tries"]) == (
        PROFILE,
        "banyan",
        6,
        6,
    )
    assert found["is_first_pin"]
    assert found["containers"] == []


def test_from_the_key_born_in_the_token_to_the_proof_that_all_is_there(page: Page, agent: Agent, serial: str) -> None:
    agent.pins(USER_PIN, USER_PIN, USER_PIN)
    answer = page.ask("prepare", profile=PROFILE, serial=serial, container="k1", subject=text_of(SUBJECT))
    request = CertificationRequest.parse(octets_of(answer["request"]))
    request.verify()
    point = point_of(octets_of(answer["public_key"]))
    assert (request.public_key, request.subject_der) == (point, SUBJECT)
    assert page.container(serial, "k1")["state"] == "key"

    pair = pair_for(point)
    at = {"profile": PROFILE, "serial": serial, "container": "k1"}
    for proof in (
        page.ask("write", nonce=text_of(NONCE), **at, **pair),
        page.ask("read_back", nonce=text_of(NONCE), **at),
    ):
        gm.sm2.verify(point, read_back_message(page.origin, serial, NONCE), octets_of(proof["signature"]))
        assert (proof["serial"], proof["signing_certificate"], proof["encryption_certificate"]) == (
            serial, pair["signing_certificate"], pair["encryption_certificate"],
        )  # fmt: skip
    assert page.container(serial, "k1")["state"] == "whole"


def test_a_request_for_a_key_that_is_there_is_made_again(page: Page, agent: Agent, serial: str) -> None:
    agent.pins(USER_PIN, USER_PIN)
    assert prepared(page, serial) == prepared(page, serial)


def test_a_finished_container_gives_no_request(page: Page, agent: Agent, serial: str) -> None:
    finished(page, serial)
    agent.pins(USER_PIN)
    fields = {"profile": PROFILE, "serial": serial, "container": "k1", "subject": text_of(SUBJECT)}
    assert page.refusal("prepare", **fields) == "SAR_OBJERR"


def test_what_does_not_belong_together_is_not_written(page: Page, agent: Agent, serial: str) -> None:
    agent.pins(USER_PIN, *[USER_PIN] * 3)
    pair = pair_for(prepared(page, serial))
    other = text_of(sample_certificate(gm.sm2.generate_keypair().public))
    at = {"profile": PROFILE, "serial": serial, "container": "k1", "nonce": text_of(NONCE)}
    for spoiled in ({"signing_certificate": other}, {"encryption_certificate": other}):
        assert page.refusal("write", **at, **(pair | spoiled)) == "AGENT_MISMATCH"
    assert page.refusal("write", **at, **(pair | {"envelope": text_of(b"short")})) == "AGENT_MALFORMED"
    assert page.container(serial, "k1")["state"] == "key"


def test_a_recovered_key_opens_what_was_encrypted_for_it(page: Page, agent: Agent, serial: str) -> None:
    """A2: an old encryption key in a container of its own, by an envelope for the signing key of another one."""
    point, _pair = finished(page, serial)
    agent.pins(*[USER_PIN] * 8)
    old = {name: value for name, value in pair_for(point).items() if name != "signing_certificate"}
    at = {"profile": PROFILE, "serial": serial, "container": "old", "signing_container": "k1"}
    page.ask("recover", **at, **old)
    page.ask("recover", **at, **old)  # once more changes nothing
    (kept,) = [one for one in page.token(serial)["containers"] if one["name"] == "old"]
    assert (kept["state"], kept["encryption_certificate"]) == ("recovered", old["encryption_certificate"])
    letter = envelope_for(octets_of(old["encryption_certificate"]), b"written years ago")
    opened = page.ask("open", profile=PROFILE, serial=serial, container="old", **letter)
    assert octets_of(opened["data"]) == b"written years ago"
    assert "装入恢复的旧加密密钥" in agent.shown()


def test_a_recovered_key_that_does_not_fit_is_not_put_in(page: Page, agent: Agent, serial: str) -> None:
    point, _pair = finished(page, serial)
    agent.pins(*[USER_PIN] * 8)
    old = {name: value for name, value in pair_for(point).items() if name != "signing_certificate"}
    at = {"profile": PROFILE, "serial": serial, "container": "old", "signing_container": "k1"}
    other = text_of(sample_certificate(gm.sm2.generate_keypair().public))
    stranger = pair_for(gm.sm2.generate_keypair().public)  # its envelope is for somebody else's signing key
    assert page.refusal("recover", **at, **(old | {"encryption_certificate": other})) == "AGENT_MISMATCH"
    assert page.refusal("recover", **at, **(old | {"envelope": text_of(b"short")})) == "AGENT_MALFORMED"
    assert page.refusal("recover", **(at | {"signing_container": "none"}), **old) == "SAR_KEYNOTFOUNTERR"
    assert page.refusal("recover", **(at | {"signing_container": "../k1"}), **old) == "AGENT_MALFORMED"
    spoiled = {name: stranger[name] for name in old}
    assert page.refusal("recover", **at, **spoiled).startswith("SAR_")
    assert page.refusal("recover", **(at | {"container": "k1"}), **old) == "SAR_OBJERR"
    assert "recovered" not in {one["state"] for one in page.token(serial)["containers"]}


def test_text_is_signed_as_shown(page: Page, agent: Agent, serial: str) -> None:
    point, _pair = finished(page, serial)
    agent.pins(USER_PIN)
    text = "同意签发 3 张证书，\n费用 100% 由单位承担。"
    answer = page.ask("sign", profile=PROFILE, serial=serial, container="k1", kind="text", text=text)
    gm.sm2.verify(point, text.encode(), octets_of(answer["signature"]))
    shown = agent.shown()
    for told in (
        "\n│ 同意签发 3 张证书，\n│ 费用 100% 由单位承担。\n",
        page.origin,
        serial,
        "conformance",
        "PIN 还可试 6 次",
    ):
        assert told in shown


@pytest.mark.parametrize(
    "text", ["长" * 2000, "一行文字\n" * 400, "100%\n" * 400, "短"], ids=["one line", "lines", "escaped", "short"]
)
def test_a_long_text_is_shown_whole_page_by_page(page: Page, agent: Agent, text: str) -> None:
    """Window programs take 1,000 octets a line; a page more is turned, nothing is left out."""
    serial = make_token()
    finished(page, serial)
    agent.pins(WRONG_PIN, USER_PIN)
    at = {"profile": PROFILE, "serial": serial, "container": "k1", "kind": "text"}
    page.ask("sign", text=text, **at)
    lines = (agent.place / "shown").read_bytes().splitlines()
    assert max(map(len, lines)) < 1000
    first_window = agent.shown().split("BYE")[0]
    pages = re.findall(r"SETDESC (.*?)SETOK", first_window, re.DOTALL)
    who = f"网站：{page.origin}\n介质：{serial}\n"
    assert all(re.match(rf"(（第 \d+ 页，共 \d+ 页）\n)?{who}", one) for one in pages), "who asks stands on every page"
    quoted = re.findall(r"^([│┊]) (.*)$", "".join(pages), re.MULTILINE)
    assert "".join(line if mark == "┊" else f"\n{line}" for mark, line in quoted) == f"\n{text}", "every line is marked"
    assert first_window.count("CONFIRM") == len(pages) - 1
    assert "PIN 还可试" in pages[-1]
    assert agent.shown().count("GETPIN") == 2
    assert agent.shown().count("CONFIRM") == len(pages) - 1, "a page is turned once"


def test_what_would_mislead_the_reader_is_made_visible(page: Page, agent: Agent, serial: str) -> None:
    point, _pair = finished(page, serial)
    agent.pins(USER_PIN)
    text = "付款 100\u202e001 元\u0007\u200b"
    answer = page.ask("sign", profile=PROFILE, serial=serial, container="k1", kind="text", text=text)
    gm.sm2.verify(point, text.encode(), octets_of(answer["signature"]))
    assert "付款 100\ufffd001 元\ufffd\ufffd" in agent.shown()


@pytest.mark.parametrize(
    "invisible",
    "\u00ad\u034f\u061c\u115f\u1160\u180e\u200b\u2028\u2066\u2800\u3164\ufe00\ufe0f\ufeff\uffa0\ufff9\ufffb\U000e0000\U000e0041\U000e007f",
    ids=lambda one: f"U+{ord(one):04X}",
)
def test_what_nobody_sees_is_made_visible(socket_page: SocketPage, agent: Agent, serial: str, invisible: str) -> None:
    finished(socket_page, serial)
    agent.pins("CANCEL")
    at = {"profile": PROFILE, "serial": serial, "container": "k1", "kind": "text"}
    assert socket_page.refusal("sign", text=f"A{invisible}B", **at) == "AGENT_CANCELLED"
    assert "│ A\ufffdB\n" in agent.shown()


def test_a_text_cannot_make_itself_the_window_of_another_site(page: Page, agent: Agent, serial: str) -> None:
    """Neither by pushing what we say out of sight nor by standing on a page of its own."""
    point, _pair = finished(page, serial)
    forged = f"网站：https://bank.example.cn\n介质：{serial}\n用证书登录该网站"
    for space in ("\n" * 290, " \n" * 290, "\u3000\n" * 290, "x" * 1000 + "\n", "长" * 700):
        agent.pins(USER_PIN)
        text = f"请阅读并同意使用条款。{space}{forged}"
        fields = {"container": "k1", "kind": "text", "text": text}
        answer = page.ask("sign", profile=PROFILE, serial=serial, **fields)
        gm.sm2.verify(point, text.encode(), octets_of(answer["signature"]))
        pages = re.findall(r"SETDESC (.*?)SETOK", agent.shown(), re.DOTALL)
        assert all(f"网站：{page.origin}\n介质：{serial}\n" in one for one in pages)
        assert "\n网站：https://bank" not in agent.shown()
        if space.isspace():
            assert len(pages) == 1
            assert re.search(r"^（此处还有 \d+ 个空行）$", pages[0], re.MULTILINE)


def test_of_data_title_size_and_digest_are_shown(page: Page, agent: Agent, serial: str) -> None:
    point, _pair = finished(page, serial)
    agent.pins(USER_PIN)
    data = secrets.token_bytes(5000)
    title = "合同.pdf\n网站：https://bank.example"
    fields = {"kind": "data", "data": text_of(data), "title": title}
    answer = page.ask("sign", profile=PROFILE, serial=serial, container="k1", **fields)
    gm.sm2.verify(point, data, octets_of(answer["signature"]))
    assert f"签名文件：合同.pdf 网站：https://bank.example\n大小：5000 字节\nSM3：{gm.sm3(data).hex()}" in agent.shown()
    agent.pins("CANCEL")
    fields["title"] = "合同.pdf" + " " * 56 + "网站：https://bank.example"
    assert page.refusal("sign", profile=PROFILE, serial=serial, container="k1", **fields) == "AGENT_CANCELLED"
    assert "\n┊ 网站：https://bank.example\n大小" in agent.shown()


def test_a_log_in_is_bound_to_the_origin(agent: Agent, serial: str) -> None:
    page = SocketPage(agent, OTHER_ORIGIN)
    point, _pair = finished(page, serial)
    agent.pins(USER_PIN)
    fields = {"kind": "login", "challenge": text_of(NONCE)}
    answer = page.ask("sign", profile=PROFILE, serial=serial, container="k1", **fields)
    signed = b"banyan-login-v1\0" + OTHER_ORIGIN.encode() + b"\0" + NONCE
    gm.sm2.verify(point, signed, octets_of(answer["signature"]))
    page.close()


def test_no_signature_can_be_taken_for_another_kind(page: Page, serial: str) -> None:
    at = {"profile": PROFILE, "serial": serial, "container": "k1"}
    forged = b"banyan-login-v1\0https://bank.example\0" + NONCE
    wrong: list[dict[str, str]] = [
        {"kind": "data", "data": text_of(forged), "title": "x"},
        {"kind": "text", "text": "banyan-read-back-v1"},
        {"kind": "text", "text": "shown", "data": text_of(b"not shown")},
        {"kind": "login", "challenge": text_of(b"short")},
        {"kind": "else"},
        {"kind": "text"},
    ]
    assert {page.refusal("sign", **at, **fields) for fields in wrong} == {"AGENT_MALFORMED"}
    assert page.refusal("sign", **at, kind="text", text="长" * 2001) == "AGENT_TOO_LARGE"


def test_verify_needs_no_token(page: Page) -> None:
    pair = gm.sm2.generate_keypair()
    fields = {"data": text_of(b"text"), "signature": text_of(gm.sm2.sign(pair.private, pair.public, b"text"))}
    key, certificate = text_of(spki_of(pair.public)), text_of(sample_certificate(pair.public))
    assert page.ask("verify", public_key=key, **fields) == {"is_valid": True}
    assert page.ask("verify", certificate=certificate, **fields) == {"is_valid": True}
    assert page.ask("verify", public_key=key, **(fields | {"data": text_of(b"texT")})) == {"is_valid": False}
    assert page.ask("verify", public_key=key, **(fields | {"signature": text_of(b"x")})) == {"is_valid": False}
    assert page.refusal("verify", **fields) == "AGENT_MALFORMED"
    assert page.refusal("verify", public_key=text_of(spki_of(b"\4" + bytes(64))), **fields) == "AGENT_MALFORMED"


def test_an_envelope_opens(page: Page, agent: Agent, serial: str) -> None:
    _point, pair = finished(page, serial)
    agent.pins(USER_PIN, USER_PIN)
    public = octets_of(pair["encryption_certificate"])
    encryption = public[public.index(spki_of(b"")) + 26 :][:65]
    key, iv = secrets.token_bytes(16), secrets.token_bytes(16)
    wrapped = gm.sm2.ciphertext_to_der(gm.sm2.encrypt(encryption, key))
    fields = {
        "wrapped_key": text_of(wrapped),
        "iv": text_of(iv),
        "data": text_of(gm.sm4.cbc_encrypt(key, iv, b"a letter")),
    }
    at = {"profile": PROFILE, "serial": serial, "container": "k1"}
    assert octets_of(page.ask("open", **at, **fields)["data"]) == b"a letter"
    other = gm.sm2.ciphertext_to_der(gm.sm2.encrypt(gm.sm2.generate_keypair().public, key))
    assert page.refusal("open", **at, **(fields | {"wrapped_key": text_of(other)})).startswith("SAR_")
    assert page.refusal("open", **at, **(fields | {"iv": text_of(b"short")})) == "AGENT_MALFORMED"


# PINs


def pin_works(serial: str, pin: str) -> bool:
    return SkfToken.open(serial).verify(pin)[0] == "SAR_OK"


def test_a_pin_is_changed_in_the_window(page: Page, agent: Agent) -> None:
    serial = make_token(is_first_pin=True)
    agent.pins(USER_PIN, "11111111", "11111111", NEW_PIN, "differs-1", NEW_PIN, NEW_PIN)
    page.ask("change_pin", profile=PROFILE, serial=serial)
    assert pin_works(serial, NEW_PIN)
    assert not page.token(serial)["is_first_pin"]
    shown = agent.shown()
    assert "PIN 过于简单" in shown
    assert "两次输入不一致" in shown


def test_a_token_with_its_initial_pin_signs_and_opens_nothing(page: Page, agent: Agent) -> None:
    """It is made and proved; used only once the holder alone knows the PIN."""
    serial = make_token(is_first_pin=True)
    finished(page, serial)
    agent.pins(USER_PIN)
    at = {"profile": PROFILE, "serial": serial, "container": "k1"}
    page.ask("read_back", nonce=text_of(NONCE), **at)
    agent.pins()
    for kind in ({"kind": "text", "text": "x"}, {"kind": "data", "data": text_of(b"x"), "title": "x"},
                 {"kind": "login", "challenge": text_of(NONCE)}):  # fmt: skip
        with pytest.raises(Refused) as refused:
            page.ask("sign", **at, **kind)
        assert (refused.value.code, refused.value.error["number"]) == ("AGENT_FIRST_PIN", "0x0BA0000F")
        assert "修改" in refused.value.error["message"]
    sealed = {"wrapped_key": text_of(b"x"), "iv": text_of(bytes(16)), "data": text_of(bytes(16))}
    assert page.refusal("open", **at, **sealed) == "AGENT_FIRST_PIN"
    assert "GETPIN" not in agent.shown(), "asked for a PIN that could not help"
    agent.pins(USER_PIN, NEW_PIN, NEW_PIN, NEW_PIN)
    page.ask("change_pin", profile=PROFILE, serial=serial)
    page.ask("sign", kind="text", text="x", **at)


def test_a_wrong_pin_is_told_up_to_the_last_try(page: Page, agent: Agent) -> None:
    serial = make_token(tries=3)
    finished(page, serial)
    agent.pins(WRONG_PIN, "short", WRONG_PIN, WRONG_PIN)
    at = {"profile": PROFILE, "serial": serial, "container": "k1", "kind": "text", "text": "x"}
    with pytest.raises(Refused) as refused:
        page.ask("sign", **at)
    assert refused.value.error == refused.value.error | {
        "code": "SAR_PIN_LOCKED", "number": "0x0A000025", "tries_left": 0,
    }  # fmt: skip
    assert "解锁" in refused.value.error["message"]
    shown = agent.shown()
    assert "PIN 不正确，还可试 2 次" in shown
    assert "PIN 长度应为 6 至 16 位" in shown
    assert "只剩最后一次机会" in shown
    agent.pins(USER_PIN)
    assert page.refusal("sign", **at) == "SAR_PIN_LOCKED"
    assert "GETPIN" not in agent.shown()


def test_a_closed_window_costs_no_try(page: Page, agent: Agent, serial: str) -> None:
    agent.pins("CANCEL")
    fields = {"profile": PROFILE, "serial": serial, "container": "k1", "subject": text_of(SUBJECT)}
    assert page.refusal("prepare", **fields) == "AGENT_CANCELLED"
    assert page.token(serial)["tries_left"] == 6


def test_the_holder_unblocks_with_the_platform_s_answer_and_a_pin_of_their_own(page: Page, agent: Agent) -> None:
    serial = make_token(tries=2)
    token = SkfToken.open(serial)
    assert [token.verify(WRONG_PIN)[0] for _ in range(2)][-1] == "SAR_PIN_LOCKED"
    begun = page.ask("begin", profile=PROFILE, serial=serial, task="T-1", unblock=True)
    temporary = "t3mp-Orary"
    response = make_response(ADMIN_PIN, begun["unblock_request"], temporary, serial=serial)
    sealed = agent.seal(page, begun, serial, ["unblock"], response=response, pin=temporary)
    agent.pins(NEW_PIN, NEW_PIN)
    page.ask("unblock", profile=PROFILE, serial=serial, sealed=sealed)
    assert pin_works(serial, NEW_PIN)
    assert temporary not in agent.shown()
    assert page.refusal("unblock", profile=PROFILE, serial=serial, sealed=sealed) == "AGENT_TASK"


# What the platform sealed


def test_a_blank_token_is_made_without_a_window_and_without_a_pin_in_the_page(page: Page, agent: Agent) -> None:
    serial = f"B{secrets.token_hex(6).upper()}"
    assert library().call("BYT_CreateDevice", serial.encode(), b"", AUTH_KEY, FEWEST_ITERATIONS) == 0
    assert page.token(serial)["containers"] == []
    begun = page.ask("begin", profile=PROFILE, serial=serial, task="T-1")
    secret = {"pin": USER_PIN, "admin_pin": ADMIN_PIN, "device_key": AUTH_KEY.hex()}
    sealed = agent.seal(page, begun, serial, ["prepare", "write", "read_back", "change_pin"], **secret)
    at = {"profile": PROFILE, "serial": serial, "container": "k1", "sealed": sealed}
    agent.pins()
    answer = page.ask("prepare", subject=text_of(SUBJECT), **at)
    point = point_of(octets_of(answer["public_key"]))
    page.ask("write", nonce=text_of(NONCE), **at, **pair_for(point))
    proof = page.ask("read_back", nonce=text_of(NONCE), **at)
    gm.sm2.verify(point, read_back_message(page.origin, serial, NONCE), octets_of(proof["signature"]))
    assert agent.shown() == ""
    agent.pins(NEW_PIN, NEW_PIN)
    page.ask("change_pin", profile=PROFILE, serial=serial, sealed=sealed)
    assert pin_works(serial, NEW_PIN)


def test_a_sealed_answer_is_good_for_its_agent_token_task_and_time_alone(page: Page, agent: Agent, serial: str) -> None:
    other_token = make_token()
    begun = page.ask("begin", profile=PROFILE, serial=serial, task="T-1")
    at = {"profile": PROFILE, "container": "k1", "subject": text_of(SUBJECT)}

    def refusal(token: str = serial, allows: tuple[str, ...] = ("prepare",), **changes: object) -> str:
        sealed = agent.seal(page, begun, serial, allows, pin=USER_PIN, **changes)
        return page.refusal("prepare", serial=token, sealed=sealed, **at)

    spoiled: list[dict[str, object]] = [
        {"v": 2}, {"agent": "0" * 32}, {"origin": "https://bank.example"}, {"profile": "other"}, {"serial": other_token},
        {"task": "T-2"}, {"nonce": text_of(bytes(32))}, {"nonce": "x"}, {"not_after": 1}, {"not_after": "later"},
        {"signing": gm.sm2.generate_keypair()},
    ]  # fmt: skip
    assert {refusal(**changes) for changes in spoiled} == {"AGENT_TASK"}
    assert refusal(token=other_token) == "AGENT_TASK"
    assert refusal(allows=("write",)) == "AGENT_TASK"
    assert page.refusal("prepare", serial=serial, sealed=text_of(b"no cipher"), **at) == "AGENT_TASK"
    good = agent.seal(page, begun, serial, ["prepare"], pin=USER_PIN)
    page.ask("prepare", serial=serial, sealed=good, **at)
    assert page.refusal("prepare", serial=serial, sealed=good, **at) == "AGENT_TASK"
    again = agent.seal(page, begun, serial, ["prepare"], pin=USER_PIN)
    assert page.refusal("prepare", serial=serial, sealed=again, **at) == "AGENT_TASK"


def test_a_sealed_answer_of_one_page_is_nothing_to_another(agent: Agent, serial: str) -> None:
    first, second = SocketPage(agent), PostPage(agent)
    begun = first.ask("begin", profile=PROFILE, serial=serial, task="T-1")
    second.ask("begin", profile=PROFILE, serial=serial, task="T-1")
    sealed = agent.seal(first, begun, serial, ["prepare"], pin=USER_PIN)
    at = {"profile": PROFILE, "serial": serial, "container": "k1", "subject": text_of(SUBJECT), "sealed": sealed}
    assert second.refusal("prepare", **at) == "AGENT_TASK"
    first.ask("prepare", **at)
    first.close()
