"""``banyan staff``: accounts, roles and first log-in links; roles are granted by two people."""

import json

import click

from banyan.kernel import clock


@click.group()
def staff() -> None:
    """Staff accounts, roles and first log-in links."""


@staff.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_staff(as_json: bool) -> None:
    """Every account with its roles."""
    from banyan.cli.session import current_actor

    actor = current_actor()
    from banyan.domain.iam import access

    for account in access.list_accounts(actor):
        roles = [grant.role for grant in account.grants.all() if grant.ended_at is None]
        row = {"username": account.username, "name": account.display_name, "active": account.is_active, "roles": roles}
        if as_json:
            click.echo(json.dumps(row, ensure_ascii=False))
        else:
            mark = "" if account.is_active else " (stopped)"
            click.echo(f"{account.username:20} {account.display_name:16} {', '.join(roles)}{mark}")


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
        _print_waiting(request.pk)
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
@click.argument("role")
@click.option("--region", "regions", multiple=True, help="GB/T 2260 code; none given: the whole province.")
def grant(username: str, role: str, regions: tuple[str, ...]) -> None:
    """Ask for a role; another administrator confirms it with `banyan staff confirm`."""
    from banyan.cli.session import current_actor

    actor = current_actor()
    from banyan.domain.iam import access, dual_control
    from banyan.domain.iam.rights import Role

    payload = {
        "account": access.find_account(username).pk,
        "role": Role(role).value,
        "regions": sorted(regions) or None,
    }
    request = dual_control.request_dual(actor=actor, kind="iam.grant_role", payload=payload, now=clock.now())
    _print_waiting(request.pk)


@staff.command("confirm")
@click.argument("request_id", type=int)
def confirm(request_id: int) -> None:
    """Confirm another administrator's request; a role is granted at once."""
    from banyan.cli.session import current_actor

    actor = current_actor()
    from banyan.domain.iam import access, actions, dual_control

    now = clock.now()
    request = dual_control.confirm_dual(actor=actor, request=access.dual_request(request_id), now=now)
    if request.kind == "iam.grant_role":
        given = actions.grant_role(actor=actor, request=request, now=now)
        click.echo(f"{given.account.username}: {given.role}")
    else:
        click.echo(f"{request.pk}: {request.kind} confirmed; whoever asked for it carries it out now")


@staff.command("waiting")
def waiting() -> None:
    """Requests that wait for a second person."""
    from banyan.cli.session import current_actor

    current_actor()
    from banyan.domain.iam import access

    for request in access.open_dual_requests(None, clock.now()):
        click.echo(f"{request.pk:6} {request.kind:22} {request.requested_by.username:16} {request.payload}")


@staff.command("rights")
def rights() -> None:
    """The table of roles and rights."""
    from banyan.domain.iam.rights import RIGHTS, ROLE_RIGHTS

    for role, held in ROLE_RIGHTS.items():
        click.echo(role.value)
        for right in sorted(held):
            click.echo(f"    {right:24} {RIGHTS[right]}")


def _set_active(username: str, *, is_active: bool) -> None:
    from banyan.cli.session import current_actor

    actor = current_actor()
    from banyan.domain.iam import access, actions

    account = access.find_account(username)
    actions.set_account_active(actor=actor, account=account, is_active=is_active, now=clock.now())
    click.echo(f"{username}: {'active' if is_active else 'stopped'}")


def _print_waiting(request_id: int) -> None:
    click.echo(f"request {request_id} waits for another administrator: banyan staff confirm {request_id}")


def _print_link(username: str, secret: str) -> None:
    from banyan.cli.links import first_login_url

    click.echo(f"{username}\t{first_login_url(secret)}")
    click.echo("Single use, 24 hours. Hand it over in person.", err=True)
