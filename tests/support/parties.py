"""Fictitious people and bodies for tests. Every number is computed, none belongs to anybody."""

from datetime import UTC, datetime

from stdnum.cn import ric, uscc

from banyan.domain.parties.actions import OrganizationEntry, PersonEntry, install_regions
from banyan.kernel.actor import Actor, system_actor

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
_EDITING = frozenset(
    {
        "parties.read",
        "parties.edit",
        "parties.reveal",
        "tokens.manage",
        "tokens.read",
        "systems.configure",
        "points.manage",
    }
)


def clerk(*regions: str, rights: frozenset[str] = _EDITING, id: int = 7) -> Actor:
    """Somebody at a counter, with the rights of this package; without regions: of the whole province."""
    return Actor("staff", id, "测试业务员", 1, 1, rights, frozenset(regions) if regions else None)


def resident_id(number: int, *, region: str = "350102", born: str = "19900101") -> str:
    """A resident ID that is well formed."""
    seventeen = f"{region}{born}{number % 1000:03d}"
    return seventeen + ric.calc_check_digit(seventeen + "0")


def credit_code(number: int, *, region: str = "350100") -> str:
    """A unified social credit code that is well formed."""
    body = f"91{region}M{number:07d}" + "4"
    return body + uscc.calc_check_digit(body)


def person_entry(
    number: int = 1, *, name: str = "张三", region: str = "350102", phone: str = "13800000023"
) -> PersonEntry:
    return PersonEntry(name=name, id_type="RESIDENT", id_number=resident_id(number), region=region, phone=phone)


def organization_entry(number: int = 1, *, name: str = "榕树测试有限公司", region: str = "350100") -> OrganizationEntry:
    return OrganizationEntry(name=name, uscc=credit_code(number), region=region)


def regions_installed() -> None:
    install_regions(system_actor("test"), now=NOW)
