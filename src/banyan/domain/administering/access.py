"""Reading of what administrators set: changes that wait, versions, and what a change touches."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count

from banyan.domain.administering import documents
from banyan.domain.administering.actions import KIND
from banyan.domain.administering.said import Said, say
from banyan.domain.iam import access as iam
from banyan.domain.iam import rights
from banyan.domain.iam.errors import DualRequestUnknown
from banyan.domain.iam.models import DualControlRequest, DualState
from banyan.domain.inventory.models import KeyMedium
from banyan.domain.ra.models import RequestState, ServiceRequest
from banyan.domain.rulebook.errors import DocumentUnknown
from banyan.domain.rulebook.models import Recomputation, RuleVersion
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_

READ = "systems.read"
MOST = 50


@dataclass(frozen=True)
class Change:
    """A change that was asked for: what stood when it was asked, what it would say, from when."""

    request: DualControlRequest
    document: str
    before: Sequence[Said]
    after: Sequence[Said]
    content: documents.Content
    reason: str
    effective_on: str
    touches: Sequence[Said]


def pending(actor: Actor, now: datetime) -> list[DualControlRequest]:
    """Changes that wait for the second person, or were confirmed elsewhere and not carried out. Raises RightMissing."""
    rights.require(actor, READ)
    found = DualControlRequest.objects.filter(
        kind=KIND, state__in=(DualState.PENDING, DualState.CONFIRMED), expires_at__gt=now
    )
    return list(found.select_related("requested_by").order_by("pk")[:MOST])


def document_of(request: DualControlRequest) -> str:
    """The document that a change is of."""
    return str(json.loads(request.payload)["document"])


def change(actor: Actor, request_id: int) -> Change:
    """One change, whatever became of it. Raises DualRequestUnknown, RightMissing."""
    rights.require(actor, READ)
    request = iam.dual_request(request_id)
    if request.kind != KIND:
        raise DualRequestUnknown(id=request_id)
    payload: dict[str, Any] = json.loads(request.payload)
    document = payload["document"]
    content = json.loads(payload["content"]) if payload["content"] else documents.shipped(document)
    return Change(
        request,
        document,
        documents.lines(document, _stored(document, payload["base"])),
        documents.lines(document, content),
        content,
        payload["reason"],
        payload["effective_on"],
        touches(document),
    )


def touches(document: str) -> list[Said]:
    """What a change of a document means for open requests, counted."""
    family, _, code = document.partition(":")
    open_ones = ServiceRequest.objects.unscoped("a number for who decides on a rule").filter(state=RequestState.OPEN)
    if family == "process":
        n = open_ones.filter(process=code).count()
        return [say(N_("在办的 {n} 件按原来的版本办完，新受理的按新版本。"), n=n)]
    if family == "system":
        n = open_ones.filter(system=code, issuance_id__isnull=True).count()
        return [say(N_("这个系统在办、还没有签发的有 {n} 件，签发时按新的设置。"), n=n)]
    if family == "calendar":
        n = open_ones.count()
        return [say(N_("在办的 {n} 件中，期限落在这一年的会重新计算。"), n=n)]
    counted = open_ones.filter(step="precheck").aggregate(n=Count("pk"))
    return [say(N_("等待初审的 {n} 件按新的清单核对，已通过初审的不再补交。"), n=counted["n"])]


def _stored(document: str, number: int) -> documents.Content:
    row = RuleVersion.objects.filter(document=document, number=number).first()
    if row is None or not row.verify_row().content:
        return documents.shipped(document)
    content: dict[str, Any] = json.loads(row.content)
    return content


def newest_number(document: str) -> int:
    """The newest version of a document, in force or to come; 0 for none."""
    numbers = RuleVersion.objects.filter(document=document).order_by("-number").values_list("number", flat=True)
    return numbers.first() or 0


def newest_content(document: str) -> documents.Content:
    """What the newest version says: a change begins there."""
    return _stored(document, newest_number(document))


def versions(actor: Actor, document: str = "", *, before: int | None = None, limit: int = 30) -> list[RuleVersion]:
    """Versions, the newest first. Raises RightMissing."""
    rights.require(actor, READ)
    found = RuleVersion.objects.select_related("recomputation").order_by("-pk")
    if document:
        found = found.filter(document=document)
    if before is not None:
        found = found.filter(pk__lt=before)
    return list(found[:limit])


def version(actor: Actor, document: str, number: int) -> RuleVersion:
    """One version, row checked. Raises DocumentUnknown, RightMissing, audit RowForged."""
    rights.require(actor, READ)
    found = RuleVersion.objects.filter(document=document, number=number).first()
    if found is None:
        raise DocumentUnknown(document=f"{document}/{number}"[:60])
    return found.verify_row()


def compared(document: str, number: int) -> tuple[list[Said], list[Said]]:
    """What the version before said, and what this one says."""
    before, after = (documents.lines(document, _stored(document, one)) for one in (number - 1, number))
    return before, after


def recomputations(actor: Actor) -> list[Recomputation]:
    """Due dates that still have to follow a calendar. Raises RightMissing."""
    rights.require(actor, READ)
    return list(Recomputation.objects.filter(finished_at__isnull=True).select_related("version").order_by("pk"))


def media(actor: Actor) -> list[KeyMedium]:
    """Makers' products that are registered. Raises RightMissing."""
    rights.require(actor, READ)
    return list(KeyMedium.objects.order_by("kind", "code"))
