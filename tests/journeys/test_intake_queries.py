"""The intake pages ask the database a constant number of questions, whatever waits; roles without the right see nothing."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from banyan.domain.iam.rights import ROLE_RIGHTS, Role
from banyan.domain.ra import actions as ra
from banyan.kernel.clock import now
from banyan.web.sessions import SESSION_COOKIE
from support import issuing
from support.desk_pages import DeskPages
from support.iam import account_with, session_of
from support.pages import LongStandingCa

pytestmark = pytest.mark.django_db(transaction=True)
NEW = "/desk/intake/new?business=enroll&system=ESEAL&kind=SEAL"
FORM_PAGES = ("/desk/intake", "/desk/intake/new", NEW, "/desk/sheet")


def client_of(*roles: Role) -> Client:
    account = account_with(*roles)
    session_of(account)
    client = Client()
    client.cookies[SESSION_COOKIE] = DeskPages.token(account)
    return client


@pytest.fixture
def open_one() -> Callable[[], int]:
    world = issuing.world(connector=LongStandingCa())

    def opened() -> int:
        return ra.open_request(issuing.clerk(), issuing.draft(world, channel="COUNTER"), now()).pk

    return opened


def test_queries_do_not_grow_with_what_waits(open_one: Callable[[], int]) -> None:
    client, first = client_of(Role.CLERK), open_one()
    pages = (*FORM_PAGES, f"/desk/intake/{first}")

    def counts() -> list[int]:
        found = []
        for page in pages:
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert client.get(page).status_code == 200
            found.append(len(queries))
        return found

    counts()  # what is read once a process
    before = counts()
    for _ in range(8):
        open_one()
    assert counts() == before
    assert max(before) <= 40, dict(zip(pages, before, strict=True))


@pytest.mark.parametrize("role", [role for role in Role if "requests.create" not in ROLE_RIGHTS[role]])
def test_only_those_who_take_in_see_the_pages(open_one: Callable[[], int], role: Role) -> None:
    client, one = client_of(role), open_one()
    for page in (*FORM_PAGES, f"/desk/intake/{one}", "/desk/sheet/template/all.xlsx"):
        assert client.get(page).status_code == 404, page
    for page in (
        "check",
        "held",
        "forget",
        f"{one}/precheck",
        f"{one}/withdraw",
        f"{one}/requester",
        f"{one}/materials",
    ):
        answer = client.post(f"/desk/intake/{page}", {"form_key": "k", "version": "1", "field": "uscc", "reason": "x"})
        assert answer.status_code in (403, 404), page


def test_a_form_without_its_key_or_with_odd_values_is_refused_or_told(open_one: Callable[[], int]) -> None:
    client, one = client_of(Role.CLERK), open_one()
    assert client.post(f"/desk/intake/{one}/precheck", {"do": "tell", "version": "1"}).status_code == 400
    odd = {"form_key": "k1", "version": "1", "do": "tell", "remark_passport": "expired"}
    answer = client.post(f"/desk/intake/{one}/precheck", odd)
    assert answer.status_code == 422
    assert "不需要材料" in answer.content.decode()
    assert client.get("/desk/intake/new?business=bribe&system=GENERAL&kind=PERSONAL").status_code == 200
    sent = {"business": "enroll", "system": "GENERAL", "kind": "PERSONAL", "pair": "x" * 20, "form_key": "k2"}
    assert client.post("/desk/intake/new", sent).status_code == 422
    assert client.get("/desk/intake/999999").status_code == 404
    assert client.post("/desk/intake/999999/held").status_code == 404
