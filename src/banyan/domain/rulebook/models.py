"""Versions of the documents that say how business is done, and how far due dates follow a new calendar."""

from django.db import models

from banyan.domain.audit.models import GuardedModel


class RuleVersion(GuardedModel):
    """One version of one document; never changed, never deleted.

    ``content`` is JSON of the shape of the shipped file; empty: the shipped file itself. The highest number whose
    ``effective_at`` has come is in force, so a later version also takes the place of one that was still to come.
    """

    GUARDED_FIELDS = (
        "document",
        "number",
        "content",
        "reason",
        "effective_at",
        "asked_by",
        "confirmed_by",
        "dual_request",
        "at",
    )

    id = models.BigAutoField(primary_key=True)
    document = models.CharField(max_length=60)
    number = models.IntegerField()
    content = models.TextField(blank=True)
    reason = models.CharField(max_length=400)
    effective_at = models.DateTimeField()
    asked_by = models.BigIntegerField()
    confirmed_by = models.BigIntegerField()
    dual_request = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        db_table = "rulebook_ruleversion"
        constraints = (models.UniqueConstraint(fields=["document", "number"], name="rulebook_version_once"),)

    def __str__(self) -> str:
        return f"{self.document}/{self.number}"


class Recomputation(models.Model):
    """How far the due dates of open requests have been brought to a new calendar; carried on after any interruption.

    Not guarded: whoever edits it makes due dates late or computed twice, and they come out the same.
    """

    version = models.OneToOneField(RuleVersion, models.PROTECT, related_name="recomputation")
    first_day = models.DateField()
    last_day = models.DateField()
    after_id = models.BigIntegerField(default=0)
    seen = models.IntegerField(default=0)
    changed = models.IntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "rulebook_recomputation"

    def __str__(self) -> str:
        return f"{self.version_id}:{self.after_id}"
