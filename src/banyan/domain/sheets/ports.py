"""What a row of a sheet looks like to this package, whatever file it came from."""

from collections.abc import Sequence
from typing import Protocol


class Cell(Protocol):
    """One cell. ``kind`` is empty, text, number, date, logical, formula, merged or broken."""

    @property
    def text(self) -> str: ...

    @property
    def kind(self) -> str: ...


class Row(Protocol):
    """One row; ``number`` counts from 1 as the person's program shows it."""

    @property
    def number(self) -> int: ...

    @property
    def cells(self) -> Sequence[Cell]: ...

    @property
    def is_hidden(self) -> bool: ...
