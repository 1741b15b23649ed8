"""Reading and making many rows without what the ORM does for each: queries compiled once, instances filled directly.

On the paths that issue certificates by the thousand, compiling a query costs more than running it, and Django's
``Model.__init__`` costs more than storing the row. The rows made here are ordinary instances of their models.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Generic, TypeVar

from django.db import connection, models
from django.db.models.base import ModelState

from banyan.domain.driver import Driver

_M = TypeVar("_M", bound=models.Model)


@models.ForeignObject.register_lookup
@models.Field.register_lookup
class Among(models.Lookup):
    """``pk__among=ids``: one parameter for any number of values, so the text of the statement does not depend on it."""

    lookup_name = "among"

    def get_prep_lookup(self) -> Any:
        return self.rhs if self.rhs is _SLOT else list(self.rhs)

    def get_db_prep_lookup(self, value: Any, connection: Any) -> Any:  # noqa: ARG002  (as the ORM names it)
        return "%s", [value if value is _SLOT else array(value)]

    def as_sqlite(self, compiler: Any, connection: Any) -> Any:
        return self._as(compiler, connection, "{} IN (SELECT value FROM json_each({}))")

    def as_postgresql(self, compiler: Any, connection: Any) -> Any:
        return self._as(compiler, connection, "{} = ANY({})")

    def _as(self, compiler: Any, connection: Any, form: str) -> Any:
        left, left_values = self.process_lhs(compiler, connection)
        right, right_values = self.process_rhs(compiler, connection)
        return form.format(left, right), [*left_values, *right_values]


class _Slot:
    """Where the values of ``among`` go in a query compiled before they are known."""


_SLOT: Any = _Slot()


def array(values: Iterable[Any]) -> Any:
    """Many values as one parameter."""
    found = list(values)
    return found if connection.vendor == "postgresql" else json.dumps(found)


class Prepared(Generic[_M]):
    """A query by ``among``, compiled at its first use: ``build`` makes it from the values' place.

    ``fields`` (column attributes) are read; others are fetched by the ORM when somebody asks for them, as with ``only``.
    ``locks`` the rows until the transaction ends. The query's scope is checked when it is compiled, by the query itself.
    """

    def __init__(
        self, build: Callable[[Any], "models.QuerySet[_M, _M]"], fields: Sequence[str] = (), *, locks: bool = False
    ) -> None:
        self._build = build
        self._fields = tuple(fields)
        self._locks = locks
        self._plans: dict[str, _Plan[_M]] = {}

    def rows(self, values: Iterable[Any]) -> list[_M]:
        """The rows whose key is among the values."""
        return self._plan().rows(array(values))

    def values(self, values: Iterable[Any]) -> list[list[Any]]:
        """As ``rows``, but the plain values of ``fields`` in their order."""
        return self._plan().values(array(values))

    def _plan(self) -> "_Plan[_M]":
        plan = self._plans.get(connection.vendor)
        if plan is None:
            found = self._build(_SLOT)
            if self._locks and connection.vendor == "postgresql":
                found = found.select_for_update(of=("self",))
            plan = self._plans[connection.vendor] = _Plan(found, self._fields)
        return plan


class _Plan(Generic[_M]):
    def __init__(self, found: "models.QuerySet[_M, _M]", fields: Sequence[str]) -> None:
        self._model = found.model
        every = {one.attname: one for one in self._model._meta.concrete_fields}
        wanted = [every[name] for name in dict.fromkeys((self._model._meta.pk.attname, *(fields or every)))]
        self._names = [one.attname for one in wanted]
        self._readers = [(place, how) for place, one in enumerate(wanted) if (how := _reader(one)) is not None]
        sql, parameters = found.values_list(*self._names).query.get_compiler(connection=connection).as_sql()
        self._sql, self._parameters = str(sql), tuple(parameters)
        if connection.vendor == "sqlite":
            self._sql = self._sql % (("?",) * len(self._parameters))

    def rows(self, values: Any) -> list[_M]:
        alias = connection.alias
        return [self._instance(row, alias) for row in self.values(values)]

    def values(self, values: Any) -> list[list[Any]]:
        parameters = [values if one is _SLOT else one for one in self._parameters]
        found = [list(row) for row in Driver().rows(self._sql, parameters)]
        for place, how in self._readers:
            for row in found:
                row[place] = how(row[place])
        return found

    def _instance(self, values: list[Any], alias: str) -> _M:
        row: _M = object.__new__(self._model)
        state = ModelState()
        state.adding, state.db = False, alias
        row.__dict__.update(zip(self._names, values, strict=True), _state=state)
        return row


def _reader(field: "models.Field[Any, Any]") -> Callable[[Any], Any] | None:
    """What the driver's value of a column still needs; None where it comes as the model has it."""
    if isinstance(field, models.DateTimeField) and connection.vendor == "sqlite":
        return _aware
    if isinstance(field, models.BinaryField) and connection.vendor == "postgresql":
        return _bytes
    return None


def _aware(value: datetime | None) -> datetime | None:
    return value.replace(tzinfo=UTC) if value is not None else None


def _bytes(value: Any) -> bytes | None:
    return bytes(value) if value is not None else None


def new(model: type[_M], **values: Any) -> _M:
    """A new, unsaved instance; ``values`` by column attribute (``ca_id``), the others have their defaults.

    Raises TypeError for a name that is no column.
    """
    defaults = _defaults(model)
    row = object.__new__(model)
    row.__dict__.update(defaults, **values)
    if len(row.__dict__) != len(defaults):
        raise TypeError(f"{model.__name__} has no column {sorted(values.keys() - defaults.keys())}")
    row._state = ModelState()
    return row


@lru_cache(maxsize=64)
def _defaults(model: type[models.Model]) -> dict[str, Any]:
    """Defaults by column attribute. Raises TypeError for a default that is computed: it would be shared by all rows."""
    for field in model._meta.concrete_fields:
        if callable(field.default) and field.default is not models.NOT_PROVIDED:
            raise TypeError(f"{model.__name__}.{field.name}: the default is computed")
    return {field.attname: field.get_default() for field in model._meta.concrete_fields}
