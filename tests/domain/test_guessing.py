"""Guessing passwords: every refusal is the same, guesses are bounded, and strangers do not shut an owner out (F8)."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from argon2 import PasswordHasher
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from banyan.domain.audit.models import AuditRecord
from banyan.domain.iam import access, login, passwords, rules, sources
from banyan.domain.iam.errors import LoginRefused
from banyan.domain.iam.models import LoginSource, StaffAccount
from banyan.domain.iam.rights import Role
from banyan.domain.iam.sources import TERMINAL, Source
from banyan.kernel.clock import now
from support.iam import PASSWORD, account_with, session_of, staff

pytestmark = pytest.mark.django_db(transaction=True)
NOW = now()
HOME = Source(address="192.0.2.1")
AWAY = Source(address="198.51.100.7")


@pytest.fixture(autouse=True)
def _cheap_hashing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(passwords, "_HASHER", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    passwords._nobody.cache_clear()
    yield
    passwords._nobody.cache_clear()


@pytest.fixture
def owner() -> StaffAccount:
    account = account_with(Role.CLERK, username="owner")
    session_of(account)
    return account


def enters(source: Source, moment: datetime = NOW, *, username: str = "owner", password: str = PASSWORD) -> str:
    """The browser's new token, or nothing when the log-in was refused."""
    try:
        opened = login.log_in(username=username, password=password, channel="pages", now=moment, source=source)
    except LoginRefused:
        return ""
    return opened.device or "terminal"


def fails(source: Source, times: int, moment: datetime = NOW, *, username: str = "owner") -> None:
    for _ in range(times):
        assert not enters(source, moment, username=username, password="wrong")


def browser_of_owner() -> Source:
    return Source(address="203.0.113.5", device=enters(HOME, NOW - timedelta(days=2)))


