"""What is stored about service requests, their materials, their steps and the two decisions that allow issuing."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from banyan.domain.audit.models import GuardedModel
from banyan.domain.parties.scoping import RegionScoped
from banyan.domain.ra.delivery_models import (
    HandOverReceipt,
    Message,
    Notice,
    NoticeAttempt,
    NoticeState,
    Parcel,
    ParcelItem,
    ParcelState,
)

__all__ = [
    "Approval",
    "Business",
    "Channel",
    "Entry",
    "HandOverReceipt",
    "Material",
    "Message",
    "Notice",
    "NoticeAttempt",
    "NoticeState",
    "NumberSequence",
    "Parcel",
    "ParcelItem",
    "ParcelState",
    "Proofreading",
    "RequestState",
    "ServiceRequest",
    "StepRecord",
]


class Business(models.TextChoices):
    """The six businesses (规范 3.1.1.1)."""

    ENROLL = "enroll", _("新办")
    MODIFY = "modify", _("变更")
    REISSUE = "reissue", _("补办")
    UNLOCK = "unlock", _("解锁")
    REVOKE = "revoke", _("注销")
    RENEW = "renew", _("更新")


class Channel(models.TextChoices):
    """Where a request came in; with the business it decides the order of the steps."""

    COUNTER = "COUNTER", _("窗口")
    ONLINE = "ONLINE", _("在线")
    API = "API", _("接口")
    SHEET = "SHEET", _("批量导入")


class RequestState(models.TextChoices):
    """Whether anything is still to be done."""

    OPEN = "OPEN", _("办理中")
    DONE = "DONE", _("已办结")
    REJECTED = "REJECTED", _("审核未通过")
    CANCELLED = "CANCELLED", _("已撤回")


class ServiceRequest(RegionScoped):
    """One application for one business on one pair.

    ``step`` is the step that has to be done next, in the order of ``process`` (a file in ``ra/processes``). ``data``
    is sealed JSON; ``data_digest`` is SM3 over its canonical form, salted inside, so it tells nothing about the data.
    ``version`` counts every change (optimistic lock); ``data_version`` every change of identity data, which voids
    approval and proofreading.
    """

    number = models.CharField(max_length=32, unique=True)
    business = models.CharField(max_length=8, choices=Business)
    system = models.CharField(max_length=16)
    kind = models.CharField(max_length=16)
    profile = models.CharField(max_length=40, blank=True)
    channel = models.CharField(max_length=8, choices=Channel)
    process = models.CharField(max_length=24)
    # The version of the process that the request began with and keeps (0: as shipped).
    process_version = models.IntegerField(default=0, db_default=0)
    step = models.CharField(max_length=16, blank=True)
    state = models.CharField(max_length=10, choices=RequestState, default=RequestState.OPEN)
    version = models.IntegerField(default=1)
    data_version = models.IntegerField(default=1)
    # The version under which an issuance is asked for; one on after a CA's refusal.
    issuance_version = models.IntegerField(default=1)
    is_prechecked = models.BooleanField(default=False)
    subject_name = models.CharField(max_length=200)
    person = models.ForeignKey(
        "parties.Person", models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    organization = models.ForeignKey("parties.Organization", models.PROTECT, null=True, blank=True, related_name="+")
    device = models.ForeignKey(
        "parties.Device", models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    data_sealed = models.BinaryField()
    data_digest = models.CharField(max_length=64)
    subject_der = models.BinaryField(default=b"")
    extension_values = models.TextField(default="{}")
    materials_digest = models.CharField(max_length=64, blank=True)
    reason = models.CharField(max_length=24, blank=True)
    opened_by = models.BigIntegerField()
    entered_by = models.BigIntegerField(null=True)
    entered_credential = models.BigIntegerField(null=True)
    approval = models.ForeignKey("Approval", models.PROTECT, null=True, blank=True, related_name="+", db_index=False)
    proofreading = models.ForeignKey(
        "Proofreading", models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    token_id = models.BigIntegerField(null=True, blank=True)
    token_serial = models.CharField(max_length=64, blank=True)
    # The pair the business acts on, and the pair it makes.
    pair_id = models.BigIntegerField(null=True, blank=True)
    issued_pair_id = models.BigIntegerField(null=True, blank=True)
    # Blind index of a seal's unique code, so that no seal is applied for twice; see ``seals``.
    seal_index = models.BinaryField(max_length=16, null=True)
    issuance_id = models.BigIntegerField(null=True, blank=True)
    due_on = models.DateField(null=True, blank=True)
    is_due_provisional = models.BooleanField(default=False)
    # The day from which the period to ``due_on`` counts, so that it can be computed again by a new calendar.
    due_from = models.DateField(null=True, blank=True)
    notice_sealed = models.BinaryField(null=True, blank=True)
    opened_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = (
            models.Index(fields=["region_code", "id"], name="ra_request_region"),
            models.Index(fields=["step", "id"], name="ra_request_work", condition=models.Q(state="OPEN")),
            models.Index(fields=["step", "due_on", "id"], name="ra_request_due", condition=models.Q(state="OPEN")),
            # Without the rows that have none: SQLite would take all of those for few.
            models.Index(fields=["person"], name="ra_request_person", condition=models.Q(person__isnull=False)),
            models.Index(fields=["device"], name="ra_request_device", condition=models.Q(device__isnull=False)),
            # What a body asked for itself, apart from what was asked for all its people.
            models.Index(
                fields=["organization", "id"],
                name="ra_request_of_body",
                condition=models.Q(person__isnull=True, device__isnull=True),
            ),
            # What is rare has an index of its own, so a page of it is no walk; what is common needs none.
            models.Index(fields=["id"], name="ra_request_rejected", condition=models.Q(state="REJECTED")),
            models.Index(fields=["id"], name="ra_request_cancelled", condition=models.Q(state="CANCELLED")),
            models.Index(fields=["business", "id"], name="ra_request_business", condition=~models.Q(business="enroll")),
            models.Index(fields=["pair_id"], name="ra_request_pair", condition=models.Q(pair_id__isnull=False)),
            models.Index(fields=["token_serial"], name="ra_request_token", condition=~models.Q(token_serial="")),
            models.Index(fields=["organization", "id"], name="ra_request_undone", condition=~models.Q(state="DONE")),
            models.Index(fields=["seal_index"], name="ra_request_seal", condition=models.Q(seal_index__isnull=False)),
        )

    def __str__(self) -> str:
        return self.number


class Material(models.Model):
    """A scan or file that supports a request. ``sm3`` is over the original's bytes; paths are relative to home.files.

    ``previews`` is the folder of its pages as clean images (``album``), ``page_count`` of them; none for a file that no page
    was made of (a sheet, an interface's). ``notes`` names what the file holds besides: script, launch, attachment.
    """

    class Scan(models.TextChoices):
        """What a scanner said."""

        NONE = "NONE", _("未扫描")
        CLEAN = "CLEAN", _("已扫描")

    request = models.ForeignKey(ServiceRequest, models.PROTECT, related_name="materials")
    code = models.CharField(max_length=40)
    name = models.CharField(max_length=200)
    sm3 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    media_type = models.CharField(max_length=100)
    path = models.CharField(max_length=200)
    page_count = models.IntegerField(default=0)
    previews = models.CharField(max_length=200, blank=True, default="")
    notes = models.CharField(max_length=60, blank=True, default="")
    scan = models.CharField(max_length=8, choices=Scan, default=Scan.NONE)
    added_by = models.BigIntegerField()
    added_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class HeldFile(models.Model):
    """A file for a request that waits in quarantine, because the scanner does not answer. No material yet."""

    request = models.ForeignKey(ServiceRequest, models.PROTECT, related_name="held_files")
    code = models.CharField(max_length=40)
    name = models.CharField(max_length=200)
    sm3 = models.CharField(max_length=64)
    size = models.BigIntegerField()
    mark = models.CharField(max_length=32, unique=True)
    added_by = models.BigIntegerField()
    added_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Approval(GuardedModel):
    """The owner's decision on exactly these materials and data. Void when either digest no longer is the request's.

    ``approver`` and ``credential`` are the staff account and the credential it was signed in with.
    """

    class Decision(models.TextChoices):
        APPROVED = "APPROVED", _("同意")
        REJECTED = "REJECTED", _("不同意")

    request = models.ForeignKey(ServiceRequest, models.PROTECT, related_name="approvals")
    materials_digest = models.CharField(max_length=64)
    identity_digest = models.CharField(max_length=64)
    decision = models.CharField(max_length=8, choices=Decision)
    reason = models.CharField(max_length=400, blank=True)
    approver = models.BigIntegerField()
    credential = models.BigIntegerField(null=True)
    at = models.DateTimeField()

    GUARDED_FIELDS = (
        "request_id",
        "materials_digest",
        "identity_digest",
        "decision",
        "approver",
        "credential",
        "at",
    )

    def __str__(self) -> str:
        return f"{self.request_id}:{self.decision}"


class Entry(GuardedModel):
    """Who entered which data, and what the certificate will say by them. The newest of a request counts.

    The request's own columns can be edited by whoever holds the database; proofreading trusts only what agrees with
    this row, so nobody proofreads one name while another is certified, and nobody's entry becomes somebody else's.
    """

    request = models.ForeignKey(ServiceRequest, models.PROTECT, related_name="entries")
    data_digest = models.CharField(max_length=64)
    certificate_digest = models.CharField(max_length=64)
    entered_by = models.BigIntegerField()
    credential = models.BigIntegerField(null=True)
    at = models.DateTimeField()

    GUARDED_FIELDS = ("request_id", "data_digest", "certificate_digest", "entered_by", "credential", "at")

    def __str__(self) -> str:
        return f"{self.request_id}:{self.data_digest[:8]}"


class Proofreading(GuardedModel):
    """A second person's word that exactly these data are right, and that the certificate will say exactly this.

    ``certificate_digest`` is ``ca.rules.certificate_digest`` over what the certificate will state, so the signer can
    compare an intent with it without reading protected data. ``entered_by`` stands here so that the four-eyes rule can
    be checked from guarded rows alone.
    """

    request = models.ForeignKey(ServiceRequest, models.PROTECT, related_name="proofreadings")
    data_digest = models.CharField(max_length=64)
    certificate_digest = models.CharField(max_length=64)
    entered_by = models.BigIntegerField()
    entered_credential = models.BigIntegerField(null=True)
    proofreader = models.BigIntegerField()
    credential = models.BigIntegerField(null=True)
    at = models.DateTimeField()

    GUARDED_FIELDS = (
        "request_id",
        "data_digest",
        "certificate_digest",
        "entered_by",
        "entered_credential",
        "proofreader",
        "credential",
        "at",
    )

    def __str__(self) -> str:
        return f"{self.request_id}:{self.data_digest[:8]}"


class FieldCheck(models.Model):
    """What a proofreader found of one field, so that nothing is lost when the page is left.

    ``content_digest`` says of which data and which records (``checking.content_digest``): others need checks of their own.
    No value stands here, only where what was typed again differs from it.
    """

    class Result(models.TextChoices):
        SAME = "SAME", _("一致")
        RETYPED = "RETYPED", _("复录一致")
        LOOKED = "LOOKED", _("看过原件，录入无误")
        UNEQUAL = "UNEQUAL", _("复录不一致")
        DIFFERS = "DIFFERS", _("有差异")

    request = models.ForeignKey(ServiceRequest, models.PROTECT, related_name="checks")
    content_digest = models.CharField(max_length=64)
    proofreader = models.BigIntegerField()
    field = models.CharField(max_length=60)
    result = models.CharField(max_length=8, choices=Result)
    tries = models.PositiveSmallIntegerField(default=0)
    positions = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["request", "content_digest", "proofreader", "field"], name="ra_check_once"),
        )

    def __str__(self) -> str:
        return f"{self.request_id}:{self.field}"


class StepRecord(models.Model):
    """One entry of a request's time line: which step, by whom, when, with what outcome, and when it was due."""

    request = models.ForeignKey(ServiceRequest, models.PROTECT, related_name="steps")
    step = models.CharField(max_length=16)
    outcome = models.CharField(max_length=16)
    actor = models.BigIntegerField()
    actor_name = models.CharField(max_length=100)
    at = models.DateTimeField()
    note = models.CharField(max_length=400, blank=True)
    due_on = models.DateField(null=True)
    is_late = models.BooleanField(default=False)

    class Meta:
        indexes = (models.Index(fields=["actor", "at"], name="ra_step_of_actor"),)

    def __str__(self) -> str:
        return f"{self.request_id}:{self.step}"


class Intake(models.Model):
    """What a clerk noted when the request was taken in: who handles it, and data that were at hand already.

    ``values_sealed`` is sealed JSON (``values.Brought``). Nothing is certified by it: entry starts from it and enters
    anew. One a request; the last note counts.
    """

    request = models.OneToOneField(ServiceRequest, models.PROTECT, related_name="intake")
    values_sealed = models.BinaryField()
    updated_by = models.BigIntegerField()
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.request_id)


