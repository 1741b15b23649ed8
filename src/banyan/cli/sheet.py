"""``banyan sheet``: the template, an import with progress, its result."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from banyan.cli.shown import json_option, say, show_rows
from banyan.kernel import clock
from banyan.kernel.errors import N_, fill

if TYPE_CHECKING:
    from banyan.domain.sheets.access import RowReport

_MOST_SHOWN = 20


@click.group()
def sheet() -> None:
    """Sheets of applications: template, import, result."""


@sheet.command()
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
def template(target: Path) -> None:
    """Write the empty sheet with drop-downs, hints and an example of each kind."""
    from banyan.adapters.sheets.writing import write_template
    from banyan.domain.sheets.columns import COLUMNS, EXAMPLES

    write_template(target, COLUMNS, EXAMPLES)
    click.echo(str(target))


@sheet.command("import")
@click.argument("source", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--result", type=click.Path(dir_okay=False, path_type=Path), help="Write the result sheet here.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object at the end.")
def import_sheet(source: Path, result: Path | None, as_json: bool) -> None:
    """Open a request for every good row; started again with the same file it goes on where it stopped.

    Exit code 3 when some rows were not taken.
    """
    from banyan.cli.session import current_actor

    actor = current_actor()
    from banyan.adapters.sheets.writing import ensure_writable
    from banyan.cli.importing import import_file
    from banyan.domain.sheets import access as sheets

    if result:
        ensure_writable(result)  # not only when all rows are taken
    outcome = import_file(actor, source, clock.now(), show=not as_json)
    if result:
        _write_result(outcome.pk, result)
    summary = {
        "import": outcome.pk,
        "rows": outcome.good + outcome.failed,
        "good": outcome.good,
        "failed": outcome.failed,
        "noticed": sheets.noticed(outcome),
        "left_out": outcome.left_out,
    }
    if as_json:
        click.echo(json.dumps(summary, ensure_ascii=False))
    else:
        _show(outcome.pk, summary)
    if outcome.failed:
        raise click.exceptions.Exit(3)


@sheet.command()
@click.argument("import_id", type=int)
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
def result(import_id: int, target: Path) -> None:
    """Write the result sheet of an import: one outcome a row."""
    _write_result(import_id, target)
    click.echo(str(target))


@sheet.command("list")
@json_option
def list_imports(as_json: bool) -> None:
    """The imports of the person logged in, newest first."""
    from banyan.cli.session import current_actor

    actor = current_actor()
    from banyan.domain.sheets import access

    rows = [
        {
            "number": one.pk,
            "started_at": one.started_at,
            "state": one.state,
            "state_name": str(one.get_state_display()),
            "good": one.good,
            "failed": one.failed,
            "file": one.name,
        }
        for one in access.imports(actor)
    ]
    show_rows(rows, ("number", "started_at", "state_name", "good", "failed", "file"), as_json=as_json)


def _write_result(import_id: int, target: Path) -> None:
    from banyan.cli.session import current_actor

    actor = current_actor()
    from banyan.adapters.sheets.writing import write_result
    from banyan.cli.messages import translate
    from banyan.domain.sheets import access

    reports = access.outcomes(access.sheet_import(actor, import_id))
    write_result(target, ((one.row, one.request, _faults(one.faults + one.notices, translate)) for one in reports))


def _faults(faults: list[dict[str, object]], translate: object) -> list[tuple[str, str, str]]:
    from banyan.domain.sheets import access

    return [(str(fault["column"]), str(fault["shown"]), access.text(fault, translate)) for fault in faults]


def _show(import_id: int, summary: dict[str, object]) -> None:
    from banyan.cli.messages import translate
    from banyan.cli.session import current_actor
    from banyan.domain.sheets import access

    actor = current_actor()
    found = access.sheet_import(actor, import_id)
    click.echo(fill(translate(N_("受理 {good} 行，未受理 {failed} 行。")), summary))
    _show_some(access.outcomes(found, only_failed=True), import_id, translate)
    if summary["noticed"]:
        click.echo(fill(translate(N_("已受理、需留意的有 {noticed} 行：")), summary))
        _show_some(access.outcomes(found, only_noticed=True), import_id, translate)


def _show_some(reports: "Iterable[RowReport]", import_id: int, translate: object) -> None:
    for number, report in enumerate(reports):
        if number == _MOST_SHOWN:
            say(N_("……其余见结果表：banyan sheet result {number} 文件名"), number=import_id)
            break
        for column, value, message in _faults(report.faults + report.notices, translate):
            click.echo(f"  {report.row}\t{column}\t{value}\t{message}")
