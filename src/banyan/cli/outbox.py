"""``banyan outbox``: what goes outside, target by target; dead letters sent again, targets paused and resumed."""

from typing import TYPE_CHECKING

import click

from banyan.cli.shown import json_option
from banyan.kernel import clock
from banyan.kernel.errors import N_, BanyanError

if TYPE_CHECKING:
    from banyan.kernel.actor import Actor

_TARGET = click.argument("target")


class TargetUnknown(BanyanError):
    """Nothing goes to a target of this name."""

    code = "cli.target_unknown"
    message = N_("没有名为 {target} 的外部接口。可用的有：{known}。")


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def outbox(context: click.Context, as_json: bool) -> None:
    """Targets outside: connected or not, paused, how many messages wait, how many were given up (right ca.read).

    Messages for a target that nothing is connected to stay and go out once something is.
    """
    if context.invoked_subcommand is not None:
        return
    actor = _start()
    from banyan.cli import shown, views
    from banyan.domain.iam import rights

    rights.require(actor, "ca.read")
    shown.show_rows(list(_standings().values()), views.TARGET_COLUMNS, as_json=as_json)


@outbox.command()
@click.option("--target", default="", help="Only of this target.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@json_option
def dead(target: str, limit: int, as_json: bool) -> None:
    """Messages that were given up, newest first (right ca.read)."""
    actor = _start()
    from banyan.cli import shown, views
    from banyan.domain.iam import rights
    from banyan.domain.outbox import access

    rights.require(actor, "ca.read")
    if target:
        _ensure_known(target)
    found = [views.message_view(one) for one in access.dead_letters(target)[:limit]]
    shown.show_rows(found, views.MESSAGE_COLUMNS, as_json=as_json)


@outbox.command()
@click.argument("message_ids", nargs=-1, type=click.IntRange(1, (1 << 63) - 1), metavar="[ID]...")
@click.option("--dead", "everything", is_flag=True, help="Every message that was given up, oldest first.")
@click.option("--target", default="", help="With --dead: only of this target.")
@json_option
def resend(message_ids: tuple[int, ...], everything: bool, target: str, as_json: bool) -> None:
    """Send again what was given up (right outbox.manage); what a newer message has overtaken is not sent.

    Each message in a transaction of its own; exit code 1 when one was refused.
    """
    if everything == bool(message_ids):
        raise click.UsageError("Either message IDs or --dead.")
    if target and not everything:
        raise click.UsageError("--target goes with --dead.")
    actor = _start()
    from banyan.cli import shown, views
    from banyan.domain.iam import outbox_control, rights
    from banyan.domain.outbox import access

    rights.require(actor, "outbox.manage")
    if target:
        _ensure_known(target)
    sent, refused = [], False
    for message_id in access.dead_numbers(target) if everything else message_ids:
        try:
            message = outbox_control.resend(actor=actor, message_id=message_id, now=clock.now())
        except BanyanError as error:
            if len(message_ids) == 1:
                raise
            refused = True
            shown.echo_error(str(message_id), error)
        else:
            sent.append(views.message_view(message))
    shown.show_rows(sent, views.MESSAGE_COLUMNS, as_json=as_json)
    if refused:
        raise click.exceptions.Exit(1)


@outbox.command()
@_TARGET
@json_option
def pause(target: str, as_json: bool) -> None:
    """Stop sending to a target; its messages gather (right outbox.manage)."""
    actor = _start()
    from banyan.domain.iam import outbox_control, rights

    rights.require(actor, "outbox.manage")
    _ensure_known(target)
    outbox_control.pause(actor=actor, target=target, now=clock.now())
    message = N_("外部接口 {target} 已暂停，消息留着；用 banyan outbox resume {target} 恢复。")
    _tell(target, message, is_paused=True, as_json=as_json)


@outbox.command()
@_TARGET
@json_option
def resume(target: str, as_json: bool) -> None:
    """Send to a paused target again (right outbox.manage)."""
    actor = _start()
    from banyan.domain.iam import outbox_control, rights

    rights.require(actor, "outbox.manage")
    _ensure_known(target)
    outbox_control.resume(actor=actor, target=target, now=clock.now())
    message = N_("外部接口 {target} 已恢复，留着的消息按次序发出。")
    _tell(target, message, is_paused=False, as_json=as_json)


def _start() -> "Actor":
    from banyan.cli.session import current_actor

    return current_actor(now=clock.now())


def _standings() -> dict[str, dict[str, object]]:
    """Every target there is, by name, as it is shown."""
    from banyan.adapters.deliverers import connected
    from banyan.cli import views
    from banyan.domain.outbox import access

    return {one.name: views.target_view(one) for one in access.standings(connected())}


def _ensure_known(target: str) -> None:
    from banyan.adapters.deliverers import TARGET_NAMES

    known = sorted({*TARGET_NAMES, *_standings()})
    if target not in known:
        raise TargetUnknown(target=target, known="、".join(known))


def _tell(target: str, message: str, *, is_paused: bool, as_json: bool) -> None:
    from banyan.cli import shown

    if as_json:
        shown.echo_json({"target": target, "is_paused": is_paused})
    else:
        shown.announce(message, target=target)
