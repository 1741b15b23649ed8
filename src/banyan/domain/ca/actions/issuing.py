"""Intents: opened before anything is signed, handed to a connector, called off."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from django.db import IntegrityError
from django.db import connection as database

from banyan.domain import audit, bulk
from banyan.domain.audit.models import insert_guarded
from banyan.domain.ca import access, checks, rules
from banyan.domain.ca.actions.permission import require
from banyan.domain.ca.checks import Checked
from banyan.domain.ca.errors import IssuanceConflict, IssuanceNotOpen, KeyUsedBefore
from banyan.domain.ca.models import Issuance, SubjectKey
from banyan.domain.ca.ports import Connector, IssuanceTask
from banyan.domain.ca.values import IssuanceRequest, Opened, Refused, RoundReport
from banyan.domain.prepared import Prepared, new
from banyan.kernel.actor import Actor
from banyan.kernel.errors import ServiceUnavailable
from banyan.kernel.identifiers import new_serial, serial_hex


def open_issuance(actor: Actor, request: IssuanceRequest, now: datetime) -> Issuance:
    """Open one intent; see ``open_issuances``. Raises what refuses it."""
    opened = open_issuances(actor, [request], now)
    if opened.refusals:
        raise opened.refusals[0].error
    issuance = opened.issuances[0]
    assert issuance is not None  # noqa: S101  (an intent or a refusal)
    return issuance


def open_issuances(
    actor: Actor, requests: Sequence[IssuanceRequest], now: datetime, *, check_signatures: bool = True
) -> Opened:
    """Record intents to issue, in slices of their own transactions; a bad one is refused and does not hold up the rest.

    Checked: the PKCS#10 (form, strength, and its signature unless ``check_signatures`` is False: the signer verifies it
    in any case), that the key was never certified nor asked to be, that it is no CA's, algorithm, names, validity. The
    same (request, version) with the same content gives the same intent again.

    Raises iam.RightMissing and UnknownAuthority; everything else comes back as refusals.
    """
    require(actor, "requests.issue")
    result = Opened(issuances=[None] * len(requests))
    for start in range(0, len(requests), rules.SLICE):
        part = requests[start : start + rules.SLICE]
        checked, refusals = checks.check_requests(part, check_signatures=check_signatures)
        try:
            issuances, late = _open_slice(actor, checked, now)
        except IntegrityError:
            # Somebody else wrote one of the keys or requests between our look and our write: look again.
            issuances, late = _open_slice(actor, checked, now)
        for index, issuance in issuances:
            result.issuances[start + index] = issuance
        for refused in (*refusals, *late):
            result.refusals.append(Refused(start + refused.index, refused.error))
            if getattr(refused.error, "audited_refusal", False):
                audit.refusal(actor, "ca.open_issuance", refused.error)
    result.refusals.sort(key=lambda refused: refused.index)
    return result


@audit.action
def _open_slice(
    actor: Actor, checked: Sequence[Checked], now: datetime
) -> tuple[list[tuple[int, Issuance]], list[Refused]]:
    """Write one slice of intents. A retried transaction begins here and reads everything again."""
    refusals: list[Refused] = []
    known = _known_intents(checked)
    used = _used_keys([item.key for item in checked])
    opened: list[tuple[int, Issuance]] = []
    fresh: list[tuple[Checked, Issuance]] = []
    for item in checked:
        request = item.request
        before = known.get((request.request_id, request.request_version))
        if before is not None:
            if _is_same(before, item):
                opened.append((item.index, before))
            else:
                error = IssuanceConflict(request=request.request_id, version=request.request_version)
                refusals.append(Refused(item.index, error))
        elif item.key in used:
            refusals.append(Refused(item.index, KeyUsedBefore()))
        else:
            used.add(item.key)
            issuance = _intent(item, now)
            known[(request.request_id, request.request_version)] = issuance
            fresh.append((item, issuance))
            opened.append((item.index, issuance))
    _write(actor, fresh)
    return opened, refusals


def _write(actor: Actor, fresh: Sequence[tuple[Checked, Issuance]]) -> None:
    issuances = [issuance for _, issuance in fresh]
    insert_guarded(issuances)
    # In the order of the keys, so that each page of the index is visited once.
    keys = sorted((item.key, issuance.pk, False) for item, issuance in fresh)
    if keys:
        bulk.insert_values(SubjectKey._meta.db_table, ("key", "issuance_id", "is_encryption"), keys)
    audit.record_many(actor, "ca.open_issuance", issuances, details=[{"request": row.request_id} for row in issuances])


def _intent(item: Checked, now: datetime) -> Issuance:
    request, authority = item.request, item.authority
    connector = request.connector or authority.connector
    is_own = connector == rules.EMBEDDED
    return new(
        Issuance,
        request_id=request.request_id,
        request_version=request.request_version,
        system=request.system,
        kind=request.kind,
        profile=request.profile,
        ca_id=authority.pk,
        connector=connector,
        subject_der=request.subject_der,
        subject_name=request.subject_name,
        extension_values=request.extension_values,
        csr_der=item.csr.der,
        not_before=request.not_before,
        not_after=request.not_after,
        data_digest=request.data_digest,
        approval_id=request.approval_id,
        proofreading_id=request.proofreading_id,
        signing_serial=serial_hex(new_serial(now)) if is_own else "",
        encryption_serial=serial_hex(new_serial(now)) if is_own and item.profile.is_pair else "",
        region_code=request.region_code,
        person_id=request.person_id,
        organization_id=request.organization_id,
        device_id=request.device_id,
        token_id=request.token_id,
        token_serial=request.token_serial,
        container=request.container,
        supersedes_id=request.supersedes_id,
        state=str(Issuance.State.INTENT),
        task_no=rules.task_number(request.request_id, request.request_version, item.key),
        next_try_at=now,
        opened_at=now,
    )


_KNOWN = Prepared(lambda ids: Issuance.objects.filter(request_id__among=ids))
_USED = Prepared(lambda keys: SubjectKey.objects.filter(key__among=keys), ("key",))


def _known_intents(checked: Sequence[Checked]) -> dict[tuple[int, int], Issuance]:
    found = _KNOWN.rows({item.request.request_id for item in checked})
    return {(row.request_id, row.request_version): row for row in found}


def _used_keys(keys: Iterable[int]) -> set[int]:
    return {row.key for row in _USED.rows(keys)}


def _is_same(before: Issuance, item: Checked) -> bool:
    request = item.request
    return (
        bytes(before.csr_der) == item.csr.der
        and bytes(before.subject_der) == request.subject_der
        and before.profile == request.profile
        and before.extension_values == request.extension_values
        and before.data_digest == request.data_digest
    )


@audit.action
def void_issuance(actor: Actor, issuance_id: int, now: datetime, *, reason: str = "") -> Issuance:
    """Call an intent off that no CA has answered. Should the CA issue all the same, the pair is recorded and revoked.

    Raises IssuanceNotOpen.
    """
    require(actor, "requests.issue")
    issuance = access.locked(Issuance.objects.filter(pk=issuance_id)).get()
    if issuance.state not in (Issuance.State.INTENT, Issuance.State.SUBMITTED):
        raise IssuanceNotOpen(issuance=issuance.pk, state=issuance.get_state_display())
    issuance.state = Issuance.State.VOID
    issuance.voided_at = now
    issuance.save()
    audit.record(actor, "ca.void_issuance", issuance, reason=reason)
    return issuance


def submit_due(actor: Actor, connector: Connector, now: datetime, *, limit: int = 2000) -> RoundReport:
    """Hand intents that are due to their connector, slice by slice; nothing is locked while it works.

    A connector that does not answer leaves them queued with a growing pause (A11). Repeating is harmless: a task number
    names one piece of work for ever.
    """
    report = RoundReport()
    for _ in submitting(actor, connector, now, report, limit=limit):
        pass
    return report


def submitting(actor: Actor, connector: Connector, now: datetime, report: RoundReport, *, limit: int) -> Iterator[None]:
    """``submit_due`` a slice a step, told in ``report``."""
    require(actor, "requests.issue")
    while report.submitted < limit:
        due = access.intents_due(connector.code, now, min(rules.SLICE, limit - report.submitted))
        if not due:
            return
        tasks = [task_of(issuance, ca) for issuance, ca in due]
        ids = [issuance.pk for issuance, _ in due]
        try:
            connector.submit_many(tasks)
        except ServiceUnavailable:
            report.is_up = False
            _postpone(actor, connector.code, ids, now)
            return
        _mark_submitted(actor, connector.code, ids, now)
        report.submitted += len(ids)
        yield


def task_of(issuance: Issuance, ca: str) -> IssuanceTask:
    """The task that carries out an intent."""
    return IssuanceTask(
        task_no=issuance.task_no,
        issuance=issuance.pk,
        ca=ca,
        system=issuance.system,
        kind=issuance.kind,
        profile=issuance.profile,
        csr=bytes(issuance.csr_der),
        subject_der=bytes(issuance.subject_der),
        not_before=issuance.not_before,
        not_after=issuance.not_after,
        extension_values=issuance.extension_values,
    )


@audit.action
def _mark_submitted(actor: Actor, connector: str, ids: Sequence[int], now: datetime) -> None:
    moment = bulk.moment(now)
    changed = bulk.mark(
        Issuance, ids, only=str(Issuance.State.INTENT), state=str(Issuance.State.SUBMITTED), submitted_at=moment,
        attempts=0, next_try_at=moment,
    )  # fmt: skip
    audit.record(actor, "ca.submit", None, connector=connector, count=changed, first=ids[0], last=ids[-1])


@audit.action
def _postpone(actor: Actor, connector: str, ids: Sequence[int], now: datetime) -> None:
    rows = Issuance.objects.filter(pk__among=ids, state=Issuance.State.INTENT).values_list("pk", "attempts")
    moment = database.ops.adapt_datetimefield_value
    values = [[n + 1, moment(now + rules.wait_before_retry(n + 1)), pk] for pk, n in rows]
    bulk.update_values(Issuance, ("attempts", "next_try_at"), values)
    audit.record(actor, "ca.submit", None, outcome="unavailable", connector=connector, count=len(values))
