"""Messages to the outside, their targets, and the outcomes of calls that may be repeated."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class MessageState(models.TextChoices):
    """Where a message stands."""

    PENDING = "PENDING", _("待发送")
    DELIVERED = "DELIVERED", _("已送达")
    DEAD = "DEAD", _("死信")
    SUPERSEDED = "SUPERSEDED", _("已被更新的消息取代")


class OutboxTarget(models.Model):
    """A target somebody paused, or has paused before."""

    name = models.CharField(max_length=64, primary_key=True)
    is_paused = models.BooleanField(default=False)
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "outbox_target"

    def __str__(self) -> str:
        return self.name


class OutboxMessage(models.Model):
    """One message. The payload names things by key; it never holds a protected value in clear."""

    id = models.BigAutoField(primary_key=True)
    target = models.CharField(max_length=64)
    topic = models.CharField(max_length=64)
    ordering_key = models.CharField(max_length=128, blank=True)
    payload = models.TextField(help_text="JSON")
    state = models.CharField(max_length=16, choices=MessageState.choices, default=MessageState.PENDING)
    attempts = models.IntegerField(default=0)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=256, blank=True)

    class Meta:
        db_table = "outbox_message"
        indexes = [
            # Only what is still to be done is indexed, so the index stays small however many were delivered.
            models.Index(fields=["target", "due_at"], condition=Q(state="PENDING"), name="outbox_message_due"),
            models.Index(
                fields=["target", "ordering_key", "id"],
                condition=Q(state="PENDING") & ~Q(ordering_key=""),
                name="outbox_message_order",
            ),
            models.Index(fields=["target", "id"], condition=Q(state="DEAD"), name="outbox_message_dead"),
        ]

    def __str__(self) -> str:
        return f"{self.target}/{self.topic}#{self.pk}"


class DeliveredMark(models.Model):
    """The newest message delivered for an ordering key: an older one is never sent after it."""

    id = models.BigAutoField(primary_key=True)
    target = models.CharField(max_length=64)
    ordering_key = models.CharField(max_length=128)
    message_id = models.BigIntegerField()

    class Meta:
        db_table = "outbox_delivered_mark"
        constraints = [models.UniqueConstraint(fields=["target", "ordering_key"], name="outbox_delivered_mark_key")]

    def __str__(self) -> str:
        return f"{self.target}/{self.ordering_key}: {self.message_id}"


class IdempotentCall(models.Model):
    """A writing call from outside that may come again: digest of its content and its outcome."""

    id = models.BigAutoField(primary_key=True)
    scope = models.CharField(max_length=64)
    key = models.CharField(max_length=128)
    content_digest = models.CharField(max_length=64)
    outcome = models.TextField(blank=True, help_text="JSON; empty while the call is under way")
    created_at = models.DateTimeField()

    class Meta:
        db_table = "outbox_idempotent_call"
        constraints = [models.UniqueConstraint(fields=["scope", "key"], name="outbox_idempotent_call_key")]

    def __str__(self) -> str:
        return f"{self.scope}/{self.key}"
