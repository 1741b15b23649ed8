"""What the log-in page's script asks the server for: strict in form, one answer to strangers (E1, F8)."""

import base64
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from banyan.domain.iam.challenges import signed_text
from banyan.domain.iam.models import LoginChallenge, Session, StaffAccount
from banyan.domain.iam.rights import Role
from banyan.domain.iam.staff_login import Method
from banyan.kernel.clock import now
from support import issuing
from support.certificate_login import Administrators, Holder
from support.iam import PASSWORD, account_with, session_of
from support.pages import LongStandingCa, first_link

pytestmark = pytest.mark.django_db(transaction=True)
ORIGIN = settings.BANYAN.origin


@dataclass
class Browser:
    """A browser with its cookies, on the log-in page."""

    client: Client = field(default_factory=Client)

    def send(self, address: str, body: Any, **headers: str) -> Any:
        given = {"content_type": "application/json", "HTTP_ORIGIN": ORIGIN} | headers
        text = body if isinstance(body, str | bytes) else json.dumps(body)
        return self.client.post(address, text, **given)

    def challenge(self) -> bytes:
        answer = self.send("/login/challenge", {})
        assert answer.status_code == 200, answer.content
        return base64.b64decode(answer.json()["challenge"])

    def answer(self, holder: Holder, challenge: bytes, *, next: str = "", **changes: Any) -> Any:
        signature = holder.sign(signed_text(ORIGIN, challenge))
        fields = {"challenge": challenge, "signature": signature, "certificate": holder.der}
        body = {name: base64.b64encode(value).decode() for name, value in fields.items()} | changes
        return self.send(f"/login/certificate{next}", body)


@pytest.fixture
def administrators() -> Administrators:
    return Administrators.at(now())


@pytest.fixture
def account() -> StaffAccount:
    made = account_with(Role.CLERK, username="linxiao")
    session_of(made)
    return made


@pytest.fixture
def lin(account: StaffAccount, administrators: Administrators) -> Holder:
    holder = Holder.with_new_pair(issuing.world(connector=LongStandingCa()), now=now())
    administrators.bind(account, holder.der, now())
    return holder


def test_a_browser_is_logged_in_by_an_answer_and_sent_where_it_wanted(lin: Holder) -> None:
    """E1: cookies that no script reads; the way back leads nowhere but here."""
    browser = Browser()
    challenge = browser.challenge()
    cookie = browser.client.cookies["banyan_login"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/login")
    done = browser.answer(lin, challenge, next="?next=/certificates%3Fstate%3DHELD")
    assert (done.status_code, done.json()) == (200, {"next": "/certificates?state=HELD"})
    assert browser.client.cookies["banyan_session"]["httponly"]
    assert browser.client.cookies["banyan_login"].value == ""
    assert browser.client.get("/").status_code == 200
    for elsewhere in ("?next=https://evil.example/", "?next=//evil.example/", ""):
        assert browser.answer(lin, browser.challenge(), next=elsewhere).json() == {"next": "/"}


def test_a_challenge_is_answered_by_the_browser_that_has_it(lin: Holder) -> None:
    first, second = Browser(), Browser()
    challenge = first.challenge()
    second.challenge()
    refused = second.answer(lin, challenge)
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "iam.certificate_login_refused"
    assert "banyan_session" not in second.client.cookies
    assert first.answer(lin, challenge).status_code == 200


@pytest.mark.parametrize("address", ["/login/challenge", "/login/certificate"])
def test_only_json_by_post_from_the_own_page_is_heard(lin: Holder, address: str) -> None:
    """E1: a form of another site, a GET, a page of another origin, a request without the page's token."""
    browser = Browser()
    fields = {} if address.endswith("challenge") else dict.fromkeys(("challenge", "signature", "certificate"), "AAAA")
    assert browser.client.get(address).status_code == 405
    assert browser.send(address, fields, content_type="text/plain").status_code == 415
    assert browser.client.post(address, {"a": "b"}, HTTP_ORIGIN=ORIGIN).status_code == 415
    for origin in ("https://evil.example", "null", ""):
        told = browser.send(address, fields, HTTP_ORIGIN=origin)
        assert (told.status_code, told.json()["error"]["code"]) == (403, "iam.origin_differs")
        assert settings.BANYAN.url in told.json()["error"]["message"]
    stranger = Browser(Client(enforce_csrf_checks=True))
    forged = stranger.send(address, fields)
    assert (forged.status_code, forged.json()["error"]["code"]) == (403, "web.stale_page")
    assert not LoginChallenge.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        " ", "{", "[]", "null", "7", '"x"', '{"challenge": "AAAA"}', '{"challenge":"AAAA","challenge":"AAAA"}',
        '{"challenge":"?","signature":"AAAA","certificate":"AAAA"}',
        '{"challenge":7,"signature":"AAAA","certificate":"AAAA"}',
        '{"challenge":{"a":"b"},"signature":"AAAA","certificate":"AAAA"}',
        '{"challenge":"AAAA","signature":"AAAA","certificate":"AAAA","more":"AAAA"}',
        b"\xff\xfe", "[" * 50_000, '{"challenge":"' + "A" * 70_000 + '"}',
    ],
)  # fmt: skip
def test_what_is_no_answer_of_ours_is_refused_before_anything_is_done(body: Any) -> None:
    told = Browser().send("/login/certificate", body)
    assert (told.status_code, told.json()["error"]["code"]) == (400, "web.unreadable")


