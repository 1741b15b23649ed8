"""Somebody with the database's password edits rows, so that honest people's actions do harm: refused, and named (F7, E4)."""

from typing import Any

import pytest

from banyan import sealing
from banyan.domain.audit import verifying
from banyan.domain.audit.errors import RowForged
from banyan.domain.ca import actions as ca
from banyan.domain.ca.models import Certificate, CertificatePair
from banyan.domain.lifecycle.models import UnlockGrant
from banyan.domain.ra import actions as ra
from banyan.domain.ra.errors import ApprovalVoid, RequestChanged
from banyan.domain.ra.models import ServiceRequest
from banyan.kernel.home import Home
from support import issuing
from support.issuing import NOW, World, approver, clerk, later

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world() -> World:
    return issuing.world()


def edit_pair(pair: CertificatePair, **values: Any) -> None:
    CertificatePair.objects.unscoped("by plain SQL").filter(pk=pair.pk).update(**values)


def edit_request(request: ServiceRequest, **values: Any) -> None:
    ServiceRequest.objects.unscoped("by plain SQL").filter(pk=request.pk).update(**values)


def states(pair: CertificatePair) -> set[str]:
    return set(Certificate.objects.filter(pair=pair).values_list("state", flat=True))


def on(world: World, pair: CertificatePair, business: str, **values: Any) -> Any:
    return issuing.draft(world, business=business, pair_id=pair.pk, person_id=None, organization_id=None, **values)


def at_counter(world: World, pair: CertificatePair, business: str, **values: Any) -> Any:
    return on(world, pair, business, channel="COUNTER", materials=issuing.materials(business), **values)


def test_a_pair_marked_revoked_is_not_taken_for_revoked(world: World, home: Home) -> None:
    (pair,) = issuing.issued(world, issuing.draft(world))
    edit_pair(pair, state="REVOKED")
    with pytest.raises(RowForged):
        ca.revoke_pair(approver(), pair.pk, "keyCompromise", NOW)
    assert states(pair) == {"VALID"}
    found = verifying.verify(sealing.keyring(home), [], processes=1)
    assert f"ca.certificatepair:{pair.pk}" in {finding.where for finding in found.findings}


def test_a_revoked_pair_marked_held_is_not_released(world: World) -> None:
    (pair,) = issuing.issued(world, issuing.draft(world))
    ca.revoke_pair(approver(), pair.pk, "keyCompromise", NOW)
    edit_pair(pair, state="HELD")
    with pytest.raises(RowForged):
        ca.release_pair(approver(), pair.pk, NOW)
    assert states(pair) == {"REVOKED"}


def test_no_years_are_won_by_a_later_expiry_of_the_old_pair(world: World) -> None:
    (pair,) = issuing.in_hands(world, issuing.draft(world))
    edit_pair(pair, not_after=later(1000))
    with pytest.raises(RowForged):
        ra.open_request(clerk(), on(world, pair, "reissue", reason="damaged"), NOW)


def test_an_approval_unlocks_the_token_of_the_pair_whatever_the_request_says(world: World) -> None:
    mine, other = issuing.in_hands(world, issuing.draft(world), issuing.draft(world, person=1))
    request = ra.open_request(clerk(), at_counter(world, mine, "unlock"), NOW)
    edit_request(request, token_id=other.token_id, token_serial=other.token_serial)
    ra.precheck(clerk(), request.pk, NOW)
    ra.approve(approver(), request.pk, NOW)
    assert UnlockGrant.objects.get(request_id=request.pk).token_serial == mine.token_serial


def test_a_request_pointed_at_another_holders_pair_is_not_approved(world: World) -> None:
    mine, other = issuing.in_hands(world, issuing.draft(world), issuing.draft(world, person=1))
    request = ra.open_request(clerk(), at_counter(world, mine, "revoke", reason="left_office"), NOW)
    edit_request(request, pair_id=other.pk)
    ra.precheck(clerk(), request.pk, NOW)
    with pytest.raises(RequestChanged):
        ra.approve(approver(), request.pk, NOW)


def test_cancelling_revokes_nothing_that_the_request_did_not_issue(world: World) -> None:
    (victim,) = issuing.issued(world, issuing.draft(world))
    (request,) = issuing.decided(world, issuing.draft(world, person=1))
    edit_request(request, issued_pair_id=victim.pk)
    with pytest.raises(RequestChanged):
        ra.cancel(clerk(), request.pk, NOW, reason="x")
    assert states(victim) == {"VALID"}


def test_handing_over_ends_the_pair_that_was_approved_and_no_other(world: World) -> None:
    mine, victim = issuing.in_hands(world, issuing.draft(world), issuing.draft(world, person=1))
    (fresh,) = issuing.issued(world, on(world, mine, "reissue", reason="damaged"))
    request = ServiceRequest.objects.unscoped("test").get(pk=fresh.request_id)
    edit_request(request, pair_id=victim.pk)
    with pytest.raises(ApprovalVoid):
        issuing.delivered(world, request.pk)
    assert states(victim) == {"VALID"}
