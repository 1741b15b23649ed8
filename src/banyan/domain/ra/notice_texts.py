"""What notices say, by channel. Words name the request and the holder of the certificate, never a telephone or ID number.

A text message is counted as operators charge it: 70 characters alone, 67 a part beyond (GSM 03.38, UCS-2).
"""

import math
from dataclasses import dataclass

from banyan.domain.lifecycle.businesses import businesses
from banyan.domain.ra.models import ServiceRequest
from banyan.kernel.errors import N_, fill

SIGNATURE = "【数字证书】"
_ALONE, _A_PART = 70, 67
# A name of a body may have 200 characters; a text message shows its beginning.
_NAME_SHOWN = 24


@dataclass(frozen=True, slots=True)
class NoticeText:
    """One notice in its three channels: the text message, what the caller says, what the portal shows."""

    sms: str
    call: str
    portal: str


TEXTS: dict[str, NoticeText] = {
    "ready": NoticeText(
        "{subject}的数字证书已办好（申请单 {number}），请经办人带身份证件到受理窗口领取。",
        N_("您办理{business}的数字证书已办好，请带身份证件到受理窗口领取。申请单号 {number}。"),
        N_("证书已办好，可以领取。请带身份证件到受理窗口，报申请单号 {number}。"),
    ),
    "renewed": NoticeText(
        "{subject}的数字证书已更新（申请单 {number}），新证书已在介质中，旧文件仍可解密。",
        N_("您的数字证书已更新，新证书已在介质中，旧文件仍可解密。申请单号 {number}。"),
        N_("证书已更新，新证书已在介质中，旧文件仍可解密。"),
    ),
    "unlocked": NoticeText(
        "{subject}的介质已解锁（申请单 {number}），请用新设的口令。如非本人办理，请尽快联系受理窗口。",
        N_("您的介质已解锁，请用新设的口令。如非本人办理，请告诉我们。申请单号 {number}。"),
        N_("介质已解锁，证书没有变化。如非本人办理，请尽快联系受理窗口。"),
    ),
    "revoked": NoticeText(
        "{subject}的数字证书已注销（申请单 {number}），不能再使用。如非本人办理，请尽快联系受理窗口。",
        N_("您的数字证书已注销，不能再使用。如非本人办理，请告诉我们。申请单号 {number}。"),
        N_("证书已注销，不能再使用。如非本人办理，请尽快联系受理窗口。"),
    ),
    "deficient": NoticeText(
        "{subject}的{business}申请（{number}）材料不全，请按一次性告知单补齐后交到受理窗口。",
        N_("您办理{business}的材料不全，请按一次性告知单补齐。申请单号 {number}。"),
        N_("材料不全，请按一次性告知单补齐后交到受理窗口。"),
    ),
    "rejected": NoticeText(
        "{subject}的{business}申请（{number}）审核未通过，原因请到受理窗口或网上查询。",
        N_("您办理{business}的申请审核未通过，原因见申请单 {number}。"),
        N_("审核未通过，申请已办结。可以按原因改正后重新申请。"),
    ),
    "sent_back": NoticeText(
        "{subject}的{business}申请（{number}）有内容须修改，请联系受理窗口。",
        N_("您办理{business}的申请有内容须修改，请与我们核对。申请单号 {number}。"),
        N_("申请有内容须修改，请联系受理窗口核对。"),
    ),
}


def sms_text(request: ServiceRequest, code: str) -> str:
    """The whole text message of a notice, signature first. Raises KeyError for a notice nobody wrote words for."""
    return SIGNATURE + TEXTS[code].sms.format_map(fields_of(request))


def portal_text(request: ServiceRequest, code: str) -> str:
    """What the portal shows of a notice, before translation (a Chinese msgid filled in by ``kernel.errors.fill``)."""
    return fill(TEXTS[code].portal, fields_of(request))


def fields_of(request: ServiceRequest) -> dict[str, str]:
    """What the words of every channel may name."""
    name = request.subject_name
    return {
        "number": request.number,
        "business": businesses()[request.business].name,
        "subject": name if len(name) <= _NAME_SHOWN else name[: _NAME_SHOWN - 1] + "…",
    }


def sms_parts(text: str) -> int:
    """How many messages an operator makes of a text. A character beyond the basic plane counts twice."""
    length = len(text.encode("utf-16-le")) // 2
    return 1 if length <= _ALONE else math.ceil(length / _A_PART)
