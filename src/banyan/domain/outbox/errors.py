"""What can go wrong with messages to the outside."""

from banyan.kernel.errors import N_, BanyanError


class OutboxError(BanyanError):
    """Base of this package's errors."""

    code = "outbox.error"
    message = N_("待发消息不能处理。")


class NoTransaction(OutboxError):
    """A message was to be written outside a transaction. A defect of the calling code."""

    code = "outbox.no_transaction"
    message = N_("待发消息必须与业务在同一事务中写入。")


class MessageNotFound(OutboxError):
    """No message has this number."""

    code = "outbox.message_not_found"
    message = N_("没有编号为 {id} 的消息。用 banyan outbox dead 查看死信。")


class NotResendable(OutboxError):
    """Only a dead letter can be sent again."""

    code = "outbox.not_resendable"
    message = N_("消息 {id} 的状态是 {state}，只有死信可以重发。")


class ContentDiffers(OutboxError):
    """An idempotency key came again with other content."""

    code = "outbox.content_differs"
    message = N_("重复标识 {key} 已用于另一份内容。请核对后换一个标识重新提交。")
    audited_refusal = True


class DeliveryRefused(OutboxError):
    """The receiving side refused for good; no retry helps. Deliverers raise it."""

    code = "outbox.delivery_refused"
    message = N_("接收方拒绝了消息：{reason}。请处理后在死信列表中重发。")
