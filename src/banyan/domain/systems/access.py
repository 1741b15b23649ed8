"""Reading of issuing systems: shipped policy together with what this installation has switched."""

from dataclasses import dataclass

from banyan.domain.parties.errors import PointClosed
from banyan.domain.parties.models import IssuingPoint
from banyan.kernel.actor import Actor

from .errors import PointNotEnabled, SystemDisabled, SystemsError, UnknownSystem
from .models import IssuingPointSwitch, IssuingSystem
from .policy import SystemPolicy
from .registry import policies


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
        point = IssuingPoint.objects.unscoped("the point where the actor works").filter(pk=issuing_point_id).first()
        if point is not None and not point.is_active:
            raise PointClosed(point=point.name)
        switch = IssuingPointSwitch.objects.filter(system_id=code, issuing_point_id=issuing_point_id, is_enabled=True)
        if point is None or not switch.exists():
            name = point.name if point is not None else str(issuing_point_id)
            raise PointNotEnabled(point=name, system=found.policy.name)
    return found.policy


class Doors:
    """Which systems are open where an actor works, asked once a system within one action; the centre has every one."""

    def __init__(self, actor: Actor) -> None:
        self._point_id = actor.point_id
        self._known: dict[str, SystemsError | PointClosed | None] = {}

    def ensure_open(self, code: str) -> None:
        """Raises PointNotEnabled, PointClosed, SystemDisabled at a point that may not enter or issue for the system."""
        if self._point_id is None:
            return
        if code not in self._known:
            self._known[code] = self._refusal(code)
        refusal = self._known[code]
        if refusal is not None:
            raise refusal

    def _refusal(self, code: str) -> SystemsError | PointClosed | None:
        try:
            ensure_open(code, issuing_point_id=self._point_id)
        except (SystemsError, PointClosed) as error:
            return error
        return None


def switches_of(point_id: int) -> dict[str, bool]:
    """System → whether it is switched on at a point; every registered system."""
    found = IssuingPointSwitch.objects.filter(issuing_point_id=point_id).values_list("system_id", "is_enabled")
    held = dict(found)
    return {code: held.get(code, False) for code in policies()}


def switched_on() -> dict[int, list[str]]:
    """Point → the systems switched on there, for a list of points."""
    found: dict[int, list[str]] = {}
    rows = IssuingPointSwitch.objects.filter(is_enabled=True).order_by("system_id")
    for point_id, code in rows.values_list("issuing_point_id", "system_id"):
        found.setdefault(point_id, []).append(code)
    return found


def offered(actor: Actor) -> list[SystemPolicy]:
    """The systems that somebody may take requests in for: switched on here and, for who works at an issuing point,
    switched on there (规范 3.3.1.4(1)). The centre needs no switch.
    """
    found = [status.policy for status in statuses() if status.is_enabled]
    if actor.point_id is None:
        return found
    on = switches_of(actor.point_id)
    return [policy for policy in found if on[policy.code]]


def ensure_offered(actor: Actor, code: str) -> SystemPolicy:
    """The policy of a system that the actor may take requests in for. Raises as ``ensure_open``."""
    return ensure_open(code, issuing_point_id=actor.point_id)


def _status(entry: SystemPolicy, row: IssuingSystem | None) -> SystemStatus:
    if row is None:
        return SystemStatus(entry, is_enabled=True, connector="", version=None)
    return SystemStatus(entry, row.is_enabled, row.connector, row.version)
