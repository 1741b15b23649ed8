"""Whose session a request carries: the cookie, and the person behind it."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from banyan.domain.iam import access
from banyan.domain.iam.errors import SessionInvalid
from banyan.kernel import clock

SESSION_COOKIE = "banyan_session"


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


def keep_session(response: HttpResponse, token: str) -> None:
    """Give the browser its session, for as long as the browser is open."""
    is_tls = settings.BANYAN.tls_certificate is not None
    response.set_cookie(SESSION_COOKIE, token, httponly=True, secure=is_tls, samesite="Strict")
