"""The log-in by code: after a right password the page asks for what the authenticator shows."""

import base64
import binascii

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from banyan.domain.iam.challenges import open_challenge, take_challenge
from banyan.domain.iam.codes import log_in_by_code
from banyan.domain.iam.errors import CodeRefused
from banyan.kernel import clock
from banyan.web import errors
from banyan.web.middleware import public
from banyan.web.sessions import LOGIN_COOKIE, forget_challenge, keep_challenge, keep_session, source_of
from banyan.web.views.certificate_login import wanted

_CHANNEL = "pages"


def code_page(request: HttpRequest, credential_id: int, *, error: str = "") -> HttpResponse:
    """The password was right: the page asks for the code. Nobody is logged in yet; who it was is kept in a challenge's row,
    which holds for two minutes and is spent by the answer (ADR 12).
    """
    given = open_challenge(
        origin=settings.BANYAN.origin,
        browser=request.COOKIES.get(LOGIN_COOKIE, ""),
        channel=_CHANNEL,
        now=clock.now(),
        credential_id=credential_id,
    )
    context = {
        "challenge": base64.b64encode(given.challenge).decode(),
        "error": error,
        "next": request.GET.get("next", ""),
    }
    response = render(request, "web/login_code.html", context, status=403 if error else 200)
    keep_challenge(response, given)
    return response


@public
@never_cache
@require_POST
def answer(request: HttpRequest) -> HttpResponse:
    """The code. A wrong one is asked for again, as long as the source need not wait."""
    taken = take_challenge(
        challenge=_challenge(request),
        browser=request.COOKIES.get(LOGIN_COOKIE, ""),
        origin=settings.BANYAN.origin,
        now=clock.now(),
    )
    if taken is None or taken.credential is None:
        message = _("这次登录超过了两分钟，或者已经用过。请重新输入用户名和口令。")
        return errors.page(request, status=403, title=_("没有登录"), message=message, icon="clock")
    try:
        opened = log_in_by_code(
            password=taken.credential,
            code=request.POST.get("code", "")[:16],
            channel=taken.channel,
            now=clock.now(),
            source=source_of(request),
        )
    except CodeRefused as error:
        return code_page(request, taken.credential.pk, error=errors.text(error))
    response = redirect(wanted(request))
    keep_session(response, opened)
    forget_challenge(response)
    return response


def _challenge(request: HttpRequest) -> bytes:
    try:
        return base64.b64decode(request.POST.get("challenge", "")[:128], validate=True)
    except (ValueError, binascii.Error):
        return b""
