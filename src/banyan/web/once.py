"""Forms of the counter: a key that makes a form count once, the version that the page showed, what is told afterwards."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import BadRequest

from banyan.domain.desk import drafts
from banyan.domain.desk.sending import send_once
from banyan.kernel import clock
from banyan.web.middleware import StaffRequest

KEY = "form_key"
VERSION = "version"
_NO_CONTENT = frozenset({"csrfmiddlewaretoken", KEY})
_LONGEST_KEY = 64


def new_key() -> str:
    """A key for a form that is about to be shown."""
    return secrets.token_urlsafe(18)


def send(
    request: StaffRequest,
    form: str,
    work: Callable[[], Mapping[str, Any]],
    *,
    about: int | None = None,
    draft: str = "",
) -> dict[str, Any]:
    """Do what a posted form asks, once (see ``domain.desk.sending``), and forget its draft.

    ``about`` is the request that the form changes; the form's ``version`` field says which state of it the page showed. Raises
    what the work raises, desk.ChangedMeanwhile, outbox.ContentDiffers; BadRequest for a form without a key.
    """
    key = request.POST.get(KEY, "")
    if not key or len(key) > _LONGEST_KEY:
        raise BadRequest("a form without its key")
    content = {name: values for name, values in request.POST.lists() if name not in _NO_CONTENT}
    seen = None if about is None else (about, _version(request))
    done = send_once(request.actor, form, key, content, work, clock.now(), seen=seen)
    if draft:
        drafts.forget(request.actor, draft)
    return done


def drafted(request: StaffRequest, form: str) -> tuple[dict[str, str], Any]:
    """What the person typed into this form before, and when."""
    return drafts.find(request.actor, form)


def _version(request: StaffRequest) -> int:
    text = request.POST.get(VERSION, "")
    try:
        return int(forms.IntegerField(min_value=0).clean(text))
    except forms.ValidationError as error:
        raise BadRequest("a form without the version it showed") from error
