"""What is stored about sheets: which file, how far it got, and one outcome a row."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class SheetImport(models.Model):
    """One sheet on its way. ``last_row`` is the last row whose outcome is written: a second start goes on behind it.

    ``sm3`` is over the file's bytes; the same file by the same person is the same import.
    """

    class State(models.TextChoices):
        RUNNING = "RUNNING", _("导入中")
        DONE = "DONE", _("已完成")

    sm3 = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    size = models.BigIntegerField()
    path = models.CharField(max_length=200)
    actor = models.BigIntegerField()
    row_count = models.IntegerField(default=0)
    last_row = models.IntegerField(default=0)
    good = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    state = models.CharField(max_length=8, choices=State, default=State.RUNNING)
    left_out = models.TextField(blank=True)
    started_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    version = models.IntegerField(default=1)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["sm3", "actor"], name="sheets_import_once"),)

    def __str__(self) -> str:
        return self.name


class RowOutcome(models.Model):
    """What became of one row. ``faults`` is JSON: column, masked value, error code, template and fields.

    Of a row that was taken they are no faults, but what a person should look at.
    """

    sheet = models.ForeignKey(SheetImport, models.CASCADE, related_name="outcomes", db_index=False)
    row = models.IntegerField()
    request_id = models.BigIntegerField(null=True)
    request_number = models.CharField(max_length=32, blank=True)
    faults = models.TextField(blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["sheet", "row"], name="sheets_outcome_once"),)

    def __str__(self) -> str:
        return f"{self.sheet_id}:{self.row}"
