"""Stops planned ahead, and outages as the jobs saw them. Neither is decided on by anything."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Service(models.TextChoices):
    """What may stand still; the rest goes on (规范 3.1.2.1, 3.1.2.2-3)."""

    ALL = "all", _("全部业务")
    ISSUING = "issuing", _("证书签发")
    SUPERIOR_CA = "superior_ca", _("上级 CA")
    KMC = "kmc", _("密钥管理")
    DIRECTORY = "directory", _("目录服务")
    SMS = "sms", _("短信")
    ARCHIVES = "archives", _("档案")
    STATISTICS = "statistics", _("统计")
    PORTAL = "portal", _("在线用户服务")


class PlannedStop(models.Model):
    """A stop planned ahead. Its notice shows from ``NOTICE_BEFORE`` before it begins until it ends, by itself."""

    service = models.CharField(max_length=16, choices=Service)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=200)
    planned_by = models.BigIntegerField()
    planned_at = models.DateTimeField()
    called_off_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = (models.Index(fields=["ends_at"], name="content_stop_end"),)

    def __str__(self) -> str:
        return f"{self.service}:{self.starts_at:%Y-%m-%d %H:%M}"


class Outage(models.Model):
    """A service that did not answer: since when, and until when. One open row a service."""

    service = models.CharField(max_length=16, choices=Service)
    since = models.DateTimeField()
    told_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["service"], name="content_one_open_outage", condition=models.Q(ended_at__isnull=True)
            ),
        )

    def __str__(self) -> str:
        return f"{self.service}:{self.since:%Y-%m-%d %H:%M}"