class DeficiencyReason(models.TextChoices):
    """Why a material does not do."""

    MISSING = "missing", _("没有提交")
    UNREADABLE = "unreadable", _("看不清")
    EXPIRED = "expired", _("已过有效期")
    UNSTAMPED = "unstamped", _("没有盖章")
    OTHER = "other", _("其他")


class DeficiencyNotice(models.Model):
    """Everything that a request lacked at a precheck, told at once (一次性告知单). ``note`` is for the requester."""

    request = models.ForeignKey(ServiceRequest, models.PROTECT, related_name="deficiency_notices")
    actor = models.BigIntegerField()
    actor_name = models.CharField(max_length=100)
    at = models.DateTimeField()
    note = models.CharField(max_length=400, blank=True)

    def __str__(self) -> str:
        return f"{self.request_id}:{self.pk}"


class DeficiencyItem(models.Model):
    """One material of a deficiency notice: which, why, and in words where the reason alone does not say it."""

    notice = models.ForeignKey(DeficiencyNotice, models.PROTECT, related_name="items")
    code = models.CharField(max_length=40)
    name = models.CharField(max_length=200)
    reason = models.CharField(max_length=12, choices=DeficiencyReason)
    text = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.notice_id}:{self.code}"


class NumberSequence(models.Model):
    """The last request number given out for a prefix and a day; it only grows."""

    prefix = models.CharField(max_length=24, unique=True)
    last = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.prefix}{self.last}"
