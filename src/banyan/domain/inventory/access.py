"""Reading of stock, tokens and tasks; tokens and tasks are scoped to what the actor may see."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Count

from banyan.domain.iam import rights
from banyan.domain.parties.scoping import ScopedQuerySet
from banyan.kernel.actor import Actor

from .errors import TaskNotFound, TokenNotFound, UnknownMedium
from .models import KeyMedium, PersonalizationTask, TaskState, Token, TokenAgent
from .rules import token_serial

_UNFINISHED = (TaskState.OPEN, TaskState.WRITTEN)
# Parameters of one look-up; SQLite takes 32,766.
_LOOKED_UP_AT_ONCE = 5000


@dataclass(frozen=True)
class StockCount:
    """How many tokens of one medium are in one state at one issuing point (None: the centre)."""

    issuing_point_id: int | None
    issuing_point: str
    medium: str
    medium_kind: str
    state: str
    count: int


def media() -> Sequence[KeyMedium]:
    """The media in use."""
    return list(KeyMedium.objects.filter(is_active=True).order_by("code"))


def medium(code: str) -> KeyMedium:
    """A medium in use. Raises UnknownMedium."""
    found = KeyMedium.objects.filter(code=code, is_active=True).first()
    if found is None:
        raise UnknownMedium(medium=code)
    return found


def tokens(actor: Actor) -> ScopedQuerySet[Token]:
    """The tokens the actor may see."""
    rights.require(actor, "tokens.read")
    return Token.objects.visible_to(actor)


def token(actor: Actor, token_id: int) -> Token:
    """One token, its row checked. Raises TokenNotFound, or audit RowForged when it was changed outside the product."""
    found = tokens(actor).filter(pk=token_id).first()
    if found is None:
        raise TokenNotFound(token=token_id)
    return found.verify_row()


def token_by_serial(actor: Actor, serial: str) -> Token:
    """One token by its number. Raises SerialInvalid, TokenNotFound, audit RowForged."""
    number = token_serial(serial)
    found = tokens(actor).filter(serial=number).first()
    if found is None:
        raise TokenNotFound(token=number)
    return found.verify_row()


def agents(actor: Actor) -> ScopedQuerySet[TokenAgent]:
    """The token agents on the list that the actor may see, newest first."""
    if not rights.has(actor, "tokens.register_agents"):
        rights.require(actor, "tokens.read")
    return TokenAgent.objects.visible_to(actor).filter(ended_at__isnull=True).order_by("-registered_at", "-pk")


def tasks(actor: Actor) -> ScopedQuerySet[PersonalizationTask]:
    """The tasks the actor may see."""
    rights.require(actor, "tokens.read")
    return PersonalizationTask.objects.visible_to(actor)


def unfinished_tasks(actor: Actor) -> ScopedQuerySet[PersonalizationTask]:
    """Pairs still on their way into a token, oldest first."""
    return tasks(actor).filter(state__in=_UNFINISHED).order_by("pk")


def task_of_issuance(actor: Actor, issuance_id: int) -> PersonalizationTask:
    """The task of an issued pair. Raises TaskNotFound."""
    found = tasks(actor).filter(issuance_id=issuance_id).first()
    if found is None:
        raise TaskNotFound(task=issuance_id)
    return found


def containers_of(actor: Actor, token_id: int) -> Sequence[PersonalizationTask]:
    """What a token holds: its verified tasks, the one in use first."""
    return list(tasks(actor).filter(token_id=token_id, state=TaskState.VERIFIED).order_by("-is_current", "-pk"))


def unaccounted(issuance_ids: Iterable[int]) -> set[int]:
    """Of these issued pairs, those that neither a token nor an unfinished task accounts for: always a defect."""
    wanted = list(issuance_ids)
    missing = set(wanted)
    everything = PersonalizationTask.objects.unscoped("reconciliation over the whole installation")
    for start in range(0, len(wanted), _LOOKED_UP_AT_ONCE):
        part = wanted[start : start + _LOOKED_UP_AT_ONCE]
        missing -= set(
            everything.filter(issuance_id__in=part).exclude(state=TaskState.VOID).values_list("issuance_id", flat=True)
        )
    return missing


def stock_counts(actor: Actor) -> list[StockCount]:
    """Tokens by issuing point, medium and state, as far as the actor may see (规范 3.4)."""
    found = (
        tokens(actor)
        .values("issuing_point_id", "issuing_point__name", "medium_id", "medium__kind", "state")
        .annotate(count=Count("pk"))
        .order_by("issuing_point_id", "medium_id", "state")
    )
    return [
        StockCount(
            row["issuing_point_id"], row["issuing_point__name"] or "", row["medium_id"], row["medium__kind"],
            row["state"], row["count"],
        )
        for row in found
    ]  # fmt: skip
