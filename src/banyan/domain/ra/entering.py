"""From a draft and its data to what a request stores: holder, policy, subject, digests. Reads; never writes."""

from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Q

from banyan.domain.ca.models import CertificatePair, PairState
from banyan.domain.lifecycle import rules as lifecycle
from banyan.domain.lifecycle.businesses import businesses
from banyan.domain.lifecycle.errors import Replaced
from banyan.domain.parties import access as parties
from banyan.domain.ra import sealed_data, seals, subjects
from banyan.domain.ra.errors import PairNeeded, RequestPending, SubjectMissing
from banyan.domain.ra.models import RequestState, ServiceRequest
from banyan.domain.ra.processes import Process, process_for
from banyan.domain.ra.subjects import Holders
from banyan.domain.ra.values import RequestData, RequestDraft
from banyan.domain.systems import access as systems
from banyan.domain.systems import rules as system_rules
from banyan.domain.systems.policy import CertificateKind, SystemPolicy
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_
from banyan.pki.profile import load_profiles


@dataclass(slots=True)
class Plan:
    """A draft that passed, with everything looked up. Fields of a business on a pair come from the pair."""

    draft: RequestDraft
    process: Process
    policy: SystemPolicy
    system: str
    kind: str
    region_code: str
    person_id: int | None
    organization_id: int | None
    device_id: int | None
    pair: CertificatePair | None
    subject_name: str = ""


@dataclass(frozen=True, slots=True)
class Entered:
    """Data as a request stores them."""

    text: str
    profile: str
    subject_der: bytes
    extension_values: str
    seal_index: bytes | None = None


def plan(actor: Actor, draft: RequestDraft, now: datetime) -> Plan:
    """Check a draft against scope, policy, process and the pair it names.

    Raises what is wrong with it: ra, lifecycle, systems and parties errors.
    """
    process = process_for(draft.business, draft.channel)
    rule = businesses()[draft.business]
    lifecycle.ensure_reason(draft.business, draft.reason)
    if rule.acts_on_pair:
        return _plan_on_pair(actor, draft, process, now)
    policy = systems.policy(draft.system)
    system_rules.ensure_kind(policy, draft.kind)
    return Plan(
        draft, process, policy, draft.system, draft.kind, draft.region_code, draft.person_id, draft.organization_id,
        draft.device_id, None,
    )  # fmt: skip


def _plan_on_pair(actor: Actor, draft: RequestDraft, process: Process, now: datetime) -> Plan:
    pair = CertificatePair.objects.visible_to(actor).filter(pk=draft.pair_id).first() if draft.pair_id else None
    if pair is None:
        raise PairNeeded
    pair.verify_row()
    policy = systems.policy(pair.system)
    lifecycle.ensure_possible(
        draft.business,
        name=pair.subject_name,
        state=pair.state,
        not_after=pair.not_after,
        policy=policy,
        channel=draft.channel,
        now=now,
    )
    ensure_not_replaced(pair, draft.business)
    ensure_none_pending(pair.pk, draft.business)
    person_id, organization_id, device_id = pair.person_id, pair.organization_id, pair.device_id
    if draft.business == "modify":
        # 单位变更: the person may have moved to another body; the holder himself stays.
        organization_id = draft.organization_id or organization_id
    region_code = draft.region_code or pair.region_code
    return Plan(
        draft, process, policy, pair.system, pair.kind, region_code, person_id, organization_id, device_id, pair
    )


def ensure_not_replaced(pair: CertificatePair, business: str) -> None:
    """A pair that a renewal has followed is only revoked or unlocked any more. Raises Replaced."""
    if not businesses()[business].issues:
        return
    newer = CertificatePair.objects.unscoped("a successor wherever it was issued").filter(supersedes=pair)
    if newer.exclude(state=PairState.REVOKED).exists():
        raise Replaced(name=pair.subject_name, business=businesses()[business].name)


def ensure_none_pending(pair_id: int, business: str) -> None:
    """One open request of a business a pair, and one that issues at all. Raises RequestPending."""
    same = Q(business=business)
    if businesses()[business].issues:
        same |= Q(business__in=[code for code, rule in businesses().items() if rule.issues])
    found = (
        ServiceRequest.objects.unscoped("an open request on this pair, wherever it was opened")
        .filter(same, pair_id=pair_id, state=RequestState.OPEN)
        .values_list("number", flat=True)
        .first()
    )
    if found is not None:
        raise RequestPending(number=found)


def name_holder(plan: Plan, holders: Holders) -> None:
    """Put the holder's name into the plan; a pair from elsewhere without a record keeps the name it has.

    Raises SubjectMissing.
    """
    holder = holders.of(plan)
    try:
        plan.subject_name = subjects.holder_name(plan.kind, holder)
    except SubjectMissing:
        if plan.pair is None:
            raise
        plan.subject_name = plan.pair.subject_name


def ensure_region(actor: Actor, region_code: str, holders: Holders) -> None:
    """The region must exist and lie within the actor's sight. Raises parties.OutOfScope, parties.UnknownRegion."""
    holders.tree.current(region_code)
    parties.ensure_region_in_scope(actor, region_code, holders.tree)


def enter(
    *,
    policy: SystemPolicy,
    kind: str,
    region_code: str,
    item: Plan | ServiceRequest,
    data: RequestData,
    holders: Holders,
) -> Entered:
    """What is stored of entered data. Raises systems, pki and ra errors that name the field at fault."""
    form = system_rules.check_form(policy, kind, {key: str(value) for key, value in data.form.items()})
    system_rules.validity(policy, kind, data.validity_days)
    issuing = system_rules.issuing(policy, kind, "", algorithm="P256" if data.is_classic else "SM2")
    profile = load_profiles()[issuing.profile]
    cleaned = data if form == data.form else replace(data, form=form)
    holder = holders.of(item)
    if kind == CertificateKind.PERSONAL and holder.person is None:
        raise SubjectMissing(kind=CertificateKind(kind).label, party=N_("持有人"))
    return Entered(
        text=sealed_data.text_of(cleaned),
        profile=profile.code,
        subject_der=subjects.subject_of(kind, holder, region_code, cleaned, profile, holders.tree),
        extension_values=subjects.extensions_of(kind, holder, cleaned, policy.kind(kind), profile),
        seal_index=seals.index_of(kind, form),
    )
