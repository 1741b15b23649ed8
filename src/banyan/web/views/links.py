"""First log-in links: shown once to whoever asked for one. The secret stands in no address, log or database in clear.

It travels from the form to the page that shows it in a cookie sealed to this session, which that page deletes.
"""

import base64
from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from banyan import sealing
from banyan.domain.iam import access, actions
from banyan.domain.iam.actions import NewLink
from banyan.domain.iam.errors import RightMissing, SessionInvalid
from banyan.domain.iam.models import DualControlRequest, StaffAccount
from banyan.kernel import clock
from banyan.kernel.actor import Actor
from banyan.kernel.errors import BanyanError
from banyan.sealing.errors import SealingError
from banyan.web import errors, once
from banyan.web.middleware import StaffRequest
from banyan.web.needs import needs

_COOKIE: Final = "banyan_given"
_KEPT_S: Final = 120


def give_link(
    request: StaffRequest,
    account: StaffAccount,
    *,
    confirmed: DualControlRequest | None,
    again: Callable[[str], HttpResponse],
) -> HttpResponse:
    """A new link for an account, once for a form; a repeat of the form finds it already shown."""
    made: list[NewLink] = []

    def work() -> dict[str, int]:
        made.append(actions.renew_link(actor=request.actor, account=account, request=confirmed, now=clock.now()))
        return {"account": account.pk}

    try:
        once.send(request, f"link.{account.pk}", work)
    except (RightMissing, SessionInvalid):
        raise
    except BanyanError as error:
        return again(errors.text(error))
    return to_link(request, account.pk, made[0].secret if made else "")


def to_link(request: StaffRequest, account_id: int, secret: str) -> HttpResponse:
    """To the page that shows a link once."""
    response = redirect("staff_link", account_id)
    if secret:
        sealed = sealing.keyring(settings.HOME).fields.seal(secret, _context(request.actor, account_id))
        response.set_cookie(
            _COOKIE, base64.urlsafe_b64encode(sealed).decode(), max_age=_KEPT_S,
            path=reverse("staff_link", args=[account_id]), httponly=True,
            secure=settings.BANYAN.tls_certificate is not None, samesite="Strict",
        )  # fmt: skip
    return response


@needs("iam.manage_accounts")
@require_safe
def link(request: StaffRequest, account_id: int) -> HttpResponse:
    """The link, to print or to copy; looked at again there is nothing any more."""
    account = access.account(request.actor, account_id)
    secret = _opened(request, account_id)
    url = settings.BANYAN.url.rstrip("/") + reverse("first_login", args=[secret]) if secret else ""
    response = render(request, "web/staff_link.html", {"account": account, "url": url})
    response.delete_cookie(_COOKIE, path=reverse("staff_link", args=[account_id]), samesite="Strict")
    response["Referrer-Policy"] = "no-referrer"
    return response


def _opened(request: StaffRequest, account_id: int) -> str:
    try:
        sealed = base64.urlsafe_b64decode(request.COOKIES.get(_COOKIE, ""))
        return sealing.keyring(settings.HOME).fields.open(sealed, _context(request.actor, account_id))
    except (SealingError, ValueError):
        return ""


def _context(actor: Actor, account_id: int) -> tuple[str, int, int, int]:
    return "web.link", actor.id, actor.session_id or 0, account_id
