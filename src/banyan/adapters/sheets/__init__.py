"""Sheets that people send: xlsx, xls and csv, read into rows of cells that remember what kind of cell they were."""

from banyan.adapters.sheets.cells import Cell, CellKind, Sheet, SheetRow
from banyan.adapters.sheets.errors import SheetUnreadable
from banyan.adapters.sheets.reading import open_sheet, read_content, read_sheet

__all__ = ["Cell", "CellKind", "Sheet", "SheetRow", "SheetUnreadable", "open_sheet", "read_content", "read_sheet"]
