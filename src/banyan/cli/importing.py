"""Carrying a file into requests, with progress; shared by the sheet command, the demo and the benchmark."""

from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from banyan.adapters.sheets import SheetUnreadable, read_content, read_sheet
from banyan.cli.messages import translated
from banyan.domain.sheets import actions
from banyan.domain.sheets.models import SheetImport
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_, BanyanError


class ImportStopped(BanyanError):
    """The file turned out unreadable behind rows that have their outcome already."""

    code = "cli.import_stopped"
    message = N_(
        "导入停在第 {row} 行之后：{reason} 到第 {row} 行为止的结果已存好：受理 {good} 行，未受理 {failed} 行"
        "（banyan sheet result {number} 文件名）。修好文件后整份再导入，已受理的行会认出来，不会重复受理。"
    )


def import_file(actor: Actor, source: Path, now: datetime, *, show: bool) -> SheetImport:
    """Import a sheet to its end, or go on where an earlier start stopped.

    Raises SheetUnreadable and SheetError, when nothing was taken, and ImportStopped.
    """
    content = read_content(source)  # once: what is kept is what was read
    opened = read_sheet(content, source.name)
    rows = actions.ensure_usable(opened.rows)
    imported = actions.begin_import(
        actor,
        name=source.name,
        content=content,
        row_count=opened.row_count,
        left_out=opened.left_out,
        now=now,
    )
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not show, transient=True) as progress:
        task = progress.add_task(source.name, total=opened.row_count)
        carried = actions.import_rows(actor, imported, rows, now=now, hidden_columns=opened.hidden_columns)
        try:
            for state in carried:
                imported = state
                progress.update(task, completed=state.last_row)
        except SheetUnreadable as error:
            if not imported.last_row:
                raise
            raise ImportStopped(
                reason=translated(error),
                row=imported.last_row,
                good=imported.good,
                failed=imported.failed,
                number=imported.pk,
            ) from error
    return imported
