"""The names templates may use: what each means, of what kind it is, and a sample value for previews.

A paper's file lists those it gets; its template sees no other. All are plain and read-only.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from banyan.domain.papers.ports import Value
from banyan.kernel.errors import N_


class Kind(StrEnum):
    """What a name stands for in a template."""

    TEXT = "text"
    NUMBER = "number"
    DAY = "day"
    ROWS = "rows"

    @property
    def label(self) -> str:
        """The Chinese msgid shown to people."""
        return _LABELS[self]

    def fits(self, value: object) -> bool:
        """Whether a value is of this kind; a day may be unknown, which is empty text."""
        match self:
            case Kind.TEXT:
                return type(value) is str
            case Kind.NUMBER:
                return type(value) is int
            case Kind.DAY:
                return type(value) is date or value == ""
            case Kind.ROWS:
                return type(value) is tuple and all(type(row) is tuple and _are_texts(row) for row in value)


_LABELS = {Kind.TEXT: N_("文字"), Kind.NUMBER: N_("数"), Kind.DAY: N_("日期"), Kind.ROWS: N_("多行")}


def _are_texts(row: tuple[object, ...]) -> bool:
    return all(type(cell) is str for cell in row)


@dataclass(frozen=True)
class Name:
    """One name: its kind, what it means (a Chinese msgid), what a preview shows for it."""

    name: str
    kind: Kind
    means: str
    sample: Value


_T, _N, _D, _R = Kind.TEXT, Kind.NUMBER, Kind.DAY, Kind.ROWS

_NAMES = (
    Name("title", _T, N_("表名"), "信创数字证书新办申请表"),
    Name("number", _T, N_("申请单号"), "XC20260302000018"),
    Name("business", _T, N_("业务"), "新办"),
    Name("business_code", _T, N_("业务代码"), "enroll"),
    Name("system", _T, N_("签发系统"), "信创RA系统"),
    Name("system_short", _T, N_("签发系统简称"), "信创"),
    Name("kind", _T, N_("证书种类"), "单位证书"),
    Name("kind_code", _T, N_("证书种类代码"), "ORGANIZATION"),
    Name("kinds", _R, N_("可选的证书种类：名称、是否选中"), (("个人证书", ""), ("单位证书", "1"), ("设备证书", ""))),
    Name("businesses", _R, N_("六项业务：名称、是否选中"), (
        ("新办", "1"), ("变更", ""), ("补办", ""), ("解锁", ""), ("注销", ""), ("更新", ""),
    )),
    Name("channel", _T, N_("受理渠道"), "窗口"),
    Name("region", _T, N_("所属地区"), "福建省福州市鼓楼区"),
    Name("holder", _T, N_("持有人"), "测试榕荫单位"),
    Name("holder_id", _T, N_("持有人证件号码"), "350102********0019"),
    Name("holder_phone", _T, N_("持有人手机"), "138****0023"),
    Name("organization", _T, N_("单位"), "测试榕荫单位"),
    Name("credit_code", _T, N_("统一社会信用代码"), "11350000MB0000001X"),
    Name("department", _T, N_("部门"), "测试科"),
    Name("device_address", _T, N_("设备的域名或 IP 地址"), "ca.test.example"),
    Name("requester", _T, N_("经办人"), "测试甲"),
    Name("requester_id", _T, N_("经办人证件号码"), "350102********0027"),
    Name("requester_phone", _T, N_("经办人手机"), "138****0031"),
    Name("fields", _R, N_("签发系统的专门项目：项目、内容、填写说明，其后是可选项"), (
        ("操作系统", "银河麒麟 V10", "请按申请人所用电脑选择，用于提供对应的驱动和工具。",
         "银河麒麟 V10", "统信UOS 20", "中科方德", "其他国产操作系统"),
        ("CPU 类型", "鲲鹏", "请按申请人所用电脑选择，用于提供对应的驱动和工具。",
         "鲲鹏", "飞腾", "龙芯", "海光", "兆芯", "申威", "麒麟", "其他"),
    )),
    Name("tools", _T, N_("配套的驱动和工具；没有的为空"), "银河麒麟 V10（鲲鹏）专用驱动与证书工具"),
    Name("media", _R, N_("可用的介质：名称、是否选中"), (("USB Key", "1"), ("软令牌", ""))),
    Name("reason", _T, N_("办理原因"), "遗失"),
    Name("reasons", _R, N_("可选的办理原因：名称、是否选中"), (("遗失", "1"), ("被盗", ""), ("损坏", ""))),
    Name("acts_on_pair", _N, N_("是否办理已有的证书：1 或 0"), 0),
    Name("old_token", _T, N_("原介质编号"), "350102T000007"),
    Name("old_valid_until", _D, N_("原证书到期日"), date(2026, 12, 31)),
    Name("materials", _R, N_("所需材料：名称、已交或未交"), (
        ("数字证书业务申请表（盖章）", "已交"), ("经办人身份证件", "已交"), ("统一社会信用代码证", "未交"),
    )),
    Name("missing", _R, N_("所缺材料：名称、需要补正的内容"), (
        ("经办人身份证件", "未提交。请补交清晰、完整的原件或加盖公章的复印件。"),
        ("统一社会信用代码证", "未提交。请补交清晰、完整的原件或加盖公章的复印件。"),
    )),
    Name("token", _T, N_("介质编号"), "350102T000018"),
    Name("medium", _T, N_("介质种类"), "USB Key"),
    Name("certificate_serial", _T, N_("签名证书序列号"), "5A3C0E7719B24D8806F1"),
    Name("valid_from", _D, N_("证书生效日"), date(2026, 3, 9)),
    Name("valid_until", _D, N_("证书到期日"), date(2027, 3, 8)),
    Name("opened_on", _D, N_("受理日"), date(2026, 3, 2)),
    Name("due_on", _D, N_("本步骤期限"), date(2026, 3, 5)),
    Name("printed_on", _D, N_("打印日"), date(2026, 3, 9)),
    Name("clerk", _T, N_("打印人"), "测试乙"),
    Name("copy", _N, N_("第几次打印"), 1),
    Name("qr_text", _T, N_("二维码的内容；图片写作 asset:qr"), "XC20260302000018"),
    Name("pin", _T, N_("初始用户口令，只在口令信封上"), "00000000"),
)  # fmt: skip

NAMES: Final = {entry.name: entry for entry in _NAMES}
