"""Reading of issuing systems: shipped policy together with what this installation has switched."""

from dataclasses import dataclass

from banyan.domain.parties import access as parties
from banyan.domain.parties.models import IssuingPoint
from banyan.kernel.actor import Actor

from .errors import PointNotEnabled, SystemDisabled, UnknownSystem
from .models import IssuingPointSwitch, IssuingSystem
from .policy import SystemPolicy
from .registry import policies

_MOST_POINTS = 500


@dataclass(frozen=True)
class SystemStatus:
    """A system as it runs here. ``version`` is None while nothing was ever switched."""

    policy: SystemPolicy
    is_enabled: bool
    connector: str
    version: int | None


def policy(code: str) -> SystemPolicy:
    """The policy of a registered system. Raises UnknownSystem."""
    found = policies().get(code)
    if found is None:
        raise UnknownSystem(value=str(code)[:20], known="、".join(policies()))
    return found


def policy_named(text: str) -> SystemPolicy:
    """A system by its code or one of its Chinese names, as sheets write it. Raises UnknownSystem."""
    wanted = text.strip()
    for entry in policies().values():
        if wanted in (entry.code, entry.name, entry.short_name):
            return entry
    raise UnknownSystem(value=wanted[:20], known="、".join(entry.name for entry in policies().values()))


def statuses() -> list[SystemStatus]:
    """Every registered system, in the order of the registry. A system never switched is enabled."""
    rows = {row.code: row for row in IssuingSystem.objects.all()}
    return [_status(entry, rows.get(entry.code)) for entry in policies().values()]


def status(code: str) -> SystemStatus:
    """One system. Raises UnknownSystem."""
    return _status(policy(code), IssuingSystem.objects.filter(code=code).first())


def ensure_open(code: str, *, issuing_point_id: int | None = None) -> SystemPolicy:
    """The policy of a system that is switched on, here and at the issuing point when one is named.

    An issuing point must have been switched on for the system (规范 3.3.1.4); the centre needs no switch. Raises
    UnknownSystem, SystemDisabled or PointNotEnabled.
    """
    found = status(code)
    if not found.is_enabled:
        raise SystemDisabled(system=found.policy.name)
    if issuing_point_id is not None:
        switch = IssuingPointSwitch.objects.filter(system_id=code, issuing_point_id=issuing_point_id, is_enabled=True)
        if not switch.exists():
            names = IssuingPoint.objects.unscoped("the name in a refusal").filter(pk=issuing_point_id)
            point = names.values_list("name", flat=True).first() or str(issuing_point_id)
            raise PointNotEnabled(point=point, system=found.policy.name)
    return found.policy


def offered(actor: Actor) -> list[SystemPolicy]:
    """The systems that somebody may take requests in for: switched on here and, for somebody whose region has issuing
    points, at one of them (规范 3.3.1.4(1)). The centre needs no switch.
    """
    found = [status.policy for status in statuses() if status.is_enabled]
    if actor.regions is None:
        return found
    points = parties.issuing_points(actor).filter(is_active=True).values_list("pk", flat=True)
    ids = list(points[:_MOST_POINTS])
    if not ids:
        return found
    switched = IssuingPointSwitch.objects.filter(issuing_point__in=ids, is_enabled=True)
    on = set(switched.values_list("system_id", flat=True))
    return [policy for policy in found if policy.code in on]


def ensure_offered(actor: Actor, code: str) -> SystemPolicy:
    """The policy of a system that the actor may take requests in for. Raises UnknownSystem, SystemDisabled, PointNotEnabled."""
    found = status(code)
    if not found.is_enabled:
        raise SystemDisabled(system=found.policy.name)
    if found.policy not in offered(actor):
        point = parties.issuing_points(actor).filter(is_active=True).values_list("name", flat=True).first()
        raise PointNotEnabled(point=point or "—", system=found.policy.name)
    return found.policy


def _status(entry: SystemPolicy, row: IssuingSystem | None) -> SystemStatus:
    if row is None:
        return SystemStatus(entry, is_enabled=True, connector="", version=None)
    return SystemStatus(entry, row.is_enabled, row.connector, row.version)
