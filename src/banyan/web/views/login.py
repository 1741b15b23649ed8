"""Logging in and out."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from banyan.domain.iam import access, actions
from banyan.domain.iam.errors import (
    CertificateNeeded,
    CodeNeeded,
    LinkInvalid,
    LoginRefused,
    PasswordSwitchedOff,
    PasswordTooWeak,
)
from banyan.domain.iam.login import ensure_passwords_serve, log_in, log_in_with_link
from banyan.domain.iam.policy import policy
from banyan.kernel import clock
from banyan.web import errors
from banyan.web.middleware import StaffRequest, even_when_held_back, public
from banyan.web.needs import needs
from banyan.web.sessions import SESSION_COOKIE, keep_session, source_of
from banyan.web.views.certificate_login import certificate_page, login_page, wanted
from banyan.web.views.code_login import code_page

# Carries the link's secret from the address to the form; gone with the browser or within the hour.
_LINK_COOKIE = "banyan_first"
_LINK_KEPT_S = 3600


@public
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def login(request: HttpRequest) -> HttpResponse:
    """User name and password; where a certificate comes second, it is asked for on the same page."""
    if request.method != "POST":
        return login_page(request, {})
    username = request.POST.get("username", "").strip()
    password = request.POST.get("password", "")
    try:
        session = log_in(
            username=username, password=password, channel="pages", now=clock.now(), source=source_of(request)
        )
    except CertificateNeeded as needed:
        return certificate_page(request, needed)
    except CodeNeeded as needed:
        return code_page(request, needed.credential_id)
    except PasswordSwitchedOff as error:
        return login_page(request, {"error": errors.text(error)}, status=403)
    except LoginRefused as error:
        context = {"error": errors.text(error), "username": username[:64]}
        return login_page(request, context, status=403)
    response = redirect(wanted(request))
    keep_session(response, session)
    return response


@public
@never_cache
@require_safe
def first_login(request: HttpRequest, secret: str) -> HttpResponse:
    """The single-use link. Looking does not spend it; its secret leaves the address at once, and so every log."""
    try:
        access.account_of_link(secret, clock.now())
    except LinkInvalid as error:
        return errors.refused(request, error, status=410)
    response = redirect("first_password")
    response["Referrer-Policy"] = "no-referrer"
    is_tls = settings.BANYAN.tls_certificate is not None
    response.set_cookie(
        _LINK_COOKIE, secret, max_age=_LINK_KEPT_S, path="/first", httponly=True, secure=is_tls, samesite="Lax"
    )
    return response


@public
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def first_password(request: HttpRequest) -> HttpResponse:
    """The person of a first log-in link sets a password, which spends the link and logs in."""
    now = clock.now()
    secret = request.COOKIES.get(_LINK_COOKIE, "")
    try:
        account = access.account_of_link(secret, now)
        ensure_passwords_serve()
    except LinkInvalid as error:
        return errors.refused(request, error, status=410)
    context = {
        "first_time": True,
        "username": account.username,
        "account_name": account.display_name,
        "rules": policy(),
    }
    if request.method != "POST":
        return render(request, "web/login.html", context)
    if request.POST.get("username", "") != account.username:
        # two links in one browser: the cookie is the later one's, the form the earlier one's
        context["error"] = _(
            "这个浏览器里后来又打开了另一个人的链接。下面是那个人；要设定您自己的口令，请重新打开您的链接。"
        )
        return render(request, "web/login.html", context, status=409)
    password = request.POST.get("password", "")
    if password != request.POST.get("again", ""):
        context["error"] = _("两次输入的口令不一样。请重新输入。")
        return render(request, "web/login.html", context, status=422)
    try:
        session = log_in_with_link(
            secret=secret, password=password, channel="pages", now=now, source=source_of(request)
        )
    except PasswordTooWeak as error:
        context["error"] = errors.text(error)
        return render(request, "web/login.html", context, status=422)
    except (CertificateNeeded, CodeNeeded):
        # The password is set; the log-in that follows asks for both.
        response = redirect("login")
        response.delete_cookie(_LINK_COOKIE, path="/first")
        return response
    response = redirect("home")
    response.delete_cookie(_LINK_COOKIE, path="/first")
    keep_session(response, session)
    return response


@needs()
@even_when_held_back
@require_POST
def logout(request: StaffRequest) -> HttpResponse:
    """End the session here and in the browser."""
    actions.log_out(actor=request.actor, now=clock.now())
    response = redirect("login")
    response.delete_cookie(SESSION_COOKIE)
    return response
