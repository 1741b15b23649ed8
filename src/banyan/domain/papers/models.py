"""Versions of templates and pictures, how often a paper was printed, and PIN letters that went out."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from banyan.domain.audit.models import GuardedModel


class VersionKind(models.TextChoices):
    """What is changed."""

    TEMPLATE = "TEMPLATE", _("模板")
    ASSET = "ASSET", _("图片")


class VersionState(models.TextChoices):
    """Where a version is."""

    WAITING = "WAITING", _("等待确认")
    IN_FORCE = "IN_FORCE", _("使用中")
    REPLACED = "REPLACED", _("已替换")
    WITHDRAWN = "WITHDRAWN", _("已撤回")


class PaperVersion(GuardedModel):
    """One change to a template or a picture: who asked for it, who confirmed it, what it holds.

    ``name`` is a paper's code or a picture's name; ``number`` counts its changes. ``is_shipped``: back to what the product
    brings (for a picture: away with it). ``returns_to``: the number of the older version whose content it brings back.
    """

    kind = models.CharField(max_length=8, choices=VersionKind)
    name = models.CharField(max_length=40)
    number = models.IntegerField()
    state = models.CharField(max_length=9, choices=VersionState, default=VersionState.WAITING)
    content = models.BinaryField(default=b"")
    sm3 = models.BinaryField(max_length=32)
    is_shipped = models.BooleanField(default=False)
    returns_to = models.IntegerField(null=True)
    note = models.CharField(max_length=200, blank=True)
    dual_request_id = models.BigIntegerField(null=True)
    asked_by = models.BigIntegerField()
    asked_at = models.DateTimeField()
    confirmed_by = models.BigIntegerField(null=True)
    confirmed_at = models.DateTimeField(null=True)

    GUARDED_FIELDS = (
        "kind",
        "name",
        "number",
        "state",
        "sm3",
        "is_shipped",
        "returns_to",
        "dual_request_id",
        "asked_by",
        "asked_at",
        "confirmed_by",
        "confirmed_at",
    )
    GUARDED_BYTES = (("content", "sm3"),)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["kind", "name", "number"], name="papers_version_once"),
            models.UniqueConstraint(
                fields=["kind", "name"], name="papers_version_in_force", condition=models.Q(state="IN_FORCE")
            ),
            models.UniqueConstraint(
                fields=["kind", "name"], name="papers_version_waiting", condition=models.Q(state="WAITING")
            ),
        )

    def __str__(self) -> str:
        return f"{self.name}/{self.number}"


class Printing(models.Model):
    """How often a paper was printed for a request, and when last. What each print was stands in the audit."""

    request_id = models.BigIntegerField()
    paper = models.CharField(max_length=40)
    count = models.IntegerField(default=0)
    last_by = models.BigIntegerField()
    last_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["request_id", "paper"], name="papers_printing_once"),)

    def __str__(self) -> str:
        return f"{self.request_id}:{self.paper}×{self.count}"


class PinLetter(GuardedModel):
    """That the letter with a token's initial PIN went out. ``number`` counts the PINs of the token; it holds none."""

    token_id = models.BigIntegerField()
    number = models.IntegerField()
    request_id = models.BigIntegerField()
    printed_by = models.BigIntegerField()
    printed_at = models.DateTimeField()

    GUARDED_FIELDS = ("token_id", "number", "request_id", "printed_by", "printed_at")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["token_id", "number"], name="papers_letter_once"),)

    def __str__(self) -> str:
        return f"letter:{self.token_id}"
