"""Opening requests: at the counter, online, by API, from a sheet; thousands at once or one."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from banyan.domain import audit, bulk, outbox
from banyan.domain.iam import rights
from banyan.domain.prepared import new
from banyan.domain.ra import entering, entries, moving, numbers, rules, sealed_data, seals, storing, working_days
from banyan.domain.ra.entering import Entered, Plan
from banyan.domain.ra.errors import SealTaken
from banyan.domain.ra.models import Material, RequestState, ServiceRequest
from banyan.domain.ra.moving import Move
from banyan.domain.ra.processes import Verb
from banyan.domain.ra.subjects import Holders, Known
from banyan.domain.ra.values import Outcome, Refused, RequestDraft
from banyan.domain.systems import access as systems
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_, BanyanError

SLICE = 450
_NOTHING = Known()
_IN_THIS_SLICE = N_("同一批的另一份申请")


def open_request(actor: Actor, draft: RequestDraft, now: datetime, *, key: str = "") -> ServiceRequest:
    """Open one request (受理). ``key`` is the caller's idempotency key: the same key gives the same request.

    Raises what refuses the draft; outbox.ContentDiffers when the key came with another draft.
    """
    if key:
        return _open_once(actor, draft, now, key)
    return moving.alone(open_requests(actor, [draft], now))


@audit.action
def _open_once(actor: Actor, draft: RequestDraft, now: datetime, key: str) -> ServiceRequest:
    # Identity and materials stand for the draft; data are salted, so only their plain text would do and is not kept.
    content = [draft.business, draft.system, draft.kind, draft.person_id, draft.organization_id, draft.device_id,
               draft.pair_id, draft.reason, draft.channel, draft.region_code, repr(draft.data)]  # fmt: skip
    call = outbox.idempotent("ra.open_request", key, content, now=now)
    if call.is_repeat:
        return ServiceRequest.objects.unscoped("the outcome of this very call").get(pk=call.outcome["request"])
    request = moving.alone(open_requests(actor, [draft], now))
    call.remember({"request": request.pk})
    return request


def open_requests(actor: Actor, drafts: Sequence[RequestDraft], now: datetime, *, known: Known = _NOTHING) -> Outcome:
    """Open many requests in slices of their own transactions; a bad one is refused and does not hold up the rest.

    On channels where data come along (online, API, sheet) they are entered at once, by the same person. ``known``:
    what an action around this one has just read or registered.
    """
    rights.require(actor, "requests.create")
    result = Outcome()
    for start in range(0, len(drafts), SLICE):
        part = drafts[start : start + SLICE]
        for draft in part:
            storing.keep_files(draft.materials)
        outcome = _open_slice(actor, part, now, known)
        result.requests += outcome.requests
        result.refusals += [Refused(start + refused.index, refused.error) for refused in outcome.refusals]
    return result


@audit.action
def _open_slice(actor: Actor, drafts: Sequence[RequestDraft], now: datetime, known: Known) -> Outcome:
    outcome = Outcome(requests=[None] * len(drafts))
    planned: list[tuple[int, Plan]] = []
    doors = systems.Doors(actor)
    for index, draft in enumerate(drafts):
        try:
            plan = entering.plan(actor, draft, now)
            doors.ensure_open(plan.system)
            planned.append((index, plan))
        except BanyanError as error:
            outcome.refusals.append(Refused(index, error))
    holders = Holders.load([plan for _, plan in planned], known=known)
    ready: list[tuple[int, Plan, Entered | None]] = []
    for index, plan in planned:
        try:
            ready.append((index, plan, _prepare(actor, plan, holders)))
        except BanyanError as error:
            outcome.refusals.append(Refused(index, error))
    ready = _with_free_seals(ready, outcome, now)
    if ready:
        requests = _write(actor, [(plan, entered) for _, plan, entered in ready], now)
        for (index, _, _), request in zip(ready, requests, strict=True):
            outcome.requests[index] = request
    outcome.refusals.sort(key=lambda refused: refused.index)
    return outcome


def _with_free_seals(
    ready: list[tuple[int, Plan, Entered | None]], outcome: Outcome, now: datetime
) -> list[tuple[int, Plan, Entered | None]]:
    """Those whose seal nobody has, neither on record nor earlier in this very slice; the others are refused."""
    known = seals.uses({item.seal_index for _, _, item in ready if item is not None and item.seal_index}, now)
    free = []
    for index, plan, item in ready:
        seal = item.seal_index if item is not None else None
        body, is_on_pair = plan.organization_id, plan.pair is not None
        try:
            seals.ensure_free(known, seal, organization_id=body, is_on_pair=is_on_pair)
        except SealTaken as error:
            outcome.refusals.append(Refused(index, error))
            continue
        if seal is not None:
            known.setdefault(seal, []).append(seals.Use(0, _IN_THIS_SLICE, body))
        free.append((index, plan, item))
    return free


def _prepare(actor: Actor, plan: Plan, holders: Holders) -> Entered | None:
    entering.name_holder(plan, holders)
    entering.ensure_region(actor, plan.region_code, holders)
    data = plan.draft.data
    if data is None or not plan.process.has(Verb.ENTER):
        return None
    return entering.enter(
        policy=plan.policy, kind=plan.kind, region_code=plan.region_code, item=plan, data=data, holders=holders
    )


def _write(actor: Actor, ready: Sequence[tuple[Plan, Entered | None]], now: datetime) -> list[ServiceRequest]:
    requests = _rows(actor, ready, now)
    _seal(requests, [entered for _, entered in ready])
    _number_rows(requests)
    move = Move(actor, now)
    for request, (plan, entered) in zip(requests, ready, strict=True):
        first = plan.process.steps[0].verb
        if entered is not None and first is Verb.ENTER:
            move.opened(request, first)
            move.done(request, Verb.ENTER)
        else:
            move.opened(request, first)
    bulk.insert_many(requests)
    bulk.append_many(_materials(actor, requests, [plan for plan, _ in ready], now))
    move.write_lines()
    with_data = [request for request, (_, item) in zip(requests, ready, strict=True) if item is not None]
    rows = {entry.request_id: [entry] for entry in entries.write(actor, with_data, now)}
    audit.record_many(
        actor,
        "ra.open_request",
        requests,
        rows=[rows.get(one.pk, []) for one in requests],
        details=[{"business": one.business, "system": one.system, "number": one.number} for one in requests],
    )
    return requests


def _number_rows(requests: Sequence[ServiceRequest]) -> None:
    for request, pk in zip(requests, bulk.next_ids(ServiceRequest, len(requests)), strict=True):
        request.pk = pk


def _rows(actor: Actor, ready: Sequence[tuple[Plan, Entered | None]], now: datetime) -> list[ServiceRequest]:
    by_prefix: dict[str, list[int]] = defaultdict(list)
    for position, (plan, _) in enumerate(ready):
        by_prefix[plan.policy.number_prefix].append(position)
    given: dict[int, str] = {}
    for prefix, positions in sorted(by_prefix.items()):
        taken = numbers.take_numbers(prefix, working_days.local_date(now), len(positions))
        given.update(zip(positions, taken, strict=True))
    return [_row(actor, given[position], plan, entered, now) for position, (plan, entered) in enumerate(ready)]


def _row(actor: Actor, number: str, plan: Plan, entered: Entered | None, now: datetime) -> ServiceRequest:
    draft = plan.draft
    is_entered = entered is not None or not plan.process.has(Verb.ENTER)
    pair = plan.pair
    return new(
        ServiceRequest,
        number=number,
        business=draft.business,
        system=plan.system,
        kind=plan.kind,
        profile=entered.profile if entered else pair.profile if pair else "",
        channel=draft.channel,
        process=plan.process.code,
        process_version=plan.process.number,
        state=str(RequestState.OPEN),
        subject_name=plan.subject_name[:200],
        person_id=plan.person_id,
        organization_id=plan.organization_id,
        device_id=plan.device_id,
        region_code=plan.region_code,
        subject_der=entered.subject_der if entered else b"",
        extension_values=entered.extension_values if entered else "{}",
        materials_digest=_materials_digest(tuple([(one.code, storing.digest_of(one)) for one in draft.materials])),
        reason=draft.reason,
        opened_by=actor.id,
        entered_by=actor.id if is_entered else None,
        entered_credential=actor.credential_id if is_entered else None,
        pair_id=pair.pk if pair else None,
        seal_index=entered.seal_index if entered else None,
        token_id=pair.token_id if pair else None,
        token_serial=pair.token_serial if pair else "",
        opened_at=now,
        updated_at=now,
    )


# The requests of a sheet all rest on that one file.
_materials_digest = lru_cache(maxsize=256)(rules.materials_digest)


def _seal(requests: Sequence[ServiceRequest], entered: Sequence[Entered | None]) -> None:
    """Seal each request's data to its number. A request without data yet carries an empty text's digest."""
    texts = [item.text if item else "" for item in entered]
    sealed = sealed_data.seal_many([(request.number, text) for request, text in zip(requests, texts, strict=True)])
    for request, value, digest, text in zip(requests, sealed, rules.data_digests(texts), texts, strict=True):
        request.data_sealed = value
        request.data_digest = digest if text else ""


def _materials(
    actor: Actor, requests: Sequence[ServiceRequest], plans: Sequence[Plan], now: datetime
) -> list[Material]:
    return [
        storing.row(request.pk, one, actor.id, now)
        for request, plan in zip(requests, plans, strict=True)
        for one in plan.draft.materials
    ]
