"""Reading requests: lists, the search box, a request's whole story; always within the actor's sight."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import models

from banyan.domain.ca import access as ca
from banyan.domain.ca.models import CertificatePair, Issuance
from banyan.domain.iam import rights
from banyan.domain.parties import access as parties
from banyan.domain.parties.errors import PartiesError
from banyan.domain.parties.scoping import ScopedQuerySet
from banyan.domain.ra import intake, rules, sealed_data, working_days
from banyan.domain.ra.errors import RequestNotFound, SearchTooShort
from banyan.domain.ra.models import DeficiencyNotice, HeldFile, Material, RequestState, ServiceRequest, StepRecord
from banyan.domain.ra.moving import is_approval_current, is_proofreading_current, process_of
from banyan.domain.ra.processes import RequiredMaterial, Step, Verb
from banyan.domain.ra.values import Brought, RequestData
from banyan.kernel.actor import Actor

_NUMBER = re.compile(r"[A-Z]{2}\d{8,14}")
_LEAST = 2
_INTAKE_RIGHTS = (
    "requests.create", "requests.enter", "requests.proofread", "requests.approve", "requests.hand_over",
)  # fmt: skip
MATERIAL_RIGHTS = ("requests.create", "requests.enter", "requests.proofread", "requests.approve")


@dataclass(frozen=True, slots=True)
class StepView:
    """A step of the process as the page shows it: when and by whom it was done, whether it is the one to do now."""

    step: Step
    records: tuple[StepRecord, ...]
    is_current: bool


@dataclass(frozen=True, slots=True)
class Story:
    """A request's whole story."""

    request: ServiceRequest
    steps: tuple[StepView, ...]
    records: tuple[StepRecord, ...]
    materials: tuple[Material, ...]
    missing: tuple[RequiredMaterial, ...]
    is_approved: bool
    is_proofread: bool
    issuance: Issuance | None
    is_waiting_for_ca: bool
    pair: CertificatePair | None
    issued_pair: CertificatePair | None


@dataclass(frozen=True, slots=True)
class Found:
    """What the one search box found."""

    requests: list[ServiceRequest]
    pairs: list[CertificatePair]


def requests(actor: Actor) -> ScopedQuerySet[ServiceRequest]:
    """The requests the actor may see."""
    rights.require(actor, "requests.read")
    return ServiceRequest.objects.visible_to(actor)


def request(actor: Actor, request_id: int) -> ServiceRequest:
    """One request. Raises RequestNotFound for one that does not exist or lies out of sight."""
    found = requests(actor).filter(pk=request_id).select_related("approval", "proofreading").first()
    if found is None:
        raise RequestNotFound
    return found


def request_by_number(actor: Actor, number: str) -> ServiceRequest:
    """One request by its number. Raises RequestNotFound."""
    found = requests(actor).filter(number="".join(number.split()).upper()).first()
    if found is None:
        raise RequestNotFound
    return found


def request_page(
    actor: Actor,
    *,
    before: int | None = None,
    limit: int = 50,
    step: str = "",
    state: str = "",
    business: str = "",
    system: str = "",
    is_late: bool = False,
    now: datetime | None = None,
) -> list[ServiceRequest]:
    """A page of requests, newest first, after the key ``before`` (the last one of the page before)."""
    found = requests(actor)
    if before is not None:
        found = found.filter(pk__lt=before)
    if step:
        found = found.filter(step=step, state=RequestState.OPEN)
    for name, value in (("state", state), ("business", business), ("system", system)):
        if value:
            found = found.filter(**{name: value})
    if is_late and now is not None:
        found = found.filter(state=RequestState.OPEN, due_on__lt=working_days.local_date(now))
    return list(found.order_by("-pk")[:limit])


def ids_at_step(actor: Actor, step: str, *, after: int = 0, limit: int = 5000) -> list[int]:
    """Keys of open requests at a step, oldest first: the work list of bulk actions."""
    found = requests(actor).filter(step=step, state=RequestState.OPEN, pk__gt=after)
    return list(found.order_by("pk").values_list("pk", flat=True)[:limit])


