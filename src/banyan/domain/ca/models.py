"""What is stored about certification authorities, intents to issue, pairs, certificates and CRLs.

Rows that are written in bulk have few indexes, each on a value that grows with time or has few values, so that writing
costs the same with ten thousand rows as with a million.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _

from banyan.domain.audit.models import GuardedModel
from banyan.domain.parties.scoping import RegionScoped
from banyan.domain.systems.policy import CertificateKind

KIND_CHOICES = [(kind.value, kind.label) for kind in CertificateKind]


class Origin(models.TextChoices):
    """Whether a CA, and so its certificates, are ours or another operator's (A12)."""

    OWN = "OWN", _("本平台签发")
    FOREIGN = "FOREIGN", _("其他 CA 签发")


class CertificateAuthority(GuardedModel):
    """A CA whose certificates we issue, obtain through a connector or look after.

    ``code`` is also the signer's name of the key. ``is_active`` False: no new issuance (after a rollover it still
    signs its CRLs until its last certificate has expired).
    """

    class Kind(models.TextChoices):
        ROOT = "ROOT", _("根 CA")
        ISSUING = "ISSUING", _("签发 CA")

    class Algorithm(models.TextChoices):
        SM2 = "SM2", "SM2"
        P256 = "P256", "P-256"
        RSA = "RSA", "RSA"

    code = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=200)
    subject_der = models.BinaryField()
    certificate = models.BinaryField()
    algorithm = models.CharField(max_length=8, choices=Algorithm)
    kind = models.CharField(max_length=8, choices=Kind)
    origin = models.CharField(max_length=8, choices=Origin, default=Origin.OWN)
    connector = models.CharField(max_length=40, blank=True)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    not_before = models.DateTimeField()
    not_after = models.DateTimeField()
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField()

    GUARDED_FIELDS = (
        "code",
        "certificate",
        "algorithm",
        "kind",
        "origin",
        "connector",
        "parent_id",
        "is_active",
    )

    def __str__(self) -> str:
        return self.code


class Issuance(GuardedModel):
    """The intent: what is to be signed, for which request, on whose approval. Written before anything is signed.

    The signer reads this row, checks its MAC, the guarded rows of ``approval_id`` (ra_approval) and
    ``proofreading_id`` (ra_proofreading), ``rules.certificate_digest`` against the proofreading's, and signs with
    exactly these values. ``signing_serial`` and ``encryption_serial`` are chosen here for our own CAs, so signing the
    same intent again cannot make another certificate; they are empty for CAs that choose their own.

    ``state`` is progress only and not guarded: the signer's journal makes a repeated signature the same signature.
    ``voided_at`` is guarded: an intent that was called off stays so.
    """

    class State(models.TextChoices):
        INTENT = "INTENT", _("待提交")
        SUBMITTED = "SUBMITTED", _("等待 CA 签发")
        ISSUED = "ISSUED", _("已签发")
        REJECTED = "REJECTED", _("CA 拒绝")
        VOID = "VOID", _("已作废")

    request_id = models.BigIntegerField()
    request_version = models.IntegerField()
    system = models.CharField(max_length=16)
    kind = models.CharField(max_length=16)
    profile = models.CharField(max_length=40)
    ca = models.ForeignKey(CertificateAuthority, models.PROTECT, related_name="issuances", db_index=False)
    connector = models.CharField(max_length=40)
    subject_der = models.BinaryField()
    subject_name = models.CharField(max_length=200)
    # Canonical JSON of the extensions that move; see rules.extension_values for its entries.
    extension_values = models.TextField(default="{}")
    csr_der = models.BinaryField()
    not_before = models.DateTimeField()
    not_after = models.DateTimeField()
    data_digest = models.CharField(max_length=64)
    approval_id = models.BigIntegerField(null=True)
    proofreading_id = models.BigIntegerField(null=True)
    signing_serial = models.CharField(max_length=40, blank=True)
    encryption_serial = models.CharField(max_length=40, blank=True)
    region_code = models.CharField(max_length=6)
    person_id = models.BigIntegerField(null=True)
    organization_id = models.BigIntegerField(null=True)
    device_id = models.BigIntegerField(null=True)
    token_id = models.BigIntegerField(null=True)
    token_serial = models.CharField(max_length=64, blank=True)
    container = models.CharField(max_length=64, blank=True)
    supersedes_id = models.BigIntegerField(null=True)
    state = models.CharField(max_length=10, choices=State, default=State.INTENT)
    task_no = models.CharField(max_length=64, blank=True)
    attempts = models.IntegerField(default=0)
    next_try_at = models.DateTimeField(null=True)
    refusal_code = models.CharField(max_length=80, blank=True)
    refusal_message = models.TextField(blank=True)
    opened_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True)
    voided_at = models.DateTimeField(null=True)

    GUARDED_FIELDS = (
        "request_id",
        "request_version",
        "system",
        "kind",
        "profile",
        "ca_id",
        "subject_der",
        "extension_values",
        "csr_der",
        "not_before",
        "not_after",
        "data_digest",
        "approval_id",
        "proofreading_id",
        "signing_serial",
        "encryption_serial",
        "region_code",
        "token_id",
        "supersedes_id",
        "voided_at",
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["request_id", "request_version"], name="ca_issuance_once_a_request"),
        )
        indexes = (
            # One a state: SQLite does not see that `state = x` lies within a condition `state IN (…)`.
            models.Index(fields=["connector", "id"], name="ca_issuance_intent", condition=models.Q(state="INTENT")),
            models.Index(
                fields=["connector", "id"], name="ca_issuance_submitted", condition=models.Q(state="SUBMITTED")
            ),
        )

    def __str__(self) -> str:
        return f"{self.pk}/{self.state}"


