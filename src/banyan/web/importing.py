"""Carrying a sheet into requests for a page: begun by the upload, carried on call by call."""

from collections.abc import Callable
from datetime import datetime

from banyan.adapters.sheets import read_sheet
from banyan.domain.sheets import access, actions
from banyan.domain.sheets.models import SheetImport
from banyan.kernel.actor import Actor

# An import goes on for so long a call, then the page hears how far it is.
BUDGET_S = 2.0


def begin(actor: Actor, name: str, content: bytes, now: datetime) -> SheetImport:
    """Look at a file and begin its import; the same file again is the same import. Raises what refuses the file."""
    opened = read_sheet(content, name)
    rows = actions.ensure_usable(opened.rows)
    del rows
    return actions.begin_import(
        actor, name=name, content=content, row_count=opened.row_count, left_out=opened.left_out, now=now
    )


def carry_on(actor: Actor, import_id: int, now: datetime, *, is_time_up: Callable[[], bool]) -> SheetImport:
    """Take more rows, slice by slice, until the time is up or the sheet is done. Each slice stands by itself."""
    sheet = access.sheet_import(actor, import_id)
    if sheet.state == SheetImport.State.DONE:
        return sheet
    opened = read_sheet(access.original(actor, import_id), sheet.name)
    carried = actions.import_rows(actor, sheet, opened.rows, now=now, hidden_columns=opened.hidden_columns)
    before = sheet.last_row
    for state in carried:
        # slices passed over because they were taken before do not count: else a long sheet would never get on
        if state.last_row > before and is_time_up():
            break
    sheet.refresh_from_db()
    return sheet
