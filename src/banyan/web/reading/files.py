"""The file of a person, an organization or a piece of equipment: who it is, its certificates, tokens and requests."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext as _

from banyan.domain.ca import access as certificates
from banyan.domain.iam import rights
from banyan.domain.inventory import access as inventory
from banyan.domain.inventory.models import Token
from banyan.domain.parties import access as parties
from banyan.domain.parties.models import Device, Organization, Person
from banyan.domain.parties.scoping import ScopedQuerySet
from banyan.domain.ra import access as ra
from banyan.kernel.actor import Actor
from banyan.web.reading.certificates import PairRow, row_of
from banyan.web.reading.paging import Cursor, Page, page
from banyan.web.reading.requests import RequestRow, row_of_request

_SHOWN = 20
_PEOPLE = 20


@dataclass(frozen=True)
class FileRow:
    """A line of the list. ``number`` is masked where it is protected."""

    url: str
    name: str
    number: str
    unit: str
    region: str
    at: datetime


@dataclass(frozen=True)
class Kind:
    """A drawer of files: its word, and how its rows are read."""

    code: str
    word: Any
    rows: Callable[[Actor], "ScopedQuerySet[Any]"]
    field: str


@dataclass(frozen=True)
class HolderFile:
    """Everything under one name. Lists are the newest ``_SHOWN``; ``has_more`` names those that go on."""

    kind: str
    pk: int
    name: str
    icon: str
    facts: list[tuple[str, str]]
    pairs: list[PairRow]
    requests: list[RequestRow]
    tokens: list[Token]
    people: list[FileRow]
    has_more: frozenset[str]
    may_reveal: bool


def kinds() -> dict[str, Kind]:
    """The drawers, in order."""
    found = (
        Kind("person", _("人员"), parties.people, "person"),
        Kind("organization", _("单位"), parties.organizations, "organization"),
        Kind("device", _("设备"), parties.devices, "device"),
    )
    return {one.code: one for one in found}


def listing(actor: Actor, kind: Kind, cursor: Cursor) -> Page[FileRow]:
    """A page of a drawer, the newest on record first."""
    rows = kind.rows(actor)
    if kind.code != "organization":
        rows = rows.select_related("organization")
    found = page(rows, cursor, newest=parties.newest_on_record(rows))
    return found.with_rows(_rows(found.rows))


def rows_of(found: list[Any]) -> list[FileRow]:
    """People, organizations or devices as lines (of search results)."""
    return _rows(found)


def _rows(found: list[Any]) -> list[FileRow]:
    tree = parties.region_tree()
    rows = []
    for one in found:
        kind = "person" if isinstance(one, Person) else "organization" if isinstance(one, Organization) else "device"
        unit = getattr(one, "organization", None)
        rows.append(
            FileRow(
                url=reverse(f"files_{kind}", args=[one.pk]),
                name=one.name,
                number=_number(one),
                unit=unit.name if unit is not None else "",
                region=tree.full_name(one.region_code),
                at=one.created_at,
            )
        )
    return rows


def _number(one: Person | Organization | Device) -> str:
    if isinstance(one, Person):
        return one.id_masked
    return one.uscc if isinstance(one, Organization) else one.domain_name or one.serial_number or one.ip_address


def person(actor: Actor, pk: int, now: datetime) -> HolderFile:
    """A person's file. Raises NotFound."""
    one = parties.person(actor, pk)
    facts = [
        (_(str(one.get_id_type_display())), one.id_masked),
        (_("手机"), one.phone_masked),
        (_("单位"), one.organization.name if one.organization is not None else ""),
        *_place_of(one),
    ]
    return _file(actor, "person", one, "user", facts, now, tokens={"holder_person": pk})


def organization(actor: Actor, pk: int, now: datetime) -> HolderFile:
    """An organization's file, with its people. Raises NotFound."""
    one = parties.organization(actor, pk)
    facts = [
        (_("信用代码"), one.uscc),
        (_("类型"), _(str(one.get_organization_kind_display()))),
        *_place_of(one),
    ]
    people = list(
        parties.people(actor).filter(organization=pk).select_related("organization").order_by("-pk")[: _PEOPLE + 1]
    )
    return _file(actor, "organization", one, "building", facts, now, tokens={"holder_organization": pk}, people=people)


def device(actor: Actor, pk: int, now: datetime) -> HolderFile:
    """A piece of equipment's file. Raises NotFound."""
    one = parties.device(actor, pk)
    facts = [
        (_("域名"), one.domain_name),
        (_("IP 地址"), one.ip_address),
        (_("设备序列号"), one.serial_number),
        (_("单位"), one.organization.name if one.organization is not None else ""),
        *_place_of(one),
    ]
    return _file(actor, "device", one, "server", facts, now)


def _place_of(one: Person | Organization | Device) -> list[tuple[str, str]]:
    region = parties.region_tree().full_name(one.region_code)
    return [(_("地区"), region), (_("登记日期"), f"{one.created_at:%Y-%m-%d}")]


def _file(
    actor: Actor,
    kind: str,
    one: Person | Organization | Device,
    icon: str,
    facts: list[tuple[str, str]],
    now: datetime,
    *,
    tokens: dict[str, int] | None = None,
    people: "list[Person] | None" = None,
) -> HolderFile:
    holds = models.Q(**{kind: one.pk})
    if kind == "organization":
        # What its people hold for themselves stands in their own files.
        holds &= models.Q(person__isnull=True, device__isnull=True)
    pairs = _newest(certificates.pairs(actor).filter(holds))
    requests = _newest(ra.requests(actor).filter(holds))
    held = _newest(inventory.tokens(actor).filter(**tokens).select_related("medium")) if tokens else []
    lists: dict[str, list[Any]] = {"pairs": pairs, "requests": requests, "tokens": held, "people": people or []}
    return HolderFile(
        kind=kind,
        pk=one.pk,
        name=one.name,
        icon=icon,
        facts=[(label, value) for label, value in facts if value],
        pairs=[row_of(pair, now) for pair in pairs[:_SHOWN]],
        requests=[row_of_request(request, now) for request in requests[:_SHOWN]],
        tokens=held[:_SHOWN],
        people=_rows((people or [])[:_PEOPLE]),
        has_more=frozenset(name for name, rows in lists.items() if len(rows) > _SHOWN),
        may_reveal=kind == "person" and rights.has(actor, "parties.reveal"),
    )


def _newest(rows: "ScopedQuerySet[Any]") -> list[Any]:
    return list(rows.order_by("-pk")[: _SHOWN + 1])
