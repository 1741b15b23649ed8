"""The search index of names: pairs of characters, first characters, and spellings in pinyin, in one small table.

A query is answered by intersecting the entries of its fragments, rarest first, alike on SQLite and PostgreSQL.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from enum import IntEnum
from functools import lru_cache
from typing import Any, TypeVar

from django.db import models
from django.db.models import Exists, OuterRef, Q

from banyan.domain import bulk
from banyan.domain.driver import Driver

from .errors import SearchTooShort
from .kinds import NamedKind
from .models import NameGram
from .names import comparison_form, name_fragments, pinyin_forms
from .scoping import ScopedQuerySet

_M = TypeVar("_M", bound=models.Model)
_TYPED = re.compile(r"[a-z0-9]+")
_COLUMNS = ("kind", "gram", "object_id")
_FRAGMENTS_USED = 8
# A fragment that more names hold is common: it is probed row by row instead of listed.
_COMMON = 2_000
# So many spellings that begin as typed are looked at where nothing narrows the rows.
_SPELLINGS = 2_000
# After any spelling that starts so: letters sort above digits and alike in every collation.
_LAST = "z" * 64


class _Form(IntEnum):
    """What a gram is, as the last digit of the stored kind."""

    FRAGMENT = 0
    FIRST = 1
    SPELLING = 2
    INITIALS = 3


def index_new(kind: NamedKind, names: Iterable[tuple[int, str]]) -> None:
    """Index objects that were just created: (primary key, name), any number of them in one write."""
    bulk.insert_values(
        NameGram._meta.db_table,
        _COLUMNS,
        [(code, gram, key) for key, name in names for code, gram in _grams(kind, name)],
    )


def reindex(kind: NamedKind, key: int, old_name: str, new_name: str) -> None:
    """Follow a change of name."""
    before, after = set(_grams(kind, old_name)), set(_grams(kind, new_name))
    for code, gram in sorted(before - after):
        NameGram.objects.filter(kind=code, gram=gram, object_id=key).delete()
    NameGram.objects.bulk_create(
        [NameGram(kind=code, gram=gram, object_id=key) for code, gram in sorted(after - before)], ignore_conflicts=True
    )


def search(rows: ScopedQuerySet[_M], kind: NamedKind, text: str) -> ScopedQuerySet[_M]:
    """The rows among ``rows`` whose name matches: any part in characters, or spelling or initials from the start.

    One character finds the names that begin with it. Where ``rows`` are those of the whole province and more than
    ``_SPELLINGS`` names begin as typed, some of them are found: whoever wants one of the others types on. Raises
    SearchTooShort when nothing searchable was typed.
    """
    key = comparison_form(text)
    if not key:
        raise SearchTooShort
    by_name = _by_characters(kind, key)
    typed = "".join(unicodedata.normalize("NFKC", text).casefold().replace("'", "").split()).replace("ü", "v")
    if _TYPED.fullmatch(typed):
        spelt = _spelt(kind, typed, is_narrowed=bool(rows.query.where))
        return rows.filter(spelt | by_name) if by_name else rows.filter(spelt)
    return rows.filter(by_name) if by_name else rows.none()


@lru_cache(maxsize=20000)  # people share names, and a sheet repeats the same bodies
def _grams(kind: NamedKind, name: str) -> tuple[tuple[int, str], ...]:
    spellings, initials = pinyin_forms(name, is_person=kind == NamedKind.PERSON)
    found = {(_code(kind, _Form.FRAGMENT), gram) for gram in name_fragments(name)}
    found.add((_code(kind, _Form.FIRST), comparison_form(name)[:1]))
    found |= {(_code(kind, _Form.SPELLING), gram) for gram in spellings}
    found |= {(_code(kind, _Form.INITIALS), gram) for gram in initials}
    return tuple(sorted(found))


def _code(kind: NamedKind, form: _Form) -> int:
    return int(kind) * 10 + int(form)


def _entries(code: int, **conditions: Any) -> "models.QuerySet[NameGram, Any]":
    return NameGram.objects.filter(kind=code, **conditions)


def _starting(kind: NamedKind, form: _Form, prefix: str) -> "models.QuerySet[NameGram, Any]":
    return _entries(_code(kind, form), gram__gte=prefix, gram__lte=prefix + _LAST).values("object_id")


def _spelt(kind: NamedKind, typed: str, *, is_narrowed: bool) -> Q:
    forms = [_starting(kind, form, typed) for form in (_Form.SPELLING, _Form.INITIALS)]
    if is_narrowed:
        return Q(pk__in=forms[0]) | Q(pk__in=forms[1])
    keys = {
        key for form in forms for (key,) in form.order_by("gram", "object_id").values_list("object_id")[:_SPELLINGS]
    }
    return Q(pk__among=keys)


def _by_characters(kind: NamedKind, key: str) -> Q | None:
    """The condition on rows, or None when no name can match."""
    if len(key) == 1:
        return Q(pk__in=_entries(_code(kind, _Form.FIRST), gram=key).values("object_id"))
    code = _code(kind, _Form.FRAGMENT)
    wanted = sorted(name_fragments(key))
    held = _holders(code, wanted[:_FRAGMENTS_USED])
    least, rarest = min(held)
    if not least:
        return None
    condition = Q(name_key__contains=key)
    if least < _COMMON:
        condition &= Q(pk__in=_entries(code, gram=rarest).values("object_id"))
    for _, gram in held:
        if gram != rarest or least >= _COMMON:
            condition &= Q(Exists(_entries(code, gram=gram, object_id=OuterRef("pk"))))
    return condition


def _holders(code: int, grams: Sequence[str]) -> list[tuple[int, str]]:
    """How many names hold each fragment, counted up to ``_COMMON``: the cost of asking does not grow with the names."""
    driver, table = Driver(), NameGram._meta.db_table
    one = (
        f'(SELECT count(*) FROM (SELECT 1 FROM "{table}" WHERE kind = {driver.slot} AND gram = {driver.slot} '  # noqa: S608
        f"LIMIT {_COMMON}) AS held)"
    )
    statement = f"SELECT {', '.join([one] * len(grams))}"
    ((*counted,),) = driver.rows(statement, [value for gram in grams for value in (code, gram)])
    return list(zip(counted, grams, strict=True))
