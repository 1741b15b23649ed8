"""The columns of the template, and finding them in a sheet whoever moved them about."""

import unicodedata
from collections.abc import Mapping, Sequence
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
    example: str = ""
    hint: str = ""


SYSTEM_NAMES = {"通用": "GENERAL", "信创": "XINCHUANG", "移动": "MOBILE", "印章": "ESEAL"}
SYSTEM_TITLES = {code: title for title, code in SYSTEM_NAMES.items()}

COLUMNS: tuple[Column, ...] = (
    Column("system", "签发系统", ("系统", "业务系统"), True, choices=tuple(SYSTEM_NAMES), example="通用"),
    Column("kind", "证书种类", ("证书类型", "种类"), True, choices=("个人", "单位", "设备", "印章"), example="个人"),
    Column(
        "holder_name", "持有人姓名", ("姓名", "持证人", "使用人姓名", "用户姓名"), example="测试甲", hint="个人证书必填"
    ),
    Column(
        "id_type",
        "证件类型",
        ("持有人证件类型",),
        choices=("居民身份证", "港澳台居民居住证", "外国人永久居留身份证", "护照", "军人证件"),
        example="居民身份证",
        hint="不填按居民身份证",
    ),
    Column(
        "id_number",
        "证件号码",
        ("身份证号", "身份证号码", "持有人证件号码"),
        is_code=True,
        example="359900199001010015",
        hint="个人证书必填，文本格式",
    ),
    Column("phone", "手机号码", ("手机", "联系电话", "手机号", "持有人手机"), example="13800000001"),
    Column("organization", "单位名称", ("单位", "机构名称"), True, example="测试榕荫县虚构甲局"),
    Column(
        "credit_code",
        "统一社会信用代码",
        ("信用代码", "统一信用代码", "社会信用代码"),
        True,
        True,
        example="12359900MB0000019H",
    ),
    Column("department", "部门", ("部门名称", "所在部门", "科室"), example="测试科"),
    Column(
        "region",
        "行政区划",
        ("区划", "所属地区", "地区", "行政区划代码"),
        True,
        example="鼓楼区",
        hint="名称或六位代码",
    ),
    Column(
        "device", "设备名称或域名", ("设备名称", "域名", "域名或IP"), example="demo.gov.example", hint="设备证书必填"
    ),
    Column(
        "medium",
        "介质种类",
        ("介质", "介质类型"),
        choices=("USB Key", "TF 卡", "SIM 卡", "SIM 贴片卡"),
        example="USB Key",
    ),
    Column("years", "有效期(年)", ("有效期", "年限", "有效期（年）"), choices=("1", "2", "3"), example="1"),
    Column("operating_system", "操作系统", ("系统版本",), example="银河麒麟 V10", hint="信创系统必填"),
    Column("cpu", "CPU", ("CPU类型", "处理器"), example="飞腾", hint="信创系统必填"),
    Column("app_name", "应用名称", ("APP名称", "应用"), example="测试办公", hint="移动证书必填"),
    Column(
        "seal_code", "印章编码", ("印章唯一赋码", "赋码"), is_code=True, example="35990000000001", hint="印章证书必填"
    ),
    Column("seal_name", "印章名称", (), example="测试榕荫县虚构甲局公章", hint="印章证书必填"),
    Column(
        "seal_kind",
        "印章类型",
        (),
        choices=("法定名称章", "合同专用章", "财务专用章", "发票专用章", "业务专用章", "法定代表人名章", "其他"),
        example="法定名称章",
        hint="印章证书必填",
    ),
    Column("requester_name", "经办人姓名", ("经办人", "联系人"), True, example="测试经办"),
    Column(
        "requester_id",
        "经办人证件号码",
        ("经办人身份证号", "经办人身份证号码", "经办人证件"),
        True,
        True,
        example="359900199001019001",
    ),
    Column(
        "requester_phone",
        "经办人手机",
        ("经办人电话", "经办人手机号码", "经办人手机号", "联系人电话"),
        True,
        example="13800000023",
    ),
    Column("note", "备注", ("说明",)),
    Column("ordinal", "序号", ("编号", "No", "No.")),
)
BY_CODE: Mapping[str, Column] = {column.code: column for column in COLUMNS}


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
