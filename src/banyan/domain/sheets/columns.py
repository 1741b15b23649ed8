"""The columns of the template, and finding them in a sheet whoever moved them about."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from banyan.domain.sheets.errors import ColumnMissing, ColumnTwice, ColumnUnknown, HeaderMissing
from banyan.domain.sheets.ports import Row

HEADER_WITHIN = 20
_FEWEST_KNOWN = 4


@dataclass(frozen=True)
class Column:
    """One column: its title in the template, other titles met in the field, and how it is filled in.

    ``is_code`` marks long numbers, which a number cell destroys. ``choices`` make the drop-down of the template.
    """

    code: str
    title: str
    also: tuple[str, ...] = ()
    is_needed: bool = False
    is_code: bool = False
    choices: tuple[str, ...] = ()
    hint: str = ""


SYSTEM_NAMES = {"通用": "GENERAL", "信创": "XINCHUANG", "移动": "MOBILE", "印章": "ESEAL"}
SYSTEM_TITLES = {code: title for title, code in SYSTEM_NAMES.items()}

COLUMNS: tuple[Column, ...] = (
    Column("system", "签发系统", ("系统", "业务系统"), True, choices=tuple(SYSTEM_NAMES)),
    Column("kind", "证书种类", ("证书类型", "种类"), True, choices=("个人", "单位", "设备", "印章")),
    Column("holder_name", "持有人姓名", ("姓名", "持证人", "使用人姓名", "用户姓名"), hint="个人证书必填"),
    Column(
        "id_type",
        "证件类型",
        ("持有人证件类型",),
        choices=("居民身份证", "港澳台居民居住证", "外国人永久居留身份证", "护照", "军人证件"),
        hint="不填按居民身份证",
    ),
    Column(
        "id_number",
        "证件号码",
        ("身份证号", "身份证号码", "持有人证件号码"),
        is_code=True,
        hint="个人证书必填，文本格式",
    ),
    Column("phone", "手机号码", ("手机", "联系电话", "手机号", "持有人手机")),
    Column("organization", "单位名称", ("单位", "机构名称"), True),
    Column(
        "credit_code",
        "统一社会信用代码",
        ("信用代码", "统一信用代码", "社会信用代码"),
        True,
        True,
    ),
    Column("department", "部门", ("部门名称", "所在部门", "科室")),
    Column(
        "region",
        "行政区划",
        ("区划", "所属地区", "地区", "行政区划代码"),
        True,
        hint="名称或六位代码",
    ),
    Column("device", "设备名称或域名", ("设备名称", "域名", "域名或IP"), hint="设备证书必填"),
    Column(
        "medium",
        "介质种类",
        ("介质", "介质类型"),
        choices=("USB Key", "TF 卡", "SIM 卡", "SIM 贴片卡"),
    ),
    Column("years", "有效期(年)", ("有效期", "年限", "有效期（年）"), choices=("1", "2", "3")),
    Column("operating_system", "操作系统", ("系统版本",), hint="信创系统必填"),
    Column("cpu", "CPU", ("CPU类型", "处理器"), hint="信创系统必填"),
    Column("app_name", "应用名称", ("APP名称", "应用"), hint="移动证书必填"),
    Column("seal_code", "印章编码", ("印章唯一赋码", "赋码"), is_code=True, hint="印章证书必填"),
    Column("seal_name", "印章名称", (), hint="印章证书必填"),
    Column(
        "seal_kind",
        "印章类型",
        (),
        choices=("法定名称章", "合同专用章", "财务专用章", "发票专用章", "业务专用章", "法定代表人名章", "其他"),
        hint="印章证书必填",
    ),
    Column("requester_name", "经办人姓名", ("经办人", "联系人"), True),
    Column(
        "requester_id",
        "经办人证件号码",
        ("经办人身份证号", "经办人身份证号码", "经办人证件"),
        True,
        True,
    ),
    Column(
        "requester_phone",
        "经办人手机",
        ("经办人电话", "经办人手机号码", "经办人手机号", "联系人电话"),
        True,
    ),
    Column("note", "备注", ("说明",)),
    Column("ordinal", "序号", ("编号", "No", "No.")),
)
_COMMON = {
    "region": "鼓楼区",
    "years": "1",
    "requester_name": "测试经办",
    "requester_id": "359900198001018995",
    "requester_phone": "13800000023",
}


def _example(system: str, kind: str, body: str, credit_code: str, **more: str) -> Mapping[str, str]:
    said = {"system": system, "kind": kind, "organization": body, "credit_code": credit_code}
    return {**said, **_COMMON, **more}


def _of_person(name: str, number: str, phone: str) -> dict[str, str]:
    document = {"id_type": "居民身份证", "id_number": number, "phone": phone}
    return {"holder_name": name, **document, "department": "测试科", "medium": "USB Key"}


# One case of each kind, of nobody: region 359900 was never given out. Replace the values and it is a real one.
EXAMPLES: tuple[Mapping[str, str], ...] = (
    _example(
        "通用", "个人", "测试榕荫县示例一局", "12359900MB9998014G",
        **_of_person("测试示例甲", "359900198001018012", "13800000801"),
    ),
    _example("通用", "单位", "测试榕荫县示例二局", "12359900MB9998022B", department="测试科", medium="USB Key"),
    _example("通用", "设备", "测试榕荫县示例三局", "12359900MB99980306", device="shili.gov.example"),
    _example(
        "印章", "印章", "测试榕荫县示例四局", "12359900MB99980493", medium="USB Key",
        seal_code="35210000000804", seal_name="测试榕荫县示例四局公章", seal_kind="法定名称章",
    ),
    _example(
        "信创", "个人", "测试榕荫县示例五局", "12359900MB9998057X", operating_system="银河麒麟 V10", cpu="飞腾",
        **_of_person("测试示例乙", "359900198001018055", "13800000805"),
    ),
    _example(
        "移动", "个人", "测试榕荫县示例六局", "12359900MB9998065Q", app_name="测试办公",
        **_of_person("测试示例丙", "359900198001018063", "13800000806") | {"medium": "SIM 卡"},
    ),
)  # fmt: skip
_NUMBERS = ("credit_code", "id_number", "requester_id")
_EXAMPLE_NUMBERS = frozenset(example[code] for example in EXAMPLES for code in _NUMBERS if code in example)
_NOT_COMPARED = ("note", "ordinal")


def of_example(example: Mapping[str, str]) -> list[Column]:
    """The columns that an application like this one has a use for: a template of one kind."""
    without = {code for codes in _OF_KIND.values() for code in codes} | set(_OF_FORM)
    return [column for column in COLUMNS if column.code in example or column.is_needed or column.code not in without]


def is_example(values: Mapping[str, str]) -> bool:
    """Whether a row is one of the template's examples still."""
    return {code: value for code, value in values.items() if value and code not in _NOT_COMPARED} in EXAMPLES


