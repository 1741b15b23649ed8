"""The only writes to the rulebook: one administrator asks for a new version, another confirms it, and it takes effect."""

import json
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any, Final

from django.db import transaction

from banyan import gm
from banyan.domain import audit
from banyan.domain.administering import calendar_settings, documents
from banyan.domain.ca.rules import canonical_json
from banyan.domain.iam.dual_control import confirm_dual, request_dual, use_dual
from banyan.domain.iam.models import DualControlRequest, DualState
from banyan.domain.iam.rights import DUAL_KINDS, require
from banyan.domain.ra.working_days import LOCAL, local_date
from banyan.domain.rulebook import snapshots
from banyan.domain.rulebook.errors import ChangedBefore, EffectiveTooEarly, NothingChanged, ReasonMissing
from banyan.domain.rulebook.models import Recomputation, RuleVersion
from banyan.kernel.actor import Actor

KIND: Final = "rulebook.change"
LONGEST_REASON: Final = 400


@audit.action
def ask_for_change(
    actor: Actor,
    document: str,
    content: Mapping[str, Any] | None,
    *,
    reason: str,
    now: datetime,
    effective_on: date | None = None,
    base: int | None = None,
) -> DualControlRequest:
    """First administrator: ask for a new content of a document (None: what the product ships).

    It takes effect when it is confirmed, or with the beginning of ``effective_on`` in the province. ``base``: the newest version
    when the page was shown. Raises SettingRefused, NothingChanged, ChangedBefore, ReasonMissing, EffectiveTooEarly,
    DocumentUnknown, RightMissing.
    """
    require(actor, DUAL_KINDS[KIND].request_right)
    newest = _newest(document)
    if base is not None and base != newest:
        raise ChangedBefore
    text = canonical_json(content) if content is not None else ""
    _ensure_change(document, text)
    wanted = " ".join(reason.split())[:LONGEST_REASON]
    if not wanted:
        raise ReasonMissing
    if effective_on is not None and effective_on < local_date(now):
        raise EffectiveTooEarly
    payload = {
        "document": document,
        "content": text,
        "base": newest,
        "reason": wanted,
        "effective_on": effective_on.isoformat() if effective_on else "",
    }
    return request_dual(actor=actor, kind=KIND, payload=payload, now=now)


@audit.action
def confirm_change(actor: Actor, request: DualControlRequest, now: datetime) -> RuleVersion:
    """Second administrator: confirm what was asked for; it is carried out in the same moment.

    One that was confirmed elsewhere is carried out by either of the two. Raises SamePerson, DualRequestExpired,
    DualRequestClosed, ChangedBefore, SettingRefused, RightMissing.
    """
    if request.state != DualState.CONFIRMED:
        request = confirm_dual(actor=actor, request=request, now=now)
    request, payload = use_dual(actor=actor, request=request, kind=KIND, now=now)
    audit.alone()  # versions get their numbers and keys in the order in which they are committed
    document, text = payload["document"], payload["content"]
    newest = _newest(document)
    if newest != payload["base"]:
        raise ChangedBefore
    _ensure_change(document, text)
    version = RuleVersion(
        document=document,
        number=newest + 1,
        content=text,
        reason=payload["reason"],
        effective_at=max(_begins(payload["effective_on"], now), now),
        asked_by=request.requested_by_id,
        confirmed_by=request.confirmed_by_id or 0,
        dual_request=request.pk,
        at=now,
    )
    version.save()
    _plan_recomputation(version)
    digest = gm.sm3(text.encode()).hex()
    effective = version.effective_at.isoformat()
    audit.record(
        actor,
        "rulebook.changed",
        version,
        document=document,
        number=version.number,
        digest=digest,
        effective_at=effective,
    )
    snapshots.forget()
    transaction.on_commit(snapshots.forget)
    return version


def _ensure_change(document: str, text: str) -> None:
    content = json.loads(text) if text else None
    if content is not None:
        documents.check(document, content)
    latest = RuleVersion.objects.filter(document=document).order_by("-number").first()
    stands = latest.content if latest else ""
    if canonical_json(content if text else documents.shipped(document)) == canonical_json(
        json.loads(stands) if stands else documents.shipped(document)
    ):
        raise NothingChanged


def _begins(day: str, now: datetime) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(), LOCAL).astimezone(now.tzinfo) if day else now


def _plan_recomputation(version: RuleVersion) -> None:
    """Open requests whose period touches the year get their due date anew; the jobs process carries it out."""
    year = calendar_settings.year_of(version.document)
    if year is not None:
        # A notice may begin in the December before its year.
        first, last = date(year - 1, 12, 1), date(year, 12, 31)
        Recomputation.objects.create(version=version, first_day=first, last_day=last)


def _newest(document: str) -> int:
    numbers = RuleVersion.objects.filter(document=document).order_by("-number").values_list("number", flat=True)
    return numbers.first() or 0
