"""Reading of parties: every list and look-up of people, bodies and devices is scoped to what the actor may see."""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from banyan.domain.iam import rights
from banyan.kernel.actor import Actor

from . import name_index, protection
from .errors import NotFound, OutOfScope, RuleError
from .identity_rules import IdentityNumber, identity_number, mobile_number
from .kinds import IdentityType, NamedKind, RegionLevel
from .models import Device, IssuingPoint, Organization, Person, Region, RetiredRegion
from .ports import Holding, HoldingsSource
from .regions import RegionEntry, RegionTree, RetiredCode
from .rules import HoldingsHint, hint
from .scoping import ScopedQuerySet

_OTHER_NAMES = "、"
_USCC_LIKE = re.compile(r"[0-9A-Z]{18}")
_NUMBER_LIKE = re.compile(r"\d{17}[\dX]|\d{15}")
_PHONE_LIKE = re.compile(r"1[3-9]\d{9}")
# Days, unlike instants, are those of the province.
_LOCAL = ZoneInfo("Asia/Shanghai")


def region_tree() -> RegionTree:
    """The installed tree of regions (two small queries; take it once for a batch).

    The same regions give the same tree, with all that it worked out before.
    """
    regions = Region.objects.order_by("code").values_list("code", "name", "level", "parent_id", "other_names")
    retired = RetiredRegion.objects.order_by("code").values_list("code", "name", "current_id")
    return _tree(tuple(regions), tuple(retired))


@lru_cache(maxsize=4)
def _tree(
    regions: tuple[tuple[str, str, str, str | None, str], ...], retired: tuple[tuple[str, str, str], ...]
) -> RegionTree:
    return RegionTree(
        tuple(
            RegionEntry(code, name, RegionLevel(level), parent, tuple(others.split(_OTHER_NAMES)) if others else ())
            for code, name, level, parent, others in regions
        ),
        tuple(RetiredCode(*entry) for entry in retired),
    )


def ensure_region_in_scope(actor: Actor, region_code: str, tree: RegionTree | None = None) -> None:
    """Raises OutOfScope (an audited refusal) when the actor may not act for a region."""
    if actor.regions is not None and not (tree or region_tree()).is_within(region_code, actor.regions):
        raise OutOfScope(region=region_code)


def people(actor: Actor) -> ScopedQuerySet[Person]:
    """The people the actor may see."""
    rights.require(actor, "parties.read")
    return Person.objects.visible_to(actor)


def organizations(actor: Actor) -> ScopedQuerySet[Organization]:
    """The bodies the actor may see."""
    rights.require(actor, "parties.read")
    return Organization.objects.visible_to(actor)


def devices(actor: Actor) -> ScopedQuerySet[Device]:
    """The devices the actor may see."""
    rights.require(actor, "parties.read")
    return Device.objects.visible_to(actor)


def issuing_points(actor: Actor) -> ScopedQuerySet[IssuingPoint]:
    """The issuing points the actor may see."""
    return IssuingPoint.objects.visible_to(actor)


def issuing_point(actor: Actor, point_id: int) -> IssuingPoint:
    """One issuing point. Raises NotFound, RightMissing."""
    rights.require(actor, "points.read")
    return issuing_point_in_sight(actor, point_id)


def issuing_point_in_sight(actor: Actor, point_id: int) -> IssuingPoint:
    """One issuing point, for what a right of its own opens. Raises NotFound."""
    found = issuing_points(actor).filter(pk=point_id).first()
    if found is None:
        raise NotFound
    return found


def point_names(point_ids: Iterable[int | None]) -> dict[int, str]:
    """The names of issuing points, by key: they are no secret."""
    wanted = {key for key in point_ids if key}
    found = IssuingPoint.objects.unscoped("the names of points are public").filter(pk__in=wanted)
    return dict(found.values_list("pk", "name")) if wanted else {}


def person(actor: Actor, person_id: int) -> Person:
    """One person. Raises NotFound for one who does not exist or lies out of sight: the two are not told apart."""
    found = people(actor).filter(pk=person_id).first()
    if found is None:
        raise NotFound
    return found


def organization(actor: Actor, organization_id: int) -> Organization:
    """One body. Raises NotFound."""
    found = organizations(actor).filter(pk=organization_id).first()
    if found is None:
        raise NotFound
    return found


def device(actor: Actor, device_id: int) -> Device:
    """One device. Raises NotFound."""
    found = devices(actor).filter(pk=device_id).first()
    if found is None:
        raise NotFound
    return found


def newest_on_record(found: "ScopedQuerySet[Any]") -> int:
    """The highest key of that kind anywhere; where a page that walks by key begins. 0 before the first."""
    newest = found.model.objects.unscoped("a key, no row").order_by("-pk").values_list("pk", flat=True).first()
    return int(newest or 0)


