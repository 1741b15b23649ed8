"""解锁: the locked token's question, the platform's sealed answer, a PIN that the holder chooses."""

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from banyan.adapters.unlock_responders import RESPONDER
from banyan.domain.inventory.sealed_tasks import Begun
from banyan.domain.ra import access
from banyan.domain.ra import actions as ra
from banyan.domain.ra.models import RequestState
from banyan.kernel import clock
from banyan.web.middleware import StaffRequest
from banyan.web.needs import needs
from banyan.web.problems import PROBLEMS
from banyan.web.reading import delivery
from banyan.web.reading.queue import queue
from banyan.web.reading.today import url_of_step
from banyan.web.script import ensure_own_origin, for_script, octets, read, with_agent

_ASKED = frozenset({"agent", "profile", "nonce", "challenge"})
# Of the problems of a log-in, those that any work with a token may meet.
_OF_ANY_WORK = frozenset(
    {"AGENT_UNREACHABLE", "AGENT_PERMISSION_DENIED", "AGENT_PERMISSION_UNANSWERED", "AGENT_INSECURE_PAGE",
     "AGENT_PAGE_POLICY", "AGENT_ORIGIN_REFUSED", "AGENT_VERSION", "AGENT_WINDOW", "AGENT_BUSY", "AGENT_GONE"}
)  # fmt: skip


@needs("requests.read")
@require_safe
def unlocking(request: StaffRequest, request_id: int) -> HttpResponse:
    """The page: it finds the token of the request and carries the answer to it."""
    now = clock.now()
    shown = delivery.panel(request.actor, request_id, now)
    context = {
        "panel": shown,
        "queue": queue(
            request.actor, delivery.STEPS["unlock"], request.GET, now, url_of_step, here=request_id,
            title=_("待解锁"), nothing=str(delivery.NOTHING["unlock"]),
        ),
        "agent_port": settings.BANYAN.agent_port,
        "problems": [one for one in PROBLEMS if one.code in _OF_ANY_WORK],
        "is_due": shown.request.state == "OPEN" and shown.request.step == "unlock",
    }  # fmt: skip
    return with_agent(request, render(request, "desk/unlocking.html", context))


@needs("tokens.unlock")
@require_POST
@for_script
def answer(request: StaffRequest, request_id: int) -> HttpResponse:
    """The answer to the token's question, sealed to the agent that asked; only against this approved request."""
    asked = read(request, _ASKED)
    ensure_own_origin(request)
    begun = Begun(asked["agent"], settings.BANYAN.origin, asked["profile"], octets(asked["nonce"]))
    sealed = ra.unlock_by_agent(request.actor, request_id, begun, asked["challenge"], clock.now(), respond=RESPONDER)
    return JsonResponse({"sealed": sealed})


@needs("tokens.unlock")
@require_POST
@for_script
def done(request: StaffRequest, request_id: int) -> HttpResponse:
    """The token took the answer; the request ends. Said twice, it is done once."""
    read(request, frozenset())
    shown = access.request(request.actor, request_id)
    if shown.state != RequestState.DONE:
        ra.unlocked(request.actor, request_id, clock.now())
    return JsonResponse({"number": shown.number})
