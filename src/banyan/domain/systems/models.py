"""What an installation switches at run time. A system's policy is shipped data: see ``policy`` and ``registry``."""

from django.db import models

from banyan.domain.parties.models import IssuingPoint


class IssuingSystem(models.Model):
    """One of the registered issuing systems as this installation runs it."""

    code = models.CharField(max_length=20, primary_key=True)
    is_enabled = models.BooleanField(default=True)
    # Empty: the connector that the settings name. A system may get its certificates from another CA than the rest.
    connector = models.CharField(max_length=40, blank=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        db_table = "systems_issuingsystem"
        ordering = ["code"]

    def __str__(self) -> str:
        return self.code


class IssuingPointSwitch(models.Model):
    """Whether an issuing point may enter and issue for a system; points are switched on step by step (规范 3.3.1.4)."""

    system = models.ForeignKey(IssuingSystem, on_delete=models.PROTECT, related_name="points")
    issuing_point = models.ForeignKey(IssuingPoint, on_delete=models.PROTECT, related_name="+")
    is_enabled = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        db_table = "systems_issuingpointswitch"
        constraints = [models.UniqueConstraint(fields=["system", "issuing_point"], name="systems_point_once")]