def search(actor: Actor, text: str, *, limit: int = 50, holders: parties.Holders | None = None) -> Found:
    """One box for everything: name, ID number, credit code, certificate serial, token number, request number.

    ``holders``: what a caller looks up by the same text anyway. Raises SearchTooShort.
    """
    typed = "".join(text.split())
    if len(typed) < _LEAST:
        raise SearchTooShort
    if _NUMBER.fullmatch(typed.upper()):
        by_number = list(_numbered(actor, typed.upper()).order_by("-pk")[:limit])
        if by_number:
            return Found(by_number, _pairs_of(actor, by_number))
    on_record = holders or parties.Holders(actor, text, limit=limit)
    found_pairs = _searched_pairs(actor, text, on_record, limit)
    return Found(_searched_requests(actor, text, found_pairs, on_record, limit), found_pairs)


def _searched_pairs(actor: Actor, text: str, on_record: parties.Holders, limit: int) -> list[CertificatePair]:
    try:
        return ca.search_pairs(actor, text, limit=limit, holders=on_record)
    except PartiesError as error:
        raise SearchTooShort from error


def _searched_requests(
    actor: Actor, text: str, pairs: Sequence[CertificatePair], on_record: parties.Holders, limit: int
) -> list[ServiceRequest]:
    wanted = ca.held_by(on_record)
    wanted |= models.Q(pk__in=[pair.request_id for pair in pairs if pair.request_id is not None])
    # By token in a query of its own, with the exclusion that makes its partial index fit.
    by_token = requests(actor).filter(token_serial="".join(text.split()).upper()).exclude(token_serial="")
    found = [*requests(actor).filter(wanted).order_by("-pk")[:limit], *by_token.order_by("-pk")[:limit]]
    return sorted({row.pk: row for row in found}.values(), key=lambda row: -row.pk)[:limit]


def _numbered(actor: Actor, prefix: str) -> ScopedQuerySet[ServiceRequest]:
    """Requests whose number begins so. A range of digits, which sorts alike in every collation, so the index serves."""
    return requests(actor).filter(number__gte=prefix, number__lte=prefix + "9" * 16)


def _pairs_of(actor: Actor, found: Sequence[ServiceRequest]) -> list[CertificatePair]:
    ids = [pk for one in found for pk in (one.issued_pair_id, one.pair_id) if pk is not None]
    return list(ca.pairs(actor).filter(pk__in=ids).order_by("-pk")) if ids else []


def story(actor: Actor, request_id: int) -> Story:
    """A request with its steps, time line, materials, decisions, issuance and certificates. Raises RequestNotFound."""
    found = request(actor, request_id)
    records = tuple(StepRecord.objects.filter(request=found).order_by("pk"))
    materials = tuple(Material.objects.filter(request=found, removed_at__isnull=True).order_by("pk"))
    issuance = Issuance.objects.filter(pk=found.issuance_id).first() if found.issuance_id else None
    waiting = issuance is not None and issuance.state in (Issuance.State.INTENT, Issuance.State.SUBMITTED)
    visible = ca.pairs(actor)
    return Story(
        request=found,
        steps=tuple(
            StepView(
                step,
                tuple(record for record in records if record.step == step.verb),
                found.state == RequestState.OPEN and found.step == step.verb,
            )
            for step in process_of(found).steps
        ),
        records=records,
        materials=materials,
        missing=tuple(
            rules.missing_materials(found.business, found.kind, found.channel, [one.code for one in materials])
        ),
        is_approved=is_approval_current(found),
        is_proofread=is_proofreading_current(found),
        issuance=issuance,
        is_waiting_for_ca=waiting,
        pair=visible.filter(pk=found.pair_id).first() if found.pair_id else None,
        issued_pair=visible.filter(pk=found.issued_pair_id).first() if found.issued_pair_id else None,
    )


