"""Reading: which version of a template or picture is in force, what waits, the history, how often something was printed."""

import re
from collections.abc import Mapping, Sequence

from banyan.domain.iam import rights
from banyan.domain.papers.errors import VersionUnknown
from banyan.domain.papers.models import PaperVersion, Printing, VersionKind, VersionState
from banyan.domain.papers.ports import PaperJob, Values
from banyan.domain.papers.registry import BUNDLED, Paper, bundled
from banyan.domain.ra import access as ra
from banyan.kernel.actor import Actor

_ASSET = re.compile(r"asset:([a-z0-9][a-z0-9.-]{0,39})")
_HISTORY = 100


def may_look(actor: Actor) -> bool:
    """Whether templates are the actor's business: who may change or confirm them."""
    return rights.has(actor, "papers.manage") or rights.has(actor, "papers.confirm")


def ensure_may_look(actor: Actor) -> None:
    """Raises RightMissing."""
    if not may_look(actor):
        rights.require(actor, "papers.manage")


def in_force(kind: VersionKind, names: Sequence[str]) -> Mapping[str, PaperVersion]:
    """The versions in force, by name; none for what is as shipped. Raises audit.RowForged for a row changed by hand."""
    found = PaperVersion.objects.filter(kind=kind, name__in=names, state=VersionState.IN_FORCE)
    return {row.name: row.verify_row() for row in found}


def template_of(paper: Paper) -> tuple[str, int]:
    """The text of a paper's template and the number of its version, 0 for the shipped one. Raises audit.RowForged."""
    row = in_force(VersionKind.TEMPLATE, [paper.code]).get(paper.code)
    if row is None or row.is_shipped:
        return paper.template, row.number if row is not None else 0
    return bytes(row.content).decode(), row.number


def job(paper: Paper, template: str, copies: Sequence[Values]) -> PaperJob:
    """What the maker needs for a template: with it only the assets that it names. Raises audit.RowForged."""
    assets = {name: bundled(name) for name in BUNDLED}
    wanted = sorted(pictures_in(template) - set(assets))
    for name, row in in_force(VersionKind.ASSET, wanted).items():
        if not row.is_shipped:
            assets[name] = bytes(row.content)
    chosen = [paper.chosen(values) for values in copies]
    return PaperJob(template, chosen, assets, paper.width_mm, paper.height_mm, paper.most_pages)


def pictures_in(template: str) -> set[str]:
    """The names of the assets that a template loads."""
    return set(_ASSET.findall(template))


def text_of(paper: Paper, row: PaperVersion) -> str:
    """The template that a version stands for. Raises audit.RowForged."""
    row.verify_row()
    return paper.template if row.is_shipped else bytes(row.content).decode()


def history(actor: Actor, kind: VersionKind, name: str) -> list[PaperVersion]:
    """The changes of a template or picture, newest first. Raises RightMissing."""
    ensure_may_look(actor)
    found = PaperVersion.objects.filter(kind=kind, name=name).defer("content")
    return list(found.order_by("-number")[:_HISTORY])


def version(actor: Actor, kind: VersionKind, name: str, number: int) -> PaperVersion:
    """One change. Raises VersionUnknown, RightMissing."""
    ensure_may_look(actor)
    row = PaperVersion.objects.filter(kind=kind, name=name, number=number).first()
    if row is None:
        raise VersionUnknown
    return row


def current(actor: Actor) -> list[PaperVersion]:
    """What is in force or waits, of every name. Raises RightMissing."""
    ensure_may_look(actor)
    found = PaperVersion.objects.filter(state__in=(VersionState.IN_FORCE, VersionState.WAITING)).defer("content")
    return list(found.order_by("kind", "name", "number"))


def printed(actor: Actor, request_id: int) -> Mapping[str, int]:
    """How often each paper was printed for a request: paper → count. Raises ra.RequestNotFound, RightMissing."""
    found = Printing.objects.filter(request_id=ra.request(actor, request_id).pk)
    return dict(found.values_list("paper", "count"))
