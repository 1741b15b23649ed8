"""What a token refuses, and what to do about it.

No error carries a PIN, a key or anything derived from one.
"""

from banyan.kernel.errors import N_, BanyanError


class TokenError(BanyanError):
    """Base of everything a token refuses; ``fields["sar"]`` is the library's return code where one was the reason."""

    code = "token.error"


class TokenMissing(TokenError):
    code = "token.missing"
    message = N_("没有找到介质 {serial}。请插好介质，核对介质编号后重试。")


class TokenRefused(TokenError):
    """A return code that has no better name."""

    code = "token.refused"
    message = N_("介质没有完成操作（{sar}）。请重新插入介质再试；仍不行请把这个代码告诉介质厂商。")


class TokenSlow(TokenError):
    code = "token.slow"
    message = N_("介质在 {seconds} 秒内没有应答。请等它完成，或重新插入介质再试。")


class TokenBusy(TokenError):
    code = "token.busy"
    message = N_("介质正被别的程序使用。请关闭那个程序，稍后再试。")


class TokenFull(TokenError):
    code = "token.full"
    message = N_("介质已满或磁盘已满（{sar}），没有写入。请清理不用的容器，或换一枚介质。")


class TokenUnable(TokenError):
    code = "token.unable"
    message = N_("这种介质没有此项功能。请改用别的办法，或向厂商索取新的驱动。")


class TokenNotPrepared(TokenError):
    code = "token.not_prepared"
    message = N_("介质 {serial} 还没有初始化。请先在签发点初始化。")


class TokenOutdated(TokenError):
    """A directory of version 0.1 that cannot be converted; it stays as it was."""

    code = "token.outdated"
    message = N_("介质 {serial} 是旧版本的，不能转换（{reason}），没有改动。请按补办处理。")


class TokenExists(TokenError):
    code = "token.exists"
    message = N_("介质 {serial} 已经存在，没有改动。请换一个编号，或先清退原介质。")


class TokenSerialMalformed(TokenError):
    code = "token.serial_malformed"
    message = N_("介质编号只能用字母、数字和连字符，1 至 32 位。")


class TokenTampered(TokenError):
    """The stored state does not open under the machine's secret: edited, truncated, or from another
    machine.
    """

    code = "token.tampered"
    message = N_("介质 {serial} 的数据被改动，或不属于本机，已拒绝使用。请停用该介质并按补办处理。")


class TokenNotWritten(TokenError):
    """The new state could not be made durable; the previous state is whole and in force."""

    code = "token.not_written"
    message = N_("介质数据没有写成（{sar}），原有数据完好，本次操作没有生效。请检查磁盘空间和权限后重试。")


class MachineSecretMissing(TokenError):
    code = "token.machine_secret_missing"
    message = N_("找不到介质 {serial} 所需的本机密钥文件，或文件不完整。请从备份恢复该文件；没有备份时介质须补办。")


class PinIncorrect(TokenError):
    code = "token.pin_incorrect"
    message = N_("PIN 不正确，还可以试 {left} 次。请核对后重试；忘记 PIN 请到签发点办理解锁。")


class PinLastTry(PinIncorrect):
    """One more wrong PIN locks the token."""

    message = N_("PIN 不正确，只剩最后 1 次，再错就会锁定。请先核对；没有把握请到签发点办理解锁。")


class PinLocked(TokenError):
    code = "token.pin_locked"
    message = N_("PIN 已锁定。证书和密钥没有受影响，请到签发点或在线办理解锁。")


class AdminPinIncorrect(TokenError):
    code = "token.admin_pin_incorrect"
    message = N_("管理员 PIN 或解锁响应不正确，还可以试 {left} 次。请核对介质编号后重新生成。")


class AdminPinLocked(TokenError):
    code = "token.admin_pin_locked"
    message = N_("管理员 PIN 已锁定，介质不能再解锁。请办理补办。")


class PinMalformed(TokenError):
    code = "token.pin_malformed"
    message = N_("PIN 须为 {shortest} 至 {longest} 位字母、数字或符号，不含空格。请重新输入，本次不计次数。")


class PinTooSimple(TokenError):
    code = "token.pin_too_simple"
    message = N_("新 PIN 太简单或与原 PIN 相同。请换一个不重复、不连续的 PIN。")


class PinChangeRequired(TokenError):
    code = "token.pin_change_required"
    message = N_("首次使用须先修改 PIN。请修改后再签名或解密。")


class NotLoggedIn(TokenError):
    code = "token.not_logged_in"
    message = N_("还没有验证 PIN。请先输入 PIN。")


class ChallengeMalformed(TokenError):
    code = "token.challenge_malformed"
    message = N_("解锁挑战码或响应码不完整。请重新复制全部内容，本次不计次数。")


class ChallengeMismatch(TokenError):
    code = "token.challenge_mismatch"
    message = N_("响应码不是对介质 {serial} 当前挑战码的回答。请用最新的挑战码重新申请解锁。")


class ContainerMissing(TokenError):
    code = "token.container_missing"
    message = N_("介质里没有容器 {container}。请核对容器名。")


class ContainerOccupied(TokenError):
    """The container already holds a key of this use; keys are never overwritten."""

    code = "token.container_occupied"
    message = N_("容器 {container} 里已有密钥，没有覆盖。请使用新的容器。")


class ContainerNameMalformed(TokenError):
    code = "token.container_name_malformed"
    message = N_("容器名须为 1 至 64 位字母、数字、点、下划线或连字符。")


class NonceMalformed(TokenError):
    """What should be signed as a proof is not a nonce of the platform."""

    code = "token.nonce_malformed"
    message = N_("要介质证明的不是平台给出的随机数，没有签名。重新开始制证。")


class KeyMissing(TokenError):
    code = "token.key_missing"
    message = N_("容器 {container} 里没有所需的密钥。请先生成签名密钥或导入加密密钥。")


class EnvelopeRefused(TokenError):
    code = "token.envelope_refused"
    message = N_("加密密钥信封打不开，或内容不一致，没有导入。请核对信封是否发给本介质的签名密钥。")


class CertificateMismatch(TokenError):
    code = "token.certificate_mismatch"
    message = N_("证书里的公钥与容器 {container} 的密钥不一致，没有导入。请核对证书与介质。")


class CiphertextRefused(TokenError):
    code = "token.ciphertext_refused"
    message = N_("密文打不开。它可能是用别的证书加密的，请核对加密时选的证书。")


class AgentRefused(TokenError):
    """The token agent's own refusal; ``agent`` is its code (docs/token-agent.md), ``said`` its sentence."""

    code = "token.agent_refused"
    message = N_("{said}（{agent}）")


class PinRefused(TokenError):
    """The agent's window said what is wrong with the PIN, and nobody was there to name another."""

    code = "token.pin_refused"
    message = N_("{said}")


class AgentCancelled(TokenError):
    """The PIN window was closed or stayed open too long; ``fields["left"]`` are the tries left, where they were asked for."""

    code = "token.agent_cancelled"
    message = N_("口令窗口已关闭，没有办理。需要时请重新发起。")


class AgentGone(TokenError):
    """The agent does not answer, or ended in the middle: what was under way may have been done or not."""

    code = "token.agent_gone"
    message = N_("介质助手没有应答（日志：{log}）。请重新发起；写到一半的介质会接着写完。")
