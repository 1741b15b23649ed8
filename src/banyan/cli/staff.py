"""``banyan staff``: accounts, roles and first log-in links; roles are granted by two people."""

import json
from typing import Any

import click

from banyan.cli.messages import translate
from banyan.cli.shown import announce, json_option, say, show_rows
from banyan.cli.staff_certificates import bind, carry_out, in_words, print_waiting, unbind
from banyan.domain.iam.rights import Role
from banyan.kernel import clock
from banyan.kernel.errors import N_

ROLES = tuple(role.value for role in Role)
_CERTIFICATES = {"": "", "identity": N_("证书：按身份识别"), "sm3": N_("证书：只认一张")}


@click.group()
def staff() -> None:
    """Staff accounts, roles, first log-in links and certificates to log in with."""


staff.add_command(bind)
staff.add_command(unbind)


@staff.command("list")
@json_option
def list_staff(as_json: bool) -> None:
    """Every account with its roles."""
    from banyan.cli.session import current_actor

    actor = current_actor()
    from banyan.domain.iam import access
    from banyan.domain.iam.binding import certificate_state

    rows = []
    for account in access.list_accounts(actor):
        roles = [grant.role for grant in account.grants.all() if grant.ended_at is None]
        rows.append(
            {
                "username": account.username,
                "name": account.display_name,
                "display_name": account.display_name,
                "active": account.is_active,
                "state_name": translate(N_("在用") if account.is_active else N_("已停用")),
                "roles": roles,
                "role_names": [role_name(role) for role in roles],
                "certificate": certificate_state(account),
                "certificate_name": translate(_CERTIFICATES[certificate_state(account)]),
            }
        )
    show_rows(rows, ("username", "display_name", "state_name", "certificate_name", "role_names"), as_json=as_json)


@staff.command("open")
@click.argument("username")
@click.argument("display_name")
def open_account(username: str, display_name: str) -> None:
    """Open an account without roles and print the link for its first log-in."""
    from banyan.cli.session import current_actor

    actor = current_actor()
    from banyan.domain.iam import actions

    link = actions.open_account(actor=actor, username=username, display_name=display_name, now=clock.now())
    _print_link(link.account.username, link.secret)


@staff.command("link")
@click.argument("username")
@click.option("--request", "request_id", type=int, help="The confirmed request to carry out.")
def renew_link(username: str, request_id: int | None) -> None:
    """A new first log-in link; older links and sessions of the account end.

    Whoever holds the link becomes that person: for an account with a password or a role this asks another
    administrator to confirm (`banyan staff confirm N`); then it is carried out with --request N.
    """
    from banyan.cli.session import current_actor

    actor = current_actor()
    from banyan.domain.iam import access, actions, dual_control
    from banyan.domain.iam.errors import SecondPersonNeeded

    now, account = clock.now(), access.find_account(username)
    confirmed = access.dual_request(request_id) if request_id is not None else None
    try:
        link = actions.renew_link(actor=actor, account=account, request=confirmed, now=now)
    except SecondPersonNeeded:
        payload = {"account": account.pk}
        request = dual_control.request_dual(actor=actor, kind="iam.renew_link", payload=payload, now=now)
        print_waiting(request.pk)
        return
    _print_link(username, link.secret)


@staff.command("sample-links")
def sample_links() -> None:
    """Sample installations: fresh first log-in links for everybody."""
    from banyan.cli.context import django_setup

    django_setup()
    from banyan.cli import sample_work

    sample_work.print_links(sample_work.sample_links())


@staff.command("stop")
@click.argument("username")
def stop(username: str) -> None:
    """Stop an account; its sessions end at once."""
    _set_active(username, is_active=False)


@staff.command("resume")
@click.argument("username")
def resume(username: str) -> None:
    """Let a stopped account work again."""
    _set_active(username, is_active=True)


@staff.command("grant")
@click.argument("username")
@click.argument("role", type=click.Choice(ROLES))
@click.option("--region", "regions", multiple=True, help="GB/T 2260 code; none given: the whole province.")
@click.option("--point", help="Code of the issuing point, for a role held there.")
def grant(username: str, role: str, regions: tuple[str, ...], point: str | None) -> None:
    """Ask for a role; another administrator confirms it with `banyan staff confirm`."""
    from banyan.cli.session import current_actor

    actor = current_actor()
    from banyan.domain.iam import access, people
    from banyan.domain.parties import points

    now, account = clock.now(), access.find_account(username)
    if point is not None:
        place = points.point_of_code(actor, point)
        request = points.ask_for_posting(actor, account=account, point_id=place.pk, role=Role(role), now=now)
    else:
        request = people.ask_for_role(actor=actor, account=account, role=Role(role), regions=regions or None, now=now)
    print_waiting(request.pk)


