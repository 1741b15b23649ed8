"""Sentences that say what a document holds; the interfaces translate them, and two versions are compared by them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Said:
    """A msgid and what fills it. ``listed`` are msgids of their own that stand in ``{listed}``, in order."""

    text: str
    fields: dict[str, Any] = field(default_factory=dict)
    listed: tuple[str, ...] = ()


def say(text: str, listed: Iterable[str] = (), **fields: Any) -> Said:
    """A sentence."""
    return Said(text, fields, tuple(listed))