class SubjectKey(models.Model):
    """Every public key that was ever certified or asked to be, once.

    ``key`` is the first 64 bits of SM3 over the SubjectPublicKeyInfo, signed: an eight-byte key keeps the index small
    enough to stay in memory, and with a hundred million keys a chance collision is one in four thousand, its price
    one refused request.
    """

    # Never drawn from a sequence; on SQLite only this type makes the key the row's own place instead of a second index.
    key = models.BigAutoField(primary_key=True)
    issuance_id = models.BigIntegerField(null=True)
    is_encryption = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"{self.key & (2**64 - 1):016x}"


class PairState(models.TextChoices):
    """The state of a pair is that of both its certificates."""

    VALID = "VALID", _("有效")
    HELD = "HELD", _("冻结")
    REVOKED = "REVOKED", _("已注销")


class RevocationReason(models.TextChoices):
    """CRL reasons (RFC 5280 §5.3.1) that this service uses."""

    UNSPECIFIED = "unspecified", _("未说明")
    KEY_COMPROMISE = "keyCompromise", _("私钥泄露或介质遗失被盗")
    AFFILIATION_CHANGED = "affiliationChanged", _("信息变更或人员离职")
    SUPERSEDED = "superseded", _("已被新证书取代")
    CESSATION_OF_OPERATION = "cessationOfOperation", _("停止使用")
    CERTIFICATE_HOLD = "certificateHold", _("冻结")


class CertificatePair(GuardedModel, RegionScoped):
    """A signing and an encryption certificate that live and die together (single where a profile has only one).

    ``region_code`` is the region at issue and never changes. The envelope that carries the encryption key to the token
    is kept by the token's personalisation task, not here.
    """

    issuance = models.OneToOneField(Issuance, models.PROTECT, null=True, blank=True, related_name="pair")
    request_id = models.BigIntegerField(null=True)
    ca = models.ForeignKey(CertificateAuthority, models.PROTECT, related_name="pairs", db_index=False)
    origin = models.CharField(max_length=8, choices=Origin, default=Origin.OWN)
    system = models.CharField(max_length=16)
    kind = models.CharField(max_length=16, choices=KIND_CHOICES)
    profile = models.CharField(max_length=40)
    subject_name = models.CharField(max_length=200)
    person = models.ForeignKey(
        "parties.Person", models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    organization = models.ForeignKey("parties.Organization", models.PROTECT, null=True, blank=True, related_name="+")
    device = models.ForeignKey(
        "parties.Device", models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    token_id = models.BigIntegerField(null=True, blank=True)
    token_serial = models.CharField(max_length=64, blank=True)
    container = models.CharField(max_length=64, blank=True)
    state = models.CharField(max_length=8, choices=PairState, default=PairState.VALID)
    not_before = models.DateTimeField()
    not_after = models.DateTimeField()
    supersedes = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="superseded_by", db_index=False
    )
    recorded_at = models.DateTimeField()

    GUARDED_FIELDS = (
        "issuance_id",
        "request_id",
        "ca_id",
        "origin",
        "system",
        "kind",
        "profile",
        "subject_name",
        "person_id",
        "organization_id",
        "device_id",
        "token_id",
        "token_serial",
        "container",
        "region_code",
        "state",
        "not_before",
        "not_after",
        "supersedes_id",
    )

    class Meta:
        indexes = (
            models.Index(fields=["region_code", "id"], name="ca_pair_region"),
            models.Index(fields=["not_after", "id"], name="ca_pair_expiry"),
            models.Index(fields=["token_serial"], name="ca_pair_token", condition=~models.Q(token_serial="")),
            models.Index(
                fields=["supersedes"], name="ca_pair_supersedes", condition=models.Q(supersedes__isnull=False)
            ),
            # Without the rows that have none: SQLite would take all of those for few.
            models.Index(fields=["person"], name="ca_pair_person", condition=models.Q(person__isnull=False)),
            models.Index(fields=["device"], name="ca_pair_device", condition=models.Q(device__isnull=False)),
            # What a body holds itself, apart from what all its people hold.
            models.Index(
                fields=["organization", "id"],
                name="ca_pair_of_body",
                condition=models.Q(person__isnull=True, device__isnull=True),
            ),
            models.Index(fields=["state", "id"], name="ca_pair_not_valid", condition=~models.Q(state="VALID")),
        )

    def __str__(self) -> str:
        return f"{self.subject_name} #{self.pk}"


class Certificate(GuardedModel):
    """One issued certificate, its bytes and its status. ``serial`` is upper-case hexadecimal, even length.

    ``reason`` is empty for VALID. ``crl_segment`` is fixed at issue (design: CRLs sharded by a number).
    """

    class Use(models.TextChoices):
        SIGNING = "SIGNING", _("签名证书")
        ENCRYPTION = "ENCRYPTION", _("加密证书")
        BOTH = "BOTH", _("单证书")

    pair = models.ForeignKey(CertificatePair, models.PROTECT, related_name="certificates")
    ca = models.ForeignKey(CertificateAuthority, models.PROTECT, related_name="certificates", db_index=False)
    serial = models.CharField(max_length=40)
    use = models.CharField(max_length=10, choices=Use)
    der = models.BinaryField()
    sm3 = models.BinaryField()
    not_before = models.DateTimeField()
    not_after = models.DateTimeField()
    state = models.CharField(max_length=8, choices=PairState, default=PairState.VALID)
    revoked_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=24, blank=True, choices=RevocationReason)
    origin = models.CharField(max_length=8, choices=Origin, default=Origin.OWN)
    crl_segment = models.SmallIntegerField(default=0)

    GUARDED_FIELDS = (
        "pair_id",
        "ca_id",
        "serial",
        "use",
        "sm3",
        "not_before",
        "not_after",
        "state",
        "revoked_at",
        "reason",
        "origin",
    )
    GUARDED_BYTES = (("der", "sm3"),)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["serial", "ca"], name="ca_certificate_serial_once"),)
        indexes = (models.Index(fields=["ca", "id"], name="ca_certificate_listed", condition=~models.Q(state="VALID")),)

    def __str__(self) -> str:
        return self.serial


