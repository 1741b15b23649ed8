"""Accounts and roles, for administrators: the list, a new account."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from banyan.domain.iam import actions, rights
from banyan.domain.iam.actions import NewLink
from banyan.domain.iam.errors import RightMissing, SessionInvalid
from banyan.kernel import clock
from banyan.kernel.errors import BanyanError
from banyan.web import errors, once, words
from banyan.web.middleware import StaffRequest
from banyan.web.needs import needs
from banyan.web.posting import REFUSED
from banyan.web.reading import staff
from banyan.web.views.links import to_link

_STATES = ("ACTIVE", "NO_PASSWORD", "LOCKED_OUT", "DISABLED")


@needs("iam.read")
@require_safe
def listing(request: StaffRequest) -> HttpResponse:
    """Every account with its state, roles and last log-in; by name and state."""
    everybody = staff.accounts(request.actor, clock.now())
    state = request.GET.get("state", "")
    chosen = {"q": request.GET.get("q", "")[:32], "state": state if state in _STATES else ""}
    context = {
        "rows": staff.filtered(everybody, text=chosen["q"], state=chosen["state"]),
        "chosen": chosen,
        "states": [(code, words.STATES[code].word, sum(row.state == code for row in everybody)) for code in _STATES],
        "total": len(everybody),
        "may_open": rights.has(request.actor, "iam.manage_accounts"),
    }
    return render(request, "web/staff.html", context)


@needs("iam.manage_accounts")
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: StaffRequest) -> HttpResponse:
    """Open an account; its first log-in link is shown next, once."""
    typed = {name: request.POST.get(name, "").strip()[:64] for name in ("username", "display_name")}
    if request.method != "POST":
        return render(request, "web/staff_new.html", {"typed": typed})
    made: list[NewLink] = []

    def work() -> dict[str, int]:
        made.append(actions.open_account(actor=request.actor, now=clock.now(), **typed))
        return {"account": made[0].account.pk}

    try:
        done = once.send(request, "staff.new", work)
    except (RightMissing, SessionInvalid):
        raise
    except BanyanError as error:
        context = {"typed": typed, "error": errors.text(error)}
        return render(request, "web/staff_new.html", context, status=REFUSED)
    return to_link(request, int(done["account"]), made[0].secret if made else "")
