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


class RecoveryPending(KmcError):
    """The same recovery was asked for already and is still open."""

    code = "kmc.recovery_pending"
    message = N_(
        "同一把密钥恢复到同一接收证书的申请 {number} 还没有办完（{state}）。"
        "请办理那一项：由两名密钥管理员审批（banyan key approve {number}），再取回密钥（banyan key recover {number}）；"
        "要作废它，请密钥管理员退回（banyan key refuse {number}）。"
    )


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
