"""What the offline verifier finds in requests: identity and materials of whatever became a certificate.

Requests and materials carry no MAC. The approval that an issued pair rests upon does, and holds the digests of both; they
cannot change rightly any more. So nothing is computed or stored while requests are opened.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper

from banyan.domain.audit.walking import Finding
from banyan.domain.ca.models import CertificatePair, Issuance
from banyan.domain.ra import rules
from banyan.domain.ra.models import Approval, Material, ServiceRequest

_BATCH: Final = 1000
_REQUEST = ServiceRequest._meta.label_lower
_TABLES = tuple(model._meta.db_table for model in (CertificatePair, Issuance, Approval, ServiceRequest, Material))
_PAIR, _ISSUANCE, _APPROVAL, _OF_REQUEST, _MATERIAL = (f'"{table}"' for table in _TABLES)
_IDENTITY = ", ".join(f'r."{name}"' for name in rules.IDENTITY_FIELDS)
_ISSUED = f"""
    SELECT p.id, i.request_id, a.materials_digest, a.identity_digest, r.id, {_IDENTITY}
    FROM {_PAIR} p JOIN {_ISSUANCE} i ON i.id = p.issuance_id JOIN {_APPROVAL} a ON a.id = i.approval_id
    LEFT JOIN {_OF_REQUEST} r ON r.id = i.request_id
    WHERE p.id > %s ORDER BY p.id LIMIT {_BATCH}
"""  # noqa: S608  (names of our own tables)
_digest_of_materials = lru_cache(maxsize=256)(rules.materials_digest)


def changed_requests(database: BaseDatabaseWrapper) -> Iterator[Finding]:
    """Requests behind issued pairs that are not those that were approved, or have other materials."""
    with database.cursor() as cursor:
        real = {one.name for one in database.introspection.get_table_list(cursor) if one.type in "tp"}
    missing = [table for table in _TABLES if table not in real]
    if missing:  # renamed, or a view in its place: what it would have shown cannot be trusted
        yield from (Finding("table_missing", table) for table in missing)
        return
    last = 0
    while rows := _rows(database, _ISSUED, [last]):
        materials = _materials(database, [row[1] for row in rows])
        for pair, request, of_materials, of_identity, found, *identity in rows:
            last = pair
            if found is None:
                yield Finding("request_missing", f"{_REQUEST}:{request}")
                continue
            if _identity(identity) != of_identity:
                yield Finding("request_changed", f"{_REQUEST}:{request}")
            if _digest_of_materials(tuple(sorted(materials.get(request, ())))) != of_materials:
                yield Finding("materials_changed", f"{_REQUEST}:{request}")


def _materials(database: BaseDatabaseWrapper, requests: Sequence[int]) -> dict[int, list[tuple[str, str]]]:
    slots = ", ".join(["%s"] * len(requests))
    statement = f"SELECT request_id, code, sm3 FROM {_MATERIAL} WHERE removed_at IS NULL AND request_id IN ({slots})"  # noqa: S608
    found: dict[int, list[tuple[str, str]]] = {}
    for request, code, sm3 in _rows(database, statement, requests):
        found.setdefault(request, []).append((str(code), str(sm3)))
    return found


def _identity(values: Sequence[Any]) -> str:
    """The digest of an identity; of one that holds what no column may hold, nothing."""
    try:
        return rules.identity_digest(dict(zip(rules.IDENTITY_FIELDS, values, strict=True)))
    except (TypeError, ValueError):
        return ""


def _rows(database: BaseDatabaseWrapper, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    with database.cursor() as cursor:
        cursor.execute(statement, values)
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found
