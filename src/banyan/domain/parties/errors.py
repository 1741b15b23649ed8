"""What can be wrong with a party. Messages name the cure; values appear only masked."""

from banyan.kernel.errors import N_, BanyanError


class PartiesError(BanyanError):
    """Base of this package's errors."""

    code = "parties.error"
    message = N_("登记对象的资料有问题。请核对后重试。")


class RuleError(PartiesError):
    """A value breaks a rule of its own; ``field`` names what was being read, ``masked`` shows the value in part."""

    code = "parties.rule"
    message = N_("填写的内容不符合规则：{masked}。请核对后重填。")


class ScopeMissing(PartiesError):
    """Rows of a scoped model were read without saying for whom (a defect of ours, never of the user)."""

    code = "parties.scope_missing"
    message = N_("内部错误：读取 {model} 时没有限定行政区划范围，操作已停止。请联系维护人员。")


class OutOfScope(PartiesError):
    audited_refusal = True
    code = "parties.out_of_scope"
    message = N_("行政区划 {region} 不在您的管辖范围内。请由该区划的签发点办理，或请上级授权。")


class NotFound(PartiesError):
    code = "parties.not_found"
    message = N_("没有找到这条记录，或它不在您的管辖范围内。请核对编号。")


class PointClosed(PartiesError):
    code = "parties.point_closed"
    message = N_("签发点“{point}”已经关闭，不能办理业务。请由系统管理员重新开放，或到其他签发点办理。")
    audited_refusal = True


class PointCodeInvalid(PartiesError):
    code = "parties.point_code_invalid"
    message = N_("签发点代码只能用字母、数字和连字符，2 到 20 位。请重新填写。")


class PointCodeTaken(PartiesError):
    code = "parties.point_code_taken"
    message = N_("签发点代码 {point} 已经用过。请换一个。")


class VersionConflict(PartiesError):
    code = "parties.version_conflict"
    message = N_("这条记录刚被他人修改过。请重新打开，核对后再改。")


class IdentityConflict(PartiesError):
    """The same identity number is on record under another name."""

    code = "parties.identity_conflict"
    message = N_("证件号 {masked} 已登记在另一姓名（{known}）名下。请核对姓名；姓名确已变更的，请先办理变更。")


class OrganizationConflict(PartiesError):
    code = "parties.organization_conflict"
    message = N_("统一社会信用代码 {masked} 已登记为“{known}”。请核对单位名称；名称确已变更的，请先办理变更。")


class DuplicateIdentity(PartiesError):
    """An identity field was to be changed to a number that belongs to another record."""

    code = "parties.duplicate_identity"
    message = N_("证件号 {masked} 已属于另一条记录。请核对号码；确为同一对象的，请使用已有记录。")


class UnknownRegion(RuleError):
    code = "parties.unknown_region"
    message = N_("行政区划“{region}”不在本系统的区划表中。请填写六位区划代码或完整名称，例如 350102 或 福州市鼓楼区。")


class AmbiguousRegion(RuleError):
    code = "parties.ambiguous_region"
    message = N_("行政区划名称“{region}”对应多个地区（{candidates}）。请写明设区市，或填写六位代码。")


class RegionDataInvalid(PartiesError):
    code = "parties.region_data_invalid"
    message = N_("区划数据文件有误：{problem}。请使用随产品提供的文件。")


class FieldEmpty(RuleError):
    code = "parties.field_empty"
    message = N_("{field}没有填写。请补填。")


class ControlCharacter(RuleError):
    code = "parties.control_character"
    message = N_("{field}中含有不可见的控制字符（{character}，第 {position} 个字符）。请删去后重填。")


class NameTooShort(RuleError):
    code = "parties.name_too_short"
    message = N_("{field}“{masked}”太短，至少 {least} 个字。请填写证件上的全名。")


class NameTooLong(RuleError):
    code = "parties.name_too_long"
    message = N_("{field}有 {length} 个字，超过上限 {most} 个。请填写规范简称。")


class NameCharacterInvalid(RuleError):
    code = "parties.name_character_invalid"
    message = N_("{field}中的字符“{character}”不能用于名称（第 {position} 个字符）。请改用证件上的写法。")


class DigitsLost(RuleError):
    code = "parties.digits_lost"
    message = N_("{field} {masked} 被电子表格当成了数字，后几位已经丢失。请把该列设为文本格式，再对照证件重新填写。")


