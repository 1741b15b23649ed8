"""Why a key-holding process refuses. Codes are stable; the domain audits every refusal by its code."""

from banyan.kernel.errors import N_, BanyanError


class SignerError(BanyanError):
    """Base of the errors of the key-holding processes."""

    code = "signer.error"


class BatchTooLarge(SignerError):
    """More intents in one call than a batch may hold."""

    code = "signer.batch_too_large"
    message = N_("一次最多提交 {limit} 份签发意图，收到 {count} 份。请分批提交。")


class UnknownAuthority(SignerError):
    """No key of this CA is kept here."""

    code = "signer.unknown_authority"
    message = N_("签名进程没有名为 {ca} 的 CA 密钥。请核对 CA 代码，或先举行密钥仪式。")


class JournalDamaged(SignerError):
    """The chain of the journal is broken: somebody edited, removed or replaced an entry."""

    code = "signer.journal_damaged"
    message = N_("签发日志第 {block} 块与链不符（{reason}）。请停止签发，保全现场并从备份核对。")


class StoreInUse(SignerError):
    """Another process of the same kind holds this store."""

    code = "signer.store_in_use"
    message = N_("{path} 正被另一进程使用。一个安装只能运行一个签名进程和一个密钥管理进程。")


class DatabaseUnavailable(SignerError):
    """The domain's database does not answer; the work stays queued."""

    code = "signer.database_unavailable"
    message = N_("数据库暂时无法读取，本批没有处理。数据库恢复后会自动重试。")


class NotACheckpoint(SignerError):
    """Something else than an audit checkpoint was handed in to be signed by the audit key."""

    code = "signer.not_a_checkpoint"
    message = N_("审计密钥只签署审计检查点，已拒绝。")


class NumberReturns(SignerError):
    """A CRL number that was used before, for other content."""

    code = "signer.crl_number_returns"
    message = N_("CA {ca} 的 CRL 编号 {number} 不大于已签发的 {last}。请从 {last} 之后取号。")


class SelfCheckFailed(SignerError):
    """A signature of ours does not verify: nothing of the batch leaves."""

    code = "signer.self_check_failed"
    message = N_("CA {ca} 的签名自检失败，本批没有签发。请停止签名进程，检查密钥、引擎与硬件。")


class RecoveryRefused(SignerError):
    """A key recovery that lacks what it needs."""

    code = "kmc.recovery_refused"
    message = N_("密钥恢复 {recovery} 被拒绝：{reason}。请重新办理双人审批。")


class KeyNotEscrowed(SignerError):
    """The key-management centre keeps no encryption key for this issuance."""

    code = "kmc.not_escrowed"
    message = N_("密钥管理中心没有签发 {issuance} 的加密密钥。")


class WrappedKeyDamaged(SignerError):
    """A kept private key does not open."""

    code = "kmc.key_damaged"
    message = N_("密钥管理中心的密钥 {key} 打不开：被改动过，或密钥加密密钥不是当时那一个。请从备份恢复。")
