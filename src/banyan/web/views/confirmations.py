"""The inbox of two-person requests (待确认): read, confirm, withdraw, carry out."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from banyan.domain.iam import access, carrying
from banyan.domain.iam.dual_control import withdraw_dual
from banyan.domain.iam.models import DualControlRequest
from banyan.domain.iam.rights import DUAL_KINDS
from banyan.kernel import clock
from banyan.web.middleware import StaffRequest
from banyan.web.needs import needs
from banyan.web.posting import REFUSED, post
from banyan.web.reading import confirmations
from banyan.web.views.links import give_link

# Whoever has a part in any kind opens the inbox and sees the requests of those kinds; the action asks for the kind's right.
PARTS = tuple(sorted({right for kind in DUAL_KINDS.values() for right in (kind.request_right, kind.confirm_right)}))


@needs(one_of=PARTS)
@require_safe
def listing(request: StaffRequest) -> HttpResponse:
    """What waits for a second person, and what two people have agreed on."""
    return _show(request)


@needs(one_of=PARTS)
@require_POST
def confirm(request: StaffRequest, dual_id: int) -> HttpResponse:
    """Confirm another person's request; what needs no third step is done at once."""
    row, now = access.dual_request(dual_id), clock.now()
    told = _("已确认并执行。") if row.kind in carrying.AT_ONCE else _("已确认，现在由提出的人执行。")

    def work() -> None:
        carrying.confirm_and_carry_out(actor=request.actor, request=row, now=now)

    return post(
        request, f"confirm.{dual_id}", work, told=told, to="confirmations", again=lambda why: _show(request, why)
    )


@needs(one_of=PARTS)
@require_POST
def withdraw(request: StaffRequest, dual_id: int) -> HttpResponse:
    """Take back one's own request, or turn another person's down."""
    row, now = access.dual_request(dual_id), clock.now()

    def work() -> None:
        withdraw_dual(actor=request.actor, request=row, now=now)

    told = _("已撤回。") if row.requested_by_id == request.actor.id else _("已驳回。")
    return post(
        request, f"withdraw.{dual_id}", work, told=told, to="confirmations", again=lambda why: _show(request, why)
    )


@needs(one_of=PARTS)
@require_POST
def carry_out(request: StaffRequest, dual_id: int) -> HttpResponse:
    """The third step: do what was confirmed."""
    row, now = access.dual_request(dual_id), clock.now()
    if row.kind == "iam.renew_link":
        return _link(request, row)

    def work() -> None:
        carrying.carry_out(actor=request.actor, request=row, now=now)

    return post(
        request, f"carry.{dual_id}", work, told=_("已执行。"), to="confirmations", again=lambda why: _show(request, why)
    )


def _link(request: StaffRequest, row: DualControlRequest) -> HttpResponse:
    account = access.account(request.actor, confirmations.account_of(row))
    return give_link(request, account, confirmed=row, again=lambda why: _show(request, why))


def _show(request: StaffRequest, error: str = "") -> HttpResponse:
    rows = confirmations.waiting(request.actor, clock.now())
    context = {
        "error": error,
        "to_confirm": [row for row in rows if row.may_confirm],
        "others": [row for row in rows if not row.may_confirm],
    }
    return render(request, "web/confirmations.html", context, status=REFUSED if error else 200)
