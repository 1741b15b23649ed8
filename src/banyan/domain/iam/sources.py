"""Where log-ins come from, and how many may fail there: counted by user name and source, whether or not the name exists.

A source is the terminal, a browser that somebody logged in with before (known by a random cookie), or an address.
Why: ``docs/adr/0008-guessing-passwords.md``.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from banyan.domain import audit
from banyan.domain.iam import rules
from banyan.domain.iam.models import LoginSource
from banyan.kernel.actor import Actor


@dataclass(frozen=True)
class Source:
    """What a caller knows of where a password comes from: the terminal, a session that asks again, or the network.

    A device token that nobody logged in with counts as none.
    """

    address: str = ""
    device: str = ""
    is_terminal: bool = False
    session_id: int | None = None


TERMINAL: Final = Source(is_terminal=True)
_TERMINAL, _STRANGERS = "terminal", "strangers"


@dataclass(frozen=True)
class Try:
    """One permitted attempt, counted as a failure until it succeeds."""

    name: str
    rows: tuple[str, ...]
    is_last: bool


def name_digest(username: str) -> str:
    """Under what a user name is counted; the same digest stands in the audit for a name that nobody has."""
    return audit.digest(username)


@audit.action
def take_try(*, username: str, source: Source, now: datetime) -> Try | None:
    """Count an attempt before its password is looked at, so that attempts side by side do not escape; None: not now."""
    LoginSource.objects.filter(kept_until__lt=now).delete()
    name = name_digest(username)
    rows = [_locked(name, one, now) for one in _sources_of(name, source, now)]
    if any(row.blocked_until is not None and now < row.blocked_until for row in rows):
        return None
    for row in rows:
        row.fail(now, is_shared=row.source == _STRANGERS)
    LoginSource.objects.bulk_update(rows, ["streak", "count", "counted_from", "blocked_until", "kept_until"])
    is_last = any(row.blocked_until is not None and now < row.blocked_until for row in rows)
    return Try(name, tuple(row.source for row in rows), is_last)


@audit.action
def note_failure(*, actor: Actor, tried: Try, detail: dict[str, Any], now: datetime) -> None:
    """Record the alarm when a failure was the one that makes a source wait; the failure is recorded by the caller."""
    del now
    if tried.is_last:
        audit.record(actor, "iam.account_locked", None, outcome="alarm", **detail)


def settle(username: str, source: Source, now: datetime) -> None:
    """The attempt was good: its source owes nothing more. Part of the action that follows from it."""
    name = name_digest(username)
    owed = LoginSource.objects.select_for_update().filter(name=name, source__in=_sources_of(name, source, now))
    for row in owed.order_by("-source"):
        row.streak, row.count, row.blocked_until = 0, max(0, row.count - 1), None
        row.save()


def welcome(username: str, source: Source, now: datetime) -> str:
    """Somebody proved who he is: his browser is known from now on; its new token. Part of the action.

    A browser changes its token at each log-in, for everybody known in it, so that one planted or copied is worth
    nothing afterwards.
    """
    settle(username, source, now)
    if source.is_terminal:
        return ""
    name, token = name_digest(username), secrets.token_urlsafe(24)
    if source.device:
        LoginSource.objects.filter(source=_device(source.device), is_device=True).update(source=_device(token))
    row = _locked(name, _device(token), now)
    row.is_device, row.kept_until = True, now + rules.DEVICE_KNOWN
    row.save()
    known = LoginSource.objects.filter(name=name, is_device=True).order_by("-kept_until", "-pk")
    forgotten = known.values_list("pk", flat=True)[rules.MOST_DEVICES :]
    LoginSource.objects.filter(pk__in=list(forgotten)).delete()
    return token


def forgive_strangers(username: str) -> None:
    """After a first log-in link, which takes two people where there is something to lose. Part of its action."""
    LoginSource.objects.filter(name=name_digest(username), is_device=False).delete()


def blocked_names(now: datetime) -> set[str]:
    """Digests of the user names that have to wait somewhere at this moment."""
    return set(LoginSource.objects.filter(blocked_until__gt=now).values_list("name", flat=True))


def _sources_of(name: str, source: Source, now: datetime) -> tuple[str, ...]:
    if source.is_terminal:
        return (_TERMINAL,)
    if source.session_id is not None:
        return (audit.digest(f"login session {source.session_id}"),)
    device = _device(source.device)
    known = LoginSource.objects.filter(name=name, source=device, is_device=True, kept_until__gt=now)
    return (device,) if known.exists() else (_STRANGERS, audit.digest(f"login address {source.address}"))


def _device(token: str) -> str:
    return audit.digest(f"login device {token}")


def _locked(name: str, source: str, now: datetime) -> LoginSource:
    """The row of a source, made when there is none, locked until the transaction ends."""
    while True:
        fresh = LoginSource(name=name, source=source, counted_from=now, kept_until=now + rules.COUNTED_FOR)
        LoginSource.objects.bulk_create([fresh], ignore_conflicts=True)
        found = LoginSource.objects.select_for_update().filter(name=name, source=source).first()
        if found is not None:  # else an old row was cleared away in between
            return found
