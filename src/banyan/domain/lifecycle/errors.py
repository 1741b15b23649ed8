"""Why a business cannot be done on a pair."""

from banyan.kernel.errors import N_, BanyanError


class LifecycleError(BanyanError):
    """Base of the errors of this package."""

    code = "lifecycle.error"


class NotInThisState(LifecycleError):
    """The pair's state does not allow the business."""

    code = "lifecycle.not_in_this_state"
    message = N_("证书“{name}”的状态是“{state}”，不能办理{business}。")


class Expired(LifecycleError):
    """The pair has expired; only renewal within the grace period or enrolment helps."""

    code = "lifecycle.expired"
    message = N_("证书“{name}”已于 {expired_on} 到期，不能办理{business}。请办理更新或新办。")


class ReasonUnknown(LifecycleError):
    """The business asks for a reason it knows."""

    code = "lifecycle.reason_unknown"
    message = N_("{business}需要说明原因，可选：{known}。")


class Replaced(LifecycleError):
    """The pair has been replaced already."""

    code = "lifecycle.replaced"
    message = N_("证书“{name}”已由新证书接替，请对新证书办理{business}。")


class UnlockRefused(LifecycleError):
    """No approved, unused permission to unlock this token, or the challenge is of another."""

    code = "lifecycle.unlock_refused"
    message = N_("介质 {token} 没有有效的解锁许可：{reason}。请先办理解锁申请并审核通过。")
    audited_refusal = True


class AdminPinUnknown(LifecycleError):
    """The platform holds no administrator PIN of the token."""

    code = "lifecycle.admin_pin_unknown"
    message = N_("平台没有介质 {token} 的管理员口令，不能解锁。请办理补办。")


class KeyNotProved(LifecycleError):
    """The signature over the nonce does not verify under the certified key."""

    code = "lifecycle.key_not_proved"
    message = N_("介质 {token} 的签名与所签发证书的公钥不符，不能确认写入。请检查介质后重新制证。")
    audited_refusal = True
