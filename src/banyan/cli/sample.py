"""The sample installation's people and its sheet of applications: clearly fictitious, with numbers that check."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from banyan.cli.application_file import Application

# Administrative code 359900 was never given out (Fujian has no prefecture 99): numbers built on it belong to nobody.
NOWHERE = "359900"
# A seal's code names a region of some day: this one was given up in 1993, long before seals had such codes.
SEALS_OF_NOBODY = "352100"
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CREDIT_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


@dataclass(frozen=True)
class SampleStaff:
    """One account of the sample."""

    username: str
    name: str
    role: str


STAFF = (
    SampleStaff("sysadmin", "测试系统管理员", "system_admin"),
    SampleStaff("secadmin", "测试安全管理员", "security_admin"),
    SampleStaff("auditadmin", "测试审计管理员", "audit_admin"),
    SampleStaff("clerk", "测试受理员", "clerk"),
    SampleStaff("proofreader", "测试校对员", "proofreader"),
    SampleStaff("approver", "测试审核员", "approver"),
)


def resident_id(order: int) -> str:
    """A resident-ID number (GB 11643) of nobody: unused region, 1 January 1990, checksum right."""
    body = f"{NOWHERE}19900101{order:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(body, _ID_WEIGHTS, strict=True))
    return body + "10X98765432"[total % 11]


def credit_code(order: int) -> str:
    """A unified social credit code (GB 32100) of no body: unused region, both checksums right."""
    core = f"MB{order:06d}"
    nine = core + _organisation_check(core)
    body = f"12{NOWHERE}{nine}"
    total = sum(_CREDIT_ALPHABET.index(sign) * pow(3, place, 31) for place, sign in enumerate(body))
    return body + _CREDIT_ALPHABET[(31 - total % 31) % 31]


def _organisation_check(core: str) -> str:
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(int(sign, 36) * weight for sign, weight in zip(core, weights, strict=True))
    return "0X987654321"[total % 11] if total % 11 else "0"


_NAMES = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉"
_REGIONS = ("350102", "350203", "350302", "350404", "350503", "350602", "350702", "350802", "350902", "350128")


def sheet_rows(count: int = 10) -> list[dict[str, str]]:
    """The rows of the sample sheet: ``count`` good ones over the systems and kinds, then three that must fail."""
    rows = [_row(number) for number in range(1, count + 1)]
    person = 10 * (count // 10 + 1) + 1  # the next row that is a person's
    broken = _row(person)
    broken["证件号码"] = broken["证件号码"][:-1] + ("0" if broken["证件号码"][-1] != "0" else "1")
    nowhere = _row(person + 1) | {"行政区划": "龙宫市"}
    twice = dict(rows[0])
    return [*rows, broken, nowhere, twice]


def _row(number: int) -> dict[str, str]:
    system, kind = (
        ("通用", "个人"),
        ("通用", "个人"),
        ("信创", "个人"),
        ("通用", "单位"),
        ("移动", "个人"),
        ("通用", "设备"),
        ("信创", "单位"),
        ("通用", "个人"),
        ("印章", "印章"),
        ("通用", "单位"),
    )[(number - 1) % 10]
    row = {
        "签发系统": system,
        "证书种类": kind,
        "单位名称": f"测试榕荫县虚构{_NAMES[(number - 1) % len(_NAMES)]}局",
        "统一社会信用代码": credit_code(number),
        "部门": "测试科",
        "行政区划": _REGIONS[(number - 1) % len(_REGIONS)],
        "介质种类": "软介质",
        "有效期(年)": "1",
        "经办人姓名": "测试经办",
        "经办人证件号码": resident_id(900),
        "经办人手机": "13800000023",
    }
    if kind == "个人":
        row |= {
            "持有人姓名": f"测试{_NAMES[(number - 1) % len(_NAMES)]}",
            "证件类型": "居民身份证",
            "证件号码": resident_id(number),
            "手机号码": f"1380000{number:04d}",
        }
    if kind == "设备":
        row |= {"设备名称或域名": f"demo{number}.gov.example"}
    if system == "信创":
        row |= {"操作系统": "银河麒麟 V10", "CPU": "飞腾"}
    if system == "移动":
        row |= {"应用名称": "测试办公", "介质种类": "SIM 卡"}
    if kind == "印章":
        row |= {
            "印章编码": f"{SEALS_OF_NOBODY}{number:08d}",
            "印章名称": f"{row['单位名称']}公章",
            "印章类型": "法定名称章",
        }
    return row


# Days; each ends in another of the coming six months, which the sheet's whole years cannot say.
_SHORT = ((45, "个人"), (80, "设备"), (115, "个人"), (150, "个人"))


def short_lived() -> list[Application]:
    """Applications of the sample for certificates of some weeks or months, as for people who help out for a time."""
    made = []
    for number, (days, kind) in enumerate(_SHORT, 801):
        holder = {
            "name": f"测试{_NAMES[number - 801]}{_NAMES[number - 800]}",
            "id_number": resident_id(number),
            "phone": f"1380000{number:04d}",
        }
        trial = {"domain_name": f"trial{number}.gov.example"}
        one = _application(
            number, kind, person=holder if kind == "个人" else None, device=trial if kind == "设备" else None
        )
        made.append(one.filled(data={**one.data, "subject": {"OU": "测试专班"}, "validity_days": days}))
    return made


def classic_device() -> Application:
    """An application for equipment that knows no SM2."""
    one = _application(850, "设备", device={"domain_name": "legacy.gov.example"})
    return one.filled(data={**one.data, "classic": True})


def _application(
    number: int, kind: str, *, person: Mapping[str, str] | None = None, device: Mapping[str, str] | None = None
) -> Application:
    return Application(
        business="enroll",
        channel="api",
        system="通用",
        kind=kind,
        region=_REGIONS[number % len(_REGIONS)],
        key=f"sample-{number}",
        organization={"name": f"测试榕荫县虚构{_NAMES[number % len(_NAMES)]}中心", "credit_code": credit_code(number)},
        data={
            "subject": {"OU": "测试科"},
            "requester": {"name": "测试经办", "id_number": resident_id(900), "phone": "13800000023"},
        },
        person=person or {},
        device=device or {},
    )


def write_sheet(path: Path, rows: list[dict[str, str]]) -> None:
    """Write the rows as a workbook with the template's headers; the same rows always give the same bytes."""
    from banyan.adapters.sheets.writing import new_workbook

    headers = list(dict.fromkeys(name for row in rows for name in row))
    with new_workbook(path) as book:
        book.set_properties({"created": datetime(2026, 1, 1, tzinfo=UTC)})
        page = book.add_worksheet("申请")
        page.write_row(0, 0, headers)
        for number, row in enumerate(rows, 1):
            for column, name in enumerate(headers):
                page.write_string(number, column, row.get(name, ""))
