"""Actions and their records: the decorator every writing function carries, and the appending of records."""

import functools
import inspect
import secrets
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from typing import Any, ParamSpec, TypeVar, overload

from django.db import DatabaseError, OperationalError, connection, models, transaction

from banyan.domain import bulk
from banyan.domain.audit import chain, collecting
from banyan.domain.audit.collecting import Collector, Draft
from banyan.domain.audit.errors import AuditError, HeadMissing, TooManyRecords
from banyan.domain.audit.models import AuditHead, AuditRecord, GuardedModel, ring
from banyan.domain.audit.turns import write_turn
from banyan.domain.driver import Driver, deferring
from banyan.kernel.actor import Actor, system_actor
from banyan.kernel.clock import now as clock_now
from banyan.kernel.errors import BanyanError

P = ParamSpec("P")
R = TypeVar("R")

RECORDS_A_TRANSACTION = 500
_ATTEMPTS = 6
_FIRST_PAUSE_S = 0.02
_RETRIED_STATES = {"40001", "40P01"}  # serialization failure, deadlock
_HEAD = 1


@overload
def action(function: Callable[P, R]) -> Callable[P, R]: ...
@overload
def action(
    *, limit: int = ..., retry: bool = ..., savepoint: bool = ...
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


def action(
    function: Callable[P, R] | None = None,
    *,
    limit: int = RECORDS_A_TRANSACTION,
    retry: bool = True,
    savepoint: bool = True,
) -> Any:
    """Make a function an action: one transaction, its audit records appended last, tried again when the
    database asks.

    - A nested action joins the outer one (its own failure undoes only its part, when the outer one catches
    it; one that refuses before it writes anything needs no ``savepoint`` for that).
    - An error in writing the audit fails the action.
    - An error whose class says ``audited_refusal = True`` is recorded in a transaction of its own, then
    raised on.
    - A retried function runs again from its start, so it reads what it decides on inside itself.

    The refusal names the ``actor`` argument, the function (``ra.approve``) and, when there is one, the first
    model instance among the arguments.
    """

    def decorate(wrapped: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(wrapped)
        event = _event_of(wrapped)

        @functools.wraps(wrapped)
        def run(*args: P.args, **kwargs: P.kwargs) -> R:
            outer = collecting.active()
            if outer is not None:
                return _nested(outer, lambda: wrapped(*args, **kwargs), savepoint)
            arguments = signature.bind_partial(*args, **kwargs).arguments
            return _outermost(lambda: wrapped(*args, **kwargs), event, arguments, limit, retry)

        run.is_audited_action = True  # type: ignore[attr-defined]  # an architecture test looks for it
        return run

    return decorate(function) if function is not None else decorate


@contextmanager
def action_scope(*, now: datetime | None = None, limit: int = RECORDS_A_TRANSACTION) -> Iterator[Collector]:
    """An action as a block, for tests and one-off work; not retried. Joins a running action."""
    outer = collecting.active()
    if outer is not None:
        yield outer
        return
    collector = Collector(limit, now)
    collecting.activate(collector)
    try:
        with write_turn(), transaction.atomic(durable=True), deferring():
            yield collector
            _finish(collector)
    finally:
        collecting.activate(None)
        _append_refusals(collector)


def record(
    actor: Actor,
    event: str,
    obj: models.Model | None,
    *,
    outcome: str = "ok",
    rows: Iterable[GuardedModel] = (),
    **detail: Any,
) -> None:
    """Say what was done, inside an action. ``obj`` is what it was done to, as it stands after the write.

    ``rows`` are further guarded rows written with it: one record accounts for all of them. ``detail`` holds
    field names, codes and keyed digests (``digest``), never values of protected fields.
    """
    collector = collecting.current(event)
    collector.add(
        collecting.draft(
            actor, event, obj, outcome=outcome, rows=rows, detail=collecting.detail_text(detail), at=collector.now
        )
    )


def record_many(
    actor: Actor,
    event: str,
    objs: Sequence[models.Model],
    *,
    outcome: str = "ok",
    rows: Sequence[Iterable[GuardedModel]] | None = None,
    details: Sequence[Mapping[str, Any]] | None = None,
    **detail: Any,
) -> None:
    """One record an object; ``rows[i]`` and ``details[i]`` belong to ``objs[i]``, ``detail`` to all."""
    collector = collecting.current(event)
    common = collecting.detail_text(detail)
    for position, obj in enumerate(objs):
        text = collecting.detail_text({**detail, **details[position]}) if details is not None else common
        own = rows[position] if rows is not None else ()
        collector.add(collecting.draft(actor, event, obj, outcome=outcome, rows=own, detail=text, at=collector.now))


def refusal(
    actor: Actor | None, event: str, error: BanyanError | str, obj: models.Model | None = None, **detail: Any
) -> None:
    """Record that something was refused, in a transaction of its own.

    Inside an action it is kept until the action has ended, so that rolling back does not erase it.
    """
    code = error if isinstance(error, str) else error.code
    item = collecting.draft(
        actor or system_actor("unknown"),
        event,
        obj,
        outcome="refused",
        rows=(),
        detail=collecting.detail_text({"code": code, **detail}),
        at=None,
    )
    item.rows = []  # nothing was written
    outer = collecting.active()
    if outer is not None:
        outer.refusals.append(item)
        return
    _append_alone([item])


def digest(value: str) -> str:
    """Keyed digest of a protected value, for ``detail``."""
    return ring().digests.of(value)


def _event_of(function: Callable[..., Any]) -> str:
    package = function.__module__.removeprefix("banyan.domain.").split(".")[0]
    return f"{package}.{function.__name__}"[:64]


def _nested(outer: Collector, call: Callable[[], R], savepoint: bool) -> R:
    mark = outer.mark()
    try:
        with transaction.atomic() if savepoint else nullcontext():
            return call()
    except BaseException:
        outer.back_to(mark)
        raise


def _outermost(call: Callable[[], R], event: str, arguments: Mapping[str, Any], limit: int, retry: bool) -> R:
    moment = arguments.get("now")
    attempts = 1 if connection.in_atomic_block or not retry else _ATTEMPTS
    for attempt in range(attempts):
        collector = Collector(limit, moment if isinstance(moment, datetime) else None)
        collecting.activate(collector)
        try:
            with write_turn(), transaction.atomic(durable=True), deferring():
                result = call()
                _finish(collector)
        except OperationalError as error:
            if attempt + 1 == attempts or not _is_worth_retrying(error):
                raise
            _pause(attempt)
            continue
        except BanyanError as error:
            collecting.activate(None)
            if getattr(error, "audited_refusal", False):
                collector.refusals.append(_refusal_of(error, event, arguments))
            raise
        else:
            return result
        finally:
            collecting.activate(None)
            _append_refusals(collector)
    raise AssertionError("unreachable")


def _is_worth_retrying(error: DatabaseError) -> bool:
    cause = error.__cause__
    if getattr(cause, "sqlstate", None) in _RETRIED_STATES:
        return True
    return "locked" in str(error) or "busy" in str(error)


def _pause(attempt: int) -> None:
    time.sleep(_FIRST_PAUSE_S * 2**attempt * (500 + secrets.randbelow(1000)) / 1000)  # spreads waiting writers


def _refusal_of(error: BanyanError, event: str, arguments: Mapping[str, Any]) -> Draft:
    actor = arguments.get("actor")
    if not isinstance(actor, Actor):
        actor = next((value for value in arguments.values() if isinstance(value, Actor)), system_actor("unknown"))
    obj = next((value for value in arguments.values() if isinstance(value, models.Model) and value.pk), None)
    item = collecting.draft(
        actor, event, obj, outcome="refused", rows=(), detail=collecting.detail_text({"code": error.code}), at=None
    )
    item.rows = []
    return item


def _append_refusals(collector: Collector) -> None:
    if collector.refusals:
        items, collector.refusals = collector.refusals, []
        _append_alone(items)


def _append_alone(items: Sequence[Draft]) -> None:
    for attempt in range(_ATTEMPTS):
        try:
            with write_turn(), transaction.atomic():
                append(items)
            return
        except OperationalError as error:
            if connection.in_atomic_block or attempt + 1 == _ATTEMPTS or not _is_worth_retrying(error):
                raise
            _pause(attempt)


def _finish(collector: Collector) -> None:
    collector.ensure_all_recorded()
    if len(collector.drafts) > collector.limit:
        raise TooManyRecords(count=len(collector.drafts), limit=collector.limit)
    append(collector.drafts)


def append(drafts: Sequence[Draft]) -> None:
    """Give records their place in the chain and write them; the head stays locked until the commit that
    follows.
    """
    if not drafts:
        return
    moment = clock_now()
    key = ring().audit_key
    sequence, epoch, previous = locked_head()
    rows: list[tuple[Any, ...]] = []
    for item in drafts:
        sequence += 1
        values = _values(item, sequence, epoch, item.at or moment)
        previous = chain.link(key, previous, chain.content(values))
        rows.append((*values, previous))
    bulk.insert_values(AuditRecord._meta.db_table, chain.COLUMNS, rows)
    slot = (driver := Driver()).slot
    written = f"UPDATE audit_head SET sequence = {slot}, chain = {slot} WHERE id = {slot}"  # noqa: S608  (own names)
    driver.later(written, [sequence, previous, _HEAD])


def _values(item: Draft, sequence: int, epoch: int, at: datetime) -> tuple[Any, ...]:
    actor = item.actor
    return (
        sequence,
        epoch,
        chain.microseconds(at),
        actor.kind,
        actor.id,
        chain.clean(actor.name, 128),
        actor.session_id,
        actor.credential_id,
        item.event,
        item.outcome,
        item.object_type,
        item.object_id,
        item.detail,
        chain.pack_rows(item.rows),
    )


def alone() -> None:
    """From here to its end no other action ends: for rare ones that write only if nobody wrote the same. Inside an action."""
    locked_head()


def locked_head() -> tuple[int, int, bytes]:
    """Sequence, epoch and chain value of the head, locked until the transaction ends."""
    driver = Driver()
    lock = " FOR UPDATE" if driver.is_postgresql else ""  # SQLite holds the write lock since BEGIN IMMEDIATE
    statement = f"SELECT sequence, epoch, chain FROM audit_head WHERE id = {driver.slot}{lock}"  # noqa: S608  (own names)
    found = driver.rows(statement, [_HEAD])
    if not found:
        _begin_chain()
        found = driver.rows(statement, [_HEAD])
    sequence, epoch, chained = found[0]
    return sequence, epoch, bytes(chained)


def _begin_chain() -> None:
    # Whoever wrote the first record at this very moment committed the head with it.
    if AuditRecord.objects.exists() and not AuditHead.objects.filter(pk=_HEAD).exists():
        raise HeadMissing
    AuditHead.objects.bulk_create(
        [AuditHead(id=_HEAD, sequence=0, epoch=1, chain=chain.GENESIS)], ignore_conflicts=True
    )


__all__ = [
    "RECORDS_A_TRANSACTION",
    "AuditError",
    "action",
    "action_scope",
    "alone",
    "append",
    "digest",
    "record",
    "record_many",
    "refusal",
]
