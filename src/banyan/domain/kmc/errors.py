"""Why an escrowed key is not recovered."""

from banyan.kernel.errors import N_, BanyanError


class KmcError(BanyanError):
    """Base of the errors of this package."""

    code = "kmc.error"


class RecoveryNotFound(KmcError):
    """No such recovery, or not within the actor's sight."""

    code = "kmc.recovery_not_found"
    message = N_("没有找到这项密钥恢复，或它不在您的管辖范围内。")


class RecoveryInvalid(KmcError):
    """A recovery that cannot be asked for."""

    code = "kmc.recovery_invalid"
    message = N_("不能申请恢复密钥：{reason}。")


class ApproverRefused(KmcError):
    """This person may not approve this recovery."""

    code = "kmc.approver_refused"
    message = N_("不能审批这项密钥恢复：{reason}。请由另一名密钥管理员审批。")
    audited_refusal = True


class RecoveryNotOpen(KmcError):
    """The recovery was carried out, refused, or has expired."""

    code = "kmc.recovery_not_open"
    message = N_("这项密钥恢复的状态是“{state}”，不能再办理。需要时请重新申请。")


class RecoveryNotApproved(KmcError):
    """Two approvals are needed first."""

    code = "kmc.recovery_not_approved"
    message = N_("这项密钥恢复还缺 {missing} 人审批。")
    audited_refusal = True
