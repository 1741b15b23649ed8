"""What the intake pages show beside the form: pairs to choose from, what a holder has, materials and what they lack."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import Resolver404, resolve, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from banyan.domain.ca import access as ca
from banyan.domain.ca.models import CertificatePair
from banyan.domain.iam import rights
from banyan.domain.lifecycle import rules as lifecycle
from banyan.domain.ra import access as ra
from banyan.domain.ra.actions.holder_file import HolderFile
from banyan.domain.ra.models import Channel, DeficiencyNotice, DeficiencyReason, Material, RequestState, ServiceRequest
from banyan.domain.ra.processes import RequiredMaterial, required_materials
from banyan.domain.systems import access as systems
from banyan.domain.systems.policy import CertificateKind, SystemPolicy
from banyan.kernel.actor import Actor
from banyan.kernel.errors import BanyanError
from banyan.web import errors, words
from banyan.web.reading.certificates import state_of
from banyan.web.reading.intake_choices import Choice

_MOST = 20
_FORMS = {
    "general": gettext_lazy("通用 RA 系统业务申请表"),
    "xinchuang": gettext_lazy("信创 RA 系统业务申请表"),
    "mobile": gettext_lazy("移动证书业务申请表"),
    "eseal": gettext_lazy("电子印章证书业务申请表"),
}
_TOOLS = {
    "general": gettext_lazy("通用证书工具"),
    "xinchuang": gettext_lazy("信创证书工具"),
    "mobile": gettext_lazy("移动证书应用"),
    "eseal": gettext_lazy("印章证书工具"),
}


@dataclass(frozen=True)
class PairChoice:
    """A pair somebody may mean; ``why_not``: why the business cannot be asked for on it."""

    pair: CertificatePair
    what: str
    state: str
    why_not: str


@dataclass(frozen=True)
class Line:
    """Something a holder has, or how many of it lie out of sight."""

    what: str
    state: str = ""
    url: str = ""
    detail: str = ""
    count: int = 0


@dataclass(frozen=True)
class Owned:
    """What a holder has, in words."""

    is_on_record: bool
    pairs: list[Line]
    pairs_count: int
    pending: list[Line]
    pending_count: int
    warns: bool


@dataclass(frozen=True)
class CheckRow:
    """A required material: its files, and what was told of it last."""

    code: str
    name: str
    files: list[Material]
    told: str


@dataclass(frozen=True)
class Kit:
    """What belongs to a system: the form to fill in, the tool; for Xinchuang the driver by operating system and CPU."""

    form: str
    tool: str
    has_driver: bool


def kit(policy: SystemPolicy | None) -> Kit | None:
    """What belongs to a system."""
    if policy is None:
        return None
    fields = {field.code for entry in policy.kinds for field in entry.fields}
    form, tool = policy.application_form, policy.tool
    return Kit(str(_FORMS.get(form, form)), str(_TOOLS.get(tool, tool)), {"operating_system", "cpu"} <= fields)


def pair_choices(actor: Actor, business: str, text: str, now: datetime) -> list[PairChoice]:
    """The pairs that a name, number, serial or token leads to. Raises what the search refuses."""
    return [_pair_choice(pair, business, now) for pair in ca.search_pairs(actor, text, limit=_MOST)]


def pair_choice(actor: Actor, business: str, pair_id: int, now: datetime) -> list[PairChoice]:
    """The one pair that was chosen; nothing when it is out of sight."""
    return [_pair_choice(pair, business, now) for pair in ca.pairs(actor).filter(pk=pair_id)]


def materials(chosen: Choice, pairs: Sequence[PairChoice]) -> tuple[RequiredMaterial, ...]:
    """What has to be handed in, once the kind is known: by choice, or by the only pair that can be meant."""
    kinds = {one.pair.kind for one in pairs}
    kind = chosen.kind or (kinds.pop() if len(kinds) == 1 else "")
    return required_materials(chosen.business, kind, Channel.COUNTER) if kind else ()


def _pair_choice(pair: CertificatePair, business: str, now: datetime) -> PairChoice:
    why_not = ""
    try:
        lifecycle.ensure_possible(
            business, name=pair.subject_name, state=pair.state, not_after=pair.not_after,
            policy=systems.policy(pair.system), channel=Channel.COUNTER, now=now,
        )  # fmt: skip
    except BanyanError as error:
        why_not = errors.text(error)
    return PairChoice(pair, _what(pair.system, pair.kind), state_of(pair, now), why_not)


def owned(actor: Actor, found: HolderFile) -> Owned:
    """What a holder has, in words; of what lies out of sight number, kind and system."""
    may_open = rights.has(actor, "certificates.read")
    pairs = [
        Line(
            _what(one.system, one.kind), one.state, reverse("certificate", args=[one.pair_id]) if may_open else "",
            _("介质 {serial}").format(serial=one.medium) if one.medium else "",
        )
        for one in sorted(found.held.here, key=lambda one: -one.pair_id)[:_MOST]
    ]  # fmt: skip
    pairs += [Line(_what(one.system, one.kind), count=one.count) for one in found.held.elsewhere]
    pending = [
        Line(
            _("{what}·{business}").format(what=_what(one.system, one.kind), business=one.get_business_display()),
            one.step, reverse("request", args=[one.pk]), one.number,
        )
        for one in found.pending
    ]  # fmt: skip
    pending += [Line(_what(one.system, one.kind), count=one.count) for one in found.pending_elsewhere]
    beyond = sum(one.count for one in found.pending_elsewhere)
    count = len(found.pending) + beyond
    return Owned(found.is_on_record, pairs, found.held.count, pending, count, bool(found.held.count or count))


def checklist(story: ra.Story, notice: DeficiencyNotice | None) -> list[CheckRow]:
    """The required materials with their files, and what the newest notice said of them while the request is open."""
    request = story.request
    files: dict[str, list[Material]] = {}
    for one in story.materials:
        files.setdefault(one.code, []).append(one)
    is_open = notice is not None and request.state == RequestState.OPEN
    wanting = {item.code: item for item in notice.items.all()} if notice is not None and is_open else {}
    rows = []
    for entry in required_materials(request.business, request.kind, request.channel):
        item = wanting.get(entry.code)
        told = _("：").join(part for part in (item.get_reason_display(), item.text) if part) if item else ""
        rows.append(CheckRow(entry.code, _(entry.name), files.get(entry.code, []), told))
    return rows


def remark_choices(*, is_there: bool) -> list[tuple[str, str]]:
    """What can be said of a material: absence is known, not chosen."""
    first = [("", _("合格"))] if is_there else [("", str(DeficiencyReason.MISSING.label))]
    return first + [(one.value, str(one.label)) for one in DeficiencyReason if one is not DeficiencyReason.MISSING]


def paper_url(request: ServiceRequest, name: str) -> str:
    """Where a request's paper is printed; empty where this installation has no such paper."""
    path = f"/requests/{request.pk}/papers/{name}.pdf"
    try:
        resolve(path)
    except Resolver404:
        return ""
    return path


def _what(system: str, kind: str) -> str:
    label = _(CertificateKind(kind).label) if kind in set(CertificateKind) else kind
    return f"{words.system(system)}·{label}"
