"""Certificates as pages show them: a row of the list, and one pair's whole life."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils.translation import gettext as _

from banyan.domain.audit.models import AuditRecord
from banyan.domain.ca import access as ca
from banyan.domain.ca.models import Certificate, CertificatePair, PairState, RevocationReason, StatusChange
from banyan.domain.iam import access as iam
from banyan.domain.iam import audit_reading, rights
from banyan.domain.inventory import access as inventory
from banyan.domain.inventory.models import PersonalizationTask, Token
from banyan.domain.parties import access as parties
from banyan.domain.parties.errors import NotFound
from banyan.domain.parties.scoping import ScopedQuerySet
from banyan.domain.ra import access as ra
from banyan.domain.ra.models import ServiceRequest
from banyan.domain.systems.policy import CertificateKind
from banyan.kernel.actor import Actor
from banyan.pki import names
from banyan.pki.certificate import Certificate as CertificateView
from banyan.pki.errors import PkiError
from banyan.web import words
from banyan.web.reading.paging import Cursor, Page, page, sorted_page

EXPIRING_WITHIN = timedelta(days=60)
STATES = ("VALID", "EXPIRING", "HELD", "REVOKED", "EXPIRED")


@dataclass(frozen=True)
class PairRow:
    """A line of the list. ``state`` is that of the pair seen at this moment: valid, soon to expire, expired…"""

    pair: CertificatePair
    state: str
    system: str
    kind: str


@dataclass(frozen=True)
class CertificateFacts:
    """One of the two certificates, read from its own bytes; ``is_readable`` False when they do not parse."""

    row: Certificate
    subject: list[tuple[str, str]] = field(default_factory=list)
    issuer: str = ""
    key_usage: str = ""
    algorithm: str = ""
    fingerprint: str = ""
    policies: tuple[str, ...] = ()
    is_readable: bool = True


@dataclass(frozen=True)
class Event:
    """Something that happened, or will: what, when, who; ``css`` and ``icon`` as in the steps component."""

    at: datetime
    what: str
    who: str = ""
    detail: str = ""
    url: str = ""
    css: str = "ok"
    icon: str = "check"


@dataclass(frozen=True)
class Holder:
    """Who holds the pair, with numbers masked."""

    name: str
    facts: list[tuple[str, str]]


@dataclass(frozen=True)
class PairStory:
    """Everything about one pair."""

    row: PairRow
    life: ca.PairLife
    certificates: list[CertificateFacts]
    holder: Holder | None
    token: Token | None
    region: str
    events: list[Event]
    requests: list[ServiceRequest]
    predecessor: PairRow | None
    successors: list[PairRow]
    records: list[AuditRecord]


def state_of(pair: CertificatePair, now: datetime) -> str:
    """The state to show: a valid pair may be about to expire, expired, or not valid yet."""
    if pair.state != PairState.VALID:
        return str(pair.state)
    if pair.not_after <= now:
        return "EXPIRED"
    if pair.not_before > now:
        return "NOT_YET"
    return "EXPIRING" if pair.not_after - now <= EXPIRING_WITHIN else "VALID"


def row_of(pair: CertificatePair, now: datetime) -> PairRow:
    """One line."""
    return PairRow(pair, state_of(pair, now), words.system(pair.system), _(str(pair.get_kind_display())))


def listing(
    actor: Actor, cursor: Cursor, now: datetime, *, state: str = "", system: str = "", kind: str = ""
) -> Page[PairRow]:
    """A page of the certificates the actor may see, filtered: newest first, those about to expire soonest first.

    Raises RightMissing.
    """
    found = ca.pairs(actor)
    for name, value in (("system", system), ("kind", kind)):
        if value:
            found = found.filter(**{name: value})
    if state == "EXPIRING":
        found = found.filter(state=PairState.VALID, not_after__gt=now, not_after__lte=now + EXPIRING_WITHIN)
        walked = sorted_page(found, ca.pairs(actor), cursor, by="not_after")
    else:
        is_rare = state in (PairState.HELD, PairState.REVOKED)
        walked = page(_in_state(found, state, now), cursor, newest=ca.newest_pair(), is_indexed=is_rare)
    return walked.with_rows([row_of(pair, now) for pair in walked.rows])


def _in_state(found: ScopedQuerySet[CertificatePair], state: str, now: datetime) -> ScopedQuerySet[CertificatePair]:
    if state == "VALID":
        return found.filter(state=PairState.VALID, not_after__gt=now)
    if state == "EXPIRED":
        return found.filter(state=PairState.VALID, not_after__lte=now)
    # The exclusion says what the index on states leaves out; without it the index would not be used.
    return found.filter(state=state).exclude(state=PairState.VALID) if state else found


def story(actor: Actor, pair_id: int, now: datetime) -> PairStory:
    """Everything about one pair. Raises PairNotFound, RightMissing."""
    life = ca.life(actor, pair_id)
    pair = life.pair
    requests = _requests(actor, pair)
    task = _task(actor, pair)
    return PairStory(
        row=row_of(pair, now),
        life=life,
        certificates=[_facts(row) for row in life.certificates],
        holder=_holder(actor, pair),
        token=_token(actor, pair),
        region=parties.region_tree().full_name(pair.region_code),
        events=_events(life, requests, task, now),
        requests=requests,
        predecessor=row_of(life.predecessor, now) if life.predecessor else None,
        successors=[row_of(one, now) for one in life.successors],
        records=list(audit_reading.story_of(actor, "ca.certificatepair", pair.pk)),
    )


def _facts(row: Certificate) -> CertificateFacts:
    try:
        view = CertificateView.parse(bytes(row.der))
        return CertificateFacts(
            row=row,
            subject=[(str(words.SUBJECT_PARTS.get(key, key)), value) for key, value in view.subject],
            issuer=names.common_name(view.issuer) or names.display(view.issuer),
            key_usage=words.key_usages(sorted(view.key_usage or ())),
            algorithm=view.algorithm,
            fingerprint=bytes(row.sm3).hex().upper(),
            policies=view.policies,
        )
    except PkiError:
        return CertificateFacts(row=row, is_readable=False)


def _requests(actor: Actor, pair: CertificatePair) -> list[ServiceRequest]:
    """The request that made the pair and those about it, oldest first."""
    if not rights.has(actor, "requests.read"):
        return []
    found = list(ra.requests(actor).filter(pair_id=pair.pk))
    if pair.request_id:
        found += ra.requests(actor).filter(pk=pair.request_id)
    return sorted({one.pk: one for one in found}.values(), key=lambda one: one.pk)


def _task(actor: Actor, pair: CertificatePair) -> PersonalizationTask | None:
    if pair.issuance_id is None or not rights.has(actor, "tokens.read"):
        return None
    return inventory.tasks(actor).filter(issuance_id=pair.issuance_id).first()


def _token(actor: Actor, pair: CertificatePair) -> Token | None:
    if not pair.token_serial or not rights.has(actor, "tokens.read"):
        return None
    return inventory.tokens(actor).filter(serial=pair.token_serial).select_related("medium").first()


def _holder(actor: Actor, pair: CertificatePair) -> Holder | None:
    if not rights.has(actor, "parties.read"):
        return None
    facts: list[tuple[str, str]] = []
    name = pair.subject_name
    try:
        if pair.person_id:
            person = parties.person(actor, pair.person_id)
            name = person.name
            facts += [(_(str(person.get_id_type_display())), person.id_masked), (_("手机"), person.phone_masked)]
        if pair.device_id:
            device = parties.device(actor, pair.device_id)
            name = device.name
            facts += [(_("域名"), device.domain_name), (_("IP 地址"), device.ip_address)]
            facts.append((_("设备序列号"), device.serial_number))
        if pair.organization_id:
            body = parties.organization(actor, pair.organization_id)
            facts += [(_("单位"), body.name), (_("信用代码"), body.uscc)]
    except NotFound:
        # The holder moved to a region out of sight; the certificate itself stays in sight.
        facts.append((_("登记"), _("已转到管辖范围以外")))
    return Holder(name, [(label, value) for label, value in facts if value])


def _events(
    life: ca.PairLife, requests: Iterable[ServiceRequest], task: PersonalizationTask | None, now: datetime
) -> list[Event]:
    """What happened, by time; what happened at one moment stands in the order in which it is put together here."""
    pair = life.pair
    requests = list(requests)
    people = iam.names_of(request.opened_by for request in requests)
    events = [_opened(request, people.get(request.opened_by, "")) for request in requests]
    events.append(Event(pair.recorded_at, _("签发") if pair.issuance_id else _("登记"), detail=life.authority.name))
    events += _task_events(task) if task is not None else []
    events += [
        Event(request.closed_at, str(words.STATES[request.state].word), "", request.number, _page_of(request))
        for request in requests
        if request.closed_at and request.pk == pair.request_id
    ]
    events += [_status_event(change) for change in life.changes]
    if life.predecessor is not None:
        events.append(_linked(life.predecessor, pair.recorded_at, _("接续上一张证书"), css="ok"))
    events += [_linked(one, one.recorded_at, _("由新证书接续"), css="back") for one in life.successors]
    if pair.state != PairState.REVOKED:
        is_past = pair.not_after <= now
        what, css = (_("已到期"), "bad") if is_past else (_("到期"), "wait")
        events.append(Event(pair.not_after, what, css=css, icon="hourglass-low"))
    return sorted(events, key=lambda event: event.at)


def _opened(request: ServiceRequest, who: str) -> Event:
    what = _("受理{business}申请").format(business=request.get_business_display())
    return Event(request.opened_at, what, who, request.number, _page_of(request), icon="inbox")


def _page_of(request: ServiceRequest) -> str:
    return reverse("request", args=[request.pk])


def _task_events(task: PersonalizationTask) -> list[Event]:
    found = []
    if task.written_at:
        found.append(Event(task.written_at, _("写入介质"), "", task.container, icon="device-usb"))
    if task.state == "VERIFIED" and task.closed_at:
        found.append(Event(task.closed_at, _("核验介质"), "", task.container, icon="device-usb"))
    return found


_CHANGES: dict[str, tuple[str, str]] = {
    StatusChange.Action.REVOKE: ("bad", "ban"),
    StatusChange.Action.HOLD: ("back", "snowflake"),
    StatusChange.Action.RELEASE: ("ok", "refresh"),
}


def _status_event(change: StatusChange) -> Event:
    css, icon = _CHANGES[change.action]
    reason = str(RevocationReason(change.reason).label) if change.action == StatusChange.Action.REVOKE else ""
    if change.state != StatusChange.State.DONE:
        reason = _("、").join(part for part in (reason, change.get_state_display()) if part)
    return Event(change.at, change.get_action_display(), "", reason, css=css, icon=icon)


def _linked(pair: CertificatePair, at: datetime, what: str, *, css: str) -> Event:
    return Event(at, what, "", pair.subject_name, reverse("certificate", args=[pair.pk]), css, "arrow-right")


def words_of_kind() -> list[tuple[str, str]]:
    """Kinds of certificates for the filter."""
    return [(kind.value, _(kind.label)) for kind in CertificateKind]
