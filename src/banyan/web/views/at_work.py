"""What open pages of the counter tell by script: a form as typed so far, and that somebody is at a request."""

import json

from django.core.exceptions import BadRequest
from django.http import HttpResponse, JsonResponse
from django.views.decorators.http import require_POST

from banyan.domain.desk import drafts, presence
from banyan.domain.iam import access as iam
from banyan.domain.ra import access as ra
from banyan.kernel import clock
from banyan.web.middleware import StaffRequest
from banyan.web.needs import needs

_LONGEST_NAME = 60


@needs()
@require_POST
def draft(request: StaffRequest, form: str) -> HttpResponse:
    """Keep what is typed into a form: a JSON object of texts; an empty one forgets it."""
    if len(form) > _LONGEST_NAME:
        raise BadRequest("no such form")
    if (request.content_type or "").startswith("multipart/"):
        raise BadRequest("no JSON")  # its body is read as a form before it comes here
    drafts.keep(request.actor, form, _texts(request.body), clock.now())
    return HttpResponse(status=204)


@needs("requests.read")
@require_POST
def here(request: StaffRequest, request_id: int) -> HttpResponse:
    """The person has a request open; who else has. ``leave`` in the query says that the page is being closed."""
    if "leave" in request.GET:
        presence.leave(request.actor, request_id)
        return HttpResponse(status=204)
    found = ra.request(request.actor, request_id)
    others = presence.come(request.actor, found.pk, clock.now())
    names = iam.names_of(others)
    told = {"others": [names.get(one, "") for one in others], "version": found.version}
    return JsonResponse(told)


def _texts(body: bytes) -> dict[str, str]:
    try:
        found = json.loads(body or b"{}")
        json.dumps(found, ensure_ascii=False).encode()  # half a character is no text
    except (ValueError, RecursionError) as error:
        raise BadRequest("no JSON") from error
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise BadRequest("not a form")
    return found
