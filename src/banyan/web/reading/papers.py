"""Papers as pages show them: which template is in force, what waits, what one may print for a request."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

from banyan.domain.iam import access as iam
from banyan.domain.iam import rights
from banyan.domain.papers import access, forms, letters
from banyan.domain.papers.models import PaperVersion, VersionKind, VersionState
from banyan.domain.papers.registry import Paper, papers
from banyan.domain.ra.models import ServiceRequest
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_

_GROUPS = {
    "form": N_("申请表"),
    "notice": N_("告知单"),
    "receipt": N_("回执"),
    "letter": N_("信封"),
    "label": N_("标签"),
}


@dataclass(frozen=True)
class PaperRow:
    """A line of the list."""

    paper: Paper
    name: str
    group: str
    size: str
    in_force: PaperVersion | None
    waiting: PaperVersion | None


@dataclass(frozen=True)
class PictureRow:
    """A picture: in force, or waiting to be."""

    name: str
    in_force: PaperVersion | None
    waiting: PaperVersion | None


@dataclass(frozen=True)
class ChangeRow:
    """One change of a template or picture."""

    row: PaperVersion
    what: str
    sm3: str
    asked_by: str
    confirmed_by: str
    may_confirm: bool
    may_withdraw: bool
    may_return: bool


@dataclass(frozen=True)
class PrintLink:
    """A paper to print for a request: where, and how often it was printed."""

    name: str
    url: str
    count: int


@dataclass(frozen=True)
class Prints:
    """What somebody may print for a request; ``letter_url`` where the PIN letter is this person's to print."""

    links: list[PrintLink]
    labels: list[PrintLink]
    letter_url: str

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing at all."""
        return not (self.links or self.labels or self.letter_url)


def listing(actor: Actor) -> tuple[list[PaperRow], list[PictureRow]]:
    """Every paper and every picture. Raises RightMissing."""
    found = {(row.kind, row.name, row.state): row for row in access.current(actor)}

    def of(kind: VersionKind, name: str) -> tuple[PaperVersion | None, PaperVersion | None]:
        in_force, waiting = (found.get((kind, name, state)) for state in (VersionState.IN_FORCE, VersionState.WAITING))
        return in_force, waiting

    rows = [
        PaperRow(paper, _(paper.name), _(_GROUPS[paper.group]), _size(paper), *of(VersionKind.TEMPLATE, paper.code))
        for paper in papers().values()
    ]
    names = sorted({name for kind, name, _state in found if kind == VersionKind.ASSET})
    pictures = [PictureRow(name, *of(VersionKind.ASSET, name)) for name in names]
    return rows, [one for one in pictures if one.waiting or (one.in_force and not one.in_force.is_shipped)]


def history(actor: Actor, kind: VersionKind, name: str) -> list[ChangeRow]:
    """Every change, newest first. Raises RightMissing."""
    rows = access.history(actor, kind, name)
    people = iam.names_of([pk for row in rows for pk in (row.asked_by, row.confirmed_by)])
    return [_change(actor, row, people.get(row.asked_by, ""), people.get(row.confirmed_by or 0, "")) for row in rows]


def _change(actor: Actor, row: PaperVersion, asked_by: str, confirmed_by: str) -> ChangeRow:
    is_waiting = row.state == VersionState.WAITING
    may_confirm = rights.has(actor, "papers.confirm")
    return ChangeRow(
        row=row,
        what=_what(row),
        sm3=bytes(row.sm3).hex(),
        asked_by=asked_by,
        confirmed_by=confirmed_by,
        may_confirm=is_waiting and may_confirm and actor.id != row.asked_by,
        may_withdraw=is_waiting and (may_confirm or actor.id == row.asked_by),
        may_return=row.state == VersionState.REPLACED and not row.is_shipped and rights.has(actor, "papers.manage"),
    )


def _what(row: PaperVersion) -> str:
    if row.is_shipped:
        return _("恢复出厂模板") if row.kind == VersionKind.TEMPLATE else _("去掉图片")
    return _("恢复第 {n} 版").format(n=row.returns_to) if row.returns_to else _("上传")


def _size(paper: Paper) -> str:
    return "A4" if (paper.width_mm, paper.height_mm) == (210, 297) else f"{paper.width_mm:g}×{paper.height_mm:g} mm"


def names_allowed(paper: Paper) -> list[tuple[str, str, str]]:
    """What a template of this paper may use: name, kind, meaning."""
    return [(entry.name, _(entry.kind.label), _(entry.means)) for entry in paper.names]


def prints(actor: Actor, request: ServiceRequest, *, is_short: bool) -> Prints:
    """What the actor may print for a request that is in sight; ``is_short``: materials are missing that can still be asked for."""
    counts = access.printed(actor, request.pk)
    links = [
        PrintLink(_(paper.name), reverse("request_paper", args=[request.pk, code]), counts.get(code, 0))
        for code, paper in papers().items()
        if paper.group in ("form", "notice", "receipt")
        and rights.has(actor, paper.right)
        and _fits(code, request, is_short=is_short)
    ]
    place = reverse("request_label", args=[request.pk])
    labels = [
        PrintLink(_size(paper), f"{place}?size={code.removeprefix('label_')}", counts.get(code, 0))
        for code, paper in papers().items()
        if paper.group == "label" and rights.has(actor, paper.right) and request.token_serial
    ]
    may_letter = letters.may_print(actor, request)
    return Prints(links, labels, reverse("pin_letter", args=[request.pk]) if may_letter else "")


def _fits(code: str, request: ServiceRequest, *, is_short: bool) -> bool:
    match code:
        case "deficiency_notice":
            return is_short
        case "intake_receipt":
            return not is_short
        case "hand_over_receipt":
            return request.issued_pair_id is not None
    return True


@dataclass(frozen=True)
class Family:
    """The forms of one issuing system."""

    system: str
    rows: list[tuple[str, list[tuple[str, str]]]]


def blank_forms() -> list[Family]:
    """Every application form to download: a system, its businesses, for each kind a name and an address."""
    found: dict[str, dict[str, list[tuple[str, str]]]] = {}
    for business, system, kind, _name in forms.families():
        said = forms.of_kind(business, system, kind)
        url = reverse("blank_form", args=[business, system, kind])
        of_system = found.setdefault(_(str(said["system"])), {})
        of_system.setdefault(_(str(said["business"])), []).append((_(str(said["kind"])), url))
    return [Family(system, list(rows.items())) for system, rows in found.items()]
