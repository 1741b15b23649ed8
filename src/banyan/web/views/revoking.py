"""注销: what is ended and what follows from it, the token handed in or its loss stated."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from banyan.domain.lifecycle.businesses import businesses
from banyan.domain.ra import actions as ra
from banyan.domain.ra.delivery_errors import LostStatementMissing, TokenFateMissing
from banyan.kernel import clock
from banyan.kernel.errors import BanyanError
from banyan.web import errors, once
from banyan.web.middleware import StaffRequest
from banyan.web.needs import needs
from banyan.web.reading import delivery
from banyan.web.reading.queue import queue
from banyan.web.reading.today import url_of_step
from banyan.web.views.delivery import REFUSED

RETURNED, LOST = "returned", "lost"
_FIELDS: Mapping[type[BanyanError], str] = {LostStatementMissing: "note", TokenFateMissing: "fate"}


@needs("requests.read")
@require_http_methods(["GET", "HEAD", "POST"])
def revoking(request: StaffRequest, request_id: int) -> HttpResponse:
    """The page, and carrying the approved revocation out."""
    if request.method != "POST":
        return _page(request, request_id)
    said = request.POST

    def work() -> Mapping[str, Any]:
        if said.get("fate") not in (RETURNED, LOST):
            raise TokenFateMissing
        done = ra.revoke(
            request.actor, request_id, clock.now(), is_token_returned=said["fate"] == RETURNED,
            is_destroyed=said["fate"] == RETURNED and "destroyed" in said, note=said.get("note", ""),
        )  # fmt: skip
        return {"number": done.number}

    try:
        once.send(request, "revoke", work, about=request_id, draft=_draft(request_id))
    except BanyanError as error:
        return _page(request, request_id, error)
    messages.success(request, _("证书已注销"))
    return redirect("revoking", request_id)


def _page(request: StaffRequest, request_id: int, error: BanyanError | None = None) -> HttpResponse:
    now = clock.now()
    shown = delivery.panel(request.actor, request_id, now)
    reason = next((one for one in businesses()["revoke"].reasons if one.code == shown.request.reason), None)
    context = {
        "panel": shown,
        "queue": queue(
            request.actor, delivery.STEPS["revoke"], request.GET, now, url_of_step, here=request_id,
            title=_("待注销"), nothing=str(delivery.NOTHING["revoke"]),
        ),
        "reason": _(reason.name) if reason else "",
        "must_destroy": delivery.must_destroy(request.actor, shown.request),
        "typed": request.POST if error else once.drafted(request, _draft(request_id))[0],
        "draft": _draft(request_id),
        "error": errors.text(error) if error else "",
        "error_code": error.code if error else "",
        "error_field": _FIELDS.get(type(error), "") if error else "",
        "is_due": shown.request.state == "OPEN" and shown.request.step == "revoke",
    }  # fmt: skip
    return render(request, "desk/revoking.html", context, status=REFUSED if error else 200)


def _draft(request_id: int) -> str:
    return f"revoke-{request_id}"
