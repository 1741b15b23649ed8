"""Reading how far an import got and what became of its rows."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import models

from banyan.domain.iam import rights
from banyan.domain.ra import storing
from banyan.domain.sheets.models import RowOutcome, SheetImport
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_, BanyanError, fill


@dataclass(frozen=True)
class RowReport:
    """One row's outcome for people and programs: the request's number and what to look at, or every fault."""

    row: int
    request: str
    faults: list[dict[str, Any]]
    notices: list[dict[str, Any]] = field(default_factory=list)


class ImportNotFound(BanyanError):
    code = "sheets.import_not_found"
    message = N_("没有找到这次导入。")


def imports(actor: Actor, limit: int = 50) -> list[SheetImport]:
    """The actor's own imports, newest first."""
    rights.require(actor, "sheet.import")
    return list(SheetImport.objects.filter(actor=actor.id).order_by("-pk")[:limit])


def sheet_import(actor: Actor, import_id: int) -> SheetImport:
    """One import of the actor. Raises ImportNotFound."""
    rights.require(actor, "sheet.import")
    found = SheetImport.objects.filter(actor=actor.id, pk=import_id).first()
    if found is None:
        raise ImportNotFound
    return found


def original(actor: Actor, import_id: int) -> bytes:
    """The bytes of a sheet that the actor imported, to go on with it. Raises ImportNotFound, sealing.SealBroken."""
    sheet = sheet_import(actor, import_id)
    return storing.read_kept(sheet.sm3, sheet.path)


def request_ids(actor: Actor, import_id: int) -> list[int]:
    """The requests that an import opened, in the order of the sheet."""
    found = RowOutcome.objects.filter(sheet=sheet_import(actor, import_id), request_id__isnull=False)
    return [pk for pk in found.order_by("row").values_list("request_id", flat=True) if pk is not None]


def outcomes(sheet: SheetImport, *, only_failed: bool = False, only_noticed: bool = False) -> Iterator[RowReport]:
    """One outcome a row, in the order of the sheet.

    ``faults`` and ``notices`` have column, shown, code, message (untranslated) and fields.
    """
    found = RowOutcome.objects.filter(sheet=sheet).order_by("row")
    if only_failed:
        found = found.filter(request_id__isnull=True)
    if only_noticed:
        found = _noticed(sheet).order_by("row")
    for row in found.iterator(2000):
        told = json.loads(row.faults) if row.faults else []
        if row.request_id is None:
            yield RowReport(row.row, row.request_number, told)
        else:
            yield RowReport(row.row, row.request_number, [], told)


def failed_page(sheet: SheetImport, *, after: int = 0, limit: int = 50) -> list[RowReport]:
    """A page of the rows that were not taken, after a row."""
    found = RowOutcome.objects.filter(sheet=sheet, request_id__isnull=True, row__gt=after).order_by("row")
    return [RowReport(one.row, "", json.loads(one.faults) if one.faults else []) for one in found[:limit]]


def noticed_page(sheet: SheetImport, *, limit: int = 50) -> list[RowReport]:
    """The first rows that were taken though a person should look at them."""
    return [
        RowReport(one.row, one.request_number, [], json.loads(one.faults))
        for one in _noticed(sheet).order_by("row")[:limit]
    ]


def noticed(sheet: SheetImport) -> int:
    """How many rows were taken though a person should look at them."""
    return _noticed(sheet).count()


def _noticed(sheet: SheetImport) -> models.QuerySet[RowOutcome]:
    return RowOutcome.objects.filter(sheet=sheet, request_id__isnull=False).exclude(faults="")


def text(fault: dict[str, Any], translate: Any = str) -> str:
    """A fault's message in a language."""
    return fill(translate(fault["message"]), fault["fields"])
