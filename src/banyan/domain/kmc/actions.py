"""Recovering an escrowed encryption key: asked for by one, approved by two others, carried out once (规范 A2)."""

from datetime import datetime

from banyan.domain import audit
from banyan.domain.iam import rights
from banyan.domain.kmc import access, rules
from banyan.domain.kmc.errors import (
    ApproverRefused,
    RecoveryInvalid,
    RecoveryNotApproved,
    RecoveryNotOpen,
    RecoveryPending,
)
from banyan.domain.kmc.models import KeyRecovery, RecoveryApproval
from banyan.domain.kmc.ports import KeyCentre
from banyan.domain.kmc.values import EscrowedKey, RecoveryWish
from banyan.kernel.actor import Actor
from banyan.kernel.errors import N_
from banyan.pki.certificate import Certificate


@audit.action
def request_recovery(actor: Actor, key: EscrowedKey, wish: RecoveryWish, now: datetime) -> KeyRecovery:
    """Ask for the recovery of one key: into the holder's new token, or for judicial evidence with its case number.

    Raises RecoveryInvalid, RecoveryPending while the same recovery is open, iam.RightMissing.
    """
    rights.require(actor, "kmc.request_recovery")
    _check_wish(wish, now)
    audit.alone()
    same = access.open_recovery_like(key, wish, now)
    if same is not None:
        raise RecoveryPending(number=same.pk, state=same.get_state_display())
    recovery = KeyRecovery(
        issuance_id=key.issuance_id,
        certificate_serial=key.certificate_serial,
        purpose=wish.purpose,
        case_number=rules.case_number(wish.case_number),
        reason=wish.reason.strip()[:400],
        recipient_certificate=wish.recipient_certificate,
        holder_person_id=key.holder_person_id,
        holder_account_id=wish.holder_account_id,
        region_code=key.region_code,
        requested_by=actor.id,
        requested_credential=actor.credential_id,
        requested_at=now,
        expires_at=now + rules.LASTS,
    )
    recovery.save()
    audit.record(actor, "kmc.request_recovery", recovery, serial=key.certificate_serial, purpose=str(wish.purpose))
    return recovery


def _check_wish(wish: RecoveryWish, now: datetime) -> None:
    if wish.purpose not in KeyRecovery.Purpose.values:
        raise RecoveryInvalid(reason=N_("没有说明用途"))
    if wish.purpose == KeyRecovery.Purpose.JUDICIAL and not wish.case_number.strip():
        raise RecoveryInvalid(reason=N_("司法取证须写明案号"))
    if not wish.reason.strip():
        raise RecoveryInvalid(reason=N_("没有写明理由"))
    view = Certificate.parse(wish.recipient_certificate)
    if view.key_algorithm != "SM2" or "digitalSignature" not in (view.key_usage or ()):
        raise RecoveryInvalid(reason=N_("接收证书不是 SM2 签名证书"))
    if not view.not_before <= now <= view.not_after:
        raise RecoveryInvalid(reason=N_("接收证书不在有效期内"))


@audit.action
def approve_recovery(actor: Actor, recovery_id: int, now: datetime, *, seen: str = "") -> KeyRecovery:
    """Consent to exactly this recovery, as one of two people with two credentials.

    ``seen`` is the digest the page showed. Raises ApproverRefused (an audited refusal), RecoveryNotOpen,
    RecoveryNotFound, iam.RightMissing.
    """
    rights.require(actor, "kmc.approve_recovery")
    recovery = access.open_recovery(recovery_id, now)
    recovery.verify_row()
    digest = rules.recovery_digest(recovery)
    if seen and seen != digest:
        raise ApproverRefused(reason=N_("申请在您查看之后有过修改"))
    before = list(recovery.approvals.all())
    fault = rules.approver_fault(
        (actor.id, actor.credential_id),
        requester=(recovery.requested_by, recovery.requested_credential),
        holder_account=recovery.holder_account_id,
        before=[(one.approver, one.credential) for one in before],
    )
    if fault:
        raise ApproverRefused(reason=fault)
    approval = RecoveryApproval(
        recovery=recovery,
        recovery_digest=digest,
        approver=actor.id,
        credential=actor.credential_id,
        session=actor.session_id,
        at=now,
    )
    approval.save()
    if len(before) + 1 >= rules.APPROVERS:
        _progress(recovery, KeyRecovery.State.APPROVED)
    audit.record(actor, "kmc.approve_recovery", recovery, rows=[approval])
    return recovery


@audit.action
def refuse_recovery(actor: Actor, recovery_id: int, now: datetime, *, reason: str) -> KeyRecovery:
    """Refuse a recovery for good. Raises RecoveryNotOpen, RecoveryNotFound, iam.RightMissing."""
    rights.require(actor, "kmc.approve_recovery")
    recovery = access.open_recovery(recovery_id, now)
    _progress(recovery, KeyRecovery.State.REFUSED)
    audit.record(actor, "kmc.refuse_recovery", recovery, reason=reason[:200])
    return recovery


def carry_out_recovery(actor: Actor, recovery_id: int, key_centre: KeyCentre, now: datetime) -> bytes:
    """Have the key-management centre make the envelope; DER of SM2EnvelopedKey for the named signing key.

    The centre checks recovery and approvals by itself and does it once. Should our caller lose it, the stored
    envelope is answered again while the recovery lasts. Raises RecoveryNotApproved, RecoveryNotOpen, and what the
    centre refuses.
    """
    recovery = _ensure_carriable(actor, recovery_id, now)
    if recovery.envelope is not None:
        return bytes(recovery.envelope)
    envelope = key_centre.recover_key(recovery.pk)
    _record_done(actor, recovery_id, envelope, now)
    return envelope


@audit.action
def _ensure_carriable(actor: Actor, recovery_id: int, now: datetime) -> KeyRecovery:
    rights.require(actor, "kmc.request_recovery")
    recovery = access.recovery(recovery_id)
    recovery.verify_row()
    if recovery.state == KeyRecovery.State.REFUSED or now > recovery.expires_at:
        raise RecoveryNotOpen(state=recovery.get_state_display())
    missing = rules.APPROVERS - recovery.approvals.count()
    if missing > 0:
        raise RecoveryNotApproved(missing=missing)
    audit.record(actor, "kmc.carry_out_recovery", recovery)
    return recovery


@audit.action
def _record_done(actor: Actor, recovery_id: int, envelope: bytes, now: datetime) -> None:
    KeyRecovery.objects.filter(pk=recovery_id).update(state=KeyRecovery.State.DONE, envelope=envelope, done_at=now)
    audit.record(actor, "kmc.recovered", access.recovery(recovery_id))


def _progress(recovery: KeyRecovery, state: KeyRecovery.State) -> None:
    """Progress is not guarded: the centre decides from recovery and approvals."""
    KeyRecovery.objects.filter(pk=recovery.pk).update(state=state)
    recovery.state = state
