"""The audit as its administrators read it: filtered by who, what, which thing, when; a record in detail."""

import json
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import Q
from django.http import QueryDict
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _

from banyan.domain.audit import access
from banyan.domain.audit.models import AuditRecord
from banyan.domain.iam import audit_reading, rights
from banyan.domain.iam.models import StaffAccount
from banyan.domain.parties.access import local_day
from banyan.domain.ra.working_days import LOCAL
from banyan.kernel.actor import Actor
from banyan.web import words
from banyan.web.reading.paging import Cursor, Page, page

SIZE = 50
_PAGES = {"ca.certificatepair": "certificate", "ra.servicerequest": "request"}


@dataclass(frozen=True)
class AuditFilter:
    """What is looked for. ``thing`` is a kind of object and its key: ``ra.servicerequest:17``."""

    who: str = ""
    event: str = ""
    thing: str = ""
    outcome: str = ""
    since: date | None = None
    until: date | None = None

    @classmethod
    def of(cls, values: QueryDict) -> "AuditFilter":
        """The filter in an address; what cannot be understood is left out."""
        return cls(
            who=values.get("who", "").strip()[:128],
            event=values.get("event", "").strip()[:64],
            thing=values.get("thing", "").strip()[:96],
            outcome=values.get("outcome", "") if values.get("outcome", "") in ("ok", "refused", "alarm") else "",
            since=_day(values.get("since", "")),
            until=_day(values.get("until", "")),
        )

    def query(self) -> dict[str, str]:
        """For links to other pages of the same list."""
        found = {"who": self.who, "event": self.event, "thing": self.thing, "outcome": self.outcome}
        for name, value in (("since", self.since), ("until", self.until)):
            found[name] = value.isoformat() if value else ""
        return {name: value for name, value in found.items() if value}


@dataclass(frozen=True)
class RecordRow:
    """A record in words; ``page`` names the page of its object where there is one."""

    record: AuditRecord
    event: str
    thing: str
    page: str
    outcome: str
    detail: list[tuple[str, str]]


@dataclass(frozen=True)
class AuditSummary:
    """Numbers of today for the dashboard. ``refused`` counts the last ``looked_at`` records of today at most."""

    today: int
    refused: int
    is_refused_cut: bool
    latest: list[RecordRow]


def listing(actor: Actor, cursor: Cursor, wanted: AuditFilter) -> Page[RecordRow]:
    """A page of records, newest first. Raises RightMissing."""
    found = audit_reading.all_records(actor)
    if wanted.who:
        key = _key(wanted.who)
        found = found.filter(Q(actor_name=wanted.who) | Q(actor_id=key) if key else Q(actor_name=wanted.who))
    if wanted.event.endswith("."):
        found = found.filter(event__startswith=wanted.event)
    elif wanted.event:
        found = found.filter(event=wanted.event)
    if wanted.outcome:
        found = found.filter(outcome=wanted.outcome)
    label, _, text = wanted.thing.partition(":")
    number = _key(text)
    if label:
        found = found.filter(object_type=label)
    if number:
        found = found.filter(object_id=number)
    newest = access.newest()
    if wanted.until:
        newest = access.first_since(_midnight(wanted.until + timedelta(days=1))) - 1
    if wanted.since:
        found = found.filter(pk__gte=access.first_since(_midnight(wanted.since)))
    walked = page(found, cursor, newest=newest, size=SIZE, is_indexed=bool(label and number))
    return walked.with_rows([row_of(record) for record in walked.rows])


def record(actor: Actor, number: int) -> RecordRow | None:
    """One record. Raises RightMissing."""
    found = audit_reading.all_records(actor).filter(pk=number).first()
    return row_of(found) if found is not None else None


def of_account(actor: Actor, account: StaffAccount, most: int) -> list[RecordRow]:
    """What was done to an account, its roles, credentials and links, newest first; nothing for who may not read the audit."""
    if not rights.has(actor, "audit.read"):
        return []
    wanted = Q(object_type="iam.staffaccount", object_id=account.pk)
    for label, rows in (
        ("iam.rolegrant", account.grants), ("iam.credential", account.credentials), ("iam.loginlink", account.links),
    ):  # fmt: skip
        keys = list(rows.order_by("-pk").values_list("pk", flat=True)[:most])
        wanted |= Q(object_type=label, object_id__in=keys)
    return [row_of(found) for found in audit_reading.all_records(actor).filter(wanted).order_by("-pk")[:most]]


def summary(actor: Actor, now: datetime, *, looked_at: int = 5000) -> AuditSummary:
    """Today's numbers and the latest records. Raises RightMissing."""
    everything = audit_reading.all_records(actor)
    newest, first = access.newest(), access.first_since(_midnight(local_day(now)))
    bottom = max(first, newest - looked_at + 1)
    refused = everything.filter(pk__gte=bottom).exclude(outcome="ok").exclude(outcome="pending").count()
    latest = [row_of(found) for found in everything.order_by("-pk")[:8]]
    return AuditSummary(max(newest - first + 1, 0), refused, bottom > first, latest)


def row_of(found: AuditRecord) -> RecordRow:
    """A record in words."""
    return RecordRow(
        record=found,
        event=words.event(found.event),
        thing=words.object_type(found.object_type) if found.object_type else "",
        page=_PAGES.get(found.object_type, "") if found.object_id else "",
        outcome=found.outcome,
        detail=_detail(found.detail),
    )


def _detail(text: str) -> list[tuple[str, str]]:
    try:
        values: Any = json.loads(text) if text else {}
    except ValueError:
        return [("", text)]
    if not isinstance(values, dict):
        return [("", text)]
    return [(words.detail(str(name)), _told(value)) for name, value in values.items()]


def _told(value: Any) -> str:
    if isinstance(value, bool):
        return _("是") if value else _("否")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _key(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, LOCAL)


def _day(text: str) -> date | None:
    try:
        return parse_date(text.strip())
    except ValueError:
        return None
