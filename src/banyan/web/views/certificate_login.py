"""The log-in by certificate: the page, and the two things that its script asks for."""

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from csp.decorators import csp_update
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from banyan.domain.ca.standing import PlatformCertificates
from banyan.domain.iam.certificate_login import Answer, log_in_by_certificate
from banyan.domain.iam.challenges import NewChallenge, open_challenge
from banyan.domain.iam.errors import CertificateNeeded, OriginDiffers
from banyan.domain.iam.staff_login import Method, staff_login
from banyan.kernel import clock
from banyan.kernel.errors import BanyanError
from banyan.web import errors
from banyan.web.middleware import public
from banyan.web.problems import PROBLEMS
from banyan.web.sessions import LOGIN_COOKIE, forget_challenge, keep_challenge, keep_session, source_of

_CHANNEL = "pages"
_ANSWER = frozenset({"challenge", "signature", "certificate"})
_LARGEST = 64 * 1024


class Unreadable(Exception):
    """What the script sent is none of ours."""


def login_page(request: HttpRequest, context: Mapping[str, Any], *, status: int = 200) -> HttpResponse:
    """The page for whatever opens a session here."""
    method = staff_login()
    shown = {
        "asks_password": method.takes_a_password,
        "offers_certificate": method.takes_a_certificate_alone,
        "is_certificate_only": method is Method.CERTIFICATE,
        **context,
    }
    return _with_agent(request, render(request, "web/login.html", _for_script(shown), status=status))


def certificate_page(request: HttpRequest, needed: CertificateNeeded) -> HttpResponse:
    """The password was right: the same page asks for the certificate. Nobody is logged in yet."""
    try:
        given = _open(request, needed.credential_id)
    except OriginDiffers as error:
        return login_page(request, {"error": errors.text(error)}, status=403)
    context = {"is_second_factor": True, "challenge": base64.b64encode(given.challenge).decode()}
    response = _with_agent(request, render(request, "web/login.html", _for_script(context)))
    keep_challenge(response, given)
    return response


def for_script(view: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """JSON in and out: what is no JSON is refused, and an error of ours is told as one."""

    @wraps(view)
    def run(request: HttpRequest) -> HttpResponse:
        if request.content_type != "application/json":
            return errors.for_script(code="web.media_type", message=_("只接受 application/json。"), status=415)
        try:
            return view(request)
        except Unreadable:
            message = _("浏览器送来的内容读不懂，没有改变任何数据。请刷新页面后重试。")
            return errors.for_script(code="web.unreadable", message=message, status=400)
        except BanyanError as error:
            return errors.for_script(code=error.code, message=errors.text(error))

    return run


@public
@never_cache
@require_POST
@for_script
def challenge(request: HttpRequest) -> HttpResponse:
    """A challenge for a log-in by certificate alone."""
    _read(request, frozenset())
    given = _open(request, None)
    response = JsonResponse(
        {"challenge": base64.b64encode(given.challenge).decode(), "expires_at": given.expires_at.isoformat()}
    )
    keep_challenge(response, given)
    return response


@public
@never_cache
@require_POST
@for_script
def answer(request: HttpRequest) -> HttpResponse:
    """The answer: a signature and the certificate of its key. Tells where to go."""
    sent = _read(request, _ANSWER)
    _ensure_own_origin(request)
    told = Answer(
        challenge=sent["challenge"],
        signature=sent["signature"],
        certificate=sent["certificate"],
        browser=request.COOKIES.get(LOGIN_COOKIE, ""),
    )
    opened = log_in_by_certificate(
        answer=told,
        origin=settings.BANYAN.origin,
        certificates=PlatformCertificates(),
        now=clock.now(),
        source=source_of(request),
    )
    response = JsonResponse({"next": wanted(request)})
    keep_session(response, opened)
    forget_challenge(response)
    return response


def _open(request: HttpRequest, credential_id: int | None) -> NewChallenge:
    _ensure_own_origin(request)
    return open_challenge(
        origin=settings.BANYAN.origin,
        browser=request.COOKIES.get(LOGIN_COOKIE, ""),
        channel=_CHANNEL,
        now=clock.now(),
        credential_id=credential_id,
    )


def _ensure_own_origin(request: HttpRequest) -> None:
    """Browsers name the page's origin with every POST; the agent signs it too, so another one could not succeed."""
    if request.headers.get("Origin") != settings.BANYAN.origin:
        raise OriginDiffers(url=settings.BANYAN.url)


def _read(request: HttpRequest, names: frozenset[str]) -> dict[str, bytes]:
    """The fields of a message, each Base64, none missing, none more."""
    if len(request.body) > _LARGEST:
        raise Unreadable
    try:
        pairs = json.loads(request.body, object_pairs_hook=list)
        sent = dict(pairs)
        if not isinstance(pairs, list) or len(sent) != len(pairs) or sent.keys() != names:
            raise Unreadable
        return {name: base64.b64decode(value, validate=True) for name, value in sent.items()}
    except (ValueError, TypeError, RecursionError, binascii.Error) as error:
        raise Unreadable from error


def _for_script(context: Mapping[str, Any]) -> dict[str, Any]:
    return {"agent_port": settings.BANYAN.agent_port, "problems": PROBLEMS, **context}


def _with_agent(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """Only this page may speak to the token agent of the machine."""
    port = settings.BANYAN.agent_port
    sources = {"connect-src": [f"wss://localhost:{port}", f"https://localhost:{port}"]}

    def page(_request: HttpRequest) -> HttpResponseBase:
        return response

    csp_update(sources)(page)(request)
    return response


def wanted(request: HttpRequest) -> str:
    """Where the person wanted to go before; only a place of ours."""
    target = request.GET.get("next", "")
    host = request.get_host()
    is_ours = url_has_allowed_host_and_scheme(target, allowed_hosts={host}, require_https=request.is_secure())
    return target if target.startswith("/") and is_ours else "/"
