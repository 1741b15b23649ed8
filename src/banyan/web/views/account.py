"""One's own account: password, authenticator, sessions. The only page for whoever has to change something first."""

import io
from typing import Any

import segno
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from banyan.domain.iam import access, codes, people
from banyan.domain.iam.errors import IamError, PasswordExpired, SecondFactorDue
from banyan.domain.iam.login import change_password
from banyan.domain.iam.policy import policy
from banyan.domain.iam.staff_login import is_bound, staff_login
from banyan.kernel import clock
from banyan.web import errors
from banyan.web.middleware import StaffRequest, even_when_held_back
from banyan.web.needs import needs
from banyan.web.posting import REFUSED, post
from banyan.web.reading import person

_HELD_BACK = {error.code: error for error in (PasswordExpired, SecondFactorDue)}


@needs()
@even_when_held_back
@require_safe
def account(request: StaffRequest) -> HttpResponse:
    """What I log in with, and where I am logged in."""
    return _show(request)


@needs()
@even_when_held_back
@require_POST
def password(request: StaffRequest) -> HttpResponse:
    """Change my password."""
    new = request.POST.get("new", "")
    if new != request.POST.get("again", ""):
        return _show(request, password_error=_("两次输入的口令不一样。请重新输入。"))
    # Outside the form's once-key: the check is slow on purpose and must not run inside a transaction.
    try:
        change_password(actor=request.actor, current=request.POST.get("current", ""), new=new, now=clock.now())
    except IamError as error:
        return _show(request, password_error=errors.text(error))
    return _told(request, _("口令已修改，其他会话已结束。"))


@needs()
@even_when_held_back
@require_POST
def enrol(request: StaffRequest) -> HttpResponse:
    """Take my authenticator on record once it shows a right code."""
    sealed, code = request.POST.get("sealed", "")[:512], request.POST.get("code", "")[:16]

    def work() -> None:
        codes.enrol(actor=request.actor, sealed=sealed, code=code, now=clock.now())

    told = _("动态口令已启用。下次登录时，输入口令后还要输入它。")
    return post(
        request, "code", work, told=told, to="account", again=lambda why: _show(request, code_error=why, sealed=sealed)
    )


@needs()
@even_when_held_back
@require_POST
def end_session(request: StaffRequest, session_id: int) -> HttpResponse:
    """End one of my sessions."""
    mine = access.own_account(request.actor)

    def work() -> None:
        people.end_session(actor=request.actor, session_id=session_id, account=mine, now=clock.now())

    return post(
        request, f"session.{session_id}", work, told=_("会话已结束。"), to="account",
        again=lambda why: _show(request, password_error=why),
    )  # fmt: skip


def qr_code(text: str) -> SafeString:
    """A QR code as SVG, with nothing in it that the security policy refuses."""
    out = io.BytesIO()
    segno.make(text, error="m").save(
        out, kind="svg", scale=5, border=4, xmldecl=False, svgns=True, nl=False, svgclass="qr", omitsize=True
    )
    return mark_safe(out.getvalue().decode())  # noqa: S308  (drawn here, from modules, not from the text)


def _told(request: StaffRequest, text: str) -> HttpResponse:
    messages.success(request, text)
    return redirect("account")


def _show(request: StaffRequest, *, password_error: str = "", code_error: str = "", sealed: str = "") -> HttpResponse:
    actor, now = request.actor, clock.now()
    mine = access.own_account(actor)
    why = _HELD_BACK.get(actor.held_back)
    context: dict[str, Any] = {
        "mine": mine,
        "held": person.held(mine),
        "sessions": person.sessions(actor, mine, now),
        "rules": policy(),
        "takes_password": staff_login().takes_a_password,
        "has_certificate": is_bound(mine.pk),
        "has_code": codes.is_enrolled(mine.pk),
        "held_back": errors.text(why()) if why else "",
        "password_error": password_error,
        "code_error": code_error,
    }
    if not context["has_code"]:
        enrolment = _enrolment(request, sealed)
        context |= {"enrolment": enrolment, "qr": qr_code(enrolment.uri)}
    status = REFUSED if password_error or code_error else 200
    return render(request, "web/account.html", context, status=status)


def _enrolment(request: StaffRequest, sealed: str) -> codes.Enrolment:
    """The same secret again after a wrong code, so that the phone need not scan twice."""
    if sealed:
        try:
            return codes.opened(request.actor, sealed)
        except IamError:
            pass
    return codes.new_enrolment(request.actor)
