"""Token agents on the platform's list: whose machines get the PINs of new tokens. System administrators put them there."""

import base64
import binascii
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from banyan.domain.inventory import access, agents
from banyan.domain.inventory.errors import AgentKeyInvalid
from banyan.domain.parties import access as parties
from banyan.kernel import clock
from banyan.kernel.errors import BanyanError
from banyan.web import errors, once
from banyan.web.middleware import StaffRequest
from banyan.web.needs import needs
from banyan.web.script import with_agent

_FIELDS = ("name", "region", "public_key")


@needs("tokens.register_agents")
@require_http_methods(["GET", "HEAD", "POST"])
def listing(request: StaffRequest) -> HttpResponse:
    """The list, and the form that puts this machine's agent on it."""
    typed = {name: request.POST.get(name, "").strip() for name in _FIELDS}
    if request.method != "POST":
        return _page(request, {"typed": typed})

    def register() -> dict[str, Any]:
        row = agents.register_agent(
            request.actor, public_key=_key(typed["public_key"]), name=typed["name"], region_code=typed["region"],
            now=clock.now(),
        )  # fmt: skip
        return {"name": row.name}

    try:
        done = once.send(request, "agent", register)
    except BanyanError as error:
        return _page(request, {"typed": typed, "problem": errors.text(error)}, status=422)
    messages.success(request, _("{name} 的介质助手已登记").format(**done))
    return redirect("agents")


@needs("tokens.register_agents")
@require_POST
def end(request: StaffRequest, key_id: str) -> HttpResponse:
    """Take an agent off the list: nothing is sealed to it any more."""
    row = agents.end_agent(request.actor, key_id, reason=request.POST.get("reason", ""), now=clock.now())
    messages.success(request, _("{name} 的介质助手已停用").format(name=row.name))
    return redirect("agents")


def _page(request: StaffRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    tree = parties.region_tree()
    rows = [(row, tree.full_name(row.region_code)) for row in access.agents(request.actor)[:200]]
    regions = [(one.code, tree.full_name(one.code)) for one in tree.regions]
    context |= {
        "rows": rows,
        "regions": regions,
        "agent_port": settings.BANYAN.agent_port,
    }
    return with_agent(request, render(request, "web/agents.html", context, status=status))


def _key(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (ValueError, binascii.Error):
        raise AgentKeyInvalid from None
