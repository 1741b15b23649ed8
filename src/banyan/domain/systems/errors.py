"""What can be wrong with an issuing system or a wish put to it."""

from banyan.kernel.errors import N_, BanyanError


class SystemsError(BanyanError):
    """Base of this package's errors."""

    code = "systems.error"
    message = N_("签发系统不接受这一操作。请核对系统与证书类型。")


class RegistryInvalid(SystemsError):
    """A policy file shipped with the product is wrong: a defect, found when the product starts."""

    code = "systems.registry_invalid"
    message = N_("签发系统定义 {file} 有误：{problem}。请修正该文件。")


class UnknownSystem(SystemsError):
    code = "systems.unknown_system"
    message = N_("签发系统“{value}”不存在。可用：{known}。")


class SystemDisabled(SystemsError):
    code = "systems.disabled"
    message = N_("{system}已停用。请联系系统管理员启用后再办理。")


class PointNotEnabled(SystemsError):
    code = "systems.point_not_enabled"
    message = N_("签发点“{point}”还没有开通{system}。请由系统管理员开通后再办理。")
    audited_refusal = True


class UnknownKind(SystemsError):
    code = "systems.unknown_kind"
    message = N_("证书类型“{value}”不认识。请填写其中之一：{known}。")


class KindNotOffered(SystemsError):
    code = "systems.kind_not_offered"
    message = N_("{system}不签发{kind}。请改选系统或证书类型；该系统可签发：{offered}。")


class MediumNotAllowed(SystemsError):
    code = "systems.medium_not_allowed"
    message = N_("{system}的{kind}不能存放在“{medium}”中。可用介质：{allowed}。")


class SoftTokenRefused(SystemsError):
    code = "systems.soft_token_refused"
    message = N_("本安装不允许软令牌。请使用硬件介质。")


class ClassicNotOffered(SystemsError):
    code = "systems.classic_not_offered"
    message = N_("{system}的{kind}不提供 {algorithm} 证书。请改用 SM2 证书请求。")


class ValidityInvalid(SystemsError):
    code = "systems.validity_invalid"
    message = N_("有效期 {days} 天不在允许范围内（1 至 {most} 天）。请改填。")


class RenewalTooEarly(SystemsError):
    code = "systems.renewal_too_early"
    message = N_("离到期还早，{opens_on} 起可以办理更新。")


class RenewalCounterOnly(SystemsError):
    code = "systems.renewal_counter_only"
    message = N_("证书已于 {expired_on} 到期，不能在线更新。请在 {closes_on} 前到受理点办理。")


class RenewalTooLate(SystemsError):
    code = "systems.renewal_too_late"
    message = N_("证书已于 {expired_on} 到期并超过宽限期，不能更新。请办理新办。")


class FormFieldMissing(SystemsError):
    code = "systems.form_field_missing"
    message = N_("“{field}”没有填写。{hint}")


class FormFieldInvalid(SystemsError):
    """An extra field of a system's form is wrong; a subclass says how."""

    code = "systems.form_field_invalid"
    message = N_("“{field}”填写有误。{hint}")


class FormFieldTooLong(FormFieldInvalid):
    message = N_("“{field}”超过 {most} 个字，请缩短。")


class FormFieldCharacters(FormFieldInvalid):
    message = N_("“{field}”含有不能用的字符，请改用普通文字。")


class FormFieldChoice(FormFieldInvalid):
    message = N_("“{field}”请从中选择：{choices}。")


class FormFieldAddress(FormFieldInvalid):
    message = N_("“{field}”应为 IPv4 或 IPv6 地址，请重填。")


class FormFieldSealLength(FormFieldInvalid):
    message = N_(
        "“{field}”应为 14 位数字（6 位行政区划代码加 8 位顺序号），现为 {length} 位。请对照制章系统的回执重填。"
    )


class FormFieldSealDigits(FormFieldInvalid):
    message = N_("“{field}”只能是数字。请对照制章系统的回执重填。")


class FormFieldSealRegion(FormFieldInvalid):
    message = N_("“{field}”的前 6 位 {region} 不是行政区划代码。请对照制章系统的回执重填。")


class FormFieldUnknown(SystemsError):
    code = "systems.form_field_unknown"
    message = N_("申请中有本系统没有的字段“{field}”。请删去，或改选签发系统。")


class VersionConflict(SystemsError):
    code = "systems.version_conflict"
    message = N_("这项设置刚被他人修改过。请重新打开，核对后再改。")