def test_every_refusal_takes_the_same_way(owner: StaffAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    """F8: unknown name, wrong password, account without password, stopped account: same answer, hash and statements."""
    account_with(Role.CLERK, username="linkless")
    StaffAccount.objects.filter(pk=account_with(Role.CLERK, username="stopped").pk).update(is_active=False)
    hashes: list[str] = []
    monkeypatch.setattr(passwords, "matches", _counting(passwords.matches, hashes))
    seen = []
    for username in ("owner", "nobody-here", "linkless", "stopped") * (rules.FREE_FAILURES + 3):
        hashes.clear()
        with CaptureQueriesContext(connection) as queries, pytest.raises(LoginRefused) as refused:
            login.log_in(username=username, password="wrong", channel="pages", now=NOW, source=AWAY)
        shapes = tuple(query["sql"].split()[0] for query in queries)
        seen.append((str(refused.value), refused.value.code, len(hashes), shapes))
    rounds = [seen[start : start + 4] for start in range(0, len(seen), 4)]
    for one in rounds:
        assert len(set(one)) == 1
    assert {(text, code, count) for text, code, count, _ in seen} == {(str(LoginRefused()), "iam.login_refused", 1)}
    with pytest.raises(LoginRefused) as waiting:
        login.log_in(username="owner", password=PASSWORD, channel="pages", now=NOW, source=AWAY)
    assert str(waiting.value) == str(LoginRefused())


def _counting(wrapped: Callable[[str, str], bool], calls: list[str]) -> Callable[[str, str], bool]:
    def matches(secret_hash: str, password: str) -> bool:
        calls.append(secret_hash)
        return wrapped(secret_hash, password)

    return matches


def test_a_name_that_nobody_has_costs_a_whole_hash_from_the_first_time_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """F8: also right after the start of a process, when the hash that stands for nobody is made."""
    made: list[str] = []
    original = passwords.hash_password
    monkeypatch.setattr(passwords, "hash_password", lambda password: made.append(password) or original(password))
    passwords.matches_or_spends(original("x"), "y")
    assert len(made) == 1
    passwords.matches_or_spends("", "y")
    assert len(made) == 1


def test_waits_grow_and_a_success_ends_them(owner: StaffAccount) -> None:
    """F8: a fifth failure in a row makes the source wait a minute, each further one twice as long, an hour at most."""
    fails(HOME, rules.FREE_FAILURES)
    assert enters(HOME)
    fails(HOME, rules.FREE_FAILURES + 1)
    assert not enters(HOME)
    moment = NOW
    for wait in (1, 2, 4, 8, 16, 32, 60, 60):
        assert not enters(HOME, moment + timedelta(minutes=wait, seconds=-1)), wait
        moment += timedelta(minutes=wait)
        fails(HOME, 1, moment)
    assert enters(HOME, moment + timedelta(hours=1))
    fails(HOME, rules.FREE_FAILURES, moment + timedelta(hours=1))
    assert enters(HOME, moment + timedelta(hours=1))


def test_a_stranger_shuts_out_neither_a_known_browser_nor_the_terminal(owner: StaffAccount) -> None:
    """F8: thirty guesses a day from however many addresses; the owner comes in where he came in before."""
    known = browser_of_owner()
    for number in range(200):
        fails(Source(address=f"198.51.100.{number}", device="guess"), 1)
    assert LoginSource.objects.get(source="strangers").count == rules.MOST_A_DAY
    assert not enters(HOME), "strangers together have used up the day"
    assert enters(TERMINAL)
    again = enters(known)
    assert again
    assert not enters(known), "a browser's mark changes at each log-in; a copy is worth nothing"
    assert enters(Source(device=again))
    assert enters(HOME, NOW + rules.COUNTED_FOR)


def test_guesses_are_bounded_from_a_known_browser_too(owner: StaffAccount) -> None:
    """F8: whoever has the owner's browser guesses thirty times a day at the most."""
    known, tried = browser_of_owner(), 0
    for minute in range(0, 24 * 60, 2):
        before = LoginSource.objects.get(is_device=True).count
        fails(known, 1, NOW + timedelta(minutes=minute))
        tried += LoginSource.objects.get(is_device=True).count - before
    assert 20 < tried <= rules.MOST_A_DAY
    assert enters(HOME)


def test_attempts_side_by_side_do_not_escape_the_count(owner: StaffAccount) -> None:
    """F8: an attempt is counted before its password is looked at."""

    def attempt(_number: int) -> str:
        try:
            return enters(AWAY, password="wrong")
        finally:
            connections.close_all()

    fails(AWAY, rules.FREE_FAILURES - 1)
    looked: list[str] = []
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(8) as pool:
        patch.setattr(sources, "take_try", _noting(sources.take_try, looked))
        list(pool.map(attempt, range(8)))
    assert looked.count("tried") == 2
    assert looked.count("waits") == 6


def _noting(wrapped: Callable[..., object], calls: list[str]) -> Callable[..., object]:
    def take(**options: object) -> object:
        tried = wrapped(**options)
        calls.append("waits" if tried is None else "tried")
        return tried

    return take


def test_a_lock_out_is_in_the_audit_and_shown_to_administrators(owner: StaffAccount) -> None:
    fails(AWAY, rules.FREE_FAILURES + 2)
    fails(AWAY, rules.FREE_FAILURES + 1, username="nobody-here")
    alarms = AuditRecord.objects.filter(event="iam.account_locked", outcome="alarm")
    assert [alarm.actor_name for alarm in alarms.order_by("id")] == ["owner", "unknown"]
    refusals = AuditRecord.objects.filter(event="iam.log_in", outcome="refused", actor_name="owner").order_by("id")
    codes = [AuditRecord.detail for AuditRecord in refusals]
    assert ["iam.login_waiting" in code for code in codes] == [False] * (rules.FREE_FAILURES + 1) + [True]
    assert "nobody-here" not in "".join(AuditRecord.objects.values_list("detail", flat=True))
    admin, people = staff(Role.SYSTEM_ADMIN), list(StaffAccount.objects.all())
    assert access.waiting_accounts(admin, people, NOW) == {owner.pk}
    assert access.waiting_accounts(admin, people, NOW + timedelta(minutes=1)) == set()


def test_changing_the_password_is_no_way_to_guess_and_no_way_to_shut_out(owner: StaffAccount) -> None:
    person = session_of(owner)
    for _ in range(rules.FREE_FAILURES + 1):
        with pytest.raises(LoginRefused):
            login.change_password(actor=person, current="wrong", new="Sturdy-9-oak", now=NOW)
    with pytest.raises(LoginRefused):
        login.change_password(actor=person, current=PASSWORD, new="Sturdy-9-oak", now=NOW)
    assert enters(HOME)
    later = NOW + timedelta(minutes=1)
    login.change_password(actor=person, current=PASSWORD, new="Sturdy-9-oak", now=later)


def test_what_is_kept_is_bounded_and_goes(owner: StaffAccount) -> None:
    """F8: names that nobody has are forgotten after a day, browsers after half a year or when ten newer ones came."""
    for number in range(rules.MOST_DEVICES + 3):
        assert enters(HOME, NOW + timedelta(seconds=number))
    assert LoginSource.objects.filter(is_device=True).count() == rules.MOST_DEVICES
    for number in range(5):
        fails(AWAY, 1, username=f"nobody-{number}")
    fails(AWAY, 1, NOW + rules.COUNTED_FOR + timedelta(seconds=1), username="somebody-else")
    assert LoginSource.objects.filter(is_device=False).count() == 2
    fails(AWAY, 1, NOW + rules.DEVICE_KNOWN + timedelta(minutes=1))
    assert not LoginSource.objects.filter(is_device=True).exists()


def test_a_shared_browser_is_known_for_each_person_and_for_nobody_else(owner: StaffAccount) -> None:
    session_of(account_with(Role.CLERK, username="colleague"))
    token = enters(Source(device=enters(HOME)), username="colleague")
    for number in range(rules.MOST_A_DAY):
        fails(Source(address=f"198.51.100.{number}"), 1)
        fails(Source(address=f"198.51.100.{number}"), 1, username="third")
    session_of(account_with(Role.CLERK, username="third"))
    assert not enters(Source(device=token), username="third")
    assert enters(Source(device=token))


def test_the_pages_know_a_browser_by_a_cookie_that_script_cannot_read(owner: StaffAccount) -> None:
    """F8: through the log-in page itself."""
    stranger, browser = Client(), Client()

    def post(client: Client, password: str, username: str = "owner") -> tuple[int, bytes]:
        answer = client.post("/login", {"username": username, "password": password})
        return answer.status_code, answer.content.split(b'role="alert"')[-1].split(b"</div>")[0]

    assert post(browser, PASSWORD)[0] == 302
    cookie = browser.cookies["banyan_device"]
    assert (cookie["httponly"], cookie["samesite"], bool(cookie["max-age"])) == (True, "Strict", True)
    told = {post(stranger, "wrong") for _ in range(rules.FREE_FAILURES + 2)}
    told |= {post(stranger, PASSWORD), post(stranger, "wrong", "nobody-here")}
    assert len(told) == 1
    assert post(browser, PASSWORD)[0] == 302
