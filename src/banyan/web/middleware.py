"""Who asks, how our errors become pages, and that nothing of a page stays in a browser's store."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import Resolver404, resolve, reverse
from django.utils import translation
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from banyan.domain import audit
from banyan.domain.ca.errors import PairNotFound
from banyan.domain.iam.errors import AccountNotFound, RightMissing, SessionInvalid
from banyan.domain.inventory.errors import TokenNotFound
from banyan.domain.papers.errors import PaperUnknown, VersionUnknown
from banyan.domain.parties.errors import NotFound
from banyan.domain.ra.errors import RequestNotFound
from banyan.domain.rulebook.errors import DocumentUnknown
from banyan.domain.systems.errors import UnknownSystem
from banyan.kernel.actor import Actor
from banyan.kernel.errors import BanyanError, ServiceUnavailable
from banyan.web import errors
from banyan.web.sessions import SESSION_COOKIE, recognise

LARGEST_BODY = 256 * 1024
# Sent by the scripts of our pages, which cannot follow a way to the log-in page.
SCRIPT_HEADER = "X-Banyan-Script"
Handler = Callable[[HttpRequest], HttpResponse]
# What is not there, what lies elsewhere and what one has no right to all answer alike.
HIDDEN = (
    PairNotFound, RequestNotFound, NotFound, TokenNotFound, AccountNotFound, PaperUnknown, VersionUnknown, RightMissing,
    DocumentUnknown, UnknownSystem,
)  # fmt: skip


class StaffRequest(HttpRequest):
    """A request whose sender is known (for the type checker; Django hands out plain requests)."""

    actor: Actor


class InMemory(MemoryFileUploadHandler):
    """Keeps a file of a form in memory whatever its size: what people hand in is never written in clear."""

    def handle_raw_input(self, *arguments: Any, **options: Any) -> None:
        """Django asks here whether the form is small enough; its size was looked at before."""
        del arguments, options
        self.activated = True


def takes_files(largest: int) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Mark a page whose form brings files: a body of up to ``largest`` bytes is read."""

    def mark(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        view.largest_body = largest  # type: ignore[attr-defined]  # a mark on the function, read below
        return view

    return mark


class SmallBodies:
    """A body larger than a form is refused before anything reads it, but for pages that say that they take files."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdigit() or "HTTP_TRANSFER_ENCODING" in request.META:
            return HttpResponse(status=413)
        if int(length) > LARGEST_BODY:
            if int(length) > _largest(request):
                return HttpResponse(status=413)
            request.upload_handlers = [InMemory(request)]
        return self.get_response(request)


def _largest(request: HttpRequest) -> int:
    try:
        return int(getattr(resolve(request.path_info).func, "largest_body", LARGEST_BODY))
    except Resolver404:
        return LARGEST_BODY


class PlainText:
    """A zero character is no text and PostgreSQL stores none: a request with one is refused before anything reads it."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = [
            request.path,
            *(text for form in (request.GET, request.POST) for many in form.lists() for text in many[1]),
        ]
        if any("\0" in text for text in given):
            return errors.bad_request(request, ValueError())
        return self.get_response(request)


class ChosenLanguage:
    """The language a person chose on the page, else that of the installation; what the browser prefers does not count.

    Clerks' machines come with browsers of any language; the desk speaks Chinese until somebody says otherwise.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
        language = chosen if chosen in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE
        with translation.override(language):
            request.LANGUAGE_CODE = language
            response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        return response


class ErrorPages:
    """An error of ours raised by a page becomes a page that says what to do next."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Django calls this for an exception of a view."""
        if isinstance(exception, SessionInvalid):
            return to_login(request)
        if isinstance(exception, RightMissing):
            _note_refusal(request, exception)
        if isinstance(exception, HIDDEN):
            return errors.not_found(request, exception)
        if isinstance(exception, ServiceUnavailable):
            return errors.refused(request, exception, status=503)
        return errors.refused(request, exception) if isinstance(exception, BanyanError) else None


class StaffSession:
    """Reads the session cookie; pages not marked public are for people who are logged in."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if hasattr(request, "actor"):
            response.headers.setdefault("Cache-Control", "no-store, private")
        return response

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: object, kwargs: object
    ) -> HttpResponse | None:
        """Set ``request.actor`` or send the person to the log-in page."""
        del args, kwargs
        if getattr(view, "is_public", False):
            return None
        try:
            recognise(request)
        except SessionInvalid:
            return to_login(request)
        if request.actor.held_back and not getattr(view, "is_for_held_back", False):  # type: ignore[attr-defined]
            return _hold_back(request)
        return None


def even_when_held_back(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Mark a page for those, too, who have to change something before they may work (``Actor.held_back``)."""
    view.is_for_held_back = True  # type: ignore[attr-defined]  # a mark on the function, read above
    return view


def _hold_back(request: HttpRequest) -> HttpResponse:
    if request.headers.get(SCRIPT_HEADER):
        return errors.for_script(code="web.held_back", message=_("请先在“我的账号”里办完要办的事。"))
    return redirect("account")


def public(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Mark a page that needs no log-in."""
    view.is_public = True  # type: ignore[attr-defined]  # a mark on the function, read above
    return view


def to_login(request: HttpRequest) -> HttpResponse:
    """To the log-in page, remembering where the person wanted to go; a page's script is told so instead."""
    if request.headers.get(SCRIPT_HEADER):
        return errors.for_script(code="web.session_ended", message=_("登录已结束。请重新登录。"), status=401)
    has_place = request.method == "GET" and request.path != "/"
    wanted = f"?{urlencode({'next': request.get_full_path()})}" if has_place else ""
    response = redirect(reverse("login") + wanted)
    response.delete_cookie(SESSION_COOKIE)
    return response


def _note_refusal(request: HttpRequest, error: RightMissing) -> None:
    actor = getattr(request, "actor", None)
    match = request.resolver_match
    if actor is not None and match is not None:
        audit.refusal(actor, f"web.{match.url_name}", error, right=error.fields["right"])
