"""``banyan audit``: verify, list, checkpoint, and the new epoch after a restore."""

import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from banyan.cli.context import django_setup
from banyan.kernel.clock import now

if TYPE_CHECKING:
    from banyan.domain.audit.checkpoints import Checkpoint
    from banyan.domain.audit.verifying import Report

WRONG = 3  # exit code: something checked is not as it must be


@click.group()
def audit() -> None:
    """Read, verify and checkpoint the audit."""


@audit.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def verify(as_json: bool) -> None:
    """Check every record, every checkpoint and every guarded row; name what is wrong.

    Needs the installation's keys and its database, no running process and no session. Exit code 3 when
    something is wrong.
    """
    home = django_setup()
    from banyan import sealing
    from banyan.domain.audit import checkpoints, verifying
    from banyan.domain.audit.errors import CheckpointInvalid
    from banyan.domain.audit.walking import Finding

    unreadable = ""
    try:
        lines = checkpoints.read(home)
    except CheckpointInvalid as error:
        lines, unreadable = [], str(error)
    report = verifying.verify(sealing.keyring(home), lines, progress=_progress(as_json))
    if unreadable:
        report.findings.insert(0, Finding("checkpoint_differs", "checkpoints", unreadable))
    _show(report, as_json)
    if not report.is_good:
        sys.exit(WRONG)


@audit.command("list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="Newest records shown.")
@click.option("--before", type=int, help="Only records with smaller numbers (to read on).")
@click.option("--event", help="Only events beginning with this text, such as ra. or iam.logged_in.")
@click.option("--refused", is_flag=True, help="Only refusals and alarms.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_records(limit: int, before: int | None, event: str | None, refused: bool, as_json: bool) -> None:
    """List records, newest first (right audit.read)."""
    home = django_setup()
    from banyan.cli.session import current_actor
    from banyan.cli.views import outcome_name
    from banyan.domain.iam.audit_reading import read_records
    from banyan.web import words

    for record in read_records(
        current_actor(home, now()), limit=limit, before=before, event=event or "", only_refused=refused
    ):
        what = f"{record.object_type}:{record.object_id}" if record.object_type else ""
        if as_json:
            shown = {
                "id": record.pk,
                "at": record.at.isoformat(),
                "actor": record.actor_name,
                "event": record.event,
                "outcome": record.outcome,
                "object": what,
                "detail": json.loads(record.detail or "{}"),
            }
            click.echo(json.dumps(shown, ensure_ascii=False))
        else:
            at = record.at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
            row = [f"{record.pk:>8}", at, f"{record.actor_name:16}", words.event(record.event), f"[{record.event}]"]
            click.echo(" ".join([*row, outcome_name(record.outcome), what]).rstrip())


@audit.command()
def checkpoint() -> None:
    """Sign where the chain stands (right audit.checkpoint; the signer must run)."""
    home = django_setup()
    from django.utils.translation import gettext as _

    from banyan.cli.session import current_actor
    from banyan.domain.audit.epochs import write_checkpoint
    from banyan.domain.iam.rights import require

    moment = now()
    require(current_actor(home, moment), "audit.checkpoint")
    from banyan.adapters.checkpoints import signing

    made = write_checkpoint(home, now=moment, sign=signing(home))
    click.echo(_("没有审计记录。") if made is None else f"{made.epoch}/{made.sequence} {made.chain[:16]}")


@audit.command("open-epoch")
@click.option("--reason", help="First person: why the chain and its checkpoints differ (a restore, with its number).")
@click.option(
    "--confirm",
    "confirm_id",
    type=int,
    help="Second person: the number of the request to confirm and carry out.",
)
def open_epoch(reason: str | None, confirm_id: int | None) -> None:
    """After a legitimate restore: go on in a new epoch, declared and signed in the names of two people.

    One that was declared but cut off is carried to its end first.
    """
    if (reason is None) == (confirm_id is None):
        raise click.UsageError("Give --reason (first person) or --confirm (second person).")
    home = django_setup()
    from banyan.cli.session import current_actor
    from banyan.domain.iam import audit_control
    from banyan.domain.iam.dual_control import confirm_dual
    from banyan.domain.iam.models import DualControlRequest

    moment = now()
    actor = current_actor(home, moment)
    from banyan.adapters.checkpoints import signing

    line = audit_control.finish_epoch(home, actor=actor, now=moment, sign=signing(home))
    if line is not None:
        _tell_epoch(line)
        return
    if reason is not None:
        click.echo(audit_control.ask_for_epoch(home, actor=actor, reason=reason, now=moment).pk)
        return
    request = confirm_dual(actor=actor, request=DualControlRequest(pk=confirm_id), now=moment)
    _tell_epoch(audit_control.open_epoch(home, actor=actor, request=request, now=moment, sign=signing(home)))


def _tell_epoch(line: "Checkpoint") -> None:
    click.echo(f"{line.epoch}: {line.sequence} -> {line.starts_at}")


def _progress(as_json: bool) -> Callable[[int], None] | None:
    if as_json or not sys.stderr.isatty():
        return None
    return lambda count: click.echo(f"\r{count:,}", nl=False, err=True)


def _show(report: "Report", as_json: bool) -> None:
    from django.utils.translation import gettext as _

    from banyan.domain.audit.verifying import KINDS

    if as_json:
        shown = {
            "is_good": report.is_good,
            "records": report.records,
            "rows": report.rows,
            "checkpoints": report.checkpoints,
            "findings": [{"kind": item.kind, "where": item.where, "note": item.note} for item in report.findings],
            "notes": report.notes,
        }
        click.echo(json.dumps(shown, ensure_ascii=False))
        return
    for item in report.findings:
        click.echo(f"{item.where:32} {_(KINDS[item.kind])} {item.note}".rstrip())
    for note in report.notes:
        click.echo(note)
    counted = _("审计记录 {records} 条，受保护的记录 {rows} 行，检查点 {checkpoints} 个。")
    click.echo(counted.format(records=report.records, rows=report.rows, checkpoints=report.checkpoints))
    if report.first is None:
        click.echo(_("完好。"))
    else:
        wrong = _("发现 {count} 处问题，最早一处：{where}。")
        click.echo(wrong.format(count=len(report.findings), where=report.first.where))
