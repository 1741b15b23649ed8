"""Codes of an authenticator (动态口令, TOTP, RFC 6238): the second factor of those who have no certificate yet.

HMAC-SHA1, six digits, thirty seconds: what every authenticator application knows. The secret is kept sealed; a time step
is used once. Why and when: ``docs/adr/0016-people-and-what-they-may-open.md``.
"""

import base64
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from banyan.domain import audit
from banyan.domain.audit.models import ring
from banyan.domain.iam import sources
from banyan.domain.iam.actions import NewSession, account_actor, end_sessions, open_session
from banyan.domain.iam.dual_control import request_dual, use_dual
from banyan.domain.iam.errors import CodeEnrolled, CodeNotEnrolled, CodeRefused, EnrolmentStale
from banyan.domain.iam.models import CodeStep, Credential, DualControlRequest, StaffAccount
from banyan.domain.iam.sources import Source
from banyan.kernel.actor import Actor
from banyan.sealing.errors import SealingError

TOTP_KIND: Final = "totp"
RESET: Final = "iam.reset_code"
STEP_S: Final = 30
DIGITS: Final = 6
# A clock may be half a minute off in either direction (RFC 6238 5.2).
_DRIFT: Final = (0, -1, 1)
_SECRET_BYTES: Final = 20
_EVENT: Final = "iam.log_in_by_code"
_ISSUER: Final = "榕证"


@dataclass(frozen=True)
class Enrolment:
    """A new secret at the only moment it is shown: for the QR code, for typing, and sealed for the form that confirms."""

    uri: str = field(repr=False)
    secret: str = field(repr=False)
    sealed: str = field(repr=False)


def code_at(secret: bytes, step: int) -> str:
    """The code of a time step (RFC 6238 4.2)."""
    made: bytes = TOTP(secret, DIGITS, SHA1(), STEP_S, enforce_key_length=False).generate(step * STEP_S)  # noqa: S303
    return made.decode()


def step_of(secret: bytes, code: str, now: datetime) -> int | None:
    """The time step whose code this is, near this moment; None for none. Spaces within a code do not count."""
    typed = "".join(code.split())
    present = int(now.timestamp()) // STEP_S
    found = None
    for drift in _DRIFT:  # all of them are computed: how long it takes tells nothing
        if hmac.compare_digest(code_at(secret, present + drift).encode(), typed.encode()) and found is None:
            found = present + drift
    return found


def is_enrolled(account_id: int) -> bool:
    """Whether an account has an authenticator. A row that was changed counts as one: it must not open a way around it."""
    return bool(_current(account_id).exists())


def new_enrolment(actor: Actor) -> Enrolment:
    """A secret for the actor's authenticator; nothing is stored before ``enrol``. Raises CodeEnrolled."""
    if is_enrolled(actor.id):
        raise CodeEnrolled(username=actor.name)
    secret = base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    sealed = base64.urlsafe_b64encode(ring().fields.seal(secret, _of_session(actor))).decode()
    return shown(actor, secret, sealed)


def shown(actor: Actor, secret: str, sealed: str) -> Enrolment:
    """An enrolment as it is shown, also again after a wrong code."""
    label = quote(f"{_ISSUER}:{actor.name}")
    uri = (
        f"otpauth://totp/{label}?secret={secret}&issuer={quote(_ISSUER)}&algorithm=SHA1&digits={DIGITS}&period={STEP_S}"
    )
    return Enrolment(uri, secret, sealed)


def opened(actor: Actor, sealed: str) -> Enrolment:
    """The enrolment that a form of this session carries. Raises EnrolmentStale."""
    try:
        secret = ring().fields.open(base64.urlsafe_b64decode(sealed.encode()), _of_session(actor))
    except (SealingError, ValueError) as error:
        raise EnrolmentStale from error
    return shown(actor, secret, sealed)


