"""``banyan staff bind`` and ``unbind``: which certificate an account logs in with; what two people confirmed is carried out."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from banyan.cli.messages import translate
from banyan.cli.shown import announce
from banyan.kernel import clock
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_

if TYPE_CHECKING:
    from banyan.domain.iam.models import DualControlRequest


@click.command("bind")
@click.argument("username")
@click.argument("certificate", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def bind(username: str, certificate: Path) -> None:
    """Ask that an account log in with a certificate (PEM or DER); another administrator confirms.

    Whoever holds the certificate becomes that person. A personal certificate of our own CAs is recognised by the holder's
    identity, so that a renewed one needs no new binding.
    """
    from banyan.cli.session import current_actor

    actor = current_actor()
    from banyan.domain.ca.standing import PlatformCertificates
    from banyan.domain.iam import access, binding
    from banyan.pki.certificate import pem_to_der

    request = binding.ask_for_binding(
        actor=actor,
        account=access.find_account(username),
        certificate=pem_to_der(certificate.read_bytes()),
        certificates=PlatformCertificates(),
        now=clock.now(),
    )
    print_waiting(request.pk)


@click.command("unbind")
@click.argument("username")
def unbind(username: str) -> None:
    """Ask that an account lose its certificate; another administrator confirms, and its sessions end."""
    from banyan.cli.session import current_actor

    actor = current_actor()
    from banyan.domain.iam import access, binding

    request = binding.ask_for_unbinding(actor=actor, account=access.find_account(username), now=clock.now())
    print_waiting(request.pk)


def print_waiting(request_id: int) -> None:
    """Say what comes next."""
    announce(N_("申请 {number} 等待另一名管理员确认：banyan staff confirm {number}"), number=request_id)


def carry_out(actor: Actor, request: "DualControlRequest", now: datetime) -> bool:
    """Carry out what was confirmed, where nothing has to be handed to the one who asked; whether it was done."""
    work = _WORK.get(request.kind)
    if work is None:
        return False
    work(actor, request, now)
    return True


def _grant(actor: Actor, request: "DualControlRequest", now: datetime) -> None:
    from banyan.cli.staff import role_name
    from banyan.domain.iam import actions

    given = actions.grant_role(actor=actor, request=request, now=now)
    announce(N_("{username} 的角色“{role}”已授予。"), username=given.account.username, role=role_name(given.role))


def _bind(actor: Actor, request: "DualControlRequest", now: datetime) -> None:
    from banyan.domain.iam import binding

    bound = binding.bind_certificate(actor=actor, request=request, now=now)
    announce(N_("账号 {username} 已绑定证书。"), username=bound.account.username)


def _unbind(actor: Actor, request: "DualControlRequest", now: datetime) -> None:
    from banyan.domain.iam import binding

    account = binding.unbind_certificate(actor=actor, request=request, now=now)
    announce(N_("账号 {username} 的证书绑定已解除，用它登录的会话已结束。"), username=account.username)


def _set_staff_login(actor: Actor, request: "DualControlRequest", now: datetime) -> None:
    from banyan.domain.iam import staff_login

    row = staff_login.set_staff_login(actor=actor, request=request, now=now)
    announce(N_("工作人员的登录方式改为：{method}。"), method=translate(staff_login.Method(row.method).label))


def _end_role(actor: Actor, request: "DualControlRequest", now: datetime) -> None:
    from banyan.cli.staff import role_name
    from banyan.domain.iam import people

    ended = people.end_role(actor=actor, request=request, now=now)
    announce(N_("{username} 的角色“{role}”已收回。"), username=ended.account.username, role=role_name(ended.role))


def _reset_code(actor: Actor, request: "DualControlRequest", now: datetime) -> None:
    from banyan.domain.iam import codes

    account = codes.reset_code(actor=actor, request=request, now=now)
    announce(N_("账号 {username} 的动态口令已清除，会话已结束。"), username=account.username)


def _set_policy(actor: Actor, request: "DualControlRequest", now: datetime) -> None:
    from banyan.domain.iam import policy

    policy.set_policy(actor=actor, request=request, now=now)
    announce(N_("安全策略已改变。"))


_WORK: Mapping[str, Callable[[Actor, "DualControlRequest", datetime], None]] = {
    "iam.grant_role": _grant,
    "iam.bind_certificate": _bind,
    "iam.unbind_certificate": _unbind,
    "iam.set_staff_login": _set_staff_login,
    "iam.end_role": _end_role,
    "iam.reset_code": _reset_code,
    "iam.set_policy": _set_policy,
}


def in_words(name: str, value: Any) -> str:
    """A field of a request about log-ins, as the second person reads it; empty for what only programs read."""
    if name == "method":
        from banyan.domain.iam.staff_login import Method

        return translate(Method(value).label)
    if name == "recognised_by":
        return translate(N_("按身份识别") if str(value).startswith("identity:") else N_("只认这一张"))
    if name == "point":
        from banyan.domain.parties import access as parties

        return parties.point_names([value]).get(value, str(value))
    if isinstance(value, list) and len(value) == 2:
        from banyan.domain.iam.policy import SETTINGS

        if name in SETTINGS:
            return f"{translate(SETTINGS[name].name)} {value[0]}→{value[1]}"
    return "" if name == "grant" else str(value)
