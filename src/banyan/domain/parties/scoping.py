"""The scope by region: rows of a scoped model cannot be read until somebody has said for whom.

``Model.objects`` of a scoped model answers nothing before ``visible_to(actor)`` or ``unscoped("why")``: iterating,
counting, aggregating, ``values``, ``exists``, set operations, subqueries, bulk updates and deletions all raise
``ScopeMissing``. The check sits where a query becomes SQL, so there is no method of a queryset that goes around it.
Sight follows the closure of the region tree, never a code prefix: 福州 (350100) sees its own counties, but neither
平潭 (350128, which the province runs by itself) nor the bodies of the province (350000).
"""

from collections.abc import Iterable, Sequence
from typing import Any, NoReturn, Self, TypeVar

from django.db import models
from django.db.models.fields.reverse_related import ForeignObjectRel
from django.db.models.sql import AND, Query
from django.db.models.sql.compiler import SQLCompiler
from django.db.models.sql.datastructures import Join

from banyan.kernel.actor import Actor

from .errors import ScopeMissing

_M = TypeVar("_M", bound=models.Model)

# Nobody has said for whom · rows of one actor's sight · everything, with a reason written in the code.
_OPEN, _SCOPED, _EVERYTHING = 0, 1, 2


class ScopedQuery(Query):
    """A query that refuses to become SQL before its scope is set."""

    scope_state = _OPEN

    def get_compiler(self, using: Any = None, connection: Any = None, elide_empty: bool = True) -> SQLCompiler:
        self.ensure_scope()
        compiler: SQLCompiler = super().get_compiler(using, connection, elide_empty)
        return compiler

    def ensure_scope(self) -> None:
        """Raise ScopeMissing unless a scope was set; parts of a union carry their own and are compiled alone."""
        if self.scope_state == _EVERYTHING or self._is_nothing():
            return
        if self.scope_state == _OPEN:
            raise ScopeMissing(model=self._model_name())
        for alias, join in self.alias_map.items():
            if self.alias_refcount.get(alias):
                _ensure_no_way_back(join)

    def join(self, join: Any, *arguments: Any, **options: Any) -> str:
        """Ordering adds its joins only while SQL is written, so a scoped query looks at each join as it comes."""
        if self.scope_state == _SCOPED:
            _ensure_no_way_back(join)
        alias: str = super().join(join, *arguments, **options)
        return alias

    def _is_nothing(self) -> bool:
        return self.where.connector == AND and self.is_empty()

    def combine(self, rhs: Query, connector: str) -> None:
        """``a | b``, ``a & b``, ``a ^ b``: the result is no better founded than its weaker side."""
        super().combine(rhs, connector)
        theirs = getattr(rhs, "scope_state", _OPEN)
        if _OPEN in (self.scope_state, theirs):
            self.scope_state = _OPEN
        elif _SCOPED in (self.scope_state, theirs):
            self.scope_state = _SCOPED

    def _model_name(self) -> str:
        return self.model.__name__ if self.model is not None else "?"


def _ensure_no_way_back(join: Any) -> None:
    """A visible row shows what it refers to, but not the rows elsewhere that refer to it."""
    field = join.join_field if isinstance(join, Join) else None
    if isinstance(field, ForeignObjectRel) and issubclass(field.related_model, RegionScoped):
        raise ScopeMissing(model=field.related_model.__name__)


class ScopedQuerySet(models.QuerySet[_M, _M]):
    """Rows of a model that belongs to regions."""

    def __init__(self, model: Any = None, query: Any = None, using: Any = None, hints: Any = None) -> None:
        super().__init__(model=model, query=query or ScopedQuery(model), using=using, hints=hints)

    def visible_to(self, actor: Actor) -> Self:
        """The rows whose region lies within what the actor may see (everything when ``actor.regions`` is None)."""
        if actor.regions is None:
            return self._with_state(_SCOPED)
        return self.within(actor.regions)

    def within(self, regions: Iterable[str]) -> Self:
        """The rows whose region is one of ``regions`` or lies below one of them."""
        below = RegionScoped.closure().filter(ancestor__in=sorted(regions)).values("descendant")
        return self.filter(region_code__in=below)._with_state(_SCOPED)

    def unscoped(self, why: str) -> Self:
        """Every row, for an action that must look across the province; ``why`` is for the reader of the code.

        Raises ValueError without a reason.
        """
        if not why.strip():
            raise ValueError("unscoped() wants the reason")
        return self._with_state(_EVERYTHING)

    def update(self, **values: Any) -> int:
        self._ensure_scope()
        return super().update(**values)

    def delete(self) -> tuple[int, dict[str, int]]:
        self._ensure_scope()
        return super().delete()

    def _raw_delete(self, using: str | None) -> int:
        self._ensure_scope()
        return super()._raw_delete(using)

    def raw(self, *arguments: Any, **options: Any) -> NoReturn:
        """Hand-written SQL over a scoped model would go around the scope."""
        del arguments, options
        raise ScopeMissing(model=self.model.__name__)

    def _ensure_scope(self) -> None:
        query = self.query
        if isinstance(query, ScopedQuery):
            query.ensure_scope()

    def _with_state(self, state: int) -> Self:
        chained = self._chain()  # type: ignore[attr-defined]  # Django's own way to copy a queryset
        # A queryset once narrowed to a sight is not widened again by a later unscoped().
        if chained.query.scope_state == _OPEN or state == _EVERYTHING:
            chained.query.scope_state = state
        return chained  # type: ignore[no-any-return]


class ScopedManager(models.Manager[_M]):
    """``objects`` of a scoped model: nothing is read before ``visible_to`` or ``unscoped``."""

    def get_queryset(self) -> ScopedQuerySet[_M]:
        return ScopedQuerySet(self.model, using=self._db)

    def visible_to(self, actor: Actor) -> ScopedQuerySet[_M]:
        """See ``ScopedQuerySet.visible_to``."""
        return self.get_queryset().visible_to(actor)

    def within(self, regions: Iterable[str]) -> ScopedQuerySet[_M]:
        """See ``ScopedQuerySet.within``."""
        return self.get_queryset().within(regions)

    def unscoped(self, why: str) -> ScopedQuerySet[_M]:
        """See ``ScopedQuerySet.unscoped``."""
        return self.get_queryset().unscoped(why)

    def raw(self, *arguments: Any, **options: Any) -> NoReturn:
        """Hand-written SQL over a scoped model would go around the scope."""
        del arguments, options
        raise ScopeMissing(model=self.model.__name__)


def in_sight(model: "type[RegionScoped]", actor: Actor, keys: Iterable[int]) -> Sequence[int]:
    """Which of some primary keys the actor may see: what is then read by these keys needs no scope of its own."""
    if actor.regions is None:
        return list(keys)
    return list(model.objects.visible_to(actor).filter(pk__among=keys).values_list("pk", flat=True))


class RegionScoped(models.Model):
    """A row that belongs to a region. ``region_code`` is a current GB/T 2260 code of the region table."""

    region_code = models.CharField(max_length=6)

    objects = ScopedManager()

    class Meta:
        abstract = True

    @staticmethod
    def closure() -> "models.QuerySet[Any, Any]":
        from .models import RegionClosure

        return RegionClosure.objects.all()
