"""Stops planned ahead and services that are down: told by themselves, and what is left to be done is listed (A4, A11, F1)."""

from datetime import timedelta

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from banyan.domain.audit.models import AuditRecord
from banyan.domain.content import actions as content
from banyan.domain.content.models import Outage, PlannedStop, Service
from banyan.domain.iam.rights import Role
from banyan.kernel.actor import system_actor
from banyan.kernel.clock import now
from banyan.web.reading import notices
from support import issuing
from support.counter import client_of
from support.pages import LongStandingCa

pytestmark = pytest.mark.django_db(transaction=True)
JOBS = system_actor("jobs")


@pytest.fixture(autouse=True)
def fresh() -> None:
    notices.forget()


def local(hours: float) -> str:
    return timezone.localtime(now() + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M")


def plan(client: Client, begins: float, ends: float, reason: str = "更换密码机") -> int:
    page = client.get("/stops").content.decode()
    key = page.split('name="form_key" value="')[1].split('"')[0]
    form = {"service": "issuing", "starts_at": local(begins), "ends_at": local(ends), "reason": reason, "form_key": key}
    return client.post("/stops", form).status_code


def told() -> str:
    notices.forget()
    return Client().get("/notices").content.decode()


def test_a_planned_stop_publishes_its_notice_and_takes_it_down_by_itself() -> None:
    """F1: nobody does anything but plan it; everybody reads it, before the log-in too."""
    admin = client_of(Role.SYSTEM_ADMIN)
    assert plan(admin, 24 * 8, 24 * 8 + 2) == 302
    assert "没有停机安排" in told()
    for days, words in ((2, "证书签发计划停机"), (8.05, "证书签发停机中"), (9, "没有停机安排")):
        with time_machine.travel(now() + timedelta(days=days)):
            assert words in told()
    with time_machine.travel(now() + timedelta(days=2)):
        notices.forget()
        page = Client().get("/login").content.decode()
        assert "更换密码机" in page
        notices.forget()
        assert "受理、审核、录入、校对照常" in client_of(Role.CLERK).get("/").content.decode()


def test_a_stop_that_cannot_be_is_refused_with_what_was_typed() -> None:
    admin = client_of(Role.SYSTEM_ADMIN)
    for begins, ends, reason in ((2, 1, "更换"), (-3, -1, "更换"), (1, 24 * 9, "更换"), (1, 2, " ")):
        assert plan(admin, begins, ends, reason) == 422
    assert not PlannedStop.objects.exists()
    assert client_of(Role.CLERK).get("/stops").status_code == 404


def test_a_stop_is_called_off_and_its_notice_goes() -> None:
    admin = client_of(Role.SYSTEM_ADMIN)
    plan(admin, 1, 3)
    assert "证书签发计划停机" in told()
    stop = PlannedStop.objects.get()
    assert admin.post(f"/stops/{stop.pk}/call-off").status_code == 302
    assert "没有停机安排" in told()
    assert admin.post(f"/stops/{stop.pk}/call-off").status_code == 403
    assert AuditRecord.objects.filter(event="content.stop_called_off").count() == 1


def test_a_superior_ca_silent_for_long_is_told_of_until_it_answers() -> None:
    """A11: the notice comes and goes by itself; a short silence is nobody's concern."""
    begun = now()
    for minutes, is_up in ((0, False), (5, False), (5.5, True), (6, False)):
        content.note_services(JOBS, {Service.SUPERIOR_CA: is_up}, begun + timedelta(minutes=minutes))
    assert "没有停机安排" in told()
    content.note_services(JOBS, {Service.SUPERIOR_CA: False}, begun + timedelta(minutes=70))
    assert "上级 CA暂时中断" in told().replace("上级 CA 暂时", "上级 CA暂时")
    content.note_services(JOBS, {Service.SUPERIOR_CA: True}, begun + timedelta(minutes=71))
    assert "没有停机安排" in told()
    assert Outage.objects.filter(told_at__isnull=False).count() == 1
    assert AuditRecord.objects.filter(event__startswith="content.outage").count() == 2


def test_what_waits_for_a_service_is_listed_as_work_left() -> None:
    """A4: requests whose CA is silent, and messages without a way out."""
    world = issuing.world(connector=LongStandingCa())
    (request,) = issuing.decided(world, issuing.draft(world), now=now())
    issuing.issue(world, request, now())
    page = client_of(Role.CLERK).get("/services").content.decode()
    assert request.subject_name in page
    assert "恢复后自动继续" in page
    assert client_of(Role.AUDIT_ADMIN).get("/services").status_code == 404
