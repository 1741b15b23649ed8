"""What is stored about recoveries of escrowed encryption keys. No key is stored here."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from banyan.domain.audit.models import GuardedModel


class KeyRecovery(GuardedModel):
    """A request to recover one escrowed encryption key for one certified signing key, once, before ``expires_at``.

    ``recipient_certificate`` (DER) is the signing certificate whose key alone can open the envelope: of the holder's
    new token, or of the officer who gathers evidence. The KMC process reads this row and both approvals, checks their
    MACs, that the approvers are two people, neither the requester nor the holder, and that it was not used.
    """

    class Purpose(models.TextChoices):
        HOLDER = "HOLDER", _("持有人恢复到新介质")
        JUDICIAL = "JUDICIAL", _("司法取证")

    class State(models.TextChoices):
        OPEN = "OPEN", _("等待审批")
        APPROVED = "APPROVED", _("已批准")
        DONE = "DONE", _("已恢复")
        REFUSED = "REFUSED", _("未批准")

    issuance_id = models.BigIntegerField()
    certificate_serial = models.CharField(max_length=40)
    purpose = models.CharField(max_length=10, choices=Purpose)
    case_number = models.CharField(max_length=100, blank=True)
    reason = models.CharField(max_length=400)
    recipient_certificate = models.BinaryField()
    holder_person_id = models.BigIntegerField(null=True)
    holder_account_id = models.BigIntegerField(null=True)
    region_code = models.CharField(max_length=6)
    requested_by = models.BigIntegerField()
    requested_credential = models.BigIntegerField(null=True)
    requested_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    # Progress; the KMC's own store makes "once" true whatever stands here.
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    envelope = models.BinaryField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    version = models.IntegerField(default=1)

    GUARDED_FIELDS = (
        "issuance_id",
        "certificate_serial",
        "purpose",
        "case_number",
        "recipient_certificate",
        "holder_person_id",
        "holder_account_id",
        "requested_by",
        "requested_credential",
        "requested_at",
        "expires_at",
    )

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=~models.Q(purpose="JUDICIAL", case_number=""), name="kmc_keyrecovery_case_named"
            ),
        )

    def __str__(self) -> str:
        return f"{self.pk}:{self.certificate_serial}"


class RecoveryApproval(GuardedModel):
    """One officer's consent to one recovery; two different officers with different credentials are needed.

    ``recovery_digest`` is ``kmc.rules.recovery_digest``: consent is to exactly this recovery.
    """

    recovery = models.ForeignKey(KeyRecovery, models.PROTECT, related_name="approvals")
    recovery_digest = models.CharField(max_length=64)
    approver = models.BigIntegerField()
    credential = models.BigIntegerField(null=True)
    session = models.BigIntegerField(null=True)
    at = models.DateTimeField()

    GUARDED_FIELDS = ("recovery_id", "recovery_digest", "approver", "credential", "session", "at")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["recovery", "approver"], name="kmc_recoveryapproval_once_a_person"),
        )

    def __str__(self) -> str:
        return f"{self.recovery_id}:{self.approver}"
