"""Carrying a file into requests, with progress; shared by the sheet command, the demo and the benchmark."""

from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from banyan.adapters.sheets import read_content, read_sheet
from banyan.domain.sheets import actions
from banyan.domain.sheets.models import SheetImport
from banyan.kernel.actor import Actor


def import_file(actor: Actor, source: Path, now: datetime, *, show: bool) -> SheetImport:
    """Import a sheet to its end, or go on where an earlier start stopped. Raises SheetUnreadable and SheetError."""
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
        for state in actions.import_rows(actor, imported, rows, now=now):
            imported = state
            progress.update(task, completed=state.last_row)
    return imported
