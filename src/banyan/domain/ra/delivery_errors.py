"""Why something cannot be told or handed over. Each error says what happened and what to do next."""

from banyan.domain.ra.errors import RaError
from banyan.kernel.errors import N_


class NoticeNotFound(RaError):
    """No such notice, or not within the actor's sight."""

    code = "ra.notice_not_found"
    message = N_("没有找到这条通知，或它不在您的管辖范围内。")


class NoticeSettled(RaError):
    """The notice needs nobody any more."""

    code = "ra.notice_settled"
    message = N_("申请 {number} 的这条通知{state}，不必再登记。请刷新后再看。")


class CallResultUnknown(RaError):
    """A call ends in one of the known ways."""

    code = "ra.call_result_unknown"
    message = N_("请选择通话结果：已告知本人、无人接听或号码有误。")


class ReceiverMissing(RaError):
    """Nobody is named as the receiver."""

    code = "ra.receiver_missing"
    message = N_("请填写领取人姓名。")


class ReceiverUnchecked(RaError):
    """The registered requester comes, but nothing of the identity document was compared."""

    code = "ra.receiver_unchecked"
    message = N_("申请 {number} 登记了经办人的证件。请核对领取人证件，并输入证件号的后四位。")


class ReceiverDiffers(RaError):
    """The document shown is not the registered one."""

    code = "ra.receiver_differs"
    message = N_("申请 {number}：证件号后四位与登记的经办人不符。请再核对证件；由他人代领时填写授权说明。")
    audited_refusal = True


class ReceiverUnauthorized(RaError):
    """Somebody else fetches, and nothing says that he may."""

    code = "ra.receiver_unauthorized"
    message = N_("领取人不是申请 {number} 登记的经办人。代领须有授权，请填写授权说明（委托书编号或出具单位）。")


class ReceiptMissing(RaError):
    """This installation wants the signed receipt before the token is given away."""

    code = "ra.receipt_missing"
    message = N_("申请 {number} 还没有签字的领取表。请扫描领取表后再登记交付。")


class ReceiptNotYet(RaError):
    """A receipt belongs to a request that is handed over or about to be."""

    code = "ra.receipt_not_yet"
    message = N_("申请 {number} 还没有到领取这一步，不能收领取表。")


class InParcel(RaError):
    """The request's token lies in a parcel."""

    code = "ra.in_parcel"
    message = N_("申请 {number} 的介质在包裹 {parcel} 里（{state}）。请先从包裹中取出，或登记包裹的妥投或退回。")


class ParcelNotFound(RaError):
    """No such parcel, or not within the actor's sight."""

    code = "ra.parcel_not_found"
    message = N_("没有找到这个包裹，或它不在您的管辖范围内。")


class ParcelNotThere(RaError):
    """The parcel is in another state than this doing needs."""

    code = "ra.parcel_not_there"
    message = N_("包裹 {parcel} 现在是“{state}”，不能{doing}。请刷新后再试。")


class ParcelChanged(RaError):
    """Somebody else changed the parcel in between."""

    code = "ra.parcel_changed"
    message = N_("包裹 {parcel} 刚被他人办理过。请刷新后再试。")


class ParcelEmpty(RaError):
    """A parcel holds at least one request, all of one region."""

    code = "ra.parcel_empty"
    message = N_("请至少选择一份待领取的申请。")


class NotMailable(RaError):
    """The request has no token that could be sent."""

    code = "ra.not_mailable"
    message = N_("申请 {number} 没有可邮寄的介质（{state}）。请到窗口办理交付。")


class RecipientInvalid(RaError):
    """Something of the recipient is missing or wrong."""

    code = "ra.recipient_invalid"
    message = N_("收件人的“{field}”不合要求：{reason}。请改正后再交。")


class WaybillInvalid(RaError):
    """The waybill number is none of EMS, or a digit is wrong."""

    code = "ra.waybill_invalid"
    message = N_("运单号“{waybill}”不对：{reason}。请对照面单重新输入。")


class WaybillTaken(RaError):
    """Two parcels never have the same waybill number."""

    code = "ra.waybill_taken"
    message = N_("运单号 {waybill} 已用于包裹 {parcel}。请核对面单。")


class TokenFateMissing(RaError):
    """Nobody said whether the token was handed in."""

    code = "ra.token_fate_missing"
    message = N_("请选择介质已交回，还是没有交回。")


class LostStatementMissing(RaError):
    """A token that is not handed in needs the holder's statement on record."""

    code = "ra.lost_statement_missing"
    message = N_("介质没有交回，请填写遗失声明（何时何地遗失，或声明的编号）。")


class GatewayError(RaError):
    """Base of what an SMS gateway does to us; tried again unless a subclass says otherwise."""

    code = "ra.sms_gateway_error"
    message = N_("短信平台没有接收消息（{reason}）。稍后会再试。")


class GatewayLate(GatewayError):
    """No answer in time; whether the message was taken is not known, and the same reference asks again."""

    code = "ra.sms_gateway_late"
    message = N_("短信平台没有及时应答。稍后会用同一标识再问。")


class NumberUnknown(GatewayError):
    """There is no such number: no retry helps, somebody has to find the right one."""

    code = "ra.sms_number_unknown"
    message = N_("短信平台说没有这个号码。请向单位核实号码后电话通知。")


class GatewayRefused(GatewayError):
    """The gateway refuses the message for good: its words, our account."""

    code = "ra.sms_gateway_refused"
    message = N_("短信平台拒绝了消息（{reason}）。请联系平台，并电话通知经办人。")
