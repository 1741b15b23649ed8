"""Requests: opened, decided, entered, proofread, issued, handed over (A4); four eyes; decisions bound to content."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from banyan.cli.messages import translated
from banyan.domain.audit.errors import RowForged
from banyan.domain.audit.models import AuditRecord
from banyan.domain.ca.models import Certificate, CertificatePair, Issuance
from banyan.domain.iam.errors import RightMissing
from banyan.domain.lifecycle.errors import KeyNotProved
from banyan.domain.outbox.errors import ContentDiffers
from banyan.domain.outbox.models import OutboxMessage
from banyan.domain.parties.errors import OutOfScope
from banyan.domain.ra import access, storing
from banyan.domain.ra import actions as ra
from banyan.domain.ra.errors import (
    ApprovalVoid,
    DataRefused,
    EntryForged,
    IssuanceUnderWay,
    ProofreadingVoid,
    RequestClosed,
    RequestNotFound,
    SamePerson,
    SearchTooShort,
    SeenOtherData,
    StepNotDue,
    SubjectMissing,
    TokenRefused,
)
from banyan.domain.ra.models import Approval, Material, Proofreading, ServiceRequest, StepRecord
from banyan.domain.ra.values import NewMaterial, RequestData
from banyan.domain.systems.errors import FormFieldMissing, KindNotOffered
from banyan.kernel.home import Home
from banyan.pki.certificate import Certificate as View
from support import issuing
from support.issuing import NOW, SYSTEM, World, approver, clerk, later, proofreader
from support.parties import resident_id

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world() -> World:
    return issuing.world()


def stored(request: ServiceRequest) -> ServiceRequest:
    return ServiceRequest.objects.unscoped("test").get(pk=request.pk)


def at_counter(world: World, **changes: Any) -> ServiceRequest:
    return ra.open_request(clerk(), issuing.draft(world, channel="COUNTER", **changes), NOW)


def test_a_holder_who_has_a_pair_already_is_seen_by_whoever_decides(world: World) -> None:
    """A5, 规范 3.3.1.2(2): what lies out of sight is told as a number only; every look is recorded."""
    (first,) = issuing.in_hands(world, issuing.draft(world))
    request = ra.open_request(clerk(), issuing.draft(world), NOW)
    hint = ra.look_up_held(approver(), request, NOW)
    assert hint is not None
    assert [one.pair_id for one in hint.here] == [first.pk]
    from_xiamen = ra.look_up_held(clerk(regions=("350200",)), request, NOW)
    assert from_xiamen is not None
    assert [(one.kind, one.system, one.count) for one in from_xiamen.elsewhere] == [("PERSONAL", "GENERAL", 1)]
    assert (from_xiamen.here, from_xiamen.count) == ((), 1)
    assert AuditRecord.objects.filter(event="parties.holdings_looked_up").count() == 2
    assert ra.look_up_held(replace(clerk(), rights=frozenset({"requests.read"})), request, NOW) is None


def test_a_request_is_not_warned_of_its_own_pair_nor_once_it_is_closed(world: World) -> None:
    (pair,) = issuing.issued(world, issuing.draft(world))
    request = stored(ServiceRequest.objects.unscoped("test").get(pk=pair.request_id))
    hint = ra.look_up_held(clerk(), request, NOW)
    assert hint is not None
    assert hint.is_empty
    issuing.delivered(world, request.pk)
    looks = AuditRecord.objects.filter(event="parties.holdings_looked_up").count()
    assert ra.look_up_held(clerk(), stored(request), NOW) is None
    assert AuditRecord.objects.filter(event="parties.holdings_looked_up").count() == looks


def test_a_request_at_the_counter_goes_the_whole_way(world: World) -> None:
    """The order of 规范 3.1.1.1-1, each step by whoever may do it, timed against its deadline."""
    request = at_counter(world)
    assert (request.step, request.number) == ("precheck", "TY20260302000001")
    assert ra.precheck(clerk(), request.pk, NOW) == []
    ra.approve(approver(), request.pk, NOW, seen_materials=stored(request).materials_digest)
    entered = ra.enter(clerk(), request.pk, RequestData(requester={"name": "经办人"}), NOW)
    ra.proofread(proofreader(), request.pk, NOW, seen_data=entered.data_digest)
    issuing.issue(world, stored(request))
    assert access.story(clerk(), request.pk).is_waiting_for_ca
    ra.carry_on(SYSTEM, world.connector, NOW)
    issuing.delivered(world, request.pk)
    done = stored(request)
    assert (done.state, done.step) == ("DONE", "")
    steps = list(StepRecord.objects.filter(request=request).order_by("pk").values_list("step", "outcome"))
    assert [step for step, outcome in steps if outcome == "ok"] == [
        "precheck",
        "approve",
        "enter",
        "proofread",
        "issue",
        "personalize",
        "notify_ready",
        "hand_over",
    ]
    signing = View.parse(bytes(Certificate.objects.get(pair_id=done.issued_pair_id, use="SIGNING").der))
    assert dict(signing.subject) == {
        "C": "CN",
        "ST": "福建省",
        "L": "福州市",
        "O": "榕树测试有限公司",
        "CN": world.people[0].name,
    }
    assert signing.identify_code is not None
    assert resident_id(1) not in signing.identify_code.value
    assert OutboxMessage.objects.filter(topic="sms.notice").count() == 1


def test_everything_missing_is_told_at_once_and_the_request_waits(world: World) -> None:
    """一次性告知."""
    request = at_counter(world, materials=[])
    missing = ra.precheck(clerk(), request.pk, NOW)
    assert [entry.code for entry in missing] == ["application_form", "requester_identity", "holder_identity"]
    assert stored(request).step == "precheck"
    ra.add_materials(clerk(), request.pk, issuing.materials(), NOW)
    assert ra.precheck(clerk(), request.pk, NOW) == []
    assert [story.outcome for story in StepRecord.objects.filter(step="precheck").order_by("pk")] == [
        "deficient",
        "materials",
        "ok",
    ]


def test_steps_are_done_in_their_order_and_with_their_rights(world: World) -> None:
    request = at_counter(world)
    with pytest.raises(StepNotDue) as early:
        ra.approve(approver(), request.pk, NOW)
    told = translated(early.value)
    assert "现在应由业务员办理“初审”，这时不能办理“审核”" in told
    assert told.endswith(f"banyan request precheck {request.number}"), "the command line says what to type"
    with pytest.raises(StepNotDue):
        ra.enter(clerk(), request.pk, RequestData(), NOW)
    with pytest.raises(RightMissing):
        ra.precheck(approver(), request.pk, NOW)
    ra.precheck(clerk(), request.pk, NOW)
    with pytest.raises(RightMissing):
        ra.approve(clerk(), request.pk, NOW)
    with pytest.raises(StepNotDue, match="由审核员办理“审核”，"):
        ra.enter(clerk(), request.pk, RequestData(), NOW)


def test_entered_proofread_and_approved_are_three_people(world: World) -> None:
    """Four eyes: by account and by credential, in either order of the steps; each refusal is in the audit."""
    everything = frozenset(issuing._ALL)
    one = replace(clerk(31), rights=everything)
    (request,) = ra.open_requests(one, [issuing.draft(world)], NOW).done
    with pytest.raises(SamePerson):
        ra.proofread(one, request.pk, NOW)
    second_account_same_credential = replace(one, id=99)
    with pytest.raises(SamePerson):
        ra.proofread(second_account_same_credential, request.pk, NOW)
    two = replace(proofreader(32), rights=everything)
    ra.proofread(two, request.pk, NOW)
    for person in (one, two, second_account_same_credential):
        with pytest.raises(SamePerson):
            ra.approve(person, request.pk, NOW)
    assert AuditRecord.objects.filter(outcome="refused", detail__contains="ra.same_person").count() == 5
    assert ra.approve(approver(33), request.pk, NOW).step == "issue"


def test_approval_and_proofreading_are_for_what_was_seen(world: World) -> None:
    (request,) = ra.open_requests(clerk(), [issuing.draft(world)], NOW).done
    with pytest.raises(SeenOtherData):
        ra.proofread(proofreader(), request.pk, NOW, seen_data="00" * 32)
    ra.proofread(proofreader(), request.pk, NOW)
    with pytest.raises(SeenOtherData):
        ra.approve(approver(), request.pk, NOW, seen_materials="00" * 32)


def test_a_change_of_data_voids_the_proofreading_and_of_the_holder_both(world: World) -> None:
    (request,) = issuing.decided(world, issuing.draft(world))
    ra.enter(clerk(), request.pk, RequestData(subject={"OU": "新处室"}), NOW)
    changed = stored(request)
    assert (changed.step, changed.proofreading_id, changed.approval_id is not None) == ("proofread", None, True)
    ra.proofread(proofreader(), request.pk, NOW)
    assert stored(request).step == "approve", "in the order of the process, though the approval still stands"
    ra.approve(approver(), request.pk, NOW)
    ra.enter(clerk(), request.pk, RequestData(), NOW, person_id=world.people[1].pk)
    changed = stored(request)
    assert (changed.step, changed.proofreading_id, changed.approval_id) == ("proofread", None, None)
    assert changed.subject_name == world.people[1].name


def test_another_material_after_approval_voids_the_approval(world: World) -> None:
    request = at_counter(world)
    ra.precheck(clerk(), request.pk, NOW)
    ra.approve(approver(), request.pk, NOW)
    ra.add_materials(clerk(), request.pk, [NewMaterial("change_proof", "a.pdf", b"another")], NOW)
    assert (stored(request).step, stored(request).approval_id) == ("approve", None)
    ra.approve(approver(), request.pk, NOW)
    material = Material.objects.filter(request=request, code="change_proof").get()
    ra.remove_material(clerk(), request.pk, material.pk, NOW)
    assert stored(request).step == "approve"


def test_a_request_set_to_approved_by_plain_sql_is_not_issued(world: World) -> None:
    """design §3: whatever stands in the request row, the decisions themselves are looked at."""
    (request,) = ra.open_requests(clerk(), [issuing.draft(world)], NOW).done
    ServiceRequest.objects.unscoped("a hand in the database").filter(pk=request.pk).update(step="issue")
    with pytest.raises(ApprovalVoid):
        issuing.issue(world, stored(request))


def test_a_decision_made_by_hand_is_recognised(world: World) -> None:
    (request,) = issuing.decided(world, issuing.draft(world))
    Approval.objects.filter(request=request).update(approver=77)
    with pytest.raises(RowForged):
        issuing.issue(world, stored(request))
    assert Issuance.objects.count() == 0


def test_data_changed_by_hand_after_proofreading_are_not_issued(world: World) -> None:
    (request,) = issuing.decided(world, issuing.draft(world))
    ServiceRequest.objects.unscoped("a hand in the database").filter(pk=request.pk).update(data_digest="ab" * 32)
    with pytest.raises(ProofreadingVoid):
        issuing.issue(world, stored(request))
    assert Proofreading.objects.count() == 1


def test_sending_back_names_what_is_wrong_and_entry_begins_again(world: World) -> None:
    (request,) = ra.open_requests(clerk(), [issuing.draft(world)], NOW).done
    ra.send_back(proofreader(), request.pk, NOW, reason="姓名有误")
    assert stored(request).step == "enter"
    ra.enter(clerk(), request.pk, RequestData(), NOW)
    assert stored(request).step == "proofread"
    assert StepRecord.objects.filter(outcome="sent_back").get().note == "姓名有误"


def test_a_rejected_request_ends_with_its_reason(world: World) -> None:
    (request,) = ra.open_requests(clerk(), [issuing.draft(world)], NOW).done
    ra.proofread(proofreader(), request.pk, NOW)
    done = ra.reject(approver(), request.pk, NOW, reason="不符合条件")
    assert done.state == "REJECTED"
    with pytest.raises(RequestClosed):
        ra.approve(approver(), request.pk, NOW)


def test_only_the_token_with_the_certified_key_is_personalised(world: World) -> None:
    (request,) = issuing.decided(world, issuing.draft(world))
    issuing.issue(world, request)
    ra.carry_on(SYSTEM, world.connector, NOW)
    nonce = ra.personalization_nonce(stored(request))
    world.csr(name="another key")
    with pytest.raises(KeyNotProved):
        ra.personalize(clerk(), request.pk, NOW, signature=world.sign("another key", nonce))
    with pytest.raises(KeyNotProved):
        ra.personalize(clerk(), request.pk, NOW, signature=world.sign(request.number, nonce + b"0"))
    ra.personalize(clerk(), request.pk, NOW, signature=world.sign(request.number, nonce))
    assert stored(request).step == "notify_ready"


def test_a_token_of_somebody_else_or_unknown_is_refused(world: World) -> None:
    one, two = issuing.decided(world, issuing.draft(world, person=0), issuing.draft(world, person=1))
    token = world.token()
    issuing.issue(world, one, token=token)
    with pytest.raises(TokenRefused):
        issuing.issue(world, two, token=token, container="c2")
    with pytest.raises(TokenRefused):
        ra.issue(clerk(), two.pk, NOW, csr=world.csr(), token_serial="NOSUCH1", container="c1")


def test_while_certificates_are_issued_data_stay_as_they_are(world: World) -> None:
    (request,) = issuing.decided(world, issuing.draft(world))
    token = world.token()
    issuing.issue(world, request, token=token)
    with pytest.raises(IssuanceUnderWay):
        ra.enter(clerk(), request.pk, RequestData(), NOW)
    with pytest.raises(IssuanceUnderWay):
        issuing.issue(world, stored(request), token=token)
    ra.cancel_issuance(clerk(), request.pk, NOW, reason="换介质")
    issuing.issue(world, stored(request), token=token, container="c2")
    assert ra.carry_on(SYSTEM, world.connector, NOW).issued == 1


def test_cancelling_leaves_nothing_issued_without_an_owner(world: World) -> None:
    (request,) = issuing.decided(world, issuing.draft(world))
    issuing.issue(world, request)
    ra.carry_on(SYSTEM, world.connector, NOW)
    ra.cancel(clerk(), request.pk, NOW, reason="不办了")
    pair = CertificatePair.objects.unscoped("test").get()
    assert (stored(request).state, pair.state) == ("CANCELLED", "REVOKED")


def test_bad_drafts_are_refused_one_by_one_with_the_cure(world: World) -> None:
    outcome = ra.open_requests(
        clerk(),
        [
            issuing.draft(world, person_id=None, organization_id=None),
            issuing.draft(world, kind="SEAL"),
            issuing.draft(world, system="XINCHUANG"),
            issuing.draft(world, data=RequestData(subject={"CN": "冒名"})),
            issuing.draft(world),
        ],
        NOW,
    )
    assert [(refused.index, type(refused.error)) for refused in outcome.refusals] == [
        (0, SubjectMissing),
        (1, KindNotOffered),
        (2, FormFieldMissing),
        (3, DataRefused),
    ]
    assert len(outcome.done) == 1


def test_the_same_key_opens_the_same_request(world: World) -> None:
    """Repeats are recognised."""
    wish = issuing.draft(world)
    first = ra.open_request(clerk(), wish, NOW, key="form-1")
    assert ra.open_request(clerk(), wish, NOW, key="form-1").pk == first.pk
    with pytest.raises(ContentDiffers):
        ra.open_request(clerk(), issuing.draft(world, person=1), NOW, key="form-1")
    assert ServiceRequest.objects.unscoped("test").count() == 1


def test_numbers_go_on_and_never_repeat(world: World) -> None:
    outcome = ra.open_requests(clerk(), [issuing.draft(world), issuing.draft(world, person=1)], NOW)
    more = ra.open_requests(clerk(), [issuing.draft(world, person=2)], later(1))
    numbers = [request.number for request in outcome.done + more.done]
    assert numbers == ["TY20260302000001", "TY20260302000002", "TY20260303000001"]


def test_regions_bound_what_is_seen_and_done(world: World) -> None:
    """Scope: 福州 sees its counties; 平潭 does not see 福州."""
    (request,) = ra.open_requests(clerk(), [issuing.draft(world)], NOW).done
    fuzhou, pingtan = clerk(41, regions=("350100",)), clerk(42, regions=("350128",))
    assert access.request(fuzhou, request.pk).pk == request.pk
    for read in (access.request, access.story):
        with pytest.raises(RequestNotFound):
            read(pingtan, request.pk)
    assert access.request_page(pingtan) == []
    assert access.search(pingtan, request.number).requests == []
    assert access.work_counts(pingtan).get("proofread", 0) == 0
    with pytest.raises(RequestNotFound):
        ra.proofread(proofreader(43, regions=("350128",)), request.pk, NOW)
    refused = ra.open_requests(pingtan, [issuing.draft(world, person=1)], NOW)
    assert isinstance(refused.refusals[0].error, OutOfScope)


def test_one_box_finds_by_everything(world: World) -> None:
    """Name, ID number, credit code, serial, token number, request number."""
    (pair,) = issuing.issued(world, issuing.draft(world))
    request = ServiceRequest.objects.unscoped("test").get()
    serial = Certificate.objects.filter(pair=pair, use="SIGNING").get().serial
    typed = [
        request.number,
        request.number[:10],
        world.people[0].name,
        resident_id(1),
        world.organization.uscc,
        serial,
        serial.lower(),
        pair.token_serial,
    ]
    for text in typed:
        found = access.search(clerk(), text)
        assert [one.pk for one in found.requests] == [request.pk], text
        assert [one.pk for one in found.pairs] == [pair.pk], text
    with pytest.raises(SearchTooShort):
        access.search(clerk(), "x")


def test_pages_follow_the_last_key(world: World) -> None:
    ra.open_requests(clerk(), [issuing.draft(world, person=number) for number in range(3)], NOW)
    first = access.request_page(clerk(), limit=2)
    second = access.request_page(clerk(), limit=2, before=first[-1].pk)
    assert (len(first), len(second)) == (2, 1)
    assert len({request.pk for request in first + second}) == 3
    assert [one.pk for one in access.request_page(clerk(), step="proofread")] == [one.pk for one in first + second]


def test_nothing_protected_lies_in_the_rows_or_the_files(world: World, home: Home) -> None:
    """F7: data are sealed with their request, materials on disk; the digest tells nothing."""
    secret = "350102199001011234"
    data = RequestData(requester={"name": "经办人", "id_number": secret})
    first, second = ra.open_requests(
        clerk(), [issuing.draft(world, data=data), issuing.draft(world, person=1, data=data)], NOW
    ).done
    assert secret.encode() not in bytes(first.data_sealed)
    assert first.data_digest != second.data_digest
    assert access.data_of(proofreader(), first.pk) == data
    with pytest.raises(RightMissing):
        access.data_of(issuing.operator(), first.pk)
    sm3, _size, path = storing.keep(secret.encode() * 3, "scan.pdf")
    assert secret.encode() not in (home.files / path).read_bytes()
    material = Material(sm3=sm3, path=path)
    assert storing.read(material) == secret.encode() * 3


def test_deadlines_are_kept_and_late_steps_marked(world: World) -> None:
    (request,) = ra.open_requests(clerk(), [issuing.draft(world)], NOW).done
    assert request.due_on is not None
    late = later(10)
    assert [one.pk for one in access.request_page(clerk(), is_late=True, now=late)] == [request.pk]
    ra.proofread(proofreader(), request.pk, late)
    assert StepRecord.objects.filter(step="proofread").get().is_late


def test_work_counts_are_kept_ready(world: World) -> None:
    ra.open_requests(clerk(), [issuing.draft(world, person=number) for number in range(3)], NOW)
    assert access.work_counts(clerk())["proofread"] == 3
    ids = access.ids_at_step(clerk(), "proofread")
    ra.proofread_many(proofreader(), ids[:2], NOW + timedelta(minutes=1))
    counts = access.work_counts(clerk())
    assert (counts["proofread"], counts["approve"]) == (1, 2)
    ra.reject(approver(), ids[0], NOW, reason="不符")
    assert access.work_counts(clerk())["approve"] == 1


@pytest.mark.parametrize(
    "edit",
    [
        {"subject_der": b"\x30\x00"},
        {"extension_values": '{"dns_names":["elsewhere.example"]}'},
        {"entered_by": 4711},
        {"profile": "sm2-seal"},
    ],
    ids=lambda edit: next(iter(edit)),
)
def test_what_was_entered_cannot_be_changed_behind_the_product(edit: dict[str, object]) -> None:
    """F7: an edit by SQL between entry and proofreading is refused; nobody proofreads one name while another is certified."""
    request = ra.open_request(clerk(), issuing.draft(issuing.world()), NOW)
    ServiceRequest.objects.unscoped("test").filter(pk=request.pk).update(**edit)
    with pytest.raises(EntryForged):
        ra.proofread(proofreader(), request.pk, NOW)
