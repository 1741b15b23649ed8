"""What an installation switches of its issuing systems (A1, A9: per issuing point, step by step)."""

import pytest

from banyan.domain.audit.models import AuditRecord
from banyan.domain.iam.errors import RightMissing
from banyan.domain.parties.actions import open_issuing_point
from banyan.domain.parties.errors import NotFound
from banyan.domain.systems import access, actions
from banyan.domain.systems.errors import PointNotEnabled, SystemDisabled, UnknownSystem, VersionConflict
from banyan.kernel.actor import system_actor
from support.parties import NOW, clerk, regions_installed

pytestmark = pytest.mark.django_db
ADMIN = clerk(rights=frozenset({"systems.configure", "points.manage"}))


@pytest.fixture(autouse=True)
def _systems() -> None:
    regions_installed()
    assert actions.install_systems(system_actor("test"), now=NOW) == 4


def test_installing_again_makes_nothing() -> None:
    assert actions.install_systems(system_actor("test"), now=NOW) == 0
    assert [entry.policy.code for entry in access.statuses()] == ["GENERAL", "XINCHUANG", "MOBILE", "ESEAL"]
    assert all(entry.is_enabled for entry in access.statuses())


def test_a_system_is_switched_off_and_on() -> None:
    actions.configure_system(ADMIN, "MOBILE", 1, is_enabled=False, now=NOW)
    with pytest.raises(SystemDisabled, match="移动证书系统"):
        access.ensure_open("MOBILE")
    assert access.ensure_open("GENERAL").code == "GENERAL"
    actions.configure_system(ADMIN, "MOBILE", 2, is_enabled=True, now=NOW)
    assert access.ensure_open("MOBILE").code == "MOBILE"
    assert AuditRecord.objects.filter(event="systems.configured").count() == 2


def test_two_administrators_do_not_overwrite_each_other() -> None:
    actions.configure_system(ADMIN, "ESEAL", 1, connector="simulated-superior", now=NOW)
    with pytest.raises(VersionConflict):
        actions.configure_system(ADMIN, "ESEAL", 1, connector="embedded", now=NOW)
    assert access.status("ESEAL").connector == "simulated-superior"


def test_an_issuing_point_is_switched_on_system_by_system() -> None:
    point = open_issuing_point(ADMIN, code="XM01", name="厦门签发点", region_code="350200", now=NOW)
    with pytest.raises(PointNotEnabled, match="厦门签发点"):
        access.ensure_open("GENERAL", issuing_point_id=point.pk)
    actions.switch_issuing_point(ADMIN, "GENERAL", point.pk, is_enabled=True, now=NOW)
    assert access.ensure_open("GENERAL", issuing_point_id=point.pk)
    with pytest.raises(PointNotEnabled):
        access.ensure_open("XINCHUANG", issuing_point_id=point.pk)
    actions.switch_issuing_point(ADMIN, "GENERAL", point.pk, is_enabled=False, now=NOW)
    with pytest.raises(PointNotEnabled):
        access.ensure_open("GENERAL", issuing_point_id=point.pk)


def test_points_out_of_sight_and_unknown_systems() -> None:
    point = open_issuing_point(ADMIN, code="XM01", name="厦门签发点", region_code="350200", now=NOW)
    fuzhou = clerk("350100", rights=frozenset({"systems.configure", "points.manage"}))
    with pytest.raises(NotFound):
        actions.switch_issuing_point(fuzhou, "GENERAL", point.pk, is_enabled=True, now=NOW)
    with pytest.raises(UnknownSystem):
        actions.switch_issuing_point(ADMIN, "FIFTH", point.pk, is_enabled=True, now=NOW)
    with pytest.raises(RightMissing):
        actions.configure_system(clerk(rights=frozenset()), "GENERAL", 1, is_enabled=False, now=NOW)