def left_from_example(values: Mapping[str, str]) -> Sequence[str]:
    """The columns whose number is an example's still."""
    return [code for code in _NUMBERS if values.get(code) in _EXAMPLE_NUMBERS]


# Columns that only one kind of certificate, or the form of one system, has a use for.
_OF_KIND = {
    "PERSONAL": ("holder_name", "id_type", "id_number", "phone"),
    "DEVICE": ("device",),
}
_OF_FORM = ("operating_system", "cpu", "app_name", "seal_code", "seal_name", "seal_kind")


def unused(kind: str, form: Iterable[str]) -> Sequence[str]:
    """The columns that a kind has no use for, when its system's form asks for these."""
    others = [code for other, codes in _OF_KIND.items() if other != kind for code in codes]
    return (*others, *(code for code in _OF_FORM if code not in form))


BY_CODE: Mapping[str, Column] = {column.code: column for column in COLUMNS}


def letters(place: int) -> str:
    """What a program calls a column; ``place`` counts from 0."""
    return (chr(64 + place // 26) if place >= 26 else "") + chr(65 + place % 26)


def squeezed(title: str) -> str:
    """A title as it is compared: width and case folded, blanks, stars and hints in brackets gone."""
    folded = unicodedata.normalize("NFKC", title).casefold()
    return "".join(sign for sign in folded.split("(")[0] if not sign.isspace() and sign not in "*※:：")


_TITLES = {squeezed(title): column.code for column in COLUMNS for title in (column.title, *column.also)}


@dataclass(frozen=True)
class Header:
    """Where the columns are: code → index of the cell. ``row`` is the row's number."""

    row: int
    places: Mapping[str, int]
    unknown: Sequence[str] = field(default_factory=tuple)


def read_header(row: Row) -> Header | None:
    """The header, when the row is one. Raises ColumnTwice."""
    places: dict[str, int] = {}
    unknown: list[str] = []
    for index, cell in enumerate(row.cells):
        title = cell.text.strip()
        if not title:
            continue
        code = _TITLES.get(squeezed(title))
        if code is None:
            unknown.append(title[:20])
        elif code in places:
            raise ColumnTwice(row=row.number, column=BY_CODE[code].title)
        else:
            places[code] = index
    return Header(row.number, places, unknown) if len(places) >= _FEWEST_KNOWN else None


def ensure_complete(header: Header | None) -> Header:
    """Raises HeaderMissing, ColumnMissing or ColumnUnknown; a renamed column is so told by both its names."""
    needed = [column.title for column in COLUMNS if column.is_needed]
    if header is None:
        raise HeaderMissing(rows=HEADER_WITHIN, columns="、".join(needed))
    missing = [column.title for column in COLUMNS if column.is_needed and column.code not in header.places]
    if missing:
        raise ColumnMissing(row=header.row, columns="、".join(missing))
    if header.unknown:
        raise ColumnUnknown(row=header.row, columns="、".join(header.unknown))
    return header
