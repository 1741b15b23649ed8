"""What a ceremony shall make: roots and issuing CAs, their names and what each may issue."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from banyan.cli.ceremony.errors import PlanRefused
from banyan.pki.errors import NameInvalid
from banyan.pki.names import Name, check_name, encode_name
from banyan.pki.profile import load_profiles

Algorithm = Literal["SM2", "P256"]
ROOT_DAYS: Final = 10_950
ISSUING_DAYS: Final = 7_300
# code → (common name, algorithm, root, profiles)
_USUAL: Final[dict[str, tuple[str, Algorithm, str, tuple[str, ...]]]] = {
    "sm2-personal": ("个人证书 CA", "SM2", "sm2-root", ("sm2-personal",)),
    "sm2-organization": ("单位证书 CA", "SM2", "sm2-root", ("sm2-organization",)),
    "sm2-device": ("设备证书 CA", "SM2", "sm2-root", ("sm2-device",)),
    "sm2-seal": ("印章证书 CA", "SM2", "sm2-root", ("sm2-seal",)),
    "p256-device": ("P-256 设备证书 CA", "P256", "p256-root", ("p256-device", "rsa-device")),
}


@dataclass(frozen=True)
class AuthorityPlan:
    """One CA to be made. ``parent`` is empty for a root; ``issues`` are the profiles an issuing CA may
    issue by.
    """

    code: str
    name: Name
    algorithm: Algorithm
    days: int
    parent: str = ""
    issues: tuple[str, ...] = ()

    @property
    def is_root(self) -> bool:
        return not self.parent

    @property
    def subject_der(self) -> bytes:
        return encode_name(self.name)

    @property
    def profile(self) -> str:
        """The profile of its own certificate."""
        return f"{self.algorithm.lower()}-{'root' if self.is_root else 'issuing-ca'}"


@dataclass(frozen=True)
class Plan:
    """All CAs of a ceremony, parents first; ``address`` is where CRLs, CA certificates and OCSP answers are
    served.
    """

    authorities: tuple[AuthorityPlan, ...]
    address: str
    organization: str

    @property
    def roots(self) -> tuple[AuthorityPlan, ...]:
        return tuple(plan for plan in self.authorities if plan.is_root)

    @property
    def issuing(self) -> tuple[AuthorityPlan, ...]:
        return tuple(plan for plan in self.authorities if not plan.is_root)


def sample_plan(address: str) -> Plan:
    """The CAs of a sample installation: every name says 测试."""
    return usual_plan("榕证测试机构", "榕证测试", "福建省", address)


def usual_plan(organization: str, prefix: str, province: str, address: str) -> Plan:
    """An SM2 root with one issuing CA a kind of certificate, and a P-256 root with one for equipment
    without SM2.
    """
    front: Name = (("C", "CN"), ("ST", province), ("O", organization))
    roots = [
        AuthorityPlan("sm2-root", (*front, ("CN", f"{prefix} SM2 根 CA")), "SM2", ROOT_DAYS),
        AuthorityPlan("p256-root", (*front, ("CN", f"{prefix} P-256 根 CA")), "P256", ROOT_DAYS),
    ]
    issuing = [
        AuthorityPlan(code, (*front, ("CN", f"{prefix}{title}")), algorithm, ISSUING_DAYS, root, profiles)
        for code, (title, algorithm, root, profiles) in _USUAL.items()
    ]
    return _checked(Plan((*roots, *issuing), _plain_address(address), organization))


def read_plan(path: Path, address: str) -> Plan:
    """A plan from a TOML file: ``organization``, ``province`` and ``name_prefix``, each a text.

    Raises PlanRefused.
    """
    try:
        data: Mapping[str, Any] = tomllib.loads(path.read_text("utf-8"))
        return usual_plan(str(data["organization"]), str(data["name_prefix"]), str(data["province"]), address)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PlanRefused(reason=str(error)) from error
    except KeyError as error:
        raise PlanRefused(reason=f"{path.name}: {error.args[0]}") from error


def _plain_address(address: str) -> str:
    """Revocation must be reachable before any certificate can be trusted, so its address is plain HTTP (RFC
    5280 §8).
    """
    return "http://" + address.split("://", 1)[-1].rstrip("/")


def _checked(plan: Plan) -> Plan:
    profiles = load_profiles()
    for authority in plan.authorities:
        try:
            check_name(authority.name)
        except NameInvalid as error:
            raise PlanRefused(reason=str(error)) from error
        if authority.profile not in profiles or not set(authority.issues) <= set(profiles):
            raise PlanRefused(reason=authority.code)
    return plan
