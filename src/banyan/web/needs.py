"""Which rights open a page: said beside the view, checked before it runs, read by the test of every address.

``@needs("requests.read")`` stands outermost. Several rights are all needed; ``one_of`` asks for any of them; ``@needs()``
is a page for everybody who is logged in. A page without log-in is marked ``middleware.public`` instead. An address with
neither fails ``tests/journeys/test_every_address.py``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.http import HttpResponseBase

from banyan.domain.iam.errors import RightMissing
from banyan.domain.iam.right_names import RIGHTS
from banyan.domain.iam.rights import has
from banyan.kernel.actor import Actor

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True)
class Needs:
    """What opens a page."""

    every: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()

    def lacking(self, actor: Actor) -> str:
        """The right that an actor lacks; empty when the page opens."""
        for right in self.every:
            if not has(actor, right):
                return right
        if self.one_of and not any(has(actor, right) for right in self.one_of):
            return self.one_of[0]
        return ""


def needs(*every: str, one_of: tuple[str, ...] = ()) -> Callable[[View], View]:
    """Open a page to those who hold these rights; others find no page there, and the audit names the refusal."""
    declared = Needs(every, one_of)
    unknown = set(every + one_of) - set(RIGHTS)
    if unknown:
        raise KeyError(*unknown)

    def mark(view: View) -> View:
        @wraps(view)
        def run(request: Any, *arguments: Any, **named: Any) -> HttpResponseBase:
            lacking = declared.lacking(request.actor)
            if lacking:
                raise RightMissing(actor=request.actor.name, right=lacking)
            return view(request, *arguments, **named)

        run.needs = declared  # type: ignore[attr-defined]  # a mark on the function, read by ``needs_of``
        return run

    return mark


def needs_of(view: Callable[..., HttpResponseBase]) -> Needs | None:
    """What a view declares; None for a public one and for one that declares nothing."""
    return getattr(view, "needs", None)
