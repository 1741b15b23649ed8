"""Materials of a request. Adding or removing one changes what an approval was given for."""

from collections.abc import Sequence
from datetime import datetime

from banyan.domain import audit, bulk
from banyan.domain.iam import rights
from banyan.domain.ra import access, moving, processes, rules, storing
from banyan.domain.ra.errors import IssuanceUnderWay, MaterialRefused, RequestClosed, RequestNotFound
from banyan.domain.ra.models import HeldFile, Material, RequestState, ServiceRequest
from banyan.domain.ra.moving import Move
from banyan.domain.ra.values import NewMaterial
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_


def present_materials(request_id: int) -> list[Material]:
    """The materials that count now."""
    return list(Material.objects.filter(request_id=request_id, removed_at__isnull=True).order_by("id"))


def ensure_takes(actor: Actor, request_id: int, code: str) -> ServiceRequest:
    """Whether a file for this request may come at all, asked before anything of it is read.

    Raises iam.RightMissing, RequestNotFound, RequestClosed, IssuanceUnderWay, MaterialRefused for an unknown material.
    """
    rights.require(actor, "requests.create")
    request = access.request(actor, request_id)
    ensure_changeable(request)
    if code and code not in {entry.code for entry in processes.materials()}:
        raise MaterialRefused(name=code[:40], reason=N_("材料清单里没有这一项"))
    return request


def add_materials(actor: Actor, request_id: int, materials: Sequence[NewMaterial], now: datetime) -> ServiceRequest:
    """Add files to an open request. An approval already given becomes void: it was for other materials.

    Raises MaterialRefused, RequestClosed, IssuanceUnderWay, RequestNotFound, iam.RightMissing.
    """
    storing.keep_files(materials)
    return _change(actor, request_id, materials, None, now)


def add_taken(
    actor: Actor, request_id: int, taken: NewMaterial, now: datetime, *, held: int | None = None
) -> ServiceRequest:
    """Add a file that ``taking_in`` has kept; ``held``: it waited in quarantine until now. Raises as ``add_materials``."""
    return _change(actor, request_id, [taken], None, now, held)


def remove_material(actor: Actor, request_id: int, material_id: int, now: datetime) -> ServiceRequest:
    """Take a file out of an open request; the file itself stays. Raises as ``add_materials``."""
    return _change(actor, request_id, (), material_id, now)


def download_original(actor: Actor, request_id: int, material_id: int) -> Material:
    """The material whose original is about to be sent back; that it is, is recorded. Raises RequestNotFound."""
    return _download(actor, request_id, material_id)


@audit.action
def _download(actor: Actor, request_id: int, material_id: int) -> Material:
    found = access.material(actor, request_id, material_id)
    audit.record(actor, "ra.download_material", found.request, material=found.pk, sm3=found.sm3)
    return found


@audit.action
def _change(
    actor: Actor,
    request_id: int,
    added: Sequence[NewMaterial],
    removed: int | None,
    now: datetime,
    held: int | None = None,
) -> ServiceRequest:
    rights.require(actor, "requests.create")

    def work(request: ServiceRequest) -> None:
        ensure_changeable(request)

    _, outcome = moving.each(actor, "ra.change_materials", [request_id], work)
    request = moving.alone(outcome)
    present = {(one.code, one.sm3) for one in present_materials(request.pk)}
    for one in added:
        if (one.code, storing.digest_of(one)) in present:
            raise MaterialRefused(name=one.name, reason=N_("同一份文件已经在这一项材料里"))
    bulk.append_many([storing.row(request.pk, one, actor.id, now) for one in added])
    if removed is not None and not Material.objects.filter(
        pk=removed, request_id=request.pk, removed_at__isnull=True
    ).update(removed_at=now):
        raise RequestNotFound
    if held is not None and not HeldFile.objects.filter(pk=held, request_id=request.pk).delete()[0]:
        raise RequestNotFound  # somebody else was quicker
    request.materials_digest = rules.materials_digest((one.code, one.sm3) for one in present_materials(request.pk))
    move = Move(actor, now)
    move.note(request, request.step, "materials")
    settle(move, request)
    move.write(["materials_digest", "approval", "proofreading", "is_prechecked"])
    codes = [one.code for one in added]
    audit.record(actor, "ra.change_materials", request, added=codes, removed=removed, digest=request.materials_digest)
    return request


def ensure_changeable(request: ServiceRequest) -> None:
    """Whether data and materials may still change. Raises RequestClosed, IssuanceUnderWay."""
    if request.state != RequestState.OPEN:
        raise RequestClosed(number=request.number, state=request.get_state_display())
    if request.issuance_id is not None:
        raise IssuanceUnderWay(number=request.number)


def settle(move: Move, request: ServiceRequest) -> None:
    """After a change: drop decisions that no longer hold and send the request back to the first one that is missing."""
    process = moving.process_of(request)
    before = process.position(request.step)
    if request.approval is not None and not moving.is_approval_current(request):
        request.approval = None
    if request.proofreading is not None and not moving.is_proofreading_current(request):
        request.proofreading = None
    first = rules.first_open_step(
        process,
        is_prechecked=request.is_prechecked,
        is_approved=request.approval is not None,
        is_entered=bool(request.data_digest),
        is_proofread=request.proofreading is not None,
    )
    if process.position(first) < before:
        move.went_back(request, first)
    else:
        move.touched(request)
