"""Sheets that we give out: the template and the result."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import xlsxwriter
from xlsxwriter.exceptions import FileCreateError

from banyan.adapters.sheets.errors import FileUnwritable
from banyan.kernel.errors import N_

_ROWS = 5000


_REASONS = (
    (FileNotFoundError, N_("目录不存在")),
    (NotADirectoryError, N_("上一级不是目录")),
    (IsADirectoryError, N_("这是一个目录")),
    (PermissionError, N_("没有写入的权限，或文件正在别的程序里打开")),
)


def ensure_writable(path: Path) -> None:
    """Whether a file can be written here, asked before long work whose result it is to hold. Raises FileUnwritable."""
    place = path.parent
    if path.is_dir():
        raise _unwritable(path, IsADirectoryError())
    if not place.exists():
        raise _unwritable(path, FileNotFoundError())
    if not place.is_dir():
        raise _unwritable(path, NotADirectoryError())
    if not os.access(path if path.exists() else place, os.W_OK):
        raise _unwritable(path, PermissionError())


@contextmanager
def new_workbook(path: Path, **options: bool) -> Iterator[xlsxwriter.Workbook]:
    """A workbook that is written when all went well. Raises FileUnwritable."""
    ensure_writable(path)
    book = xlsxwriter.Workbook(str(path), options)
    try:
        yield book
        book.close()
    except FileCreateError as error:
        raise _unwritable(path, error.args[0] if error.args else error) from error
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        for page in book.worksheets():
            _drop_rows_aside(page)


def _drop_rows_aside(page: Any) -> None:
    """Remove the file in which the library keeps rows until a workbook is written; if it was, it has done so."""
    if page.row_data_fh is not None:
        page.row_data_fh.close()
        Path(page.row_data_filename).unlink(missing_ok=True)


def _unwritable(path: Path, error: object) -> FileUnwritable:
    """The error with its reason in words; what no word is known for as the system says it."""
    told = next((reason for kind, reason in _REASONS if isinstance(error, kind)), None)
    return FileUnwritable(file=str(path), reason=told or getattr(error, "strerror", None) or str(error))


def write_template(path: Path, columns: Sequence[Any], examples: Sequence[Mapping[str, str]]) -> None:
    """The empty sheet: needed columns marked, long numbers as text, drop-downs, examples on a page of their own.

    Raises FileUnwritable.
    """
    with new_workbook(path) as book:
        needed = book.add_format({"bold": True, "bg_color": "#DDF0EB", "border": 1, "font_color": "#0B3B35"})
        free = book.add_format({"bold": True, "bg_color": "#E9EDEB", "border": 1})
        text = book.add_format({"num_format": "@"})
        page, example = book.add_worksheet("申请"), book.add_worksheet("填写示例")
        page.freeze_panes(1, 2)
        for index, column in enumerate(columns):
            values = [one.get(column.code, "") for one in examples]
            for sheet in (page, example):
                sheet.write_string(0, index, column.title, needed if column.is_needed else free)
                longest = max(_width(value) for value in (column.title, *values))
                sheet.set_column(index, index, max(10, longest + 2), text)
            for row, value in enumerate(values, 1):
                example.write_string(row, index, value)
            note = ("必填。" if column.is_needed else "") + column.hint
            if note:
                page.write_comment(0, index, note)
            if column.choices:
                page.data_validation(1, index, _ROWS, index, {"validate": "list", "source": list(column.choices)})


def write_failed(
    path: Path, header: Sequence[str], rows: Iterable[Sequence[str]], reasons: Iterable[tuple[int, str, str]]
) -> None:
    """The rows that were not taken, to be mended and imported again; why, on a page of its own. Raises FileUnwritable."""
    with new_workbook(path, strings_to_formulas=False, strings_to_numbers=False) as book:
        text, head = book.add_format({"num_format": "@"}), book.add_format({"bold": True, "bg_color": "#DDF0EB"})
        page, why = book.add_worksheet("申请"), book.add_worksheet("原因")
        page.set_column(0, max(len(header) - 1, 0), 18, text)
        for line, values in enumerate([header, *rows]):
            for index, value in enumerate(values):
                page.write_string(line, index, value, text if line else head)
        for index, (title, width) in enumerate((("行", 8), ("原表的行", 10), ("列", 18), ("原因与处理", 70))):
            why.write_string(0, index, title, head)
            why.set_column(index, index, width)
        places: dict[int, int] = {}
        for line, (row, column, message) in enumerate(reasons, 1):
            why.write_number(line, 0, places.setdefault(row, len(places) + 2))
            why.write_number(line, 1, row)
            why.write_string(line, 2, column)
            why.write_string(line, 3, message)


def _width(text: str) -> int:
    return sum(1 if sign.isascii() else 2 for sign in text)


def write_result(path: Path, rows: Iterable[tuple[int, str, Sequence[tuple[str, str, str]]]]) -> None:
    """The result: row, request number, and fault by fault the column, the masked value and the cure.

    A row with a request number was taken; what is told of it is only to be looked at. Raises FileUnwritable.
    """
    with new_workbook(path, constant_memory=True, strings_to_formulas=False) as book:
        head = book.add_format({"bold": True, "bg_color": "#DDF0EB", "border": 1})
        bad = book.add_format({"font_color": "#B3261E", "text_wrap": True})
        look = book.add_format({"font_color": "#8A5A00", "text_wrap": True})
        page = book.add_worksheet("结果")
        for index, (title, width) in enumerate(
            (("行", 8), ("结果", 10), ("申请单号", 20), ("列", 18), ("填写内容", 24), ("原因与处理", 70))
        ):
            page.write_string(0, index, title, head)
            page.set_column(index, index, width)
        line = 0
        for row, request, faults in rows:
            for column, shown, message in faults or [("", "", "")]:
                line += 1
                page.write_number(line, 0, row)
                page.write_string(line, 1, "已导入" if request else "未导入")
                page.write_string(line, 2, request)
                page.write_string(line, 3, column)
                page.write_string(line, 4, shown)
                page.write_string(line, 5, message, None if not faults else look if request else bad)
