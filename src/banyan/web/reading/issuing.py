"""The issuing screen: the request at hand, what is asked of the token, what the desk issued today."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from banyan.domain.ca import access as certificates
from banyan.domain.ca.models import Certificate, Issuance
from banyan.domain.inventory import access as inventory
from banyan.domain.inventory.models import Token, TokenState
from banyan.domain.ra import access as ra
from banyan.domain.ra import actions as ra_actions
from banyan.domain.ra import preparing, work, working_days
from banyan.domain.ra.models import ServiceRequest, StepRecord
from banyan.domain.ra.processes import Verb
from banyan.domain.systems import access as systems
from banyan.domain.systems.policy import CertificateKind, MediumKind
from banyan.kernel.actor import Actor
from banyan.pki.skf_blob import to_skf_blob
from banyan.web import words
from banyan.web.reading.deadlines import Deadline, deadline
from banyan.web.reading.holders import Holder, holder
from banyan.web.script import base64_of

STEPS = (Verb.ISSUE, Verb.PERSONALIZE)
_RECENT = 9
# Pairs for equipment come from a PKCS#10 that the equipment made.
_BY_FILE = frozenset({MediumKind.SERVER_HSM})


@dataclass(frozen=True)
class Facts:
    """The head of the screen."""

    request: ServiceRequest
    state: str
    what: str
    holder: Holder | None
    valid_days: int
    deadline: Deadline | None
    token_serial: str  # the token that holds its key, or was prepared for it; empty while any will do
    is_written_by_agent: bool
    takes_file: bool
    is_waiting: bool
    refusal: str


@dataclass(frozen=True)
class Issued:
    """A line of what was issued here today."""

    request: ServiceRequest
    url: str


@dataclass(frozen=True)
class DoneToday:
    """What this person issued today: the latest, how many, how many went wrong at first."""

    rows: list[Issued]
    count: int
    failed: int


def facts(actor: Actor, request_id: int, now: datetime) -> Facts:
    """One request for the screen. Raises RequestNotFound."""
    story = ra.story(actor, request_id)
    one = story.request
    data = ra.data_of(actor, request_id) if one.data_digest else None
    policy = systems.policy(one.system)
    kind = policy.kind(one.kind)
    is_equipment = one.kind == CertificateKind.DEVICE or _BY_FILE & set(kind.media) == set(kind.media)
    rejected = [record for record in story.records if record.outcome == "rejected" and record.step == Verb.ISSUE]
    has_tried_since = story.issuance is not None
    return Facts(
        request=one,
        state="waiting" if story.is_waiting_for_ca else one.step or one.state,
        what="·".join([words.system(one.system), _(kind.kind.label), one.get_business_display()]),
        holder=holder(actor, one),
        valid_days=(data.validity_days if data else None) or kind.validity_days,
        deadline=deadline(one.due_on, now, is_provisional=one.is_due_provisional),
        token_serial=one.token_serial if one.step == Verb.PERSONALIZE else _prepared(story.records),
        is_written_by_agent=not is_equipment,
        takes_file=bool(_BY_FILE & set(kind.media)),
        is_waiting=story.is_waiting_for_ca,
        refusal=_refusal(story.issuance, rejected[-1].note if rejected and not has_tried_since else ""),
    )


def _prepared(records: Sequence[StepRecord]) -> str:
    """The token that was prepared and not set aside: an agent has its PINs, so it is this request's."""
    serial = ""
    for record in records:
        if record.step == Verb.ISSUE and record.outcome == "prepared":
            serial = record.note
        elif record.outcome in ("token_aside", "pair_voided"):
            serial = ""
    return serial


def _refusal(issuance: Issuance | None, code: str) -> str:
    if issuance is not None and issuance.state == Issuance.State.REJECTED:
        code = issuance.refusal_code
    return _("CA 没有签发：{code}").format(code=code) if code else ""


def done_today(actor: Actor, now: datetime) -> DoneToday:
    """What this person brought to an end here since midnight."""
    midnight = datetime.combine(working_days.local_date(now), time(), working_days.LOCAL)
    rows = work.mine(actor, midnight, most=60)
    done = [row.request for row in rows if row.step == Verb.PERSONALIZE and row.outcome == "ok"]
    failed = sum(row.outcome in ("pair_voided", "token_aside") for row in rows)
    count = work.my_counts(actor, midnight).get(Verb.PERSONALIZE, 0)
    return DoneToday([Issued(one, reverse("request", args=[one.pk])) for one in done[:_RECENT]], count, failed)


def token_words(token: Token) -> dict[str, Any]:
    """A token of ours as the screen shows it."""
    return {
        "serial": token.serial,
        "state": token.get_state_display(),
        "medium": _(token.medium.name),
        "vendor": token.medium.vendor,
        "is_in_stock": token.state == TokenState.IN_STOCK,
    }


def writing(actor: Actor, request: ServiceRequest) -> dict[str, str]:
    """What the token agent writes: certificates, envelope, the nonce it signs. Raises CA and inventory errors."""
    pair = certificates.pair(actor, request.issued_pair_id or 0)
    held = {one.use: bytes(one.der) for one in certificates.certificates_of(actor, pair.pk)}
    task = inventory.task_of_issuance(actor, request.issuance_id or 0)
    encryption = held.pop(Certificate.Use.ENCRYPTION)
    (signing,) = held.values()
    return {
        "container": pair.container,
        "signing_certificate": base64_of(signing),
        "encryption_certificate": base64_of(encryption),
        "envelope": base64_of(to_skf_blob(bytes(task.envelope or b""))),
        "nonce": base64_of(ra_actions.personalization_nonce(request)),
    }


def container_of(request: ServiceRequest) -> str:
    """The container a request's key is born in; asked again, the same."""
    return f"request-{request.pk}-{request.issuance_version}"


def look_at_token(actor: Actor, request: ServiceRequest, serial: str) -> dict[str, Any]:
    """Whether a plugged-in token serves this request. Raises ra.TokenRefused, inventory.SerialInvalid."""
    return token_words(preparing.token_for(actor, request, serial))
