"""EMS waybill numbers: thirteen characters of UPU S10, the ninth digit checks the eight before it. ``EE123456785CN``."""

import re
import unicodedata

from banyan.domain.ra.delivery_errors import WaybillInvalid
from banyan.kernel.errors import N_

_FORM = re.compile(r"[A-Z]{2}[0-9]{9}[A-Z]{2}")
_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)
_COUNTRY = "CN"


def waybill_number(text: str) -> str:
    """A number as it is stored: upper case, without blanks. Raises WaybillInvalid (UPU S10, 5.2)."""
    number = "".join(unicodedata.normalize("NFKC", text).split()).upper()
    if not _FORM.fullmatch(number):
        raise WaybillInvalid(waybill=number[:20], reason=N_("应是两个字母、九位数字和两个字母"))
    if not number.endswith(_COUNTRY):
        raise WaybillInvalid(waybill=number, reason=N_("国内邮件以 CN 结尾"))
    if int(number[10]) != check_digit(number[2:10]):
        raise WaybillInvalid(waybill=number, reason=N_("校验位不符，可能有一位输错"))
    return number


def check_digit(digits: str) -> int:
    """The check digit of eight digits: 11 less the weighted sum modulo 11, where 10 becomes 0 and 11 becomes 5."""
    left = 11 - sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits, strict=True)) % 11
    return {10: 0, 11: 5}.get(left, left)
