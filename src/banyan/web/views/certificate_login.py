"""The log-in by certificate: the page, and the two things that its script asks for."""

import base64
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from banyan.domain.ca.standing import PlatformCertificates
from banyan.domain.iam.certificate_login import Answer, log_in_by_certificate
from banyan.domain.iam.challenges import NewChallenge, open_challenge
from banyan.domain.iam.errors import CertificateNeeded, OriginDiffers
from banyan.domain.iam.staff_login import Method, staff_login
from banyan.kernel import clock
from banyan.web import errors
from banyan.web.middleware import public
from banyan.web.problems import PROBLEMS
from banyan.web.script import ensure_own_origin, for_script, octets, read, with_agent
from banyan.web.sessions import LOGIN_COOKIE, forget_challenge, keep_challenge, keep_session, source_of

_CHANNEL = "pages"
_ANSWER = frozenset({"challenge", "signature", "certificate"})


def login_page(request: HttpRequest, context: Mapping[str, Any], *, status: int = 200) -> HttpResponse:
    """The page for whatever opens a session here."""
    method = staff_login()
    shown = {
        "asks_password": method.takes_a_password,
        "offers_certificate": method.takes_a_certificate_alone,
        "is_certificate_only": method is Method.CERTIFICATE,
        **context,
    }
    return with_agent(request, render(request, "web/login.html", _for_script(shown), status=status))


def certificate_page(request: HttpRequest, needed: CertificateNeeded) -> HttpResponse:
    """The password was right: the same page asks for the certificate. Nobody is logged in yet."""
    try:
        given = _open(request, needed.credential_id)
    except OriginDiffers as error:
        return login_page(request, {"error": errors.text(error)}, status=403)
    context = {"is_second_factor": True, "challenge": base64.b64encode(given.challenge).decode()}
    response = with_agent(request, render(request, "web/login.html", _for_script(context)))
    keep_challenge(response, given)
    return response


@public
@never_cache
@require_POST
@for_script
def challenge(request: HttpRequest) -> HttpResponse:
    """A challenge for a log-in by certificate alone."""
    read(request, frozenset())
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
    sent = {name: octets(text) for name, text in read(request, _ANSWER).items()}
    ensure_own_origin(request)
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
    ensure_own_origin(request)
    return open_challenge(
        origin=settings.BANYAN.origin,
        browser=request.COOKIES.get(LOGIN_COOKIE, ""),
        channel=_CHANNEL,
        now=clock.now(),
        credential_id=credential_id,
    )


def _for_script(context: Mapping[str, Any]) -> dict[str, Any]:
    return {"agent_port": settings.BANYAN.agent_port, "problems": PROBLEMS, **context}


def wanted(request: HttpRequest) -> str:
    """Where the person wanted to go before; only a place of ours."""
    target = request.GET.get("next", "")
    host = request.get_host()
    is_ours = url_has_allowed_host_and_scheme(target, allowed_hosts={host}, require_https=request.is_secure())
    return target if target.startswith("/") and is_ours else "/"