class StatusChange(models.Model):
    """A change of a pair's status on its way to the CA that keeps it; our own records change at once.

    A row for an own CA is DONE when written: our database is that CA's truth.
    """

    class Action(models.TextChoices):
        REVOKE = "revoke", _("注销")
        HOLD = "hold", _("冻结")
        RELEASE = "release", _("解除冻结")

    class State(models.TextChoices):
        WAITING = "WAITING", _("等待 CA 处理")
        DONE = "DONE", _("已完成")
        REJECTED = "REJECTED", _("CA 拒绝")

    pair = models.ForeignKey(CertificatePair, models.PROTECT, related_name="status_changes")
    action = models.CharField(max_length=8, choices=Action)
    reason = models.CharField(max_length=24, choices=RevocationReason)
    at = models.DateTimeField()
    # Who did it: an account and the name colleagues saw then; 0 and the part's name for a part of the product.
    actor = models.BigIntegerField()
    actor_name = models.CharField(max_length=100)
    connector = models.CharField(max_length=40)
    state = models.CharField(max_length=8, choices=State)
    task_no = models.CharField(max_length=64)
    attempts = models.IntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    refusal_code = models.CharField(max_length=80, blank=True)

    class Meta:
        indexes = (
            models.Index(
                fields=["connector", "id"], name="ca_statuschange_waiting", condition=models.Q(state="WAITING")
            ),
        )

    def __str__(self) -> str:
        return f"{self.pair_id}:{self.action}"


class CrlIssue(GuardedModel):
    """A CRL that was made, or fetched from a CA that is not ours. The bytes lie in the public directory.

    Only the newest of a CA keeps its bytes here; ``der`` of an older one is empty, and ``sm3`` that of nothing.
    """

    ca = models.ForeignKey(CertificateAuthority, models.PROTECT, related_name="crls")
    number = models.BigIntegerField()
    this_update = models.DateTimeField()
    next_update = models.DateTimeField()
    entries = models.IntegerField()
    sm3 = models.BinaryField()
    der = models.BinaryField()
    recorded_at = models.DateTimeField()

    GUARDED_FIELDS = ("ca_id", "number", "this_update", "next_update", "entries", "sm3")
    GUARDED_BYTES = (("der", "sm3"),)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["ca", "number"], name="ca_crlissue_number_once"),)

    def __str__(self) -> str:
        return f"{self.ca_id}/{self.number}"


class Tally(models.Model):
    """Numbers of the dashboard, kept ready in the transaction that changes them.

    One row a name (``pairs:VALID``, ``step:approve``, ``done:enroll``, …), region and system.
    """

    name = models.CharField(max_length=40)
    region_code = models.CharField(max_length=6)
    system = models.CharField(max_length=16)
    value = models.BigIntegerField(default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["name", "region_code", "system"], name="ca_tally_once"),)

    def __str__(self) -> str:
        return f"{self.name}={self.value}"
