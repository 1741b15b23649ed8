"""Logging in by certificate: a challenge is signed in the token, then the certificate is judged, then the account found.

What a stranger could try gets one answer. Whoever proved that the key is his is told what is wrong and what to do next.
"""

from dataclasses import dataclass, field
from datetime import datetime

from banyan import gm
from banyan.domain import audit
from banyan.domain.audit.errors import RowForged
from banyan.domain.iam import actions, binding, refusing, sources
from banyan.domain.iam.actions import NewSession, account_actor
from banyan.domain.iam.challenges import Taken, signed_text, take_challenge
from banyan.domain.iam.errors import (
    CertificateAccountStopped,
    CertificateLoginRefused,
    CertificateNotBound,
    CertificateOfAnother,
    CertificateUnusable,
    PasswordComesFirst,
)
from banyan.domain.iam.models import Credential, StaffAccount
from banyan.domain.iam.ports import Certificates, Judged
from banyan.domain.iam.sources import Source
from banyan.domain.iam.staff_login import staff_login
from banyan.kernel.actor import system_actor
from banyan.pki.errors import PkiError

_EVENT = "iam.log_in_by_certificate"
_LARGEST_CERTIFICATE = 16 * 1024
_LARGEST_SIGNATURE = 80


@dataclass(frozen=True)
class Answer:
    """What came back from the token, and from which browser."""

    challenge: bytes
    signature: bytes
    certificate: bytes = field(repr=False)
    browser: str = field(repr=False)


def log_in_by_certificate(
    *, answer: Answer, origin: str, certificates: Certificates, now: datetime, source: Source | None = None
) -> NewSession:
    """Check an answer and open a session. The challenge is spent, whatever comes of it.

    Raises CertificateLoginRefused for what a stranger could try; CertificateUnusable's kinds and PasswordComesFirst for
    what the holder of the key is told. All are recorded.
    """
    place = source or Source()
    taken = take_challenge(challenge=answer.challenge, browser=answer.browser, origin=origin, now=now)
    judged = _proven(answer, taken, certificates, now)
    if taken is None or judged is None:
        _refuse_stranger(answer, "challenge" if taken is None else "signature", place, now)
        raise CertificateLoginRefused
    try:
        refusing.ensure_good(judged)
        credential = _credential(judged, taken)
    except (CertificateUnusable, PasswordComesFirst, RowForged) as error:
        bound = binding.bound_to(judged)
        who = account_actor(bound.account) if bound is not None else system_actor("unknown")
        audit.refusal(who, _EVENT, error, bound, serial=judged.serial, channel=taken.channel)
        if isinstance(error, RowForged):
            raise CertificateLoginRefused from error
        raise
    return actions.open_session(
        account=credential.account, credential=credential, channel=taken.channel, now=now, source=place
    )


def _proven(answer: Answer, taken: Taken | None, certificates: Certificates, now: datetime) -> Judged | None:
    """The certificate as the platform knows it, if its key signed this challenge for this site."""
    if taken is None or len(answer.certificate) > _LARGEST_CERTIFICATE or len(answer.signature) > _LARGEST_SIGNATURE:
        return None
    try:
        judged = certificates.judge(answer.certificate, now)
    except PkiError:
        return None
    signed = signed_text(taken.origin, answer.challenge)
    is_right = gm.sm2.verify_many([(judged.public_key, signed, answer.signature)])[0]
    return judged if is_right else None


def _credential(judged: Judged, taken: Taken) -> Credential:
    """The credential that the certificate stands for. Rows that were changed by hand are refused as unknown ones."""
    credential = binding.bound_to(judged)
    if credential is None:
        raise CertificateNotBound(name=judged.name, serial=judged.serial)
    account: StaffAccount = credential.account
    credential.verify_row()
    account.verify_row()
    if taken.credential is not None:
        _ensure_same_person(judged, taken.credential, account)
    elif not staff_login().takes_a_certificate_alone:
        raise PasswordComesFirst
    if not account.is_active:
        raise CertificateAccountStopped(name=judged.name)
    return credential


def _ensure_same_person(judged: Judged, password: Credential, account: StaffAccount) -> None:
    password.verify_row()
    # A password that was changed meanwhile proves nothing any more.
    if password.replaced_at is not None or password.account_id != account.pk:
        raise CertificateOfAnother(name=judged.name)


def _refuse_stranger(answer: Answer, what: str, source: Source, now: datetime) -> None:
    """Count and record. The count begins alarms; it keeps nobody out, for nothing can be guessed here (ADR 12)."""
    digest = gm.sm3(answer.certificate).hex()
    who = system_actor("unknown")
    tried = sources.take_try(username=f"certificate {digest}", source=source, now=now)
    if tried is not None:
        sources.note_failure(actor=who, tried=tried, detail={"certificate": audit.digest(digest)}, now=now)
    audit.refusal(who, _EVENT, CertificateLoginRefused.code, None, certificate=audit.digest(digest), what=what)
