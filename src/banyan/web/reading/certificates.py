"""Certificates as pages show them: a row of the list, and one pair's whole life."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from banyan.domain.ca import access as ca
from banyan.domain.ca.models import Certificate, CertificatePair, PairState, RevocationReason, StatusChange
from banyan.domain.iam import access as iam
from banyan.domain.iam import rights
from banyan.domain.inventory import access as inventory
from banyan.domain.inventory.models import PersonalizationTask, Token
from banyan.domain.parties import access as parties
from banyan.domain.parties.scoping import ScopedQuerySet
from banyan.domain.ra import access as ra
from banyan.domain.ra.models import ServiceRequest, StepRecord
from banyan.domain.ra.processes import Verb
from banyan.domain.systems.policy import CertificateKind
from banyan.kernel.actor import Actor
from banyan.pki import names
from banyan.pki.certificate import Certificate as CertificateView
from banyan.pki.errors import PkiError
from banyan.web import words
from banyan.web.reading.holders import Holder, holder
from banyan.web.reading.paging import Cursor, Page, page, sorted_page
from banyan.web.reading.steps import told

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
    sha256: str = ""
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
class Validity:
    """How much of the time is left (of 100), and the same in words."""

    left: int
    text: str
    is_over: bool = False


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
    validity: Validity | None

    @property
    def request(self) -> ServiceRequest | None:
        """The request that made the pair, where it is in sight."""
        return next((one for one in self.requests if one.pk == self.row.pair.request_id), None)


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
        holder=holder(actor, pair),
        token=_token(actor, pair),
        region=parties.region_tree().full_name(pair.region_code),
        events=_events(life, requests, _records(actor, pair, requests), task, now),
        requests=requests,
        predecessor=row_of(life.predecessor, now) if life.predecessor else None,
        successors=[row_of(one, now) for one in life.successors],
        validity=validity_of(pair, now),
    )


def validity_of(pair: CertificatePair, now: datetime) -> Validity | None:
    """How far a pair is through its time; None for one that was revoked, whose time does not count any more."""
    if pair.state == PairState.REVOKED:
        return None
    whole = max((pair.not_after - pair.not_before).total_seconds(), 1)
    left = round(min(max((pair.not_after - now).total_seconds() / whole, 0), 1) * 100)
    if pair.not_after <= now:
        days = _days(pair.not_after, now)
        text = ngettext("过期 %(n)d 天", "过期 %(n)d 天", days) % {"n": days}
        return Validity(left, text if days else _("今天过期"), is_over=True)
    if pair.not_before > now:
        days = _days(now, pair.not_before)
        text = ngettext("%(n)d 天后生效", "%(n)d 天后生效", days) % {"n": days}
        return Validity(left, text if days else _("今天生效"))
    days = _days(now, pair.not_after)
    text = ngettext("还有 %(n)d 天", "还有 %(n)d 天", days) % {"n": days}
    return Validity(left, text if days else _("今天到期"))


def _days(first: datetime, last: datetime) -> int:
    """Calendar days from one day to another, as people here count them."""
    return (parties.local_day(last) - parties.local_day(first)).days


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
            sha256=sha256(bytes(row.der)).hexdigest().upper(),
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


# Issuing and writing stand in the story with what the CA and the token say about them.
_TOLD_ELSEWHERE = frozenset({Verb.ISSUE, Verb.PERSONALIZE})


def _records(actor: Actor, pair: CertificatePair, requests: Iterable[ServiceRequest]) -> list[StepRecord]:
    """The steps of the request that made the pair."""
    if all(one.pk != pair.request_id for one in requests):
        return []
    return [one for one in ra.story(actor, pair.request_id or 0).records if one.step not in _TOLD_ELSEWHERE]


def _task(actor: Actor, pair: CertificatePair) -> PersonalizationTask | None:
    if pair.issuance_id is None or not rights.has(actor, "tokens.read"):
        return None
    return inventory.tasks(actor).filter(issuance_id=pair.issuance_id).first()


def _token(actor: Actor, pair: CertificatePair) -> Token | None:
    if not pair.token_serial or not rights.has(actor, "tokens.read"):
        return None
    return inventory.tokens(actor).filter(serial=pair.token_serial).select_related("medium").first()


def _events(
    life: ca.PairLife,
    requests: list[ServiceRequest],
    records: list[StepRecord],
    task: PersonalizationTask | None,
    now: datetime,
) -> list[Event]:
    """What happened, by time; what happened at one moment stands in the order in which it is put together here."""
    pair = life.pair
    people = iam.names_of([*(one.opened_by for one in requests), *(one.actor for one in records)])
    events = [_opened(request, people.get(request.opened_by, "")) for request in requests]
    events += [_step_event(record, people) for record in records if record.step not in _AFTER_ISSUING]
    events.append(Event(pair.recorded_at, _("签发") if pair.issuance_id else _("登记"), detail=life.authority.name))
    events += _task_events(task) if task is not None else []
    events += [_step_event(record, people) for record in records if record.step in _AFTER_ISSUING]
    events += [
        _closed(request, request.closed_at)
        for request in requests
        if request.closed_at and request.pk != pair.request_id
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


def _closed(request: ServiceRequest, at: datetime) -> Event:
    what = _("{business}申请{state}").format(
        business=request.get_business_display(), state=words.STATES[request.state].word
    )
    return Event(at, what, "", request.number, _page_of(request))


_AFTER_ISSUING = frozenset({Verb.NOTIFY_READY, Verb.HAND_OVER})


def _step_event(record: StepRecord, people: Mapping[int, str]) -> Event:
    step = told(record, people)
    return Event(record.at, step.what, step.who, step.detail, css=step.css, icon=step.icon)


def _page_of(request: ServiceRequest) -> str:
    return reverse("request", args=[request.pk])


def _task_events(task: PersonalizationTask) -> list[Event]:
    found = []
    if task.written_at:
        found.append(
            Event(task.written_at, _("写入介质"), "", _("容器 {name}").format(name=task.container), icon="device-usb")
        )
    if task.state == "VERIFIED" and task.closed_at:
        found.append(Event(task.closed_at, _("核验介质"), "", _("签名验证无误"), icon="device-usb"))
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
    who = change.actor_name if change.actor else _("系统")
    return Event(change.at, change.get_action_display(), who, reason, css=css, icon=icon)


def _linked(pair: CertificatePair, at: datetime, what: str, *, css: str) -> Event:
    return Event(at, what, "", pair.subject_name, reverse("certificate", args=[pair.pk]), css, "arrow-right")


def words_of_kind() -> list[tuple[str, str]]:
    """Kinds of certificates for the filter."""
    return [(kind.value, _(kind.label)) for kind in CertificateKind]