@staff.command("end-role")
@click.argument("username")
@click.argument("role", type=click.Choice(ROLES))
def end_role(username: str, role: str) -> None:
    """Ask that a role be taken back; another administrator confirms. `banyan staff stop` stops somebody at once."""
    from banyan.cli.session import current_actor

    actor = current_actor()
    from banyan.domain.iam import access, people

    grant = access.current_grant(access.find_account(username), Role(role))
    print_waiting(people.ask_to_end_role(actor=actor, grant=grant, now=clock.now()).pk)


@staff.command("unlock")
@click.argument("username")
def unlock(username: str) -> None:
    """Let somebody who typed wrong too often try again at once."""
    from banyan.cli.session import current_actor

    actor = current_actor()
    from banyan.domain.iam import access, people

    people.unlock_account(actor=actor, account=access.find_account(username), now=clock.now())
    announce(N_("账号 {username} 已解锁。"), username=username)


@staff.command("reset-code")
@click.argument("username")
def reset_code(username: str) -> None:
    """Ask that an account lose its authenticator (phone lost); another administrator confirms."""
    from banyan.cli.session import current_actor

    actor = current_actor()
    from banyan.domain.iam import access, codes

    print_waiting(codes.ask_for_reset(actor=actor, account=access.find_account(username), now=clock.now()).pk)


@staff.command("confirm")
@click.argument("request_id", type=int)
def confirm(request_id: int) -> None:
    """Confirm another administrator's request; roles, certificates and the way to log in change at once."""
    from banyan.cli.session import current_actor

    actor = current_actor()
    from banyan.domain.iam import access, dual_control

    now = clock.now()
    request = dual_control.confirm_dual(actor=actor, request=access.dual_request(request_id), now=now)
    if not carry_out(actor, request, now):
        announce(
            N_("申请 {number}（{kind}）已确认，现在由提出的人执行。"), number=request.pk, kind=kind_name(request.kind)
        )


@staff.command("waiting")
@json_option
def waiting(as_json: bool) -> None:
    """Requests that wait for a second person."""
    from banyan.cli.session import current_actor

    current_actor()
    from banyan.domain.iam import access

    found = list(access.open_dual_requests(None, clock.now()))
    payloads = [json.loads(request.payload) for request in found]
    names = access.names_of(payload.get("account") for payload in payloads)
    rows = [
        {
            "number": request.pk,
            "kind": request.kind,
            "doing": kind_name(request.kind),
            "asked_by": request.requested_by.username,
            "expires_at": request.expires_at,
            "payload": payload,
            "what": _what(payload, names),
        }
        for request, payload in zip(found, payloads, strict=True)
    ]
    show_rows(rows, ("number", "doing", "asked_by", "expires_at", "what"), as_json=as_json)


def _what(payload: dict[str, Any], names: dict[int, str]) -> str:
    """What is asked for, as the second person reads it: whose account, which role, where; anything else as it stands."""
    parts = []
    for name, value in payload.items():
        if name == "account":
            parts.append(names.get(value, str(value)))
        elif name == "role":
            parts.append(role_name(value))
        elif name == "regions":
            parts.append(" ".join(value) if value else translate(N_("全省")))
        else:
            parts.append(in_words(name, value))
    return " ".join(parts)


@staff.command("rights")
def rights() -> None:
    """The table of roles and rights."""
    from banyan.domain.iam.right_names import RIGHTS
    from banyan.domain.iam.rights import ROLE_RIGHTS

    for role, held in ROLE_RIGHTS.items():
        click.echo(f"{role_name(role)} ({role.value})")
        for right in sorted(held):
            click.echo(f"    {right:24} {translate(RIGHTS[right])}")


def role_name(code: str) -> str:
    """A role as people call it."""
    from banyan.domain.iam.rights import ROLE_NAMES

    return translate(ROLE_NAMES[Role(code)]) if code in ROLES else code


def kind_name(kind: str) -> str:
    """What a two-person request is for."""
    from banyan.domain.iam.rights import DUAL_KINDS

    return translate(DUAL_KINDS[kind].title) if kind in DUAL_KINDS else kind


def _set_active(username: str, *, is_active: bool) -> None:
    from banyan.cli.session import current_actor

    actor = current_actor()
    from banyan.domain.iam import access, actions

    account = access.find_account(username)
    actions.set_account_active(actor=actor, account=account, is_active=is_active, now=clock.now())
    announce(N_("账号 {username} 已恢复使用。") if is_active else N_("账号 {username} 已停用。"), username=username)


def _print_link(username: str, secret: str) -> None:
    from banyan.cli.links import first_login_url

    click.echo(f"{username}\t{first_login_url(secret)}")
    say(N_("这条链接只能用一次，24 小时内有效。请当面交给本人。"))
