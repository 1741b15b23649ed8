"""What is kept for the length of some work. Nothing here is business: all of it may be lost without harm."""

from django.db import models


class Draft(models.Model):
    """A form as somebody has typed it so far. ``values_sealed`` is sealed JSON: field → text."""

    account = models.BigIntegerField()
    form = models.CharField(max_length=60)
    values_sealed = models.BinaryField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["account", "form"], name="desk_draft_once"),)

    def __str__(self) -> str:
        return f"{self.account}:{self.form}"


class Presence(models.Model):
    """Who has a request's work page open, so that two do not do the same work unawares. It locks nothing."""

    request_id = models.BigIntegerField()
    account = models.BigIntegerField()
    seen_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["request_id", "account"], name="desk_presence_once"),)
        indexes = (models.Index(fields=["seen_at"], name="desk_presence_age"),)

    def __str__(self) -> str:
        return f"{self.request_id}:{self.account}"