@audit.action
def enrol(*, actor: Actor, sealed: str, code: str, now: datetime) -> Credential:
    """Take the authenticator on record once it has shown a right code; the account's other sessions end.

    Raises EnrolmentStale, CodeEnrolled, CodeRefused.
    """
    secret = opened(actor, sealed).secret
    account = StaffAccount.objects.get(pk=actor.id).verify_row()
    if is_enrolled(account.pk):
        raise CodeEnrolled(username=account.username)
    step = step_of(base64.b32decode(secret), code, now)
    if step is None:
        raise CodeRefused
    kept = base64.b64encode(ring().fields.seal(secret, _at_rest(account.pk))).decode()
    credential = Credential(account=account, kind=TOTP_KIND, secret_hash=kept, created_at=now)
    credential.save()
    CodeStep.objects.create(credential=credential, step=step)
    audit.record(actor, "iam.code_enrolled", credential, account=account.pk)
    end_sessions(actor, account, now, but=actor.session_id)
    return credential


def log_in_by_code(
    *, password: Credential, code: str, channel: str, now: datetime, source: Source | None = None
) -> NewSession:
    """After a right password: check the code and open a session. Raises CodeRefused, audited with its reason.

    Counted as an attempt at the account from its source, as passwords are (ADR 8).
    """
    account = password.account
    place = source or Source()
    tried = sources.take_try(username=account.username, source=place, now=now)
    if tried is not None:
        try:
            return _open(password=password, code=code, channel=channel, now=now, source=place)
        except CodeRefused:
            detail: dict[str, Any] = {"channel": channel}
            sources.note_failure(actor=account_actor(account), tried=tried, detail=detail, now=now)
    reason = CodeRefused.code if tried is not None else "iam.login_waiting"
    audit.refusal(account_actor(account), _EVENT, reason, account, channel=channel)
    raise CodeRefused


@audit.action
def _open(*, password: Credential, code: str, channel: str, now: datetime, source: Source) -> NewSession:
    """The step is spent and the session opened, or neither."""
    held = Credential.objects.select_related("account").get(pk=password.pk).verify_row()
    account = held.account.verify_row()
    credential = _current(account.pk).first()
    if held.replaced_at is not None or credential is None or not account.is_active:
        raise _Unheard
    secret = ring().fields.open(base64.b64decode(credential.verify_row().secret_hash), _at_rest(account.pk))
    step = step_of(base64.b32decode(secret), code, now)
    if step is None or not CodeStep.objects.filter(credential=credential, step__lt=step).update(step=step):
        raise _Unheard
    return open_session(account=account, credential=credential, channel=channel, now=now, source=source)


class _Unheard(CodeRefused):
    """Within the attempt: the refusal is recorded once, with its reason, by ``log_in_by_code``."""

    audited_refusal = False


def ask_for_reset(*, actor: Actor, account: StaffAccount, now: datetime) -> DualControlRequest:
    """First person: ask that an account lose its authenticator (phone lost or changed). Raises CodeNotEnrolled."""
    if not is_enrolled(account.pk):
        raise CodeNotEnrolled(username=account.username)
    return request_dual(actor=actor, kind=RESET, payload={"account": account.pk}, now=now)


@audit.action
def reset_code(*, actor: Actor, request: DualControlRequest, now: datetime) -> StaffAccount:
    """Carry out a confirmed request; the account's sessions end. Raises CodeNotEnrolled."""
    _, payload = use_dual(actor=actor, request=request, kind=RESET, now=now)
    account = StaffAccount.objects.get(pk=payload["account"]).verify_row()
    credential = _current(account.pk).first()
    if credential is None:
        raise CodeNotEnrolled(username=account.username)
    credential.replaced_at = now
    credential.save()
    CodeStep.objects.filter(credential=credential).delete()
    audit.record(actor, "iam.code_reset", credential, account=account.pk)
    end_sessions(actor, account, now)
    return account


def _current(account_id: int) -> Any:
    return Credential.objects.filter(account_id=account_id, kind=TOTP_KIND, replaced_at__isnull=True)


def _of_session(actor: Actor) -> tuple[str, int, int]:
    return "iam.code_enrolment", actor.id, actor.session_id or 0


def _at_rest(account_id: int) -> tuple[str, int]:
    return "iam.code", account_id
