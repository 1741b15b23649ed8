"""The files of people and organizations: found by name and number, own region only, numbers in clear only on record (A5, A9)."""

import pytest

from banyan.domain.audit.models import AuditRecord
from banyan.domain.iam.rights import Role
from banyan.kernel.clock import now
from support import issuing
from support.counter import client_of
from support.pages import LongStandingCa
from support.parties import resident_id

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world() -> issuing.World:
    made = issuing.world(connector=LongStandingCa())
    issuing.issued(made, issuing.draft(made), now=now())
    return made


def test_a_file_shows_certificates_requests_and_masked_numbers(world: issuing.World) -> None:
    page = client_of(Role.CLERK).get(f"/desk/files/person/{world.people[0].pk}").content.decode()
    assert world.people[0].id_masked in page
    assert resident_id(1) not in page
    assert page.count('href="/certificates/') >= 1
    assert page.count('href="/requests/') >= 1
    body = client_of(Role.CLERK).get(f"/desk/files/organization/{world.organization.pk}").content.decode()
    assert world.organization.uscc in body


def test_a_file_of_another_region_is_not_there(world: issuing.World) -> None:
    """A9: what lies elsewhere looks like what does not exist."""
    elsewhere = client_of(Role.CLERK, regions=["350200"])
    for place in (f"person/{world.people[0].pk}", f"organization/{world.organization.pk}", f"device/{world.device.pk}"):
        assert elsewhere.get(f"/desk/files/{place}").status_code == 404
        assert client_of(Role.CLERK, regions=["350100"]).get(f"/desk/files/{place}").status_code == 200
    for kind in ("person", "organization", "device"):
        page = elsewhere.get("/desk/files", {"kind": kind}).content.decode()
        assert "还没有登记" in page


def test_numbers_in_clear_need_the_right_and_a_purpose_and_leave_a_record(world: issuing.World) -> None:
    """F7: an approver looks at a number for a reason; a clerk cannot."""
    place = f"/desk/files/person/{world.people[0].pk}/numbers"
    assert client_of(Role.CLERK).post(place, {"purpose": "核对"}).status_code == 404
    approver = client_of(Role.APPROVER)
    assert approver.post(place, {"purpose": " "}).status_code == 422
    assert not AuditRecord.objects.filter(event="parties.person_revealed").exists()
    answer = approver.post(place, {"purpose": "核对原件"})
    assert resident_id(1) in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    assert AuditRecord.objects.filter(event="parties.person_revealed", outcome="ok").count() == 1
    assert resident_id(1) not in approver.get(f"/desk/files/person/{world.people[0].pk}").content.decode()


def test_the_search_box_leads_to_a_file(world: issuing.World) -> None:
    """One box: a person without certificates has a file all the same."""
    client = client_of(Role.CLERK)
    answer = client.post("/search", {"q": world.people[2].name}, follow=True)
    assert answer.request["PATH_INFO"] == f"/desk/files/person/{world.people[2].pk}"
