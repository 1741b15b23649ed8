"""What makes a paper of a template: outside this package, in a process of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Protocol

from banyan.kernel.errors import N_

# The plain values a template may be given; nothing with a method that does anything.
Row = tuple[str, ...]
Value = str | int | date | tuple[Row, ...]
Values = Mapping[str, Value]


class Fault(StrEnum):
    """Why a template did not become a paper."""

    SYNTAX = "syntax"
    UNDEFINED = "undefined"
    FORBIDDEN = "forbidden"
    FAILED = "failed"
    ADDRESS = "address"
    LAYOUT = "layout"
    PAGES = "pages"
    SIZE = "size"
    TOO_MUCH = "too_much"

    @property
    def told(self) -> str:
        """What happened and what to do, a Chinese msgid."""
        return _TOLD[self]


_TOLD = {
    Fault.SYNTAX: N_("模板语法不对。请改正这一行"),
    Fault.UNDEFINED: N_("用了这张纸没有声明的名字。请只用页面上列出的名字"),
    Fault.FORBIDDEN: N_("用了模板里不许用的东西。请只写取值、判断和循环"),
    Fault.FAILED: N_("按这一行取值时出错。请核对取值的种类"),
    Fault.ADDRESS: N_("引用了外部地址。请只用 asset:名字 引用已登记的图片"),
    Fault.LAYOUT: N_("排版时出错。请核对样式"),
    Fault.PAGES: N_("页数超出这张纸的规定。请缩减内容"),
    Fault.SIZE: N_("纸张尺寸与规定不符。请去掉模板里的纸张尺寸"),
    Fault.TOO_MUCH: N_("超出时间或内存限制，已停止。请检查循环和尺寸"),
}


@dataclass(frozen=True)
class PaperJob:
    """Everything the maker needs: the template, the values of each copy, assets by name, how the paper comes out."""

    template: str
    copies: Sequence[Values] = field(repr=False)
    assets: Mapping[str, bytes] = field(repr=False)
    width_mm: float
    height_mm: float
    most_pages: int


class PaperMaker(Protocol):
    """Makes papers."""

    def make(self, job: PaperJob) -> bytes:
        """The PDF. Raises TemplateRefused, PaperMakerDown."""
        ...