class IdentityLengthInvalid(RuleError):
    code = "parties.identity_length_invalid"
    message = N_("{field} {masked} 应为 {expected} 位，现为 {length} 位。请对照证件重填，单元格应设为文本格式。")


class IdentityFormatInvalid(RuleError):
    """The number does not have the form of its document; a subclass says which rule it breaks."""

    code = "parties.identity_format_invalid"
    message = N_("{field} {masked} 的格式不对。请对照证件重填。")


class IdentityDigitsExpected(IdentityFormatInvalid):
    message = N_("{field} {masked} 的前 17 位应为数字，末位应为数字或 X。请对照证件重填。")


class IdentityProvinceUnknown(IdentityFormatInvalid):
    message = N_("{field} {masked} 的前两位不是省级行政区划代码。请对照证件重填。")


class IdentityIsResidencePermit(IdentityFormatInvalid):
    message = N_("{field} {masked} 是港澳台居民居住证的号码。请把证件类型改为“港澳台居民居住证”。")


class ResidencePermitFormInvalid(IdentityFormatInvalid):
    message = N_("{field} {masked} 不是居住证号码，应以 810000、820000 或 830000 开头。请核对证件类型和号码。")


class ForeignPermanentFormInvalid(IdentityFormatInvalid):
    message = N_("{field} {masked} 的格式不对，应为以 9 开头的 18 位，或 3 个字母加 12 位数字。请对照证件重填。")


class PassportFormInvalid(IdentityFormatInvalid):
    message = N_("{field} {masked} 的格式不对，应为 5 至 17 位字母和数字。请对照护照重填。")


class MilitaryFormInvalid(IdentityFormatInvalid):
    message = N_("{field} {masked} 的格式不对，应形如“军字第1234567号”或 6 至 12 位编号。请对照证件重填。")


class CreditCodeCharacterInvalid(IdentityFormatInvalid):
    message = N_(
        "{field} {masked} 的第 {position} 位不能是 {character}"
        "（不用字母 I、O、S、V、Z，多为数字 1、0、5、2 之误）。请对照证照重填。"
    )


class CreditCodeHeadInvalid(IdentityFormatInvalid):
    message = N_("{field} {masked} 不对：第 1 位是登记管理部门，第 3 至 8 位是行政区划代码。请对照证照重填。")


class OrganizationCodeFormInvalid(IdentityFormatInvalid):
    message = N_("{field} {masked} 的格式不对，应为 8 位数字或字母加 1 位校验码。请对照证照重填。")


class IdentityChecksumInvalid(RuleError):
    code = "parties.identity_checksum_invalid"
    message = N_("{field} {masked} 的校验码不对，多半是抄错了一位。请对照证件逐位核对。")


class IdentityDateInvalid(RuleError):
    code = "parties.identity_date_invalid"
    message = N_("{field} {masked} 中的出生日期不存在或在将来。请对照证件核对第 7 至 14 位。")


class UnknownIdentityType(RuleError):
    code = "parties.unknown_identity_type"
    message = N_("证件类型“{value}”不认识。请填写其中之一：{known}。")


class MobileInvalid(RuleError):
    code = "parties.mobile_invalid"
    message = N_("手机号 {masked} 不对。应为 1 开头的 11 位号码，请核对后重填。")


class DomainNameInvalid(RuleError):
    code = "parties.domain_name_invalid"
    message = N_("域名“{masked}”不对。应形如 www.example.gov.cn，不带 http:// 和路径。")


class AddressInvalid(RuleError):
    code = "parties.address_invalid"
    message = N_("网络地址“{masked}”不对。应为 IPv4（如 192.0.2.10）或 IPv6 地址，不带端口。")


class IcpNumberInvalid(RuleError):
    code = "parties.icp_number_invalid"
    message = N_("ICP备案号“{masked}”不对。应形如 闽ICP备12345678号-1，请对照备案信息重填。")


class DeviceUnnamed(RuleError):
    code = "parties.device_unnamed"
    message = N_("设备没有域名、IP 地址或序列号，无法识别。请至少填写一项。")


class UnknownOrganizationKind(RuleError):
    code = "parties.unknown_organization_kind"
    message = N_("单位类型“{value}”不认识。请填写其中之一：{known}。")


class SearchTooShort(PartiesError):
    code = "parties.search_too_short"
    message = N_("请输入要查找的姓名、名称或拼音。")
