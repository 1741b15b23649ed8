"""What all steps have in common: requests read under lock and scope, right and turn checked, time line kept."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from banyan.domain import audit, bulk
from banyan.domain.ca.models import CertificatePair
from banyan.domain.iam import rights
from banyan.domain.parties.scoping import in_sight
from banyan.domain.prepared import Prepared, new
from banyan.domain.ra import rules, working_days
from banyan.domain.ra.errors import ApprovalVoid, RequestChanged, RequestClosed, RequestNotFound, SamePerson, StepNotDue
from banyan.domain.ra.models import Approval, Proofreading, RequestState, ServiceRequest, StepRecord
from banyan.domain.ra.processes import Process, Verb, process_at
from banyan.domain.ra.tallies import Changes
from banyan.domain.ra.values import Outcome, Refused
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_, BanyanError

# Columns that moving on changes; a step adds its own.
_REQUESTS = Prepared(
    lambda ids: ServiceRequest.objects.unscoped("chosen by scope").filter(pk__among=ids).order_by("pk"), locks=True
)
_APPROVALS = Prepared(lambda ids: Approval.objects.filter(pk__among=ids))
_PROOFREADINGS = Prepared(lambda ids: Proofreading.objects.filter(pk__among=ids))
_MOVED = ("step", "state", "due_on", "is_due_provisional", "due_from", "updated_at", "closed_at")


def process_of(request: ServiceRequest) -> Process:
    """The process a request goes through, in the version that it began with."""
    return process_at(request.process, request.process_version)


def find(actor: Actor, request_ids: Sequence[int]) -> dict[int, ServiceRequest]:
    """The requests within the actor's sight, locked for this transaction."""
    found = {request.pk: request for request in _REQUESTS.rows(in_sight(ServiceRequest, actor, request_ids))}
    _attach(found.values(), "approval", _APPROVALS)
    _attach(found.values(), "proofreading", _PROOFREADINGS)
    return found


def _attach(requests: Iterable[ServiceRequest], name: str, decisions: Prepared[Any]) -> None:
    """Give each request its decision, as ``select_related`` would."""
    wanted = {key: request for request in requests if (key := getattr(request, f"{name}_id")) is not None}
    for decision in decisions.rows(wanted) if wanted else ():
        setattr(wanted[decision.pk], name, decision)


def ensure_turn(request: ServiceRequest, verb: Verb) -> None:
    """Whether ``verb`` is what has to be done now. Raises RequestClosed, StepNotDue."""
    if request.state != RequestState.OPEN:
        raise RequestClosed(number=request.number, state=request.get_state_display())
    if request.step != verb:
        due = process_of(request).step(request.step)
        raise StepNotDue(
            number=request.number,
            due=due.verb.label,
            role=rights.ROLE_NAMES[rights.Role(due.role)],
            command=due.verb.command(request.number),
            step=verb.label,
        )


def ensure_right(actor: Actor, request: ServiceRequest, verb: Verb) -> None:
    """Whether the actor may do this step of this process. Raises iam.RightMissing, and as ``ensure_turn`` for a step that
    the process does not have.
    """
    process = process_of(request)
    if not process.has(verb):
        ensure_turn(request, verb)
    rights.require(actor, process.step(verb).right)


def person_of(actor: Actor) -> rules.Person:
    """The two things by which one person is recognised."""
    return actor.id, actor.credential_id


def ensure_other_person(actor: Actor, request: ServiceRequest, verb: Verb) -> None:
    """The four-eyes rule of the machine: who enters, who proofreads and who approves are three people; nor does anybody
    approve what they took in themselves.

    Raises SamePerson (an audited refusal).
    """
    others: dict[str, rules.Person] = {}
    if verb is not Verb.ENTER and request.entered_by is not None:
        others[Verb.ENTER.label] = (request.entered_by, request.entered_credential)
    if verb is not Verb.PROOFREAD and request.proofreading is not None:
        others[Verb.PROOFREAD.label] = (request.proofreading.proofreader, request.proofreading.credential)
    if verb is not Verb.APPROVE and request.approval is not None:
        others[Verb.APPROVE.label] = (request.approval.approver, request.approval.credential)
    if verb is Verb.APPROVE:
        others[N_("受理")] = (request.opened_by, None)
    before = rules.conflicting_step(person_of(actor), others)
    if before is not None:
        raise SamePerson(number=request.number, step=verb.label, before=before)


def is_approval_current(request: ServiceRequest, identity_digest: str = "") -> bool:
    """Whether the approval is of exactly these materials and this identity (its digest, where it is known already)."""
    approval = request.approval
    return (
        approval is not None
        and approval.decision == Approval.Decision.APPROVED
        and approval.request_id == request.pk
        and approval.materials_digest == request.materials_digest
        and approval.identity_digest == (identity_digest or rules.identity_digest(rules.identity_of(request)))
    )


def ensure_approved(request: ServiceRequest) -> None:
    """The approval is of exactly this identity and genuine. Raises ApprovalVoid, audit RowForged."""
    if request.approval is None or not is_approval_current(request):
        raise ApprovalVoid(number=request.number)
    request.approval.verify_row()


def ensure_pair_of_holder(request: ServiceRequest) -> None:
    """The pair that a request acts on belongs to the holder whom the request names, by the pair's guarded row.

    A modification may move a person to another body. Raises RequestChanged, audit RowForged.
    """
    if request.pair_id is None:
        return
    pair = CertificatePair.objects.unscoped("the pair this request acts on").get(pk=request.pair_id).verify_row()
    ours, theirs = (
        (one.person_id, one.device_id, None if one.person_id or one.device_id else one.organization_id)
        for one in (request, pair)
    )
    if ours != theirs:
        raise RequestChanged(number=request.number)


