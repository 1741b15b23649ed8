"""Imports of sheets as pages show them, and the files they give out."""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

from django.utils.translation import gettext as _

from banyan.adapters.sheets import read_sheet
from banyan.adapters.sheets.writing import write_failed, write_result, write_template
from banyan.domain.sheets import access, actions, columns
from banyan.domain.sheets.access import RowReport
from banyan.domain.sheets.columns import COLUMNS, EXAMPLES, HEADER_WITHIN
from banyan.domain.sheets.models import SheetImport
from banyan.kernel.actor import Actor
from banyan.kernel.errors import fill

SHOWN = 50


@dataclass(frozen=True)
class Fault:
    """What is wrong in a row, or what to look at: the column, the masked value, the cure."""

    row: int
    request: str
    column: str
    shown: str
    message: str


@dataclass(frozen=True)
class Report:
    """An import with a page of the rows that were not taken."""

    sheet: SheetImport
    is_running: bool
    faults: list[Fault]
    more_after: int
    notices: list[Fault]


def report(actor: Actor, import_id: int, after: int) -> Report:
    """An import, and the rows that failed after a row. Raises ImportNotFound, RightMissing."""
    sheet = access.sheet_import(actor, import_id)
    failed = access.failed_page(sheet, after=after, limit=SHOWN + 1)
    shown = failed[:SHOWN]
    return Report(
        sheet=sheet,
        is_running=sheet.state == SheetImport.State.RUNNING,
        faults=[fault for row in shown for fault in _faults(row)],
        more_after=shown[-1].row if len(failed) > SHOWN else 0,
        notices=[fault for row in access.noticed_page(sheet, limit=SHOWN) for fault in _faults(row)],
    )


def _faults(row: RowReport) -> list[Fault]:
    return [
        Fault(row.row, row.request, _(str(one["column"])) if one["column"] else "—", str(one["shown"]), _text(one))
        for one in [*row.faults, *row.notices]
    ]


def _text(fault: dict[str, object]) -> str:
    fields = fault["fields"]
    return fill(_(str(fault["message"])), fields if isinstance(fields, dict) else {})


def template(which: str) -> bytes | None:
    """The empty sheet with examples: of every kind, or of one (``all``, or the example's place from 1)."""
    if which == "all":
        return _file(lambda path: write_template(path, COLUMNS, EXAMPLES))
    if not which.isdecimal() or not 1 <= int(which) <= len(EXAMPLES):
        return None
    example = EXAMPLES[int(which) - 1]
    return _file(lambda path: write_template(path, columns.of_example(example), [example]))


def template_names() -> list[tuple[str, str]]:
    """What each template is for."""
    return [(str(place), f"{_(one['system'])}·{_(one['kind'])}") for place, one in enumerate(EXAMPLES, 1)]


def result(actor: Actor, import_id: int) -> bytes:
    """The result: one outcome a row. Raises ImportNotFound."""
    reports = access.outcomes(access.sheet_import(actor, import_id))
    rows = ((one.row, one.request, [(f.column, f.shown, f.message) for f in _faults(one)]) for one in reports)
    return _file(lambda path: write_result(path, rows))


def failed(actor: Actor, import_id: int, now: datetime) -> bytes:
    """The rows that were not taken as they were, to be mended and imported again. Raises ImportNotFound."""
    sheet = access.sheet_import(actor, import_id)
    faults = [fault for row in access.outcomes(sheet, only_failed=True) for fault in _faults(row)]
    wanted = {fault.row for fault in faults}
    opened = read_sheet(actions.open_original(actor, import_id, now), sheet.name)
    rows = iter(opened.rows)
    header = next((row for row in islice(rows, HEADER_WITHIN) if columns.read_header(row) is not None), None)
    titles = [cell.text for cell in header.cells] if header is not None else []

    def kept() -> Iterator[list[str]]:
        for row in rows:
            if row.number in wanted:
                yield [cell.text for cell in row.cells]

    return _file(lambda path: write_failed(path, titles, kept(), ((f.row, f.column, f.message) for f in faults)))


def _file(write: Callable[[Path], None]) -> bytes:
    """A file as bytes; it is written into a directory that only we can read, and is gone when it was read."""
    with tempfile.TemporaryDirectory(prefix="banyan-sheet-") as place:
        path = Path(place) / "sheet.xlsx"
        write(path)
        return path.read_bytes()
