"""Reading recoveries."""

from collections.abc import Sequence
from datetime import datetime

from banyan.domain.iam import rights
from banyan.domain.kmc import rules
from banyan.domain.kmc.errors import RecoveryNotFound, RecoveryNotOpen
from banyan.domain.kmc.models import KeyRecovery
from banyan.domain.kmc.values import EscrowedKey, RecoveryWish
from banyan.domain.parties import access as parties
from banyan.kernel.actor import Actor


def recovery(recovery_id: int) -> KeyRecovery:
    """One recovery, for actions. Raises RecoveryNotFound."""
    found = KeyRecovery.objects.filter(pk=recovery_id).first()
    if found is None:
        raise RecoveryNotFound
    return found


def open_recovery(recovery_id: int, now: datetime) -> KeyRecovery:
    """One recovery that still waits for approval. Raises RecoveryNotFound, RecoveryNotOpen."""
    found = recovery(recovery_id)
    if found.state != KeyRecovery.State.OPEN or now > found.expires_at:
        raise RecoveryNotOpen(state=found.get_state_display())
    return found


def open_recovery_like(key: EscrowedKey, wish: RecoveryWish, now: datetime) -> KeyRecovery | None:
    """A recovery of the same key for the same recipient, purpose and case that is neither carried out nor over."""
    alike = KeyRecovery.objects.filter(
        issuance_id=key.issuance_id,
        certificate_serial=key.certificate_serial,
        purpose=wish.purpose,
        case_number=rules.case_number(wish.case_number),
        recipient_certificate=wish.recipient_certificate,
        expires_at__gte=now,
    )
    return alike.filter(state__in=(KeyRecovery.State.OPEN, KeyRecovery.State.APPROVED)).order_by("pk").first()


def recoveries(actor: Actor, *, before: int | None = None, limit: int = 50) -> Sequence[KeyRecovery]:
    """Recoveries within the actor's sight, newest first; ``before`` is the key of the last one seen."""
    rights.require(actor, "kmc.read")
    found = KeyRecovery.objects.order_by("-id").defer("envelope", "recipient_certificate")
    if before is not None:
        found = found.filter(pk__lt=before)
    if actor.regions is None:
        return list(found[:limit])
    tree = parties.region_tree()
    seen = [one for one in found[: limit * 10] if tree.is_within(one.region_code, actor.regions)]
    return seen[:limit]
