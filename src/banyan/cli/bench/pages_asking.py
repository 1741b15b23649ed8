"""Asking for pages as a server does, in this process: Django's WSGI handler with everything before and behind a page."""

import io
import secrets
import statistics
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.wsgi import get_wsgi_application
from django.db import connection

from banyan.cli.bench import BenchFailed
from banyan.cli.bench.pages_cases import Ask
from banyan.domain import audit
from banyan.domain.iam import access, actions
from banyan.domain.iam.models import RoleGrant, StaffAccount
from banyan.domain.iam.rights import Role
from banyan.kernel import clock
from banyan.kernel.actor import Actor, system_actor
from banyan.web.sessions import SESSION_COOKIE

# Opens nothing: nobody logs in with a password here.
_NO_PASSWORD = "$argon2id$v=19$m=8,t=1,p=1$" + "A" * 22 + "$" + "A" * 43


@dataclass
class Measured:
    """What asking for pages of one label took: seconds by the clock, of processor time here, and queries of each."""

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    queries: list[int] = field(default_factory=list)
    slowest: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For the process that compares."""
        ordered = sorted(self.seconds)
        return {
            "asked": len(ordered),
            "p95": _at(ordered, 0.95) * 1000,
            "median": statistics.median(ordered) * 1000,
            "cpu": statistics.median(self.cpu) * 1000,
            "cpu_p95": _at(sorted(self.cpu), 0.95) * 1000,
            "slowest": self.slowest,
            "queries": max(self.queries),
        }


def _at(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


@dataclass(frozen=True)
class Person:
    """Somebody logged in."""

    actor: Actor
    token: str


def log_in(username: str, role: Role, regions: list[str] | None = None) -> Person:
    """A new account with a role and an open session."""
    now = clock.now()
    with audit.action_scope(now=now):
        account = StaffAccount(username=username, display_name=f"测试{username}", created_at=now)
        account.save()
        audit.record(system_actor("init"), "iam.account_opened", account, username=username)
        grant = RoleGrant(account=account, role=role.value, regions=regions, granted_at=now)
        grant.save()
        audit.record(system_actor("init"), "iam.role_granted", grant, role=role.value, account=account.pk)
    credential = actions.set_password(
        actor=actions.account_actor(account), account=account, secret_hash=_NO_PASSWORD, now=now
    )
    token = actions.open_session(account=account, credential=credential, channel="web", now=now).token
    return Person(access.actor_from_session(token, now), token)


class Server:
    """The pages, as one worker serves them."""

    def __init__(self) -> None:
        self._application = get_wsgi_application()
        self._queries = 0
        connection.execute_wrappers.append(self._count)

    def measure(self, person: Person | None, asks: Iterable[Ask], into: dict[str, Measured]) -> None:
        """Ask for each page once. Raises BenchFailed for an answer that is not the page."""
        for ask in asks:
            self._queries = 0
            start, cpu = time.perf_counter(), time.process_time()
            status, body = self._ask(ask.path, person.token if person else "")
            seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
            if status not in ask.status or not all(word.encode() in body for word in ask.words):
                raise BenchFailed(figure=ask.label, engine="", what=f"{status} {ask.path[:120]}")
            found = into.setdefault(ask.label, Measured())
            if not found.seconds or seconds > max(found.seconds):
                found.slowest = ask.path
            found.seconds.append(seconds)
            found.cpu.append(cpu)
            found.queries.append(self._queries)

    def _count(self, execute: Any, sql: str, params: Any, many: bool, context: Mapping[str, Any]) -> Any:
        self._queries += 1
        return execute(sql, params, many, context)

    def _ask(self, path: str, token: str) -> tuple[int, bytes]:
        parts = urlsplit(path)
        environ = {
            "REQUEST_METHOD": "GET", "PATH_INFO": unquote(parts.path), "QUERY_STRING": parts.query, "SCRIPT_NAME": "",
            "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": "127.0.0.1",
            "REMOTE_ADDR": "127.0.0.1", "HTTP_COOKIE": f"{SESSION_COOKIE}={token}", "wsgi.input": io.BytesIO(),
            "wsgi.errors": io.StringIO(), "wsgi.url_scheme": "http", "wsgi.multithread": False,
            "wsgi.multiprocess": True, "wsgi.run_once": False, "wsgi.version": (1, 0),
        }  # fmt: skip
        told: list[int] = []

        def start(status: str, *rest: Any) -> Any:
            del rest
            told.append(int(status[:3]))

        response = self._application(environ, start)
        try:
            return told[-1] if told else 0, b"".join(response)
        finally:
            response.close()


def unused_name(kind: str) -> str:
    """A user name nobody has."""
    return f"{kind}{secrets.token_hex(3)}"
