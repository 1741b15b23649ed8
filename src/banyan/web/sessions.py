"""Whose session a request carries: the cookie, and the person behind it."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from banyan.domain.iam import access
from banyan.domain.iam.actions import NewSession
from banyan.domain.iam.challenges import NewChallenge
from banyan.domain.iam.errors import SessionInvalid
from banyan.domain.iam.rules import CHALLENGE_LIFE, DEVICE_KNOWN
from banyan.domain.iam.sources import Source
from banyan.kernel import clock

SESSION_COOKIE = "banyan_session"
# Opens nothing; sent to every address, since two begin a session: /login and /first.
DEVICE_COOKIE = "banyan_device"
# Opens nothing by itself: says that an answer comes from the browser that the challenge was given to.
LOGIN_COOKIE = "banyan_login"
_LOGIN_PATH = "/login"


def recognise(request: HttpRequest) -> None:
    """Set ``request.actor``. Raises SessionInvalid when nobody is logged in."""
    token = request.COOKIES.get(SESSION_COOKIE, "")
    request.actor = access.actor_from_session(token, clock.now())  # type: ignore[attr-defined]  # see StaffRequest


def recognise_if_known(request: HttpRequest) -> None:
    """The same for a page that was refused before anybody asked who wants it; public pages stay as they are."""
    match = request.resolver_match
    if hasattr(request, "actor") or SESSION_COOKIE not in request.COOKIES:
        return
    if match is not None and getattr(match.func, "is_public", False):
        return
    try:
        recognise(request)
    except SessionInvalid:
        return


def source_of(request: HttpRequest) -> Source:
    """Where a log-in comes from: the browser, if somebody logged in with it before, else the address."""
    return Source(address=request.META.get("REMOTE_ADDR", ""), device=request.COOKIES.get(DEVICE_COOKIE, ""))


def keep_challenge(response: HttpResponse, given: NewChallenge) -> None:
    """Give the browser what it must show with the answer."""
    is_tls = settings.BANYAN.tls_certificate is not None
    response.set_cookie(
        LOGIN_COOKIE, given.browser, max_age=CHALLENGE_LIFE, path=_LOGIN_PATH, httponly=True, secure=is_tls,
        samesite="Strict",
    )  # fmt: skip


def forget_challenge(response: HttpResponse) -> None:
    """The answer was given."""
    response.delete_cookie(LOGIN_COOKIE, path=_LOGIN_PATH, samesite="Strict")


def keep_session(response: HttpResponse, opened: NewSession) -> None:
    """Give the browser its session, for as long as it is open, and the mark by which it is known at the next log-in."""
    is_tls = settings.BANYAN.tls_certificate is not None
    response.set_cookie(SESSION_COOKIE, opened.token, httponly=True, secure=is_tls, samesite="Strict")
    response.set_cookie(
        DEVICE_COOKIE, opened.device, max_age=DEVICE_KNOWN, httponly=True, secure=is_tls, samesite="Strict"
    )
