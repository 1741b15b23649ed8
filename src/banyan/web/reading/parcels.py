"""Parcels as the counter shows them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from banyan.domain.ra import delivery_access
from banyan.domain.ra.models import Parcel, ParcelState, ServiceRequest
from banyan.kernel.actor import Actor
from banyan.web.reading.deadlines import Deadline, deadline

SHOWN = 25
KINDS: tuple[tuple[str, Any], ...] = (
    ("prepared", _("待交寄")),
    ("sent", _("已交邮政")),
    ("late", _("超期未妥投")),
    ("", _("全部")),
)
_ON_A_LIST = 200


@dataclass(frozen=True)
class ParcelRow:
    """One parcel with what lies in it."""

    parcel: Parcel
    state: str
    requests: list[ServiceRequest]
    due: Deadline | None

    @property
    def is_open(self) -> bool:
        """Whether it still has to reach somebody."""
        return self.parcel.state in delivery_access.OPEN_PARCELS


@dataclass(frozen=True)
class Field:
    """One field of the form for a recipient."""

    name: str
    word: str
    most: int
    value: str
    required: bool = True
    mode: str = ""
    note: str = ""


def fields(typed: Mapping[str, str]) -> list[Field]:
    """The form for a recipient with what was typed."""
    return [
        Field("name", str(_("姓名")), 40, typed.get("name", "")),
        Field("phone", str(_("手机号")), 20, typed.get("phone", ""), mode="tel"),
        Field("address", str(_("地址")), 120, typed.get("address", ""), note=str(_("写明到门牌"))),
        Field("postcode", str(_("邮编")), 6, typed.get("postcode", ""), required=False, mode="numeric"),
    ]


@dataclass(frozen=True)
class ParcelKind:
    """A list to choose, with its count where that is kept small."""

    name: str
    word: str
    count: int | None
    current: bool


@dataclass(frozen=True)
class ParcelListing:
    """A page of parcels. ``older`` is the key it goes on below, None at the end."""

    kind: str
    kinds: list[ParcelKind]
    rows: list[ParcelRow]
    older: int | None


def listing(actor: Actor, query: Mapping[str, str], now: datetime, *, kind: str) -> ParcelListing:
    """A page of parcels; a constant number of queries."""
    text = query.get("before", "")
    before = int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
    found = delivery_access.parcels(actor, now, kind=kind, before=before, limit=SHOWN + 1)
    more, found = len(found) > SHOWN, found[:SHOWN]
    counts = delivery_access.parcel_counts(actor, now)
    kinds = [ParcelKind(name, str(word), counts.get(name), name == kind) for name, word in KINDS]
    return ParcelListing(kind, kinds, _rows(actor, found, now), found[-1].pk if more else None)


def row(actor: Actor, parcel_id: int, now: datetime) -> ParcelRow:
    """One parcel. Raises ParcelNotFound."""
    return _rows(actor, [delivery_access.parcel(actor, parcel_id)], now)[0]


def waiting(actor: Actor, now: datetime) -> list[ParcelRow]:
    """The parcels that are to be handed to EMS, for the list that EMS signs; the oldest first."""
    found = delivery_access.parcels(actor, now, kind="prepared", limit=_ON_A_LIST)
    return _rows(actor, found[::-1], now)


def sent_on(actor: Actor, now: datetime) -> list[ParcelRow]:
    """The parcels handed to EMS today, for its signature; the oldest first."""
    found = delivery_access.parcels_sent_on(actor, now, limit=_ON_A_LIST)
    return _rows(actor, found, now)


def _rows(actor: Actor, found: list[Parcel], now: datetime) -> list[ParcelRow]:
    inside = delivery_access.contents(actor, [one.pk for one in found])
    return [
        ParcelRow(
            one,
            f"PARCEL_{one.state}",
            inside.get(one.pk, []),
            deadline(one.due_on, now) if one.state == ParcelState.SENT else None,
        )
        for one in found
    ]
