"""Posted forms of the console: done once, answered by a redirect; what is refused is shown again where it was asked."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from banyan.domain.iam.errors import RightMissing, SessionInvalid
from banyan.kernel.errors import BanyanError
from banyan.web import errors, once
from banyan.web.middleware import StaffRequest

REFUSED = 422


def post(
    request: StaffRequest,
    form: str,
    work: Callable[[], Mapping[str, Any] | None],
    *,
    told: str,
    to: str,
    again: Callable[[str], HttpResponse],
) -> HttpResponse:
    """Do ``work`` once, say ``told`` on the page ``to``; a refusal is told by ``again`` in its own words."""
    try:
        once.send(request, form, lambda: work() or {})
    except (RightMissing, SessionInvalid):
        raise  # no page for this person at all
    except BanyanError as error:
        return again(errors.text(error))
    messages.success(request, told)
    return redirect(to)
