"""What the simulator answers when it refuses, fails or falls silent."""

from banyan.kernel.errors import N_, BanyanError


class SuperiorRefusal(BanyanError):
    """Base of refusals for good; they travel as data, with code, message and fields."""

    code = "superior.refused"


class TaskConflict(SuperiorRefusal):
    code = "superior.task_conflict"
    message = N_("任务号 {task_no} 已用于另一份内容，没有受理。请换新的任务号。")


class RequestMalformed(SuperiorRefusal):
    code = "superior.request_malformed"
    message = N_("证书请求不能识别（{reason}）。请由介质重新生成请求。")


class RequestNotProven(SuperiorRefusal):
    code = "superior.request_not_proven"
    message = N_("证书请求的签名不正确。请由介质重新生成请求。")


class ProfileNotServed(SuperiorRefusal):
    code = "superior.profile_not_served"
    message = N_("上级 CA 不签发模板 {profile} 的证书。请换用已开通的模板。")


class KeyUsedBefore(SuperiorRefusal):
    code = "superior.key_used_before"
    message = N_("公钥已签发过证书。请由介质生成新密钥后重新申请。")


class ContentRefused(SuperiorRefusal):
    code = "superior.content_refused"
    message = N_("证书内容不合要求（{rule}：{detail}）。请改正后重新申请。")


class RejectedOnOrder(SuperiorRefusal):
    """A fault that was asked for."""

    code = "superior.rejected_on_order"
    message = N_("模拟上级 CA 按预设拒绝了任务 {task_no}。")


class CertificateUnknown(SuperiorRefusal):
    code = "superior.certificate_unknown"
    message = N_("上级 CA 没有签发过序列号为 {serial} 的证书。请核对序列号和签发机构。")


class StatusRefused(SuperiorRefusal):
    code = "superior.status_refused"
    message = N_("序列号为 {serial} 的证书处于 {state} 状态，不能执行 {action}。请核对后再办理。")


class SimulatedFailure(BanyanError):
    """A passing failure that was asked for; the same call works when repeated."""

    code = "superior.simulated_failure"
    message = N_("模拟上级 CA 按预设出错一次。请稍后重试。")


class NoReplyError(Exception):
    """The caller gets no answer: the connection is cut. What was done before stays done."""