def is_proofreading_current(request: ServiceRequest) -> bool:
    """Whether the proofreading is of exactly these data."""
    proofreading = request.proofreading
    return (
        proofreading is not None
        and proofreading.request_id == request.pk
        and proofreading.data_digest == request.data_digest
    )


class Move:
    """One transaction's moving on of requests: rows, time line and dashboard numbers, written together at its end."""

    def __init__(self, actor: Actor, now: datetime) -> None:
        self.actor = actor
        self.now = now
        self.requests: list[ServiceRequest] = []
        self._records: list[StepRecord] = []
        self._changes = Changes()

    def opened(self, request: ServiceRequest, first: Verb) -> None:
        """A new request begins at a step."""
        self._go(request, first)
        self._changes.entered(request)
        self._changes.add(f"opened:{request.business}", request.region_code, request.system)

    def done(self, request: ServiceRequest, verb: Verb, outcome: str = "ok", note: str = "") -> None:
        """A step was done; the request goes to the next one, or is finished after the last."""
        self.note(request, verb, outcome, note)
        following = process_of(request).after(verb)
        self._changes.left(request)
        if following is None:
            self._close(request, RequestState.DONE)
            self._changes.finished(request, self.now, self.actor.point_id)
        else:
            self._go(request, following.verb)
        self._changes.entered(request)
        self._take(request)

    def touched(self, request: ServiceRequest) -> None:
        """Something of the request changed that leaves it at its step."""
        request.updated_at = self.now
        self._take(request)

    def stayed(self, request: ServiceRequest, verb: Verb, outcome: str, note: str = "") -> None:
        """Something happened at a step that leaves the request there."""
        self.note(request, verb, outcome, note)
        self.touched(request)

    def went_back(self, request: ServiceRequest, to: Verb) -> None:
        """Decisions became void: the request goes back to a step."""
        self._changes.left(request)
        self._go(request, to)
        self._changes.entered(request)
        self._take(request)

    def closed(self, request: ServiceRequest, verb: Verb, state: RequestState, outcome: str, note: str = "") -> None:
        """The request ends here."""
        self.note(request, verb, outcome, note)
        self._changes.left(request)
        self._close(request, state)
        self._changes.entered(request)
        self._take(request)

    def note(self, request: ServiceRequest, verb: str, outcome: str, note: str = "") -> None:
        """One entry of the time line."""
        self._records.append(
            new(
                StepRecord,
                request_id=request.pk,
                step=str(verb),
                outcome=outcome,
                actor=self.actor.id,
                actor_name=self.actor.name[:100],
                at=self.now,
                note=note[:400],
                due_on=request.due_on,
                is_late=working_days.is_late(request.due_on, self.now),
            )
        )

    def write(self, fields: Iterable[str] = ()) -> None:
        """Write what moved. Raises RequestChanged when somebody else moved a request in between."""
        save(self.requests, (*_MOVED, *fields))
        self.write_lines()

    def write_lines(self) -> None:
        """Write time line and numbers only (the requests are new and written by their own action)."""
        bulk.append_many(self._records)
        self._changes.write()

    def _go(self, request: ServiceRequest, verb: Verb) -> None:
        request.step = str(verb)
        due = working_days.due_date(self.now, process_of(request).step(verb).working_days)
        request.due_on, request.is_due_provisional = due.on, due.is_provisional
        request.due_from = working_days.local_date(self.now)
        request.updated_at = self.now

    def _close(self, request: ServiceRequest, state: RequestState) -> None:
        request.state, request.step = str(state), ""
        request.due_on, request.is_due_provisional, request.due_from = None, False, None
        request.updated_at = request.closed_at = self.now

    def _take(self, request: ServiceRequest) -> None:
        if not self.requests or self.requests[-1] is not request:
            self.requests.append(request)


def save(requests: Sequence[ServiceRequest], fields: Iterable[str]) -> None:
    """Write columns of requests, each only if its version is still the one read. Raises RequestChanged."""
    if not requests:
        return
    before = [request.version for request in requests]
    for request in requests:
        request.version += 1
    if bulk.update_rows(requests, (*fields, "version"), where="version", before=before) != len(requests):
        raise RequestChanged(number=requests[0].number if len(requests) == 1 else "…")


def each(
    actor: Actor,
    event: str,
    request_ids: Sequence[int],
    work: Callable[[ServiceRequest], None],
    *,
    before: Callable[[Collection[ServiceRequest]], None] | None = None,
) -> tuple[list[ServiceRequest], Outcome]:
    """Find requests and do ``work`` on each; those that refuse are left as they are. Inside an action.

    ``before`` sees all of them first, for what is cheaper done at once. A refusal that an auditor should know of is
    recorded under ``event``.
    """
    found = find(actor, request_ids)
    if before is not None:
        before(found.values())
    outcome = Outcome()
    good: list[ServiceRequest] = []
    for index, pk in enumerate(request_ids):
        request = found.get(pk)
        try:
            if request is None:
                raise RequestNotFound
            work(request)
        except BanyanError as error:
            outcome.requests.append(None)
            outcome.refusals.append(Refused(index, error))
            if getattr(error, "audited_refusal", False):
                audit.refusal(actor, event, error, request)
        else:
            outcome.requests.append(request)
            good.append(request)
    return good, outcome


def alone(outcome: Outcome) -> ServiceRequest:
    """The one request of a batch of one. Raises what refused it."""
    if outcome.refusals:
        raise outcome.refusals[0].error
    return outcome.done[0]