def search_people(actor: Actor, text: str, *, limit: int = 50) -> Sequence[Person]:
    """People by name, part of a name, pinyin or initials; by a whole ID or mobile number exactly. Newest first.

    Raises SearchTooShort when nothing searchable was typed.
    """
    rows = people(actor).select_related("organization")
    number = "".join(unicodedata.normalize("NFKC", text).split()).upper()
    if _NUMBER_LIKE.fullmatch(number):
        indexes = _indexes_of(number)
        return list(rows.filter(id_index__in=indexes).order_by("-pk")[:limit])
    if _PHONE_LIKE.fullmatch(number):
        phone_index = protection.phone_indexes([mobile_number(number)])[0]
        return list(rows.filter(phone_index=phone_index).order_by("-pk")[:limit])
    return list(name_index.search(rows, NamedKind.PERSON, text).order_by("-pk")[:limit])


def search_organizations(actor: Actor, text: str, *, limit: int = 50) -> Sequence[Organization]:
    """Bodies by credit code exactly, else by name, part of a name, pinyin or initials. Newest first."""
    rows = organizations(actor)
    code = "".join(unicodedata.normalize("NFKC", text).split()).upper()
    if _USCC_LIKE.fullmatch(code) and any(character.isdigit() for character in code):
        return list(rows.filter(uscc=code)[:limit])
    return list(name_index.search(rows, NamedKind.ORGANIZATION, text).order_by("-pk")[:limit])


def search_devices(actor: Actor, text: str, *, limit: int = 50) -> Sequence[Device]:
    """Devices by domain, address or serial number exactly, else by name. Newest first."""
    rows = devices(actor)
    shown = unicodedata.normalize("NFKC", text).strip()
    keys = [f"dns:{shown.lower()}", f"sn:{shown.upper()}", f"ip:{shown.lower()}"]
    exact = list(rows.filter(identity_key__in=keys)[:limit])
    return exact or list(name_index.search(rows, NamedKind.DEVICE, text).order_by("-pk")[:limit])


class Holders:
    """Who and what is on record under what was typed into a search box: each kind looked up once, when first asked for.

    The lists raise as ``search_people`` does.
    """

    def __init__(self, actor: Actor, text: str, *, limit: int = 50) -> None:
        self._actor, self._text, self._limit = actor, text, limit

    @cached_property
    def people(self) -> Sequence[Person]:
        """See ``search_people``."""
        return search_people(self._actor, self._text, limit=self._limit)

    @cached_property
    def organizations(self) -> Sequence[Organization]:
        """See ``search_organizations``."""
        return search_organizations(self._actor, self._text, limit=self._limit)

    @cached_property
    def devices(self) -> Sequence[Device]:
        """See ``search_devices``."""
        return search_devices(self._actor, self._text, limit=self._limit)


def people_by_identity(numbers: Iterable[IdentityNumber]) -> dict[str, int]:
    """Who is on record already: ``index_text`` of a number → primary key, across the province (for actions)."""
    numbers = list(numbers)
    indexes = protection.identity_indexes(numbers)
    held = dict(
        Person.objects.unscoped("identity is one across the province")
        .filter(id_index__in=indexes)
        .values_list("id_index", "pk")
    )
    by_index = {bytes(index): key for index, key in held.items()}
    return {n.index_text: by_index[i] for n, i in zip(numbers, indexes, strict=True) if i in by_index}


def existing_holdings_hint(
    actor: Actor, source: HoldingsSource, *, people: Sequence[int] = (), organizations: Sequence[int] = ()
) -> HoldingsHint:
    """What these people and bodies hold already (重复注册提醒, 规范 3.3.1.2(2)), as far as the actor may know it.

    A look across the province must be audited: interfaces call ``actions.look_up_holdings``.
    """
    tree = region_tree()
    holdings = source.holdings_of(people=people, organizations=organizations)
    return hint(holdings, lambda code: tree.is_within(code, actor.regions))


def holdings_by_holder(
    actor: Actor, source: HoldingsSource, *, people: Sequence[int], organizations: Sequence[int]
) -> Mapping[tuple[str, int], HoldingsHint]:
    """The same for many at once: ("person_id" or "organization_id", key) → hint, for those who hold anything."""
    tree = region_tree()
    held: dict[tuple[str, int], list[Holding]] = {}
    for holding in source.holdings_of(people=people, organizations=organizations):
        if holding.person_id is not None:
            held.setdefault(("person_id", holding.person_id), []).append(holding)
        elif holding.organization_id is not None:
            held.setdefault(("organization_id", holding.organization_id), []).append(holding)
    return {holder: hint(those, lambda code: tree.is_within(code, actor.regions)) for holder, those in held.items()}


def local_day(now: datetime) -> date:
    """The day in the province at an instant."""
    return now.astimezone(_LOCAL).date()


def _indexes_of(number: str) -> list[bytes]:
    """Blind indexes of a number under each document it may belong to; none when it breaks every rule."""
    found = []
    for kind in (IdentityType.RESIDENT, IdentityType.RESIDENCE_PERMIT, IdentityType.FOREIGN_PERMANENT):
        try:
            found.append(identity_number(kind, number, today=date.max))
        except RuleError:
            continue
    return protection.identity_indexes(found)
