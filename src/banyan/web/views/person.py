"""One account: what administrators do to it. What needs a second person becomes a request in the inbox."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from banyan.domain.ca.standing import PlatformCertificates
from banyan.domain.iam import access, actions, binding, codes, people
from banyan.domain.iam.dual_control import request_dual
from banyan.domain.iam.models import StaffAccount
from banyan.domain.iam.rights import POINT_ROLES, Role, has
from banyan.domain.parties import points
from banyan.kernel import clock
from banyan.pki.certificate import pem_to_der
from banyan.web.middleware import StaffRequest
from banyan.web.needs import needs
from banyan.web.posting import REFUSED, post
from banyan.web.reading import person
from banyan.web.views.links import give_link

_LARGEST_CERTIFICATE = 32 * 1024


@needs("iam.read")
@require_safe
def detail(request: StaffRequest, account_id: int) -> HttpResponse:
    """The account with its roles, credentials, sessions and history."""
    return _show(request, account_id)


@needs("iam.manage_accounts")
@require_POST
def set_active(request: StaffRequest, account_id: int) -> HttpResponse:
    """Stop the account, its sessions end at once; or let it work again."""
    is_active = request.POST.get("active") == "1"

    def work(account: StaffAccount) -> Any:
        actions.set_account_active(actor=request.actor, account=account, is_active=is_active, now=clock.now())

    told = _("账号已启用。") if is_active else _("账号已停用，会话已结束。")
    return _do(request, account_id, "active", work, told)


@needs("iam.manage_accounts")
@require_POST
def unlock(request: StaffRequest, account_id: int) -> HttpResponse:
    """Whoever typed wrong too often may try again at once."""

    def work(account: StaffAccount) -> Any:
        people.unlock_account(actor=request.actor, account=account, now=clock.now())

    return _do(request, account_id, "unlock", work, _("已解锁，现在可以再试。"))


@needs("iam.manage_accounts")
@require_POST
def end_session(request: StaffRequest, account_id: int, session_id: int) -> HttpResponse:
    """End one session of the account."""

    def work(account: StaffAccount) -> Any:
        people.end_session(actor=request.actor, session_id=session_id, account=account, now=clock.now())

    return _do(request, account_id, f"session.{session_id}", work, _("会话已结束。"))


@needs("iam.manage_accounts")
@require_POST
def renew_link(request: StaffRequest, account_id: int) -> HttpResponse:
    """A new first log-in link: at once where there is nothing to lose, else asked of a second person."""
    account = access.account(request.actor, account_id)
    if not actions.link_needs_second_person(account):
        return give_link(request, account, confirmed=None, again=lambda why: _show(request, account_id, why))

    def work(_account: StaffAccount) -> Any:
        request_dual(actor=request.actor, kind="iam.renew_link", payload={"account": account_id}, now=clock.now())

    return _do(request, account_id, "link", work, _asked())


@needs("iam.grant_roles")
@require_POST
def ask_for_role(request: StaffRequest, account_id: int) -> HttpResponse:
    """Ask for a role, in the province, in a region or at an issuing point."""
    name, where = request.POST.get("role", ""), request.POST.get("where", "")
    role = Role(name) if name in set(Role) else None

    def work(account: StaffAccount) -> Any:
        if role is None:
            return  # told before
        if role in POINT_ROLES:
            point_id = int(where[6:]) if where.startswith("point:") and where[6:].isdecimal() else 0
            points.ask_for_posting(request.actor, account=account, point_id=point_id, role=role, now=clock.now())
            return
        regions = [where[7:]] if where.startswith("region:") else None
        people.ask_for_role(actor=request.actor, account=account, role=role, regions=regions, now=clock.now())

    problem = _problem_of_place(role, where)
    if problem:
        return _show(request, account_id, problem)
    return _do(request, account_id, "role", work, _asked())


@needs("iam.grant_roles")
@require_POST
def ask_to_end_role(request: StaffRequest, account_id: int, grant_id: int) -> HttpResponse:
    """Ask that a role be taken back."""

    def work(account: StaffAccount) -> Any:
        grant = access.held_grant(account.pk, grant_id)
        people.ask_to_end_role(actor=request.actor, grant=grant, now=clock.now())

    return _do(request, account_id, f"end.{grant_id}", work, _asked())


@needs("iam.manage_accounts")
@require_POST
def ask_for_binding(request: StaffRequest, account_id: int) -> HttpResponse:
    """Ask that the account log in with a certificate."""
    certificate = _certificate(request)
    if not certificate:
        return _show(request, account_id, _("没有选择证书文件。请选择 PEM 或 CER 文件。"))

    def work(account: StaffAccount) -> Any:
        binding.ask_for_binding(
            actor=request.actor,
            account=account,
            certificate=pem_to_der(certificate),
            certificates=PlatformCertificates(),
            now=clock.now(),
        )

    return _do(request, account_id, "bind", work, _asked())


@needs("iam.manage_accounts")
@require_POST
def ask_for_unbinding(request: StaffRequest, account_id: int) -> HttpResponse:
    """Ask that the account lose its certificate."""

    def work(account: StaffAccount) -> Any:
        binding.ask_for_unbinding(actor=request.actor, account=account, now=clock.now())

    return _do(request, account_id, "unbind", work, _asked())


@needs("iam.manage_accounts")
@require_POST
def ask_for_code_reset(request: StaffRequest, account_id: int) -> HttpResponse:
    """Ask that the account lose its authenticator."""

    def work(account: StaffAccount) -> Any:
        codes.ask_for_reset(actor=request.actor, account=account, now=clock.now())

    return _do(request, account_id, "code", work, _asked())


def _do(
    request: StaffRequest, account_id: int, form: str, work: Callable[[StaffAccount], Any], told: str
) -> HttpResponse:
    account = access.account(request.actor, account_id)

    def run() -> None:
        work(account)

    place = reverse("staff_person", args=[account_id])
    return post(
        request,
        f"staff.{account_id}.{form}",
        run,
        told=told,
        to=place,
        again=lambda why: _show(request, account_id, why),
    )


def _show(request: StaffRequest, account_id: int, error: str = "") -> HttpResponse:
    actor = request.actor
    found = person.person(actor, account_id, clock.now())
    context: dict[str, Any] = {
        "person": found,
        "error": error,
        "is_self": account_id == actor.id,
        "may_manage": has(actor, "iam.manage_accounts"),
        "may_grant": has(actor, "iam.grant_roles"),
        "may_audit": has(actor, "audit.read"),
        "typed": {name: request.POST.get(name, "") for name in ("role", "where")},
    }
    if context["may_grant"]:
        context |= person.choices(actor)
    return render(request, "web/staff_person.html", context, status=REFUSED if error else 200)


def _problem_of_place(role: Role | None, where: str) -> str:
    if role is None:
        return _("请选择角色。")
    is_at_point = where.startswith("point:")
    if (role in POINT_ROLES) != is_at_point or not (is_at_point or where == "province" or where.startswith("region:")):
        return _("“签发点业务员”的范围请选签发点；其他角色请选全省或一个地区。")
    return ""


def _certificate(request: StaffRequest) -> bytes:
    sent = request.FILES.get("certificate")
    return sent.read(_LARGEST_CERTIFICATE) if sent is not None else b""


def _asked() -> str:
    return _("申请已提出，等待另一名管理员在“待确认”中确认。")
