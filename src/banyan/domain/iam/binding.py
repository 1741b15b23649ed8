"""Which certificate belongs to which account: asked for by one person, confirmed by another.

Whoever holds the certificate becomes that person. A person's certificate of our own CAs is recognised by the identity
it states (GB/T 20518 个人身份标识码), so a renewed one needs nothing new; any other one by its SM3.
"""

from datetime import datetime
from typing import Any, Final

from banyan.domain import audit
from banyan.domain.audit.models import ring
from banyan.domain.iam import refusing
from banyan.domain.iam.actions import end_sessions
from banyan.domain.iam.dual_control import request_dual, use_dual
from banyan.domain.iam.errors import CertificateBoundElsewhere, CertificateNowhereBound
from banyan.domain.iam.models import Credential, DualControlRequest, StaffAccount
from banyan.domain.iam.ports import Certificates, Judged
from banyan.domain.iam.staff_login import ensure_administrators_bound, staff_login
from banyan.kernel.actor import Actor

BIND: Final = "iam.bind_certificate"
UNBIND: Final = "iam.unbind_certificate"
CERTIFICATE: Final = "certificate"


def recognised_by(judged: Judged) -> list[str]:
    """What a credential may hold for this certificate, best first: never the identity itself, only its keyed digest."""
    by_certificate = f"sm3:{judged.sm3}"
    if not judged.identity:
        return [by_certificate]
    digest = ring().index.index(judged.identity, "iam.holder").hex()
    return [f"identity:{digest}", by_certificate]


def bound_to(judged: Judged) -> Credential | None:
    """The current credential that a certificate belongs to, row not checked."""
    marks = recognised_by(judged)
    found = Credential.objects.filter(kind=CERTIFICATE, replaced_at__isnull=True, secret_hash__in=marks)
    # Both only when an import was bound before the same person's certificate of ours: the certificate itself counts.
    return found.select_related("account").order_by("-secret_hash").first()


def certificate_state(account: StaffAccount) -> str:
    """How an account's certificate is recognised: ``identity``, ``sm3``, empty when none is bound.

    Reads ``account.credentials`` as they were fetched with the account.
    """
    for credential in account.credentials.all():
        if credential.kind == CERTIFICATE and credential.replaced_at is None:
            return credential.secret_hash.partition(":")[0]
    return ""


def ask_for_binding(
    *, actor: Actor, account: StaffAccount, certificate: bytes, certificates: Certificates, now: datetime
) -> DualControlRequest:
    """First person: ask that a certificate be bound. It must be good at this moment.

    Raises CertificateUnusable's kinds, CertificateBoundElsewhere, pki Malformed, RightMissing.
    """
    judged = certificates.judge(certificate, now)
    refusing.ensure_good(judged)
    _ensure_free(judged.name, recognised_by(judged), account)
    payload = {
        "account": account.pk,
        "holder": judged.name,
        "serial": judged.serial,
        "recognised_by": recognised_by(judged)[0],
    }
    return request_dual(actor=actor, kind=BIND, payload=payload, now=now)


@audit.action
def bind_certificate(*, actor: Actor, request: DualControlRequest, now: datetime) -> Credential:
    """Carry out a confirmed request; sessions opened with the certificate before it end.

    Raises CertificateBoundElsewhere when somebody else was faster.
    """
    _, payload = use_dual(actor=actor, request=request, kind=BIND, now=now)
    account = StaffAccount.objects.get(pk=payload["account"]).verify_row()
    audit.alone()  # or two accounts could take one holder at the same moment, and the database would say so to nobody
    _ensure_free(payload["holder"], [payload["recognised_by"]], account)
    _end_current(actor, account, now)
    credential = Credential(account=account, kind=CERTIFICATE, secret_hash=payload["recognised_by"], created_at=now)
    credential.save()
    detail: dict[str, Any] = {"account": account.pk, "serial": payload["serial"]}
    audit.record(actor, "iam.certificate_bound", credential, **detail)
    return credential


def ask_for_unbinding(*, actor: Actor, account: StaffAccount, now: datetime) -> DualControlRequest:
    """First person: ask that an account lose its certificate. Raises CertificateNowhereBound, NobodyCouldLogIn."""
    if not _current(account).exists():
        raise CertificateNowhereBound(username=account.username)
    if not staff_login().takes_a_password:
        ensure_administrators_bound(without=account.pk)
    return request_dual(actor=actor, kind=UNBIND, payload={"account": account.pk}, now=now)


@audit.action
def unbind_certificate(*, actor: Actor, request: DualControlRequest, now: datetime) -> StaffAccount:
    """Carry out a confirmed request; sessions opened with the certificate end.

    Raises CertificateNowhereBound, NobodyCouldLogIn.
    """
    _, payload = use_dual(actor=actor, request=request, kind=UNBIND, now=now)
    account = StaffAccount.objects.get(pk=payload["account"]).verify_row()
    audit.alone()  # nobody takes another administrator's certificate away in between
    if not staff_login().takes_a_password:
        ensure_administrators_bound(without=account.pk)
    if not _end_current(actor, account, now):
        raise CertificateNowhereBound(username=account.username)
    return account


def _current(account: StaffAccount) -> Any:
    return Credential.objects.filter(account=account, kind=CERTIFICATE, replaced_at__isnull=True)


def _end_current(actor: Actor, account: StaffAccount, now: datetime) -> bool:
    found = list(_current(account))
    for credential in found:
        credential.replaced_at = now
        credential.save()
        audit.record(actor, "iam.certificate_unbound", credential, account=account.pk)
        end_sessions(actor, account, now, credential=credential)
    return bool(found)


def _ensure_free(name: str, marks: list[str], account: StaffAccount) -> None:
    others = Credential.objects.filter(kind=CERTIFICATE, replaced_at__isnull=True, secret_hash__in=marks)
    other = others.exclude(account=account).select_related("account").first()
    if other is not None:
        raise CertificateBoundElsewhere(name=name, username=other.account.username)
