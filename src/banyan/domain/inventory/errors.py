"""What can be wrong with a token or with what is to be done to it."""

from banyan.kernel.errors import N_, BanyanError


class InventoryError(BanyanError):
    """Base of this package's errors."""

    code = "inventory.error"
    message = N_("介质操作没有完成。请核对介质状态后重试。")


class TokenNotFound(InventoryError):
    code = "inventory.token_not_found"
    message = N_("没有找到介质 {token}，或它不在您的管辖范围内。请核对介质编号。")


class TransitionRefused(InventoryError):
    """The token's state does not lead there; ``now`` and ``wanted`` are state and verb as people read them."""

    audited_refusal = True
    code = "inventory.transition_refused"
    message = N_("介质 {token} 现为“{state}”，不能{verb}。请核对介质编号和办理步骤。")


class SerialInvalid(InventoryError):
    code = "inventory.serial_invalid"
    message = N_("介质编号“{serial}”不对。请填写 4 至 64 位字母、数字、点、横线或下划线。")


class SerialTaken(InventoryError):
    code = "inventory.serial_taken"
    message = N_("介质编号 {serial} 已经登记过。请核对编号；同一介质不必再次入库。")


class UnknownMedium(InventoryError):
    code = "inventory.unknown_medium"
    message = N_("介质种类 {medium} 没有登记或已停用。请先登记介质种类。")


class MediumTaken(InventoryError):
    code = "inventory.medium_taken"
    message = N_("介质种类代码 {medium} 已被使用。请换一个代码。")


class AdminPinUnknown(InventoryError):
    code = "inventory.admin_pin_unknown"
    message = N_("平台没有介质 {token} 的管理员口令，不能远程解锁。请办理补办，或由原发放单位解锁。")


class InitialPinUnknown(InventoryError):
    code = "inventory.initial_pin_unknown"
    message = N_("平台没有介质 {token} 的初始口令（已交付，或由别处初始化）。请由持有人在介质助手的窗口里输入口令。")


class AlreadyInitialised(InventoryError):
    code = "inventory.already_initialised"
    message = N_("介质 {token} 已经初始化过，管理员口令在案，没有改动。空白介质请换一个编号登记。")


class AgentUnknown(InventoryError):
    """No registered agent of this key in sight, or it was taken off the list."""

    audited_refusal = True
    code = "inventory.agent_unknown"
    message = N_("这台机器的介质助手（密钥 {key_id}）没有登记或已停用。请系统管理员先登记，再重试。")


class AgentKeyInvalid(InventoryError):
    code = "inventory.agent_key_invalid"
    message = N_("介质助手的公钥不是 SM2 公钥。请从介质助手重新取得。")


class ContainerTaken(InventoryError):
    code = "inventory.container_taken"
    message = N_("介质 {token} 的容器 {container} 已有证书。请换一个容器。")


class IssuanceAlreadyAssigned(InventoryError):
    code = "inventory.issuance_already_assigned"
    message = N_("签发任务 {issuance} 已有制证任务，内容不同。请查看原任务。")


class TaskNotFound(InventoryError):
    code = "inventory.task_not_found"
    message = N_("没有找到制证任务 {task}，或它不在您的管辖范围内。请核对编号。")


class TaskStateRefused(InventoryError):
    code = "inventory.task_state_refused"
    message = N_("制证任务 {task} 现为“{state}”，不能{verb}。请刷新后核对。")


class TaskChanged(InventoryError):
    """Somebody else wrote the task in between."""

    code = "inventory.task_changed"
    message = N_("制证任务 {task} 刚被他人更新过。请刷新后重试。")


class TokenBusy(InventoryError):
    code = "inventory.token_busy"
    message = N_("介质 {token} 还有 {count} 个未完成的制证任务。请先完成或作废这些任务。")


class ReasonMissing(InventoryError):
    code = "inventory.reason_missing"
    message = N_("请填写原因。")