def test_two_factors_on_one_page_and_nobody_is_logged_in_between(
    lin: Holder, account: StaffAccount, administrators: Administrators
) -> None:
    """F8: the right password gives a challenge and no session; the page says what comes next."""
    administrators.switch(Method.TWO_FACTOR, now())
    browser = Browser()
    assert browser.send("/login/challenge", {}).json()["error"]["code"] == "iam.password_comes_first"
    sessions = Session.objects.count()
    form = {"username": "linxiao", "password": PASSWORD}
    page = browser.client.post("/login", form, HTTP_ORIGIN=ORIGIN)
    assert page.status_code == 200
    assert "口令正确" in page.content.decode()
    assert Session.objects.count() == sessions
    assert "banyan_session" not in browser.client.cookies
    challenge = base64.b64decode(page.context["challenge"])
    assert browser.answer(lin, challenge).status_code == 200
    assert browser.client.get("/").status_code == 200
    elsewhere = Browser().client.post("/login", form, HTTP_ORIGIN="http://localhost:8420")
    assert (elsewhere.status_code, settings.BANYAN.url in elsewhere.content.decode()) == (403, True)


def test_only_the_login_page_may_reach_the_agent(lin: Holder) -> None:
    """E1: the policy of every other page stays as it is."""
    browser = Browser()
    port = settings.BANYAN.agent_port
    policy = browser.client.get("/login").headers["Content-Security-Policy"]
    assert f"connect-src 'self' wss://localhost:{port} https://localhost:{port}" in policy
    assert "unsafe" not in policy
    browser.answer(lin, browser.challenge())
    assert "localhost" not in browser.client.get("/").headers["Content-Security-Policy"]


def test_what_the_holder_did_wrong_is_told_in_his_language(lin: Holder, administrators: Administrators) -> None:
    administrators.unbind(StaffAccount.objects.get(username="linxiao"), now())
    browser = Browser()
    told = browser.answer(lin, browser.challenge()).json()["error"]
    assert told["code"] == "iam.certificate_not_bound"
    assert lin.signing.serial in told["message"]


def test_who_lacks_the_second_factor_is_reminded_and_administrators_see_who_has_it(
    lin: Holder, administrators: Administrators
) -> None:
    """F8: on the first page after the log-in, and in the list of accounts."""
    administrators.switch(Method.TWO_FACTOR, now())
    session_of(account_with(Role.PROOFREADER, username="colleague"))
    session_of(account_with(Role.SYSTEM_ADMIN, username="sysadmin"))
    for username in ("colleague", "sysadmin"):
        browser = Browser()
        browser.client.post("/login", {"username": username, "password": PASSWORD}, HTTP_ORIGIN=ORIGIN)
        assert "还没有绑定证书" in browser.client.get("/").content.decode()
    accounts = browser.client.get("/staff").content.decode()
    assert accounts.count("按身份") == 1
    bound = Browser()
    page = bound.client.post("/login", {"username": "linxiao", "password": PASSWORD}, HTTP_ORIGIN=ORIGIN)
    bound.answer(lin, base64.b64decode(page.context["challenge"]))
    assert "还没有绑定证书" not in bound.client.get("/").content.decode()


def test_a_first_link_leads_to_both_factors(lin: Holder, account: StaffAccount, administrators: Administrators) -> None:
    """F8: the link sets the password; the log-in page then asks for it and for the certificate."""
    administrators.switch(Method.TWO_FACTOR, now())
    browser = Browser()
    browser.client.get(f"/first/{first_link('linxiao')}")
    form = {"username": "linxiao", "password": "Another-horse-8", "again": "Another-horse-8"}
    done = browser.client.post("/first", form)
    assert (done.status_code, done.headers["Location"]) == (302, "/login")
    assert "banyan_session" not in browser.client.cookies
    page = browser.client.post("/login", form, HTTP_ORIGIN=ORIGIN)
    assert browser.answer(lin, base64.b64decode(page.context["challenge"])).status_code == 200
