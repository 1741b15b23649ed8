"""What is stored about telling people and handing over: notices and their attempts, messages, receipts, parcels."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from banyan.domain.parties.scoping import RegionScoped


class NoticeState(models.TextChoices):
    """Where a notice stands; WAITING and TO_CALL still need somebody or something."""

    WAITING = "WAITING", _("待发短信")
    SENT = "SENT", _("已发短信")
    TO_CALL = "TO_CALL", _("待电话通知")
    REACHED = "REACHED", _("已电话告知")
    CLOSED = "CLOSED", _("不再需要")


OPEN_NOTICES = (NoticeState.WAITING, NoticeState.TO_CALL)


class Notice(RegionScoped):
    """One thing to tell the requester (经办人) of a request; ``due_on`` is the day by which it should be known."""

    request = models.ForeignKey("ra.ServiceRequest", models.PROTECT, related_name="notices")
    code = models.CharField(max_length=16)
    state = models.CharField(max_length=8, choices=NoticeState, default=NoticeState.WAITING)
    created_at = models.DateTimeField()
    due_on = models.DateField()
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = (
            # Only what is still to be told is listed, however many were told: of a region, and of the province.
            models.Index(
                fields=["region_code", "id"],
                name="ra_notice_open",
                condition=models.Q(state__in=["WAITING", "TO_CALL"]),
            ),
            models.Index(
                fields=["id"], name="ra_notice_open_all", condition=models.Q(state__in=["WAITING", "TO_CALL"])
            ),
        )

    def __str__(self) -> str:
        return f"{self.request_id}:{self.code}"


class NoticeAttempt(models.Model):
    """One try to tell: by which channel, when, with what result. A clerk's call names the clerk."""

    class Channel(models.TextChoices):
        SMS = "SMS", _("短信")
        CALL = "CALL", _("电话")

    class Result(models.TextChoices):
        ACCEPTED = "accepted", _("短信平台已接收")
        LATE = "late", _("短信平台没有应答")
        ERROR = "error", _("短信平台出错")
        REFUSED = "refused", _("短信平台拒绝")
        NUMBER_UNKNOWN = "number_unknown", _("号码不存在")
        NO_PHONE = "no_phone", _("没有登记手机号")
        STALE = "stale", _("时间已久，不再发短信")
        REACHED = "reached", _("已告知本人")
        NO_ANSWER = "no_answer", _("无人接听")
        WRONG_NUMBER = "wrong_number", _("号码有误")

    notice = models.ForeignKey(Notice, models.PROTECT, related_name="attempts")
    channel = models.CharField(max_length=4, choices=Channel)
    result = models.CharField(max_length=16, choices=Result)
    at = models.DateTimeField()
    actor = models.BigIntegerField()
    actor_name = models.CharField(max_length=100)
    note = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.notice_id}:{self.result}"


class Message(RegionScoped):
    """What a requester reads on the portal; its words are rendered when it is read, so none are stored."""

    request = models.ForeignKey("ra.ServiceRequest", models.PROTECT, related_name="messages")
    code = models.CharField(max_length=16)
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.request_id}:{self.code}"


class HandOverReceipt(RegionScoped):
    """Who took a token (领取表), how it was known who that is, and the signed paper's scan once there is one.

    ``how`` says what was compared. The papers that an approval was given for are ``Material``; this one comes after.
    """

    class How(models.TextChoices):
        REQUESTER = "REQUESTER", _("经办人本人，证件号已核对")
        BY_NAME = "BY_NAME", _("经办人本人，没有登记证件号")
        HOLDER = "HOLDER", _("持有人本人")
        AUTHORIZED = "AUTHORIZED", _("凭授权代领")
        EMS = "EMS", _("邮寄妥投")

    request = models.OneToOneField("ra.ServiceRequest", models.PROTECT, related_name="receipt")
    received_by = models.CharField(max_length=100)
    how = models.CharField(max_length=10, choices=How)
    authorization = models.CharField(max_length=200, blank=True)
    handed_over_at = models.DateTimeField()
    handed_over_by = models.BigIntegerField()
    scan_sm3 = models.CharField(max_length=64, blank=True)
    scan_size = models.BigIntegerField(default=0)
    scan_media_type = models.CharField(max_length=100, blank=True)
    scan_path = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.request_id}"


class ParcelState(models.TextChoices):
    """Where a parcel is."""

    PREPARED = "PREPARED", _("待交寄")
    SENT = "SENT", _("已交邮政")
    DELIVERED = "DELIVERED", _("已妥投")
    RETURNED = "RETURNED", _("已退回")
    CANCELLED = "CANCELLED", _("已取消")


class Parcel(RegionScoped):
    """Tokens of one or more requests on their way by EMS to one recipient (邮寄).

    ``recipient_sealed`` holds name, phone and address; ``recipient_masked`` is what lists show of them.
    """

    number = models.CharField(max_length=32, unique=True)
    state = models.CharField(max_length=10, choices=ParcelState, default=ParcelState.PREPARED)
    version = models.IntegerField(default=1)
    recipient_sealed = models.BinaryField()
    recipient_masked = models.CharField(max_length=200)
    waybill = models.CharField(max_length=13, blank=True)
    prepared_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    # The day by which EMS should have delivered it; later it is listed.
    due_on = models.DateField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["waybill"], name="ra_parcel_waybill", condition=~models.Q(waybill="")),
        )
        indexes = (
            models.Index(fields=["region_code", "id"], name="ra_parcel_region"),
            models.Index(fields=["id"], name="ra_parcel_open", condition=models.Q(state__in=["PREPARED", "SENT"])),
        )

    def __str__(self) -> str:
        return self.number


class ParcelItem(models.Model):
    """A request in a parcel; ``is_open`` as long as the parcel may still bring it to the recipient."""

    parcel = models.ForeignKey(Parcel, models.PROTECT, related_name="items")
    request = models.ForeignKey("ra.ServiceRequest", models.PROTECT, related_name="parcel_items")
    is_open = models.BooleanField(default=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["request"], name="ra_parcel_item_once", condition=models.Q(is_open=True)),
        )

    def __str__(self) -> str:
        return f"{self.parcel_id}:{self.request_id}"
