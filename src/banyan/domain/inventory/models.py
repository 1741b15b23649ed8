"""Media, tokens, and the tasks that put a pair into a token's container."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from banyan.domain.audit.models import GuardedModel
from banyan.domain.parties.models import IssuingPoint, Organization, Person
from banyan.domain.parties.scoping import RegionScoped
from banyan.domain.systems.policy import MediumKind


class KeyMedium(models.Model):
    """A maker's product that keys can live in (介质种类)."""

    code = models.CharField(max_length=40, primary_key=True)
    kind = models.CharField(max_length=20, choices=[(kind.value, _(kind.label)) for kind in MediumKind])
    name = models.CharField(max_length=80)
    vendor = models.CharField(max_length=80, blank=True)
    is_active = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        db_table = "inventory_keymedium"

    def __str__(self) -> str:
        return self.name


class TokenState(models.TextChoices):
    """Where a token is in its life; the ways between are in ``rules.TRANSITIONS``."""

    IN_STOCK = "IN_STOCK", _("在库")
    ASSIGNED = "ASSIGNED", _("已领用")
    PERSONALIZING = "PERSONALIZING", _("制证中")
    PERSONALIZED = "PERSONALIZED", _("已制证")
    IN_TRANSIT = "IN_TRANSIT", _("邮寄中")
    HANDED_OVER = "HANDED_OVER", _("已交付")
    LOCKED = "LOCKED", _("已锁定")
    RETURNED = "RETURNED", _("已交回")
    LOST = "LOST", _("已挂失")
    DAMAGED = "DAMAGED", _("已损坏")
    DESTROYED = "DESTROYED", _("已销毁")


class Token(GuardedModel, RegionScoped):
    """One device (一枚介质)."""

    GUARDED_FIELDS = (
        "serial",
        "medium_id",
        "state",
        "region_code",
        "issuing_point_id",
        "holder_person_id",
        "holder_organization_id",
        "admin_pin_sealed",
    )

    serial = models.CharField(max_length=64, unique=True)
    medium = models.ForeignKey(KeyMedium, on_delete=models.PROTECT, related_name="+", db_index=False)
    state = models.CharField(max_length=14, choices=TokenState.choices, default=TokenState.IN_STOCK)
    issuing_point = models.ForeignKey(
        IssuingPoint, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    batch = models.CharField(max_length=40, blank=True)
    holder_person = models.ForeignKey(
        Person, null=True, on_delete=models.PROTECT, related_name="tokens", db_index=False
    )
    holder_organization = models.ForeignKey(
        Organization, null=True, on_delete=models.PROTECT, related_name="tokens", db_index=False
    )
    # Empty when the token came from a predecessor who kept it to himself.
    admin_pin_sealed = models.BinaryField(null=True)
    # From the token's initialisation until it is handed over; bound to its number by the seal.
    initial_pin_sealed = models.BinaryField(null=True)
    # Where a device lies, in the words of whoever took it into stock; nothing is opened by it.
    location = models.CharField(max_length=120, blank=True)
    state_at = models.DateTimeField()
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        db_table = "inventory_token"
        # A token that goes its way touches as few of them as can be.
        indexes = [
            models.Index(fields=["region_code", "id"], name="inventory_token_region"),
            models.Index(
                fields=["issuing_point", "medium"], name="inventory_token_stock", condition=models.Q(state="IN_STOCK")
            ),
            models.Index(
                fields=["holder_person"],
                name="inventory_token_person",
                condition=models.Q(holder_person__isnull=False),
            ),
            models.Index(
                fields=["holder_organization"],
                name="inventory_token_body",
                condition=models.Q(holder_organization__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.serial

    @property
    def has_admin_pin(self) -> bool:
        """Whether the platform can unlock this token."""
        return self.admin_pin_sealed is not None


class TokenAgent(GuardedModel, RegionScoped):
    """A token agent's SM2 key, to which initial PINs and unblock answers may be sealed (docs/token-agent.md)."""

    GUARDED_FIELDS = ("key_id", "public_key", "name", "region_code", "registered_at", "ended_at")

    key_id = models.CharField(max_length=32, unique=True, help_text="first 16 octets of SM3 of the key, hexadecimal")
    public_key = models.BinaryField(help_text="SubjectPublicKeyInfo")
    name = models.CharField(max_length=80)
    registered_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "inventory_tokenagent"
        indexes = [models.Index(fields=["region_code", "id"], name="inventory_agent_region")]

    def __str__(self) -> str:
        return self.name


class TaskState(models.TextChoices):
    OPEN = "OPEN", _("待写入")
    WRITTEN = "WRITTEN", _("已写入")
    VERIFIED = "VERIFIED", _("已核验")
    VOID = "VOID", _("已作废")


class PersonalizationTask(RegionScoped):
    """An issued pair and the container of a token that is to hold it, and holds it once the task is verified.

    So every issued certificate is accounted for: by an open or written task, or by a token (规范 3.1.1.1-1(4)).
    """

    issuance_id = models.BigIntegerField(unique=True)
    token = models.ForeignKey(Token, on_delete=models.PROTECT, related_name="tasks", db_index=False)
    container = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=TaskState.choices, default=TaskState.OPEN)
    # SM2EnvelopedKey for the token's own key; nobody else can open it. Kept until the token has verified it.
    envelope = models.BinaryField(null=True)
    # Of the pairs a token holds, the one in use; older ones stay for decryption.
    is_current = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    written_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    void_reason = models.CharField(max_length=200, blank=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        db_table = "inventory_personalizationtask"
        constraints = [
            models.UniqueConstraint(
                fields=["token", "container"], name="inventory_container_once", condition=~models.Q(state="VOID")
            ),
        ]
        indexes = [
            models.Index(fields=["token", "state"], name="inventory_task_token"),
            models.Index(
                fields=["region_code", "id"],
                name="inventory_task_open",
                condition=models.Q(state__in=["OPEN", "WRITTEN"]),
            ),
        ]