def data_of(actor: Actor, request_id: int) -> RequestData | None:
    """What was entered, for those who enter, proofread or approve it; None before entry. Raises RequestNotFound."""
    found = request(actor, request_id)
    if not any(rights.has(actor, right) for right in ("requests.enter", "requests.proofread", "requests.approve")):
        rights.require(actor, "requests.proofread")
    if not found.data_digest:
        return None
    return sealed_data.read(sealed_data.open_text(found.number, found.data_sealed))


def intake_of(actor: Actor, request_id: int) -> Brought | None:
    """What was noted when it was taken in, for those who take in, enter, proofread, approve or hand over; else None.

    Raises RequestNotFound.
    """
    found = request(actor, request_id)
    return intake.read(found) if any(rights.has(actor, right) for right in _INTAKE_RIGHTS) else None


def deficiency_notices(actor: Actor, request_id: int) -> list[DeficiencyNotice]:
    """The deficiency notices of a request, the newest first, with their items. Raises RequestNotFound."""
    found = DeficiencyNotice.objects.filter(request=request(actor, request_id))
    return list(found.prefetch_related("items").order_by("-pk"))


def may_see_materials(actor: Actor) -> bool:
    """Scans show identity documents: they are for those who take in, enter, proofread or approve."""
    return any(rights.has(actor, right) for right in MATERIAL_RIGHTS)


def material(actor: Actor, request_id: int, material_id: int) -> Material:
    """A file that counts now, of a request in sight. Raises RequestNotFound, iam.RightMissing."""
    if not may_see_materials(actor):
        rights.require(actor, "requests.approve")
    of_request = Material.objects.filter(request=request(actor, request_id), pk=material_id, removed_at__isnull=True)
    found = of_request.select_related("request").first()
    if found is None:
        raise RequestNotFound
    return found


def held_files(actor: Actor, request_id: int) -> list[HeldFile]:
    """Files that wait in quarantine for a request in sight. Raises RequestNotFound."""
    return list(HeldFile.objects.filter(request=request(actor, request_id)).order_by("pk"))


def held_file(actor: Actor, request_id: int, held_id: int) -> HeldFile:
    """One of them. Raises RequestNotFound."""
    found = HeldFile.objects.filter(request=request(actor, request_id), pk=held_id).first()
    if found is None:
        raise RequestNotFound
    return found


def held_count() -> int:
    """How many files wait in quarantine."""
    return HeldFile.objects.count()


def work_counts(actor: Actor) -> dict[str, int]:
    """Open requests by step, from the numbers kept ready."""
    rights.require(actor, "requests.read")
    totals: dict[str, int] = {}
    for (name, _system), value in ca.counts(actor, [f"step:{verb}" for verb in Verb]).items():
        totals[name.removeprefix("step:")] = totals.get(name.removeprefix("step:"), 0) + value
    return totals


def open_by_system() -> dict[str, int]:
    """Open requests of the whole province by system: numbers for who configures systems. Reads open requests only."""
    found = ServiceRequest.objects.unscoped("numbers for who configures").filter(state=RequestState.OPEN)
    counted = found.values("system").order_by("system").annotate(total=models.Count("pk"))
    return {row["system"]: row["total"] for row in counted}


def late_counts(actor: Actor, now: datetime, soon: date) -> dict[str, tuple[int, int]]:
    """Of the open requests: step → (past their day, due by ``soon``). Reads open requests only, by their index."""
    today = working_days.local_date(now)
    found = requests(actor).filter(state=RequestState.OPEN, due_on__lte=soon).values("step").order_by("step")
    late = models.Count("pk", filter=models.Q(due_on__lt=today))
    counted = found.annotate(late=late, total=models.Count("pk"))
    return {row["step"]: (row["late"], row["total"] - row["late"]) for row in counted}


def newest_request() -> int:
    """The highest key given to a request anywhere; where a page that walks by key begins. 0 before the first."""
    found = ServiceRequest.objects.unscoped("a key, no row").order_by("-pk").values_list("pk", flat=True)
    return found.first() or 0
